//! What one thread of the daemon has to do, in order.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use fluvio_secret_protocol::{Request, VaultAddress};
use fluvio_secret_system::peer::Peer;

use crate::answers::Answers;
use crate::service::changes::secret_of;

/// The most changes that wait for the disk together.
const GROUP_CHANGES: usize = 64;

pub(crate) enum Work {
    /// A check of a file.
    Check(Box<dyn FnOnce() + Send>),
    /// Forget subscribers that have gone away. This may wait for a check of the vault.
    ForgetGone,
    Request(Job),
}

/// A request on its way to a thread. Each connection has at most one, so the queues need no limit.
pub(crate) struct Job {
    pub(crate) request: Request,
    /// The vault that it is about; `None` for the personal one.
    pub(crate) vault: Option<VaultAddress>,
    pub(crate) peer: Peer,
    /// The number of lock requests when it arrived.
    pub(crate) lock_requests: u64,
    pub(crate) answers: Arc<dyn Answers>,
}

/// The work of the threads of one name.
pub(crate) struct WorkQueue {
    receiver: Receiver<Work>,
    /// What was received and is not done yet. It comes before the rest.
    received: Mutex<VecDeque<Work>>,
}

impl WorkQueue {
    pub(crate) fn of(receiver: Receiver<Work>) -> Self {
        Self { receiver, received: Mutex::default() }
    }

    /// Waits for work, at most this long.
    pub(crate) fn next(&self, timeout: Option<Duration>) -> Result<Work, RecvTimeoutError> {
        let received = self.received().pop_front();
        match (received, timeout) {
            (Some(work), _) => Ok(work),
            (None, Some(timeout)) => self.receiver.recv_timeout(timeout),
            (None, None) => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// A job, and the queued ones that can be done together with it: changes of other secrets.
    pub(crate) fn group(&self, first: Job) -> Vec<Job> {
        match secret_of(&first.request) {
            Some(_) => self.with_changes(vec![first]),
            None => vec![first],
        }
    }

    /// Queued changes of different secrets.
    pub(crate) fn changes(&self) -> Vec<Job> {
        self.with_changes(Vec::new())
    }

    /// Adds queued changes of other secrets. Everything else stays queued, in its order.
    fn with_changes(&self, mut group: Vec<Job>) -> Vec<Job> {
        let mut received = self.received();
        received.extend(self.receiver.try_iter());
        for work in mem::take(&mut *received) {
            match work {
                Work::Request(job) if group.len() < GROUP_CHANGES && fits(&group, &job) => {
                    group.push(job);
                }
                work => received.push_back(work),
            }
        }
        group
    }

    fn received(&self) -> MutexGuard<'_, VecDeque<Work>> {
        // At worst, work that a panic has dropped is not done.
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a job changes a secret that the others do not change.
fn fits(group: &[Job], job: &Job) -> bool {
    let secret = secret_of(&job.request);
    let is_other = |other: &Job| other.vault == job.vault && secret_of(&other.request) != secret;
    secret.is_some() && group.iter().all(is_other)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crossbeam_channel::{Sender, unbounded};
    use fluvio_secret_protocol::{Delete, List, Request, Restore, Secret, Set};
    use fluvio_secret_system::peer::Peer;
    use tokio::sync::mpsc::unbounded_channel;

    use super::{GROUP_CHANGES, Job, Work, WorkQueue};

    fn send(work: &Sender<Work>, request: impl Into<Request>) {
        let (request, answers) = (request.into(), Arc::new(unbounded_channel().0));
        let job =
            Job { request, vault: None, peer: Peer { uid: 0, pid: 42 }, lock_requests: 0, answers };
        work.send(Work::Request(job)).expect("a queue");
    }

    fn set(name: &str) -> Set {
        Set { name: name.parse().expect("a name"), value: Secret::default() }
    }

    fn delete(name: &str, purge: bool) -> Delete {
        Delete { name: name.parse().expect("a name"), purge }
    }

    /// How many jobs each group has.
    fn groups(queue: &WorkQueue) -> Vec<usize> {
        let mut groups = Vec::new();
        while let Ok(work) = queue.next(Some(std::time::Duration::ZERO)) {
            let Work::Request(job) = work else { panic!("a request") };
            groups.push(queue.group(job).len());
        }
        groups
    }

    #[test]
    fn changes_of_different_secrets_are_a_group_and_nothing_else_is() {
        let (work, receiver) = unbounded();
        let queue = WorkQueue::of(receiver);
        assert!(groups(&queue).is_empty());
        send(&work, set("A"));
        send(&work, delete("B", false));
        send(&work, Restore { name: "C".parse().expect("a name"), version: None });
        // The same secret again, and what is not a change of one.
        send(&work, set("A"));
        send(&work, set("B"));
        send(&work, delete("C", true));
        send(&work, delete("D", true));
        send(&work, List);
        send(&work, set("E"));
        assert_eq!(groups(&queue), [4, 2, 1, 1, 1]);
    }

    #[test]
    fn changes_are_taken_out_of_the_queue_and_the_rest_keeps_its_order() {
        let (work, receiver) = unbounded();
        let queue = WorkQueue::of(receiver);
        send(&work, delete("A", true));
        send(&work, set("A"));
        send(&work, List);
        send(&work, set("B"));
        send(&work, set("A"));
        assert_eq!(
            [queue.changes().len(), queue.changes().len(), queue.changes().len()],
            [2, 1, 0]
        );
        let next = || match queue.next(Some(std::time::Duration::ZERO)) {
            Ok(Work::Request(job)) => job.request,
            _ => panic!("a request"),
        };
        assert!(matches!((next(), next()), (Request::Delete(_), Request::List(_))));
    }

    #[test]
    fn a_group_is_bounded() {
        let (work, receiver) = unbounded();
        (0..=GROUP_CHANGES).for_each(|n| send(&work, set(&format!("A{n}"))));
        assert_eq!(groups(&WorkQueue::of(receiver)), [GROUP_CHANGES, 1]);
    }
}
