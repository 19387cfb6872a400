use fluvio_secret_protocol::{RecordKind, Secret, SecretName, limits};

use super::{RecordError, SecretUpdate, SignedRecord, VerifiedRecord};
use crate::id::VaultId;
use crate::members::content_hash::ContentHash;
use crate::members::list::MemberList;
use crate::members::signed_text::{BadDocument, SignedKind, document};
use crate::members::signing_key::SigningKey;
use crate::members::test_machines::{TestMachine, first_list, machines, other_vault, time, vault};
use fluvio_secret_protocol::Role;

fn update(value: &[u8]) -> SecretUpdate {
    SecretUpdate {
        name: name("AUTH_HEADER"),
        kind: RecordKind::Value,
        counter: 3,
        set_at: time("2026-11-23T22:50:00.25Z"),
        value: Secret::from(value.to_vec()),
    }
}

fn name(text: &str) -> SecretName {
    text.parse().expect("a name")
}

fn read(bytes: &[u8], members: &MemberList) -> Result<VerifiedRecord, RecordError> {
    SignedRecord::parse(bytes)?.verify_of(&name("AUTH_HEADER"), members)
}

fn refused(bytes: &[u8], members: &MemberList) -> RecordError {
    let error = read(bytes, members).expect_err("refused");
    assert!(!format!("{error} {error:?}").contains("cnry"), "{error:?}");
    error
}

const DAMAGED: RecordError = RecordError::Document(BadDocument::Unreadable);

/// Bytes that no function of ours makes: the head is changed, and then signed by this key.
fn forged(record: &VerifiedRecord, from: &str, to: &str, key: &SigningKey) -> Vec<u8> {
    let bytes = record.encode();
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let mut parts = text.splitn(3, '\n');
    let (head, value) = (parts.next().expect("a head"), parts.nth(1).expect("a value"));
    assert!(head.contains(from), "{head}");
    let (head, value) = (head.replacen(from, to, 1).into_bytes(), value.as_bytes());
    document(&head, &SignedKind::Record.sign(key, (&head, value)), value).to_vec()
}

/// The first list, and who is in it.
struct Team {
    ada: TestMachine,
    bob: TestMachine,
    cleo: TestMachine,
    dan: TestMachine,
    list: MemberList,
    /// By Bob, who writes.
    record: VerifiedRecord,
}

impl Team {
    fn new() -> Self {
        let [ada, bob, cleo, dan] = machines();
        let list = first_list();
        let record = update(b"cnry").sign(&bob.key, &list).expect("a record");
        Self { ada, bob, cleo, dan, list, record }
    }

    /// The list after Bob was removed.
    fn without_bob(&self) -> MemberList {
        let members = vec![self.ada.member(Role::Admin), self.cleo.member(Role::Reader)];
        self.list.next(members, &self.ada.key).expect("a list")
    }
}

#[test]
fn a_record_holds_any_bytes() {
    let team = Team::new();
    for value in [&b""[..], b"\n", b"{}\n\xff\0", &vec![b'x'; limits::VALUE_BYTES]] {
        let record = update(value).sign(&team.bob.key, &team.list).expect("a record");
        let bytes = record.encode();
        let head = format!(
            "{{\"format\":2,\"vault\":\"{}\",\"kind\":\"value\",\"name\":\"AUTH_HEADER\",\"revision\":3,\
             \"writer\":\"{}\",\"members\":1,\"set_at\":\"2026-11-23T22:50:00Z\"}}\n",
            vault(),
            team.bob.key.fingerprint()
        );
        assert!(bytes.starts_with(head.as_bytes()));
        assert_eq!(&bytes[head.len() + 129..], value, "tail -n +3");
        let read = read(&bytes, &team.list).expect("a record");
        assert_eq!(read.value().expose(), value);
        assert_eq!(read.encode(), bytes);
        let revision = read.revision(ContentHash::of(b"a file"));
        assert_eq!((revision.counter, revision.author), (3, team.bob.key.fingerprint()));
        assert_eq!((revision.set_at, revision.members), (time("2026-11-23T22:50:00Z"), 1));
        assert_eq!((read.writer(), read.kind()), (team.bob.key.fingerprint(), RecordKind::Value));
    }
    let large = update(&vec![0; limits::VALUE_BYTES + 1]).sign(&team.bob.key, &team.list);
    assert_eq!(large.expect_err("too large"), RecordError::Limits);
    let bytes = [&team.record.encode()[..], &vec![0; limits::VALUE_BYTES]].concat();
    assert_eq!(refused(&bytes, &team.list), DAMAGED);
}

