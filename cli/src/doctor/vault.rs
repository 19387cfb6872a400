//! The secrets, the identity that decrypts them, and the members.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::{
    Client, ClientError, Code, Damaged, GetKey, GetStatus, History, Key, List, Members, Status,
    Unfinished,
};
use fluvio_secret_system::places::{IDENTITY_VARIABLE, StateDirectory};
use zeroize::Zeroizing;

use super::examine::examine;
use super::finding::{Diagnosis, DoctorCheck, MOST_FINDINGS};
use super::fix::{Fix, names_in};
use crate::format::count;
use crate::members::{Standing, members};

pub(super) fn check(
    state: &StateDirectory,
    client: &mut Client,
    status: &Status,
) -> Vec<Diagnosis> {
    let names = client.collect(List).map(|secrets| secrets.into_iter().map(|secret| secret.name));
    let names: Vec<_> = match names {
        Ok(names) => names.collect(),
        Err(error) => return vec![DoctorCheck::Vault.failed(&error)],
    };
    let members = members(client);
    let standing = members.as_ref().map_or(Standing::Writer, Standing::of);
    let mut found = match examine(state, None, &names) {
        Ok(damaged) if damaged.is_empty() => {
            vec![DoctorCheck::Vault.ok(match names.len() {
                0 => "there are no secrets yet".to_owned(),
                1 => "1 secret, which can be decrypted".to_owned(),
                many => format!("{many} secrets, which can all be decrypted"),
            })]
        }
        Ok(damaged) => {
            let older = members.as_ref().ok().and_then(|all| older_copy(&damaged, client, all));
            match older.or_else(|| none_opened(&damaged, names.len(), &standing)) {
                Some(found) => vec![found],
                None => all_damaged(&damaged, client, Path::new(&status.vault), &standing),
            }
        }
        Err(ClientError::Refused(refusal)) if refusal.code == Code::Locked => {
            let text = format!(
                "{}, not checked because the vault is locked",
                count(names.len(), "secret")
            );
            vec![DoctorCheck::Vault.warning(text).fixed_by(Fix::new("fluvio-secret unlock"))]
        }
        Err(error) => vec![DoctorCheck::Vault.failed(&error)],
    };
    // The daemon has just read the identity.
    let key = client.call(GetKey).and_then(|key| Ok((key, client.call(GetStatus)?)));
    found.push(match key {
        Ok((key, status)) => {
            // The daemon may have another identity.
            let is_external = state.expected_identity().is_some_and(|path| path == key.identity);
            identity(&key, &status, is_external)
        }
        Err(error) => DoctorCheck::Identity.failed(&error),
    });
    found.push(match members {
        Ok(members) => judge_members(&members),
        Err(error) => DoctorCheck::Members.failed(&error),
    });
    found
}

