use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fluvio_secret_protocol::{Role, limits};
use fluvio_secret_system::help::Helpful;

use super::{RegisteredVault, Registry, RegistryError};
use crate::error::OpenError;
use crate::keys::identity::Identity;
use crate::rekey::change::Rekey;
use crate::rekey::retirement::Retirement;
use crate::tests::{Home, read, set, write};
use crate::{SecretReader, Vault, VaultError};

/// A user with a personal vault and a directory for projects.
struct User {
    home: Home,
    personal: Vault,
    registry: Registry,
    projects: tempfile::TempDir,
}

impl User {
    fn new() -> Self {
        let home = Home::new();
        let personal = home.open().expect("a vault");
        personal.recipients().expect("an identity");
        let registry = personal.registry();
        Self { home, personal, registry, projects: tempfile::tempdir().expect("a directory") }
    }

    fn path(&self, project: &str) -> PathBuf {
        self.projects.path().canonicalize().expect("a directory").join(project)
    }

    fn init(&self, project: &str) -> RegisteredVault {
        self.make(&self.path(project)).expect("a vault")
    }

    fn make(&self, path: &Path) -> Result<RegisteredVault, RegistryError> {
        self.registry.make(path, &self.personal.own_recipients().expect("keys"))
    }

    fn trust(&self, path: &Path) -> Result<RegisteredVault, RegistryError> {
        let found = self.registry.inspect(path)?;
        let list = found.list()?.hash().to_string();
        self.registry.register(&found, &list, None)
    }

    fn open(&self, vault: &RegisteredVault) -> Result<Vault, RegistryError> {
        let found = self.registry.find(&vault.path, &vault.id.to_string())?;
        self.registry.take_over(&found)?;
        self.personal.open_registered(&found.vault, Instant::now())
    }
}

#[test]
fn each_vault_has_its_own_value_of_a_name() {
    let user = User::new();
    let (one, other) = (user.init("one"), user.init("other"));
    assert_ne!(one.id, other.id);
    let vaults = [&one, &other].map(|vault| user.open(vault).expect("opened"));
    set(&user.personal, "A", b"personal");
    set(&vaults[0], "A", b"one");
    set(&vaults[1], "A", b"other");
    for (vault, value) in [(&user.personal, "personal"), (&vaults[0], "one"), (&vaults[1], "other")]
    {
        let kept =
            SecretReader::of(vault).read(&"A".parse().expect("a name")).expect("a value").value;
        assert_eq!(kept.expose(), value.as_bytes());
        assert_eq!(read(vault, "A").expect("a value"), value.as_bytes());
    }
    assert_eq!(user.registry.list().expect("a list"), [one, other]);
}

#[test]
fn only_a_registered_directory_is_opened() {
    let user = User::new();
    let one = user.init("one");
    let id = one.id.to_string();
    let find = |path: &str, id: &str| user.registry.find(path, id).map(|_| ());
    assert!(find(&one.path, &id).is_ok());
    let clone = user.path("clone");
    copy(Path::new(&one.path), &clone);
    for (path, id) in [
        (clone.to_str().expect("UTF-8"), &*id),
        ("/nowhere", &id),
        ("/nowhere", "x"),
        (&one.path, "x"),
        (&format!("{}/", one.path), &id),
    ] {
        let found = find(path, id);
        assert!(matches!(found, Err(RegistryError::Unknown { .. })), "{path} {id}: {found:?}");
    }
    // A second clone is registered by itself, and is another vault then.
    let clone = user.trust(&clone).expect("registered");
    let [vault, of_clone] = [&one, &clone].map(|vault| user.open(vault).expect("opened"));
    set(&vault, "A", b"one");
    assert!(matches!(read(&of_clone, "A"), Err(VaultError::Missing)));
    user.registry.forget(&one.path, false).expect("forgotten");
    assert!(find(&one.path, &id).is_err() && Path::new(&one.path).is_dir());
    assert!(user.registry.forget(&one.path, false).is_err());
}

