use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use fluvio_secret_protocol::{SecretName, Unfinished};

use super::{Rekey, RekeyError, Rekeyed};
use crate::keys::encryption::{
    count_recipients, decrypt_with_passphrase, encrypt, encrypt_cheaply, is_encrypted,
};
use crate::keys::identity::Recipient;
use crate::keys::keyring::Keyring;
use crate::rekey::reencrypt::ReencryptStep;
use crate::rekey::retirement::Retirement;
use crate::tests::{Home, delete, files, name, read, set, write};
use crate::{KeyError, KeyState, RecipientsError, SecretChange, Vault, VaultError};

fn config(home: &Home, file: &str) -> PathBuf {
    home.identity_path().with_file_name(file)
}

/// The identity in a file of a home.
fn identity(home: &Home, file: &str) -> Keyring {
    let text = fs::read_to_string(config(home, file)).expect("an identity");
    Keyring::parse(text.as_bytes()).expect("an identity")
}

fn own(home: &Home) -> Recipient {
    identity(home, "identity.txt").current()
}

fn commit(rekey: Result<Rekey<'_>, VaultError>) -> Rekeyed {
    rekey.expect("prepared").commit(&mut |_| {}).expect("committed")
}

fn refused(rekey: Result<Rekey<'_>, VaultError>) -> String {
    rekey.err().expect("refused").to_string()
}

/// A home with three secrets, of which one has two earlier versions and one is deleted.
fn home() -> (Home, Vault) {
    let home = Home::new();
    let vault = home.open().expect("a vault");
    for value in ["one", "two", "three"] {
        set(&vault, "A", value.as_bytes());
    }
    set(&vault, "B", b"b");
    set(&vault, "GONE", b"gone");
    delete(&vault, "GONE").expect("removed");
    (home, vault)
}

/// All encrypted files of `home()`.
fn sealed(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
    let history = home.history_path();
    let earlier = ["A/1.age", "A/2.age", "GONE/1.age"].map(|file| history.join(file));
    let all = [home.file("A"), home.file("B")].into_iter().chain(earlier);
    all.map(|path| (path.clone(), fs::read(path).expect("a sealed file"))).collect()
}

fn opens_all(home: &Home, identity: &Keyring) -> bool {
    sealed(home).iter().all(|(_, sealed)| identity.decrypt_by_current(sealed).is_ok())
}

fn opens_none(home: &Home, identity: &Keyring) -> bool {
    sealed(home).iter().all(|(_, sealed)| identity.decrypt_by_current(sealed).is_err())
}

/// Changes the vault's list as another machine does.
fn add_from_elsewhere(home: &Home, recipient: &Recipient) {
    let list = home.vault_path().join(".recipients");
    let text = fs::read_to_string(&list).expect("a list");
    fs::write(list, format!("{text}{recipient}\n")).expect("changed");
}

