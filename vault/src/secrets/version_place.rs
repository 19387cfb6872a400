//! Where a version of a secret is: it is the current one, an earlier one, or the mark of a removal.

use fluvio_secret_protocol::RecordKind;

/// Where a version of a secret is. All of these have a record, encrypted for the members.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum VersionPlace {
    /// An earlier version in the history.
    Earlier(u64),
    /// The mark that the secret was deleted.
    Deleted,
    /// The mark that the secret was purged. It is kept when the secret is set again.
    Purged,
    /// The current version.
    Current,
}

/// The places in the vault itself. What is there travels with it.
pub(crate) const IN_VAULT: [VersionPlace; 3] =
    [VersionPlace::Current, VersionPlace::Deleted, VersionPlace::Purged];
/// The directories of marks, in the vault.
pub(crate) const DELETED: &str = ".deleted";
pub(crate) const PURGED: &str = ".purged";
/// The places of marks.
pub(crate) const MARKS: [VersionPlace; 2] = [VersionPlace::Deleted, VersionPlace::Purged];

impl VersionPlace {
    /// Where the record of this kind is in the vault.
    pub(crate) fn of(kind: RecordKind) -> Self {
        match kind {
            RecordKind::Value => Self::Current,
            RecordKind::Deleted => Self::Deleted,
            RecordKind::Purged => Self::Purged,
        }
    }

    /// What the record there does.
    pub(crate) fn kind(self) -> RecordKind {
        match self {
            Self::Earlier(_) | Self::Current => RecordKind::Value,
            Self::Deleted => RecordKind::Deleted,
            Self::Purged => RecordKind::Purged,
        }
    }

    /// The directory of marks, in the vault; `None` for a value.
    pub(crate) fn directory(self) -> Option<&'static str> {
        match self {
            Self::Earlier(_) | Self::Current => None,
            Self::Deleted => Some(DELETED),
            Self::Purged => Some(PURGED),
        }
    }
}
