//! The list of members with another key of this machine, or with other members.

use fluvio_secret_protocol::Role;

use crate::error::VaultError;
use crate::keys::identity::Recipient;
use crate::members::list::MemberList;
use crate::members::member::Member;
use crate::members::read_members::ReadMembers;
use crate::members::store_error::MemberStoreError;
use crate::vault::Vault;

/// The list in which the first one of the `used` keys is this machine's, which has its `own` keys now.
pub(crate) fn list_with(
    vault: &Vault,
    mut lists: ReadMembers,
    used: &[Recipient],
    own: &[Recipient],
) -> Result<MemberList, VaultError> {
    if lists.is_empty() {
        // Those of an earlier version.
        vault.members().begin_if_none(&own[0])?;
        lists = vault.members().read()?;
    }
    let mut agreed = vault.members().agreed(&lists, &[used, own].concat())?;
    agreed.use_key(&used[0]);
    signed(vault, &agreed.list, agreed.members)
}

/// The list with these members: the same if nothing changes, or else one that this machine signs as an admin.
pub(crate) fn signed(
    vault: &Vault,
    list: &MemberList,
    members: Vec<Member>,
) -> Result<MemberList, VaultError> {
    if members == list.members() {
        return Ok(list.clone());
    }
    let key = vault.members().signing_key()?;
    let is_admin = |own: &Member| own.role() == Role::Admin;
    if !list.find(&key.fingerprint()).is_some_and(is_admin) {
        return Err(MemberStoreError::NotAdmin { path: vault.path().to_owned() }.into());
    }
    Ok(list.next(members, &key).map_err(MemberStoreError::from)?)
}
