use std::fs;
use std::path::PathBuf;

use super::{commit, config, home, identity, opens_all, opens_none, own, refused, retire, sealed};
use crate::VaultError;
use crate::keys::encryption::encrypt;
use crate::keys::keyring::Keyring;
use crate::rekey::change::Rekey;
use crate::rekey::error::RekeyError;
use crate::rekey::reencrypt::ReencryptStep;
use crate::rekey::retirement::Retirement;
use crate::tests::{files, name, read, set};

#[test]
fn a_rotation_leaves_one_current_key_that_decrypts_all() {
    let (home, vault) = home();
    let before = identity(&home, "identity.txt");
    let date = |path: &PathBuf| fs::metadata(path).expect("a file").modified().expect("a date");
    let dates: Vec<_> = sealed(&home).iter().map(|(path, _)| date(path)).collect();
    let done = commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!((done.secrets, done.versions, done.members), (2, 3, 1));
    assert_eq!((done.own, done.finished), (own(&home).to_string(), None));
    assert!(opens_none(&home, &before));
    assert!(opens_all(&home, &identity(&home, "identity.txt")));
    assert_eq!(sealed(&home).iter().map(|(path, _)| date(path)).collect::<Vec<_>>(), dates);
    let left = files(home.identity_path().parent().expect("a directory"));
    assert_eq!(
        left,
        [
            "history",
            "identity.txt",
            "members",
            "signed-only",
            "signing-key.txt",
            "vault",
            "vault-id"
        ]
    );
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
fn what_a_killed_change_left_in_the_history_is_not_encrypted() {
    let (home, vault) = home();
    let left = home.history_path().join("A/3.age");
    fs::hard_link(home.file("A"), &left).expect("a second name");
    let done = commit(Rekey::rotate(&vault, false, None, None));
    assert_eq!((done.secrets, done.versions), (2, 3));
    assert!(!left.exists());
}

#[test]
fn a_rotation_can_drop_the_history() {
    let (home, vault) = home();
    let done = commit(Rekey::rotate(&vault, true, None, None));
    assert_eq!((done.secrets, done.versions), (2, 0));
    assert_eq!(files(&home.history_path()), [".seen", ".vault"]);
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
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
        let Err(VaultError::Rekey(RekeyError::RetiredNeeded { names, .. })) = retire(&vault) else {
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
    let retirement = Retirement::prepare(&vault, &[], None, None).expect("nothing needs it");
    fs::rename(home.vault_path(), config(&home, "elsewhere")).expect("moved");
    assert!(matches!(retirement.commit(), Err(VaultError::Moved { .. })));
    assert_eq!(fs::read(home.identity_path()).expect("an identity"), before);
}

#[test]
fn an_older_copy_of_the_vault_is_used_with_the_retired_key() {
    let (home, vault) = home();
    let lists = home.vault_path().join(".members");
    let copies = [home.file("A"), home.file("B")];
    let before = copies.clone().map(|path| fs::read(path).expect("a file"));
    commit(Rekey::rotate(&vault, false, None, None));
    let newest = fs::read(lists.join("2")).expect("a list");
    let put_back = || {
        fs::remove_file(lists.join("2")).expect("removed");
        for (path, bytes) in copies.iter().zip(&before) {
            fs::write(path, bytes).expect("put back");
        }
    };
    put_back();
    assert_eq!(read(&vault, "A").expect("a value"), b"three");
    let shown = vault.listed_members().expect("a list");
    assert_eq!((shown.version, shown.members.len()), (2, 1));
    assert!(shown.members[0].own && shown.members[0].recipient == own(&home).to_string());
    set(&vault, "B", b"later");
    assert_eq!(fs::read(lists.join("2")).expect("a list"), newest, "the list is there again");
    assert!(matches!(
        retire(&vault),
        Err(VaultError::Rekey(RekeyError::RetiredNeeded { names, .. })) if names == [name("A"), name("B")]
    ));
    // Any change of the members encrypts everything again.
    put_back();
    assert_eq!(commit(Rekey::add(&vault, &own(&home).to_string(), None)).secrets, 2);
    assert!(opens_all(&home, &identity(&home, "identity.txt")));
    assert_eq!(retire(&vault).expect("retired").len(), 1);
}
