//! The vaults of projects that you registered.

use std::fs;
use std::path::Path;

use fluvio_secret_protocol::{
    Client, ClientError, Code, Damaged, List, ListedVault, Members, SecretName, VaultAddress,
};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::places::StateDirectory;
use fluvio_secret_system::project::project_of;
use fluvio_secret_system::shell;

use super::examine::examine;
use super::finding::{Diagnosis, DoctorCheck};
use super::fix::{Fix, names_in};
use super::machine::Machine;
use crate::format::count;
use crate::members::{Standing, members};
use crate::merge_driver::{self, DriverState};
use crate::vault_choice;

const CHECK: DoctorCheck = DoctorCheck::Vaults;

pub(super) fn check(
    machine: &Machine,
    state: &StateDirectory,
    mut client: Client,
    vaults: Result<&[ListedVault], &ClientError>,
) -> Vec<Diagnosis> {
    let vaults = match vaults {
        Ok(vaults) => vaults,
        Err(error) => return vec![CHECK.failed(error)],
    };
    let mut found: Vec<_> = here(vaults).into_iter().collect();
    for ListedVault { path, id, .. } in vaults.iter().filter(|vault| !vault.personal) {
        let vault = VaultAddress { path: path.clone(), id: id.clone() };
        client = client.about(Some(vault.clone()));
        found.extend(one(machine, state, &vault, &mut client));
    }
    found
}

/// What keeps commands in the current directory from using the project's vault.
fn here(vaults: &[ListedVault]) -> Option<Diagnosis> {
    match vault_choice::unregistered(vaults) {
        Ok(None) => None,
        Ok(Some(VaultAddress { path, .. })) => {
            let fix = Fix::new("fluvio-secret vault trust").path(Path::new(&path));
            let found =
                CHECK.warning(format!("{path}: it is not registered, so commands there fail"));
            Some(found.advising("look at it, and then register it with").fixed_by(fix))
        }
        Err(error) => {
            let found = CHECK.error(error.to_string());
            Some(match error.help() {
                Some(help) => found.helped_by(help),
                None => found,
            })
        }
    }
}

fn one(
    machine: &Machine,
    state: &StateDirectory,
    vault: &VaultAddress,
    client: &mut Client,
) -> Vec<Diagnosis> {
    // The daemon checks the directory, its owner and its mode when it opens it.
    let names: Vec<_> = match client.collect(List) {
        Ok(secrets) => secrets.into_iter().map(|secret| secret.name).collect(),
        Err(error) => return vec![CHECK.failed(&error).naming(names_in(&error.to_string()))],
    };
    let members = members(client);
    let standing = members.as_ref().map_or(Standing::Writer, Standing::of);
    let mut found = vec![match standing.is_member() {
        true => secrets(state, vault, &names, &standing),
        false => Some(not_member(&vault.path, &standing)),
    }];
    found.push(about_members(&vault.path, &members));
    found.push(attributes(Path::new(&vault.path)));
    found.push(merges(machine, Path::new(&vault.path)));
    let faults: Vec<_> = found.iter().flatten().cloned().collect();
    if !faults.is_empty() {
        return faults;
    }
    vec![CHECK.ok(format!("{}: {}, which can be decrypted", vault.path, secrets_of(&names)))]
}

fn secrets_of(names: &[SecretName]) -> String {
    count(names.len(), "secret")
}

/// What keeps secrets from being decrypted.
fn secrets(
    state: &StateDirectory,
    vault: &VaultAddress,
    names: &[SecretName],
    standing: &Standing,
) -> Option<Diagnosis> {
    let path = &vault.path;
    match examine(state, Some(vault), names) {
        Ok(damaged) => judge_damaged(path, &damaged, standing),
        Err(ClientError::Refused(refusal)) if refusal.code == Code::Locked => {
            let secrets = secrets_of(names);
            let text = format!("{path}: {secrets}, not checked because the vault is locked");
            Some(CHECK.warning(text).fixed_by(Fix::new("fluvio-secret unlock")))
        }
        Err(error) => Some(CHECK.failed(&error)),
    }
}

fn not_member(path: &str, standing: &Standing) -> Diagnosis {
    let text = format!("{path}: this machine is not a member, so no secret is encrypted for it");
    CHECK.error(text).advising(standing.admission())
}

