use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use fluvio_secret_protocol::{Secret, SecretName};
use fluvio_secret_system::help::Helpful;

use crate::keys::encryption::encrypt;
use crate::keys::keyring::Keyring;
use crate::secrets::record::Record;

use super::{
    HISTORY_DEPTH, KeyState, OpenError, SecretChange, SecretPurge, SecretReader, SecretWriter,
    Stranger, Vault, VaultError,
};

mod records;
pub(crate) mod two_machines;

pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn vault_path(&self) -> PathBuf {
        self.folder.path().join("vault")
    }

    pub(crate) fn identity_path(&self) -> PathBuf {
        self.folder.path().join("identity.txt")
    }

    pub(crate) fn open(&self) -> Result<Vault, OpenError> {
        self.open_with(HISTORY_DEPTH)
    }

    fn open_with(&self, depth: usize) -> Result<Vault, OpenError> {
        let histories = self.folder.path().join("history");
        Vault::open(&self.vault_path(), &self.identity_path(), &histories, depth, Instant::now())
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.vault_path().join(format!("{name}.age"))
    }

    /// The one directory in that of all histories.
    pub(crate) fn history_path(&self) -> PathBuf {
        let histories = self.folder.path().join("history");
        let names = files(&histories);
        assert_eq!(names.len(), 1, "{names:?}");
        histories.join(&names[0])
    }

    pub(crate) fn history(&self, name: &str) -> Vec<String> {
        files(&self.history_path().join(name))
    }
}

/// Makes all records those of an early version, which signed none.
pub(crate) fn unsign(home: &Home, vault: &Vault) {
    let ages = |folder: &Path| {
        let files = files(folder).into_iter().filter(|file| file.ends_with(".age"));
        files.map(|file| folder.join(file)).collect::<Vec<_>>()
    };
    let mut paths = ages(&home.vault_path());
    for secret in files(&home.history_path()) {
        paths.extend(ages(&home.history_path().join(secret)));
    }
    for path in paths {
        let sealed = fs::read(&path).expect("a file");
        let plain =
            vault.keys().with(|keys| keys.decrypt(&sealed)).expect("a key").expect("opened");
        let lines: Vec<_> = plain.splitn(3, |&byte| byte == b'\n').collect();
        let head: serde_json::Value = serde_json::from_slice(lines[0]).expect("a head");
        if head["format"] == 1 {
            continue;
        }
        let record = Record {
            name: name(head["name"].as_str().expect("a name")),
            set_at: head["set_at"].as_str().expect("a time").parse().expect("a time"),
            value: lines[2].to_vec().into(),
        };
        let date = fs::metadata(&path).and_then(|found| found.modified()).expect("a date");
        let recipients = vault.keys().with(Keyring::recipients).expect("a key");
        let sealed = encrypt(&recipients[..1], &record.encode().expect("encoded"));
        fs::write(&path, sealed.expect("encrypted")).expect("written");
        fs::File::open(&path).and_then(|file| file.set_modified(date)).expect("dated");
    }
    fs::remove_file(home.identity_path().with_file_name("signed-only")).expect("removed");
}

pub(crate) fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

pub(crate) fn name(text: &str) -> SecretName {
    text.parse().expect("a name")
}

pub(crate) fn set(vault: &Vault, secret: &str, value: &[u8]) -> bool {
    let change = write(vault, secret, value).expect("written");
    change.commit().expect("committed");
    vault.keys().take_is_new()
}

/// Writes a change, which is not made.
pub(crate) fn write<'a>(
    vault: &'a Vault,
    secret: &str,
    value: &[u8],
) -> Result<SecretChange<'a>, VaultError> {
    let value = Secret::from(value.to_vec());
    SecretChange::set(vault, &SecretWriter::of(vault)?, name(secret), value)
}

/// Writes a change that makes an earlier version the current one.
pub(crate) fn restore<'a>(
    vault: &'a Vault,
    secret: &str,
    version: u64,
) -> Result<SecretChange<'a>, VaultError> {
    SecretChange::restore(vault, &SecretWriter::of(vault)?, name(secret), version)
}

