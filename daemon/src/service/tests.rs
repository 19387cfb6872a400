use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use fluvio_secret_config::Document;
use fluvio_secret_protocol::{
    Call, Code, Damaged, Delete, Examine, Examined, GetActivity, GetKey, GetMembers, GetStatus,
    Grant, Granted, Import, List, ListLeases, Listed, Lock, Passphrase, Refusal, Reply, Request,
    Restore, Rotate, Secret, SecretName, Set, Stored, Subscribe, Subscribed, Working, limits,
};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::peer::Peer;
use zeroize::Zeroizing;

use super::values::ReadSecrets;
use super::{Service, deliveries, handle};
use crate::answers::{Answers, Response};
use crate::audit::{Actor, Audit, AuditEvent};
use crate::grants::Grants;
use crate::leases::LeaseTable;
use crate::settings::Settings;
use fluvio_secret_vault::Vault;

pub(super) const PEER: Peer = Peer { uid: 0, pid: 42 };

/// A request for the secrets of a configuration.
pub(super) fn grant_of(config: &str) -> Grant {
    let config = Zeroizing::new(config.as_bytes().to_vec());
    Grant { label: "c.yaml".into(), program: "prog".into(), check: false, identity: None, config }
}

/// A client that hears all answers, until it goes away.
#[derive(Default)]
pub(super) struct Heard {
    answers: Mutex<Vec<Response>>,
    is_gone: AtomicBool,
}

impl Heard {
    pub(super) fn take(&self) -> Vec<Response> {
        std::mem::take(&mut *self.answers.lock().expect("no panic"))
    }

    pub(super) fn leave(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }
}

impl Answers for Heard {
    fn send(&self, answer: Response) {
        self.answers.lock().expect("no panic").push(answer);
    }

    fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }
}

fn ask<C: Call<Answer: std::fmt::Debug>>(service: &Service, request: C) -> Vec<Reply<C::Answer>>
where
    Request: From<C>,
{
    let heard = Arc::new(Heard::default());
    ask_for(service, request.into(), &heard);
    heard.take().iter().map(Response::decoded).collect()
}

fn ask_for(service: &Service, request: Request, heard: &Arc<Heard>) {
    let answers: Arc<dyn Answers> = heard.clone();
    let lock_requests = service.vault.keys().lock_requests();
    handle::answer(service, request, PEER, lock_requests, &answers, &|| {});
}

pub(super) struct Home {
    pub(super) folder: tempfile::TempDir,
    pub(super) service: Arc<Service>,
}

impl Home {
    pub(super) fn new() -> Self {
        Self::of(tempfile::tempdir().expect("a folder"))
    }

    /// The same with another daemon.
    pub(super) fn restarted(self) -> Self {
        let Self { folder, service } = self;
        drop(service);
        Self::of(folder)
    }

    /// A user with what is in this directory.
    pub(super) fn of(folder: tempfile::TempDir) -> Self {
        let at = |name: &str| folder.path().join(name);
        let vault =
            Vault::open(&at("vault"), &at("identity.txt"), &at("history"), 10, Instant::now())
                .expect("a vault");
        let leases = LeaseTable::new(vault.path(), None);
        let service = Service::new(
            vault,
            Audit::new(at("audit.log")),
            Grants::default(),
            leases,
            Settings::default(),
        );
        Self { folder, service }
    }

    /// All answers.
    pub(super) fn ask<C: Call<Answer: std::fmt::Debug>>(&self, request: C) -> Vec<Reply<C::Answer>>
    where
        Request: From<C>,
    {
        ask(&self.service, request)
    }

    /// The last answer of the service of another vault.
    pub(super) fn call_by<C: Call<Answer: std::fmt::Debug>>(
        &self,
        service: &Service,
        request: C,
    ) -> Result<C::Answer, Refusal>
    where
        Request: From<C>,
    {
        answer(ask(service, request).pop().expect("an answer"))
    }

