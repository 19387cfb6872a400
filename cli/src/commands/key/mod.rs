//! The commands about the key, and about who can open the secrets.

mod passphrase;
mod recipient;
mod rekey;
mod retire;
mod rotate;
mod show;
pub(super) mod unlock;
mod use_identity;

use clap::Subcommand;

use crate::error::CliError;

/// Manage the key, its passphrase and the recipients
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  fluvio-secret key show", disable_help_subcommand = true)]
pub(crate) enum KeyCommand {
    #[command(subcommand)]
    Recipient(recipient::RecipientCommand),
    Rotate(rotate::RotateArgs),
    Retire(retire::RetireArgs),
    Use(use_identity::UseIdentityArgs),
    Show(show::ShowKeyArgs),
    Passphrase(passphrase::ChangePassphraseArgs),
}

pub(super) fn key(command: KeyCommand) -> Result<(), CliError> {
    match command {
        KeyCommand::Recipient(command) => recipient::recipients(command),
        KeyCommand::Retire(args) => retire::retire(&args),
        KeyCommand::Rotate(args) => rotate::rotate(&args),
        KeyCommand::Use(args) => use_identity::use_identity(&args),
        KeyCommand::Show(args) => show::show(&args),
        KeyCommand::Passphrase(args) => passphrase::change(&args),
    }
}
