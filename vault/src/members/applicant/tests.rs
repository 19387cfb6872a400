use super::Applicant;
use fluvio_secret_protocol::Role;

use crate::members::error::ApplicantError;
use crate::members::signed_text::BadDocument;
use crate::members::test_machines::{machines, other_vault, vault};

fn applicant() -> Applicant {
    let [.., dan] = machines();
    Applicant::sign(vault(), dan.recipient, " dan@\u{1b}edge ", Role::Reader, 0, &dan.key)
}

fn text() -> String {
    String::from_utf8(applicant().bytes().to_vec()).expect("text")
}

#[test]
fn a_request_to_join_is_read_as_it_is_written() {
    let written = applicant();
    let name = written.fingerprint().to_string();
    let read = Applicant::of(&name, written.bytes().to_vec(), vault()).expect("a request");
    assert_eq!(read.member(), written.member());
    assert_eq!((read.vault(), read.fingerprint()), (vault(), written.fingerprint()));
    assert_eq!(
        (read.member().note(), read.member().role()),
        ("dan@\u{fffd}edge".into(), Role::Reader)
    );
    let of = |name: &str, vault| {
        Applicant::of(name, written.bytes().to_vec(), vault).expect_err("refused")
    };
    assert_eq!(of(&name, other_vault()), ApplicantError::OtherVault);
    assert_eq!(of(&name[1..], vault()), ApplicantError::OtherName);
}

#[test]
fn a_machine_that_was_removed_says_after_which_list_it_asks() {
    let [.., dan] = machines();
    let again = |members| {
        let (recipient, role) = (dan.recipient.clone(), Role::Reader);
        Applicant::sign(vault(), recipient, "", role, members, &dan.key)
    };
    let text = |one: &Applicant| String::from_utf8(one.bytes().to_vec()).expect("text");
    assert!(text(&again(7)).contains("\"role\":\"reader\",\"members\":7}"));
    let read = |text: String| Applicant::parse(text.into_bytes());
    assert_eq!(read(text(&again(7))).expect("a request").members(), 7);
    assert_eq!((applicant().members(), text(&again(0)).contains("members")), (0, false));
    // There is one text for each request.
    for changed in [
        text(&again(7)).replace("\"members\":7", "\"members\":8"),
        text(&again(7)).replace(",\"members\":7", ""),
        text(&again(0)).replace("\"reader\"}", "\"reader\",\"members\":0}"),
    ] {
        let damaged = ApplicantError::Document(BadDocument::Unreadable);
        assert!(read(changed).is_err_and(|why| why == ApplicantError::Signature || why == damaged));
    }
}

#[test]
fn each_byte_of_a_request_to_join_counts() {
    let written = applicant();
    for at in 0..written.bytes().len() {
        for flip in [1, 0x20, 0x80] {
            let mut bytes = written.bytes().to_vec();
            bytes[at] ^= flip;
            assert!(Applicant::parse(bytes).is_err(), "byte {at} with {flip:#x}");
        }
    }
}

#[test]
fn other_texts_are_refused_without_being_repeated() {
    let refused = |text: &str| {
        let error = Applicant::parse(text.as_bytes().to_vec()).expect_err("refused");
        assert!(!error.to_string().contains("cnry"), "{error}");
        error
    };
    let damaged = ApplicantError::Document(BadDocument::Unreadable);
    assert_eq!(refused("cnry"), damaged);
    assert_eq!(refused(&text().replacen("\"role\":", "\"cnry\":0,\"role\":", 1)), damaged);
    assert_eq!(refused(&(text() + "cnry")), damaged);
    assert_eq!(refused("{\"format\":2,\"cnry\":0}\n"), BadDocument::Newer(2).into());
    assert_eq!(refused(&(text() + &" ".repeat(4096))), ApplicantError::Large);
    // Another role than the one that was signed.
    assert_eq!(refused(&text().replacen("reader", "admin", 1)), ApplicantError::Signature);
}
