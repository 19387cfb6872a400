//! The keys of an identity file.
//!
//! ```text
//! # created: 2026-11-29T05:39:30Z
//! # public key: age1…
//! AGE-SECRET-KEY-1…
//! # retired: 2026-11-29T05:39:30Z
//! # created: 2026-11-23T23:26:10Z
//! # public key: age1…
//! AGE-SECRET-KEY-1…
//! ```
//!
//! Stock age decrypts with all of them. Secrets are encrypted for the current one: the first that is
//! not marked as retired. The others decrypt what was encrypted before.

use std::mem;
use std::sync::atomic::AtomicUsize;

use fluvio_secret_protocol::RetiredKey;
use fluvio_secret_system::printable;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::keys::encryption::{self, BadIdentity, DecryptFailure};
use crate::keys::file_keys::{FileKeyOwner, FileKeys, TakenRecord};
use crate::keys::identity::{AnyIdentity, Identity, Recipient};
use crate::keys::locked_memory::{LockedMemory, wiping_stack};
use crate::members::content_hash::ContentHash;

/// How the comment begins that marks a key as retired. Its date follows.
const RETIRED: &str = "# retired:";
/// The longest date of a key that is shown.
const DATE_BYTES: usize = 32;

/// The keys of a file, the current one first.
pub struct Keyring {
    keys: Vec<KeyLine>,
    /// Comments after the last key.
    tail: String,
    file_keys: FileKeys,
    /// The key that has decrypted the last file. While everything is being re-encrypted, that is not the current one.
    last: AtomicUsize,
}

struct KeyLine {
    identity: LockedMemory<Identity>,
    /// The comments above it, with their line ends.
    comments: String,
}

impl Keyring {
    /// A new key alone.
    pub fn generate() -> Self {
        let identity = wiping_stack(|| LockedMemory::new(Identity::generate()));
        let comments = format!("# created: {}\n# public key: {}\n", now(), identity.recipient());
        let keys = vec![KeyLine { identity, comments }];
        Self::of(keys, String::new())
    }

    fn of(keys: Vec<KeyLine>, tail: String) -> Self {
        Self { keys, tail, file_keys: FileKeys::default(), last: AtomicUsize::default() }
    }

