use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fluvio_secret_protocol::{
    AddMember, AdmitMembers, AnnounceTopic, Code, Delete, FollowVault, GetMembers, GetSyncDocument,
    Import, JoinTopic, ListSyncDocuments, ListedSyncDocument, Lock, Passphrase, RecordKind,
    Refusal, Reply, RequestMembership, Role, Rotate, Secret, ShownApplicant, Subscribe, Subscribed,
    SyncDocumentKey, TakeDocument, TakenOutcome, Unlock, VaultChanges, limits,
};
use zeroize::Zeroizing;

use crate::answers::{Answers, Response};
use crate::service::handle;
use crate::service::tests::{Heard, Home, PEER, grant_of, secret};

const PAPER: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";
/// The longest wait for a change that has to be noticed.
const DEADLINE: Duration = Duration::from_secs(20);

/// A client that waits for answers.
struct Waiting(Mutex<Sender<Response>>);

impl Answers for Waiting {
    fn send(&self, answer: Response) {
        let _ = self.0.lock().expect("no panic").send(answer);
    }

    fn is_gone(&self) -> bool {
        false
    }
}

fn waiting() -> (Arc<dyn Answers>, Receiver<Response>) {
    let (sender, receiver) = channel();
    (Arc::new(Waiting(Mutex::new(sender))), receiver)
}

fn changes_in(response: &Response) -> VaultChanges {
    match response.decoded() {
        Reply::Answer(changes) => changes,
        other => panic!("{other:?}"),
    }
}

/// A client that has followed the vault since now, and learns only what this daemon changes.
fn follower(home: &Home) -> Arc<Heard> {
    let heard = Arc::new(Heard::default());
    home.ask_for(FollowVault.into(), &heard);
    let none = VaultChanges { names: Vec::new(), any: false };
    assert_eq!(taken(&heard), [none], "the first answer has no change");
    home.service.subscribers.stop_watching();
    heard
}

fn taken(heard: &Heard) -> Vec<VaultChanges> {
    heard.take().iter().map(changes_in).collect()
}

fn names(names: &[&str]) -> VaultChanges {
    VaultChanges { names: names.iter().map(|name| secret(name)).collect(), any: false }
}

fn anything() -> VaultChanges {
    VaultChanges { names: Vec::new(), any: true }
}

#[test]
fn a_follower_learns_of_each_change_that_this_daemon_makes() {
    let home = Home::new();
    home.set("A", b"one");
    let heard = follower(&home);
    home.set("A", b"one");
    home.set("B", b"two");
    assert_eq!(taken(&heard), [names(&["A"]), names(&["B"])]);
    home.call(Delete { name: secret("A"), purge: false }).expect("deleted");
    home.call(Delete { name: secret("A"), purge: true }).expect("purged");
    assert_eq!(taken(&heard), [names(&["A"]), names(&["A"])]);
    let secrets = ["C", "D"].map(|name| (secret(name), Secret::from(b"x".to_vec()))).into();
    home.call(Import { secrets, overwrite: false, dry_run: false }).expect("imported");
    assert_eq!(taken(&heard), [names(&["C", "D"])]);
}

#[test]
fn a_follower_learns_of_another_list_and_of_a_request() {
    let home = Home::new();
    home.set("A", b"one");
    let heard = follower(&home);
    home.call(AddMember { recipient: PAPER.into(), note: None }).expect("added");
    assert_eq!(taken(&heard), [names(&["A"]), anything()]);
    home.call(Rotate { drop_history: false, passphrase: None }).expect("rotated");
    assert_eq!(taken(&heard).last(), Some(&anything()));
    let request = RequestMembership { role: Role::Reader, note: None };
    home.call(request).expect("a request");
    assert_eq!(taken(&heard), [anything()]);
}

