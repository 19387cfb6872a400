//! Memory that holds a key: a page that is not swapped, and a stack that is wiped.

use std::cell::Cell;
use std::io;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::Once;

use region::LockGuard;
use zeroize::optimization_barrier;

/// How much of the stack is wiped: more than reading a secret uses, with the age library.
const STACK_BYTES: usize = 64 << 10;

/// A value on a page of its own: the system locks pages, so two values on one page would share a lock.
#[repr(align(4096))]
struct Page<T>(Option<T>);

/// A value in memory that is not swapped, if the limits allow that. It is wiped before the memory is
/// unlocked.
pub(crate) struct LockedMemory<T> {
    _lock: Option<LockGuard>,
    page: Box<Page<T>>,
}

impl<T> LockedMemory<T> {
    /// Warns if the limits do not allow it, and holds the value all the same.
    pub(crate) fn new(value: T) -> Self {
        let page = Box::new(Page(Some(value)));
        let lock = page.lock().inspect_err(warn).ok();
        Self { _lock: lock, page }
    }

    /// `None` if the limits do not allow it.
    pub(crate) fn locked(value: T) -> Option<Self> {
        let page = Box::new(Page(Some(value)));
        let lock = page.lock().ok()?;
        Some(Self { _lock: Some(lock), page })
    }
}

impl<T> Page<T> {
    fn lock(&self) -> io::Result<LockGuard> {
        region::lock(ptr::from_ref(self), size_of::<Self>()).map_err(io::Error::from)
    }
}

/// Warns once: the reason is the same each time.
fn warn(error: &io::Error) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "the identity cannot be locked into memory, so it may be swapped: {error} \
             (see ulimit -l)"
        );
    });
}

impl<T> Deref for LockedMemory<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.page.0.as_ref().expect("it is there until this is dropped")
    }
}

impl<T> DerefMut for LockedMemory<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.page.0.as_mut().expect("it is there until this is dropped")
    }
}

impl<T> Drop for LockedMemory<T> {
    fn drop(&mut self) {
        // While the page is still locked.
        self.page.0 = None;
    }
}

thread_local! {
    /// Whether this thread wipes its stack when it has read several values.
    static READS_SEVERAL: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, which leaves a key or a value on the stack, and wipes the stack. The result should
/// keep secrets on the heap.
pub(crate) fn wiping_stack<T>(work: impl FnOnce() -> T) -> T {
    let done = apart(work);
    wipe();
    done
}

/// The same for work that leaves a value and its file key. Within [`wiping_stack_once`], the stack is wiped at the end of
/// that.
pub(crate) fn wiping_value<T>(work: impl FnOnce() -> T) -> T {
    match READS_SEVERAL.get() {
        true => work(),
        false => wiping_stack(work),
    }
}

/// Runs `work`, which reads several values, and wipes the stack once after it. What the identity leaves is wiped at once.
pub fn wiping_stack_once<T>(work: impl FnOnce() -> T) -> T {
    /// Ends them, even by a panic.
    struct SeveralReads(bool);
    impl Drop for SeveralReads {
        fn drop(&mut self) {
            READS_SEVERAL.set(self.0);
        }
    }
    wiping_stack(|| {
        let _reads = SeveralReads(READS_SEVERAL.replace(true));
        work()
    })
}

#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Its frame covers those of the earlier call.
#[inline(never)]
fn wipe() {
    // A variable: the compiler would keep a constant elsewhere. It has to write it, because anything may be done with it at
    // the barrier.
    let left = [0_u8; STACK_BYTES];
    optimization_barrier(&left);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{LockedMemory, Page};

    #[test]
    fn locked_memory_has_its_page_to_itself_and_is_dropped_once() {
        struct Counted<'a>(&'a AtomicUsize);
        impl Drop for Counted<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let dropped = AtomicUsize::new(0);
        let locked = LockedMemory::new(Counted(&dropped));
        let address = (&raw const *locked.page).addr();
        assert_eq!((address % 4096, size_of::<Page<Counted>>() % 4096), (0, 0));
        assert_eq!(locked.0.load(Ordering::Relaxed), 0);
        drop(locked);
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    }
}
