//! Where everything is kept.
//!
//! Each program computes the socket's path by [`StateDirectory::from_environment`], so a login shell, cron,
//! ssh and sudo find the same daemon. Nothing depends on `XDG_RUNTIME_DIR` or `TMPDIR`.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::{env, io};

use crate::help::{Help, Helpful};
use crate::keep_out_of_git::keep_out_of_git;
use crate::key_text::has_key;
use crate::path_text;
use crate::private::{self, FILE_MODE, PrivateError};

/// Puts configuration, data and state under one directory, for tests and for a second vault.
pub const HOME_VARIABLE: &str = "FLUVIO_SECRET_HOME";

/// Names the identity's file in place of the one in the directory of the configuration, for CI and containers.
pub const IDENTITY_VARIABLE: &str = "FLUVIO_SECRET_IDENTITY_FILE";

const STATE_VARIABLE: &str = "XDG_STATE_HOME";

/// The longest path of a socket: `sun_path` has 108 bytes and a final NUL (unix(7)).
const SOCKET_PATH_BYTES: usize = 107;

/// All directories and files of a user. None of them needs to exist.
#[derive(Clone, Debug)]
pub struct Places {
    /// The directory of the identity and the settings.
    pub config: PathBuf,
    /// The directory of the vault and its history.
    pub data: PathBuf,
    /// The earlier versions in each vault. They are not in the vault because others may write to that.
    pub histories: PathBuf,
    /// The key that decrypts the secrets. It is not in the vault, so you can copy the vault without it.
    /// [`StateDirectory::external_identity`] takes its place.
    pub identity: PathBuf,
    /// The directory of the link called `cdk`.
    pub programs: PathBuf,
    /// The settings of the daemon.
    pub settings: PathBuf,
    /// The directory of the socket and the logs.
    pub state: StateDirectory,
    /// The encrypted secrets.
    pub vault: PathBuf,
}

/// The directory of what is neither configuration nor data: the socket, the logs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StateDirectory {
    /// The audit log: lines of JSON. A full one is beside it, with `.1` at its end.
    pub audit_log: PathBuf,
    /// The daemon's log of its own work.
    pub daemon_log: PathBuf,
    /// The identity's file that the environment names. It is here because a client and its daemon have to agree
    /// on it, as they do on the socket.
    pub external_identity: Option<PathBuf>,
    /// Which running processes got which secrets, for messages of the next daemon.
    pub grants: PathBuf,
    /// The directory itself.
    pub path: PathBuf,
    /// The directory of the socket and the locks of starting.
    pub run: PathBuf,
    /// The daemon's socket.
    pub socket: PathBuf,
    /// Held by the daemon that owns the socket, for its life.
    pub socket_lock: PathBuf,
    /// Held by a program while it starts a daemon.
    pub start_lock: PathBuf,
    /// Held by a program while it prompts for the passphrase.
    pub unlock_lock: PathBuf,
}

impl Places {
    /// The directories of this user. Nothing is made yet.
    ///
    /// # Errors
    ///
    /// Those of [`StateDirectory::from_environment`].
    pub fn from_environment() -> Result<Self, PlaceError> {
        let variable = |name: &str| env::var_os(name);
        let state = StateDirectory::from_environment()?;
        let config = base_directory("config", "XDG_CONFIG_HOME", ".config", variable)?;
        let data = base_directory("data", "XDG_DATA_HOME", ".local/share", variable)?;
        Ok(Self::of(config, data, state))
    }

    /// The directories of `FLUVIO_SECRET_HOME=home`, whatever the environment says.
    ///
    /// # Errors
    ///
    /// [`PlaceError::LongSocket`].
    pub fn under(home: &Path) -> Result<Self, PlaceError> {
        let state = StateDirectory::under(home)?;
        Ok(Self::of(home.join("config"), home.join("data"), state))
    }

    /// The identity's file that is in use: the one that the environment names, or our own.
    #[must_use]
    pub fn identity_in_use(&self) -> &Path {
        self.state.external_identity.as_deref().unwrap_or(&self.identity)
    }