/// What to do about a vault from before a rotation, as a backup or git brings it back: the key that was kept
/// then decrypts it. To restore an earlier version would replace a newer value.
fn older_copy(damaged: &[Damaged], client: &mut Client, members: &Members) -> Option<Diagnosis> {
    let name = &damaged.iter().find(|damaged| damaged.for_others)?.name;
    let listed = members.members.iter().filter(|one| !one.requested);
    let listed: Vec<_> = listed.map(|one| one.recipient.clone()).collect();
    let identity = client.call(GetKey).ok()?.identity;
    let kept = kept_key(Path::new(&identity).parent()?, &listed)?;
    let text = format!("`{name}` is encrypted for an earlier key, which is in {}", kept.display());
    let fix = Fix::new("fluvio-secret key use").path(&kept);
    Some(DoctorCheck::Vault.error(text).fixed_by(fix).naming([name.clone()]))
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

/// If no secret can be opened, all for the same reason, the cause is the identity or the vault.
fn none_opened(damaged: &[Damaged], secrets: usize, standing: &Standing) -> Option<Diagnosis> {
    let why = &damaged.first()?.why;
    let is_one_reason = damaged.iter().all(|other| other.why == *why);
    (secrets > 1 && damaged.len() == secrets && is_one_reason).then(|| {
        let text = format!("none of the {secrets} secrets can be decrypted ({why})");
        let put_back = "put back the identity, or the vault, that belongs to the other one";
        let advice = match damaged[0].for_others && !standing.is_member() {
            true => format!("{put_back}, or {}", standing.admission()),
            false => put_back.to_owned(),
        };
        DoctorCheck::Vault.error(text).advising(advice).naming(names_in(why))
    })
}

fn all_damaged(
    damaged: &[Damaged],
    client: &mut Client,
    vault: &Path,
    standing: &Standing,
) -> Vec<Diagnosis> {
    let mut found: Vec<_> = damaged
        .iter()
        .take(MOST_FINDINGS)
        .map(|damaged| {
            let versions = client.call(History { name: damaged.name.clone() });
            let has_earlier = versions.is_ok_and(|versions| !versions.earlier.is_empty());
            one_damaged(damaged, has_earlier, vault, standing)
        })
        .collect();
    if damaged.len() > MOST_FINDINGS {
        found.push(
            DoctorCheck::Vault.error(format!("{} more are damaged", damaged.len() - MOST_FINDINGS)),
        );
    }
    found
}

fn one_damaged(
    damaged: &Damaged,
    has_earlier: bool,
    vault: &Path,
    standing: &Standing,
) -> Diagnosis {
    let Damaged { name, why, for_others } = damaged;
    if *for_others {
        let text = format!("`{name}` is not encrypted for this machine's key");
        let found = DoctorCheck::Vault.error(text).naming([name.clone()]);
        return found.advising(standing.admission());
    }
    let file = vault.join(format!("{name}.age"));
    let is_directory = fs::symlink_metadata(&file).is_ok_and(|found| found.is_dir());
    let text = format!("`{name}` is damaged: {} cannot be decrypted ({why})", file.display());
    let names = names_in(why).into_iter().chain([name.clone()]);
    let found = DoctorCheck::Vault.error(text).naming(names);
    let fix = match (is_directory, has_earlier) {
        (true, _) => Fix::move_away(&file),
        _ if !standing.may_change() => {
            return found.advising(standing.change("set it again"));
        }
        (false, true) => Fix::new(format!("fluvio-secret restore {name}")),
        (false, false) => Fix::new(format!("fluvio-secret set {name}")),
    };
    found.fixed_by(fix)
}

fn identity(key: &Key, status: &Status, is_external: bool) -> Diagnosis {
    let path = &key.identity;
    match key.passphrase {
        None if key.lost => DoctorCheck::Identity
            .error(format!("{path} does not exist, and only it can decrypt the secrets"))
            .advising("put back a copy of it, or use another one with")
            .fixed_by(Fix::new("fluvio-secret key use FILE")),
        None => DoctorCheck::Identity.ok("there is no identity yet: `set` creates it"),
        Some(true) => {
            let state = if status.locked { "locked" } else { "unlocked" };
            let text = format!("{path} has a passphrase, and the vault is {state}");
            match &status.credential {
                None => DoctorCheck::Identity.ok(text),
                Some(credential) => with_credential(&text, credential, status.locked),
            }
        }
        Some(false) if is_external => DoctorCheck::Identity
            .ok(format!("{path} is the file in {IDENTITY_VARIABLE}, which is never changed")),
        Some(false) => DoctorCheck::Identity
            .warning(format!(
                "{path} has no passphrase, so anyone with a backup of it can decrypt the vault"
            ))
            .advising("set a passphrase with")
            .fixed_by(Fix::new("fluvio-secret key passphrase")),
    }
}

/// An identity whose passphrase the service manager passes to the daemon.
fn with_credential(text: &str, credential: &str, is_locked: bool) -> Diagnosis {
    match is_locked {
        // It was locked by hand, or the passphrase is another one.
        true => DoctorCheck::Identity
            .warning(format!("{text}, although the daemon has the credential {credential}"))
            .advising("see the log of the daemon, or unlock it with")
            .fixed_by(Fix::new("fluvio-secret unlock")),
        false => DoctorCheck::Identity.ok(format!(
            "{text}. The daemon has the credential {credential}, so the vault is unlocked whenever it starts"
        )),
    }
}

fn judge_members(members: &Members) -> Diagnosis {
    let check = DoctorCheck::Members;
    match members.unfinished {
        Some(Unfinished::Identity) => check
            .error("a change of the identity is not finished")
            .fixed_by(Fix::new("fluvio-secret key rotate")),
        Some(Unfinished::Members) => check
            .error("not all secrets are encrypted for all members yet")
            .fixed_by(Fix::new("fluvio-secret member admit")),
        None if members.forked => check
            .error("two admins have changed the members at the same time, so no secret can be set")
            .fixed_by(Fix::new("fluvio-secret member merge")),
        None if members.waits_for.is_some() => {
            let admin = members.waits_for.as_deref().unwrap_or_default();
            let text = format!("this machine waits for the admin {admin} to admit it");
            let own = members.members.iter().find(|one| one.own && one.requested);
            let found = check.warning(text);
            match own.map(|own| &own.fingerprint) {
                Some(fingerprint) => found.advising(format!(
                    "have that admin run: fluvio-secret member admit {fingerprint}"
                )),
                None => found,
            }
        }
        None if !Standing::of(members).is_member() => check
            .error("this machine is not a member of the vault, so no secret is encrypted for it")
            .advising(Standing::of(members).admission()),
        None => {
            let others = members.members.iter().filter(|one| !one.own && !one.requested).count();
            check.ok(match others {
                0 => "secrets are encrypted for this machine only".to_owned(),
                _ => format!(
                    "secrets are encrypted for this machine and {}",
                    count(others, "other member")
                ),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::check::ADD_THIS_MACHINE;
    use fluvio_secret_protocol::{ListedMember, Members, Role, Unfinished};

    use super::judge_members;
    use crate::doctor::finding::Condition;
    use crate::members::tests::first_list;

    #[test]
    fn all_is_encrypted_for_members_that_agree() {
        let one = |own, requested| ListedMember {
            fingerprint: "0f".to_owned(),
            recipient: "age1".to_owned(),
            note: None,
            role: Role::Admin,
            own,
            requested,
            signs: true,
        };
        let unused = Members { version: 0, ..first_list(vec![]) };
        let used =
            [vec![one(true, false)], vec![one(true, false), one(false, true)]].map(first_list);
        for alone in [unused].into_iter().chain(used) {
            let found = judge_members(&alone);
            assert!(found.text.ends_with("this machine only"), "{found:?}");
        }
        let own = || vec![one(true, false)];
        let others = |count: usize| first_list([own(), vec![one(false, false); count]].concat());
        assert!(judge_members(&others(1)).text.ends_with("and 1 other member"));
        assert!(judge_members(&others(2)).text.ends_with("and 2 other members"));
        let admit = "an admin has to run: fluvio-secret member admit 0f";
        let alone = vec![one(false, false)];
        for (members, advice) in
            [(alone.clone(), ADD_THIS_MACHINE), ([alone, vec![one(true, true)]].concat(), admit)]
        {
            let found = judge_members(&first_list(members));
            assert_eq!(
                (found.condition, found.advice.as_deref()),
                (Condition::Error, Some(advice))
            );
        }
        let waits_for = Some("1e".to_owned());
        let found = judge_members(&Members { waits_for, ..first_list(vec![one(true, true)]) });
        assert!(found.text.ends_with("waits for the admin 1e to admit it"), "{found:?}");
        assert_eq!((found.condition, found.command()), (Condition::Warning, None));
        let advice = "have that admin run: fluvio-secret member admit 0f";
        assert_eq!(found.advice.as_deref(), Some(advice));
        let unfinished = |what| Members { unfinished: Some(what), ..others(1) };
        for (members, fix) in [
            (unfinished(Unfinished::Identity), "fluvio-secret key rotate"),
            (unfinished(Unfinished::Members), "fluvio-secret member admit"),
            (Members { forked: true, ..others(1) }, "fluvio-secret member merge"),
        ] {
            let found = judge_members(&members);
            assert_eq!((found.condition, found.command()), (Condition::Error, Some(fix)));
        }
    }
}
