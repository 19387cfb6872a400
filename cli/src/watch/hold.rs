//! A change with which the connector would not start: everything stays as it is.

use std::time::Instant;

use fluvio_secret_protocol::{ClientError, Code};
use fluvio_secret_system::help::Helpful;

use super::content::Contents;
use super::pace::retry_pause;
use super::subscription::SecretFingerprints;

/// Why a connector would not start with what is there now.
pub(super) struct UnfitChange {
    pub(super) because: String,
    /// Whether it may pass without a change.
    pub(super) may_pass: bool,
}

impl UnfitChange {
    pub(super) fn for_good(because: impl Into<String>) -> Self {
        Self { because: because.into(), may_pass: false }
    }
}

impl From<ClientError> for UnfitChange {
    fn from(error: ClientError) -> Self {
        let is_code =
            |code| matches!(&error, ClientError::Refused(refusal) if refusal.code == code);
        // You can register a vault, which is not noticed.
        let may_pass = !error.needs_change() || is_code(Code::Vault);
        let because = match &error {
            ClientError::Refused(refusal) if refusal.code == Code::Config => {
                format!("{}\nhelp: fix and save the file, which restarts it", error.cause_line())
            }
            _ => error.report(),
        };
        Self { because, may_pass }
    }
}

/// A held change was taken back.
pub(super) const FINE_AGAIN: &str =
    "fine again: the connector runs with these files and secrets, so nothing had to restart";

struct HeldChange {
    contents: Contents,
    fingerprints: SecretFingerprints,
    because: String,
    /// When to try again, and the number of attempts. `None` if only a change helps.
    again: Option<(Instant, u32)>,
}

#[derive(Default)]
pub(super) struct Hold(Option<HeldChange>);

impl Hold {
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.as_ref()?.again.map(|(due, _)| due)
    }

    pub(super) fn put_off(&mut self, now: Instant) {
        if let Some(HeldChange { again: Some((due, _)), .. }) = &mut self.0 {
            *due = (*due).max(now + retry_pause(0));
        }
    }

    /// Returns whether a change was held.
    pub(super) fn release(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// Whether this change is held, and not to be tried again yet.
    pub(super) fn has(
        &self,
        contents: &Contents,
        fingerprints: &SecretFingerprints,
        now: Instant,
    ) -> bool {
        self.0.as_ref().is_some_and(|held| held.is_of(contents, fingerprints))
            && self.due().is_none_or(|due| due > now)
    }

    /// Holds a change. Returns whether it was not held before for the same reason.
    pub(super) fn hold(
        &mut self,
        contents: Contents,
        fingerprints: SecretFingerprints,
        unfit: UnfitChange,
    ) -> bool {
        let UnfitChange { because, may_pass } = unfit;
        let before = self
            .0
            .take()
            .filter(|held| held.is_of(&contents, &fingerprints) && held.because == because);
        let is_new = before.is_none();
        let times = before.and_then(|held| held.again).map_or(0, |(_, times)| times + 1);
        // From now, because the check may have taken a while.
        let again = may_pass.then(|| (Instant::now() + retry_pause(times), times));
        self.0 = Some(HeldChange { contents, fingerprints, because, again });
        is_new
    }
}

impl HeldChange {
    fn is_of(&self, contents: &Contents, fingerprints: &SecretFingerprints) -> bool {
        self.contents == *contents && self.fingerprints == *fingerprints
    }
}
