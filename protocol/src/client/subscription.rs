//! A connection on which the daemon reports changes.

use std::io;
use std::marker::PhantomData;
use std::os::unix::net::UnixStream;

use super::error::ClientError;
use super::frame_stream::FrameStream;
use crate::frame::Incoming;
use crate::message::reply::Reply;
use crate::message::subscription::Subscribed;

/// A connection on which the daemon reports changes, each with an answer of one type.
#[derive(Debug)]
pub struct Subscription<A = Subscribed> {
    stream: FrameStream,
    answers: PhantomData<fn() -> A>,
}

impl<A: Incoming> Subscription<A> {
    pub(super) fn on(stream: FrameStream) -> Self {
        Self { stream, answers: PhantomData }
    }

    /// Waits for the next change, without a timeout.
    ///
    /// # Errors
    ///
    /// [`ClientError::Broken`] if the daemon has stopped, or the handle was shut down.
    pub fn wait(&mut self) -> Result<A, ClientError> {
        match self.stream.receive_at_last()? {
            Reply::Answer(answer) => Ok(answer),
            Reply::Refused(refusal) => Err(ClientError::Refused(refusal)),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Another handle of the connection; its shutdown ends [`Subscription::wait`].
    ///
    /// # Errors
    ///
    /// Those of dup(2).
    pub fn handle(&self) -> io::Result<UnixStream> {
        self.stream.handle()
    }
}
