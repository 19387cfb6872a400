//! Waits until something in the cluster's directories changes.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
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
            | WatchFlags::MOVE
            | WatchFlags::MOVE_SELF;
        let _ = add_watch(&self.inotify, directory, flags);
    }

    /// Waits for a change since the last call.
    pub(crate) fn wait(&self) {
        let mut descriptors = [PollFd::new(&self.inotify, PollFlags::IN)];
        let _ = poll(&mut descriptors, None);
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(&self.inotify, &mut buffer);
        while events.next().is_ok() {}
    }
}