    /// The last answer.
    pub(super) fn call<C: Call<Answer: std::fmt::Debug>>(
        &self,
        request: C,
    ) -> Result<C::Answer, Refusal>
    where
        Request: From<C>,
    {
        answer(self.ask(request).pop().expect("an answer"))
    }

    pub(super) fn ask_for(&self, request: Request, heard: &Arc<Heard>) {
        ask_for(&self.service, request, heard);
    }

    /// The identity's file.
    pub(super) fn identity(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("identity.txt")).expect("a file")
    }

    pub(super) fn set(&self, name: &str, value: &[u8]) {
        self.try_set(name, value).expect("set");
    }

    pub(super) fn try_set(&self, name: &str, value: &[u8]) -> Result<Stored, Refusal> {
        self.call(Set { name: secret(name), value: Secret::from(value.to_vec()) })
    }

    /// The line of a delivery, for values that were decrypted after this number of locks.
    fn record_delivery(
        &self,
        event: AuditEvent,
        names: &[SecretName],
        locks: u64,
    ) -> Result<(), Refusal> {
        deliveries::record(&self.service, event, Actor::default(), names, &[], locks).map(|_| ())
    }

    fn grant(&self, config: &str) -> Result<Granted, Refusal> {
        self.call(grant_of(config)).map(|granted| granted.expect("values, which were not checked"))
    }

    pub(super) fn audit_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("audit.log")).unwrap_or_default()
    }
}

pub(super) fn secret(name: &str) -> SecretName {
    name.parse().expect("a name")
}