    fn of(config: PathBuf, data: PathBuf, state: StateDirectory) -> Self {
        Self {
            histories: data.join("history"),
            identity: config.join("identity.txt"),
            programs: data.join("bin"),
            settings: config.join("settings.toml"),
            vault: data.join("vault"),
            config,
            data,
            state,
        }
    }

    /// Makes the missing directories and checks that all of them are private. The vault makes its own
    /// directory.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Private`].
    pub fn prepare(&self) -> Result<(), PlaceError> {
        private::directory(&self.config)?;
        private::directory(&self.data)?;
        self.state.prepare()?;
        for directory in [&self.config, &self.state.path] {
            // If it cannot be written, `doctor` still reports that git would add a key.
            let _ = keep_out_of_git(directory);
        }
        Ok(())
    }

    /// Checks that those of the directories that exist are private. Makes nothing.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Private`].
    pub fn check(&self) -> Result<(), PlaceError> {
        for directory in [&self.config, &self.data, &self.state.path, &self.state.run] {
            if directory.exists() {
                private::directory(directory)?;
            }
        }
        Ok(())
    }
}

impl StateDirectory {
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
        Self::at(home.join("state"))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, PlaceError> {
        let state = base_directory("state", STATE_VARIABLE, ".local/state", &variable)?;
        let external_identity = absolute(IDENTITY_VARIABLE, &variable)?;
        Ok(Self { external_identity, ..Self::at(state)? })
    }

    fn at(path: PathBuf) -> Result<Self, PlaceError> {
        let run = path.join("run");
        let socket = run.join("daemon.sock");
        let length = socket.as_os_str().len();
        if length > SOCKET_PATH_BYTES {
            return Err(PlaceError::LongSocket { path: socket, length });
        }
        Ok(Self {
            audit_log: path.join("audit.log"),
            daemon_log: path.join("daemon.log"),
            external_identity: None,
            grants: path.join("grants.jsonl"),
            socket_lock: run.join("daemon.lock"),
            start_lock: run.join("start.lock"),
            unlock_lock: run.join("unlock.lock"),
            path,
            run,
            socket,
        })
    }

    /// The same as `grants`, for a registered vault, whose path has this hash.
    #[must_use]
    pub fn grants_of(&self, path: u64) -> PathBuf {
        self.path.join(format!("grants-{path:016x}.jsonl"))
    }

    /// The identity's file that the environment names, as the daemon writes it.
    #[must_use]
    pub fn expected_identity(&self) -> Option<String> {
        self.external_identity.as_deref().map(path_text::unambiguous)
    }

    /// Makes the missing directories and checks that they are private.
    ///
    /// # Errors
    ///
    /// [`PlaceError::Private`].
    pub fn prepare(&self) -> Result<(), PlaceError> {
        private::directory(&self.path)?;
        Ok(private::directory(&self.run)?)
    }

    /// Whether a subject comes up for the first time. A file remembers it.
    pub fn is_first_time(&self, subject: &str) -> bool {
        let told = self.path.join(format!("told-about-{subject}"));
        let made = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(told);
        // If it cannot be remembered, repeating is better than silence.
        !made.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
    }
}

/// The variable that moves the state directory. With the first one, the other has no effect.
#[must_use]
pub fn state_variable() -> &'static str {
    match env::var_os(HOME_VARIABLE).filter(|home| !home.is_empty()) {
        Some(_) => HOME_VARIABLE,
        None => STATE_VARIABLE,
    }
}

