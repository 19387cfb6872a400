//! What becomes of a lease when its user logs out.
//!
//! systemd's logind removes the login's own folder with the last session of a user who does not
//! linger, and what the user has in /dev/shm where `RemoveIPC` is on, as it is by default
//! (logind.conf(5)).

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::places::State;

use crate::say;

/// Says once that a lease would not outlive the login, where it would not.
pub(super) fn warn(lease: &Path, state: &State) {
    let uid = rustix::process::geteuid().as_raw();
    // logind leaves system users alone, and who is not logged in by it.
    if uid < FIRST_USER || !Path::new(&format!("/run/systemd/users/{uid}")).exists() || lingers() {
        return;
    }
    if lease.starts_with("/dev/shm") && !removes_ipc() {
        return;
    }
    let told = state.folder().join("told-about-logging-out");
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(told);
    // That it cannot be remembered is no reason to be silent.
    if !made.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists) {
        say(WARNING);
    }
}

const WARNING: &str = "warning: when you log out, the secrets of connectors that go on running are removed; \
                       to keep them: loginctl enable-linger (this is said once)";

/// The first id of a user who is a person (login.defs(5)).
const FIRST_USER: u32 = 1000;

/// Whether the user's services go on after the last logout.
fn lingers() -> bool {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var_os(name).filter(|user| !user.is_empty()));
    user.is_some_and(|user| Path::new("/var/lib/systemd/linger").join(user).exists())
}

/// Whether logind removes what a user has in /dev/shm.
fn removes_ipc() -> bool {
    let texts = settings().into_iter().filter_map(|file| fs::read_to_string(file).ok());
    texts.rev().find_map(|text| says_remove_ipc(&text)).unwrap_or(true)
}

/// The files of logind's settings, those that count more last: the main one, and then the others by
/// their names, wherever they are.
fn settings() -> Vec<PathBuf> {
    const FOLDERS: [&str; 4] =
        ["/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd"];
    let mains = FOLDERS.map(|folder| Path::new(folder).join("logind.conf"));
    let main = mains.into_iter().rev().find(|main| main.exists());
    let others = FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(Path::new(folder).join("logind.conf.d")).ok());
    let mut others: Vec<_> = others.flatten().flatten().map(|other| other.path()).collect();
    others.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    main.into_iter().chain(others).collect()
}

/// What one file says last; `None` when it says nothing.
fn says_remove_ipc(settings: &str) -> Option<bool> {
    let last = settings.lines().rev().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "RemoveIPC").then(|| value.trim().to_ascii_lowercase())
    })?;
    Some(!matches!(&*last, "0" | "f" | "false" | "n" | "no" | "off"))
}

#[cfg(test)]
mod tests {
    use super::says_remove_ipc;

    #[test]
    fn a_setting_is_read_as_systemd_reads_it() {
        for (text, said) in [
            ("", None),
            ("[Login]\n#RemoveIPC=no\n", None),
            ("[Login]\nRemoveIPC=no\n", Some(false)),
            ("[Login]\n  RemoveIPC = Off \nUserTasksMax=1\n", Some(false)),
            ("[Login]\nRemoveIPC=no\nRemoveIPC=yes\n", Some(true)),
        ] {
            assert_eq!(says_remove_ipc(text), said, "{text}");
        }
    }
}
