//! How soon a connector may be restarted again.
//!
//! The first change acts at once. After each restart there is a short pause, which collects the changes of
//! a burst. When restarts keep following each other closely, the pauses grow. The system does not say who
//! wrote a file, so a connector that writes into its own watched paths is slowed down and not ignored: a
//! save by a person must still count. No change is dropped, only looked at later.

use std::time::{Duration, Instant};

/// The pause after a restart. A save that falls into it is still seen within half a second.
const SHORT: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// After this many restarts that follow each other closely the pauses grow.
const TOLERATED: u32 = 4;
/// When nothing changes for this time after a pause, the next change is the first one of a new series.
const CALM: Duration = Duration::from_secs(1);

/// The longest pause before a failed start is tried again.
const LONGEST_RETRY: u64 = 30;

/// The pause before another attempt, after this number of failed ones.
pub(super) fn retry_pause(times: u32) -> Duration {
    Duration::from_secs(2_u64.saturating_pow(times).min(LONGEST_RETRY))
}

/// The restarts of a series, and when the last one was.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    last: Option<Instant>,
    /// How many restarts of this series followed another one closely.
    close: u32,
}

impl Pace {
    /// A change restarts the connector at this time.
    pub(crate) fn restarts(&mut self, now: Instant) {
        let is_close = self.until().is_some_and(|until| now < until + CALM);
        self.close = if is_close { self.close.saturating_add(1) } else { 0 };
    }

    /// The restarted connector runs. The pause begins now: stopping the old one may have taken a while.
    pub(crate) fn started(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// Before this time there is no other restart.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.last.map(|last| last + self.pause())
    }

    /// The pause after the last restart, if it is the first one of the series that is longer than usual.
    pub(crate) fn first_long_pause(&self) -> Option<Duration> {
        (self.close == TOLERATED).then(|| self.pause())
    }

    fn pause(&self) -> Duration {
        let doublings = (self.close + 1).saturating_sub(TOLERATED);
        SHORT.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{CALM, LONGEST, Pace, SHORT, TOLERATED};

    fn restart(pace: &mut Pace, at: Instant) -> Duration {
        pace.restarts(at);
        pace.started(at);
        pace.until().expect("a pause") - at
    }

    #[test]
    fn the_first_change_acts_at_once() {
        assert_eq!(Pace::default().until(), None);
    }

    #[test]
    fn restarts_that_follow_each_other_closely_are_spaced_by_growing_pauses() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        let (mut pauses, mut said) = (Vec::new(), 0);
        for _ in 0..16 {
            let pause = restart(&mut pace, now);
            said += u32::from(pace.first_long_pause().is_some());
            pauses.push(pause);
            now += pause;
        }
        assert_eq!(pauses[..TOLERATED as usize], [SHORT; TOLERATED as usize]);
        assert_eq!(pauses[TOLERATED as usize..][..3], [SHORT * 2, SHORT * 4, SHORT * 8]);
        assert_eq!(pauses[15], LONGEST);
        assert_eq!(said, 1);
    }

    #[test]
    fn saves_that_are_apart_never_wait_for_more_than_the_short_pause() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(restart(&mut pace, now), SHORT);
            now += SHORT + CALM;
        }
    }

    #[test]
    fn a_calm_time_ends_the_series_and_the_next_one_is_reported_again() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..2 {
            let mut said = false;
            for _ in 0..10 {
                now += restart(&mut pace, now);
                said |= pace.first_long_pause().is_some();
            }
            assert!(said);
            now += CALM;
        }
        assert_eq!(restart(&mut pace, now), SHORT);
    }

    #[test]
    fn the_pause_begins_when_the_old_connector_is_gone() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.restarts(now);
        let gone = now + Duration::from_secs(5);
        pace.started(gone);
        assert_eq!(pace.until(), Some(gone + SHORT));
    }
}
