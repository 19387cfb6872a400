//! What two programs of fluvio-secret must agree on.
//!
//! # Layout
//!
//! * [`limits`]: sizes, numbers and timeouts
//! * [`SecretName`], [`Secret`]: a name that is checked, a value that is wiped and never printed
//! * [`InjectMode`], [`fit`]: how values reach a connector, and what fits into each way
//! * [`Request`], [`Call`]: the messages, each request beside its answer
//! * [`VaultAddress`]: the vault that a request is about; [`is_topic_name`]: what a topic can be called
//! * [`Refusal`]: why a request was not carried out
//! * [`frame`]: messages to bytes and back, as pure functions
//! * [`parts`]: what travels beside the JSON of a message
//! * [`audit`]: a line of the audit log, which the daemon writes and the command line reads
//! * [`lease`]: the directory of a lease, and how it is removed
//! * [`Client`]: a blocking connection, made by [`connect`] or [`connect_or_start`]
//! * [`supervisor`]: what `run --watch` and the launcher agree on
//!
//! This crate follows `docs/PROTOCOL.md`. Nothing in it is asynchronous, and it knows neither the vault
//! nor a configuration nor a command line.

pub mod audit;
mod client;
pub mod fit;
pub mod frame;
mod inject_mode;
pub mod lease;
mod lease_start;
pub mod limits;
mod message;
mod name;
pub mod parts;
mod secret;
mod start;
pub mod supervisor;
mod timeouts;
mod topic_name;
mod vault_address;

pub use client::{
    Client, ClientError, Denied, Subscription, accept_vault, call_daemon, call_once, connect,
    connect_or_start, report_notes,
};
pub use inject_mode::InjectMode;
pub use lease_start::StartCommand;
pub use message::call::{Answer, Call, Paged, Worker};
pub use message::check::{self, Check};
pub use message::grant::*;
pub use message::key::*;
pub use message::lease::*;
pub use message::member::*;
pub use message::record::*;
pub use message::refusal::{Code, Refusal};
pub use message::reply::{Notice, Reply, Working};
pub use message::request::Request;
pub use message::secret::*;
pub use message::stale::*;
pub use message::status::*;
pub use message::subscription::*;
pub use message::sync::*;
pub use message::vault::*;
pub use name::{BadName, SecretName};
pub use secret::Secret;
pub use start::{CLI, DAEMON, SHIM, StartError, beside_this_program};
pub use topic_name::is_topic_name;
pub use vault_address::{REGISTRY_BYTES, REGISTRY_FILE, VaultAddress};

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
