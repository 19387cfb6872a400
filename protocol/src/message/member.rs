//! The members of a vault: the machines that can decrypt or change its secrets.

use serde::{Deserialize, Serialize};

use super::call::Paged;
use crate::{SecretName, limits};

/// What a member may do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Changes the members, and writes.
    Admin,
    /// Sets and deletes secrets.
    Writer,
    /// Only decrypts.
    Reader,
}

/// Add a member that signs nothing, such as a key on paper, and re-encrypt all secrets.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AddMember {
    /// The public key, at most [`limits::RECIPIENT_BYTES`].
    pub recipient: String,
    /// Whose it is; at most [`limits::NOTE_BYTES`].
    pub note: Option<String>,
}

/// Admit machines that have asked to join, and re-encrypt all secrets.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdmitMembers {
    /// The requests, as the user was shown them; at most [`limits::ADMISSIONS`].
    pub requests: Vec<ShownApplicant>,
}

/// A machine that has asked to join, as it is admitted: what it asks for may change after the user has seen it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShownApplicant {
    /// The fingerprint of its signing key, at most [`limits::FINGERPRINT_BYTES`].
    pub fingerprint: String,
    /// Its public key, at most [`limits::RECIPIENT_BYTES`].
    pub recipient: String,
    /// Whose it is, as it says; at most [`limits::NOTE_BYTES`].
    pub note: Option<String>,
    /// The role that it gets.
    pub role: Role,
}

impl From<&ListedMember> for ShownApplicant {
    fn from(listed: &ListedMember) -> Self {
        let ListedMember { fingerprint, recipient, note, role, .. } = listed.clone();
        Self { fingerprint, recipient, note, role }
    }
}

/// List the members, and the machines that have asked to join.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct GetMembers;

/// Members, on one page of several.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// Those of the list in its order, and then those that have asked to join; at most
    /// [`limits::PAGE_MEMBERS`].
    pub members: Vec<ListedMember>,
    /// The vault's directory.
    pub vault: String,
    /// The version of the list; 0 before the first one.
    pub version: u64,
    /// Whether two admins have changed the list at the same time.
    pub forked: bool,
    /// A change that was begun and not finished.
    pub unfinished: Option<Unfinished>,
    /// Why machines that have asked to join may be missing, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// The fingerprint of the admin whom this machine trusts, while it waits to be admitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Whether another page follows.
    pub more: bool,
}

/// A machine or a key that secrets are encrypted to, or that has asked for that.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedMember {
    /// Names it: that of its signing key, or of its public key if it signs nothing.
    pub fingerprint: String,
    /// The public key.
    pub recipient: String,
    /// Whose it is, if the list says it.
    pub note: Option<String>,
    /// What it may do, or has asked to do.
    pub role: Role,
    /// Whether it is this machine.
    pub own: bool,
    /// Whether it has only asked to join.
    pub requested: bool,
    /// Whether it signs what it does, as a machine. A key on paper only decrypts.
    pub signs: bool,
}

/// A change that was begun and not finished. All secrets can be decrypted all the same.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfinished {
    /// There are two identities.
    Identity,
    /// Not all secrets are encrypted to all members.
    Members,
}

/// Bring two lists together that two admins made at the same time, and re-encrypt all secrets.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct MergeMembers;

/// Remove a member and re-encrypt all secrets.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    /// Its fingerprint or its public key, at most [`limits::RECIPIENT_BYTES`].
    pub member: String,
}

/// Ask the admins of a vault to admit this machine, by a file in the vault.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RequestMembership {
    /// What this machine wants to do.
    pub role: Role,
    /// Whose it is; at most [`limits::NOTE_BYTES`]. `None` for user and host.
    pub note: Option<String>,
}

/// The file is there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MembershipRequested {
    /// Its path.
    pub file: String,
    /// The fingerprint of this machine.
    pub fingerprint: String,
    /// Whether this machine is a member with this role already. Then there is no file.
    pub is_member: bool,
}

/// How many secrets are re-encrypted; more follows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reencrypting {
    /// The number of secrets that are done.
    pub done: usize,
    /// The number of all secrets.
    pub all: usize,
}

/// The vault is re-encrypted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reencrypted {
    /// The number of re-encrypted secrets.
    pub secrets: usize,
    /// The number of re-encrypted earlier versions.
    pub versions: usize,
    /// The number of members.
    pub members: usize,
    /// The secrets with a file that could not be decrypted, and was left as it is; at most
    /// [`limits::LEFT_NAMES`].
    pub left: Vec<SecretName>,
    /// The identity's file.
    pub identity: String,
    /// The identity's public key.
    pub own: String,
    /// The file that keeps the identity before; `None` if the identity is the same.
    pub kept: Option<String>,
    /// A change that had been begun before, and is finished now.
    pub finished: Option<Unfinished>,
    /// The directories of registered vaults that are re-encrypted for a new identity, too; at most
    /// [`limits::LEFT_VAULTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Vaults in which an admin has to admit the new key, each with the step before that, for people; at most
    /// [`limits::LEFT_VAULTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
    /// Other registered vaults that are not re-encrypted for a new identity, each with the reason, for people; at most
    /// [`limits::LEFT_VAULTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// The number of vaults that the three lists have no room for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_others: usize,
}

impl Reencrypted {
    /// Keeps as many of the other vaults as fit into an answer, and counts the rest. The lists that you have to act on
    /// come first.
    pub fn limit_others(&mut self) {
        let mut room = limits::LEFT_VAULTS_BYTES;
        for vaults in [&mut self.others, &mut self.waiting, &mut self.changed] {
            let all = vaults.len();
            vaults.truncate(limits::LEFT_VAULTS);
            vaults.retain(|vault| {
                let length = serde_json::to_string(vault).map_or(usize::MAX, |text| text.len());
                let fits = length <= room;
                room -= if fits { length } else { 0 };
                fits
            });
            self.more_others += all - vaults.len();
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

messages! {
    AddMember = "add-member"
        where |add| add.recipient.len() <= limits::RECIPIENT_BYTES
            && add.note.as_ref().is_none_or(|note| note.len() <= limits::NOTE_BYTES)
        => Reencrypted, Writes;
    AdmitMembers = "admit-members"
        where |admit| admit.requests.len() <= limits::ADMISSIONS
            && admit.requests.iter().all(|one| one.fingerprint.len() <= limits::FINGERPRINT_BYTES
                && one.recipient.len() <= limits::RECIPIENT_BYTES
                && one.note.as_ref().is_none_or(|note| note.len() <= limits::NOTE_BYTES))
        => Reencrypted, Writes;
    GetMembers = "members" => Members, Reads;
    Members = "members", last if |members| !members.more;
    MembershipRequested = "membership-requested";
    MergeMembers = "merge-members" => Reencrypted, Writes;
    Reencrypted = "reencrypted";
    Reencrypting = "reencrypting", last if |_| false;
    RemoveMember = "remove-member"
        where |remove| remove.member.len() <= limits::RECIPIENT_BYTES
        => Reencrypted, Writes;
    RequestMembership = "request-membership"
        where |request| request.note.as_ref().is_none_or(|note| note.len() <= limits::NOTE_BYTES)
        => MembershipRequested, Writes;
}

impl Paged for Members {
    type Item = Self;

    fn into_items(self) -> Vec<Self> {
        vec![self]
    }
}
