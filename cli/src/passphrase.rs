//! Where a passphrase comes from.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Args;
use fluvio_secret_protocol::{Secret, limits};
use fluvio_secret_system::{printable, shell, terminal};

use crate::error::CliError;
use crate::input::{at_most, without_line_end};
use crate::output;
use crate::prompt::{PromptError, Terminal};

#[derive(Args, Debug, Default)]
pub(crate) struct PassphraseArgs {
    /// Read the passphrase from a file (- is stdin)
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_fd")]
    passphrase_file: Option<PathBuf>,

    /// Read the passphrase from a file descriptor
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct NewPassphraseArgs {
    /// Read the new one from a file (- is stdin)
    #[arg(long, value_name = "FILE", conflicts_with = "new_passphrase_fd")]
    new_passphrase_file: Option<PathBuf>,

    /// Read the new one from a file descriptor
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<u32>,
}

enum PassphraseSource<'a> {
    /// At a descriptor that this program was started with.
    Descriptor(u32),
    File(&'a Path),
}

impl PassphraseArgs {
    /// Whether you type it on the terminal.
    pub(crate) fn is_prompt(&self) -> bool {
        self.source().is_none()
    }

    fn source(&self) -> Option<PassphraseSource<'_>> {
        PassphraseSource::of(self.passphrase_file.as_deref(), self.passphrase_fd)
    }
}

impl<'a> PassphraseSource<'a> {
    fn of(file: Option<&'a Path>, descriptor: Option<u32>) -> Option<Self> {
        file.map(Self::File).or(descriptor.map(Self::Descriptor))
    }
}

/// Reads the passphrase that the identity has.
pub(crate) fn read(args: &PassphraseArgs) -> Result<Secret, CliError> {
    args.source().map_or_else(|| ask("Passphrase: "), |source| from_file(&source))
}

/// Does something with the passphrase that the identity has. While it is done nothing is shown of what
/// is typed.
pub(crate) fn read_for<T: Send>(
    args: &PassphraseArgs,
    work: impl FnOnce(Secret) -> Result<T, CliError> + Send,
) -> Result<T, CliError> {
    match args.source() {
        Some(source) => work(from_file(&source)?),
        None => ask_for("Passphrase: ", work),
    }
}

/// Reads the passphrase that an identity in this file has.
pub(crate) fn read_of(path: &Path, args: &PassphraseArgs) -> Result<Secret, CliError> {
    let ask = || ask(&format!("Passphrase of {}: ", path.display()));
    args.source().map_or_else(ask, |source| from_file(&source))
}

/// Reads a new passphrase for the identity. At a prompt you type it twice, because you cannot see it.
pub(crate) fn read_new(args: &NewPassphraseArgs) -> Result<Secret, CliError> {
    let source = PassphraseSource::of(args.new_passphrase_file.as_deref(), args.new_passphrase_fd);
    if let Some(source) = source {
        return from_file(&source);
    }
    let new = ask("New passphrase: ")?;
    if new.is_empty() {
        return Err(CliError::Passphrase("it is empty".into()));
    }
    if ask("Repeat the new passphrase: ")?.expose() != new.expose() {
        return Err(refused(PromptError::Differ));
    }
    Ok(new)
}

fn ask(prompt: &str) -> Result<Secret, CliError> {
    terminal(prompt)?.ask().map_err(refused).and_then(fitting)
}

fn ask_for<T: Send>(
    prompt: &str,
    work: impl FnOnce(Secret) -> Result<T, CliError> + Send,
) -> Result<T, CliError> {
    let work = |passphrase| fitting(passphrase).and_then(work);
    terminal(prompt)?.ask_for(work).map_err(refused)?
}

fn terminal(prompt: &str) -> Result<Terminal<'_>, CliError> {
    let input = terminal::of_session().ok_or(CliError::NoTerminal)?;
    let output = input.try_clone().map_err(|error| refused(error.into()))?;
    Ok(Terminal { input, output, prompt, most: limits::PASSPHRASE_BYTES })
}

fn refused(error: PromptError) -> CliError {
    CliError::Passphrase(error.into())
}

/// All of a file, without one line end at its end.
fn from_file(source: &PassphraseSource<'_>) -> Result<Secret, CliError> {
    const MOST_READ: usize = limits::PASSPHRASE_BYTES + 3;
    let (path, name) = match source {
        PassphraseSource::File(path) if *path == Path::new("-") => input(0),
        PassphraseSource::File(path) => ((*path).to_owned(), path.display().to_string()),
        PassphraseSource::Descriptor(number) => input(*number),
    };
    let read = || {
        if path == Path::new(INPUT) {
            // As it is: it may be a socket, which cannot be opened again, or be read up to a place.
            return at_most(File::from(io::stdin().as_fd().try_clone_to_owned()?), MOST_READ);
        }
        let file = File::open(&path)?;
        warn_of_wide(&path, &file)?;
        at_most(&file, MOST_READ)
    };
    let bytes = read().map_err(|error: io::Error| {
        let why = match (error.kind(), source) {
            (io::ErrorKind::NotFound, PassphraseSource::Descriptor(_)) => "it is not open".into(),
            _ => error.to_string(),
        };
        CliError::Passphrase(format!("{name}: {why}").into())
    })?;
    fitting(Secret::new(without_line_end(bytes)))
}

const INPUT: &str = "/proc/self/fd/0";

/// A descriptor that we were started with, by the name that the system gives it.
fn input(number: u32) -> (PathBuf, String) {
    (format!("/proc/self/fd/{number}").into(), format!("descriptor {number}"))
}

/// Warns if others may read a file. It may be intended, so it is not an error.
fn warn_of_wide(path: &Path, file: &File) -> io::Result<()> {
    let found = file.metadata()?;
    let mode = found.mode() & 0o777;
    // A file without a name cannot be opened by others.
    if found.is_file() && mode & 0o077 != 0 && fs::symlink_metadata(path)?.is_file() {
        let (shown, word) = (printable::path(path), shell::path(path));
        output::say(&format!(
            "warning: others may read {shown} (mode {mode:04o})\nhelp: fix it with: chmod 0600 {word}"
        ));
    }
    Ok(())
}

fn fitting(passphrase: Secret) -> Result<Secret, CliError> {
    if passphrase.len() > limits::PASSPHRASE_BYTES {
        let most = limits::PASSPHRASE_BYTES;
        return Err(CliError::Passphrase(format!("it has more than {most} bytes").into()));
    }
    Ok(passphrase)
}
