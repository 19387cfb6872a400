//! Notices that files may have changed. The one file of the command line that knows notify.
//!
//! Directories are watched, not files, and each only for the names that matter. If the system reports nothing
//! (network file systems, no watches left, a missing directory) the files are polled.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fluvio_secret_system::file_id::Inode;
use fluvio_secret_system::file_system;
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use rustix::io::Errno;

use super::content::is_ignored;
use super::debounce::Sign;
use super::path_chain::{Step, steps};

/// How often to read the files if the system reports no events.
pub(crate) const FILE_POLL_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Files {
    pub(super) paths: Vec<PathBuf>,
    watcher: Option<RecommendedWatcher>,
    /// The watched directories: whether with all below them, and their device and inode.
    watched: BTreeMap<PathBuf, (RecursiveMode, Inode)>,
    wanted: Arc<Mutex<Wanted>>,
    /// Why the files have to be polled, if so.
    pub(super) silent: Option<String>,
}

/// Which events are about our files.
#[derive(Debug, Default)]
struct Wanted {
    steps: BTreeSet<Step>,
    trees: Vec<PathBuf>,
}

impl Files {
    /// Watches absolute paths; `tell` is called on another thread.
    pub(crate) fn watch(paths: Vec<PathBuf>, tell: impl Fn(Sign) + Send + 'static) -> Self {
        let wanted = Arc::new(Mutex::new(Wanted::default()));
        let of_handler = wanted.clone();
        let handler = move |event: notify::Result<Event>| {
            if let Some(sign) = lock(&of_handler).sign(event) {
                tell(sign);
            }
        };
        let (watcher, silent) = match notify::recommended_watcher(handler) {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(why(&error))),
        };
        let mut files = Self { paths, watcher, watched: BTreeMap::new(), wanted, silent };
        files.follow();
        files
    }

    /// Watches the current paths of the files: links may have changed, directories moved.
    pub(crate) fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let mut steps_now = BTreeSet::new();
        let mut trees = Vec::new();
        // The last directory of each path, without which no event would arrive.
        let mut needed = BTreeSet::new();
        for path in &self.paths {
            let way = steps(path);
            needed.extend(way.last().map(|step| step.folder.clone()));
            steps_now.extend(way);
            if path.is_dir() {
                trees.extend(path.canonicalize());
            }
        }
        self.silent = self.paths.iter().find(|path| file_system::may_be_silent(path)).map(|path| {
            format!("{} is on a file system that does not report all changes", path.display())
        });
        let mut folders: BTreeMap<_, _> = steps_now
            .iter()
            .map(|step| (step.folder.clone(), RecursiveMode::NonRecursive))
            .collect();
        folders.extend(trees.iter().map(|tree| (tree.clone(), RecursiveMode::Recursive)));
        // Before the watches, so that no event is missed.
        *lock(&self.wanted) = Wanted { steps: steps_now, trees: trees.clone() };
        self.watched.retain(|path, was| {
            let stays = folders.get(path) == Some(&was.0) && id(path) == Some(was.1);
            if !stays {
                // The system may have forgotten it already.
                let _ = watcher.unwatch(path);
            }
            stays
        });
        for (path, mode) in folders {
            if self.watched.contains_key(&path) {
                continue;
            }
            match (id(&path), watcher.watch(&path, mode)) {
                (Some(id), Ok(())) => {
                    self.watched.insert(path, (mode, id));
                }
                (_, Err(error))
                    if needed.contains(&path)
                        || trees.contains(&path)
                        || matches!(error.kind, ErrorKind::MaxFilesWatch) =>
                {
                    self.silent = Some(format!("{}: {}", path.display(), why(&error)));
                }
                // A directory above that we may not read.
                _ => {}
            }
        }
    }
}

impl Wanted {
    /// What an event means for us, if anything.
    fn sign(&self, event: notify::Result<Event>) -> Option<Sign> {
        let event = match event {
            // Events were lost: everything may have changed.
            Ok(event) if event.need_rescan() => return Some(Sign::Whole),
            Err(_) => return Some(Sign::Over),
            Ok(event) => event,
        };
        let sign = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(_)) => Sign::Whole,
            // Ours, among others.
            EventKind::Access(_) => return None,
            EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_)) => {
                Sign::Writing
            }
            _ => Sign::Over,
        };
        event.paths.iter().any(|path| self.is_about(path)).then_some(sign)
    }

    fn is_about(&self, path: &Path) -> bool {
        let is_step = || {
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
                return false;
            };
            self.steps.iter().any(|step| step.folder == folder && step.name == name)
        };
        let is_folder = || self.steps.iter().any(|step| step.folder == path);
        let is_in_tree = || {
            self.trees.iter().any(|tree| {
                path.strip_prefix(tree)
                    .is_ok_and(|inside| !inside.iter().any(|name| is_ignored(name.as_bytes())))
            })
        };
        is_step() || is_folder() || is_in_tree()
    }
}

fn lock(wanted: &Mutex<Wanted>) -> MutexGuard<'_, Wanted> {
    wanted.lock().unwrap_or_else(PoisonError::into_inner)
}

fn id(path: &Path) -> Option<Inode> {
    fs::metadata(path).ok().map(|found| Inode::from(&found))
}

fn why(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the system has no inotify watches left (see fs.inotify.max_user_watches)".to_owned()
        }
        ErrorKind::PathNotFound => "it does not exist".to_owned(),
        ErrorKind::Io(error) if Errno::from_io_error(error) == Some(Errno::MFILE) => {
            "the system has no inotify instances left (see fs.inotify.max_user_instances)"
                .to_owned()
        }
        ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}
