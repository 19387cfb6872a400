//! Reports what a slow request waits for, and notices of the daemon.

use std::path::Path;
use std::sync::OnceLock;

use super::error::ClientError;
use super::frame_stream::FrameStream;
use crate::message::status::{GetStatus, VaultStatus};
use crate::timeouts::Timeouts;

/// The number of `working` frames, one each second, after which the wait is reported.
pub(super) const FRAMES: u32 = 5;

static REPORT: OnceLock<fn(&str)> = OnceLock::new();

/// Sets how to report notices of the daemon, and what a request waits for, if that takes more than five seconds.
pub fn report_notes(report: fn(&str)) {
    // Once, by the program.
    let _ = REPORT.set(report);
}

pub(super) fn report_note(text: &str) {
    if let Some(report) = REPORT.get() {
        report(text);
    }
}

/// Reports what the daemon waits for.
pub(super) fn report(socket: &Path) {
    let Some(report) = REPORT.get() else { return };
    report(&match status(socket) {
        Ok(status) if !status.is_current => format!(
            "waiting for the disk of the vault {}, which does not answer\nhelp: press Ctrl-C to stop waiting",
            status.vault
        ),
        _ => "waiting for the daemon, which is busy\nhelp: press Ctrl-C to stop waiting".to_owned(),
    });
}

/// On another connection, because the one of the request is busy. The answer comes within a second.
fn status(socket: &Path) -> Result<VaultStatus, ClientError> {
    let mut stream = FrameStream::open(socket)?;
    let mut timeouts = Timeouts::new();
    stream.send(None, &GetStatus, &mut timeouts)?;
    stream.receive(&mut timeouts)
}
