use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fluvio_secret_protocol::{
    AddMember, AnnounceTopic, Code, GetMembers, Import, InitVault, InspectVault, JoinTopic,
    ListVaults, Members, Passphrase, Refusal, Reply, Role, Rotate, Secret, TopicJoined, Unlock,
};

use crate::service::tests::{Heard, Home, secret};

const TOPIC: &str = "fluvio-secrets";

/// An admin's vault, with a secret.
struct Admin {
    home: Home,
}

impl Admin {
    fn new() -> Self {
        let home = Home::new();
        home.set("A", b"one");
        Self { home }
    }

    fn announcement(&self, generation: u64) -> Vec<u8> {
        let announce = AnnounceTopic { topic: TOPIC.into(), generation };
        self.home.call(announce).expect("an announcement").bytes.to_vec()
    }

    fn fingerprint(&self) -> String {
        let members = self.home.call(GetMembers).expect("members");
        members.members.into_iter().find(|one| one.own).expect("this machine").fingerprint
    }

    fn id(&self) -> String {
        self.home.service.vault.id().to_string()
    }

    fn join(&self) -> JoinTopic {
        JoinTopic {
            announcement: self.announcement(1).into(),
            admin: self.fingerprint(),
            path: None,
            role: Some(Role::Writer),
            note: Some("bob@desk".into()),
        }
    }
}

/// Joins with the personal vault, and returns why the daemon stops, if it does.
fn join(home: &Home, join: JoinTopic) -> (Result<TopicJoined, Refusal>, Option<String>) {
    let heard = Arc::new(Heard::default());
    home.ask_for(join.into(), &heard);
    let mut answers = heard.take();
    assert_eq!(answers.len(), 1);
    let answer = answers.remove(0);
    let stop = answer.stop.clone();
    match answer.decoded() {
        Reply::Answer(joined) => (Ok(joined), stop),
        Reply::Refused(refusal) => (Err(refusal), stop),
        other => panic!("{other:?}"),
    }
}

fn code(refused: Result<TopicJoined, Refusal>) -> Code {
    refused.expect_err("refused").code
}

/// The files below a directory that a join writes, with what is in them.
fn files(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
    let root = home.folder.path();
    let mut names = vec![
        "admin".to_owned(),
        "vault/.vault-id".to_owned(),
        "signed-only".to_owned(),
        "vault-id".to_owned(),
        "identity.txt".to_owned(),
        "signing-key.txt".to_owned(),
    ];
    let requests = fs::read_dir(root.join("vault/requests")).expect("a directory");
    let request = |entry: std::io::Result<fs::DirEntry>| entry.expect("a file").file_name();
    names.extend(requests.map(request).map(|name| format!("vault/requests/{}", name.display())));
    let read = |name: String| (PathBuf::from(&name), fs::read(root.join(name)).expect("a file"));
    names.into_iter().map(read).collect()
}

fn write(root: &Path, file: &Path, content: &[u8]) {
    let path = root.join(file);
    let parent = path.parent().expect("a directory");
    if !parent.exists() {
        fs::create_dir(parent).expect("a directory");
        fs::set_permissions(parent, fs::Permissions::from_mode(0o700)).expect("private");
    }
    fs::write(&path, content).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("private");
}

