//! What can go wrong, and the exit status for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use fluvio_secret_protocol::{ClientError, Granted, Secret, SecretName, limits, supervisor};
use fluvio_secret_system::{printable, shell};

use crate::carrier::Unfitting;
use crate::cdk::{NotFound, Unwritable};

/// Why there is no connector.
#[derive(Debug)]
pub(crate) enum LaunchError {
    /// `cargo run` without `--` would take the connector's options for its own.
    Cargo,
    /// What is found as the real `cdk` is one of our kind again, or leads to us.
    CdkLoop { found: PathBuf },
    /// The daemon gave no grant.
    Client(ClientError),
    /// The configuration cannot be read.
    Config { path: PathBuf, why: String },
    /// The index of `cdk` has a connector of this name.
    Deployed { connector: String },
    /// The connector would not start with the configuration: the whole report.
    Faulty(String),
    /// The environment is larger than the system passes on.
    Environment { bytes: usize, largest: SecretName },
    /// The command cannot be run.
    Exec { program: OsString, source: io::Error },
    /// The limit of a file's size allows no secrets file, and the environment is not wanted or cannot
    /// carry the values.
    FileLimit,
    /// `cdk` cannot write its list of connectors.
    Index(Unwritable),
    /// Who watched over us is gone.
    NoSupervisor,
    /// There is no real `cdk`.
    NoCdk(NotFound),
    /// The configuration is larger than what is looked at.
    LargeConfig { path: PathBuf },
    /// The lease was gone before we held it.
    LeaseGone,
    /// The system refused something that it does not refuse.
    System(io::Error),
    /// Values that the way which was asked for cannot carry.
    Unfit(Vec<Unfitting>),
    /// The command line is not understood.
    Usage(&'static str),
    /// The process that is to remove the lease cannot be started, or cannot wait for its end.
    Watcher { source: io::Error },
}

/// The next step where the list of connectors is another user's.
pub(crate) const OWN_TMPDIR: &str = "help: give cdk a directory of your own for temporary files: \
                                     mkdir -p ~/.cache/cdk && export TMPDIR=~/.cache/cdk";

impl LaunchError {
    /// What a failed exec means.
    pub(crate) fn exec(
        program: OsString,
        environment: Option<&Granted>,
        source: io::Error,
    ) -> Self {
        let largest = environment.and_then(|granted| {
            let secrets = granted.names.iter().zip(&granted.values);
            let (name, _) = secrets.max_by_key(|(_, value)| value.len())?;
            Some((name.clone(), granted.values.iter().map(Secret::len).sum()))
        });
        match (source.kind(), largest) {
            (io::ErrorKind::ArgumentListTooLong, Some((largest, bytes))) => {
                Self::Environment { bytes, largest }
            }
            _ => Self::Exec { program, source },
        }
    }

    /// What the daemon said about a configuration, with its lines.
    pub(crate) fn of_client(error: ClientError, config: &Path, text: &[u8]) -> Self {
        match error {
            ClientError::Faulty(checked) => {
                let path = config.display().to_string();
                Self::Faulty(checked.report(&path, &String::from_utf8_lossy(text)))
            }
            error => Self::Client(error),
        }
    }

    /// The status that a shell would give for it; 125 for what is wrong before the command is tried. A
    /// supervisor is told by another one that trying again may help.
    pub(crate) fn status(&self, is_supervised: bool) -> u8 {
        match self {
            error if is_supervised && error.may_pass() => supervisor::MAY_PASS,
            Self::Exec { source, .. } if source.kind() == io::ErrorKind::NotFound => 127,
            Self::NoCdk(_) => 127,
            Self::Exec { .. } => 126,
            _ => 125,
        }
    }

    /// Whether it may be over although nobody changes the configuration, a secret or the command.
    fn may_pass(&self) -> bool {
        match self {
            Self::Client(error) => !error.needs_change(),
            Self::LeaseGone | Self::System(_) | Self::Watcher { .. } => true,
            _ => false,
        }
    }
}

impl From<ClientError> for LaunchError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cargo => f.write_str(
                "cargo would take the connector's options for its own; end its part with two dashes: -- cargo run --",
            ),
            Self::CdkLoop { found } => write!(
                f,
                "what is found as cdk on PATH, {}, leads to a shim of fluvio-secret again; remove one of them, this one with: fluvio-secret cdk --uninstall",
                found.display()
            ),
            Self::Client(error) => error.fmt(f),
            Self::Config { path, why } => {
                write!(f, "the configuration {} cannot be read: {why}; give another with --config", path.display())
            }
            Self::Deployed { connector } => {
                // It is nobody's but the configuration's, and goes to a terminal and into a shell.
                let shown = printable::line(connector);
                let joint = if shown.starts_with('-') { '=' } else { ' ' };
                write!(
                    f,
                    "cdk has a connector `{shown}` already, and would start this one and then lose it; end the other first: cdk deploy shutdown --name{joint}{}",
                    shell::word(&shown)
                )
            }
            Self::Environment { bytes, largest } => write!(
                f,
                "the secrets have {bytes} bytes, more than the system passes on by the environment; the largest is `{largest}`: make it smaller, or raise `ulimit -s`"
            ),
            Self::Exec { program, source } => {
                write!(
                    f,
                    "cannot run {}: {source}; give the path of a program, or its name on PATH",
                    program.display()
                )
            }
            Self::Faulty(report) => write!(
                f,
                "the connector would not start with its configuration, and was not started\n\n{report}To start it all the same, if all its secrets can be given to it: --no-check"
            ),
            Self::FileLimit => f.write_str(
                "the limit of a file's size (ulimit -f) allows no secrets file; raise it, or use: --inject env",
            ),
            Self::LargeConfig { path } => write!(
                f,
                "the configuration {} cannot be read: it has more than {} bytes; give another with --config",
                path.display(),
                limits::CONFIG_BYTES
            ),
            Self::LeaseGone => f.write_str(
                "the lease ended before anybody held it, as it does with the daemon; try again",
            ),
            Self::Index(Unwritable { path, owner, source }) => {
                write!(f, "cdk cannot write its list of connectors, {}", path.display())?;
                owner.map_or(Ok(()), |owner| write!(f, ", which belongs to uid {owner}"))?;
                write!(f, " ({source}); it would start the connector and then lose it\n{OWN_TMPDIR}")
            }
            Self::NoCdk(NotFound::Nothing) => {
                f.write_str("there is no cdk on PATH; install it with: fvm install")
            }
            Self::NoCdk(NotFound::OnlyUs) => f.write_str(
                "the only cdk on PATH is this shim of fluvio-secret; install Fluvio's with: fvm install",
            ),
            Self::NoSupervisor => f.write_str("who was to watch over the connector is gone; it was not started"),
            Self::System(source) => write!(f, "cannot prepare the connector's start: {source}"),
            Self::Unfit(unfitting) => {
                for one in unfitting {
                    write!(f, "{one}; ")?;
                }
                f.write_str("set another value, or choose another way with --inject")
            }
            Self::Watcher { source } => write!(
                f,
                "cannot watch the lease, whose secrets would stay when the connector ends: {source}; fix that and try again"
            ),
            Self::Usage(what) => write!(f, "{what}; see: fluvio-secret-shim --help"),
        }
    }
}

impl std::error::Error for LaunchError {}
