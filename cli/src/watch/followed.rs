//! One of the connectors of `cdk` that are followed: what it was started with, and what becomes of it.

use std::io;
use std::time::{Duration, Instant};

use fluvio_secret_launch::is_deployed;
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{ListLeases, ListedLease, Subscribed, VaultAddress, connect};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::places::StateDirectory;
use zeroize::Zeroizing;

use super::connector::STEADY;
use super::debounce::Sign;
use super::fitness::{check_fit, unread};
use super::hold::{FINE_AGAIN, Hold, UnfitChange};
use super::inputs::Inputs;
use super::lease_poll::HeldStart;
use super::lock_watch::LockWatch;
use super::pace::{Pace, retry_pause};
use super::report::{Reason, Report, WatchEvent, millis};
use super::subscription::{OnSecrets, SecretChanges};
use crate::deployed::{self, Deployed, STOP_GRACE};
use crate::error::CliError;
use crate::restarts::{FailedRestart, RestartOutcome, RestartedConnector};
use crate::{config_file, vault_choice};

enum FollowState {
    Running,
    Restarting,
    /// The last restart failed, or the connector stopped right after it. It is tried again at this time, if there
    /// is one, or after a change.
    Failed {
        again: Option<Instant>,
        runs: bool,
    },
}

pub(super) struct Followed {
    held: HeldStart,
    /// The lease that the last restart ended. It may be listed for a moment, or be held by another program.
    replaced: Option<String>,
    state: FollowState,
    /// When our last restart was done.
    restarted: Option<Instant>,
    /// The number of restarts that failed since one succeeded.
    failures: u32,
    /// What changed before the restart that failed or is under way.
    reason: Reason,
    places: StateDirectory,
    report: Report,
    inputs: Inputs,
    secrets: SecretChanges,
    hold: Hold,
    pace: Pace,
}

impl Followed {
    pub(super) fn new(
        held: HeldStart,
        places: StateDirectory,
        report: Report,
        on_sign: impl Fn(Sign) + Send + 'static,
        on_secrets: OnSecrets,
    ) -> Self {
        let mut followed = Self {
            inputs: Inputs::watch(vec![held.config()], on_sign),
            secrets: SecretChanges::new(places.clone(), on_secrets),
            held,
            replaced: None,
            state: FollowState::Running,
            restarted: None,
            failures: 0,
            reason: Reason::default(),
            places,
            report,
            hold: Hold::default(),
            pace: Pace::default(),
        };
        followed.inputs.poll_silent(&followed.report);
        followed.begin();
        followed
    }

    /// Whether this is the lease of its command line.
    pub(super) fn is_of(&self, held: &HeldStart) -> bool {
        self.held.start.is_same_line(&held.start)
    }

    /// Whether it has no lease only because it is being restarted.
    fn is_expected(&self) -> bool {
        !matches!(self.state, FollowState::Running | FollowState::Failed { runs: true, .. })
    }

    /// Takes note that it has no lease now. Returns whether it is still followed.
    pub(super) fn lost_lease(&mut self) -> bool {
        let name = &self.held.start.connector;
        match self.state {
            // `cdk deploy shutdown` removes it from the list of `cdk`.
            FollowState::Failed { again: None, .. } if !is_deployed(name) => {
                self.report.print(&WatchEvent::Gone);
                return false;
            }
            _ if self.is_expected() => return true,
            _ => {}
        }
        let is_soon = self.restarted.is_some_and(|restarted| restarted.elapsed() < STEADY);
        let has_secrets = !self.secrets.fingerprints().is_empty();
        if !is_soon || !has_secrets || !is_deployed(name) {
            self.report.print(&WatchEvent::Gone);
            return false;
        }
        // The leases may have been listed before the restart.
        if Deployed::of(self.held.lease.clone()).is_err() {
            let log = self.held.start.directory.join(format!("{name}.log"));
            let log = &log.display().to_string();
            self.report.print(&WatchEvent::Exited { log });
            self.state = FollowState::Failed { again: None, runs: false };
            self.replaced = None;
        }
        true
    }

