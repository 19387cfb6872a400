//! Entry points for the targets in `fuzz/`, and for nothing else.
//!
//! Compiled with the feature `fuzzing` alone, which no shipped build has: `tests/layering.rs` checks it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use fluvio_secret_config::Document;
use fluvio_secret_protocol::frame::{Frame, FrameError};
use fluvio_secret_protocol::{Refusal, Request, SecretName};
use fluvio_secret_system::peer::Peer;

use crate::answers::{Answers, Response};
use crate::audit::Audit;
use crate::grants::Grants;
use crate::leases::LeaseTable;
use crate::service::{Service, handle, refusals};
use crate::settings::Settings;
use fluvio_secret_vault::{HISTORY_DEPTH, Keyring, Record, Vault};

/// What serves requests, behind the socket.
pub struct FuzzedDaemon(Arc<Service>);

impl FuzzedDaemon {
    /// A daemon whose files are all in this directory.
    ///
    /// # Panics
    ///
    /// When the directory cannot be used.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        let at = |name: &str| directory.join(name);
        let (path, identity, histories) = (at("vault"), at("identity.txt"), at("history"));
        let vault = Vault::open(&path, &identity, &histories, HISTORY_DEPTH, Instant::now());
        let vault = vault.expect("the directory is the target's own");
        let leases = LeaseTable::new(vault.path(), Some(directory.to_owned()));
        Self(Service::new(
            vault,
            Audit::new(at("audit")),
            Grants::default(),
            leases,
            Settings::default(),
        ))
    }

    /// All answers to a request.
    ///
    /// # Panics
    ///
    /// When an answer does not fit into a frame.
    #[must_use]
    pub fn answer(&self, request: Request) -> Vec<Frame> {
        let collected = Arc::new(Collected::default());
        let answers: Arc<dyn Answers> = collected.clone();
        let peer = Peer { uid: 0, pid: 42 };
        let locks = self.0.vault.keys().lock_requests();
        handle::answer(&self.0, request, peer, locks, &answers, &|| {});
        let answers = std::mem::take(&mut *collected.0.lock().expect("no panic"));
        // A subscriber that has gone away.
        self.0.subscribers.forget_gone();
        answers.into_iter().map(|response| response.frame.expect("it fits")).collect()
    }
}

/// A client that receives all answers, and then goes away.
#[derive(Default)]
struct Collected(Mutex<Vec<Response>>);

impl Answers for Collected {
    fn send(&self, answer: Response) {
        self.0.lock().expect("no panic").push(answer);
    }

    fn is_gone(&self) -> bool {
        true
    }
}

/// The refusal of bytes that are not a request.
#[must_use]
pub fn refusal(error: FrameError) -> Refusal {
    refusals::frame(error)
}

/// The names that a configuration references, or why it cannot be read.
///
/// # Errors
///
/// The message for a client.
pub fn references(config: &[u8]) -> Result<Vec<SecretName>, String> {
    let document = Document::read(config);
    let found = document.references().map_err(ToString::to_string)?;
    Ok(found.names.clone())
}

/// Reads decrypted bytes as a record, and returns the bytes that this record is encrypted as.
#[must_use]
pub fn record(opened: &[u8]) -> Option<Vec<u8>> {
    let record = Record::decode(opened).ok()?;
    Some(record.encode().expect("a record that was read").to_vec())
}

/// Reads an identity file's text, and returns the text that this identity is written as.
#[must_use]
pub fn identity(text: &str) -> Option<String> {
    Keyring::parse(text.as_bytes()).ok().map(|keyring| keyring.to_text().to_string())
}
