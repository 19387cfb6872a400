//! Whom the secrets are sealed to: the list that travels with the vault, and the one that this
//! machine has accepted.
//!
//! ```text
//! # whose it is, in one line
//! age1…
//! ```
//!
//! Both have this format, which stock age reads too (`age -R`). They must name the same recipients:
//! whoever may write to a shared vault could else have every later secret sealed to a key of their
//! own. In the accepted list the machine's own identity is the first. So what is sealed needs no
//! identity, only what is opened does.
//!
//! A third list is there while the vault is sealed anew: those whom all will be sealed to. It counts
//! in place of the others until that is done.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::limits;
use fluvio_secret_system::{printable, shell};

use super::seal::Recipient;
use super::store::{Folder, ReadError};
use fluvio_secret_system::io_error::io_error_text;

/// The list in the vault's folder.
pub(super) const IN_VAULT: &str = ".recipients";
/// The list beside the identity.
pub(super) const ACCEPTED: &str = "recipients.txt";
/// The list beside it of those whom everything is being sealed to.
pub(super) const NEXT: &str = "recipients.next.txt";
/// More than any list has.
const MOST_BYTES: u64 = 64 << 10;

/// One of those whom the secrets are sealed to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub recipient: Recipient,
    /// Whose it is: one line, maybe empty.
    pub note: String,
}

/// The lists.
#[derive(Debug)]
pub(crate) struct Lists {
    vault: Folder,
    config: Folder,
}

/// What the lists say.
#[derive(Debug)]
pub(crate) struct Read {
    /// What this machine has accepted, its own identity first; `None` before the first use.
    pub accepted: Option<Vec<Entry>>,
    /// Those of the vault.
    pub listed: Option<Vec<Entry>>,
    /// Those whom everything is being sealed to.
    pub next: Option<Vec<Entry>>,
}

