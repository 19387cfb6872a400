use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::{BootInstant, IdentityFile, KeyError, KeyHolder, KeyState, Keyring, RewrittenFile};
use crate::keys::encryption::encrypt_cheaply;
use crate::{Vault, tests};

struct Home {
    folder: tempfile::TempDir,
    keys: KeyHolder,
    text: String,
}

impl Home {
    /// With an identity behind the passphrase `p`.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("identity.txt");
        let keys = KeyHolder::of(IdentityFile::at((&path).into())).expect("no key");
        assert_eq!(keys.state(), KeyState::None);
        keys.make().expect("an identity");
        let text = fs::read_to_string(&path).expect("the file");
        fs::write(&path, encrypt_cheaply("p", text.as_bytes())).expect("sealed");
        Self { folder, keys, text }
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(self.folder.path().join("identity.txt"), bytes).expect("written");
    }

    fn is_open(&self) -> bool {
        self.keys.try_with(|_| ()).expect("a file").is_ok()
    }
}

#[test]
fn a_key_is_held_from_its_passphrase_to_the_lock() {
    let home = Home::new();
    assert!(!home.is_open() && home.keys.state() == KeyState::Locked);
    assert!(matches!(home.keys.open("q"), Err(KeyError::Wrong)));
    let opened = home.keys.open("p").expect("opened");
    assert!(!home.is_open(), "not before its line is written");
    home.keys.unlock(opened, None, 0).expect("unlocked");
    assert!(home.is_open() && home.keys.state() == KeyState::Unlocked(None));
    let sealed = fs::read(home.folder.path().join("identity.txt")).expect("the file");
    home.write(b"none any more");
    assert!(home.keys.lock().is_ok(), "whatever became of the file");
    home.write(&sealed);
    assert!(!home.is_open());
    home.write(home.text.as_bytes());
    assert!(home.is_open(), "without a passphrase");
    assert!(matches!(home.keys.lock(), Err(KeyError::Open)));
    assert!(matches!(home.keys.open("p"), Err(KeyError::Open)));
}

#[test]
fn a_key_is_forgotten_when_its_time_is_over() {
    let home = Home::new();
    let unlock = |until| {
        let opened = home.keys.open("p").expect("opened");
        home.keys.unlock(opened, Some(until), 0).expect("unlocked");
    };
    let later = BootInstant::after(Duration::from_secs(1000));
    unlock(later);
    assert!(home.is_open() && !home.keys.lock_when_due());
    assert_eq!(home.keys.state(), KeyState::Unlocked(Some(later)));
    unlock(BootInstant::now());
    // From that moment on, whenever it is wiped.
    assert!(!home.is_open() && home.keys.state() == KeyState::Locked);
    assert!(home.keys.due().is_some(), "it is there yet");
    assert!(home.keys.lock_when_due() && !home.keys.lock_when_due());
    assert!(home.keys.due().is_none());
}

