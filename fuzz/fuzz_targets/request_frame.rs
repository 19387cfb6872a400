//! What of arbitrary bytes is a request, can be sent and received again.
#![no_main]

use fluvio_secret_fuzz::{check_frame, take_frame};
use fluvio_secret_protocol::{Request, requests};

macro_rules! check_request {
    ($($noun:ident: $($request:ident)*;)*) => {
        /// Checks the bytes of a request as the message that has its name.
        fn check(request: &Request, bytes: &[u8]) {
            match request {
                $($(Request::$request(message) => check_as(message, bytes),)*)*
            }
        }
    };
}

requests!(check_request);

fn check_as<M: fluvio_secret_protocol::frame::Message>(_: &M, bytes: &[u8]) {
    check_frame::<M>(bytes);
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(Ok(request)) = take_frame::<Request>(&mut &bytes[..]) {
        check(&request, bytes);
    }
});
