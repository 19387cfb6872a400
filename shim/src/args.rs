//! The command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{ClientError, Grant, Granted, InjectMode, VaultAddress, call_daemon};
use fluvio_secret_system::places::StateDirectory;
use lexopt::Arg;

use crate::cdk::watcher;
use crate::error::ShimError;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Invocation {
    Help,
    Launch(Launch),
    /// Start a lease's watcher, for the lease in this directory.
    StartWatcher(PathBuf),
    Version,
    Watch(PathBuf),
}

/// A connector to become.
#[derive(Debug)]
pub struct Launch {
    /// Its configuration file, as it was typed.
    pub config: PathBuf,
    /// How its secrets go, if an option says that.
    pub inject: Option<InjectMode>,
    /// Whether the command is left as it is.
    pub as_is: bool,
    /// Whether the configuration is checked. Not for a command that is left as it is: another program
    /// may read a configuration in another way.
    pub check: bool,
    /// The program, searched on PATH when it has no slash.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The project with its vault, or the word for the personal one, if an option names it.
    pub vault: Option<OsString>,
    /// How the daemon is reached: the shim does not need the code of the other way.
    pub call: GrantCall,
}

/// Sends the request for a connector's secrets, and returns the answer.
pub type GrantCall = fn(
    &StateDirectory,
    Option<VaultAddress>,
    Grant,
) -> Result<Result<Granted, Checked>, ClientError>;

/// What `--help` prints, and what the manual page is made of.
pub const SHIM_HELP: &str = "\
Start a connector with only the secrets that its configuration references

Usage: fluvio-secret-shim [OPTIONS] --config FILE -- COMMAND [ARG...]

Options:
      --config FILE  The connector's configuration, also passed to the command
      --inject MODE  How to pass the secrets: file (as --secrets FILE), env (as
                     environment variables), or auto (file if all values fit)
                     [default: the setting inject, or auto]
      --vault DIR    The project with the vault, or personal [default: the first
                     vault from the configuration's directory upward]
      --no-check     Start even if the connector would fail with its configuration
      --as-is        Add nothing to the command, and pass the secrets as env
  -h, --help         Print this help
  -V, --version      Print the version

Exit status: that of the command, or 125 if it was not started, 126 if it
cannot be run, and 127 if it was not found.

As cdk, it wraps Fluvio's cdk. See: fluvio-secret cdk --help

Example:
  fluvio-secret-shim --config sample-config.yaml -- ./target/debug/my-connector
";

/// Reads the arguments, the program's name first.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, ShimError> {
    let mut parser = lexopt::Parser::from_iter(args);
    let (mut config, mut inject, mut as_is, mut check) = (None, None, false, true);
    let mut vault = None;
    let usage = ShimError::Usage;
    let command = loop {
        match parser.next().map_err(|_| usage("an option is invalid"))? {
            None => break None,
            Some(Arg::Long("as-is")) => as_is = true,
            Some(Arg::Long("no-check")) => check = false,
            Some(Arg::Long("config")) => {
                let value = parser.value().map_err(|_| usage("--config needs a FILE"))?;
                config = Some(PathBuf::from(value));
            }
            Some(Arg::Long("inject")) => {
                let value = parser.value().map_err(|_| usage("--inject needs a MODE"))?;
                inject = Some(inject_mode(&value)?);
            }
            Some(Arg::Long("vault")) => {
                vault = Some(parser.value().map_err(|_| usage("--vault needs a DIR"))?);
            }
            // These two are ours, and in no help.
            Some(Arg::Long(watcher::STARTER)) => {
                let lease = parser.value().map_err(|_| usage("LEASE is missing"))?;
                return Ok(Invocation::StartWatcher(lease.into()));
            }
            Some(Arg::Long(watcher::WATCHER)) => {
                let lease = parser.value().map_err(|_| usage("LEASE is missing"))?;
                return Ok(Invocation::Watch(lease.into()));
            }
            Some(Arg::Long("help") | Arg::Short('h')) => return Ok(Invocation::Help),
            Some(Arg::Long("version") | Arg::Short('V')) => return Ok(Invocation::Version),
            Some(Arg::Value(program)) => {
                let rest = parser.raw_args().map_err(|_| usage("an option is invalid"))?;
                break Some((program, rest.collect()));
            }
            Some(_) => return Err(usage("an option is unknown")),
        }
    };
    let (program, args) = command.ok_or(usage("COMMAND is missing"))?;
    let config = config.ok_or(usage("--config FILE is missing"))?;
    let call = call_daemon;
    Ok(Invocation::Launch(Launch { config, inject, as_is, check, program, args, vault, call }))
}

