//! What is encrypted again.

use crate::secrets::version_place::VersionPlace;

/// What is encrypted again.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum ReencryptScope {
    All,
    /// What the current key does not decrypt.
    NotByCurrent,
    /// Of that, the earlier versions, which only this machine has.
    HistoryNotByCurrent,
    /// What has no signature. This machine signs it.
    Unsigned,
}

impl ReencryptScope {
    /// Whether what is in this place may be encrypted again.
    pub(crate) fn has(self, place: VersionPlace) -> bool {
        self != Self::HistoryNotByCurrent || matches!(place, VersionPlace::Earlier(_))
    }

    /// Whether what the current key decrypts stays as it is. The list of members does, too.
    pub(crate) fn keeps_current(self) -> bool {
        matches!(self, Self::NotByCurrent | Self::HistoryNotByCurrent)
    }
}
