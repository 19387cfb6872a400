//! What has changed since the connector was started, and whether one would start with it.

use std::time::Instant;

use fluvio_secret_protocol::{Check, ClientError, Code, SecretName, connect_or_start};

use super::content::Contents;
use super::report::{Event, Reason};
use super::subscription::{Subscriber, Told, note};
use super::{Held, News, Sign, State, Supervisor, Then, files, lock_watch, pause};
use crate::config_file;
use crate::error::CliError;

/// Why a connector would not start with what is there now.
struct Unfit {
    because: String,
    /// Whether that may be over although nothing changes.
    may_pass: bool,
}

impl Unfit {
    fn for_good(because: impl Into<String>) -> Self {
        Self { because: because.into(), may_pass: false }
    }

    fn of_client(error: &ClientError) -> Self {
        Self { because: error.to_string(), may_pass: !error.needs_change() }
    }
}

impl Held {
    /// When to look again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.again.map(|(due, _)| due)
    }

    fn put_off(&mut self, now: Instant) {
        if let Some((due, _)) = &mut self.again {
            *due = (*due).max(now + pause(0));
        }
    }
}

impl Supervisor {
    /// Ignores late messages of an earlier subscription.
    pub(super) fn hear_secrets(&mut self, number: u64, told: Told) {
        if number != self.subscriptions {
            return;
        }
        let subscribed = match told {
            Told::All(subscribed) | Told::Some(subscribed) => subscribed,
            Told::Gone => {
                let text =
                    "the daemon has ended; changes of secrets are noticed when there is one again";
                self.report.tell(&Event::Note { text });
                return;
            }
        };
        for secret in &subscribed.secrets {
            note(&mut self.fingerprints, &mut self.started.1, secret);
        }
        if self.started.1 != self.fingerprints {
            self.heard(Sign::Secrets);
        }
    }

    /// Looks whether something is other than what the connector was started with.
    pub(super) fn look(&mut self) -> Result<(), CliError> {
        self.files.follow();
        self.tell_polling();
        let now = Instant::now();
        let contents = self.reader.read(self.files.paths());
        let changes = self.started.0.changes(&contents, &mut self.doubts, now);
        if let Some(due) = self.doubts.due() {
            self.debounce.look_at(due);
        }
        let reason = Reason {
            files: changes.changed.iter().map(|path| path.display().to_string()).collect(),
            secrets: self.changed_secrets(),
        };
        if reason.is_empty() {
            match &mut self.held {
                // A file that is just being written is not as it was.
                Some(held) if changes.unsure => held.put_off(now),
                held => *held = None,
            }
            return Ok(());
        }
        match &mut self.state {
            // It takes what is there when it starts.
            State::Stopping {
                then: then @ (Then::Start(_) | Then::Pause(_) | Then::Wait), ..
            } => {
                *then = Then::Start(reason);
                return Ok(());
            }
            State::Stopping { .. } => return Ok(()),
            State::Running(_) | State::Pausing(_) | State::Waiting => {}
        }
        let is_held = |held: &Held| held.with.0 == contents && held.with.1 == self.fingerprints;
        let is_later = |held: &Held| held.due().is_none_or(|due| due > now);
        if self.held.as_ref().is_some_and(|held| is_held(held) && is_later(held)) {
            return Ok(());
        }
        if let Err(unfit) = self.is_fit() {
            self.hold(&reason, contents, unfit);
            return Ok(());
        }
        self.pauses = 0;
        self.pace.restarts(now);
        self.restart(reason)
    }

    /// Leaves all as it is, and reports why, once.
    fn hold(&mut self, reason: &Reason, contents: Contents, unfit: Unfit) {
        let Unfit { because, may_pass } = unfit;
        let with = (contents, self.fingerprints.clone());
        let before = self.held.take().filter(|held| held.with == with && held.because == because);
        if before.is_none() {
            let runs = matches!(self.state, State::Running(_));
            self.report.tell(&Event::Held { reason, because: because.trim_end(), runs });
        }
        let times = before.and_then(|held| held.again).map_or(0, |(_, times)| times + 1);
        // It may have taken a while to find out.
        let again = may_pass.then(|| (Instant::now() + pause(times), times));
        self.held = Some(Held { with, because, again });
    }

    fn changed_secrets(&self) -> Vec<SecretName> {
        let is_other = |(name, fingerprint): &(&SecretName, &Option<u64>)| {
            self.started.1.get(*name).is_some_and(|started| started != *fingerprint)
        };
        self.fingerprints.iter().filter(is_other).map(|(name, _)| name.clone()).collect()
    }

    /// Whether a connector would start with what is there now.
    fn is_fit(&mut self) -> Result<(), Unfit> {
        // That it can be read again may be no event of the file.
        let unread = |error: CliError| Unfit { because: error.to_string(), may_pass: true };
        let config = config_file::read(&self.plan.config).map_err(unread)?;
        if !self.plan.vault {
            return Ok(());
        }
        // Refused when the configuration cannot be read, also where nothing more is checked.
        self.subscribe().map_err(|error| Unfit::of_client(&error))?;
        if !self.fingerprints.is_empty() && self.lock.is_closed(&self.places) {
            return Err(Unfit::for_good(lock_watch::LOCKED));
        }
        if !self.plan.check {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&config).into_owned();
        let checked =
            connect_or_start(&self.places).and_then(|mut client| client.call(Check { config }));
        let checked = checked.map_err(|error| Unfit::of_client(&error))?;
        match checked.has_errors() {
            true => {
                let path = self.plan.config.display().to_string();
                let report = checked.report(&path, &text);
                Err(Unfit::for_good(format!("it would not start\n\n{report}")))
            }
            false => Ok(()),
        }
    }

    /// Subscribes to the secrets of the configuration as it is now.
    pub(super) fn subscribe(&mut self) -> Result<(), ClientError> {
        if !self.plan.vault {
            return Ok(());
        }
        // The shim reports why it cannot be read.
        let Ok(config) = config_file::read(&self.plan.config) else { return Ok(()) };
        if self.subscription.as_ref().is_some_and(|(of, _)| *of == config) {
            return Ok(());
        }
        let sender = self.sender.clone();
        let number = self.subscriptions + 1;
        let tell = move |told| drop(sender.send(News::Secrets(number, told)));
        let (first, subscriber) = Subscriber::begin(&self.places, &config, tell)?;
        self.fingerprints =
            first.secrets.into_iter().map(|one| (one.name, one.fingerprint)).collect();
        (self.subscription, self.subscriptions) = (Some((config, subscriber)), number);
        self.is_unreadable = false;
        Ok(())
    }

    pub(super) fn not_subscribed(&mut self, error: &ClientError) {
        self.subscription = None;
        self.is_unreadable =
            matches!(error, ClientError::Refused(refusal) if refusal.code == Code::Config);
        // The shim reports more about such a configuration.
        if !self.is_unreadable {
            let text = format!("changes of secrets are not noticed: {error}");
            self.report.tell(&Event::Note { text: &text });
        }
    }

    pub(super) fn tell_polling(&mut self) {
        let because = self.files.silent().map(str::to_owned);
        if let Some(because) = because.as_deref().filter(|_| because != self.polls) {
            self.report.tell(&Event::Polling { because });
        }
        self.poll = because.is_some().then(|| Instant::now() + files::FILE_POLL_INTERVAL);
        self.polls = because;
    }
}
