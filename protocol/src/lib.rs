//! What two programs of fluvio-secret must agree on.
//!
//! # Layout
//!
//! * [`limits`]: how large anything may be, and how long anyone waits
//! * [`SecretName`], [`Secret`]: a name that is checked, a value that is wiped and never printed
//! * [`fit`]: what a secrets file and the environment can carry to a connector unaltered
//! * [`InjectMode`]: which way values go to a connector
//! * [`Request`], [`Response`], [`Refusal`]: the messages, one struct for each payload
//! * [`frame`]: messages to bytes and back, as pure functions
//! * [`audit`]: a line of the audit log, which the daemon writes and the command line reads
//! * [`regular`], [`lock`]: files that are files, and locks that the kernel frees
//! * [`lease`]: the directory of a lease, and how it is removed
//! * [`file_system`]: what file systems tell about changes
//! * [`logout`]: what becomes of files in memory when their user logs out
//! * [`peer`]: who is at the other end of a socket
//! * [`places`]: where the socket and the audit log are, and folders that are nobody else's
//! * [`printable`]: text that is safe to print on a terminal
//! * [`output`]: results to standard output
//! * [`shell`]: words of a shell, for commands that people are told to type
//! * [`Client`]: a blocking connection, made by [`connect`] or [`connect_or_start`]
//! * [`terminal`]: the terminal that a program may ask on
//! * [`supervisor`]: what a program that is watched over learns from who watches
//! * [`inherited`]: signals that a starter blocked or ignored, and what gets them again
//! * [`harden`]: a process that others of the same user cannot read
//!
//! `docs/PROTOCOL.md` is the text that this crate follows. Nothing here is asynchronous, and nothing
//! here knows the vault, a configuration or a command line.

pub mod audit;
mod client;
pub mod fit;
#[macro_use]
pub mod frame;
mod inject_mode;
pub mod lease;
pub mod limits;
mod message;
mod name;
mod secret;
mod start;
pub mod supervisor;
mod timeouts;

pub use client::{
    Client, ClientError, Denied, Subscription, accept_vault, connect, connect_or_start,
    report_waits,
};
pub use inject_mode::InjectMode;
pub use message::call::{Answer, Call, Paged, Worker};
pub use message::check::{self, Check};
pub use message::grant::{Grant, Granted};
pub use message::key::{
    GetKey, Key, Lock, Locked, Passphrase, Retire, RetiredKey, Rotate, Unlock, Unlocked,
    UseIdentity,
};
pub use message::lease::{
    CreateLease, EndLease, HeldLease, Lease, LeaseEnded, Leased, Leases, ListLeases, ListedLease,
};
pub use message::recipient::{
    AcceptRecipients, AddRecipient, GetRecipients, ListedRecipient, Recipients, Reencrypted,
    Reencrypting, RemoveRecipient, Unfinished,
};
pub use message::refusal::{Code, Refusal};
pub use message::reply::{Reply, Working};
pub use message::request::Request;
pub use message::secret::{
    Damaged, Delete, Deleted, Examine, Examined, Found, History, Import, Imported, List, Listed,
    ListedSecret, Restore, Restored, Set, Stored, Version, Versions,
};
pub use message::status::{Activity, GetActivity, GetStatus, ListedGrant, Status, Stop, Stopping};
pub use message::subscription::{SecretFingerprint, Subscribe, Subscribed};
pub use name::{BadName, SecretName};
pub use secret::Secret;
pub use start::{CLI, DAEMON, SHIM, StartError, beside_this_program};

/// The version of the protocol that this crate speaks. Kept by hand: it is raised when a message
/// changes, and by nothing else.
pub const PROTOCOL_VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    #[test]
    fn the_protocol_version_is_raised_on_purpose() {
        assert_eq!(super::PROTOCOL_VERSION, 1, "docs/PROTOCOL.md names the version too");
    }
}
