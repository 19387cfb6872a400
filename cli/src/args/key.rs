//! The commands about the key, and about whom the secrets are sealed to.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use fluvio_secret_protocol::limits;
use jiff::SignedDuration;

use super::Command;
use super::form::{Format, TypedFormat};
use crate::error::CliError;

/// The vault to be unlocked.
#[derive(Debug)]
pub(crate) struct Unlock {
    /// For how long; `None` for as long as the daemon has it by default.
    pub(crate) span: Option<Duration>,
    /// Whether to do nothing when it is unlocked already.
    pub(crate) if_locked: bool,
    pub(crate) passphrase: PassphraseSource,
}

/// A shim to be started again when the vault is unlocked.
#[derive(Args, Debug)]
pub(crate) struct UnlockFirst {
    /// The name by which it was started.
    #[arg(long)]
    pub(crate) name: OsString,

    /// Its arguments.
    #[arg(num_args = 0.., last = true)]
    pub(crate) args: Vec<OsString>,
}

/// The passphrase of the identity to be changed.
#[derive(Debug)]
pub(crate) struct ChangePassphrase {
    /// Whether it is to have none.
    pub(crate) remove: bool,
    pub(crate) old: PassphraseSource,
    pub(crate) new: PassphraseSource,
}

/// Where a passphrase is.
#[derive(Debug)]
pub(crate) enum PassphraseSource {
    /// Not said: asked for on the terminal.
    Ask,
    /// At a descriptor that this program was started with.
    Descriptor(u32),
    /// In a file.
    File(PathBuf),
}

/// How to put a new identity in the place of the present one.
#[derive(Debug)]
pub(crate) struct Rotate {
    pub(crate) drop_history: bool,
    /// Without a question.
    pub(crate) yes: bool,
    pub(crate) passphrase: PassphraseSource,
}

/// An identity to use.
#[derive(Debug)]
pub(crate) struct UseIdentity {
    pub(crate) file: PathBuf,
    pub(crate) passphrase: PassphraseSource,
}

/// What to do with the recipients of the vault.
#[derive(Debug)]
pub(crate) enum Recipient {
    Accept {
        /// Without a question.
        yes: bool,
    },
    Add {
        recipient: String,
        note: Option<String>,
    },
    List {
        format: Format,
    },
    Remove {
        recipient: String,
    },
}

#[derive(Subcommand)]
pub(super) enum TypedKey {
    /// Show or change who can open the secrets: another machine, a team, a backup key
    #[command(
        after_help = "Example:\n  fluvio-secret key recipient list",
        disable_help_subcommand = true
    )]
    Recipient {
        #[command(subcommand)]
        what: TypedRecipient,
    },
    /// Make a new identity, and seal all secrets to it in place of the present one
    #[command(after_help = "\
All secrets and their earlier versions are sealed anew. The present identity stays until that is
done, and is removed then; what is still sealed to it elsewhere, as in a backup or in git, it
still opens. When this is stopped in the middle nothing is lost, and the same command again
finishes it.

Example:
  fluvio-secret key rotate
  fluvio-secret key rotate --drop-history --yes")]
    Rotate {
        /// Remove all earlier versions for good, instead of sealing them anew; asks on a terminal
        #[arg(long)]
        drop_history: bool,

        /// Do not ask
        #[arg(short, long)]
        yes: bool,

        #[command(flatten)]
        passphrase: TypedOldPassphrase,
    },
    /// Use an age identity that you have already, in place of the present one
    #[command(after_help = "\
FILE is what age-keygen makes, maybe behind a passphrase. It is copied. What the present
identity opens is sealed anew to this one, and then the present one is removed. SSH keys are not
taken: what opens them is the crate `rsa`, which has a timing weakness that is not mended.

The identity keeps FILE's passphrase; without one it gets that of the present identity. When
this is stopped in the middle nothing is lost. Until the same command again, or `key rotate`,
has finished it, `unlock` asks for both passphrases, one after the other.

Example:
  fluvio-secret key use key.txt")]
    Use {
        #[command(flatten)]
        passphrase: TypedOldPassphrase,

        /// The identity's file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show where the identity is, its public part, and whether it has a passphrase
    #[command(after_help = "Example:\n  fluvio-secret key show -O json")]
    Show {
        #[command(flatten)]
        output: TypedFormat,
    },
    /// Put a passphrase on the identity, change it, or take it off
    #[command(after_help = "\
The file of the identity becomes what `age -p` writes, and stock age opens it. Who loses the
passphrase loses all secrets.

Example:
  fluvio-secret key passphrase
  fluvio-secret key passphrase --remove")]
    Passphrase(TypedPassphrase),
}

