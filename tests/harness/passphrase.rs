//! Identities behind a passphrase. Our programs write none that is cheap to guess, so tests make them.

use std::fs;
use std::io::Write;

use super::Home;

/// Puts a passphrase on the identity of a home, with next to no work.
pub(crate) fn protect(home: &Home, passphrase: &str) {
    protect_with_work(home, passphrase, 4);
}

/// The same with this work, the exponent of scrypt's N.
pub(crate) fn protect_with_work(home: &Home, passphrase: &str, work: u8) {
    let path = home.path("config/identity.txt");
    let sealed = seal(&fs::read(&path).unwrap(), passphrase, work);
    // In place, so it is no other file, but of another size.
    fs::write(path, sealed).unwrap();
}

/// What is behind a passphrase, as a file.
pub(crate) fn seal(plain: &[u8], passphrase: &str, work: u8) -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new(passphrase.to_owned().into());
    recipient.set_work_factor(work);
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let mut sealed = Vec::new();
    let encryptor = age::Encryptor::with_recipients(recipients).unwrap();
    let mut writer = encryptor.wrap_output(&mut sealed).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap();
    sealed
}

/// Unlocks the vault of a home as a script does.
pub(crate) fn unlock(home: &Home, options: &[&str], passphrase: &str) -> super::Said {
    let file = home.write("passphrase", format!("{passphrase}\n"));
    let said =
        home.cli(&[&["unlock", "--passphrase-file", file.to_str().unwrap()], options].concat());
    fs::remove_file(file).unwrap();
    said
}
