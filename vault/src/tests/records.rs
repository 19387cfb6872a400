//! Which records count: those that an admin or a writer has signed, and of these the latest.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fluvio_secret_protocol::{Found, RecordKind, Role, SecretName};

use super::two_machines::{copied, pair_of, rekey, shown, sync};
use super::{Home, delete, files, name, purge, read, remove, restore, set, unsign, write};
use crate::keys::encryption::{encrypt, encrypt_cheaply};
use crate::members::content_hash::ContentHash;
use crate::members::list::MemberList;
use crate::members::signing_key::SigningKey;
use crate::members::test_machines::{other_vault, vault as any_vault};
use crate::rekey::change::Rekey;
use crate::rekey::upgrade::SignatureUpgrade;
use crate::revisions::revision::Revision;
use crate::revisions::signed_record::{RecordError, SecretUpdate};
use crate::secret_reader::SecretReader;
use crate::secrets::history::seen_lines::SeenFile;
use crate::secrets::listing::SecretListing;
use crate::secrets::merge::SecretMerge;
use crate::secrets::record::BadRecord;
use crate::secrets::secret_with_seen::SecretWithSeen;
use crate::{SecretChange, SecretRename, Vault, VaultError};

fn home() -> (Home, Vault) {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    (home, vault)
}

fn list_of(vault: &Vault) -> MemberList {
    vault.members().read().expect("lists").accepted.expect("a list")
}

/// A change that would be the latest of its secret.
fn late(secret: &str, kind: RecordKind, value: &[u8]) -> SecretUpdate {
    SecretUpdate {
        name: name(secret),
        kind,
        counter: 1000,
        set_at: "2030-01-02T03:04:05Z".parse().expect("a time"),
        value: value.to_vec().into(),
    }
}

/// A record for the members of a vault that this key has signed, by a list that allows it.
fn sealed(vault: &Vault, update: SecretUpdate, key: &SigningKey, by: &MemberList) -> Vec<u8> {
    let signed = update.sign(key, by).expect("signed");
    let recipients: Vec<_> = list_of(vault).recipients().cloned().collect();
    encrypt(&recipients, &signed.encode()).expect("encrypted")
}

fn put(home: &Home, file: &str, bytes: &[u8]) {
    let path = home.vault_path().join(file);
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::write(path, bytes).expect("written");
}

/// Why the file of a secret is not accepted.
fn refusal(vault: &Vault, secret: &str) -> RecordError {
    match SecretReader::of(vault).read(&name(secret)) {
        Err(VaultError::Damaged { source: BadRecord::Refused(error), .. }) => error,
        other => panic!("{other:?}"),
    }
}

fn is_older(vault: &Vault, secret: &str) -> bool {
    let listed = SecretListing::of(vault).expect("a list").find(&name(secret)).expect("found");
    let read = SecretReader::of(vault).read(&name(secret)).expect("a value");
    // Once more, with what is kept of the first time.
    let again = SecretReader::of(vault).read(&name(secret)).expect("a value");
    let older = [listed.expect("listed").older, read.is_older, again.is_older];
    assert!(older.iter().all(|one| *one == older[0]), "{older:?}");
    older[0]
}

/// Puts another file in the place of the identity, which has a passphrase.
fn lock(home: &Home) {
    let text = fs::read(home.identity_path()).expect("an identity");
    fs::write(home.identity_path(), encrypt_cheaply("correct horse", &text)).expect("written");
}

