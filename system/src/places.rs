//! Where the daemon's socket is, and folders that are nobody else's.
//!
//! Every program computes the socket's path by [`State::from_environment`], so a login shell, cron,
//! ssh and sudo find the same daemon. Nothing depends on `XDG_RUNTIME_DIR` or `TMPDIR`.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

use crate::shell;

/// Puts configuration, data and state under one folder, for tests and for a second vault.
pub const HOME_VARIABLE: &str = "FLUVIO_SECRET_HOME";

/// The longest path of a socket: `sun_path` has 108 bytes and a final NUL (unix(7)).
const SOCKET_PATH_BYTES: usize = 107;

/// The folder of what is neither configuration nor data: the socket, the logs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct State {
    folder: PathBuf,
}

impl State {
    /// `$FLUVIO_SECRET_HOME/state`, else `$XDG_STATE_HOME/fluvio-secret`, else
    /// `$HOME/.local/state/fluvio-secret`.
    ///
    /// # Errors
    ///
    /// [`PlaceError::NotAbsolute`], [`PlaceError::NoHome`], and [`PlaceError::LongSocket`].
    pub fn from_environment() -> Result<Self, PlaceError> {
        Self::from_variables(|name| env::var_os(name))
    }

    /// The state of `FLUVIO_SECRET_HOME=home`, whatever the environment says.
    ///
    /// # Errors
    ///
    /// [`PlaceError::LongSocket`].
    pub fn under(home: &Path) -> Result<Self, PlaceError> {
        Self { folder: home.join("state") }.checked()
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, PlaceError> {
        let folder = if let Some(home) = absolute(HOME_VARIABLE, &variable)? {
            return Self::under(&home);
        } else if let Some(state) = absolute("XDG_STATE_HOME", &variable)? {
            state.join("fluvio-secret")
        } else if let Some(home) = absolute("HOME", &variable)? {
            home.join(".local/state/fluvio-secret")
        } else {
            return Err(PlaceError::NoHome);
        };
        Self { folder }.checked()
    }

    fn checked(self) -> Result<Self, PlaceError> {
        let path = self.socket();
        match path.as_os_str().len() {
            length if length > SOCKET_PATH_BYTES => Err(PlaceError::LongSocket { path, length }),
            _ => Ok(self),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the socket and the locks of starting.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// The daemon's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("run/daemon.sock")
    }

    /// Held by the daemon that owns the socket, for its life.
    #[must_use]
    pub fn socket_lock(&self) -> PathBuf {
        self.folder.join("run/daemon.lock")
    }

    /// Held by a program while it starts a daemon.
    #[must_use]
    pub fn start_lock(&self) -> PathBuf {
        self.folder.join("run/start.lock")
    }

    /// Held by a program while it asks for the passphrase.
    #[must_use]
    pub fn unlock_lock(&self) -> PathBuf {
        self.folder.join("run/unlock.lock")
    }

    /// The audit log: [`crate::audit::Line`]s of JSON. A full one is beside it, with `.1` at its end.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    /// Makes the folders that are not there and checks those that are.
    ///
    /// # Errors
    ///
    /// Those of [`private_folder`].
    pub fn prepare(&self) -> Result<(), PlaceError> {
        private_folder(&self.folder)?;
        private_folder(&self.run())
    }
}

/// The folder that a variable names; `None` when it is unset or empty.
///
/// # Errors
///
/// [`PlaceError::NotAbsolute`]: a relative path would be another folder in every shell.
pub fn absolute(
    name: &'static str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<PathBuf>, PlaceError> {
    match variable(name).filter(|value| !value.is_empty()).map(PathBuf::from) {
        Some(path) if !path.is_absolute() => Err(PlaceError::NotAbsolute { variable: name }),
        path => Ok(path),
    }
}

/// Makes a folder that is only ours (mode 0700), or checks that an existing one is.
///
/// # Errors
///
/// [`PlaceError::Foreign`] when it, or the folder that it would be made in, belongs to somebody
/// else (sudo that keeps `HOME`, a folder in /tmp that another user made first),
/// [`PlaceError::Wide`] when others may enter it, [`PlaceError::Io`] when it cannot be made.
pub fn private_folder(path: &Path) -> Result<(), PlaceError> {
    let failed = |source| PlaceError::Io { path: path.to_owned(), source };
    let ours = rustix::process::geteuid().as_raw();
    for ancestor in path.ancestors() {
        match fs::metadata(ancestor) {
            Ok(found) if found.uid() == ours || (found.uid() == 0 && ancestor != path) => break,
            Ok(found) => {
                let (path, owner) = (ancestor.to_owned(), found.uid());
                return Err(PlaceError::Foreign { path, owner, ours });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let missing: Vec<_> = path.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        // "File exists" would be no cause that helps.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_other = fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir());
            // A directory was there, and another process removed it before we looked.
            let gone = io::ErrorKind::NotFound;
            let kind = if is_other { io::ErrorKind::NotADirectory } else { gone };
            return Err(failed(kind.into()));
        }
        made => made.map_err(failed)?,
    }
    // What is kept in a folder is durable only when the folder's own name is.
    for parent in missing.iter().filter_map(|made| made.parent()) {
        fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
    }
    let found = fs::metadata(path).map_err(failed)?;
    let mode = found.mode() & 0o777;
    if found.uid() != ours {
        Err(PlaceError::Foreign { path: path.to_owned(), owner: found.uid(), ours })
    } else if mode & 0o077 != 0 {
        Err(PlaceError::Wide { path: path.to_owned(), mode, mend: 0o700 })
    } else {
        Ok(())
    }
}

/// Why a place cannot be used.
#[derive(Debug)]
pub enum PlaceError {
    /// It belongs to another user.
    Foreign {
        /// The folder or file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        ours: u32,
    },
    /// It cannot be made or looked at.
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The socket's path is longer than the system allows.
    LongSocket {
        /// The socket.
        path: PathBuf,
        /// Its bytes.
        length: usize,
    },
    /// No variable says where the home folder is.
    NoHome,
    /// A variable holds a relative path.
    NotAbsolute {
        /// Which.
        variable: &'static str,
    },
    /// Others may read or enter it.
    Wide {
        /// The folder or file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode that it should have.
        mend: u32,
    },
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // As after a command that was given with sudo.
            Self::Foreign { path, owner: 0, ours } => write!(
                f,
                "{} belongs to root, not to uid {ours}; if it is in your own home, have it given back to you: sudo chown -R {ours} {}",
                path.display(),
                shell::quoted(&path.display().to_string())
            ),
            Self::Foreign { path, owner, ours } => write!(
                f,
                "{} belongs to uid {owner}, not to uid {ours}; set HOME, or {HOME_VARIABLE}, to a folder of uid {ours}",
                path.display()
            ),
            Self::Io { path, source } => {
                write!(
                    f,
                    "cannot use {}: {source}; mend that, or set {HOME_VARIABLE} to another folder",
                    path.display()
                )
            }
            Self::LongSocket { path, length } => write!(
                f,
                "the socket's path {} has {length} bytes and may have {SOCKET_PATH_BYTES}; set {HOME_VARIABLE} to a shorter one",
                path.display()
            ),
            Self::NoHome => write!(f, "HOME is not set; set it, or {HOME_VARIABLE}"),
            Self::NotAbsolute { variable: "HOME" } => {
                f.write_str("HOME is not an absolute path; set it to one")
            }
            Self::NotAbsolute { variable } => {
                write!(f, "{variable} is not an absolute path; set it to one, or unset it")
            }
            Self::Wide { path, mode, mend } => write!(
                f,
                "others may use {} (mode {mode:04o}); mend it with: chmod {mend:04o} {}",
                path.display(),
                shell::quoted(&path.display().to_string())
            ),
        }
    }
}

impl std::error::Error for PlaceError {}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    use super::{PlaceError, State, private_folder};

