//! What the commands say about secrets that they have set.

use fluvio_secret_protocol::fit::{self, Unfit};
use fluvio_secret_protocol::{
    HeldLease, ListedGrant, ListedSecret, Secret, SecretName, Stale, VaultAddress,
};

use crate::commands::{lease, status};
use crate::provider::{Provider, ProviderError};
use crate::sync::compact_remark::is_replicated;
use crate::vault_choice::VaultArgs;
use crate::{format, output};

/// Names the connectors that may run with an earlier value.
pub(super) fn say_holders(holders: &[ListedGrant], leases: &[HeldLease]) {
    let (updated, stale): (Vec<_>, Vec<_>) = leases.iter().partition(|lease| lease.updated);
    // Only those of `cdk` can be restarted by a command.
    let command = if stale.is_empty() { "" } else { ": fluvio-secret restart --stale" };
    if let Some(named) = named(holders, stale) {
        output::say(&format!(
            "note: still running with the earlier value: {named}\nhelp: restart them to use the new value{command}"
        ));
    }
    if let Some(named) = named(&[], updated) {
        output::say(&format!(
            "note: the new value is in the secrets file of {named}\nhelp: restart connectors that read it only when they start: fluvio-secret restart --stale"
        ));
    }
}

/// Names the connectors that run with a value that was deleted.
pub(super) fn say_holders_of_deleted(stale: &Stale) {
    if let Some(named) = named(&stale.holders, &stale.leases) {
        output::say(&format!(
            "note: still running with a deleted value: {named}\nhelp: stop them if they must not use it"
        ));
    }
}

/// Names the connectors that run with a secret whose name has changed.
pub(super) fn say_renamed(
    old: &SecretName,
    new: &SecretName,
    holders: &[ListedGrant],
    leases: &[HeldLease],
) {
    if let Some(named) = named(holders, leases) {
        output::say(&format!(
            "note: still running with `{old}`: {named}\nhelp: write {new} in their configurations, and restart them"
        ));
    }
}

/// Names the secrets whose file is older than one that was there before. `named` is the vault as the user names it.
pub(super) fn say_older(
    secrets: &[ListedSecret],
    in_vault: &str,
    vault: Option<&VaultAddress>,
    named: &VaultArgs,
) {
    let older = secrets.iter().filter(|secret| secret.older);
    let older: Vec<_> = older.map(|secret| format!("`{}`", secret.name)).collect();
    let (subject, again) = match &older[..] {
        [] => return,
        [_] => ("an older file is in place of one", "it again"),
        _ => ("older files are in place of those", "them again"),
    };
    let step = match is_replicated(vault) {
        true => format!("with: {}", named.append_to("fluvio-secret sync now")),
        false => format!("with git pull, or set {again}"),
    };
    output::say(&format!(
        "warning: {subject} that this machine has seen{in_vault}: {}\n\
         help: get the newest files {step}",
        format::some(&older)
    ));
}

fn named<'a>(
    holders: &[ListedGrant],
    leases: impl IntoIterator<Item = &'a HeldLease>,
) -> Option<String> {
    let of_lease =
        |lease: &HeldLease| lease::describe(lease.connector.as_deref(), &lease.config, &lease.id);
    let all: Vec<_> =
        holders.iter().map(status::connector).chain(leases.into_iter().map(of_lease)).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// What to know about the key that was made for the first secret.
pub(in crate::commands) fn about_the_identity(path: &str) -> String {
    format!(
        "\
note: your identity, the key that decrypts your secrets, is now in {path}
      If you lose it, you lose all your secrets. Anyone who has it and your vault can read them.
help: keep a copy of it in a safe place, apart from backups of the vault
help: protect it with a passphrase: fluvio-secret key passphrase"
    )
}

/// The value that a program prints, with a note if it printed more than that.
pub(super) fn provided(provider: &Provider) -> Result<Secret, ProviderError> {
    let (value, is_shorter) = provider.value()?;
    if is_shorter {
        let program = provider.name();
        output::say(&format!(
            "note: the line break at the end of the output of {program} was removed"
        ));
    }
    Ok(value)
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
                notes.push(format!("warning: `{name}` cannot be passed to a connector: {by_file}"));
            }
            (_, Ok(())) => named.push(format!("`{name}` ({by_file})")),
            (_, Err(by_environment)) => notes.push(format!(
                "warning: `{name}` cannot be in a secrets file ({by_file}) or an environment variable ({by_environment})"
            )),
        }
    }
    if !named.is_empty() {
        notes.push(format!(
            "note: a secrets file cannot hold {}, so `run` passes environment variables\nhelp: for cdk, add: --inject env",
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
        assert!(note.contains("help: for cdk, add: --inject env"), "{note}");
        let warning = said(b"\xff").expect("a warning");
        assert!(warning.contains("not UTF-8"), "{warning}");
        let warning = said(b"a\n\0").expect("a warning");
        assert!(warning.contains("line break") && warning.contains("NUL"), "{warning}");
    }
}
