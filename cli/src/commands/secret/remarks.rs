//! What the commands say about secrets that they have set.

use fluvio_secret_protocol::fit::{self, Unfit};
use fluvio_secret_protocol::{HeldLease, ListedGrant, Secret, SecretName};

use crate::commands::{lease, status};
use crate::output;

/// Names the connectors that run with an earlier value: a connector gets its secrets when it starts.
pub(super) fn say_holders(holders: &[ListedGrant], leases: &[HeldLease]) {
    let of_lease =
        |lease: &HeldLease| lease::describe(lease.connector.as_deref(), &lease.config, &lease.id);
    let all: Vec<_> =
        holders.iter().map(status::connector).chain(leases.iter().map(of_lease)).collect();
    if !all.is_empty() {
        output::say(&format!(
            "note: running with the earlier value: {}; restart to use the new one",
            all.join(", ")
        ));
    }
}

/// What to know about the key that was made for the first secret.
pub(super) fn about_the_identity(path: &str) -> String {
    format!(
        "\
note: the key that opens your secrets was made: {path}
      It is not protected by a passphrase; fluvio-secret key passphrase puts one on it. Who loses it
      loses all secrets, so keep a copy of it elsewhere; a backup of the whole home folder holds both
      the key and what it opens."
    )
}

/// What to know about values that a secrets file cannot hold: a warning for each that cannot reach a
/// connector, and one note with the names of all others.
pub(super) fn about_unfit<'a>(
    secrets: impl IntoIterator<Item = (&'a SecretName, &'a Secret)>,
) -> Vec<String> {
    let (mut notes, mut named) = (Vec::new(), Vec::new());
    for (name, value) in secrets {
        let Err(by_file) = fit::by_file(value) else { continue };
        match (by_file, fit::by_environment(name, value)) {
            (Unfit::NotUtf8, _) => {
                notes.push(format!("warning: `{name}` cannot reach a Fluvio connector: {by_file}"));
            }
            (_, Ok(())) => named.push(format!("`{name}` ({by_file})")),
            (_, Err(by_environment)) => notes.push(format!(
                "warning: `{name}` cannot reach a connector in a secrets file ({by_file}) nor by the environment ({by_environment})"
            )),
        }
    }
    if !named.is_empty() {
        let passed = match named.len() {
            1 => "it as an environment variable",
            _ => "them as environment variables",
        };
        notes.push(format!(
            "note: a secrets file cannot hold {}; run passes {passed}, and cdk needs: --inject env",
            named.join(", ")
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::Secret;

    use super::about_unfit;

    #[test]
    fn set_says_what_a_secrets_file_cannot_carry() {
        let said = |value: &[u8]| {
            let name = "A".parse().expect("a name");
            about_unfit([(&name, &Secret::from(value.to_vec()))]).pop()
        };
        assert_eq!(said(b"plain = value"), None);
        assert_eq!(said(b""), None);
        let note = said(b"a\nb").expect("a note");
        assert!(note.starts_with("note: ") && note.contains("line break"), "{note}");
        // Under cdk such a value is refused, and the environment has to be asked for.
        assert!(note.contains("cdk needs: --inject env"), "{note}");
        let warning = said(b"\xff").expect("a warning");
        assert!(warning.contains("not UTF-8"), "{warning}");
        let warning = said(b"a\n\0").expect("a warning");
        assert!(warning.contains("line break") && warning.contains("NUL"), "{warning}");
    }
}
