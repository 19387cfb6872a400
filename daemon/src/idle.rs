//! Connections that wait for a request, and who among them has to go when there are too many.
//!
//! A client that connects and says nothing holds a place for as long as the daemon is patient. When
//! all places are taken, the one that has been silent for the longest makes way for the next: so
//! nobody can keep the others out by connecting alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Who waits, in the order of waiting.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    order: Mutex<Order>,
}

#[derive(Debug, Default)]
struct Order {
    next: u64,
    /// Whether one has to go, and none waited.
    must_one_go: bool,
    /// By number; a dropped sender tells its connection to go.
    waiters: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A connection's wait for one request; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Wait {
    waiting: Arc<Waiting>,
    number: u64,
    /// Completes when the connection has to go.
    pub(crate) sent_away: oneshot::Receiver<()>,
}

impl Waiting {
    /// Begins a wait, at the end of the order.
    pub(crate) fn begin(self: &Arc<Self>) -> Wait {
        let (sender, sent_away) = oneshot::channel();
        let mut order = self.order();
        let number = order.next;
        order.next += 1;
        if !std::mem::take(&mut order.must_one_go) {
            order.waiters.insert(number, sender);
        }
        Wait { waiting: self.clone(), number, sent_away }
    }

    /// Sends away who has waited longest. Where nobody waits all are being answered, and it is who is
    /// done first.
    pub(crate) fn send_longest_away(&self) {
        let mut order = self.order();
        order.must_one_go = order.waiters.pop_first().is_none();
    }

    /// Lets everyone stay: there is room.
    pub(crate) fn let_all_stay(&self) {
        self.order().must_one_go = false;
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        // Each change is one call of the map's, so a panic has left it whole.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.waiting.order().waiters.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot::error::TryRecvError;

    use super::{Wait, Waiting};

    fn is_sent_away(wait: &mut Wait) -> bool {
        wait.sent_away.try_recv() == Err(TryRecvError::Closed)
    }

    #[test]
    fn who_has_waited_longest_goes_first() {
        let waiting = Arc::new(Waiting::default());
        let (mut first, second, mut third) = (waiting.begin(), waiting.begin(), waiting.begin());
        waiting.send_longest_away();
        assert!(is_sent_away(&mut first) && !is_sent_away(&mut third));
        // One that got its request waits no longer; when it waits again it is the last.
        drop(second);
        let mut again = waiting.begin();
        waiting.send_longest_away();
        assert!(is_sent_away(&mut third) && !is_sent_away(&mut again));
        drop((first, third, again));
        assert!(waiting.order().waiters.is_empty());
    }

    #[test]
    fn when_all_are_being_answered_who_is_done_first_goes() {
        let waiting = Arc::new(Waiting::default());
        waiting.send_longest_away();
        let (mut first, mut second) = (waiting.begin(), waiting.begin());
        assert!(is_sent_away(&mut first) && !is_sent_away(&mut second));
        drop((first, second));
        waiting.send_longest_away();
        waiting.let_all_stay();
        assert!(!is_sent_away(&mut waiting.begin()));
    }
}
