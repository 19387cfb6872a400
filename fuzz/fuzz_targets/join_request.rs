//! Arbitrary bytes as a request to join: what is accepted has one form only, and a note that is safe to print.
#![no_main]

use fluvio_secret_vault::Applicant;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(applicant) = Applicant::parse(bytes.to_vec()) {
        assert!(applicant.bytes() == bytes);
        assert!(!applicant.member().note().contains(char::is_control));
    }
});
