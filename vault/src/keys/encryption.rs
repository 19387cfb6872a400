//! The only file that knows the age library: bytes sealed to a key, and opened by it.

use std::fmt;
use std::io::{self, Read, Write};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use age::armor::ArmoredReader;
use age::secrecy::{ExposeSecret, SecretString};
use age::{DecryptError, Decryptor, Encryptor, scrypt, x25519};
use zeroize::Zeroizing;

use super::memory::wiping_stack;

/// What a passphrase costs who guesses, as the exponent of scrypt's N: what stock age writes. It
/// takes 256 MiB and about a second.
const WORK: u8 = 18;
/// The most that is done to open a file: it takes 1 GiB.
const MOST_WORK: u8 = 20;

/// The age key that opens the vault, and that it is sealed to.
pub struct Identity(x25519::Identity);

/// One whom secrets are sealed to: the public part of an identity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recipient(x25519::Recipient);

/// A text that is no recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BadRecipient;

/// A text that is no identity.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadIdentity {
    #[error("it holds more than one identity")]
    Many,
    #[error("it holds no AGE-SECRET-KEY-1… line")]
    None,
    #[error("it is damaged")]
    Damaged,
    #[error("it has lines that are neither a comment nor an AGE-SECRET-KEY-1… line")]
    Other,
    #[error("it is sealed to keys, and not to a passphrase")]
    Sealed,
    #[error("its AGE-SECRET-KEY-1… line is damaged")]
    Unreadable,
    #[error("its passphrase takes work of 2^{0}, and 2^{MOST_WORK} is the most")]
    Work(u8),
}

/// Why a passphrase did not open what is sealed with one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Closed {
    /// It is no file that any passphrase opens.
    Bad(BadIdentity),
    /// It is another passphrase's.
    Wrong,
}

/// Why sealed bytes could not be opened. Nothing of the plaintext has been used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unopened {
    #[error("it is damaged")]
    Damaged,
    #[error("it is sealed to another identity")]
    OtherIdentity,
}

impl Identity {
    /// A new identity.
    pub fn generate() -> Self {
        Self(x25519::Identity::generate())
    }

    /// Reads the one identity of an identity file: comments, empty lines, and the key.
    pub fn parse(text: &str) -> Result<Self, BadIdentity> {
        let lines =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (mut keys, mut others) = (Vec::new(), 0);
        for line in lines {
            if line.starts_with("AGE-SECRET-KEY-1") { keys.push(line) } else { others += 1 }
        }
        match (&keys[..], others) {
            ([], _) => Err(BadIdentity::None),
            ([key], 0) => key.parse().map(Self).map_err(|_| BadIdentity::Unreadable),
            ([_], _) => Err(BadIdentity::Other),
            _ => Err(BadIdentity::Many),
        }
    }

    /// The identity file's text, as `age-keygen` writes it.
    pub fn to_text(&self, created: &str) -> Zeroizing<String> {
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
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    /// Opens sealed bytes, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Unopened`]; also when the library panics, as versions of it did on odd input.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let open = || wiping_stack(|| self.open_unguarded(sealed));
        catch_unwind(AssertUnwindSafe(open)).unwrap_or(Err(Unopened::Damaged))
    }

