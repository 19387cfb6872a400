//! Lists of members, requests to join, announcements and acknowledgements.

use std::fs;

use fluvio_secret_protocol::{RecordKind, Role, SyncDocumentKey, TakenOutcome};

use super::{Machine, Topic, outcome, refusal, value, write};
use crate::keys::encryption::{count_recipients, encrypt_cheaply};
use crate::keys::keyring::Keyring;
use crate::members::applicant::Applicant;
use crate::members::list::MemberList;
use crate::members::member::Member;
use crate::members::signing_key::SigningKey;
use crate::members::store_error::MemberStoreError;
use crate::members::test_machines::{machines, other_vault};
use crate::rekey::change::Rekey;
use crate::tests::set;
use crate::tests::two_machines::{rekey, shown};
use crate::topic_join::PersonalJoin;
use crate::{DocumentTake, Publication, TopicJoin, VaultError};

fn is_member_change(outcome: &TakenOutcome) -> bool {
    matches!(outcome, TakenOutcome::Members)
}

/// A list as it is published.
fn list(machine: &Machine, version: u64) -> Vec<u8> {
    let key = SyncDocumentKey::Members { version };
    Publication::of(&machine.vault).get(&key).expect("a list").bytes.to_vec()
}

/// Another list after a machine's own, with the members of that.
fn next(machine: &Machine, key: &SigningKey) -> MemberList {
    let list = machine.list();
    list.next(list.members().to_vec(), key).expect("a list")
}

#[test]
fn a_newcomer_decrypts_nothing_until_it_is_admitted() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    set(&ada.vault, "A", b"one");
    topic.publish(&ada);
    let announced = Publication::of(&ada.vault).announce("secrets", 1).expect("announced");
    topic.documents.push(announced.bytes.to_vec());
    let dan = Machine::newcomer(&ada.vault, Role::Reader);
    let before = topic.documents.clone();
    assert_eq!(topic.publish(&dan), [SyncDocumentKey::Request], "it has nothing else");
    for bytes in &before[..before.len() - 1] {
        assert_eq!(dan.decrypt(bytes), None);
        assert_eq!(outcome(&dan, bytes), TakenOutcome::ForOthers);
        assert!(!bytes.windows(5).any(|part| part == b"FIRST"), "no name can be read");
    }
    let expected = TakenOutcome::Announced { topic: "secrets".to_owned(), generation: 1 };
    assert_eq!(outcome(&dan, &before[before.len() - 1]), expected);
    let request = topic.documents.last().expect("a request").clone();
    assert_eq!(outcome(&dan, &request), TakenOutcome::Known, "its own");
    assert!(topic.publish(&dan).is_empty(), "the request has come back");
    let file = dan.home.vault_path().join("requests").join(dan.fingerprint());
    fs::remove_file(file).expect("removed");
    assert_eq!(outcome(&dan, &request), TakenOutcome::Known, "it is not a request of another");
    // Its request shows it to the admin, and grants nothing.
    assert!(is_member_change(&outcome(&ada, &request)));
    assert_eq!(outcome(&ada, &request), TakenOutcome::Known);
    set(&ada.vault, "A", b"two");
    assert_eq!(dan.decrypt(&ada.record("A", RecordKind::Value)), None);
    ada.admit(&dan);
    assert_eq!(outcome(&ada, &request), TakenOutcome::Known, "it is a member");
    topic.publish(&ada);
    for bytes in &before[..before.len() - 1] {
        assert_eq!(dan.decrypt(bytes), None, "what was there stays encrypted for others");
    }
    let remembered = dan.home.identity_path().with_file_name("vault-id");
    assert!(!remembered.exists());
    topic.read(&dan);
    assert_eq!(value(&dan, "A").expect("a value"), b"two");
    assert_eq!(dan.list().hash(), ada.list().hash());
    // An empty directory in its place is not taken for the vault now.
    assert_eq!(fs::read_to_string(remembered).expect("an id"), format!("{}\n", ada.vault.id()));
    // A reader publishes what it has, byte for byte.
    let (mut fresh, mut other) = (Topic::default(), Topic::default());
    let (mut by_dan, mut by_ada) = (fresh.publish(&dan), other.publish(&ada));
    by_ada.retain(|key| *key != SyncDocumentKey::Members { version: 1 });
    by_dan.sort();
    by_ada.sort();
    assert_eq!(by_dan, by_ada, "all but the list that it could not decrypt");
}

