//! Encrypts and decrypts bytes. Only this file and [`identity`](super::identity) know the age library.

use std::cell::OnceCell;
use std::io::{self, Read, Write};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt};
use fluvio_secret_protocol::limits;
use zeroize::Zeroizing;

use crate::keys::header_first::HeaderFirst;
use crate::keys::identity::{FileKey, FileKeyIdentity, Recipient, RecordingIdentity};
use crate::keys::locked_memory::{wiping_stack, wiping_value};

/// The exponent of scrypt's N for new passphrases, as stock age has it: 256 MiB, about a second.
const WORK: u8 = 18;
/// The most stanzas in the header of a file that is decrypted by a key. The library adds one or a few of no use.
const MOST_STANZAS: usize = limits::MEMBERS + 32;
/// The most bytes of such a header: what a file is larger than its value.
const MOST_HEADER: usize = limits::RECORD_BYTES - limits::VALUE_BYTES;
/// The highest exponent that is accepted: 1 GiB.
const MOST_WORK: u8 = 20;

/// Why a file or a line is not an identity.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadIdentity {
    #[error("it has no AGE-SECRET-KEY-1… line")]
    None,
    #[error("it is damaged")]
    Damaged,
    #[error("it has lines that are neither a comment nor an AGE-SECRET-KEY-1… line")]
    Other,
    #[error("all of its keys are marked as retired")]
    Retired,
    #[error("it is encrypted for keys, not with a passphrase")]
    Sealed,
    #[error("its AGE-SECRET-KEY-1… line is damaged")]
    Unreadable,
    #[error("its scrypt work factor is {0}, and the maximum is {MOST_WORK}")]
    Work(u8),
    #[error("this is not its passphrase")]
    WrongPassphrase,
}

/// Why bytes were not decrypted. Nothing of the plaintext was used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecryptFailure {
    /// They were changed, or are not age's.
    #[error("it is incomplete or was changed")]
    Damaged,
    /// They were encrypted for other recipients.
    #[error("it is encrypted for another identity")]
    OtherIdentity,
}

/// Decrypts bytes with an identity, whole or not at all.
pub(crate) fn decrypt(
    identity: &dyn age::Identity,
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DecryptFailure> {
    guarded(DecryptFailure::Damaged, || wiping_stack(|| open(identity, bytes)))
}

fn open(identity: &dyn age::Identity, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptFailure> {
    let header = header_length(bytes).ok_or(DecryptFailure::Damaged)?;
    let file = HeaderFirst { header, bytes };
    let decryptor = Decryptor::new_buffered(file).map_err(|_| DecryptFailure::Damaged)?;
    let decrypted = decryptor.decrypt(iter::once(identity));
    let mut reader = decrypted.map_err(|error| match error {
        DecryptError::NoMatchingKeys => DecryptFailure::OtherIdentity,
        _ => DecryptFailure::Damaged,
    })?;
    read(&mut reader, bytes.len()).map_err(|_| DecryptFailure::Damaged)
}

/// The same, with the file key, which decrypts these bytes again without an identity.
pub(crate) fn decrypt_with_file_key(
    identity: &dyn age::Identity,
    bytes: &[u8],
) -> Result<(Zeroizing<Vec<u8>>, FileKey), DecryptFailure> {
    let found = OnceCell::new();
    let plain = decrypt(&RecordingIdentity { identity, found: &found }, bytes)?;
    Ok((plain, found.into_inner().ok_or(DecryptFailure::Damaged)?))
}

/// Decrypts bytes with their file key.
pub(crate) fn decrypt_by_file_key(
    file_key: FileKey,
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DecryptFailure> {
    let identity = FileKeyIdentity(file_key);
    guarded(DecryptFailure::Damaged, || wiping_value(|| open(&identity, bytes)))
}

/// The length of the header, with the line of its MAC. `None` if that is not there, or if the header is too large: there is one
/// stanza for each member, and the library adds some of its own.
fn header_length(bytes: &[u8]) -> Option<usize> {
    let (mut stanzas, mut length) = (0, 0);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        length += line.len();
        if line.starts_with(b"---") {
            return (length <= MOST_HEADER).then_some(length);
        }
        stanzas += usize::from(line.starts_with(b"->"));
        if stanzas > MOST_STANZAS || length > MOST_HEADER {
            return None;
        }
    }
    None
}

/// Calls `decrypt`, and takes a panic for damage: versions of the library panicked on odd input.
fn guarded<T, E>(damaged: E, decrypt: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(decrypt)).unwrap_or(Err(damaged))
}

/// The plaintext is shorter than `most`, so the vector never grows.
fn read(reader: &mut impl Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(most));
    reader.read_to_end(&mut plain)?;
    Ok(plain)
}