#[test]
fn d25_a_forged_record_is_refused_and_can_be_replaced() {
    let (home, vault) = home();
    let stranger = SigningKey::of_seed(&[9; 32]);
    let own = list_of(&vault);
    let me = own.members()[0].clone();
    // The stranger's own list of this vault has the same recipient.
    let member = crate::members::member::Member::new(
        me.recipient().clone(),
        *stranger.verification_key(),
        "",
        Role::Admin,
    );
    let theirs = MemberList::first(vault.id(), vec![member], &stranger).expect("a list");
    let forged = sealed(&vault, late("A", RecordKind::Value, b"forged"), &stranger, &theirs);
    put(&home, "A.age", &forged);
    assert_eq!(refusal(&vault, "A"), RecordError::NotWriter(stranger.fingerprint()));
    assert_eq!(
        SecretReader::of(&vault).compare(&name("A"), &b"one".to_vec().into()).expect("compared"),
        Found::Other
    );
    // With the name of a member it has no signature of that member.
    let plain = vault.keys().with(|keys| keys.decrypt(&forged)).expect("a key").expect("opened");
    let text = String::from_utf8(plain.to_vec()).expect("text");
    let renamed = text.replace(&stranger.fingerprint().to_string(), &me.fingerprint().to_string());
    let renamed = encrypt(&[me.recipient().clone()], renamed.as_bytes()).expect("encrypted");
    put(&home, "A.age", &renamed);
    assert_eq!(refusal(&vault, "A"), RecordError::Signature);
    set(&vault, "A", b"two");
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
    // It is in the history, and is not restored from there.
    let error = restore(&vault, "A", 1).err().expect("refused");
    assert!(matches!(error, VaultError::DamagedVersion { .. }), "{error}");
    // A forged mark removes nothing.
    let mark = sealed(&vault, late("A", RecordKind::Deleted, b""), &stranger, &theirs);
    put(&home, ".deleted/A.age", &mark);
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
    set(&vault, "B", b"");
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
}

/// Why the file of a secret that is examined is not accepted.
fn examined(vault: &Vault, secret: &str) -> Option<RecordError> {
    let known = SecretWithSeen::all(vault, vec![name(secret)]).pop().expect("a secret");
    match SecretReader::of(vault).examine(&known) {
        Ok(()) => None,
        Err(VaultError::Damaged { source: BadRecord::Refused(error), .. }) => Some(error),
        Err(other) => panic!("{other:?}"),
    }
}

/// Remembers that the file of a secret was accepted with this revision.
fn learn(vault: &Vault, secret: &str, revision: Revision) {
    let (bytes, id) = vault.secrets().current(&name(secret)).read_with_id().expect("a file");
    let revision = Revision { file: ContentHash::of(&bytes), ..revision };
    let file = SeenFile { revision, stamp: id.stamp() };
    vault.secrets().seen().learn(&[(name(secret), file)]);
}

#[test]
fn a_signature_is_examined_unless_this_machine_has_verified_that_file() {
    let (home, vault) = home();
    assert_eq!(examined(&vault, "A"), None);
    let reader = SecretReader::of(&vault);
    let revision = reader.current(&name("A"), false).expect("opened").revision.expect("signed");
    let me = list_of(&vault).members()[0].clone();
    let plain = vault.keys().with(|keys| keys.decrypt(&fs::read(home.file("A")).expect("a file")));
    let plain = plain.expect("a key").expect("opened");
    let text = String::from_utf8(plain.to_vec()).expect("text").replace("one", "two");
    let forged = encrypt(&[me.recipient().clone()], text.as_bytes()).expect("encrypted");
    put(&home, "A.age", &forged);
    assert_eq!(examined(&vault, "A"), Some(RecordError::Signature));
    learn(&vault, "A", revision);
    assert_eq!(examined(&vault, "A"), None);
    assert_eq!(refusal(&vault, "A"), RecordError::Signature, "no value is delivered");
    // The same bytes in another file.
    fs::remove_file(home.file("A")).expect("removed");
    put(&home, "A.age", &forged);
    assert_eq!(examined(&vault, "A"), Some(RecordError::Signature));
}

#[test]
fn a_known_file_is_examined_by_the_members_of_now() {
    let (ada, vault, bob, there) = pair_of(home(), Role::Writer);
    set(&there, "B", b"bob's");
    sync(&bob, &ada);
    let by_bob = fs::read(ada.file("B")).expect("a file");
    let opened = SecretReader::of(&vault).current(&name("B"), false).expect("opened");
    assert_eq!(examined(&vault, "B"), None);
    let bob = there.members().own_fingerprint().expect("a key").expect("a key");
    rekey(Rekey::remove(&vault, &bob.to_string()));
    assert_eq!(examined(&vault, "B"), None);
    fs::write(ada.file("B"), by_bob).expect("put back");
    learn(&vault, "B", opened.revision.expect("signed"));
    assert_eq!(examined(&vault, "B"), Some(RecordError::NotWriter(bob)));
}

