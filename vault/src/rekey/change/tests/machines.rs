//! Two machines with the same vault, which git copies between them.

use std::fs;

use fluvio_secret_protocol::{Role, ShownApplicant, Unfinished};

use super::{commit, config, home, identity, own, refused, retire};
use crate::keys::encryption::{count_recipients, encrypt};
use crate::keys::identity::Recipient;
use crate::keys::keyring::Keyring;
use crate::members::list::MemberList;
use crate::members::member::Member;
use crate::members::store::NEXT;
use crate::members::store_error::MemberStoreError;
use crate::rekey::change::Rekey;
use crate::rekey::error::{RekeyError, RetirementStep};
use crate::tests::two_machines::{copied, pair_of, shown, sync};
use crate::tests::{Home, files, name, read, set, write};
use crate::{Vault, VaultError};

/// Ada's machine, an admin, and Bob's, which has been admitted.
fn pair(role: Role) -> (Home, Vault, Home, Vault) {
    pair_of(home(), role)
}

fn counted(home: &Home, secret: &str) -> usize {
    count_recipients(&fs::read(home.file(secret)).expect("a file"))
}

fn random_key() -> String {
    Keyring::generate().current().to_string()
}

/// The versions of the list in the vault, and the public keys in the last one.
fn members(vault: &Vault) -> (u64, Vec<String>) {
    let listed = vault.listed_members().expect("members");
    let members = listed.members.into_iter().filter(|one| !one.requested);
    (listed.version, members.map(|one| one.recipient).collect())
}

fn requests(vault: &Vault) -> Vec<String> {
    let listed = vault.listed_members().expect("members").members;
    listed.into_iter().filter(|one| one.requested).map(|one| one.fingerprint).collect()
}

#[test]
fn a_machine_asks_and_is_admitted_and_then_follows_the_admin() {
    let (ada, vault) = home();
    let (bob, there) = copied(&ada);
    assert!(matches!(read(&there, "A"), Err(VaultError::ForOthers { .. })));
    let not_yet = write(&there, "A", b"").err();
    let is_no_member = |error: Option<VaultError>| {
        matches!(error, Some(VaultError::Members(MemberStoreError::NotMember { .. })))
    };
    assert!(is_no_member(not_yet));
    let (_, fingerprint) = there.request_membership(Role::Writer, Some("bob")).expect("asked");
    let fingerprint = fingerprint.to_string();
    sync(&bob, &ada);
    assert_eq!(requests(&vault), std::slice::from_ref(&fingerprint));
    let waits = write(&there, "A", b"").err();
    let is_asked = |error: &Option<VaultError>| match error {
        Some(VaultError::Members(MemberStoreError::NotAdmitted { own, .. })) => own.is_some(),
        _ => false,
    };
    assert!(is_asked(&waits) && is_asked(&there.refuse_change().err()), "a request grants nothing");
    let nobody = ShownApplicant {
        fingerprint: "0".repeat(32),
        ..shown(&vault, &requests(&vault), None).remove(0)
    };
    let unknown = Rekey::admit(&vault, &[nobody]).err();
    assert!(matches!(unknown, Some(VaultError::Rekey(RekeyError::NotAsked { .. }))));
    let done =
        commit(Rekey::admit(&vault, &shown(&vault, std::slice::from_ref(&fingerprint), None)));
    assert_eq!((done.secrets, done.members, requests(&vault).len()), (2, 2, 0));
    assert!(files(&ada.vault_path().join("requests")).is_empty());
    sync(&ada, &bob);
    assert_eq!(read(&there, "A").expect("a value"), b"three");
    set(&there, "A", b"bob's");
    sync(&bob, &ada);
    assert_eq!(read(&vault, "A").expect("a value"), b"bob's");
    // Several further lists.
    commit(Rekey::add(&vault, &random_key(), Some("paper")));
    commit(Rekey::add(&vault, &random_key(), None));
    sync(&ada, &bob);
    set(&there, "B", b"for all");
    assert_eq!((counted(&bob, "B"), members(&there)), (4, members(&vault)));
    assert_eq!(members(&there).0, 4);
    // Only an admin changes the members.
    let error = refused(Rekey::add(&there, &random_key(), None));
    assert!(error.contains("is not an admin"), "{error}");
    assert_eq!(files(&bob.vault_path().join(".members")), ["1", "2", "3", "4"]);
    // Who is removed reads and writes nothing that comes later.
    commit(Rekey::remove(&vault, &fingerprint));
    sync(&ada, &bob);
    assert!(matches!(read(&there, "A"), Err(VaultError::ForOthers { .. })));
    assert!(is_no_member(write(&there, "A", b"").err()));
    assert!(is_no_member(Rekey::add(&there, &random_key(), None).err()));
}

