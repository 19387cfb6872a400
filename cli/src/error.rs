//! What can go wrong, what you can do about it, and the exit status.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::{BadName, ClientError, Code, StartError, limits};
use fluvio_secret_system::help::{Help, Helpful};
use thiserror::Error;

/// The status before a connector was started. The shim also exits with it.
pub(crate) const NOT_STARTED: u8 = 125;

/// Another error, or a text.
pub(crate) type AnyCause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Error)]
pub(crate) enum CliError {
    /// A connector would not start, as was reported already.
    #[error("")]
    Checked,
    /// The daemon was not reached, or refused the request.
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("no value was given; nothing was set")]
    Cancelled,
    #[error("the configuration {} cannot be read: {why}", .path.display())]
    Config {
        path: PathBuf,
        #[source]
        why: AnyCause,
    },
    /// The watched connector stopped with this status.
    #[error("")]
    Connector(u8),
    /// You answered a question with no.
    #[error("nothing was {0}")]
    Declined(&'static str),
    #[error("cannot read the identity {}: {why}; nothing was changed", .path.display())]
    Identity {
        path: PathBuf,
        #[source]
        why: AnyCause,
    },
    /// Standard input had no value.
    #[error("no value was given, and nothing was set")]
    Empty,
    #[error("cannot read {}: {source}; nothing was set", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is not imported: {why}; nothing was set", name_of_input(.path))]
    Import {
        path: PathBuf,
        #[source]
        why: AnyCause,
        help: Option<&'static str>,
    },
    /// The value cannot be read from standard input or the terminal.
    #[error("cannot take the value: {0}; nothing was set")]
    Input(#[source] io::Error),
    /// The import succeeded, but the file could not be removed.
    #[error("all secrets are set, but {} is still there: {why}; delete it when nothing in it is needed", .path.display())]
    Kept {
        path: PathBuf,
        #[source]
        why: AnyCause,
    },
    #[error(
        "the value has more than {} bytes, which is the most; nothing was set",
        limits::VALUE_BYTES
    )]
    Large,
    #[error("cannot read the audit log {}: {source}", .path.display())]
    Log { path: PathBuf, source: io::Error },
    #[error("{0}; nothing was done")]
    Name(#[source] BadName),
    #[error("there is no terminal to ask for the passphrase on")]
    NoTerminal,
    /// No daemon runs, and the command starts none.
    #[error("the daemon is not running")]
    NotRunning,
    #[error("cannot write the result: {0}")]
    Output(#[source] io::Error),
    #[error("cannot take the passphrase: {0}; nothing was changed")]
    Passphrase(#[source] AnyCause),
    /// The connection ended while the vault was re-encrypted.
    #[error(
        "the daemon went away before all secrets were sealed anew ({0}); all of them can be opened, and the same command again finishes it"
    )]
    Resealing(#[source] io::Error),
    /// Some of several things failed, as was reported already.
    #[error("")]
    Some,
    /// `doctor` found errors, as was reported already.
    #[error("")]
    Unwell,
    #[error("the daemon is not restarted: {0}")]
    Settings(String),
    /// The shim, which was to take over, could not be started.
    #[error(transparent)]
    Shim(StartError),
    /// The link called `cdk` cannot be made or removed.
    #[error("{}: {why}", .path.display())]
    Link {
        path: PathBuf,
        #[source]
        why: AnyCause,
    },
    /// An import stopped in the middle.
    #[error("{}; {done}: give the same command again to set the rest", .source.report())]
    Stopped { source: ClientError, done: String },
    /// The system refused a call that does not usually fail.
    #[error("a call of the system failed: {0}")]
    System(#[source] io::Error),
    /// There is no terminal for a question.
    #[error("nothing was {0}: there is no terminal to ask on")]
    Unasked(&'static str),
    #[error("cannot watch {}: {source}; nothing was started", .path.display())]
    Watch { path: PathBuf, source: io::Error },
    /// The command line is not understood. This is the whole message.
    #[error("{}", .0.trim_end())]
    Usage(String),
}

fn name_of_input(path: &Path) -> Cow<'_, str> {
    if path.as_os_str() == "-" { "standard input".into() } else { path.to_string_lossy() }
}

impl CliError {
    /// The one place that decides an exit status: as in sysexits.h where it has a number for it.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Client(error) | Self::Stopped { source: error, .. } => of_client(error),
            Self::NotRunning | Self::Resealing(_) => 69,
            Self::Checked => 78,
            Self::Connector(status) => *status,
            Self::Name(_) | Self::Usage(_) => 2,
            Self::Shim(_) => NOT_STARTED,
            _ => 1,
        }
    }

    pub(crate) fn text(&self) -> String {
        match (self, self.help()) {
            (Self::Usage(text), _) => text.trim_end().to_owned(),
            (Self::Import { .. }, Some(help)) => format!("error: {self}\nhelp: {help}"),
            _ if self.to_string().is_empty() => String::new(),
            _ => format!("error: {}", self.report()),
        }
    }
}

impl Helpful for CliError {
    fn help(&self) -> Option<Help> {
        let (advice, command) = match self {
            Self::Client(error) => return error.help(),
            Self::Shim(error) => return error.help(),
            Self::Empty => {
                ("give one, or an empty one on purpose with", "fluvio-secret set NAME ''")
            }
            Self::NoTerminal => ("give it with --passphrase-file FILE or --passphrase-fd N", ""),
            Self::NotRunning => {
                ("the next command that needs it starts it, or", "fluvio-secret daemon start")
            }
            Self::Unasked(_) => ("if it is meant, repeat the command with", "--yes"),
            Self::Import { help, .. } => ((*help)?, ""),
            _ => return None,
        };
        let command = Some(command.to_owned()).filter(|command| !command.is_empty());
        Some(Help { advice: advice.to_owned(), command })
    }
}

fn of_client(error: &ClientError) -> u8 {
    match error {
        ClientError::Refused(refusal) => match refusal.code {
            Code::Locked => 77,
            Code::Config => 78,
            _ => 1,
        },
        _ => 69,
    }
}
