//! One file for each command.

mod cdk;
mod check;
mod completions;
mod daemon;
mod delete;
mod doctor;
mod history;
mod import;
mod key;
mod lease;
mod list;
mod log;
mod metadata;
mod recipient;
mod rekey;
mod restore;
mod rotate;
mod run;
mod set;
mod status;
mod unlock;
mod use_identity;

pub(crate) use cdk::{cdk, install, uninstall};
pub(crate) use check::{check, read_config};
pub(crate) use completions::{completions, names};
pub(crate) use daemon::daemon;
pub(crate) use delete::delete;
pub(crate) use doctor::doctor;
pub(crate) use history::history;
pub(crate) use import::import;
pub(crate) use key::{passphrase, show_key};
pub(crate) use lease::{end_lease, list_leases};
pub(crate) use list::list;
pub(crate) use log::log;
pub(crate) use metadata::metadata;
pub(crate) use recipient::{accept_recipients, add_recipient, list_recipients, remove_recipient};
pub(crate) use restore::restore;
pub(crate) use rotate::rotate;
pub(crate) use run::{run, watch_cdk};
pub(crate) use set::set;
pub(crate) use status::status;
pub(crate) use unlock::{lock, unlock, unlock_first};
pub(crate) use use_identity::use_identity;

use fluvio_secret_protocol::{Client, ClientError, connect, connect_or_start};
use fluvio_secret_system::places::{Places, StateDirectory};

use crate::error::CliError;

/// A connection to the daemon, which is started when none runs.
fn client() -> Result<Client, CliError> {
    Ok(connect_or_start(&state()?)?)
}

/// A connection to the daemon that runs, if one does.
fn running_client() -> Result<Option<Client>, CliError> {
    match connect(&state()?) {
        Ok(client) => Ok(Some(client)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn state() -> Result<StateDirectory, CliError> {
    StateDirectory::from_environment().map_err(|error| CliError::Client(ClientError::Place(error)))
}

fn places() -> Result<Places, CliError> {
    Places::from_environment().map_err(|error| CliError::Client(ClientError::Place(error)))
}