#[test]
fn a_reader_sets_nothing_until_an_admin_gives_it_another_role() {
    let (ada, vault, bob, there) = pair(Role::Reader);
    assert_eq!(read(&there, "A").expect("a value"), b"three");
    let is_reader = |error: Option<VaultError>| {
        matches!(error, Some(VaultError::Members(MemberStoreError::Reader { .. })))
    };
    assert!(is_reader(write(&there, "A", b"").err()));
    assert!(is_reader(Rekey::add(&there, &random_key(), None).err()));
    there.request_membership(Role::Admin, None).expect("a request");
    sync(&bob, &ada);
    // The admin gives less than what the machine wants.
    commit(Rekey::admit(&vault, &shown(&vault, &requests(&vault), Some(Role::Writer))));
    assert!(requests(&vault).is_empty());
    sync(&ada, &bob);
    set(&there, "A", b"bob's");
}

#[test]
fn an_admin_who_changes_its_key_takes_the_others_along() {
    let (ada, vault, bob, there) = pair(Role::Writer);
    let before = own(&ada);
    commit(Rekey::rotate(&vault, false, None, None));
    sync(&ada, &bob);
    assert_eq!(read(&there, "A").expect("a value"), b"three");
    set(&there, "A", b"bob's");
    assert!(!members(&there).1.contains(&before.to_string()));
    sync(&bob, &ada);
    let encrypted = fs::read(ada.file("A")).expect("a file");
    assert!(identity(&ada, "identity.txt").decrypt_by_current(&encrypted).is_ok());
    assert_eq!(counted(&ada, "A"), 2);
}

#[test]
fn a_key_of_another_role_is_changed_by_an_admin_who_is_asked_for_it() {
    for role in [Role::Reader, Role::Writer] {
        let (ada, vault, bob, there) = pair(role);
        let before = identity(&bob, "identity.txt");
        let lists = files(&bob.vault_path().join(".members"));
        let done = commit(Rekey::rotate(&there, false, None, None));
        assert_eq!((done.secrets, done.versions, done.finished), (0, 0, None));
        assert_eq!(files(&bob.vault_path().join(".members")), lists, "it is no admin");
        let new = identity(&bob, "identity.txt");
        assert_eq!(new.retired()[0].recipient, before.current().to_string());
        assert!(Rekey::resume(&there, false).expect("nothing to do").is_none());
        assert_eq!(there.listed_members().expect("members").unfinished, None);
        assert_eq!(read(&there, "A").expect("the retired key decrypts it"), b"three");
        there.request_membership(role, None).expect("a request");
        sync(&bob, &ada);
        // Another change does not remove the request.
        commit(Rekey::add(&vault, &random_key(), None));
        let [fingerprint] = &requests(&vault)[..] else { panic!("one request") };
        commit(Rekey::admit(&vault, &shown(&vault, std::slice::from_ref(fingerprint), None)));
        sync(&ada, &bob);
        let encrypted = fs::read(bob.file("A")).expect("a file");
        assert!(new.decrypt_by_current(&encrypted).is_ok());
        assert!(before.decrypt_by_current(&encrypted).is_err());
        assert_eq!(members(&vault).1.len(), 3);
    }
}

/// Gives a machine another current key, as a rotation in its personal vault does: the key is that of all vaults.
fn rotated_elsewhere(bob: &Home) -> Keyring {
    let before = identity(bob, "identity.txt");
    let text = Keyring::generate().to_text_with_retired(&before);
    fs::write(config(bob, "identity.txt"), text.as_bytes()).expect("written");
    before
}