    fn open_unguarded(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let decryptor = Decryptor::new_buffered(sealed).map_err(|_| Unopened::Damaged)?;
        let identities = iter::once(&self.0 as &dyn age::Identity);
        let mut reader = decryptor.decrypt(identities).map_err(|error| match error {
            DecryptError::NoMatchingKeys => Unopened::OtherIdentity,
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

/// Whether bytes begin as age's own files do, with or without armor.
pub(crate) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE")
}

/// Seals bytes with a passphrase, as stock age does.
///
/// # Errors
///
/// As for [`seal`].
pub(crate) fn seal_with(passphrase: &str, plain: &[u8]) -> io::Result<Vec<u8>> {
    seal_with_work(passphrase, plain, WORK)
}

pub(crate) fn seal_with_work(passphrase: &str, plain: &[u8], work: u8) -> io::Result<Vec<u8>> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
    recipient.set_work_factor(work);
    let recipients = iter::once(&recipient as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
    let mut sealed = Vec::with_capacity(plain.len() + 512);
    let mut writer = encryptor.wrap_output(&mut sealed)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(sealed)
}

/// Opens bytes that are sealed with a passphrase, whole or not at all, with or without armor.
///
/// # Errors
///
/// [`Closed`]; also when the library panics.
pub(crate) fn open_with(passphrase: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let open = || wiping_stack(|| open_with_unguarded(passphrase, sealed));
    catch_unwind(AssertUnwindSafe(open)).unwrap_or(Err(Closed::Bad(BadIdentity::Damaged)))
}

fn open_with_unguarded(passphrase: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let damaged = Closed::Bad(BadIdentity::Damaged);
    let decryptor = Decryptor::new(ArmoredReader::new(sealed)).map_err(|_| damaged)?;
    if !decryptor.is_scrypt() {
        return Err(Closed::Bad(BadIdentity::Sealed));
    }
    let mut identity = scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
    identity.set_max_work_factor(MOST_WORK);
    let identities = iter::once(&identity as &dyn age::Identity);
    let mut reader = decryptor.decrypt(identities).map_err(|error| match error {
        DecryptError::DecryptionFailed => Closed::Wrong,
        DecryptError::ExcessiveWork { required, .. } => Closed::Bad(BadIdentity::Work(required)),
        _ => damaged,
    })?;
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut plain).map_err(|_| damaged)?;
    Ok(plain)
}

/// For tests: sealed with next to no work.
#[cfg(test)]
pub(crate) fn seal_cheaply(passphrase: &str, plain: &[u8]) -> Vec<u8> {
    seal_with_work(passphrase, plain, 2).expect("sealed")
}

#[cfg(test)]
mod tests {
    use super::{
        BadIdentity, Closed, Identity, MOST_WORK, Unopened, open_with, recipients_of, seal,
        seal_cheaply, seal_with, seal_with_work,
    };

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
        assert_eq!(parse("name: c\ntype: t\n"), Some(BadIdentity::None), "a file of another kind");
        assert_eq!(parse(&text.repeat(2)), Some(BadIdentity::Many));
        assert_eq!(parse(&(text.to_string() + "x\n")), Some(BadIdentity::Other));
        assert_eq!(parse("AGE-SECRET-KEY-1XYZ"), Some(BadIdentity::Unreadable));
    }

    #[test]
    fn what_is_sealed_with_a_passphrase_opens_with_it_alone() {
        let sealed = seal_cheaply("correct horse", b"key");
        assert_eq!(open_with("correct horse", &sealed).expect("opened")[..], *b"key");
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert_eq!(open_with(wrong, &sealed).err(), Some(Closed::Wrong), "{wrong:?}");
        }
        let bad = |sealed: &[u8]| match open_with("correct horse", sealed) {
            Err(Closed::Bad(bad)) => bad,
            other => panic!("{other:?}"),
        };
        let end = sealed.len() - 1;
        assert_eq!(bad(&sealed[..end]), BadIdentity::Damaged);
        assert_eq!(bad(b"age-encryption.org/v1\n-> scrypt x 18\n"), BadIdentity::Damaged);
        let other = seal(&[Identity::generate().recipient()], b"key").expect("sealed");
        assert_eq!(bad(&other), BadIdentity::Sealed);
    }

    #[test]
    fn a_passphrase_costs_who_guesses_and_not_more_than_is_fit() {
        let sealed = seal_with("x", b"key").expect("sealed");
        let head = String::from_utf8_lossy(&sealed).into_owned();
        let stanza = head.lines().nth(1).expect("a stanza");
        assert!(stanza.starts_with("-> scrypt ") && stanza.ends_with(" 18"), "{stanza}");
        // What claims to need more is refused before anything is done for it.
        let work = format!(" {}\n", MOST_WORK + 1).into_bytes();
        let cheap = seal_with_work("x", b"key", 2).expect("sealed");
        let at = cheap.windows(3).position(|part| part == b" 2\n").expect("the work");
        let dear = [&cheap[..at], &work, &cheap[at + 3..]].concat();
        let refused = Some(Closed::Bad(BadIdentity::Work(MOST_WORK + 1)));
        assert_eq!(open_with("x", &dear).err(), refused);
    }
}