#[test]
fn a_request_is_for_the_admin_whom_the_machine_trusts() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    let dan = Machine::newcomer(&ada.vault, Role::Reader);
    let request = Publication::of(&dan.vault).get(&SyncDocumentKey::Request).expect("a request");
    assert_eq!(outcome(&bob, &request.bytes), TakenOutcome::ForOthers);
    assert_eq!(count_recipients(&request.bytes), 2);
    // Without an admin whom it trusts it is not published.
    fs::remove_file(dan.home.identity_path().with_file_name("admin")).expect("removed");
    assert!(Publication::of(&dan.vault).list(&[]).expect("a list").is_empty());
    let missing = Publication::of(&dan.vault).get(&SyncDocumentKey::Request).err();
    assert!(matches!(missing, Some(VaultError::Missing)), "{missing:?}");
    // A member asks all members for another role.
    bob.vault.request_membership(Role::Admin, Some("bob")).expect("a request");
    let request = Publication::of(&bob.vault).get(&SyncDocumentKey::Request).expect("a request");
    assert!(is_member_change(&outcome(&ada, &request.bytes)));
}

#[test]
fn requests_are_limited_and_those_of_removed_members_do_not_come_back() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::newcomer(&ada.vault, Role::Writer);
    topic.publish(&bob);
    topic.read(&ada);
    ada.admit(&bob);
    rekey(Rekey::remove(&ada.vault, &bob.fingerprint()));
    assert_eq!(topic.read(&ada), [TakenOutcome::Known]);
    assert!(ada.vault.members().applicants().expect("requests").is_empty());
    let request = |seed: u8, vault, role| {
        let (recipient, key) = (Keyring::generate().current(), SigningKey::of_seed(&[seed; 32]));
        ada.encrypt(Applicant::sign(vault, recipient, "", role, 0, &key).bytes())
    };
    assert!(refusal(&ada, &request(1, other_vault(), Role::Reader)).contains("another vault"));
    let id = ada.vault.id();
    for seed in 0..=255 {
        assert!(is_member_change(&outcome(&ada, &request(seed, id, Role::Reader))), "{seed}");
    }
    let (recipient, key) = (Keyring::generate().current(), SigningKey::generate().expect("a key"));
    let more = ada.encrypt(Applicant::sign(id, recipient, "", Role::Reader, 0, &key).bytes());
    assert_eq!(refusal(&ada, &more), "the vault has too many requests to join");
    // One of each machine, which may change its mind.
    assert!(is_member_change(&outcome(&ada, &request(7, id, Role::Writer))));
    let requests = fs::read_dir(ada.home.vault_path().join("requests")).expect("requests");
    assert_eq!(requests.count(), 256);
}

#[test]
fn a_list_follows_from_the_accepted_one_in_any_order() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Admin, &mut topic);
    let before = bob.list();
    for _ in 0..2 {
        let paper = Keyring::generate().current().to_string();
        rekey(Rekey::add(&ada.vault, &paper, Some("paper")));
    }
    assert_eq!(ada.list().version(), before.version() + 2);
    let (one, two) = (list(&ada, before.version() + 1), list(&ada, before.version() + 2));
    assert_eq!(outcome(&bob, &two), TakenOutcome::Later, "one is missing before it");
    assert_eq!(bob.list().hash(), before.hash());
    for bytes in [&one, &two] {
        assert!(is_member_change(&outcome(&bob, bytes)));
        assert_eq!(outcome(&bob, bytes), TakenOutcome::Known);
    }
    assert_eq!(bob.list().hash(), ada.list().hash());
    assert_eq!(outcome(&bob, &one), TakenOutcome::Known, "it is never taken back");
    let path = bob.home.vault_path().join(".members").join(ada.list().version().to_string());
    assert_eq!(fs::read(path).expect("a file"), ada.list().bytes());
    assert!(topic.publish(&bob).iter().all(|key| !matches!(key, SyncDocumentKey::Request)));
}

