//! Doors into this crate for the targets in `fuzz/`, and for nothing else.
//!
//! Compiled with the feature `fuzzing` alone, which no shipped build has: `tests/layering.rs` looks.
//! Nothing here is promised to anyone.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use fluvio_secret_config::Document;
use fluvio_secret_protocol::frame::FrameError;
use fluvio_secret_protocol::{Refusal, Request, SecretName};
use fluvio_secret_system::peer::Peer;

use crate::audit::Audit;
use crate::leases::LeaseTable;
use crate::response::Response;
use crate::service::{Answers, Service, refuse};
use crate::settings::Settings;
use fluvio_secret_vault::{HISTORY_DEPTH, Keyring, Record, Vault};

/// What serves requests, behind the socket.
pub struct FuzzedDaemon(Service);

impl FuzzedDaemon {
    /// A daemon whose files are all in this folder.
    ///
    /// # Panics
    ///
    /// When the folder cannot be used.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        let at = |name: &str| folder.join(name);
        let (path, identity, histories) = (at("vault"), at("identity.txt"), at("history"));
        let vault = Vault::open(&path, &identity, &histories, HISTORY_DEPTH, Instant::now());
        let vault = vault.expect("the folder is the target's own");
        let leases = LeaseTable::new(vault.path(), Some(folder.to_owned()));
        Self(Service::new(vault, Audit::new(at("audit")), leases, Settings::default()))
    }

    /// All answers to a request.
    #[must_use]
    pub fn answer(&self, request: Request) -> Vec<FuzzedAnswer> {
        let collected = Arc::new(Collected::default());
        let answers: Arc<dyn Answers> = collected.clone();
        self.0.answer(request, Peer { uid: 0, pid: 42 }, self.0.lock_requests(), &answers);
        let answers = std::mem::take(&mut *collected.0.lock().expect("no panic"));
        // A subscriber that has gone away.
        self.0.forget_gone();
        answers.into_iter().map(FuzzedAnswer::from).collect()
    }
}

/// What a target checks of an answer.
pub struct FuzzedAnswer {
    /// Whether no further answer follows.
    pub is_last: bool,
    /// Whether it begins a subscription.
    pub is_subscription: bool,
    /// Whether it fits into a frame.
    pub fits: bool,
    /// The refusal that it is, if it is one.
    pub refusal: Option<Refusal>,
}

impl From<Response> for FuzzedAnswer {
    fn from(answer: Response) -> Self {
        let refusal = match &answer {
            Response::Refused(refusal) => Some(refusal.clone()),
            _ => None,
        };
        let is_subscription = matches!(answer, Response::Subscribed(_));
        Self {
            is_last: answer.is_last(),
            is_subscription,
            refusal,
            fits: answer.into_frame().is_ok(),
        }
    }
}

/// Somebody who hears all answers, and then goes away.
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

/// What the server says to bytes that are no request.
#[must_use]
pub fn refusal(error: FrameError) -> Refusal {
    refuse::frame(error)
}

/// The names that a configuration references, or why it cannot be read.
///
/// # Errors
///
/// The message that a client would be told.
pub fn references(config: &[u8]) -> Result<Vec<SecretName>, String> {
    let document = Document::read(config);
    let found = document.references().map_err(ToString::to_string)?;
    Ok(found.names.clone())
}

/// Reads opened bytes as a record, and gives the bytes that this record is sealed as.
#[must_use]
pub fn record(opened: &[u8]) -> Option<Vec<u8>> {
    let record = Record::decode(opened).ok()?;
    Some(record.encode().expect("a record that was read").to_vec())
}

/// Reads an identity file's text, and gives the text that this identity is written as.
#[must_use]
pub fn identity(text: &str) -> Option<String> {
    Keyring::parse(text.as_bytes()).ok().map(|keyring| keyring.to_text().to_string())
}
