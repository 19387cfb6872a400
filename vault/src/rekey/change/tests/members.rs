use std::fs;

use fluvio_secret_protocol::Role;

use super::{commit, home, identity, opens_all, opens_none, own, refused};
use crate::keys::keyring::Keyring;
use crate::rekey::change::Rekey;
use crate::tests::set;

#[test]
fn who_is_added_opens_all_until_it_is_removed() {
    let (home, vault) = home();
    let friend = Keyring::generate();
    let key = friend.current().to_string();
    let done = commit(Rekey::add(&vault, &format!(" {key}\n"), Some("a friend's")));
    assert_eq!((done.secrets, done.versions, done.members), (2, 3, 2));
    assert!(opens_all(&home, &friend) && opens_all(&home, &identity(&home, "identity.txt")));
    set(&vault, "B", b"later");
    assert!(opens_all(&home, &friend), "what is set later, too");
    let note = || {
        let listed = vault.listed_members().expect("a list").members;
        let friends = listed.into_iter().find(|one| one.recipient == key).expect("listed");
        assert_eq!((friends.role, friends.own), (Role::Reader, false));
        friends.note
    };
    assert_eq!(note().as_deref(), Some("a friend's"));
    // With another note, the note is changed.
    commit(Rekey::add(&vault, &key, Some("a backup")));
    commit(Rekey::add(&vault, &key, None));
    assert_eq!(note().as_deref(), Some("a backup"));
    // A rotation leaves it where it is.
    commit(Rekey::rotate(&vault, false, None, None));
    assert!(opens_all(&home, &friend) && opens_all(&home, &identity(&home, "identity.txt")));
    commit(Rekey::remove(&vault, &key));
    assert!(opens_none(&home, &friend) && opens_all(&home, &identity(&home, "identity.txt")));
    assert!(refused(Rekey::remove(&vault, &key)).contains("is not a member"));
    assert!(refused(Rekey::remove(&vault, &own(&home).to_string())).contains("own"));
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
        let removed = refused(Rekey::remove(&vault, given));
        assert!(removed == error || removed.contains("neither a fingerprint"), "{removed}");
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
