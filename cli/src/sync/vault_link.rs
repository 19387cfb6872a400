//! The vault, by way of the daemon. All that passes is encrypted.

use std::time::{Duration, Instant};

use fluvio_secret_protocol::{
    AcknowledgeTopic, AnnounceTopic, Call, Client, ClientError, Code, GetStatus, GetSyncDocument,
    ListSyncDocuments, ListedSyncDocument, Refusal, SecretName, SyncDocument, SyncDocumentKey,
    TakeDocument, TakenDocument, VaultAddress,
};
use fluvio_secret_system::help::Helpful;
use zeroize::Zeroizing;

use super::event::DaemonFailure;
use crate::connection::{client_about, running_client};
use crate::error::CliError;

/// The daemon closes a connection that is silent for some seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection to the daemon, for requests about one vault.
pub(crate) struct VaultLink {
    vault: Option<VaultAddress>,
    /// The connection, and when it was used.
    client: Option<(Client, Instant)>,
}

impl VaultLink {
    pub(crate) fn new(vault: Option<VaultAddress>) -> Self {
        Self { vault, client: None }
    }

    /// Hands over a document of the topic.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<TakenDocument, DaemonFailure> {
        let take = || TakeDocument { bytes: Zeroizing::new(bytes.to_vec()) };
        self.ask(|client| client.call(take())).map_err(failure)
    }

    /// What the vault has to publish. Without names, everything.
    pub(crate) fn list(
        &mut self,
        names: &[SecretName],
    ) -> Result<Vec<ListedSyncDocument>, DaemonFailure> {
        let list = || ListSyncDocuments { names: names.to_vec() };
        self.ask(|client| client.collect(list())).map_err(failure)
    }

    /// A document as it is published. `None` if the vault does not have it any more.
    pub(crate) fn get(
        &mut self,
        key: &SyncDocumentKey,
    ) -> Result<Option<SyncDocument>, DaemonFailure> {
        self.unless(Code::Missing, || GetSyncDocument { key: key.clone() })
    }

    /// The announcement of a topic. `None` if this machine may not sign one.
    pub(crate) fn announce(
        &mut self,
        topic: &str,
        generation: u64,
    ) -> Result<Option<SyncDocument>, DaemonFailure> {
        self.unless(Code::Members, || AnnounceTopic { topic: topic.to_owned(), generation })
    }

    /// What this machine has of a topic. `None` if this machine is no member.
    pub(crate) fn acknowledge(
        &mut self,
        topic: &str,
        records: u64,
    ) -> Result<Option<SyncDocument>, DaemonFailure> {
        self.unless(Code::Members, || AcknowledgeTopic { topic: topic.to_owned(), records })
    }

    /// Whether the vault is locked. No daemon is started for this: it would begin with a locked vault.
    pub(crate) fn is_locked() -> bool {
        let status = running_client().map(|client| client.map(|mut client| client.call(GetStatus)));
        !matches!(status, Ok(Some(Ok(status))) if !status.locked)
    }

    /// An answer. `None` if the request is refused with this code.
    fn unless<C: Call>(
        &mut self,
        code: Code,
        request: impl Fn() -> C,
    ) -> Result<Option<C::Answer>, DaemonFailure> {
        match self.ask(|client| client.call(request())) {
            Ok(answer) => Ok(Some(answer)),
            Err(CliError::Client(ClientError::Refused(refusal))) if refusal.code == code => {
                Ok(None)
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// Asks on the connection, or on a new one. All these requests may be sent twice.
    fn ask<A>(
        &mut self,
        ask: impl Fn(&mut Client) -> Result<A, ClientError>,
    ) -> Result<A, CliError> {
        if let Some((mut client, used)) = self.client.take()
            && used.elapsed() < IDLE_TIMEOUT
        {
            match ask(&mut client) {
                Err(ClientError::Broken(_)) => {}
                answer => return self.keep(client, answer),
            }
        }
        let mut client = client_about(self.vault.clone())?;
        let answer = ask(&mut client);
        self.keep(client, answer)
    }

    fn keep<A>(&mut self, client: Client, answer: Result<A, ClientError>) -> Result<A, CliError> {
        // After a refusal, the daemon may close the connection.
        if answer.is_ok() {
            self.client = Some((client, Instant::now()));
        }
        Ok(answer?)
    }
}

fn failure(error: CliError) -> DaemonFailure {
    match error {
        CliError::Client(ClientError::Refused(refusal @ Refusal { code: Code::Locked, .. })) => {
            DaemonFailure::Locked(refusal.report())
        }
        error => DaemonFailure::Other(error.report()),
    }
}
