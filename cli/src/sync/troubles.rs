//! What does not work at present. Each trouble is reported once, and so is its end.

use std::collections::BTreeMap;

const CHECK_CLUSTER: &str = "help: check the cluster with: fluvio topic list";

/// What does not work.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum SyncTrouble {
    /// The topic cannot be read.
    Reading,
    /// The topic cannot be written to.
    Publishing,
    /// The daemon cannot be reached, or cannot use the vault.
    Vault,
    /// The vault is locked.
    Locked,
}

/// The current troubles, each with its cause.
#[derive(Debug, Default)]
pub(crate) struct SyncTroubles(BTreeMap<SyncTrouble, String>);

impl SyncTroubles {
    /// Takes note of a trouble. Returns whether it is new.
    pub(crate) fn begin(&mut self, trouble: SyncTrouble, cause: &str) -> bool {
        self.0.insert(trouble, cause.to_owned()).is_none()
    }

    /// It works. Returns whether it did not before.
    pub(crate) fn end(&mut self, trouble: SyncTrouble) -> bool {
        self.0.remove(&trouble).is_some()
    }

    /// What to show of them.
    pub(crate) fn causes(&self) -> Vec<String> {
        self.0.values().cloned().collect()
    }
}

impl SyncTrouble {
    /// What to report when it begins.
    pub(crate) fn text(self, topic: &str, cause: &str) -> String {
        match self {
            Self::Reading => format!("cannot read the topic {topic}: {cause}\n{CHECK_CLUSTER}"),
            Self::Publishing => {
                format!("cannot publish on the topic {topic}: {cause}\n{CHECK_CLUSTER}")
            }
            // The daemon's own words.
            Self::Vault | Self::Locked => cause.to_owned(),
        }
    }

    /// What to report when it has ended.
    pub(crate) fn end_text(self) -> &'static str {
        match self {
            Self::Reading => "the topic is read again",
            Self::Publishing => "changes are published again",
            Self::Vault => "the vault can be used again",
            Self::Locked => "the vault is unlocked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SyncTrouble, SyncTroubles};

    #[test]
    fn a_trouble_and_its_end_are_reported_once() {
        let mut troubles = SyncTroubles::default();
        assert!(!troubles.end(SyncTrouble::Reading));
        assert!(troubles.begin(SyncTrouble::Reading, "a"));
        assert!(!troubles.begin(SyncTrouble::Reading, "b"));
        assert_eq!(troubles.causes(), ["b"], "the newest cause is shown");
        assert!(troubles.end(SyncTrouble::Reading) && !troubles.end(SyncTrouble::Reading));
    }
}
