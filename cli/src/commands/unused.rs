//! `check --unused`: the secrets that no configuration below a directory references.

use std::path::Path;

use fluvio_secret_protocol::{List, ListedSecret};
use fluvio_secret_system::printable;
use serde::Serialize;

use crate::config_search::ConfigSearch;
use crate::connection::client_about;
use crate::deliveries::{Deliveries, ShownDelivery};
use crate::error::CliError;
use crate::format::OutputFormat;
use crate::vault_choice::{self, VaultArgs};
use crate::{date, format, output};

#[derive(Serialize)]
struct ShownUnused<'a> {
    directory: String,
    vault: Option<&'a str>,
    /// The configurations that reference secrets.
    configs: Vec<String>,
    secrets: Vec<UnusedSecret<'a>>,
    /// Configurations that cannot be read.
    unread: Vec<String>,
    /// Kinds of directories that were not searched.
    left_out: Vec<&'static str>,
}

#[derive(Serialize)]
struct UnusedSecret<'a> {
    name: &'a str,
    last_update: Option<String>,
    deliveries: Vec<ShownDelivery<'a>>,
}

pub(super) fn check_unused(
    directory: &Path,
    vault: &VaultArgs,
    format: OutputFormat,
) -> Result<(), CliError> {
    let search = ConfigSearch::below(directory)?;
    if search.is_partial {
        // A secret that seems unused may be deleted.
        return Err(CliError::Search {
            directory: directory.to_owned(),
            why: "it is too large to be searched within a second".into(),
            help: Some("name a smaller directory"),
        });
    }
    let vault = vault.of(directory)?;
    let secrets = client_about(vault.clone())?.collect(List)?;
    let deliveries = Deliveries::read(vault.as_ref())?;
    let unused: Vec<_> =
        secrets.iter().filter(|secret| search.with(&secret.name).next().is_none()).collect();
    search.report();
    if format == OutputFormat::Table {
        vault_choice::note(vault.as_ref());
        output::say(&summary(&search, directory, secrets.len() - unused.len(), secrets.len()));
    }
    let row = |secret: &&ListedSecret| [secret.name.to_string(), deliveries.last(&secret.name)];
    let shown = |path: &std::path::PathBuf| path.display().to_string();
    let value = || ShownUnused {
        directory: directory.display().to_string(),
        vault: vault.as_ref().map(|vault| &*vault.path),
        configs: search.configs.keys().map(shown).collect(),
        secrets: unused.iter().map(|secret| unused_secret(secret, &deliveries)).collect(),
        unread: search.unread.keys().map(shown).collect(),
        left_out: search.left_out.iter().copied().collect(),
    };
    format::print(
        format,
        || {
            format::table(
                ["UnusedSecrets", "LastDelivery"],
                &unused.iter().map(row).collect::<Vec<_>>(),
            )
        },
        value,
    )?;
    if search.unread.is_empty() { Ok(()) } else { Err(CliError::Some) }
}

fn unused_secret<'a>(secret: &'a ListedSecret, deliveries: &'a Deliveries) -> UnusedSecret<'a> {
    UnusedSecret {
        name: secret.name.as_str(),
        last_update: date::rfc3339(secret.set_at),
        deliveries: deliveries.of(&secret.name),
    }
}

fn summary(search: &ConfigSearch, directory: &Path, used: usize, all: usize) -> String {
    let configs = format::count(search.configs.len(), "configuration");
    let verb = if search.configs.len() == 1 { "references" } else { "reference" };
    format!(
        "note: {configs} below {} {verb} {used} of {}",
        printable::path(directory),
        format::count(all, "secret")
    )
}
