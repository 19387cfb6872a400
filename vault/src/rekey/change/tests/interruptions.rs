use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use fluvio_secret_protocol::{SecretName, Unfinished};

use super::{
    assert_encrypted_for, commit, config, home, identity, interrupted, opens_all, opens_none, own,
    sealed_for,
};
use crate::keys::encryption::{count_recipients, encrypt};
use crate::keys::keyring::Keyring;
use crate::rekey::change::Rekey;
use crate::rekey::error::RekeyError;
use crate::rekey::reencrypt::ReencryptStep;
use crate::rekey::retirement::Retirement;
use crate::tests::{Home, delete, files, name, read, restore, set, unsign, write};
use crate::{Vault, VaultError};

#[test]
fn a16_a_rotation_that_was_killed_keeps_the_key_before_once() {
    let (home, vault) = home();
    let before = own(&home);
    interrupted(Rekey::rotate(&vault, false, None, None), 1);
    let done = commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!((done.kept, done.finished), (None, Some(Unfinished::Identity)));
    assert_eq!(identity(&home, "identity.txt").recipients(), [own(&home), before.clone()]);
    let between = own(&home);
    commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!(identity(&home, "identity.txt").recipients(), [own(&home), between, before]);
}

#[test]
fn a_rotation_that_was_killed_before_it_changed_a_list_is_finished_by_the_next() {
    let (home, vault) = home();
    let before = identity(&home, "identity.txt");
    let new = Keyring::generate();
    fs::write(home.identity_path(), &*new.to_text_with_retired(&before)).expect("written");
    // What is set in between is encrypted for the new key, and the other secrets can be read.
    set(&vault, "NEW", b"new");
    assert!(new.decrypt(&fs::read(home.file("NEW")).expect("a file")).is_ok());
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    let listed = vault.listed_members().expect("a list");
    assert_eq!(listed.unfinished, Some(Unfinished::Identity));
    assert!(matches!(
        Retirement::prepare(&vault, &[], None, None).err(),
        Some(VaultError::Rekey(RekeyError::Unfinished))
    ));
    let done = commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!((done.members, done.finished), (1, Some(Unfinished::Identity)));
    assert_eq!(own(&home), new.current());
    assert!(opens_all(&home, &new) && opens_none(&home, &before));
}

#[test]
fn a16_a_change_of_an_earlier_version_is_finished_with_its_new_key() {
    // With and without the lists that it changed, and with the current key.
    for (has_lists, is_current) in [(true, false), (false, false), (false, true)] {
        let (home, vault) = home();
        let (before, new) = (own(&home), Keyring::generate());
        let text = if is_current {
            fs::read(home.identity_path()).expect("an identity")
        } else {
            new.to_text().as_bytes().to_vec()
        };
        let next = config(&home, "identity.next.txt");
        fs::write(&next, &text).expect("written");
        if has_lists {
            // Before the first signed list and the first signed record.
            unsign(&home, &vault);
            fs::remove_dir_all(home.vault_path().join(".members")).expect("removed");
            for file in ["members", "signing-key.txt"] {
                fs::remove_file(config(&home, file)).expect("removed");
            }
            for list in ["recipients.next.txt", "recipients.txt", "vault/.recipients"] {
                fs::write(config(&home, list), format!("{}\n", new.current())).expect("written");
            }
            let value = encrypt(&new.recipients(), b"x").expect("encrypted");
            fs::write(home.file("THEIRS"), value).expect("written");
        }
        // Nothing is encrypted for a key that may be lost.
        for refused in [
            write(&vault, "A", b"").err(),
            Rekey::rotate(&vault, false, None, None).err(),
            Rekey::add(&vault, &new.current().to_string(), None).err(),
            Rekey::merge(&vault).err(),
            Retirement::prepare(&vault, &[], None, None).err(),
        ] {
            let refused = refused.expect("refused").to_string();
            assert!(refused.contains("identity.next.txt"), "{refused}");
        }
        assert_eq!(read(&vault, "A").expect("a value"), b"three");
        commit(Rekey::use_identity(&vault, &text, None, None));
        assert!(!next.exists());
        set(&vault, "B", b"b");
        assert_eq!(read(&vault, "A").expect("a value"), b"three");
        if is_current {
            assert_eq!(identity(&home, "identity.txt").recipients(), [before]);
        } else {
            assert_eq!(identity(&home, "identity.txt").recipients(), [new.current(), before]);
            assert!(opens_all(&home, &new));
        }
    }
}

