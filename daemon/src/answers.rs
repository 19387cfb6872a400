//! What is sent to the client of a request.

use fluvio_secret_protocol::frame::{Frame, FrameError};
use fluvio_secret_protocol::{Answer, Code, Refusal};

use crate::lease_watch::LeaseHold;

/// Takes the answers to a request, on behalf of its client.
pub(crate) trait Answers: Send + Sync {
    /// Sends an answer. If the client has gone away, nothing happens.
    fn send(&self, response: Response);

    fn is_gone(&self) -> bool;
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) frame: Result<Frame, FrameError>,
    /// A lease that the connection holds until its end.
    pub(crate) lease: Option<LeaseHold>,
    /// Why the daemon stops after this, if it does.
    pub(crate) stop: Option<String>,
}

impl Response {
    pub(crate) fn new(answer: impl Answer) -> Self {
        Self { frame: answer.into_frame(), lease: None, stop: None }
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        // The service refuses with this code if its vault was moved.
        let stop = (refusal.code == Code::Stopping).then(|| refusal.text.clone());
        Self { stop, ..Self::new(refusal) }
    }
}

#[cfg(test)]
impl Response {
    /// What a client reads.
    pub(crate) fn decoded<A: Answer>(&self) -> fluvio_secret_protocol::Reply<A> {
        use fluvio_secret_protocol::frame::{decode_header, decode_prefix};
        let frame = self.frame.as_ref().expect("it fits into a frame");
        let bytes: Vec<u8> = frame.slices().iter().flat_map(|slice| slice.to_vec()).collect();
        let (prefix, rest) = bytes.split_first_chunk().expect("a prefix");
        let (header, mut parts) = rest.split_at(decode_prefix(*prefix).expect("a length"));
        let header = decode_header(header).expect("an answer to this request");
        let lengths = header.lengths().to_vec().into_iter();
        let parts =
            lengths.map(|length| parts.split_off(..length).expect("a part").to_vec().into());
        let parts = parts.collect();
        header.with_parts(parts).expect("all parts")
    }
}
