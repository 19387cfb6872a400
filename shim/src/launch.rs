//! A connector's start: this process becomes the connector.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use fluvio_secret_protocol::{ClientError, Grant, Granted, InjectMode};
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::inherited;
use fluvio_secret_system::places::StateDirectory;

use crate::args::Launch;
use crate::delivery::Delivery;
use crate::error::ShimError;
use crate::memfd::SecretsMemfd;
use crate::message::say;
use crate::{command, config, delivery, log_level, memfd, message, supervised};

/// Why a connector was not started.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LaunchError(pub(crate) ShimError);

impl LaunchError {
    /// Whether the vault has to be unlocked first.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    /// The exit status for it.
    #[must_use]
    pub fn status(&self) -> u8 {
        self.0.status(supervised::is_supervised())
    }
}

impl Helpful for LaunchError {
    fn cause_line(&self) -> String {
        self.0.cause_line()
    }

    fn help(&self) -> Option<Help> {
        self.0.help()
    }
}

/// Becomes the connector, with the secrets that its configuration references. Returns only the reason why
/// not.
#[must_use]
pub fn become_connector(launch: &Launch, hardened: Hardened) -> LaunchError {
    match exec(launch, hardened) {
        Ok(never) => match never {},
        Err(error) => LaunchError(error),
    }
}

/// A connector that can be started. It inherits the secrets file that this holds.
pub struct PreparedConnector {
    /// The command that starts it.
    pub command: Command,
    /// The secrets that it gets, without those of a lease.
    pub granted: Granted,
    /// The secrets file of its lease, which is replaced when a secret changes.
    pub lease: Option<PathBuf>,
    pub(crate) by_environment: bool,
    file: Option<SecretsMemfd>,
}

impl PreparedConnector {
    /// A command that gets no secrets.
    pub(crate) fn without_secrets(command: Command) -> Self {
        let granted = without_secrets();
        Self { command, granted, lease: None, by_environment: false, file: None }
    }

    /// This process becomes it. Returns only the reason why not.
    pub(crate) fn exec(self) -> ShimError {
        let program = self.command.get_program().to_owned();
        let source = inherited::exec(self.command, &program);
        drop(self.file);
        ShimError::exec(program, self.by_environment.then_some(&self.granted), source)
    }

    /// Why the command did not start.
    #[must_use]
    pub fn start_error(&self, source: io::Error) -> LaunchError {
        let environment = self.by_environment.then_some(&self.granted);
        let program = self.command.get_program().to_owned();
        LaunchError(ShimError::exec(program, environment, source))
    }
}

/// Prepares a connector for a program that stays its parent.
///
/// # Errors
///
/// Those of [`become_connector`], except that of the exec.
pub fn prepare_connector(launch: &Launch) -> Result<PreparedConnector, LaunchError> {
    prepare(launch).map_err(LaunchError)
}

/// Becomes the connector, with an error that the shim can still act on.
pub(crate) fn exec(launch: &Launch, hardened: Hardened) -> Result<Infallible, ShimError> {
    let prepared = prepare(launch)?;
    hardened.release().map_err(ShimError::System)?;
    Err(prepared.exec())
}

fn prepare(launch: &Launch) -> Result<PreparedConnector, ShimError> {
    command::check(launch)?;
    let granted = if command::brings_its_own_secrets(launch) {
        say("note: the command has its own --secrets, so it gets no secrets from the vault");
        without_secrets()
    } else {
        grant(launch)?
    };
    let inject = launch.inject_mode(granted.inject);
    let mut delivery = delivery::choose(inject, &granted).map_err(ShimError::Unfit)?;
    if let Delivery::Environment { because: Some(unfitting) } = &delivery {
        say(&format!("warning: all secrets are passed as environment variables: {unfitting}"));
    }
    let mut file = None;
    if delivery == Delivery::File {
        match memfd::secrets_file(&granted) {
            Ok(made) => file = Some(made),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                delivery = delivery::without_file(inject, &granted).ok_or(ShimError::FileLimit)?;
                let limit = ShimError::FileLimit;
                say(&format!("warning: all secrets are passed as environment variables: {limit}"));
            }
            Err(error) => return Err(ShimError::System(error)),
        }
    }
    let by_environment = matches!(delivery, Delivery::Environment { .. });
    let environment = by_environment.then_some(&granted);
    let command = command::build(launch, file.as_ref(), environment);
    if let Some(file) = &file {
        file.let_inherit().map_err(ShimError::System)?;
    }
    Ok(PreparedConnector { command, granted, lease: None, by_environment, file })
}

fn without_secrets() -> Granted {
    Granted { connector: None, inject: InjectMode::Auto, secrets: Vec::new(), note: None }
}

fn grant(launch: &Launch) -> Result<Granted, ShimError> {
    let config = config::read(&launch.config)?;
    let state = StateDirectory::from_environment().map_err(ClientError::Place)?;
    let label = command::config_label(&launch.config);
    let program = command::label(&launch.program);
    let text = config.clone();
    let check = launch.check && !launch.as_is;
    let grant = Grant { label, program, check, identity: state.expected_identity(), config };
    let vault = config::vault_of(&launch.config, launch.vault.as_deref())?;
    let granted = (launch.call)(&state, vault, grant)?;
    let granted = granted.map_err(|found| ShimError::faulty(&found, &launch.config, &text))?;
    message::note(granted.note.as_deref());
    if !granted.secrets.is_empty() {
        log_level::warn(&text, None);
    }
    Ok(granted)
}
