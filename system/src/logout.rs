//! Whether files in memory are removed when their user logs out.
//!
//! With the last session of a user who does not linger, systemd's logind removes the login's own directory. It
//! also removes the user's files in /dev/shm if `RemoveIPC` is on, which is the default (logind.conf(5)).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The first id of a user who is a person (login.defs(5)).
const FIRST_USER: u32 = 1000;

/// Whether our files in this directory are removed with our last session.
#[must_use]
pub fn removes(directory: &Path) -> bool {
    let uid = rustix::process::geteuid().as_raw();
    removes_under(Path::new("/"), uid, user().as_deref(), directory)
}

/// The name of our user, as the login gave it.
#[must_use]
pub fn user() -> Option<OsString> {
    let names = ["USER", "LOGNAME"].into_iter();
    names.filter_map(std::env::var_os).find(|user| !user.is_empty())
}

/// The same for a user, where the system's files are below `root`.
#[must_use]
pub fn removes_under(root: &Path, uid: u32, user: Option<&OsStr>, directory: &Path) -> bool {
    // logind leaves system users alone, and users that it did not log in.
    let is_known = root.join(format!("run/systemd/users/{uid}")).exists();
    let lingers = user.is_some_and(|user| root.join("var/lib/systemd/linger").join(user).exists());
    if uid < FIRST_USER || !is_known || lingers {
        return false;
    }
    !directory.starts_with("/dev/shm") || removes_ipc(root)
}

/// Whether logind removes what a user has in /dev/shm.
fn removes_ipc(root: &Path) -> bool {
    let texts = settings(root).into_iter().filter_map(|file| fs::read_to_string(file).ok());
    texts.rev().find_map(|text| says_remove_ipc(&text)).unwrap_or(true)
}

/// The files of logind's settings, the ones that count more last: the main one, then the others by name.
fn settings(root: &Path) -> Vec<PathBuf> {
    const DIRECTORIES: [&str; 4] =
        ["usr/lib/systemd", "usr/local/lib/systemd", "run/systemd", "etc/systemd"];
    let directories = DIRECTORIES.map(|directory| root.join(directory));
    let mains = directories.iter().map(|directory| directory.join("logind.conf"));
    let main = mains.rev().find(|main| main.exists());
    let others = directories
        .iter()
        .filter_map(|directory| fs::read_dir(directory.join("logind.conf.d")).ok());
    let mut others: Vec<_> = others.flatten().flatten().map(|other| other.path()).collect();
    others.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    main.into_iter().chain(others).collect()
}

/// The last value in one file; `None` if it has none.
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
        let root = tempfile::tempdir().expect("a directory");
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
        assert!(removes(1000, "/run/user/1000"), "another user lingers");
        write("var/lib/systemd/linger/ada", "");
        assert!(!removes(1000, "/run/user/1000"));
    }
}
