//! Refusals of requests about secrets that do not exist, with what may help.

use fluvio_secret_protocol::{Code, Refusal, SecretName};
use fluvio_secret_vault::Vault;

use super::Service;

/// The next step about a secret that can be restored.
const RESTORE_DELETED: &str = "it was deleted; restore it";

pub(super) fn missing(names: Vec<SecretName>, service: &Service) -> Refusal {
    let vault = &service.vault;
    if vault.waits_for_admission() {
        let text = "this machine waits to be admitted, so it does not have";
        return Refusal::new(Code::Missing, text, service.admission()).about(names);
    }
    let setter = service.setter();
    let next = match &names[..] {
        [name] if service.is_only_personal(name) => {
            let step = "your personal vault has it; set it for the project, too,";
            setter.advice(step, "set", name)
        }
        [name] if is_deleted(name, vault) => setter.advice(RESTORE_DELETED, "restore", name),
        [name] => setter.advice(&format!("{}set it", did_you_mean(name, vault)), "set", name),
        _ => setter.advice("set each", "set", "NAME"),
    };
    Refusal::new(Code::Missing, "no secret", next).about(names)
}

pub(super) fn no_such_secret(name: &SecretName, service: &Service) -> Refusal {
    let vault = &service.vault;
    let next = match is_deleted(name, vault) {
        true => service.setter().advice(RESTORE_DELETED, "restore", name),
        false => {
            format!("{}list the secrets with: fluvio-secret list", did_you_mean(name, vault))
        }
    };
    Refusal::new(Code::Missing, "no secret", next).about(vec![name.clone()])
}

/// Whether a secret that the vault does not have was deleted, and can be restored as it was.
pub(super) fn is_deleted(name: &SecretName, vault: &Vault) -> bool {
    vault.secrets().has_value_before_deletion(name).unwrap_or(false)
}

/// The name that may be meant in place of one that does not exist, before the next step.
fn did_you_mean(name: &SecretName, vault: &Vault) -> String {
    vault
        .secrets()
        .most_like(name)
        .map(|like| format!("did you mean `{like}`? If not, "))
        .unwrap_or_default()
}

pub(super) fn no_such_version(name: &SecretName) -> Refusal {
    let next = format!("list the versions with: fluvio-secret history {name}");
    Refusal::new(Code::Missing, "no such earlier version of", next).about(vec![name.clone()])
}

pub(super) fn nothing_to_restore(name: &SecretName) -> Refusal {
    let next = "list the deleted secrets with: fluvio-secret list --deleted";
    Refusal::new(Code::Missing, "no secret", next).about(vec![name.clone()])
}
