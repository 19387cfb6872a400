//! What one thread of the daemon has to do, in order.

use std::collections::VecDeque;
use std::mem;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fluvio_secret_protocol::{Request, VaultAddress};
use fluvio_secret_system::peer::Peer;

use crate::answers::Answers;
use crate::service::changes::secret_of;

/// The most changes that wait for the disk together.
const GROUP_CHANGES: usize = 64;

pub(crate) enum Work {
    /// A check of a file.
    Check(Box<dyn FnOnce() + Send>),
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

/// The work of one thread.
#[derive(Default)]
pub(crate) struct WorkQueue {
    queued: Mutex<QueuedWork>,
    added: Condvar,
}

#[derive(Default)]
struct QueuedWork {
    work: VecDeque<Work>,
    is_closed: bool,
}

/// The thread that does the work of a queue. Without it, nothing is queued any more.
pub(crate) struct ServedQueue(Arc<WorkQueue>);

/// What [`WorkQueue::next`] returns.
pub(crate) enum NextWork {
    Work(Work),
    /// There was none in this time.
    Timeout,
    /// There is no more.
    Closed,
}

impl WorkQueue {
    /// Adds work. If the queue is closed, the work is dropped.
    pub(crate) fn add(&self, work: Work) {
        let mut queued = self.queued();
        if queued.is_closed {
            tracing::error!("a thread of the daemon has stopped");
            return;
        }
        queued.work.push_back(work);
        drop(queued);
        self.added.notify_one();
    }

    /// Serves the queue until the result is dropped, even by a panic.
    pub(crate) fn serve(self: &Arc<Self>) -> ServedQueue {
        ServedQueue(self.clone())
    }

    /// Stops the thread when the work that is queued is done.
    pub(crate) fn close(&self) {
        self.queued().is_closed = true;
        self.added.notify_all();
    }

    /// Waits for work, at most this long.
    pub(crate) fn next(&self, timeout: Option<Duration>) -> NextWork {
        let is_idle = |queued: &mut QueuedWork| queued.work.is_empty() && !queued.is_closed;
        let mut queued = match timeout {
            Some(timeout) => {
                let waited = self.added.wait_timeout_while(self.queued(), timeout, is_idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let waited = self.added.wait_while(self.queued(), is_idle);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
        };
        match queued.work.pop_front() {
            Some(work) => NextWork::Work(work),
            None if queued.is_closed => NextWork::Closed,
            None => NextWork::Timeout,
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
        let mut queued = self.queued();
        for work in mem::take(&mut queued.work) {
            match work {
                Work::Request(job) if group.len() < GROUP_CHANGES && fits(&group, &job) => {
                    group.push(job);
                }
                work => queued.work.push_back(work),
            }
        }
        group
    }

    fn queued(&self) -> MutexGuard<'_, QueuedWork> {
        // At worst, work that a panic has dropped is not done.
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for ServedQueue {
    type Target = WorkQueue;

    fn deref(&self) -> &WorkQueue {
        &self.0
    }
}

impl Drop for ServedQueue {
    fn drop(&mut self) {
        let mut queued = self.0.queued();
        queued.is_closed = true;
        // Their clients get an error.
        let left = mem::take(&mut queued.work);
        drop(queued);
        drop(left);
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
    use std::thread;

    use fluvio_secret_protocol::{Delete, List, Request, Restore, Secret, Set};
    use fluvio_secret_system::peer::Peer;

    use super::{GROUP_CHANGES, Job, NextWork, Work, WorkQueue};
    use crate::answer_channel::answer_channel;

    fn send(queue: &WorkQueue, request: impl Into<Request>) {
        let (request, answers) = (request.into(), Arc::new(answer_channel(None).0));
        let job =
            Job { request, vault: None, peer: Peer { uid: 0, pid: 42 }, lock_requests: 0, answers };
        queue.add(Work::Request(job));
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
        while let NextWork::Work(work) = queue.next(Some(std::time::Duration::ZERO)) {
            let Work::Request(job) = work else { panic!("a request") };
            groups.push(queue.group(job).len());
        }
        groups
    }

    #[test]
    fn changes_of_different_secrets_are_a_group_and_nothing_else_is() {
        let queue = WorkQueue::default();
        assert!(groups(&queue).is_empty());
        send(&queue, set("A"));
        send(&queue, delete("B", false));
        send(&queue, Restore { name: "C".parse().expect("a name"), version: None });
        // The same secret again, and what is not a change of one.
        send(&queue, set("A"));
        send(&queue, set("B"));
        send(&queue, delete("C", true));
        send(&queue, delete("D", true));
        send(&queue, List);
        send(&queue, set("E"));
        assert_eq!(groups(&queue), [4, 2, 1, 1, 1]);
    }

    #[test]
    fn changes_are_taken_out_of_the_queue_and_the_rest_keeps_its_order() {
        let queue = WorkQueue::default();
        send(&queue, delete("A", true));
        send(&queue, set("A"));
        send(&queue, List);
        send(&queue, set("B"));
        send(&queue, set("A"));
        assert_eq!(
            [queue.changes().len(), queue.changes().len(), queue.changes().len()],
            [2, 1, 0]
        );
        let next = || match queue.next(Some(std::time::Duration::ZERO)) {
            NextWork::Work(Work::Request(job)) => job.request,
            _ => panic!("a request"),
        };
        assert!(matches!((next(), next()), (Request::Delete(_), Request::List(_))));
    }

    #[test]
    fn a_group_is_bounded() {
        let queue = WorkQueue::default();
        (0..=GROUP_CHANGES).for_each(|n| send(&queue, set(&format!("A{n}"))));
        assert_eq!(groups(&queue), [GROUP_CHANGES, 1]);
    }

    #[test]
    fn a_closed_queue_ends_when_its_work_is_done() {
        let queue = WorkQueue::default();
        assert!(matches!(queue.next(Some(std::time::Duration::ZERO)), NextWork::Timeout));
        send(&queue, List);
        queue.close();
        assert!(matches!(queue.next(None), NextWork::Work(_)));
        assert!(matches!(queue.next(None), NextWork::Closed));
        assert!(matches!(queue.next(Some(std::time::Duration::MAX)), NextWork::Closed));
    }

    #[test]
    fn a_queue_without_its_thread_is_closed() {
        let queue = Arc::new(WorkQueue::default());
        let served = queue.serve();
        send(&queue, List);
        send(&queue, List);
        assert!(matches!(served.next(None), NextWork::Work(_)));
        let panicked = thread::spawn(move || {
            let _served = served;
            panic!("a thread of a queue");
        });
        assert!(panicked.join().is_err());
        send(&queue, List);
        assert!(matches!(queue.next(None), NextWork::Closed));
    }
}