#[test]
fn a_follower_learns_what_other_programs_do_with_documents_and_with_nothing_else() {
    let home = Home::new();
    home.set("A", b"one");
    let at = |name: &str| home.folder.path().join("vault").join(name);
    let one = fs::read(at("A.age")).expect("a secret");
    let (client, answers) = waiting();
    handle::answer(&home.service, FollowVault.into(), PEER, 0, &client, &|| {});
    let next = || changes_in(&answers.recv_timeout(DEADLINE).expect("a change"));
    assert_eq!(next(), VaultChanges { names: Vec::new(), any: false });
    // Whatever the system reports of one change, what comes after that is about the next one.
    let until = |expected: VaultChanges| while next() != expected {};
    fs::write(at("B.age"), &one).expect("written");
    until(names(&["B"]));
    fs::write(at("notes.txt"), "").expect("written");
    fs::create_dir(at(".deleted")).expect("a directory");
    until(anything());
    // A file that came before the directory was watched is reported with that. One that comes after it, by its name.
    let until_written = |file: &str, expected: VaultChanges| {
        fs::write(at(file), &one).expect("written");
        loop {
            match next() {
                changes if changes == expected => return,
                changes if changes.any => fs::write(at(file), &one).expect("written"),
                _ => {}
            }
        }
    };
    until_written(".deleted/C.age", names(&["C"]));
    fs::remove_file(at(".deleted/C.age")).expect("removed");
    fs::remove_dir(at(".deleted")).expect("removed");
    until(anything());
    // A directory that was made again is watched again.
    fs::create_dir(at(".deleted")).expect("a directory");
    until(anything());
    until_written(".deleted/D.age", names(&["D"]));
    fs::write(at(".members/.tmp-00112233445566778899aabbccddeeff"), "").expect("written");
    fs::write(at("E.age"), &one).expect("written");
    let mut before_the_next = Vec::new();
    while before_the_next.last() != Some(&names(&["E"])) {
        before_the_next.push(next());
    }
    assert!(!before_the_next.contains(&anything()), "{before_the_next:?}");
    fs::write(at(".members/9"), "").expect("written");
    until(anything());
}

#[test]
fn followers_count_among_the_subscriptions_until_they_are_gone() {
    let home = Home::new();
    let heard = Arc::new(Heard::default());
    for _ in 0..limits::SUBSCRIPTIONS {
        home.ask_for(FollowVault.into(), &heard);
    }
    assert_eq!(taken(&heard).len(), limits::SUBSCRIPTIONS);
    let one_more = || home.call(FollowVault);
    assert_eq!(one_more().map_err(|refusal| refusal.code), Err(Code::Large));
    heard.leave();
    assert!(one_more().is_ok());
    home.set("A", b"one");
    assert!(heard.take().is_empty());
}

/// Joins the vault of an admin, who then admits this machine as a writer. Each has all documents of the other.
fn admitted(admin: &Home) -> Home {
    let members = admin.call(GetMembers).expect("members").members;
    let announce = AnnounceTopic { topic: "fluvio-secrets".into(), generation: 1 };
    let joined = Home::new();
    let join = JoinTopic {
        announcement: admin.call(announce).expect("an announcement").bytes,
        admin: members.into_iter().find(|one| one.own).expect("this machine").fingerprint,
        path: None,
        role: Some(Role::Writer),
        note: None,
    };
    joined.call(join).expect("joined");
    let joined = joined.restarted();
    exchange(&joined, admin);
    let listed = admin.call(GetMembers).expect("members").members;
    let requests = listed.iter().filter(|one| one.requested).map(ShownApplicant::from).collect();
    admin.call(AdmitMembers { requests }).expect("admitted");
    exchange(admin, &joined);
    joined
}

/// The documents that a machine has to publish.
fn documents(home: &Home) -> Vec<(SyncDocumentKey, Vec<u8>)> {
    let pages = home.ask(ListSyncDocuments { names: Vec::new() }).into_iter();
    let listed = pages.flat_map(|reply| match reply {
        Reply::Answer(page) => page.documents,
        other => panic!("{other:?}"),
    });
    let get = |one: ListedSyncDocument| {
        let document = home.call(GetSyncDocument { key: one.key.clone() }).expect("a document");
        assert_eq!(document.id, one.id);
        (one.key, document.bytes.to_vec())
    };
    listed.map(get).collect()
}

