//! How the answers to one request get from the thread that makes them to the client.
//!
//! The connection's task writes them to the socket, except for the last one. The thread that makes it writes it if it can,
//! so the client does not wait until the task is awake. The thread never waits for the client: what the socket does not take
//! at once is left to the task.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::answers::{Answers, Response};
use crate::client_stream::{ClientStream, Written};
use crate::lease_watch::LeaseHold;

/// What the task of a connection gets.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A response of which this number of bytes has been sent.
    Unsent { response: Response, sent: usize },
    /// The client has the last answer. What remains is the lease that the connection holds.
    Sent(Option<LeaseHold>),
}

impl From<Response> for Outgoing {
    fn from(response: Response) -> Self {
        Self::Unsent { response, sent: 0 }
    }
}

/// Which thread writes to the socket during a request.
#[derive(Debug)]
struct SocketTurn {
    /// The number of frames that are not sent whole yet. A thread begins a frame beside those in the channel only by
    /// making it one.
    unsent: AtomicUsize,
    /// What the thread writes the last answer to. Gone when that is made, or the task no longer waits: a thread that
    /// hangs must not keep a connection open.
    stream: Mutex<Option<ClientStream>>,
}

impl SocketTurn {
    fn try_begin(&self) -> bool {
        self.unsent.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn take_stream(&self) -> Option<ClientStream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(crate) struct AnswerSender {
    task: UnboundedSender<Outgoing>,
    turn: Arc<SocketTurn>,
    /// Whether the client continues before this thread does, after the last answer.
    yields: bool,
}

pub(crate) struct AnswerReceiver {
    outgoing: UnboundedReceiver<Outgoing>,
    turn: Arc<SocketTurn>,
}

/// The channel of a request. With a stream, its last answer need not go through the task.
pub(crate) fn answer_channel(stream: Option<ClientStream>) -> (AnswerSender, AnswerReceiver) {
    let (task, outgoing) = unbounded_channel();
    let turn = SocketTurn { unsent: AtomicUsize::new(0), stream: Mutex::new(stream) };
    let turn = Arc::new(turn);
    (AnswerSender { task, turn: turn.clone(), yields: false }, AnswerReceiver { outgoing, turn })
}

impl AnswerSender {
    /// Lets the client continue first: mostly it waits for the core of the thread that answers. For a thread that no other
    /// client waits for.
    pub(crate) fn yielding(self) -> Self {
        Self { yields: true, ..self }
    }

    /// Writes the last answer to the socket, unless the task has to do something before that.
    fn send_now(&self, response: &Response) -> Option<Written> {
        let frame = response.frame.as_ref().ok().filter(|frame| frame.is_last())?;
        let stream = self.turn.take_stream()?;
        // Before a client learns that the daemon stops, its connection is kept until then.
        (response.stop.is_none() && self.turn.try_begin()).then(|| stream.write_now(frame))
    }
}

impl Answers for AnswerSender {
    fn send(&self, response: Response) {
        let outgoing = match self.send_now(&response) {
            Some(Written::Whole) => {
                let Response { frame, lease, .. } = response;
                // The task gives back the room of the values.
                drop(frame);
                if self.yields {
                    thread::yield_now();
                }
                Outgoing::Sent(lease)
            }
            Some(Written::Bytes(sent)) => Outgoing::Unsent { response, sent },
            None => {
                self.turn.unsent.fetch_add(1, Ordering::AcqRel);
                response.into()
            }
        };
        // The request is carried out even if its client has gone away.
        let _ = self.task.send(outgoing);
    }

    fn is_gone(&self) -> bool {
        self.task.is_closed()
    }
}

impl AnswerReceiver {
    /// `None` if the thread is gone.
    pub(crate) fn recv(&mut self) -> impl Future<Output = Option<Outgoing>> {
        self.outgoing.recv()
    }

    #[cfg(test)]
    pub(crate) fn blocking_recv(&mut self) -> Option<Outgoing> {
        self.outgoing.blocking_recv()
    }

    /// Whether the task may begin to write a frame of its own. If not, an answer is on its way to it.
    pub(crate) fn may_begin(&self) -> bool {
        self.turn.unsent.load(Ordering::Acquire) == 0
    }

    /// Begins to write a frame of the task's own. False if an answer is on its way.
    pub(crate) fn try_begin(&self) -> bool {
        self.turn.try_begin()
    }

    /// A frame has been sent whole.
    pub(crate) fn end_frame(&self) {
        self.turn.unsent.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for AnswerReceiver {
    fn drop(&mut self) {
        self.turn.take_stream();
    }
}

#[cfg(test)]
mod tests;
