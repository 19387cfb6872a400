//! Who is at the other end of a socket.

use std::io;
use std::os::fd::AsFd;

/// The process at the other end when the connection was made, by `SO_PEERCRED` (unix(7)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Its effective user. The one fact that a decision may stand on.
    pub uid: u32,
    /// Its process id: for the audit log only, ids are used again.
    pub pid: i32,
}

impl Peer {
    /// Asks the kernel.
    ///
    /// # Errors
    ///
    /// Those of getsockopt(2).
    pub fn of(socket: impl AsFd) -> io::Result<Self> {
        let credentials = rustix::net::sockopt::socket_peercred(socket)?;
        Ok(Self { uid: credentials.uid.as_raw(), pid: credentials.pid.as_raw_nonzero().get() })
    }

    /// Whether it is the user that this process acts for.
    #[must_use]
    pub fn is_ours(self) -> bool {
        self.uid == rustix::process::geteuid().as_raw()
    }
}