#[test]
fn a_rotation_leaves_one_current_key_that_decrypts_all() {
    let (home, vault) = home();
    let before = identity(&home, "identity.txt");
    let date = |path: &PathBuf| fs::metadata(path).expect("a file").modified().expect("a date");
    let dates: Vec<_> = sealed(&home).iter().map(|(path, _)| date(path)).collect();
    let done = commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!((done.secrets, done.versions, done.recipients), (2, 3, 1));
    assert_eq!((done.own, done.finished), (own(&home).to_string(), None));
    assert!(opens_none(&home, &before));
    assert!(opens_all(&home, &identity(&home, "identity.txt")));
    assert_eq!(sealed(&home).iter().map(|(path, _)| date(path)).collect::<Vec<_>>(), dates);
    let left = files(home.identity_path().parent().expect("a folder"));
    assert_eq!(left, ["history", "identity.txt", "recipients.txt", "vault", "vault-id"]);
    assert_eq!(done.kept, Some(home.identity_path()));
    let [retired] = &identity(&home, "identity.txt").retired()[..] else { panic!("one key") };
    assert!(
        retired.recipient == before.current().to_string() && retired.date.is_some(),
        "{retired:?}"
    );
    // With the daemon that did it, and with the next one.
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    set(&vault, "B", b"c");
    drop(vault);
    let vault = home.open().expect("the vault");
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    assert_eq!(read(&vault, "B").expect("a value"), b"c");
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
    let listed = vault.listed_recipients().expect("a list");
    assert_eq!(listed.unfinished, Some(Unfinished::Identity));
    assert!(matches!(
        Retirement::prepare(&vault, None, None).err(),
        Some(VaultError::Rekey(RekeyError::Unfinished))
    ));
    let done = commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!((done.recipients, done.finished), (1, Some(Unfinished::Identity)));
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
            Rekey::accept(&vault, &[new.current().to_string()]).err(),
            Retirement::prepare(&vault, None, None).err(),
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
fn a_secret_with_many_versions_is_no_batch_of_its_own() {
    let (home, vault) = home();
    let history = home.history_path().join("A");
    for version in 3..150 {
        fs::copy(home.file("A"), history.join(format!("{version}.age"))).expect("a version");
    }
    let mut batches = 0;
    let rekey = Rekey::rotate(&vault, false, None, None).expect("prepared");
    let done = rekey.commit(&mut |step| {
        batches += usize::from(matches!(step, ReencryptStep::Done { .. }));
    });
    assert_eq!(done.expect("committed").versions, 150);
    // 152 files are three batches, and another run looks whether all are done.
    assert_eq!(batches, 4);
}

#[test]
fn a_rotation_can_drop_the_history() {
    let (home, vault) = home();
    let done = commit(Rekey::rotate(&vault, true, None, None));
    assert_eq!((done.secrets, done.versions), (2, 0));
    assert_eq!(files(&home.history_path()), [".vault"]);
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
}

#[test]
fn who_is_added_opens_all_until_it_is_removed() {
    let (home, vault) = home();
    let friend = Keyring::generate();
    let key = friend.current().to_string();
    let done = commit(Rekey::add(&vault, &format!(" {key}\n"), Some("a friend's")));
    assert_eq!((done.secrets, done.versions, done.recipients), (2, 3, 2));
    assert!(opens_all(&home, &friend) && opens_all(&home, &identity(&home, "identity.txt")));
    set(&vault, "B", b"later");
    assert!(opens_all(&home, &friend), "what is set later, too");
    let list = fs::read_to_string(home.vault_path().join(".recipients")).expect("a list");
    assert_eq!(list, format!("{}\n# a friend's\n{key}\n", own(&home)));
    // With another note, the note is changed.
    commit(Rekey::add(&vault, &key, Some("a backup")));
    commit(Rekey::add(&vault, &key, None));
    let list = fs::read_to_string(home.vault_path().join(".recipients")).expect("a list");
    assert_eq!(list, format!("{}\n# a backup\n{key}\n", own(&home)));
    // A rotation leaves it where it is.
    commit(Rekey::rotate(&vault, false, None, None));
    assert!(opens_all(&home, &friend) && opens_all(&home, &identity(&home, "identity.txt")));
    commit(Rekey::remove(&vault, &key));
    assert!(opens_none(&home, &friend) && opens_all(&home, &identity(&home, "identity.txt")));
    assert!(refused(Rekey::remove(&vault, &key)).contains("is not one of"));
    assert!(refused(Rekey::remove(&vault, &own(&home).to_string())).contains("own"));
}

#[test]
fn recipients_that_others_have_added_stop_every_change_until_they_are_accepted() {
    let (home, vault) = home();
    let stranger = Keyring::generate();
    let key = stranger.current().to_string();
    add_from_elsewhere(&home, &stranger.current());
    let is_stopped = |error: Option<VaultError>| {
        matches!(error, Some(VaultError::Recipients(RecipientsError::Differ { .. })))
    };
    assert!(is_stopped(write(&vault, "A", b"").err()));
    assert!(is_stopped(Rekey::add(&vault, &key, None).err()));
    assert!(is_stopped(Rekey::remove(&vault, &key).err()));
    assert!(is_stopped(Rekey::rotate(&vault, false, None, None).err()));
    assert_eq!(read(&vault, "A").expect("a value"), b"three", "reading goes on");
    let shown = |vault: &Vault| {
        let listed = vault.listed_recipients().expect("a list").recipients;
        listed.into_iter().filter(|one| one.listed).map(|one| one.recipient).collect::<Vec<_>>()
    };
    let old = shown(&vault);
    add_from_elsewhere(&home, &Keyring::generate().current());
    let error = refused(Rekey::accept(&vault, &old));
    assert!(error.contains("changed after they were shown"), "{error}");
    assert!(opens_none(&home, &stranger));
    commit(Rekey::accept(&vault, &shown(&vault)));
    assert!(opens_all(&home, &stranger));
    set(&vault, "B", b"later");
    assert_eq!(count_recipients(&fs::read(home.file("B")).expect("a file")), 3);
    let done = commit(Rekey::accept(&vault, &shown(&vault)));
    assert_eq!(done.secrets, 0, "there is nothing to accept");
}

#[test]
fn accepting_seals_anew_what_the_others_could_not() {
    let (home, vault) = home();
    let friend = Keyring::generate().current();
    add_from_elsewhere(&home, &friend);
    // The machine that added it has encrypted this one for both already.
    let both = [own(&home), friend.clone()];
    let plain = identity(&home, "identity.txt")
        .decrypt_by_current(&fs::read(home.file("B")).expect("a file"));
    let theirs = encrypt(&both, &plain.expect("opened")).expect("sealed");
    fs::write(home.file("B"), &theirs).expect("written");
    let done = commit(Rekey::accept(&vault, &both.map(|one| one.to_string())));
    assert_eq!((done.secrets, done.versions), (1, 3));
    assert_eq!(fs::read(home.file("B")).expect("a file"), theirs, "left as it is");
}

#[test]
fn who_is_not_among_the_recipients_accepts_nothing() {
    let (home, vault) = home();
    let others = Keyring::generate().current();
    fs::write(home.vault_path().join(".recipients"), format!("{others}\n")).expect("changed");
    let error = refused(Rekey::accept(&vault, &[others.to_string()]));
    assert!(error.contains(&format!("{}, is not one of", own(&home))), "{error}");
}

/// Makes a change that a panic ends at this step.
fn interrupted(rekey: Result<Rekey<'_>, VaultError>, at: usize) {
    let rekey = rekey.expect("prepared");
    let mut steps = 0;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        rekey.commit(&mut |_| {
            steps += 1;
            assert!(steps <= at, "ended here, on purpose");
        })
    }));
    assert!(ended.is_err(), "it has more than {at} steps");
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
        let listed = vault.listed_recipients().expect("a list");
        assert_eq!(listed.unfinished, Some(Unfinished::Identity));
        assert!(listed.recipients.iter().all(|one| one.own), "{listed:?}");
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
        assert!(!config(&home, "recipients.next.txt").exists());
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
    let listed = vault.listed_recipients().expect("a list");
    assert_eq!(listed.unfinished, Some(Unfinished::Recipients));
    assert!(listed.recipients.iter().all(|one| one.listed && one.accepted), "{listed:?}");
    set(&vault, "B", b"later");
    assert_eq!(count_recipients(&fs::read(home.file("B")).expect("a file")), 2);
    let shown: Vec<_> = listed.recipients.into_iter().map(|one| one.recipient).collect();
    assert_eq!(commit(Rekey::accept(&vault, &shown)).finished, Some(Unfinished::Recipients));
    assert!(opens_all(&home, &friend));
    // The same command again does it, too.
    interrupted(Rekey::remove(&vault, &key), 1);
    assert_eq!(commit(Rekey::remove(&vault, &key)).finished, Some(Unfinished::Recipients));
    assert!(opens_none(&home, &friend));
}

