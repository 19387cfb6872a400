//! `history`: the versions of a secret, without their values.

use fluvio_secret_protocol::{SecretName, Versions};
use serde::Serialize;

use super::client;
use crate::args::Format;
use crate::error::CliError;
use crate::{date, format};

pub(crate) fn history(name: &SecretName, form: Format) -> Result<(), CliError> {
    let versions = client()?.history(name.clone())?;
    format::print(form, || table(&versions), || History::of(name, &versions))
}

/// The versions of a secret, for programs.
#[derive(Serialize)]
struct History<'a> {
    name: &'a SecretName,
    present: Option<Present>,
    earlier: Vec<Earlier>,
}

#[derive(Serialize)]
struct Present {
    last_update: Option<String>,
}

#[derive(Serialize)]
struct Earlier {
    version: u64,
    last_update: Option<String>,
}

impl<'a> History<'a> {
    fn of(name: &'a SecretName, versions: &Versions) -> Self {
        let earlier = versions.earlier.iter().map(|earlier| Earlier {
            version: earlier.version,
            last_update: date::rfc3339(earlier.set_at),
        });
        Self {
            name,
            present: versions.present.map(|at| Present { last_update: date::rfc3339(at) }),
            earlier: earlier.collect(),
        }
    }
}

fn table(versions: &Versions) -> String {
    let present = versions.present.map(|at| ["present".to_owned(), date::local(at)]);
    let earlier = versions
        .earlier
        .iter()
        .map(|earlier| [earlier.version.to_string(), date::local(earlier.set_at)]);
    let rows: Vec<_> = present.into_iter().chain(earlier).collect();
    format::table(["Version", "LastUpdate"], &rows)
}