fn inject_mode(value: &OsStr) -> Result<InjectMode, ShimError> {
    let inject = value.to_str().and_then(InjectMode::of);
    inject.ok_or(ShimError::Usage("--inject must be auto, env or file"))
}

impl Launch {
    /// How the secrets go, where the user's setting is `default`.
    pub(crate) fn inject_mode(&self, default: InjectMode) -> InjectMode {
        match self.inject.unwrap_or(default) {
            // A file would be an addition to the command.
            _ if self.as_is => InjectMode::Env,
            inject => inject,
        }
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::InjectMode;

    use super::{Invocation, Launch, parse};
    use crate::command;

    fn launch(args: &[&str]) -> Result<Launch, String> {
        let args = std::iter::once("shim").chain(args.iter().copied()).map(Into::into);
        match parse(args) {
            Ok(Invocation::Launch(launch)) => Ok(launch),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn what_follows_the_command_is_the_commands_own() {
        let launch =
            launch(&["--config", "c", "--", "run", "--inject", "x", "--", "-h", "--config"])
                .expect("a launch");
        assert_eq!(launch.program, "run");
        assert_eq!(launch.args, ["--inject", "x", "--", "-h", "--config"]);
        assert_eq!(launch.inject_mode(InjectMode::Auto), InjectMode::Auto);
    }

    #[test]
    fn the_two_dashes_may_be_left_out() {
        let launch = launch(&["--config=c", "--inject=env", "run", "-x"]).expect("a launch");
        assert_eq!((launch.program, launch.args), ("run".into(), vec!["-x".into()]));
        assert_eq!(launch.inject, Some(InjectMode::Env));
    }

    #[test]
    fn a_vault_is_not_passed_on() {
        let launch = launch(&["--vault", "personal", "--config", "c", "run", "--vault", "x"]);
        let launch = launch.expect("a launch");
        assert_eq!(launch.vault, Some("personal".into()));
        assert_eq!(launch.args, ["--vault", "x"]);
    }

    #[test]
    fn as_is_goes_by_the_environment() {
        let way = |args: &[&str]| launch(&[args, &["--config", "c", "--", "run"]].concat());
        for setting in [InjectMode::Auto, InjectMode::Env, InjectMode::File] {
            assert_eq!(way(&["--as-is"]).expect("a launch").inject_mode(setting), InjectMode::Env);
        }
        let auto = way(&["--as-is", "--inject", "auto"]).expect("a launch");
        assert_eq!(auto.inject_mode(InjectMode::File), InjectMode::Env);
        let file = way(&["--as-is", "--inject", "file"]).expect("a launch");
        assert!(command::check(&file).is_err());
    }

    #[test]
    fn an_option_counts_more_than_the_setting() {
        let way = |args: &[&str]| launch(&[args, &["--config", "c", "--", "run"]].concat());
        assert_eq!(way(&[]).expect("a launch").inject_mode(InjectMode::Env), InjectMode::Env);
        assert_eq!(
            way(&["--inject", "file"]).expect("a launch").inject_mode(InjectMode::Env),
            InjectMode::File
        );
        assert_eq!(
            way(&["--inject", "auto"]).expect("a launch").inject_mode(InjectMode::Env),
            InjectMode::Auto
        );
    }

    #[test]
    fn what_is_missing_or_unknown_is_told_without_repeating_it() {
        for (args, told) in [
            (&["--config", "c"][..], "COMMAND is missing"),
            (&["--", "run"], "--config FILE is missing"),
            (&["--config"], "--config needs a FILE"),
            (&["--vault"], "--vault needs a DIR"),
            (&["--inject", "cnry", "--config", "c", "run"], "auto, env or file"),
            (&["--cnry", "--config", "c", "run"], "unknown"),
            (&["--as-is=cnry", "--config", "c", "run"], "invalid"),
        ] {
            let error = launch(args).expect_err("refused");
            assert!(error.contains(told), "{args:?}: {error}");
            assert!(!error.contains("cnry"), "{error}");
        }
    }
}
