//! The secrets, and the identity that opens them.

use std::fs;
use std::path::Path;

use fluvio_secret_protocol::{Client, ClientError, Code, Damaged, Key, SecretName, Status, shell};

use super::{Found, Look};

/// How many damaged secrets have a line of their own.
const MOST: usize = 16;

pub(super) fn look(client: &mut Client, status: &Status) -> Vec<Found> {
    let names = client.list().map(|secrets| secrets.into_iter().map(|secret| secret.name));
    let names: Vec<_> = match names {
        Ok(names) => names.collect(),
        Err(error) => return vec![Look::Vault.wrong_by(&error)],
    };
    let mut found = match client.examine(&names) {
        Ok(damaged) if damaged.is_empty() => {
            vec![Look::Vault.right(format!("{}, and all of them can be opened", count(&names)))]
        }
        Ok(damaged) => all_damaged(&damaged, client, Path::new(&status.vault)),
        Err(ClientError::Refused(refusal)) if refusal.code == Code::Locked => {
            let text = format!("{}, not looked into: the vault is locked", count(&names));
            vec![Look::Vault.note(text).mended_by("fluvio-secret unlock")]
        }
        Err(error) => vec![Look::Vault.wrong_by(&error)],
    };
    // The daemon has looked at the identity only now.
    let key = client.key().and_then(|key| Ok((key, client.status()?.locked)));
    found.push(match key {
        Ok((key, is_locked)) => identity(&key, is_locked),
        Err(error) => Look::Identity.wrong_by(&error),
    });
    found
}

fn count(names: &[SecretName]) -> String {
    format!("{} {}", names.len(), if names.len() == 1 { "secret" } else { "secrets" })
}

fn all_damaged(damaged: &[Damaged], client: &mut Client, vault: &Path) -> Vec<Found> {
    let mut found: Vec<_> = damaged
        .iter()
        .take(MOST)
        .map(|damaged| {
            let versions = client.history(damaged.name.clone());
            let has_earlier = versions.is_ok_and(|versions| !versions.earlier.is_empty());
            one_damaged(damaged, has_earlier, vault)
        })
        .collect();
    if damaged.len() > MOST {
        found.push(Look::Vault.wrong(format!("{} more are damaged", damaged.len() - MOST)));
    }
    found
}

fn one_damaged(damaged: &Damaged, has_earlier: bool, vault: &Path) -> Found {
    let Damaged { name, why } = damaged;
    let file = vault.join(format!("{name}.age"));
    let word = shell::word(&file.display().to_string());
    let is_folder = fs::symlink_metadata(&file).is_ok_and(|found| found.is_dir());
    let mend = match (is_folder, has_earlier) {
        (true, _) => format!("mv {word} {word}.away"),
        (false, true) => format!("fluvio-secret restore {name}"),
        (false, false) => format!("fluvio secret set {name}"),
    };
    let text = format!("`{name}` is damaged: {} cannot be opened ({why})", file.display());
    Look::Vault.wrong(text).mended_by(mend)
}

fn identity(key: &Key, is_locked: bool) -> Found {
    let path = &key.identity;
    match key.passphrase {
        None => Look::Identity.right("there is none yet; the first set makes it"),
        Some(true) => {
            let state = if is_locked { "locked" } else { "unlocked" };
            Look::Identity.right(format!("{path} has a passphrase, and the vault is {state}"))
        }
        Some(false) => Look::Identity
            .note(format!(
                "{path} has no passphrase, so a backup of the home folder is an open vault"
            ))
            .mended_by("fluvio-secret key passphrase"),
    }
}
