//! What a machine publishes of files that git or a user has put there.

use std::fs;

use fluvio_secret_protocol::{RecordKind, Role, SyncDocumentKey};

use super::{Machine, Topic, outcome};
use crate::members::signing_key::SigningKey;
use crate::tests::{delete, name, purge, read, set};
use crate::{Publication, Vault, VaultError};

/// The kinds of the records of a secret that a machine publishes, by all ways to find them.
fn kinds(machine: &Machine, secret: &str) -> Vec<RecordKind> {
    let publication = Publication::of(&machine.vault);
    let of = |names: &[_]| {
        let listed = publication.list(names).expect("a list").into_iter();
        let kinds = listed.filter_map(|one| match one.key {
            SyncDocumentKey::Record { name, kind } if name.as_str() == secret => Some(kind),
            _ => None,
        });
        kinds.collect::<Vec<_>>()
    };
    let kinds = of(&[]);
    assert_eq!(kinds, of(&[name(secret)]));
    for kind in [RecordKind::Value, RecordKind::Deleted, RecordKind::Purged] {
        let found = publication.get(&SyncDocumentKey::Record { name: name(secret), kind });
        match found {
            Ok(_) => assert!(kinds.contains(&kind)),
            Err(VaultError::Missing) => assert!(!kinds.contains(&kind)),
            Err(error) => panic!("{error}"),
        }
    }
    kinds
}

/// Puts a mark beside a secret, as git does.
fn put(machine: &Machine, directory: &str, secret: &str, bytes: &[u8]) {
    let marks = machine.home.vault_path().join(directory);
    fs::create_dir_all(&marks).expect("a directory");
    fs::write(marks.join(format!("{secret}.age")), bytes).expect("written");
}

#[test]
fn what_a_mark_removes_is_not_published() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    for secret in ["DELETED", "PURGED", "SET"] {
        set(&ada.vault, secret, b"one");
    }
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    delete(&ada.vault, "SET").expect("deleted");
    let old_mark = ada.record("SET", RecordKind::Deleted);
    set(&ada.vault, "SET", b"two");
    outcome(&bob, &ada.record("SET", RecordKind::Value));
    assert_eq!(kinds(&bob, "SET"), [RecordKind::Value]);
    put(&bob, ".deleted", "SET", &old_mark);
    assert_eq!(kinds(&bob, "SET"), [RecordKind::Value], "it was set again");
    delete(&ada.vault, "DELETED").expect("deleted");
    put(&bob, ".deleted", "DELETED", &ada.record("DELETED", RecordKind::Deleted));
    assert_eq!(kinds(&bob, "DELETED"), [RecordKind::Deleted]);
    purge(&ada.vault, "PURGED").expect("purged");
    put(&bob, ".purged", "PURGED", &ada.record("PURGED", RecordKind::Purged));
    assert!(bob.home.file("PURGED").exists(), "nothing was tidied up");
    assert_eq!(kinds(&bob, "PURGED"), [RecordKind::Purged]);
    // Another one after the purge.
    set(&bob.vault, "PURGED", b"two");
    assert_eq!(kinds(&bob, "PURGED"), [RecordKind::Purged, RecordKind::Value]);
}

#[test]
fn what_is_not_accepted_is_not_published() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    for (file, bytes) in [
        ("FORGED.age", ada.encrypt(b"forged")),
        ("DAMAGED.age", b"x".to_vec()),
        ("MOVED.age", ada.record("FIRST", RecordKind::Value)),
    ] {
        fs::write(bob.home.vault_path().join(file), bytes).expect("written");
        assert!(kinds(&bob, file.trim_end_matches(".age")).is_empty(), "{file}");
    }
    put(&bob, ".purged", "FIRST", &ada.encrypt(b"forged"));
    assert_eq!(kinds(&bob, "FIRST"), [RecordKind::Value]);
    // Nor is a list that does not follow.
    let own = bob.list();
    let stranger = SigningKey::of_seed(&[9; 32]);
    let members = bob.home.vault_path().join(".members");
    let text = String::from_utf8(own.bytes().to_vec()).expect("text");
    let forged = text.replace(&own.signer().to_string(), &stranger.fingerprint().to_string());
    fs::write(members.join("1"), forged).expect("written");
    fs::write(members.join("900"), own.bytes()).expect("written");
    let listed = Publication::of(&bob.vault).list(&[]).expect("a list");
    let version = own.version();
    let lists: Vec<_> =
        listed.iter().filter(|one| matches!(one.key, SyncDocumentKey::Members { .. })).collect();
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0].key, SyncDocumentKey::Members { version });
    assert_eq!(lists[0].id, own.hash().to_string());
    for version in [1, 900] {
        let found = Publication::of(&bob.vault).get(&SyncDocumentKey::Members { version });
        assert!(matches!(found, Err(VaultError::Missing)), "{version}");
    }
}