    /// Takes note of what its lease is now.
    pub(super) fn is_held_by(&mut self, held: HeldStart) {
        if self.replaced.as_ref() == Some(&held.lease.id) {
            return;
        }
        let is_known = held.lease.id == self.held.lease.id;
        let is_ours = self.is_between_leases();
        match self.state {
            // A lease of an attempt that failed may be listed for a moment.
            FollowState::Failed { runs: false, .. }
                if is_known || deployed::pid_of(&held.lease).is_none() => {}
            FollowState::Restarting => self.held = held,
            _ if self.held == held => {}
            _ if is_known || is_ours => {
                self.held = held;
                self.note_earlier();
            }
            // You have restarted it.
            _ => {
                self.held = held;
                self.begin();
            }
        }
    }

    /// Begins with a connector that has just been started, or was started before.
    fn begin(&mut self) {
        self.state = FollowState::Running;
        self.replaced = None;
        self.restarted = None;
        self.failures = 0;
        self.reason = Reason::default();
        self.take_stock();
        self.note_earlier();
        self.report.print(&WatchEvent::Following { config: &self.held.lease.config });
    }

    /// Takes note that it is started with what is there now.
    fn take_stock(&mut self) {
        self.inputs.started();
        self.subscribe_or_note();
        self.secrets.started();
        self.hold.release();
    }

    /// Subscribes to the secrets of the configuration as it is now.
    fn subscribe_or_note(&mut self) {
        let config = config_file::read(&self.held.config());
        // The check explains why the configuration cannot be read.
        if let Ok(config) = config
            && let Err(error) = self.subscribe(config)
            && self.secrets.failed(&error)
        {
            let text = format!("changed secrets are noticed late: {}", error.report());
            self.report.print(&WatchEvent::Note { text: &text });
        }
    }

    fn subscribe(&mut self, config: Zeroizing<Vec<u8>>) -> Result<(), CliError> {
        Ok(self.secrets.subscribe(self.vault()?, config)?)
    }

    /// The vault with the secrets of its lease, which it keeps.
    fn vault(&self) -> Result<Option<VaultAddress>, CliError> {
        vault_choice::in_directory(self.held.lease.vault.as_deref())
    }

    /// Whether it would start with what is there now.
    fn check_fit(&mut self, lock: &mut LockWatch) -> Result<(), UnfitChange> {
        let vault = self.vault().map_err(|error| unread(&error))?;
        let is_checked = deployed::is_checked(&self.held.start);
        let refuses = |checked: &mut Checked| checked.keeps_from_lease(is_checked);
        let config = self.held.config();
        check_fit(&config, vault, &refuses, &self.places, &mut self.secrets, lock)
    }

    /// A secret may have changed before it was followed, or without a message.
    fn note_earlier(&mut self) {
        let ListedLease { names, stale, updated, .. } = &self.held.lease;
        let earlier = stale.iter().chain(updated).filter_map(|&place| names.get(place));
        self.secrets.started_earlier(earlier);
        if !self.secrets.changed().is_empty() {
            self.heard(Sign::Secrets);
        }
    }

    pub(super) fn heard(&mut self, sign: Sign) {
        let now = Instant::now();
        self.inputs.heard(sign, now, self.is_soon_after_restart(now));
    }

    pub(super) fn heard_secrets(&mut self, number: u64, subscribed: &Subscribed) {
        if self.secrets.hear(number, subscribed) {
            self.heard(Sign::Secrets);
        }
    }

    fn runs(&self) -> bool {
        !matches!(self.state, FollowState::Failed { runs: false, .. })
    }

    fn is_soon_after_restart(&self, now: Instant) -> bool {
        self.pace.until().is_some_and(|until| now < until)
    }

    fn again(&self) -> Option<Instant> {
        match self.state {
            FollowState::Failed { again, .. } => again,
            _ => None,
        }
    }

    /// Whether its lease was replaced, and the new one is not known yet.
    fn is_between_leases(&self) -> bool {
        self.replaced.as_ref() == Some(&self.held.lease.id)
    }

