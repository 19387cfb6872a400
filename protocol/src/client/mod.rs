//! A connection to the daemon.
//!
//! * [`requests`]: a method for each request
//! * [`exchange`]: the frames, each within one timeouts
//! * [`subscription`]: a connection on which the daemon tells what changes
//! * [`wait`]: what a request waits for that takes long
//! * [`error`]: why there is no answer
//! * [`denied`]: why a socket may not be opened

mod denied;
mod error;
mod exchange;
mod requests;
mod subscription;
mod wait;

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

pub use self::denied::Denied;
pub use self::error::ClientError;
use self::exchange::Answer;
use self::requests::did_nothing;
pub use self::subscription::Subscription;
pub use self::wait::report_waits;
use crate::frame::FrameError;
use crate::start;
use crate::timeouts::Timeouts;
use crate::{PROTOCOL_VERSION, Request, Response, limits};
use fluvio_secret_system::peer::Peer;
use fluvio_secret_system::places::StateDirectory;

/// A blocking connection to the daemon.
///
/// One request at a time; no wait is longer than [`limits::CLIENT_TIMEOUT`] without a word from
/// the daemon.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    state: StateDirectory,
    /// The process id of who made the socket, which is the daemon or systemd. For messages.
    pid: i32,
    /// Whether another daemon may still take the place of this one.
    may_replace: bool,
    /// Whether it was reported what a request waits for.
    is_wait_reported: bool,
}

/// Connects to the daemon that serves, and starts none.
///
/// # Errors
///
/// [`ClientError::Unreachable`] when none serves, [`ClientError::Denied`] when the socket may not be
/// opened, [`ClientError::Foreign`] when another user's process serves.
pub fn connect(state: &StateDirectory) -> Result<Client, ClientError> {
    let socket = state.socket();
    let stream = open(&socket).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => {
            ClientError::Silent { socket: socket.clone(), pid: None, is_asked: false }
        }
        io::ErrorKind::PermissionDenied => ClientError::Denied(Denied::new(socket.clone(), source)),
        _ => ClientError::Unreachable { socket: socket.clone(), source },
    })?;
    let peer = Peer::of(&stream).map_err(ClientError::Broken)?;
    if !peer.is_ours() {
        return Err(ClientError::Foreign { socket, uid: peer.uid });
    }
    let state = state.clone();
    Ok(Client { stream, state, pid: peer.pid, may_replace: false, is_wait_reported: false })
}

/// A blocking connect that gives up: a daemon that is stopped fills its backlog, and then connect(2)
/// waits for as long as the socket's send time-out says.
fn open(socket: &Path) -> io::Result<UnixStream> {
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

impl Client {
    pub(crate) fn may_replace(mut self) -> Self {
        self.may_replace = true;
        self
    }

    /// Asks the daemon to finish and end, and waits until it has ended. Understood by daemons of
    /// every version.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn stop(mut self) -> Result<(), ClientError> {
        let mut timeouts = Timeouts::new();
        self.send(&Request::Stop, &mut timeouts)?;
        self.wait_for_end(timeouts)
    }

    /// Waits until the daemon closes the connection: one that ends does so when it has ended.
    fn wait_for_end(&mut self, mut timeouts: Timeouts) -> Result<(), ClientError> {
        // An answer may be of another version; the end of the stream is what counts.
        let mut rest = [0; 512];
        loop {
            match self.read(&mut rest, &mut timeouts) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(ClientError::Broken(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a request and gives its first answer. When another daemon is to take the place of this
    /// one, the request goes there: this one is of an older version, or just ending.
    fn ask(&mut self, request: &Request) -> Result<Response, ClientError> {
        self.ask_for::<Response>(request)
    }

    /// The same, where only the answers that `A` has are understood.
    fn ask_for<A: Answer>(&mut self, request: &Request) -> Result<Response, ClientError> {
        match self.ask_this::<A>(request) {
            Err(ClientError::Frame(FrameError::Version(theirs))) if theirs > PROTOCOL_VERSION => {
                Err(ClientError::Newer(theirs))
            }
            Err(ClientError::Frame(FrameError::Version(_))) if self.may_replace => {
                connect(&self.state)?.stop()?;
                self.ask_the_next::<A>(request)
            }
            Err(error) if self.may_replace && did_nothing(request, &error) => {
                self.ask_the_next::<A>(request)
            }
            answer => answer,
        }
    }

    fn ask_the_next<A: Answer>(&mut self, request: &Request) -> Result<Response, ClientError> {
        // Until its end this one's socket is there, and we would be turned away a second time.
        self.wait_for_end(Timeouts::new())?;
        // Once: the next one may not take its place again.
        *self = Self { may_replace: false, ..start::connect_or_start(&self.state)? };
        self.ask_this::<A>(request)
    }
}
