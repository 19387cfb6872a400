//! Requests that are carried out by the thread that has received them.
//!
//! One thread waits for all clients: that of the runtime. To pass a request to another thread and wake that one takes as long
//! as reading several secrets. So the thread carries out the request itself. Before that, another thread takes its place in
//! the [`runtime`](super::runtime), and the request may wait for a disk.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

pub(crate) type InPlaceTask = Box<dyn FnOnce() + Send>;

/// Tasks of which a few are carried out at the same time. The others wait in their order.
pub(crate) struct InPlaceQueue {
    /// The most that are carried out at the same time.
    most: usize,
    state: Mutex<QueueState>,
}

#[derive(Default)]
struct QueueState {
    running: usize,
    waiting: VecDeque<InPlaceTask>,
}

impl InPlaceQueue {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// Has a thread of the runtime carry out a task when the calling task of the runtime waits next, or queues it.
    pub(crate) fn add(self: &Arc<Self>, task: InPlaceTask) {
        if let Some(task) = self.begin(task) {
            let place = Place { queue: self.clone(), is_given_back: false };
            tokio::spawn(async move {
                match Handle::current().runtime_flavor() {
                    RuntimeFlavor::CurrentThread => place.run(task),
                    _ => block_in_place(|| place.run(task)),
                }
            });
        }
    }

    /// Returns the task if it may be carried out now.
    fn begin(&self, task: InPlaceTask) -> Option<InPlaceTask> {
        let mut state = self.state();
        if state.running < self.most {
            state.running += 1;
            return Some(task);
        }
        state.waiting.push_back(task);
        None
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        // No thread panics while it has the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the places of a queue. It is free again when this is dropped, even if no task was carried out.
struct Place {
    queue: Arc<InPlaceQueue>,
    is_given_back: bool,
}

impl Place {
    /// Carries out a task, and then those that wait.
    fn run(mut self, task: InPlaceTask) {
        let mut next = Some(task);
        while let Some(task) = next {
            // The client that waits for its result learns of a panic, and the next task is that of another client.
            let _ = catch_unwind(AssertUnwindSafe(task));
            next = self.next();
        }
    }

    /// The next task that waits. Without one, the place is given back at the same moment.
    fn next(&mut self) -> Option<InPlaceTask> {
        let mut state = self.queue.state();
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.running -= 1;
            self.is_given_back = true;
        }
        next
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_given_back {
            self.queue.state().running -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use tokio::runtime::Builder;
    use tokio::sync::oneshot;

    use super::{InPlaceQueue, Place};
    use crate::runtime;

    /// After this a test has failed.
    const DEADLINE: Duration = Duration::from_secs(30);

    #[test]
    fn the_runtime_continues_while_tasks_wait() {
        let runtime = runtime::start(2).expect("a runtime");
        let queue = Arc::new(InPlaceQueue::new(2));
        let (done, all_done) = channel();
        let mut waiting = Vec::new();
        let _inside = runtime.enter();
        for _ in 0..2 {
            let (go, gone) = channel();
            let done = done.clone();
            waiting.push(go);
            queue.add(Box::new(move || {
                gone.recv_timeout(DEADLINE).expect("the runtime continues");
                done.send(()).expect("a receiver");
            }));
        }
        // Both tasks wait for this one, which needs a third thread.
        runtime
            .spawn(async move { waiting.iter().for_each(|go| go.send(()).expect("a receiver")) });
        (0..2).for_each(|_| all_done.recv_timeout(DEADLINE).expect("in time"));
    }

    #[test]
    fn no_more_than_a_few_are_carried_out_and_the_others_keep_their_order() {
        let runtime = runtime::start(1).expect("a runtime");
        let queue = Arc::new(InPlaceQueue::new(1));
        let (done, order) = channel();
        let (go, gone) = channel::<()>();
        let _inside = runtime.enter();
        queue.add(Box::new(move || _ = gone.recv()));
        for number in 0..10 {
            let done = done.clone();
            queue.add(Box::new(move || {
                done.send(number).expect("a receiver");
                assert_ne!(number, 3, "a task that panics");
            }));
        }
        assert!(order.try_recv().is_err(), "the first is not done");
        drop(go);
        let order: Vec<_> =
            (0..10).map(|_| order.recv_timeout(DEADLINE).expect("in time")).collect();
        assert_eq!(order, (0..10).collect::<Vec<_>>());
        // The place of a task that has panicked is free again.
        let (done, again) = oneshot::channel();
        queue.add(Box::new(move || done.send(()).expect("a receiver")));
        runtime.block_on(again).expect("it was carried out");
    }

    #[test]
    fn without_a_thread_that_takes_its_place_the_runtime_carries_out_the_task() {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let queue = Arc::new(InPlaceQueue::new(1));
        for _ in 0..3 {
            let (done, again) = oneshot::channel();
            let of_task = queue.clone();
            runtime.block_on(async move {
                of_task.add(Box::new(move || done.send(()).expect("a receiver")));
                again.await.expect("it was carried out");
            });
        }
    }

    #[test]
    fn a_place_is_free_again_if_its_task_is_not_carried_out() {
        let queue = Arc::new(InPlaceQueue::new(1));
        let begun = queue.begin(Box::new(|| {}));
        assert!(begun.is_some() && queue.begin(Box::new(|| {})).is_none());
        drop(Place { queue: queue.clone(), is_given_back: false });
        assert!(queue.begin(Box::new(|| {})).is_some());
    }
}
