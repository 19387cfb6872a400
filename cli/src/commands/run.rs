//! `run`: becomes the connector. With `--watch` it starts the shim, which does that, again and again.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueHint};
use fluvio_secret_launch::{
    Launch, LaunchError, PreparedConnector, become_connector, prepare_connector,
};
use fluvio_secret_protocol::{InjectMode, call_daemon, call_once};
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::terminal;

use super::shim::{ask_for_a_connector, shim_path, unlock_for};
use crate::argument::inject_mode;
use crate::error::{CliError, NOT_STARTED};
use crate::vault_choice::VaultArgs;
use crate::watch::{self, Plan, WatchArgs};
use crate::{config_file, mask, output};

/// Run a connector with the secrets in its configuration
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Without --config, the configuration in the current directory is used, if there is exactly one.

COMMAND gets --config FILE, and --secrets FILE for the secrets. The exit status is that of COMMAND.
If COMMAND does not start, the status is 2 for an invalid command line, 126 if it cannot be run, 127
if it is not found, and 125 for any other error.

With --mask, *** replaces each delivered value in the output of COMMAND, also as base64 and in URLs.
Values with fewer than 4 bytes are not replaced.

With --no-daemon, a daemon that runs is used. If none runs, one starts for this connector alone, and
exits before COMMAND starts. It cannot prompt for a passphrase.

With --watch, the connector restarts after you save a watched file or set one of its secrets to
another value. If it would not start, the old connector keeps running. Ctrl-C stops both.

Example:
  fluvio-secret run -- ./target/debug/my-connector
  fluvio-secret run --config sample-config.yaml -- cargo run --
  fluvio-secret run --watch --config sample-config.yaml -- cargo run --")]
pub(crate) struct RunArgs {
    /// Configuration of the connector, also passed to it
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

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

    /// Replace the delivered values in the connector's output
    #[arg(long, conflicts_with = "watch")]
    mask: bool,

    /// Leave no daemon behind, for a container or a service
    #[arg(long, conflicts_with = "watch")]
    no_daemon: bool,

    #[command(flatten)]
    vault: VaultArgs,

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
    /// Reads `[OPTIONS] -- COMMAND` without clap, which would be a fifteenth of a start. `None` if an option is not about
    /// the start alone, or if anything may be wrong: clap reads those.
    pub(crate) fn of_plain_start(words: &[OsString]) -> Option<Self> {
        let dashes = words.iter().position(|word| word == "--")?;
        let (options, command) = (&words[..dashes], &words[dashes + 1..]);
        let mut args = Self { command: command.to_vec(), ..Self::default() };
        let mut options = options.iter();
        while let Some(option) = options.next() {
            match option.to_str()? {
                "--as-is" if !args.as_is => args.as_is = true,
                "--no-check" if !args.no_check => args.no_check = true,
                "--config" if args.config.is_none() => {
                    args.config = Some(value(&mut options)?.into());
                }
                "--inject" if args.inject.is_none() => {
                    args.inject = Some(InjectMode::of(value(&mut options)?.to_str()?)?);
                }
                "--vault" if args.vault.value().is_none() => {
                    args.vault = VaultArgs::naming(Some(value(&mut options)?.to_owned()));
                }
                _ => return None,
            }
        }
        (!command.is_empty()).then_some(args)
    }

    fn launch(self, config: PathBuf) -> Launch {
        let mut words = self.command.into_iter();
        Launch {
            config,
            inject: self.inject,
            as_is: self.as_is,
            check: !self.no_check,
            vault: self.vault.value().cloned(),
            call: if self.no_daemon { call_once } else { call_daemon },
            // There is at least one.
            program: words.next().unwrap_or_default(),
            args: words.collect(),
        }
    }

    /// The arguments of the shim, which a supervisor starts.
    fn words(&self, config: &Path) -> Vec<OsString> {
        let mut words = vec!["--config".into(), config.as_os_str().to_owned()];
        if let Some(inject) = self.inject {
            words.extend(["--inject".into(), inject.as_str().into()]);
        }
        if self.no_check {
            words.push("--no-check".into());
        }
        if self.as_is {
            words.push("--as-is".into());
        }
        if let Some(vault) = self.vault.value() {
            words.extend(["--vault".into(), vault.clone()]);
        }
        words.push("--".into());
        words.extend(self.command.iter().cloned());
        words
    }
}

/// The value of an option. `None` if clap could take it for another option, or refuse it.
fn value<'a>(words: &mut impl Iterator<Item = &'a OsString>) -> Option<&'a OsStr> {
    let is_plain =
        |word: &&OsString| !word.is_empty() && !word.as_encoded_bytes().starts_with(b"-");
    words.next().filter(is_plain).map(OsString::as_os_str)
}

/// The configuration that you named, or the only one of the current directory.
fn config_of(args: &RunArgs) -> Result<PathBuf, CliError> {
    let Some(named) = &args.config else {
        let program = Path::new(args.command.first().map_or(OsStr::new(""), OsString::as_os_str));
        if config_file::is_yaml(program) && program.is_file() {
            return Err(CliError::Usage(CONFIG_AS_COMMAND.to_owned()));
        }
        return config_file::find();
    };
    match config_file::mistyped(named) {
        Some(error) if !args.watch => {
            output::error(&error);
            Err(CliError::Connector(NOT_STARTED))
        }
        Some(error) => Err(error),
        None => Ok(named.clone()),
    }
}

const CONFIG_AS_COMMAND: &str = "\
error: COMMAND is a configuration, not a program
help: name the configuration with: --config FILE";

pub(super) fn run(args: RunArgs, hardened: Hardened) -> Result<(), CliError> {
    let config = config_of(&args)?;
    // A daemon for this connector alone is gone before you could unlock the vault.
    let can_unlock = !args.no_daemon && terminal::of_session().is_some();
    if args.mask {
        let launch = args.launch(config);
        return run_masked(|| prepare_connector(&launch), can_unlock, hardened);
    }
    if !args.watch {
        let launch = args.launch(config);
        let mut error = become_connector(&launch, hardened);
        if error.is_locked() && can_unlock {
            ask_for_a_connector()?;
            error = become_connector(&launch, hardened);
        }
        return Err(CliError::Launch(error));
    }
    let path = shim_path()?;
    let words = args.words(&config);
    unlock_for(&config)?;
    let program = path.clone();
    let command = move || {
        let mut shim = Command::new(&path);
        shim.args(&words);
        shim
    };
    let plan = Plan {
        config,
        watch: args.watching,
        check: !args.no_check,
        by_file: args.inject == Some(InjectMode::File),
        vault: Some(args.vault),
        program,
        command: Box::new(command),
    };
    watch::supervise(plan, hardened)
}

/// Stays the parent of the connector.
pub(super) fn run_masked(
    prepare: impl Fn() -> Result<PreparedConnector, LaunchError>,
    can_unlock: bool,
    hardened: Hardened,
) -> Result<(), CliError> {
    let prepared = prepare().or_else(|error| {
        if !error.is_locked() || !can_unlock {
            return Err(CliError::Launch(error));
        }
        ask_for_a_connector()?;
        prepare().map_err(CliError::Launch)
    })?;
    mask::run(prepared, hardened)
}