#[test]
fn what_cannot_be_opened_is_left_as_it_is_and_named() {
    let (home, vault) = home();
    fs::write(home.file("DAMAGED"), "rubbish").expect("a file");
    let others = encrypt(&[Keyring::generate().current()], b"x").expect("sealed");
    fs::write(home.history_path().join("A/1.age"), &others).expect("a file");
    let done = commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!(done.left, [name("A"), name("DAMAGED")]);
    assert_eq!((done.secrets, done.versions), (2, 2));
    assert_eq!(fs::read(home.file("DAMAGED")).expect("a file"), b"rubbish");
    assert_eq!(fs::read(home.history_path().join("A/1.age")).expect("a file"), others);
}

#[test]
fn what_others_change_meanwhile_is_not_replaced_by_what_was_before() {
    let (home, vault) = home();
    let sealed_by = |identity: &Keyring, secret: &str, value: &str| {
        let head = format!(r#"{{"format":1,"name":"{secret}","set_at":"2026-01-02T03:04:05Z"}}"#);
        encrypt(&[identity.current()], format!("{head}\n{value}").as_bytes()).expect("sealed")
    };
    let before = identity(&home, "identity.txt");
    let mut is_first = true;
    let rekey = Rekey::rotate(&vault, false, None, None).expect("prepared");
    let done = rekey.commit(&mut |step| match step {
        // Between reading and replacing, and to the identity that goes.
        ReencryptStep::Same { name: first, .. } if is_first && *first == name("A") => {
            is_first = false;
            fs::write(home.file("B"), sealed_by(&before, "B", "newer")).expect("written");
        }
        // After everything was re-encrypted.
        ReencryptStep::Done { done, all, .. } if done == all && !home.file("LATE").exists() => {
            fs::write(home.file("LATE"), sealed_by(&before, "LATE", "late")).expect("written");
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
    fs::create_dir(second_name.parent().expect("a folder")).expect("a folder");
    fs::hard_link(home.file("B"), &second_name).expect("a second name");
    let done = commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!((done.secrets, done.versions), (2, 3));
    assert!(!second_name.exists());
}

#[test]
fn an_identity_that_somebody_has_takes_the_place_of_the_present_one() {
    let (home, vault) = home();
    let theirs = Keyring::generate();
    let text = theirs.to_text();
    let done = commit(Rekey::use_identity(&vault, text.as_bytes(), None, None));
    assert_eq!((done.secrets, done.versions), (2, 3));
    assert_eq!(own(&home), theirs.current());
    assert!(opens_all(&home, &theirs));
    assert_eq!(
        commit(Rekey::use_identity(&vault, text.as_bytes(), None, None)).secrets,
        0,
        "it is there already"
    );
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
}

#[test]
fn an_identity_is_taken_where_there_is_none_when_it_opens_the_vault() {
    let (home, vault) = home();
    let text = fs::read(home.identity_path()).expect("an identity");
    fs::remove_file(home.identity_path()).expect("lost");
    let other = Keyring::generate().to_text();
    let error = refused(Rekey::use_identity(&vault, other.as_bytes(), None, None));
    assert!(error.contains("decrypts none"), "{error}");
    assert!(!home.identity_path().exists());
    commit(Rekey::use_identity(&vault, &text, None, None));
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    set(&vault, "B", b"later");
}

#[test]
fn a_machine_that_is_added_by_others_begins_with_an_identity_of_its_own() {
    let (first, vault) = home();
    // A copy of the vault, as git makes it.
    let second = Home::new();
    drop(second.open().expect("a vault"));
    for file in [".recipients", "A.age", "B.age"] {
        let copy = second.vault_path().join(file);
        fs::copy(first.vault_path().join(file), copy).expect("copied");
    }
    let theirs = Keyring::generate();
    let there = second.open().expect("the vault");
    commit(Rekey::use_identity(&there, theirs.to_text().as_bytes(), None, None));
    assert!(matches!(read(&there, "A"), Err(VaultError::ForOthers { .. })));
    // As when it was killed before its identity was there.
    fs::remove_file(second.identity_path()).expect("removed");
    commit(Rekey::use_identity(&there, theirs.to_text().as_bytes(), None, None));
    let shown = [own(&first).to_string()];
    assert!(refused(Rekey::accept(&there, &shown)).contains("is not one of"));
    commit(Rekey::add(&vault, &theirs.current().to_string(), None));
    for file in [".recipients", "A.age", "B.age"] {
        let copy = second.vault_path().join(file);
        fs::copy(first.vault_path().join(file), copy).expect("copied");
    }
    assert_eq!(read(&there, "A").expect("a value"), b"three");
    assert!(write(&there, "A", b"").is_err(), "not accepted yet");
    let shown = [own(&first), theirs.current()].map(|one| one.to_string());
    assert_eq!(commit(Rekey::accept(&there, &shown)).secrets, 0);
    set(&there, "A", b"theirs");
    fs::copy(second.file("A"), first.file("A")).expect("copied back");
    assert_eq!(read(&vault, "A").expect("a value"), b"theirs");
}

#[test]
fn a_key_of_another_kind_is_told_from_a_damaged_one_and_not_repeated() {
    let (home, vault) = home();
    let secret = fs::read_to_string(home.identity_path()).expect("an identity");
    let secret = secret.lines().last().expect("a key");
    for (given, why) in [
        ("ssh-ed25519 AAAA cnry", "SSH key"),
        (secret, "which is secret"),
        ("age1pq1cnry", "a newer age"),
        ("age1cnry", "not a complete age recipient"),
        ("cnry", "not a complete age recipient"),
    ] {
        let error = refused(Rekey::add(&vault, given, None));
        assert!(error.contains(why) && !error.contains("cnry"), "{error}");
        assert!(!error.contains(secret), "{error}");
        assert_eq!(refused(Rekey::remove(&vault, given)), error);
    }
    let key = own(&home).to_string();
    for (given, why) in [
        ("-----BEGIN OPENSSH PRIVATE KEY-----\ncnry\n", "SSH key"),
        ("age-encryption.org/v1\n-> scrypt cnry", "passphrase, which is missing"),
        ("AGE-PLUGIN-CNRY-1cnry", "plugin"),
        (&key, "which is public"),
        ("AGE-SECRET-KEY-1cnry", "is damaged"),
        (&format!("# retired: cnry\n{secret}\n"), "marked as retired"),
        ("cnry", "no AGE-SECRET-KEY-1"),
        ("", "no AGE-SECRET-KEY-1"),
    ] {
        let error = refused(Rekey::use_identity(&vault, given.as_bytes(), None, None));
        assert!(error.contains(why) && !error.contains("cnry"), "{error}");
    }
    assert!(
        refused(Rekey::use_identity(&vault, b"\xff", None, None)).contains("no AGE-SECRET-KEY-1")
    );
}

#[test]
fn a_vault_has_64_recipients_at_the_most() {
    let (home, vault) = home();
    let keys: Vec<_> = (1..64).map(|_| Keyring::generate().current().to_string()).collect();
    let list = home.vault_path().join(".recipients");
    fs::write(&list, format!("{}\n{}\n", own(&home), keys.join("\n"))).expect("changed");
    fs::copy(&list, config(&home, "recipients.txt")).expect("accepted");
    let one_more = Keyring::generate().current().to_string();
    assert!(refused(Rekey::add(&vault, &one_more, None)).contains("64 recipients"));
    commit(Rekey::remove(&vault, &keys[0]));
    assert_eq!(commit(Rekey::add(&vault, &one_more, None)).recipients, 64);
}

/// A home whose identity has a passphrase, which was given.
fn unlocked() -> (Home, Vault) {
    let (home, vault) = home();
    let text = fs::read(home.identity_path()).expect("an identity");
    let sealed = encrypt_cheaply("correct horse", &text);
    fs::write(home.identity_path(), sealed).expect("written");
    unlock(&vault);
    (home, vault)
}

fn unlock_with(vault: &Vault, passphrase: &str) {
    let opened = vault.keys().open(passphrase).expect("opened");
    vault.keys().unlock(opened, None, vault.keys().lock_requests()).expect("unlocked");
}

fn unlock(vault: &Vault) {
    unlock_with(vault, "correct horse");
}

#[test]
fn a_new_key_gets_the_passphrase_of_the_current_one() {
    let (home, vault) = unlocked();
    let before = opened_by(&home, "correct horse").current();
    let rotate = |passphrase| Rekey::rotate(&vault, false, passphrase, None);
    let is = |error: Option<VaultError>, expected: fn(&KeyError) -> bool| matches!(error, Some(VaultError::Key { source, .. }) if expected(&source));
    assert!(is(rotate(None).err(), |error| matches!(error, KeyError::Closed)));
    assert!(is(rotate(Some("wrong")).err(), |error| matches!(error, KeyError::Wrong)));
    interrupted(rotate(Some("correct horse")), 1);
    let both = opened_by(&home, "correct horse");
    assert_eq!(both.recipients()[1..], [before]);
    // Both are locked, and unlocked, together.
    drop(vault);
    let vault = home.open().expect("the vault");
    assert!(matches!(read(&vault, "A"), Err(VaultError::Locked { .. })));
    let locked = Rekey::rotate(&vault, false, None, None);
    assert!(matches!(locked, Err(VaultError::Locked { .. })));
    unlock(&vault);
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    assert_eq!(read(&vault, "B").expect("a value"), b"b");
    vault.keys().lock().expect("locked");
    assert!(matches!(read(&vault, "A"), Err(VaultError::Locked { .. })));
    set(&vault, "NEW", b"set while locked");
    unlock(&vault);
    // Another passphrase is one of both keys.
    let rewritten = vault.keys().rewrite(Some("correct horse"), Some("another")).expect("written");
    vault.keys().replace(rewritten, None, vault.keys().lock_requests()).expect("replaced");
    assert_eq!(opened_by(&home, "another").recipients(), both.recipients());
    commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!(opened_by(&home, "another").recipients(), both.recipients());
    for secret in ["A", "B", "NEW"] {
        assert!(read(&vault, secret).is_ok(), "{secret}");
    }
    vault.keys().lock().expect("it has a passphrase");
    unlock_with(&vault, "another");
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
}

#[test]
fn an_identity_that_is_locked_in_the_middle_stops_a_change_and_loses_nothing() {
    let (home, vault) = unlocked();
    let key = Keyring::generate().current().to_string();
    let rekey = Rekey::add(&vault, &key, None).expect("prepared");
    let mut is_locked = false;
    // More than fits into two batches, so that something is left: the second is encrypted while the first is
    // synced.
    for n in 0..200 {
        set(&vault, &format!("N{n}"), b"x");
    }
    let error = rekey.commit(&mut |step| {
        if matches!(step, ReencryptStep::Done { .. }) && !is_locked {
            vault.keys().lock().expect("locked");
            is_locked = true;
        }
    });
    assert!(matches!(error, Err(VaultError::Locked { .. })), "{error:?}");
    unlock(&vault);
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    assert_eq!(read(&vault, "N99").expect("a value"), b"x");
    let done = commit(Rekey::add(&vault, &key, None));
    assert_eq!(done.finished, Some(Unfinished::Recipients));
    assert_eq!(count_recipients(&fs::read(home.file("N99")).expect("a file")), 2);
}

#[test]
fn an_identity_behind_a_passphrase_is_used_with_it() {
    let (home, vault) = home();
    let theirs = Keyring::generate();
    let file = encrypt_cheaply("theirs", theirs.to_text().as_bytes());
    assert!(refused(Rekey::use_identity(&vault, &file, None, None)).contains("which is missing"));
    let error = refused(Rekey::use_identity(&vault, &file, Some("wrong"), None));
    assert!(error.contains("not the passphrase"), "{error}");
    commit(Rekey::use_identity(&vault, &file, Some("theirs"), None));
    assert!(opens_all(&home, &theirs));
    assert!(is_encrypted(&fs::read(home.identity_path()).expect("an identity")));
    vault.keys().lock().expect("it has a passphrase");
    assert!(vault.keys().open("theirs").is_ok());
}

#[test]
fn a_change_to_an_identity_with_another_passphrase_that_is_ended_needs_only_that_one() {
    for has_passphrase in [true, false] {
        let (home, vault) = if has_passphrase { unlocked() } else { home() };
        // More than fits into a batch: so some are encrypted for the one, some for the other.
        for n in 0..100 {
            set(&vault, &format!("N{n}"), b"x");
        }
        let theirs = Keyring::generate();
        let file = encrypt_cheaply("theirs", theirs.to_text().as_bytes());
        interrupted(Rekey::use_identity(&vault, &file, Some("theirs"), None), 100);
        vault.keys().lock().expect("it has a passphrase");
        drop(vault);
        let vault = home.open().expect("the vault");
        assert!(matches!(vault.keys().open("wrong"), Err(KeyError::Wrong)));
        assert!(matches!(vault.keys().open("correct horse"), Err(KeyError::Wrong)));
        set(&vault, "NEW", b"set meanwhile");
        unlock_with(&vault, "theirs");
        let encrypted = |n| fs::read(home.file(&format!("N{n}"))).expect("a file");
        let by_theirs = (0..100).filter(|&n| theirs.decrypt(&encrypted(n)).is_ok()).count();
        assert!(by_theirs > 0 && by_theirs < 100, "{by_theirs}");
        let opened =
            |vault: &Vault| (0..100).filter(|n| read(vault, &format!("N{n}")).is_ok()).count();
        assert_eq!((opened(&vault), vault.keys().state()), (100, KeyState::Unlocked(None)));
        commit(Rekey::use_identity(&vault, &file, Some("theirs"), None));
        assert_eq!(read(&vault, "NEW").expect("a value"), b"set meanwhile");
        assert!(opens_all(&home, &theirs));
        drop(vault);
        let vault = home.open().expect("the vault");
        unlock_with(&vault, "theirs");
        assert_eq!((opened(&vault), vault.keys().state()), (100, KeyState::Unlocked(None)));
    }
}

#[test]
fn a_lock_that_comes_before_a_new_identity_is_written_holds_for_that_too() {
    let (home, vault) = unlocked();
    let rekey = Rekey::rotate(&vault, false, Some("correct horse"), None).expect("prepared");
    vault.keys().lock().expect("locked");
    assert!(matches!(rekey.commit(&mut |_| {}), Err(VaultError::Locked { .. })));
    assert_eq!(vault.keys().state(), KeyState::Locked);
    unlock(&vault);
    commit(Rekey::rotate(&vault, false, None, None));
    assert!(opens_all(&home, &opened_by(&home, "correct horse")));
}

/// The identity of a home that has this passphrase.
fn opened_by(home: &Home, passphrase: &str) -> Keyring {
    let sealed = fs::read(home.identity_path()).expect("an identity");
    let Ok(text) = decrypt_with_passphrase(passphrase, &sealed) else {
        panic!("it is not its passphrase")
    };
    Keyring::parse(&text).expect("an identity")
}

#[test]
fn an_identity_that_was_prepared_for_another_passphrase_is_refused() {
    let theirs = Keyring::generate().to_text();
    for is_used in [true, false] {
        let (home, vault) = unlocked();
        let prepared = match is_used {
            true => Rekey::use_identity(&vault, theirs.as_bytes(), Some("correct horse"), None),
            false => Rekey::rotate(&vault, false, Some("correct horse"), None),
        };
        let prepared = prepared.expect("prepared");
        let rewritten = vault.keys().rewrite(Some("correct horse"), None).expect("written");
        vault.keys().replace(rewritten, None, vault.keys().lock_requests()).expect("replaced");
        let now = fs::read(home.identity_path()).expect("an identity");
        let error = prepared.commit(&mut |_| {});
        let is_changed = matches!(error, Err(VaultError::Key { source: KeyError::Changed, .. }));
        assert!(is_changed, "{error:?}");
        assert_eq!(fs::read(home.identity_path()).expect("an identity"), now);
        assert!(!config(&home, "recipients.next.txt").exists());
    }
}

fn retire(vault: &Vault) -> Result<Vec<String>, VaultError> {
    let retirement = Retirement::prepare(vault, None, None)?;
    let retired = retirement.retired.clone();
    retirement.commit().map(|()| retired)
}

#[test]
fn a16_retired_keys_are_removed_when_nothing_needs_them() {
    let (home, vault) = home();
    assert!(retire(&vault).expect("nothing to do").is_empty());
    let before = identity(&home, "identity.txt");
    let old_version = fs::read(home.history_path().join("A/1.age")).expect("a version");
    commit(Rekey::rotate(&vault, false, None, None));
    // An earlier version, a secret, and a file that cannot be judged.
    let version = home.history_path().join("A/1.age");
    let re_encrypted = fs::read(&version).expect("a version");
    let damaged = [&re_encrypted[..re_encrypted.len() - 1], b"?"].concat();
    for (path, bytes, secret) in [
        (version.clone(), &old_version, "A"),
        (home.file("B"), &old_version, "B"),
        (home.file("DAMAGED"), &damaged, "DAMAGED"),
        (home.history_path().join("GONE/1.age"), &b"rubbish".to_vec(), "GONE"),
    ] {
        let good = fs::read(&path).ok();
        fs::write(&path, bytes).expect("written");
        let Err(VaultError::Rekey(RekeyError::RetiredNeeded { names })) = retire(&vault) else {
            panic!("{secret} needs it");
        };
        assert_eq!(names, [name(secret)]);
        assert_eq!(identity(&home, "identity.txt").recipients()[1], before.current());
        match good {
            Some(good) => fs::write(&path, good).expect("put back"),
            None => fs::remove_file(&path).expect("removed"),
        }
    }
    // A secret of others needs no key of ours.
    let others = encrypt(&[Keyring::generate().current()], b"x").expect("encrypted");
    fs::write(home.file("OTHERS"), others).expect("written");
    let current = identity(&home, "identity.txt").to_text_of_current();
    assert_eq!(retire(&vault).expect("retired"), [before.current().to_string()]);
    assert_eq!(fs::read_to_string(home.identity_path()).expect("an identity"), *current);
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    assert!(retire(&vault).expect("nothing to do").is_empty());
}

#[test]
fn a16_no_key_is_removed_for_a_vault_that_was_moved() {
    let (home, vault) = home();
    commit(Rekey::rotate(&vault, false, None, None));
    let before = fs::read(home.identity_path()).expect("an identity");
    let retirement = Retirement::prepare(&vault, None, None).expect("nothing needs it");
    fs::rename(home.vault_path(), config(&home, "elsewhere")).expect("moved");
    assert!(matches!(retirement.commit(), Err(VaultError::Moved { .. })));
    assert_eq!(fs::read(home.identity_path()).expect("an identity"), before);
}

#[test]
fn retired_keys_are_removed_behind_the_passphrase() {
    let (home, vault) = unlocked();
    commit(Rekey::rotate(&vault, false, Some("correct horse"), None));
    assert!(Retirement::prepare(&vault, None, None).is_err(), "it is needed");
    let retirement = Retirement::prepare(&vault, Some("correct horse"), None).expect("prepared");
    retirement.commit().expect("retired");
    let left = opened_by(&home, "correct horse");
    assert!(left.retired().is_empty() && opens_all(&home, &left));
    assert_eq!(vault.keys().state(), KeyState::Unlocked(None));
}

#[test]
fn an_older_copy_of_the_vault_is_used_with_the_retired_key() {
    let (home, vault) = home();
    let list = home.vault_path().join(".recipients");
    let copies = [list.clone(), home.file("A"), home.file("B")];
    let before = copies.clone().map(|path| fs::read(path).expect("a file"));
    commit(Rekey::rotate(&vault, false, None, None));
    let put_back = || {
        for (path, bytes) in copies.iter().zip(&before) {
            fs::write(path, bytes).expect("put back");
        }
    };
    put_back();
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    let shown: Vec<_> = vault.listed_recipients().expect("a list").recipients.into_iter().collect();
    assert!(shown.iter().all(|one| one.own), "{shown:?}");
    set(&vault, "B", b"later");
    let listed = fs::read_to_string(&list).expect("a list");
    assert_eq!(listed, format!("{}\n", own(&home)), "the list is up to date again");
    assert!(matches!(
        retire(&vault),
        Err(VaultError::Rekey(RekeyError::RetiredNeeded { names })) if names == [name("A"), name("B")]
    ));
    // Accepting encrypts everything again, although the number of recipients is the same.
    put_back();
    let listed: Vec<_> = listed_keys(&vault);
    assert_eq!(commit(Rekey::accept(&vault, &listed)).secrets, 2);
    assert!(opens_all(&home, &identity(&home, "identity.txt")));
    assert_eq!(retire(&vault).expect("retired").len(), 1);
}

/// The recipients that the vault has.
fn listed_keys(vault: &Vault) -> Vec<String> {
    let listed = vault.listed_recipients().expect("a list").recipients;
    listed.into_iter().filter(|one| one.listed).map(|one| one.recipient).collect()
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
                    let change = SecretChange::restore(vault, name, version).expect("written");
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
    Retirement::prepare(&vault, None, None).expect("nothing needs it").commit().expect("retired");
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

fn assert_encrypted_for(vault: &Vault, recipients: usize) {
    for name in vault.secrets().all_names().expect("names") {
        for version in vault.secrets().all_versions(&name).expect("versions") {
            let file = vault.secrets().locate(&name, version).expect("found").expect("there");
            match file.read() {
                Ok(encrypted) => {
                    assert_eq!(count_recipients(&encrypted), recipients, "{name} {version:?}");
                }
                Err(VaultError::Missing) => assert_eq!(version, None),
                Err(error) => panic!("{error}"),
            }
        }
    }
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
