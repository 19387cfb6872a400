//! The supervisor: reacts to changes, to signals, and to the end of the connector.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{StartError, Subscribed};
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::inherited;
use fluvio_secret_system::places::StateDirectory;

use super::args::WatchArgs;
use super::connector::{Connector, Next};
use super::debounce::Sign;
use super::fitness::{check_fit, unread};
use super::hold::{FINE_AGAIN, Hold, UnfitChange};
use super::inputs::Inputs;
use super::lock_watch::LockWatch;
use super::process_group;
use super::report::{Reason, Report, WatchEvent};
use super::subscription::{SecretChanges, is_about_vault};
use crate::error::{CliError, NOT_STARTED};
use crate::vault_choice::VaultArgs;
use crate::{config_file, connection, output, signals};

pub(crate) struct Plan {
    pub(crate) config: PathBuf,
    pub(crate) watch: WatchArgs,
    /// Whether its start is checked.
    pub(crate) check: bool,
    /// Whether only a secrets file can pass its values.
    pub(crate) by_file: bool,
    /// The vault that its secrets come from, unless it has a secrets file of its own.
    pub(crate) vault: Option<VaultArgs>,
    /// The program that is started, for messages.
    pub(crate) program: PathBuf,
    /// Makes the command that is started each time.
    pub(crate) command: Box<dyn Fn() -> Command>,
}

enum News {
    Files(Sign),
    /// A message of a subscription, with its number.
    Secrets(u64, Option<Subscribed>),
    Signal(i32),
}

struct Supervisor {
    plan: Plan,
    places: StateDirectory,
    report: Report,
    connector: Connector,
    inputs: Inputs,
    secrets: SecretChanges,
    lock: LockWatch,
    hold: Hold,
}

/// Supervises a connector. The supervisor has no value, and the shim starts as it does from a shell.
pub(crate) fn supervise(plan: Plan, hardened: Hardened) -> Result<(), CliError> {
    hardened.release().map_err(CliError::System)?;
    // Connectors inherit the signals as they were. The supervisor has to receive its own.
    inherited::unblock_signals().map_err(CliError::System)?;
    match watch(plan)? {
        0 => Ok(()),
        status => Err(CliError::Connector(status)),
    }
}

/// Runs until the connector stops by itself or a signal stops it, and returns its status.
fn watch(plan: Plan) -> Result<u8, CliError> {
    // A mistyped path is not waited for.
    config_file::read(&plan.config)?;
    for path in &plan.watch.paths {
        let found = fs::metadata(path);
        found.map_err(|source| CliError::Watch { path: path.clone(), source })?;
    }
    let places = connection::state()?;
    let (sender, news) = mpsc::channel();
    // An error means that the supervisor has stopped.
    let send = move |news| drop(sender.send(news));
    let send_signal = send.clone();
    signals::hand_over(move |signal| send_signal(News::Signal(signal)))
        .and_then(|()| process_group::adopt_orphans())
        .map_err(CliError::System)?;
    let paths = std::iter::once(&plan.config).chain(&plan.watch.paths).map(std::path::absolute);
    let paths = paths.collect::<io::Result<_>>().map_err(CliError::System)?;
    let send_sign = send.clone();
    let on_secrets = move |number, subscribed| send(News::Secrets(number, subscribed));
    let supervisor = Supervisor {
        report: Report::new(plan.watch.output.format, plan.watch.clear),
        connector: Connector::new(plan.watch.grace(), plan.watch.restart),
        inputs: Inputs::watch(paths, move |sign| send_sign(News::Files(sign))),
        secrets: SecretChanges::new(places.clone(), Arc::new(on_secrets)),
        lock: LockWatch::new(places.clone()),
        hold: Hold::default(),
        plan,
        places,
    };
    supervisor.run(&news)
}

