//! Arbitrary frames, one after the other, to a daemon with a vault of its own.
#![no_main]

use fluvio_secret_daemon::fuzzing::{FuzzedDaemon, refusal};
use fluvio_secret_fuzz::{CANARY, take_frame};
use fluvio_secret_protocol::frame::Frame;
use fluvio_secret_protocol::{Code, Refusal, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let directory = tempfile::tempdir().expect("a directory");
    let daemon = FuzzedDaemon::in_directory(directory.path());
    let mut bytes = bytes;
    while let Some(frame) = take_frame::<Request>(&mut bytes) {
        let request = match frame {
            Ok(request) => request,
            // The connection ends here.
            Err(error) => return check(&refusal(error)),
        };
        let has_passphrase = match &request {
            Request::Passphrase(_) => true,
            Request::UseIdentity(used) => used.passphrase.is_some(),
            _ => false,
        };
        if has_passphrase {
            // Takes a second, on purpose: nothing else would be tried in that time.
            continue;
        }
        let is_subscription = matches!(request, Request::FollowVault(_) | Request::Subscribe(_));
        let answers = daemon.answer(request);
        let (last, pages) = answers.split_last().expect("each request has an answer");
        // A subscription stays open.
        assert!(last.is_last() || is_subscription);
        assert!(!pages.iter().any(Frame::is_last));
        for answer in &answers {
            let bytes: Vec<u8> = answer.slices().iter().flat_map(|slice| slice.to_vec()).collect();
            if let Some(Ok(refusal)) = take_frame::<Refusal>(&mut &bytes[..]) {
                check(&refusal);
            }
        }
    }
});

/// No refusal repeats a value that was sent. It may name the keys above a bad name of a configuration.
fn check(refusal: &Refusal) {
    let has_keys = refusal.code == Code::Config && refusal.text.contains("secret.name`");
    assert!(has_keys || !refusal.text.contains(CANARY), "{refusal}");
    assert!(refusal.code != Code::Internal, "{refusal}");
}