#[test]
fn that_others_may_read_its_file_from_now_on_is_noticed() {
    let home = Home::new();
    home.write(home.text.as_bytes());
    assert!(home.is_open());
    let path = home.folder.path().join("identity.txt");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    assert!(home.keys.try_with(|_| ()).expect_err("refused").to_string().contains("0644"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    assert!(home.is_open());
}

#[test]
fn a_key_is_forgotten_when_its_file_becomes_one_that_cannot_be_read() {
    let home = Home::new();
    let opened = home.keys.open("p").expect("opened");
    home.keys.unlock(opened, None, 0).expect("unlocked");
    home.write(b"none any more");
    assert!(home.keys.try_with(|_| ()).is_err());
    assert_eq!(home.keys.state(), KeyState::Locked);
}

#[test]
fn nobody_waits_for_the_work_of_a_new_identitys_passphrase() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("identity.txt");
    let keys = KeyHolder::of(IdentityFile::at((&path).into())).expect("no key");
    let text = Keyring::generate().to_text();
    let used = keys.checking();
    let prepared = keys.prepare(text.as_bytes(), Some("p"), None).expect("prepared");
    assert!(!path.exists(), "it is written beside it");
    drop(used);
    keys.replace(prepared, None, 0).expect("replaced");
    assert_eq!(keys.state(), KeyState::Unlocked(None));
    assert!(path.exists());
}

#[test]
fn what_was_opened_or_written_counts_for_the_file_that_it_was() {
    let home = Home::new();
    let opened = home.keys.open("p").expect("opened");
    let rewritten = home.keys.rewrite(Some("p"), None).expect("written");
    let other = Keyring::generate().to_text();
    let other = encrypt_cheaply("p", &[other.as_bytes(), b"# more\n"].concat());
    home.write(&other);
    assert!(matches!(home.keys.unlock(opened, None, 0), Err(KeyError::Changed)));
    assert!(matches!(home.keys.replace(rewritten, None, 0), Err(KeyError::Changed)));
    let left = fs::read(home.folder.path().join("identity.txt")).expect("the file");
    assert_eq!(left, other, "it is left as it is");
    assert_eq!(fs::read_dir(home.folder.path()).expect("a folder").count(), 1);
}

#[test]
fn a_passphrase_is_given_when_there_is_one_and_not_else() {
    let home = Home::new();
    assert!(matches!(home.keys.rewrite(None, None), Err(KeyError::Closed)));
    let rewritten = home.keys.rewrite(Some("p"), None).expect("written");
    home.keys.replace(rewritten, None, 0).expect("replaced");
    assert!(home.is_open());
    assert!(matches!(home.keys.rewrite(None, None), Err(KeyError::Open)));
    assert!(matches!(home.keys.rewrite(Some("p"), None), Err(KeyError::Open)));
    let left = fs::read_to_string(home.folder.path().join("identity.txt")).expect("the file");
    assert_eq!(left, home.text, "byte for byte");
}

/// A vault whose identity has a passphrase, and is unlocked.
fn unlocked() -> (tests::Home, Vault) {
    let home = tests::Home::new();
    let vault = home.open().expect("a vault");
    let text = Keyring::generate().to_text();
    fs::write(home.identity_path(), encrypt_cheaply("p", text.as_bytes())).expect("written");
    fs::set_permissions(home.identity_path(), fs::Permissions::from_mode(0o600)).expect("ours");
    unlock(&vault);
    (home, vault)
}

fn unlock(vault: &Vault) {
    let opened = vault.keys().open("p").expect("opened");
    vault.keys().unlock(opened, None, vault.keys().lock_requests()).expect("unlocked");
}

/// Does something in another thread, and gives the file that says what that does.
fn begin<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> (PathBuf, ScopedJoinHandle<'scope, T>) {
    let (tell, told) = mpsc::channel();
    let begun = scope.spawn(move || {
        let thread = fs::read_link("/proc/thread-self").expect("a thread");
        tell.send(Path::new("/proc").join(thread).join("stat")).expect("heard");
        work()
    });
    (told.recv().expect("told"), begun)
}

#[test]
fn while_an_identity_takes_the_place_on_a_slow_disk_the_vault_tells_how_it_is_and_is_locked() {
    let (_home, vault) = unlocked();
    let requests = vault.keys().lock_requests();
    let rewritten = vault.keys().rewrite(Some("p"), Some("q")).expect("written");
    let slow = vault.keys().checking();
    std::thread::scope(|scope| {
        let (stat, replaced) = begin(scope, || vault.keys().replace(rewritten, None, requests));
        until(|| waits(&stat));
        assert!(vault.keys().held.try_read().is_ok(), "nobody who asks how it is waits");
        vault.keys().lock().expect("locked, at once");
        drop(slow);
        replaced.join().expect("no panic").expect("replaced");
    });
    assert_eq!(vault.keys().state(), KeyState::Locked);
}

#[test]
fn a_lock_that_comes_while_another_identity_takes_the_place_is_not_lost() {
    // Either of the two may come first.
    for _ in 0..20 {
        let (_home, vault) = unlocked();
        let requests = vault.keys().lock_requests();
        let keyring = Keyring::generate();
        let encrypted = encrypt_cheaply("q", keyring.to_text().as_bytes());
        let prepared = vault.keys().file.prepare(&encrypted, None).expect("written");
        let replaces = vault.keys().file_id().expect("a file");
        let rewritten = RewrittenFile { keyring, prepared, has_passphrase: true, replaces };
        let used = vault.keys().held();
        std::thread::scope(|scope| {
            let (stat, replaced) = begin(scope, || vault.keys().replace(rewritten, None, requests));
            until(|| vault.keys().checking.try_lock().is_err() && waits(&stat));
            let (stat, locked) = begin(scope, || vault.keys().lock());
            until(|| vault.keys().lock_requests() > 0 && waits(&stat));
            drop(used);
            replaced.join().expect("no panic").expect("replaced");
            locked.join().expect("no panic").expect("locked");
        });
        assert_eq!(vault.keys().state(), KeyState::Locked);
    }
}

#[test]
fn d16_a_key_is_forgotten_although_the_disk_hangs() {
    let home = tests::Home::new();
    let vault = home.open().expect("a vault");
    vault.keys().make().expect("an identity");
    let text = fs::read(home.identity_path()).expect("the file");
    fs::write(home.identity_path(), encrypt_cheaply("p", &text)).expect("sealed");
    let opened = vault.keys().open("p").expect("opened");
    vault.keys().unlock(opened, None, vault.keys().lock_requests()).expect("unlocked");
    // Each check of a file waits for these.
    let _slow = vault.keys().checking();
    vault.keys().lock().expect("locked without a check of any file");
    assert_eq!(vault.keys().state(), KeyState::Locked);
}

#[test]
fn d16_what_was_opened_before_a_lock_does_not_unlock_after_it() {
    let (_home, vault) = unlocked();
    let (asked, opened) = (vault.keys().lock_requests(), vault.keys().open("p").expect("opened"));
    vault.keys().lock().expect("locked");
    let refused = vault.keys().unlock(opened, None, asked);
    assert!(matches!(refused, Err(KeyError::Locked)), "{refused:?}");
    assert_eq!(vault.keys().state(), KeyState::Locked);
    let opened = vault.keys().open("p").expect("opened");
    vault.keys().unlock(opened, None, vault.keys().lock_requests()).expect("unlocked again");
    assert_eq!(vault.keys().state(), KeyState::Unlocked(None));
}

#[test]
fn d16_a_new_passphrase_that_comes_after_a_lock_leaves_the_vault_locked() {
    let home = tests::Home::new();
    let vault = home.open().expect("a vault");
    vault.keys().make().expect("an identity");
    let (asked, rewritten) = (vault.keys().lock_requests(), vault.keys().rewrite(None, Some("p")));
    assert!(vault.keys().lock().is_err(), "it has no passphrase yet");
    vault.keys().replace(rewritten.expect("rewritten"), None, asked).expect("replaced");
    assert_eq!(vault.keys().state(), KeyState::Locked);
    assert!(vault.keys().open("p").is_ok(), "the passphrase is changed all the same");
}

#[test]
fn a_key_whose_time_ends_while_it_is_unlocked_again_is_held_for_the_new_time() {
    let (_home, vault) = unlocked();
    let opened = vault.keys().open("p").expect("opened");
    vault
        .keys()
        .unlock(opened, Some(BootInstant::now()), vault.keys().lock_requests())
        .expect("unlocked");
    let (asked, opened) = (vault.keys().lock_requests(), vault.keys().open("p").expect("opened"));
    assert!(vault.keys().lock_when_due());
    vault.keys().unlock(opened, None, asked).expect("nobody asked to lock it");
    assert_eq!(vault.keys().state(), KeyState::Unlocked(None));
}

fn until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not come");
        std::thread::yield_now();
    }
}

/// Whether one of our threads waits for something.
fn waits(thread: &Path) -> bool {
    let stat = fs::read_to_string(thread).expect("a thread");
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('S'))
}
