//! The socket of a client. Two threads may write to it: that of the connection, and a worker.

use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;

use fluvio_secret_protocol::frame::Frame;
use tokio::net::UnixStream;

#[derive(Clone, Debug)]
pub(crate) struct ClientStream(Arc<UnixStream>);

/// Where writing a frame stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Written {
    Whole,
    /// This number of bytes. The socket takes no more now, or is broken.
    Bytes(usize),
}

impl ClientStream {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self(Arc::new(stream))
    }

    pub(crate) fn socket(&self) -> &UnixStream {
        &self.0
    }

    /// Reads at least one byte, or none if the client has closed it.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.0.readable().await?;
            match self.0.try_read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    pub(crate) async fn read_exact(&self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read(buffer).await? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => buffer = &mut buffer[count..],
            }
        }
        Ok(())
    }

    /// Writes at least one byte.
    pub(crate) async fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            self.0.writable().await?;
            match self.0.try_write_vectored(slices) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                written => return written,
            }
        }
    }

    /// Writes what the socket takes at once, from any thread. Its values are sent from where they are.
    pub(crate) fn write_now(&self, frame: &Frame) -> Written {
        let mut slices = frame.slices();
        let mut rest = &mut slices[..];
        let mut bytes = 0;
        // Empty parts need not be sent.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            // An error is found again by who sends the rest.
            match self.0.try_write_vectored(rest) {
                Ok(count @ 1..) => {
                    bytes += count;
                    IoSlice::advance_slices(&mut rest, count);
                }
                _ => return Written::Bytes(bytes),
            }
        }
        Written::Whole
    }
}