#[test]
fn d25_a_record_of_another_vault_or_another_name_or_kind_is_refused() {
    let (home, vault) = home();
    let key = vault.members().signing_key().expect("a key");
    let members = list_of(&vault).members().to_vec();
    for id in [other_vault(), any_vault()] {
        let other = MemberList::first(id, members.clone(), &key).expect("a list");
        put(&home, "A.age", &sealed(&vault, late("A", RecordKind::Value, b"x"), &key, &other));
        assert_eq!(refusal(&vault, "A"), RecordError::OtherVault);
    }
    let own = list_of(&vault);
    put(&home, "A.age", &sealed(&vault, late("B", RecordKind::Value, b"x"), &key, &own));
    let error = read(&vault, "A").expect_err("refused");
    assert!(error.to_string().contains("it holds the secret `B`"), "{error}");
    put(&home, "A.age", &sealed(&vault, late("A", RecordKind::Purged, b""), &key, &own));
    let error = read(&vault, "A").expect_err("refused");
    assert!(error.to_string().contains("another kind (purged)"), "{error}");
    // A value is no mark.
    set(&vault, "A", b"two");
    put(&home, ".purged/A.age", &sealed(&vault, late("A", RecordKind::Value, b""), &key, &own));
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
}

#[test]
fn d25_a_removed_member_writes_nothing_more_and_what_it_wrote_before_counts() {
    let (ada, vault, bob, there) = pair_of(home(), Role::Writer);
    set(&there, "B", b"bob's");
    let key = there.members().signing_key().expect("a key");
    let list = list_of(&there);
    let by_bob = sealed(&there, late("A", RecordKind::Value, b"late"), &key, &list);
    sync(&bob, &ada);
    assert_eq!(read(&vault, "B").expect("a value"), b"bob's");
    rekey(Rekey::remove(&vault, &key.fingerprint().to_string()));
    assert_eq!(read(&vault, "B").expect("a value"), b"bob's");
    // Signed by Ada, and still Bob's change.
    let opened = SecretReader::of(&vault).current(&name("B"), false).expect("opened");
    assert_eq!(opened.revision.expect("signed").author, key.fingerprint());
    put(&ada, "A.age", &by_bob);
    assert_eq!(refusal(&vault, "A"), RecordError::NotWriter(key.fingerprint()));
    // What had been taken before the removal is not taken again from memory.
    set(&vault, "A", b"two");
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
}

#[test]
fn a_record_that_was_read_is_verified_again_after_its_writer_was_removed() {
    let (ada, vault, bob, there) = pair_of(home(), Role::Writer);
    set(&there, "B", b"bob's");
    sync(&bob, &ada);
    let by_bob = fs::read(ada.file("B")).expect("a file");
    assert!(SecretReader::of(&vault).read(&name("B")).is_ok());
    let bob = there.members().own_fingerprint().expect("a key").expect("a key");
    rekey(Rekey::remove(&vault, &bob.to_string()));
    fs::write(ada.file("B"), by_bob).expect("put back");
    assert_eq!(refusal(&vault, "B"), RecordError::NotWriter(bob));
}

#[test]
fn d25_a_readers_record_is_refused() {
    let (ada, vault, _bob, there) = pair_of(home(), Role::Reader);
    let error = write(&there, "A", b"x").err().expect("refused");
    assert!(error.to_string().contains("only reads"), "{error}");
    let key = there.members().signing_key().expect("a key");
    let member = list_of(&there).find(&key.fingerprint()).expect("a member").clone();
    let admin = MemberList::first(vault.id(), vec![member.with_role(Role::Admin)], &key);
    let record = sealed(&vault, late("A", RecordKind::Value, b"x"), &key, &admin.expect("a list"));
    put(&ada, "A.age", &record);
    assert_eq!(refusal(&vault, "A"), RecordError::NotWriter(key.fingerprint()));
}

#[test]
fn d26_an_older_file_is_used_and_reported() {
    let (home, vault) = home();
    let first = fs::read(home.file("A")).expect("a file");
    set(&vault, "A", b"two");
    let second = fs::read(home.file("A")).expect("a file");
    assert!(!is_older(&vault, "A"));
    fs::write(home.file("A"), &first).expect("put back");
    assert!(is_older(&vault, "A"));
    assert_eq!(read(&vault, "A").expect("a value"), b"one");
    // With the next daemon, too.
    drop(vault);
    let vault = home.open().expect("the vault");
    assert!(is_older(&vault, "A"));
    fs::write(home.file("A"), &second).expect("put back");
    assert!(!is_older(&vault, "A"));
    // A change follows the latest that was seen.
    fs::write(home.file("A"), &first).expect("put back");
    set(&vault, "A", b"three");
    assert!(!is_older(&vault, "A"));
    fs::write(home.file("A"), &second).expect("put back");
    assert!(is_older(&vault, "A"));
    // A deletion was seen.
    set(&vault, "A", b"four");
    let fourth = fs::read(home.file("A")).expect("a file");
    delete(&vault, "A").expect("deleted");
    fs::write(home.file("A"), fourth).expect("put back");
    assert!(matches!(read(&vault, "A"), Err(VaultError::Missing)));
    fs::remove_file(home.vault_path().join(".deleted/A.age")).expect("removed");
    assert!(is_older(&vault, "A"));
}

