//! Arbitrary bytes as a document of a topic, and as what is encrypted in one: no secret and no list comes of them.
#![no_main]

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::sync::LazyLock;
use std::time::Instant;

use fluvio_secret_protocol::TakenOutcome;
use fluvio_secret_vault::{Applicant, DocumentTake, HISTORY_DEPTH, SecretWriter, Vault};
use tempfile::TempDir;

/// The id of the vault in the vectors, so that their documents are not those of another one.
const ID: &str = "00112233445566778899aabbccddeeff\n";

/// A vault with members and no secret, made once.
static KNOWN: LazyLock<(TempDir, Vault, age::x25519::Recipient)> = LazyLock::new(|| {
    let home = tempfile::tempdir().expect("a directory");
    let at = |name: &str| home.path().join(name);
    DirBuilder::new().mode(0o700).create(at("vault")).expect("a directory");
    fs::write(at("vault/.vault-id"), ID).expect("written");
    let (path, identity, histories) = (at("vault"), at("identity.txt"), at("history"));
    let vault = Vault::open(&path, &identity, &histories, HISTORY_DEPTH, Instant::now());
    let vault = vault.expect("a vault");
    SecretWriter::of(&vault).expect("its list of members");
    let recipient = vault.recipient().expect("a key").expect("a key");
    let recipient = recipient.parse().expect("a recipient");
    (home, vault, recipient)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (_, vault, recipient) = &*KNOWN;
    // A request to join is signed by any key.
    let is_request = Applicant::parse(bytes.to_vec()).is_ok();
    let encrypted = age::encrypt(recipient, bytes).expect("encrypted");
    for document in [bytes, &encrypted] {
        let take = DocumentTake::prepare(vault, document).expect("a bad document is no error");
        let is_without_change = !matches!(
            take.outcome(),
            TakenOutcome::Secret { .. }
                | TakenOutcome::Members
                | TakenOutcome::Acknowledged { .. }
                | TakenOutcome::Announced { .. }
        );
        assert!(is_without_change || is_request, "{:?}", take.outcome());
    }
});
