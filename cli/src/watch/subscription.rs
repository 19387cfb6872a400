//! A subscription to changes of secrets. The daemon sends names and fingerprints, never values.

use std::collections::BTreeMap;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use fluvio_secret_protocol::{
    ClientError, Code, SecretFingerprint, SecretName, Subscribed, Subscription, VaultAddress,
    connect, connect_or_start,
};
use fluvio_secret_system::places::StateDirectory;
use zeroize::Zeroizing;

use crate::error::CliError;

/// How often to look for a daemon. None is started: you had a reason to stop it, and without one no secret
/// changes.
const DAEMON_POLL_INTERVAL: Duration = Duration::from_millis(300);

/// The fingerprints of the secrets of a configuration.
pub(super) type SecretFingerprints = BTreeMap<SecretName, Option<u64>>;

/// A configuration, and the vault with its secrets.
type Subject = (Option<VaultAddress>, Zeroizing<Vec<u8>>);

/// Is called on another thread with the number of the subscription, and with the secrets that changed or nothing
/// when the daemon is gone.
pub(super) type OnSecrets = Arc<dyn Fn(u64, Option<Subscribed>) + Send + Sync>;

/// What is known of a connector's secrets.
pub(super) struct SecretChanges {
    places: StateDirectory,
    on_secrets: OnSecrets,
    /// A configuration, and the thread that waits for changes of its secrets.
    current: Option<(Subject, SubscriptionThread)>,
    count: u64,
    /// Whether there is no subscription because the configuration is invalid.
    is_invalid: bool,
    fingerprints: SecretFingerprints,
    /// Those that the connector was started with.
    started: SecretFingerprints,
}

impl SecretChanges {
    pub(super) fn new(places: StateDirectory, on_secrets: OnSecrets) -> Self {
        Self {
            places,
            on_secrets,
            current: None,
            count: 0,
            is_invalid: false,
            fingerprints: SecretFingerprints::new(),
            started: SecretFingerprints::new(),
        }
    }

    pub(super) fn subscribe(
        &mut self,
        vault: Option<VaultAddress>,
        config: Zeroizing<Vec<u8>>,
    ) -> Result<(), ClientError> {
        let subject = (vault, config);
        if self.current.as_ref().is_some_and(|(of, _)| *of == subject) {
            return Ok(());
        }
        let number = self.count + 1;
        let on_secrets = self.on_secrets.clone();
        let on_secrets = move |subscribed| on_secrets(number, subscribed);
        let (first, thread) = SubscriptionThread::begin(&self.places, &subject, on_secrets)?;
        self.fingerprints =
            first.secrets.into_iter().map(|one| (one.name, one.fingerprint)).collect();
        self.current = Some((subject, thread));
        self.count = number;
        self.is_invalid = false;
        Ok(())
    }

    /// Takes note that there is no subscription. Returns whether the shim will not explain why.
    pub(super) fn failed(&mut self, error: &CliError) -> bool {
        self.current = None;
        self.is_invalid = matches!(
            error,
            CliError::Client(ClientError::Refused(refusal)) if refusal.code == Code::Config
        );
        !self.is_invalid && !is_about_vault(error)
    }

    /// Takes note of changed secrets. Returns whether the connector has other values then.
    pub(super) fn hear(&mut self, number: u64, subscribed: &Subscribed) -> bool {
        if !self.is_current(number) {
            return false;
        }
        for secret in &subscribed.secrets {
            note(&mut self.fingerprints, &mut self.started, secret);
        }
        self.started != self.fingerprints
    }

    /// Whether a message is not a late one of an earlier subscription.
    pub(super) fn is_current(&self, number: u64) -> bool {
        number == self.count
    }

    /// Whether a change that helps will be noticed.
    pub(super) fn notices_changes(&self) -> bool {
        self.current.is_some() || self.is_invalid
    }

    /// Takes note that the connector is started with the current values.
    pub(super) fn started(&mut self) {
        self.started = self.fingerprints.clone();
    }

    /// Takes note that the connector was started with earlier values of these secrets.
    pub(super) fn started_earlier<'a>(&mut self, names: impl Iterator<Item = &'a SecretName>) {
        for name in names {
            if let Some(started) = self.started.get_mut(name) {
                *started = None;
            }
        }
    }

    pub(super) fn fingerprints(&self) -> &SecretFingerprints {
        &self.fingerprints
    }

    /// The secrets with other values than the connector was started with.
    pub(super) fn changed(&self) -> Vec<SecretName> {
        let is_other = |(name, fingerprint): &(&SecretName, &Option<u64>)| {
            self.started.get(*name).is_some_and(|started| started != *fingerprint)
        };
        self.fingerprints.iter().filter(is_other).map(|(name, _)| name.clone()).collect()
    }
}

