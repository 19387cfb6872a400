//! The list of recipients that travels with the vault, and the one that this machine has accepted.
//!
//! They must name the same recipients: others who may write to a shared vault could otherwise add a key
//! of their own. The first of the accepted list is this machine's own key, so encrypting needs no
//! identity.
//!
//! A third list replaces both while everything is being re-encrypted. A retired key of this machine
//! counts as its current one in all of them, as in an older copy of the vault.

use std::path::{Path, PathBuf};

use fluvio_secret_protocol::{ListedRecipient, Recipients, Unfinished, limits};

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::keys::identity::Recipient;
use crate::recipients::error::RecipientsError;
use crate::recipients::list::{self, ListedKey};
use crate::whole_file::PreparedFile;

pub(crate) const IN_VAULT: &str = ".recipients";
/// The accepted list, beside the identity.
pub(crate) const ACCEPTED: &str = "recipients.txt";
/// The list of those that everything is being re-encrypted for, beside the identity.
pub(crate) const NEXT: &str = "recipients.next.txt";
/// How it begins when the identity was changed.
const IDENTITY_CHANGED: &str = "# The identity is being changed.\n\n";
const LIST_BYTES: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) struct RecipientLists {
    vault: DurableDirectory,
    config: DurableDirectory,
}

/// What the lists say. `None` is a list that is not there.
#[derive(Debug)]
pub(crate) struct ReadLists {
    /// What this machine has accepted, its own key first.
    pub(crate) accepted: Option<Vec<ListedKey>>,
    pub(crate) listed: Option<Vec<ListedKey>>,
    /// What everything is being re-encrypted for.
    pub(crate) next: Option<Vec<ListedKey>>,
    /// Whether that is a change of the identity.
    pub(crate) is_identity_changed: bool,
}

impl RecipientLists {
    pub(crate) fn of(vault: DurableDirectory, identity: &Path) -> Self {
        Self { vault, config: DurableDirectory::of(identity) }
    }

    /// Begins the list of this machine with its own key alone.
    pub(crate) fn begin(&self, own: &Recipient) -> Result<(), RecipientsError> {
        write(&self.config, ACCEPTED, "", &[ListedKey::of(own)])
    }

    pub(crate) fn read(&self) -> Result<ReadLists, RecipientsError> {
        let text = |directory, name| read(directory, name).map(|read| read.map(|(_, list)| list));
        let (beginning, next) = read(&self.config, NEXT)?.unzip();
        Ok(ReadLists {
            accepted: text(&self.config, ACCEPTED)?,
            listed: text(&self.vault, IN_VAULT)?,
            next,
            is_identity_changed: beginning.unwrap_or_default(),
        })
    }

    /// This machine's own key, as far as it is known without the identity.
    pub(crate) fn own(&self) -> Result<Option<Recipient>, RecipientsError> {
        let accepted = self.read()?.accepted.unwrap_or_default();
        Ok(accepted.into_iter().next().map(|own| own.recipient))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.vault.path_of(IN_VAULT)
    }

    pub(crate) fn is_in_vault(&self) -> Result<bool, RecipientsError> {
        let source =
            |error| RecipientsError::Read { path: self.path(), source: ReadError::Io(error) };
        self.vault.has(IN_VAULT).map_err(source)
    }

