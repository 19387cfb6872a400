//! What this machine knows of the files in a vault: the highest revision of each secret that it has seen, and in which
//! file it was.
//!
//! By this, a change gets a higher revision while the vault is locked, and an older file in its place is noticed. It is
//! beside the history, in `.seen`: one file for each of 256 groups of names, so that little is read in a large vault.
//! A line is appended for each file that is written or verified; the highest one of a name and a kind counts.
//!
//! ```text
//! AUTH_HEADER value 3 34750f98bd59fcfc946da45aaabe933b 1795992610 1 5d20…(64 digits) 9f3c…(16 digits)
//! ```
//!
//! Nothing waits for the disk: what a power cut takes is learned again when the file is decrypted.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use fluvio_secret_protocol::{RecordKind, SecretName};
use fluvio_secret_system::hash::fnv_1a;

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::members::content_hash::ContentHash;
use crate::revisions::revision::Revision;
use crate::secrets::history::directory::{HistoryDirectory, SEEN};
use crate::secrets::history::seen_hashes::SeenHashes;
use crate::secrets::history::seen_lines::{
    SeenFile, files_in, line_of, lines_of, lines_of_all, parse,
};
use crate::whole_file::WrittenFile;

/// The largest file that is read: 100,000 lines. A larger one counts as empty.
const GROUP_BYTES: u64 = 32 << 20;
/// How many lines of a secret a file may have before it is shortened.
const OLD_LINES: usize = 32;

/// What is known of all secrets.
#[derive(Debug)]
pub(crate) struct SeenRevisions {
    history: Arc<HistoryDirectory>,
    /// Locked while a file is changed.
    changing: Mutex<()>,
}

/// What is known of one secret: at most one file of each kind.
#[derive(Debug, Default)]
pub(crate) struct SeenSecret {
    files: BTreeMap<RecordKind, SeenFile>,
}

/// A current version that was seen, in little memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenStamp {
    /// The hash of the secret's name.
    pub(crate) name: u64,
    pub(crate) counter: u64,
    pub(crate) stamp: u64,
    /// When it was set, in seconds since 1970.
    pub(crate) set_at: i64,
}

impl SeenSecret {
    /// The highest revision that was seen.
    pub(crate) fn highest(&self) -> Option<&Revision> {
        self.files.values().map(|file| &file.revision).max()
    }

    /// The newest purge that was seen.
    pub(crate) fn purge(&self) -> Option<&Revision> {
        self.files.get(&RecordKind::Purged).map(|file| &file.revision)
    }

    /// The content of the last value, if the next change was the deletion of the secret.
    pub(crate) fn deleted_value(&self) -> Option<ContentHash> {
        let of = |kind| self.files.get(&kind).map(|file| &file.revision);
        let (value, deleted) = (of(RecordKind::Value)?, of(RecordKind::Deleted)?);
        (deleted.counter == value.counter.checked_add(1)?).then_some(value.file)
    }

    /// The content of the file with this stamp.
    pub(crate) fn content(&self, stamp: u64) -> Option<ContentHash> {
        let found = self.files.values().find(|file| file.stamp == stamp);
        found.map(|file| file.revision.file)
    }

    /// The file of a kind, if it has this content.
    pub(crate) fn find(&self, kind: RecordKind, content: ContentHash) -> Option<&SeenFile> {
        self.files.get(&kind).filter(|file| file.revision.file == content)
    }
}

impl SeenRevisions {
    pub(crate) fn beside(history: Arc<HistoryDirectory>) -> Self {
        Self { history, changing: Mutex::default() }
    }

    /// What is known of a secret. A failure is logged: then nothing is.
    pub(crate) fn of(&self, name: &SecretName) -> SeenSecret {
        self.of_all(slice::from_ref(name)).pop().unwrap_or_default()
    }

    /// The same of several secrets. The file of a group is read once for those that follow each other.
    pub(crate) fn of_all(&self, names: &[SecretName]) -> Vec<SeenSecret> {
        let mut found = Vec::with_capacity(names.len());
        let read = self.directory().and_then(|seen| {
            for names in names.chunk_by(|one, other| one.group() == other.group()) {
                self.read_group(&seen, names, &mut found)?;
            }
            Ok(())
        });
        if let Err(error) = read {
            self.warn("read", &error);
            found.resize_with(names.len(), SeenSecret::default);
        }
        found
    }

