//! Arbitrary frames, one after the other, to a daemon with a vault of its own.
#![no_main]

use fluvio_secret_daemon::fuzzing::{FuzzedDaemon, refusal};
use fluvio_secret_fuzz::{CANARY, take_frame};
use fluvio_secret_protocol::{Code, Refusal, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = FuzzedDaemon::in_folder(folder.path());
    let mut bytes = bytes;
    while let Some(frame) = take_frame::<Request>(&mut bytes) {
        let request = match frame {
            Ok(request) => request,
            // The connection ends here.
            Err(error) => return check(&refusal(error)),
        };
        let has_passphrase = match &request {
            Request::Passphrase(_) => true,
            Request::UseIdentity(used) => used.has_passphrase,
            _ => false,
        };
        if has_passphrase {
            // Takes a second, on purpose: nothing else would be tried in that time.
            continue;
        }
        let answers = daemon.answer(request);
        let (last, pages) = answers.split_last().expect("each request has an answer");
        // A subscription stays open.
        assert!(last.is_last || last.is_subscription);
        assert!(!pages.iter().any(|page| page.is_last));
        for answer in &answers {
            assert!(answer.fits, "an answer is over a limit of frames");
            answer.refusal.iter().for_each(check);
        }
    }
});

/// No refusal repeats a value that was sent. It may name the keys above a bad name of a configuration.
fn check(refusal: &Refusal) {
    let has_keys = refusal.code == Code::Config && refusal.text.contains("secret.name`");
    assert!(has_keys || !refusal.text.contains(CANARY), "{refusal}");
    assert!(refusal.code != Code::Internal, "{refusal}");
}
