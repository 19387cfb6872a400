//! What there is, for people: to whom secrets are sealed, and what is not finished.

use fluvio_secret_protocol::{ListedRecipient, Recipients, Unfinished};

use crate::held::KeyState;
use crate::recipients::Entry;
use crate::{Vault, VaultError};

impl Vault {
    /// Those whom secrets are sealed to, and those that only this machine has accepted.
    pub fn listed_recipients(&self) -> Result<Recipients, VaultError> {
        let lists = self.lists.read()?;
        let mut next = self.next.with(|_| ())? != Err(KeyState::None);
        let own = match self.own() {
            Ok(own) => {
                // It may be a copy of the present one.
                next = own.len() > 1;
                own
            }
            Err(VaultError::Locked { .. }) => self.lists.own()?.into_iter().collect(),
            Err(VaultError::IdentityLost { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let accepted = lists.accepted.as_deref().unwrap_or_default();
        let (of_vault, has) = (lists.of_vault(), |list: &[Entry], one: &Entry| {
            list.iter().any(|entry| entry.recipient == one.recipient)
        });
        let gone = accepted.iter().filter(|entry| !has(of_vault, entry));
        let listed = |entry: &Entry| ListedRecipient {
            recipient: entry.recipient.to_string(),
            note: Some(entry.note.clone()).filter(|note| !note.is_empty()),
            own: own.contains(&entry.recipient),
            listed: has(of_vault, entry),
            // What this machine has begun it has accepted.
            accepted: has(accepted, entry)
                || lists.next.as_deref().is_some_and(|next| has(next, entry)),
        };
        Ok(Recipients {
            recipients: of_vault.iter().chain(gone).map(listed).collect(),
            file: self.lists.path().display().to_string(),
            unfinished: match (next, &lists.next) {
                (true, _) => Some(Unfinished::Identity),
                (false, Some(_)) => Some(Unfinished::Recipients),
                (false, None) => None,
            },
        })
    }

    /// Writes down for the daemon's log that a change is not finished.
    pub fn tell_of_unfinished(&self) {
        let next = self.next.state() != KeyState::None;
        if next || self.lists.read().is_ok_and(|lists| lists.next.is_some()) {
            tracing::warn!(
                "a change of the identity or the recipients is not finished; all secrets can be \
                 opened; finish it with: fluvio-secret key {}",
                if next { "rotate" } else { "recipient accept" }
            );
        }
    }
}
