//! Machines that share a vault, and exchange its documents over their sockets, without a topic in between.

use fluvio_secret_protocol::{
    AdmitMembers, AnnounceTopic, GetMembers, GetSyncDocument, JoinTopic, ListSyncDocuments,
    RecordKind, Role, ShownApplicant, SyncDocumentKey, TakeDocument, TakenOutcome,
};

use super::Home;
use super::ask::{Answer, Asker};

/// The request to join the vault of an admin, with the personal vault.
pub(crate) fn join_of(admin: &Home) -> JoinTopic {
    let mut asker = Asker::connect(admin).unwrap();
    let members = asker.call(&GetMembers).unwrap().unwrap().members;
    let announce = AnnounceTopic { topic: "fluvio-secrets".to_owned(), generation: 1 };
    JoinTopic {
        announcement: asker.call(&announce).unwrap().unwrap().bytes,
        admin: members.into_iter().find(|one| one.own).unwrap().fingerprint,
        path: None,
        role: Some(Role::Writer),
        note: None,
    }
}

/// Has a machine that has nothing yet join the vault of an admin, who admits it.
pub(crate) fn admit(admin: &Home, newcomer: &Home) {
    newcomer.ok(&["list"]);
    let join = join_of(admin);
    Asker::connect(newcomer).unwrap().call(&join).unwrap().unwrap();
    // The daemon has stopped, because the vault has another id.
    newcomer.ok(&["list"]);
    exchange(newcomer, admin);
    let mut asker = Asker::connect(admin).unwrap();
    let listed = asker.call(&GetMembers).unwrap().unwrap().members;
    let requests = listed.iter().filter(|one| one.requested).map(ShownApplicant::from).collect();
    asker.call(&AdmitMembers { requests }).unwrap().unwrap();
    exchange(admin, newcomer);
}

/// Has a machine take all documents of another one, the lists first.
pub(crate) fn exchange(from: &Home, to: &Home) {
    let mut asker = Asker::connect(from).unwrap();
    let listed = asker.call(&ListSyncDocuments { names: Vec::new() }).unwrap().unwrap();
    assert!(!listed.more, "these tests have few secrets");
    let mut keys: Vec<_> = listed.documents.into_iter().map(|one| one.key).collect();
    keys.sort_by_key(|key| !matches!(key, SyncDocumentKey::Members { .. }));
    for key in keys {
        let document = asker.call(&GetSyncDocument { key }).unwrap().unwrap();
        let outcome = take(to, &document.bytes).unwrap().unwrap();
        assert!(!matches!(outcome, TakenOutcome::Refused { .. }), "{outcome:?}");
    }
}

/// The document of the current value of a secret.
pub(crate) fn document_of(home: &Home, name: &str) -> Vec<u8> {
    let key = SyncDocumentKey::Record { name: name.parse().unwrap(), kind: RecordKind::Value };
    let document = Asker::connect(home).unwrap().call(&GetSyncDocument { key });
    document.unwrap().unwrap().bytes.to_vec()
}

/// Has a machine take a document.
pub(crate) fn take(home: &Home, document: &[u8]) -> Answer<TakenOutcome> {
    let bytes = document.to_vec().into();
    let taken = Asker::connect(home)?.call(&TakeDocument { bytes })?;
    Ok(taken.map(|taken| taken.outcome))
}