    /// When to check it.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.is_between_leases() {
            return None;
        }
        let due = self.inputs.due().into_iter().chain(self.hold.due()).chain(self.again()).min();
        due.map(|due| self.pace.until().map_or(due, |until| until.max(due)))
    }

    /// The vault is unlocked.
    pub(super) fn unlocked(&mut self) {
        self.hold.release();
        self.heard(Sign::Secrets);
    }

    /// Whether it has to be restarted now: something is other than it was started with, and it would start.
    pub(super) fn check(&mut self, now: Instant, lock: &mut LockWatch) -> bool {
        if self.is_between_leases() || self.is_soon_after_restart(now) {
            return false;
        }
        let is_retry = self.again().is_some_and(|again| again <= now);
        if !self.inputs.is_due(now) && !is_retry && self.hold.due().is_none_or(|due| due > now) {
            return false;
        }
        if let FollowState::Failed { again: Some(again), .. } = &mut self.state {
            *again = now + retry_pause(self.failures);
        }
        let (contents, changes) = self.inputs.check(now, &self.report);
        if changes.is_nothing() && self.secrets.notices_changes() {
            // Until now, the configuration may have had other secrets, with which it would not start.
            self.subscribe_or_note();
        }
        let mut reason = Reason {
            files: changes.changed.iter().map(|path| path.display().to_string()).collect(),
            secrets: self.secrets.changed(),
        };
        if is_retry || !reason.is_empty() {
            reason.add(&self.reason);
        }
        if reason.is_empty() {
            match changes.unsure {
                // A file that is being written is not as it was.
                true => self.hold.put_off(now),
                false if self.hold.release() && self.runs() => {
                    self.report.print(&WatchEvent::Note { text: FINE_AGAIN });
                }
                false => {}
            }
            return false;
        }
        if self.hold.has(&contents, self.secrets.fingerprints(), now) {
            return false;
        }
        let fit = self.check_fit(lock);
        if let Err(unfit) = fit.and_then(|()| self.refuse_taken_name()) {
            let because = unfit.because.clone();
            if self.hold.hold(contents, self.secrets.fingerprints().clone(), unfit) {
                let runs = self.runs();
                let because = because.trim_end();
                self.report.print(&WatchEvent::Held { reason: &reason, because, runs });
            }
            return false;
        }
        self.pace.restarts(now);
        if let Some(pause) = self.pace.first_long_pause() {
            let pause_ms = millis(pause);
            self.report.print(&WatchEvent::Slowed { reason: &reason, pause_ms });
        }
        self.reason = reason;
        true
    }

    /// Another connector may have the name that the configuration has now. There is no event when it stops.
    fn refuse_taken_name(&self) -> Result<(), UnfitChange> {
        let deployed = Deployed::stopped(self.held.lease.clone(), self.held.start.clone());
        let lost = deployed.refuse_lost_restart();
        lost.map_err(|error| UnfitChange { because: error.to_string(), may_pass: true })
    }

    /// Prepares its restart. What changes from now on is another change.
    pub(super) fn restart(&mut self) -> io::Result<Deployed> {
        self.take_stock();
        let HeldStart { lease, start } = self.held.clone();
        let mut deployed = match self.state {
            FollowState::Failed { runs: false, .. } => Deployed::stopped(lease, start),
            _ => Deployed::of(lease)?,
        };
        if !self.reason.files.is_empty()
            && let Ok(leases) =
                connect(&self.places).and_then(|mut client| client.collect(ListLeases))
        {
            // One that was restarted just before that has the earlier file.
            deployed.take_current(&leases);
        }
        self.replaced = Some(self.held.lease.id.clone());
        self.state = FollowState::Restarting;
        Ok(deployed)
    }

    /// Takes note of what became of its restart.
    pub(super) fn finished(&mut self, outcome: RestartOutcome) {
        match outcome {
            Ok(RestartedConnector { pid, killed, by_another, lease, .. }) => {
                if let Some(lease) = lease {
                    // It may have another name now.
                    if let Ok(start) = deployed::start_of(&lease) {
                        self.held.start = start;
                    }
                    self.held.lease = lease;
                }
                if killed {
                    let grace_ms = millis(STOP_GRACE);
                    self.report.print(&WatchEvent::Killed { grace_ms });
                }
                let reason = std::mem::take(&mut self.reason);
                self.report.print(&match by_another {
                    true => WatchEvent::Note { text: "another program has restarted it" },
                    false => WatchEvent::Restarted { pid, reason: &reason, stopped_ms: None },
                });
                self.pace.started(Instant::now());
                self.state = FollowState::Running;
                self.restarted = Some(Instant::now());
                self.failures = 0;
            }
            Err(FailedRestart { because, runs, .. }) => {
                let pause: Duration = retry_pause(self.failures);
                let again_in_s = pause.as_secs();
                self.report.print(&WatchEvent::Failed { because: &because, runs, again_in_s });
                self.state = FollowState::Failed { again: Some(Instant::now() + pause), runs };
                self.replaced = None;
                self.failures += 1;
            }
        }
    }
}
