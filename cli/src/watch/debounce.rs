//! When to act on a change: not while a file is still written.

use std::time::{Duration, Instant};

/// After a change that ends by itself, like a removal.
const SOON: Duration = Duration::from_millis(50);
/// After a change that will be followed by the end of the writing. Where that never comes (the file
/// stays open) the wait is over.
const WRITING: Duration = Duration::from_millis(400);
/// After secrets changed: those who set one often set several.
const AFTER_SECRETS: Duration = Duration::from_millis(100);
/// After a change that comes soon after a restart: it is part of a burst, and more may follow.
const BURST: Duration = Duration::from_millis(200);
/// The longest wait. After secrets have changed, further changes of secrets wait for as long, too:
/// so in each second they cause two restarts at the most, whatever pauses are between them.
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
    Secrets,
}

/// Delays a reaction to changes until they pause.
#[derive(Debug, Default)]
pub(crate) struct Debounce {
    first: Option<Instant>,
    due: Option<Instant>,
    has_secrets: bool,
    is_burst: bool,
    /// Before this time secrets are not looked at again.
    rest: Option<Instant>,
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
            Sign::Secrets => now + AFTER_SECRETS,
        };
        let due = if self.is_burst { due.max(now + BURST) } else { due };
        let due = due.min(first + CEILING).max(now);
        let rest = self.rest.filter(|_| sign == Sign::Secrets);
        self.has_secrets |= sign == Sign::Secrets;
        self.due = Some(rest.map_or(due, |rest| due.max(rest)));
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
            let rest = if self.has_secrets { Some(now + CEILING) } else { self.rest };
            *self = Self { rest, ..Self::default() };
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

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

    #[test]
    fn secrets_that_change_again_and_again_are_looked_at_twice_in_a_second() {
        // With pauses of every length between them.
        for pause in [1, 20, 99, 101, 150, 300].map(Duration::from_millis) {
            let (mut debounce, start) = (Debounce::default(), Instant::now());
            let (mut now, mut changed, mut looks) = (start, start, Vec::new());
            while now < start + 3 * CEILING {
                if now < start + CEILING && now >= changed {
                    debounce.heard(Sign::Secrets, now, false);
                    changed += pause;
                }
                if debounce.is_over(now) {
                    looks.push(now - start);
                }
                now += Duration::from_millis(1);
            }
            assert!(looks.len() <= 2, "{pause:?}: {looks:?}");
            assert!(looks.last().is_some_and(|last| start + *last >= changed - pause), "{looks:?}");
        }
        // A file does not wait for that.
        let (mut debounce, now) = (Debounce::default(), Instant::now());
        debounce.heard(Sign::Secrets, now, false);
        assert!(debounce.is_over(now + CEILING));
        debounce.heard(Sign::Whole, now + CEILING, false);
        assert!(debounce.is_over(now + CEILING));
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