pub(crate) fn delete(vault: &Vault, secret: &str) -> Result<(), VaultError> {
    remove(vault, secret)?.commit()
}

/// Writes a change that deletes a secret.
pub(crate) fn remove<'a>(vault: &'a Vault, secret: &str) -> Result<SecretChange<'a>, VaultError> {
    SecretChange::delete(vault, &SecretWriter::of(vault)?, name(secret))
}

pub(crate) fn purge(vault: &Vault, secret: &str) -> Result<(), VaultError> {
    SecretPurge::prepare(vault, &SecretWriter::of(vault)?, name(secret))?.commit()
}

pub(crate) fn read(vault: &Vault, secret: &str) -> Result<Vec<u8>, VaultError> {
    let value = SecretReader::of(vault).value(&name(secret));
    value.map(|value| value.expose().to_vec())
}

fn names(vault: &Vault) -> Vec<String> {
    vault.secrets().names().expect("names").iter().map(|name| name.to_string()).collect()
}

#[test]
fn a_value_comes_back_also_after_a_restart() {
    let home = Home::new();
    let vault = home.open().expect("a new vault");
    assert!(set(&vault, "B", b"two"), "the first secret makes the identity");
    assert!(!set(&vault, "A", b"\xff\0\n"), "the second does not");
    drop(vault);
    let vault = home.open().expect("the vault that is there");
    assert_eq!(names(&vault), ["A", "B"]);
    assert_eq!(read(&vault, "A").expect("a value"), b"\xff\0\n");
    assert_eq!(read(&vault, "B").expect("a value"), b"two");
    assert!(matches!(read(&vault, "C"), Err(VaultError::Missing)));
    let encrypted = fs::read(home.file("B")).expect("a file");
    assert!(!encrypted.windows(3).any(|bytes| bytes == b"two"), "encrypted");
}

#[test]
fn what_is_prepared_and_not_committed_changes_nothing() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    let before = files(&home.vault_path());
    drop(write(&vault, "A", b"two").expect("prepared"));
    assert_eq!(read(&vault, "A").expect("a value"), b"one");
    assert_eq!(files(&home.vault_path()), before);
    assert!(home.history("A").is_empty());
}

#[test]
fn ten_earlier_versions_are_kept_and_numbered_on() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    for version in 0..13 {
        set(&vault, "A", format!("value {version}").as_bytes());
    }
    assert_eq!(home.history("A").len(), 10);
    assert!(home.history("A").contains(&"12.age".to_owned()), "{:?}", home.history("A"));
    assert!(!home.history("A").contains(&"2.age".to_owned()), "{:?}", home.history("A"));
    // An earlier version is the file as it was: put back, it is the secret again.
    fs::copy(home.history_path().join("A/12.age"), home.file("A")).expect("put back");
    assert_eq!(read(&vault, "A").expect("a value"), b"value 11");
}

#[test]
fn as_many_earlier_versions_are_kept_as_are_set() {
    let home = Home::new();
    let vault = home.open_with(2).expect("a vault");
    for version in 0..5 {
        set(&vault, "A", format!("value {version}").as_bytes());
    }
    assert_eq!(home.history("A"), ["3.age", "4.age"]);
    drop(vault);
    // What is more than is kept now goes with the next change.
    let vault = home.open_with(0).expect("a vault");
    assert_eq!(home.history("A").len(), 2);
    set(&vault, "A", b"new");
    assert!(home.history("A").is_empty(), "{:?}", home.history("A"));
    delete(&vault, "A").expect("removed");
    assert!(home.history("A").is_empty(), "{:?}", home.history("A"));
    assert!(matches!(read(&vault, "A"), Err(VaultError::Missing)));
}

#[test]
fn what_is_deleted_is_in_the_history() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    let encrypted = fs::read(home.file("A")).expect("a file");
    delete(&vault, "A").expect("removed");
    assert!(names(&vault).is_empty());
    assert_eq!(fs::read(home.history_path().join("A/1.age")).expect("kept"), encrypted);
    assert!(matches!(delete(&vault, "A"), Err(VaultError::Missing)));
}

