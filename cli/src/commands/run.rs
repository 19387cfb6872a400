//! `run`: becomes the connector. With `--watch` it starts the shim, which does that, again and again.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use clap::{Args, ValueHint};
use fluvio_secret_launch::{Launch, become_connector};
use fluvio_secret_protocol::InjectMode;
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::terminal;

use super::shim::{ask_for_a_connector, shim_path, unlock_for};
use crate::argument::inject_mode;
use crate::error::CliError;
use crate::watch::{self, Plan, WatchArgs};

/// Run a connector with the secrets in its configuration
#[derive(Args, Debug)]
#[command(after_help = "\
COMMAND gets --config FILE, and --secrets FILE for the secrets. The exit status is that of COMMAND.
If COMMAND does not start, the status is 2 for an invalid command line, 126 if it cannot be run, 127
if it is not found, and 125 for any other error.

With --watch, the connector restarts after you save a watched file or set one of its secrets to
another value. If it would not start, the old connector keeps running. Ctrl-C stops both.

Example:
  fluvio-secret run --config sample-config.yaml -- ./target/debug/my-connector
  fluvio-secret run --config sample-config.yaml -- cargo run --
  fluvio-secret run --watch --config sample-config.yaml -- cargo run --")]
pub(crate) struct RunArgs {
    /// Configuration of the connector, also passed to it
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// How to pass the secrets [default: setting inject, or auto]
    #[arg(long, value_name = "MODE", value_parser = inject_mode())]
    inject: Option<InjectMode>,

    /// Start even if the connector would fail
    #[arg(long)]
    no_check: bool,

    /// Add nothing to COMMAND, and pass the secrets as env
    #[arg(long)]
    as_is: bool,

    /// Restart after changes of the configuration or a secret
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    watching: WatchArgs,

    /// Program of the connector and its arguments
    #[arg(
        value_name = "COMMAND",
        help_heading = "Arguments",
        value_hint = ValueHint::AnyPath,
        required = true,
        num_args = 1..,
        trailing_var_arg = true
    )]
    pub(crate) command: Vec<OsString>,
}

impl RunArgs {
    fn launch(self) -> Launch {
        let mut words = self.command.into_iter();
        Launch {
            config: self.config,
            inject: self.inject,
            as_is: self.as_is,
            check: !self.no_check,
            // clap requires it.
            program: words.next().unwrap_or_default(),
            args: words.collect(),
        }
    }

    /// The arguments of the shim, which a supervisor starts.
    fn words(&self) -> Vec<OsString> {
        let mut words = vec!["--config".into(), self.config.clone().into_os_string()];
        if let Some(inject) = self.inject {
            words.extend(["--inject".into(), inject.as_str().into()]);
        }
        if self.no_check {
            words.push("--no-check".into());
        }
        if self.as_is {
            words.push("--as-is".into());
        }
        words.push("--".into());
        words.extend(self.command.iter().cloned());
        words
    }
}

pub(super) fn run(args: RunArgs, hardened: Hardened) -> Result<(), CliError> {
    if !args.watch {
        let launch = args.launch();
        let mut error = become_connector(&launch, hardened);
        if error.is_locked() && terminal::of_session().is_some() {
            ask_for_a_connector()?;
            error = become_connector(&launch, hardened);
        }
        return Err(CliError::Launch(error));
    }
    let path = shim_path()?;
    let words = args.words();
    unlock_for(&args.config)?;
    let program = path.clone();
    let command = move || {
        let mut shim = Command::new(&path);
        shim.args(&words);
        shim
    };
    let plan = Plan {
        config: args.config,
        watch: args.watching,
        check: !args.no_check,
        vault: true,
        program,
        command: Box::new(command),
    };
    watch::supervise(plan, hardened)
}