    /// The recipients of the vault, and those that only this machine has accepted.
    pub(crate) fn listed(&self, own: &[Recipient]) -> Result<Recipients, RecipientsError> {
        let read = self.read()?;
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
            file: self.path().display().to_string(),
            unfinished: read.unfinished(own),
        })
    }

    /// Those that secrets are encrypted for, and writes the lists that are not there. `own` are the keys
    /// of this machine, the current one first; empty if they are not known.
    pub(crate) fn prepare(&self, own: &[Recipient]) -> Result<Vec<ListedKey>, RecipientsError> {
        let mut lists = self.read()?;
        if lists.accepted.is_none() && lists.known_next().is_none() {
            let own = own.first().ok_or_else(|| self.unknown())?;
            self.begin(own)?;
            lists = self.read()?;
        }
        let (listed, accepted) = (lists.listed.clone(), lists.accepted.clone());
        let has_next = lists.next.is_some();
        let agreed = self.agreed(lists, own)?;
        let is_current = |list: Vec<ListedKey>| own.first().is_none_or(|own| list::has(&list, own));
        let is_outdated = listed.is_none_or(|listed| !list::is_same(&listed, &agreed));
        if is_outdated && !has_next && accepted.is_some_and(is_current) {
            write(&self.vault, IN_VAULT, "", &agreed)?;
        }
        Ok(agreed)
    }

    /// Those that secrets are encrypted for. Writes nothing.
    pub(crate) fn agreed(
        &self,
        mut lists: ReadLists,
        own: &[Recipient],
    ) -> Result<Vec<ListedKey>, RecipientsError> {
        lists.replace_retired(own);
        let agreed = match (lists.known_next(), &lists.accepted) {
            (Some(next), _) => next.to_vec(),
            (None, Some(accepted)) => accepted.clone(),
            (None, None) => vec![ListedKey::of(own.first().ok_or_else(|| self.unknown())?)],
        };
        if own.first().is_some_and(|own| !list::has(&agreed, own)) {
            return Err(self.foreign());
        }
        match &lists.listed {
            Some(listed) if lists.known_next().is_none() && !list::is_same(listed, &agreed) => {
                let accepted = self.config.path_of(ACCEPTED);
                Err(RecipientsError::Differ { vault: self.path(), accepted })
            }
            _ => Ok(agreed),
        }
    }

    fn foreign(&self) -> RecipientsError {
        RecipientsError::Foreign { accepted: self.config.path_of(ACCEPTED) }
    }

    fn unknown(&self) -> RecipientsError {
        RecipientsError::Unknown { accepted: self.config.path_of(ACCEPTED) }
    }

    /// Writes down what everything will be re-encrypted for, with the current key `own` among them. Until
    /// [`RecipientLists::end`] that is unfinished.
    pub(crate) fn change(
        &self,
        next: &[ListedKey],
        own: &Recipient,
        is_identity_changed: bool,
    ) -> Result<(), RecipientsError> {
        if !list::has(next, own) {
            return Err(self.foreign());
        }
        let mut own_first = next.to_vec();
        own_first.sort_by_key(|key| key.recipient != *own);
        // In this order the vault's list is always the accepted one or the next one.
        let beginning = if is_identity_changed { IDENTITY_CHANGED } else { "" };
        write(&self.config, NEXT, beginning, &own_first)?;
        let listed = read(&self.vault, IN_VAULT)?;
        if listed.is_none_or(|(_, listed)| listed != next) {
            write(&self.vault, IN_VAULT, "", next)?;
        }
        write(&self.config, ACCEPTED, "", &own_first)
    }

    /// Everything is encrypted for them now.
    pub(crate) fn end(&self) -> Result<(), RecipientsError> {
        let ended = self.config.remove(NEXT).and_then(|()| self.config.sync());
        ended.map_err(|source| RecipientsError::Write { path: self.config.path_of(NEXT), source })
    }
}

impl ReadLists {
    fn replace_retired(&mut self, own: &[Recipient]) {
        for list in [&mut self.accepted, &mut self.listed, &mut self.next].into_iter().flatten() {
            list::replace_retired(list, own);
        }
    }

    /// The next list, unless another program has changed the vault's list since it was written.
    fn known_next(&self) -> Option<&[ListedKey]> {
        let next = self.next.as_deref()?;
        let Some(listed) = &self.listed else { return Some(next) };
        let accepted = self.accepted.as_deref().unwrap_or_default();
        (list::is_same(listed, next) || list::is_same(listed, accepted)).then_some(next)
    }

    /// The vault's recipients, as they are or are about to be.
    pub(crate) fn of_vault(&self) -> &[ListedKey] {
        let listed = || self.listed.as_deref().or(self.accepted.as_deref());
        self.known_next().or_else(listed).unwrap_or_default()
    }

    pub(crate) fn unfinished(&self, own: &[Recipient]) -> Option<Unfinished> {
        let accepted = self.accepted.as_deref().unwrap_or_default();
        let has_retired = match own {
            [current, retired @ ..] if !list::has(accepted, current) => {
                retired.iter().any(|retired| list::has(accepted, retired))
            }
            _ => false,
        };
        match self.next {
            // It was killed before it wrote down the next list.
            None if has_retired => Some(Unfinished::Identity),
            None => None,
            Some(_) if self.is_identity_changed => Some(Unfinished::Identity),
            Some(_) => Some(Unfinished::Recipients),
        }
    }
}

/// A list, and whether it is that of a change of the identity.
fn read(
    directory: &DurableDirectory,
    name: &str,
) -> Result<Option<(bool, Vec<ListedKey>)>, RecipientsError> {
    let path = || directory.path_of(name);
    let bytes = match directory.read(name, LIST_BYTES) {
        Ok(bytes) => bytes,
        Err(ReadError::Missing) => return Ok(None),
        Err(source) => return Err(RecipientsError::Read { path: path(), source }),
    };
    let text = String::from_utf8_lossy(&bytes);
    let list = list::parse(&text).map_err(|line| RecipientsError::Bad { path: path(), line })?;
    match list.len() {
        // Nothing decrypts what is encrypted for no recipient.
        0 => Err(RecipientsError::Empty { path: path() }),
        1..=limits::RECIPIENTS => Ok(Some((text.starts_with(IDENTITY_CHANGED), list))),
        _ => Err(RecipientsError::Many { path: path() }),
    }
}

