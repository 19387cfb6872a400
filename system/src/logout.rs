//! What becomes of files in memory when their user logs out.
//!
//! systemd's logind removes the login's own folder with the last session of a user who does not
//! linger, and what the user has in /dev/shm where `RemoveIPC` is on, as it is by default
//! (logind.conf(5)).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The first id of a user who is a person (login.defs(5)).
const FIRST_USER: u32 = 1000;

/// Whether what we have in this folder is removed when we log out for the last time.
#[must_use]
pub fn removes(folder: &Path) -> bool {
    let uid = rustix::process::geteuid().as_raw();
    removes_under(Path::new("/"), uid, user().as_deref(), folder)
}

/// The name of our user, as the login gave it.
#[must_use]
pub fn user() -> Option<OsString> {
    let names = ["USER", "LOGNAME"].into_iter();
    names.filter_map(std::env::var_os).find(|user| !user.is_empty())
}

/// The same for a user, where the system's files are below `root`.
#[must_use]
pub fn removes_under(root: &Path, uid: u32, user: Option<&OsStr>, folder: &Path) -> bool {
    // logind leaves system users alone, and who is not logged in by it.
    let is_known = root.join(format!("run/systemd/users/{uid}")).exists();
    let lingers = user.is_some_and(|user| root.join("var/lib/systemd/linger").join(user).exists());
    if uid < FIRST_USER || !is_known || lingers {
        return false;
    }
    !folder.starts_with("/dev/shm") || removes_ipc(root)
}

/// Whether logind removes what a user has in /dev/shm.
fn removes_ipc(root: &Path) -> bool {
    let texts = settings(root).into_iter().filter_map(|file| fs::read_to_string(file).ok());
    texts.rev().find_map(|text| says_remove_ipc(&text)).unwrap_or(true)
}

/// The files of logind's settings, those that count more last: the main one, and then the others by
/// their names, wherever they are.
fn settings(root: &Path) -> Vec<PathBuf> {
    const FOLDERS: [&str; 4] =
        ["usr/lib/systemd", "usr/local/lib/systemd", "run/systemd", "etc/systemd"];
    let folders = FOLDERS.map(|folder| root.join(folder));
    let mains = folders.iter().map(|folder| folder.join("logind.conf"));
    let main = mains.rev().find(|main| main.exists());
    let others =
        folders.iter().filter_map(|folder| fs::read_dir(folder.join("logind.conf.d")).ok());
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
    use std::ffi::OsStr;
    use std::fs;
    use std::path::Path;

    use super::{removes_under, says_remove_ipc};

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

    #[test]
    fn what_a_user_has_is_removed_unless_the_user_lingers_or_a_setting_keeps_it() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        let removes = |uid: u32, folder: &str| {
            removes_under(root.path(), uid, Some(OsStr::new("ada")), Path::new(folder))
        };
        assert!(!removes(1000, "/dev/shm"), "nothing of logind is there");
        write("run/systemd/users/1000", "");
        write("run/systemd/users/999", "");
        assert!(removes(1000, "/dev/shm/x") && removes(1000, "/run/user/1000"));
        assert!(!removes(999, "/dev/shm") && !removes(1001, "/dev/shm"));
        write("usr/lib/systemd/logind.conf", "[Login]\nRemoveIPC=yes\n");
        write("etc/systemd/logind.conf.d/50-ipc.conf", "[Login]\nRemoveIPC=no\n");
        assert!(!removes(1000, "/dev/shm") && removes(1000, "/run/user/1000"));
        write("var/lib/systemd/linger/bob", "");
        assert!(removes(1000, "/run/user/1000"), "it is somebody else who lingers");
        write("var/lib/systemd/linger/ada", "");
        assert!(!removes(1000, "/run/user/1000"));
    }
}
