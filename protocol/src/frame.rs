//! Messages to bytes and back, as pure functions.
//!
//! ```text
//! frame     u32 (big-endian): length of the header │ header │ the parts, one after the other
//! header    {"version": 1, "parts": [LENGTH, …], "message": MESSAGE}     JSON, UTF-8
//! ```
//!
//! A request about another vault than the personal one has `"vault"` with its address in the header, too.
//!
//! Parts are raw bytes: values and configurations. They are never inside the JSON, which would copy
//! them through its buffers and could not hold bytes that are not UTF-8.

use std::fmt;
use std::io::IoSlice;
use std::marker::PhantomData;

use serde::de::value::UnitDeserializer;
use serde::de::{DeserializeOwned, EnumAccess, Error, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::parts::{Part, Parts};
use crate::vault_address::VaultAddress;
use crate::{PROTOCOL_VERSION, limits};

/// Bytes of a frame before its header.
pub const PREFIX_BYTES: usize = 4;

/// A message: its name, its fields, which are JSON, and its parts.
pub trait Message: Parts + DeserializeOwned + Serialize + Send + Sync + 'static {
    /// Its name in a header.
    const NAME: &'static str;

    /// Whether no further answer to the same request follows.
    fn is_last(&self) -> bool {
        true
    }

    /// Reads the fields. A message without fields is its name alone.
    ///
    /// # Errors
    ///
    /// Those of the JSON.
    fn read_fields<'de, F: VariantAccess<'de>>(fields: F) -> Result<Self, F::Error> {
        if size_of::<Self>() == 0 {
            fields.unit_variant()?;
            Self::deserialize(UnitDeserializer::new())
        } else {
            fields.newtype_variant()
        }
    }
}

/// One of several messages, by its name.
pub trait Incoming: Sized {
    /// Reads the fields of the message with this name.
    ///
    /// # Errors
    ///
    /// Those of the JSON, and for a name that is not among the messages.
    fn read<'de, F: VariantAccess<'de>>(name: &str, fields: F) -> Result<Self, F::Error>;

    /// The parts of the message that it is.
    fn content(&mut self) -> &mut dyn Parts;
}

/// Why bytes are no frame. Never says what the bytes were: they may be a value's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum FrameError {
    #[error("a length in the frame is over its limit")]
    Large,
    #[error("the header of the frame is not a message, at line {line}, column {column}")]
    Malformed { line: usize, column: usize },
    #[error("the number of parts in the frame is wrong")]
    Parts,
    #[error("the other program has protocol version {0}, this one {PROTOCOL_VERSION}")]
    Version(u32),
}

/// The part of a header that every version of the protocol understands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    version: u32,
    parts: Vec<usize>,
    /// Only the daemon reads it, so a client has no code for that.
    #[serde(borrow, default, deserialize_with = "some")]
    vault: Option<&'a RawValue>,
    #[serde(borrow)]
    message: &'a RawValue,
}

/// A field that is there, even if it is null.
fn some<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A message as it stands in a header.
struct Named<'a, M>(&'a M);

impl<M: Message> Serialize for Named<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if size_of::<M>() == 0 {
            serializer.serialize_unit_variant("", 0, M::NAME)
        } else {
            serializer.serialize_newtype_variant("", 0, M::NAME, self.0)
        }
    }
}

/// Reads one of several messages by its name.
struct ByName<I>(PhantomData<I>);

impl<'de, I: Incoming> Visitor<'de> for ByName<I> {
    type Value = I;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<I, A::Error> {
        let (name, fields) = access.variant::<String>()?;
        I::read(&name, fields)
    }
}

/// A message that is ready to be sent.
pub struct Frame {
    head: Vec<u8>,
    message: Box<dyn Parts + Send + Sync>,
    name: &'static str,
    is_last: bool,
}

impl Frame {
    /// # Errors
    ///
    /// As for [`head`].
    pub fn new<M: Message>(message: M) -> Result<Self, FrameError> {
        let head = head(&message)?;
        Ok(Self { head, name: M::NAME, is_last: message.is_last(), message: Box::new(message) })
    }

    /// The frame in pieces.
    #[must_use]
    pub fn slices(&self) -> Vec<IoSlice<'_>> {
        slices(&self.head, self.message.parts())
    }

    /// Bytes of all parts.
    #[must_use]
    pub fn part_bytes(&self) -> usize {
        self.message.parts().iter().map(|part| part.len()).sum()
    }

    /// Whether no further answer to the same request follows.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.is_last
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frame").field(&self.name).finish()
    }
}

/// A header that was read, before the parts that follow it.
pub struct Header<I> {
    message: I,
    lengths: Vec<usize>,
}

/// A frame in pieces. Its parts are not copied: that would double values in memory.
#[must_use]
pub fn slices<'a>(head: &'a [u8], parts: Vec<&'a [u8]>) -> Vec<IoSlice<'a>> {
    [head].into_iter().chain(parts).map(IoSlice::new).collect()
}

/// The bytes of a frame before its parts.
///
/// # Errors
///
/// [`FrameError::Large`] if the receiver would refuse it.
pub fn head<M: Message>(message: &M) -> Result<Vec<u8>, FrameError> {
    head_about(None, message)
}

