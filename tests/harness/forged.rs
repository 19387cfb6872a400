//! Records that a member signs with its key, and that no program of ours would sign.

use std::fs;
use std::io::Write;

use age::x25519::Recipient;
use ed25519_dalek::{Signer, SigningKey};
use regex_lite::Regex;

use super::Home;
use super::sync::Machine;

/// The file of a secret with other fields in its head, signed by this machine and encrypted for these.
pub(crate) fn forged(
    signer: &Machine,
    name: &str,
    fields: &[(&str, &str)],
    readers: &[&Machine],
) -> Vec<u8> {
    let record = signer.decrypt(&fs::read(signer.secret_file(name)).unwrap()).unwrap();
    let record = String::from_utf8(record).unwrap();
    let [head, _, value] = record.splitn(3, '\n').collect::<Vec<_>>().try_into().unwrap();
    let mut head = head.to_owned();
    for (field, value) in fields {
        let pattern = Regex::new(&format!("\"{field}\":[^,}}]*")).unwrap();
        assert!(pattern.is_match(&head), "{field} in {head}");
        head = pattern.replace(&head, format!("\"{field}\":{value}")).into_owned();
    }
    let signed = format!("fluvio-secret record 2\n{head}\n{value}");
    let signature = signing_key(signer).sign(signed.as_bytes()).to_bytes();
    let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    encrypt(format!("{head}\n{signature}\n{value}").as_bytes(), readers)
}

fn signing_key(home: &Home) -> SigningKey {
    let file = fs::read_to_string(home.path("config/signing-key.txt")).unwrap();
    let seed = file.lines().nth(1).unwrap();
    let byte = |at: usize| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).unwrap();
    SigningKey::from_bytes(&std::array::from_fn(byte))
}

fn encrypt(plain: &[u8], readers: &[&Machine]) -> Vec<u8> {
    let recipients: Vec<_> = readers.iter().map(|reader| recipient(reader)).collect();
    let recipients = recipients.iter().map(|one| one as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients).unwrap();
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap();
    file
}

fn recipient(home: &Home) -> Recipient {
    let identity = fs::read_to_string(home.path("config/identity.txt")).unwrap();
    let mut lines = identity.lines();
    lines.find_map(|line| line.strip_prefix("# public key: ")).unwrap().parse().unwrap()
}
