use super::{MEMBER_LIST_BYTES, MemberList, SignedList};
use fluvio_secret_protocol::{Role, limits};

use crate::keys::identity::Identity;
use crate::members::content_hash::ContentHash;
use crate::members::error::MembersError;
use crate::members::member::Member;
use crate::members::signed_text::BadDocument;
use crate::members::signing_key::SigningKey;
use crate::members::test_machines::{TestMachine, first_list, found, machines, other_vault, vault};

fn text(list: &SignedList) -> String {
    String::from_utf8(list.bytes().to_vec()).expect("text")
}

fn refused(text: &str) -> MembersError {
    let error = SignedList::parse(text.as_bytes().to_vec()).expect_err("refused");
    assert!(!error.to_string().contains("cnry"), "{error}");
    error
}

const DAMAGED: MembersError = MembersError::Document(BadDocument::Unreadable);

#[test]
fn a_list_is_read_as_it_is_written() {
    let list = first_list();
    let read = found(&list);
    assert_eq!(read.members(), list.members());
    assert_eq!((read.vault(), read.version(), read.hash()), (vault(), 1, list.hash()));
    assert_eq!(read.hash(), ContentHash::of(list.bytes()));
    let [ada, bob, ..] = machines();
    assert_eq!(read.signer(), ada.key.fingerprint());
    assert_eq!(read.find(&bob.key.fingerprint()).expect("Bob").role(), Role::Writer);
    let recipients: Vec<_> = read.recipients().map(ToString::to_string).collect();
    assert_eq!(recipients[..2], [ada.recipient.to_string(), bob.recipient.to_string()]);
    let next = list.next(list.members().to_vec(), &ada.key).expect("a list");
    let previous = format!("\"version\":2,\"previous\":\"{}\",\"members\"", list.hash());
    assert!(text(&next).contains(&previous), "{}", text(&next));
}

#[test]
fn each_byte_of_a_list_counts() {
    let list = first_list();
    for at in 0..list.bytes().len() {
        for flip in [1, 0x20, 0x80] {
            let mut bytes = list.bytes().to_vec();
            bytes[at] ^= flip;
            let is_accepted = SignedList::parse(bytes)
                .is_ok_and(|changed| changed.check_signer(&changed).is_ok());
            assert!(!is_accepted, "byte {at} with {flip:#x}");
        }
    }
    for end in 0..list.bytes().len() {
        assert!(SignedList::parse(list.bytes()[..end].to_vec()).is_err(), "{end}");
    }
}

#[test]
fn a_list_has_one_form_only() {
    let list = text(&first_list());
    for (from, to) in [
        ("{\"format\":1,", "{ \"format\":1,"),
        ("{\"format\":1,", "{\"format\":1,\"cnry\":1,"),
        ("{\"format\":1,", "{\"format\":1,\"format\":1,"),
        ("\"version\":1,", "\"version\":1.0,"),
        ("\"version\":1,", "\"version\":-1,"),
        ("\"previous\":null,", ""),
        ("\"previous\":null,", "\"previous\":null,\"merges\":null,"),
        ("\"note\":\"ada", "\"note\":\"\\u0061da"),
        ("\"role\":\"admin\"", "\"role\":\"cnry\""),
        ("\"role\":\"admin\"", "\"role\":\"admin\",\"cnry\":0"),
        ("age15ssuv", "AGE15SSUV"),
        ("age15ssuv", "age15ssux"),
        ("\n", "\r\n"),
        ("\n", "\n\n"),
    ] {
        let changed = list.replacen(from, to, 1);
        assert_ne!(changed, list, "{from}");
        assert_eq!(refused(&changed), DAMAGED, "{from} → {to}");
    }
    assert_eq!(refused(&format!("{list}cnry")), DAMAGED, "more");
    let older = list.replacen("{\"format\":1,", "{\"format\":0,", 1);
    assert_eq!(refused(&older), MembersError::Document(BadDocument::Older(0)));
    assert_eq!(refused("cnry"), DAMAGED);
    assert_eq!(refused(""), DAMAGED);
    let large = format!("{list}{}", " ".repeat(MEMBER_LIST_BYTES));
    assert_eq!(refused(&large), MembersError::Large);
}

