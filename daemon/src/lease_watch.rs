//! Notices when the last holder of a lease is gone: one task for each lease, without a thread or a clock.

use std::io::ErrorKind;
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::net::unix::pipe::Receiver;
use tokio::runtime::Handle;

use crate::lease_files::is_held;
use crate::leases::{LeaseTable, LeaseWatch};

/// Holds a lease until it is dropped. Then the lease is watched, and removed when no process holds it.
#[derive(Debug)]
pub(crate) struct LeaseHold {
    leases: Arc<LeaseTable>,
    id: String,
}

impl LeaseHold {
    pub(crate) fn new(leases: Arc<LeaseTable>, id: String) -> Self {
        Self { leases, id }
    }
}

impl Drop for LeaseHold {
    fn drop(&mut self) {
        // Without a runtime the daemon is stopping, and the next one takes the lease over.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(watch(self.leases.clone(), mem::take(&mut self.id)));
        }
    }
}

async fn watch(leases: Arc<LeaseTable>, id: String) {
    let Some(LeaseWatch { reader, ended }) = leases.watch(&id) else { return };
    tokio::select! {
        _ = ended => {}
        () = released(reader) => {
            leases.remove(&id);
        }
    }
}

async fn released(reader: OwnedFd) {
    let reader = match Receiver::from_owned_fd(reader) {
        Ok(reader) => reader,
        Err(error) => {
            tracing::warn!("a lease was removed, because it cannot be watched: {error}");
            return;
        }
    };
    // There is no event for a writer that has already closed the FIFO.
    if !is_held(&reader) {
        return;
    }
    while reader.readable().await.is_ok() {
        match reader.try_read(&mut [0; 64]) {
            Ok(0) => return,
            // What is written into it means nothing.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