    /// Adds what is known of secrets of one group.
    fn read_group(
        &self,
        seen: &DurableDirectory,
        names: &[SecretName],
        found: &mut Vec<SeenSecret>,
    ) -> io::Result<()> {
        let Some(first) = names.first() else { return Ok(()) };
        let group = group_of(first);
        let text = read_bytes(seen, &group)?;
        let lines = match names {
            [name] => vec![lines_of(name, &text)],
            _ => lines_of_all(names, &text),
        };
        let is_long = lines.iter().any(|lines| lines.len() > OLD_LINES);
        for lines in lines {
            let files = files_in(lines.into_iter()).into_iter();
            found.push(SeenSecret { files: files.map(|((_, kind), file)| (kind, file)).collect() });
        }
        if is_long { self.shorten(seen, &group) } else { Ok(()) }
    }

    /// The current versions of all secrets, in the order of the hashes of their names, the highest first.
    /// Also earlier ones.
    pub(crate) fn stamps(&self) -> Vec<SeenStamp> {
        let all = self.directory().and_then(|seen| {
            let mut stamps = Vec::new();
            for group in seen.names()? {
                stamps.extend(read(&seen, &group?)?.lines().filter_map(SeenStamp::parse));
            }
            stamps.sort_unstable_by_key(|seen: &SeenStamp| (seen.name, Reverse(seen.counter)));
            Ok(stamps)
        });
        all.unwrap_or_else(|error| {
            self.warn("read", &error);
            Vec::new()
        })
    }

    /// The hashes of the newest file of each secret and kind. If that fails, each file has to be read.
    pub(crate) fn hashes(&self) -> SeenHashes {
        let all = self.directory().and_then(|seen| {
            let mut hashes = SeenHashes::default();
            for group in seen.names()? {
                hashes.add_group(&read(&seen, &group?)?);
            }
            Ok(hashes.sorted())
        });
        all.unwrap_or_else(|error| {
            self.warn("read", &error);
            SeenHashes::default()
        })
    }

    /// Remembers files that were written or verified. A failure is logged: they are learned again.
    pub(crate) fn learn(&self, files: &[(SecretName, SeenFile)]) {
        let mut groups: BTreeMap<String, String> = BTreeMap::new();
        for (name, file) in files {
            *groups.entry(group_of(name)).or_default() += &line_of(name.as_str(), file);
        }
        let learned = self.directory().and_then(|known| {
            let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            groups.iter().try_for_each(|(group, lines)| known.append(group, lines.as_bytes()))
        });
        if let Err(error) = learned {
            self.warn("write", &error);
        }
    }

    /// Forgets the files of a secret that do not count. A failure is logged: then they do.
    pub(crate) fn retain(&self, name: &SecretName, counts: impl Fn(&Revision) -> bool) {
        let is_kept = |line: &&str| {
            let other = parse(line).filter(|(of, _)| *of == name.as_str());
            other.is_none_or(|(_, file)| counts(&file.revision))
        };
        let retained = self.directory().and_then(|seen| {
            let group = group_of(name);
            if lines_of(name, &read_bytes(&seen, &group)?).iter().all(is_kept) {
                return Ok(());
            }
            let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            let text = read(&seen, &group)?;
            let kept: String = text.lines().filter(is_kept).flat_map(|line| [line, "\n"]).collect();
            WrittenFile::write(&seen, &group, kept.as_bytes(), None)?.rename_unsynced()
        });
        if let Err(error) = retained {
            self.warn("write", &error);
        }
    }

    /// Keeps only the lines that count.
    fn shorten(&self, known: &DurableDirectory, group: &str) -> io::Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = files_in(read(known, group)?.lines());
        let text: String = lines.iter().map(|((name, _), file)| line_of(name, file)).collect();
        WrittenFile::write(known, group, text.as_bytes(), None)?.rename_unsynced()
    }

    fn directory(&self) -> io::Result<DurableDirectory> {
        self.history.open()?.find_or_make(SEEN)
    }

    fn warn(&self, what: &str, error: &io::Error) {
        let path = self.history.path().join(SEEN);
        tracing::warn!("cannot {what} the known revisions in {}: {error}", path.display());
    }
}

/// The text of a group.
fn read(seen: &DurableDirectory, group: &str) -> io::Result<String> {
    read_bytes(seen, group).map(|text| String::from_utf8_lossy(&text).into_owned())
}

