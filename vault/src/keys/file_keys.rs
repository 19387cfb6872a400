//! File keys of secrets that were decrypted: with one, a secret is decrypted again without its identity,
//! in a small part of the time.
//!
//! They mean nothing that the identity beside them does not mean already, and are wiped with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::SecretName;
use lru::LruCache;
use zeroize::{Zeroize, Zeroizing};

use crate::keys::identity::FileKey;
use crate::keys::locked_memory::LockedMemory;
use crate::members::content_hash::ContentHash;

/// The most file keys that are kept. They take 64 KiB of memory that is not swapped.
const KEPT_FILE_KEYS: u16 = 4096;

#[derive(Default)]
pub(crate) struct FileKeys(Mutex<KeptFileKeys>);

struct KeptFileKeys {
    /// The least recently used one last.
    places: LruCache<FileKeyOwner, FileKeyPlace>,
    /// Where no key is.
    free: Vec<u16>,
    /// `None` until the first key is kept, or if the limits allow no such memory.
    memory: Option<LockedMemory<Zeroizing<[[u8; 16]; KEPT_FILE_KEYS as usize]>>>,
}

/// A secret, and the hash of the directory of the vault that has it: two clones have one id.
pub(crate) type FileKeyOwner = (u64, SecretName);

struct FileKeyPlace {
    /// Of the whole encrypted file.
    content: ContentHash,
    place: u16,
    taken: Option<TakenRecord>,
}

/// How the record in a file was taken: its signature need not be verified again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TakenRecord {
    /// The list of members by which it was verified.
    pub(crate) by: ContentHash,
    /// Whether this machine had seen a later change of the secret.
    pub(crate) is_older: bool,
}

impl FileKeys {
    /// The file key of the secret's file, if it is kept and the file is still that one.
    pub(crate) fn get(
        &self,
        owner: &FileKeyOwner,
        content: ContentHash,
    ) -> Option<(FileKey, Option<TakenRecord>)> {
        let mut kept = self.kept();
        let found = kept.places.get(owner).filter(|found| found.content == content)?;
        let (place, taken) = (found.place, found.taken);
        let memory = kept.memory.as_ref()?;
        Some((Box::new(Zeroizing::new(memory[usize::from(place)])), taken))
    }

    /// Keeps the file key of a secret, in place of an earlier one.
    pub(crate) fn keep(&self, owner: &FileKeyOwner, content: ContentHash, file_key: &FileKey) {
        let mut kept = self.kept();
        kept.forget(owner);
        if let Some(place) = kept.place() {
            let memory = kept.memory.as_mut().expect("it has the place");
            memory[usize::from(place)] = ***file_key;
            kept.places.put(owner.clone(), FileKeyPlace { content, place, taken: None });
        }
    }

    /// Remembers how the record in a file was taken, if the file's key is kept.
    pub(crate) fn remember_taken(
        &self,
        owner: &FileKeyOwner,
        content: ContentHash,
        taken: TakenRecord,
    ) {
        let mut kept = self.kept();
        if let Some(found) = kept.places.get_mut(owner).filter(|found| found.content == content) {
            found.taken = Some(taken);
        }
    }

    /// Wipes the file key of a secret.
    pub(crate) fn forget(&self, owner: &FileKeyOwner) {
        self.kept().forget(owner);
    }

    #[cfg(test)]
    pub(crate) fn has(&self, owner: &FileKeyOwner) -> bool {
        self.kept().places.contains(owner)
    }

    fn kept(&self) -> MutexGuard<'_, KeptFileKeys> {
        // A panic between two steps loses a place, or a key that is decrypted again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for KeptFileKeys {
    fn default() -> Self {
        Self { places: LruCache::unbounded(), free: Vec::new(), memory: None }
    }
}

impl KeptFileKeys {
    fn forget(&mut self, owner: &FileKeyOwner) {
        if let Some(FileKeyPlace { place, .. }) = self.places.pop(owner)
            && let Some(memory) = &mut self.memory
        {
            memory[usize::from(place)].zeroize();
            self.free.push(place);
        }
    }