#[test]
fn d25_records_without_a_signature_are_taken_until_the_vault_is_upgraded() {
    let (home, vault) = home();
    set(&vault, "A", b"two");
    unsign(&home, &vault);
    let unsigned = fs::read(home.file("A")).expect("a file");
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
    // Beside records that have one.
    set(&vault, "B", b"signed");
    rekey(Rekey::rotate(&vault, false, None, None));
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
    let done = SignatureUpgrade::prepare(&vault).and_then(|upgrade| upgrade.commit(&mut |_| {}));
    let done = done.expect("upgraded");
    assert_eq!((done.secrets, done.versions, done.left.len()), (1, 1, 0));
    let opened = SecretReader::of(&vault).current(&name("A"), false).expect("opened");
    assert!(opened.revision.is_some());
    fs::write(home.file("A"), unsigned).expect("put back");
    let error = read(&vault, "A").expect_err("refused").to_string();
    assert!(error.ends_with("is not accepted (it is not signed)"), "{error}");
    restore(&vault, "A", 1).and_then(SecretChange::commit).expect("restored");
    assert_eq!(read(&vault, "A").expect("a value"), b"one");
    // A new machine never takes one.
    unsign(&home, &vault);
    let (_other, there) = copied(&home);
    let error = there.verifier().expect("a verifier");
    assert!(!error.takes_unsigned);
}

#[test]
fn an_upgrade_that_is_ended_in_the_middle_is_finished_by_the_next() {
    for at in 0..4 {
        let (home, vault) = home();
        set(&vault, "A", b"two");
        set(&vault, "B", b"b");
        unsign(&home, &vault);
        let mut steps = 0;
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let upgrade = SignatureUpgrade::prepare(&vault).expect("prepared");
            upgrade.commit(&mut |_| {
                steps += 1;
                assert!(steps <= at, "ended here, on purpose");
            })
        }));
        assert!(ended.is_err(), "it has more than {at} steps");
        drop(vault);
        let vault = home.open().expect("the vault");
        assert!(vault.verifier().expect("a verifier").takes_unsigned, "{at}");
        for _ in 0..2 {
            assert_eq!(read(&vault, "A").expect("a value"), b"two", "{at}");
            assert_eq!(read(&vault, "B").expect("a value"), b"b", "{at}");
            let upgrade = SignatureUpgrade::prepare(&vault).expect("prepared");
            upgrade.commit(&mut |_| {}).expect("upgraded");
            assert!(!vault.verifier().expect("a verifier").takes_unsigned, "{at}");
        }
    }
}

#[test]
fn d26_while_locked_a_change_needs_a_file_that_this_machine_knows() {
    let (ada, vault, bob, there) = pair_of(home(), Role::Writer);
    set(&vault, "MINE", b"1");
    set(&there, "A", b"bob's");
    set(&there, "B", b"bob's");
    sync(&bob, &ada);
    set(&vault, "MINE", b"1");
    lock(&ada);
    let unseen = |error: Option<VaultError>| matches!(error, Some(VaultError::Unseen { .. }));
    assert!(unseen(write(&vault, "A", b"x").err()));
    assert!(unseen(remove(&vault, "B").err()));
    // What this machine has written, or a new name.
    set(&vault, "MINE", b"2");
    delete(&vault, "MINE").expect("deleted");
    set(&vault, "MINE", b"3");
    set(&vault, "NEW", b"4");
    assert!(matches!(restore(&vault, "MINE", 1), Err(VaultError::Locked { .. })));
    let opened = vault.keys().open("correct horse").expect("opened");
    vault.keys().unlock(opened, None, vault.keys().lock_requests()).expect("unlocked");
    assert_eq!(read(&vault, "A").expect("a value"), b"bob's");
    assert_eq!(read(&vault, "MINE").expect("a value"), b"3");
    lock(&ada);
    // It was read, so it is known.
    set(&vault, "A", b"ada's");
    assert!(unseen(remove(&vault, "B").err()));
}

