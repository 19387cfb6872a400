//! How many bytes of values are in memory at a time, on their way to clients or from them.
//!
//! Small requests and answers are not counted: the number of connections bounds them. A client that takes or
//! sends nothing for a second while there is little room loses its place, so no silent client blocks others.

use std::sync::Arc;
use std::time::Duration;

use fluvio_secret_protocol::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// Bytes in flight: eight of the largest grants.
const ROOM_BYTES: usize = 8 * limits::GRANT_BYTES;
const UNIT: usize = 1 << 10;
/// What is not counted.
const SMALL: usize = limits::CONFIG_BYTES;
/// How long a client may make no progress while there is little room.
const STALL: Duration = Duration::from_secs(1);

/// The room that there is.
#[derive(Clone, Debug)]
pub(crate) struct InFlight(Arc<Semaphore>);

/// Some of the room, until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Room(Option<OwnedSemaphorePermit>);

/// A client makes no progress, and others need its room.
#[derive(Debug)]
pub(crate) struct Stalled;

impl Default for InFlight {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_BYTES / UNIT)))
    }
}

impl InFlight {
    /// Waits for room, in the order of those who wait.
    pub(crate) async fn room_for(&self, bytes: usize) -> Room {
        if bytes <= SMALL {
            return Room(None);
        }
        let permits = u32::try_from(bytes.min(ROOM_BYTES).div_ceil(UNIT)).unwrap_or(u32::MAX);
        // It is never closed.
        Room(self.0.clone().acquire_many_owned(permits).await.ok())
    }

    /// Does one step of sending or receiving. It may take its time while there is room for others.
    pub(crate) async fn step<T>(&self, step: impl Future<Output = T>) -> Result<T, Stalled> {
        tokio::pin!(step);
        loop {
            tokio::select! {
                biased;
                done = &mut step => return Ok(done),
                () = sleep(STALL) => {
                    if self.0.available_permits() < limits::GRANT_BYTES / UNIT {
                        return Err(Stalled);
                    }
                }
            }
        }
    }
}

impl Room {
    /// Gives back what is not needed for this number of bytes.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        if bytes <= SMALL {
            self.0 = None;
        }
        if let Some(permit) = &mut self.0 {
            let left = permit.num_permits().saturating_sub(bytes.div_ceil(UNIT));
            drop(permit.split(left));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fluvio_secret_protocol::limits;
    use tokio::runtime::Builder;
    use tokio::time::timeout;

    use super::{InFlight, ROOM_BYTES, SMALL, UNIT};

    #[test]
    fn c14_room_is_bounded_given_back_and_not_needed_for_what_is_small() {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let in_flight = InFlight::default();
            let is_full =
                async |bytes| timeout(Duration::ZERO, in_flight.room_for(bytes)).await.is_err();
            let mut all = Vec::new();
            for _ in 0..ROOM_BYTES / limits::GRANT_BYTES {
                all.push(in_flight.room_for(limits::GRANT_BYTES).await);
            }
            assert!(is_full(SMALL + 1).await && !is_full(SMALL).await);
            all[0].shrink_to(limits::GRANT_BYTES - SMALL - UNIT);
            assert!(!is_full(SMALL + 1).await && is_full(SMALL + 2 * UNIT).await);
            all[1].shrink_to(1);
            assert!(!is_full(limits::GRANT_BYTES).await);
            all.clear();
            assert!(!is_full(ROOM_BYTES).await, "more than there is waits for all of it");
        });
    }

    #[test]
    fn c14_who_makes_no_progress_goes_only_while_others_need_the_room() {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let in_flight = InFlight::default();
            let slow = async { tokio::time::sleep(super::STALL * 3 / 2).await };
            assert!(in_flight.step(slow).await.is_ok(), "there is room");
            let _all = in_flight.room_for(ROOM_BYTES).await;
            assert!(in_flight.step(std::future::pending::<()>()).await.is_err());
        });
    }
}
