//! The secrets, the identity that opens them, and whom they are sealed to.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::{
    Client, ClientError, Code, Damaged, Examine, GetKey, GetRecipients, GetStatus, History, Key,
    List, Recipients, SecretName, Status, Unfinished, limits,
};
use fluvio_secret_system::shell;
use zeroize::Zeroizing;

use super::{Found, Look};
use crate::format::count;

/// Why the daemon does not open what is sealed to an identity that is not here.
const SEALED_TO_ANOTHER: &str = "it is sealed to another identity";
/// How many damaged secrets have a line of their own.
const MOST: usize = 16;

pub(super) fn look(client: &mut Client, status: &Status) -> Vec<Found> {
    let names = client.collect(List).map(|secrets| secrets.into_iter().map(|secret| secret.name));
    let names: Vec<_> = match names {
        Ok(names) => names.collect(),
        Err(error) => return vec![Look::Vault.wrong_by(&error)],
    };
    let mut found = match examine(client, &names) {
        Ok(damaged) if damaged.is_empty() => {
            vec![Look::Vault.right(match names.len() {
                0 => "there are no secrets yet".to_owned(),
                1 => "1 secret, which can be opened".to_owned(),
                many => format!("{many} secrets, which can all be opened"),
            })]
        }
        Ok(damaged) => {
            match older_copy(&damaged, client).or_else(|| none_opened(&damaged, names.len())) {
                Some(found) => vec![found],
                None => all_damaged(&damaged, client, Path::new(&status.vault)),
            }
        }
        Err(ClientError::Refused(refusal)) if refusal.code == Code::Locked => {
            let text = format!(
                "{}, not opened, because the vault is locked",
                count(names.len(), "secret")
            );
            vec![Look::Vault.note(text).mended_by("fluvio-secret unlock")]
        }
        Err(error) => vec![Look::Vault.wrong_by(&error)],
    };
    // The daemon has looked at the identity only now.
    let key = client.call(GetKey).and_then(|key| Ok((key, client.call(GetStatus)?.locked)));
    found.push(match key {
        Ok((key, is_locked)) => identity(&key, is_locked),
        Err(error) => Look::Identity.wrong_by(&error),
    });
    found.push(match client.call(GetRecipients) {
        Ok(recipients) => judge_recipients(&recipients),
        Err(error) => Look::Recipients.wrong_by(&error),
    });
    found
}

/// The secrets that cannot be decrypted.
fn examine(client: &mut Client, names: &[SecretName]) -> Result<Vec<Damaged>, ClientError> {
    let mut damaged = Vec::new();
    for names in names.chunks(limits::EXAMINED_NAMES) {
        damaged.extend(client.call(Examine { names: names.to_vec() })?.damaged);
    }
    Ok(damaged)
}

/// What to do about a vault from before a rotation, as a backup or git brings it back: the key that was kept
/// then decrypts it. To restore an earlier version would replace a newer value.
fn older_copy(damaged: &[Damaged], client: &mut Client) -> Option<Found> {
    let is_another = |damaged: &&Damaged| damaged.why == SEALED_TO_ANOTHER;
    let name = &damaged.iter().find(is_another)?.name;
    let listed = client.call(GetRecipients).ok()?.recipients.into_iter().filter(|one| one.listed);
    let listed: Vec<_> = listed.map(|one| one.recipient).collect();
    let identity = client.call(GetKey).ok()?.identity;
    let kept = kept_key(Path::new(&identity).parent()?, &listed)?;
    let kept = shell::word(&kept.display().to_string());
    let text = format!("`{name}` is encrypted for the key that was kept in {kept}");
    Some(Look::Vault.wrong(text).mended_by(format!("fluvio-secret key use {kept}")))
}

/// The kept key that is one of these recipients. One with a passphrase does not tell whose it is.
fn kept_key(config: &Path, recipients: &[String]) -> Option<PathBuf> {
    let entries = fs::read_dir(config).ok()?.flatten();
    let mut kept: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(is_kept_key))
        .collect();
    kept.sort();
    kept.into_iter().find(|path| {
        let text = Zeroizing::new(fs::read_to_string(path).unwrap_or_default());
        let own = text.lines().find_map(|line| line.strip_prefix("# public key: "));
        own.is_some_and(|own| recipients.iter().any(|recipient| recipient == own.trim()))
    })
}