    /// Reads the text of an identity file: comments, empty lines and keys.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadIdentity> {
        let text = std::str::from_utf8(bytes).map_err(|_| BadIdentity::None)?;
        wiping_stack(|| Self::parse_text(text))
    }

    fn parse_text(text: &str) -> Result<Self, BadIdentity> {
        let (mut keys, mut comments) = (Vec::<KeyLine>::new(), String::new());
        let mut has_other_lines = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("AGE-SECRET-KEY-1") {
                let identity = Identity::parse(line).ok_or(BadIdentity::Unreadable)?;
                let identity = LockedMemory::new(identity);
                let comments = mem::take(&mut comments);
                let is_known = |key: &KeyLine| key.identity.recipient() == identity.recipient();
                if !keys.iter().any(is_known) {
                    keys.push(KeyLine { identity, comments });
                }
            } else if line.is_empty() || line.starts_with('#') {
                comments.push_str(line);
                comments.push('\n');
            } else {
                has_other_lines = true;
            }
        }
        match (keys.is_empty(), has_other_lines) {
            (true, _) => return Err(BadIdentity::None),
            (false, true) => return Err(BadIdentity::Other),
            (false, false) => {}
        }
        let current = keys.iter().position(|key| !key.is_retired()).ok_or(BadIdentity::Retired)?;
        keys[..=current].rotate_right(1);
        Ok(Self::of(keys, comments))
    }

    /// The text of the file.
    pub fn to_text(&self) -> Zeroizing<String> {
        wiping_stack(|| text_of(self.keys.iter().map(KeyLine::to_text), &self.tail))
    }

    /// The text of a file with these keys, and the keys of another file as retired ones.
    pub(crate) fn to_text_with_retired(&self, others: &Self) -> Zeroizing<String> {
        let is_ours = |key: &&KeyLine| {
            self.keys.iter().any(|ours| ours.identity.recipient() == key.identity.recipient())
        };
        let retired = others.keys.iter().filter(|key| !is_ours(key)).map(KeyLine::to_retired_text);
        wiping_stack(|| text_of(self.keys.iter().map(KeyLine::to_text).chain(retired), &self.tail))
    }

    pub(crate) fn to_text_of_current(&self) -> Zeroizing<String> {
        wiping_stack(|| text_of(self.keys.iter().take(1).map(KeyLine::to_text), &self.tail))
    }

    pub(crate) fn current(&self) -> Recipient {
        self.keys[0].identity.recipient()
    }

    /// The public keys, the current one first.
    pub(crate) fn recipients(&self) -> Vec<Recipient> {
        self.keys.iter().map(|key| key.identity.recipient()).collect()
    }

    pub(crate) fn retired(&self) -> Vec<RetiredKey> {
        let retired = |key: &KeyLine| RetiredKey {
            recipient: key.identity.recipient().to_string(),
            date: key.retired_date(),
        };
        self.keys.iter().skip(1).map(retired).collect()
    }

    pub(crate) fn decrypt(&self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptFailure> {
        encryption::decrypt(&self.any_identity(), bytes)
    }

    /// Decrypts the current version of a secret, and keeps its file key for the next time. Returns also how the record
    /// in it was taken, if it was.
    pub(crate) fn decrypt_current(
        &self,
        owner: &FileKeyOwner,
        content: ContentHash,
        bytes: &[u8],
    ) -> Result<(Zeroizing<Vec<u8>>, Option<TakenRecord>), DecryptFailure> {
        if let Some((file_key, taken)) = self.file_keys.get(owner, content) {
            let plain = encryption::decrypt_by_file_key(file_key, bytes)?;
            return Ok((plain, taken));
        }
        let (plain, file_key) = encryption::decrypt_with_file_key(&self.any_identity(), bytes)?;
        self.file_keys.keep(owner, content, &file_key);
        Ok((plain, None))
    }

    /// Remembers how the record in a file was taken, if the file's key is kept.
    pub(crate) fn remember_taken(
        &self,
        owner: &FileKeyOwner,
        content: ContentHash,
        taken: TakenRecord,
    ) {
        self.file_keys.remember_taken(owner, content, taken);
    }

    /// Wipes the file key of a secret.
    pub(crate) fn forget_file_key(&self, owner: &FileKeyOwner) {
        self.file_keys.forget(owner);
    }

    #[cfg(test)]
    pub(crate) fn has_file_key(&self, owner: &FileKeyOwner) -> bool {
        self.file_keys.has(owner)
    }

    fn any_identity(&self) -> AnyIdentity<'_> {
        let identities = self.keys.iter().map(|key| &*key.identity).collect();
        AnyIdentity { identities, last: &self.last }
    }

    pub(crate) fn decrypt_by_current(
        &self,
        bytes: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DecryptFailure> {
        encryption::decrypt(&*self.keys[0].identity, bytes)
    }
}

impl KeyLine {
    fn to_text(&self) -> Zeroizing<String> {
        joined(&[&self.comments, &self.identity.to_line(), "\n"])
    }

    fn to_retired_text(&self) -> Zeroizing<String> {
        match self.is_retired() {
            true => self.to_text(),
            false => joined(&[&format!("{RETIRED} {}\n", now()), &self.to_text()]),
        }
    }

    fn is_retired(&self) -> bool {
        self.comments.lines().any(|line| line.starts_with(RETIRED))
    }

    fn retired_date(&self) -> Option<String> {
        let date = self.comments.lines().find_map(|line| line.strip_prefix(RETIRED))?;
        let date: String = printable::line(date.trim()).chars().take(DATE_BYTES).collect();
        Some(date).filter(|date| !date.is_empty())
    }
}

fn text_of(keys: impl Iterator<Item = Zeroizing<String>>, tail: &str) -> Zeroizing<String> {
    let keys: Vec<_> = keys.collect();
    let parts: Vec<_> = keys.iter().map(|key| key.as_str()).chain([tail]).collect();
    joined(&parts)
}

