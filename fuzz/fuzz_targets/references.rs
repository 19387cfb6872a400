//! What arbitrary configurations reference. `cargo xtask fuzz` bounds the time and the memory.
#![no_main]

use fluvio_secret_daemon::fuzzing::references;
use fluvio_secret_protocol::limits;

libfuzzer_sys::fuzz_target!(|config: &[u8]| {
    if let Ok(names) = references(config) {
        assert!(names.len() <= limits::GRANT_NAMES);
        assert!(names.is_sorted_by(|one, next| one < next), "in order, each once");
    }
});
