//! `import`: many secrets at once, from where they are. Nothing is set before all were compared with the vault.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use fluvio_secret_protocol::{Found, SecretName};
use fluvio_secret_system::file_id::FileId;
use fluvio_secret_system::printable;

use super::import_source::ImportSource;
use super::importer::{Done, Importer, Secrets};
use super::remarks::{about_the_identity, about_unfit, say_holders};
use crate::argument;
use crate::error::{AnyCause, CliError};
use crate::provider::{Provider, ProviderError};
use crate::secrets_file::{FileFormat, SecretsFile};
use crate::vault_choice::VaultArgs;
use crate::{format, output};

/// Import secrets from a file, the environment or a command
#[derive(Args, Debug)]
#[command(after_help = "\
Each line KEY=VALUE is read as connectors read it. Quotes are part of the value, and spaces around
it are not. If a KEY is repeated, its first line counts. Lines without = and lines that begin with
# are skipped. Nothing is set if a KEY is not a valid name, or if a secret has another value.

A .env file is read by dotenv rules. Quotes, export and comments are removed, and a value in quotes
can have several lines.

A file of JSON or YAML is one map of names to strings. Numbers, true and false are taken as they are
written. A map or list in it, a null, a repeated name or another format refuses the whole file.

--env takes variables that have the names of the secrets. --command runs COMMAND, and what it prints
is the value. One line break at the end is removed. If COMMAND fails or prints nothing, nothing is
set.

Example:
  fluvio-secret import --overwrite --remove secrets.txt
  fluvio-secret import --command API_TOKEN -- op read op://dev/weather/token")]
pub(crate) struct ImportArgs {
    /// Show what would change, and set nothing
    #[arg(long)]
    dry_run: bool,

    /// Replace secrets that have another value
    #[arg(long)]
    overwrite: bool,

    /// Delete FILE after all of it is imported
    #[arg(long, conflicts_with_all = ["dry_run", "env", "command"])]
    remove: bool,

    /// secrets, dotenv, json or yaml [default: by name and content]
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        conflicts_with_all = ["env", "command"]
    )]
    format: Option<FileFormat>,

    #[command(flatten)]
    vault: VaultArgs,

    /// Import these variables of the environment
    #[arg(
        long,
        value_name = "NAME",
        num_args = 1..,
        value_parser = argument::parsed(argument::name),
        conflicts_with_all = ["command", "file"]
    )]
    env: Vec<SecretName>,

    /// Import the output of a command: NAME -- COMMAND
    #[arg(
        long,
        value_name = "NAME",
        value_hint = ValueHint::AnyPath,
        num_args = 1..,
        allow_hyphen_values = true,
        conflicts_with = "file"
    )]
    command: Vec<OsString>,

    /// A file with secrets, or - for standard input
    #[arg(value_name = "FILE", required_unless_present_any = ["env", "command"])]
    file: Option<PathBuf>,
}

impl ImportArgs {
    fn source(&self) -> Result<ImportSource, CliError> {
        match (&self.file, &self.command[..]) {
            (Some(file), _) => Ok(ImportSource::File(file.clone())),
            (None, [dashes, ..]) if dashes == "--" => Err(ProviderError::Nameless.into()),
            (None, [name, words @ ..]) => {
                let name = argument::name(name).map_err(CliError::Name)?;
                Ok(ImportSource::Command(name, Provider::of(words)?))
            }
            (None, []) => Ok(ImportSource::Environment(self.env.clone())),
        }
    }
}