#[test]
fn a_list_by_another_hand_and_a_fork_are_refused() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Admin, &mut topic);
    let cleo = Machine::member(&ada, Role::Writer, &mut topic);
    topic.read(&bob);
    let accepted = ada.list();
    // Cleo is an admin in the list that she has made, and not in the one before.
    let admins = accepted.members().iter().map(|one| one.clone().with_role(Role::Admin)).collect();
    let own = MemberList::first(ada.vault.id(), admins, &cleo.key()).expect("a list");
    let mut by_cleo = own;
    while by_cleo.version() <= accepted.version() {
        by_cleo = by_cleo.next(by_cleo.members().to_vec(), &cleo.key()).expect("a list");
    }
    let other = MemberList::first(other_vault(), accepted.members().to_vec(), &ada.key());
    let other = other.expect("a list");
    for (taken, expected) in [
        (outcome(&bob, &ada.encrypt(by_cleo.bytes())), None),
        (outcome(&bob, &ada.encrypt(other.bytes())), Some("it is the list of another vault")),
    ] {
        match (taken, expected) {
            (TakenOutcome::Refused { reason }, Some(expected)) => assert_eq!(reason, expected),
            // It claims a list before it that is not here.
            (TakenOutcome::Later, None) => {}
            (other, _) => panic!("{other:?}"),
        }
    }
    // The signature is not that of the admin.
    let mut forged = next(&ada, &ada.key()).bytes().to_vec();
    let last = forged.len() - 2;
    forged[last] = if forged[last] == b'0' { b'1' } else { b'0' };
    assert_eq!(refusal(&bob, &ada.encrypt(&forged)), "its signature does not match");
    // Both admins add a member at the same time.
    for machine in [&ada, &bob] {
        rekey(Rekey::add(&machine.vault, &Keyring::generate().current().to_string(), None));
    }
    let versions = accepted.version() + 1;
    let (by_ada, by_bob) = (list(&ada, versions), list(&bob, versions));
    let fork = "it and another list follow the same one";
    assert_eq!(refusal(&ada, &by_bob), fork);
    assert_eq!(refusal(&bob, &by_ada), fork);
    assert_eq!(bob.list().version(), ada.list().version());
    // A machine that has seen neither takes the first that comes, and refuses the other.
    assert!(is_member_change(&outcome(&cleo, &by_ada)));
    assert_eq!(refusal(&cleo, &by_bob), fork);
}

#[test]
fn the_first_list_is_of_the_admin_whom_the_machine_trusts() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Admin, &mut topic);
    let dan = Machine::newcomer(&bob.vault, Role::Reader);
    topic.publish(&dan);
    topic.read(&bob);
    let own = dan.vault.recipient().expect("a key").expect("a key");
    // Ada, whom Dan does not trust, admits him, and a stranger makes a list of her own.
    topic.read(&ada);
    rekey(Rekey::add(&ada.vault, &own, None));
    let by_ada = list(&ada, ada.list().version());
    assert_eq!(outcome(&dan, &by_ada), TakenOutcome::Later);
    let stranger = SigningKey::of_seed(&[9; 32]);
    let me =
        Member::new(Keyring::generate().current(), *stranger.verification_key(), "", Role::Admin);
    let theirs = MemberList::first(ada.vault.id(), vec![me], &stranger).expect("a list");
    assert_eq!(outcome(&dan, &ada.encrypt(theirs.bytes())), TakenOutcome::Later);
    assert!(dan.vault.members().read().expect("lists").accepted.is_none());
    let record = ada.record("FIRST", RecordKind::Value);
    assert_eq!(outcome(&dan, &record), TakenOutcome::Later, "no list vouches for it");
    // Nor does it count that a list claims to be Bob's.
    let [by, of] = [&ada, &bob].map(Machine::fingerprint);
    let text = String::from_utf8(ada.list().bytes().to_vec()).expect("text");
    let signer = format!("\"signer\":\"{by}\"");
    let claimed = text.replace(&signer, &format!("\"signer\":\"{of}\""));
    assert_eq!(refusal(&dan, &ada.encrypt(claimed.as_bytes())), "its signature does not match");
    // Then Bob changes the members.
    topic.publish(&ada);
    topic.read(&bob);
    rekey(Rekey::add(&bob.vault, &Keyring::generate().current().to_string(), None));
    topic.publish(&bob);
    topic.read(&dan);
    assert_eq!(dan.list().hash(), bob.list().hash());
    // What was of use later, or was encrypted again.
    topic.read(&dan);
    assert_eq!(value(&dan, "FIRST").expect("a value"), b"first");
    // The list before it is no way back.
    assert_eq!(outcome(&dan, &by_ada), TakenOutcome::Known);
    assert_eq!(dan.list().hash(), bob.list().hash());
}

