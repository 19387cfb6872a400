//! The list of what `cdk` has deployed: a TOML file in the directory for temporary files.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fluvio_secret_system::regular::{self, Links};
use rustix::fs::{Access, access};

use crate::error::Unwritable;

/// Its name in that directory.
const CDK_INDEX: &str = "fluvio_cdk_deploy_index.toml";

/// More than any list has.
const MOST_INDEX_BYTES: u64 = 1 << 20;

/// What comes before a connector's name, at the beginning of a line.
const KEY: &str = "name = ";

/// Whether the list has a connector of this name: `cdk` would start the connector with its secrets, and
/// then lose it. A list that cannot be read counts as empty, as it does for `cdk`.
pub(super) fn has(connector: &str) -> bool {
    let index = read(&std::env::temp_dir().join(CDK_INDEX)).unwrap_or_default();
    names(&index).any(|name| name == connector)
}

/// The list, if `cdk` cannot write it. In a directory that users share, it may be another user's.
pub(super) fn unwritable() -> Option<Unwritable> {
    unwritable_at(&std::env::temp_dir().join(CDK_INDEX))
}

/// The list and its owner, if it is another user's.
pub(super) fn of_another_user() -> Option<(PathBuf, u32)> {
    let path = std::env::temp_dir().join(CDK_INDEX);
    Some((path.clone(), other_owner(&path)?))
}

fn unwritable_at(index: &Path) -> Option<Unwritable> {
    let (path, source) = match fs::metadata(index) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = index.parent()?;
            (directory, access(directory, Access::WRITE_OK | Access::EXEC_OK).err()?.into())
        }
        Err(error) => (index, error),
        // As cdk opens it: where users share a directory, the kernel may refuse exactly this (proc(5),
        // protected_regular).
        Ok(_) => {
            let opened =
                regular::open(OpenOptions::new().write(true).create(true), index, Links::Follow);
            (index, opened.err()?)
        }
    };
    Some(Unwritable { path: path.to_owned(), owner: other_owner(path), source })
}

fn other_owner(path: &Path) -> Option<u32> {
    let owner = fs::metadata(path).ok()?.uid();
    (owner != rustix::process::geteuid().as_raw()).then_some(owner)
}

/// Another user may have made what is there, so only a regular file is read, up to a limit.
fn read(path: &Path) -> io::Result<String> {
    let (file, _) = regular::open(OpenOptions::new().read(true), path, Links::Follow)?;
    let mut index = String::new();
    file.take(MOST_INDEX_BYTES).read_to_string(&mut index)?;
    Ok(index)
}

fn names(index: &str) -> impl Iterator<Item = String> {
    let is_first = |&(at, _): &(usize, &str)| at == 0 || index[..at].ends_with('\n');
    index
        .match_indices(KEY)
        .filter(is_first)
        .filter_map(|(at, key)| string(&index[at + key.len()..]))
}

/// The string of TOML that a text begins with, in any of its four forms (TOML 1.0, String).
fn string(text: &str) -> Option<String> {
    for delimiter in ["\"\"\"", "'''", "\"", "'"] {
        let Some(text) = text.strip_prefix(delimiter) else { continue };
        let text = match delimiter.len() {
            // A line end right after it is not part of the value.
            3 => text.strip_prefix('\n').unwrap_or(text),
            _ => text,
        };
        let is_literal = delimiter.starts_with('\'');
        return if is_literal { literal(text, delimiter) } else { basic(text, delimiter) };
    }
    None
}

fn literal(text: &str, delimiter: &str) -> Option<String> {
    Some(text[..end(text, delimiter)?].to_owned())
}

/// Where a string ends: its last quotes may belong to the value.
fn end(text: &str, delimiter: &str) -> Option<usize> {
    let found = text.find(delimiter)?;
    let quote = &delimiter[..1];
    let more = text[found + delimiter.len()..].split(|c: char| !quote.contains(c)).next()?;
    Some(found + if delimiter.len() == 3 { more.len() } else { 0 })
}

