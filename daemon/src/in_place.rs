//! Requests that are carried out by the thread that has received them.
//!
//! One thread waits for all clients: that of the runtime. To pass a request to another thread and wake that one takes as long
//! as reading several secrets. So the thread carries out the request itself. Before that, another thread takes its place in
//! the runtime. So the request may wait for a disk.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
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
            let queue = self.clone();
            tokio::spawn(async move { block_in_place(|| queue.run(task)) });
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

    /// Carries out a task, and then those that wait.
    fn run(&self, task: InPlaceTask) {
        let mut next = Some(task);
        while let Some(task) = next {
            // The client that waits for its result learns of a panic, and the next task is that of another client.
            let _ = catch_unwind(AssertUnwindSafe(task));
            next = self.next();
        }
    }

    fn next(&self) -> Option<InPlaceTask> {
        let mut state = self.state();
        let next = state.waiting.pop_front();
        state.running -= usize::from(next.is_none());
        next
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        // No thread panics while it has the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A runtime of one thread, whose place this number of others can take at the same time.
///
/// # Errors
///
/// If the system allows no more threads.
pub(crate) fn runtime(others: usize) -> io::Result<Runtime> {
    // The library panics without its thread. It does with one if it gets no others: then the runtime waits for what is
    // carried out in its place.
    let _ = thread::Builder::new().spawn(|| {})?.join();
    Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1 + others)
        .thread_name("clients")
        // To start a thread takes as long as it saves.
        .thread_keep_alive(Duration::MAX)
        .enable_all()
        .build()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::{InPlaceQueue, runtime};

    /// After this a test has failed.
    const DEADLINE: Duration = Duration::from_secs(30);

    #[test]
    fn the_runtime_goes_on_while_tasks_wait() {
        let runtime = runtime(2).expect("a runtime");
        let queue = Arc::new(InPlaceQueue::new(2));
        let (done, all_done) = channel();
        let mut waiting = Vec::new();
        let _inside = runtime.enter();
        for _ in 0..2 {
            let (go, gone) = channel();
            let done = done.clone();
            waiting.push(go);
            queue.add(Box::new(move || {
                gone.recv_timeout(DEADLINE).expect("the runtime goes on");
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
        let runtime = runtime(1).expect("a runtime");
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
}
