//! What of arbitrary bytes is a request, can be sent and received again.
#![no_main]

use fluvio_secret_protocol::Request;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fluvio_secret_fuzz::check_frame::<Request>(bytes));
