//! Which records a machine takes, and what becomes of the values.

use std::fs;

use fluvio_secret_protocol::{RecordKind, Role, SyncDocumentKey, TakenOutcome};

use super::{Machine, Topic, earlier, is_secret, outcome, refusal, update, value};
use crate::members::list::MemberList;
use crate::members::member::Member;
use crate::members::signing_key::SigningKey;
use crate::members::test_machines::other_vault;
use crate::rekey::change::Rekey;
use crate::secrets::fingerprint::fingerprint;
use crate::secrets::record::Record;
use crate::tests::two_machines::rekey;
use crate::tests::{delete, name, purge, set};
use crate::{Publication, SecretReader};

fn pair(role: Role) -> (Machine, Machine, Topic) {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, role, &mut topic);
    (ada, bob, topic)
}

#[test]
fn a_secret_comes_with_its_bytes_and_counts_as_published_when_it_comes_back() {
    let (ada, bob, mut topic) = pair(Role::Writer);
    assert_eq!(value(&bob, "FIRST").expect("a value"), b"first");
    assert_eq!(ada.record("FIRST", RecordKind::Value), bob.record("FIRST", RecordKind::Value));
    set(&ada.vault, "A", b"one");
    assert_eq!(topic.publish(&ada).len(), 1);
    assert!(topic.publish(&ada).is_empty(), "it has come back");
    let taken = topic.read(&bob);
    assert!(is_secret(taken.last().expect("a document"), "A"), "{taken:?}");
    assert!(topic.publish(&bob).is_empty(), "it has nothing more");
    let again = topic.read(&bob);
    assert!(again.iter().all(|one| !is_secret(one, "A")), "{again:?}");
    // And back.
    set(&bob.vault, "A", b"two");
    topic.publish(&bob);
    topic.read(&ada);
    assert_eq!(value(&ada, "A").expect("a value"), b"two");
    assert_eq!(earlier(&ada, "A"), [b"one"]);
}

#[test]
fn the_value_of_an_admin_counts_where_a_later_one_of_a_removed_writer_was_taken() {
    let (ada, bob, mut topic) = pair(Role::Writer);
    let cleo = Machine::member(&ada, Role::Writer, &mut topic);
    topic.read(&bob);
    set(&ada.vault, "A", b"zero");
    let zero = ada.record("A", RecordKind::Value);
    topic.publish(&ada);
    topic.read(&bob);
    set(&bob.vault, "A", b"one");
    topic.publish(&bob);
    topic.read(&ada);
    topic.read(&cleo);
    rekey(Rekey::remove(&ada.vault, &bob.fingerprint()));
    // Neither of them knows of it yet.
    set(&bob.vault, "A", b"two");
    topic.publish(&bob);
    topic.read(&cleo);
    assert_eq!(value(&cleo, "A").expect("a value"), b"two");
    let list = SyncDocumentKey::Members { version: ada.list().version() };
    let list = Publication::of(&ada.vault).get(&list).expect("a list");
    assert_eq!(outcome(&cleo, &list.bytes), TakenOutcome::Members);
    // An earlier value cannot be brought back, even if the history has forgotten it.
    fs::remove_file(cleo.home.history_path().join("A/1.age")).expect("removed");
    outcome(&cleo, &zero);
    assert!(SecretReader::of(&cleo.vault).read(&name("A")).is_err());
    topic.publish(&ada);
    for round in 0..2 {
        topic.read(&ada);
        topic.read(&cleo);
        for machine in [&ada, &cleo] {
            let opened = SecretReader::of(&machine.vault).read(&name("A")).expect("a value");
            let found = (opened.value.expose(), opened.is_older);
            assert_eq!(found, (&b"one"[..], false), "{round}");
        }
        assert_eq!(ada.record("A", RecordKind::Value), cleo.record("A", RecordKind::Value));
    }
    // And the next change of it.
    set(&cleo.vault, "A", b"three");
    topic.publish(&cleo);
    topic.read(&ada);
    assert_eq!(value(&ada, "A").expect("a value"), b"three");
}

