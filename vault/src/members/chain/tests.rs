use super::{MemberChain, RefusedList};
use fluvio_secret_protocol::Role;

use crate::members::error::MembersError;
use crate::members::list::{MemberList, SignedList};
use crate::members::member::Member;
use crate::members::signing_key::SigningKey;
use crate::members::test_machines::{TestMachine, first_list, found, machines, other_vault, vault};

/// Ada and Bob are admins.
struct Team {
    ada: TestMachine,
    bob: TestMachine,
    cleo: TestMachine,
    first: MemberList,
}

impl Team {
    fn new() -> Self {
        let [ada, bob, cleo, _] = machines();
        let members = vec![ada.member(Role::Admin), bob.member(Role::Admin)];
        let first = MemberList::first(vault(), members, &ada.key).expect("a list");
        Self { ada, bob, cleo, first }
    }

    fn both(&self) -> Vec<Member> {
        self.first.members().to_vec()
    }

    fn with_cleo(&self, role: Role) -> Vec<Member> {
        [self.both(), vec![self.cleo.member(role)]].concat()
    }
}

fn files(lists: &[&MemberList]) -> Vec<SignedList> {
    lists.iter().map(|list| found(list)).collect()
}

/// What a chain at a list accepts, and why it does not accept the rest.
fn advance(at: &MemberList, lists: &[&MemberList]) -> (u64, Vec<MembersError>) {
    let mut results = Vec::new();
    // Whatever their order is.
    for turn in 0..lists.len().max(1) {
        let mut candidates = files(lists);
        let turn = turn.min(candidates.len());
        candidates.rotate_left(turn);
        let mut chain = MemberChain::of(at.clone());
        let refused = chain.advance(&candidates);
        results.push((chain.newest().hash(), reasons(&refused)));
    }
    assert!(results.windows(2).all(|two| two[0] == two[1]), "{results:?}");
    let (hash, reasons) = results.remove(0);
    let newest = lists.iter().copied().chain([at]).find(|list| list.hash() == hash);
    (newest.expect("one of them").version(), reasons)
}

fn reasons(refused: &[RefusedList]) -> Vec<MembersError> {
    refused.iter().map(|list| list.reason.clone()).collect()
}

/// A list that no function of ours makes: `change` is applied to the text, which is then signed.
fn forged(list: &SignedList, change: impl Fn(&str) -> String, key: &SigningKey) -> MemberList {
    let text = String::from_utf8(list.bytes().to_vec()).expect("text");
    let head = change(text.lines().next().expect("a head"));
    let kind = crate::members::signed_text::SignedKind::MemberList;
    let signature = kind.sign(key, (head.as_bytes(), &[]));
    let bytes = crate::members::signed_text::document(head.as_bytes(), &signature, &[]);
    MemberList::accepted(SignedList::parse(bytes.to_vec()).expect("a list"))
}

#[test]
fn the_newest_list_that_follows_is_accepted() {
    let team = Team::new();
    let second = team.first.next(team.with_cleo(Role::Admin), &team.bob.key).expect("a list");
    let third = second.next(team.with_cleo(Role::Reader), &team.cleo.key).expect("a list");
    let all = [&team.first, &second, &third];
    assert_eq!(advance(&team.first, &all), (3, vec![]));
    assert_eq!(advance(&second, &all), (3, vec![]));
    assert_eq!(advance(&third, &all), (3, vec![]));
    assert_eq!(advance(&team.first, &[&second]), (2, vec![]));
    assert_eq!(advance(&second, &[]), (2, vec![]), "nothing arrived");
}

#[test]
fn a_skipped_version_is_a_gap() {
    let team = Team::new();
    let second = team.first.next(team.both(), &team.ada.key).expect("a list");
    let third = second.next(team.both(), &team.ada.key).expect("a list");
    assert_eq!(advance(&team.first, &[&team.first, &third]), (1, vec![MembersError::Gap]));
    // It follows the accepted list, but not with the next version.
    let skips =
        forged(&second, |head| head.replace("\"version\":2", "\"version\":3"), &team.ada.key);
    assert_eq!(advance(&team.first, &[&team.first, &skips]), (1, vec![MembersError::Numbering]));
}