/// The document of a secret, or of the mark of its removal.
fn document_of(home: &Home, name: &str, kind: RecordKind) -> Vec<u8> {
    let key = SyncDocumentKey::Record { name: secret(name), kind };
    home.call(GetSyncDocument { key }).expect("a document").bytes.to_vec()
}

fn take(home: &Home, bytes: &[u8]) -> Result<TakenOutcome, Refusal> {
    home.call(TakeDocument { bytes: bytes.to_vec().into() }).map(|taken| taken.outcome)
}

/// Has a machine take all documents of another one: first the lists, as they are on a topic.
fn exchange(from: &Home, to: &Home) {
    let mut all = documents(from);
    all.sort_by_key(|(key, _)| !matches!(key, SyncDocumentKey::Members { .. }));
    for (key, document) in all {
        let outcome = take(to, &document).expect("taken");
        let is_refused = matches!(outcome, TakenOutcome::Refused { .. } | TakenOutcome::Later);
        assert!(!is_refused, "{key:?}: {outcome:?}");
    }
}

fn value(home: &Home, name: &str) -> Vec<u8> {
    let config = format!("x: {{secret: {{name: {name}}}}}");
    let granted = home.call(grant_of(&config)).expect("granted").expect("values");
    granted.secrets[0].1.expose().to_vec()
}

fn lines(home: &Home) -> usize {
    home.audit_log().lines().filter(|line| line.contains("take-document")).count()
}

fn taken_secret(name: &str) -> TakenOutcome {
    TakenOutcome::Secret { name: secret(name) }
}