#[test]
fn who_is_admitted_gets_what_a_machine_that_was_away_has_set() {
    let (ada, bob, mut topic) = pair(Role::Writer);
    set(&bob.vault, "AWAY", b"one");
    let away = bob.record("AWAY", RecordKind::Value);
    let cleo = Machine::member(&ada, Role::Reader, &mut topic);
    // Bob does not know Cleo yet.
    topic.documents.push(away.clone());
    assert_eq!(outcome(&cleo, &away), TakenOutcome::ForOthers);
    assert!(is_secret(&outcome(&ada, &away), "AWAY"));
    assert_eq!(outcome(&ada, &away), TakenOutcome::Known, "only once");
    assert_eq!(topic.publish(&ada).len(), 1);
    for machine in [&bob, &cleo] {
        topic.read(machine);
        assert_eq!(value(machine, "AWAY").expect("a value"), b"one");
        assert!(earlier(machine, "AWAY").is_empty());
        assert!(topic.publish(machine).is_empty(), "all have the same file");
    }
}

#[test]
fn of_changes_made_apart_the_greater_counts_and_the_other_is_in_the_history() {
    let (ada, bob, mut topic) = pair(Role::Writer);
    set(&ada.vault, "A", b"ada's");
    set(&bob.vault, "A", b"bob's");
    // Both publish before they read.
    for machine in [&ada, &bob] {
        topic.documents.push(machine.record("A", RecordKind::Value));
    }
    topic.read(&ada);
    topic.read(&bob);
    let (one, other) = (value(&ada, "A"), value(&bob, "A"));
    assert_eq!(one, other);
    let lost = if one.as_deref() == Some(b"ada's") { b"bob's" } else { b"ada's" };
    assert_eq!(
        (earlier(&ada, "A"), earlier(&bob, "A")),
        (vec![lost.to_vec()], vec![lost.to_vec()])
    );
    // Once more: nothing is added.
    topic.read(&ada);
    topic.read(&bob);
    assert_eq!(earlier(&ada, "A").len() + earlier(&bob, "A").len(), 2);
}

#[test]
fn a_late_older_value_pushes_no_newer_one_out_of_the_history() {
    let (ada, bob, _) = pair(Role::Writer);
    let mut records = Vec::new();
    for number in 0_u8..14 {
        set(&ada.vault, "A", &[number]);
        records.push(ada.record("A", RecordKind::Value));
    }
    // The last one first, then every second one, then all of them twice.
    let late = records.iter().step_by(2).rev();
    for bytes in records.last().into_iter().chain(late).chain(&records).chain(&records) {
        outcome(&bob, bytes);
    }
    assert_eq!(value(&bob, "A").expect("a value"), [13]);
    let expected: Vec<_> = (3_u8..13).map(|number| vec![number]).collect();
    assert_eq!(earlier(&bob, "A"), expected);
    assert_eq!(earlier(&ada, "A"), expected);
    assert_eq!(outcome(&bob, &records[0]), TakenOutcome::Known);
    assert_eq!(outcome(&bob, &records[5]), TakenOutcome::Known);
}

#[test]
fn deletions_and_purges_spread_and_a_purged_value_does_not_come_back() {
    let (ada, bob, mut topic) = pair(Role::Writer);
    for secret in ["DELETED", "PURGED", "SET_AGAIN"] {
        set(&ada.vault, secret, b"one");
    }
    topic.publish(&ada);
    topic.read(&bob);
    let away = Machine::member(&ada, Role::Writer, &mut topic);
    let old = ada.record("PURGED", RecordKind::Value);
    delete(&ada.vault, "DELETED").expect("deleted");
    purge(&ada.vault, "PURGED").expect("purged");
    delete(&ada.vault, "SET_AGAIN").expect("deleted");
    topic.publish(&ada);
    topic.read(&bob);
    for secret in ["DELETED", "PURGED", "SET_AGAIN"] {
        assert_eq!(value(&bob, secret), None, "{secret}");
    }
    assert_eq!(earlier(&bob, "DELETED"), [b"one"]);
    assert!(earlier(&bob, "PURGED").is_empty() && !bob.home.file("PURGED").exists());
    set(&bob.vault, "SET_AGAIN", b"two");
    topic.publish(&bob);
    let mark = ada.home.vault_path().join(".deleted/SET_AGAIN.age");
    assert!(mark.exists());
    topic.read(&ada);
    assert_eq!(value(&ada, "SET_AGAIN").expect("a value"), b"two");
    assert!(!mark.exists(), "it does not count any more");
    // The machine that was away publishes to an empty topic before it has read the mark.
    let mut fresh = Topic::default();
    fresh.publish(&away);
    assert!(fresh.documents.contains(&old));
    let taken = fresh.read(&ada);
    assert!(taken.iter().all(|one| *one == TakenOutcome::Known), "{taken:?}");
    assert_eq!(value(&ada, "PURGED"), None);
    fresh.publish(&ada);
    fresh.read(&away);
    assert_eq!(value(&away, "PURGED"), None);
    assert_eq!(value(&away, "SET_AGAIN").expect("a value"), b"two");
    let mut last = Topic::default();
    last.publish(&away);
    assert!(!last.documents.contains(&old), "its mark was read");
}

