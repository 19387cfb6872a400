//! Refusals of another identity or other members.

use std::path::Path;

use fluvio_secret_protocol::{Code, Refusal};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::shell;
use fluvio_secret_vault::{RekeyError, RetirementStep};

/// Refuses with the error of a change of the identity or the members.
pub(super) fn rekey(error: &RekeyError) -> Refusal {
    let refusal = |code, next: &str| Refusal::new(code, error.to_string(), next);
    let unchanged =
        |code, next: &str| Refusal::new(code, format!("{error}, so nothing was changed"), next);
    match error {
        RekeyError::BadIdentity(_) | RekeyError::BadRecipient => unchanged(Code::Key, ""),
        RekeyError::BadMember => {
            unchanged(Code::Key, "see the members with: fluvio-secret member list")
        }
        RekeyError::ForeignKey { source, .. } => {
            unchanged(Code::Key, &source.help().map(|help| help.to_string()).unwrap_or_default())
        }
        RekeyError::EarlierChange { path } => {
            let path = shell::path(path);
            refusal(Code::Key, &format!("finish that with: fluvio-secret key use {path}"))
        }
        RekeyError::ManyKeys { .. } => {
            refusal(Code::Key, "remove the retired ones with: fluvio-secret key retire")
        }
        RekeyError::NoFork => {
            refusal(Code::Missing, "see the members with: fluvio-secret member list")
        }
        RekeyError::NotAsked { .. } => {
            refusal(Code::Missing, "list the requests with: fluvio-secret member list")
        }
        RekeyError::NotListed { .. } => {
            refusal(Code::Missing, "see the members with: fluvio-secret member list")
        }
        RekeyError::Replaced { .. } => {
            unchanged(Code::Members, "look at it again with: fluvio-secret member admit")
        }
        RekeyError::SameKey { .. } => {
            unchanged(Code::Members, "ask their owners, and admit one of them")
        }
        RekeyError::OpensNothing { .. } => {
            unchanged(Code::Key, "use the file of this machine's earlier identity")
        }
        RekeyError::Own { .. } => refusal(Code::Key, "replace it with: fluvio-secret key rotate"),
        RekeyError::NotAdmittedKey { path, is_personal } => {
            refusal(Code::Key, &admission_of_key(path, *is_personal))
        }
        RekeyError::RetiredNeeded { path, names, step } => {
            refusal(Code::Key, &retirement(path, step)).about(names.clone())
        }
        RekeyError::Sealed | RekeyError::WrongPassphrase => unchanged(Code::Passphrase, ""),
        RekeyError::Unfinished => {
            refusal(Code::Key, "finish it first with: fluvio-secret key rotate")
        }
    }
}

/// How this machine's new key gets into the list of members of a vault in which it is not an admin.
pub(super) fn admission_of_key(vault: &Path, is_personal: bool) -> String {
    let request = match is_personal {
        true => "fluvio-secret member request".to_owned(),
        false => format!("fluvio-secret vault join {}", shell::path(vault)),
    };
    format!("have an admin admit the new key, after: {request}")
}

/// What has to be done before retired keys can be removed.
fn retirement(vault: &Path, step: &RetirementStep) -> String {
    match step {
        RetirementStep::ByAdmin(own) => {
            format!("get the vault again after an admin has run: fluvio-secret member add {own}")
        }
        RetirementStep::Finish => "re-encrypt them with: fluvio-secret key rotate".to_owned(),
        RetirementStep::Forget => format!(
            "forget a vault that you do not need, with: fluvio-secret vault forget --for-good {}",
            shell::path(vault)
        ),
        RetirementStep::Restore => {
            "restore copies of files that are damaged or not accepted, or remove them".to_owned()
        }
    }
}
