//! Gives a secret another name, with its history.
//!
//! Each record has its name in it, so all versions are decrypted and encrypted again. Everything is under the
//! new name, durably, before the old name is removed. If a rename is killed, the same one finishes it: what is
//! under both names then is the same.

use std::time::SystemTime;

use fluvio_secret_protocol::{RecordKind, Secret, SecretName};
use fluvio_secret_system::file_id::FileId;
use fluvio_secret_system::parallel::{DISK_THREADS, in_parallel};

use crate::error::VaultError;
use crate::revisions::revision::Revision;
use crate::revisions::signed_record::SecretUpdate;
use crate::secret_reader::{OpenedFile, SecretReader};
use crate::secrets::file_name::file_of;
use crate::secrets::version_file::VersionFile;
use crate::secrets::version_place::VersionPlace;
use crate::secrets::writer::{SealedRecord, SecretWriter, highest_counter, seen_in};
use crate::vault::Vault;
use crate::whole_file::{PreparedFile, WrittenFile};

/// The most versions that are encrypted before they are synced.
const BATCH_VERSIONS: usize = 64;

/// A rename that is on the disk under temporary names, and not made. Without [`SecretRename::commit`] nothing
/// changes.
#[must_use]
pub struct SecretRename<'a> {
    vault: &'a Vault,
    from: SecretName,
    to: SecretName,
    /// The file that gets the new name; `None` if it is there already.
    current: Option<(PreparedFile, Revision)>,
    /// The mark that there is nothing under the old name any more; `None` if there was nothing.
    mark: Option<(PreparedFile, Revision)>,
    /// The file that is removed; `None` if it is gone already.
    old_file: Option<FileId>,
    /// The earlier versions under the new name, and their numbers.
    versions: Vec<PreparedFile>,
    moved: Vec<u64>,
    left: usize,
}

impl<'a> SecretRename<'a> {
    /// Encrypts all versions for the new name.
    ///
    /// # Errors
    ///
    /// [`VaultError::Taken`] if there is anything else under the new name.
    pub fn prepare(vault: &'a Vault, from: SecretName, to: SecretName) -> Result<Self, VaultError> {
        let secrets = vault.secrets();
        let (versions, moved) = (Vec::new(), Vec::new());
        let (current, mark, old_file) = (None, None, None);
        let mut rename =
            Self { vault, from, to, current, mark, old_file, versions, moved, left: 0 };
        let (from, to) = (&rename.from.clone(), &rename.to.clone());
        let is_there = secrets.has(from)?;
        if !is_there || SecretReader::of(vault).is_removed(from) {
            // Perhaps the rest of a rename that was killed.
            let versions = rename.earlier()?;
            let has_rest = is_there || !versions.is_empty();
            if !has_rest || from == to || !is_all_under(vault, from, to)? {
                return Err(VaultError::Missing);
            }
            rename.moved = versions;
            rename.old_file = secrets.current(from).id()?;
            return Ok(rename);
        }
        let taken = secrets.refuse_if_taken(to);
        if taken.is_err() && (from == to || !is_all_under(vault, to, from)?) {
            taken?;
        }
        rename.old_file = secrets.current(from).id()?;
        rename.prepare_all()?;
        Ok(rename)
    }

    fn prepare_all(&mut self) -> Result<(), VaultError> {
        let rank = self.earlier()?.len() + 1;
        let Self { vault, from, to, .. } = self;
        let secrets = vault.secrets();
        let (from_file, to_file) = (secrets.current(from), secrets.current(to));
        let renamer = RecordRenamer {
            writer: SecretWriter::of(vault)?,
            reader: SecretReader::of(vault),
            to: to.clone(),
            before: highest_counter(vault, to)?,
        };
        let current = renamer.reader.current(from, false)?;
        if !secrets.has(to)? {
            let (written, revision) =
                renamer.write(current, rank, &from_file, |sealed, date| {
                    to_file.write(&sealed.encrypted, date)
                })?;
            let prepared = written.sync().map_err(|source| to_file.failed(source))?;
            self.current = Some((prepared, revision));
        }
        let mark = renamer.writer.seal(vault, from, RecordKind::Deleted, Secret::default())?;
        let prepared = mark.write(&from_file)?.sync();
        let prepared = prepared.map_err(|source| from_file.failed(source))?;
        self.mark = Some((prepared, mark.revision));
        self.prepare_versions(&renamer)
    }