fn is_kept_key(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("identity.old.") && name.ends_with("txt")
}

/// What is told when several secrets are all that there are, and cannot be opened for one reason: then
/// it is not they that are to be mended.
fn none_opened(damaged: &[Damaged], secrets: usize) -> Option<Found> {
    let why = &damaged.first()?.why;
    let is_one_reason = damaged.iter().all(|other| other.why == *why);
    (secrets > 1 && damaged.len() == secrets && is_one_reason).then(|| {
        Look::Vault.wrong(format!(
            "none of the {secrets} secrets can be opened ({why}); put back the identity, or the vault, that goes with the other"
        ))
    })
}

fn all_damaged(damaged: &[Damaged], client: &mut Client, vault: &Path) -> Vec<Found> {
    let mut found: Vec<_> = damaged
        .iter()
        .take(MOST)
        .map(|damaged| {
            let versions = client.call(History { name: damaged.name.clone() });
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
        None if key.lost => Look::Identity
            .wrong(format!("{path} does not exist, and the secrets cannot be decrypted without it; put back a copy of it"))
            .mended_by("fluvio-secret key use FILE"),
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

fn judge_recipients(recipients: &Recipients) -> Found {
    const ACCEPT: &str = "fluvio-secret key recipient accept";
    let all = &recipients.recipients;
    let look = Look::Recipients;
    match recipients.unfinished {
        Some(Unfinished::Identity) => look
            .wrong("a change of the identity is not finished")
            .mended_by("fluvio-secret key rotate"),
        Some(Unfinished::Recipients) => {
            look.wrong("not all secrets are sealed to all recipients yet").mended_by(ACCEPT)
        }
        None if all.iter().any(|one| one.listed != one.accepted) => {
            let text = format!(
                "{} does not name those that were accepted on this machine, so nothing can be set",
                recipients.file
            );
            look.wrong(text).mended_by(ACCEPT)
        }
        None => {
            let others = all.iter().filter(|one| !one.own).count();
            look.right(match others {
                0 => "secrets are sealed to this machine alone".to_owned(),
                1 => {
                    "secrets are sealed to this machine and one other, which is accepted".to_owned()
                }
                _ => format!(
                    "secrets are sealed to this machine and {others} others, which are accepted"
                ),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::{ListedRecipient, Recipients, Unfinished};

    use super::judge_recipients;
    use crate::doctor::Condition;

    #[test]
    fn recipients_are_accepted_and_all_is_sealed_to_them() {
        let one = |own, listed, accepted| ListedRecipient {
            recipient: "age1".to_owned(),
            note: None,
            own,
            listed,
            accepted,
        };
        let judge = |recipients, unfinished| {
            judge_recipients(&Recipients { recipients, file: "/v/.recipients".into(), unfinished })
        };
        for alone in [vec![], vec![one(true, true, true)]] {
            let found = judge(alone, None);
            assert!(found.text.ends_with("this machine alone"), "{found:?}");
        }
        let others = |count: usize| vec![one(false, true, true); count];
        assert!(judge(others(1), None).text.contains("and one other"));
        assert!(judge(others(2), None).text.contains("and 2 others"));
        for differ in [one(false, true, false), one(false, false, true)] {
            let found = judge(vec![one(true, true, true), differ], None);
            assert_eq!(found.condition, Condition::Wrong);
            assert_eq!(found.mend.as_deref(), Some("fluvio-secret key recipient accept"));
        }
        for (unfinished, mend) in [
            (Unfinished::Identity, "fluvio-secret key rotate"),
            (Unfinished::Recipients, "fluvio-secret key recipient accept"),
        ] {
            let found = judge(others(1), Some(unfinished));
            assert_eq!((found.condition, found.mend.as_deref()), (Condition::Wrong, Some(mend)));
        }
    }
}
