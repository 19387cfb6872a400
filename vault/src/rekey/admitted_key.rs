//! A new key of a writer or a reader, after an admin has admitted it.

use fluvio_secret_protocol::Role;

use crate::error::VaultError;
use crate::keys::identity::Recipient;
use crate::members::member::Member;
use crate::members::read_members::ReadMembers;
use crate::rekey::need::is_any_left_to_retired_keys;
use crate::rekey::plan::ReencryptPlan;
use crate::rekey::scope::ReencryptScope;
use crate::vault::Vault;

/// What this machine itself encrypts for its new key, if only a retired key decrypts it: earlier versions do not travel,
/// and another writer may have set a secret before it got the list with the new key.
///
/// `None` if there is nothing, if no admin has admitted the key, or for an admin, who encrypts everything.
pub(crate) fn left_to_retired_keys(
    vault: &Vault,
    read: &ReadMembers,
    member: Option<&Member>,
    own: &[Recipient],
) -> Result<Option<ReencryptPlan>, VaultError> {
    let (Some(list), Some(member), [current, _, ..]) = (&read.accepted, member, own) else {
        return Ok(None);
    };
    if member.recipient() != current || member.role() == Role::Admin || read.fork().is_some() {
        return Ok(None);
    }
    let what = scope_of(member.role());
    if !is_any_left_to_retired_keys(vault, what)? {
        return Ok(None);
    }
    let list = list.clone();
    Ok(Some(ReencryptPlan { list, is_identity_changed: false, what, drops_history: false }))
}

/// What a member of this role may encrypt again for the keys in the list.
pub(crate) fn scope_of(role: Role) -> ReencryptScope {
    match role {
        Role::Admin | Role::Writer => ReencryptScope::NotByCurrent,
        Role::Reader => ReencryptScope::HistoryNotByCurrent,
    }
}

/// The entry of this machine, if it is not an admin: then it cannot change the key that the others encrypt for.
pub(crate) fn entry_of_other_role(vault: &Vault) -> Result<Option<Member>, VaultError> {
    vault.earlier_change().refuse_if_begun()?;
    vault.members().refuse_if_waiting()?;
    let (read, fingerprint) = (vault.members().read()?, vault.members().own_fingerprint()?);
    let entry = read.accepted.as_ref().zip(fingerprint).and_then(|(list, own)| list.find(&own));
    let is_finished = read.next.is_none() && read.fork().is_none();
    Ok(entry.filter(|entry| is_finished && entry.role() != Role::Admin).cloned())
}
