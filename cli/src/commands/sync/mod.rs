//! `sync`: replicates a vault over a topic of Fluvio.

mod compact;
mod following;
mod join;
mod replicated;
mod shown_member;
mod start;
mod status;

use clap::Subcommand;

pub(crate) use self::following::{EndWithParentArgs, end_with_parent};
pub(crate) use self::replicated::{end_with_vault, replication_of};
use crate::error::CliError;

/// Replicate a vault over a Fluvio topic
#[derive(Debug, Subcommand)]
#[command(
    after_help = "\
A secret that you set on one machine is on all of them within a second, and `watch` and `run --watch`
restart the connectors that use it. The topic is in the Fluvio cluster that you use already. It has
encrypted records only. Fluvio's own program `fluvio` reads and writes it, with your profile.

Example:
  fluvio-secret sync start",
    disable_help_subcommand = true
)]
pub(crate) enum SyncCommand {
    Start(start::StartSyncArgs),
    Join(join::JoinTopicArgs),
    Status(status::SyncStatusArgs),
    Now(following::SyncNowArgs),
    Stop(following::StopSyncArgs),
    Leave(following::LeaveTopicArgs),
    Run(following::RunSyncArgs),
    Compact(compact::CompactTopicArgs),
}

pub(super) fn sync(command: SyncCommand) -> Result<(), CliError> {
    match command {
        SyncCommand::Start(args) => start::start(&args),
        SyncCommand::Join(args) => join::join(args),
        SyncCommand::Status(args) => status::status(&args),
        SyncCommand::Now(args) => following::now(&args),
        SyncCommand::Stop(args) => following::stop(&args),
        SyncCommand::Leave(args) => following::leave(&args),
        SyncCommand::Run(args) => following::run(&args),
        SyncCommand::Compact(args) => compact::compact(&args),
    }
}
