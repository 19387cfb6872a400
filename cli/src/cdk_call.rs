//! Calls of `cdk`. One that hangs would keep all other programs from restarting connectors.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use fluvio_secret_system::{child, inherited, printable, shell};

/// How long `cdk` may take to send a signal to a connector and write its list.
pub(crate) const CDK_STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long `cdk` may take to start a connector, which it may build before.
pub(crate) const CDK_START_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Runs `cdk` until it exits, and kills it after this time. Its own children are left alone: the connector may be
/// one of them.
pub(crate) fn finish(cdk: &mut Command, timeout: Duration) -> io::Result<ExitStatus> {
    let mut child = inherited::spawn(cdk)?;
    if let Some(status) = child::wait_within(&mut child, timeout)? {
        return Ok(status);
    }
    child::kill(&mut child)?;
    let why = format!(
        "cdk did not finish within {} s and was killed\nhelp: see what it waits for with: {}",
        timeout.as_secs(),
        shown(cdk)
    );
    Err(io::Error::new(io::ErrorKind::TimedOut, why))
}

/// A call, as you can type it.
fn shown(cdk: &Command) -> String {
    let word = |word: &OsStr| shell::word(&printable::line(&word.to_string_lossy()));
    let words = cdk.get_args().map(|arg| format!(" {}", word(arg)));
    let line = format!("cdk{}", words.collect::<String>());
    match cdk.get_current_dir() {
        Some(directory) => format!("cd {} && {line}", word(directory.as_os_str())),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::process::Command;
    use std::time::Duration;

    use super::finish;

    #[test]
    fn a_call_that_hangs_is_killed_and_can_be_typed() {
        let mut hangs = Command::new("sh");
        hangs.args(["-c", "exec sleep 1000"]).current_dir("/");
        let error = finish(&mut hangs, Duration::from_millis(50)).expect_err("it hangs");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let help = "help: see what it waits for with: cd / && cdk -c 'exec sleep 1000'";
        assert!(error.to_string().ends_with(help), "{error}");
    }

    #[test]
    fn a_call_that_exits_has_its_status() {
        let exit = |code: &str| {
            let mut call = Command::new("sh");
            finish(call.args(["-c", &format!("exit {code}")]), Duration::from_secs(60))
        };
        for code in [0, 3] {
            assert_eq!(exit(&code.to_string()).expect("it exits").code(), Some(code));
        }
    }
}
