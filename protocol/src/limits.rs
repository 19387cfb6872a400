//! How large anything may be, and how long anyone waits.
//!
//! Both ends check these before they allocate anything.

use std::time::Duration;

/// Bytes of a secret's name.
pub const NAME_BYTES: usize = 128;
/// Bytes of a secret's value.
pub const VALUE_BYTES: usize = 1 << 20;
/// Bytes of an encrypted file: the longest value, its head, age's header for all members, and its tags.
pub const RECORD_BYTES: usize = VALUE_BYTES + (64 << 10);
/// Bytes of a connector's configuration file; the largest of 588 public ones has 1.3 KiB.
pub const CONFIG_BYTES: usize = 64 << 10;
/// Bytes of a text that only serves the audit log: a configuration's path, a program's name.
pub const LABEL_BYTES: usize = 4 << 10;
/// Secrets in one grant.
pub const GRANT_NAMES: usize = 256;
/// Bytes of all values in one grant.
pub const GRANT_BYTES: usize = 8 << 20;
/// Earlier versions of one secret.
pub const HISTORY_VERSIONS: usize = 1000;
/// Findings in one check.
pub const FINDINGS: usize = 32;
/// Secrets that are examined at once; with the longest names and reasons the answer stays below
/// [`HEADER_BYTES`].
pub const EXAMINED_NAMES: usize = 128;
/// Bytes of a passphrase.
pub const PASSPHRASE_BYTES: usize = 1 << 10;
/// Bytes of a vault's id.
pub const VAULT_ID_BYTES: usize = 32;
/// Vaults that a user can register.
pub const VAULTS: usize = 256;
/// Bytes of a lease's id.
pub const LEASE_ID_BYTES: usize = 32;
/// Bytes of a topic's name. Fluvio takes at most 63.
pub const TOPIC_BYTES: usize = 63;
/// Members of a vault.
pub const MEMBERS: usize = 256;
/// Machines that are admitted at once; with the longest notes the request stays below [`HEADER_BYTES`].
pub const ADMISSIONS: usize = 128;
/// Members in one page; with the longest notes it stays below [`HEADER_BYTES`].
pub const PAGE_MEMBERS: usize = 64;
/// Bytes of a fingerprint of a key, or of the hash of a list of members.
pub const FINGERPRINT_BYTES: usize = 64;
/// Bytes of a recipient. One of X25519 has 62; keys of other kinds are longer, and get a message of
/// their own.
pub const RECIPIENT_BYTES: usize = 4 << 10;
/// Bytes of the note that says whose a recipient is.
pub const NOTE_BYTES: usize = 128;
/// Bytes of an identity's file.
pub const IDENTITY_BYTES: usize = 64 << 10;
/// Names of secrets that were not re-encrypted, in one answer.
pub const LEFT_NAMES: usize = 64;
/// Vaults that were not re-encrypted for a new identity, in one answer.
pub const LEFT_VAULTS: usize = 16;
/// Bytes of what the answer says of them, as JSON.
pub const LEFT_VAULTS_BYTES: usize = 32 << 10;
/// Grants in one answer.
pub const LISTED_GRANTS: usize = 16;
/// Bytes of a program's name or a configuration's path in such an answer.
pub const LISTED_LABEL_BYTES: usize = 256;
/// Bytes of a frame's JSON header.
pub const HEADER_BYTES: usize = 64 << 10;
/// Secrets in one page of `list`; with the longest names a page stays below [`HEADER_BYTES`].
pub const PAGE_NAMES: usize = 256;
/// Connections that the daemon serves at once. One more is accepted, and takes the place of the one
/// that has been silent for longest.
pub const CONNECTIONS: usize = 256;

/// Connections with a subscription. They wait for hours, so they may not take all places.
pub const SUBSCRIPTIONS: usize = 64;

/// How long the daemon waits for one whole frame, silence before its first byte included.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client takes to send a request and get its first answer, and then waits for each
/// further frame. A little less than five seconds, so that a command that meets a hung daemon ends
/// within five.
pub const CLIENT_TIMEOUT: Duration = Duration::from_millis(4500);
/// How often the daemon says that it is still at work.
pub const PROGRESS: Duration = Duration::from_secs(1);
/// How long a starter waits for another starter, or for a daemon that is ending, to make way.
pub const HANDOVER: Duration = Duration::from_secs(3);
/// How long a daemon at a socket that was handed over waits for the one whose socket it replaced: that
/// one has to notice first.
pub const TAKEOVER: Duration = Duration::from_secs(5);
