//! The recipients, for people: whose keys they are, and who accepted them.

use fluvio_secret_protocol::{ListedRecipient, Recipients};

use crate::keys::encryption::Recipient;
use crate::recipients::error::RecipientsError;
use crate::recipients::list::{self, ListedKey};
use crate::recipients::lists::RecipientLists;

/// The recipients of the vault, and those that only this machine has accepted.
pub(crate) fn listed(
    lists: &RecipientLists,
    own: &[Recipient],
) -> Result<Recipients, RecipientsError> {
    let read = lists.read()?;
    let of_vault = read.of_vault();
    let accepted = read.accepted.as_deref().unwrap_or_default();
    let next = read.next.as_deref().unwrap_or_default();
    let gone = accepted.iter().filter(|key| !list::has(of_vault, &key.recipient));
    let listed = |ListedKey { recipient, note }: &ListedKey| ListedRecipient {
        recipient: recipient.to_string(),
        note: Some(note.clone()).filter(|note| !note.is_empty()),
        own: own.contains(recipient),
        listed: list::has(of_vault, recipient),
        // This machine has accepted a change that it began.
        accepted: list::has(accepted, recipient) || list::has(next, recipient),
    };
    Ok(Recipients {
        recipients: of_vault.iter().chain(gone).map(listed).collect(),
        file: lists.path().display().to_string(),
        unfinished: read.unfinished(own),
    })
}