/// Encrypts bytes so that the identity of each recipient decrypts them.
///
/// # Errors
///
/// The age library's, if there are no recipients.
pub(crate) fn encrypt(recipients: &[Recipient], plain: &[u8]) -> io::Result<Vec<u8>> {
    let keys = recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
    let head = 512 + 128 * recipients.len();
    encrypt_for(keys, plain, plain.len() / 1024 + head)
}

fn encrypt_for<'a>(
    recipients: impl Iterator<Item = &'a dyn age::Recipient>,
    plain: &[u8],
    more: usize,
) -> io::Result<Vec<u8>> {
    let encryptor = Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
    let mut encrypted = Vec::with_capacity(plain.len() + more);
    let mut writer = encryptor.wrap_output(&mut encrypted)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(encrypted)
}

/// The number of X25519 recipients of encrypted bytes. Which ones they are cannot be seen.
#[cfg(test)]
pub(crate) fn count_recipients(encrypted: &[u8]) -> usize {
    let lines = encrypted.split(|&byte| byte == b'\n').take_while(|line| !line.starts_with(b"---"));
    lines.filter(|line| line.starts_with(b"-> X25519 ")).count()
}

/// Whether bytes begin as age's own files do, with or without armor.
pub(crate) fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE")
}

/// Encrypts bytes with a passphrase, as stock age does.
pub(crate) fn encrypt_with_passphrase(passphrase: &str, plain: &[u8]) -> io::Result<Vec<u8>> {
    encrypt_with_work(passphrase, plain, WORK)
}

pub(crate) fn encrypt_with_work(passphrase: &str, plain: &[u8], work: u8) -> io::Result<Vec<u8>> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
    recipient.set_work_factor(work);
    encrypt_for(iter::once(&recipient as &dyn age::Recipient), plain, 512)
}