#[test]
fn each_byte_of_a_record_counts() {
    let team = Team::new();
    let bytes = team.record.encode().to_vec();
    for at in 0..bytes.len() {
        for flip in [1, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            assert!(read(&changed, &team.list).is_err(), "byte {at} with {flip:#x}");
        }
    }
    for end in 0..bytes.len() {
        assert!(read(&bytes[..end], &team.list).is_err(), "{end}");
    }
    assert_eq!(refused(&[&bytes[..], b"x"].concat(), &team.list), RecordError::Signature);
}

#[test]
fn a_forged_record_is_refused() {
    let team = Team::new();
    let bob = team.bob.key.fingerprint().to_string();
    // By a stranger, by a member who only reads, and by another member in the name of Bob.
    for machine in [&team.dan, &team.cleo] {
        let by = machine.key.fingerprint();
        let bytes = forged(&team.record, &bob, &by.to_string(), &machine.key);
        assert_eq!(refused(&bytes, &team.list), RecordError::NotWriter(by));
        let made = update(b"cnry").sign(&machine.key, &team.list);
        assert_eq!(made.expect_err("not made"), RecordError::NotWriter(by));
    }
    let bytes = forged(&team.record, &bob, &bob, &team.ada.key);
    assert_eq!(refused(&bytes, &team.list), RecordError::Signature);
}

#[test]
fn a_signature_of_another_kind_does_not_fit() {
    let team = Team::new();
    let bytes = team.record.encode();
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let head = text.lines().next().expect("a head").as_bytes();
    for kind in [SignedKind::Applicant, SignedKind::MemberList] {
        let signature = kind.sign(&team.bob.key, (head, b"cnry"));
        let bytes = document(head, &signature, b"cnry");
        assert_eq!(refused(&bytes, &team.list), RecordError::Signature, "{kind:?}");
    }
}

#[test]
fn a_record_of_another_vault_or_name_is_refused() {
    let team = Team::new();
    let members = team.list.members().to_vec();
    let other = MemberList::first(other_vault(), members, &team.ada.key).expect("a list");
    let record = update(b"cnry").sign(&team.bob.key, &other).expect("a record");
    assert_eq!(refused(&record.encode(), &team.list), RecordError::OtherVault);
    let (theirs, ours): (VaultId, VaultId) = (other_vault(), vault());
    let moved = forged(&record, &theirs.to_string(), &ours.to_string(), &team.dan.key);
    assert_eq!(refused(&moved, &team.list), RecordError::Signature);
    let renamed = SecretUpdate { name: name("OTHER"), ..update(b"cnry") };
    let renamed = renamed.sign(&team.bob.key, &team.list).expect("a record");
    assert_eq!(refused(&renamed.encode(), &team.list), RecordError::OtherName(name("OTHER")));
    let parsed = SignedRecord::parse(&renamed.encode()).expect("a record");
    assert_eq!(parsed.verify(&team.list).expect("any name").name(), &name("OTHER"));
}

#[test]
fn a_removed_member_writes_nothing_not_even_with_an_old_date() {
    let team = Team::new();
    let bob = team.bob.key.fingerprint();
    let now = team.without_bob();
    // From before the removal, and made after it for the list of before.
    let dated_back = SecretUpdate { set_at: time("2020-01-01T00:00:00Z"), ..update(b"cnry") };
    let dated_back = dated_back.sign(&team.bob.key, &team.list).expect("a record");
    for record in [&team.record, &dated_back] {
        assert_eq!(refused(&record.encode(), &now), RecordError::NotWriter(bob));
    }
    // And after it for the list of now.
    let bytes = forged(&team.record, "\"members\":1", "\"members\":2", &team.bob.key);
    assert_eq!(refused(&bytes, &now), RecordError::NotWriter(bob));
    // A list that this machine does not have may have removed the writer.
    assert_eq!(refused(&bytes, &team.list), RecordError::NewerMembers(2));
}