#[test]
fn a_newer_format_is_named_whatever_it_looks_like() {
    for text in ["{\"format\":2}\n", "{\"format\":2,\"cnry\":[{}]}\ncnry\ncnry\n"] {
        assert_eq!(refused(text), MembersError::Document(BadDocument::Newer(2)));
    }
}

#[test]
fn a_list_has_its_limits() {
    let [ada, bob, ..] = machines();
    let first = |members| MemberList::first(vault(), members, &ada.key).map(|_| ());
    let admin = ada.member(Role::Admin);
    assert_eq!(first(vec![]), Err(MembersError::NoAdmin));
    assert_eq!(first(vec![ada.member(Role::Writer)]), Err(MembersError::NoAdmin));
    let not_admin = Err(MembersError::NotByAdmin(ada.key.fingerprint()));
    assert_eq!(first(vec![bob.member(Role::Admin), ada.member(Role::Writer)]), not_admin);
    assert_eq!(first(vec![bob.member(Role::Admin)]), not_admin);
    let same_key = TestMachine {
        recipient: bob.recipient.clone(),
        ..machines().into_iter().next().expect("Ada")
    };
    assert_eq!(first(vec![admin.clone(), same_key.member(Role::Reader)]), Err(MembersError::Twice));
    let [_, bob, ..] = machines();
    let same_recipient = TestMachine { recipient: ada.recipient.clone(), ..bob };
    assert_eq!(
        first(vec![admin.clone(), same_recipient.member(Role::Reader)]),
        Err(MembersError::Twice)
    );
    // The longest notes, whose characters take two bytes each.
    let note = "\"".repeat(1000);
    let member = |_| {
        let key = *SigningKey::generate().expect("a key").verification_key();
        Member::new(Identity::generate().recipient(), key, &note, Role::Reader)
    };
    let mut members: Vec<_> = (1..limits::MEMBERS).map(member).chain([admin]).collect();
    assert_eq!(first(members.clone()), Ok(()));
    members.insert(0, member(0));
    assert_eq!(first(members), Err(MembersError::Large));
}

#[test]
fn a_note_is_one_short_line_even_if_another_program_wrote_it() {
    let list = text(&first_list());
    let with_note = |note: &str| list.replacen("ada@laptop", note, 1);
    assert_eq!(refused(&with_note(&"x".repeat(129))), MembersError::Note);
    assert_eq!(refused(&with_note("cnry\\n")), MembersError::Note);
    assert_eq!(refused(&with_note("\u{9b}cnry")), MembersError::Note);
    // What is not safe to print is replaced, and the list stays as it was signed.
    let read = SignedList::parse(with_note("\u{202e}x").into_bytes()).expect("a list");
    assert_eq!(read.members()[0].note(), "\u{fffd}x");
    assert!(text(&read).contains('\u{202e}'));
}

#[test]
fn versions_and_predecessors_fit_together() {
    let list = first_list();
    let [ada, ..] = machines();
    let next = text(&list.next(list.members().to_vec(), &ada.key).expect("a list"));
    let hash = list.hash();
    for (from, to) in [
        ("\"version\":2", "\"version\":1".to_owned()),
        ("\"version\":2", "\"version\":0".to_owned()),
        ("\"version\":2", "\"version\":9007199254740992".to_owned()),
        (&format!("\"previous\":\"{hash}\""), "\"previous\":null".to_owned()),
        (",\"members\"", format!(",\"merges\":\"{hash}\",\"members\"")),
    ] {
        assert_eq!(refused(&next.replacen(from, &to, 1)), MembersError::Numbering, "{to}");
    }
    let merges = format!("null,\"merges\":\"{hash}\"");
    let first = text(&list).replacen("null", &merges, 1);
    assert_eq!(refused(&first), MembersError::Numbering);
}

