//! A member in `sync status`: who it is, and how far.

use serde::Serialize;

use crate::sync::status_file::AcknowledgedRecords;
use crate::{date, format};

/// A member, and how far it is.
#[derive(Serialize)]
pub(super) struct ShownMember {
    pub(super) fingerprint: String,
    pub(super) note: Option<String>,
    pub(super) role: Option<&'static str>,
    pub(super) own: bool,
    pub(super) records: Option<u64>,
    pub(super) behind: Option<u64>,
    /// How far it is, for people.
    #[serde(skip)]
    pub(super) progress: String,
    pub(super) acknowledged: Option<String>,
}

impl ShownMember {
    /// Its note. Where several have the same one, the start of its fingerprint is added.
    pub(super) fn name(&self, all: &[Self]) -> String {
        let Some(note) = self.note.as_deref().filter(|note| !note.is_empty()) else {
            return self.fingerprint.clone();
        };
        let is_same = |one: &&Self| one.note.as_deref() == Some(note);
        match all.iter().filter(is_same).count() {
            0 | 1 => note.to_owned(),
            _ => format!("{note} {}", self.fingerprint.get(..8).unwrap_or(&self.fingerprint)),
        }
    }
}

/// How far another member is, by what it has acknowledged.
pub(super) fn progress(known: Option<&AcknowledgedRecords>, changes: u64) -> (Option<u64>, String) {
    let Some(known) = known else { return (None, "has acknowledged nothing".to_owned()) };
    let at = date::local(known.at);
    let behind = changes.saturating_sub(known.records);
    let text = match behind {
        0 => format!("up to date at {at}"),
        _ => {
            let behind = format::count(usize::try_from(behind).unwrap_or(usize::MAX), "record");
            format!("{behind} behind at {at}")
        }
    };
    (Some(behind), text)
}
