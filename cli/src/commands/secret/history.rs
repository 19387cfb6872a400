//! `history`: the versions of a secret, without their values.

use clap::Args;
use fluvio_secret_protocol::{self as protocol, SecretName, VaultAddress, Versions};
use serde::Serialize;

use crate::argument::{self, names};
use crate::connection::client_about;
use crate::error::CliError;
use crate::format::{OutputArgs, OutputFormat};
use crate::style::Styled;
use crate::vault_choice::{self, VaultArgs};
use crate::{date, format};

/// Show the versions of a secret, newest first
#[derive(Args, Debug)]
#[command(after_help = "\
The last ten versions that were overwritten or deleted are kept, encrypted. The setting history
changes that number. No command shows their values.

Example:
  fluvio-secret history AUTH_HEADER")]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    vault: VaultArgs,

    /// The name of the secret
    #[arg(value_name = "NAME", value_parser = argument::parsed(argument::name), add = names())]
    name: SecretName,
}

pub(crate) fn history(args: &HistoryArgs) -> Result<(), CliError> {
    let name = &args.name;
    let vault = args.vault.here()?;
    let versions = client_about(vault.clone())?.call(protocol::History { name: name.clone() })?;
    if args.output.format == OutputFormat::Table {
        vault_choice::note(vault.as_ref());
    }
    let value = || ShownHistory::of(name, &versions, vault.as_ref());
    format::print(args.output.format, || table(&versions), value)
}

#[derive(Serialize)]
struct ShownHistory<'a> {
    name: &'a SecretName,
    vault: Option<&'a str>,
    present: Option<ShownVersion>,
    earlier: Vec<ShownVersion>,
}

#[derive(Serialize)]
struct ShownVersion {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    last_update: Option<String>,
}

impl<'a> ShownHistory<'a> {
    fn of(name: &'a SecretName, versions: &Versions, vault: Option<&'a VaultAddress>) -> Self {
        let shown = |version, at| ShownVersion { version, last_update: date::rfc3339(at) };
        let earlier = versions.earlier.iter();
        Self {
            name,
            vault: vault.map(|vault| &*vault.path),
            present: versions.present.map(|at| shown(None, at)),
            earlier: earlier.map(|one| shown(Some(one.version), one.set_at)).collect(),
        }
    }
}

fn table(versions: &Versions) -> Styled {
    let present = versions.present.map(|at| ["present".to_owned(), date::local(at)]);
    let earlier = versions
        .earlier
        .iter()
        .map(|earlier| [earlier.version.to_string(), date::local(earlier.set_at)]);
    let rows: Vec<_> = present.into_iter().chain(earlier).collect();
    format::table(["Version", "LastUpdate"], &rows)
}
