//! The lists of recipients of an earlier version, which had no signatures. The first signed list takes over what this
//! machine had accepted.

use std::mem;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::keys::identity::Recipient;
use crate::members::note::shown_note;

/// The list in the vault, and the accepted one beside the identity.
pub(crate) const EARLIER_IN_VAULT: &str = ".recipients";
pub(crate) const EARLIER_ACCEPTED: &str = "recipients.txt";
const EARLIER_LIST_BYTES: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) struct EarlierList {
    vault: DurableDirectory,
    config: DurableDirectory,
}

impl EarlierList {
    pub(crate) fn of(vault: DurableDirectory, config: DurableDirectory) -> Self {
        Self { vault, config }
    }

    pub(crate) fn is_in_vault(&self) -> Result<bool, ReadError> {
        self.vault.has(EARLIER_IN_VAULT).map_err(ReadError::Io)
    }

    /// This machine's own recipient: the first of the accepted ones.
    pub(crate) fn own(&self) -> Option<Recipient> {
        self.accepted().ok()?.into_iter().next().map(|(recipient, _)| recipient)
    }

    /// The other recipients that this machine has accepted, with their notes.
    pub(crate) fn others(&self, own: &Recipient) -> Result<Vec<(Recipient, String)>, ReadError> {
        let mut others = self.accepted()?.into_iter().skip(1).collect::<Vec<_>>();
        others.retain(|(recipient, _)| recipient != own);
        Ok(others)
    }

    fn accepted(&self) -> Result<Vec<(Recipient, String)>, ReadError> {
        match self.config.read(EARLIER_ACCEPTED, EARLIER_LIST_BYTES) {
            Ok(bytes) => Ok(parse(&String::from_utf8_lossy(&bytes))),
            Err(ReadError::Missing) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Removes both, because the signed list counts now. A file that stays is not read again.
    pub(crate) fn remove(&self) {
        for (directory, name) in [(&self.vault, EARLIER_IN_VAULT), (&self.config, EARLIER_ACCEPTED)]
        {
            if directory.has(name).unwrap_or(false) {
                let _ = directory.remove(name);
            }
        }
    }
}

/// The recipients in the text of a list, each with the comment above it. Other lines are left out.
fn parse(text: &str) -> Vec<(Recipient, String)> {
    let (mut list, mut note) = (Vec::<(Recipient, String)>::new(), String::new());
    for line in text.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix('#') {
            note = shown_note(comment);
        } else if let Some(recipient) = Recipient::parse(line) {
            let note = mem::take(&mut note);
            if !list.iter().any(|(known, _)| *known == recipient) {
                list.push((recipient, note));
            }
        } else {
            note.clear();
        }
    }
    list
}