#[test]
fn d26_a_deletion_and_a_purge_reach_the_other_machine() {
    let (ada, vault, bob, there) = pair_of(home(), Role::Writer);
    for secret in ["A", "B", "C"] {
        set(&vault, secret, b"old");
        set(&vault, secret, b"new");
    }
    sync(&ada, &bob);
    for secret in ["A", "B", "C"] {
        set(&there, secret, b"theirs");
    }
    sync(&bob, &ada);
    assert_eq!(there.secrets().versions(&name("B")).expect("versions").earlier.len(), 1);
    let kept = ["A", "B"].map(|secret| fs::read(ada.file(secret)).expect("a file"));
    delete(&vault, "A").expect("deleted");
    purge(&vault, "B").expect("purged");
    assert!(files(&ada.history_path()).iter().all(|one| one != "B"));
    sync(&ada, &bob);
    // As a merge leaves it that kept the files.
    for (secret, file) in ["A", "B"].iter().zip(&kept) {
        fs::write(bob.file(secret), file).expect("put back");
        assert!(matches!(read(&there, secret), Err(VaultError::Missing)), "{secret}");
        let listed = SecretListing::of(&there).expect("a list").find(&name(secret));
        assert!(listed.expect("found").is_none(), "{secret}");
    }
    // The next change tidies up: a deleted value is kept, and a purged one is not.
    set(&there, "C", b"later");
    assert!(!bob.file("A").exists() && !bob.file("B").exists());
    let earlier = |secret| there.secrets().versions(&name(secret)).expect("versions").earlier.len();
    assert_eq!((earlier("A"), earlier("B")), (2, 0));
    // Both can be set again.
    for secret in ["A", "B"] {
        set(&there, secret, b"again");
        assert_eq!(read(&there, secret).expect("a value"), b"again");
    }
    assert!(!bob.vault_path().join(".deleted/A.age").exists());
    assert!(bob.vault_path().join(".purged/B.age").exists(), "it spreads");
    sync(&bob, &ada);
    for secret in ["A", "B"] {
        assert_eq!(read(&vault, secret).expect("a value"), b"again");
    }
}

/// Merges what two machines have in the place of a value. Whether the second one counts.
fn merged(vault: &Vault, secret: &str, files: [Vec<u8>; 2]) -> Result<bool, VaultError> {
    let merge = SecretMerge::prepare(vault, name(secret), RecordKind::Value, files)?;
    let takes_theirs = merge.takes_theirs;
    merge.commit().map(|_| takes_theirs)
}

#[test]
fn d26_a_merge_takes_the_later_of_two_and_keeps_the_other_in_the_history() {
    let (ada, vault, bob, there) = pair_of(home(), Role::Writer);
    set(&vault, "A", b"ada's");
    set(&there, "A", b"bob's");
    set(&there, "A", b"bob's second");
    let [ours, theirs] = [&ada, &bob].map(|home| fs::read(home.file("A")).expect("a file"));
    let count =
        |vault: &Vault| vault.secrets().versions(&name("A")).expect("versions").earlier.len();
    let before = count(&vault);
    assert!(merged(&vault, "A", [ours.clone(), theirs.clone()]).expect("merged"));
    assert_eq!(count(&vault), before, "the current one is not an earlier one");
    fs::write(ada.file("A"), &theirs).expect("as git does");
    assert_eq!(count(&vault), before + 1);
    assert!(!merged(&vault, "A", [theirs.clone(), ours.clone()]).expect("merged"));
    assert!(merged(&there, "A", [ours.clone(), theirs.clone()]).expect("merged"));
    assert_eq!(count(&vault), before + 1, "once");
    assert_eq!(read(&vault, "A").expect("a value"), b"bob's second");
    let newest = vault.secrets().versions(&name("A")).expect("versions").earlier[0].version;
    restore(&vault, "A", newest).and_then(SecretChange::commit).expect("restored");
    assert_eq!(read(&vault, "A").expect("a value"), b"ada's");
    // What is not accepted is no part of a merge.
    let stranger = SigningKey::of_seed(&[9; 32]);
    let list = MemberList::first(
        vault.id(),
        vec![crate::members::member::Member::new(
            list_of(&vault).members()[0].recipient().clone(),
            *stranger.verification_key(),
            "",
            Role::Admin,
        )],
        &stranger,
    );
    let list = list.expect("a list");
    let forged = sealed(&vault, late("A", RecordKind::Value, b"forged"), &stranger, &list);
    for files in [[ours.clone(), forged.clone()], [forged, ours.clone()]] {
        let error = merged(&vault, "A", files).expect_err("refused");
        assert!(error.to_string().contains("is not accepted"), "{error}");
    }
    // Nor is one that would not count: the history has few places.
    let low = SecretUpdate { counter: 1, ..late("A", RecordKind::Value, b"forged") };
    let low = sealed(&vault, low, &stranger, &list);
    assert!(merged(&vault, "A", [ours.clone(), low]).is_err());
    lock(&ada);
    assert!(matches!(merged(&vault, "A", [ours, theirs]), Err(VaultError::Locked { .. })));
}

