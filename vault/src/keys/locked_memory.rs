//! Memory that holds a key: a place of its own, which is not swapped, and a stack that is wiped.

use std::hint::black_box;
use std::io;
use std::ops::Deref;
use std::sync::Once;

use region::LockGuard;
use zeroize::Zeroize;

/// How much of the stack is wiped: more than the age library uses.
const STACK_BYTES: usize = 64 << 10;

/// Something on a page of memory that has nothing else on it. Locks count pages and not what is on
/// them, so the end of one must not be the end of another's.
#[repr(align(4096))]
struct Page<T>(Option<T>);

/// Something that is in one place, which is not swapped when the limits allow that. When it is
/// dropped it is wiped first, and unlocked then.
pub struct Pinned<T> {
    _lock: Option<LockGuard>,
    page: Box<Page<T>>,
}

impl<T> Pinned<T> {
    pub fn new(value: T) -> Self {
        let page = Box::new(Page(Some(value)));
        let lock = region::lock(&raw const *page, size_of::<Page<T>>());
        let lock = lock.map_err(io::Error::from).inspect_err(warn).ok();
        Self { _lock: lock, page }
    }
}

/// Once: it would be the same each time, and it ends nothing.
fn warn(error: &io::Error) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "the identity cannot be locked into memory, so it may be swapped: {error}; \
             raise the limit (ulimit -l) before the daemon is started"
        );
    });
}

impl<T> Deref for Pinned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.page.0.as_ref().expect("it is taken away when it is dropped")
    }
}

impl<T> Drop for Pinned<T> {
    fn drop(&mut self) {
        // Where it is, while that is still locked.
        self.page.0 = None;
    }
}

/// Does something that leaves a key, or a value, on the stack, and wipes what it left there. What it
/// gives back should be elsewhere.
pub(crate) fn wiping_stack<T>(work: impl FnOnce() -> T) -> T {
    let done = apart(work);
    wipe();
    done
}

#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Lies where the frames of what was called before it were.
#[inline(never)]
fn wipe() {
    // Each write is carried out by itself, so they are of words: of bytes it takes longer than opening.
    let mut left = [0_u64; STACK_BYTES / size_of::<u64>()];
    left.zeroize();
    black_box(&left);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Page, Pinned};

    #[test]
    fn what_is_pinned_has_its_page_to_itself_and_is_dropped_once() {
        struct Counted<'a>(&'a AtomicUsize);
        impl Drop for Counted<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let dropped = AtomicUsize::new(0);
        let pinned = Pinned::new(Counted(&dropped));
        let address = (&raw const *pinned.page).addr();
        assert_eq!((address % 4096, size_of::<Page<Counted>>() % 4096), (0, 0));
        assert_eq!(pinned.0.load(Ordering::Relaxed), 0);
        drop(pinned);
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    }
}
