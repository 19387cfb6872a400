//! Recognizes a file: whether it is the same one, and whether it was written.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::Stat;

use crate::hash::fnv_1a;

/// Which file it is, whatever its name and content: its device and its number there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Inode {
    device: u64,
    number: u64,
}

/// Which file it is, and its state: a write changes it. The date of modification can be set back, but
/// the kernel then changes the other one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileId {
    inode: Inode,
    size: u64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl FileId {
    /// The file, without its state.
    pub fn inode(&self) -> Inode {
        self.inode
    }

    /// The number of its bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When it was modified, in seconds since 1970.
    pub fn modified(&self) -> i64 {
        self.modified.0
    }

    /// A hash of the file and its state, without its device, whose number another start of the system may change.
    pub fn stamp(&self) -> u64 {
        let Self { inode, size, modified, changed } = self;
        let dates = [modified.0.unsigned_abs(), modified.1, changed.0.unsigned_abs(), changed.1];
        let numbers = [[inode.number, *size].as_slice(), &dates].concat();
        fnv_1a(&numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
    }

    /// Whether both dates are at least this long ago.
    pub fn is_older_than(&self, age: Duration) -> bool {
        let seconds = u64::try_from(self.modified.0.max(self.changed.0)).unwrap_or(0);
        let since = SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_secs(seconds));
        since.is_ok_and(|since| since >= age)
    }
}

impl From<&Metadata> for Inode {
    fn from(found: &Metadata) -> Self {
        Self { device: found.dev(), number: found.ino() }
    }
}

impl From<&Stat> for Inode {
    fn from(found: &Stat) -> Self {
        Self { device: found.st_dev, number: found.st_ino }
    }
}

impl From<&Metadata> for FileId {
    fn from(found: &Metadata) -> Self {
        Self {
            inode: found.into(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec().unsigned_abs()),
            changed: (found.ctime(), found.ctime_nsec().unsigned_abs()),
        }
    }
}

impl From<&Stat> for FileId {
    fn from(found: &Stat) -> Self {
        Self {
            inode: found.into(),
            size: found.st_size.unsigned_abs(),
            modified: (found.st_mtime, found.st_mtime_nsec),
            changed: (found.st_ctime, found.st_ctime_nsec),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, FileTimes};
    use std::path::Path;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::FileId;

    fn id(path: &Path) -> FileId {
        FileId::from(&fs::metadata(path).expect("a file"))
    }

    fn set_date(path: &Path, date: SystemTime) {
        let file = File::options().write(true).open(path).expect("a file");
        file.set_times(FileTimes::new().set_modified(date)).expect("a date");
    }

    #[test]
    fn a_write_changes_the_id_even_if_the_date_is_set_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        fs::write(&path, "one").expect("a file");
        let before = id(&path);
        let date = fs::metadata(&path).and_then(|found| found.modified()).expect("a date");
        fs::write(&path, "two").expect("a file");
        set_date(&path, date);
        // The clock of a file system may be coarse.
        while id(&path) == before {
            set_date(&path, date);
        }
        assert_eq!(id(&path).inode(), before.inode());
        let other = directory.path().join("other");
        fs::write(&other, "one").expect("a file");
        assert_ne!(id(&other).inode(), before.inode());
    }

    #[test]
    fn both_forms_of_the_system_give_the_same_id() {
        let path = std::env::current_exe().expect("this program");
        let found = rustix::fs::stat(&path).expect("this program");
        assert_eq!(FileId::from(&found), id(&path));
    }

    #[test]
    fn a_file_is_old_when_both_dates_are() {
        const AGE: Duration = Duration::from_secs(600);
        let now = UNIX_EPOCH.elapsed().expect("a time");
        let is_old = |modified: Duration, changed: Duration| {
            let date = |date: Duration| (i64::try_from(date.as_secs()).expect("a date"), 0);
            let any = id(Path::new("/proc"));
            let dated = FileId { modified: date(modified), changed: date(changed), ..any };
            dated.is_older_than(AGE)
        };
        assert!(is_old(now - AGE, now - AGE));
        assert!(!is_old(now - AGE, now) && !is_old(now + AGE, now - AGE));
    }
}
