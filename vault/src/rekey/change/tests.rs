//! What the tests of changes share.

use fluvio_secret_protocol::RecordKind;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use super::{Rekey, Rekeyed};
use crate::keys::encryption::{
    count_recipients, decrypt_with_passphrase, encrypt, encrypt_cheaply,
};
use crate::keys::identity::Recipient;
use crate::keys::keyring::Keyring;
use crate::rekey::retirement::Retirement;
use crate::revisions::signed_record::SecretUpdate;
use crate::secrets::version_place::IN_VAULT;
use crate::tests::{Home, delete, name, set};
use crate::{Vault, VaultError};

mod interruptions;
mod machines;
mod members;
mod passphrases;
mod rotation;

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

/// A record that this machine signs, encrypted for one key.
fn sealed_for(vault: &Vault, recipient: Recipient, secret: &str, value: &str) -> Vec<u8> {
    let list = vault.members().read().expect("lists").accepted.expect("a list");
    let update = SecretUpdate {
        name: name(secret),
        kind: RecordKind::Value,
        counter: 7,
        set_at: "2026-01-02T03:04:05Z".parse().expect("a time"),
        value: value.as_bytes().to_vec().into(),
    };
    let signed = update.sign(&vault.members().signing_key().expect("a key"), &list);
    encrypt(&[recipient], &signed.expect("signed").encode()).expect("encrypted")
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

/// The identity of a home that has this passphrase.
fn opened_by(home: &Home, passphrase: &str) -> Keyring {
    let sealed = fs::read(home.identity_path()).expect("an identity");
    let Ok(text) = decrypt_with_passphrase(passphrase, &sealed) else {
        panic!("it is not its passphrase")
    };
    Keyring::parse(&text).expect("an identity")
}

fn retire(vault: &Vault) -> Result<Vec<String>, VaultError> {
    let retirement = Retirement::prepare(vault, &[], None, None)?;
    let retired = retirement.retired.clone();
    retirement.commit().map(|()| retired)
}

fn assert_encrypted_for(vault: &Vault, recipients: usize) {
    for name in vault.secrets().all_names().expect("names").into_names() {
        for place in vault.secrets().places(&name).expect("places") {
            let Some(file) = vault.secrets().locate(&name, place).expect("found") else { continue };
            match file.read() {
                Ok(encrypted) => {
                    assert_eq!(count_recipients(&encrypted), recipients, "{name} {place:?}");
                }
                Err(VaultError::Missing) => assert!(IN_VAULT.contains(&place)),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
