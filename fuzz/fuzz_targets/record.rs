//! Arbitrary bytes that decode as a record encode to the same bytes again.
#![no_main]

use fluvio_secret_daemon::fuzzing::record;

libfuzzer_sys::fuzz_target!(|opened: &[u8]| {
    if let Some(sealed) = record(opened) {
        assert!(record(&sealed).as_ref() == Some(&sealed), "sealed otherwise");
    }
});