#[test]
fn an_older_record_does_not_replace_one_that_was_seen() {
    let (ada, bob, _) = pair(Role::Writer);
    set(&ada.vault, "A", b"one");
    let one = ada.record("A", RecordKind::Value);
    set(&ada.vault, "A", b"two");
    let two = ada.record("A", RecordKind::Value);
    outcome(&bob, &two);
    // A checkout of an old commit takes the file away.
    std::fs::remove_file(bob.home.file("A")).expect("removed");
    assert!(is_secret(&outcome(&bob, &one), "A"));
    assert_eq!(value(&bob, "A"), None, "it is an earlier value");
    assert_eq!(earlier(&bob, "A"), [b"one"]);
    assert!(is_secret(&outcome(&bob, &two), "A"));
    assert_eq!(value(&bob, "A").expect("a value"), b"two");
    assert_eq!(earlier(&bob, "A"), [b"one"]);
}

#[test]
fn forged_and_foreign_records_are_refused() {
    let (ada, bob, _) = pair(Role::Writer);
    let stranger = SigningKey::of_seed(&[9; 32]);
    let list = ada.list();
    let me = Member::new(
        list.members()[0].recipient().clone(),
        *stranger.verification_key(),
        "",
        Role::Admin,
    );
    let theirs = MemberList::first(ada.vault.id(), vec![me], &stranger).expect("a list");
    for (kind, value) in
        [(RecordKind::Value, &b"forged"[..]), (RecordKind::Deleted, b""), (RecordKind::Purged, b"")]
    {
        let forged = ada.forge(update("FIRST", kind, 1000, value), &stranger, &theirs);
        assert!(refusal(&bob, &forged).contains("not a writer"), "{kind:?}");
    }
    let other = MemberList::first(other_vault(), list.members().to_vec(), &ada.key());
    let other = other.expect("a list");
    let foreign = ada.forge(update("FIRST", RecordKind::Value, 1000, b"x"), &ada.key(), &other);
    let reason = refusal(&bob, &foreign);
    assert!(reason.contains("another vault") && !reason.contains("FIRST"), "{reason}");
    // A machine that knows no members yet takes it for no record of its own.
    let dan = Machine::newcomer(&ada.vault, Role::Reader);
    let own = dan.vault.own_recipients().expect("a key");
    let plain = ada.decrypt(&foreign).expect("decrypted");
    let for_dan = crate::keys::encryption::encrypt(&own, &plain).expect("encrypted");
    assert!(refusal(&dan, &for_dan).contains("another vault"));
    let unsigned = Record {
        name: "FIRST".parse().expect("a name"),
        set_at: "2030-01-02T03:04:05Z".parse().expect("a time"),
        value: b"x".to_vec().into(),
    };
    let unsigned = ada.encrypt(&unsigned.encode().expect("encoded"));
    assert_eq!(refusal(&bob, &unsigned), "it is not signed");
    assert_eq!(value(&bob, "FIRST").expect("a value"), b"first");
    assert!(earlier(&bob, "FIRST").is_empty());
}

