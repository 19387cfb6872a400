//! When to act on a change: not while a file is still written.

use std::time::{Duration, Instant};

/// After a change that ends by itself, like a removal.
const SOON: Duration = Duration::from_millis(50);
/// After a change that will be followed by the end of the writing. Where that never comes (the file
/// stays open) the wait is over.
const WRITING: Duration = Duration::from_millis(400);
/// After a change that comes soon after a restart: it is part of a burst, and more may follow.
const BURST: Duration = Duration::from_millis(200);
/// The longest wait.
const CEILING: Duration = Duration::from_secs(1);

/// How a change announces itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sign {
    /// A file was closed after writing, or got its name: it is whole.
    Whole,
    /// A name went away, or something else that is over.
    Over,
    /// A file is open and being written.
    Writing,
    /// A secret has another value.
    Secrets,
}

/// Delays a reaction to changes until they pause.
#[derive(Debug, Default)]
pub(crate) struct Debounce {
    first: Option<Instant>,
    due: Option<Instant>,
    is_burst: bool,
}

impl Debounce {
    /// Something changes. Soon after a restart the whole burst is waited for.
    pub(crate) fn heard(&mut self, sign: Sign, now: Instant, is_soon_after_restart: bool) {
        let first = *self.first.get_or_insert(now);
        self.is_burst |= is_soon_after_restart;
        let due = match sign {
            Sign::Whole => now,
            Sign::Over => now + SOON,
            Sign::Writing => now + WRITING,
            // This says nothing about a file that is being written.
            Sign::Secrets => self.due.unwrap_or(now),
        };
        let due = if self.is_burst { due.max(now + BURST) } else { due };
        self.due = Some(due.min(first + CEILING).max(now));
    }

    /// Look at this time at the latest.
    pub(crate) fn look_at(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the wait is over. If so, it begins again.
    pub(crate) fn is_over(&mut self, now: Instant) -> bool {
        let is_over = self.due.is_some_and(|due| due <= now);
        if is_over {
            *self = Self::default();
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::pace::Pace;
    use super::{BURST, CEILING, Debounce, SOON, Sign, WRITING};

    #[test]
    fn what_is_whole_is_looked_at_at_once() {
        let (mut debounce, now) = (Debounce::default(), Instant::now());
        assert!(!debounce.is_over(now));
        debounce.heard(Sign::Writing, now, false);
        assert!(!debounce.is_over(now + WRITING / 2));
        debounce.heard(Sign::Whole, now + WRITING / 2, false);
        assert!(debounce.is_over(now + WRITING / 2));
        assert!(!debounce.is_over(now + CEILING), "once");
    }

    #[test]
    fn who_writes_is_waited_for_but_not_for_ever() {
        let (mut debounce, start) = (Debounce::default(), Instant::now());
        let mut now = start;
        while now < start + CEILING {
            debounce.heard(Sign::Writing, now, false);
            assert!(!debounce.is_over(now), "{:?}", now - start);
            now += WRITING / 2;
        }
        assert!(debounce.is_over(now));
    }

    /// When a connector is restarted if it changes for a second, with this pause between the changes.
    fn restarts(sign: Sign, pause: Duration) -> Vec<Duration> {
        let (mut debounce, mut pace) = (Debounce::default(), Pace::default());
        let (start, mut changed, mut restarts) = (Instant::now(), Duration::ZERO, Vec::new());
        for after in (0..3 * CEILING.as_millis()).map(|n| Duration::from_millis(n as u64)) {
            let now = start + after;
            let is_soon = pace.until().is_some_and(|until| now < until);
            if changed == after && changed < CEILING {
                debounce.heard(sign, now, is_soon);
                changed += pause;
            }
            if !is_soon && debounce.is_over(now) {
                pace.restarts(now);
                pace.started(now);
                restarts.push(after);
            }
        }
        assert!(restarts.last().is_some_and(|last| *last >= changed - pause), "{restarts:?}");
        restarts
    }

    #[test]
    fn f10_what_changes_again_and_again_restarts_at_once_and_again_when_it_pauses() {
        for sign in [Sign::Whole, Sign::Secrets] {
            for pause in [1, 20, 50, 99, 101, 150, 199].map(Duration::from_millis) {
                let restarts = restarts(sign, pause);
                assert_eq!(restarts.len(), 2, "{pause:?}: {restarts:?}");
                assert_eq!(restarts[0], Duration::ZERO, "{pause:?}: {restarts:?}");
            }
            // These are no burst, but there is a pause after each restart.
            for pause in [200, 249, 251, 300].map(Duration::from_millis) {
                let restarts = restarts(sign, pause);
                assert!(restarts.len() <= 5, "{pause:?}: {restarts:?}");
            }
        }
    }

    #[test]
    fn f2_a_secret_that_changes_does_not_shorten_the_wait_for_a_file() {
        let (mut debounce, now) = (Debounce::default(), Instant::now());
        debounce.heard(Sign::Writing, now, false);
        debounce.heard(Sign::Secrets, now + WRITING / 2, false);
        assert_eq!(debounce.due(), Some(now + WRITING));
    }

    #[test]
    fn a_burst_after_a_restart_is_waited_for_as_a_whole_but_not_for_ever() {
        let (mut debounce, start) = (Debounce::default(), Instant::now());
        debounce.heard(Sign::Whole, start, true);
        assert_eq!(debounce.due(), Some(start + BURST));
        // The pause after the restart is over, and the burst is not.
        let mut now = start;
        while now < start + CEILING {
            debounce.heard(Sign::Whole, now, false);
            assert!(!debounce.is_over(now), "{:?}", now - start);
            now += BURST / 2;
        }
        assert!(debounce.is_over(now));
        debounce.heard(Sign::Whole, now, false);
        assert!(debounce.is_over(now), "the next change is no part of it");
    }

    #[test]
    fn a_removal_is_looked_at_soon() {
        let (mut debounce, now) = (Debounce::default(), Instant::now());
        debounce.heard(Sign::Over, now, false);
        assert_eq!(debounce.due(), Some(now + SOON));
        debounce.look_at(now + Duration::from_millis(1));
        debounce.look_at(now + CEILING);
        assert!(!debounce.is_over(now) && debounce.is_over(now + Duration::from_millis(1)));
    }
}
