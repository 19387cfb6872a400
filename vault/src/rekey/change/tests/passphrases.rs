use std::fs;

use fluvio_secret_protocol::Unfinished;

use super::{
    commit, config, home, interrupted, opened_by, opens_all, refused, unlock, unlock_with, unlocked,
};
use crate::keys::encryption::{count_recipients, encrypt_cheaply, is_encrypted};
use crate::keys::keyring::Keyring;
use crate::rekey::change::Rekey;
use crate::rekey::reencrypt::ReencryptStep;
use crate::rekey::retirement::Retirement;
use crate::tests::{read, set};
use crate::{KeyError, KeyState, Vault, VaultError};

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
    assert_eq!(done.finished, Some(Unfinished::Members));
    assert_eq!(count_recipients(&fs::read(home.file("N99")).expect("a file")), 2);
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
        set(&vault, "NEW", b"set in between");
        unlock_with(&vault, "theirs");
        let encrypted = |n| fs::read(home.file(&format!("N{n}"))).expect("a file");
        let by_theirs = (0..100).filter(|&n| theirs.decrypt(&encrypted(n)).is_ok()).count();
        assert!(by_theirs > 0 && by_theirs < 100, "{by_theirs}");
        let opened =
            |vault: &Vault| (0..100).filter(|n| read(vault, &format!("N{n}")).is_ok()).count();
        assert_eq!((opened(&vault), vault.keys().state()), (100, KeyState::Unlocked(None)));
        commit(Rekey::use_identity(&vault, &file, Some("theirs"), None));
        assert_eq!(read(&vault, "NEW").expect("a value"), b"set in between");
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
        assert!(!config(&home, "members.next").exists());
    }
}

#[test]
fn retired_keys_are_removed_behind_the_passphrase() {
    let (home, vault) = unlocked();
    commit(Rekey::rotate(&vault, false, Some("correct horse"), None));
    assert!(Retirement::prepare(&vault, &[], None, None).is_err(), "it is needed");
    let retirement =
        Retirement::prepare(&vault, &[], Some("correct horse"), None).expect("prepared");
    retirement.commit().expect("retired");
    let left = opened_by(&home, "correct horse");
    assert!(left.retired().is_empty() && opens_all(&home, &left));
    assert_eq!(vault.keys().state(), KeyState::Unlocked(None));
}
