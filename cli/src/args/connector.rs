//! The commands that check, start and end connectors.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use jiff::SignedDuration;

use super::Command;
use super::form::{LogFormat, TypedFormat};
use crate::error::CliError;

/// A Fluvio connector takes up to 2 s to end.
const GRACE: Duration = Duration::from_secs(5);

/// Configurations to check.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Leave out what needs the vault, and start no daemon
    #[arg(long)]
    pub(crate) offline: bool,

    #[command(flatten)]
    pub(crate) output: TypedFormat,

    /// The configurations of connectors
    #[arg(value_name = "FILE", required = true, num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,
}

/// What to do with or as `cdk`.
#[derive(Debug)]
pub(crate) enum Cdk {
    /// Put the link into this folder, or into ours.
    Install(Option<PathBuf>),
    /// Run it.
    Run(Vec<OsString>),
    /// Remove the link.
    Uninstall(Option<PathBuf>),
}

/// A connector to run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) config: PathBuf,
    pub(crate) inject: Option<Inject>,
    pub(crate) no_check: bool,
    pub(crate) as_is: bool,
    pub(crate) watch: Option<Watch>,
    pub(crate) command: Vec<OsString>,
}

/// `cdk test`, to be started again when something changes.
#[derive(Debug)]
pub(crate) struct WatchCdk {
    pub(crate) config: PathBuf,
    pub(crate) watch: Watch,
    pub(crate) check: bool,
    pub(crate) vault: bool,
    /// The arguments of `cdk`, as the shim takes them.
    pub(crate) args: Vec<OsString>,
}

/// When a connector is started again.
#[derive(Debug)]
pub(crate) struct Watch {
    /// What is watched besides the configuration.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) clear: bool,
    /// How long a connector may take to end when it is asked to.
    pub(crate) grace: Duration,
    pub(crate) restart: Restart,
    pub(crate) format: LogFormat,
}

/// What happens when a connector ends by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Restart {
    /// It is started again unless its status is 0
    OnFailure,
    /// It is started again
    Always,
}

/// How secrets go to the connector.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Inject {
    /// As a file where the values fit into one, else by the environment
    Auto,
    /// As --secrets FILE, a file in memory
    File,
    /// As one environment variable each
    Env,
}

impl Inject {
    /// The word for it, which the shim understands too.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::File => "file",
            Self::Env => "env",
        }
    }
}

#[derive(Args, Debug)]
pub(super) struct TypedRun {
    /// The connector's configuration; also given to the command as --config FILE
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// How the secrets go to the connector [default: as the settings say, else auto]
    #[arg(long, value_name = "WAY", value_enum)]
    inject: Option<Inject>,

    /// Start the connector although something would keep it from starting
    #[arg(long)]
    no_check: bool,

    /// Add nothing to the command, for programs that are no connectors; uses env
    #[arg(long)]
    as_is: bool,

    /// Start the connector again when its configuration or one of its secrets changes
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    watching: TypedWatch,

    /// The connector's program and its arguments
    #[arg(
        value_name = "COMMAND",
        value_hint = ValueHint::AnyPath,
        required = true,
        num_args = 1..,
        trailing_var_arg = true
    )]
    command: Vec<OsString>,
}

#[derive(Args, Debug)]
pub(super) struct TypedWatchCdk {
    #[arg(long)]
    config: PathBuf,

    #[arg(long)]
    no_check: bool,

    #[arg(long)]
    no_vault: bool,

    // What else goes with --watch requires it.
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    watching: TypedWatch,

    #[arg(required = true, num_args = 1.., last = true)]
    args: Vec<OsString>,
}

/// What goes with --watch.
#[derive(Args, Debug)]
#[command(next_help_heading = "Options for --watch")]
pub(super) struct TypedWatch {
    /// Watch this file, or all that is in this folder, too; can be given several times
    #[arg(long, value_name = "PATH", requires = "watch")]
    watch_path: Vec<PathBuf>,

    /// Clear the terminal before each start
    #[arg(long, requires = "watch")]
    clear: bool,