/// Why it is not known whom to seal to.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum RecipientsError {
    #[error("the list of recipients {path} cannot be used: line {line} is no age recipient (age1…)", path = .path.display())]
    Bad { path: PathBuf, line: usize },
    #[error("the recipients in {vault} are not those that were accepted here, which are in {accepted}", vault = .vault.display(), accepted = .accepted.display())]
    Differ { vault: PathBuf, accepted: PathBuf },
    #[error("the list of recipients {path} has no recipients; remove it with: rm {}", shell::word(&.path.display().to_string()), path = .path.display())]
    Empty { path: PathBuf },
    #[error("the identity is none of the accepted recipients, which are in {accepted}", accepted = .accepted.display())]
    Foreign { accepted: PathBuf },
    #[error("the list of recipients {path} has more than {}, which is the most", limits::RECIPIENTS, path = .path.display())]
    Many { path: PathBuf },
    #[error("the list of recipients {path} cannot be read: {source}", path = .path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error("whom to seal to is not known: {accepted} is not there, and the identity has a passphrase", accepted = .accepted.display())]
    Unknown { accepted: PathBuf },
    #[error("the list of recipients {path} cannot be written: {}", io_error_text(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Lists {
    /// The lists of this vault and of the folder of this identity.
    pub(crate) fn of(vault: &Path, identity: &Path) -> Self {
        let config = identity.parent().unwrap_or(Path::new("/"));
        Self { vault: Folder::at(vault.to_owned()), config: Folder::at(config.to_owned()) }
    }

    /// Begins the list of this machine with its own identity alone.
    pub(crate) fn begin(&self, own: &Recipient) -> Result<(), RecipientsError> {
        write(&self.config, ACCEPTED, &[Entry { recipient: own.clone(), note: String::new() }])
    }

    /// All that the lists say.
    pub(crate) fn read(&self) -> Result<Read, RecipientsError> {
        Ok(Read {
            accepted: read(&self.config, ACCEPTED)?,
            listed: read(&self.vault, IN_VAULT)?,
            next: read(&self.config, NEXT)?,
        })
    }

    /// This machine's own, as far as it is known without its identity.
    pub(crate) fn own(&self) -> Result<Option<Recipient>, RecipientsError> {
        let accepted = read(&self.config, ACCEPTED)?.unwrap_or_default();
        Ok(accepted.into_iter().next().map(|own| own.recipient))
    }

    /// The vault's list.
    pub(crate) fn path(&self) -> PathBuf {
        self.vault.path_of(IN_VAULT)
    }

    /// Those whom secrets are sealed to: those whom everything is being sealed to, or those that both
    /// lists name. `own` are the identities of this machine, where they are known: two while one takes
    /// the place of the other. A list that is not there is made.
    pub(crate) fn agreed(&self, own: &[Recipient]) -> Result<Vec<Entry>, RecipientsError> {
        let path = || self.config.path_of(ACCEPTED);
        let lists = self.read()?;
        if lists.is_known()
            && let Some(next) = lists.next
        {
            return Ok(next);
        }
        let accepted = match (lists.accepted, own.first()) {
            (Some(accepted), _) => accepted,
            (None, Some(first)) => {
                self.begin(first)?;
                return self.agreed(own);
            }
            (None, None) => return Err(RecipientsError::Unknown { accepted: path() }),
        };
        if !own.is_empty() && !accepted.iter().any(|entry| own.contains(&entry.recipient)) {
            return Err(RecipientsError::Foreign { accepted: path() });
        }
        match lists.listed {
            Some(listed) if keys(&listed) == keys(&accepted) => {}
            Some(_) => {
                return Err(RecipientsError::Differ { vault: self.path(), accepted: path() });
            }
            None => write(&self.vault, IN_VAULT, &accepted)?,
        }
        Ok(accepted)
    }

    /// Says whom everything will be sealed to from now on; `own` is the machine's among them. Until
    /// [`Lists::end`] that is not done.
    pub(crate) fn change(&self, next: &[Entry], own: &Recipient) -> Result<(), RecipientsError> {
        if next.iter().all(|entry| entry.recipient != *own) {
            return Err(RecipientsError::Foreign { accepted: self.config.path_of(ACCEPTED) });
        }
        let mut own_first = next.to_vec();
        own_first.sort_by_key(|entry| entry.recipient != *own);
        // In this order: at each moment the vault's list is the one that was accepted, or the next.
        write(&self.config, NEXT, &own_first)?;
        // The order of the vault's is nobody's own, and stays.
        match read(&self.vault, IN_VAULT)? {
            Some(listed) if listed == next => {}
            _ => write(&self.vault, IN_VAULT, next)?,
        }
        write(&self.config, ACCEPTED, &own_first)
    }

    /// Says that everything is sealed to them.
    pub(crate) fn end(&self) -> Result<(), RecipientsError> {
        let ended = self.config.remove(NEXT).and_then(|()| self.config.sync());
        ended.map_err(|source| RecipientsError::Write { path: self.config.path_of(NEXT), source })
    }
}

impl Read {
    /// Whether the vault's list is one that this machine made or accepted: a change that did not get
    /// to its end has written some of the lists.
    pub(crate) fn is_known(&self) -> bool {
        let Some(listed) = &self.listed else { return true };
        let is_it = |list: &Option<Vec<Entry>>| {
            list.as_ref().is_some_and(|list| keys(list) == keys(listed))
        };
        is_it(&self.accepted) || is_it(&self.next)
    }

    /// The vault's recipients, as they are or are becoming.
    pub(crate) fn of_vault(&self) -> &[Entry] {
        let next = self.next.as_ref().filter(|_| self.is_known());
        next.or(self.listed.as_ref()).or(self.accepted.as_ref()).map_or(&[], Vec::as_slice)
    }
}

/// The recipients of a list, in no order.
pub(crate) fn keys(entries: &[Entry]) -> BTreeSet<String> {
    entries.iter().map(|entry| entry.recipient.to_string()).collect()
}

