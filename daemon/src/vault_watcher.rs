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
use fluvio_secret_vault::name_of;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

const VAULT_POLL_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) enum VaultChange {
    /// These secrets.
    Names(Vec<SecretName>),
    /// Any secret.
    Unknown,
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
                        VaultChange::Unknown
                    }
                    Ok(None) | Err(RecvTimeoutError::Disconnected) => return,
                };
                if matches!(change, VaultChange::Directory) {
                    // The watch is on the directory that was here; another one may have its path.
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
        watcher.watch(directory, RecursiveMode::NonRecursive).map(|()| watcher)
    });
    watcher.inspect_err(|error| tracing::debug!("cannot watch the vault's directory: {error}")).ok()
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
        _ => {}
    }
    if event.paths.iter().any(|path| path == directory) {
        return Some(VaultChange::Directory);
    }
    let name = |path: &PathBuf| name_of(path.file_name()?.to_str()?);
    let names: Vec<_> = event.paths.iter().filter_map(name).collect();
    if names.is_empty() { None } else { Some(VaultChange::Names(names)) }
}
