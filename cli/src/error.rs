//! What can go wrong, and the exit status for it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use fluvio_secret_protocol::{BadName, ClientError, Code, StartError, limits};

use crate::output;

/// The status before a connector was started. The shim also exits with it.
pub(crate) const NOT_STARTED: u8 = 125;

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum CliError {
    /// What was found is told already: a connector would not start.
    Checked,
    /// The daemon was not reached, or said no.
    Client(ClientError),
    /// The value was not given after all.
    Cancelled,
    /// A configuration cannot be read.
    Config { path: PathBuf, why: String },
    /// The connector that was watched ended with this status.
    Connector(u8),
    /// The question was answered with no: what was not done to anything.
    Declined(&'static str),
    /// An identity's file cannot be read.
    Identity { path: PathBuf, why: String },
    /// Standard input had no value.
    Empty,
    /// A value's file cannot be read.
    File { path: PathBuf, source: io::Error },
    /// A secrets file is not imported.
    Import { path: PathBuf, why: String, help: Option<&'static str> },
    /// Only one of the two identities of a change that is not finished was opened.
    InPart,
    /// The value cannot be read from standard input or the terminal.
    Input(io::Error),
    /// All was imported, but the file could not be removed.
    Kept { path: PathBuf, why: String },
    /// A value is over the limit.
    Large,
    /// The audit log cannot be read.
    Log { path: PathBuf, source: io::Error },
    /// A text is no secret's name.
    Name(BadName),
    /// There is no terminal to ask for a passphrase on.
    NoTerminal,
    /// No daemon runs, and the command starts none.
    NotRunning,
    /// The result could not be written.
    Output(io::Error),
    /// There is no passphrase, or none that can be one.
    Passphrase(String),
    /// The connection ended while the vault was sealed anew.
    Resealing(io::Error),
    /// Some of several were refused; each was told already.
    Some,
    /// Something is wrong, as was told already.
    Unwell,
    /// The shim that was to take over could not be started.
    Shim(StartError),
    /// The link called `cdk` cannot be made or removed.
    Link { path: PathBuf, why: String },
    /// An import stopped in the middle.
    Stopped { source: ClientError, done: String },
    /// The system refused something that it does not refuse.
    System(io::Error),
    /// There is nobody to ask whether recipients are meant.
    Unasked,
    /// A path that was to be watched is not there.
    Watch { path: PathBuf, source: io::Error },
    /// The command line is not understood: the whole text that says so.
    Usage(String),
}

impl CliError {
    /// The one place that decides an exit status: as in sysexits.h where it has a number for it.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Client(error) => of_client(error),
            Self::NotRunning | Self::Resealing(_) => 69,
            Self::InPart => 77,
            Self::Checked => 78,
            Self::Connector(status) => *status,
            Self::Stopped { source, .. } => of_client(source),
            Self::Name(_) | Self::Usage(_) => 2,
            Self::Shim(_) => NOT_STARTED,
            Self::Cancelled
            | Self::Config { .. }
            | Self::Declined(_)
            | Self::Empty
            | Self::File { .. }
            | Self::Identity { .. }
            | Self::Import { .. }
            | Self::Input(_)
            | Self::Kept { .. }
            | Self::Large
            | Self::Link { .. }
            | Self::Log { .. }
            | Self::NoTerminal
            | Self::Output(_)
            | Self::Passphrase(_)
            | Self::Some
            | Self::System(_)
            | Self::Unasked
            | Self::Unwell
            | Self::Watch { .. } => 1,
        }
    }

    /// Tells it on standard error.
    pub(crate) fn print(&self) {
        let text = self.text();
        if !text.is_empty() {
            output::say(&text);
        }
    }

    /// What is printed.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Checked | Self::Connector(_) | Self::Some | Self::Unwell => String::new(),
            Self::Usage(text) => text.trim_end().to_owned(),
            other => format!("error: {other}"),
        }
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

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("no value was given; nothing was set"),
            Self::Client(error) => error.fmt(f),
            Self::Config { path, why } => {
                write!(f, "the configuration {} cannot be read: {why}", path.display())
            }
            Self::Declined(what) => write!(f, "nothing was {what}"),
            Self::Empty => f.write_str(
                "no value was given, and nothing was set; give one, or an empty one on purpose with: fluvio-secret set NAME ''",
            ),
            Self::File { path, source } => {
                write!(f, "cannot read {}: {source}; nothing was set", path.display())
            }
            Self::Identity { path, why } => {
                write!(f, "cannot read the identity {}: {why}; nothing was changed", path.display())
            }
            Self::Import { path, why, help } => {
                let path = match path.as_os_str() == "-" {
                    true => "standard input".into(),
                    false => path.to_string_lossy(),
                };
                write!(f, "{path} is not imported: {why}; nothing was set")?;
                help.map_or(Ok(()), |help| write!(f, "\nhelp: {help}"))
            }
            Self::Kept { path, why } => write!(
                f,
                "all secrets are set, but {} is still there: {why}; delete it when nothing in it is needed",
                path.display()
            ),
            Self::Link { path, why } => write!(f, "{}: {why}", path.display()),
            Self::Log { path, source } => {
                write!(f, "cannot read the audit log {}: {source}", path.display())
            }
            Self::Resealing(source) => write!(
                f,
                "the daemon went away before all secrets were sealed anew ({source}); all of them can be opened, and the same command again finishes it"
            ),
            Self::Unasked => f.write_str(
                "nothing was accepted: there is no terminal to ask on; look at the difference, and accept it with: --yes",
            ),
            Self::Stopped { source, done } => {
                write!(f, "{source}; {done}: give the same command again to set the rest")
            }
            Self::InPart => f.write_str(
                "the vault is unlocked only in part: a change to another identity is not finished, and the present one and that one have not the same passphrase; give the other one, too, with: fluvio-secret unlock",
            ),
            Self::Input(source) => write!(f, "cannot take the value: {source}; nothing was set"),
            Self::Large => write!(
                f,
                "the value has more than {} bytes, which is the most; nothing was set",
                limits::VALUE_BYTES
            ),
            Self::Name(why) => write!(f, "{why}; nothing was done"),
            Self::NotRunning => f.write_str(
                "the daemon is not running; the next command that needs it starts it, or: fluvio-secret daemon start",
            ),
            Self::NoTerminal => f.write_str(
                "there is no terminal to ask for the passphrase on; give it with --passphrase-file FILE or --passphrase-fd N",
            ),
            Self::Passphrase(why) => {
                write!(f, "cannot take the passphrase: {why}; nothing was changed")
            }
            Self::Output(source) => write!(f, "cannot write the result: {source}"),
            Self::Shim(error) => error.fmt(f),
            Self::System(source) => write!(f, "a call of the system failed: {source}"),
            Self::Watch { path, source } => {
                write!(f, "cannot watch {}: {source}; nothing was started", path.display())
            }
            Self::Checked
            | Self::Connector(_)
            | Self::Some
            | Self::Unwell
            | Self::Usage(_) => Ok(()),
        }
    }
}