#[test]
fn cut_and_changed_bytes_are_refused() {
    let (ada, bob, _) = pair(Role::Writer);
    set(&ada.vault, "A", b"one");
    let record = ada.record("A", RecordKind::Value);
    for end in [0, 1, 20, record.len() / 2, record.len() - 1] {
        refusal(&bob, &record[..end]);
    }
    for at in [0, 30, record.len() / 2, record.len() - 1] {
        let mut changed = record.clone();
        changed[at] ^= 1;
        let outcome = outcome(&bob, &changed);
        let is_taken = matches!(outcome, TakenOutcome::Secret { .. } | TakenOutcome::Known);
        assert!(!is_taken, "{at}: {outcome:?}");
    }
    for large in [vec![b'x'; 2 << 20], ada.encrypt(&vec![b'x'; 2 << 20])] {
        assert_eq!(refusal(&bob, &large), "it is too large");
    }
    refusal(&bob, &ada.encrypt(b"{\"format\":1}\n"));
    refusal(&bob, &ada.encrypt(b""));
    assert_eq!(value(&bob, "A"), None);
    assert!(is_secret(&outcome(&bob, &record), "A"));
}

#[test]
fn a_reader_and_a_removed_member_write_nothing() {
    let (ada, cleo, mut topic) = pair(Role::Reader);
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    set(&bob.vault, "BOB", b"bob's");
    topic.publish(&bob);
    topic.read(&ada);
    topic.read(&cleo);
    let by_bob = bob.record("BOB", RecordKind::Value);
    // A list in which the reader writes is signed by no other member.
    let list = ada.list();
    let admins = list.members().iter().map(|one| one.clone().with_role(Role::Admin)).collect();
    let own = MemberList::first(ada.vault.id(), admins, &cleo.key()).expect("a list");
    let late = ada.forge(update("FIRST", RecordKind::Value, 1000, b"x"), &cleo.key(), &own);
    assert!(refusal(&ada, &late).contains("not a writer"));
    let late = ada.forge(update("FIRST", RecordKind::Value, 1000, b"x"), &bob.key(), &bob.list());
    crate::tests::two_machines::rekey(crate::rekey::change::Rekey::remove(
        &ada.vault,
        &bob.fingerprint(),
    ));
    topic.publish(&ada);
    topic.read(&cleo);
    for machine in [&ada, &cleo] {
        assert!(refusal(machine, &late).contains("not a writer"));
        assert_eq!(value(machine, "BOB").expect("a value"), b"bob's", "an admin has signed it");
        assert_eq!(outcome(machine, &by_bob), TakenOutcome::Known, "it was signed again");
        assert_eq!(value(machine, "FIRST").expect("a value"), b"first");
    }
    // It decrypts nothing that came after it.
    set(&ada.vault, "AFTER", b"secret");
    assert_eq!(bob.decrypt(&ada.record("AFTER", RecordKind::Value)), None);
}

#[test]
fn a_record_for_a_list_that_is_not_here_is_of_use_later() {
    let (ada, bob, mut topic) = pair(Role::Writer);
    let cleo = Machine::newcomer(&ada.vault, Role::Writer);
    topic.publish(&cleo);
    topic.read(&ada);
    ada.admit(&cleo);
    set(&ada.vault, "A", b"one");
    let record = ada.record("A", RecordKind::Value);
    assert_eq!(outcome(&bob, &record), TakenOutcome::Later);
    assert_eq!(value(&bob, "A"), None);
    topic.publish(&ada);
    topic.read(&bob);
    assert_eq!(value(&bob, "A").expect("a value"), b"one");
}

#[test]
fn a_record_with_the_value_that_is_there_is_reported_as_such() {
    let (ada, bob, _) = pair(Role::Writer);
    let same = |bytes: &[u8]| {
        let take = crate::DocumentTake::prepare(&bob.vault, bytes).expect("prepared");
        let same = take.same_value().map(|(name, both)| (name.to_string(), both));
        take.commit().expect("taken");
        same
    };
    let mut before = fingerprint(&ada.record("FIRST", RecordKind::Value));
    for (value, is_same) in [(&b"first"[..], true), (b"second", false), (b"second", true)] {
        set(&ada.vault, "FIRST", value);
        let bytes = ada.record("FIRST", RecordKind::Value);
        let after = fingerprint(&bytes);
        let expected = is_same.then(|| ("FIRST".to_owned(), [before, after]));
        assert_eq!(same(&bytes), expected, "{value:?}");
        before = after;
    }
    set(&ada.vault, "NEW", b"first");
    assert_eq!(same(&ada.record("NEW", RecordKind::Value)), None);
    delete(&ada.vault, "FIRST").expect("deleted");
    assert_eq!(same(&ada.record("FIRST", RecordKind::Deleted)), None);
}
