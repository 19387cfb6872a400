//! `key use`: uses an identity that you already have.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use clap::Args;
use fluvio_secret_protocol::{Secret, UseIdentity, limits};
use fluvio_secret_system::key_text::has_key;
use fluvio_secret_system::regular::{self, Links};
use fluvio_secret_system::{printable, shell};

use super::rekey::{kept_passphrase, reseal, say_rest, say_state, summary};
use crate::connection::client;
use crate::error::{AnyCause, CliError};
use crate::members::members;
use crate::passphrase::{self, PassphraseArgs};
use crate::prompt::{PromptError, Terminal};
use crate::{input, output};

/// Use another age identity
#[derive(Args, Debug)]
#[command(after_help = "\
FILE is an identity of age-keygen, with or without a passphrase. With -, it is read from standard
input, for example in CI. Its keys are copied to the identity file, and all secrets are re-encrypted
for the first of them. The current keys stay, marked as retired. SSH keys are not supported, because
the `rsa` crate has a timing weakness.

The identity keeps the passphrase of FILE. If FILE has none, it gets the passphrase of the current
identity. If the command is interrupted, nothing is lost. Run it or `key rotate` again to finish.

Example:
  fluvio-secret key use key.txt
  fluvio-secret key use - < key.txt")]
pub(crate) struct UseIdentityArgs {
    #[command(flatten)]
    passphrase: PassphraseArgs,

    /// File of the identity (- is stdin)
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn use_identity(args: &UseIdentityArgs) -> Result<(), CliError> {
    let UseIdentityArgs { file, passphrase } = args;
    let is_input = file == Path::new("-");
    let path = if is_input { Path::new("standard input") } else { file };
    let (identity, mode) = if is_input { (read_input(path)?, None) } else { read(path)? };
    let passphrase = match is_sealed(&identity) {
        true => Some(passphrase::read_of(path, passphrase)?),
        false => kept_passphrase(passphrase)?,
    };
    let used = UseIdentity { identity, passphrase };
    let resealed = reseal(used)?;
    let changed = match resealed.secrets + resealed.versions {
        0 => String::new(),
        _ => format!(" ({})", summary(&resealed)),
    };
    output::confirm(&format!("Identity changed to {}{changed}", resealed.own));
    output::say(&format!(
        "note: the identity was copied to {}\nhelp: keep another copy in a safe place",
        resealed.identity
    ));
    if let Some(mode) = mode.filter(|mode| mode & 0o077 != 0) {
        output::say(&format!(
            "warning: others may have read {path} (mode {mode:04o})\nhelp: fix that with: chmod 0600 {}",
            shell::path(path),
            path = printable::path(path)
        ));
    }
    say_rest(&resealed);
    let members = members(&mut client()?)?;
    if members.members.iter().any(|one| one.own && !one.requested) {
        say_state(&members);
    } else {
        output::say(
            "note: it is not the key of a member of the vault, so it cannot decrypt new secrets\n\
             help: ask to be admitted with: fluvio-secret member request",
        );
    }
    Ok(())
}

/// Whether an identity's file is behind a passphrase: it is then age's own, with or without armor.
fn is_sealed(identity: &Secret) -> bool {
    let bytes = identity.expose();
    bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE")
}

const NOT_A_FILE: &str = "\
error: that is a key and not a file, so nothing was changed
help: write it into a file that only you can read, and name that file";

/// The text, and the mode of its file. A pipe, as `<(command)` makes one, is not a file that keeps it.
fn read(path: &Path) -> Result<(Secret, Option<u32>), CliError> {
    if has_key(path.as_os_str()) {
        return Err(CliError::Usage(NOT_A_FILE.to_owned()));
    }
    let failed = |why: AnyCause| CliError::Identity { path: path.to_owned(), why };
    let opened = match fs::metadata(path) {
        // It is waited for as long as its writer takes, and Ctrl-C ends that.
        Ok(found) if found.file_type().is_fifo() => File::open(path).map(|file| (file, None)),
        _ => regular::open(OpenOptions::new().read(true), path, Links::Follow)
            .map(|(file, found)| (file, Some(found.mode() & 0o777))),
    };
    let (file, mode) = opened.map_err(|error| failed(error.into()))?;
    Ok((read_from(file, path)?, mode))
}

/// A key that you type is not shown.
fn read_input(path: &Path) -> Result<Secret, CliError> {
    if !io::stdin().is_terminal() {
        return read_from(io::stdin().lock(), path);
    }
    let asked = Terminal::standard("Key: ").map_err(PromptError::Io).and_then(|it| it.ask());
    asked.map_err(|error| CliError::Identity { path: path.to_owned(), why: error.into() })
}

fn read_from(source: impl Read, path: &Path) -> Result<Secret, CliError> {
    let failed = |why: AnyCause| CliError::Identity { path: path.to_owned(), why };
    let bytes = input::at_most(source, limits::IDENTITY_BYTES + 1);
    let bytes = bytes.map_err(|error: io::Error| failed(error.into()))?;
    if bytes.len() > limits::IDENTITY_BYTES {
        return Err(failed("it is too large for an identity".into()));
    }
    Ok(Secret::new(bytes))
}