fn answer<A: std::fmt::Debug>(reply: Reply<A>) -> Result<A, Refusal> {
    match reply {
        Reply::Answer(answer) => Ok(answer),
        Reply::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn refusal<A: std::fmt::Debug>(answer: Result<A, Refusal>) -> Refusal {
    answer.expect_err("refused")
}

#[test]
fn e1_a_grant_has_exactly_the_referenced_secrets() {
    let home = Home::new();
    for name in ["A", "B", "C"] {
        home.set(name, name.to_lowercase().as_bytes());
    }
    let granted = home.grant("x: [{secret: {name: C}}, {secret: {name: A}}]").expect("granted");
    let values = granted.secrets.iter().map(|(name, value)| (name.clone(), value.expose()));
    let expected: [(_, &[u8]); 2] = [(secret("A"), b"a"), (secret("C"), b"c")];
    assert!(values.eq(expected));
    let line = home.audit_log().lines().last().expect("a line").to_owned();
    assert!(line.contains(r#""event":"grant","pid":42,"program":"prog","config":"c.yaml""#));
    assert!(line.contains(r#""names":["A","C"]"#), "{line}");
}

#[test]
fn what_cannot_be_opened_is_told_by_name_and_nothing_of_what_can() {
    let home = Home::new();
    for name in ["A", "B", "C"] {
        home.set(name, b"cnry");
    }
    let file = |name: &str| home.folder.path().join(format!("vault/{name}.age"));
    fs::copy(file("A"), file("B")).expect("copied");
    fs::remove_file(file("C")).expect("removed");
    let names = ["A", "B", "C"].map(secret).to_vec();
    let answer = home.call(Examine { names });
    let why = "it holds the secret `A`".to_owned();
    assert!(!format!("{answer:?}").contains("cnry"));
    let Ok(Examined { damaged }) = answer else { panic!("{answer:?}") };
    assert_eq!(damaged, [Damaged { name: secret("B"), why, for_others: false }]);
}

#[test]
fn e2_all_missing_names_are_told_at_once_and_nothing_is_granted() {
    let home = Home::new();
    home.set("B", b"b");
    let refusal = home
        .grant("x: [{secret: {name: C}}, {secret: {name: A}}, {secret: {name: B}}]")
        .expect_err("refused");
    assert_eq!(
        (refusal.code, &refusal.names[..]),
        (Code::Missing, &[secret("A"), secret("C")][..])
    );
    assert!(!home.audit_log().contains("grant"), "nothing was delivered");
    let one = home.grant("x: {secret: {name: A}}").expect_err("refused");
    assert_eq!(one.report(), "no secret `A`\nhelp: set it with: fluvio-secret set A");
}

#[test]
fn without_its_line_in_the_audit_log_nothing_is_delivered_or_changed() {
    let home = Home::new();
    home.set("A", b"one");
    fs::remove_file(home.folder.path().join("audit.log")).expect("it is there");
    fs::create_dir(home.folder.path().join("audit.log")).expect("a folder in its place");
    assert_eq!(home.grant("x: {secret: {name: A}}").expect_err("refused").code, Code::Audit);
    assert_eq!(refusal(home.try_set("A", b"two")).code, Code::Audit);
    assert_eq!(refusal(home.try_set("B", b"new")).code, Code::Audit);
    let delete = home.call(Delete { name: secret("A"), purge: false });
    assert_eq!(refusal(delete).code, Code::Audit);
    fs::remove_dir(home.folder.path().join("audit.log")).expect("it is there");
    let granted = home.grant("x: {secret: {name: A}}").expect("granted again");
    assert_eq!(granted.secrets[0].1.expose(), b"one");
    assert!(home.grant("x: {secret: {name: B}}").is_err());
}

#[test]
fn d13_what_was_opened_before_a_lock_is_not_given_away_after_it() {
    let home = Home::new();
    home.set("A", b"one");
    let put = Passphrase { old: None, new: Some(b"p".to_vec().into()) };
    home.call(put).expect("a passphrase");
    let locks = home.service.vault.keys().locks();
    let names = [secret("A")];
    let document = Document::read(b"x: {secret: {name: A}}");
    let secrets = ReadSecrets::of(&home.service, None, &document);
    let values = secrets.into_values(&names).expect("decrypted");
    assert_eq!(values[0].value.expose(), b"one");
    home.call(Lock).expect("locked");
    for event in [AuditEvent::Grant, AuditEvent::Lease] {
        let recorded = home.record_delivery(event, &names, locks);
        assert_eq!(recorded.err().map(|refusal| refusal.code), Some(Code::Locked));
    }
    assert!(home.audit_log().lines().last().is_some_and(|line| line.contains(r#""lock""#)));
}

#[test]
fn a_lock_that_is_refused_stops_no_grant() {
    let home = Home::new();
    home.set("A", b"one");
    let locks = home.service.vault.keys().locks();
    assert_eq!(refusal(home.call(Lock)).code, Code::Passphrase);
    let names = [secret("A")];
    let recorded = home.record_delivery(AuditEvent::Grant, &names, locks);
    assert!(recorded.is_ok());
}

#[test]
fn the_line_of_a_change_is_written_before_the_change() {
    let home = Home::new();
    home.set("A", b"one");
    // In place of the secret there is a directory: the change fails after its line.
    fs::create_dir(home.folder.path().join("vault/B.age")).expect("a folder");
    assert_eq!(refusal(home.try_set("B", b"two")).code, Code::Storage);
    assert!(home.audit_log().contains(r#""event":"set","pid":42,"names":["B"]"#));
}

#[test]
fn a_damaged_secret_is_named_and_the_others_are_served() {
    let home = Home::new();
    home.set("A", b"one");
    home.set("B", b"two");
    fs::write(home.folder.path().join("vault/A.age"), "rubbish").expect("damaged");
    let refusal = home.grant("x: [{secret: {name: A}}, {secret: {name: B}}]").expect_err("refused");
    assert_eq!((refusal.code, &refusal.names[..]), (Code::Damaged, &[secret("A")][..]));
    assert!(refusal.to_string().contains("`A`"), "{refusal}");
    assert!(home.grant("x: {secret: {name: B}}").is_ok());
}

#[test]
fn a_grant_is_at_most_8_mib() {
    let home = Home::new();
    let value = vec![b'x'; limits::VALUE_BYTES];
    let mut config = String::new();
    for n in 0..9 {
        home.set(&format!("N{n}"), &value);
        config += &format!("- secret: {{name: N{n}}}\n");
    }
    assert_eq!(home.grant(&config).expect_err("refused").code, Code::Large);
    let (eight, _) = config.trim_end().rsplit_once('\n').expect("nine lines");
    assert_eq!(home.grant(eight).expect("eight").secrets.len(), 8);
}

#[test]
fn the_list_comes_in_pages_that_say_whether_more_follows() {
    let home = Home::new();
    let pages = |home: &Home| -> Vec<(usize, bool)> {
        let answers = home.ask(List).into_iter().map(answer);
        let pages = answers.map(|page| page.expect("a page"));
        pages.map(|page| (page.secrets.len(), page.more)).collect()
    };
    assert_eq!(pages(&home), [(0, false)]);
    for n in 0..300 {
        fs::write(home.folder.path().join(format!("vault/N{n:03}.age")), "").expect("a file");
    }
    fs::write(home.folder.path().join("vault/README.md"), "").expect("no secret");
    assert_eq!(pages(&home), [(256, true), (44, false)]);
}

#[test]
fn d7_no_refusal_or_audit_line_has_a_value() {
    let home = Home::new();
    let canary = "cnry-0f";
    home.set("A", canary.as_bytes());
    let bad = home.grant(&format!("a: [{canary}\nb: 2")).expect_err("no YAML");
    assert_eq!(bad.code, Code::Config);
    assert!(!bad.to_string().contains("cnry"), "{bad}");
    home.grant("x: {secret: {name: A}}").expect("granted");
    assert!(!home.audit_log().contains("cnry"));
}

/// What a subscriber received: names, whether each exists, and whether its value is the same.
fn told(answers: Vec<Response>) -> Vec<Vec<(String, bool, bool)>> {
    let one = |response: Response| {
        let subscribed = answer::<Subscribed>(response.decoded()).expect("fingerprints");
        let secrets = subscribed.secrets.into_iter();
        secrets.map(|one| (one.name.to_string(), one.fingerprint.is_some(), one.is_same)).collect()
    };
    answers.into_iter().map(one).collect()
}

fn subscription(config: &str) -> Subscribe {
    Subscribe { config: Zeroizing::new(config.as_bytes().to_vec()) }
}

#[test]
fn subscribers_are_told_their_own_secrets_and_what_changes_of_them() {
    let home = Home::new();
    home.set("A", b"one");
    home.set("OTHER", b"one");
    let heard = Arc::new(Heard::default());
    home.ask_for(subscription("x: [{secret: {name: A}}, {secret: {name: B}}]").into(), &heard);
    let a = |is_there, is_same| ("A".to_owned(), is_there, is_same);
    let b = |is_there| ("B".to_owned(), is_there, false);
    assert_eq!(told(heard.take()), [[a(true, false), b(false)]]);
    home.set("OTHER", b"two");
    assert!(heard.take().is_empty());
    home.set("B", b"one");
    home.set("A", b"one");
    home.set("A", b"two");
    let restore = |version| home.call(Restore { name: secret("A"), version });
    restore(None).expect("restored");
    restore(Some(1)).expect("restored");
    home.call(Delete { name: secret("A"), purge: false }).expect("deleted");
    // The first restored value is not the current one, and is reported before its new file. The second one is.
    let (same, other) = ([a(true, true)], [a(true, false)]);
    let expected =
        [[b(true)], same.clone(), other.clone(), other, same.clone(), same, [a(false, false)]];
    assert_eq!(told(heard.take()), expected);
    heard.is_gone.store(true, Ordering::Relaxed);
    home.service.subscribers.forget_gone();
    home.set("A", b"three");
    assert!(heard.take().is_empty());
}

#[test]
fn a15_nothing_of_another_directory_at_the_vaults_path_is_told_or_acknowledged() {
    let home = Home::new();
    home.set("A", b"one");
    let heard = Arc::new(Heard::default());
    home.ask_for(subscription("x: {secret: {name: A}}").into(), &heard);
    home.service.subscribers.stop_watching();
    heard.take();
    let at = |name: &str| home.folder.path().join(name);
    fs::rename(at("vault"), at("elsewhere")).expect("moved");
    fs::create_dir(at("vault")).expect("a directory");
    home.service.subscribers.check_all();
    assert!(heard.take().is_empty(), "the secret is not gone");
    let requests = [
        Request::from(List),
        GetActivity.into(),
        GetKey.into(),
        GetMembers.into(),
        subscription("x: 1").into(),
        Examine { names: vec![secret("A")] }.into(),
        Delete { name: secret("A"), purge: true }.into(),
        Set { name: secret("A"), value: Secret::from(b"two".to_vec()) }.into(),
        Rotate { drop_history: false, passphrase: None }.into(),
    ];
    let lines = home.audit_log();
    for request in requests {
        let what = format!("{request:?}");
        let heard = Arc::new(Heard::default());
        home.ask_for(request, &heard);
        let answers = heard.take();
        assert_eq!(answers.len(), 1, "{what}");
        let refusal = refusal(answer::<Working>(answers[0].decoded()));
        assert_eq!(refusal.code, Code::Stopping, "{what}");
        assert!(refusal.to_string().contains("moved, replaced or unmounted"), "{refusal}");
    }
    let refused = home.grant("x: {secret: {name: A}}").expect_err("refused");
    assert_eq!(refused.code, Code::Stopping);
    assert_eq!(home.audit_log(), lines);
    assert_eq!(fs::read_dir(at("vault")).expect("a directory").count(), 0);
    assert!(home.call(GetStatus).is_ok() && home.call(ListLeases).is_ok());
    // What was begun before, and is done after it.
    let names = [secret("A")];
    let recorded = home.record_delivery(AuditEvent::Grant, &names, 0);
    assert_eq!(recorded.err().map(|refusal| refusal.code), Some(Code::Storage));
    let listed = Response::new(Listed { secrets: Vec::new(), more: false });
    let missing = Refusal::new(Code::Missing, "no such secret", "");
    for served in [Ok(Some(listed)), Err(missing)] {
        let told = handle::of_the_vault(&home.service, served);
        assert_eq!(told.err().map(|refusal| refusal.code), Some(Code::Storage));
    }
    fs::remove_dir(at("vault")).expect("removed");
    fs::rename(at("elsewhere"), at("vault")).expect("put back");
    home.service.subscribers.check_all();
    assert!(heard.take().is_empty(), "nothing has changed");
    assert!(home.grant("x: {secret: {name: A}}").is_ok());
}

#[test]
fn what_came_from_outside_is_told_before_the_same_is_set_or_sealed_anew() {
    let home = Home::new();
    let file = home.folder.path().join("vault/A.age");
    home.set("A", b"two");
    let two = fs::read(&file).expect("a secret");
    let requests: [fn() -> Request; 2] = [
        || Set { name: secret("A"), value: Secret::from(b"two".to_vec()) }.into(),
        || Rotate { drop_history: false, passphrase: None }.into(),
    ];
    for request in requests {
        home.set("A", b"one");
        let heard = Arc::new(Heard::default());
        home.ask_for(subscription("x: {secret: {name: A}}").into(), &heard);
        home.service.subscribers.stop_watching();
        heard.take();
        fs::write(&file, &two).expect("written");
        home.ask_for(request(), &Arc::default());
        let a = |is_same| ("A".to_owned(), true, is_same);
        assert_eq!(told(heard.take()), [[a(false)], [a(true)]]);
        heard.is_gone.store(true, Ordering::Relaxed);
        home.service.subscribers.forget_gone();
    }
}

#[test]
fn what_is_expected_to_be_the_same_is_so_only_after_what_it_is_the_same_as() {
    let home = Home::new();
    home.set("A", b"one");
    let heard = Arc::new(Heard::default());
    home.ask_for(subscription("x: {secret: {name: A}}").into(), &heard);
    home.service.subscribers.stop_watching();
    let file = home.folder.path().join("vault/A.age");
    let fingerprints = home.service.vault.fingerprints();
    let of_one = fingerprints.of(&secret("A")).expect("a fingerprint");
    let one = fs::read(&file).expect("a secret");
    home.set("A", b"two");
    let of_two = fingerprints.of(&secret("A")).expect("a fingerprint");
    let two = fs::read(&file).expect("a secret");
    heard.take();
    let look = |bytes: &[u8]| {
        fs::write(&file, bytes).expect("written");
        home.service.subscribers.check(&[secret("A")]);
    };
    // Another one comes between.
    home.service.subscribers.expect_same(&secret("A"), of_two, of_one);
    look(b"other");
    look(&one);
    // Not what its subscribers know.
    home.service.subscribers.expect_same(&secret("A"), of_two, of_two);
    look(&two);
    let a = ("A".to_owned(), true, false);
    assert_eq!(told(heard.take()), [[a.clone()], [a.clone()], [a]]);
}

#[test]
fn a_subscription_to_what_cannot_be_read_is_refused_and_there_are_only_so_many() {
    let home = Home::new();
    assert_eq!(refusal(home.call(subscription("]"))).code, Code::Config);
    let listeners: Vec<_> = (0..limits::SUBSCRIPTIONS).map(|_| Arc::default()).collect();
    for heard in &listeners {
        home.ask_for(subscription("x: {secret: {name: A}}").into(), heard);
        assert_eq!(told(heard.take()).len(), 1);
    }
    assert_eq!(refusal(home.call(subscription("x: 1"))).code, Code::Large);
    home.set("A", b"one");
    assert!(listeners.iter().all(|heard| told(heard.take()).len() == 1));
    listeners[0].is_gone.store(true, Ordering::Relaxed);
    home.service.subscribers.forget_gone();
    assert!(home.call(subscription("x: 1")).expect("a place").secrets.is_empty());
}

#[test]
fn sealing_anew_has_its_line_and_tells_subscribers_that_nothing_changed() {
    let home = Home::new();
    home.set("A", b"one");
    let subscriber = Arc::new(Heard::default());
    let config = Zeroizing::new(b"x: {secret: {name: A}}".to_vec());
    home.ask_for(Subscribe { config }.into(), &subscriber);
    subscriber.take();
    let answers = home.ask(Rotate { drop_history: false, passphrase: None });
    let Some((Reply::Answer(resealed), before)) = answers.split_last() else {
        panic!("{answers:?}")
    };
    assert_eq!((resealed.secrets, resealed.members), (1, 1));
    assert!(before.iter().all(|answer| matches!(answer, Reply::Reencrypting(_))), "{before:?}");
    assert_eq!(told(subscriber.take()), [[("A".to_owned(), true, true)]]);
    let line = home.audit_log().lines().last().expect("a line").to_owned();
    let expected = format!(r#""event":"rotate","pid":42,"recipients":["{}"]"#, resealed.own);
    assert!(line.contains(&expected), "{line}");
    // No line, no change.
    let identity = || fs::read(home.folder.path().join("identity.txt")).expect("an identity");
    let unchanged = identity();
    fs::remove_file(home.folder.path().join("audit.log")).expect("it is there");
    fs::create_dir(home.folder.path().join("audit.log")).expect("a folder in its place");
    assert_eq!(
        refusal(home.call(Rotate { drop_history: false, passphrase: None })).code,
        Code::Audit
    );
    assert_eq!(identity(), unchanged);
}

/// A home whose client is this process, which keeps running.
struct Running(Home);

impl Running {
    fn with_values(values: &[&str]) -> Self {
        let home = Home::new();
        for value in values {
            home.set("A", value.as_bytes());
        }
        Self(home)
    }

    fn ask<C: Call<Answer: std::fmt::Debug>>(&self, request: C) -> C::Answer
    where
        Request: From<C>,
    {
        let heard = Arc::new(Heard::default());
        let answers: Arc<dyn Answers> = heard.clone();
        let pid = i32::try_from(std::process::id()).expect("a pid");
        let service = &self.0.service;
        let locks = service.vault.keys().lock_requests();
        handle::answer(service, request.into(), Peer { uid: 0, pid }, locks, &answers, &|| {});
        let last = heard.take().pop().expect("an answer");
        answer(last.decoded()).expect("not refused")
    }

    fn start(&self) {
        self.ask(grant_of("x: {secret: {name: A}}")).expect("values, which were not checked");
    }

    /// Whether the answer to a change names the process.
    fn is_named_after_set(&self, value: &str) -> bool {
        let value = Secret::from(value.as_bytes().to_vec());
        !self.ask(Set { name: secret("A"), value }).holders.is_empty()
    }

    fn is_named_after_import(&self, value: &str) -> bool {
        let secrets = vec![(secret("A"), value.as_bytes().to_vec().into())];
        let import = Import { secrets, overwrite: true, dry_run: false };
        !self.ask(import).holders.is_empty()
    }

    fn is_named_after_restore(&self, version: Option<u64>) -> bool {
        !self.ask(Restore { name: secret("A"), version }).holders.is_empty()
    }
}

#[test]
fn a_process_that_runs_with_the_restored_value_is_not_named() {
    let home = Running::with_values(&["one"]);
    home.start();
    assert!(home.is_named_after_set("two"));
    assert!(!home.is_named_after_restore(None), "it runs with this value");
    assert!(home.is_named_after_restore(None), "and not with this one");
    assert!(home.is_named_after_set("three"));
    // "one" is the older of the two earlier versions.
    let versions = home.0.service.vault.secrets().versions(&secret("A")).expect("versions").earlier;
    assert!(!home.is_named_after_restore(versions.last().map(|oldest| oldest.version)));
}

#[test]
fn a_process_that_runs_with_the_value_that_is_set_again_is_not_named() {
    let home = Running::with_values(&["one"]);
    home.start();
    assert!(!home.is_named_after_set("one"), "the same value");
    assert!(home.is_named_after_set("two"));
    assert!(!home.is_named_after_set("one"));
    assert!(home.is_named_after_import("two"));
    assert!(home.is_named_after_import("three"));
    assert!(!home.is_named_after_import("one"));
}

#[test]
fn a_process_that_runs_with_the_restored_value_is_not_named_after_a_rotation() {
    let home = Running::with_values(&["one"]);
    home.start();
    home.ask(Rotate { drop_history: false, passphrase: None });
    assert!(!home.is_named_after_set("one"));
    assert!(home.is_named_after_set("two"));
    assert!(!home.is_named_after_restore(None));
}

/// A client that looks at the file of the grants when it gets an answer.
struct AnswerTime {
    file: PathBuf,
    seen: Mutex<Option<String>>,
}

impl Answers for AnswerTime {
    fn send(&self, _: Response) {
        *self.seen.lock().expect("no panic") = fs::read_to_string(&self.file).ok();
    }

    fn is_gone(&self) -> bool {
        false
    }
}

#[test]
fn the_file_of_the_grants_is_written_after_the_answer() {
    let Home { folder, service } = Home::new();
    drop(service);
    let at = |name: &str| folder.path().join(name);
    let vault = Vault::open(&at("vault"), &at("identity.txt"), &at("history"), 10, Instant::now());
    let vault = vault.expect("a vault");
    let leases = LeaseTable::new(vault.path(), None);
    let (audit, grants) = (Audit::new(at("audit.log")), Grants::of(at("grants.jsonl")));
    let service = Service::new(vault, audit, grants, leases, Settings::default());
    ask(&service, Set { name: secret("A"), value: b"v".to_vec().into() });
    let client = Arc::new(AnswerTime { file: at("grants.jsonl"), seen: Mutex::default() });
    let answers: Arc<dyn Answers> = client.clone();
    let request = grant_of("x: {secret: {name: A}}").into();
    let locks = service.vault.keys().lock_requests();
    handle::answer(&service, request, PEER, locks, &answers, &|| {});
    assert_eq!(client.seen.lock().expect("no panic").as_deref(), Some(""));
    assert_eq!(fs::read_to_string(at("grants.jsonl")).expect("a line").lines().count(), 1);
    assert_eq!(service.grants.newest().len(), 1);
    assert_eq!(*service.shared.late_work.borrow(), 0);
}