#[test]
fn a_value_that_loses_a_merge_has_its_place_in_the_history_by_its_revision() {
    let (ada, vault) = home();
    let mut files = vec![fs::read(ada.file("A")).expect("a file")];
    for number in 0_u8..12 {
        set(&vault, "A", &[number]);
        files.push(fs::read(ada.file("A")).expect("a file"));
    }
    let history = || vault.secrets().history().versions(&name("A")).expect("versions");
    let before = history();
    let theirs = || fs::read(ada.file("A")).expect("a file");
    // The history has ten newer ones than the first, and has the tenth.
    for lower in [&files[0], &files[9]] {
        assert!(merged(&vault, "A", [theirs(), lower.clone()]).is_ok());
        assert_eq!(history(), before);
    }
    let (_, tenth) =
        vault.secrets().history().find(&name("A"), |file| file == files[9]).expect("it");
    let version = before[2].0;
    vault.secrets().history().remove(&name("A"), &[version]).expect("removed");
    merged(&vault, "A", [theirs(), tenth]).expect("merged");
    let values: Vec<_> = history()
        .iter()
        .map(|(version, _)| {
            let file = vault.secrets().history().locate(&name("A"), *version).expect("a history");
            file.expect("a file").read().expect("a version")
        })
        .collect();
    let expected: Vec<_> = files[2..12].iter().rev().cloned().collect();
    assert_eq!(values, expected);
}

#[test]
fn a_machine_that_lost_its_list_finds_it_by_its_signing_key() {
    let (ada, vault, bob, there) = pair_of(home(), Role::Writer);
    set(&there, "A", b"bob's");
    sync(&bob, &ada);
    drop(vault);
    fs::remove_file(ada.identity_path().with_file_name("members")).expect("removed");
    let vault = ada.open().expect("the vault");
    set(&vault, "B", b"ada's");
    assert_eq!(list_of(&vault).members().len(), 2);
    assert_eq!(read(&vault, "A").expect("a value"), b"bob's");
}

#[test]
fn a_machine_that_lost_its_signing_key_goes_on_alone() {
    let (home, vault) = home();
    let names: Vec<SecretName> = vault.secrets().names().expect("names").iter().collect();
    assert_eq!(names, [name("A")]);
    drop(vault);
    for file in ["signing-key.txt", "members"] {
        fs::remove_file(home.identity_path().with_file_name(file)).expect("removed");
        let vault = home.open().expect("the vault");
        set(&vault, "B", file.as_bytes());
        assert_eq!(read(&vault, "A").expect("a value"), b"one", "{file}");
        assert_eq!(read(&vault, "B").expect("a value"), file.as_bytes());
        // Everything is signed again, and the key before counts no more.
        rekey(Rekey::rotate(&vault, false, None, None));
        assert!(vault.members().former().expect("a list").is_none());
        assert_eq!(read(&vault, "A").expect("a value"), b"one", "{file}");
    }
}

#[test]
fn a_mark_that_is_not_accepted_yet_is_not_removed() {
    let (ada, vault, bob, there) = pair_of(home(), Role::Writer);
    delete(&there, "A").expect("deleted");
    let mark = fs::read(bob.vault_path().join(".deleted/A.age")).expect("a mark");
    rekey(Rekey::remove(&vault, &fingerprint(&there)));
    put(&ada, ".deleted/A.age", &mark);
    // It would remove the secret, if its writer were a member.
    set(&vault, "B", b"any change");
    assert_eq!(read(&vault, "A").expect("a value"), b"one");
    set(&vault, "A", b"two");
    assert_eq!(fs::read(ada.vault_path().join(".deleted/A.age")).expect("it is left"), mark);
}

