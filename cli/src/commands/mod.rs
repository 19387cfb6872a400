//! The commands. Each is a file: its arguments, and the function that carries it out.

mod cdk;
mod check;
pub(crate) mod completions;
mod daemon;
mod doctor;
mod git_merge;
mod key;
mod lease;
mod log;
mod member;
mod metadata;
mod restart;
pub(crate) mod run;
mod secret;
mod shim;
mod status;
pub(crate) mod sync;
mod unused;
mod vault;
mod watch;

use clap::Subcommand;
use fluvio_secret_system::harden::Hardened;

use crate::error::CliError;
use crate::help::Manual;
use crate::output;

/// A command, with its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Set(secret::set::SetArgs),
    List(secret::list::ListSecretsArgs),
    Delete(secret::delete::DeleteArgs),
    Rename(secret::rename::RenameArgs),
    Copy(secret::copy::CopyArgs),
    Import(secret::import::ImportArgs),
    History(secret::history::HistoryArgs),
    Restore(secret::restore::RestoreArgs),
    Log(log::LogArgs),
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    #[command(subcommand)]
    Member(member::MemberCommand),
    #[command(subcommand)]
    Sync(sync::SyncCommand),
    Run(run::RunArgs),
    Check(check::CheckArgs),
    Cdk(cdk::CdkArgs),
    Restart(restart::RestartArgs),
    Watch(watch::FollowArgs),
    #[command(subcommand)]
    Lease(lease::LeaseCommand),
    Unlock(key::unlock::UnlockArgs),
    /// Lock the vault until you unlock it
    #[command(after_help = "\
`set`, `list`, `delete`, `history` and `restore` still work. Running connectors keep their secrets.

Example:
  fluvio-secret lock")]
    Lock,
    #[command(subcommand)]
    Key(key::KeyCommand),
    Status(status::StatusArgs),
    Doctor(doctor::DoctorArgs),
    #[command(subcommand)]
    Daemon(daemon::DaemonCommand),
    Completions(completions::CompletionsArgs),
    /// Print the metadata that fluvio reads of its extensions
    #[command(hide = true)]
    Metadata,
    /// What the shim becomes when the vault is locked
    #[command(hide = true)]
    UnlockFirst(shim::UnlockFirstArgs),
    /// What the shim becomes for cdk test --watch
    #[command(hide = true)]
    WatchCdk(cdk::WatchCdkArgs),
    /// What the shim becomes for cdk test --mask
    #[command(hide = true)]
    MaskCdk(cdk::MaskCdkArgs),
    /// What git calls to merge two files of a secret
    #[command(hide = true)]
    GitMerge(git_merge::GitMergeArgs),
    /// What becomes a program that is to end with its parent
    #[command(hide = true)]
    EndWithParent(sync::EndWithParentArgs),
    /// Print this text, which is the help or the version.
    #[command(skip)]
    Help(String),
    /// Show the manual of a command.
    #[command(skip)]
    Manual(Manual),
}

impl Command {
    pub(crate) fn run(self, hardened: Hardened) -> Result<(), CliError> {
        match self {
            Self::Set(args) => secret::set::set(args, hardened),
            Self::List(args) => secret::list::list(&args),
            Self::Delete(args) => secret::delete::delete(args),
            Self::Rename(args) => secret::rename::rename(args),
            Self::Copy(args) => secret::copy::copy(args),
            Self::Import(args) => secret::import::import(&args),
            Self::History(args) => secret::history::history(&args),
            Self::Restore(args) => secret::restore::restore(&args),
            Self::Log(args) => log::log(&args),
            Self::Vault(command) => vault::vault(command),
            Self::Member(command) => member::member(command),
            Self::Sync(command) => sync::sync(command),
            Self::Run(args) => run::run(args, hardened),
            Self::Check(args) => check::check(&args),
            Self::Cdk(args) => cdk::cdk(args, hardened),
            Self::Restart(args) => restart::restart(args, hardened),
            Self::Watch(args) => watch::watch(args, hardened),
            Self::Lease(command) => lease::lease(command),
            Self::Unlock(args) => key::unlock::unlock(&args),
            Self::Lock => key::unlock::lock(),
            Self::Key(command) => key::key(command),
            Self::Status(args) => status::status(&args),
            Self::Doctor(args) => doctor::doctor(&args),
            Self::Daemon(command) => daemon::daemon(command),
            Self::Completions(args) => completions::completions(&args),
            Self::Metadata => metadata::metadata(),
            Self::UnlockFirst(args) => shim::unlock_first(&args, hardened),
            Self::WatchCdk(args) => cdk::watch_cdk(args, hardened),
            Self::MaskCdk(args) => cdk::mask_cdk(&args, hardened),
            Self::GitMerge(args) => git_merge::git_merge(&args),
            Self::EndWithParent(args) => sync::end_with_parent(args, hardened),
            Self::Help(text) => output::print(&text),
            Self::Manual(manual) => manual.show(hardened),
        }
    }
}