fn write(
    directory: &DurableDirectory,
    name: &str,
    beginning: &str,
    list: &[ListedKey],
) -> Result<(), RecipientsError> {
    let path = || directory.path_of(name);
    if list.is_empty() {
        return Err(RecipientsError::Empty { path: path() });
    }
    let text = format!("{beginning}{}", list::print(list));
    let prepared = PreparedFile::write(directory, name, text.as_bytes(), None);
    prepared
        .and_then(PreparedFile::commit)
        .map_err(|source| RecipientsError::Write { path: path(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use fluvio_secret_protocol::limits;
    use fluvio_secret_system::help::Helpful;
    use fluvio_secret_system::shell;

    use super::{RecipientLists, RecipientsError};
    use crate::durable_directory::DurableDirectory;
    use crate::keys::identity::{Identity, Recipient};
    use crate::recipients::list::{ListedKey, keys, print};

    fn lists() -> (tempfile::TempDir, RecipientLists) {
        let home = tempfile::tempdir().expect("a directory");
        fs::create_dir(home.path().join("vault")).expect("a directory");
        let vault = DurableDirectory::at(home.path().join("vault"));
        let lists = RecipientLists::of(vault, &home.path().join("identity.txt"));
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
                .prepare(own)
                .map(|list| list.into_iter().map(|entry| entry.recipient).collect::<Vec<_>>())
        };
        let one = std::slice::from_ref(&own);
        assert!(matches!(agreed(&[]), Err(RecipientsError::Unknown { .. })));
        // The first use makes both; after it the identity is not needed.
        assert_eq!(agreed(one).expect("agreed"), one);
        assert_eq!(agreed(&[]).expect("agreed"), one);
        let foreign = agreed(std::slice::from_ref(&other));
        assert!(matches!(foreign, Err(RecipientsError::Foreign { .. })));
        // Another person who may write to the vault adds a key.
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
        let both = [ListedKey::of(&own), ListedKey::of(&other)];
        // It got as far as its first, its second or its third list.
        for reached in 1..=3 {
            let (home, lists) = lists();
            let one = std::slice::from_ref(&own);
            lists.prepare(one).expect("agreed");
            let files = ["recipients.next.txt", "vault/.recipients", "recipients.txt"];
            for file in &files[..reached] {
                fs::write(home.path().join(file), print(&both)).expect("written");
            }
            assert_eq!(keys(&lists.prepare(one).expect("agreed")), keys(&both), "{reached}");
            assert_eq!(keys(lists.read().expect("lists").of_vault()), keys(&both), "{reached}");
            // A change from elsewhere is not the one that was begun here.
            let third = print(&[ListedKey::of(&own), ListedKey::of(&recipient())]);
            fs::write(home.path().join("vault/.recipients"), third).expect("changed");
            assert!(matches!(lists.prepare(one), Err(RecipientsError::Differ { .. })), "{reached}");
        }
        let (_home, lists) = lists();
        lists.change(&both, &own, false).expect("begun");
        lists.end().expect("ended");
        let read = lists.read().expect("lists");
        assert!(read.next.is_none());
        assert_eq!(lists.prepare(&[own]).expect("agreed"), both);
    }

    #[test]
    fn a16_a_list_without_recipients_is_neither_read_nor_written() {
        let (home, lists) = lists();
        let own = recipient();
        lists.prepare(std::slice::from_ref(&own)).expect("agreed");
        let files = ["recipients.next.txt", "vault/.recipients", "recipients.txt"];
        let text = |file: &str| fs::read_to_string(home.path().join(file)).ok();
        let before = files.map(text);
        for next in [vec![], vec![ListedKey::of(&recipient())]] {
            lists.change(&next, &own, false).expect_err("the own recipient is not there");
            assert_eq!(files.map(text), before);
        }
        for file in files {
            let path = home.path().join(file);
            for empty in ["", "\n", "# a note\n"] {
                fs::write(&path, empty).expect("written");
                let error = lists.prepare(std::slice::from_ref(&own)).expect_err("refused");
                assert!(matches!(error, RecipientsError::Empty { .. }), "{error}");
                let quoted = shell::word(path.to_str().expect("a text"));
                assert!(error.report().ends_with(&format!("rm {quoted}")), "{error}");
            }
            fs::remove_file(&path).expect("removed");
            assert_eq!(lists.prepare(std::slice::from_ref(&own)).expect("agreed").len(), 1);
        }
    }
}
