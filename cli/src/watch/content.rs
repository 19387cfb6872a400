//! The contents of the watched files. A change of dates alone does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::limits;
use fluvio_secret_system::file_id::FileId;
use fluvio_secret_system::regular::{self, Links};
use ignore::WalkBuilder;
use zeroize::Zeroizing;

/// A missing or empty file is often about to be written. For this time its old content counts.
const DOUBT_LASTS: Duration = Duration::from_millis(500);

/// In this time a file may get another content and keep its dates. Some file systems keep whole seconds, FAT
/// every other one.
const SETTLES: Duration = Duration::from_secs(2);
/// A file of this age by our clock is settled by the clock of any file system.
const SETTLED_AGE: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Content {
    Empty,
    /// A file with more bytes than a configuration may have. It is known by its dates and its size.
    Large(FileId),
    Some(u64),
    Unreadable,
}

/// The contents of all watched files. One that is not there is not in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Contents(BTreeMap<PathBuf, Content>);

/// Reads contents, each file only when it may have another one.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    known: BTreeMap<PathBuf, KnownFile>,
}

#[derive(Clone, Copy, Debug)]
struct KnownFile {
    id: FileId,
    content: Content,
    /// Since when it has this id, as far as we have seen.
    since: Instant,
    /// Whether another content would have given it another id.
    is_settled: bool,
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
    /// Reads the current contents of files, and of directories with all that is in them.
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
            let Ok(found) = found else {
                contents.insert(path, Content::Unreadable);
                continue;
            };
            let id = FileId::from(&found);
            let is_old = id.is_older_than(SETTLED_AGE);
            let now = KnownFile::now(self.known.get(&path), id, is_old, Instant::now(), || {
                content(&path)
            });
            contents.insert(path.clone(), now.content);
            known.insert(path, now);
        }
        self.known = known;
        Contents(contents)
    }

    /// When to read again what may since have another content with the same dates.
    pub(crate) fn due(&self) -> Option<Instant> {
        let unsettled = self.known.values().filter(|known| !known.is_settled);
        unsettled.map(|known| known.since + SETTLES).min()
    }
}

impl KnownFile {
    /// What a file is at a time, at which it was seen to have this id.
    fn now(
        before: Option<&Self>,
        id: FileId,
        is_old: bool,
        at: Instant,
        read: impl FnOnce() -> Content,
    ) -> Self {
        let before = before.filter(|before| before.id == id);
        if let Some(before) = before
            && before.is_settled
        {
            return *before;
        }
        let since = before.map_or(at, |before| before.since);
        // By our own clock, which need not be the file system's.
        let is_settled = is_old || at.duration_since(since) >= SETTLES;
        Self { id, content: read(), since, is_settled }
    }
}