#[test]
fn a_vault_that_moved_is_found_by_its_id_and_another_one_in_its_place_is_refused() {
    let user = User::new();
    let one = user.init("one");
    set(&user.open(&one).expect("opened"), "A", b"one");
    let away = user.path("away");
    fs::rename(&one.path, &away).expect("moved");
    let moved = RegisteredVault { path: away.to_str().expect("UTF-8").to_owned(), ..one.clone() };
    assert_eq!(read(&user.open(&moved).expect("opened"), "A").expect("a value"), b"one");
    assert_eq!(user.registry.list().expect("a list"), std::slice::from_ref(&moved));
    // Another vault takes its place.
    fs::rename(&away, user.path("once more")).expect("moved");
    let another = user.init("another");
    fs::rename(&another.path, &away).expect("moved");
    let report = user.open(&moved).err().expect("refused").report();
    assert!(report.contains("is not the vault that you registered there"), "{report}");
    assert!(report.contains("vault trust"), "{report}");
    fs::remove_dir_all(&away).expect("removed");
    let report = user.open(&moved).err().expect("refused").report();
    assert!(
        report.contains("does not exist any more") && report.contains("vault forget"),
        "{report}"
    );
}

#[test]
fn a_directory_with_the_id_of_a_vault_that_is_gone_gets_nothing_of_the_personal_one() {
    let user = User::new();
    let one = user.init("one");
    let found = user.registry.inspect(Path::new(&one.path)).expect("a vault");
    let list = found.list().expect("a list").hash().to_string();
    user.registry.register(&found, &list, Some(true)).expect("registered");
    let before = user.registry.list().expect("a list");
    let away = user.path("away");
    fs::rename(&one.path, &away).expect("moved");
    symlink(&away, user.path("link")).expect("a link");
    fs::create_dir(user.path("empty")).expect("a directory");
    for other in ["link", "empty", "away/.", "nowhere"] {
        let found =
            user.registry.find(user.path(other).to_str().expect("UTF-8"), &one.id.to_string());
        assert!(matches!(found, Err(RegistryError::Unknown { .. })), "{other}: {found:?}");
    }
    let path = away.to_str().expect("UTF-8").to_owned();
    let found = user.registry.find(&path, &one.id.to_string()).expect("found");
    assert_eq!(found.before.as_ref(), Some(&before[0]));
    assert_eq!(user.registry.list().expect("a list"), before, "it is not remembered yet");
    user.registry.take_over(&found).expect("remembered");
    let moved = RegisteredVault { path, with_personal: false, ..one };
    assert_eq!(user.registry.list().expect("a list"), [moved]);
    assert!(user.registry.take_over(&found).is_err(), "it is there no more");
}

#[test]
fn a_vault_is_made_once_and_nothing_is_made_of_a_directory_with_files() {
    let user = User::new();
    let one = user.init("one");
    set(&user.open(&one).expect("opened"), "A", b"one");
    let again = user.make(Path::new(&one.path)).expect_err("refused");
    assert!(matches!(again, RegistryError::Registered { .. }), "{again}");
    let nowhere = user.make(&user.path("no/parent")).expect_err("refused");
    assert!(matches!(nowhere, RegistryError::Make { .. }), "{nowhere}");
    let personal = user.registry.inspect(&user.home.vault_path()).expect_err("refused");
    assert!(matches!(personal, RegistryError::Personal { .. }), "{personal}");
    fs::create_dir(user.path("plain")).expect("a directory");
    let none = user.registry.inspect(&user.path("plain")).expect_err("refused");
    assert!(matches!(none, RegistryError::NoVault { .. }), "{none}");
    fs::set_permissions(&one.path, fs::Permissions::from_mode(0o775)).expect("changed");
    let wide = user.open(&one).err().expect("refused");
    assert!(matches!(wide, RegistryError::Open(OpenError::Place(_))), "{wide}");
    assert!(wide.report().contains("chmod go-w"), "{}", wide.report());
    // As git makes it.
    fs::set_permissions(&one.path, fs::Permissions::from_mode(0o755)).expect("changed");
    assert!(user.open(&one).is_ok());
    user.registry.forget(&one.path, false).expect("forgotten");
    let again = user.make(Path::new(&one.path)).expect_err("refused");
    assert!(matches!(again, RegistryError::Exists { .. }), "{again}");
}