    fn state(variables: &[(&str, &str)]) -> Result<State, PlaceError> {
        State::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn b9_the_socket_follows_three_variables_and_no_other() {
        let at = |variables: &[(&str, &str)]| state(variables).expect("a place").socket();
        assert_eq!(
            at(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/user/1"), ("TMPDIR", "/t")]),
            Path::new("/h/.local/state/fluvio-secret/run/daemon.sock")
        );
        assert_eq!(
            at(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]),
            Path::new("/s/fluvio-secret/run/daemon.sock")
        );
        assert_eq!(
            at(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s"), ("FLUVIO_SECRET_HOME", "/f")]),
            Path::new("/f/state/run/daemon.sock")
        );
        assert_eq!(
            at(&[("HOME", "/h"), ("XDG_STATE_HOME", "")]),
            Path::new("/h/.local/state/fluvio-secret/run/daemon.sock"),
            "an empty variable counts as unset (XDG base directory specification)"
        );
    }

    #[test]
    fn b9_a_relative_or_missing_home_is_refused() {
        assert!(matches!(state(&[]), Err(PlaceError::NoHome)));
        for variable in ["HOME", "XDG_STATE_HOME", "FLUVIO_SECRET_HOME"] {
            assert!(matches!(
                state(&[(variable, "here")]),
                Err(PlaceError::NotAbsolute { variable: found }) if found == variable
            ));
        }
    }

    #[test]
    fn b10_a_socket_path_has_at_most_107_bytes() {
        let home = |bytes: usize| format!("/{}", "x".repeat(bytes - 1));
        let tail = "/state/run/daemon.sock".len();
        let longest = home(107 - tail);
        assert_eq!(
            state(&[("FLUVIO_SECRET_HOME", &longest)])
                .expect("107 bytes")
                .socket()
                .as_os_str()
                .len(),
            107
        );
        let error = state(&[("FLUVIO_SECRET_HOME", &home(108 - tail))]).expect_err("108 bytes");
        assert!(matches!(error, PlaceError::LongSocket { length: 108, .. }), "{error}");
        assert!(error.to_string().contains("108 bytes"), "{error}");
    }

    #[test]
    fn a_private_folder_is_made_private_and_a_wide_one_refused() {
        let base = tempfile::tempdir().expect("a folder");
        let folder = base.path().join("a/b");
        private_folder(&folder).expect("a new folder");
        assert_eq!(fs::metadata(&folder).expect("it is there").mode() & 0o777, 0o700);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).expect("chmod");
        let error = private_folder(&folder).expect_err("a wide folder");
        assert!(error.to_string().contains("chmod 0700"), "{error}");
        let file = base.path().join("file");
        fs::write(&file, "").expect("a file");
        assert!(matches!(private_folder(&file), Err(PlaceError::Io { .. })));
    }
}
