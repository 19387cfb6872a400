//! The same work with each of several items, in several threads.

use std::panic::resume_unwind;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

/// The number of threads that wait for a disk: a file system that syncs several files at once writes
/// less.
pub const DISK_THREADS: usize = 8;

/// The number of threads that compute at the same time.
pub fn cores() -> usize {
    // The system reads files for the answer.
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Calls `work` with each item, in this thread and in as many of `threads - 1` others as may be started.
/// Returns the results in the order of the items.
///
/// # Errors
///
/// One of those of `work`. Some items are not worked on then.
pub fn in_parallel<T: Send, U: Send, E: Send>(
    threads: usize,
    items: Vec<T>,
    work: impl Fn(T) -> Result<U, E> + Sync,
) -> Result<Vec<U>, E> {
    let others = threads.min(items.len()).saturating_sub(1);
    let queue = Mutex::new(items.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || {
        let mut done = Vec::new();
        while let Some((index, item)) = next() {
            done.push((index, work(item)?));
        }
        Ok(done)
    };
    let mut done = thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, run).ok();
        let threads: Vec<_> = (0..others).map_while(start).collect();
        let mut done = run()?;
        for thread in threads {
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(done)
    })?;
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, done)| done).collect())
}

/// Calls both, at the same time if another thread may be started.
pub fn beside<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    let one = Mutex::new(Some(one));
    let run = || {
        let one = one.lock().unwrap_or_else(PoisonError::into_inner).take();
        one.map(|one| one())
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, run);
        let other = other();
        let one = match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => run(),
        };
        (one.expect("only one thread has called it"), other)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Barrier, Mutex};
    use std::thread;

    use super::{beside, in_parallel};

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for threads in [0, 1, 3, 200] {
            let done = in_parallel(threads, (0..100).collect(), |item: u32| Ok::<_, ()>(item * 2));
            assert_eq!(done, Ok((0..100).map(|item| item * 2).collect()), "{threads} threads");
        }
        let failed =
            in_parallel(3, (0..100).collect(), |item| if item == 50 { Err(item) } else { Ok(()) });
        assert_eq!(failed, Err(50));
    }

    #[test]
    fn as_many_threads_work_at_once() {
        let (all_here, seen) = (Barrier::new(3), Mutex::new(BTreeSet::new()));
        let done = in_parallel(3, vec![(); 3], |()| {
            all_here.wait();
            seen.lock().expect("no panic").insert(format!("{:?}", thread::current().id()));
            Ok::<_, ()>(())
        });
        assert!(done.is_ok());
        assert_eq!(seen.into_inner().expect("no panic").len(), 3);
    }

    #[test]
    fn two_things_are_done_beside_each_other() {
        let both_here = Barrier::new(2);
        let wait = || both_here.wait().is_leader();
        let (one, other) = beside(wait, wait);
        assert_ne!(one, other);
    }
}
