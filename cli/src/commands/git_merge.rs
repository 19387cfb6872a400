//! `git-merge`: what git calls to merge two files of a secret that machines have changed apart.
//!
//! The daemon decides which one counts. This command never prompts: git may run in an editor.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use fluvio_secret_protocol::{
    MergeRecords, MergedRecords, RecordKind, SecretName, VaultAddress, limits,
};
use fluvio_secret_system::private::FILE_MODE;
use fluvio_secret_system::regular::{self, Links};
use fluvio_secret_system::{project, shell};

use crate::connection::{client_about, places};
use crate::error::CliError;
use crate::output;

#[derive(Args, Debug)]
pub(crate) struct GitMergeArgs {
    /// The version that both were made from: %O
    #[arg(value_name = "BASE", allow_hyphen_values = true)]
    _base: PathBuf,

    /// Your version, which is replaced by the result: %A
    #[arg(allow_hyphen_values = true)]
    ours: PathBuf,

    /// The other version: %B
    #[arg(allow_hyphen_values = true)]
    theirs: PathBuf,

    /// The path in the work tree: %P
    #[arg(allow_hyphen_values = true)]
    path: PathBuf,
}

/// The directories of marks in a vault, and what the records there do.
const MARK_DIRECTORIES: [(&str, RecordKind); 2] =
    [(".deleted", RecordKind::Deleted), (".purged", RecordKind::Purged)];

/// The file of a secret in a vault, by its path.
#[derive(Debug, Eq, PartialEq)]
struct SecretFile<'a> {
    /// The directory of the vault.
    vault: &'a Path,
    /// The secret.
    name: SecretName,
    /// What the record in the file does.
    kind: RecordKind,
}

impl<'a> SecretFile<'a> {
    /// `None` for another file than that of a secret.
    fn at(path: &'a Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_suffix(".age")?.parse().ok()?;
        let directory = path.parent()?;
        let is_mark = |(marks, _): &&(&str, _)| directory.file_name() == Some(OsStr::new(marks));
        let (vault, kind) = match MARK_DIRECTORIES.iter().find(is_mark) {
            Some((_, kind)) => (directory.parent()?, *kind),
            None => (directory, RecordKind::Value),
        };
        Some(Self {
            vault: if vault == Path::new("") { Path::new(".") } else { vault },
            name,
            kind,
        })
    }
}

/// Git takes the status 1 for a conflict. The file in the work tree is then the one of this side, whole.
pub(super) fn git_merge(args: &GitMergeArgs) -> Result<(), CliError> {
    merge(args).map_err(|error| {
        output::error(&error);
        let path = shell::path(&args.path);
        output::say(&format!(
            "note: git reports a conflict in {path}, and leaves that file whole\n\
             help: to keep your value, run: git checkout --ours -- {path}\n\
             help: or fix that, and merge it again with: git checkout --merge -- {path}"
        ));
        CliError::Some
    })
}

fn merge(args: &GitMergeArgs) -> Result<(), CliError> {
    let file = SecretFile::at(&args.path).ok_or_else(|| CliError::MergedFile {
        path: args.path.clone(),
        why: "it is not the file of a secret".into(),
    })?;
    let (ours, theirs) = (read(&args.ours)?, read(&args.theirs)?);
    if ours == theirs {
        return Ok(());
    }
    let mut client = client_about(vault_at(file.vault)?)?;
    let name = file.name.clone();
    let request = MergeRecords {
        name: file.name,
        kind: file.kind,
        ours: ours.into(),
        theirs: theirs.clone().into(),
    };
    let MergedRecords { theirs: takes_theirs, kept } = client.call(request)?;
    if takes_theirs {
        replace(&args.ours, &theirs).map_err(|error| unusable(&args.ours, error))?;
    }
    if let Some(version) = kept {
        let counts = if takes_theirs { "other" } else { "current" };
        output::say(&format!(
            "note: both sides have set `{name}`, and the value of the {counts} side counts. The other one is \
             version {version} in the history\n\
             help: show the history with: fluvio-secret history {name}"
        ));
    }
    Ok(())
}

/// The vault in a directory of the work tree; `None` for the personal one.
fn vault_at(directory: &Path) -> Result<Option<VaultAddress>, CliError> {
    let found = project::exactly_at(directory)?;
    let personal = places()?.vault.canonicalize();
    match personal.is_ok_and(|personal| personal == Path::new(&found.path)) {
        true => Ok(None),
        false => Ok(Some(found.into())),
    }
}

fn unusable(path: &Path, error: io::Error) -> CliError {
    CliError::MergedFile { path: path.to_owned(), why: error.into() }
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    read_record(path).map_err(|error| unusable(path, error))
}

fn read_record(path: &Path) -> io::Result<Vec<u8>> {
    let (file, _) = regular::open(OpenOptions::new().read(true), path, Links::Refuse)?;
    let mut bytes = Vec::new();
    file.take(limits::RECORD_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() <= limits::RECORD_BYTES {
        true => Ok(bytes),
        false => Err(io::Error::other("it is too large for the file of a secret")),
    }
}

/// Replaces git's file whole: git reads it even if this program is killed.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = Path::new(&temporary);
    let mut new = OpenOptions::new();
    new.write(true).create_new(true).mode(FILE_MODE);
    let written = new.open(temporary)?.write_all(bytes);
    let replaced = written.and_then(|()| fs::rename(temporary, path));
    replaced.inspect_err(|_| drop(fs::remove_file(temporary)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use fluvio_secret_protocol::{RecordKind, limits};

    use super::{SecretFile, read_record, replace};

    #[test]
    fn the_file_of_a_secret_is_known_by_its_path() {
        for (path, vault, kind) in [
            ("A.age", ".", RecordKind::Value),
            ("a b/.fluvio-secret/A.age", "a b/.fluvio-secret", RecordKind::Value),
            (".fluvio-secret/.deleted/A.age", ".fluvio-secret", RecordKind::Deleted),
            ("x/.purged/A.age", "x", RecordKind::Purged),
            (".purged/A.age", ".", RecordKind::Purged),
            ("-x/A.age", "-x", RecordKind::Value),
        ] {
            let found = SecretFile::at(Path::new(path)).expect(path);
            assert_eq!((found.vault, found.kind), (Path::new(vault), kind), "{path}");
            assert_eq!(found.name.as_str(), "A");
        }
        for path in ["", "x", "x/.age", "x/9.age", "x/A.txt", ".age", "x/A.age/.."] {
            assert_eq!(SecretFile::at(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ours");
        fs::write(&path, "a longer one").expect("a file");
        replace(&path, b"theirs").expect("replaced");
        assert_eq!(fs::read(&path).expect("a file"), b"theirs");
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1);
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("a directory");
        replace(&path, b"theirs").expect_err("a directory");
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1);
    }

    #[test]
    fn no_more_is_read_than_a_record_can_have() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ours");
        fs::write(&path, vec![0; limits::RECORD_BYTES]).expect("a file");
        assert_eq!(read_record(&path).expect("read").len(), limits::RECORD_BYTES);
        fs::write(&path, vec![0; limits::RECORD_BYTES + 1]).expect("a file");
        assert!(read_record(&path).expect_err("too large").to_string().contains("too large"));
        assert!(read_record(directory.path()).is_err());
    }
}
