//! What is in the watched files: a change of dates alone is none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A file that is gone or empty is often about to be written. So long it counts as what it was.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a file has in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Content {
    Empty,
    /// Told from others by its hash.
    Some(u64),
    /// It cannot be read.
    Unreadable,
}

/// The contents of all watched files. One that is not there is not in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Contents(BTreeMap<PathBuf, Content>);

/// What tells a file that need not be read again: device, inode, size, and both of its dates.
type Stamp = [i64; 7];

/// Reads contents, each file only when it may have another one.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    known: BTreeMap<PathBuf, (Stamp, Content)>,
}

/// Files that are other than they were, and when to look again at those of which it is not sure.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) changed: Vec<PathBuf>,
    pub(crate) unsure: bool,
}

/// Since when which files are gone or empty that were not.
#[derive(Debug, Default)]
pub(crate) struct Doubts(BTreeMap<PathBuf, Instant>);

impl Reader {
    /// Reads what is there now: files, and folders with all that is in them.
    pub(crate) fn read(&mut self, paths: &[PathBuf]) -> Contents {
        let mut files = BTreeSet::new();
        for path in paths {
            collect(path, &mut files);
        }
        let mut contents = BTreeMap::new();
        let mut known = BTreeMap::new();
        for path in files {
            // Through links: what counts is what the connector will read.
            let found = fs::metadata(&path);
            if found.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                continue;
            }
            let stamp = found.ok().map(|found| stamp(&found));
            let before = self.known.get(&path).copied();
            let content = match (stamp, before) {
                (Some(stamp), Some((before, content))) if stamp == before => content,
                _ => content(&path),
            };
            if let Some(stamp) = stamp {
                known.insert(path.clone(), (stamp, content));
            }
            contents.insert(path, content);
        }
        self.known = known;
        Contents(contents)
    }
}

impl Contents {
    /// What changed from these to others. Files that went away or became empty are changed when that
    /// has lasted.
    pub(crate) fn changes(&self, now: &Self, doubts: &mut Doubts, at: Instant) -> Changes {
        let mut changes = Changes::default();
        let mut doubted = BTreeMap::new();
        let paths: BTreeSet<_> = self.0.keys().chain(now.0.keys()).collect();
        for path in paths {
            let (before, after) = (self.0.get(path), now.0.get(path));
            if before == after {
                continue;
            }
            // What was not there and is empty is no news either, until it is filled.
            if matches!(after, None | Some(Content::Empty)) {
                let since = doubts.0.get(path).copied().unwrap_or(at);
                if at.duration_since(since) < PATIENCE {
                    doubted.insert(path.clone(), since);
                    continue;
                }
            }
            changes.changed.push(path.clone());
        }
        changes.unsure = !doubted.is_empty();
        doubts.0 = doubted;
        changes
    }
}

impl Doubts {
    /// When to look again.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.0.values().min().map(|since| *since + PATIENCE)
    }
}

/// Whether a name is that of a file which editors and other programs make beside the one they write.
pub(crate) fn is_ignored(name: &[u8]) -> bool {
    // vim asks by a file of the second name whether a folder can be written to.
    name.starts_with(b".") || name.ends_with(b"~") || name == b"4913"
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) {
    if !path.is_dir() {
        files.insert(path.to_owned());
        return;
    }
    // A folder that cannot be read has nothing in it for us.
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if is_ignored(entry.file_name().as_bytes()) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), files),
            // A link to a folder may lead round in a circle.
            Ok(kind) if kind.is_symlink() && entry.path().is_dir() => {}
            Ok(_) => {
                files.insert(entry.path());
            }
            Err(_) => {}
        }
    }
}

fn stamp(found: &Metadata) -> Stamp {
    [
        found.dev().cast_signed(),
        found.ino().cast_signed(),
        found.size().cast_signed(),
        found.mtime(),
        found.mtime_nsec(),
        found.ctime(),
        found.ctime_nsec(),
    ]
}

fn content(path: &Path) -> Content {
    hash(path).unwrap_or(Content::Unreadable)
}

fn hash(path: &Path) -> io::Result<Content> {
    // Opening a FIFO would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Ok(Content::Unreadable);
    }
    let mut file = File::open(path)?;
    let (mut hasher, mut is_empty) = (DefaultHasher::new(), true);
    let mut bytes = vec![0; 64 << 10];
    loop {
        match file.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => {
                is_empty = false;
                hasher.write(&bytes[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(if is_empty { Content::Empty } else { Content::Some(hasher.finish()) })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::{Contents, Doubts, PATIENCE, Reader};

    #[test]
    fn what_has_the_same_content_has_not_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("c.yaml");
        fs::write(&file, "a").expect("a file");
        let paths = [file.clone(), folder.path().to_owned()];
        let mut reader = Reader::default();
        let before = reader.read(&paths);
        // Another file with another date.
        fs::remove_file(&file).expect("removed");
        fs::write(&file, "a").expect("a file");
        fs::write(folder.path().join(".c.yaml.swp"), "x").expect("a file");
        assert_eq!(reader.read(&paths), before);
        fs::write(&file, "b").expect("a file");
        let now = reader.read(&paths);
        let changes = before.changes(&now, &mut Doubts::default(), Instant::now());
        assert_eq!(changes.changed, [file]);
    }

    #[test]
    fn what_is_gone_or_empty_is_believed_when_it_lasts() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("c.yaml");
        fs::write(&file, "a").expect("a file");
        let paths = [file.clone()];
        let mut reader = Reader::default();
        let before = reader.read(&paths);
        let at = Instant::now();
        for step in [
            |file: &_| fs::write(file, "").expect("empty"),
            |file: &_| {
                fs::remove_file(file).expect("removed");
            },
        ] {
            let mut doubts = Doubts::default();
            step(&file);
            let now = reader.read(&paths);
            let changes = before.changes(&now, &mut doubts, at);
            assert!(changes.unsure && changes.changed.is_empty());
            assert_eq!(doubts.due(), Some(at + PATIENCE));
            let changes = before.changes(&now, &mut doubts, at + PATIENCE);
            assert!(!changes.unsure && changes.changed == [file.clone()]);
        }
        let none = reader.read(&paths);
        assert_eq!(none, Contents::default());
    }
}
