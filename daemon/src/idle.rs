//! Connections that wait for a request, and which one is closed when there are too many.
//!
//! A client that sends nothing keeps its connection until a time-out. When all connections are taken, the
//! one that has been idle for the longest time makes room, so no client can keep the others out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// All idle connections, in the order in which they became idle.
#[derive(Debug, Default)]
pub(crate) struct IdleConnections {
    queue: Mutex<IdleQueue>,
}

#[derive(Debug, Default)]
struct IdleQueue {
    next: u64,
    /// Whether one has to close, and none was idle.
    must_close_one: bool,
    /// By number. Dropping a sender closes its connection.
    senders: BTreeMap<u64, oneshot::Sender<()>>,
}

#[derive(Debug)]
pub(crate) struct IdleConnection {
    all: Arc<IdleConnections>,
    number: u64,
    pub(crate) closed: oneshot::Receiver<()>,
}

impl IdleConnections {
    pub(crate) fn add(self: &Arc<Self>) -> IdleConnection {
        let (sender, closed) = oneshot::channel();
        let mut queue = self.queue();
        let number = queue.next;
        queue.next += 1;
        if !std::mem::take(&mut queue.must_close_one) {
            queue.senders.insert(number, sender);
        }
        IdleConnection { all: self.clone(), number, closed }
    }

    /// Closes the connection that has been idle for the longest time. If all are being answered, it is the
    /// one that is done first.
    pub(crate) fn close_longest(&self) {
        let mut queue = self.queue();
        queue.must_close_one = queue.senders.pop_first().is_none();
    }

    /// Keeps all connections: there is room.
    pub(crate) fn keep_all(&self) {
        self.queue().must_close_one = false;
    }

    fn queue(&self) -> MutexGuard<'_, IdleQueue> {
        // Each change is one call of the map, so a panic leaves it whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for IdleConnection {
    fn drop(&mut self) {
        self.all.queue().senders.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::oneshot::error::TryRecvError;

    use super::{IdleConnection, IdleConnections};

    fn is_closed(idle: &mut IdleConnection) -> bool {
        idle.closed.try_recv() == Err(TryRecvError::Closed)
    }

    #[test]
    fn the_connection_that_is_idle_for_longest_is_closed_first() {
        let idle = Arc::new(IdleConnections::default());
        let (mut first, second, mut third) = (idle.add(), idle.add(), idle.add());
        idle.close_longest();
        assert!(is_closed(&mut first) && !is_closed(&mut third));
        // A connection with a request is not idle. After that it is the last one.
        drop(second);
        let mut again = idle.add();
        idle.close_longest();
        assert!(is_closed(&mut third) && !is_closed(&mut again));
        drop((first, third, again));
        assert!(idle.queue().senders.is_empty());
    }

    #[test]
    fn if_all_are_being_answered_the_one_that_is_done_first_is_closed() {
        let idle = Arc::new(IdleConnections::default());
        idle.close_longest();
        let (mut first, mut second) = (idle.add(), idle.add());
        assert!(is_closed(&mut first) && !is_closed(&mut second));
        drop((first, second));
        idle.close_longest();
        idle.keep_all();
        assert!(!is_closed(&mut idle.add()));
    }
}