    /// A place for a key: a free one, or that of the key that was not used for the longest time.
    fn place(&mut self) -> Option<u16> {
        if self.memory.is_none() {
            // Keys that may be swapped are not kept.
            self.memory = LockedMemory::locked(Zeroizing::new([[0; 16]; KEPT_FILE_KEYS as usize]));
            self.free = self.memory.iter().flat_map(|_| (0..KEPT_FILE_KEYS).rev()).collect();
        }
        self.free.pop().or_else(|| Some(self.places.pop_lru()?.1.place))
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::SecretName;
    use zeroize::Zeroizing;

    use super::{FileKeyOwner, FileKeys, KEPT_FILE_KEYS};
    use crate::keys::identity::{FileKey, Identity};
    use crate::members::content_hash::ContentHash;
    use crate::rekey::change::Rekey;
    use crate::tests::{Home, delete, purge, read, restore, set, write};
    use crate::{OpenedSecret, SecretChange, SecretReader, SyncedChange, Vault, VaultError};

    fn name(number: u16) -> FileKeyOwner {
        (0, format!("S{number}").parse().expect("a name"))
    }

    fn key(number: u16) -> FileKey {
        let [high, low] = number.to_be_bytes();
        Box::new(Zeroizing::new([high, low, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]))
    }

    fn keep(keys: &FileKeys, number: u16) {
        keys.keep(&name(number), ContentHash::of(&number.to_be_bytes()), &key(number));
    }

    fn get(keys: &FileKeys, number: u16) -> Option<FileKey> {
        let found = keys.get(&name(number), ContentHash::of(&number.to_be_bytes()));
        found.map(|(key, _)| key)
    }

    #[test]
    fn a_file_key_is_of_one_name_and_one_file() {
        let keys = FileKeys::default();
        assert!(get(&keys, 1).is_none());
        keep(&keys, 1);
        keep(&keys, 2);
        assert_eq!(get(&keys, 1), Some(key(1)));
        assert_eq!(get(&keys, 2), Some(key(2)));
        assert!(keys.get(&name(1), ContentHash::of(b"another file")).is_none());
        assert!(keys.get(&name(2), ContentHash::of(&1_u16.to_be_bytes())).is_none());
        keys.keep(&name(1), ContentHash::of(b"another file"), &key(3));
        assert!(get(&keys, 1).is_none());
        let found = keys.get(&name(1), ContentHash::of(b"another file"));
        assert_eq!(found.map(|(key, _)| key), Some(key(3)));
    }

    #[test]
    fn a_secret_of_the_same_name_in_another_vault_has_its_own() {
        let keys = FileKeys::default();
        keep(&keys, 1);
        let other = (1, name(1).1);
        assert!(keys.get(&other, ContentHash::of(&1_u16.to_be_bytes())).is_none());
        keys.keep(&other, ContentHash::of(b"another file"), &key(2));
        keys.forget(&other);
        assert_eq!(get(&keys, 1), Some(key(1)));
    }

    #[test]
    fn what_is_forgotten_is_wiped_and_its_place_used_again() {
        let keys = FileKeys::default();
        (0..3).for_each(|number| keep(&keys, number));
        keys.forget(&name(1));
        keys.forget(&name(1));
        assert!(get(&keys, 1).is_none());
        let kept = |keys: &FileKeys| {
            let kept = keys.kept();
            let memory = kept.memory.as_ref().expect("memory that is not swapped");
            memory.iter().filter(|key| **key != [0; 16]).count()
        };
        assert_eq!(kept(&keys), 2);
        keep(&keys, 1);
        assert_eq!((kept(&keys), get(&keys, 1)), (3, Some(key(1))));
    }

    #[test]
    fn the_least_recently_used_one_makes_room() {
        let keys = FileKeys::default();
        (0..KEPT_FILE_KEYS).for_each(|number| keep(&keys, number));
        assert!(get(&keys, 0).is_some());
        keep(&keys, KEPT_FILE_KEYS);
        assert!(get(&keys, 1).is_none());
        for number in (0..=KEPT_FILE_KEYS).filter(|number| *number != 1) {
            assert_eq!(get(&keys, number), Some(key(number)));
        }
    }

    type Change = fn(&Vault);

    /// Each change of a secret that has another value before.
    const CHANGES: [(&str, Change); 7] = [
        ("set", |vault| _ = set(vault, "A", b"2")),
        ("set in a batch", |vault| {
            let changes = ["B", "A"].map(|name| write(vault, name, b"2").expect("written"));
            let synced = SecretChange::sync_all(changes.into()).into_iter();
            let made = SyncedChange::commit_all(synced.collect::<Result<_, _>>().expect("synced"));
            assert!(made.iter().all(Result::is_ok), "{made:?}");
        }),
        ("restored", |vault| {
            let version = vault.secrets().versions(&secret()).expect("versions").earlier[0].version;
            let change = restore(vault, "A", version);
            change.and_then(SecretChange::commit).expect("restored");
        }),
        ("encrypted again", |vault| {
            let friend = Identity::generate().recipient().to_string();
            rekey(Rekey::add(vault, &friend, None));
        }),
        ("encrypted for a new key", |vault| rekey(Rekey::rotate(vault, false, None, None))),
        ("removed", |vault| delete(vault, "A").expect("removed")),
        ("purged", |vault| purge(vault, "A").expect("purged")),
    ];

    fn secret() -> SecretName {
        "A".parse().expect("a name")
    }

    fn rekey(rekey: Result<Rekey<'_>, VaultError>) {
        rekey.and_then(|rekey| rekey.commit(&mut |_| {})).expect("encrypted again");
    }

    fn is_kept(vault: &Vault) -> bool {
        vault
            .keys()
            .with(|keys| keys.has_file_key(&vault.file_key_owner(&secret())))
            .expect("a key")
    }

    #[test]
    fn d12_a_file_key_goes_with_its_file() {
        for (change, make) in CHANGES {
            let home = Home::new();
            let vault = home.open().expect("a vault");
            set(&vault, "A", b"0");
            set(&vault, "A", b"1");
            assert!(!is_kept(&vault), "{change}");
            let value = SecretReader::of(&vault).read(&secret()).expect("decrypted").value;
            assert_eq!(value.expose(), b"1");
            assert!(is_kept(&vault), "{change}");
            make(&vault);
            assert!(!is_kept(&vault), "{change}");
            if let Ok(OpenedSecret { value, .. }) = SecretReader::of(&vault).read(&secret()) {
                let again = SecretReader::of(&vault).read(&secret()).expect("decrypted").value;
                assert_eq!(value.expose(), again.expose(), "{change}");
                assert_eq!(value.expose(), read(&vault, "A").expect("decrypted"));
            }
        }
    }

    #[test]
    fn d12_a_file_key_goes_when_another_program_removes_the_file() {
        let home = Home::new();
        let vault = home.open().expect("a vault");
        set(&vault, "A", b"1");
        SecretReader::of(&vault).read(&secret()).expect("decrypted");
        std::fs::remove_file(home.file("A")).expect("removed");
        assert!(is_kept(&vault));
        let missing = SecretReader::of(&vault).read(&secret());
        assert!(matches!(missing, Err(VaultError::Missing)), "{missing:?}");
        assert!(!is_kept(&vault));
    }
}
