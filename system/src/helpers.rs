//! Threads that help others, and stay: starting one takes as long as decrypting a few secrets.
//!
//! No thread waits for a helper that has not begun. So what hangs a helper, such as a disk, hangs only the thread that gave it
//! that work.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::parallel::{DISK_THREADS, cores};

/// Helpers for what is read and computed: one thread for each core but the first.
pub static READ_HELPERS: Helpers = Helpers::new("read-helper", || cores() - 1);

/// Helpers that wait for a disk.
pub static DISK_HELPERS: Helpers = Helpers::new("disk-helper", || DISK_THREADS - 1);

/// The most tasks that wait for a helper.
const WAITING_TASKS: usize = 64;

type Task = Box<dyn FnOnce() + Send>;

/// A few threads. One is started when all others are busy.
pub struct Helpers {
    name: &'static str,
    /// The most threads.
    threads: fn() -> usize,
    tasks: Mutex<Tasks>,
    added: Condvar,
}

struct Tasks {
    waiting: VecDeque<Task>,
    /// The number of threads that were started.
    threads: usize,
    /// The number of those that wait for a task.
    idle: usize,
}

/// Items that several threads work on.
pub struct SharedItems<T, U> {
    state: Mutex<SharedState<T, U>>,
    changed: Condvar,
}

struct SharedState<T, U> {
    /// Those that no thread has taken, the last one first.
    items: Vec<(usize, T)>,
    done: Vec<(usize, U)>,
    /// The number of helpers that have begun.
    helpers: usize,
}

/// Counts a helper until its work is over, even by a panic.
struct Helping<T, U>(Arc<SharedItems<T, U>>);

impl Helpers {
    const fn new(name: &'static str, threads: fn() -> usize) -> Self {
        Self {
            name,
            threads,
            tasks: Mutex::new(Tasks { waiting: VecDeque::new(), threads: 0, idle: 0 }),
            added: Condvar::new(),
        }
    }

    /// Works on all items, in this thread and in at most `others` helpers, and returns the results in the order of the
    /// items. `work` is called in each of these threads, and works on items by [`SharedItems::work`]. What it owns is dropped
    /// when this returns.
    ///
    /// # Panics
    ///
    /// If `work` does, in any of the threads.
    pub fn share<T: Send + 'static, U: Send + 'static>(
        &'static self,
        others: usize,
        items: Vec<T>,
        work: impl Fn(&SharedItems<T, U>) + Send + Sync + 'static,
    ) -> Vec<U> {
        let count = items.len();
        let shared = Arc::new(SharedItems::of(items));
        let others = others.min(count.saturating_sub(1));
        if others == 0 {
            work(&shared);
        } else {
            let work = Arc::new(work);
            for _ in 0..others {
                // A task that waits keeps nothing: it may wait for a helper that hangs.
                let (shared, work) = (Arc::downgrade(&shared), Arc::downgrade(&work));
                self.start(Box::new(move || {
                    let helping = shared.upgrade().and_then(Helping::begin);
                    if let (Some(helping), Some(work)) = (helping, work.upgrade()) {
                        work(&helping.0);
                        drop(work);
                    }
                }));
            }
            work(&shared);
        }
        shared.finish(count)
    }

