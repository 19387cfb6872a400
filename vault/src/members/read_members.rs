//! What the lists of a vault say together.

use fluvio_secret_protocol::{Role, Unfinished};

use crate::id::VaultId;
use crate::keys::identity::Recipient;
use crate::members::chain::{MemberChain, RefusedList};
use crate::members::error::MembersError;
use crate::members::list::{MemberList, SignedList};
use crate::members::member::Member;
use crate::members::signing_key::KeyFingerprint;

/// What the lists say.
#[derive(Debug)]
pub(crate) struct ReadMembers {
    /// The last accepted one, or one that follows from it.
    pub(crate) accepted: Option<MemberList>,
    /// Whether it is newer than what this machine has written down.
    pub(crate) is_newer: bool,
    /// Those in the vault, and the one that everything is being re-encrypted for.
    pub(crate) lists: Vec<SignedList>,
    /// Those that do not follow from it.
    pub(crate) refused: Vec<RefusedList>,
    /// What everything is being re-encrypted for, and whether the identity was changed.
    pub(crate) next: Option<(bool, MemberList)>,
}

impl ReadMembers {
    /// Whether this machine has accepted no list.
    pub(crate) fn is_empty(&self) -> bool {
        self.accepted.is_none() && self.next.is_none()
    }

    /// The version of a list that contradicts another one, if no list brings the two together.
    pub(crate) fn fork(&self) -> Option<u64> {
        let forks = self.refused.iter().filter(|one| one.reason == MembersError::Fork);
        forks.map(|fork| fork.version).min()
    }

    /// The list that has this machine alone, if that has lost its signing key or what it knew: then it begins again.
    pub(crate) fn own_alone(
        &self,
        vault: VaultId,
        own: &[Recipient],
        fingerprint: Option<KeyFingerprint>,
    ) -> Option<MemberList> {
        let list = match &self.accepted {
            Some(accepted) => accepted.clone(),
            None => newest_by_itself(vault, &self.lists)?,
        };
        let [one] = list.members() else { return None };
        let is_known = self.accepted.is_some() && Some(one.fingerprint()) == fingerprint;
        (own.contains(one.recipient()) && !is_known).then_some(list)
    }

    /// The newest list that follows from one of this machine, if it has accepted none.
    pub(crate) fn newest_by(
        &self,
        vault: VaultId,
        own: Option<KeyFingerprint>,
    ) -> Option<MemberList> {
        let own = own.filter(|_| self.is_empty())?;
        let mut chain = MemberChain::pin(&self.lists, vault, &own).ok()?;
        chain.advance(&self.lists);
        Some(chain.newest().clone())
    }

    /// The newest list of a vault that this machine knows nothing of.
    pub(crate) fn newest_found(&self, vault: VaultId) -> Option<MemberList> {
        newest_by_itself(vault, &self.lists)
    }

    /// Whether the vault has the accepted list. Another clone of it on this machine may have changed the members.
    pub(crate) fn is_published(&self) -> bool {
        let has =
            |accepted: &MemberList| self.lists.iter().any(|list| list.hash() == accepted.hash());
        self.accepted.as_ref().is_none_or(has)
    }

    /// The members of the vault, as they are or are about to be.
    pub(crate) fn of_vault(&self) -> &[Member] {
        self.accepted.as_ref().map_or(&[], |list| list.members())
    }

    /// Whether the list has the first one of the `used` keys as this machine's, which has its `own` keys now. It may
    /// have no key of this machine.
    pub(crate) fn has_key(
        &self,
        used: &[Recipient],
        own: &[Recipient],
        fingerprint: Option<KeyFingerprint>,
    ) -> bool {
        let is_listed =
            |key: &Recipient| self.of_vault().iter().any(|member| member.recipient() == key);
        let is_right = is_listed(&used[0]) || !own.iter().any(is_listed);
        is_right && self.unfinished(&[used, own].concat(), fingerprint).is_none()
    }

    /// A change that was begun and not finished. `own` are the keys of this machine, the current one first, and
    /// `fingerprint` is that of its signing key.
    pub(crate) fn unfinished(
        &self,
        own: &[Recipient],
        fingerprint: Option<KeyFingerprint>,
    ) -> Option<Unfinished> {
        match &self.next {
            Some((true, _)) => Some(Unfinished::Identity),
            Some((false, _)) => Some(Unfinished::Members),
            // It was killed before it wrote down the next list, or could not open the vault.
            None => {
                let member = self.accepted.as_ref()?.find(&fingerprint?)?;
                let [current, retired @ ..] = own else { return None };
                let is_retired =
                    member.recipient() != current && retired.contains(member.recipient());
                (is_retired && member.role() == Role::Admin).then_some(Unfinished::Identity)
            }
        }
    }
}

