use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use fluvio_secret_protocol::Unfinished;

use super::{Rekey, RekeyError, Resealed};
use crate::reseal::Step;
use crate::seal::{Identity, Recipient, is_sealed, open_with, recipients_of, seal, seal_cheaply};
use crate::tests::{Home, files, name, read, set};
use crate::{KeyError, KeyState, RecipientsError, Vault, VaultError};

fn config(home: &Home, file: &str) -> PathBuf {
    home.identity_path().with_file_name(file)
}

/// The identity in a file of a home.
fn identity(home: &Home, file: &str) -> Identity {
    let text = fs::read_to_string(config(home, file)).expect("an identity");
    Identity::parse(&text).expect("an identity")
}

fn own(home: &Home) -> Recipient {
    identity(home, "identity.txt").recipient()
}

fn commit(rekey: Result<Rekey<'_>, VaultError>) -> Resealed {
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
    vault.remove(&name("GONE")).expect("removed");
    (home, vault)
}

/// All sealed files of `home()`.
fn sealed(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
    let history = home.history_path();
    let earlier = ["A/1.age", "A/2.age", "GONE/1.age"].map(|file| history.join(file));
    let all = [home.file("A"), home.file("B")].into_iter().chain(earlier);
    all.map(|path| (path.clone(), fs::read(path).expect("a sealed file"))).collect()
}

fn opens_all(home: &Home, identity: &Identity) -> bool {
    sealed(home).iter().all(|(_, sealed)| identity.open(sealed).is_ok())
}

fn opens_none(home: &Home, identity: &Identity) -> bool {
    sealed(home).iter().all(|(_, sealed)| identity.open(sealed).is_err())
}

/// Changes the vault's list as somebody else does who may write to it.
fn add_from_elsewhere(home: &Home, recipient: &Recipient) {
    let list = home.vault_path().join(".recipients");
    let text = fs::read_to_string(&list).expect("a list");
    fs::write(list, format!("{text}{recipient}\n")).expect("changed");
}

#[test]
fn a_rotation_leaves_one_identity_that_opens_all() {
    let (home, vault) = home();
    let before = identity(&home, "identity.txt");
    let date = |path: &PathBuf| fs::metadata(path).expect("a file").modified().expect("a date");
    let dates: Vec<_> = sealed(&home).iter().map(|(path, _)| date(path)).collect();
    let done = commit(vault.prepare_rotate(false, None, None));
    assert_eq!((done.secrets, done.versions, done.recipients), (2, 3, 1));
    assert_eq!((done.own, done.finished), (own(&home).to_string(), None));
    assert!(opens_none(&home, &before));
    assert!(opens_all(&home, &identity(&home, "identity.txt")));
    assert_eq!(sealed(&home).iter().map(|(path, _)| date(path)).collect::<Vec<_>>(), dates);
    let left = files(home.identity_path().parent().expect("a folder"));
    let expected =
        ["history", "identity.old.txt", "identity.txt", "recipients.txt", "vault", "vault-id"];
    assert_eq!(left, expected);
    assert_eq!(done.kept, Some(config(&home, "identity.old.txt")));
    assert_eq!(identity(&home, "identity.old.txt").recipient(), before.recipient());
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
        let rekey = vault.prepare_rotate(false, None, None).expect("prepared");
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
        assert_eq!(own(&home), before, "{at}");
        assert!(!config(&home, "identity.old.txt").exists(), "{at}");
        drop(vault);
        fs::remove_dir_all(home.vault_path()).expect("removed");
        fs::rename(&elsewhere, home.vault_path()).expect("put back");
        let vault = home.open().expect("the vault");
        assert_eq!(read(&vault, "A").expect("a value"), b"three", "{at}");
        commit(vault.prepare_rotate(false, None, None));
        assert!(own(&home) != before && opens_all(&home, &identity(&home, "identity.txt")));
    }
}

#[test]
fn a16_a_rotation_that_was_killed_keeps_one_copy_of_the_key_before() {
    let (home, vault) = home();
    // It was killed after the copy was made, and before the next identity took the place.
    fs::copy(home.identity_path(), config(&home, "identity.old.txt")).expect("a copy");
    let done = commit(vault.prepare_rotate(false, None, None));
    assert_eq!(done.kept, Some(config(&home, "identity.old.txt")));
    assert!(!config(&home, "identity.old.2.txt").exists());
    let done = commit(vault.prepare_rotate(false, None, None));
    assert_eq!(done.kept, Some(config(&home, "identity.old.2.txt")));
}

