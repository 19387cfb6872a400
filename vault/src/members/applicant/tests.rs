use super::Applicant;
use fluvio_secret_protocol::Role;

use crate::members::error::ApplicantError;
use crate::members::signed_text::BadDocument;
use crate::members::test_machines::{machines, other_vault, vault};

fn applicant() -> Applicant {
    let [.., dan] = machines();
    Applicant::sign(vault(), dan.recipient, " dan@\u{1b}edge ", Role::Reader, &dan.key)
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
