//! `delete`: takes secrets away. Each on its own, as `rm` does it.

use fluvio_secret_protocol::{ClientError, SecretName};

use super::client;
use crate::error::CliError;
use crate::output;

pub(crate) fn delete(names: Vec<SecretName>) -> Result<(), CliError> {
    let mut client = client()?;
    let mut outcome = Ok(());
    for name in names {
        match client.delete(name.clone()) {
            // One result that cannot be written does not keep the rest from being deleted.
            Ok(()) => {
                let printed = output::print(&format!("Secret \"{name}\" deleted successfully"));
                outcome = outcome.and(printed);
            }
            Err(error @ ClientError::Refused(_)) => {
                CliError::from(error).print();
                outcome = Err(CliError::Some);
            }
            Err(error) => return Err(error.into()),
        }
    }
    outcome
}
