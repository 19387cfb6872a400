//! What is an identity among arbitrary texts, is written the same way ever after.
#![no_main]

use fluvio_secret_daemon::fuzzing::identity;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some(written) = identity(text) {
        assert!(identity(&written).as_ref() == Some(&written), "written otherwise");
    }
});
