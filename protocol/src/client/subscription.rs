//! A connection on which the daemon tells what changes, unasked.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;

use super::exchange::not_refused;
use super::requests::unexpected;
use super::{Client, ClientError};
use crate::frame::PREFIX_BYTES;
use crate::timeouts::Timeouts;
use crate::{Response, Subscribed};

/// A connection on which the daemon tells what changes.
#[derive(Debug)]
pub struct Subscription {
    pub(super) client: Client,
}

impl Subscription {
    /// Waits for the next change, for as long as there is none.
    ///
    /// # Errors
    ///
    /// [`ClientError::Broken`] when the daemon has ended, or its handle was shut down.
    pub fn wait(&mut self) -> Result<Subscribed, ClientError> {
        let Client { stream, .. } = &mut self.client;
        stream.set_read_timeout(None).map_err(ClientError::Broken)?;
        let mut prefix = [0; PREFIX_BYTES];
        // Silence means that nothing changes; a frame that has begun has a deadline like any other.
        stream.read_exact(&mut prefix[..1]).map_err(ClientError::Broken)?;
        let mut timeouts = Timeouts::new();
        self.client.read_exact(&mut prefix[1..], &mut timeouts)?;
        match not_refused(self.client.receive_after::<Response>(prefix, &mut timeouts)?)? {
            Response::Subscribed(subscribed) => Ok(subscribed),
            other => Err(unexpected(other)),
        }
    }

    /// Another handle of the connection, by whose shutdown [`Subscription::wait`] can be ended.
    ///
    /// # Errors
    ///
    /// Those of dup(2).
    pub fn handle(&self) -> io::Result<UnixStream> {
        self.client.stream.try_clone()
    }
}
