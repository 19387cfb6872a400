//! What you can type with `--watch`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::argument::{self, BadArgument};
use crate::format::{LogFormat, OutputArgs};

/// A Fluvio connector takes up to 2 s to stop.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Options for --watch")]
#[command(mut_arg("format", |format| {
    format.requires("watch").help("Format of the messages about restarts")
}))]
pub(crate) struct WatchArgs {
    /// Also watch this file or directory (repeatable)
    #[arg(long = "watch-path", value_name = "PATH", requires = "watch")]
    pub(super) paths: Vec<PathBuf>,

    /// Clear the terminal before each start
    #[arg(long, requires = "watch")]
    pub(super) clear: bool,

    /// Time to stop before the connector is killed [default: 5s]
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = argument::parsed(grace),
        requires = "watch"
    )]
    grace: Option<Duration>,

    /// When to restart after the connector exits
    #[arg(long, value_name = "WHEN", value_enum, default_value = "on-failure", requires = "watch")]
    pub(super) restart: Restart,

    #[command(flatten)]
    pub(super) output: OutputArgs<LogFormat>,
}

/// What happens when a connector stops by itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Restart {
    /// Unless its status is 0
    #[default]
    OnFailure,
    /// After every exit
    Always,
}

impl WatchArgs {
    /// Adds a path, unless it does not exist or is watched already.
    pub(crate) fn add(&mut self, path: &Path) {
        if path.exists() && !self.paths.iter().any(|watched| watched == path) {
            self.paths.push(path.to_owned());
        }
    }

    pub(super) fn grace(&self) -> Duration {
        self.grace.unwrap_or(GRACE)
    }
}

fn grace(text: &OsStr) -> Result<Duration, BadArgument> {
    let bad = || BadArgument::duration("--grace", "5s, 500ms, 1m", "run");
    argument::duration(text).ok_or_else(bad)
}
