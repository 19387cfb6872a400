//! Why a socket may not be opened, although a daemon may well serve there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use rustix::fs::{Access, access};

use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::places::HOME_VARIABLE;
use fluvio_secret_system::shell;

/// A socket that may not be opened.
#[derive(Debug)]
pub struct Denied {
    socket: PathBuf,
    ours: u32,
    /// What keeps us out; `None` if neither the directories nor the socket do.
    obstacle: Option<Obstacle>,
    source: io::Error,
}

/// A directory that may not be entered, or the socket itself.
#[derive(Debug)]
struct Obstacle {
    path: PathBuf,
    owner: u32,
    mode: u32,
    /// The permission that its owner lacks.
    needed: &'static str,
}

impl Denied {
    /// Finds the cause of an error of connect(2).
    pub(super) fn new(socket: PathBuf, source: io::Error) -> Self {
        let ours = rustix::process::geteuid().as_raw();
        let obstacle = obstacle(&socket);
        Self { socket, ours, obstacle, source }
    }
}

/// The first of the directories above a socket that may not be entered, or the socket if it may not be
/// written to.
fn obstacle(socket: &Path) -> Option<Obstacle> {
    let directories: Vec<_> = socket.ancestors().skip(1).collect();
    let directories = directories.into_iter().rev().map(|path| (path, Access::EXEC_OK, "u+x"));
    let all = directories.chain([(socket, Access::WRITE_OK, "u+w")]);
    let (path, _, needed) =
        all.into_iter().find(|(path, needed, _)| access(*path, *needed).is_err())?;
    let found = fs::metadata(path).ok()?;
    let (owner, mode) = (found.uid(), found.mode() & 0o7777);
    Some(Obstacle { path: path.to_owned(), owner, mode, needed })
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { socket, ours, obstacle, source } = self;
        write!(f, "cannot open the daemon's socket {}: ", socket.display())?;
        let Some(Obstacle { path, owner, mode, .. }) = obstacle else {
            return write!(f, "{source}, although its permissions allow it");
        };
        write!(f, "{} has mode {mode:04o} and belongs to uid {owner}, ", path.display())?;
        if owner == ours {
            f.write_str("which is you")
        } else {
            write!(f, "and you are uid {ours}")
        }
    }
}

impl std::error::Error for Denied {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Helpful for Denied {
    fn help(&self) -> Option<Help> {
        let Some(Obstacle { path, owner, needed, .. }) = &self.obstacle else {
            return Some(Help::advice("allow it in SELinux, AppArmor or the sandbox"));
        };
        if *owner == self.ours {
            let path = shell::quoted(&path.display().to_string());
            return Some(Help::command("fix that with", format!("chmod {needed} {path}")));
        }
        Some(Help::advice(format!(
            "run this as uid {owner}, or set HOME or {HOME_VARIABLE} to your own directory"
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::{Path, PathBuf};

    use fluvio_secret_system::help::Helpful;

    use super::{Denied, Obstacle};

    fn report(ours: u32, obstacle: Option<(&str, u32, u32, &'static str)>) -> String {
        let obstacle = obstacle.map(|(path, owner, mode, needed)| Obstacle {
            path: PathBuf::from(path),
            owner,
            mode,
            needed,
        });
        let source = io::ErrorKind::PermissionDenied.into();
        Denied { socket: "/s/run/daemon.sock".into(), ours, obstacle, source }.report()
    }

    #[test]
    fn b15_the_cause_and_the_next_step_are_named() {
        let own = report(7, Some(("/s/run", 7, 0o600, "u+x")));
        assert!(own.contains("/s/run has mode 0600"), "{own}");
        assert!(own.ends_with("\nhelp: fix that with: chmod u+x '/s/run'"), "{own}");
        let socket = report(7, Some(("/s/run/daemon.sock", 7, 0o400, "u+w")));
        assert!(socket.ends_with("with: chmod u+w '/s/run/daemon.sock'"), "{socket}");
        let other = report(7, Some(("/home/ada", 8, 0o700, "u+x")));
        assert!(other.contains("belongs to uid 8, and you are uid 7"), "{other}");
        assert!(other.contains("FLUVIO_SECRET_HOME") && !other.contains("chmod"), "{other}");
        let none = report(7, None);
        assert!(none.contains("permission denied") && none.contains("SELinux"), "{none}");
        for text in [own, socket, other, none] {
            assert!(!text.contains("no daemon") && !text.contains("start"), "{text}");
        }
    }

    #[test]
    fn b15_nothing_is_in_the_way_where_all_may_be_entered() {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("daemon.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        assert!(super::obstacle(&socket).is_none());
        assert!(super::obstacle(Path::new("/")).is_none() || !rustix::process::geteuid().is_root());
    }
}