#[test]
fn a16_a_copy_of_the_present_identity_is_not_a_next_one() {
    let (home, vault) = home();
    let next = config(&home, "identity.next.txt");
    let copy = || fs::copy(home.identity_path(), &next).expect("a copy");
    copy();
    let listed = vault.listed_recipients().expect("a list");
    assert_eq!(listed.unfinished, None);
    assert_eq!(listed.recipients.len(), 1);
    let before = own(&home);
    let done = commit(vault.prepare_rotate(false, None, None));
    assert_eq!((done.recipients, done.finished), (1, None));
    assert!(own(&home) != before && !next.exists());
    // With the recipients of a change that was not finished, as in a backup.
    copy();
    fs::copy(config(&home, "recipients.txt"), config(&home, "recipients.next.txt"))
        .expect("a copy");
    let done = commit(vault.prepare_rotate(false, None, None));
    assert_eq!((done.recipients, done.finished), (1, Some(Unfinished::Recipients)));
    // An identity that somebody has already, with and without a change.
    copy();
    let same = fs::read(home.identity_path()).expect("an identity");
    assert_eq!(commit(vault.prepare_use(&same, None, None)).recipients, 1);
    let other = Identity::generate();
    let done = commit(vault.prepare_use(other.to_text("").as_bytes(), None, None));
    assert_eq!((done.recipients, own(&home)), (1, other.recipient()));
    // The next daemon removes it.
    copy();
    drop(vault);
    let vault = home.open().expect("the vault");
    assert!(!next.exists());
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    assert!(opens_all(&home, &other));
}

#[test]
fn a_secret_with_many_versions_is_no_batch_of_its_own() {
    let (home, vault) = home();
    let history = home.history_path().join("A");
    for version in 3..150 {
        fs::copy(home.file("A"), history.join(format!("{version}.age"))).expect("a version");
    }
    let mut batches = 0;
    let rekey = vault.prepare_rotate(false, None, None).expect("prepared");
    let done = rekey.commit(&mut |step| {
        batches += usize::from(matches!(step, Step::Done { .. }));
    });
    assert_eq!(done.expect("committed").versions, 150);
    // 152 files are three batches, and another run looks whether all are done.
    assert_eq!(batches, 4);
}

#[test]
fn a_rotation_can_drop_the_history() {
    let (home, vault) = home();
    let done = commit(vault.prepare_rotate(true, None, None));
    assert_eq!((done.secrets, done.versions), (2, 0));
    assert_eq!(files(&home.history_path()), [".vault"]);
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
}

#[test]
fn who_is_added_opens_all_until_it_is_removed() {
    let (home, vault) = home();
    let friend = Identity::generate();
    let key = friend.recipient().to_string();
    let done = commit(vault.prepare_add(&format!(" {key}\n"), Some("a friend's")));
    assert_eq!((done.secrets, done.versions, done.recipients), (2, 3, 2));
    assert!(opens_all(&home, &friend) && opens_all(&home, &identity(&home, "identity.txt")));
    set(&vault, "B", b"later");
    assert!(opens_all(&home, &friend), "what is set later, too");
    let list = fs::read_to_string(home.vault_path().join(".recipients")).expect("a list");
    assert_eq!(list, format!("{}\n# a friend's\n{key}\n", own(&home)));
    // With another note, the note is changed.
    commit(vault.prepare_add(&key, Some("a backup")));
    commit(vault.prepare_add(&key, None));
    let list = fs::read_to_string(home.vault_path().join(".recipients")).expect("a list");
    assert_eq!(list, format!("{}\n# a backup\n{key}\n", own(&home)));
    // A rotation leaves it where it is.
    commit(vault.prepare_rotate(false, None, None));
    assert!(opens_all(&home, &friend) && opens_all(&home, &identity(&home, "identity.txt")));
    commit(vault.prepare_remove(&key));
    assert!(opens_none(&home, &friend) && opens_all(&home, &identity(&home, "identity.txt")));
    assert!(refused(vault.prepare_remove(&key)).contains("is not among"));
    assert!(refused(vault.prepare_remove(&own(&home).to_string())).contains("own"));
}