#[test]
fn a_file_that_was_moved_to_another_name_is_refused() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    set(&vault, "B", b"two");
    fs::copy(home.file("A"), home.file("B")).expect("moved");
    let error = read(&vault, "B").expect_err("not B's");
    assert!(error.to_string().contains("holds the secret `A`"), "{error}");
}

#[test]
fn a_damaged_secret_is_refused_and_its_file_kept_when_it_is_set_anew() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "B", b"two");
    for damage in [&b""[..], &[0; 300], b"age-encryption.org/v1\n"] {
        set(&vault, "A", b"one");
        fs::write(home.file("A"), damage).expect("damaged");
        assert!(matches!(read(&vault, "A"), Err(VaultError::Damaged { .. })));
        assert_eq!(fs::read(home.file("A")).expect("a file"), damage, "untouched");
        assert_eq!(read(&vault, "B").expect("another's value"), b"two");
        set(&vault, "A", b"anew");
        assert_eq!(read(&vault, "A").expect("a value"), b"anew");
        let newest = home.history("A").len();
        let kept = home.history_path().join(format!("A/{newest}.age"));
        assert_eq!(fs::read(kept).expect("kept"), damage);
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "B", b"two");
    fs::create_dir(home.file("FOLDER")).expect("a folder");
    symlink("/dev/zero", home.file("ZERO")).expect("a link");
    symlink(home.file("B"), home.file("LINK")).expect("a link");
    let sparse = fs::File::create(home.file("SPARSE")).expect("a file");
    sparse.set_len(4 << 30).expect("4 GiB of nothing");
    for secret in ["FOLDER", "ZERO", "LINK", "SPARSE"] {
        assert!(matches!(read(&vault, secret), Err(VaultError::Damaged { .. })), "{secret}");
    }
    let change = write(&vault, "FOLDER", b"").expect("prepared");
    let error = change.commit().expect_err("a folder is in its place");
    assert!(error.to_string().contains("directory"), "{error}");
}

#[test]
fn a_new_identity_is_never_made_for_secrets_that_it_would_not_open() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    delete(&vault, "A").expect("removed");
    drop(vault);
    fs::remove_file(home.identity_path()).expect("lost");
    let vault = home.open().expect("the vault");
    let error = write(&vault, "A", b"").err().expect("refused");
    assert!(matches!(error, VaultError::IdentityLost { .. }), "{error}: the history needs it");
    assert!(!home.identity_path().exists());
}

#[test]
fn an_identity_that_is_put_back_is_used_and_never_written_over() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    drop(vault);
    let aside = home.folder.path().join("aside");
    fs::rename(home.identity_path(), &aside).expect("lost");
    let vault = home.open().expect("the vault");
    assert!(matches!(read(&vault, "A"), Err(VaultError::IdentityLost { .. })));
    fs::rename(&aside, home.identity_path()).expect("put back");
    assert_eq!(read(&vault, "A").expect("opened again"), b"one");
    // A vault that is still empty, and an identity that came while it was served.
    let other = Home::new();
    let vault = other.open().expect("a vault");
    fs::copy(home.identity_path(), other.identity_path()).expect("a copy");
    assert!(!set(&vault, "A", b"two"), "no new identity");
    let copied = fs::read(other.identity_path()).expect("a file");
    assert_eq!(copied, fs::read(home.identity_path()).expect("a file"));
}

#[test]
fn an_identity_that_is_taken_away_is_missed_at_once() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    let aside = home.folder.path().join("aside");
    fs::rename(home.identity_path(), &aside).expect("taken away");
    let refused = write(&vault, "B", b"").err().expect("refused");
    assert!(matches!(refused, VaultError::IdentityLost { .. }), "{refused}");
    assert!(matches!(read(&vault, "A"), Err(VaultError::IdentityLost { .. })));
    fs::rename(&aside, home.identity_path()).expect("put back");
    assert_eq!(read(&vault, "A").expect("a value"), b"one");
}