    /// The number of earlier versions that cannot be decrypted, and keep the old name.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left
    }

    fn earlier(&self) -> Result<Vec<u64>, VaultError> {
        let versions = self.vault.secrets().history().versions(&self.from)?;
        Ok(versions.into_iter().map(|(version, _)| version).collect())
    }

    fn prepare_versions(&mut self, renamer: &RecordRenamer<'_>) -> Result<(), VaultError> {
        let mut earlier = self.earlier()?;
        earlier.sort_unstable();
        let ranked: Vec<_> = (1..).zip(earlier).collect();
        for batch in ranked.chunks(BATCH_VERSIONS) {
            let prepared = in_parallel(DISK_THREADS, batch.to_vec(), |(rank, version)| {
                self.prepare_version(renamer, rank, version)
            })?;
            for (prepared, &(_, version)) in prepared.into_iter().zip(batch) {
                match prepared {
                    Some(prepared) => {
                        self.versions.push(prepared);
                        self.moved.push(version);
                    }
                    None => self.left += 1,
                }
            }
        }
        Ok(())
    }

    /// An earlier version under the new name; `None` if it cannot be decrypted.
    fn prepare_version(
        &self,
        renamer: &RecordRenamer<'_>,
        rank: usize,
        version: u64,
    ) -> Result<Option<PreparedFile>, VaultError> {
        let history = self.vault.secrets().history();
        let Some(file) = history.locate(&self.from, version)? else { return Ok(None) };
        let Some(opened) = opened(&renamer.reader, &self.from, &file)? else { return Ok(None) };
        let (written, _) = renamer.write(opened, rank, &file, |sealed, date| {
            history.write(&self.to, version, &sealed.encrypted, date)
        })?;
        written.sync().map(Some).map_err(|source| file.failed(source))
    }

    /// Makes it, durably.
    ///
    /// # Errors
    ///
    /// Until everything is under the new name, all of that is taken back. After that, the secret may be under
    /// both names, and the same rename finishes it.
    pub fn commit(self) -> Result<(), VaultError> {
        let Self { vault, from, to, current, mark, old_file, versions, moved, .. } = self;
        let secrets = vault.secrets();
        let history = secrets.history();
        if let Some(old_file) = old_file {
            let file = secrets.current(&from);
            let refuse_unless = |old_file| match file.id()? == old_file {
                true => Ok(()),
                false => {
                    Err(VaultError::Changed { path: secrets.directory().path_of(&file_of(&from)) })
                }
            };
            refuse_unless(Some(old_file))?;
            // A killed change may have left the current version in the history too. A file that loses a name
            // has another id.
            history.settle(&from)?;
            let old_file = file.id()?;
            let put = history.put(&to, versions).and_then(|()| put_current(vault, &to, current));
            put.inspect_err(|_| {
                if let Err(error) = history.remove(&to, &moved) {
                    tracing::warn!("the history has versions of `{to}` and of `{from}`: {error}");
                }
            })?;
            refuse_unless(old_file)?;
            put_mark(vault, &from, mark)?;
            vault.forget_file_key(&from);
            let removed = secrets.directory().remove(&file_of(&from));
            removed
                .and_then(|()| secrets.directory().sync())
                .map_err(|source| file.failed(source))?;
        }
        history.remove(&from, &moved)
    }
}

/// Gives the current version its new name, durably.
fn put_current(
    vault: &Vault,
    to: &SecretName,
    current: Option<(PreparedFile, Revision)>,
) -> Result<(), VaultError> {
    let secrets = vault.secrets();
    let Some((prepared, revision)) = current else { return secrets.sync() };
    let file = secrets.current(to);
    prepared.commit_new().map_err(|source| file.failed(source))?;
    learn(vault, to, &file, &revision);
    Ok(())
}

/// Marks the old name as deleted, durably.
fn put_mark(
    vault: &Vault,
    from: &SecretName,
    mark: Option<(PreparedFile, Revision)>,
) -> Result<(), VaultError> {
    let secrets = vault.secrets();
    let Some((prepared, revision)) = mark else { return Ok(()) };
    let put = secrets.make_marks(VersionPlace::Deleted).and_then(|marks| {
        let put = prepared.rename_into(&marks).and_then(|()| marks.sync());
        put.map_err(|source| secrets.current(from).failed(source))
    });
    put.inspect_err(|_| secrets.remove_mark(from, VersionPlace::Deleted))?;
    if let Ok(Some(file)) = secrets.locate(from, VersionPlace::Deleted) {
        learn(vault, from, &file, &revision);
    }
    Ok(())
}

fn learn(vault: &Vault, name: &SecretName, file: &VersionFile, revision: &Revision) {
    let seen: Vec<_> =
        seen_in(revision, file).map(|file| (name.clone(), file)).into_iter().collect();
    vault.secrets().seen().learn(&seen);
}

