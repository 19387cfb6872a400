//! What can go wrong, what you can do about it, and the exit status.

use std::io;
use std::path::PathBuf;

use fluvio_secret_launch::LaunchError;
use fluvio_secret_protocol::{BadName, ClientError, Code, StartError, limits};
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::places::IDENTITY_VARIABLE;
use fluvio_secret_system::printable;
use fluvio_secret_system::project::ProjectError;
use fluvio_secret_system::shell;
use thiserror::Error;

use crate::daemon_settings::BadSettings;
use crate::prompt::PromptError;
use crate::provider::{ProviderError, help_without_value};
use crate::sync::sync_error::SyncError;

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
    #[error("no value was entered, so nothing was set")]
    Cancelled,
    #[error("cannot read the configuration {}: {why}", .path.display())]
    Config {
        path: PathBuf,
        #[source]
        why: AnyCause,
        /// Another file, which you probably meant.
        meant: Option<PathBuf>,
    },
    /// The watched connector stopped with this status.
    #[error("")]
    Connector(u8),
    #[error("the lists of members in {} contradict each other, so nothing was registered", .path.display())]
    Contradicted { path: PathBuf },
    #[error("cannot open {}: {source}", .path.display())]
    Directory { path: PathBuf, source: io::Error },
    /// You answered a question with no.
    #[error("nothing was {0}")]
    Declined(&'static str),
    #[error("cannot read the identity {}: {why}, so nothing was changed", .path.display())]
    Identity {
        path: PathBuf,
        #[source]
        why: AnyCause,
    },
    /// Standard input had no value.
    #[error("no value was passed, so nothing was set")]
    Empty,
    #[error("cannot read {}: {source}, so nothing was set", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot import {from}: {why}, so nothing was set")]
    Import {
        /// A file, or what the secrets come from.
        from: String,
        #[source]
        why: AnyCause,
        help: Option<&'static str>,
    },
    /// The value cannot be read from standard input or the terminal.
    #[error("cannot read the value: {0}, so nothing was set")]
    Input(#[source] AnyCause),
    /// The import succeeded, but the file could not be removed.
    #[error("all secrets are set, but {} was not deleted: {why}", .path.display())]
    Kept {
        path: PathBuf,
        #[source]
        why: AnyCause,
    },
    #[error("the value has more than {} bytes, so nothing was set", limits::VALUE_BYTES)]
    Large,
    /// The connector was not started.
    #[error(transparent)]
    Launch(LaunchError),
    #[error("cannot read the audit log {}: {source}", .path.display())]
    Log { path: PathBuf, source: io::Error },
    #[error("{0}, so nothing was done")]
    Name(#[source] BadName),
    /// No lease has a connector of this name.
    #[error("cdk started no connector `{0}` that has secrets and runs")]
    NoConnector(String),
    /// No vault of a project is above the current directory.
    #[error("the current directory has no project's vault")]
    NoProject,
    /// No vault of this directory is registered.
    #[error("{why}, so there is nothing to forget")]
    NothingToForget { why: String },
    /// The user named an admin, and another one has signed the list of members.
    #[error("the list of members is signed by {found}, not by {expected}")]
    OtherAdmin { expected: String, found: String },
    /// The daemon names vaults by text.
    #[error("the path {} is not UTF-8", .path.display())]
    NotUtf8 { path: PathBuf },
    /// It has not asked, or is a member already.
    #[error("no machine with the fingerprint {fingerprint} has asked to join")]
    NoRequest { fingerprint: String },
    /// The list of `cdk` has it, and no lease does.
    #[error("connector `{0}` stopped, or has no lease")]
    NoLease(String),
    #[error("there is no terminal to prompt for the passphrase")]
    NoTerminal,
    /// No daemon runs, and the command starts none.
    #[error("the daemon is not running")]
    NotRunning,
    /// A running daemon was started with another environment.
    #[error("the daemon uses the identity {identity}, but {IDENTITY_VARIABLE} is {expected}")]
    OtherIdentity { identity: String, expected: String },
    #[error("cannot write the result: {0}")]
    Output(#[source] io::Error),
    /// Git's files of a secret cannot be merged.
    #[error("cannot use {}: {why}", .path.display())]
    MergedFile {
        path: PathBuf,
        #[source]
        why: AnyCause,
    },
    #[error("cannot use the passphrase: {0}, so nothing was changed")]
    Passphrase(#[source] AnyCause),
    /// A program gave no value.
    #[error("{0}, so nothing was set")]
    Provider(#[from] ProviderError),
    /// The connection ended while the vault was re-encrypted.
    #[error("the daemon stopped before all secrets were re-encrypted ({0}), but none is lost")]
    Resealing(#[source] io::Error),
    /// A directory whose configurations are not known.
    #[error("cannot search {}: {why}", .directory.display())]
    Search {
        directory: PathBuf,
        #[source]
        why: AnyCause,
        help: Option<&'static str>,
    },
    /// Some of several things failed, as was reported already.
    #[error("")]
    Some,
    /// `doctor` found errors, as was reported already.
    #[error("")]
    Unwell,
    #[error("the daemon was not restarted: {}", .0.why)]
    Settings(BadSettings),
    /// The shim, which was to take over, could not be started.
    #[error(transparent)]
    Shim(StartError),
    /// The link called `cdk` cannot be made or removed.
    #[error("cannot use {}: {why}", .path.display())]
    Link {
        path: PathBuf,
        #[source]
        why: AnyCause,
        help: Option<&'static str>,
    },
    /// An import stopped in the middle.
    #[error("the import stopped ({done}): {source}")]
    Stopped { source: ClientError, done: String },
    /// The vault is not replicated, or that does not work.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The system refused a call that does not usually fail.
    #[error("a system call failed: {0}")]
    System(#[source] io::Error),
    /// There is no terminal for a question.
    #[error("nothing was {0}: there is no terminal to ask for confirmation")]
    Unasked(&'static str),
    #[error("cannot watch {}: {source}, so nothing was started", .path.display())]
    Watch { path: PathBuf, source: io::Error },
    /// The vault of a project.
    #[error(transparent)]
    Vault(#[from] ProjectError),
    /// The command line is not understood. This is the whole message.
    #[error("{}", .0.trim_end())]
    Usage(String),
}

impl CliError {
    /// The one place that decides an exit status: as in sysexits.h where it has a number for it.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Client(error) | Self::Stopped { source: error, .. } => of_client(error),
            Self::NotRunning | Self::Resealing(_) => 69,
            Self::Checked => 78,
            Self::Connector(status) => *status,
            Self::Name(_)
            | Self::Provider(
                ProviderError::Missing | ProviderError::Misplaced | ProviderError::Nameless,
            )
            | Self::Usage(_) => 2,
            Self::Launch(error) => error.status(),
            Self::Shim(_) => NOT_STARTED,
            _ => 1,
        }
    }

    /// The error of another part that this one passes on.
    fn inner(&self) -> Option<&dyn Helpful> {
        match self {
            Self::Client(error) | Self::Stopped { source: error, .. } => Some(error),
            Self::Launch(error) => Some(error),
            Self::Provider(error) => Some(error),
            Self::Shim(error) => Some(error),
            Self::Sync(error) => Some(error),
            Self::Vault(error) => Some(error),
            _ => None,
        }
    }

    /// The message, or nothing if it was printed already.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Usage(text) => text.trim_end().to_owned(),
            Self::Stopped { .. } => {
                format!(
                    "error: {}\nhelp: to set the rest, run the same command again",
                    self.report()
                )
            }
            _ if self.to_string().is_empty() => String::new(),
            _ => format!("error: {}", self.report()),
        }
    }
}

impl Helpful for CliError {
    fn cause_line(&self) -> String {
        match self {
            Self::Launch(error) => error.cause_line(),
            _ => printable::line(&self.to_string()),
        }
    }

    fn help(&self) -> Option<Help> {
        if let Some(error) = self.inner() {
            return error.help();
        }
        let (advice, command) = match self {
            Self::Settings(bad) => return bad.help.clone(),
            Self::Config { meant, .. } => {
                let meant = meant.as_ref()?.display();
                return Some(Help::advice(format!("did you mean: {meant}")));
            }
            Self::Input(why) | Self::Passphrase(why) => {
                let prompt = why.downcast_ref::<PromptError>()?;
                (prompt.help()?, "")
            }
            Self::Kept { .. } => ("delete it when you need nothing in it anymore", ""),
            Self::Resealing(_) => ("run the same command again to finish", ""),
            Self::Empty => return Some(help_without_value()),
            Self::NoConnector(_) => ("list them with", "fluvio-secret lease list"),
            Self::NoLease(connector) => {
                let shutdown = format!("cdk deploy shutdown --name {}", shell::word(connector));
                let command = format!("{shutdown} && cdk deploy start --config FILE");
                return Some(Help::command("start it again with", command));
            }
            Self::NoProject => {
                ("name the project's directory, or make a vault with", "fluvio-secret vault init")
            }
            Self::Contradicted { .. } => (
                "ask an admin for the fingerprint that `member list` shows, and register it with",
                "fluvio-secret vault join --admin FINGERPRINT",
            ),
            Self::OtherAdmin { .. } => {
                ("ask the admin for the fingerprint that `member list` shows", "")
            }
            Self::NoRequest { .. } => ("list the requests with", "fluvio-secret member list"),
            Self::NothingToForget { .. } => {
                ("list the registered vaults with", "fluvio-secret vault list")
            }
            Self::Directory { .. } => ("make that directory first, or name another one", ""),
            Self::NotUtf8 { .. } => ("rename that directory", ""),
            Self::NoTerminal => ("pass it with --passphrase-file FILE or --passphrase-fd N", ""),
            Self::Name(_) => ("use letters, digits and _, as in", "AUTH_HEADER"),
            Self::NotRunning => (
                "the next command that needs it starts it, or start it with",
                "fluvio-secret daemon start",
            ),
            Self::OtherIdentity { .. } => ("restart it with", "fluvio-secret daemon restart"),
            Self::Unasked(_) => ("to confirm without a terminal, add", "--yes"),
            Self::Import { help, .. } | Self::Link { help, .. } | Self::Search { help, .. } => {
                ((*help)?, "")
            }
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
