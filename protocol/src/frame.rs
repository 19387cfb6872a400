//! Messages to bytes and back, as pure functions.
//!
//! ```text
//! frame     u32 (big-endian): length of the header │ header │ the parts, one after the other
//! header    {"version": 1, "parts": [LENGTH, …], "message": MESSAGE}     JSON, UTF-8
//! ```
//!
//! Parts are raw bytes: values and configurations. They are never inside the JSON, which would copy
//! them through its buffers and could not hold bytes that are not UTF-8.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{PROTOCOL_VERSION, limits};

/// Bytes of a frame before its header.
pub const PREFIX_BYTES: usize = 4;

/// How many parts a message has at the most, and how large.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Number of parts.
    pub parts: usize,
    /// Bytes of one part.
    pub part: usize,
    /// Bytes of all parts.
    pub total: usize,
}

impl Limits {
    /// For a message that is all header.
    pub const NONE: Self = Self { parts: 0, part: 0, total: 0 };

    /// For a message with one part of at most these bytes.
    #[must_use]
    pub const fn one(bytes: usize) -> Self {
        Self { parts: 1, part: bytes, total: bytes }
    }

    /// For a message with a value for each of its names.
    #[must_use]
    pub fn values(names: usize) -> Self {
        let parts = names.min(limits::GRANT_NAMES);
        Self { parts, part: limits::VALUE_BYTES, total: limits::GRANT_BYTES }
    }
}

/// A message: what of it is JSON is serde's, the parts are its own.
pub trait Message: DeserializeOwned + Serialize {
    /// What the receiver accepts of this message.
    fn limits(&self) -> Limits;

    /// The parts, in their order.
    fn parts(&self) -> Vec<&[u8]>;

    /// Puts the parts that came with the frame into the message.
    ///
    /// # Errors
    ///
    /// [`FrameError::Parts`] when there are fewer than this message has.
    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError>;
}

/// Why bytes are no frame. Never says what the bytes were: they may be a value's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FrameError {
    /// A length is over its limit.
    Large,
    /// The header is no message, from this byte of its line on.
    Malformed {
        /// Line of the header, from 1.
        line: usize,
        /// Column of the line, from 1.
        column: usize,
    },
    /// The message has another number of parts.
    Parts,
    /// The other end speaks this version of the protocol.
    Version(u32),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Large => f.write_str("a length in the frame is over its limit"),
            Self::Malformed { line, column } => {
                write!(f, "the frame's header is no message, at line {line}, column {column}")
            }
            Self::Parts => f.write_str("the frame has another number of parts than its message"),
            Self::Version(theirs) => write!(
                f,
                "the other end speaks version {theirs} of the protocol, this one {PROTOCOL_VERSION}"
            ),
        }
    }
}

impl std::error::Error for FrameError {}

/// The part of a header that every version of the protocol understands.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    version: u32,
    parts: Vec<usize>,
    #[serde(borrow)]
    message: &'a RawValue,
}

/// A header that was read, before the parts that follow it.
pub struct Header<M> {
    message: M,
    lengths: Vec<usize>,
}

/// The bytes of a frame before its parts, which are sent as they are: a copy of values would double them.
///
/// # Errors
///
/// [`FrameError::Large`] when the receiver would refuse it.
pub fn head<M: Message>(message: &M) -> Result<Vec<u8>, FrameError> {
    let parts = message.parts();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    check_lengths(&lengths, message.limits())?;
    let message = serde_json::value::to_raw_value(message).map_err(malformed)?;
    let envelope = Envelope { version: PROTOCOL_VERSION, parts: lengths, message: &message };
    let header = serde_json::to_vec(&envelope).map_err(malformed)?;
    let prefix = header_length(header.len())?;
    Ok([&prefix.to_be_bytes(), &header[..]].concat())
}

/// All bytes of a frame, in one place.
///
/// # Errors
///
/// As for [`head`].
pub fn encode<M: Message>(message: &M) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let head = head(message)?;
    Ok(Zeroizing::new([&[&head[..]], &message.parts()[..]].concat().concat()))
}

/// The header's length from a frame's first four bytes.
///
/// # Errors
///
/// [`FrameError::Large`] when it is over [`limits::HEADER_BYTES`].
pub fn decode_prefix(prefix: [u8; PREFIX_BYTES]) -> Result<usize, FrameError> {
    let length = u32::from_be_bytes(prefix) as usize;
    header_length(length).map(|_| length)
}

/// Reads a header.
///
/// # Errors
///
/// [`FrameError::Version`] for the header of another version, however its message looks; else
/// [`FrameError::Large`] or [`FrameError::Malformed`].
pub fn decode_header<M: Message>(header: &[u8]) -> Result<Header<M>, FrameError> {
    let envelope: Envelope<'_> = serde_json::from_slice(header).map_err(malformed)?;
    if envelope.version != PROTOCOL_VERSION {
        return Err(FrameError::Version(envelope.version));
    }
    let message: M = serde_json::from_str(envelope.message.get()).map_err(malformed)?;
    check_lengths(&envelope.parts, message.limits())?;
    Ok(Header { message, lengths: envelope.parts })
}

/// Whether a header asks the daemon to stop, in any version of the protocol: a newer client may
/// meet an older daemon and the reverse.
#[must_use]
pub fn is_stop(header: &[u8]) -> bool {
    serde_json::from_slice::<Envelope<'_>>(header)
        .is_ok_and(|envelope| envelope.parts.is_empty() && envelope.message.get() == r#""stop""#)
}

impl<M: Message> Header<M> {
    /// The lengths of the parts that follow, all within the message's limits.
    #[must_use]
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The whole message.
    ///
    /// # Errors
    ///
    /// Those of [`Message::take_parts`].
    pub fn with_parts(mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<M, FrameError> {
        self.message.take_parts(parts)?;
        Ok(self.message)
    }
}

fn header_length(length: usize) -> Result<u32, FrameError> {
    match u32::try_from(length) {
        Ok(prefix) if length <= limits::HEADER_BYTES => Ok(prefix),
        _ => Err(FrameError::Large),
    }
}

fn check_lengths(lengths: &[usize], limits: Limits) -> Result<(), FrameError> {
    if lengths.len() > limits.parts {
        return Err(FrameError::Parts);
    }
    // Each is checked before they are added up, so the sum cannot overflow.
    let fits = lengths.iter().all(|&length| length <= limits.part)
        && lengths.iter().sum::<usize>() <= limits.total;
    if fits { Ok(()) } else { Err(FrameError::Large) }
}

/// Keeps the place and drops the text: serde quotes its input.
#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn malformed(error: serde_json::Error) -> FrameError {
    FrameError::Malformed { line: error.line(), column: error.column() }
}

#[cfg(test)]
mod tests;
