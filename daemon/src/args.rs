//! The daemon's few options.

use std::ffi::OsString;

use fluvio_secret_system::help::{Help, Helpful};

#[derive(Debug, Eq, PartialEq)]
pub(crate) enum DaemonAction {
    /// Use the directory at the vault's path as this machine's vault.
    AcceptVault,
    Help,
    Serve(ServeMode),
    /// Print the settings, or what is wrong with them.
    Settings,
    /// Start a daemon in the background, and exit when it serves.
    Start,
    Version,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ServeMode {
    /// For the connection on standard input, which the starter made for one request.
    Connection,
    /// As the child of `--start`: in a session of its own, with a line on standard output when it serves.
    Detached,
    /// In the foreground, with its log on standard error: for a service manager, or to watch it.
    Foreground,
}

/// An unknown argument. It is not repeated, because it may be a value.
#[derive(Debug, thiserror::Error)]
#[error("there is an unknown argument")]
pub(crate) struct UnknownArgument;

impl Helpful for UnknownArgument {
    fn help(&self) -> Option<Help> {
        Some(Help::advice("see: fluvio-secretd --help"))
    }
}

/// What `--help` prints, and what the manual page is made of.
pub const DAEMON_HELP: &str = "\
Keep the secrets of fluvio-secret, and pass them to connectors

Usage: fluvio-secretd [--start | --settings | --accept-vault]

Options:
      --start         Start the daemon in the background
      --settings      Check and print the settings
      --accept-vault  Use the current vault as this machine's, then exit
  -h, --help          Print this help
  -V, --version       Print the version

Without an option, the daemon runs in the foreground and logs to standard error.
FLUVIO_SECRET_LOG (off, error, warn, info, debug or trace) sets the log level
and overrides the setting log. The first command that needs the daemon starts it.

Example:
  fluvio-secretd --start
";

/// Reads the arguments, the program's name first.
pub(crate) fn parse(
    args: impl IntoIterator<Item = OsString>,
) -> Result<DaemonAction, UnknownArgument> {
    let mut parser = lexopt::Parser::from_iter(args);
    let mut order = DaemonAction::Serve(ServeMode::Foreground);
    while let Some(argument) = parser.next().map_err(|_| UnknownArgument)? {
        order = match argument {
            lexopt::Arg::Long("accept-vault") => DaemonAction::AcceptVault,
            lexopt::Arg::Long("connection") => DaemonAction::Serve(ServeMode::Connection),
            lexopt::Arg::Long("detached") => DaemonAction::Serve(ServeMode::Detached),
            lexopt::Arg::Long("settings") => DaemonAction::Settings,
            lexopt::Arg::Long("start") => DaemonAction::Start,
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(DaemonAction::Help),
            lexopt::Arg::Long("version") | lexopt::Arg::Short('V') => {
                return Ok(DaemonAction::Version);
            }
            _ => return Err(UnknownArgument),
        };
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::{DaemonAction, ServeMode, parse};

    fn order(args: &[&str]) -> Option<DaemonAction> {
        parse(std::iter::once("fluvio-secretd").chain(args.iter().copied()).map(Into::into)).ok()
    }

    #[test]
    fn options_are_what_help_says() {
        assert_eq!(order(&[]), Some(DaemonAction::Serve(ServeMode::Foreground)));
        assert_eq!(order(&["--start"]), Some(DaemonAction::Start));
        assert_eq!(order(&["--settings"]), Some(DaemonAction::Settings));
        assert_eq!(order(&["--accept-vault"]), Some(DaemonAction::AcceptVault));
        assert_eq!(order(&["-h"]), Some(DaemonAction::Help));
        assert_eq!(order(&["--version"]), Some(DaemonAction::Version));
    }

    #[test]
    fn an_unknown_argument_is_refused_and_not_repeated() {
        for argument in ["serve", "--detach", "-x", "--start=now"] {
            assert_eq!(order(&[argument]), None, "{argument}");
        }
    }
}
