//! A connection to the daemon: frames to it and from it, each within its timeouts.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use zeroize::{Zeroize, Zeroizing};

use super::denied::Denied;
use super::error::ClientError;
use crate::frame::{self, Incoming, Message, PREFIX_BYTES};
use crate::limits;
use crate::parts::Part;
use crate::start::DAEMON;
use crate::timeouts::Timeouts;
use crate::vault_address::VaultAddress;
use fluvio_secret_system::peer::Peer;

/// A connection to the daemon.
#[derive(Debug)]
pub(super) struct FrameStream {
    stream: UnixStream,
    socket: PathBuf,
    /// The process that made the socket: the daemon or systemd. For messages.
    pid: i32,
    ahead: ReadAhead,
}

/// Bytes that were read together with those that were waited for. So most frames are read at once, and the daemon is not
/// woken for each piece that is taken.
struct ReadAhead {
    /// It may have values.
    bytes: Zeroizing<Vec<u8>>,
    /// Those that are not taken yet.
    unread: Range<usize>,
}

/// The bytes that are read ahead at most.
const AHEAD_BYTES: usize = 1024;

impl ReadAhead {
    fn new() -> Self {
        Self { bytes: Zeroizing::new(vec![0; AHEAD_BYTES]), unread: 0..0 }
    }

    /// Moves bytes to the slices, and returns their number.
    fn take(&mut self, slices: &mut [IoSliceMut<'_>]) -> usize {
        let begin = self.unread.start;
        for slice in slices {
            let count = self.unread.len().min(slice.len());
            let taken = &mut self.bytes[self.unread.start..][..count];
            slice[..count].copy_from_slice(taken);
            taken.zeroize();
            self.unread.start += count;
        }
        self.unread.start - begin
    }

    /// Reads once to the slices, and more than that. Returns the number of bytes in the slices.
    fn read(
        &mut self,
        stream: &mut UnixStream,
        slices: &mut [IoSliceMut<'_>],
    ) -> io::Result<usize> {
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        let mut slices: Vec<_> = slices.iter_mut().map(|slice| IoSliceMut::new(slice)).collect();
        slices.push(IoSliceMut::new(&mut self.bytes));
        let count = stream.read_vectored(&mut slices)?;
        self.unread = 0..count.saturating_sub(wanted);
        Ok(count.min(wanted))
    }
}

impl fmt::Debug for ReadAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadAhead({} bytes)", self.unread.len())
    }
}

impl FrameStream {
    pub(super) fn open(path: &Path) -> Result<Self, ClientError> {
        Self::of(connected(path)?, path)
    }

    /// A connection, if the process at its other end is of the same user. `path` is for messages.
    pub(super) fn of(stream: UnixStream, path: &Path) -> Result<Self, ClientError> {
        let socket = path.to_owned();
        let peer = Peer::of(&stream).map_err(ClientError::Broken)?;
        match peer.is_ours() {
            true => Ok(Self { stream, socket, pid: peer.pid, ahead: ReadAhead::new() }),
            false => Err(ClientError::Foreign { socket, uid: peer.uid }),
        }
    }

    pub(super) fn send<M: Message>(
        &mut self,
        vault: Option<&VaultAddress>,
        message: &M,
        timeouts: &mut Timeouts,
    ) -> Result<(), ClientError> {
        let head = frame::head_about(vault, message).map_err(ClientError::Frame)?;
        self.send_slices(frame::slices(&head, message.parts()), timeouts)
    }

