//! The members of a vault, from the daemon.

use fluvio_secret_protocol::check::{ADD_THIS_MACHINE, SET_BY_MEMBER};
use fluvio_secret_protocol::{Client, ClientError, GetMembers, ListedMember, Members, Role};

/// Why a machine gets nothing of a vault.
pub(crate) const NOT_A_MEMBER: &str = "this machine is not a member of the vault any more";

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

/// What this machine may do with a vault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// It may change the vault and its members.
    Admin,
    /// It may change the vault.
    Writer,
    /// It may only read it.
    Reader,
    /// It has asked to be admitted, by this fingerprint.
    Applicant(String),
    /// It is not a member, and has not asked for that.
    Stranger,
}

impl Standing {
    pub(crate) fn of(members: &Members) -> Self {
        match own(&members.members) {
            Some(own) if own.requested => Self::Applicant(own.fingerprint.clone()),
            Some(own) => match own.role {
                Role::Admin => Self::Admin,
                Role::Writer => Self::Writer,
                Role::Reader => Self::Reader,
            },
            None if members.version > 0 || members.waits_for.is_some() => Self::Stranger,
            // Before the first list, the next change makes it.
            None => Self::Admin,
        }
    }

    pub(crate) fn is_member(&self) -> bool {
        matches!(self, Self::Admin | Self::Writer | Self::Reader)
    }

    pub(crate) fn may_change(&self) -> bool {
        matches!(self, Self::Admin | Self::Writer)
    }

    /// What helps if secrets are not encrypted for this machine's key.
    pub(crate) fn admission(&self) -> String {
        match self {
            Self::Applicant(own) => {
                format!("an admin has to run: fluvio-secret member admit {own}")
            }
            Self::Stranger => ADD_THIS_MACHINE.to_owned(),
            Self::Admin | Self::Writer | Self::Reader => SET_BY_MEMBER.to_owned(),
        }
    }

    /// A next step that changes the vault.
    pub(crate) fn change(&self, step: &str) -> String {
        match self.may_change() {
            true => step.to_owned(),
            false => format!("{step} on a machine that may change the vault"),
        }
    }
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

/// Another request, or this machine, with the public key that a machine asks with. Only one of them can be a member.
pub(crate) fn rival<'a>(
    applicant: &ListedMember,
    members: &'a [ListedMember],
) -> Option<&'a ListedMember> {
    members.iter().find(|one| {
        one.fingerprint != applicant.fingerprint
            && one.recipient == applicant.recipient
            && (one.requested || one.own)
    })
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
pub(crate) mod tests {
    use fluvio_secret_protocol::{ListedMember, Members, Role};

    use super::{Standing, affected, rival};

    /// The first list of a vault.
    pub(crate) fn first_list(members: Vec<ListedMember>) -> Members {
        Members {
            members,
            vault: "/v".to_owned(),
            version: 1,
            forked: false,
            trouble: None,
            waits_for: None,
            unfinished: None,
            more: false,
        }
    }

    fn one(fingerprint: &str, recipient: &str, requested: bool) -> ListedMember {
        ListedMember {
            fingerprint: fingerprint.to_owned(),
            recipient: recipient.to_owned(),
            note: None,
            role: Role::Reader,
            own: false,
            requested,
            signs: true,
        }
    }

    #[test]
    fn a_machine_that_is_in_no_list_has_no_standing_after_the_first_one() {
        let other = one("0b", "age1b", false);
        let of = |own: Option<(Role, bool)>, version, waits_for: Option<&str>| {
            let own = own.map(|(role, requested)| ListedMember {
                own: true,
                role,
                ..one("0a", "age1a", requested)
            });
            let members = own.into_iter().chain([other.clone()]).collect();
            let waits_for = waits_for.map(str::to_owned);
            Standing::of(&Members { version, waits_for, ..first_list(members) })
        };
        assert_eq!(of(None, 0, None), Standing::Admin, "it makes the list");
        assert_eq!(of(None, 0, Some("0b")), Standing::Stranger);
        assert_eq!(of(None, 2, None), Standing::Stranger);
        assert_eq!(of(Some((Role::Admin, false)), 2, None), Standing::Admin);
        assert_eq!(of(Some((Role::Writer, false)), 2, None), Standing::Writer);
        assert_eq!(of(Some((Role::Reader, false)), 2, None), Standing::Reader);
        let applicant = Standing::Applicant("0a".to_owned());
        assert_eq!(of(Some((Role::Admin, true)), 2, None), applicant);
    }

    #[test]
    fn requests_with_one_key_are_rivals() {
        let own = ListedMember { own: true, ..one("0a", "age1a", false) };
        let all =
            [own, one("0b", "age1b", false), one("0c", "age1c", true), one("0d", "age1c", true)];
        let rival_of = |one: &ListedMember| rival(one, &all).map(|one| one.fingerprint.as_str());
        assert_eq!((rival_of(&all[2]), rival_of(&all[3])), (Some("0d"), Some("0c")));
        assert_eq!(rival_of(&one("0e", "age1a", true)), Some("0a"), "this machine");
        // It may have lost its signing key.
        assert_eq!(rival_of(&one("0e", "age1b", true)), None);
        assert_eq!(rival_of(&all[0]), None);
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
