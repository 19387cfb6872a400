//! One question and its answers, as frames on the connection.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

use super::{Client, ClientError, wait};
use crate::delivery::Delivery;
use crate::frame::{self, Message, PREFIX_BYTES};
use crate::timeouts::Timeouts;
use crate::{Request, Response, start};

/// What answers are decoded as: all of them, or those that are waited for.
pub(super) trait Answer: Message + Into<Response> {}

impl Answer for Delivery {}

impl Answer for Response {}

impl Client {
    /// Sends a request and gives its first answer, both with one timeouts.
    pub(super) fn ask_this<A: Answer>(
        &mut self,
        request: &Request,
    ) -> Result<Response, ClientError> {
        let mut timeouts = Timeouts::new();
        self.send(request, &mut timeouts)?;
        match self.receive::<A>(&mut timeouts)? {
            Response::Working => self.next_answer_of::<A>(),
            answer => not_refused(answer),
        }
    }

    /// The next frame that says more than that the daemon is at work.
    pub(super) fn next_answer(&mut self) -> Result<Response, ClientError> {
        self.next_answer_of::<Response>()
    }

    fn next_answer_of<A: Answer>(&mut self) -> Result<Response, ClientError> {
        // The first one may have come already.
        let mut frames = 1;
        loop {
            match self.receive::<A>(&mut Timeouts::new())? {
                Response::Working => {
                    frames += 1;
                    if frames == wait::FRAMES {
                        self.report_wait();
                    }
                }
                answer => return not_refused(answer),
            }
        }
    }

    pub(super) fn send(
        &mut self,
        request: &Request,
        timeouts: &mut Timeouts,
    ) -> Result<(), ClientError> {
        let head = frame::head(request).map_err(ClientError::Frame)?;
        let parts = request.parts();
        let mut slices: Vec<_> =
            [&head[..]].into_iter().chain(parts).map(io::IoSlice::new).collect();
        let mut rest = &mut slices[..];
        // Empty parts need not be sent.
        io::IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let wrote = timeouts.wait(|turn| {
                self.stream.set_write_timeout(Some(turn))?;
                self.stream.write_vectored(rest)
            });
            match wrote {
                Ok(count) => io::IoSlice::advance_slices(&mut rest, count),
                // The daemon refused the frame before its end and closed: its answer says why.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(self.broken(error)),
            }
        }
        Ok(())
    }

    fn receive<A: Answer>(&mut self, timeouts: &mut Timeouts) -> Result<Response, ClientError> {
        let mut prefix = [0; PREFIX_BYTES];
        self.read_exact(&mut prefix, timeouts)?;
        self.receive_after::<A>(prefix, timeouts)
    }

    pub(super) fn receive_after<A: Answer>(
        &mut self,
        prefix: [u8; PREFIX_BYTES],
        timeouts: &mut Timeouts,
    ) -> Result<Response, ClientError> {
        let length = frame::decode_prefix(prefix).map_err(ClientError::Frame)?;
        let mut header = vec![0; length];
        self.read_exact(&mut header, timeouts)?;
        let header = frame::decode_header::<A>(&header).map_err(ClientError::Frame)?;
        let mut parts = Vec::with_capacity(header.lengths().len());
        for &length in header.lengths() {
            let mut part = Zeroizing::new(vec![0; length]);
            self.read_exact(&mut part, timeouts)?;
            parts.push(part);
        }
        header.with_parts(parts).map(Into::into).map_err(ClientError::Frame)
    }

    pub(super) fn read_exact(
        &mut self,
        mut bytes: &mut [u8],
        timeouts: &mut Timeouts,
    ) -> Result<(), ClientError> {
        while !bytes.is_empty() {
            match self.read(bytes, timeouts)? {
                0 => return Err(ClientError::Broken(io::ErrorKind::UnexpectedEof.into())),
                count => bytes = &mut bytes[count..],
            }
        }
        Ok(())
    }

    /// Reads once, with what is left of the frame's one timeouts: a byte now and then must not prolong
    /// it.
    pub(super) fn read(
        &mut self,
        bytes: &mut [u8],
        timeouts: &mut Timeouts,
    ) -> Result<usize, ClientError> {
        let read = timeouts.wait(|turn| {
            self.stream.set_read_timeout(Some(turn))?;
            self.stream.read(bytes)
        });
        read.map_err(|error| self.broken(error))
    }

    fn silent(&self) -> ClientError {
        ClientError::Silent {
            socket: self.state.socket(),
            pid: Some(self.pid).filter(|pid| is_daemon(*pid)),
            is_asked: true,
        }
    }

    fn broken(&self, error: io::Error) -> ClientError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.silent(),
            _ => ClientError::Broken(error),
        }
    }
}

/// Whether a process has the daemon's name. Who made the socket may be the service manager of the user's
/// whole session, and nobody should be told to end that.
fn is_daemon(pid: i32) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
    name.is_ok_and(|name| name.trim_end() == start::DAEMON)
}

pub(super) fn not_refused(answer: Response) -> Result<Response, ClientError> {
    match answer {
        Response::Refused(refusal) => Err(ClientError::Refused(refusal)),
        answer => Ok(answer),
    }
}