/// The same for a request about this vault.
///
/// # Errors
///
/// As for [`head`].
pub fn head_about<M: Message>(
    vault: Option<&VaultAddress>,
    message: &M,
) -> Result<Vec<u8>, FrameError> {
    let lengths: Vec<usize> = message.parts().iter().map(|part| part.len()).collect();
    check_lengths(&lengths, &message.limits())?;
    let message = serde_json::value::to_raw_value(&Named(message)).map_err(malformed)?;
    head_of(&lengths, vault, &message)
}

/// The same for every kind of message.
fn head_of(
    parts: &[usize],
    vault: Option<&VaultAddress>,
    message: &RawValue,
) -> Result<Vec<u8>, FrameError> {
    // By hand: the launcher, which is loaded at each start of a connector, is smaller so.
    let mut header = format!("{{\"version\":{PROTOCOL_VERSION},\"parts\":[");
    for (place, length) in parts.iter().enumerate() {
        header += if place == 0 { "" } else { "," };
        header += &length.to_string();
    }
    header += "]";
    if let Some(VaultAddress { path, id }) = vault {
        header += ",\"vault\":{\"path\":";
        header += &serde_json::to_string(path).map_err(malformed)?;
        header += ",\"id\":";
        header += &serde_json::to_string(id).map_err(malformed)?;
        header += "}";
    }
    header += ",\"message\":";
    header += message.get();
    header += "}";
    let prefix = header_length(header.len())?;
    Ok([&prefix.to_be_bytes(), header.as_bytes()].concat())
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
pub fn decode_header<I: Incoming>(header: &[u8]) -> Result<Header<I>, FrameError> {
    decode_message(decode_envelope(header)?)
}

/// Reads the header of a request, and the vault that it is about; `None` for the personal one.
///
/// # Errors
///
/// As for [`decode_header`].
pub fn decode_request<I: Incoming>(
    header: &[u8],
) -> Result<(Header<I>, Option<VaultAddress>), FrameError> {
    let envelope = decode_envelope(header)?;
    let address = |vault: &RawValue| match vault.get().starts_with('{') {
        true => serde_json::from_str::<VaultAddress>(vault.get()),
        false => Err(serde_json::Error::custom("not an object")),
    };
    let vault = envelope.vault.map(address).transpose().map_err(malformed)?;
    let header = decode_message(envelope)?;
    if vault.as_ref().is_none_or(VaultAddress::is_within_limits) {
        Ok((header, vault))
    } else {
        Err(FrameError::Large)
    }
}

fn decode_message<I: Incoming>(envelope: Envelope<'_>) -> Result<Header<I>, FrameError> {
    let mut json = serde_json::Deserializer::from_str(envelope.message.get());
    let message = json.deserialize_enum("", &[], ByName(PhantomData::<I>));
    let mut message =
        message.and_then(|message| json.end().map(|()| message)).map_err(malformed)?;
    check_lengths(&envelope.parts, &message.content().limits())?;
    Ok(Header { message, lengths: envelope.parts })
}

fn decode_envelope(header: &[u8]) -> Result<Envelope<'_>, FrameError> {
    let envelope: Envelope<'_> = serde_json::from_slice(header).map_err(malformed)?;
    match envelope.version == PROTOCOL_VERSION {
        true => Ok(envelope),
        false => Err(FrameError::Version(envelope.version)),
    }
}

/// Whether a header asks the daemon to stop, in any version of the protocol: a newer client may
/// meet an older daemon and the reverse.
#[must_use]
pub fn is_stop(header: &[u8]) -> bool {
    serde_json::from_slice::<Envelope<'_>>(header)
        .is_ok_and(|envelope| envelope.parts.is_empty() && envelope.message.get() == r#""stop""#)
}

impl<I: Incoming> Header<I> {
    /// The lengths of the parts that follow, all within the message's limits.
    #[must_use]
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The whole message.
    ///
    /// # Errors
    ///
    /// [`FrameError::Parts`] if there are more or fewer, [`FrameError::Large`] for a field over its limit.
    pub fn with_parts(mut self, parts: Vec<Part>) -> Result<I, FrameError> {
        if parts.len() != self.lengths.len() {
            return Err(FrameError::Parts);
        }
        let content = self.message.content();
        content.fill(&mut parts.into_iter());
        if content.is_within_limits() { Ok(self.message) } else { Err(FrameError::Large) }
    }
}

fn header_length(length: usize) -> Result<u32, FrameError> {
    match u32::try_from(length) {
        Ok(prefix) if length <= limits::HEADER_BYTES => Ok(prefix),
        _ => Err(FrameError::Large),
    }
}

fn check_lengths(lengths: &[usize], limits: &[usize]) -> Result<(), FrameError> {
    if lengths.len() != limits.len() || lengths.len() > limits::GRANT_NAMES {
        return Err(FrameError::Parts);
    }
    // Each is checked before they are added up, so the sum cannot overflow.
    let fits = lengths.iter().zip(limits).all(|(length, limit)| length <= limit)
        && lengths.iter().sum::<usize>() <= limits::GRANT_BYTES;
    if fits { Ok(()) } else { Err(FrameError::Large) }
}

/// Keeps the place and drops the text: serde quotes its input.
#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn malformed(error: serde_json::Error) -> FrameError {
    FrameError::Malformed { line: error.line(), column: error.column() }
}

#[cfg(test)]
mod tests;
