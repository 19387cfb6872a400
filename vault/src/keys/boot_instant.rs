//! The clock that the end of an unlock is measured by.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A time by the clock that keeps running while the machine sleeps.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct BootInstant(Duration);

impl BootInstant {
    /// The time now.
    pub fn now() -> Self {
        let now = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
        Self(Duration::from_secs(seconds) + Duration::from_nanos(nanos))
    }

    /// The time after this duration.
    pub fn after(span: Duration) -> Self {
        Self(Self::now().0.saturating_add(span))
    }

    /// The duration until then.
    pub fn left(self) -> Duration {
        self.0.saturating_sub(Self::now().0)
    }
}