/// Decrypts bytes with a passphrase, whole or not at all, with or without armor.
pub(crate) fn decrypt_with_passphrase(
    passphrase: &str,
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BadIdentity> {
    guarded(BadIdentity::Damaged, || wiping_stack(|| open_with_passphrase(passphrase, bytes)))
}

fn open_with_passphrase(passphrase: &str, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadIdentity> {
    let decryptor = Decryptor::new(ArmoredReader::new(bytes)).map_err(|_| BadIdentity::Damaged)?;
    if !decryptor.is_scrypt() {
        return Err(BadIdentity::Sealed);
    }
    let mut identity = scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
    identity.set_max_work_factor(MOST_WORK);
    let identities = iter::once(&identity as &dyn age::Identity);
    let mut reader = decryptor.decrypt(identities).map_err(|error| match error {
        DecryptError::DecryptionFailed => BadIdentity::WrongPassphrase,
        DecryptError::ExcessiveWork { required, .. } => BadIdentity::Work(required),
        _ => BadIdentity::Damaged,
    })?;
    read(&mut reader, bytes.len()).map_err(|_| BadIdentity::Damaged)
}

#[cfg(test)]
pub(crate) fn encrypt_cheaply(passphrase: &str, plain: &[u8]) -> Vec<u8> {
    encrypt_with_work(passphrase, plain, 2).expect("encrypted")
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::limits;
    use zeroize::Zeroizing;

    use crate::keys::identity::Identity;

    use super::{
        BadIdentity, DecryptFailure, MOST_HEADER, MOST_WORK, count_recipients, decrypt,
        decrypt_with_passphrase, encrypt, encrypt_cheaply, encrypt_with_passphrase,
        encrypt_with_work, header_length,
    };

    fn by(identity: &Identity, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptFailure> {
        decrypt(identity, encrypted)
    }

    #[test]
    fn a_header_for_more_than_all_members_is_not_parsed() {
        let identity = Identity::generate();
        for (count, is_parsed) in [(limits::MEMBERS, true), (2 * limits::MEMBERS, false)] {
            let recipients = vec![identity.recipient(); count];
            let encrypted = encrypt(&recipients, b"value").expect("encrypted");
            assert_eq!(by(&identity, &encrypted).is_ok(), is_parsed, "{count}");
        }
    }

    #[test]
    fn what_is_encrypted_is_decrypted_by_the_identities_of_its_recipients_alone() {
        let (ours, friend, other) =
            (Identity::generate(), Identity::generate(), Identity::generate());
        for plain in [&b""[..], b"x", &[0xff; 200_000]] {
            let encrypted =
                encrypt(&[ours.recipient(), friend.recipient()], plain).expect("encrypted");
            for identity in [&ours, &friend] {
                assert_eq!(by(identity, &encrypted).expect("decrypted")[..], *plain);
            }
            assert_eq!(by(&other, &encrypted).err(), Some(DecryptFailure::OtherIdentity));
            assert_eq!(count_recipients(&encrypted), 2);
        }
        assert!(encrypt(&[], b"x").is_err(), "to nobody");
    }

    #[test]
    fn every_flip_and_every_cut_is_noticed() {
        let identity = Identity::generate();
        let encrypted = encrypt(&[identity.recipient()], b"value").expect("encrypted");
        for at in 0..encrypted.len() {
            let mut flipped = encrypted.clone();
            flipped[at] ^= 1;
            assert!(by(&identity, &flipped).is_err(), "byte {at} flipped");
            assert!(by(&identity, &encrypted[..at]).is_err(), "cut at {at}");
        }
        let longer = [&encrypted[..], b"x"].concat();
        assert!(by(&identity, &longer).is_err(), "a byte after the end");
    }

    #[test]
    fn what_is_encrypted_with_a_passphrase_is_decrypted_with_it_alone() {
        let encrypted = encrypt_cheaply("correct horse", b"key");
        assert_eq!(
            decrypt_with_passphrase("correct horse", &encrypted).expect("decrypted")[..],
            *b"key"
        );
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert_eq!(
                decrypt_with_passphrase(wrong, &encrypted).err(),
                Some(BadIdentity::WrongPassphrase),
                "{wrong:?}"
            );
        }
        let bad = |encrypted: &[u8]| {
            decrypt_with_passphrase("correct horse", encrypted).expect_err("it is no identity")
        };
        let end = encrypted.len() - 1;
        assert_eq!(bad(&encrypted[..end]), BadIdentity::Damaged);
        assert_eq!(bad(b"age-encryption.org/v1\n-> scrypt x 18\n"), BadIdentity::Damaged);
        let other = encrypt(&[Identity::generate().recipient()], b"key").expect("encrypted");
        assert_eq!(bad(&other), BadIdentity::Sealed);
    }

    #[test]
    fn a_header_has_room_for_all_members_and_no_more() {
        let recipients: Vec<_> = std::iter::repeat_with(|| Identity::generate().recipient())
            .take(limits::MEMBERS)
            .collect();
        let encrypted = encrypt(&recipients, b"value").expect("encrypted");
        let header = header_length(&encrypted).expect("room for all");
        assert_eq!(encrypted[header - 1], b'\n');
        // A nonce and a value with its tag follow.
        assert_eq!(encrypted.len() - header, 16 + 5 + 16);
        let small = b"age-encryption.org/v1\n-> x\n\n--- m\n".to_vec();
        let large_payload = [&small[..], &vec![b'\n'; MOST_HEADER]].concat();
        assert_eq!(header_length(&large_payload), Some(small.len()));
        assert_eq!(header_length(&small[..small.len() - 6]), None, "it has no end");
        let lines = "x".repeat(64) + "\n";
        let large = format!("age-encryption.org/v1\n-> x\n{}\n--- m\n", lines.repeat(15_000));
        assert_eq!(header_length(large.as_bytes()), None);
        let many = format!("age-encryption.org/v1\n{}--- m\n", "-> x\n\n".repeat(300));
        assert_eq!(header_length(many.as_bytes()), None);
    }

    #[test]
    fn a_passphrase_costs_who_guesses_and_not_more_than_is_fit() {
        let encrypted = encrypt_with_passphrase("x", b"key").expect("encrypted");
        let head = String::from_utf8_lossy(&encrypted).into_owned();
        let stanza = head.lines().nth(1).expect("a stanza");
        assert!(stanza.starts_with("-> scrypt ") && stanza.ends_with(" 18"), "{stanza}");
        // What claims to need more is refused before anything is done for it.
        let work = format!(" {}\n", MOST_WORK + 1).into_bytes();
        let cheap = encrypt_with_work("x", b"key", 2).expect("encrypted");
        let at = cheap.windows(3).position(|part| part == b" 2\n").expect("the work");
        let dear = [&cheap[..at], &work, &cheap[at + 3..]].concat();
        let refused = Some(BadIdentity::Work(MOST_WORK + 1));
        assert_eq!(decrypt_with_passphrase("x", &dear).err(), refused);
    }
}