    /// Calls both. `one` is called in a helper if one is free before `other` is done, and else in this thread.
    ///
    /// # Panics
    ///
    /// If one of them does.
    pub fn beside<A: Send + 'static, B>(
        &'static self,
        one: impl FnOnce() -> A + Send + 'static,
        other: impl FnOnce() -> B,
    ) -> (A, B) {
        let shared = Arc::new(SharedItems::of(vec![one]));
        let of_helper = Arc::downgrade(&shared);
        self.start(Box::new(move || {
            if let Some(helping) = of_helper.upgrade().and_then(Helping::begin) {
                helping.0.work(|one| one());
            }
        }));
        let other = other();
        shared.work(|one| one());
        let one = shared.finish(1).pop().unwrap_or_else(|| helper_panicked());
        (one, other)
    }

    /// Gives a task to a helper. It is dropped if none could be started, or if many tasks wait already.
    fn start(&'static self, task: Task) {
        let mut tasks = self.tasks();
        // The system may allow later what it did not allow before.
        if tasks.idle <= tasks.waiting.len() && tasks.threads < (self.threads)() {
            let thread = thread::Builder::new().name(self.name.to_owned());
            if thread.spawn(|| self.help()).is_ok() {
                tasks.threads += 1;
                tasks.idle += 1;
            }
        }
        if tasks.threads > 0 && tasks.waiting.len() < WAITING_TASKS {
            tasks.waiting.push_back(task);
            drop(tasks);
            self.added.notify_one();
        }
    }

    fn help(&self) {
        loop {
            let is_idle = |tasks: &mut Tasks| tasks.waiting.is_empty();
            let waited = self.added.wait_while(self.tasks(), is_idle);
            let mut tasks = waited.unwrap_or_else(PoisonError::into_inner);
            tasks.idle -= 1;
            let task = tasks.waiting.pop_front();
            drop(tasks);
            // The thread that waits for it learns of a panic, and the next task is that of another one.
            let _ = task.map(|task| catch_unwind(AssertUnwindSafe(task)));
            self.tasks().idle += 1;
        }
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn helper_panicked() -> ! {
    resume_unwind(Box::new("a helper has panicked"))
}

impl<T, U> SharedItems<T, U> {
    fn of(items: Vec<T>) -> Self {
        let items = items.into_iter().enumerate().rev().collect();
        let state = SharedState { items, done: Vec::new(), helpers: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Works on items until all are taken.
    pub fn work(&self, work: impl Fn(T) -> U) {
        loop {
            let next = self.state().items.pop();
            let Some((place, item)) = next else { return };
            let done = work(item);
            self.state().done.push((place, done));
        }
    }

    /// Waits for the helpers that have begun.
    fn finish(&self, count: usize) -> Vec<U> {
        let state = self.state();
        let is_helped = |state: &mut SharedState<T, U>| state.helpers > 0;
        let waited = self.changed.wait_while(state, is_helped);
        let mut done = std::mem::take(&mut waited.unwrap_or_else(PoisonError::into_inner).done);
        if done.len() < count {
            helper_panicked();
        }
        done.sort_unstable_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, done)| done).collect()
    }

    fn state(&self) -> MutexGuard<'_, SharedState<T, U>> {
        // No thread panics while it has the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, U> Helping<T, U> {
    /// `None` if there is nothing left to do.
    fn begin(shared: Arc<SharedItems<T, U>>) -> Option<Self> {
        let mut state = shared.state();
        if state.items.is_empty() {
            return None;
        }
        state.helpers += 1;
        drop(state);
        Some(Self(shared))
    }
}

impl<T, U> Drop for Helping<T, U> {
    fn drop(&mut self) {
        self.0.state().helpers -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Barrier, Mutex, PoisonError};
    use std::thread;

    use super::{Helpers, Tasks};

    static NONE: Helpers = Helpers::new("none", || 0);
    static ONE: Helpers = Helpers::new("one", || 1);
    static THREE: Helpers = Helpers::new("three", || 3);

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for (helpers, others) in [(&NONE, 3), (&ONE, 3), (&THREE, 3), (&THREE, 0), (&THREE, 200)] {
            let done = helpers.share(others, (0..100).collect(), |shared| {
                shared.work(|item: u32| item * 2);
            });
            assert_eq!(done, (0..100).map(|item| item * 2).collect::<Vec<_>>());
        }
        assert!(THREE.share(3, Vec::<()>::new(), |shared| shared.work(|item| item)).is_empty());
    }

    #[test]
    fn helpers_work_at_the_same_time() {
        let all_here = Arc::new(Barrier::new(4));
        let done = THREE.share(3, vec![(); 4], move |shared| {
            shared.work(|()| {
                all_here.wait();
                thread::current().id()
            });
        });
        let mut threads: Vec<_> = done.iter().map(|id| format!("{id:?}")).collect();
        threads.sort_unstable();
        threads.dedup();
        assert_eq!(threads.len(), 4);
    }

    #[test]
    fn two_things_are_done_beside_each_other() {
        static BESIDE: Helpers = Helpers::new("beside", || 1);
        let here = Arc::new(Barrier::new(2));
        let of_helper = here.clone();
        let one = move || of_helper.wait().is_leader();
        let (one, other) = BESIDE.beside(one, || here.wait().is_leader());
        assert_ne!(one, other);
        assert_eq!(NONE.beside(|| 1, || 2), (1, 2));
    }

    #[test]
    fn a_thread_is_started_when_the_others_are_busy() {
        static FEW: Helpers = Helpers::new("few", || 3);
        for others in [1, 1, 2] {
            let all_here = Arc::new(Barrier::new(others + 1));
            FEW.share(others, vec![(); others + 1], move |shared| {
                shared.work(|()| all_here.wait().is_leader());
            });
            let is_busy = |tasks: &Tasks| tasks.idle < tasks.threads;
            while is_busy(&FEW.tasks()) {
                thread::yield_now();
            }
            assert_eq!(FEW.tasks().threads, others);
        }
    }

    #[test]
    fn no_thread_waits_for_a_helper_that_is_busy() {
        static BUSY: Helpers = Helpers::new("busy", || 1);
        let begun = Arc::new(Barrier::new(3));
        let (end, ended) = channel::<()>();
        let (ended, of_busy) = (Arc::new(Mutex::new(ended)), begun.clone());
        let busy = thread::spawn(move || {
            BUSY.share(1, vec![(), ()], move |shared| {
                shared.work(|()| {
                    of_busy.wait();
                    // Both wait for the same end.
                    let _ = ended.lock().unwrap_or_else(PoisonError::into_inner).recv();
                });
            })
        });
        begun.wait();
        let shared = BUSY.share(1, vec![1, 2], |shared| shared.work(|item: u32| item + 1));
        assert_eq!(shared, [2, 3]);
        drop(end);
        assert_eq!(busy.join().expect("no panic").len(), 2);
    }

    #[test]
    fn what_the_work_owns_is_dropped_when_it_is_done() {
        for _ in 0..100 {
            let owned = Arc::new(());
            let of_work = owned.clone();
            THREE.share(3, (0..10).collect(), move |shared| {
                shared.work(|_: u32| drop(of_work.clone()));
            });
            assert_eq!(Arc::strong_count(&owned), 1);
        }
    }

    #[test]
    fn a_panic_of_a_helper_reaches_the_thread_that_waits_and_no_other() {
        for _ in 0..2 {
            let both_here = Arc::new(Barrier::new(2));
            let panicked = catch_unwind(|| {
                ONE.share(1, vec![(), ()], move |shared| {
                    shared.work(|()| {
                        both_here.wait();
                        assert_ne!(thread::current().name(), Some("one"), "in the helper");
                    });
                })
            });
            assert!(panicked.is_err());
        }
        assert_eq!(ONE.share(1, vec![1, 2], |shared| shared.work(|item: u32| item)), [1, 2]);
    }
}