#[test]
fn recipients_that_others_have_added_stop_every_change_until_they_are_accepted() {
    let (home, vault) = home();
    let stranger = Identity::generate();
    let key = stranger.recipient().to_string();
    add_from_elsewhere(&home, &stranger.recipient());
    let is_stopped = |error: Option<VaultError>| {
        matches!(error, Some(VaultError::Recipients(RecipientsError::Differ { .. })))
    };
    assert!(is_stopped(vault.prepare(name("A"), Vec::new().into()).err()));
    assert!(is_stopped(vault.prepare_all(Vec::new()).err()));
    assert!(is_stopped(vault.prepare_add(&key, None).err()));
    assert!(is_stopped(vault.prepare_remove(&key).err()));
    assert!(is_stopped(vault.prepare_rotate(false, None, None).err()));
    assert_eq!(read(&vault, "A").expect("a value"), b"three", "reading goes on");
    let shown = |vault: &Vault| {
        let listed = vault.listed_recipients().expect("a list").recipients;
        listed.into_iter().filter(|one| one.listed).map(|one| one.recipient).collect::<Vec<_>>()
    };
    let old = shown(&vault);
    add_from_elsewhere(&home, &Identity::generate().recipient());
    let error = refused(vault.prepare_accept(&old));
    assert!(error.contains("changed since they were shown"), "{error}");
    assert!(opens_none(&home, &stranger));
    commit(vault.prepare_accept(&shown(&vault)));
    assert!(opens_all(&home, &stranger));
    set(&vault, "B", b"later");
    assert_eq!(recipients_of(&fs::read(home.file("B")).expect("a file")), 3);
    let done = commit(vault.prepare_accept(&shown(&vault)));
    assert_eq!(done.secrets, 0, "there is nothing to accept");
}

#[test]
fn accepting_seals_anew_what_the_others_could_not() {
    let (home, vault) = home();
    let friend = Identity::generate().recipient();
    add_from_elsewhere(&home, &friend);
    // Who added it has sealed this one to both already.
    let both = [own(&home), friend.clone()];
    let plain = identity(&home, "identity.txt").open(&fs::read(home.file("B")).expect("a file"));
    let theirs = seal(&both, &plain.expect("opened")).expect("sealed");
    fs::write(home.file("B"), &theirs).expect("written");
    let done = commit(vault.prepare_accept(&both.map(|one| one.to_string())));
    assert_eq!((done.secrets, done.versions), (1, 3));
    assert_eq!(fs::read(home.file("B")).expect("a file"), theirs, "left as it is");
}

#[test]
fn who_is_not_among_the_recipients_accepts_nothing() {
    let (home, vault) = home();
    let others = Identity::generate().recipient();
    fs::write(home.vault_path().join(".recipients"), format!("{others}\n")).expect("changed");
    let error = refused(vault.prepare_accept(&[others.to_string()]));
    assert!(error.contains(&format!("{}, is not among", own(&home))), "{error}");
}

/// Makes a change that is ended by a panic at this step of its sealing.
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
        interrupted(vault.prepare_rotate(false, None, None), at);
        let next = identity(&home, "identity.next.txt");
        drop(vault);
        let vault = home.open().expect("the vault");
        let listed = vault.listed_recipients().expect("a list");
        assert_eq!(listed.unfinished, Some(Unfinished::Identity));
        assert!(listed.recipients.iter().all(|one| one.own), "{listed:?}");
        assert_eq!(read(&vault, "A").expect("a value"), b"three");
        assert_eq!(read(&vault, "B").expect("a value"), b"b");
        // Nobody has to wait for the end.
        set(&vault, "NEW", b"new");
        assert_eq!(read(&vault, "NEW").expect("a value"), b"new");
        let other = Identity::generate().to_text("");
        assert!(matches!(
            vault.prepare_use(other.as_bytes(), None, None).err(),
            Some(VaultError::Rekey(RekeyError::Unfinished))
        ));
        let done = match at {
            // Whatever asks for everything to be sealed anew finishes it.
            2 => commit(vault.prepare_add(&Identity::generate().recipient().to_string(), None)),
            _ => commit(vault.prepare_rotate(false, None, None)),
        };
        assert_eq!(done.finished, Some(Unfinished::Identity));
        assert_eq!(own(&home), next.recipient());
        assert!(opens_none(&home, &before) && opens_all(&home, &next));
        assert!(!config(&home, "identity.next.txt").exists());
        assert_eq!(read(&vault, "NEW").expect("a value"), b"new");
    }
}

