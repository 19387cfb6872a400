//! Connections to the daemon, and the directories of this user.

use fluvio_secret_protocol::{
    Client, ClientError, GetStatus, Status, VaultAddress, connect, connect_or_start,
};
use fluvio_secret_system::places::{Places, StateDirectory};

use crate::error::CliError;

/// A connection to the daemon. Starts a daemon if none runs. Fails if a running one uses another identity than
/// the one that the environment names.
pub(crate) fn client() -> Result<Client, CliError> {
    let state = state()?;
    let mut client = connect_or_start(&state)?;
    if state.external_identity.is_some()
        && let Some(error) = other_identity(&state, &client.call(GetStatus)?)
    {
        return Err(error);
    }
    Ok(client)
}

/// The same, for requests about this vault; `None` is the personal one.
pub(crate) fn client_about(vault: Option<VaultAddress>) -> Result<Client, CliError> {
    Ok(client()?.about(vault))
}

/// Why a daemon with another identity than the one that the environment names is not used.
pub(crate) fn other_identity(state: &StateDirectory, status: &Status) -> Option<CliError> {
    let expected = state.expected_identity().filter(|expected| *expected != status.identity)?;
    Some(CliError::OtherIdentity { identity: status.identity.clone(), expected })
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
