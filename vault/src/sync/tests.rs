//! Machines that share a vault over a topic: real vaults, and documents in memory.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use fluvio_secret_protocol::{
    ListedSyncDocument, RecordKind, Role, SyncDocumentKey, TakenDocument, TakenOutcome,
};

use crate::keys::encryption::encrypt;
use crate::keys::keyring::Keyring;
use crate::members::list::MemberList;
use crate::members::signing_key::SigningKey;
use crate::rekey::change::Rekey;
use crate::revisions::signed_record::SecretUpdate;
use crate::tests::two_machines::{rekey, shown};
use crate::tests::{Home, name, set};
use crate::{DocumentTake, Publication, Vault, VaultError};

mod convergence;
mod interruptions;
mod members;
mod publication;
mod records;

/// A machine with a vault.
struct Machine {
    home: Home,
    vault: Vault,
}

/// What is on a topic: all documents, in their order.
#[derive(Default)]
struct Topic {
    documents: Vec<Vec<u8>>,
}

impl Topic {
    /// Publishes what a vault has and the topic does not, as `sync run` does: by the ids that come back.
    fn publish(&mut self, machine: &Machine) -> Vec<SyncDocumentKey> {
        let returned: BTreeSet<_> =
            self.documents.iter().map(|bytes| take(&machine.vault, bytes).id).collect();
        let publication = Publication::of(&machine.vault);
        let listed = publication.list(&[]).expect("a list").into_iter();
        let missing = listed.filter(|one| !returned.contains(&one.id));
        let published = missing.map(|ListedSyncDocument { key, id, .. }| {
            let document = publication.get(&key).expect("a document");
            assert_eq!(document.id, id, "{key:?}");
            self.documents.push(document.bytes.to_vec());
            key
        });
        published.collect()
    }

    /// Takes all documents, in their order.
    fn read(&self, machine: &Machine) -> Vec<TakenOutcome> {
        self.documents.iter().map(|bytes| take(&machine.vault, bytes).outcome).collect()
    }
}

impl Machine {
    /// The first one: it has a secret `FIRST`.
    fn first() -> Self {
        let home = Home::new();
        let vault = home.open().expect("a vault");
        set(&vault, "FIRST", b"first");
        Self { home, vault }
    }

    /// A machine with an empty vault of the same id, which trusts an admin and asks to join.
    fn newcomer(admin: &Vault, role: Role) -> Self {
        let home = Home::new();
        fs::DirBuilder::new().mode(0o700).create(home.vault_path()).expect("a directory");
        write(&home.vault_path().join(".vault-id"), format!("{}\n", admin.id()).as_bytes());
        let vault = home.open().expect("a vault");
        write(&home.identity_path(), Keyring::generate().to_text().as_bytes());
        let announcement = Publication::of(admin).announce("secrets", 1).expect("announced");
        write(&home.identity_path().with_file_name("admin"), &announcement.bytes);
        vault.request_membership(role, Some("newcomer")).expect("a request");
        Self { home, vault }
    }

    /// Another machine with a role, which has everything that the topic has.
    fn member(admin: &Self, role: Role, topic: &mut Topic) -> Self {
        let machine = Self::newcomer(&admin.vault, role);
        topic.publish(&machine);
        topic.read(admin);
        admin.admit(&machine);
        topic.publish(admin);
        topic.read(&machine);
        machine
    }

    fn fingerprint(&self) -> String {
        self.key().fingerprint().to_string()
    }

    fn key(&self) -> SigningKey {
        self.vault.members().signing_key().expect("a key")
    }

    fn admit(&self, machine: &Self) {
        rekey(Rekey::admit(&self.vault, &shown(&self.vault, &[machine.fingerprint()], None)));
    }

    fn list(&self) -> MemberList {
        self.vault.members().read().expect("lists").accepted.expect("a list")
    }

    /// The record of a secret, as it is published.
    fn record(&self, secret: &str, kind: RecordKind) -> Vec<u8> {
        let key = SyncDocumentKey::Record { name: name(secret), kind };
        Publication::of(&self.vault).get(&key).expect("a record").bytes.to_vec()
    }

    /// A record for the members of this machine's list, signed by any key with a list that allows it.
    fn forge(&self, update: SecretUpdate, key: &SigningKey, by: &MemberList) -> Vec<u8> {
        let signed = update.sign(key, by).expect("signed");
        self.encrypt(&signed.encode())
    }

    /// Encrypts for the members of this machine's list.
    fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let recipients: Vec<_> = self.list().recipients().cloned().collect();
        encrypt(&recipients, plain).expect("encrypted")
    }

    /// Decrypts with the keys of this machine.
    fn decrypt(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let plain = self.vault.keys().with(|keys| keys.decrypt(bytes)).expect("a key");
        plain.ok().map(|plain| plain.to_vec())
    }
}

/// Takes a document.
fn take(vault: &Vault, bytes: &[u8]) -> TakenDocument {
    let take = DocumentTake::prepare(vault, bytes).expect("prepared");
    take.commit().expect("taken")
}

fn outcome(machine: &Machine, bytes: &[u8]) -> TakenOutcome {
    take(&machine.vault, bytes).outcome
}

/// Why a document is not accepted.
fn refusal(machine: &Machine, bytes: &[u8]) -> String {
    match outcome(machine, bytes) {
        TakenOutcome::Refused { reason } => reason,
        other => panic!("{other:?}"),
    }
}

fn is_secret(outcome: &TakenOutcome, secret: &str) -> bool {
    matches!(outcome, TakenOutcome::Secret { name } if name.as_str() == secret)
}

/// A change of a secret with this counter.
fn update(secret: &str, kind: RecordKind, counter: u64, value: &[u8]) -> SecretUpdate {
    SecretUpdate {
        name: name(secret),
        kind,
        counter,
        set_at: "2030-01-02T03:04:05Z".parse().expect("a time"),
        value: value.to_vec().into(),
    }
}

fn write(path: &Path, bytes: &[u8]) {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    std::io::Write::write_all(&mut file.expect("a file"), bytes).expect("written");
}

/// The current value of a secret.
fn value(machine: &Machine, secret: &str) -> Option<Vec<u8>> {
    match crate::tests::read(&machine.vault, secret) {
        Ok(value) => Some(value),
        Err(VaultError::Missing) => None,
        Err(error) => panic!("{error}"),
    }
}

/// The values in the history of a secret, oldest first.
fn earlier(machine: &Machine, secret: &str) -> Vec<Vec<u8>> {
    let (name, history) = (name(secret), machine.vault.secrets().history());
    let versions = history.versions(&name).expect("versions").into_iter().rev();
    let open = |version| {
        let file = history.locate(&name, version).expect("a history").expect("a file");
        let opened = crate::SecretReader::of(&machine.vault).open(&name, &file).expect("opened");
        opened.record.into_value().expose().to_vec()
    };
    versions.map(|(version, _)| open(version)).collect()
}