impl Supervisor {
    fn run(mut self, news: &mpsc::Receiver<News>) -> Result<u8, CliError> {
        self.inputs.poll_silent(&self.report);
        // A vault that you have not registered is not waited for.
        if let Err(error) = self.subscribe()
            && is_about_vault(&error)
        {
            output::error(&error);
            return Ok(NOT_STARTED);
        }
        self.start(None)?;
        loop {
            if let Some(status) = self.advance()? {
                return Ok(status);
            }
            let heard = match self.due() {
                None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => news.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            if let Ok(news) = heard
                && let Some(status) = self.hear(news)?
            {
                return Ok(status);
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        // A connector that is stopping has to stop before an unlocked vault or another attempt counts.
        let is_stopping = self.connector.is_stopping();
        let unlocked = self.lock.due().filter(|_| !is_stopping);
        let again = self.hold.due().filter(|_| !is_stopping);
        // Not before the pause after a restart is over.
        let not_before = |due| self.connector.pause_end().map_or(due, |end| end.max(due));
        let check = self.inputs.due().into_iter().chain(again).min().map(not_before);
        self.connector.due().into_iter().chain(check).chain(unlocked).min()
    }

    fn hear(&mut self, news: News) -> Result<Option<u8>, CliError> {
        match news {
            News::Files(sign) => self.heard(sign),
            News::Secrets(number, Some(subscribed)) => {
                if self.secrets.hear(number, &subscribed) {
                    self.heard(Sign::Secrets);
                }
            }
            News::Secrets(number, None) if self.secrets.is_current(number) => {
                let text = "the daemon stopped, so changed secrets are noticed when it runs again";
                self.report.print(&WatchEvent::Note { text });
            }
            // The next step reaps the children.
            News::Secrets(_, None) | News::Signal(signals::CHILD) => {}
            // Ctrl-Z stops the connector, too.
            News::Signal(signals::STOP) => self.connector.suspend().map_err(CliError::System)?,
            News::Signal(signal) => return Ok(self.connector.exit_by(signal)),
        }
        Ok(None)
    }

    fn heard(&mut self, sign: Sign) {
        let now = Instant::now();
        self.inputs.heard(sign, now, self.connector.is_soon_after_restart(now));
    }

    /// Does what is due. Returns the status with which to exit.
    fn advance(&mut self) -> Result<Option<u8>, CliError> {
        let now = Instant::now();
        match self.connector.advance(now, &self.report) {
            Some(Next::Start(after)) => self.start(after)?,
            Some(Next::Stopped { status, was_steady }) => {
                self.stopped_by_itself(status, was_steady);
                return self.advance();
            }
            Some(Next::Exit(status)) => return Ok(Some(status)),
            None => {}
        }
        let is_unlocked = !self.connector.is_stopping() && self.lock.has_opened(now);
        if is_unlocked && self.connector.is_waiting() {
            self.start(None)?;
        } else if is_unlocked {
            self.hold.release();
            self.check()?;
        }
        if !self.connector.is_soon_after_restart(now) {
            let is_again =
                !self.connector.is_stopping() && self.hold.due().is_some_and(|due| due <= now);
            if self.inputs.is_due(now) || is_again {
                self.check()?;
            }
        }
        Ok(None)
    }

    /// Starts the connector. Its files and secrets are read before, so that a later change counts.
    fn start(&mut self, after: Option<(Reason, Option<Duration>)>) -> Result<(), CliError> {
        self.inputs.started();
        self.subscribe_or_note();
        self.secrets.started();
        self.hold.release();
        self.report.clear();
        let started = self.connector.start((self.plan.command)(), after, &self.report);
        let path = || self.plan.program.clone();
        started.map_err(|source| CliError::Shim(StartError::Program { path: path(), source }))
    }

    fn stopped_by_itself(&mut self, status: ExitStatus, was_steady: bool) {
        // Later, the status is that of the connector and not of the shim.
        let is_refused = status.code() == Some(NOT_STARTED.into()) && !was_steady;
        if is_refused && self.inputs.is_overtaken(Instant::now()) {
            return self.connector.wait();
        }
        let has_vault = self.plan.vault.is_some();
        let is_locked = is_refused && has_vault && self.lock.is_closed();
        let waits_for = if is_locked { "you to unlock the vault" } else { "a change" };
        let waits = is_refused && (!has_vault || self.secrets.notices_changes());
        let waits_for = waits.then_some(waits_for);
        self.connector.stopped_by_itself(status, was_steady, waits_for, &self.report);
    }

    /// Restarts the connector if something is other than what it was started with.
    fn check(&mut self) -> Result<(), CliError> {
        let now = Instant::now();
        let (contents, changes) = self.inputs.check(now, &self.report);
        if changes.is_nothing() && self.secrets.notices_changes() {
            // Until now, the configuration may have had other secrets, with which the connector did not start.
            self.subscribe_or_note();
        }
        let reason = Reason {
            files: changes.changed.iter().map(|path| path.display().to_string()).collect(),
            secrets: self.secrets.changed(),
        };
        if reason.is_empty() {
            match changes.unsure {
                // A file that is being written is not as it was.
                true => self.hold.put_off(now),
                false if self.hold.release() && self.connector.is_running() => {
                    self.report.print(&WatchEvent::Note { text: FINE_AGAIN });
                }
                false => {}
            }
            return Ok(());
        }
        if self.connector.is_stopping() {
            self.connector.start_after_stop(reason);
            return Ok(());
        }
        if self.hold.has(&contents, self.secrets.fingerprints(), now) {
            return Ok(());
        }
        if let Err(unfit) = self.is_fit() {
            let because = unfit.because.clone();
            if self.hold.hold(contents, self.secrets.fingerprints().clone(), unfit) {
                let runs = self.connector.is_running();
                let because = because.trim_end();
                self.report.print(&WatchEvent::Held { reason: &reason, because, runs });
            }
            return Ok(());
        }
        match self.connector.restart(reason, now) {
            Some(reason) => self.start(Some((reason, None))),
            None => Ok(()),
        }
    }

    /// Whether a connector would start with what is there now.
    fn is_fit(&mut self) -> Result<(), UnfitChange> {
        let Plan { config, check, by_file, vault, .. } = &self.plan;
        if let Some(vault) = vault {
            let vault = vault.of_config(config).map_err(|error| unread(&error))?;
            let refuses = |checked: &mut Checked| match by_file {
                true => checked.keeps_from_lease(*check),
                false => checked.keeps_from_start(*check),
            };
            let (secrets, lock) = (&mut self.secrets, &mut self.lock);
            return check_fit(config, vault, &refuses, &self.places, secrets, lock);
        }
        config_file::read(config).map(drop).map_err(|error| unread(&error))
    }

    /// Subscribes to the secrets of the configuration as it is now.
    fn subscribe(&mut self) -> Result<(), CliError> {
        let Plan { config, vault: Some(vault), .. } = &self.plan else { return Ok(()) };
        // The shim explains why it cannot be read.
        let Ok(text) = config_file::read(config) else { return Ok(()) };
        Ok(self.secrets.subscribe(vault.of_config(config)?, text)?)
    }

    fn subscribe_or_note(&mut self) {
        if let Err(error) = self.subscribe()
            && self.secrets.failed(&error)
        {
            let text = format!("changed secrets are not noticed: {}", error.report());
            self.report.print(&WatchEvent::Note { text: &text });
        }
    }
}
