use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use fluvio_secret_protocol::check::Severity;
use fluvio_secret_protocol::{
    Check, Code, CreateLease, ForgetVault, GetActivity, GetKey, Grant, Granted, InitVault,
    InspectVault, InspectedVault, Lease, ListLeases, ListVaults, Notice, Refusal, Retire, Rotate,
    Secret, Set, Stored, TrustVault, UseIdentity, VaultAddress, limits,
};
use fluvio_secret_system::places::StateDirectory;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use crate::audit::Actor;
use crate::service::tests::{Home, grant_of, secret};
use crate::service::{Service, opening};

const CONFIG: &str = "apiVersion: 0.1.0
meta: {version: 0.1.0, name: c, type: t, topic: t}
x: {secret: {name: A}}
";

/// A user whose daemon serves projects, too.
struct Projects {
    home: Home,
    folder: tempfile::TempDir,
    _runtime: Runtime,
}

impl Projects {
    fn new() -> Self {
        let home = Home::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let state = StateDirectory::under(home.folder.path()).expect("a short path");
        state.prepare().expect("directories");
        opening::serve_others(&home.service, state, runtime.handle().clone());
        Self { home, folder: tempfile::tempdir().expect("a directory"), _runtime: runtime }
    }

    fn path(&self, project: &str) -> PathBuf {
        self.folder.path().canonicalize().expect("a directory").join(project)
    }

    fn init(&self, project: &str) -> VaultAddress {
        let path = self.path(project).to_str().expect("UTF-8").to_owned();
        let made = self.home.call(InitVault { path }).expect("a vault");
        VaultAddress { path: made.path, id: made.id }
    }

    fn service(&self, address: &VaultAddress) -> Result<Arc<Service>, Refusal> {
        self.service_with_notices(address).0
    }

    fn service_with_notices(
        &self,
        address: &VaultAddress,
    ) -> (Result<Arc<Service>, Refusal>, Vec<String>) {
        let notices = RefCell::new(Vec::new());
        let notify = |notice: Notice| notices.borrow_mut().push(notice.text);
        let actor = Actor { pid: 42, ..Actor::default() };
        let service = opening::service_of(&self.home.service, Some(address), actor, &notify);
        (service, notices.into_inner())
    }

    fn set(&self, vault: &VaultAddress, name: &str, value: &str) -> Stored {
        let value = Secret::from(value.as_bytes().to_vec());
        let service = self.service(vault).expect("opened");
        self.home.call_by(&service, Set { name: secret(name), value }).expect("set")
    }

    fn grant(&self, vault: &VaultAddress) -> Result<Granted, Refusal> {
        let service = self.service(vault)?;
        let granted = self.home.call_by(&service, grant_of(CONFIG))?;
        Ok(granted.expect("values, which were not checked"))
    }

    fn value(&self, vault: &VaultAddress) -> String {
        let granted = self.grant(vault).expect("granted");
        String::from_utf8(granted.secrets[0].1.expose().to_vec()).expect("UTF-8")
    }

    fn lease(&self, vault: &VaultAddress) -> Lease {
        let service = self.service(vault).expect("opened");
        let grant = Grant { label: "/c.yaml".into(), program: "cdk".into(), ..grant_of(CONFIG) };
        let leased = self.home.call_by(&service, CreateLease(grant)).expect("leased");
        leased.expect("no finding").lease.expect("a lease")
    }

    /// The number of leases that ended.
    fn forget(&self, vault: &VaultAddress, for_good: bool) -> usize {
        let path = vault.path.clone();
        self.home.call(ForgetVault { path, for_good }).expect("forgotten").leases
    }

    fn trust(&self, vault: &VaultAddress, with_personal: Option<bool>) -> Result<(), Refusal> {
        let inspected = self.home.call(InspectVault { path: vault.path.clone() })?;
        let InspectedVault { path, id, list, .. } = inspected;
        self.home.call(TrustVault { path, id, list, with_personal }).map(|_| ())
    }
}