#[test]
fn only_an_admin_of_the_list_before_signs_the_next() {
    let team = Team::new();
    let second = team.first.next(team.with_cleo(Role::Writer), &team.ada.key).expect("a list");
    let by_cleo = |head: &str| {
        let ada = format!("\"signer\":\"{}\"", team.ada.key.fingerprint());
        head.replace(&ada, &format!("\"signer\":\"{}\"", team.cleo.key.fingerprint()))
    };
    let cleo = team.cleo.key.fingerprint();
    // She makes herself an admin, and signs that.
    let third = second.next(team.with_cleo(Role::Admin), &team.ada.key).expect("a list");
    let third = forged(&third, by_cleo, &team.cleo.key);
    let refused = vec![MembersError::NotByAdmin(cleo)];
    assert_eq!(advance(&team.first, &[&team.first, &second, &third]), (2, refused.clone()));
    // A stranger who is in no list before.
    let stranger = forged(&second, by_cleo, &team.cleo.key);
    assert_eq!(advance(&team.first, &[&team.first, &stranger]), (1, refused));
    // In the name of an admin, with another key.
    let forged_name = forged(&second, str::to_owned, &team.cleo.key);
    let refused = vec![MembersError::Signature];
    assert_eq!(advance(&team.first, &[&team.first, &forged_name]), (1, refused.clone()));
    // What follows a refused list is not accepted either.
    let after = forged_name.next(team.both(), &team.ada.key).expect("a list");
    let refused = [refused, vec![MembersError::Gap]].concat();
    assert_eq!(advance(&team.first, &[&team.first, &forged_name, &after]), (1, refused));
}

#[test]
fn a_removed_admin_signs_no_further_list() {
    let team = Team::new();
    let only_ada = vec![team.ada.member(Role::Admin)];
    let second = team.first.next(only_ada, &team.ada.key).expect("a list");
    let bob = team.bob.key.fingerprint();
    let third = second.next(team.both(), &team.ada.key).expect("a list");
    let by_bob = |head: &str| {
        let ada = team.ada.key.fingerprint().to_string();
        head.replace(&format!("\"signer\":\"{ada}\""), &format!("\"signer\":\"{bob}\""))
    };
    let third = forged(&third, by_bob, &team.bob.key);
    let refused = vec![MembersError::NotByAdmin(bob)];
    assert_eq!(advance(&team.first, &[&team.first, &second, &third]), (2, refused));
}

#[test]
fn the_list_of_another_vault_is_refused() {
    let team = Team::new();
    let other = MemberList::first(other_vault(), team.both(), &team.ada.key).expect("a list");
    let next = other.next(team.both(), &team.ada.key).expect("a list");
    let refused = vec![MembersError::OtherVault; 2];
    assert_eq!(advance(&team.first, &[&team.first, &other, &next]), (1, refused));
    // It names our list as the one before.
    let second = team.first.next(team.both(), &team.ada.key).expect("a list");
    let (ours, theirs) = (vault().to_string(), other_vault().to_string());
    let moved = forged(&second, |head| head.replace(&ours, &theirs), &team.ada.key);
    assert_eq!(advance(&team.first, &[&team.first, &moved]), (1, vec![MembersError::OtherVault]));
}

#[test]
fn neither_list_of_a_fork_is_accepted() {
    let team = Team::new();
    let second = team.first.next(team.both(), &team.ada.key).expect("a list");
    let one = second.next(team.with_cleo(Role::Reader), &team.ada.key).expect("a list");
    let two = second.next(team.with_cleo(Role::Writer), &team.bob.key).expect("a list");
    let all = [&team.first, &second, &one, &two];
    let forked = vec![MembersError::Fork; 2];
    assert_eq!(advance(&team.first, &all), (2, forked.clone()), "up to the fork");
    assert_eq!(advance(&second, &all), (2, forked));
    // Nor what follows one of them.
    let after = one.next(team.both(), &team.ada.key).expect("a list");
    let all = [&team.first, &second, &one, &two, &after];
    assert_eq!(advance(&second, &all), (2, vec![MembersError::Fork; 3]));
    // A machine that has accepted one before stays with it, and reports the other.
    assert_eq!(advance(&one, &all), (4, vec![MembersError::Fork]));
    // Both have the same members, and were signed by two admins: that is a fork, too.
    let same = second.next(team.both(), &team.ada.key).expect("a list");
    let other = second.next(team.both(), &team.bob.key).expect("a list");
    let all = [&second, &same, &other];
    assert_eq!(advance(&second, &all), (2, vec![MembersError::Fork; 2]));
}

#[test]
fn a_merge_ends_a_fork_for_everyone() {
    let team = Team::new();
    let one = team.first.next(team.with_cleo(Role::Reader), &team.ada.key).expect("a list");
    let two = team.first.next(team.with_cleo(Role::Admin), &team.bob.key).expect("a list");
    let merge = one.merge(&two, team.with_cleo(Role::Reader), &team.bob.key).expect("a list");
    let all = [&team.first, &one, &two, &merge];
    for at in all {
        assert_eq!(advance(at, &all), (3, vec![]), "from {}", at.hash());
    }
    // Git keeps only one of the two files.
    for at in [&team.first, &one] {
        assert_eq!(advance(at, &[&team.first, &one, &merge]), (3, vec![]));
    }
    for at in [&team.first, &two] {
        assert_eq!(advance(at, &[&team.first, &two, &merge]), (3, vec![]));
    }
    // A further list on one side is a fork again.
    let late = two.next(team.both(), &team.bob.key).expect("a list");
    let all = [&team.first, &one, &two, &merge, &late];
    assert_eq!(advance(&team.first, &all), (1, vec![MembersError::Fork; 4]));
    assert_eq!(advance(&merge, &all), (3, vec![MembersError::Fork]));
    let again = merge.merge(&late, team.both(), &team.ada.key).expect("a list");
    let all = [&team.first, &one, &two, &merge, &late, &again];
    for at in all {
        assert_eq!(advance(at, &all), (4, vec![]), "from {}", at.hash());
    }
}

