//! `list`: names and dates, to the letter as the cloud prints them.

use fluvio_secret_protocol::{
    Client, ClientError, List, ListDeleted, ListVaults, ListedSecret, ListedVault, VaultAddress,
};
use serde::Serialize;

use clap::Args;

use super::remarks::say_older;
use super::used::list_used;
use crate::connection::{client, client_about};
use crate::error::CliError;
use crate::format::{OutputArgs, OutputFormat};
use crate::members::{Standing, members};
use crate::style::Styled;
use crate::vault_choice::{self, VaultArgs};
use crate::{date, format, output};

/// List the secrets and when they were set
#[derive(Args, Debug)]
#[command(after_help = "\
With --used, each secret has the configurations below the current directory that reference it, and
its last delivery in the audit log. Hidden directories, node_modules, target and venv are not
searched.

With --all-vaults, the secrets of your personal vault come first, and then those of each project whose
vault you have registered.

Example:
  fluvio-secret list
  fluvio-secret list -O json
  fluvio-secret list --used")]
pub(crate) struct ListSecretsArgs {
    /// List deleted secrets, which `restore` brings back
    #[arg(long)]
    deleted: bool,

    /// Show where each secret is used
    #[arg(long, conflicts_with = "deleted")]
    used: bool,

    /// List the secrets of all registered vaults
    #[arg(long, conflicts_with_all = ["used", "vault"])]
    all_vaults: bool,

    #[command(flatten)]
    vault: VaultArgs,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct ShownSecret<'a> {
    name: &'a str,
    /// The directory of a project's vault.
    vault: Option<&'a str>,
    last_update: Option<String>,
    /// Whether this machine has seen a later change.
    older: bool,
}

pub(crate) fn list(args: &ListSecretsArgs) -> Result<(), CliError> {
    if args.all_vaults {
        return list_all(args);
    }
    let vault = args.vault.here()?;
    if args.used {
        return list_used(vault.as_ref(), &args.vault, args.output.format);
    }
    let path = vault.as_ref().map(|vault| vault.path.clone());
    let mut client = client_about(vault.clone())?;
    let secrets = listed(args, &mut client)?;
    let values = || secrets.iter().map(|one| shown(one, path.as_deref())).collect::<Vec<_>>();
    if args.output.format == OutputFormat::Table {
        vault_choice::note(vault.as_ref());
        say_older(&secrets, "", vault.as_ref(), &args.vault);
    }
    if secrets.is_empty() && args.output.format == OutputFormat::Table {
        output::say(&match args.deleted {
            true => "note: there are no deleted secrets to restore".to_owned(),
            false => about_none(&mut client),
        });
    }
    format::print(args.output.format, || table(&secrets, date::cloud), values)
}

/// Why there are no secrets.
fn about_none(client: &mut Client) -> String {
    // If the daemon does not list the members, the general advice is still of use.
    let standing = members(client).map_or(Standing::Writer, |members| Standing::of(&members));
    match &standing {
        Standing::Applicant(own) => format!(
            "note: there are no secrets before an admin has admitted this machine\n\
             help: have an admin run: fluvio-secret member admit {own}"
        ),
        Standing::Admin | Standing::Writer => {
            "note: there are no secrets yet\nhelp: set one with: fluvio-secret set NAME".to_owned()
        }
        Standing::Reader | Standing::Stranger => {
            format!("note: there are no secrets yet\nhelp: {}", standing.change("set one"))
        }
    }
}

fn listed(args: &ListSecretsArgs, client: &mut Client) -> Result<Vec<ListedSecret>, ClientError> {
    match args.deleted {
        true => client.collect(ListDeleted),
        false => client.collect(List),
    }
}

fn shown<'a>(secret: &'a ListedSecret, vault: Option<&'a str>) -> ShownSecret<'a> {
    let ListedSecret { name, set_at, older } = secret;
    ShownSecret { name: name.as_str(), vault, last_update: date::rfc3339(*set_at), older: *older }
}

/// Lists the secrets of all vaults. One that cannot be opened is reported, and the others are listed.
fn list_all(args: &ListSecretsArgs) -> Result<(), CliError> {
    let mut client = client()?;
    let mut all = Vec::new();
    let mut is_one_closed = false;
    for ListedVault { path, id, personal, .. } in client.collect(ListVaults)? {
        let vault = (!personal).then_some(VaultAddress { path, id });
        client = client.about(vault.clone());
        match listed(args, &mut client) {
            Ok(secrets) => all.extend(secrets.into_iter().map(|secret| (secret, vault.clone()))),
            Err(error @ ClientError::Refused(_)) => {
                output::error(&error.into());
                is_one_closed = true;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let row = |(secret, vault): &(ListedSecret, Option<VaultAddress>)| {
        let vault = vault_choice::shown(path_of(vault.as_ref()));
        [secret.name.to_string(), date::cloud(secret.set_at), vault]
    };
    if args.output.format == OutputFormat::Table {
        // The secrets of a vault are in a row.
        for of_vault in all.chunk_by(|(_, one), (_, other)| one == other) {
            let secrets: Vec<_> = of_vault.iter().map(|(secret, _)| secret.clone()).collect();
            let vault = of_vault.first().and_then(|(_, vault)| vault.as_ref());
            let named = VaultArgs::naming_directory(path_of(vault));
            let shown = vault_choice::shown(path_of(vault));
            say_older(&secrets, &format!(" in the vault {shown}"), vault, &named);
        }
    }
    format::print(
        args.output.format,
        || {
            let rows: Vec<_> = all.iter().map(row).collect();
            format::table(["SecretNames", "LastUpdate", "Vault"], &rows)
        },
        || all.iter().map(|(one, vault)| shown(one, path_of(vault.as_ref()))).collect::<Vec<_>>(),
    )?;
    if is_one_closed { Err(CliError::Some) } else { Ok(()) }
}

fn path_of(vault: Option<&VaultAddress>) -> Option<&str> {
    vault.map(|vault| &*vault.path)
}

fn table(secrets: &[ListedSecret], date: impl Fn(i64) -> String) -> Styled {
    let rows = secrets.iter().map(|secret| [secret.name.to_string(), date(secret.set_at)]);
    format::table(["SecretNames", "LastUpdate"], &rows.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::ListedSecret;

    use super::table;

    fn secret(name: &str, set_at: i64) -> ListedSecret {
        ListedSecret { name: name.parse().expect("a name"), set_at, older: false }
    }

    #[test]
    fn the_table_is_the_clouds() {
        let secrets = [secret("CAT_FACTS_CLIENT_ID", 1), secret("CAT_FACTS_SECRET", 2)];
        let dates = |at| ["12-10-2022 1:07pm", "01-02-2023 12:01am"][usize::from(at == 2)].into();
        assert_eq!(
            table(&secrets, dates).text,
            "\
SecretNames          LastUpdate
CAT_FACTS_CLIENT_ID  12-10-2022 1:07pm
CAT_FACTS_SECRET     01-02-2023 12:01am
"
        );
    }

    #[test]
    fn short_names_stand_below_the_head() {
        assert_eq!(table(&[], |_| String::new()).text, "SecretNames  LastUpdate\n");
        let text = table(&[secret("A", 1)], |_| "x".into()).text;
        assert_eq!(text, "SecretNames  LastUpdate\nA            x\n");
    }
}