impl Contents {
    /// Forgets a file, which is a change at the next comparison.
    pub(crate) fn forget(&mut self, path: &Path) {
        self.0.remove(path);
    }

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
                if at.duration_since(since) < DOUBT_LASTS {
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

impl Changes {
    pub(crate) fn is_nothing(&self) -> bool {
        self.changed.is_empty() && !self.unsure
    }
}

impl Doubts {
    pub(crate) fn due(&self) -> Option<Instant> {
        self.0.values().min().map(|since| *since + DOUBT_LASTS)
    }
}

/// Whether a name is that of a file which editors and other programs make beside the one they write.
pub(crate) fn is_ignored(name: &[u8]) -> bool {
    // vim makes a file called 4913 to check whether a directory is writable.
    name.starts_with(b".") || name.ends_with(b"~") || name == b"4913"
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) {
    // A file that was named counts, whatever any .gitignore says.
    if !path.is_dir() {
        files.insert(path.to_owned());
        return;
    }
    let mut found = walk(path, true);
    // The directory was named, so rules above it that leave out all of it do not count.
    if found.is_empty() {
        found = walk(path, false);
    }
    files.extend(found);
}

/// The files below a directory that git would not ignore. With `parents`, the rules of the directories above
/// it count, too, up to the work tree's own.
fn walk(directory: &Path, parents: bool) -> Vec<PathBuf> {
    let mut walk = WalkBuilder::new(directory);
    // The rules are those that travel with the project, and no others.
    walk.parents(parents).ignore(false).git_global(false);
    walk.filter_entry(|entry| entry.depth() == 0 || !is_ignored(entry.file_name().as_bytes()));
    // A directory that cannot be read has nothing in it for us.
    let entries = walk.build().flatten();
    let files = entries.filter(|entry| match entry.file_type() {
        // A link to a directory may lead round in a circle.
        Some(kind) if kind.is_symlink() => !entry.path().is_dir(),
        Some(kind) => !kind.is_dir(),
        None => false,
    });
    files.map(ignore::DirEntry::into_path).collect()
}

fn content(path: &Path) -> Content {
    hash(path).unwrap_or(Content::Unreadable)
}

/// Reads no more than a configuration may have: nothing can stop this program while it reads. A FIFO or a device is
/// an error, and not waited for.
fn hash(path: &Path) -> io::Result<Content> {
    let (file, found) = regular::open(OpenOptions::new().read(true), path, Links::Follow)?;
    let most = limits::CONFIG_BYTES;
    let large = Content::Large(FileId::from(&found));
    let Some(size) = usize::try_from(found.len()).ok().filter(|size| *size <= most) else {
        return Ok(large);
    };
    // A byte more than the file has, so that its end is read without growing. People write values into the file.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + 1));
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Ok(large);
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    Ok(if bytes.is_empty() { Content::Empty } else { Content::Some(hasher.finish()) })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::Instant;

    use fluvio_secret_protocol::limits;
    use fluvio_secret_system::file_id::FileId;

    use super::{Content, Contents, DOUBT_LASTS, Doubts, KnownFile, Reader, SETTLES};

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
    fn what_is_larger_than_a_configuration_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let file = File::create(&path).expect("a file");
        // To read that takes minutes, even if it has no block on the disk.
        file.set_len(1 << 40).expect("a large file");
        let paths = [path.clone()];
        let mut reader = Reader::default();
        let before = reader.read(&paths);
        assert_eq!(reader.read(&paths), before);
        file.set_len((1 << 40) + 1).expect("a large file");
        let now = reader.read(&paths);
        let changes = before.changes(&now, &mut Doubts::default(), Instant::now());
        assert_eq!(changes.changed, [path]);
        file.set_len(limits::CONFIG_BYTES as u64).expect("a small file");
        let content = reader.read(&paths).0.into_values().next();
        assert!(matches!(content, Some(Content::Some(_))), "{content:?}");
    }

    #[test]
    fn rules_of_gitignore_hold_for_what_is_found_and_not_for_what_was_named() {
        let tree = tempfile::tempdir().expect("a directory");
        let at = |path: &str| tree.path().join(path);
        for directory in [".git", "src/deep", "src/target", "out", "linked"] {
            fs::create_dir_all(at(directory)).expect("a directory");
        }
        fs::write(at(".gitignore"), "*.log\ntarget/\n/out/*\n").expect("a file");
        fs::write(at("src/.gitignore"), "!kept.log\n").expect("a file");
        let files = [
            "src/main.rs",
            "src/a.log",
            "src/deep/b.log",
            "src/deep/kept.log",
            "src/deep/c~",
            "src/.hidden",
            "src/target/made",
            "out/result",
        ];
        for file in files {
            fs::write(at(file), "x").expect("a file");
        }
        std::os::unix::fs::symlink(at("src"), at("linked/src")).expect("a link");
        let found = |paths: &[&str]| {
            let paths: Vec<_> = paths.iter().map(|path| at(path)).collect();
            Reader::default().read(&paths).0.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(found(&["src"]), [at("src/deep/kept.log"), at("src/main.rs")]);
        assert_eq!(found(&["src/a.log"]), [at("src/a.log")], "it was named");
        assert_eq!(found(&["out"]), [at("out/result")], "the directory was named");
        assert_eq!(found(&["src/target"]), [at("src/target/made")], "the directory was named");
        let through_a_link = [at("linked/src/deep/kept.log"), at("linked/src/main.rs")];
        assert_eq!(found(&["linked/src"]), through_a_link);
        assert!(found(&["linked"]).is_empty(), "a link that was found is not followed");
        // Without a work tree of git's a .gitignore means nothing.
        fs::remove_dir(at(".git")).expect("removed");
        assert!(found(&["src"]).contains(&at("src/a.log")));
    }

    #[test]
    fn equal_dates_are_believed_when_they_are_old_enough() {
        let id = |path: &str| FileId::from(&fs::metadata(path).expect("a file"));
        let (id, other_id) = (id("/proc/self"), id("/proc"));
        let at = Instant::now();
        let read = |content| move || Content::Some(content);
        let first = KnownFile::now(None, id, false, at, read(1));
        let soon = at + SETTLES / 2;
        let second = KnownFile::now(Some(&first), id, false, soon, read(2));
        assert_eq!(second.content, Content::Some(2), "saved twice in one second");
        let third = KnownFile::now(Some(&second), id, false, at + SETTLES, read(3));
        assert_eq!(third.content, Content::Some(3));
        let unread = || panic!("it is read again");
        let last = KnownFile::now(Some(&third), id, false, at + SETTLES, unread);
        assert_eq!(last.content, Content::Some(3));
        let old = KnownFile::now(None, id, true, at, read(1));
        assert_eq!(KnownFile::now(Some(&old), id, true, at, unread).content, Content::Some(1));
        let other = KnownFile::now(Some(&last), other_id, false, at + SETTLES, read(4));
        assert_eq!((other.content, other.is_settled), (Content::Some(4), false));
    }

    #[test]
    fn what_was_just_written_is_read_again_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("c.yaml");
        fs::write(&file, "a").expect("a file");
        let (mut reader, before) = (Reader::default(), Instant::now());
        reader.read(std::slice::from_ref(&file));
        assert!(reader.due().is_some_and(|due| due >= before + SETTLES));
        reader.known.values_mut().for_each(|known| known.since -= SETTLES);
        reader.read(std::slice::from_ref(&file));
        assert_eq!(reader.due(), None);
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
            assert_eq!(doubts.due(), Some(at + DOUBT_LASTS));
            let changes = before.changes(&now, &mut doubts, at + DOUBT_LASTS);
            assert!(!changes.unsure && changes.changed == [file.clone()]);
        }
        let none = reader.read(&paths);
        assert_eq!(none, Contents::default());
    }
}