/// Whether the vault cannot be used. Until you register it, for example, no connector gets its secrets.
pub(super) fn is_about_vault(error: &CliError) -> bool {
    match error {
        CliError::Vault(_) => true,
        CliError::Client(ClientError::Refused(refusal)) => refusal.code == Code::Vault,
        _ => false,
    }
}

/// Takes note of a secret that changed after a connector was started.
fn note(
    fingerprints: &mut SecretFingerprints,
    started: &mut SecretFingerprints,
    secret: &SecretFingerprint,
) {
    let before = fingerprints.insert(secret.name.clone(), secret.fingerprint);
    // The same value was encrypted again. The connector has it only if it was started with the bytes before;
    // otherwise its restart is still due.
    if secret.is_same
        && let Some(started) = started.get_mut(&secret.name)
        && before == Some(*started)
    {
        *started = secret.fingerprint;
    }
}

/// A subscription, which a thread renews until this is dropped.
struct SubscriptionThread {
    connection: Connection,
    end: Option<mpsc::Sender<()>>,
}

/// What the thread waits on. To wake it, the connection is shut down.
type Connection = Arc<Mutex<UnixStream>>;

impl SubscriptionThread {
    fn begin(
        state: &StateDirectory,
        subject: &Subject,
        on_secrets: impl Fn(Option<Subscribed>) + Send + 'static,
    ) -> Result<(Subscribed, Self), ClientError> {
        let (vault, config) = subject.clone();
        let client = connect_or_start(state)?.about(vault);
        let (first, subscription) = client.subscribe(config)?;
        let handle = subscription.handle().map_err(ClientError::Broken)?;
        let connection = Arc::new(Mutex::new(handle));
        let (end, ended) = mpsc::channel();
        let (state, subject) = (state.clone(), subject.clone());
        let keeper = Keeper { state, subject, connection: connection.clone(), ended };
        let run = move || keeper.run(subscription, on_secrets);
        thread::Builder::new()
            .name("secrets".to_owned())
            .spawn(run)
            .map_err(ClientError::Broken)?;
        Ok((first, Self { connection, end: Some(end) }))
    }
}

impl Drop for SubscriptionThread {
    fn drop(&mut self) {
        // First, or the thread would think that the daemon has stopped.
        self.end = None;
        // Even if the daemon of this connection is gone: then the thread checks `ended`.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = connection.shutdown(Shutdown::Both);
    }
}

struct Keeper {
    state: StateDirectory,
    subject: Subject,
    connection: Connection,
    /// Disconnected when the subscription is dropped.
    ended: mpsc::Receiver<()>,
}

impl Keeper {
    fn run(self, mut subscription: Subscription, on_secrets: impl Fn(Option<Subscribed>)) {
        loop {
            while let Ok(subscribed) = subscription.wait() {
                on_secrets(Some(subscribed));
            }
            if self.is_over(Duration::ZERO) {
                return;
            }
            on_secrets(None);
            subscription = loop {
                if self.is_over(DAEMON_POLL_INTERVAL) {
                    return;
                }
                let (vault, config) = self.subject.clone();
                let made =
                    connect(&self.state).and_then(|client| client.about(vault).subscribe(config));
                let Ok((subscribed, subscription)) = made else { continue };
                let Ok(handle) = subscription.handle() else { continue };
                *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = handle;
                // A drop before that has shut down the earlier connection.
                if self.is_over(Duration::ZERO) {
                    return;
                }
                on_secrets(Some(subscribed));
                break subscription;
            };
        }
    }

    fn is_over(&self, patience: Duration) -> bool {
        matches!(self.ended.recv_timeout(patience), Err(RecvTimeoutError::Disconnected))
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::SecretFingerprint;

    use super::{SecretFingerprints, note};

    #[test]
    fn what_is_the_same_as_a_value_that_the_connector_has_not_is_no_news_and_no_start() {
        let name = || "A".parse().expect("a name");
        let changed = |fingerprint, is_same| SecretFingerprint {
            name: name(),
            fingerprint: Some(fingerprint),
            is_same,
        };
        let first: SecretFingerprints = [(name(), Some(1))].into();
        let (mut fingerprints, mut started) = (first.clone(), first.clone());
        note(&mut fingerprints, &mut started, &changed(2, true));
        assert_eq!(started, fingerprints, "it has that value");
        note(&mut fingerprints, &mut started, &changed(3, false));
        note(&mut fingerprints, &mut started, &changed(4, true));
        assert_eq!(started[&name()], Some(2), "its restart is still due");
        assert_eq!(fingerprints[&name()], Some(4));
    }
}
