//! A subscription to changes of secrets. The daemon sends names and fingerprints, never values.

use std::collections::BTreeMap;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use fluvio_secret_protocol::{
    Client, ClientError, SecretFingerprint, SecretName, Subscribed, Subscription, connect,
    connect_or_start,
};
use fluvio_secret_system::places::StateDirectory;
use zeroize::Zeroizing;

/// How often to look for a daemon. None is started: you had a reason to stop it, and without one no secret
/// changes.
const DAEMON_POLL_INTERVAL: Duration = Duration::from_millis(300);

/// The fingerprints of the secrets of a configuration.
pub(crate) type Fingerprints = BTreeMap<SecretName, Option<u64>>;

/// Takes note of a secret that changed after a connector was started.
pub(crate) fn note(
    fingerprints: &mut Fingerprints,
    started: &mut Fingerprints,
    secret: &SecretFingerprint,
) {
    let before = fingerprints.insert(secret.name.clone(), secret.fingerprint);
    // Other bytes with the value of those before. The connector has that value only when it was started
    // with those; else its restart is due yet.
    if secret.is_same
        && let Some(started) = started.get_mut(&secret.name)
        && before == Some(*started)
    {
        *started = secret.fingerprint;
    }
}

/// A message of the daemon.
#[derive(Debug)]
pub(crate) enum Told {
    /// All secrets, after another subscription.
    All(Subscribed),
    /// Those that changed.
    Some(Subscribed),
    /// It is gone.
    Gone,
}

/// A subscription, kept up on a thread until this is dropped.
pub(crate) struct Subscriber {
    connection: Connection,
    end: Option<mpsc::Sender<()>>,
}

/// What the thread waits on now, by which it is woken.
type Connection = Arc<Mutex<UnixStream>>;

impl Subscriber {
    /// Subscribes to the secrets of a configuration; `tell` is called on another thread.
    pub(crate) fn begin(
        state: &StateDirectory,
        config: &Zeroizing<Vec<u8>>,
        tell: impl Fn(Told) + Send + 'static,
    ) -> Result<(Subscribed, Self), ClientError> {
        let client = connect_or_start(state)?;
        let (first, subscription) = client.subscribe(config.clone())?;
        let handle = subscription.handle().map_err(ClientError::Broken)?;
        let connection = Arc::new(Mutex::new(handle));
        let (end, ended) = mpsc::channel();
        let (state, config) = (state.clone(), config.clone());
        let keeper = Keeper { state, config, connection: connection.clone(), ended };
        let run = move || keeper.run(subscription, tell);
        thread::Builder::new()
            .name("secrets".to_owned())
            .spawn(run)
            .map_err(ClientError::Broken)?;
        Ok((first, Self { connection, end: Some(end) }))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // First, or the thread would take the end of the connection for the daemon's.
        self.end = None;
        // Even if the daemon of this connection is gone: then the thread checks `ended`.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = connection.shutdown(Shutdown::Both);
    }
}

struct Keeper {
    state: StateDirectory,
    config: Zeroizing<Vec<u8>>,
    connection: Connection,
    /// Disconnected when the subscription is dropped.
    ended: mpsc::Receiver<()>,
}

impl Keeper {
    fn run(self, mut subscription: Subscription, tell: impl Fn(Told)) {
        loop {
            while let Ok(subscribed) = subscription.wait() {
                tell(Told::Some(subscribed));
            }
            if self.is_over(Duration::ZERO) {
                return;
            }
            tell(Told::Gone);
            subscription = loop {
                if self.is_over(DAEMON_POLL_INTERVAL) {
                    return;
                }
                let made = connect(&self.state).and_then(|client| self.subscribe(client));
                let Ok((subscribed, subscription)) = made else { continue };
                let Ok(handle) = subscription.handle() else { continue };
                *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = handle;
                // Who ended it before that has shut down the one before.
                if self.is_over(Duration::ZERO) {
                    return;
                }
                tell(Told::All(subscribed));
                break subscription;
            };
        }
    }

    fn subscribe(&self, client: Client) -> Result<(Subscribed, Subscription), ClientError> {
        client.subscribe(self.config.clone())
    }

    fn is_over(&self, patience: Duration) -> bool {
        matches!(self.ended.recv_timeout(patience), Err(RecvTimeoutError::Disconnected))
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::SecretFingerprint;

    use super::{Fingerprints, note};

    #[test]
    fn what_is_the_same_as_a_value_that_the_connector_has_not_is_no_news_and_no_start() {
        let name = || "A".parse().expect("a name");
        let told = |fingerprint, is_same| SecretFingerprint {
            name: name(),
            fingerprint: Some(fingerprint),
            is_same,
        };
        let first: Fingerprints = [(name(), Some(1))].into();
        let (mut fingerprints, mut started) = (first.clone(), first.clone());
        note(&mut fingerprints, &mut started, &told(2, true));
        assert_eq!(started, fingerprints, "it has that value");
        note(&mut fingerprints, &mut started, &told(3, false));
        note(&mut fingerprints, &mut started, &told(4, true));
        assert_eq!(started[&name()], Some(2), "its restart is still due");
        assert_eq!(fingerprints[&name()], Some(4));
    }
}