/// One allocation of the right size: growth would leave a copy of a key behind.
fn joined(parts: &[&str]) -> Zeroizing<String> {
    let bytes = parts.iter().map(|part| part.len()).sum();
    let mut text = Zeroizing::new(String::with_capacity(bytes));
    parts.iter().for_each(|part| text.push_str(part));
    text
}

fn now() -> String {
    Timestamp::now().strftime("%FT%TZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::{BadIdentity, Keyring};
    use crate::keys::encryption::encrypt;

    #[test]
    fn a_keyring_is_read_as_it_is_written() {
        let text = Keyring::generate().to_text();
        assert!(text.starts_with("# created: 20") && text.contains("Z\n# public key: age1"));
        let spread = format!("# a heading\n\n{}# the end\n", *text);
        let bare = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33\n";
        for text in [text.as_str(), spread.as_str(), bare] {
            let read = Keyring::parse(text.as_bytes()).expect("a keyring");
            assert_eq!(read.to_text().as_str(), text);
            let edited = Keyring::parse(text.replace('\n', "\r\n").as_bytes());
            assert_eq!(edited.expect("edited elsewhere").to_text().as_str(), text);
        }
    }

    #[test]
    fn a_file_without_a_usable_key_is_refused() {
        let text = Keyring::generate().to_text();
        let parse = |text: &str| Keyring::parse(text.as_bytes()).err();
        assert_eq!(parse(""), Some(BadIdentity::None));
        assert_eq!(parse("ssh-ed25519 AAAA"), Some(BadIdentity::None));
        assert_eq!(parse("name: c\ntype: t\n"), Some(BadIdentity::None), "a file of another kind");
        assert_eq!(parse(&(text.to_string() + "x\n")), Some(BadIdentity::Other));
        assert_eq!(parse(&format!("# retired: 2026-11-29\n{}", *text)), Some(BadIdentity::Retired));
        assert_eq!(parse("AGE-SECRET-KEY-1XYZ"), Some(BadIdentity::Unreadable));
        assert_eq!(Keyring::parse(b"\xff").err(), Some(BadIdentity::None));
    }

    #[test]
    fn a_retired_key_decrypts_and_nothing_else() {
        let (old, new) = (Keyring::generate(), Keyring::generate());
        let [of_old, of_new] = [&old, &new]
            .map(|keyring| encrypt(&keyring.recipients(), b"value").expect("encrypted"));
        let text = new.to_text_with_retired(&old);
        assert!(text.starts_with(new.to_text().as_str()) && text.ends_with(old.to_text().as_str()));
        let both = Keyring::parse(text.as_bytes()).expect("a keyring");
        assert_eq!(both.recipients(), [new.recipients(), old.recipients()].concat());
        for encrypted in [&of_old, &of_new] {
            assert_eq!(both.decrypt(encrypted).expect("decrypted")[..], *b"value");
        }
        assert!(both.decrypt_by_current(&of_new).is_ok());
        assert!(both.decrypt_by_current(&of_old).is_err());
        let retired = both.retired();
        assert_eq!(retired[0].recipient, old.current().to_string());
        assert!(retired[0].date.as_ref().is_some_and(|date| date.starts_with("20")), "{retired:?}");
        assert_eq!(both.to_text_of_current(), new.to_text());
        // The date stays, and a key that is used again is not retired any more.
        let newest = Keyring::generate();
        let three =
            Keyring::parse(newest.to_text_with_retired(&both).as_bytes()).expect("a keyring");
        assert_eq!(three.retired()[1], retired[0]);
        let again = Keyring::parse(old.to_text_with_retired(&three).as_bytes()).expect("a keyring");
        assert_eq!(again.recipients()[0], old.recipients()[0]);
        assert_eq!(again.retired().len(), 2);
    }

    #[test]
    fn the_first_key_that_is_not_retired_is_the_current_one_and_each_counts_once() {
        let (old, new) = (Keyring::generate(), Keyring::generate());
        let text = format!("# retired: \n{}{}", *old.to_text(), new.to_text().repeat(2));
        let keyring = Keyring::parse(text.as_bytes()).expect("a keyring");
        assert_eq!(keyring.recipients(), [new.recipients(), old.recipients()].concat());
        assert_eq!(keyring.retired()[0].date, None);
    }
}