/// Whether the newest list does not follow from all others that an admin in them has signed. Then a stranger may have
/// added it. A list that is missing in between counts, too.
pub(crate) fn contradict(lists: &[SignedList], newest: &MemberList) -> bool {
    let is_by_admin =
        |list: &&SignedList| list.vault() == newest.vault() && list.is_signed_by_own_admin();
    let Some(oldest) = lists.iter().filter(is_by_admin).min_by_key(|list| list.version()) else {
        return false;
    };
    let mut chain = MemberChain::of(MemberList::accepted(oldest.clone()));
    let refused = chain.advance(lists);
    let is_refused = |list: &SignedList| refused.iter().any(|one| one.hash == list.hash());
    chain.newest().hash() != newest.hash() || lists.iter().filter(is_by_admin).any(is_refused)
}

/// The newest list of a vault that this machine knows nothing of, and that no other one contradicts. An admin in it has
/// signed it, and it follows from the oldest one of this admin.
pub(crate) fn newest_by_itself(vault: VaultId, lists: &[SignedList]) -> Option<MemberList> {
    let ours = lists.iter().filter(|list| list.vault() == vault);
    let signed = ours.filter(|list| list.is_signed_by_own_admin());
    let newest = signed.max_by_key(|list| list.version())?;
    let mut chain = MemberChain::pin(lists, vault, &newest.signer()).ok()?;
    chain.advance(lists);
    Some(chain.newest().clone()).filter(|found| found.version() == newest.version())
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::Role;

    use super::{contradict, newest_by_itself};
    use crate::members::list::{MemberList, SignedList};
    use crate::members::signed_text::{SignedKind, document};
    use crate::members::signing_key::SigningKey;
    use crate::members::test_machines::{TestMachine, found, machines, vault};

    fn first(machine: &TestMachine) -> MemberList {
        let members = vec![machine.member(Role::Admin)];
        MemberList::first(vault(), members, &machine.key).expect("a list")
    }

    fn next(list: &MemberList, key: &SigningKey) -> MemberList {
        list.next(list.members().to_vec(), key).expect("a list")
    }

    /// The list as a stranger signs it who claims that it follows this one.
    fn claimed(list: &MemberList, before: &SignedList, key: &SigningKey) -> SignedList {
        let text = String::from_utf8(list.bytes().to_vec()).expect("text");
        let head = text.lines().next().expect("a head");
        let previous = head.split("\"previous\":\"").nth(1).expect("a hash");
        let head = head.replace(&previous[..64], &before.hash().to_string());
        let signature = SignedKind::MemberList.sign(key, (head.as_bytes(), &[]));
        SignedList::parse(document(head.as_bytes(), &signature, &[]).to_vec()).expect("a list")
    }

    #[test]
    fn a_newcomer_learns_of_lists_that_contradict_the_newest_one() {
        let [ada, bob, _, dan] = machines();
        let one = first(&ada);
        let members = vec![ada.member(Role::Admin), bob.member(Role::Admin)];
        let two = one.next(members, &ada.key).expect("a list");
        let three = next(&two, &bob.key);
        let (other, of_bob) = (next(&two, &ada.key), next(&next(&three, &bob.key), &bob.key));
        let stranger = next(&next(&first(&dan), &dan.key), &dan.key);
        let cases = [
            (vec![found(&one)], false),
            (vec![found(&one), found(&two), found(&three)], false),
            // Those before are not there.
            (vec![found(&two), found(&three)], false),
            (vec![found(&three)], false),
            (vec![found(&one), found(&two), found(&stranger)], true),
            (vec![found(&one), found(&two), claimed(&stranger, &two, &dan.key)], true),
            (vec![found(&stranger), found(&of_bob)], true),
            (vec![found(&one), found(&two), found(&three), found(&of_bob)], true),
            (vec![found(&one), found(&two), found(&three), found(&other)], true),
        ];
        for (case, (lists, expected)) in cases.iter().enumerate() {
            // Two lists of one version have no newest one.
            let newest = newest_by_itself(vault(), lists);
            let contradicts = newest.is_none_or(|newest| contradict(lists, &newest));
            assert_eq!(contradicts, *expected, "{case}");
        }
    }
}
