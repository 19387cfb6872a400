//! The settings as the daemon reads them.

use std::process::{Command, Stdio};

use fluvio_secret_protocol::{ClientError, DAEMON, beside_this_program};
use fluvio_secret_system::help::Help;

/// Why the daemon cannot use the settings.
#[derive(Clone, Debug)]
pub(crate) struct BadSettings {
    pub(crate) why: String,
    pub(crate) help: Option<Help>,
}

/// The settings as a daemon would read them, or what is wrong in them.
pub(crate) fn shown_settings() -> Result<Result<String, BadSettings>, ClientError> {
    let daemon = beside_this_program(DAEMON).map_err(ClientError::Start)?;
    let output = Command::new(daemon).arg("--settings").stdin(Stdio::null()).output();
    let output = output.map_err(ClientError::Broken)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        return Ok(Ok(text(&output.stdout)));
    }
    let said = text(&output.stderr);
    let (why, help) = Help::of_report(&said);
    Ok(Err(BadSettings { why: why.to_owned(), help }))
}
