//! Vaults of projects, which the user registers.

use serde::{Deserialize, Serialize};

use super::call::Paged;
use super::member::{ListedMember, Reencrypted};
use crate::limits;

/// List the personal vault, and then the registered ones, in the order of their paths.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ListVaults;

/// One vault of all.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedVaults {
    /// The vault.
    pub vault: ListedVault,
    /// Whether another one follows.
    pub more: bool,
}

/// A vault that the daemon serves.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListedVault {
    /// Its directory.
    pub path: String,
    /// Its id.
    pub id: String,
    /// Whether it is the personal one.
    pub personal: bool,
    /// Whether secrets that it does not have are taken from the personal one.
    pub with_personal: bool,
    /// The number of its secrets; `None` if it cannot be opened.
    pub secrets: Option<usize>,
    /// Why it cannot be opened, for people.
    pub trouble: Option<String>,
}

/// Make a vault in a new directory, and register it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InitVault {
    /// The directory, an absolute path; at most [`limits::LABEL_BYTES`]. The one above it must exist.
    pub path: String,
}

/// Report what a directory is that the user may register. Nothing is opened as a vault.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InspectVault {
    /// The directory, an absolute path; at most [`limits::LABEL_BYTES`].
    pub path: String,
}

/// What a vault says of itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InspectedVault {
    /// The directory, without links.
    pub path: String,
    /// Its id.
    pub id: String,
    /// The number of its secrets.
    pub secrets: usize,
    /// Its members; at most [`limits::PAGE_MEMBERS`].
    pub members: Vec<ListedMember>,
    /// The number of all.
    pub member_count: usize,
    /// The hash of their list.
    pub list: String,
    /// The version of their list.
    pub version: u64,
    /// The fingerprint of the admin who signed it.
    pub admin: String,
    /// Whether other lists contradict this one, and this machine has accepted none.
    pub contradicted: bool,
    /// Whether the user has registered it.
    pub registered: bool,
}

/// Register a vault, with the list of members that the user was shown.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrustVault {
    /// The directory, an absolute path; at most [`limits::LABEL_BYTES`].
    pub path: String,
    /// The id that was shown.
    pub id: String,
    /// The hash of the list that was shown, at most [`limits::FINGERPRINT_BYTES`].
    pub list: String,
    /// Whether secrets that it does not have are taken from the personal vault; `None` leaves that as it is.
    pub with_personal: Option<bool>,
}

/// The vault is registered, durably.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedVault {
    /// The directory, without links.
    pub path: String,
    /// Its id.
    pub id: String,
    /// Whether this machine's key decrypts its secrets.
    pub own: bool,
    /// The identity's file, if this was the first use and created the identity.
    pub new_identity: Option<String>,
}

/// Remove a vault from the registered ones. Its files stay.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetVault {
    /// The directory, an absolute path; at most [`limits::LABEL_BYTES`]. It need not exist.
    pub path: String,
    /// Whether keys that only this vault needs may be removed. It may have been forgotten before.
    pub for_good: bool,
}

/// The vault is not registered any more, durably.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VaultForgotten {
    /// The number of its leases, which have ended.
    pub leases: usize,
}

/// Sign everything that has no signature, and refuse such records from then on. The user vouches for it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct UpgradeVault;

messages! {
    ForgetVault = "forget-vault" where |forget| forget.path.len() <= limits::LABEL_BYTES
        => VaultForgotten, Writes, needs_vault: false;
    InitVault = "init-vault" where |init| init.path.len() <= limits::LABEL_BYTES
        => TrustedVault, Writes, needs_vault: false;
    InspectVault = "inspect-vault" where |inspect| inspect.path.len() <= limits::LABEL_BYTES
        => InspectedVault, Reads, needs_vault: false;
    InspectedVault = "inspected-vault";
    ListVaults = "vaults" => ListedVaults, Reads, needs_vault: false;
    ListedVaults = "vaults", last if |listed| !listed.more;
    TrustVault = "trust-vault"
        where |trust| trust.path.len() <= limits::LABEL_BYTES
            && trust.id.len() <= limits::VAULT_ID_BYTES
            && trust.list.len() <= limits::FINGERPRINT_BYTES
        => TrustedVault, Writes, needs_vault: false;
    TrustedVault = "trusted-vault";
    UpgradeVault = "upgrade-vault" => Reencrypted, Writes;
    VaultForgotten = "vault-forgotten";
}

impl Paged for ListedVaults {
    type Item = ListedVault;

    fn into_items(self) -> Vec<ListedVault> {
        vec![self.vault]
    }
}
