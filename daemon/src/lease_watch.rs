//! Notices when nobody holds a lease any more. One task for each lease; no thread and no clock.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::net::unix::pipe::Receiver;

use crate::lease_files::is_held;
use crate::leases::{LeaseTable, LeaseWatch};

/// Removes a lease when nobody holds it. To be begun when whoever was to hold it does, or never will.
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
    // Of a writer that came and went before the first look there is no event.
    if !is_held(&reader) {
        return;
    }
    while reader.readable().await.is_ok() {
        match reader.try_read(&mut [0; 64]) {
            Ok(0) => return,
            // What somebody writes into it means nothing.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
