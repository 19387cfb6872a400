//! The runtime that serves clients: one thread, and others that take its place while it carries out a request.

use std::io;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// The runtime's thread, one that takes its place, and one for locks.
const LEAST_THREADS: usize = 3;
/// How long its threads may take to end.
const END_TIMEOUT: Duration = Duration::from_millis(100);

/// Starts a runtime of one thread, whose place this number of others can take at the same time. If the system allows few
/// threads, none takes its place, and it waits for each request that it carries out.
pub(crate) fn start(others: usize) -> io::Result<Runtime> {
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
    if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
        start_at_once(others, |wait| {
            drop(runtime.spawn_blocking(wait));
            true
        });
    }
}

/// Runs a server in the runtime's own thread: only that one waits for clients.
pub(crate) fn run<T: Send + 'static>(
    runtime: Runtime,
    server: impl Future<Output = T> + Send + 'static,
) -> T {
    let ended = runtime.block_on(runtime.spawn(server));
    // A disk that hangs may keep one of its threads. The others are gone before the locks are free for the next daemon.
    runtime.shutdown_timeout(END_TIMEOUT);
    ended.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// Whether the system allows this number of threads beside those that run.
fn may_start(threads: usize) -> bool {
    let mut started = Vec::new();
    let may = start_at_once(threads, |wait| {
        let thread = thread::Builder::new().spawn(wait);
        thread.map(|thread| started.push(thread)).is_ok()
    });
    // They count until then.
    started.into_iter().for_each(|thread| _ = thread.join());
    may
}

/// Starts threads with `start`, which returns whether it did. Each waits until all are started. Returns whether all are.
fn start_at_once(threads: usize, mut start: impl FnMut(Box<dyn FnOnce() + Send>) -> bool) -> bool {
    let (all_started, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let may = (0..threads).all(|_| {
        let wait = wait.clone();
        start(Box::new(move || _ = wait.lock().map(|wait| wait.recv())))
    });
    drop(all_started);
    may
}
