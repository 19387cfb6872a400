//! The daemon's few options.

use std::ffi::OsString;

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
    /// As the child of `--start`: in a session of its own, with a line on standard output when it serves.
    Detached,
    /// In the foreground, with its log on standard error: for a service manager, or to watch it.
    Foreground,
}

/// An unknown argument. It is not repeated, because it may be a value.
#[derive(Debug, thiserror::Error)]
#[error("unknown argument; see: fluvio-secretd --help")]
pub(crate) struct UnknownArgument;

/// What `--help` prints, and what the manual page is made of.
pub const DAEMON_HELP: &str = "\
fluvio-secretd keeps the secrets of fluvio-secret. It is started by the first command that needs it.

Usage: fluvio-secretd [--start | --settings | --accept-vault]

Options:
      --start         Start the daemon in the background, and end when it serves
      --settings      Print the settings that a daemon would start with, or what is wrong in them
      --accept-vault  Use the vault that is there, without starting a daemon
  -h, --help          Print this help
  -V, --version       Print the release

Without an option it serves in the foreground and logs to standard error.
FLUVIO_SECRET_LOG (off, error, warn, info, debug or trace) says how much it logs, else the setting log.

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