fn read_bytes(seen: &DurableDirectory, group: &str) -> io::Result<Vec<u8>> {
    match seen.read(group, GROUP_BYTES) {
        Ok(text) => Ok(text),
        Err(ReadError::Io(error)) => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

impl SeenStamp {
    /// `None` for a line about a mark, and for a cut line.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ');
        let (name, kind) = (fields.next()?, fields.next()?);
        let counter = fields.next()?.parse().ok()?;
        let set_at = fields.nth(1)?.parse().ok()?;
        let stamp = fields.nth(2).filter(|stamp| stamp.len() == 16)?;
        let stamp = u64::from_str_radix(stamp, 16).ok()?;
        (kind == "value").then(|| Self { name: fnv_1a(name.as_bytes()), counter, stamp, set_at })
    }
}

fn group_of(name: &SecretName) -> String {
    format!("{:02x}", name.group())
}

#[cfg(test)]
mod tests {

    use fluvio_secret_protocol::{RecordKind, SecretName};

    use std::fs;

    use super::{SeenFile, SeenRevisions, group_of};
    use crate::members::content_hash::ContentHash;
    use crate::members::signing_key::KeyFingerprint;
    use crate::revisions::revision::Revision;
    use crate::tests::{Home, name};

    fn file(counter: u64, kind: RecordKind) -> SeenFile {
        let revision = Revision {
            counter,
            author: KeyFingerprint::parse(&"0a".repeat(16)).expect("a fingerprint"),
            set_at: "2026-11-23T22:50:00Z".parse().expect("a time"),
            kind,
            members: 1,
            file: ContentHash::of(&counter.to_le_bytes()),
        };
        SeenFile { revision, stamp: counter << 60 | 1 }
    }

    fn learn(known: &SeenRevisions, secret: &str, file: SeenFile) {
        known.learn(&[(name(secret), file)]);
    }

    #[test]
    fn what_was_learned_is_known_and_the_last_of_each_kind_counts() {
        let home = Home::new();
        let vault = home.open().expect("a vault");
        let known = vault.secrets().seen();
        assert!(known.of(&name("A")).highest().is_none());
        for (counter, kind) in
            [(1, RecordKind::Value), (2, RecordKind::Value), (3, RecordKind::Purged)]
        {
            learn(known, "A", file(counter, kind));
        }
        let of_a = known.of(&name("A"));
        assert_eq!(of_a.highest(), Some(&file(3, RecordKind::Purged).revision));
        let found = |counter: u64| {
            let content = ContentHash::of(&counter.to_le_bytes());
            of_a.find(RecordKind::Value, content).copied()
        };
        assert_eq!((found(1), found(2)), (None, Some(file(2, RecordKind::Value))));
        assert!(known.of(&name("B")).highest().is_none());
        let stamps: Vec<_> = known.stamps().iter().map(|seen| seen.counter).collect();
        assert_eq!(stamps, [2, 1], "the highest first");
    }

    #[test]
    fn several_secrets_are_known_in_their_order() {
        let home = Home::new();
        let vault = home.open().expect("a vault");
        let known = vault.secrets().seen();
        let secrets: Vec<_> = (1..600).map(|number| name(&format!("S{number}"))).collect();
        for (secret, counter) in secrets.iter().zip(1..) {
            learn(known, secret.as_str(), file(counter, RecordKind::Value));
        }
        let mut grouped = secrets.clone();
        grouped.sort_by_key(SecretName::group);
        assert!(
            grouped.chunk_by(|one, other| one.group() == other.group()).any(|some| some.len() > 2)
        );
        grouped.push(name("NEVER"));
        for names in [secrets, grouped] {
            let all = known.of_all(&names);
            assert_eq!(all.len(), names.len());
            for (name, seen) in names.iter().zip(all) {
                let counter = name.as_str().trim_start_matches('S').parse::<u64>().ok();
                assert_eq!(seen.highest().map(|one| one.counter), counter, "{name}");
            }
        }
    }

    #[test]
    fn lines_that_are_no_use_are_skipped_and_removed_in_time() {
        let home = Home::new();
        let vault = home.open().expect("a vault");
        let known = vault.secrets().seen();
        assert_eq!(known.stamps().len(), 0);
        for counter in 1..200 {
            learn(known, "A", file(counter, RecordKind::Value));
        }
        let path = home.history_path().join(".seen").join(group_of(&name("A")));
        let lines = || fs::read_to_string(&path).expect("a file").lines().count();
        assert_eq!(lines(), 199);
        assert_eq!(known.of(&name("A")).highest(), Some(&file(199, RecordKind::Value).revision));
        assert_eq!(lines(), 1);
        let cut = "A value 200 0a0a\nx\n\u{fffd}\n".to_owned();
        fs::write(&path, fs::read_to_string(&path).expect("a file") + &cut).expect("written");
        assert_eq!(known.of(&name("A")).highest(), Some(&file(199, RecordKind::Value).revision));
    }
}
