//! Waits until something in the cluster's directories changes.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

pub(crate) struct Changes {
    inotify: OwnedFd,
}

impl Changes {
    pub(crate) fn new() -> Result<Self, String> {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        Ok(Self { inotify: init(flags).map_err(|error| error.to_string())? })
    }

    /// Watches a directory, if it is there. Doing so again changes nothing.
    pub(crate) fn watch(&self, directory: &Path) {
        let flags = WatchFlags::CREATE
            | WatchFlags::MODIFY
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE;
        let _ = add_watch(&self.inotify, directory, flags);
    }

    /// Waits for a change since the last call, at most this long.
    pub(crate) fn wait(&self, at_most: Duration) {
        let timeout = Timespec::try_from(at_most).ok();
        let mut descriptors = [PollFd::new(&self.inotify, PollFlags::IN)];
        let _ = poll(&mut descriptors, timeout.as_ref());
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(&self.inotify, &mut buffer);
        while events.next().is_ok() {}
    }
}
