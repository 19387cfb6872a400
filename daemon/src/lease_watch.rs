//! Notices when the last holder of a lease is gone: one task for each lease, without a thread or a clock.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::net::unix::pipe::Receiver;

use crate::lease_files::is_held;
use crate::leases::{LeaseTable, LeaseWatch};

/// Removes a lease when no process holds it. To be started after the launcher holds it, or is gone.
pub(crate) async fn watch(leases: Arc<LeaseTable>, id: String) {
    let Some(LeaseWatch { reader, ended }) = leases.watch(&id) else { return };
    tokio::select! {
        _ = ended => {}
        () = released(reader) => {
            leases.remove(&id);
        }
    }
}

/// Completes when the FIFO has no writer any more.
async fn released(reader: OwnedFd) {
    let reader = match Receiver::from_owned_fd(reader) {
        Ok(reader) => reader,
        Err(error) => {
            tracing::warn!("a lease that cannot be watched is removed: {error}");
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
