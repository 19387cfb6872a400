//! The lines of a file with what this machine knows of the secrets of a group.

use std::collections::BTreeMap;

use fluvio_secret_protocol::{RecordKind, SecretName};
use jiff::Timestamp;
use memchr::{memchr, memmem};

use crate::members::content_hash::ContentHash;
use crate::members::signing_key::KeyFingerprint;
use crate::revisions::revision::{LARGEST_COUNTER, Revision, kind_of, word_of};

/// A file that was written or verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SeenFile {
    pub(crate) revision: Revision,
    /// That of the file's state, by which it is recognized without being read.
    pub(crate) stamp: u64,
}

/// The known files of one group of names.
pub(super) type Group = BTreeMap<(String, RecordKind), SeenFile>;

/// The lines of a secret. They are searched for: in a large vault, hundreds of other secrets are in the file.
pub(super) fn lines_of<'a>(name: &SecretName, text: &'a [u8]) -> Vec<&'a str> {
    let beginning = format!("{name} ");
    let found = memmem::find_iter(text, &beginning);
    let begins_line = |&at: &usize| at == 0 || text[at - 1] == b'\n';
    let line = |at: usize| str::from_utf8(text[at..].split(|&byte| byte == b'\n').next()?).ok();
    found.filter(begins_line).filter_map(line).collect()
}

/// The same of several secrets, which are found in one pass.
pub(super) fn lines_of_all<'a>(names: &[SecretName], text: &'a [u8]) -> Vec<Vec<&'a str>> {
    let places: BTreeMap<_, _> =
        names.iter().map(|name| name.as_str().as_bytes()).zip(0..).collect();
    let mut found = vec![Vec::new(); names.len()];
    for line in text.split(|&byte| byte == b'\n') {
        let name = memchr(b' ', line).map(|end| &line[..end]);
        let place = name.and_then(|name| places.get(name));
        if let (Some(&place), Ok(line)) = (place, str::from_utf8(line)) {
            let lines: &mut Vec<_> = &mut found[place];
            lines.push(line);
        }
    }
    found
}

/// The files that count.
pub(super) fn files_in<'a>(lines: impl Iterator<Item = &'a str>) -> Group {
    let mut files = Group::new();
    // A power cut may have cut a line.
    for (name, file) in lines.filter_map(parse) {
        // One that was encrypted again although it is older does not count.
        let is_later = |before: &SeenFile| {
            let (before, now) = (before.revision, file.revision);
            now >= before || now.is_same_change(&before)
        };
        let key = (name.to_owned(), file.revision.kind);
        if files.get(&key).is_none_or(is_later) {
            files.insert(key, file);
        }
    }
    files
}

pub(super) fn line_of(name: &str, SeenFile { revision, stamp }: &SeenFile) -> String {
    let Revision { counter, author, set_at, kind, members, file } = revision;
    let (kind, set_at) = (word_of(*kind), set_at.as_second());
    format!("{name} {kind} {counter} {author} {set_at} {members} {file} {stamp:016x}\n")
}

pub(super) fn parse(line: &str) -> Option<(&str, SeenFile)> {
    let fields: Vec<_> = line.split(' ').collect();
    let [name, kind, counter, author, set_at, members, file, stamp] = fields[..] else {
        return None;
    };
    let revision = Revision {
        counter: counter.parse().ok().filter(|counter| *counter <= LARGEST_COUNTER)?,
        author: KeyFingerprint::parse(author)?,
        set_at: Timestamp::from_second(set_at.parse().ok()?).ok()?,
        kind: kind_of(kind)?,
        members: members.parse().ok()?,
        file: ContentHash::parse(file)?,
    };
    let stamp = u64::from_str_radix(stamp, 16).ok().filter(|_| stamp.len() == 16)?;
    Some((name, SeenFile { revision, stamp }))
}

#[cfg(test)]
mod tests {
    use super::{lines_of, lines_of_all};
    use crate::tests::name;

    #[test]
    fn the_lines_of_a_secret_are_found_among_others() {
        let text = b"A 1\nAA 2\nA A 3\nBA 4\n\nA \xff\nA 5\nB A 6\nA ";
        assert_eq!(lines_of(&name("A"), text), ["A 1", "A A 3", "A 5", "A "]);
        assert_eq!(lines_of(&name("AA"), text), ["AA 2"]);
        assert_eq!(lines_of(&name("C"), text), [""; 0]);
        let names = ["AA", "C", "A", "B"].map(name);
        let of_each = names.iter().map(|name| lines_of(name, text)).collect::<Vec<_>>();
        assert_eq!(lines_of_all(&names, text), of_each);
        assert_eq!(lines_of(&name("A"), b""), [""; 0]);
    }
}
