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

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use super::seal::Recipient;
use super::store::{Folder, ReadError};
use crate::cause::cause;

/// The list in the vault's folder.
const IN_VAULT: &str = ".recipients";
/// The list beside the identity.
const ACCEPTED: &str = "recipients.txt";
/// More than any list has.
const MOST_BYTES: u64 = 64 << 10;

/// One of those whom the secrets are sealed to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) recipient: Recipient,
    /// Whose it is: one line, maybe empty.
    pub(crate) note: String,
}

/// The two lists.
#[derive(Debug)]
pub(crate) struct Lists {
    vault: Folder,
    config: Folder,
}

/// Why it is not known whom to seal to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecipientsError {
    #[error("the list of recipients {path} cannot be used: line {line} is no age recipient (age1…)", path = .path.display())]
    Bad { path: PathBuf, line: usize },
    #[error("the recipients in {vault} are not those that were accepted here, which are in {accepted}", vault = .vault.display(), accepted = .accepted.display())]
    Differ { vault: PathBuf, accepted: PathBuf },
    #[error("the identity is none of the accepted recipients, which are in {accepted}", accepted = .accepted.display())]
    Foreign { accepted: PathBuf },
    #[error("the list of recipients {path} cannot be read: {source}", path = .path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error("whom to seal to is not known: {accepted} is not there, and the identity has a passphrase", accepted = .accepted.display())]
    Unknown { accepted: PathBuf },
    #[error("the list of recipients {path} cannot be written: {}", cause(.source), path = .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Lists {
    /// The lists of this vault and of the folder of this identity.
    pub(crate) fn of(vault: &Path, identity: &Path) -> Self {
        let config = identity.parent().unwrap_or(Path::new("/"));
        Self { vault: Folder::at(vault.to_owned()), config: Folder::at(config.to_owned()) }
    }

    /// Begins the list of this machine with its own identity, which has just been made.
    pub(crate) fn begin(&self, own: &Recipient) -> Result<(), RecipientsError> {
        write(&self.config, ACCEPTED, &[Entry { recipient: own.clone(), note: OWN.to_owned() }])
    }

    /// What this machine has accepted, its own identity first; `None` before the first use.
    pub(crate) fn accepted(&self) -> Result<Option<Vec<Entry>>, RecipientsError> {
        read(&self.config, ACCEPTED)
    }

    /// This machine's own, as far as it is known without its identity.
    pub(crate) fn own(&self) -> Result<Option<Recipient>, RecipientsError> {
        Ok(self
            .accepted()?
            .and_then(|accepted| accepted.into_iter().next())
            .map(|own| own.recipient))
    }

    /// Those whom secrets are sealed to, when both lists name them. `own` is the identity's, where it
    /// is known. A list that is not there is made.
    pub(crate) fn agreed(
        &self,
        own: Option<&Recipient>,
    ) -> Result<Vec<Recipient>, RecipientsError> {
        let path = || self.config.path_of(ACCEPTED);
        let accepted = match (self.accepted()?, own) {
            (Some(accepted), _) => accepted,
            (None, Some(own)) => {
                self.begin(own)?;
                return self.agreed(Some(own));
            }
            (None, None) => return Err(RecipientsError::Unknown { accepted: path() }),
        };
        if own.is_some_and(|own| accepted.iter().all(|entry| entry.recipient != *own)) {
            return Err(RecipientsError::Foreign { accepted: path() });
        }
        match read(&self.vault, IN_VAULT)? {
            Some(listed) if keys(&listed) == keys(&accepted) => {}
            Some(_) => {
                let vault = self.vault.path_of(IN_VAULT);
                return Err(RecipientsError::Differ { vault, accepted: path() });
            }
            None => write(&self.vault, IN_VAULT, &accepted)?,
        }
        Ok(accepted.into_iter().map(|entry| entry.recipient).collect())
    }
}

const OWN: &str = "the identity that was made with this vault";

fn keys(entries: &[Entry]) -> BTreeSet<String> {
    entries.iter().map(|entry| entry.recipient.to_string()).collect()
}

fn read(folder: &Folder, name: &str) -> Result<Option<Vec<Entry>>, RecipientsError> {
    let path = || folder.path_of(name);
    let bytes = match folder.read(name, MOST_BYTES) {
        Ok(bytes) => bytes,
        Err(ReadError::Missing) => return Ok(None),
        Err(source) => return Err(RecipientsError::Read { path: path(), source }),
    };
    let entries = parse(&String::from_utf8_lossy(&bytes));
    entries.map(Some).map_err(|line| RecipientsError::Bad { path: path(), line })
}

fn write(folder: &Folder, name: &str, entries: &[Entry]) -> Result<(), RecipientsError> {
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
            comment.trim().clone_into(&mut note);
        } else if line.is_empty() {
            note.clear();
        } else {
            let recipient = line.parse().map_err(|_| n + 1)?;
            entries.push(Entry { recipient, note: std::mem::take(&mut note) });
        }
    }
    Ok(entries)
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

    use super::{Entry, Lists, RecipientsError, parse, print};
    use crate::vault::seal::Identity;

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

    #[test]
    fn both_lists_must_name_the_same_recipients() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("vault")).expect("a folder");
        let lists = Lists::of(&at("vault"), &at("identity.txt"));
        let (own, other) = (Identity::generate().recipient(), Identity::generate().recipient());
        assert!(matches!(lists.agreed(None), Err(RecipientsError::Unknown { .. })));
        // The first use makes both; after it the identity is not needed.
        assert_eq!(lists.agreed(Some(&own)).expect("agreed"), std::slice::from_ref(&own));
        assert_eq!(lists.agreed(None).expect("agreed"), std::slice::from_ref(&own));
        assert!(matches!(lists.agreed(Some(&other)), Err(RecipientsError::Foreign { .. })));
        // Somebody who may write to the vault adds a key of their own.
        let vault = at("vault/.recipients");
        let mut text = fs::read_to_string(&vault).expect("the list");
        text += &format!("{other}\n");
        fs::write(&vault, &text).expect("changed");
        assert!(matches!(lists.agreed(None), Err(RecipientsError::Differ { .. })));
        // The notes and the order mean nothing.
        fs::write(at("recipients.txt"), format!("{other}\n# mine\n{own}\n")).expect("accepted");
        assert_eq!(lists.agreed(Some(&own)).expect("agreed"), [other, own]);
        fs::write(&vault, "age1nothing\n").expect("damaged");
        assert!(matches!(lists.agreed(None), Err(RecipientsError::Bad { line: 1, .. })));
    }
}
