//! The members of a vault, from the daemon.

use fluvio_secret_protocol::{Client, ClientError, GetMembers, ListedMember, Members, Role};

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

/// What admitting a machine changes about members that there are: it may be one of them, or take the place of one.
pub(crate) fn affected(applicant: &ListedMember, members: &[ListedMember]) -> Vec<String> {
    let fingerprint = &applicant.fingerprint;
    let told = members.iter().filter(|member| !member.requested).filter_map(|member| {
        if member.fingerprint == *fingerprint {
            let role = word(member.role);
            return Some(format!("note: {fingerprint} is a member already ({role})"));
        }
        let has_its_key = member.recipient == applicant.recipient;
        has_its_key.then(|| {
            let replaced = &member.fingerprint;
            format!(
                "warning: {fingerprint} asks with the public key of {replaced}, and takes its place"
            )
        })
    });
    told.collect()
}

/// The name of a role.
pub(crate) fn word(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Writer => "writer",
        Role::Reader => "reader",
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::{ListedMember, Role};

    use super::affected;

    fn one(fingerprint: &str, recipient: &str, requested: bool) -> ListedMember {
        ListedMember {
            fingerprint: fingerprint.to_owned(),
            recipient: recipient.to_owned(),
            note: None,
            role: Role::Reader,
            own: false,
            requested,
        }
    }

    #[test]
    fn an_applicant_that_is_a_member_or_takes_the_place_of_one_is_named() {
        let members =
            [one("0a", "age1a", false), one("0b", "age1b", false), one("0c", "age1b", true)];
        assert_eq!(affected(&one("0d", "age1d", true), &members), [""; 0]);
        assert_eq!(
            affected(&one("0a", "age1d", true), &members),
            ["note: 0a is a member already (reader)"]
        );
        assert_eq!(
            affected(&members[2], &members),
            ["warning: 0c asks with the public key of 0b, and takes its place"]
        );
    }
}
