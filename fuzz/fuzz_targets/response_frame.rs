//! What of arbitrary bytes is a response, can be sent and received again.
#![no_main]

use fluvio_secret_protocol::Response;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fluvio_secret_fuzz::check_frame::<Response>(bytes));