pub(crate) fn import(import: &ImportArgs) -> Result<(), CliError> {
    let source = import.source()?;
    let id = if import.remove { Some(removable(&source)?) } else { None };
    let file = source.read(import.format)?;
    for note in file.notes() {
        output::say(&format!("note: {}: {note}", source.shown()));
    }
    let vault = import.vault.here_noted()?;
    let importer = Importer::of(&source, &file.secrets, import.overwrite, vault);
    let found = importer.look()?;
    let is_refused = found.contains(&Found::Other) && !import.overwrite;
    if import.dry_run {
        show(source.head(), &file, &found)?;
        if is_refused {
            output::say(&format!(
                "note: without --overwrite, this import would be refused\nhelp: {}",
                source.overwriting()
            ));
        }
        return Ok(());
    }
    if is_refused {
        return Err(another_value(&source, &file.secrets, &found));
    }
    let Done { new_identity, holders, leases } = importer.set(&found)?;
    output::confirm(&summary(&source, &found));
    if let Some(identity) = new_identity {
        output::say(&about_the_identity(&identity));
    }
    let secrets = file.secrets.iter().map(|(name, value)| (name, value));
    about_unfit(secrets).iter().for_each(|note| output::say(note));
    say_holders(&holders, &leases);
    match (id, source.file()) {
        (Some(id), Some(path)) => remove(path, id, &file),
        // Another program reads a .env.
        (None, Some(path)) if !file.secrets.is_empty() && !file.is_dotenv() => {
            output::say(&format!(
                "note: {} still has the values in plain text\nhelp: delete it, or import it with: --remove",
                printable::path(path)
            ));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn show(head: &str, file: &SecretsFile, found: &[Found]) -> Result<(), CliError> {
    let word = |found: &Found| match found {
        Found::Nothing => "new",
        Found::Other => "another value",
        Found::Same => "the same",
    };
    let rows = file.secrets.iter().zip(found);
    let rows = rows.map(|((name, _), found)| [name.to_string(), word(found).to_owned()]);
    if !file.is_dotenv() {
        return output::print_styled(&format::table(
            ["SecretNames", head],
            &rows.collect::<Vec<_>>(),
        ));
    }
    let rows = rows.zip(file.described_changes());
    let rows: Vec<_> = rows.map(|([name, word], change)| [name, word, change]).collect();
    output::print_styled(&format::table(["SecretNames", head, "Change"], &rows))
}

fn another_value(source: &ImportSource, secrets: &Secrets, found: &[Found]) -> CliError {
    let other = secrets.iter().zip(found).filter(|(_, found)| **found == Found::Other);
    let names: Vec<_> = other.map(|((name, _), _)| format!("`{name}`")).collect();
    let why = format!("the vault has another value for {}", names.join(", "));
    source.refused(why, Some(source.overwriting()))
}

fn summary(source: &ImportSource, found: &[Found]) -> String {
    let count = |wanted| found.iter().filter(|found| **found == wanted).count();
    let word = if found.len() == 1 { "secret" } else { "secrets" };
    format!(
        "{} {word} imported from {}: {} new, {} replaced, {} unchanged",
        found.len(),
        source.shown(),
        count(Found::Nothing),
        count(Found::Other),
        count(Found::Same)
    )
}

/// The file as it is now, unless it is not ours to remove.
fn removable(source: &ImportSource) -> Result<FileId, CliError> {
    let failed = |why: AnyCause| source.refused(why, None);
    let path =
        source.file().ok_or_else(|| failed("--remove cannot delete standard input".into()))?;
    id_of(path).map_err(failed)
}

fn id_of(path: &Path) -> Result<FileId, AnyCause> {
    let found = fs::symlink_metadata(path)?;
    // If it is a link, the file that it points to would stay.
    if found.is_file() {
        Ok(FileId::from(&found))
    } else {
        Err("--remove deletes only regular files".into())
    }
}

/// Removes the file if all of it was imported, and it is still as it was when it was read.
fn remove(path: &Path, read: FileId, file: &SecretsFile) -> Result<(), CliError> {
    let kept = |why: AnyCause| CliError::Kept { path: path.to_owned(), why };
    if let Some(why) = file.left_out() {
        return Err(kept(why.into()));
    }
    if !id_of(path).is_ok_and(|now| now == read) {
        return Err(kept("it was changed during the import".into()));
    }
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    fs::remove_file(path)
        .and_then(|()| File::open(directory.unwrap_or(Path::new(".")))?.sync_all())
        .map_err(|error| kept(error.into()))?;
    output::say(&format!("{} was deleted", printable::path(path)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, FileTimes};
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, Instant};

    use fluvio_secret_protocol::Secret;

    use super::{id_of, remove};
    use crate::secrets_file::SecretsFile;

    #[test]
    fn what_was_changed_meanwhile_is_not_removed_whatever_its_date_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.txt");
        fs::write(&path, "A=one\n").expect("a file");
        let found = fs::metadata(&path).expect("a file");
        let read = id_of(&path).expect("a file");
        fs::write(&path, "A=two\n").expect("in place");
        // As cp -p does it, when the clock of the file system has gone on.
        let date = FileTimes::new().set_modified(found.modified().expect("a date"));
        let begun = Instant::now();
        let changed = || {
            let now = fs::metadata(&path).expect("a file");
            (now.ctime(), now.ctime_nsec()) != (found.ctime(), found.ctime_nsec())
        };
        while !changed() {
            assert!(begun.elapsed() < Duration::from_secs(60), "its clock stands still");
            File::options().write(true).open(&path).and_then(|f| f.set_times(date)).expect("dated");
        }
        File::options().write(true).open(&path).and_then(|f| f.set_times(date)).expect("dated");
        let all = SecretsFile::of(vec![("A".parse().expect("a name"), Secret::default())]);
        assert!(remove(&path, read, &all).is_err());
        assert_eq!(fs::read_to_string(&path).expect("a file"), "A=two\n");
        remove(&path, id_of(&path).expect("a file"), &all).expect("removed");
        assert!(!path.exists());
    }
}