#[derive(Subcommand)]
pub(super) enum TypedRecipient {
    /// Seal all secrets to one recipient more
    #[command(after_help = "\
RECIPIENT is the public key of an age identity: of another machine's, as `age-keygen -y` prints
it. All secrets and their earlier versions are sealed anew. One that is there already gets the
note.

Example:
  fluvio-secret key recipient add age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg")]
    Add {
        /// Whose it is, in a few words
        #[arg(long, value_name = "TEXT")]
        note: Option<OsString>,

        /// The recipient: age1…
        #[arg(value_name = "RECIPIENT")]
        recipient: OsString,
    },
    /// Seal all secrets to one recipient less
    #[command(after_help = "\
All secrets and their earlier versions are sealed anew. What the removed one has seen until now
it may have kept.

Example:
  fluvio-secret key recipient remove age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg")]
    Remove {
        /// The recipient, as `list` shows it
        #[arg(value_name = "RECIPIENT")]
        recipient: OsString,
    },
    /// Show to whom secrets are sealed
    #[command(after_help = "Example:\n  fluvio-secret key recipient list -O json")]
    List {
        #[command(flatten)]
        output: TypedFormat,
    },
    /// Accept the recipients of a vault that others have changed
    #[command(after_help = "\
Shows what is different from what was accepted on this machine, and asks. Until then nothing is
set: whoever may write to the vault's folder could else have secrets sealed to a key of their
own.

Example:
  fluvio-secret key recipient accept --yes")]
    Accept {
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Args)]
pub(super) struct TypedPassphrase {
    /// Take the passphrase off
    #[arg(long, conflicts_with_all = ["new_passphrase_file", "new_passphrase_fd"])]
    remove: bool,

    #[command(flatten)]
    old: TypedOldPassphrase,

    /// Take the new passphrase from a file, without one line end at its end; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "new_passphrase_fd")]
    new_passphrase_file: Option<PathBuf>,

    /// Take the new passphrase from a descriptor that is open already
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<u32>,
}

#[derive(Args)]
pub(super) struct TypedOldPassphrase {
    /// Take the passphrase from a file, without one line end at its end; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_fd")]
    passphrase_file: Option<PathBuf>,

    /// Take the passphrase from a descriptor that is open already
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl TypedOldPassphrase {
    fn source(self) -> PassphraseSource {
        passphrase_source(self.passphrase_file, self.passphrase_fd)
    }
}

fn passphrase_source(file: Option<PathBuf>, descriptor: Option<u32>) -> PassphraseSource {
    match (file, descriptor) {
        (Some(file), _) => PassphraseSource::File(file),
        (None, Some(number)) => PassphraseSource::Descriptor(number),
        (None, None) => PassphraseSource::Ask,
    }
}

#[derive(Args)]
pub(super) struct TypedUnlock {
    /// For how long, like 8h
    #[arg(long = "for", value_name = "DURATION")]
    span: Option<OsString>,

    /// Do nothing when the vault is unlocked already
    #[arg(long)]
    if_locked: bool,

    #[command(flatten)]
    passphrase: TypedOldPassphrase,
}

/// What is meant by `unlock`.
pub(super) fn unlock(typed: TypedUnlock) -> Result<Unlock, CliError> {
    let TypedUnlock { span, if_locked, passphrase } = typed;
    let span = span.map(|span| unlock_span(&span)).transpose()?;
    Ok(Unlock { span, if_locked, passphrase: passphrase.source() })
}

/// How long the vault is to be unlocked.
fn unlock_span(typed: &OsStr) -> Result<Duration, CliError> {
    let read = typed.to_str().and_then(|text| text.parse::<SignedDuration>().ok());
    let span = read.and_then(|read| Duration::try_from(read).ok());
    span.filter(|span| span.as_secs() > 0).ok_or_else(|| {
        CliError::Usage("error: the duration of --for is not understood; write it like 90s, 30m, 8h\nsee: fluvio-secret unlock --help".to_owned())
    })
}

/// What is meant by a command about the key.
pub(super) fn key(typed: TypedKey) -> Result<Command, CliError> {
    // What is not UTF-8 is no recipient either.
    let text = |text: OsString, what, most| match text.to_string_lossy().into_owned() {
        text if text.len() <= most => Ok(text),
        _ => Err(CliError::Usage(format!(
            "error: the {what} has more than {most} bytes, which is the most\nsee: fluvio-secret key recipient --help"
        ))),
    };
    let recipient = |recipient| text(recipient, "recipient", limits::RECIPIENT_BYTES);
    Ok(match typed {
        TypedKey::Passphrase(typed) => {
            let TypedPassphrase { remove, old, new_passphrase_file, new_passphrase_fd } = typed;
            let new = passphrase_source(new_passphrase_file, new_passphrase_fd);
            Command::KeyPassphrase(ChangePassphrase { remove, old: old.source(), new })
        }
        TypedKey::Recipient { what } => Command::Recipient(match what {
            TypedRecipient::Accept { yes } => Recipient::Accept { yes },
            TypedRecipient::Add { recipient: typed, note } => {
                let note = note.map(|note| text(note, "note", limits::NOTE_BYTES)).transpose()?;
                Recipient::Add { recipient: recipient(typed)?, note }
            }
            TypedRecipient::List { output } => Recipient::List { format: output.format },
            TypedRecipient::Remove { recipient: typed } => {
                Recipient::Remove { recipient: recipient(typed)? }
            }
        }),
        TypedKey::Rotate { drop_history, yes, passphrase } => {
            Command::KeyRotate(Rotate { drop_history, yes, passphrase: passphrase.source() })
        }
        TypedKey::Show { output } => Command::KeyShow { format: output.format },
        TypedKey::Use { file, passphrase } => {
            Command::KeyUse(UseIdentity { file, passphrase: passphrase.source() })
        }
    })
}