#[test]
fn a_change_that_is_ended_in_the_middle_is_finished_by_the_next() {
    for at in 0..3 {
        let (home, vault) = home();
        let before = identity(&home, "identity.txt");
        interrupted(Rekey::rotate(&vault, false, None, None), at);
        let next = identity(&home, "identity.txt");
        drop(vault);
        let vault = home.open().expect("the vault");
        let listed = vault.listed_members().expect("a list");
        assert_eq!(listed.unfinished, Some(Unfinished::Identity));
        assert!(listed.members.iter().all(|one| one.own), "{listed:?}");
        assert_eq!(read(&vault, "A").expect("a value"), b"three");
        assert_eq!(read(&vault, "B").expect("a value"), b"b");
        // No change has to wait for the end.
        set(&vault, "NEW", b"new");
        assert_eq!(read(&vault, "NEW").expect("a value"), b"new");
        let done = match at {
            // Each command that re-encrypts everything finishes it.
            2 => commit(Rekey::add(&vault, &Keyring::generate().current().to_string(), None)),
            _ => commit(Rekey::rotate(&vault, false, None, None)),
        };
        assert_eq!(done.finished, Some(Unfinished::Identity));
        assert_eq!(own(&home), next.current());
        assert!(opens_none(&home, &before) && opens_all(&home, &next));
        assert!(!config(&home, "members.next").exists());
        assert_eq!(read(&vault, "NEW").expect("a value"), b"new");
    }
}

#[test]
fn recipients_that_are_changed_in_part_are_changed_by_the_next_run() {
    let (home, vault) = home();
    let friend = Keyring::generate();
    let key = friend.current().to_string();
    interrupted(Rekey::add(&vault, &key, None), 1);
    drop(vault);
    let vault = home.open().expect("the vault");
    let listed = vault.listed_members().expect("a list");
    assert_eq!(listed.unfinished, Some(Unfinished::Members));
    assert!(listed.members.iter().all(|one| !one.requested), "{listed:?}");
    set(&vault, "B", b"later");
    assert_eq!(count_recipients(&fs::read(home.file("B")).expect("a file")), 2);
    let resumed = Rekey::resume(&vault, false).transpose().expect("it is unfinished");
    assert_eq!(commit(resumed).finished, Some(Unfinished::Members));
    assert!(opens_all(&home, &friend));
    // The same command again does it, too.
    interrupted(Rekey::remove(&vault, &key), 1);
    assert_eq!(commit(Rekey::remove(&vault, &key)).finished, Some(Unfinished::Members));
    assert!(opens_none(&home, &friend));
}

#[test]
fn what_others_change_meanwhile_is_not_replaced_by_what_was_before() {
    let (home, vault) = home();
    let before = identity(&home, "identity.txt");
    let sealed = |secret, value| sealed_for(&vault, before.current(), secret, value);
    let mut is_first = true;
    let rekey = Rekey::rotate(&vault, false, None, None).expect("prepared");
    let done = rekey.commit(&mut |step| match step {
        // Between reading and replacing, and to the identity that goes.
        ReencryptStep::Same { name: first, .. } if is_first && *first == name("A") => {
            is_first = false;
            fs::write(home.file("B"), sealed("B", "newer")).expect("written");
        }
        // After everything was re-encrypted.
        ReencryptStep::Done { done, all, .. } if done == all && !home.file("LATE").exists() => {
            fs::write(home.file("LATE"), sealed("LATE", "late")).expect("written");
        }
        _ => {}
    });
    assert!(done.expect("committed").left.is_empty());
    assert_eq!(read(&vault, "B").expect("a value"), b"newer");
    assert_eq!(read(&vault, "LATE").expect("a value"), b"late");
    assert!(before.decrypt_by_current(&fs::read(home.file("LATE")).expect("a file")).is_err());
}

#[test]
fn a_version_that_a_killed_change_left_is_not_made_a_second_one() {
    let (home, vault) = home();
    let second_name = home.history_path().join("B/1.age");
    fs::create_dir(second_name.parent().expect("a directory")).expect("a directory");
    fs::hard_link(home.file("B"), &second_name).expect("a second name");
    let done = commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!((done.secrets, done.versions), (2, 3));
    assert!(!second_name.exists());
}

#[test]
fn a16_a_vault_that_is_moved_during_a_rotation_takes_no_key_away() {
    // At the first file, after the first batch, and when all are encrypted and are opened once more.
    for at in 0..5 {
        let (home, vault) = home();
        let (before, elsewhere) = (own(&home), config(&home, "elsewhere"));
        let mut steps = 0;
        let rekey = Rekey::rotate(&vault, false, None, None).expect("prepared");
        let done = rekey.commit(&mut |_| {
            if steps == at {
                fs::rename(home.vault_path(), &elsewhere).expect("moved");
                fs::create_dir_all(home.vault_path().join(".history")).expect("a directory");
                let mode = fs::Permissions::from_mode(0o700);
                fs::set_permissions(home.vault_path(), mode).expect("ours");
            }
            steps += 1;
        });
        if steps <= at {
            assert!(at > 3, "there are four steps at the least");
            continue;
        }
        assert!(done.is_err(), "{at}");
        assert!(identity(&home, "identity.txt").recipients().contains(&before), "{at}");
        drop(vault);
        fs::remove_dir_all(home.vault_path()).expect("removed");
        fs::rename(&elsewhere, home.vault_path()).expect("put back");
        let vault = home.open().expect("the vault");
        assert_eq!(read(&vault, "A").expect("a value"), b"three", "{at}");
        commit(Rekey::rotate(&vault, false, None, None));
        assert!(own(&home) != before && opens_all(&home, &identity(&home, "identity.txt")));
    }
}