#[test]
fn a_vault_is_made_only_in_a_directory_that_has_nothing_else() {
    let user = User::new();
    let path = user.path("one");
    for other in ["notes.txt", ".lock", ".tmp-mine", ".history", "requests"] {
        fs::create_dir(&path).expect("a directory");
        fs::create_dir(path.join(other)).expect("a directory");
        let refused = user.make(&path).expect_err(other);
        assert!(matches!(refused, RegistryError::NotEmpty { .. }), "{refused}");
        assert!(refused.report().contains(other), "{}", refused.report());
        assert_eq!(fs::read_dir(&path).expect("a directory").count(), 1, "{other}");
        fs::remove_dir_all(&path).expect("removed");
    }
    // What a killed one leaves.
    fs::create_dir(&path).expect("a directory");
    for left in [".gitignore", ".gitattributes", &format!(".tmp-{}", "0".repeat(32))] {
        fs::write(path.join(left), "").expect("written");
    }
    fs::write(path.join(".vault-id"), format!("{}\n", "a".repeat(32))).expect("written");
    user.make(&path).expect("a vault");
}

#[test]
fn nothing_is_made_for_a_vault_that_is_one_too_many() {
    let user = User::new();
    let one = user.init("one");
    let vaults =
        (0..limits::VAULTS).map(|at| RegisteredVault { path: format!("/{at}"), ..one.clone() });
    user.registry.write(vaults.collect()).expect("written");
    let refused = user.make(&user.path("another")).expect_err("refused");
    assert!(matches!(refused, RegistryError::Many), "{refused}");
    assert!(!user.path("another").exists());
}

#[test]
fn what_was_not_shown_is_not_accepted() {
    let user = User::new();
    let one = user.init("one");
    let path = Path::new(&one.path);
    set(&user.open(&one).expect("opened"), "A", b"one");
    let shown = user.registry.inspect(path).expect("a vault").list().expect("a list").hash();
    // Another machine of an admin has changed the members in between.
    let friend = Identity::generate().recipient().to_string();
    let vault = user.open(&one).expect("opened");
    let rekey = Rekey::add(&vault, &friend, None).expect("prepared");
    rekey.commit(&mut |_| {}).expect("added");
    let found = user.registry.inspect(path).expect("a vault");
    for shown in [shown.to_string(), "0".repeat(64), "x".to_owned()] {
        let changed = user.registry.register(&found, &shown, None);
        assert!(matches!(changed, Err(RegistryError::Changed { .. })), "{changed:?}");
    }
    user.trust(path).expect("registered");
}

#[test]
fn a_vault_of_others_is_registered_with_its_list_and_their_next_one_is_accepted() {
    let (ada, bob) = (User::new(), User::new());
    let one = ada.init("one");
    let vault = ada.open(&one).expect("opened");
    set(&vault, "A", b"one");
    let clone = bob.path("clone");
    copy(Path::new(&one.path), &clone);
    let found = bob.registry.inspect(&clone).expect("a vault");
    let own = bob.personal.own_recipients().expect("keys");
    assert!(!found.is_for(&own));
    let listed = found.listed_members(&own).expect("members");
    assert_eq!((listed.len(), listed[0].own, listed[0].role), (1, false, Role::Admin));
    let there = bob.open(&bob.trust(&clone).expect("registered")).expect("opened");
    let refused = write(&there, "A", b"").err().expect("refused");
    assert!(refused.to_string().contains("is not a member"), "{refused}");
    let (file, fingerprint) = there.request_membership(Role::Writer, None).expect("a request");
    let file = file.expect("a file");
    let requests = Path::new(&one.path).join("requests");
    fs::create_dir(&requests).expect("a directory");
    fs::copy(&file, requests.join(file.file_name().expect("a name"))).expect("copied");
    let rekey = Rekey::admit(
        &vault,
        &crate::tests::two_machines::shown(&vault, &[fingerprint.to_string()], None),
    )
    .expect("prepared");
    rekey.commit(&mut |_| {}).expect("admitted");
    for file in [".members/2", "A.age"] {
        fs::copy(Path::new(&one.path).join(file), clone.join(file)).expect("copied");
    }
    assert_eq!(read(&there, "A").expect("a value"), b"one");
    set(&there, "A", b"two");
    fs::copy(clone.join("A.age"), Path::new(&one.path).join("A.age")).expect("copied");
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
}