#[test]
fn a16_a_member_of_any_role_retires_its_old_key_after_the_new_one_is_admitted() {
    for role in [Role::Reader, Role::Writer] {
        // Earlier versions are not of the vault, and a reader may have been a writer.
        let (ada, vault, bob, there) = pair(Role::Writer);
        set(&there, "A", b"bob's");
        sync(&bob, &ada);
        let before = rotated_elsewhere(&bob);
        let is_not_admitted = |error: Option<VaultError>| {
            matches!(error, Some(VaultError::Rekey(RekeyError::NotAdmittedKey { .. })))
        };
        assert!(is_not_admitted(retire(&there).err()));
        let old = fs::read(bob.file("B")).expect("a file");
        let (request, _) = there.request_membership(role, None).expect("a request");
        let request = request.expect("a file");
        let asked = fs::read(&request).expect("a request");
        sync(&bob, &ada);
        commit(Rekey::admit(&vault, &shown(&vault, &requests(&vault), None)));
        sync(&ada, &bob);
        fs::write(&request, asked).expect("put back");
        let Err(VaultError::Rekey(RekeyError::RetiredNeeded { names, step, .. })) = retire(&there)
        else {
            panic!("the earlier version needs it");
        };
        assert_eq!((names, step), (vec![name("A")], RetirementStep::Finish));
        let finished = commit(Rekey::resume(&there, false).map(|one| one.expect("a rest")));
        assert_eq!((finished.secrets, finished.versions), (0, 1));
        assert_eq!(finished.finished, Some(Unfinished::Identity));
        assert!(request.exists(), "only an admin decides about requests");
        assert!(Rekey::resume(&there, false).expect("nothing to do").is_none());
        // What this machine does not accept is not encrypted again, and no key is made for it.
        let foreign = encrypt(&[before.current()], b"not a record").expect("encrypted");
        let version = bob.history_path().join("A/9.age");
        fs::write(&version, foreign).expect("written");
        assert!(Rekey::resume(&there, false).expect("nothing to do").is_none());
        let step = || match retire(&there).err() {
            Some(VaultError::Rekey(RekeyError::RetiredNeeded { step, .. })) => Some(step),
            _ => None,
        };
        assert_eq!(step(), Some(RetirementStep::Restore));
        fs::remove_file(version).expect("removed");
        // Another writer did not know the new key.
        let new = fs::read(bob.file("B")).expect("a file");
        fs::write(bob.file("B"), old).expect("written");
        if role == Role::Writer {
            assert_eq!(step(), Some(RetirementStep::Finish));
            commit(Rekey::resume(&there, false).map(|one| one.expect("a rest")));
        } else {
            assert_eq!(step(), Some(RetirementStep::ByAdmin(own(&bob).to_string())));
            assert!(Rekey::resume(&there, false).expect("nothing to do").is_none());
            fs::write(bob.file("B"), new).expect("as the admin encrypts it");
        }
        let lists = files(&bob.vault_path().join(".members"));
        assert_eq!(retire(&there).expect("retired"), [before.current().to_string()]);
        assert_eq!(files(&bob.vault_path().join(".members")), lists, "nothing was written");
        assert_eq!(read(&there, "A").expect("a value"), b"bob's");
    }
}

#[test]
fn a16_no_key_is_retired_that_the_list_of_a_vault_without_secrets_has() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "A", b"one");
    let (ada, vault, bob, there) = pair_of((home, vault), Role::Reader);
    fs::remove_file(ada.file("A")).expect("removed");
    sync(&ada, &bob);
    rotated_elsewhere(&bob);
    assert!(matches!(
        retire(&there),
        Err(VaultError::Rekey(RekeyError::NotAdmittedKey { is_personal: true, .. }))
    ));
    // With that key alone, the machine could not read what comes.
    set(&vault, "B", b"later");
    sync(&ada, &bob);
    assert_eq!(read(&there, "B").expect("a value"), b"later");
}

#[test]
fn a_machine_is_admitted_as_it_was_shown() {
    let (ada, vault, bob, there) = pair(Role::Reader);
    there.request_membership(Role::Writer, None).expect("a request");
    sync(&bob, &ada);
    let seen = shown(&vault, &requests(&vault), None);
    // It asks for more after the user has looked.
    there.request_membership(Role::Admin, None).expect("a request");
    sync(&bob, &ada);
    commit(Rekey::admit(&vault, &seen));
    let is_writer = |one: &Member| one.recipient() == &own(&bob) && one.role() == Role::Writer;
    let list = vault.members().read().expect("lists").accepted.expect("a list");
    assert!(list.members().iter().any(is_writer), "{:?}", list.members());
    // Or with another key, which may be that of another machine.
    let mut seen = shown(&vault, &[], None);
    let ask_as = |note: &str, recipient: Recipient, seed: u8| {
        let key = crate::SigningKey::of_seed(&[seed; 32]);
        let asked = crate::Applicant::sign(vault.id(), recipient, note, Role::Reader, 0, &key);
        let file = ada.vault_path().join("requests").join(asked.fingerprint().to_string());
        fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
        fs::write(file, asked.bytes()).expect("written");
        shown(&vault, &[asked.fingerprint().to_string()], None)
    };
    let ask = |recipient: Recipient, seed: u8| ask_as("", recipient, seed);
    let one = Keyring::generate().current();
    seen.extend(ask(one.clone(), 1));
    let is_replaced = || {
        let error = Rekey::admit(&vault, &seen).err();
        matches!(error, Some(VaultError::Rekey(RekeyError::Replaced { .. })))
    };
    ask(Keyring::generate().current(), 1);
    assert!(is_replaced());
    ask_as("ada's other laptop", one.clone(), 1);
    assert!(is_replaced(), "the note says whose it is");
    // Two with one key.
    let both = [ask(one.clone(), 1), ask(one, 2)].concat();
    let same = Rekey::admit(&vault, &both).err();
    assert!(matches!(same, Some(VaultError::Rekey(RekeyError::SameKey { .. }))));
}