#[test]
fn a_merge_by_an_admin_of_one_side_is_refused() {
    let team = Team::new();
    let one = team.first.next(team.with_cleo(Role::Reader), &team.ada.key).expect("a list");
    let two = team.first.next(team.with_cleo(Role::Admin), &team.bob.key).expect("a list");
    let (bob, cleo) = (team.bob.key.fingerprint(), team.cleo.key.fingerprint());
    let by_cleo = |head: &str| {
        head.replace(&format!("\"signer\":\"{bob}\""), &format!("\"signer\":\"{cleo}\""))
    };
    // Whichever of them is the list before, and whichever is merged.
    for (before, merged) in [(&one, &two), (&two, &one)] {
        let merge = before.merge(merged, team.with_cleo(Role::Admin), &team.bob.key);
        let merge = forged(&merge.expect("a list"), by_cleo, &team.cleo.key);
        let all = [&team.first, &one, &two, &merge];
        let refused = vec![MembersError::NotByAdmin(cleo), MembersError::Fork, MembersError::Fork];
        assert_eq!(advance(&team.first, &all), (1, refused));
        // Not even by a machine that has accepted the side where she is one.
        assert_eq!(advance(&two, &all).0, 2);
    }
}

#[test]
fn an_older_state_is_a_rollback() {
    let team = Team::new();
    let second = team.first.next(team.both(), &team.ada.key).expect("a list");
    let third = second.next(team.both(), &team.ada.key).expect("a list");
    let rollback = |count| (3, vec![MembersError::Rollback; count]);
    assert_eq!(advance(&third, &[&team.first, &second]), rollback(2));
    assert_eq!(advance(&third, &[&second]), rollback(1));
    assert_eq!(advance(&third, &[&team.first]), rollback(1));
    let mut refused = MemberChain::resume(&files(&[&team.first, &second]), &third.hash());
    assert_eq!(refused.expect_err("it is gone"), MembersError::Rollback);
    refused = MemberChain::resume(&files(&[&third, &second]), &third.hash());
    assert_eq!(refused.expect("a chain").newest().version(), 3);
}

#[test]
fn a_newcomer_begins_with_a_list_of_the_admin_it_trusts() {
    let team = Team::new();
    let second = team.first.next(team.with_cleo(Role::Admin), &team.bob.key).expect("a list");
    let third = second.next(team.with_cleo(Role::Admin), &team.cleo.key).expect("a list");
    let fourth = third.next(team.with_cleo(Role::Admin), &team.ada.key).expect("a list");
    let other = MemberList::first(other_vault(), team.both(), &team.ada.key).expect("a list");
    let all = files(&[&fourth, &third, &other, &second, &team.first]);
    let pinned = |machine: &TestMachine| {
        let by = machine.key.fingerprint();
        let mut chain = MemberChain::pin(&all, vault(), &by).expect("a chain");
        let begin = chain.newest().version();
        assert_eq!(reasons(&chain.advance(&all)), [MembersError::OtherVault]);
        (begin, chain.newest().version())
    };
    assert_eq!(pinned(&team.ada), (1, 4));
    assert_eq!(pinned(&team.bob), (2, 4));
    assert_eq!(pinned(&team.cleo), (3, 4));
    let [.., dan] = machines();
    let dan = dan.key.fingerprint();
    let pin = |lists: &[&MemberList], vault, by| {
        MemberChain::pin(&files(lists), vault, by).expect_err("refused")
    };
    assert_eq!(pin(&[&team.first], vault(), &dan), MembersError::Unpinned(dan));
    let ada = team.ada.key.fingerprint();
    assert_eq!(pin(&[&team.first], other_vault(), &ada), MembersError::Unpinned(ada));
    // An attacker who can write to the vault can put any text there, but not with the admin's signature.
    let forged = forged(&team.first, str::to_owned, &team.cleo.key);
    assert_eq!(pin(&[&forged], vault(), &ada), MembersError::Unpinned(ada));
    // Two first lists of one admin.
    assert_eq!(pin(&[&team.first, &first_list()], vault(), &ada), MembersError::Fork);
}
