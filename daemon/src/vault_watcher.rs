//! Notices what others do to the files of the vault. The one file of the daemon that knows notify.
//!
//! Where the system does not tell it (network file systems, no watches left, the folder was moved
//! away) it looks now and then.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_system::file_system;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::subscribers::Subscribers;
use fluvio_secret_vault::name_of;

/// How often to look where nothing is told.
const LOOK: Duration = Duration::from_secs(1);

/// A thread that looks when it is told, and ends when this is dropped.
pub(crate) struct Outside {
    polled: Arc<AtomicBool>,
    _end: mpsc::Sender<Told>,
}

/// What the system tells.
enum Told {
    /// Something about these secrets.
    Names(Vec<SecretName>),
    /// It has lost count.
    All,
    /// The folder itself was moved or removed.
    Folder,
    /// Nothing more.
    End,
}

struct Looker {
    subscribers: Weak<Subscribers>,
    folder: PathBuf,
    told: mpsc::Sender<Told>,
    polled: Arc<AtomicBool>,
}

impl Outside {
    /// # Errors
    ///
    /// Those of the thread's start.
    pub(crate) fn watch(subscribers: &Arc<Subscribers>) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let polled = Arc::new(AtomicBool::new(false));
        let looker = Looker {
            subscribers: Arc::downgrade(subscribers),
            folder: subscribers.folder().to_owned(),
            told: sender.clone(),
            polled: polled.clone(),
        };
        let watcher = looker.watcher();
        polled.store(watcher.is_none(), Ordering::Relaxed);
        thread::Builder::new()
            .name("outside".to_owned())
            .spawn(move || looker.run(watcher, &receiver))?;
        Ok(Self { polled, _end: sender })
    }

    /// Whether changes from outside are looked for now and then.
    pub(crate) fn is_polled(&self) -> bool {
        self.polled.load(Ordering::Relaxed)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        // The looker has a sender of its own, so the channel does not end by itself.
        let _ = self._end.send(Told::End);
    }
}

impl Looker {
    fn run(self, mut watcher: Option<RecommendedWatcher>, told: &mpsc::Receiver<Told>) {
        loop {
            let next = match watcher {
                Some(_) => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
                None => told.recv_timeout(LOOK),
            };
            let Some(subscribers) = self.subscribers.upgrade() else { return };
            match next {
                Ok(Told::Names(names)) => subscribers.look(&names),
                Ok(Told::All) => subscribers.look_at_all(),
                Ok(Told::Folder) => {
                    // What is watched is the folder that was there; there may be another one.
                    watcher = None;
                    subscribers.warn_if_moved();
                    subscribers.look_at_all();
                }
                Err(RecvTimeoutError::Timeout) => {
                    watcher = self.watcher();
                    subscribers.look_at_all();
                }
                Ok(Told::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            self.polled.store(watcher.is_none(), Ordering::Relaxed);
        }
    }

    fn watcher(&self) -> Option<RecommendedWatcher> {
        if file_system::may_be_silent(&self.folder) {
            return None;
        }
        let (told, folder) = (self.told.clone(), self.folder.clone());
        let handler = move |event: notify::Result<Event>| {
            if let Some(news) = news(&folder, event) {
                // Who is not there any more needs no news.
                let _ = told.send(news);
            }
        };
        let watcher = notify::recommended_watcher(handler).and_then(|mut watcher| {
            watcher.watch(&self.folder, RecursiveMode::NonRecursive).map(|()| watcher)
        });
        watcher
            .inspect_err(|error| tracing::debug!("the vault's folder is not watched: {error}"))
            .ok()
    }
}

/// What an event says of the vault, if anything.
fn news(folder: &Path, event: notify::Result<Event>) -> Option<Told> {
    let event = match event {
        Ok(event) if event.need_rescan() => return Some(Told::All),
        Ok(event) => event,
        Err(_) => return Some(Told::All),
    };
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
        // Ours, among others, and what is followed by the end of the writing.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)) => {
            return None;
        }
        _ => {}
    }
    if event.paths.iter().any(|path| path == folder) {
        return Some(Told::Folder);
    }
    let name = |path: &PathBuf| name_of(path.file_name()?.to_str()?);
    let names: Vec<_> = event.paths.iter().filter_map(name).collect();
    if names.is_empty() { None } else { Some(Told::Names(names)) }
}