#[test]
fn an_admin_signs_the_record_of_a_removed_member_again() {
    let team = Team::new();
    let (ada, bob) = (team.ada.key.fingerprint(), team.bob.key.fingerprint());
    let now = team.without_bob();
    let again = team.record.sign_again(&team.ada.key, &now).expect("a record");
    let by = format!("\"set_at\":\"2026-11-23T22:50:00Z\",\"originally_by\":\"{bob}\"}}\n");
    assert!(String::from_utf8_lossy(&again.encode()).contains(&by));
    let again = read(&again.encode(), &now).expect("a record");
    assert_eq!((again.writer(), again.author()), (ada, bob));
    assert_eq!(again.value().expose(), b"cnry");
    // It is the same change, and wins over the file from before.
    let [before, after] = [&team.record, &again].map(|one| one.revision(ContentHash::of(b"")));
    assert!(before.is_same_change(&after) && before < after);
    // The author of a record needs no word about that.
    let own = team.record.sign_again(&team.bob.key, &team.list).expect("a record");
    assert_eq!(own.encode(), team.record.encode());
    // Bob comes back and signs it himself.
    let members = [now.members().to_vec(), vec![team.bob.member(Role::Writer)]].concat();
    let later = now.next(members, &team.ada.key).expect("a list");
    let own = again.sign_again(&team.bob.key, &later).expect("a record");
    assert_eq!((own.writer(), own.author()), (bob, bob));
    // A writer cannot speak for another member.
    let ada_record = update(b"cnry").sign(&team.ada.key, &team.list).expect("a record");
    let made = ada_record.sign_again(&team.bob.key, &team.list);
    assert_eq!(made.expect_err("not made"), RecordError::NotAdmin(bob));
    let (from, to) = ("Z\"}", format!("Z\",\"originally_by\":\"{ada}\"}}"));
    let bytes = forged(&team.record, from, &to, &team.bob.key);
    assert_eq!(refused(&bytes, &team.list), RecordError::NotAdmin(bob));
}

#[test]
fn a_deleted_secret_has_no_value() {
    let team = Team::new();
    for kind in [RecordKind::Deleted, RecordKind::Purged] {
        let deleted = SecretUpdate { kind, ..update(b"") };
        let deleted = deleted.sign(&team.bob.key, &team.list).expect("a record");
        let read = read(&deleted.encode(), &team.list).expect("a record");
        assert_eq!((read.kind(), read.value().len()), (kind, 0));
        let with_value = SecretUpdate { kind, ..update(b"cnry") };
        let made = with_value.sign(&team.bob.key, &team.list);
        assert_eq!(made.expect_err("not made"), RecordError::Limits);
        let to = format!("\"{}\"", if kind == RecordKind::Deleted { "deleted" } else { "purged" });
        let bytes = forged(&team.record, "\"value\"", &to, &team.bob.key);
        assert_eq!(refused(&bytes, &team.list), DAMAGED);
    }
}

#[test]
fn a_head_has_one_form_only() {
    let team = Team::new();
    let bob = team.bob.key.fingerprint();
    let itself = format!("Z\",\"originally_by\":\"{bob}\"}}");
    for (from, to) in [
        ("{\"format\":2,", "{ \"format\":2,"),
        ("{\"format\":2,", "{\"format\":2,\"cnry\":0,"),
        ("\"revision\":3", "\"revision\":3,\"revision\":3"),
        ("\"revision\":3", "\"revision\":0"),
        ("\"revision\":3", "\"revision\":9007199254740992"),
        ("\"revision\":3", "\"revision\":\"3\""),
        ("\"members\":1", "\"members\":0"),
        ("\"kind\":\"value\",", ""),
        ("\"kind\":\"value\"", "\"kind\":\"cnry\""),
        ("\"name\":\"AUTH_HEADER\"", "\"name\":\"cnry cnry\""),
        ("22:50:00Z", "22:50:00.5Z"),
        ("22:50:00Z", "22:50:00+00:00"),
        ("Z\"}", "Z\",\"originally_by\":null}"),
        ("Z\"}", &itself),
    ] {
        let bytes = forged(&team.record, from, to, &team.bob.key);
        assert_eq!(refused(&bytes, &team.list), DAMAGED, "{from} → {to}");
    }
    let numbers = SecretUpdate { counter: 1 << 53, ..update(b"cnry") };
    let made = numbers.sign(&team.bob.key, &team.list);
    assert_eq!(made.expect_err("not made"), RecordError::Limits);
}

#[test]
fn other_bytes_are_refused_without_being_repeated() {
    let team = Team::new();
    for bytes in [&b""[..], b"cnry\ncnry", b"{\"format\":2}\ncnry"] {
        assert_eq!(refused(bytes, &team.list), DAMAGED);
    }
    let unsigned = b"{\"format\":1,\"name\":\"AUTH_HEADER\"}\ncnry";
    assert_eq!(refused(unsigned, &team.list), BadDocument::Older(1).into());
    let newer = b"{\"format\":3,\"more\":0}\ncnry";
    assert_eq!(refused(newer, &team.list), BadDocument::Newer(3).into());
    let printed = format!("{:?} {:?}", team.record, SignedRecord::parse(&team.record.encode()));
    assert!(!printed.contains("cnry"), "{printed}");
}