#[test]
fn changes_that_fail_do_not_crowd_the_history_out() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    set(&vault, "A", b"two");
    for _ in 0..12 {
        let change = write(&vault, "A", b"").expect("prepared");
        // What was written is taken away before it gets its name.
        for file in files(&home.vault_path()).iter().filter(|file| file.starts_with(".tmp-")) {
            fs::remove_file(home.vault_path().join(file)).expect("removed");
        }
        assert!(matches!(change.commit(), Err(VaultError::Storage { .. })));
    }
    assert_eq!(home.history("A"), ["1.age"]);
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
    // A change that was killed after it had kept the earlier version, and before anything else.
    fs::hard_link(home.file("A"), home.history_path().join("A/2.age")).expect("a link");
    set(&vault, "A", b"three");
    assert_eq!(home.history("A"), ["1.age", "2.age"]);
}

#[test]
fn odd_names_in_the_history_are_no_versions() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    set(&vault, "A", b"two");
    for odd in ["+5.age", "07.age", "x.age", "9"] {
        fs::write(home.history_path().join("A").join(odd), "").expect("a file");
    }
    set(&vault, "A", b"three");
    assert!(home.history("A").contains(&"2.age".to_owned()), "{:?}", home.history("A"));
    let last = home.history_path().join(format!("A/{}.age", u64::MAX));
    fs::write(last, "").expect("a file");
    let change = write(&vault, "A", b"").expect("prepared");
    let error = change.commit().expect_err("no number is left").to_string();
    assert!(error.contains(&home.history_path().join("A").display().to_string()), "{error}");
}

#[test]
fn a_file_of_any_date_is_listed() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    let dates = [i64::from(i32::MIN), -1, 0, 1_670_677_620];
    for seconds in dates {
        set(&vault, "A", b"one");
        let date = SystemTime::UNIX_EPOCH;
        let span = Duration::from_secs(seconds.unsigned_abs());
        let date = if seconds < 0 { date - span } else { date + span };
        let file = fs::File::options().write(true).open(home.file("A")).expect("a file");
        file.set_modified(date).expect("dated");
        assert_eq!(vault.secrets().set_at(&name("A")).expect("a date"), Some(seconds));
    }
    assert_eq!(vault.secrets().set_at(&name("B")).expect("none"), None);
}

#[test]
fn a_vault_that_is_gone_is_not_taken_for_an_empty_one() {
    let home = Home::new();
    set(&home.open().expect("a vault"), "A", b"one");
    fs::rename(home.vault_path(), home.folder.path().join("elsewhere")).expect("moved");
    let error = home.open().err();
    assert!(matches!(error, Some(OpenError::Stranger(Stranger::Gone { .. }))));
    assert!(!home.vault_path().exists());
}

#[test]
fn a15_nothing_is_written_into_a_directory_that_is_not_the_vault() {
    let home = Home::new();
    set(&home.open().expect("a vault"), "A", b"one");
    fs::rename(home.vault_path(), home.folder.path().join("elsewhere")).expect("moved");
    fs::DirBuilder::new().mode(0o700).create(home.vault_path()).expect("a directory");
    let error = home.open().err();
    assert!(matches!(error, Some(OpenError::Stranger(Stranger::Empty { .. }))));
    assert!(files(&home.vault_path()).is_empty());
    // A secret alone does not make it this machine's vault.
    fs::write(home.file("A"), "x").expect("written");
    let error = home.open().err();
    assert!(matches!(error, Some(OpenError::Stranger(Stranger::Nameless { .. }))));
    assert_eq!(files(&home.vault_path()), ["A.age"]);
}

