//! Keys of kinds that cannot be used here. No message repeats such a key: it may be secret.

use fluvio_secret_system::help::{Help, Helpful};

/// A key of another kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ForeignKey {
    #[error(
        "it is an identity, which is secret: the recipient is its public key, which begins with age1"
    )]
    Identity,
    #[error(
        "it needs a plugin or a newer age: only the X25519 keys of age-keygen work (age1…, AGE-SECRET-KEY-1…)"
    )]
    Plugin,
    #[error(
        "it is a recipient, which is public: the identity is the file with the AGE-SECRET-KEY-1… line"
    )]
    Recipient,
    #[error(
        "it is an SSH key, and these are not supported (the `rsa` crate has a timing weakness)"
    )]
    Ssh,
}

impl Helpful for ForeignKey {
    fn help(&self) -> Option<Help> {
        matches!(self, Self::Ssh).then(|| Help::command("create a key with", "age-keygen"))
    }
}

/// The foreign key that was passed as a recipient; `None` for a damaged recipient or anything else.
pub(crate) fn in_recipient(text: &str) -> Option<ForeignKey> {
    let text = text.trim();
    if is_ssh(text) {
        return Some(ForeignKey::Ssh);
    }
    if text.starts_with("AGE-SECRET-KEY-") || text.starts_with("AGE-PLUGIN-") {
        return Some(ForeignKey::Identity);
    }
    // The data of a key has no 1, so before a second one there is the name of a plugin.
    text.strip_prefix("age1").filter(|rest| rest.contains('1')).map(|_| ForeignKey::Plugin)
}

/// The foreign key in what was passed as an identity file; `None` for anything else.
pub(crate) fn in_identity(text: &[u8]) -> Option<ForeignKey> {
    let text = std::str::from_utf8(text).ok()?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.find_map(|line| match line {
        line if is_ssh(line) => Some(ForeignKey::Ssh),
        line if line.starts_with("AGE-PLUGIN-") || line.starts_with("AGE-SECRET-KEY-PQ-") => {
            Some(ForeignKey::Plugin)
        }
        line if line.starts_with("age1") => Some(ForeignKey::Recipient),
        _ => None,
    })
}

/// Whether a line begins as SSH's public or private keys do.
fn is_ssh(line: &str) -> bool {
    const PUBLIC: [&str; 3] = ["ssh-", "ecdsa-sha2-", "sk-"];
    let is_private = || line.starts_with("-----BEGIN ") && line.ends_with("PRIVATE KEY-----");
    PUBLIC.iter().any(|begin| line.starts_with(begin)) || is_private()
}

#[cfg(test)]
mod tests {
    use super::{ForeignKey, in_identity, in_recipient};

    #[test]
    fn a_recipient_of_another_kind_is_recognized() {
        for (text, kind) in [
            ("ssh-ed25519 AAAAC3Nza ada@laptop", Some(ForeignKey::Ssh)),
            ("ecdsa-sha2-nistp256 AAAA", Some(ForeignKey::Ssh)),
            ("AGE-SECRET-KEY-1QQQQ", Some(ForeignKey::Identity)),
            (
                "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
                Some(ForeignKey::Plugin),
            ),
            ("age1pq1qqqq", Some(ForeignKey::Plugin)),
            ("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8", None),
            ("ada", None),
            ("", None),
        ] {
            assert_eq!(in_recipient(text), kind, "{text}");
        }
    }

    #[test]
    fn an_identity_of_another_kind_is_recognized() {
        for (text, kind) in [
            (&b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"[..], Some(ForeignKey::Ssh)),
            (b"-----BEGIN RSA PRIVATE KEY-----\nb3Bl\n", Some(ForeignKey::Ssh)),
            (b"ssh-ed25519 AAAA ada@laptop\n", Some(ForeignKey::Ssh)),
            (b"# a plugin's\nAGE-PLUGIN-YUBIKEY-1QQ\n", Some(ForeignKey::Plugin)),
            (b"AGE-SECRET-KEY-PQ-1QQ\n", Some(ForeignKey::Plugin)),
            (b"# mine\nage1ql3z7hjy54pw\n", Some(ForeignKey::Recipient)),
            (b"AGE-SECRET-KEY-1XYZ\n", None),
            (b"\xff\xfe", None),
            (b"", None),
        ] {
            assert_eq!(in_identity(text), kind, "{}", String::from_utf8_lossy(text));
        }
    }
}
