//! The text of a list of recipients, which stock age reads too (`age -R`).
//!
//! ```text
//! # a note: whose it is, in one line
//! age1…
//! ```

use std::collections::BTreeSet;
use std::fmt::Write;
use std::mem;

use fluvio_secret_protocol::limits;
use fluvio_secret_system::printable;

use crate::keys::identity::Recipient;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ListedKey {
    pub(crate) recipient: Recipient,
    /// Whose it is: one line, maybe empty.
    pub(crate) note: String,
}

impl ListedKey {
    pub(crate) fn of(recipient: &Recipient) -> Self {
        Self { recipient: recipient.clone(), note: String::new() }
    }
}

pub(crate) fn has(list: &[ListedKey], recipient: &Recipient) -> bool {
    list.iter().any(|key| key.recipient == *recipient)
}

/// The recipients of a list, in no order.
pub(crate) fn keys(list: &[ListedKey]) -> BTreeSet<String> {
    list.iter().map(|key| key.recipient.to_string()).collect()
}

/// Whether two lists have the same recipients, whatever their order and their notes.
pub(crate) fn is_same(one: &[ListedKey], other: &[ListedKey]) -> bool {
    keys(one) == keys(other)
}

/// Replaces the retired keys of this machine by its current one, which is the first of `own`.
pub(crate) fn replace_retired(list: &mut Vec<ListedKey>, own: &[Recipient]) {
    let [current, retired @ ..] = own else { return };
    for old in retired.iter().filter(|old| *old != current) {
        if has(list, current) {
            list.retain(|key| key.recipient != *old);
        } else if let Some(key) = list.iter_mut().find(|key| key.recipient == *old) {
            key.recipient = current.clone();
        }
    }
}

/// Parses a list, or returns the number of the line that is not a recipient.
pub(crate) fn parse(text: &str) -> Result<Vec<ListedKey>, usize> {
    let (mut list, mut note) = (Vec::new(), String::new());
    for (n, line) in text.lines().map(str::trim).enumerate() {
        if let Some(comment) = line.strip_prefix('#') {
            note = shown_note(comment);
        } else if line.is_empty() {
            note.clear();
        } else {
            let recipient = Recipient::parse(line).ok_or(n + 1)?;
            let note = mem::take(&mut note);
            // A merge may leave one there twice.
            if !has(&list, &recipient) {
                list.push(ListedKey { recipient, note });
            }
        }
    }
    Ok(list)
}

/// A note as it is shown and sent: one short line that is safe to print.
pub(crate) fn shown_note(note: &str) -> String {
    let note = printable::line(note.trim());
    let ends = (0..=limits::NOTE_BYTES.min(note.len())).rev();
    let end = ends.into_iter().find(|&at| note.is_char_boundary(at)).unwrap_or(0);
    note[..end].trim_end().to_owned()
}

pub(crate) fn print(list: &[ListedKey]) -> String {
    let mut text = String::new();
    for ListedKey { recipient, note } in list {
        if !note.is_empty() {
            let _ = writeln!(text, "# {note}");
        }
        let _ = writeln!(text, "{recipient}");
    }
    text
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::limits;

    use super::{ListedKey, parse, print, replace_retired};
    use crate::keys::identity::{Identity, Recipient};

    fn recipient() -> Recipient {
        Identity::generate().recipient()
    }

    fn key(recipient: &Recipient, note: &str) -> ListedKey {
        ListedKey { recipient: recipient.clone(), note: note.to_owned() }
    }

    #[test]
    fn a_list_is_read_as_it_is_written() {
        let list = [key(&recipient(), "ada's laptop"), key(&recipient(), "")];
        assert_eq!(parse(&print(&list)).expect("a list"), list);
        let spread = format!("# a heading\n\n{}", print(&list).replace('\n', "\r\n"));
        assert_eq!(parse(&spread).expect("edited elsewhere"), list);
        assert_eq!(parse("# x\nssh-ed25519 AAAA\n"), Err(2));
    }

    #[test]
    fn a_note_is_one_line_that_drives_no_terminal() {
        let key = recipient();
        let note =
            |text: &str| parse(&format!("# {text}\n{key}\n")).expect("a list").remove(0).note;
        assert_eq!(note("  ada's laptop "), "ada's laptop");
        assert_eq!(note("\u{1b}[2J\u{9b}x"), "\u{fffd}[2J\u{fffd}x");
        let long = note(&"\u{fc}".repeat(200));
        assert!(long.len() <= limits::NOTE_BYTES && long.len() > limits::NOTE_BYTES - 2, "{long}");
        assert_eq!(parse(&format!("{key}\n# again\n{key}\n")).expect("a list").len(), 1);
    }

    #[test]
    fn a_retired_key_is_replaced_once_and_its_note_stays() {
        let (new, old, older, friend) = (recipient(), recipient(), recipient(), recipient());
        let own = [new.clone(), old.clone(), older.clone()];
        let replaced = |mut list: Vec<ListedKey>| {
            replace_retired(&mut list, &own);
            list
        };
        let expected = vec![key(&friend, "a friend"), key(&new, "ada")];
        assert_eq!(replaced(vec![key(&friend, "a friend"), key(&old, "ada")]), expected);
        let all = vec![key(&older, "x"), key(&friend, "a friend"), key(&new, "ada")];
        assert_eq!(replaced(all), expected);
        assert_eq!(replaced(expected.clone()), expected);
        assert_eq!(replaced(vec![key(&friend, "")]), [key(&friend, "")]);
    }
}