#[test]
fn an_announcement_is_of_an_admin() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    let publication = Publication::of(&ada.vault);
    let announced = publication.announce("secrets-2", 2).expect("announced");
    let expected = TakenOutcome::Announced { topic: "secrets-2".to_owned(), generation: 2 };
    for machine in [&ada, &bob] {
        assert_eq!(outcome(machine, &announced.bytes), expected);
    }
    let refused = Publication::of(&bob.vault).announce("secrets", 1).err();
    let is_not_admin =
        matches!(refused, Some(VaultError::Members(MemberStoreError::NotAdmin { .. })));
    assert!(is_not_admin, "{refused:?}");
    assert!(matches!(publication.announce("-B", 1), Err(VaultError::Topic { .. })));
    // Another one, of a machine that isn't an admin here.
    let stranger = Machine::first();
    let theirs = Publication::of(&stranger.vault).announce("secrets", 1).expect("announced");
    assert_eq!(refusal(&bob, &theirs.bytes), "it is of another vault");
    let text = String::from_utf8(announced.bytes.to_vec()).expect("text");
    assert_eq!(refusal(&bob, text.replace("secrets-2", "secrets-3").as_bytes()), "it is damaged");
    // A newcomer trusts one admin.
    let dan = Machine::newcomer(&ada.vault, Role::Reader);
    assert_eq!(outcome(&dan, &announced.bytes), expected);
    fs::remove_file(dan.home.identity_path().with_file_name("admin")).expect("removed");
    assert_eq!(outcome(&dan, &announced.bytes), TakenOutcome::Later);
}

#[test]
fn a_removed_member_learns_it_and_changes_nothing_more() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    let cleo = Machine::member(&ada, Role::Writer, &mut topic);
    topic.read(&bob);
    rekey(Rekey::remove(&ada.vault, &bob.fingerprint()));
    crate::tests::set(&ada.vault, "AFTER", b"it");
    topic.publish(&ada);
    for machine in [&bob, &cleo] {
        topic.read(machine);
        assert_eq!(machine.list().hash(), ada.list().hash());
    }
    assert_eq!(value(&bob, "AFTER"), None);
    let refused = crate::SecretWriter::of(&bob.vault).err();
    assert!(matches!(refused, Some(VaultError::Members(_))), "{refused:?}");
    assert!(Publication::of(&bob.vault).list(&[]).expect("a list").is_empty());
    // A list after that is not for it.
    rekey(Rekey::remove(&ada.vault, &cleo.fingerprint()));
    topic.publish(&ada);
    topic.read(&bob);
    assert_ne!(bob.list().hash(), ada.list().hash());
}

#[test]
fn a_removed_member_may_ask_again_and_earlier_requests_do_not_count() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    topic.read(&bob);
    let announced = Publication::of(&ada.vault).announce("secrets", 1).expect("announced");
    let joins = || {
        let bytes = announced.bytes.to_vec();
        let join = TopicJoin::verify(bytes, &ada.fingerprint(), Some(Role::Writer), None);
        let join = join.and_then(|join| join.with_personal(&bob.vault));
        join.and_then(PersonalJoin::commit).expect("a join")
    };
    let asked = || ada.vault.members().applicants().expect("requests").len();
    for round in 0..3 {
        assert!(joins().is_member);
        rekey(Rekey::remove(&ada.vault, &bob.fingerprint()));
        topic.publish(&ada);
        // All earlier requests are on the topic, and each machine reads it from the beginning.
        topic.read(&ada);
        topic.read(&bob);
        assert_eq!(asked(), 0, "{round}");
        assert!(!joins().is_member);
        topic.publish(&bob);
        topic.read(&ada);
        assert_eq!(asked(), 1, "{round}");
        ada.admit(&bob);
        crate::tests::set(&ada.vault, "A", format!("{round}").as_bytes());
        topic.publish(&ada);
        topic.read(&bob);
        assert_eq!(value(&bob, "A"), Some(format!("{round}").into_bytes()));
    }
}