#[test]
fn a_vault_that_was_never_used_becomes_that_of_the_announcement_and_the_daemon_stops() {
    let (admin, bob) = (Admin::new(), Home::new());
    let (joined, stop) = join(&bob, admin.join());
    let joined = joined.expect("joined");
    assert_eq!(joined.id, admin.id());
    assert_eq!(Path::new(&joined.path), bob.service.vault.path());
    assert!(!joined.is_member && joined.new_identity.is_some());
    assert!(stop.expect("it stops").contains(&admin.id()));
    let pin = bob.folder.path().join("admin");
    assert_eq!(fs::metadata(&pin).expect("a pin").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read(pin).expect("a pin"), admin.announcement(1));
    assert!(bob.audit_log().contains(r#""event":"join-topic""#));
    let bob = bob.restarted();
    assert_eq!(bob.service.vault.id().to_string(), admin.id());
    let members = bob.call(GetMembers).expect("members");
    assert_eq!((members.version, members.waits_for), (0, Some(admin.fingerprint())));
    let [own] = members.members.as_slice() else { panic!("{:?}", members.members) };
    assert!(own.own && own.requested && own.role == Role::Writer && own.signs);
    assert_eq!(own.fingerprint, joined.fingerprint);
    // The same again changes nothing, and needs no other daemon.
    let before = files(&bob);
    let (again, stop) = join(&bob, admin.join());
    let expected = TopicJoined { new_identity: None, ..joined };
    assert_eq!(again.expect("joined"), expected);
    assert_eq!((files(&bob), stop), (before, None));
}

#[test]
fn until_it_is_admitted_a_machine_begins_no_list_of_its_own() {
    let (admin, bob) = (Admin::new(), Home::new());
    let fingerprint = join(&bob, admin.join()).0.expect("joined").fingerprint;
    let refused = |home: &Home| {
        let value = || Secret::from(b"x".to_vec());
        let secrets = vec![(secret("B"), value())];
        let import = Import { secrets, overwrite: false, dry_run: false };
        let paper = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";
        let refusals = [
            home.try_set("B", b"x").map(drop),
            home.call(import).map(drop),
            home.call(AddMember { recipient: paper.into(), note: None }).map(drop),
            home.call(Rotate { drop_history: false, passphrase: None }).map(drop),
        ];
        for refused in refusals {
            let refusal = refused.expect_err("refused");
            assert_eq!(refusal.code, Code::Members, "{refusal}");
            let command = format!("an admin has to run: fluvio-secret member admit {fingerprint}");
            assert_eq!(refusal.next, command);
        }
        assert!(!home.folder.path().join("members").exists());
        assert!(!home.folder.path().join("vault/.members").exists());
    };
    refused(&bob);
    let bob = bob.restarted();
    refused(&bob);
    // A passphrase needs no list.
    let new = Some(Secret::from(b"correct horse".to_vec()));
    bob.call(Passphrase { old: None, new }).expect("a passphrase");
    let passphrase = Secret::from(b"correct horse".to_vec());
    bob.call(Unlock { seconds: None, passphrase }).expect("unlocked");
    refused(&bob);
}

#[test]
fn a_list_that_nobody_vouches_for_does_not_count_while_a_machine_waits() {
    let (admin, stranger, bob) = (Admin::new(), Admin::new(), Home::new());
    join(&bob, admin.join()).0.expect("joined");
    let bob = bob.restarted();
    let root = bob.folder.path().join("vault");
    fs::create_dir(root.join(".members")).expect("a directory");
    let theirs = stranger.home.folder.path().join("vault/.members/1");
    let text = fs::read_to_string(theirs).expect("a list");
    fs::write(root.join(".members/1"), text).expect("written");
    let refusal = bob.try_set("B", b"x").expect_err("refused");
    assert!(refusal.next.starts_with("an admin has to run"), "{refusal}");
    let Members { version, waits_for, .. } = bob.call(GetMembers).expect("members");
    assert_eq!((version, waits_for), (0, Some(admin.fingerprint())));
}

#[test]
fn the_same_join_continues_after_a_kill_at_any_step() {
    let (admin, done) = (Admin::new(), Home::new());
    let joined = join(&done, admin.join()).0.expect("joined");
    let steps = files(&done);
    for count in 0..=steps.len() {
        let folder = tempfile::tempdir().expect("a directory");
        for (file, content) in &steps[..count] {
            write(folder.path(), file, content);
        }
        let killed = Home::of(folder);
        if count > 0 {
            let refusal = killed.try_set("B", b"x").expect_err("refused");
            assert_eq!(refusal.code, Code::Members, "{count}: {refusal}");
        }
        let again = join(&killed, admin.join()).0.expect("joined");
        assert_eq!((&again.id, again.is_member), (&joined.id, false), "{count}");
        let killed = killed.restarted();
        let (kept, now) = (&steps[..count], files(&killed));
        assert_eq!(now[..count], *kept, "{count}");
        assert_eq!(now.len(), steps.len());
        assert_eq!(killed.service.vault.id().to_string(), joined.id);
    }
}

#[test]
fn only_a_vault_that_was_never_used_becomes_another_one() {
    let admin = Admin::new();
    let used = Home::new();
    used.set("B", b"x");
    let id = used.service.vault.id();
    let (refused, stop) = join(&used, admin.join());
    assert_eq!((code(refused), stop), (Code::Vault, None));
    assert!(!used.folder.path().join("admin").exists());
    let used = used.restarted();
    assert_eq!(used.service.vault.id(), id);
    used.set("B", b"y");
}

#[test]
fn only_the_announcement_that_was_confirmed_is_taken_and_no_other_one_after_it() {
    let (admin, other, bob) = (Admin::new(), Admin::new(), Home::new());
    let wrong = JoinTopic { admin: other.fingerprint(), ..admin.join() };
    let mut bytes = admin.announcement(1);
    bytes[40] ^= 1;
    let damaged = JoinTopic { announcement: bytes.into(), ..admin.join() };
    for refused in [wrong, damaged] {
        assert_eq!(code(join(&bob, refused).0), Code::Members);
    }
    assert!(!bob.folder.path().join("admin").exists());
    assert!(!bob.audit_log().contains("join-topic"), "nothing was changed");
    join(&bob, admin.join()).0.expect("joined");
    assert_eq!(code(join(&bob, other.join()).0), Code::Vault);
    let bob = bob.restarted();
    assert_eq!(code(join(&bob, other.join()).0), Code::Vault);
    // A topic that was compacted is announced again.
    let pin = || fs::read(bob.folder.path().join("admin")).expect("a pin");
    let newer = admin.announcement(2);
    let again = JoinTopic { announcement: newer.clone().into(), ..admin.join() };
    join(&bob, again).0.expect("joined");
    assert_eq!(pin(), newer);
    join(&bob, admin.join()).0.expect("joined");
    assert_eq!(pin(), newer, "an earlier one does not replace it");
}

#[test]
fn a_machine_that_was_killed_after_it_trusted_an_admin_joins_no_other_one() {
    let (admin, other) = (Admin::new(), Admin::new());
    let folder = tempfile::tempdir().expect("a directory");
    write(folder.path(), Path::new("admin"), &admin.announcement(1));
    let bob = Home::of(folder);
    let refused = join(&bob, other.join()).0.expect_err("refused");
    assert_eq!(refused.code, Code::Vault);
    assert!(refused.text.contains(&admin.fingerprint()), "{refused}");
    assert!(refused.next.contains("rm "), "{refused}");
    assert_ne!(bob.service.vault.id().to_string(), other.id());
    assert_eq!(join(&bob, admin.join()).0.expect("joined").id, admin.id());
}

#[test]
fn a_project_joins_in_a_directory_of_its_own() {
    let (admin, bob) = (Admin::new(), Home::new());
    bob.set("B", b"x");
    let project = tempfile::tempdir().expect("a directory");
    let path = project.path().canonicalize().expect("a directory").join(".fluvio-secret");
    let path = path.to_str().expect("UTF-8").to_owned();
    let in_project = || JoinTopic { path: Some(path.clone()), ..admin.join() };
    let (joined, stop) = join(&bob, in_project());
    let joined = joined.expect("joined");
    assert_eq!((&joined.id, &joined.path, stop), (&admin.id(), &path, None));
    let listed = bob.ask(ListVaults);
    let registered = listed.into_iter().filter_map(|reply| match reply {
        Reply::Answer(listed) => Some(listed.vault),
        _ => None,
    });
    let registered: Vec<_> = registered.filter(|vault| !vault.personal).collect();
    assert_eq!(registered.len(), 1);
    assert_eq!((&registered[0].id, registered[0].with_personal), (&joined.id, false));
    let known = bob.folder.path().join("vaults").join(&joined.id);
    assert!(known.join("admin").exists() && known.join("signed-only").exists());
    assert!(!known.join("members").exists());
    assert!(Path::new(&path).join("requests").join(&joined.fingerprint).exists());
    let line = bob.audit_log().lines().last().expect("a line").to_owned();
    assert!(line.contains("join-topic") && line.contains(&path), "{line}");
    let waits = bob.call(InspectVault { path: path.clone() }).expect_err("refused");
    assert!(waits.next.ends_with(&format!("member admit {}", joined.fingerprint)), "{waits}");
    let made = bob.call(InitVault { path: path.clone() }).expect_err("refused");
    assert!(made.text.ends_with("is registered already"), "{made}");
    // A kill before the registration.
    fs::remove_file(bob.folder.path().join("vaults.json")).expect("removed");
    assert_eq!(join(&bob, in_project()).0.expect("joined"), joined);
    let other = Admin::new();
    let refused = JoinTopic { path: Some(path.clone()), ..other.join() };
    assert_eq!(code(join(&bob, refused).0), Code::Vault);
    let relative = JoinTopic { path: Some("x".into()), ..admin.join() };
    assert_eq!(code(join(&bob, relative).0), Code::Malformed);
}

#[test]
fn a_member_needs_no_request() {
    let admin = Admin::new();
    let (joined, stop) = join(&admin.home, admin.join());
    let joined = joined.expect("joined");
    assert!(joined.is_member && stop.is_none());
    assert!(!admin.home.folder.path().join("admin").exists());
    assert!(!admin.home.folder.path().join("vault/requests").exists());
    admin.home.set("A", b"two");
}
