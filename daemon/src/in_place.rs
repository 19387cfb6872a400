//! Requests that are carried out by the thread that has received them.
//!
//! One thread waits for all clients: that of the runtime. To pass a request to another thread and wake that one takes as long
//! as reading several secrets. So the thread carries out the request itself. Before that, another thread takes its place in
//! the runtime. So the request may wait for a disk.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
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

/// A runtime of one thread, whose place this number of others can take at the same time. If the system allows few threads,
/// nothing takes its place, and it waits for each task that is carried out.
pub(crate) fn runtime(others: usize) -> io::Result<Runtime> {
    if !may_start(LEAST_THREADS) {
        return Builder::new_current_thread().enable_all().build();
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(others)
        .thread_name("clients")
        .thread_keep_alive(Duration::MAX)
        .enable_all()
        .build()?;
    // The library panics if it cannot start the first one that takes the place. With that one, it does without more.
    drop(runtime.spawn_blocking(|| {}));
    Ok(runtime)
}

/// Starts the threads that take the place, as far as the system allows them. Else a request would wait for that.
pub(crate) fn start_others(runtime: &Handle, others: usize) {
    if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
        return;
    }
    let (end, ended) = mpsc::channel::<()>();
    let ended = Arc::new(Mutex::new(ended));
    for _ in 0..others {
        let ended = ended.clone();
        // Each waits for the end, so the next one needs a thread of its own.
        runtime.spawn_blocking(move || _ = ended.lock().map(|ended| ended.recv()));
    }
    drop(end);
}

/// The runtime's thread, one that takes its place, and one for locks.
const LEAST_THREADS: usize = 3;

/// Whether the system allows this number of threads beside those that run.
fn may_start(threads: usize) -> bool {
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    thread::scope(|scope| {
        // They run at the same time: each waits for the end.
        let wait = || _ = ended.lock().map(|ended| ended.recv());
        let start = || thread::Builder::new().spawn_scoped(scope, wait).is_ok();
        let may = (0..threads).all(|_| start());
        drop(end);
        may
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use tokio::runtime::Builder;
    use tokio::sync::oneshot;

    use super::{InPlaceQueue, Place, runtime};

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
