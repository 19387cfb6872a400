//! Signed documents: a line of JSON, a line with its signature, and maybe content.
//!
//! ```text
//! {"format":1,…}⏎the signature, 128 lowercase hexadecimal digits⏎the content, any bytes
//! ```
//!
//! The line of JSON has one form only: the known fields in their order, without whitespace. So two
//! programs never read different things in the same bytes.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::members::hex;
use crate::members::signing_key::{SIGNATURE_BYTES, SigningKey, VerificationKey};

/// The largest number in a document: any program reads it exactly, even if its numbers are 64-bit floats.
pub(crate) const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// What a document is. It is a part of what is signed, so a signature of one kind never fits another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SignedKind {
    Acknowledgement,
    Announcement,
    Applicant,
    MemberList,
    Record,
}

/// Why bytes are not a signed document of the expected kind. It does not repeat them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum BadDocument {
    #[error("it has format {0}, which only a newer fluvio-secret can read")]
    Newer(u32),
    #[error("it has format {0}, which is not accepted any more")]
    Older(u32),
    #[error("it is damaged")]
    Unreadable,
}

/// The parts of a document below its head. [`head_line`] makes the head's bytes again, because they have one form
/// only.
pub(crate) struct SignedParts<'a> {
    pub(crate) signature: [u8; SIGNATURE_BYTES],
    pub(crate) content: &'a [u8],
}

impl SignedKind {
    /// How a message begins. No tag has a line end or is the beginning of another.
    fn tag(self) -> &'static [u8] {
        match self {
            Self::Acknowledgement => b"fluvio-secret acknowledgement 1",
            Self::Announcement => b"fluvio-secret topic 1",
            Self::Applicant => b"fluvio-secret join 1",
            Self::MemberList => b"fluvio-secret members 1",
            Self::Record => b"fluvio-secret record 2",
        }
    }

    /// The bytes that are signed. Neither the tag nor the head has a line end, so only these three parts have
    /// these bytes.
    fn message(self, head: &[u8], content: &[u8]) -> Zeroizing<Vec<u8>> {
        join(&[self.tag(), b"\n", head, b"\n", content])
    }

    /// Whether a key has signed these parts.
    pub(crate) fn is_signed(
        self,
        by: &VerificationKey,
        signature: &[u8; SIGNATURE_BYTES],
        (head, content): (&[u8], &[u8]),
    ) -> bool {
        by.has_signed(&self.message(head, content), signature)
    }

    /// Signs a head and the content below it.
    pub(crate) fn sign(
        self,
        by: &SigningKey,
        (head, content): (&[u8], &[u8]),
    ) -> [u8; SIGNATURE_BYTES] {
        by.sign(&self.message(head, content))
    }
}

impl<'a> SignedParts<'a> {
    /// The head of a document as it stands there, and the parts below it. The head may be any line.
    pub(crate) fn split(bytes: &'a [u8]) -> Result<(&'a [u8], Self), BadDocument> {
        let (head, rest) = split_line(bytes).ok_or(BadDocument::Unreadable)?;
        let (digits, content) = split_line(rest).ok_or(BadDocument::Unreadable)?;
        let signature = hex::decode(digits).ok_or(BadDocument::Unreadable)?;
        Ok((head, Self { signature, content }))
    }

    /// Reads a document: its head, and all of its parts.
    pub(crate) fn read<T: DeserializeOwned + Serialize>(
        bytes: &'a [u8],
        format: u32,
    ) -> Result<(T, Self), BadDocument> {
        // The format alone first: the rest of a newer one may be anything.
        #[derive(Deserialize)]
        struct NewestFormat {
            format: u32,
        }
        let unreadable = |_| BadDocument::Unreadable;
        let (head, _) = split_line(bytes).ok_or(BadDocument::Unreadable)?;
        let found: NewestFormat = serde_json::from_slice(head).map_err(unreadable)?;
        if found.format > format {
            return Err(BadDocument::Newer(found.format));
        }
        if found.format < format {
            return Err(BadDocument::Older(found.format));
        }
        let parsed: T = serde_json::from_slice(head).map_err(unreadable)?;
        let (_, parts) = Self::split(bytes)?;
        match head_line(&parsed) == head {
            true => Ok((parsed, parts)),
            false => Err(BadDocument::Unreadable),
        }
    }

    /// Fails for a document that ends with its signature, and has more.
    pub(crate) fn refuse_content(&self) -> Result<(), BadDocument> {
        if self.content.is_empty() { Ok(()) } else { Err(BadDocument::Unreadable) }
    }
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// The line of a head.
pub(crate) fn head_line(head: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(head).expect("a head has only strings and numbers")
}

/// The bytes of a document.
pub(crate) fn document(
    head: &[u8],
    signature: &[u8; SIGNATURE_BYTES],
    content: &[u8],
) -> Zeroizing<Vec<u8>> {
    join(&[head, b"\n", hex::encode(signature).as_bytes(), b"\n", content])
}

/// The parts in one buffer that does not grow: what grows leaves copies of a value.
fn join(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut joined = Zeroizing::new(Vec::with_capacity(length));
    parts.iter().for_each(|part| joined.extend_from_slice(part));
    joined
}