#[test]
fn a_removed_member_publishes_nothing_of_the_vault() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    crate::tests::two_machines::rekey(crate::rekey::change::Rekey::remove(
        &ada.vault,
        &bob.fingerprint(),
    ));
    // Git brings the list.
    let list = ada.list();
    let path = bob.home.vault_path().join(".members").join(list.version().to_string());
    fs::write(path, list.bytes()).expect("written");
    assert!(Publication::of(&bob.vault).list(&[]).expect("a list").is_empty());
    assert!(kinds(&bob, "FIRST").is_empty());
    let record = ada.record("FIRST", RecordKind::Value);
    assert_eq!(outcome(&bob, &record), fluvio_secret_protocol::TakenOutcome::ForOthers);
}

#[test]
fn an_older_file_is_told_from_the_newest() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    let older_names = |machine: &Machine, names: &[_]| {
        let listed = Publication::of(&machine.vault).list(names).expect("a list").into_iter();
        let older = listed.filter(|one| one.older).map(|one| one.key);
        older.collect::<Vec<_>>()
    };
    let older = |machine: &Machine| {
        let all = older_names(machine, &[]);
        assert_eq!(all, older_names(machine, &[name("A")]));
        all
    };
    set(&ada.vault, "A", b"one");
    let (file, first) = (ada.home.file("A"), ada.record("A", RecordKind::Value));
    set(&ada.vault, "A", b"two");
    topic.publish(&ada);
    topic.read(&bob);
    assert_eq!((older(&ada), older(&bob)), (Vec::new(), Vec::new()));
    fs::write(file, first).expect("written");
    let key = SyncDocumentKey::Record { name: name("A"), kind: RecordKind::Value };
    assert_eq!(older(&ada), [key]);
    topic.read(&ada);
    assert_eq!(older(&ada), []);
    assert_eq!(read(&ada.vault, "A").expect("a value"), b"two");
    // A mark that a later value follows is not an older value.
    for remove in [|vault: &Vault| delete(vault, "A"), |vault: &Vault| purge(vault, "A")] {
        remove(&ada.vault).expect("removed");
        set(&ada.vault, "A", b"three");
        assert_eq!(older(&ada), []);
    }
    // A file that is gone is only missed by its name, unless it was deleted.
    let names = [name("A")];
    fs::remove_file(ada.home.file("A")).expect("removed");
    assert_eq!(older_names(&ada, &names).len(), 1);
    topic.publish(&ada);
    set(&ada.vault, "A", b"four");
    delete(&ada.vault, "A").expect("deleted");
    assert_eq!(older_names(&ada, &names), []);
}

#[test]
fn only_the_value_that_was_deleted_is_offered_to_be_restored() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    let is_offered = |machine: &Machine| {
        machine.vault.secrets().has_value_before_deletion(&name("A")).expect("known")
    };
    assert!(!is_offered(&ada), "there is no such secret");
    set(&ada.vault, "A", b"one");
    outcome(&bob, &ada.record("A", RecordKind::Value));
    assert!(!is_offered(&bob));
    // As a checkout of another state removes it.
    let (file, bytes) = (bob.home.file("A"), ada.record("A", RecordKind::Value));
    set(&bob.vault, "A", b"two");
    fs::remove_file(&file).expect("removed");
    assert!(!is_offered(&bob));
    fs::write(&file, bytes).expect("written");
    // The value that another machine has deleted was never here.
    set(&ada.vault, "A", b"two");
    set(&ada.vault, "A", b"three");
    delete(&ada.vault, "A").expect("deleted");
    assert!(is_offered(&ada));
    put(&bob, ".deleted", "A", &ada.record("A", RecordKind::Deleted));
    fs::remove_file(&file).expect("removed");
    assert!(!is_offered(&bob));
}
