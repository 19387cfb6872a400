//! `vault forget`: removes a vault from the registered ones.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use fluvio_secret_protocol::{ForgetVault, ListVaults, ListedVault, VaultForgotten};
use fluvio_secret_system::printable;

use crate::commands::sync;
use crate::connection::client;
use crate::error::CliError;
use crate::vault_choice::{named_or_found, text_of};
use crate::{argument, format, output, question};

/// Remove a vault from the registered ones
#[derive(Args, Debug)]
#[command(after_help = "\
Its files stay, and its leases end. Until you register it again with `vault trust`, commands in the project fail.
`key rotate` leaves a forgotten vault as it is, so `key retire` refuses to remove a key that it may
need. If you do not need the vault any more, use --for-good.

Example:
  fluvio-secret vault forget ~/src/weather
  fluvio-secret vault forget --for-good ~/src/weather")]
pub(crate) struct ForgetVaultArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Let `key retire` remove keys that only this vault needs
    #[arg(long)]
    for_good: bool,

    /// Directory of the project, even if it is gone
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath, add = argument::vaults())]
    directory: Option<PathBuf>,
}

pub(super) fn forget(args: &ForgetVaultArgs) -> Result<(), CliError> {
    let path = match named_or_found(args.directory.as_deref()) {
        Err(error @ CliError::NoProject) => {
            return Err(CliError::NothingToForget { why: error.to_string() });
        }
        path => text_of(&path?)?,
    };
    let for_good = args.for_good;
    let registered = client()?.collect(ListVaults)?;
    // The daemon may still know a forgotten vault.
    let is_it = |vault: &ListedVault| !vault.personal && vault.path == path;
    if !for_good && !registered.iter().any(is_it) {
        let why = format!("the vault {} is not registered", printable::line(&path));
        return Err(CliError::NothingToForget { why });
    }
    let replication = sync::replication_of(&path, &registered);
    if !args.yes {
        let topic = replication.as_ref().map(|vault| &*vault.topic);
        let question = forget_question(&format::shorten(&path), for_good, topic);
        question::ask(&question, "forgotten")?;
    }
    let VaultForgotten { leases } = client()?.call(ForgetVault { path: path.clone(), for_good })?;
    output::confirm(&format!("Vault \"{}\" forgotten successfully", printable::line(&path)));
    if let Some(vault) = replication {
        output::say(&sync::end_with_vault(&vault, for_good)?);
    }
    output::say(match for_good {
        true => "note: `key retire` may now remove a key that only this vault needs",
        false => {
            "note: `key rotate` leaves its secrets as they are, and `key retire` keeps their keys"
        }
    });
    if leases > 0 {
        let leases = format::count(leases, "lease");
        output::say(&format!("note: {leases} ended, so a connector may find no secrets any more"));
    }
    Ok(())
}

/// `topic` is the one that the vault is replicated over.
fn forget_question(vault: &str, for_good: bool, topic: Option<&str>) -> String {
    let mut question = match for_good {
        true => {
            format!("Forget the vault {vault} for good? You may lose the secrets in its files.")
        }
        false => format!(
            "Forget the vault {vault}? Its files stay, but `key rotate` leaves them as they are."
        ),
    };
    if let Some(topic) = topic {
        question += &format!(" Its replication over the topic {topic} ends.");
    }
    question
}

#[cfg(test)]
mod tests {
    use super::forget_question;

    #[test]
    fn you_are_asked_about_all_that_ends_with_a_vault() {
        for for_good in [false, true] {
            let plain = forget_question("/p", for_good, None);
            let expected = format!("{plain} Its replication over the topic t ends.");
            assert_eq!(forget_question("/p", for_good, Some("t")), expected);
        }
    }
}