/// Signs versions of a secret for its new name.
struct RecordRenamer<'a> {
    writer: SecretWriter,
    reader: SecretReader<'a>,
    to: SecretName,
    /// The highest counter that the new name has had.
    before: u64,
}

impl RecordRenamer<'_> {
    /// Writes a version with the date of its file. Its rank is its place among all versions of the secret, from 1.
    fn write(
        &self,
        opened: OpenedFile,
        rank: usize,
        file: &VersionFile,
        write: impl FnOnce(&SealedRecord, Option<SystemTime>) -> Result<WrittenFile, VaultError>,
    ) -> Result<(WrittenFile, Revision), VaultError> {
        let update = SecretUpdate {
            name: self.to.clone(),
            kind: RecordKind::Value,
            counter: self.before + rank as u64,
            set_at: opened.record.set_at(),
            value: opened.record.into_value(),
        };
        let sealed = self.writer.seal_as(update, file)?;
        Ok((write(&sealed, file.date()?)?, sealed.revision))
    }
}

/// Whether everything under one name is also under another, with the same numbers, dates and values.
fn is_all_under(vault: &Vault, one: &SecretName, other: &SecretName) -> Result<bool, VaultError> {
    let secrets = vault.secrets();
    let reader = SecretReader::of(vault);
    let earlier = secrets.history().versions(one)?.into_iter();
    let mut places: Vec<_> = earlier.map(|(version, _)| VersionPlace::Earlier(version)).collect();
    if secrets.has(one)? {
        places.push(VersionPlace::Current);
    }
    for place in places {
        let find = |name| match secrets.locate(name, place)? {
            Some(file) => opened(&reader, name, &file),
            None => Ok(None),
        };
        let (Some(one), Some(other)) = (find(one)?, find(other)?) else { return Ok(false) };
        if !one.record.has_same_value(&other.record) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The version in a file; `None` if it cannot be decrypted, or is not one of this secret.
fn opened(
    reader: &SecretReader<'_>,
    name: &SecretName,
    file: &VersionFile,
) -> Result<Option<OpenedFile>, VaultError> {
    match reader.open(name, file) {
        Ok(opened) => Ok(Some(opened)),
        Err(
            VaultError::Damaged { .. } | VaultError::DamagedVersion { .. } | VaultError::Missing,
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::SecretRename;
    use crate::error::VaultError;
    use crate::secret_reader::SecretReader;
    use crate::secrets::version_place::VersionPlace;
    use crate::tests::{Home, delete, files, name, read, set};
    use crate::vault::Vault;

    fn rename(vault: &Vault, from: &str, to: &str) -> Result<usize, VaultError> {
        let rename = SecretRename::prepare(vault, name(from), name(to))?;
        let left = rename.left();
        rename.commit().map(|()| left)
    }

    fn with_history(home: &Home) -> Vault {
        let vault = home.open().expect("a vault");
        for value in ["one", "two", "three"] {
            set(&vault, "A", value.as_bytes());
        }
        vault
    }

    /// The values of a secret with their versions, the current one first.
    fn values(vault: &Vault, secret: &str) -> Vec<(Option<u64>, String)> {
        let (secrets, reader) = (vault.secrets(), SecretReader::of(vault));
        let versions = secrets.versions(&name(secret)).expect("versions");
        let earlier = versions.earlier.iter().map(|earlier| Some(earlier.version));
        let value = |version: Option<u64>| {
            let place = version.map_or(VersionPlace::Current, VersionPlace::Earlier);
            let file = secrets.locate(&name(secret), place).expect("found").expect("a file");
            let value = reader.open(&name(secret), &file).expect("a record").record.into_value();
            (version, String::from_utf8(value.expose().to_vec()).expect("text"))
        };
        versions.present.map(|_| None).into_iter().chain(earlier).map(value).collect()
    }

    fn expected() -> Vec<(Option<u64>, String)> {
        let versions = [(None, "three"), (Some(2), "two"), (Some(1), "one")];
        versions.map(|(version, value)| (version, value.to_owned())).into()
    }

    fn is_taken(error: &VaultError, secret: &str) -> bool {
        matches!(error, VaultError::Taken { name, .. } if *name == self::name(secret))
    }

    #[test]
    fn a_renamed_secret_has_its_history_and_its_dates_and_the_old_name_has_nothing() {
        let home = Home::new();
        let vault = with_history(&home);
        let date = fs::metadata(home.file("A")).expect("a file").modified().expect("a date");
        let kept = home.history_path().join("A/3.age");
        fs::hard_link(home.file("A"), kept).expect("as a killed change leaves it");
        assert_eq!(rename(&vault, "A", "B").expect("renamed"), 0);
        assert_eq!(values(&vault, "B"), expected());
        assert!(values(&vault, "A").is_empty());
        assert!(!home.history_path().join("A").exists());
        let renamed = fs::metadata(home.file("B")).expect("a file");
        assert_eq!(renamed.modified().expect("a date"), date);
        assert!(matches!(rename(&vault, "A", "C"), Err(VaultError::Missing)));
        rename(&vault, "B", "A").expect("renamed back");
        set(&vault, "A", b"four");
        assert_eq!(home.history("A"), ["1.age", "2.age", "3.age"]);
    }

    #[test]
    fn a_name_that_is_taken_stays_as_it_is() {
        let home = Home::new();
        let vault = with_history(&home);
        set(&vault, "B", b"other");
        set(&vault, "GONE", b"deleted");
        delete(&vault, "GONE").expect("deleted");
        fs::create_dir(home.file("DIR")).expect("a directory");
        for taken in ["B", "GONE", "DIR", "A"] {
            let error = rename(&vault, "A", taken).expect_err(taken);
            assert!(is_taken(&error, taken), "{taken}: {error}");
        }
        assert_eq!(values(&vault, "A"), expected());
        assert_eq!(values(&vault, "B"), [(None, "other".to_owned())]);
        assert_eq!(home.history("GONE"), ["1.age"]);
        // A prepared rename that is not made leaves nothing.
        let before = files(&home.vault_path());
        drop(SecretRename::prepare(&vault, name("A"), name("C")).expect("prepared"));
        assert_eq!(files(&home.vault_path()), before);
        assert!(home.history("C").is_empty());
    }

    #[test]
    fn a_rename_that_was_killed_is_finished_by_the_same_one() {
        // What a rename makes, in its order, and then what it removes.
        let made = ["B/1.age", "B/2.age", "B.age", ".deleted/A.age"];
        let removed = ["A.age", "A/1.age", "A/2.age"];
        for steps in 0..=made.len() + removed.len() {
            let home = Home::new();
            let vault = with_history(&home);
            let path = |file: &str| match file.contains('/') && !file.starts_with('.') {
                true => home.history_path().join(file),
                false => home.vault_path().join(file),
            };
            let old = removed.map(|file| (file, fs::read(path(file)).expect("a file")));
            rename(&vault, "A", "B").expect("renamed");
            // As it is after this many steps.
            made.iter().skip(steps).for_each(|file| fs::remove_file(path(file)).expect("removed"));
            fs::create_dir_all(home.history_path().join("A")).expect("a directory");
            for (file, bytes) in old.iter().skip(steps.saturating_sub(made.len())) {
                fs::write(path(file), bytes).expect("put back");
            }
            let finished = rename(&vault, "A", "B");
            let is_done = steps == made.len() + removed.len();
            assert_eq!(finished.is_ok(), !is_done, "{steps}: {finished:?}");
            assert_eq!(values(&vault, "B"), expected(), "{steps}");
            assert!(values(&vault, "A").is_empty(), "{steps}");
        }
    }

    #[test]
    fn what_only_looks_like_the_rest_of_a_rename_is_not_touched() {
        let home = Home::new();
        let vault = with_history(&home);
        set(&vault, "B", b"three");
        set(&vault, "B", b"something else");
        for (from, to) in [("A", "B"), ("B", "A")] {
            let error = rename(&vault, from, to).expect_err("taken");
            assert!(is_taken(&error, to), "{error}");
        }
        delete(&vault, "A").expect("deleted");
        assert!(matches!(rename(&vault, "A", "B"), Err(VaultError::Missing)));
        assert_eq!(home.history("A").len(), 3);
    }

    #[test]
    fn versions_that_cannot_be_decrypted_keep_the_old_name() {
        let home = Home::new();
        let vault = with_history(&home);
        fs::write(home.history_path().join("A/1.age"), "damaged").expect("damaged");
        assert_eq!(rename(&vault, "A", "B").expect("renamed"), 1);
        assert_eq!(values(&vault, "B"), expected()[..2]);
        assert_eq!(home.history("A"), ["1.age"]);
        // The current one is needed.
        fs::write(home.file("B"), "damaged").expect("damaged");
        assert!(matches!(rename(&vault, "B", "C"), Err(VaultError::Damaged { .. })));
        assert!(read(&vault, "B").is_err() && home.history("B").len() == 1);
    }
}