fn basic(text: &str, delimiter: &str) -> Option<String> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let stop = rest.find(['"', '\\'])?;
        value.push_str(&rest[..stop]);
        rest = &rest[stop..];
        if let Some(escape) = rest.strip_prefix('\\') {
            let (c, after) = unescaped(escape)?;
            value.push(c);
            rest = after;
        } else if rest.starts_with(delimiter) {
            value.push_str(&rest[..end(rest, delimiter)?]);
            return Some(value);
        } else {
            value.push('"');
            rest = &rest[1..];
        }
    }
}

/// The character of an escape, and what follows it.
fn unescaped(escape: &str) -> Option<(char, &str)> {
    let kind = escape.chars().next()?;
    let rest = &escape[kind.len_utf8()..];
    let digits = |count: usize| {
        let code = u32::from_str_radix(rest.get(..count)?, 16).ok()?;
        Some((char::from_u32(code)?, &rest[count..]))
    };
    match kind {
        'b' => Some(('\u{8}', rest)),
        'f' => Some(('\u{c}', rest)),
        'n' => Some(('\n', rest)),
        'r' => Some(('\r', rest)),
        't' => Some(('\t', rest)),
        '"' | '\\' => Some((kind, rest)),
        'u' => digits(4),
        'U' => digits(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::{names, read, unwritable_at};

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("index.toml");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).expect("a FIFO");
        assert!(read(&path).is_err());
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, "name = \"c\"\n").expect("an index");
        assert_eq!(names(&read(&path).expect("an index")).collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn an_index_that_cannot_be_written_is_found() {
        let directory =
            std::env::temp_dir().join(format!("shim-unwritable-{}", std::process::id()));
        let index = directory.join("index.toml");
        let found = unwritable_at(&index).expect("there is no directory");
        assert_eq!((found.path, found.source.kind()), (directory.clone(), ErrorKind::NotFound));
        fs::create_dir(&directory).expect("a directory");
        assert!(unwritable_at(&index).is_none() && !index.exists(), "it can be made");
        fs::write(&index, "name = \"c\"\n").expect("an index");
        assert!(unwritable_at(&index).is_none());
        assert_eq!(fs::read(&index).expect("an index"), b"name = \"c\"\n");
        fs::remove_file(&index).expect("removed");
        fs::create_dir(&index).expect("a directory");
        let found = unwritable_at(&index).expect("it is no file");
        assert_eq!((&found.path, found.owner), (&index, None));
        fs::remove_dir(&index).expect("removed");
        // Another user's, unless root runs this, who may write it.
        std::os::unix::fs::symlink("/etc/passwd", &index).expect("a link");
        match unwritable_at(&index) {
            Some(found) => assert_eq!(
                (found.owner, found.source.kind()),
                (Some(0), ErrorKind::PermissionDenied)
            ),
            None => assert!(rustix::process::geteuid().is_root()),
        }
        fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn names_are_read_in_all_forms_that_cdk_writes() {
        // As cdk wrote them.
        let index = r#"[[entries]]
type = "local"
process_id = 12906
name = "plain"
log_file = "/p/plain.log"

[[entries]]
name = 'a"b'
log_file = '/p/a"b.log'

[[entries]]
name = "it's"

[[entries]]
name = """both'"q"""

[[entries]]
name = 'back\slash'

[[entries]]
name = """
new
line"""

[[entries]]
name = "tab\there \u001B\\"
"#;
        let expected =
            ["plain", "a\"b", "it's", "both'\"q", "back\\slash", "new\nline", "tab\there \u{1b}\\"];
        assert_eq!(names(index).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn quotes_at_the_end_belong_to_the_value() {
        let index = "name = '''a\"\"\"b''''\nname = \"\"\"'''\"\"\"\"\"\nname = ''\n";
        assert_eq!(names(index).collect::<Vec<_>>(), ["a\"\"\"b'", "'''\"\"", ""]);
    }

    #[test]
    fn what_is_no_string_is_no_name() {
        for index in ["", "name = ", "name = \"open", "name = \"\\", "name = \"\\u12", "name = 7\n"]
        {
            assert_eq!(names(index).count(), 0, "{index}");
        }
    }
}