fn fingerprint(vault: &Vault) -> String {
    vault.members().own_fingerprint().expect("a key").expect("a key").to_string()
}

#[test]
fn a_purged_file_that_git_brings_back_does_not_come_into_the_history() {
    let (home, vault) = home();
    let purged = fs::read(home.file("A")).expect("a file");
    purge(&vault, "A").expect("purged");
    set(&vault, "B", b"any change");
    fs::write(home.file("A"), &purged).expect("put back");
    set(&vault, "A", b"new");
    assert!(home.history("A").is_empty());
    assert_eq!(read(&vault, "A").expect("a value"), b"new");
    fs::write(home.file("A"), &purged).expect("put back");
    assert!(matches!(remove(&vault, "A").err(), Some(VaultError::Missing)));
    assert!(home.history("A").is_empty());
}

#[test]
fn a_purge_also_removes_what_a_removed_member_wrote() {
    let (ada, vault, bob, there) = pair_of(home(), Role::Writer);
    set(&there, "A", b"bob's");
    sync(&bob, &ada);
    set(&vault, "A", b"ada's");
    assert_eq!(ada.history("A").len(), 1);
    // Another machine removes Bob, and purges.
    let (carol, elsewhere) = copied(&ada);
    let (_, asked) = elsewhere.request_membership(Role::Admin, None).expect("a request");
    sync(&carol, &ada);
    rekey(Rekey::admit(&vault, &shown(&vault, &[asked.to_string()], None)));
    sync(&ada, &carol);
    rekey(Rekey::remove(&elsewhere, &fingerprint(&there)));
    purge(&elsewhere, "A").expect("purged");
    sync(&carol, &ada);
    set(&vault, "B", b"any change");
    assert!(ada.history("A").is_empty());
}

#[test]
fn encrypting_an_older_file_again_makes_it_no_newer() {
    let (home, vault) = home();
    let first = fs::read(home.file("A")).expect("a file");
    set(&vault, "A", b"two");
    set(&vault, "A", b"three");
    fs::write(home.file("A"), first).expect("put back");
    rekey(Rekey::rotate(&vault, false, None, None));
    assert!(is_older(&vault, "A"));
    set(&vault, "A", b"four");
    let opened = SecretReader::of(&vault).current(&name("A"), false).expect("opened");
    assert_eq!(opened.revision.expect("signed").counter, 4);
}

#[test]
fn a_hostile_counter_ends_no_name() {
    let (ada, vault, bob, there) = pair_of(home(), Role::Writer);
    let (key, list) = (there.members().signing_key().expect("a key"), list_of(&there));
    let last = |kind, value: &[u8]| {
        let update = SecretUpdate { counter: (1 << 53) - 1, ..late("A", kind, value) };
        sealed(&there, update, &key, &list)
    };
    put(&ada, "A.age", &last(RecordKind::Value, b"last"));
    assert_eq!(read(&vault, "A").expect("a value"), b"last");
    set(&vault, "A", b"two");
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
    put(&ada, ".purged/A.age", &last(RecordKind::Purged, b""));
    put(&ada, "B.age", &fs::read(bob.file("A")).expect("a file"));
    rekey(Rekey::remove(&vault, &key.fingerprint().to_string()));
    // It is not signed again, so it counts no more.
    set(&vault, "A", b"three");
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    delete(&vault, "A").expect("deleted");
}

#[test]
fn a_value_that_is_set_over_one_without_a_signature_is_later_than_that() {
    let (home, vault) = home();
    unsign(&home, &vault);
    set(&vault, "A", b"two");
    let opened = SecretReader::of(&vault).current(&name("A"), false).expect("opened");
    assert_eq!(opened.revision.expect("signed").counter, 2);
}

#[test]
fn a_name_can_be_given_back_and_forth() {
    let (_home, vault) = home();
    set(&vault, "A", b"two");
    for (from, to) in [("A", "B"), ("B", "A")].repeat(50) {
        let rename = SecretRename::prepare(&vault, name(from), name(to)).expect("prepared");
        rename.commit().expect("renamed");
    }
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
    let opened = SecretReader::of(&vault).current(&name("A"), false).expect("opened");
    assert!(opened.revision.expect("signed").counter < 1000);
}