#[test]
fn recipients_that_are_changed_in_part_are_changed_by_the_next_run() {
    let (home, vault) = home();
    let friend = Identity::generate();
    let key = friend.recipient().to_string();
    interrupted(vault.prepare_add(&key, None), 1);
    drop(vault);
    let vault = home.open().expect("the vault");
    let listed = vault.listed_recipients().expect("a list");
    assert_eq!(listed.unfinished, Some(Unfinished::Recipients));
    assert!(listed.recipients.iter().all(|one| one.listed && one.accepted), "{listed:?}");
    set(&vault, "B", b"later");
    assert_eq!(recipients_of(&fs::read(home.file("B")).expect("a file")), 2);
    let shown: Vec<_> = listed.recipients.into_iter().map(|one| one.recipient).collect();
    assert_eq!(commit(vault.prepare_accept(&shown)).finished, Some(Unfinished::Recipients));
    assert!(opens_all(&home, &friend));
    // The same command again does it, too.
    interrupted(vault.prepare_remove(&key), 1);
    assert_eq!(commit(vault.prepare_remove(&key)).finished, Some(Unfinished::Recipients));
    assert!(opens_none(&home, &friend));
}

#[test]
fn what_cannot_be_opened_is_left_as_it_is_and_named() {
    let (home, vault) = home();
    fs::write(home.file("DAMAGED"), "rubbish").expect("a file");
    let others = seal(&[Identity::generate().recipient()], b"x").expect("sealed");
    fs::write(home.history_path().join("A/1.age"), &others).expect("a file");
    let done = commit(vault.prepare_rotate(false, None, None));
    assert_eq!(done.left, [name("A"), name("DAMAGED")]);
    assert_eq!((done.secrets, done.versions), (2, 2));
    assert_eq!(fs::read(home.file("DAMAGED")).expect("a file"), b"rubbish");
    assert_eq!(fs::read(home.history_path().join("A/1.age")).expect("a file"), others);
}

