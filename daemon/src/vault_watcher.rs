//! Notices what other programs do to the files of the vault. The daemon's only file that uses notify.
//!
//! It polls if the system does not report changes: on network file systems, without free watches, or
//! after the directory was moved away.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_system::file_system;
use fluvio_secret_vault::{DOCUMENT_DIRECTORIES, DocumentPlace};
use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

const VAULT_POLL_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Eq, PartialEq)]
pub(crate) enum VaultChange {
    /// These secrets, or marks of their removal.
    Names(Vec<SecretName>),
    /// Lists of members, or requests to join.
    Members,
    /// Any of these.
    Unknown,
    /// Maybe nothing: the system does not report changes, so this is reported once in a while.
    Poll,
    /// The directory itself, which was moved or removed.
    Directory,
}

/// A thread that reports changes, until this is dropped.
#[derive(Debug)]
pub(crate) struct VaultWatcher {
    is_polling: Arc<AtomicBool>,
    /// `None` stops the thread.
    changes: mpsc::Sender<Option<VaultChange>>,
}

impl VaultWatcher {
    /// Reports the changes of a vault, until `report` returns false.
    pub(crate) fn start(
        directory: PathBuf,
        report: impl Fn(VaultChange) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let (changes, receiver) = mpsc::channel();
        let mut watcher = watch(&directory, &changes);
        let is_polling = Arc::new(AtomicBool::new(watcher.is_none()));
        let this = Self { is_polling: is_polling.clone(), changes: changes.clone() };
        thread::Builder::new().name("vault-watcher".to_owned()).spawn(move || {
            loop {
                let next = match watcher {
                    Some(_) => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                    None => receiver.recv_timeout(VAULT_POLL_INTERVAL),
                };
                let change = match next {
                    Ok(Some(change)) => change,
                    Err(RecvTimeoutError::Timeout) => {
                        watcher = watch(&directory, &changes);
                        if watcher.is_some() { VaultChange::Unknown } else { VaultChange::Poll }
                    }
                    Ok(None) | Err(RecvTimeoutError::Disconnected) => return,
                };
                let is_watched = match &change {
                    // The watch is on the directory that was here; another one may have its path.
                    VaultChange::Directory => false,
                    // A directory in it may be new.
                    VaultChange::Unknown => watcher
                        .as_mut()
                        .is_some_and(|watcher| watch_inside(watcher, &directory).is_ok()),
                    VaultChange::Names(_) | VaultChange::Members | VaultChange::Poll => true,
                };
                if !is_watched {
                    watcher = None;
                }
                if !report(change) {
                    return;
                }
                is_polling.store(watcher.is_none(), Ordering::Relaxed);
            }
        })?;
        Ok(this)
    }

    pub(crate) fn is_polling(&self) -> bool {
        self.is_polling.load(Ordering::Relaxed)
    }
}

impl Drop for VaultWatcher {
    fn drop(&mut self) {
        // The thread has a sender of its own, so the channel does not end by itself.
        let _ = self.changes.send(None);
    }
}

fn watch(
    directory: &Path,
    changes: &mpsc::Sender<Option<VaultChange>>,
) -> Option<RecommendedWatcher> {
    if file_system::may_be_silent(directory) {
        return None;
    }
    let (sender, of) = (changes.clone(), directory.to_owned());
    let handler = move |event: notify::Result<Event>| {
        if let Some(change) = change_of(&of, event) {
            // The thread may have stopped.
            let _ = sender.send(Some(change));
        }
    };
    let watcher = notify::recommended_watcher(handler).and_then(|mut watcher| {
        watcher.watch(directory, RecursiveMode::NonRecursive)?;
        watch_inside(&mut watcher, directory).map(|()| watcher)
    });
    watcher.inspect_err(|error| tracing::debug!("cannot watch the vault's directory: {error}")).ok()
}

