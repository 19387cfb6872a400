//! What is encrypted in format 1: a line of JSON with the secret's name, and the value's bytes. It is read, and written
//! no more: it has no signature.
//!
//! ```text
//! {"format":1,"name":"AUTH_HEADER","set_at":"2026-11-23T22:50:00Z"}⏎the value, any bytes
//! ```
//!
//! Because the name is in it, a file that was moved to another name is noticed.

use std::io;

use fluvio_secret_protocol::{RecordKind, Secret, SecretName, limits};
use fluvio_secret_system::help::{Help, Helpful};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::durable_directory::ReadError;
use crate::keys::encryption::DecryptFailure;
use crate::revisions::revision::word_of;
use crate::revisions::signed_record::RecordError;

/// The newest format that is read here.
const FORMAT: u32 = 1;

/// A secret with its name and its date.
#[derive(Debug)]
pub struct Record {
    /// The secret's name.
    pub name: SecretName,
    /// When the value was set.
    pub set_at: Timestamp,
    /// The value.
    pub value: Secret,
}

#[derive(Deserialize, Serialize)]
struct Head {
    format: u32,
    name: SecretName,
    set_at: Timestamp,
}

/// Why the file of a secret holds no record of it.
#[derive(Debug, thiserror::Error)]
pub enum BadRecord {
    #[error(transparent)]
    Encrypted(#[from] DecryptFailure),
    #[error(transparent)]
    File(#[from] ReadError),
    #[error("it has format {0}, which only a newer fluvio-secret can read")]
    Newer(u32),
    #[error("it holds the secret `{0}`")]
    OtherName(SecretName),
    #[error("it holds a record of another kind ({})", word_of(*.0))]
    OtherKind(RecordKind),
    #[error("{0}")]
    Refused(RecordError),
    #[error("its content is not a secret of fluvio-secret")]
    Unreadable,
    #[error("it is not signed")]
    Unsigned,
}

impl BadRecord {
    /// Whether the record is whole, and no admin or writer vouches for it.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Unsigned)
    }

    /// What is the matter with a file that has no other record.
    pub(crate) fn verdict(&self) -> String {
        match self.is_refused() {
            true => format!("is not accepted ({self})"),
            false => format!("is damaged ({self})"),
        }
    }
}

impl Helpful for BadRecord {
    fn help(&self) -> Option<Help> {
        match self {
            Self::Refused(error) => error.help(),
            Self::Unsigned => Some(Help::command(
                "if you know where it is from, sign it with",
                "fluvio-secret vault upgrade",
            )),
            _ => None,
        }
    }
}

impl Record {
    /// The bytes to encrypt.
    pub fn encode(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let head = Head { format: FORMAT, name: self.name.clone(), set_at: self.set_at };
        let head = serde_json::to_vec(&head)?;
        let value = self.value.expose();
        let mut bytes = Zeroizing::new(Vec::with_capacity(head.len() + 1 + value.len()));
        bytes.extend_from_slice(&head);
        bytes.push(b'\n');
        bytes.extend_from_slice(value);
        Ok(bytes)
    }

    /// Parses decrypted bytes, which must be a record of this secret.
    pub(crate) fn of(name: &SecretName, bytes: &[u8]) -> Result<Self, BadRecord> {
        let record = Self::decode(bytes)?;
        if record.name != *name {
            return Err(BadRecord::OtherName(record.name));
        }
        Ok(record)
    }

    /// Parses decrypted bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadRecord> {
        // The format alone first: the rest of a newer one may be anything.
        #[derive(Deserialize)]
        struct FormatAlone {
            format: u32,
        }
        let end = bytes.iter().position(|&b| b == b'\n').ok_or(BadRecord::Unreadable)?;
        let (head, value) = (&bytes[..end], &bytes[end + 1..]);
        let unreadable = |_| BadRecord::Unreadable;
        let FormatAlone { format } = serde_json::from_slice(head).map_err(unreadable)?;
        if format > FORMAT {
            return Err(BadRecord::Newer(format));
        }
        // It was encrypted by hand, and no frame could hold it.
        if value.len() > limits::VALUE_BYTES {
            return Err(BadRecord::Unreadable);
        }
        let Head { name, set_at, .. } = serde_json::from_slice(head).map_err(unreadable)?;
        Ok(Self { name, set_at, value: Secret::from(value.to_vec()) })
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::Secret;

    use super::{BadRecord, Record};

    #[test]
    fn a_record_holds_any_bytes() {
        for value in [&b""[..], b"\n", b"{}\n\xff\0"] {
            let record = Record {
                name: "A".parse().expect("a name"),
                set_at: "2026-01-02T03:04:05Z".parse().expect("a time"),
                value: Secret::from(value.to_vec()),
            };
            let bytes = record.encode().expect("bytes");
            assert!(bytes.starts_with(
                b"{\"format\":1,\"name\":\"A\",\"set_at\":\"2026-01-02T03:04:05Z\"}\n"
            ));
            let read = Record::decode(&bytes).expect("a record");
            assert_eq!((read.name, read.set_at), (record.name, record.set_at));
            assert_eq!(read.value.expose(), value);
        }
    }

    #[test]
    fn other_bytes_are_refused_without_being_repeated() {
        let bad = |bytes: &[u8]| Record::decode(bytes).expect_err("no record");
        for bytes in [&b""[..], b"cnry\nvalue", b"{\"format\":1}\nvalue"] {
            assert!(matches!(bad(bytes), BadRecord::Unreadable));
        }
        assert!(matches!(bad(b"{\"format\":2,\"more\":0}\nvalue"), BadRecord::Newer(2)));
    }
}
