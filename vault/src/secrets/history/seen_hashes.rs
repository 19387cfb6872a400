//! The hashes of the newest files that were seen in a vault, in little memory.

use std::cmp::Reverse;

use fluvio_secret_protocol::{RecordKind, SecretName};
use fluvio_secret_system::hash::fnv_1a;

use crate::members::content_hash::ContentHash;
use crate::revisions::revision::kind_of;

/// The hashes of the newest files of each kind that were seen, by their names and stamps.
#[derive(Debug, Default)]
pub(crate) struct SeenHashes {
    /// The hash of a secret's name, the stamp of a file, and the hash of its content; in order.
    files: Vec<(u64, u64, ContentHash)>,
}

impl SeenHashes {
    /// Adds those of a group of names, which are the lines of its file.
    pub(crate) fn add_group(&mut self, text: &str) {
        self.files.extend(newest_hashes(text));
    }

    /// In order, so that they can be found.
    pub(crate) fn sorted(mut self) -> Self {
        self.files.sort_unstable();
        self
    }

    /// The content of a secret's file that has this stamp.
    pub(crate) fn find(&self, name: &SecretName, stamp: u64) -> Option<ContentHash> {
        let key = (fnv_1a(name.as_str().as_bytes()), stamp);
        let at = self.files.binary_search_by_key(&key, |&(name, stamp, _)| (name, stamp)).ok()?;
        Some(self.files[at].2)
    }
}

/// What [`SeenHashes`] has of a group: the files with the highest counter of each secret and kind.
fn newest_hashes(text: &str) -> Vec<(u64, u64, ContentHash)> {
    let mut found: Vec<_> = text.lines().filter_map(SeenHash::parse).collect();
    found.sort_unstable_by_key(|one| (one.name, one.kind, Reverse(one.counter)));
    let same = |one: &SeenHash, other: &SeenHash| (one.name, one.kind) == (other.name, other.kind);
    let newest = found
        .chunk_by(same)
        .flat_map(|chunk| chunk.iter().take_while(|one| one.counter == chunk[0].counter));
    newest.map(|one| (one.name, one.stamp, one.file)).collect()
}

/// What is needed of a line for the newest hashes. The other fields are not read, because there are many lines.
struct SeenHash {
    name: u64,
    kind: RecordKind,
    counter: u64,
    file: ContentHash,
    stamp: u64,
}

impl SeenHash {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ');
        let name = fnv_1a(fields.next()?.as_bytes());
        let (kind, counter) = (kind_of(fields.next()?)?, fields.next()?.parse().ok()?);
        let file = fields.nth(3).and_then(ContentHash::parse)?;
        let stamp = fields.next().filter(|stamp| stamp.len() == 16)?;
        Some(Self { name, kind, counter, file, stamp: u64::from_str_radix(stamp, 16).ok()? })
    }
}