#[test]
fn a_document_that_changes_something_has_its_line_and_twice_changes_nothing() {
    let ada = Home::new();
    ada.set("A", b"one");
    let bob = admitted(&ada);
    assert_eq!(value(&bob, "A"), b"one");
    let before = lines(&bob);
    assert!(bob.audit_log().contains(r#""event":"take-document","pid":42,"names":["A"]"#));
    ada.set("A", b"two");
    let two = document_of(&ada, "A", RecordKind::Value);
    let heard = follower(&bob);
    assert_eq!(take(&bob, &two), Ok(taken_secret("A")));
    assert_eq!(taken(&heard), [names(&["A"])]);
    assert_eq!((value(&bob, "A"), lines(&bob)), (b"two".to_vec(), before + 1));
    assert_eq!(take(&bob, &two), Ok(TakenOutcome::Known));
    assert_eq!(lines(&bob), before + 1, "nothing has changed");
    assert!(taken(&heard).is_empty());
    ada.call(Delete { name: secret("A"), purge: false }).expect("deleted");
    let mark = document_of(&ada, "A", RecordKind::Deleted);
    assert_eq!(take(&bob, &mark), Ok(taken_secret("A")));
    assert_eq!(taken(&heard), [names(&["A"])]);
    // The value that was deleted does not come back.
    assert_eq!(take(&bob, &two), Ok(TakenOutcome::Known));
    assert!(bob.call(grant_of("x: {secret: {name: A}}")).is_err());
}

#[test]
fn documents_in_the_wrong_order_wait_for_the_list_and_then_count() {
    let ada = Home::new();
    ada.set("A", b"one");
    let bob = admitted(&ada);
    let carl = admitted(&ada);
    // Bob has not heard of the list with Carl yet, and gets what was encrypted for it.
    ada.set("A", b"two");
    let all = documents(&ada);
    let (lists, records): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(key, _)| matches!(key, SyncDocumentKey::Members { .. }));
    let before = lines(&bob);
    for (_, record) in &records {
        assert_eq!(take(&bob, record), Ok(TakenOutcome::Later));
    }
    assert_eq!((value(&bob, "A"), lines(&bob)), (b"one".to_vec(), before));
    for (_, list) in lists.iter().rev() {
        let _ = take(&bob, list).expect("no refusal");
    }
    for (_, list) in &lists {
        let _ = take(&bob, list).expect("no refusal");
    }
    for (_, record) in &records {
        assert!(take(&bob, record).is_ok());
    }
    assert_eq!(value(&bob, "A"), b"two");
    exchange(&carl, &bob);
    exchange(&bob, &carl);
    assert_eq!(value(&carl, "A"), b"two");
}

#[test]
fn a_locked_vault_refuses_a_document_and_takes_it_after_the_unlock() {
    let ada = Home::new();
    ada.set("A", b"one");
    let bob = admitted(&ada);
    let passphrase = || Secret::from(b"correct horse".to_vec());
    bob.call(Passphrase { old: None, new: Some(passphrase()) }).expect("a passphrase");
    bob.call(Lock).expect("locked");
    ada.set("A", b"two");
    let two = document_of(&ada, "A", RecordKind::Value);
    let before = (fs::read(bob.folder.path().join("vault/A.age")).expect("a file"), lines(&bob));
    assert_eq!(take(&bob, &two).map_err(|refusal| refusal.code), Err(Code::Locked));
    let now = (fs::read(bob.folder.path().join("vault/A.age")).expect("a file"), lines(&bob));
    assert_eq!(now, before, "nothing has changed");
    bob.call(Unlock { seconds: None, passphrase: passphrase() }).expect("unlocked");
    assert_eq!(take(&bob, &two), Ok(taken_secret("A")));
    assert_eq!(value(&bob, "A"), b"two");
}

#[test]
fn a_subscriber_restarts_for_another_value_and_not_for_the_same_one() {
    let ada = Home::new();
    ada.set("A", b"one");
    let bob = admitted(&ada);
    let heard = Arc::new(Heard::default());
    let config = Zeroizing::new(b"x: {secret: {name: A}}".to_vec());
    bob.ask_for(Subscribe { config }.into(), &heard);
    bob.service.subscribers.stop_watching();
    heard.take();
    let told = || {
        let same = heard.take().into_iter().flat_map(|response| match response.decoded() {
            Reply::Answer(Subscribed { secrets, .. }) => {
                secrets.into_iter().map(|one| one.is_same).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        });
        same.collect::<Vec<_>>()
    };
    let publish = || take(&bob, &document_of(&ada, "A", RecordKind::Value)).expect("taken");
    ada.set("A", b"two");
    assert_eq!(publish(), taken_secret("A"));
    assert_eq!(told(), [false]);
    ada.set("A", b"two");
    assert_eq!(publish(), taken_secret("A"));
    assert_eq!(told(), [true], "the same value again");
    ada.call(AddMember { recipient: PAPER.into(), note: None }).expect("added");
    exchange(&ada, &bob);
    assert_eq!(told(), [true], "the same change for other members");
    // An earlier value for the history is no change of the secret.
    ada.set("A", b"three");
    let three = document_of(&ada, "A", RecordKind::Value);
    ada.set("A", b"four");
    assert_eq!(publish(), taken_secret("A"));
    assert_eq!(told(), [false]);
    assert_eq!(take(&bob, &three), Ok(taken_secret("A")));
    assert!(told().is_empty());
    assert_eq!(value(&bob, "A"), b"four");
}

#[test]
fn a_document_that_no_member_has_signed_is_an_outcome_and_changes_nothing() {
    let (ada, stranger) = (Home::new(), Home::new());
    ada.set("A", b"one");
    stranger.set("A", b"x");
    let bob = admitted(&ada);
    let before = bob.audit_log();
    let theirs = document_of(&stranger, "A", RecordKind::Value);
    assert_eq!(take(&bob, &theirs), Ok(TakenOutcome::ForOthers));
    for bytes in [b"".as_slice(), b"x", &[0; 100_000]] {
        let outcome = take(&bob, bytes).expect("an outcome");
        assert!(matches!(outcome, TakenOutcome::Refused { .. }), "{outcome:?}");
    }
    assert_eq!(bob.audit_log(), before);
    assert_eq!(value(&bob, "A"), b"one");
}
