//! Pauses that grow as long as something fails.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// A pause before something is tried again: each one is twice as long, up to a limit.
#[derive(Debug)]
pub(crate) struct GrowingPause {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl GrowingPause {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The next pause. Machines that lost the same cluster do not all come back at once, so a part of it is random.
    pub(crate) fn next(&mut self) -> Duration {
        let pause =
            self.first.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        // The keys of a hasher are random.
        let random = RandomState::new().hash_one(self.failures).to_le_bytes()[0];
        pause - pause / 1024 * u32::from(random)
    }

    /// It works again, so the next pause is the shortest one.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::GrowingPause;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_again() {
        let (first, longest) = (Duration::from_millis(200), Duration::from_secs(30));
        let mut pause = GrowingPause::new(first, longest);
        for failures in 0..20 {
            let whole = first.saturating_mul(1 << failures).min(longest);
            let next = pause.next();
            assert!(next <= whole && next >= whole / 4 * 3 - first / 100, "{failures}: {next:?}");
        }
        pause.reset();
        assert!(pause.next() <= first);
    }
}