fn read(folder: &Folder, name: &str) -> Result<Option<Vec<Entry>>, RecipientsError> {
    let path = || folder.path_of(name);
    let bytes = match folder.read(name, MOST_BYTES) {
        Ok(bytes) => bytes,
        Err(ReadError::Missing) => return Ok(None),
        Err(source) => return Err(RecipientsError::Read { path: path(), source }),
    };
    let entries = parse(&String::from_utf8_lossy(&bytes))
        .map_err(|line| RecipientsError::Bad { path: path(), line })?;
    match entries.len() {
        // What is encrypted for no recipient cannot be decrypted.
        0 => Err(RecipientsError::Empty { path: path() }),
        1..=limits::RECIPIENTS => Ok(Some(entries)),
        _ => Err(RecipientsError::Many { path: path() }),
    }
}

fn write(folder: &Folder, name: &str, entries: &[Entry]) -> Result<(), RecipientsError> {
    if entries.is_empty() {
        return Err(RecipientsError::Empty { path: folder.path_of(name) });
    }
    let written = folder.prepare(name, print(entries).as_bytes(), None);
    written
        .and_then(super::store::Prepared::commit)
        .map_err(|source| RecipientsError::Write { path: folder.path_of(name), source })
}

/// Reads a list, or gives the number of the line that is no recipient.
fn parse(text: &str) -> Result<Vec<Entry>, usize> {
    let (mut entries, mut note) = (Vec::new(), String::new());
    for (n, line) in text.lines().map(str::trim).enumerate() {
        if let Some(comment) = line.strip_prefix('#') {
            note = shown_note(comment);
        } else if line.is_empty() {
            note.clear();
        } else {
            let entry = Entry {
                recipient: line.parse().map_err(|_| n + 1)?,
                note: std::mem::take(&mut note),
            };
            // Whom a merge has left there twice.
            if entries.iter().all(|known: &Entry| known.recipient != entry.recipient) {
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

/// A note as it is shown and sent: in one line that drives no terminal, and not too long.
pub(crate) fn shown_note(note: &str) -> String {
    let note = printable::line(note.trim());
    let ends = (0..=limits::NOTE_BYTES.min(note.len())).rev();
    let end = ends.into_iter().find(|&at| note.is_char_boundary(at)).unwrap_or(0);
    note[..end].trim_end().to_owned()
}

fn print(entries: &[Entry]) -> String {
    let mut text = String::new();
    for Entry { recipient, note } in entries {
        if !note.is_empty() {
            let _ = writeln!(text, "# {note}");
        }
        let _ = writeln!(text, "{recipient}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use fluvio_secret_protocol::limits;
    use fluvio_secret_system::shell;

    use super::{Entry, Lists, RecipientsError, keys, parse, print};
    use crate::seal::{Identity, Recipient};

    #[test]
    fn a_list_is_read_as_it_is_written() {
        let entry = |note: &str| Entry {
            recipient: Identity::generate().recipient(),
            note: note.to_owned(),
        };
        let entries = [entry("ada's laptop"), entry("")];
        assert_eq!(parse(&print(&entries)).expect("a list"), entries);
        let spread = format!("# a heading\n\n{}", print(&entries).replace('\n', "\r\n"));
        assert_eq!(parse(&spread).expect("edited elsewhere"), entries);
        assert_eq!(parse("# x\nssh-ed25519 AAAA\n"), Err(2));
    }

    fn entry(recipient: &Recipient) -> Entry {
        Entry { recipient: recipient.clone(), note: String::new() }
    }

    fn lists() -> (tempfile::TempDir, Lists) {
        let home = tempfile::tempdir().expect("a folder");
        fs::create_dir(home.path().join("vault")).expect("a folder");
        let lists = Lists::of(&home.path().join("vault"), &home.path().join("identity.txt"));
        (home, lists)
    }

    fn recipient() -> Recipient {
        Identity::generate().recipient()
    }

    #[test]
    fn both_lists_must_name_the_same_recipients() {
        let (home, lists) = lists();
        let at = |name: &str| home.path().join(name);
        let (own, other) = (recipient(), recipient());
        let agreed = |own: &[Recipient]| {
            lists
                .agreed(own)
                .map(|list| list.into_iter().map(|entry| entry.recipient).collect::<Vec<_>>())
        };
        let one = std::slice::from_ref(&own);
        assert!(matches!(agreed(&[]), Err(RecipientsError::Unknown { .. })));
        // The first use makes both; after it the identity is not needed.
        assert_eq!(agreed(one).expect("agreed"), one);
        assert_eq!(agreed(&[]).expect("agreed"), one);
        let foreign = agreed(std::slice::from_ref(&other));
        assert!(matches!(foreign, Err(RecipientsError::Foreign { .. })));
        // Somebody who may write to the vault adds a key of their own.
        let vault = at("vault/.recipients");
        let mut text = fs::read_to_string(&vault).expect("the list");
        text += &format!("{other}\n");
        fs::write(&vault, &text).expect("changed");
        assert!(matches!(agreed(&[]), Err(RecipientsError::Differ { .. })));
        // The notes and the order mean nothing.
        fs::write(at("recipients.txt"), format!("{other}\n# mine\n{own}\n")).expect("accepted");
        assert_eq!(agreed(one).expect("agreed"), [other, own.clone()]);
        fs::write(&vault, "age1nothing\n").expect("damaged");
        assert!(matches!(agreed(&[]), Err(RecipientsError::Bad { line: 1, .. })));
        let many: String = (0..=limits::RECIPIENTS).map(|_| format!("{}\n", recipient())).collect();
        fs::write(&vault, many).expect("too many");
        assert!(matches!(agreed(&[]), Err(RecipientsError::Many { .. })));
    }

    #[test]
    fn a_change_that_is_not_at_its_end_counts_in_place_of_the_lists() {
        let (own, other) = (recipient(), recipient());
        let both = [entry(&own), entry(&other)];
        // It got as far as its first, its second or its third list.
        for reached in 1..=3 {
            let (home, lists) = lists();
            let one = std::slice::from_ref(&own);
            lists.agreed(one).expect("agreed");
            let files = ["recipients.next.txt", "vault/.recipients", "recipients.txt"];
            for file in &files[..reached] {
                fs::write(home.path().join(file), print(&both)).expect("written");
            }
            assert_eq!(keys(&lists.agreed(one).expect("agreed")), keys(&both), "{reached}");
            assert_eq!(keys(lists.read().expect("lists").of_vault()), keys(&both), "{reached}");
            // What comes from elsewhere meanwhile is not what was begun here.
            let third = print(&[entry(&own), entry(&recipient())]);
            fs::write(home.path().join("vault/.recipients"), third).expect("changed");
            assert!(matches!(lists.agreed(one), Err(RecipientsError::Differ { .. })), "{reached}");
        }
        let (_home, lists) = lists();
        lists.change(&both, &own).expect("begun");
        lists.end().expect("ended");
        let read = lists.read().expect("lists");
        assert!(read.next.is_none());
        assert_eq!(lists.agreed(&[own]).expect("agreed"), both);
    }

    #[test]
    fn a16_a_list_without_recipients_is_neither_read_nor_written() {
        let (home, lists) = lists();
        let own = recipient();
        lists.agreed(std::slice::from_ref(&own)).expect("agreed");
        let files = ["recipients.next.txt", "vault/.recipients", "recipients.txt"];
        let text = |file: &str| fs::read_to_string(home.path().join(file)).ok();
        let before = files.map(text);
        for next in [vec![], vec![entry(&recipient())]] {
            lists.change(&next, &own).expect_err("the own recipient is not there");
            assert_eq!(files.map(text), before);
        }
        for file in files {
            let path = home.path().join(file);
            for empty in ["", "\n", "# a note\n"] {
                fs::write(&path, empty).expect("written");
                let error = lists.agreed(std::slice::from_ref(&own)).expect_err("refused");
                assert!(matches!(error, RecipientsError::Empty { .. }), "{error}");
                let quoted = shell::word(path.to_str().expect("a text"));
                assert!(error.to_string().ends_with(&format!("rm {quoted}")), "{error}");
            }
            fs::remove_file(&path).expect("removed");
            assert_eq!(lists.agreed(std::slice::from_ref(&own)).expect("agreed").len(), 1);
        }
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
}
