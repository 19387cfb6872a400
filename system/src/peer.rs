//! The process at the other end of a socket.

use std::io;
use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt};

/// The process at the other end when the connection was made, by `SO_PEERCRED` (unix(7)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Its effective user, the only fact to base a decision on.
    pub uid: u32,
    /// Its process id, 0 if it is in another PID namespace. Ids are used again, so this is for messages and the
    /// audit log only.
    pub pid: i32,
}

impl Peer {
    /// Asks the kernel.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn of(socket: impl AsFd) -> io::Result<Self> {
        let credentials = getsockopt(&socket, sockopt::PeerCredentials)?;
        Ok(Self { uid: credentials.uid(), pid: credentials.pid() })
    }

    /// Whether it is the user that this process acts for.
    #[must_use]
    pub fn is_ours(self) -> bool {
        self.uid == rustix::process::geteuid().as_raw()
    }
}