#[test]
fn a15_an_identity_that_was_restored_alone_does_not_make_an_empty_directory_the_vault() {
    let home = Home::new();
    set(&home.open().expect("a vault"), "A", b"one");
    for file in ["vault-id", "members"] {
        fs::remove_file(home.folder.path().join(file)).expect("removed");
    }
    fs::remove_dir_all(home.vault_path()).expect("removed");
    let error = home.open().err();
    assert!(matches!(error, Some(OpenError::Stranger(Stranger::Gone { .. }))), "{error:?}");
    fs::DirBuilder::new().mode(0o700).create(home.vault_path()).expect("a directory");
    let error = home.open().err();
    assert!(matches!(error, Some(OpenError::Stranger(Stranger::Empty { .. }))), "{error:?}");
    assert!(files(&home.vault_path()).is_empty());
}

#[test]
fn a15_only_a_vault_that_is_used_is_remembered() {
    let home = Home::new();
    let remembered = home.folder.path().join("vault-id");
    drop(home.open().expect("a vault"));
    assert!(!remembered.exists(), "another vault may take the place of an empty one");
    fs::remove_dir_all(home.vault_path()).expect("removed");
    let vault = home.open().expect("a vault");
    drop(write(&vault, "A", b"").expect("prepared"));
    let id = fs::read_to_string(&remembered).expect("remembered before the first secret is there");
    assert_eq!(id, format!("{}\n", vault.id()));
    drop(vault);
    // A vault that has something is taken by a machine that has used none.
    let other = Home::new();
    fs::rename(home.vault_path(), other.vault_path()).expect("moved");
    fs::write(other.file("A"), "x").expect("written");
    let vault = other.open().expect("the vault");
    assert_eq!(fs::read_to_string(other.folder.path().join("vault-id")).expect("an id"), id);
    drop(vault);
    fs::write(other.folder.path().join("vault-id"), "0\n").expect("damaged");
    let error = other.open().err().expect("refused").to_string();
    assert!(error.contains("vault-id") && error.contains("32 lowercase"), "{error}");
}

#[test]
fn a15_an_id_that_was_accepted_while_the_daemon_ran_is_not_replaced_by_that_of_the_vault_that_runs()
{
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    let remembered = home.folder.path().join("vault-id");
    let other = format!("{}\n", "0".repeat(32));
    fs::write(&remembered, &other).expect("accepted");
    let error = write(&vault, "A", b"").err();
    assert!(matches!(error, Some(VaultError::Stranger(Stranger::Another { .. }))));
    assert_eq!(fs::read_to_string(remembered).expect("an id"), other);
}

#[test]
fn an_identity_that_others_may_read_or_that_is_none_is_refused() {
    let home = Home::new();
    set(&home.open().expect("a vault"), "A", b"one");
    let mode = |mode| {
        fs::set_permissions(home.identity_path(), fs::Permissions::from_mode(mode)).expect("chmod");
    };
    mode(0o640);
    let error = home.open().err().expect("refused");
    assert!(error.report().contains("chmod 0600"), "{error}");
    mode(0o600);
    fs::write(home.identity_path(), "cnry").expect("damaged");
    let error = home.open().err().expect("refused").to_string();
    assert!(error.contains("identity.txt") && !error.contains("cnry"), "{error}");
}

#[test]
fn an_identity_behind_a_passphrase_locks_the_vault() {
    let home = Home::new();
    set(&home.open().expect("a vault"), "A", b"one");
    fs::write(home.identity_path(), "age-encryption.org/v1\n-> scrypt x 18\n").expect("a file");
    let vault = home.open().expect("the vault");
    assert_eq!(vault.keys().state(), KeyState::Locked);
    assert!(matches!(read(&vault, "A"), Err(VaultError::Locked { .. })));
    assert_eq!(names(&vault), ["A"], "names need no identity");
    delete(&vault, "A").expect("nor does removing");
}

#[test]
fn two_owners_of_one_vault_are_not_possible() {
    let home = Home::new();
    let _owner = home.open().expect("a vault");
    assert!(matches!(home.open().err(), Some(OpenError::Owned { .. })));
}

#[test]
fn a_vault_that_others_may_enter_is_refused() {
    let home = Home::new();
    drop(home.open().expect("a vault"));
    fs::set_permissions(home.vault_path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let error = home.open().err().expect("refused");
    assert!(error.report().contains("chmod 0700"), "{error}");
}
