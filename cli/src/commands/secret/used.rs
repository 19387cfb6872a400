//! `list --used`: which configurations reference each secret, and to which programs it was delivered.

use std::path::Path;

use fluvio_secret_protocol::{List, ListedSecret, VaultAddress};
use serde::Serialize;

use super::remarks::say_older;
use crate::config_search::ConfigSearch;
use crate::connection::client_about;
use crate::deliveries::{Deliveries, ShownDelivery};
use crate::error::CliError;
use crate::format::OutputFormat;
use crate::vault_choice::{self, VaultArgs};
use crate::{date, format, output};

#[derive(Serialize)]
struct ShownUse<'a> {
    name: &'a str,
    vault: Option<&'a str>,
    last_update: Option<String>,
    older: bool,
    configs: Vec<String>,
    deliveries: Vec<ShownDelivery<'a>>,
}

pub(super) fn list_used(
    vault: Option<&VaultAddress>,
    named: &VaultArgs,
    format: OutputFormat,
) -> Result<(), CliError> {
    let secrets = client_about(vault.cloned())?.collect(List)?;
    let search = ConfigSearch::below(Path::new(""))?;
    let deliveries = Deliveries::read(vault)?;
    if format == OutputFormat::Table {
        vault_choice::note(vault);
        say_older(&secrets, "", vault, named);
    }
    search.report();
    if search.is_partial {
        output::say(
            "warning: only a part of this directory was searched, because it is too large\n\
             help: run the command in a smaller directory",
        );
    }
    let configs = |secret: &ListedSecret| -> Vec<_> {
        search.with(&secret.name).map(|path| path.display().to_string()).collect()
    };
    let row = |secret: &ListedSecret| {
        let last = deliveries.last(&secret.name);
        [secret.name.to_string(), format::some(&configs(secret)), last]
    };
    let value = |secret| -> ShownUse<'_> {
        let secret: &ListedSecret = secret;
        ShownUse {
            name: secret.name.as_str(),
            vault: vault.map(|vault| &*vault.path),
            last_update: date::rfc3339(secret.set_at),
            older: secret.older,
            configs: configs(secret),
            deliveries: deliveries.of(&secret.name),
        }
    };
    format::print(
        format,
        || {
            let rows: Vec<_> = secrets.iter().map(row).collect();
            format::table(["SecretNames", "Configurations", "LastDelivery"], &rows)
        },
        || secrets.iter().map(value).collect::<Vec<_>>(),
    )
}
