//! The commands about the key, and its passphrase.

mod passphrase;
pub(super) mod rekey;
mod retire;
mod rotate;
mod show;
pub(super) mod unlock;
mod use_identity;

use clap::Subcommand;

use crate::error::CliError;

/// Manage the key and its passphrase
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  fluvio-secret key show", disable_help_subcommand = true)]
pub(crate) enum KeyCommand {
    Rotate(rotate::RotateArgs),
    Retire(retire::RetireArgs),
    Use(use_identity::UseIdentityArgs),
    Show(show::ShowKeyArgs),
    Passphrase(passphrase::ChangePassphraseArgs),
}

pub(super) fn key(command: KeyCommand) -> Result<(), CliError> {
    match command {
        KeyCommand::Retire(args) => retire::retire(&args),
        KeyCommand::Rotate(args) => rotate::rotate(&args),
        KeyCommand::Use(args) => use_identity::use_identity(&args),
        KeyCommand::Show(args) => show::show(&args),
        KeyCommand::Passphrase(args) => passphrase::change(&args),
    }
}