#[test]
fn each_project_gets_its_own_value_and_the_log_names_its_vault() {
    let projects = Projects::new();
    let (one, other) = (projects.init("one"), projects.init("other"));
    projects.home.set("A", b"personal");
    projects.set(&one, "A", "one");
    projects.set(&other, "A", "other");
    assert_eq!((projects.value(&one), projects.value(&other)), ("one".into(), "other".into()));
    let granted = projects.home.call(grant_of(CONFIG)).expect("granted").expect("values");
    assert_eq!(granted.secrets[0].1.expose(), b"personal");
    let activity = projects.home.call(GetActivity).expect("an answer");
    let mut vaults: Vec<_> = activity.grants.into_iter().map(|grant| grant.vault).collect();
    vaults.sort();
    assert_eq!(vaults, [None, Some(one.path.clone()), Some(other.path.clone())]);
    let log = projects.home.audit_log();
    let set = |path: &str| format!(r#""event":"set","pid":42,"vault":"{path}","names":["A"]"#);
    for address in [&one, &other] {
        assert!(log.contains(&set(&address.path)), "{log}");
    }
    assert!(log.contains(r#""event":"set","pid":42,"names":["A"]"#), "{log}");
    let listed = projects.home.ask(ListVaults);
    assert_eq!(listed.len(), 3, "{listed:?}");
}

#[test]
fn d24_no_directory_is_opened_that_the_user_has_not_registered() {
    let projects = Projects::new();
    let one = projects.init("one");
    projects.set(&one, "A", "one");
    // A clone that anybody could have put there.
    let clone = projects.path("clone");
    fs::create_dir(&clone).expect("a directory");
    fs::create_dir(clone.join(".members")).expect("a directory");
    for file in [".vault-id", ".members/1", "A.age"] {
        fs::copy(PathBuf::from(&one.path).join(file), clone.join(file)).expect("copied");
    }
    let path = clone.to_str().expect("UTF-8").to_owned();
    let clone = VaultAddress { path, id: one.id.clone() };
    let refusal = projects.grant(&clone).expect_err("refused");
    assert_eq!(refusal.code, Code::Vault, "{refusal}");
    assert!(refusal.text.contains("not registered"), "{refusal}");
    assert!(refusal.next.contains("fluvio-secret vault trust"), "{refusal:?}");
    let inspected = projects.home.call(InspectVault { path: clone.path.clone() });
    assert!(!inspected.expect("looked at").registered);
    // It would have been locked.
    assert!(!PathBuf::from(&clone.path).join(".lock").exists());
    projects.trust(&clone, None).expect("registered");
    assert_eq!(projects.value(&clone), "one");
    projects.forget(&clone, false);
    assert_eq!(projects.grant(&clone).expect_err("refused").code, Code::Vault);
    assert_eq!(projects.value(&one), "one");
}

#[test]
fn a_change_of_the_identity_is_one_of_all_vaults() {
    let projects = Projects::new();
    let (one, other) = (projects.init("one"), projects.init("other"));
    projects.set(&one, "A", "one");
    projects.set(&other, "A", "other");
    let away = projects.path("away");
    fs::rename(&other.path, &away).expect("moved");
    let own = || projects.home.call(GetKey).expect("a key").recipient;
    let before = own();
    let rotate = || projects.home.call(Rotate { drop_history: false, passphrase: None });
    let rotated = rotate().expect("rotated");
    assert_eq!(rotated.secrets, 1, "{rotated:?}");
    assert!(rotated.others[0].contains(&other.path), "{rotated:?}");
    let after = own();
    assert_ne!(before, after);
    let retired = projects.home.call(Retire { passphrase: None }).expect_err("refused");
    assert!(retired.text.contains(&other.path), "{retired}");
    // When it is there again, its secrets can be read, and the next rotation finishes this one.
    fs::rename(&away, &other.path).expect("moved back");
    assert_eq!(projects.value(&other), "other");
    let finished = rotate().expect("finished");
    assert_eq!((finished.secrets, finished.others.len()), (1, 0), "{finished:?}");
    assert_eq!(own(), after, "there is no other key");
    projects.home.call(Retire { passphrase: None }).expect("nothing needs it");
    assert_eq!((projects.value(&one), projects.value(&other)), ("one".into(), "other".into()));
}

#[test]
fn no_key_is_removed_that_a_forgotten_vault_needs() {
    let projects = Projects::new();
    let one = projects.init("one");
    projects.set(&one, "A", "one");
    projects.forget(&one, false);
    projects.home.call(Rotate { drop_history: false, passphrase: None }).expect("rotated");
    let retire = || projects.home.call(Retire { passphrase: None });
    let refusal = retire().expect_err("refused");
    assert_eq!(refusal.code, Code::Vault, "{refusal}");
    assert!(refusal.text.contains(&one.path), "{refusal}");
    projects.trust(&one, None).expect("registered");
    assert_eq!(projects.value(&one), "one");
    // The next rotation encrypts it for the current key.
    projects.home.call(Rotate { drop_history: false, passphrase: None }).expect("finished");
    retire().expect("nothing needs it");
    assert_eq!(projects.value(&one), "one");
    projects.forget(&one, false);
    projects.forget(&one, true);
    projects.home.call(Rotate { drop_history: false, passphrase: None }).expect("rotated");
    retire().expect("nothing needs it");
}

#[test]
fn an_identity_is_not_changed_while_the_list_of_vaults_cannot_be_read() {
    let projects = Projects::new();
    let one = projects.init("one");
    projects.set(&one, "A", "one");
    let before = projects.home.identity();
    fs::write(projects.home.folder.path().join("vaults.json"), "{").expect("written");
    let refusals = [
        projects.home.call(UseIdentity { identity: another_identity(), passphrase: None }),
        projects.home.call(Rotate { drop_history: false, passphrase: None }),
    ];
    for refusal in refusals.map(|changed| changed.expect_err("refused")) {
        assert!(refusal.text.contains("invalid list of vaults"), "{refusal}");
    }
    assert!(projects.home.identity() == before, "it has changed");
}

/// An identity as age-keygen makes one.
fn another_identity() -> Secret {
    let other = Home::new();
    other.set("A", b"");
    Secret::from(other.identity())
}

#[test]
fn a_rotation_names_some_of_many_vaults_that_cannot_be_opened() {
    let projects = Projects::new();
    projects.home.set("A", b"personal");
    let vault = |at: usize| {
        let path = format!("/nowhere/{}/{at:03}", "x".repeat(3000));
        format!(r#"{{"path":"{path}","id":"{at:032x}","with_personal":false}}"#)
    };
    let vaults: Vec<_> = (0..limits::VAULTS).map(vault).collect();
    let list = format!(r#"{{"format":1,"vaults":[{}]}}"#, vaults.join(","));
    fs::write(projects.home.folder.path().join("vaults.json"), list).expect("written");
    let rotated = projects.home.call(Rotate { drop_history: false, passphrase: None });
    let rotated = rotated.expect("rotated");
    assert!(!rotated.others.is_empty());
    assert_eq!(rotated.others.len() + rotated.more_others, limits::VAULTS);
}

#[test]
fn a_vault_that_moved_is_reported_and_gets_nothing_of_the_personal_one() {
    let projects = Projects::new();
    let one = projects.init("one");
    projects.home.set("A", b"personal");
    projects.trust(&one, Some(true)).expect("registered");
    assert_eq!(projects.value(&one), "personal");
    let away = projects.path("away").to_str().expect("UTF-8").to_owned();
    fs::rename(&one.path, &away).expect("moved");
    let moved = VaultAddress { path: away.clone(), id: one.id };
    let (service, notices) = projects.service_with_notices(&moved);
    service.expect("opened");
    let text = format!("the vault {} has moved to {away}, and takes nothing from", one.path);
    let help = format!("fluvio-secret vault trust --with-personal {away}");
    assert!(notices[0].starts_with(&text) && notices[0].ends_with(&help), "{notices:?}");
    let line = format!(r#""event":"move-vault","pid":42,"vault":"{away}","names":[]"#);
    assert!(projects.home.audit_log().contains(&line), "{}", projects.home.audit_log());
    assert!(projects.grant(&moved).is_err());
    assert_eq!(projects.service_with_notices(&moved).1, Vec::<String>::new());
    projects.trust(&moved, Some(true)).expect("registered");
    assert_eq!(projects.value(&moved), "personal");
}

#[test]
fn e21_what_a_project_lacks_is_taken_from_the_personal_vault_only_if_the_user_wants_that() {
    let projects = Projects::new();
    let one = projects.init("one");
    projects.home.set("A", b"personal");
    let check = || {
        let config = Zeroizing::new(CONFIG.as_bytes().to_vec());
        let service = projects.service(&one).expect("opened");
        projects.home.call_by(&service, Check { config }).expect("checked").findings.remove(0)
    };
    let refusal = projects.grant(&one).expect_err("refused");
    assert!(refusal.next.contains("your personal vault has it"), "{refusal:?}");
    assert_eq!(check().severity, Severity::Error);
    projects.trust(&one, Some(true)).expect("registered");
    let granted = projects.grant(&one).expect("granted");
    assert_eq!(granted.note.as_deref(), Some("from your personal vault: A"));
    assert_eq!(granted.secrets[0].1.expose(), b"personal");
    let finding = check();
    assert_eq!((finding.severity, &*finding.code), (Severity::Warning, "personal-secret"));
    // A lease follows the personal vault, too.
    let service = projects.service(&one).expect("opened");
    let grant = Grant { label: "/c.yaml".into(), program: "cdk".into(), ..grant_of(CONFIG) };
    let leased = projects.home.call_by(&service, CreateLease(grant)).expect("leased");
    let leased = leased.expect("no finding");
    assert_eq!(leased.note.as_deref(), Some("from your personal vault: A"));
    let file = || fs::read_to_string(&leased.lease.as_ref().expect("a lease").secrets);
    assert_eq!(file().expect("a file"), "A=personal\n");
    let stored = projects.home.call(Set { name: secret("A"), value: b"changed".to_vec().into() });
    assert_eq!(stored.expect("set").leases.len(), 1);
    assert_eq!(file().expect("a file"), "A=changed\n");
    let leases = projects.home.call(ListLeases).expect("an answer");
    assert_eq!(leases.lease.expect("a lease").vault.as_deref(), Some(&*one.path));
    // Their lines are those of the personal vault.
    let log = projects.home.audit_log();
    let deliveries = |line: &&str| ["grant", "lease"].iter().any(|event| line.contains(event));
    assert_eq!(log.lines().filter(deliveries).count(), 3, "{log}");
    assert!(log.lines().filter(deliveries).all(|line| !line.contains("vault")), "{log}");
    // It stays as it is, and can be turned off.
    projects.trust(&one, None).expect("registered");
    assert!(projects.grant(&one).expect("granted").note.is_some());
    projects.set(&one, "A", "one");
    assert_eq!(projects.grant(&one).expect("granted").note, None);
    // The lease follows the project's own secret, and its line names that vault.
    assert_eq!(file().expect("a file"), "A=one\n");
    let line = format!(r#","vault":"{}","names":["A"]}}"#, one.path);
    assert!(
        projects
            .home
            .audit_log()
            .lines()
            .any(|one| one.contains("update-lease") && one.ends_with(&line))
    );
    projects.trust(&one, Some(false)).expect("registered");
    assert_eq!(projects.value(&one), "one");
}

#[test]
fn a_lease_follows_what_its_vault_takes_from_the_personal_one() {
    let projects = Projects::new();
    let one = projects.init("one");
    projects.home.set("A", b"personal");
    projects.trust(&one, Some(true)).expect("registered");
    let lease = projects.lease(&one);
    let file = || fs::read_to_string(&lease.secrets).expect("a file");
    let stale = || projects.home.call(ListLeases).expect("an answer").lease.expect("one").stale;
    assert_eq!((file(), stale()), ("A=personal\n".into(), vec![]));
    projects.trust(&one, Some(false)).expect("registered");
    projects.home.set("A", b"changed");
    assert_eq!((file(), stale()), ("A=personal\n".into(), vec![0]));
    projects.trust(&one, Some(true)).expect("registered");
    assert_eq!((file(), stale()), ("A=changed\n".into(), vec![]));
}

#[test]
fn the_leases_of_a_vault_end_when_it_is_forgotten() {
    let projects = Projects::new();
    let (one, other) = (projects.init("one"), projects.init("other"));
    projects.set(&one, "A", "one");
    projects.set(&other, "A", "other");
    let [lease, of_other] =
        [&one, &other].map(|vault| PathBuf::from(projects.lease(vault).secrets));
    assert!(lease.exists());
    assert_eq!(projects.forget(&one, false), 1);
    assert!(!lease.exists() && of_other.exists());
    assert!(projects.home.call(ListLeases).expect("an answer").lease.is_some());
    // A daemon before this one may have left it.
    projects.home.service.shared.close(&other.path);
    assert!(of_other.exists());
    projects.forget(&other, false);
    assert!(!of_other.exists());
}