#[test]
fn what_others_change_meanwhile_is_not_replaced_by_what_was_before() {
    let (home, vault) = home();
    let sealed_by = |identity: &Identity, secret: &str, value: &str| {
        let head = format!(r#"{{"format":1,"name":"{secret}","set_at":"2026-01-02T03:04:05Z"}}"#);
        seal(&[identity.recipient()], format!("{head}\n{value}").as_bytes()).expect("sealed")
    };
    let before = identity(&home, "identity.txt");
    let mut is_first = true;
    let rekey = vault.prepare_rotate(false, None, None).expect("prepared");
    let done = rekey.commit(&mut |step| match step {
        // Between reading and replacing, and to the identity that goes.
        Step::Same { name: first, .. } if is_first && *first == name("A") => {
            is_first = false;
            fs::write(home.file("B"), sealed_by(&before, "B", "newer")).expect("written");
        }
        // After everything was sealed anew.
        Step::Done { done, all, .. } if done == all && !home.file("LATE").exists() => {
            fs::write(home.file("LATE"), sealed_by(&before, "LATE", "late")).expect("written");
        }
        _ => {}
    });
    assert!(done.expect("committed").left.is_empty());
    assert_eq!(read(&vault, "B").expect("a value"), b"newer");
    assert_eq!(read(&vault, "LATE").expect("a value"), b"late");
    assert!(before.open(&fs::read(home.file("LATE")).expect("a file")).is_err());
}

#[test]
fn a_version_that_a_killed_change_left_is_not_made_a_second_one() {
    let (home, vault) = home();
    let second_name = home.history_path().join("B/1.age");
    fs::create_dir(second_name.parent().expect("a folder")).expect("a folder");
    fs::hard_link(home.file("B"), &second_name).expect("a second name");
    let done = commit(vault.prepare_rotate(false, None, None));
    assert_eq!((done.secrets, done.versions), (2, 3));
    assert!(!second_name.exists());
}

#[test]
fn an_identity_that_somebody_has_takes_the_place_of_the_present_one() {
    let (home, vault) = home();
    let theirs = Identity::generate();
    let text = theirs.to_text("2026-01-02T03:04:05Z");
    let done = commit(vault.prepare_use(text.as_bytes(), None, None));
    assert_eq!((done.secrets, done.versions), (2, 3));
    assert_eq!(own(&home), theirs.recipient());
    assert!(opens_all(&home, &theirs));
    assert_eq!(
        commit(vault.prepare_use(text.as_bytes(), None, None)).secrets,
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
    let other = Identity::generate().to_text("");
    let error = refused(vault.prepare_use(other.as_bytes(), None, None));
    assert!(error.contains("opens none"), "{error}");
    assert!(!home.identity_path().exists());
    commit(vault.prepare_use(&text, None, None));
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
    let theirs = Identity::generate();
    let there = second.open().expect("the vault");
    commit(there.prepare_use(theirs.to_text("").as_bytes(), None, None));
    assert!(matches!(read(&there, "A"), Err(VaultError::Damaged { .. })));
    // As when it was killed before its identity was there.
    fs::remove_file(second.identity_path()).expect("removed");
    commit(there.prepare_use(theirs.to_text("").as_bytes(), None, None));
    let shown = [own(&first).to_string()];
    assert!(refused(there.prepare_accept(&shown)).contains("is not among"));
    commit(vault.prepare_add(&theirs.recipient().to_string(), None));
    for file in [".recipients", "A.age", "B.age"] {
        let copy = second.vault_path().join(file);
        fs::copy(first.vault_path().join(file), copy).expect("copied");
    }
    assert_eq!(read(&there, "A").expect("a value"), b"three");
    assert!(there.prepare(name("A"), Vec::new().into()).is_err(), "not accepted yet");
    let shown = [own(&first), theirs.recipient()].map(|one| one.to_string());
    assert_eq!(commit(there.prepare_accept(&shown)).secrets, 0);
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
        ("age1cnry", "not copied whole"),
        ("cnry", "not copied whole"),
    ] {
        let error = refused(vault.prepare_add(given, None));
        assert!(error.contains(why) && !error.contains("cnry"), "{error}");
        assert!(!error.contains(secret), "{error}");
        assert_eq!(refused(vault.prepare_remove(given)), error);
    }
    let key = own(&home).to_string();
    for (given, why) in [
        ("-----BEGIN OPENSSH PRIVATE KEY-----\ncnry\n", "SSH key"),
        ("age-encryption.org/v1\n-> scrypt cnry", "passphrase, which was not given"),
        ("AGE-PLUGIN-CNRY-1cnry", "plugin"),
        (&key, "which is public"),
        ("AGE-SECRET-KEY-1cnry", "is damaged"),
        (&format!("{secret}\n{secret}\n"), "more than one"),
        ("cnry", "no AGE-SECRET-KEY-1"),
        ("", "no AGE-SECRET-KEY-1"),
    ] {
        let error = refused(vault.prepare_use(given.as_bytes(), None, None));
        assert!(error.contains(why) && !error.contains("cnry"), "{error}");
    }
    assert!(refused(vault.prepare_use(b"\xff", None, None)).contains("no AGE-SECRET-KEY-1"));
}

#[test]
fn a_vault_has_64_recipients_at_the_most() {
    let (home, vault) = home();
    let keys: Vec<_> = (1..64).map(|_| Identity::generate().recipient().to_string()).collect();
    let list = home.vault_path().join(".recipients");
    fs::write(&list, format!("{}\n{}\n", own(&home), keys.join("\n"))).expect("changed");
    fs::copy(&list, config(&home, "recipients.txt")).expect("accepted");
    let one_more = Identity::generate().recipient().to_string();
    assert!(refused(vault.prepare_add(&one_more, None)).contains("64 recipients"));
    commit(vault.prepare_remove(&keys[0]));
    assert_eq!(commit(vault.prepare_add(&one_more, None)).recipients, 64);
}

/// A home whose identity has a passphrase, which was given.
fn unlocked() -> (Home, Vault) {
    let (home, vault) = home();
    let text = fs::read(home.identity_path()).expect("an identity");
    let sealed = seal_cheaply("correct horse", &text);
    fs::write(home.identity_path(), sealed).expect("written");
    unlock(&vault);
    (home, vault)
}

fn unlock_with(vault: &Vault, passphrase: &str) {
    let opened = vault.open_keys(passphrase).expect("opened");
    vault.unlock(opened, None, vault.lock_requests()).expect("unlocked");
}

fn unlock(vault: &Vault) {
    unlock_with(vault, "correct horse");
}

#[test]
fn a_new_identity_gets_the_passphrase_of_the_present_one() {
    let (home, vault) = unlocked();
    let before = fs::read(home.identity_path()).expect("an identity");
    let rotate = |passphrase| vault.prepare_rotate(false, passphrase, None);
    let is = |error: Option<VaultError>, expected: fn(&KeyError) -> bool| matches!(error, Some(VaultError::Key { error, .. }) if expected(&error));
    assert!(is(rotate(None).err(), |error| matches!(error, KeyError::Closed)));
    assert!(is(rotate(Some("wrong")).err(), |error| matches!(error, KeyError::Wrong)));
    interrupted(rotate(Some("correct horse")), 1);
    let next = fs::read(config(&home, "identity.next.txt")).expect("the next identity");
    assert!(is_sealed(&next) && next != before);
    // Both are locked, and unlocked, together.
    drop(vault);
    let vault = home.open().expect("the vault");
    assert!(matches!(read(&vault, "A"), Err(VaultError::Locked { .. })));
    assert!(matches!(vault.prepare_rotate(false, None, None), Err(VaultError::Locked { .. })));
    unlock(&vault);
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    assert_eq!(read(&vault, "B").expect("a value"), b"b");
    vault.lock().expect("locked");
    assert_eq!(vault.next.state(), KeyState::Locked);
    assert!(matches!(read(&vault, "A"), Err(VaultError::Locked { .. })));
    set(&vault, "NEW", b"set while locked");
    unlock(&vault);
    // Another passphrase would be lost with the identity that goes.
    let rewritten = vault.key().rewrite(Some("correct horse"), Some("another")).expect("written");
    assert!(matches!(
        vault.replace_key(rewritten, None, vault.lock_requests()),
        Err(KeyError::Unfinished)
    ));
    commit(vault.prepare_rotate(false, None, None));
    assert_eq!(fs::read(home.identity_path()).expect("an identity"), next);
    for secret in ["A", "B", "NEW"] {
        assert!(read(&vault, secret).is_ok(), "{secret}");
    }
    vault.lock().expect("it has a passphrase");
    unlock(&vault);
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
}

#[test]
fn an_identity_that_is_locked_in_the_middle_stops_a_change_and_loses_nothing() {
    let (home, vault) = unlocked();
    let key = Identity::generate().recipient().to_string();
    let rekey = vault.prepare_add(&key, None).expect("prepared");
    let mut is_locked = false;
    // More than fits into a batch, so that something is left.
    for n in 0..100 {
        set(&vault, &format!("N{n}"), b"x");
    }
    let error = rekey.commit(&mut |step| {
        if matches!(step, Step::Done { .. }) && !is_locked {
            vault.lock().expect("locked");
            is_locked = true;
        }
    });
    assert!(matches!(error, Err(VaultError::Locked { .. })), "{error:?}");
    unlock(&vault);
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    assert_eq!(read(&vault, "N99").expect("a value"), b"x");
    let done = commit(vault.prepare_add(&key, None));
    assert_eq!(done.finished, Some(Unfinished::Recipients));
    assert_eq!(recipients_of(&fs::read(home.file("N99")).expect("a file")), 2);
}

#[test]
fn an_identity_behind_a_passphrase_is_used_with_it() {
    let (home, vault) = home();
    let theirs = Identity::generate();
    let file = seal_cheaply("theirs", theirs.to_text("").as_bytes());
    assert!(refused(vault.prepare_use(&file, None, None)).contains("which was not given"));
    let error = refused(vault.prepare_use(&file, Some("wrong"), None));
    assert!(error.contains("not the passphrase"), "{error}");
    commit(vault.prepare_use(&file, Some("theirs"), None));
    assert!(opens_all(&home, &theirs));
    assert!(is_sealed(&fs::read(home.identity_path()).expect("an identity")));
    vault.lock().expect("it has a passphrase");
    assert!(vault.key().open("theirs").is_ok());
}

#[test]
fn a_change_to_an_identity_with_another_passphrase_that_is_ended_is_finished_with_both() {
    for has_passphrase in [true, false] {
        let (home, vault) = if has_passphrase { unlocked() } else { home() };
        // More than fits into a batch: so some are sealed to the one, some to the other.
        for n in 0..100 {
            set(&vault, &format!("N{n}"), b"x");
        }
        let theirs = Identity::generate();
        let file = seal_cheaply("theirs", theirs.to_text("").as_bytes());
        interrupted(vault.prepare_use(&file, Some("theirs"), None), 100);
        vault.lock().expect("one of them has a passphrase");
        assert_eq!(vault.state(), KeyState::Locked);
        drop(vault);
        let vault = home.open().expect("the vault");
        assert!(matches!(vault.open_keys("wrong"), Err(KeyError::Wrong)));
        if has_passphrase {
            unlock(&vault);
        }
        let opened =
            |vault: &Vault| (0..100).filter(|n| read(vault, &format!("N{n}")).is_ok()).count();
        let by_present = opened(&vault);
        assert!(by_present > 0 && by_present < 100, "{by_present}");
        assert_eq!(vault.state(), KeyState::Locked, "in part");
        let refused = refused(vault.prepare_rotate(false, None, None));
        assert!(refused.contains("identity.next.txt"), "which one: {refused}");
        set(&vault, "NEW", b"set meanwhile");
        unlock_with(&vault, "theirs");
        assert_eq!((opened(&vault), vault.state()), (100, KeyState::Unlocked(None)));
        commit(vault.prepare_use(&file, Some("theirs"), None));
        assert_eq!(read(&vault, "NEW").expect("a value"), b"set meanwhile");
        assert!(opens_all(&home, &theirs));
        drop(vault);
        let vault = home.open().expect("the vault");
        unlock_with(&vault, "theirs");
        assert_eq!((opened(&vault), vault.state()), (100, KeyState::Unlocked(None)));
    }
}

#[test]
fn a_lock_that_comes_before_a_new_identity_is_written_holds_for_that_too() {
    let (home, vault) = unlocked();
    let rekey = vault.prepare_rotate(false, Some("correct horse"), None).expect("prepared");
    vault.lock().expect("locked");
    assert!(matches!(rekey.commit(&mut |_| {}), Err(VaultError::Locked { .. })));
    assert_eq!(vault.next.state(), KeyState::Locked);
    unlock(&vault);
    commit(vault.prepare_rotate(false, None, None));
    assert!(opens_all(&home, &opened_by(&home, "correct horse")));
}

/// The identity of a home that has this passphrase.
fn opened_by(home: &Home, passphrase: &str) -> Identity {
    let sealed = fs::read(home.identity_path()).expect("an identity");
    let Ok(text) = open_with(passphrase, &sealed) else { panic!("it is not its passphrase") };
    Identity::parse(std::str::from_utf8(&text).expect("text")).expect("an identity")
}

#[test]
fn an_identity_that_was_prepared_for_another_passphrase_is_refused() {
    let theirs = Identity::generate().to_text("");
    for is_used in [true, false] {
        let (home, vault) = unlocked();
        let prepared = match is_used {
            true => vault.prepare_use(theirs.as_bytes(), Some("correct horse"), None),
            false => vault.prepare_rotate(false, Some("correct horse"), None),
        };
        let prepared = prepared.expect("prepared");
        let rewritten = vault.key().rewrite(Some("correct horse"), None).expect("written");
        vault.replace_key(rewritten, None, vault.lock_requests()).expect("replaced");
        let now = fs::read(home.identity_path()).expect("an identity");
        let error = prepared.commit(&mut |_| {});
        let is_changed = matches!(error, Err(VaultError::Key { error: KeyError::Changed, .. }));
        assert!(is_changed, "{error:?}");
        assert_eq!(fs::read(home.identity_path()).expect("an identity"), now);
        assert!(!config(&home, "identity.next.txt").exists());
    }
}
