//! `status`: how the daemon is. Starts none.

use super::running_client;
use crate::error::CliError;
use crate::{date, output};

pub(crate) fn status() -> Result<(), CliError> {
    let status = running_client()?.ok_or(CliError::NotRunning)?.status()?;
    output::print(&format!(
        "\
Daemon    running since {since}, pid {pid}, release {release}
Vault     {vault}
Identity  {identity}
Locked    {locked}",
        since = date::local(status.since),
        pid = status.pid,
        release = status.release,
        vault = status.vault,
        identity = status.identity,
        locked = if status.locked { "yes" } else { "no" },
    ))
}
