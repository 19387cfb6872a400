//! The only file that knows the age library: bytes sealed to a key, and opened by it.

use std::fmt;
use std::io::{self, Read, Write};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::x25519;
use age::{Decryptor, Encryptor};
use zeroize::Zeroizing;

/// The age key that opens the vault, and that it is sealed to.
pub(crate) struct Identity(x25519::Identity);

/// One whom secrets are sealed to: the public part of an identity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Recipient(x25519::Recipient);

/// A text that is no recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BadRecipient;

/// A text that is no identity.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum BadIdentity {
    #[error("it holds more than one identity")]
    Many,
    #[error("it holds no AGE-SECRET-KEY-1… line")]
    None,
    #[error("its AGE-SECRET-KEY-1… line is damaged")]
    Unreadable,
}

/// Why sealed bytes could not be opened. Nothing of the plaintext has been used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unopened {
    #[error("it is damaged")]
    Damaged,
    #[error("it is sealed to another identity")]
    OtherIdentity,
}

impl Identity {
    pub(crate) fn generate() -> Self {
        Self(x25519::Identity::generate())
    }

    /// Reads the one identity of an identity file: comments, empty lines, and the key.
    pub(crate) fn parse(text: &str) -> Result<Self, BadIdentity> {
        let mut keys =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let key = keys.next().ok_or(BadIdentity::None)?;
        if keys.next().is_some() {
            return Err(BadIdentity::Many);
        }
        if !key.starts_with("AGE-SECRET-KEY-1") {
            return Err(BadIdentity::None);
        }
        key.parse().map(Self).map_err(|_| BadIdentity::Unreadable)
    }

    /// The identity file's text, as `age-keygen` writes it.
    pub(crate) fn to_text(&self, created: &str) -> Zeroizing<String> {
        let (public, key) = (self.0.to_public(), self.0.to_string());
        let head = format!("# created: {created}\n# public key: {public}\n");
        // One allocation of the right size: growth would leave a copy of the key behind.
        let key = key.expose_secret();
        let mut text = Zeroizing::new(String::with_capacity(head.len() + key.len() + 1));
        text.push_str(&head);
        text.push_str(key);
        text.push('\n');
        text
    }

    /// Its public part.
    pub(crate) fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    /// Opens sealed bytes, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Unopened`]; also when the library panics, as versions of it did on odd input.
    pub(crate) fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        catch_unwind(AssertUnwindSafe(|| self.open_unguarded(sealed)))
            .unwrap_or(Err(Unopened::Damaged))
    }

    fn open_unguarded(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let decryptor = Decryptor::new_buffered(sealed).map_err(|_| Unopened::Damaged)?;
        let identities = iter::once(&self.0 as &dyn age::Identity);
        let mut reader = decryptor.decrypt(identities).map_err(|error| match error {
            age::DecryptError::NoMatchingKeys => Unopened::OtherIdentity,
            _ => Unopened::Damaged,
        })?;
        // The plaintext is shorter than what it is sealed in, so this never grows.
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        reader.read_to_end(&mut plain).map_err(|_| Unopened::Damaged)?;
        Ok(plain)
    }
}

impl FromStr for Recipient {
    type Err = BadRecipient;

    fn from_str(text: &str) -> Result<Self, BadRecipient> {
        text.parse().map(Self).map_err(|_| BadRecipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Seals bytes so that the identity of each recipient opens them.
///
/// # Errors
///
/// The age library's, for no recipient at all; a writer in memory does not fail.
pub(crate) fn seal(recipients: &[Recipient], plain: &[u8]) -> io::Result<Vec<u8>> {
    let keys = recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(keys).map_err(io::Error::other)?;
    let head = 512 + 128 * recipients.len();
    let mut sealed = Vec::with_capacity(plain.len() + plain.len() / 1024 + head);
    let mut writer = encryptor.wrap_output(&mut sealed)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(sealed)
}

/// How many X25519 recipients bytes are sealed to. Who they are is not to be seen.
pub(crate) fn recipients_of(sealed: &[u8]) -> usize {
    let lines = sealed.split(|&byte| byte == b'\n').take_while(|line| !line.starts_with(b"---"));
    lines.filter(|line| line.starts_with(b"-> X25519 ")).count()
}

#[cfg(test)]
mod tests {
    use super::{BadIdentity, Identity, Unopened, recipients_of, seal};

    #[test]
    fn what_is_sealed_opens_with_the_identities_of_its_recipients_alone() {
        let (ours, friend, other) =
            (Identity::generate(), Identity::generate(), Identity::generate());
        for plain in [&b""[..], b"x", &[0xff; 200_000]] {
            let sealed = seal(&[ours.recipient(), friend.recipient()], plain).expect("sealed");
            for identity in [&ours, &friend] {
                assert_eq!(identity.open(&sealed).expect("opened")[..], *plain);
            }
            assert_eq!(other.open(&sealed).err(), Some(Unopened::OtherIdentity));
            assert_eq!(recipients_of(&sealed), 2);
        }
        assert!(seal(&[], b"x").is_err(), "to nobody");
    }

    #[test]
    fn every_flip_and_every_cut_is_noticed() {
        let identity = Identity::generate();
        let sealed = seal(&[identity.recipient()], b"value").expect("sealed");
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert!(identity.open(&flipped).is_err(), "byte {at} flipped");
            assert!(identity.open(&sealed[..at]).is_err(), "cut at {at}");
        }
        let longer = [&sealed[..], b"x"].concat();
        assert!(identity.open(&longer).is_err(), "a byte after the end");
    }

    #[test]
    fn an_identity_file_holds_one_key() {
        let text = Identity::generate().to_text("2026-01-02T03:04:05Z");
        assert!(text.starts_with("# created: 2026-01-02T03:04:05Z\n# public key: age1"));
        assert!(Identity::parse(&text).is_ok());
        assert!(Identity::parse(&text.replace('\n', "\r\n")).is_ok(), "edited elsewhere");
        let parse = |text: &str| Identity::parse(text).err();
        assert_eq!(parse(""), Some(BadIdentity::None));
        assert_eq!(parse("ssh-ed25519 AAAA"), Some(BadIdentity::None));
        assert_eq!(parse(&text.repeat(2)), Some(BadIdentity::Many));
        assert_eq!(parse("AGE-SECRET-KEY-1XYZ"), Some(BadIdentity::Unreadable));
    }
}