    /// How long the connector may take to end before it is killed [default: 5s]
    #[arg(long, value_name = "DURATION", requires = "watch")]
    grace: Option<OsString>,

    /// What to do when the connector ends by itself
    #[arg(long, value_name = "WHEN", value_enum, default_value = "on-failure", requires = "watch")]
    restart: Restart,

    /// The form of what is told on standard error
    #[arg(
        short = 'O',
        long = "output",
        value_name = "FORMAT",
        value_enum,
        default_value = "table",
        requires = "watch"
    )]
    format: LogFormat,
}

#[derive(Args)]
pub(super) struct TypedCdk {
    /// Make a link called cdk, to be put in front of Fluvio's on PATH
    #[arg(long, conflicts_with = "uninstall")]
    install: bool,

    /// Remove that link
    #[arg(long)]
    uninstall: bool,

    /// The folder of the link
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// The arguments of cdk
    #[arg(value_name = "ARG", trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

#[derive(Subcommand)]
pub(super) enum TypedLease {
    /// Show the leases, and which processes hold them
    #[command(after_help = "Example:\n  fluvio-secret lease list -O json")]
    List {
        #[command(flatten)]
        output: TypedFormat,
    },
    /// Remove a lease, whoever holds it
    #[command(after_help = "\
A connector that still runs finds its secrets no more. A lease ends by itself when nobody holds
it.

Example:
  fluvio-secret lease end 0123456789ab")]
    End {
        /// The lease, as `lease list` shows it
        #[arg(value_name = "ID")]
        id: OsString,
    },
}

/// What is meant by `run`.
pub(super) fn run(typed: TypedRun) -> Result<Run, CliError> {
    let TypedRun { config, inject, no_check, as_is, watch: is_watched, watching, command } = typed;
    let watch = if is_watched { Some(watch(watching)?) } else { None };
    Ok(Run { config, inject, no_check, as_is, watch, command })
}

/// What the shim means by `watch-cdk`.
pub(super) fn watch_cdk(typed: TypedWatchCdk) -> Result<WatchCdk, CliError> {
    let TypedWatchCdk { config, no_check, no_vault, watch: _, watching, args } = typed;
    let (check, vault) = (!no_check, !no_vault);
    Ok(WatchCdk { config, watch: watch(watching)?, check, vault, args })
}

/// What is meant by a command about leases.
pub(super) fn lease(typed: TypedLease) -> Command {
    match typed {
        TypedLease::List { output } => Command::LeaseList { format: output.format },
        TypedLease::End { id } => Command::LeaseEnd { id: id.to_string_lossy().into_owned() },
    }
}

fn watch(typed: TypedWatch) -> Result<Watch, CliError> {
    let TypedWatch { watch_path: paths, clear, grace, restart, format } = typed;
    let grace = grace.map_or(Ok(GRACE), |grace| {
        let read = grace.to_str().and_then(|text| text.parse::<SignedDuration>().ok());
        let usage = || {
            CliError::Usage("error: the duration of --grace is not understood; write it like 5s, 500ms, 1m\nsee: fluvio-secret run --help".to_owned())
        };
        read.and_then(|read| Duration::try_from(read).ok()).ok_or_else(usage)
    })?;
    Ok(Watch { paths, clear, grace, restart, format })
}

/// What is meant by `cdk`.
pub(super) fn cdk(cdk: TypedCdk) -> Result<Cdk, CliError> {
    let TypedCdk { install, uninstall, dir, args } = cdk;
    let usage =
        |text: &str| Err(CliError::Usage(format!("error: {text}\nsee: fluvio-secret cdk --help")));
    match (install, uninstall) {
        (false, false) if dir.is_some() => usage("--dir goes with --install or --uninstall"),
        (false, false) => Ok(Cdk::Run(args)),
        _ if !args.is_empty() => usage("there is an argument too many"),
        (true, _) => Ok(Cdk::Install(dir)),
        (_, true) => Ok(Cdk::Uninstall(dir)),
    }
}