/// Watches those directories in the vault that are there.
fn watch_inside(watcher: &mut RecommendedWatcher, directory: &Path) -> notify::Result<()> {
    for name in DOCUMENT_DIRECTORIES {
        let path = directory.join(name);
        // No file of the vault is reached by a link.
        let is_there = || path.symlink_metadata().is_ok_and(|found| found.is_dir());
        if is_there()
            && let Err(error) = watcher.watch(&path, RecursiveMode::NonRecursive)
            && is_there()
        {
            return Err(error);
        }
    }
    Ok(())
}

/// The change that an event reports, if it is one of the vault.
fn change_of(directory: &Path, event: notify::Result<Event>) -> Option<VaultChange> {
    let event = match event {
        Ok(event) if !event.need_rescan() => event,
        _ => return Some(VaultChange::Unknown),
    };
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
        // Reads, by us too, and writes that are followed by a close.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)) => {
            return None;
        }
        // Each of both names has an event of its own.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return None,
        _ => {}
    }
    if event.paths.iter().any(|path| path == directory) {
        return Some(VaultChange::Directory);
    }
    let inside = || event.paths.iter().filter_map(|path| path.strip_prefix(directory).ok());
    // What was in a new directory before it was watched is not reported.
    if inside().any(|path| DOCUMENT_DIRECTORIES.iter().any(|name| path == Path::new(name))) {
        return Some(VaultChange::Unknown);
    }
    let mut names = Vec::new();
    for place in inside().filter_map(DocumentPlace::of) {
        match place {
            DocumentPlace::Secret(name, _) => names.push(name),
            DocumentPlace::Members => return Some(VaultChange::Members),
        }
    }
    if names.is_empty() { None } else { Some(VaultChange::Names(names)) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode};
    use notify::{Event, EventKind};

    use super::{VaultChange, change_of};

    #[test]
    fn a_file_that_gets_another_name_is_reported_once_for_each_name() {
        let vault = Path::new("/vault");
        let renamed = |mode, names: &[&str]| {
            let event = Event::new(EventKind::Modify(ModifyKind::Name(mode)));
            let event = names.iter().fold(event, |event, name| event.add_path(vault.join(name)));
            change_of(vault, Ok(event))
        };
        let of = |name: &str| Some(VaultChange::Names(vec![name.parse().expect("a name")]));
        let temporary = format!(".tmp-{}", "0".repeat(32));
        // A file that is put in place, as the system reports it.
        assert_eq!(renamed(RenameMode::From, &[&temporary]), None);
        assert_eq!(renamed(RenameMode::To, &["A.age"]), of("A"));
        assert_eq!(renamed(RenameMode::Both, &[&temporary, "A.age"]), None);
        assert_eq!(renamed(RenameMode::From, &["A.age"]), of("A"));
        assert_eq!(renamed(RenameMode::To, &["B.age"]), of("B"));
        assert_eq!(renamed(RenameMode::Both, &["A.age", "B.age"]), None);
    }

    #[test]
    fn what_may_change_a_file_is_reported_and_what_reads_it_is_not() {
        let vault = Path::new("/vault");
        let of =
            |kind, name: &str| change_of(vault, Ok(Event::new(kind).add_path(vault.join(name))));
        let closed = |mode| EventKind::Access(AccessKind::Close(mode));
        let of_a = Some(VaultChange::Names(vec!["A".parse().expect("a name")]));
        for kind in [
            EventKind::Create(CreateKind::File),
            EventKind::Remove(RemoveKind::File),
            closed(AccessMode::Write),
        ] {
            assert_eq!(of(kind, "A.age"), of_a);
            assert_eq!(of(kind, ".deleted/A.age"), of_a);
            assert_eq!(of(kind, ".members/2"), Some(VaultChange::Members));
            assert_eq!(of(kind, ".deleted"), Some(VaultChange::Unknown));
            assert_eq!(of(kind, "README"), None);
            assert_eq!(of(kind, ""), Some(VaultChange::Directory));
        }
        assert_eq!(of(closed(AccessMode::Read), "A.age"), None);
    }
}
