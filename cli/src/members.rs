//! The members of a vault, from the daemon.

use fluvio_secret_protocol::{Client, ClientError, GetMembers, ListedMember, Members};

/// The members on all pages.
pub(crate) fn members(client: &mut Client) -> Result<Members, ClientError> {
    let pages = client.collect(GetMembers)?;
    let all = |one: Members, next: Members| Members {
        members: [one.members, next.members].concat(),
        ..next
    };
    pages.into_iter().reduce(all).ok_or(ClientError::Unexpected)
}

/// The entry of this machine: as a member, or else as a machine that has asked to join. Those come after the members.
pub(crate) fn own(members: &[ListedMember]) -> Option<&ListedMember> {
    members.iter().find(|member| member.own)
}