/// Changes secrets whenever that is possible, so that each state of a secret is met: before, in and after its
/// batch. Returns the values that there are then.
fn commit_with_changes(
    home: &Home,
    vault: &Vault,
    rekey: Result<Rekey<'_>, VaultError>,
) -> BTreeMap<String, Vec<u8>> {
    let secret = |number: usize| format!("S{number:03}");
    let mut expected = BTreeMap::new();
    for number in 0..150 {
        set(vault, &secret(number), b"old");
        expected.insert(secret(number), b"old".to_vec());
    }
    for number in (0..150).step_by(3) {
        set(vault, &secret(number), b"older");
        delete(vault, &secret(number)).expect("deleted");
        expected.remove(&secret(number));
    }
    let mut pauses = 0;
    let mut change = |step: ReencryptStep<'_>| {
        if !matches!(step, ReencryptStep::Pause) {
            return;
        }
        pauses += 1;
        for number in (pauses..150).step_by(7) {
            let name = name(&secret(number));
            match (vault.secrets().has(&name).expect("known"), number % 2) {
                (false, _) => {
                    let versions = vault.secrets().versions(&name).expect("versions").earlier;
                    let version = versions.last().expect("an earlier version").version;
                    let change = restore(vault, &secret(number), version).expect("written");
                    change.commit().expect("restored");
                    let value = read(vault, &secret(number)).expect("a value");
                    expected.insert(secret(number), value);
                }
                (true, 0) => {
                    delete(vault, &secret(number)).expect("deleted");
                    expected.remove(&secret(number));
                }
                (true, _) => {
                    set(vault, &secret(number), b"new");
                    expected.insert(secret(number), b"new".to_vec());
                }
            }
        }
        set(vault, &format!("NEW{pauses}"), b"new");
        expected.insert(format!("NEW{pauses}"), b"new".to_vec());
    };
    rekey.expect("prepared").commit(&mut change).expect("committed");
    assert!(pauses > 3, "{pauses}");
    assert!(files(&home.vault_path()).iter().all(|file| !file.starts_with(".tmp-")));
    expected
}

fn values(vault: &Vault) -> BTreeMap<String, Vec<u8>> {
    let names = vault.secrets().names().expect("names");
    let value = |name: SecretName| (name.to_string(), read(vault, name.as_str()).expect("a value"));
    names.iter().map(value).collect()
}

#[test]
fn secrets_that_change_while_the_key_is_rotated_need_only_the_new_one() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "FIRST", b"old");
    let mut expected = commit_with_changes(&home, &vault, Rekey::rotate(&vault, false, None, None));
    expected.insert("FIRST".to_owned(), b"old".to_vec());
    assert_eq!(values(&vault), expected);
    Retirement::prepare(&vault, &[], None, None)
        .expect("nothing needs it")
        .commit()
        .expect("retired");
    assert_eq!(values(&vault), expected);
}

#[test]
fn secrets_that_change_while_a_recipient_is_added_are_encrypted_for_it() {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    set(&vault, "FIRST", b"old");
    let friend = Keyring::generate().current().to_string();
    let mut expected = commit_with_changes(&home, &vault, Rekey::add(&vault, &friend, None));
    expected.insert("FIRST".to_owned(), b"old".to_vec());
    assert_eq!(values(&vault), expected);
    assert_encrypted_for(&vault, 2);
}

#[test]
fn a_secret_of_several_batches_that_changes_between_them_is_encrypted_whole() {
    let (home, vault) = home();
    let history = home.history_path().join("A");
    for version in 3..200 {
        fs::copy(home.file("A"), history.join(format!("{version}.age"))).expect("a version");
    }
    let friend = Keyring::generate().current().to_string();
    let mut pauses = 0;
    let rekey = Rekey::add(&vault, &friend, None).expect("prepared");
    let done = rekey.commit(&mut |step| {
        pauses += usize::from(matches!(step, ReencryptStep::Pause));
        if matches!(step, ReencryptStep::Pause) && pauses == 2 {
            set(&vault, "A", b"new");
        }
    });
    assert!(done.is_ok() && pauses > 2, "{done:?}");
    assert_eq!(read(&vault, "A").expect("a value"), b"new");
    assert_encrypted_for(&vault, 2);
}
