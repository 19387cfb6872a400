//! Connections to the daemon, and the directories of this user.

use fluvio_secret_protocol::{Client, ClientError, connect, connect_or_start};
use fluvio_secret_system::places::{Places, StateDirectory};

use crate::error::CliError;

/// A connection to the daemon. Starts a daemon if none runs.
pub(crate) fn client() -> Result<Client, CliError> {
    Ok(connect_or_start(&state()?)?)
}

/// A connection to the running daemon, if there is one.
pub(crate) fn running_client() -> Result<Option<Client>, CliError> {
    match connect(&state()?) {
        Ok(client) => Ok(Some(client)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn state() -> Result<StateDirectory, CliError> {
    StateDirectory::from_environment().map_err(|error| CliError::Client(ClientError::Place(error)))
}

pub(crate) fn places() -> Result<Places, CliError> {
    Places::from_environment().map_err(|error| CliError::Client(ClientError::Place(error)))
}