#[test]
fn a_removed_member_is_admitted_again_although_lists_in_between_are_not_for_it() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let cleo = Machine::member(&ada, Role::Admin, &mut topic);
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    topic.read(&cleo);
    let announced = |admin: &Machine| {
        let announced = Publication::of(&admin.vault).announce("secrets", 1).expect("announced");
        (announced.bytes.to_vec(), admin.fingerprint())
    };
    let joins = |(bytes, admin): (Vec<u8>, String)| {
        let join = TopicJoin::verify(bytes, &admin, Some(Role::Writer), None);
        let join = join.and_then(|join| join.with_personal(&bob.vault));
        join.and_then(PersonalJoin::commit).expect("a join")
    };
    let before = announced(&ada);
    rekey(Rekey::remove(&ada.vault, &bob.fingerprint()));
    topic.publish(&ada);
    topic.read(&bob);
    // It cannot decrypt this list.
    let dan = Machine::member(&ada, Role::Reader, &mut topic);
    joins(before);
    topic.publish(&bob);
    topic.read(&ada);
    ada.admit(&bob);
    topic.publish(&ada);
    let version = |machine: &Machine| machine.list().version();
    let has_all = || {
        topic.read(&bob);
        version(&bob) == version(&ada)
    };
    assert!(!has_all(), "the admin was trusted before the removal");
    joins(announced(&cleo));
    assert!(!has_all(), "another admin has signed the list");
    joins(announced(&ada));
    assert!(has_all());
    assert_eq!(value(&bob, "FIRST").expect("a value"), b"first");
    set(&bob.vault, "AGAIN", b"it");
    topic.publish(&bob);
    for machine in [&ada, &dan] {
        topic.read(machine);
        assert_eq!(value(machine, "AGAIN").expect("a value"), b"it");
    }
    // What follows is accepted as by any other member.
    rekey(Rekey::remove(&ada.vault, &dan.fingerprint()));
    topic.publish(&ada);
    topic.read(&bob);
    assert_eq!(bob.list().hash(), ada.list().hash());
}

#[test]
fn a_join_without_a_role_keeps_the_one_that_the_machine_has() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let announced = Publication::of(&ada.vault).announce("secrets", 1).expect("announced");
    let joins = |machine: &Machine, role| {
        let bytes = announced.bytes.to_vec();
        let join = TopicJoin::verify(bytes, &ada.fingerprint(), role, None);
        let join = join.and_then(|join| join.with_personal(&machine.vault));
        join.and_then(PersonalJoin::commit).expect("a join").is_member
    };
    let asked = |machine: &Machine| -> Vec<_> {
        let asked = machine.vault.members().applicants().expect("requests");
        asked.iter().map(Member::role).collect()
    };
    let bob = Machine::member(&ada, Role::Reader, &mut topic);
    assert!(joins(&bob, None));
    assert_eq!(asked(&bob), []);
    // It has asked for another one in the meantime.
    assert!(!joins(&bob, Some(Role::Writer)));
    assert!(!joins(&bob, None));
    assert_eq!(asked(&bob), [Role::Writer]);
    let cleo = Machine::newcomer(&ada.vault, Role::Reader);
    assert!(!joins(&cleo, None));
    assert_eq!(asked(&cleo), [Role::Reader]);
}

#[test]
fn a_request_that_an_admin_has_decided_about_does_not_come_back() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::newcomer(&ada.vault, Role::Admin);
    let asked = |machine: &Machine| machine.vault.members().applicants().expect("requests");
    topic.publish(&bob);
    topic.read(&ada);
    rekey(Rekey::admit(&ada.vault, &shown(&ada.vault, &[bob.fingerprint()], Some(Role::Reader))));
    topic.publish(&ada);
    for machine in [&ada, &bob, &ada] {
        topic.read(machine);
        assert_eq!(asked(machine), []);
    }
    // It may ask again, and is who it was.
    bob.vault.request_membership(Role::Writer, None).expect("a request");
    topic.publish(&bob);
    topic.read(&ada);
    let [again] = &asked(&ada)[..] else { panic!("{:?}", asked(&ada)) };
    assert_eq!((again.note(), again.role()), ("newcomer".to_owned(), Role::Writer));
    // The same request stays as it is.
    let file = bob.home.vault_path().join("requests").join(bob.fingerprint());
    let before = fs::metadata(&file).expect("a request").modified().expect("a date");
    bob.vault.request_membership(Role::Writer, None).expect("a request");
    assert_eq!(fs::metadata(&file).expect("a request").modified().expect("a date"), before);
}

