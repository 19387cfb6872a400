//! What a request is, and what answers it.

use serde::de::{Error, VariantAccess};

use crate::frame::{Frame, FrameError, Incoming, Message};
use crate::parts::Parts;

/// The thread of the daemon that carries out a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Worker {
    /// For checks that may wait for a disk, while others do not.
    Checks,
    /// For passphrases, which are slow on purpose.
    Keys,
    /// For locking the vault, which waits for nothing.
    Locks,
    /// None: all that the request needs is in memory.
    Memory,
    /// For what changes nothing.
    Reads,
    /// For what changes the vault.
    Writes,
}

/// A request.
pub trait Call: Message {
    /// What answers it, unless it is refused.
    type Answer: Answer;

    /// The thread that carries it out.
    const WORKER: Worker;

    /// Whether it uses files of the vault. Other requests are carried out even if the vault was moved.
    const NEEDS_VAULT: bool = true;

    /// The thread that carries out this one.
    fn worker(&self) -> Worker {
        Self::WORKER
    }

    /// Whether sending it twice does the same as sending it once.
    fn is_repeatable(&self) -> bool {
        matches!(self.worker(), Worker::Checks | Worker::Reads)
    }

    /// Whether an answer fits this request.
    fn is_answered_by(&self, _answer: &Self::Answer) -> bool {
        true
    }
}

/// The messages that may answer a request.
pub trait Answer: Incoming {
    /// The frame that it is sent as.
    ///
    /// # Errors
    ///
    /// [`FrameError::Large`] if the client would refuse it.
    fn into_frame(self) -> Result<Frame, FrameError>;
}

/// One of several answers to the same request, each with some of the items.
pub trait Paged: Message {
    /// What is listed.
    type Item;

    /// The items of this page.
    fn into_items(self) -> Vec<Self::Item>;
}

impl<M: Message> Incoming for M {
    fn read<'de, F: VariantAccess<'de>>(name: &str, fields: F) -> Result<Self, F::Error> {
        if name == M::NAME {
            M::read_fields(fields)
        } else {
            Err(F::Error::unknown_variant(name, &[]))
        }
    }

    fn content(&mut self) -> &mut dyn Parts {
        self
    }
}

impl<M: Message> Answer for M {
    fn into_frame(self) -> Result<Frame, FrameError> {
        Frame::new(self)
    }
}