#[test]
fn only_an_admin_makes_the_next_list() {
    let list = first_list();
    let [ada, bob, _, dan] = machines();
    let next = |key: &SigningKey| list.next(list.members().to_vec(), key).map(|_| ());
    assert_eq!(next(&ada.key), Ok(()));
    for machine in [bob, dan] {
        let by = machine.key.fingerprint();
        assert_eq!(next(&machine.key), Err(MembersError::NotByAdmin(by)));
    }
}

#[test]
fn only_what_an_admin_has_signed_after_a_list_may_follow_it() {
    let list = first_list();
    let [ada, ..] = machines();
    let next = list.next(list.members().to_vec(), &ada.key).expect("a list");
    assert!(list.is_followed_by(next.bytes()) && !next.is_followed_by(list.bytes()));
    assert!(!list.is_followed_by(list.bytes()) && !next.is_followed_by(next.bytes()));
    let text = text(&next);
    let hash = list.hash().to_string();
    let other = next.hash().to_string();
    // Bob is not an admin. A stranger has no key in the list.
    let [_, bob, _, dan] = machines().map(|one| one.key.fingerprint().to_string());
    let ada = ada.key.fingerprint().to_string();
    for (from, to) in
        [(&*hash, &*other), (&ada, &bob), (&ada, &dan), ("ada@laptop", "x"), ("\n", "")]
    {
        assert!(!list.is_followed_by(text.replacen(from, to, 1).as_bytes()), "{from}: {to}");
    }
    for bytes in [&b""[..], b"\n\n", b"{}\n\n"] {
        assert!(!list.is_followed_by(bytes));
    }
    let longer = next.next(next.members().to_vec(), &machines()[0].key).expect("a list");
    let fork = list.next(list.members()[..2].to_vec(), &machines()[0].key).expect("a list");
    let merge = longer.merge(&fork, list.members().to_vec(), &machines()[0].key).expect("a list");
    assert!([&longer, &fork].iter().all(|one| one.is_followed_by(merge.bytes())));
}

#[test]
fn a_merge_is_by_an_admin_of_both_lists() {
    let [ada, bob, cleo, dan] = machines();
    let members = vec![ada.member(Role::Admin), bob.member(Role::Admin)];
    let first = MemberList::first(vault(), members, &ada.key).expect("a list");
    let with = |third: &TestMachine, key| {
        let mut members = first.members().to_vec();
        members[0] = ada.member(Role::Admin);
        members.push(third.member(Role::Admin));
        first.next(members, key).expect("a list")
    };
    let (one, two) = (with(&cleo, &ada.key), with(&dan, &bob.key));
    let all = || vec![bob.member(Role::Admin)];
    let merge = one.merge(&found(&two), all(), &bob.key).expect("a list");
    let predecessors: Vec<_> = merge.predecessors().collect();
    assert_eq!((merge.version(), predecessors), (3, vec![one.hash(), two.hash()]));
    // Cleo and Dan are admins of one of the lists only.
    let refused = |machine: &TestMachine| MembersError::NotByAdmin(machine.key.fingerprint());
    assert_eq!(one.merge(&two, all(), &cleo.key).expect_err("refused"), refused(&cleo));
    assert_eq!(one.merge(&two, all(), &dan.key).expect_err("refused"), refused(&dan));
    // The list with the higher version is the one before.
    let longer = one.next(one.members().to_vec(), &ada.key).expect("a list");
    for merge in [
        two.merge(&longer, all(), &ada.key).expect("a list"),
        longer.merge(&two, all(), &ada.key).expect("a list"),
    ] {
        let predecessors: Vec<_> = merge.predecessors().collect();
        assert_eq!((merge.version(), predecessors), (4, vec![longer.hash(), two.hash()]));
    }
    let other = MemberList::first(other_vault(), first.members().to_vec(), &ada.key);
    let other = other.expect("a list");
    assert_eq!(one.merge(&other, all(), &ada.key).expect_err("refused"), MembersError::OtherVault);
    assert_eq!(one.merge(&one, all(), &ada.key).expect_err("refused"), MembersError::Numbering);
}