#[test]
fn an_acknowledgement_is_of_a_member() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Reader, &mut topic);
    let of = |machine: &Machine| Publication::of(&machine.vault).acknowledge("secrets", 8123);
    let by_bob = of(&bob).expect("an acknowledgement");
    match outcome(&ada, &by_bob.bytes) {
        TakenOutcome::Acknowledged { member, topic, records, at } => {
            assert_eq!((member, topic.as_str(), records), (bob.fingerprint(), "secrets", 8123));
            assert!(at > 0);
        }
        other => panic!("{other:?}"),
    }
    let by_ada = of(&ada).expect("an acknowledgement");
    assert_eq!(outcome(&bob, &by_ada.bytes), TakenOutcome::ForOthers, "it is for admins");
    assert!(matches!(outcome(&bob, &by_bob.bytes), TakenOutcome::Acknowledged { .. }));
    assert!(matches!(
        of(&Machine::newcomer(&ada.vault, Role::Reader)),
        Err(VaultError::Members(_))
    ));
    rekey(Rekey::remove(&ada.vault, &bob.fingerprint()));
    assert!(refusal(&ada, &by_bob.bytes).contains("is not a member"));
    // It is for a later list than this machine has.
    topic.publish(&ada);
    let later = of(&ada).expect("an acknowledgement");
    let cleo = Machine::newcomer(&ada.vault, Role::Reader);
    topic.publish(&cleo);
    topic.read(&ada);
    assert_eq!(outcome(&cleo, &later.bytes), TakenOutcome::ForOthers);
}

#[test]
fn a_locked_vault_takes_nothing_and_knows_what_it_publishes() {
    let (ada, mut topic) = (Machine::first(), Topic::default());
    let bob = Machine::member(&ada, Role::Writer, &mut topic);
    let record = ada.record("FIRST", RecordKind::Value);
    let before = Publication::of(&bob.vault).list(&[]).expect("a list");
    let text = fs::read(bob.home.identity_path()).expect("an identity");
    write(&bob.home.identity_path(), &encrypt_cheaply("correct horse", &text));
    let announced = Publication::of(&ada.vault).announce("secrets", 1).expect("announced");
    assert!(matches!(outcome(&bob, &announced.bytes), TakenOutcome::Announced { .. }));
    let locked = DocumentTake::prepare(&bob.vault, &record).err();
    assert!(matches!(locked, Some(VaultError::Locked { .. })), "{locked:?}");
    assert_eq!(Publication::of(&bob.vault).list(&[]).expect("a list"), before);
    let key =
        SyncDocumentKey::Record { name: "FIRST".parse().expect("a name"), kind: RecordKind::Value };
    assert_eq!(Publication::of(&bob.vault).get(&key).expect("a record").bytes[..], record);
    // What it has not seen, it does not publish.
    fs::copy(ada.home.file("FIRST"), bob.home.file("OTHER")).expect("copied");
    assert_eq!(Publication::of(&bob.vault).list(&[]).expect("a list"), before);
    Publication::of(&bob.vault).acknowledge("secrets", 0).expect("this needs no identity");
}

#[test]
fn documents_have_one_form_and_their_own_tags() {
    let [ada, ..] = machines();
    let list = crate::members::test_machines::first_list();
    let announcement = crate::sync::announcement::Announcement::sign(
        list.vault(),
        (crate::sync::topic_name::TopicName::parse("secrets").expect("a name"), 1),
        list.version(),
        ada.recipient.clone(),
        &ada.key,
    );
    let text = String::from_utf8(announcement.bytes().to_vec()).expect("text");
    let parse = |text: &str| crate::Announcement::parse(text.as_bytes().to_vec());
    let parsed = parse(&text).expect("parsed");
    assert_eq!((parsed.topic(), parsed.generation(), parsed.members()), ("secrets", 1, 1));
    assert_eq!(parsed.fingerprint(), ada.key.fingerprint());
    let head = text.lines().next().expect("a head");
    let expected = format!(
        "{{\"format\":1,\"vault\":\"{}\",\"topic\":\"secrets\",\"generation\":1,\"members\":1,\
         \"recipient\":\"{}\",\"key\":\"{}\"}}",
        list.vault(),
        ada.recipient,
        ada.key.verification_key()
    );
    assert_eq!(head, expected);
    for bad in [
        text.replacen(',', ", ", 1),
        text.replace("\"generation\":1", "\"generation\":0"),
        text.replace("\"format\":1", "\"format\":2"),
        text.replace("secrets", "-secrets"),
        format!("{text}x"),
        text.trim_end().to_owned(),
    ] {
        assert!(parse(&bad).is_err(), "{bad}");
    }
}