    fn send_slices(
        &mut self,
        mut slices: Vec<IoSlice<'_>>,
        timeouts: &mut Timeouts,
    ) -> Result<(), ClientError> {
        let mut rest = &mut slices[..];
        // Skips empty parts.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let wrote = timeouts.wait(|turn| {
                self.stream.set_write_timeout(Some(turn))?;
                self.stream.write_vectored(rest)
            });
            match wrote {
                Ok(count) => IoSlice::advance_slices(&mut rest, count),
                // The daemon refused the frame before its end and closed: its answer says why.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(self.broken(error)),
            }
        }
        Ok(())
    }

    pub(super) fn receive<I: Incoming>(
        &mut self,
        timeouts: &mut Timeouts,
    ) -> Result<I, ClientError> {
        let mut prefix = [0; PREFIX_BYTES];
        self.read_slices(&mut [IoSliceMut::new(&mut prefix)], timeouts)?;
        self.receive_after(prefix, timeouts)
    }

    /// Receives a frame for whose first byte it waits forever.
    pub(super) fn receive_at_last<I: Incoming>(&mut self) -> Result<I, ClientError> {
        let mut prefix = [0; PREFIX_BYTES];
        if self.ahead.take(&mut [IoSliceMut::new(&mut prefix[..1])]) == 0 {
            self.stream.set_read_timeout(None).map_err(ClientError::Broken)?;
            self.stream.read_exact(&mut prefix[..1]).map_err(ClientError::Broken)?;
        }
        let mut timeouts = Timeouts::new();
        self.read_slices(&mut [IoSliceMut::new(&mut prefix[1..])], &mut timeouts)?;
        self.receive_after(prefix, &mut timeouts)
    }

    fn receive_after<I: Incoming>(
        &mut self,
        prefix: [u8; PREFIX_BYTES],
        timeouts: &mut Timeouts,
    ) -> Result<I, ClientError> {
        let header = self.read_header(prefix, timeouts)?;
        let header = frame::decode_header(&header).map_err(ClientError::Frame)?;
        let parts = self.read_parts(header.lengths(), timeouts)?;
        header.with_parts(parts).map_err(ClientError::Frame)
    }

    fn read_header(
        &mut self,
        prefix: [u8; PREFIX_BYTES],
        timeouts: &mut Timeouts,
    ) -> Result<Vec<u8>, ClientError> {
        let length = frame::decode_prefix(prefix).map_err(ClientError::Frame)?;
        let mut header = vec![0; length];
        self.read_slices(&mut [IoSliceMut::new(&mut header)], timeouts)?;
        Ok(header)
    }

    fn read_parts(
        &mut self,
        lengths: &[usize],
        timeouts: &mut Timeouts,
    ) -> Result<Vec<Part>, ClientError> {
        let parts = lengths.iter().map(|&length| Zeroizing::new(vec![0; length]));
        let mut parts: Vec<_> = parts.collect();
        let mut slices: Vec<_> = parts.iter_mut().map(|part| IoSliceMut::new(part)).collect();
        self.read_slices(&mut slices, timeouts)?;
        Ok(parts)
    }

    /// Waits until the daemon closes the connection, as it does when it has stopped.
    pub(super) fn wait_for_end(&mut self, mut timeouts: Timeouts) -> Result<(), ClientError> {
        // An answer may be of another version, and is not needed.
        let mut rest = [0; 512];
        loop {
            match self.read(&mut [IoSliceMut::new(&mut rest)], &mut timeouts) {
                Ok(0) | Err(ClientError::Broken(_)) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Another handle of the connection.
    pub(super) fn handle(&self) -> io::Result<UnixStream> {
        self.stream.try_clone()
    }

    /// Fills all slices.
    fn read_slices(
        &mut self,
        mut slices: &mut [IoSliceMut<'_>],
        timeouts: &mut Timeouts,
    ) -> Result<(), ClientError> {
        // Skips empty slices.
        IoSliceMut::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match self.read(slices, timeouts)? {
                0 => return Err(ClientError::Broken(io::ErrorKind::UnexpectedEof.into())),
                count => IoSliceMut::advance_slices(&mut slices, count),
            }
        }
        Ok(())
    }

    /// Reads once, within the timeouts of the whole frame: single bytes must not prolong them.
    fn read(
        &mut self,
        slices: &mut [IoSliceMut<'_>],
        timeouts: &mut Timeouts,
    ) -> Result<usize, ClientError> {
        let taken = self.ahead.take(slices);
        if taken > 0 {
            return Ok(taken);
        }
        let read = timeouts.wait(|turn| {
            self.stream.set_read_timeout(Some(turn))?;
            self.ahead.read(&mut self.stream, slices)
        });
        read.map_err(|error| self.broken(error))
    }

    fn broken(&self, error: io::Error) -> ClientError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::Silent {
                socket: self.socket.clone(),
                pid: Some(self.pid).filter(|pid| is_daemon(*pid)),
                is_asked: true,
            },
            _ => ClientError::Broken(error),
        }
    }
}

fn connected(path: &Path) -> Result<UnixStream, ClientError> {
    let socket = path.to_owned();
    connect(path).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => ClientError::Silent { socket, pid: None, is_asked: false },
        io::ErrorKind::PermissionDenied => ClientError::Denied(Denied::new(socket, source)),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ClientError::Absent { socket, source }
        }
        _ => ClientError::Unreachable { socket, source },
    })
}