#[test]
fn a_new_key_is_that_of_all_vaults_and_the_old_one_is_retired_when_none_needs_it() {
    let user = User::new();
    let one = user.init("one");
    let vault = user.open(&one).expect("opened");
    set(&vault, "A", b"one");
    set(&vault, "A", b"two");
    Rekey::rotate(&user.personal, false, None, None)
        .and_then(|rekey| rekey.commit(&mut |_| {}))
        .expect("rotated");
    assert_eq!(read(&vault, "A").expect("the retired key decrypts it"), b"two");
    let retire = || Retirement::prepare(&user.personal, &[&vault], None, None).map(|_| ());
    assert!(retire().is_err(), "it is needed");
    let resumed = Rekey::resume(&vault, false).expect("prepared").expect("it is needed");
    let done = resumed.commit(&mut |_| {}).expect("encrypted again");
    assert_eq!((done.secrets, done.versions), (1, 1));
    assert!(Rekey::resume(&vault, false).expect("prepared").is_none());
    retire().expect("nothing needs it");
    let retirement = Retirement::prepare(&user.personal, &[&vault], None, None).expect("prepared");
    retirement.commit().expect("retired");
    assert_eq!(read(&vault, "A").expect("a value"), b"two");
}

#[test]
fn a_forgotten_vault_is_known_until_it_is_forgotten_for_good() {
    let user = User::new();
    let one = user.init("one");
    let clone = user.path("clone");
    copy(Path::new(&one.path), &clone);
    let clone = user.trust(&clone).expect("registered");
    let refused = || user.registry.refuse_if_any_is_forgotten();
    refused().expect("both are registered");
    let named = |vault: &RegisteredVault| {
        let report = refused().expect_err("refused").report();
        let help = format!("fluvio-secret vault forget --for-good {}", vault.path);
        assert!(report.contains("not registered") && report.ends_with(&help), "{report}");
    };
    // The other one has the same id.
    user.registry.forget(&clone.path, false).expect("forgotten");
    named(&clone);
    user.registry.forget(&clone.path, true).expect("forgotten for good");
    refused().expect("it is not needed");
    user.registry.forget(&one.path, false).expect("forgotten");
    named(&one);
    // It is registered where it is now.
    fs::rename(&one.path, user.path("moved")).expect("moved");
    let moved = user.trust(&user.path("moved")).expect("registered");
    refused().expect("it is registered");
    fs::rename(&moved.path, &one.path).expect("moved back");
    user.open(&one).expect("found");
    refused().expect("it is registered");
    // The list of vaults is lost.
    fs::remove_file(user.home.identity_path().with_file_name("vaults.json")).expect("removed");
    named(&one);
    user.registry.forget(&one.path, true).expect("forgotten for good");
    refused().expect("it is not needed");
    assert!(user.registry.forget(&one.path, true).is_err());
    user.init("another");
    let known = user.home.identity_path().with_file_name("vaults");
    let known = fs::read_dir(known).expect("a directory").next().expect("a vault").expect("one");
    fs::remove_file(known.path().join("paths")).expect("removed");
    refused().expect("it is registered");
    user.registry.forget(user.path("another").to_str().expect("UTF-8"), false).expect("forgotten");
    let report = refused().expect_err("refused").report();
    assert!(report.contains(known.path().to_str().expect("UTF-8")), "{report}");
}

#[test]
fn a_registry_that_cannot_be_read_is_named_and_kept() {
    let user = User::new();
    user.init("one");
    let path = user.home.identity_path().with_file_name("vaults.json");
    for (text, expected) in [
        ("{", "invalid list of vaults"),
        (r#"{"format":2,"vaults":[]}"#, "has format 2"),
        (r#"{"format":1,"vaults":[{"path":"/x","id":"x","with_personal":false}]}"#, "line 1"),
    ] {
        fs::write(&path, text).expect("written");
        let report = user.registry.list().expect_err("refused").report();
        assert!(report.contains(expected) && report.contains("vaults.json"), "{report}");
        assert!(user.registry.forget("/x", false).is_err());
        assert_eq!(fs::read_to_string(&path).expect("kept"), text);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory");
    for entry in fs::read_dir(from).expect("entries") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

#[test]
fn a_directory_with_the_id_of_the_personal_vault_is_refused() {
    let user = User::new();
    let project = user.init("app");
    let id = fs::read(user.home.vault_path().join(".vault-id")).expect("an id");
    fs::write(Path::new(&project.path).join(".vault-id"), id).expect("written");
    let refused = user.trust(Path::new(&project.path));
    assert!(matches!(refused, Err(RegistryError::PersonalId { .. })), "{refused:?}");
}