/// The login's own directory, which usually is in memory, if there is one.
#[must_use]
pub fn runtime_directory() -> Option<PathBuf> {
    env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The directory of one kind of files (XDG base directory specification). The password database is not asked
/// for a home: then two shells of one user could have two vaults.
fn base_directory(
    kind: &str,
    xdg: &'static str,
    below_home: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, PlaceError> {
    if let Some(home) = absolute(HOME_VARIABLE, &variable)? {
        return Ok(home.join(kind));
    }
    let base = match absolute(xdg, &variable)? {
        Some(base) => base,
        None => absolute("HOME", &variable)?.ok_or(PlaceError::NoHome)?.join(below_home),
    };
    Ok(base.join("fluvio-secret"))
}

/// The directory that a variable names; `None` if it is unset or empty. A relative path would be another
/// directory in every shell.
fn absolute(
    name: &'static str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<PathBuf>, PlaceError> {
    match variable(name).filter(|value| !value.is_empty()).map(PathBuf::from) {
        Some(path) if has_key(path.as_os_str()) => Err(PlaceError::Key { variable: name }),
        Some(path) if !path.is_absolute() => Err(PlaceError::NotAbsolute { variable: name }),
        path => Ok(path),
    }
}

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum PlaceError {
    #[error("{variable} has a key in it, not only the path of its file")]
    Key { variable: &'static str },
    #[error("the path of the socket, {}, has {length} bytes, more than {SOCKET_PATH_BYTES}", .path.display())]
    LongSocket { path: PathBuf, length: usize },
    #[error("HOME is not set")]
    NoHome,
    #[error("{variable} is not an absolute path")]
    NotAbsolute { variable: &'static str },
    #[error(transparent)]
    Private(#[from] PrivateError),
}

impl Helpful for PlaceError {
    fn help(&self) -> Option<Help> {
        Some(Help::advice(match self {
            Self::Key { .. } => "write the key into a file of its own, and name that".to_owned(),
            Self::LongSocket { .. } => format!("set {HOME_VARIABLE} to a shorter path"),
            Self::NoHome => format!("set HOME or {HOME_VARIABLE}"),
            Self::NotAbsolute { variable: "HOME" } => "set HOME to an absolute path".to_owned(),
            Self::NotAbsolute { variable } => {
                format!("set {variable} to an absolute path, or unset it")
            }
            Self::Private(error) => match (error.help(), error) {
                (Some(help), _) => return Some(help),
                (None, PrivateError::Foreign { ours, .. }) => {
                    format!("set HOME or {HOME_VARIABLE} to a directory of uid {ours}")
                }
                (None, _) => format!("fix that, or set {HOME_VARIABLE} to another directory"),
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use super::{IDENTITY_VARIABLE, PlaceError, StateDirectory};
    use crate::help::Helpful;

    fn state(variables: &[(&str, &str)]) -> Result<StateDirectory, PlaceError> {
        StateDirectory::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn b9_the_socket_follows_three_variables_and_no_other() {
        let at = |variables: &[(&str, &str)]| state(variables).expect("a place").socket;
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
    fn d22_an_identity_in_the_environment_is_not_taken_for_a_path_or_repeated() {
        let with = |identity| state(&[("HOME", "/h"), (IDENTITY_VARIABLE, identity)]);
        let found = with("/run/key").expect("a place").external_identity;
        assert_eq!(found.as_deref(), Some(Path::new("/run/key")));
        assert_eq!(with("").expect("unset").external_identity, None);
        for key in ["AGE-SECRET-KEY-1CNRY", "/AGE-SECRET-KEY-1CNRY", "/k/age-secret-key-1CNRY"] {
            let report = with(key).expect_err("a key").report();
            assert!(
                report.contains("_FILE has a key in it") && !report.contains("CNRY"),
                "{report}"
            );
        }
    }

    #[test]
    fn b10_a_socket_path_has_at_most_107_bytes() {
        let home = |bytes: usize| format!("/{}", "x".repeat(bytes - 1));
        let tail = "/state/run/daemon.sock".len();
        let longest = home(107 - tail);
        assert_eq!(
            state(&[("FLUVIO_SECRET_HOME", &longest)]).expect("107 bytes").socket.as_os_str().len(),
            107
        );
        let error = state(&[("FLUVIO_SECRET_HOME", &home(108 - tail))]).expect_err("108 bytes");
        assert!(matches!(error, PlaceError::LongSocket { length: 108, .. }), "{error}");
        assert!(error.to_string().contains("108 bytes"), "{error}");
    }
}
