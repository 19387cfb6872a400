//! Waiting for the disk in several threads: a file system that syncs several files at once writes less.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

const THREADS: usize = 8;

/// Calls `work` with each item, in as many threads as may be started. Returns the results in the order
/// of the items.
pub(crate) fn in_parallel<T: Send, U: Send, E: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<U, E> + Sync,
) -> Result<Vec<U>, E> {
    let count = items.len();
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
        let threads: Vec<_> = (0..THREADS.min(count)).map_while(start).collect();
        let mut done = if threads.is_empty() { run()? } else { Vec::new() };
        for thread in threads {
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(done)
    })?;
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, done)| done).collect())
}