#[test]
fn a_machine_that_asks_with_the_key_of_the_admin_does_not_take_its_place() {
    let (ada, vault, bob, there) = pair(Role::Writer);
    let request = crate::Applicant::sign(
        vault.id(),
        own(&ada),
        "ada",
        Role::Admin,
        0,
        &crate::SigningKey::generate().expect("a key"),
    );
    let requests = ada.vault_path().join("requests");
    fs::write(requests.join(request.fingerprint().to_string()), request.bytes()).expect("written");
    let admitted =
        Rekey::admit(&vault, &shown(&vault, &[request.fingerprint().to_string()], None)).err();
    assert!(matches!(admitted, Some(VaultError::Rekey(RekeyError::Own { .. }))));
    sync(&ada, &bob);
    assert_eq!(members(&there), members(&vault));
}

#[test]
fn two_admins_at_the_same_time_stop_until_one_of_them_merges() {
    let (ada, vault, bob, there) = pair(Role::Admin);
    let (one, other) = (random_key(), random_key());
    commit(Rekey::add(&vault, &one, None));
    commit(Rekey::add(&there, &other, None));
    // Git keeps one file of the two.
    sync(&bob, &ada);
    let before = fs::read(ada.vault_path().join(".members/3")).expect("a list");
    let is_fork = |error: Option<VaultError>| {
        matches!(error, Some(VaultError::Members(MemberStoreError::Fork { version: 3, .. })))
    };
    assert!(is_fork(write(&vault, "A", b"").err()));
    assert!(is_fork(Rekey::add(&vault, &random_key(), None).err()));
    assert!(is_fork(Rekey::rotate(&vault, false, None, None).err()));
    assert!(vault.listed_members().expect("members").forked);
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    assert_eq!(fs::read(ada.vault_path().join(".members/3")).expect("a list"), before);
    let done = commit(Rekey::merge(&vault));
    assert_eq!((done.secrets, done.members), (2, 4));
    let none = Rekey::merge(&vault).err();
    assert!(matches!(none, Some(VaultError::Rekey(RekeyError::NoFork))));
    sync(&ada, &bob);
    set(&there, "B", b"for all");
    let (version, listed) = members(&there);
    assert_eq!((version, &listed), (4, &members(&vault).1));
    assert!(listed.contains(&one) && listed.contains(&other));
    assert_eq!((counted(&bob, "A"), counted(&bob, "B")), (4, 4));
    sync(&bob, &ada);
    assert_eq!(read(&vault, "B").expect("a value"), b"for all");
    set(&vault, "A", b"ada's");
}

#[test]
fn a_killed_change_leaves_no_gap_between_the_lists() {
    for steps in 0..3 {
        let (ada, vault, bob, there) = pair(Role::Writer);
        let list = vault.members().read().expect("lists").accepted.expect("a list");
        let paper = Keyring::generate().current();
        let mut next = list.members().to_vec();
        next.push(Member::without_key(paper, "paper"));
        let key = vault.members().signing_key().expect("a key");
        let next: MemberList = list.next(next, &key).expect("a list");
        fs::write(config(&ada, NEXT), [b"members\n", next.bytes()].concat()).expect("written");
        if steps > 0 {
            fs::write(ada.vault_path().join(".members/3"), next.bytes()).expect("written");
        }
        if steps > 1 {
            vault.members().accept(&next).expect("accepted");
        }
        drop(vault);
        let vault = ada.open().expect("the vault");
        // Another change, which finishes it.
        let done = commit(Rekey::add(&vault, &random_key(), None));
        assert_eq!((done.finished, done.members), (Some(Unfinished::Members), 4), "{steps}");
        assert_eq!(files(&ada.vault_path().join(".members")), ["1", "2", "3", "4"], "{steps}");
        assert!(!config(&ada, NEXT).exists());
        sync(&ada, &bob);
        set(&there, "B", b"for all");
        assert_eq!((counted(&bob, "B"), members(&there)), (4, members(&vault)), "{steps}");
    }
}

#[test]
fn the_key_that_signs_is_made_once_and_never_printed() {
    let (ada, vault, ..) = pair(Role::Writer);
    let file = fs::read_to_string(config(&ada, "signing-key.txt")).expect("a file");
    let digits = file.lines().last().expect("a key");
    commit(Rekey::add(&vault, &random_key(), None));
    commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!(fs::read_to_string(config(&ada, "signing-key.txt")).expect("a file"), file);
    let printed = format!("{:?} {:?}", vault.members(), vault.members().signing_key());
    assert!(!printed.contains(digits));
}
