//! What a request waits for that takes long.

use std::sync::OnceLock;

use super::{Client, connect};
use crate::delivery::Delivery;
use crate::{Request, Response};

/// The number of `working` frames, one each second, after which the wait is reported.
pub(super) const FRAMES: u32 = 5;

static REPORT: OnceLock<fn(&str)> = OnceLock::new();

/// Has it reported by this what a request waits for, if that takes more than five seconds.
pub fn report_waits(report: fn(&str)) {
    // Once, by the program.
    let _ = REPORT.set(report);
}

impl Client {
    /// Reports what the daemon waits for, once for each connection.
    pub(super) fn report_wait(&mut self) {
        let Some(report) = REPORT.get() else { return };
        if std::mem::replace(&mut self.is_wait_reported, true) {
            return;
        }
        // Another connection: this one waits. The answer comes within a second, whatever hangs.
        let status = connect(&self.state);
        let status = status.and_then(|mut client| client.ask_this::<Delivery>(&Request::Status));
        report(&match status {
            Ok(Response::Status(status)) if !status.is_current => format!(
                "waiting for the disk of the vault {}, which does not answer; to stop waiting, press Ctrl-C",
                status.vault
            ),
            _ => "waiting for the daemon, which is busy; to stop waiting, press Ctrl-C".to_owned(),
        });
    }
}