fn judge_damaged(path: &str, damaged: &[Damaged], standing: &Standing) -> Option<Diagnosis> {
    let first = damaged.first()?;
    let names = || damaged.iter().map(|damaged| damaged.name.clone());
    if damaged.iter().all(|damaged| damaged.for_others) {
        let secrets = count(damaged.len(), "secret");
        let text = format!("{path}: {secrets} not encrypted for this machine's key");
        return Some(CHECK.error(text).advising(standing.admission()));
    }
    let Damaged { name, why, .. } = first;
    let more = match damaged.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let text = format!("{path}: `{name}` cannot be decrypted ({why}){more}");
    let again = standing.change("set the secrets again");
    let advice = format!("restore the files, for example with git, or {again}");
    Some(CHECK.error(text).advising(advice).naming(names().chain(names_in(why))))
}

fn about_members(path: &str, members: &Result<Members, ClientError>) -> Option<Diagnosis> {
    let members = match members {
        Ok(members) => members,
        Err(error) => return Some(CHECK.failed(error)),
    };
    let directory = shell::path(Path::new(path));
    let (why, fix) = match members.unfinished {
        None if !members.forked => return None,
        None => (
            "two admins have changed the members at the same time",
            format!("fluvio-secret member merge --vault {directory}"),
        ),
        Some(_) => (
            "not all secrets are encrypted for all members yet",
            format!("fluvio-secret member admit --vault {directory}"),
        ),
    };
    Some(CHECK.error(format!("{path}: {why}")).fixed_by(Fix::new(fix)))
}

/// Without its lines, git would write conflict markers into encrypted files.
fn attributes(vault: &Path) -> Option<Diagnosis> {
    let file = vault.join(".gitattributes");
    let text = fs::read_to_string(&file).unwrap_or_default();
    if text.lines().any(|line| line.starts_with("*.age ") && line.contains("-text")) {
        return None;
    }
    let text = format!("{} does not keep git from merging encrypted files", file.display());
    Some(CHECK.warning(text).advising("restore that file, for example with git"))
}

/// Without the driver, git takes one of two changed files.
fn merges(machine: &Machine, vault: &Path) -> Option<Diagnosis> {
    let shown = vault.display();
    let found = match merge_driver::state(vault, machine.path.as_deref()) {
        DriverState::Ready => return None,
        DriverState::Missing => CHECK.warning(format!(
            "{shown}: git reports a conflict if two machines change the same secret"
        )),
        DriverState::Mixes => CHECK.error(format!(
            "{shown}: git would merge its encrypted files line by line, because its settings have no \
             merge.fluvio-secret.driver"
        )),
        DriverState::NoProgram(program) => CHECK.warning(format!(
            "{shown}: git merges its secrets with {}, which does not exist",
            program.display()
        )),
    };
    Some(found.fixed_by(Fix::new("fluvio-secret vault trust").path(project_of(vault))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use fluvio_secret_protocol::Damaged;

    use super::{attributes, judge_damaged};
    use crate::doctor::finding::Condition;
    use crate::members::Standing;

    #[test]
    fn encrypted_files_are_kept_from_being_merged() {
        let made = tempfile::tempdir().expect("a directory");
        let found = attributes(made.path()).expect("a warning");
        assert_eq!(found.condition, Condition::Warning);
        fs::write(made.path().join(".gitattributes"), "*.md text\n").expect("a file");
        assert!(attributes(made.path()).is_some());
        fs::write(made.path().join(".gitattributes"), "*.age -text -diff -merge\n")
            .expect("a file");
        assert_eq!(attributes(made.path()), None);
    }

    #[test]
    fn a_vault_for_other_keys_is_told_from_a_damaged_one() {
        let one = |for_others| Damaged {
            name: "A".parse().expect("a name"),
            why: "no".to_owned(),
            for_others,
        };
        let judge = |damaged: &[_], standing| judge_damaged("/p", damaged, &standing);
        assert_eq!(judge(&[], Standing::Writer), None);
        let found = judge(&[one(true), one(true)], Standing::Writer).expect("an error");
        assert_eq!(found.text, "/p: 2 secrets not encrypted for this machine's key");
        let found = judge(&[one(false), one(true)], Standing::Reader).expect("an error");
        assert_eq!(found.text, "/p: `A` cannot be decrypted (no), and 1 more");
        assert_eq!(found.names.len(), 2);
        let advice = found.advice.expect("a next step");
        assert!(advice.ends_with("again on a machine that may change the vault"), "{advice}");
    }
}
