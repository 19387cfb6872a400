//! `list`: names and dates, to the letter as the cloud prints them.

use fluvio_secret_protocol::{List, ListDeleted, ListedSecret};
use serde::Serialize;

use clap::Args;

use super::used::list_used;
use crate::connection::client;
use crate::error::CliError;
use crate::format::{OutputArgs, OutputFormat};
use crate::style::Styled;
use crate::{date, format, output};

/// List the secrets and when they were set
#[derive(Args, Debug)]
#[command(after_help = "\
With --used, each secret has the configurations below the current directory that reference it, and
its last delivery in the audit log. Hidden directories, node_modules, target and venv are not
searched.

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

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct ShownSecret {
    name: String,
    last_update: Option<String>,
}

pub(crate) fn list(args: &ListSecretsArgs) -> Result<(), CliError> {
    if args.used {
        return list_used(args.output.format);
    }
    let mut client = client()?;
    let secrets = match args.deleted {
        true => client.collect(ListDeleted)?,
        false => client.collect(List)?,
    };
    let value = |secret: &ListedSecret| ShownSecret {
        name: secret.name.to_string(),
        last_update: date::rfc3339(secret.set_at),
    };
    let values = || secrets.iter().map(value).collect::<Vec<_>>();
    if secrets.is_empty() && args.output.format == OutputFormat::Table {
        output::say(match args.deleted {
            true => "note: there are no deleted secrets to restore",
            false => "note: there are no secrets yet\nhelp: set one with: fluvio-secret set NAME",
        });
    }
    format::print(args.output.format, || table(&secrets, date::cloud), values)
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
        ListedSecret { name: name.parse().expect("a name"), set_at }
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