/// A blocking connect with a time-out: a stopped daemon fills its backlog, and then connect(2) waits
/// for the socket's send time-out.
fn connect(socket: &Path) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(socket)?;
    let flags = SocketFlags::CLOEXEC;
    let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    set_socket_timeout(&stream, Timeout::Send, Some(limits::CLIENT_TIMEOUT))?;
    loop {
        match rustix::net::connect(&stream, &address) {
            Ok(()) => return Ok(stream.into()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether a process has the daemon's name. The socket may belong to the service manager of the whole
/// session, which you should not be advised to stop.
fn is_daemon(pid: i32) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
    name.is_ok_and(|name| name.trim_end() == DAEMON)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::thread;

    use super::{AHEAD_BYTES, FrameStream};
    use crate::frame::encode;
    use crate::message::reply::Reply;
    use crate::timeouts::Timeouts;
    use crate::{Granted, InjectMode, Secret, Working};

    fn granted(value: &[u8]) -> Granted {
        let secrets = vec![
            ("A".parse().expect("a name"), Secret::from(value.to_vec())),
            ("B".parse().expect("a name"), Secret::default()),
            ("C".parse().expect("a name"), Secret::from(b"c".to_vec())),
        ];
        Granted { connector: None, inject: InjectMode::Auto, secrets, note: None }
    }

    #[test]
    fn frames_are_whole_in_whatever_pieces_they_come() {
        let lengths = [0, 1, AHEAD_BYTES - 1, AHEAD_BYTES, AHEAD_BYTES + 1, 5 * AHEAD_BYTES];
        let values: Vec<_> = lengths.iter().map(|&length| vec![b'v'; length]).collect();
        let mut sent = Vec::new();
        for value in &values {
            sent.extend_from_slice(&encode(&Working).expect("a frame"));
            sent.extend_from_slice(&encode(&granted(value)).expect("a frame"));
        }
        for piece in [1, 3, 100, AHEAD_BYTES, AHEAD_BYTES + 7, sent.len()] {
            let (ours, mut theirs) = UnixStream::pair().expect("a pair");
            let mut stream = FrameStream::of(ours, Path::new("socket")).expect("our own process");
            thread::scope(|scope| {
                let pieces = sent.chunks(piece);
                scope.spawn(move || pieces.for_each(|one| theirs.write_all(one).expect("sent")));
                for (place, value) in values.iter().enumerate() {
                    // As a subscriber waits, and as others do.
                    let first = match place % 2 {
                        0 => stream.receive_at_last::<Reply<Granted>>(),
                        _ => stream.receive(&mut Timeouts::new()),
                    };
                    assert!(matches!(first, Ok(Reply::Working(_))), "{piece}: {first:?}");
                    let second = stream.receive::<Reply<Granted>>(&mut Timeouts::new());
                    let Ok(Reply::Answer(answer)) = second else { panic!("{piece}: {second:?}") };
                    let values = answer.secrets.iter().map(|(_, value)| value.expose());
                    assert!(values.eq([&value[..], b"", b"c"]), "{piece}");
                }
            });
            assert!(stream.receive::<Reply<Granted>>(&mut Timeouts::new()).is_err(), "the end");
        }
    }
}
