//! What is known of a lease and of each of its secrets: names and fingerprints, never a value.

use fluvio_secret_protocol::SecretName;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct LeaseInfo {
    pub(crate) since: i64,
    pub(crate) connector: Option<String>,
    pub(crate) config: String,
    pub(crate) secrets: Vec<LeasedSecret>,
    /// The parent of the process that the lease was made for. Only the daemon that made the lease knows it.
    #[serde(skip)]
    pub(crate) parent: Option<i32>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct LeasedSecret {
    pub(crate) name: SecretName,
    /// The fingerprint of the encrypted value that the connector was started with.
    pub(crate) given: u64,
    /// The fingerprint of the one that is in the file now.
    pub(crate) in_file: u64,
    /// Whether the connector renders it into its configuration, which it does only when it starts.
    pub(crate) in_template: bool,
    /// Whether it is of the personal vault, because the lease's own does not have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) from_personal: bool,
    /// Found out by each daemon.
    #[serde(skip)]
    pub(crate) state: LeasedState,
}

/// Whether a connector has the current value of a secret.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum LeasedState {
    /// It was started with it.
    #[default]
    Current,
    /// It is in the file, which the connector may read again or not.
    Updated,
    /// Only a restart helps.
    Stale,
}

impl LeaseInfo {
    pub(crate) fn names(&self) -> Vec<SecretName> {
        self.secrets.iter().map(|secret| secret.name.clone()).collect()
    }

    /// The places of the secrets in this state.
    pub(crate) fn places(&self, state: LeasedState) -> Vec<usize> {
        let places = self.secrets.iter().enumerate();
        places.filter(|(_, secret)| secret.state == state).map(|(place, _)| place).collect()
    }

    /// Remembers that the value with the fingerprint `before` now has the fingerprint `after`.
    pub(crate) fn keep_value(&mut self, name: &SecretName, before: u64, after: u64) {
        for secret in self.secrets.iter_mut().filter(|secret| secret.name == *name) {
            for fingerprint in [&mut secret.given, &mut secret.in_file] {
                if *fingerprint == before {
                    *fingerprint = after;
                }
            }
        }
    }

    /// Whether the connector may have an earlier value of one of these secrets, and then whether all of their
    /// current ones are in the file.
    /// `of_personal` says whether they are of the personal vault, or of the lease's own.
    pub(crate) fn has_earlier(&self, names: &[SecretName], of_personal: bool) -> Option<bool> {
        let is_asked = |secret: &&LeasedSecret| {
            secret.from_personal == of_personal && names.contains(&secret.name)
        };
        let asked = self.secrets.iter().filter(is_asked);
        let states = asked.map(|secret| secret.state);
        let earlier = states.filter(|state| *state != LeasedState::Current);
        earlier.map(|state| state == LeasedState::Updated).reduce(|one, other| one && other)
    }
}
