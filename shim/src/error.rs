//! What can go wrong, and the exit status for it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{ClientError, Code, Granted, SecretName, limits, supervisor};
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::project::ProjectError;
use fluvio_secret_system::{printable, shell};
use thiserror::Error;

use crate::delivery::Unfitting;

/// Why there is no connector. Its text is what failed.
#[derive(Debug, Error)]
pub(crate) enum ShimError {
    #[error("cargo would treat the connector's options as its own")]
    Cargo,
    #[error("{}, the cdk on PATH, points to fluvio-secret-shim again", found.display())]
    CdkLoop { found: PathBuf },
    /// The daemon gave no grant.
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("cannot read the configuration {}: {why}", path.display())]
    Config { path: PathBuf, why: String },
    /// The list of connectors of `cdk` has one of this name.
    #[error(
        "cdk already has a connector `{}`, so it would lose track of this one",
        printable::line(connector)
    )]
    Deployed { connector: String },
    /// The connector would not start with the configuration: the whole report.
    #[error("the connector would not start with its configuration\n\n{report}\n")]
    Faulty { report: String, lacks_a_value: bool },
    #[error("the secrets have {bytes} bytes, too many for environment variables")]
    Environment { bytes: usize, largest: SecretName },
    #[error("cannot run {}: {source}", program.display())]
    Exec { program: OsString, source: io::Error },
    /// No secrets file, and the environment is not wanted or cannot carry the values.
    #[error("the file size limit (ulimit -f) does not allow a secrets file")]
    FileLimit,
    #[error("{0}, so it would lose track of the connector")]
    Index(#[source] Unwritable),
    #[error("the connector was not started: its supervisor is gone")]
    NoSupervisor,
    #[error(transparent)]
    NoCdk(NotFound),
    #[error("cannot read the configuration {}: it has more than {} bytes", path.display(), limits::CONFIG_BYTES)]
    LargeConfig { path: PathBuf },
    #[error("the lease ended before the connector held it")]
    LeaseGone,
    /// An option of ours after a command of `cdk`.
    #[error("{}", .0.why)]
    Option(BadOption),
    /// The system refused something that it does not refuse.
    #[error("cannot prepare the connector's start: {0}")]
    System(#[source] io::Error),
    /// Values that the inject mode cannot carry.
    #[error("{}", joined(.0))]
    Unfit(Vec<Unfitting>),
    #[error("{0}")]
    Usage(&'static str),
    /// The vault of the configuration's project.
    #[error(transparent)]
    Vault(#[from] ProjectError),
    /// The process that removes the lease cannot be started, or cannot wait for its end.
    #[error("cannot watch the lease, so its secrets would outlive the connector: {source}")]
    Watcher { source: io::Error },
}

/// Why an option of ours cannot be used with `cdk`, and what helps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BadOption {
    why: &'static str,
    help: (&'static str, &'static str),
}

impl BadOption {
    pub(crate) const INJECT: Self = Self {
        why: "--inject must be auto, env or file",
        help: ("see", "fluvio-secret cdk --help"),
    };
    pub(crate) const MASK: Self = Self {
        why: "cdk deploy start has no --mask: the connector's output goes to its log file, which nothing masks",
        help: ("run it in the foreground with", "fluvio-secret cdk test --mask --config FILE"),
    };
    pub(crate) const MASK_WITH_WATCH: Self = Self {
        why: "--mask cannot be used with --watch",
        help: ("see", "fluvio-secret cdk --help"),
    };
    pub(crate) const WATCH: Self = Self {
        why: "cdk deploy start has no --watch: it leaves the connector alone",
        help: ("start it without --watch, and run", "fluvio-secret watch"),
    };
}

/// Why there is no real `cdk`.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum NotFound {
    #[error("there is no cdk on PATH")]
    Nothing,
    #[error("the only cdk on PATH is the one of fluvio-secret")]
    OnlyUs,
}

/// The list of connectors, which `cdk` cannot write.
#[derive(Debug, Error)]
#[error("cdk cannot write its list of connectors {}{} ({source})", path.display(), of(*owner))]
pub(crate) struct Unwritable {
    /// The list, or the directory where it cannot be made.
    pub(crate) path: PathBuf,
    /// The other user who owns it.
    pub(crate) owner: Option<u32>,
    pub(crate) source: io::Error,
}

fn of(owner: Option<u32>) -> String {
    owner.map(|owner| format!(" of uid {owner}")).unwrap_or_default()
}

fn joined(unfitting: &[Unfitting]) -> String {
    unfitting.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The next step where the list of connectors is another user's.
pub(crate) const OWN_TMPDIR: &str = "use your own directory for temporary files";
/// The command for it.
pub(crate) const MAKE_TMPDIR: &str = "mkdir -p ~/.cache/cdk && export TMPDIR=~/.cache/cdk";

impl ShimError {
    /// What a failed exec means.
    pub(crate) fn exec(
        program: OsString,
        environment: Option<&Granted>,
        source: io::Error,
    ) -> Self {
        let largest = environment.and_then(|granted| {
            let secrets = granted.secrets.iter();
            let bytes = secrets.clone().map(|(_, value)| value.len()).sum();
            let (name, _) = secrets.max_by_key(|(_, value)| value.len())?;
            Some((name.clone(), bytes))
        });
        match (source.kind(), largest) {
            (io::ErrorKind::ArgumentListTooLong, Some((largest, bytes))) => {
                Self::Environment { bytes, largest }
            }
            _ => Self::Exec { program, source },
        }
    }

    /// What the daemon said about a configuration, with its lines.
    pub(crate) fn faulty(checked: &Checked, config: &Path, text: &[u8]) -> Self {
        let path = printable::path(config);
        let report = checked.report(&path, &String::from_utf8_lossy(text)).trim_end().to_owned();
        Self::Faulty { report, lacks_a_value: checked.lacks_a_value() }
    }

    /// Whether a locked vault is the reason.
    pub(crate) fn is_locked(&self) -> bool {
        matches!(self, Self::Client(ClientError::Refused(refusal)) if refusal.code == Code::Locked)
    }

    /// The status that a shell would give for it; 125 for what is wrong before the command is tried. A
    /// supervisor gets another one where another try may help.
    pub(crate) fn status(&self, is_supervised: bool) -> u8 {
        match self {
            error if is_supervised && error.may_pass() => supervisor::MAY_PASS,
            Self::Exec { source, .. } if source.kind() == io::ErrorKind::NotFound => 127,
            Self::NoCdk(_) => 127,
            Self::Exec { .. } => 126,
            _ => 125,
        }
    }

    /// Whether it may pass without a change of the configuration, a secret or the command.
    fn may_pass(&self) -> bool {
        match self {
            Self::Client(error) => !error.needs_change(),
            Self::LeaseGone | Self::System(_) | Self::Watcher { .. } => true,
            _ => false,
        }
    }
}

impl Helpful for ShimError {
    fn cause_line(&self) -> String {
        let text = self.to_string();
        // The report has lines, and no text of others that is not safe.
        if matches!(self, Self::Faulty { .. }) { text } else { printable::line(&text) }
    }

    fn help(&self) -> Option<Help> {
        let (advice, command) = match self {
            Self::Client(error) => return error.help(),
            Self::Vault(error) => return error.help(),
            Self::NoSupervisor | Self::System(_) => return None,
            Self::Cargo => ("end cargo's options with two dashes: -- cargo run --", ""),
            Self::CdkLoop { .. } => {
                ("remove one of them, for example with", "fluvio-secret cdk --uninstall")
            }
            Self::Config { .. } | Self::LargeConfig { .. } => {
                ("pass another file with --config", "")
            }
            Self::Deployed { connector } => {
                // The name is the configuration's, and goes into a shell.
                let name = printable::line(connector);
                let joint = if name.starts_with('-') { '=' } else { ' ' };
                let name = shell::word(&name);
                let command = format!("cdk deploy shutdown --name{joint}{name}");
                return Some(Help::command("stop that connector first with", command));
            }
            Self::Environment { largest, .. } => {
                let help = format!("make the largest, `{largest}`, smaller, or raise `ulimit -s`");
                return Some(Help::advice(help));
            }
            Self::Exec { .. } => ("pass the path of a program, or a name on PATH", ""),
            // The report has the help.
            Self::Faulty { lacks_a_value: true, .. } => return None,
            Self::Faulty { .. } => ("to start it anyway, add", "--no-check"),
            Self::FileLimit => ("raise the limit, or add", "--inject env"),
            Self::Index(_) => (OWN_TMPDIR, MAKE_TMPDIR),
            Self::LeaseGone => ("try again", ""),
            Self::NoCdk(_) => ("install Fluvio, which has it: https://www.fluvio.io", ""),
            Self::Unfit(_) => ("set another value, or choose another mode with --inject", ""),
            Self::Option(option) => option.help,
            Self::Usage(_) => ("see", "fluvio-secret-shim --help"),
            Self::Watcher { .. } => ("try again", ""),
        };
        let command = Some(command.to_owned()).filter(|command| !command.is_empty());
        Some(Help { advice: advice.to_owned(), command })
    }
}
