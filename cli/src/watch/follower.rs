//! Follows the connectors that `cdk` started, and restarts those whose configuration or secrets change.
//!
//! They are no children of this process, and outlive it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use fluvio_secret_protocol::Subscribed;
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::inherited;
use fluvio_secret_system::places::StateDirectory;

use super::debounce::Sign;
use super::followed::Followed;
use super::lease_poll::{HeldStart, HeldStarts, poll_leases};
use super::lock_watch::LockWatch;
use super::report::{Report, WatchEvent};
use crate::error::CliError;
use crate::format::LogFormat;
use crate::restarts::{RestartOutcome, label, stop_and_start};
use crate::{connection, signals};

pub(crate) struct FollowPlan {
    /// The names of the connectors to follow. Without a name, all are followed.
    pub(crate) only: Vec<String>,
    pub(crate) format: LogFormat,
    /// Makes a command of `cdk`.
    pub(crate) cdk: Arc<CdkCommand>,
}

type CdkCommand = dyn Fn(&[OsString]) -> Command + Send + Sync;

enum FollowNews {
    Leases(HeldStarts),
    /// Of the file of a connector, by its number.
    File(u64, Sign),
    /// A message of a connector's subscription, which has a number of its own.
    Secrets(u64, u64, Subscribed),
    Restarted(u64, Box<RestartOutcome>),
    /// All restarts that were begun have ended.
    Idle,
    Signal(i32),
}

struct Follower {
    plan: FollowPlan,
    places: StateDirectory,
    report: Report,
    send: mpsc::Sender<FollowNews>,
    followed: BTreeMap<u64, Followed>,
    count: u64,
    lock: LockWatch,
    /// Whether the leases were listed before.
    has_listed: bool,
    /// Why they cannot be listed now.
    unlisted: Option<String>,
    /// Whether a thread restarts connectors.
    is_restarting: bool,
    /// The signal that stops this program when that thread is done.
    ending: Option<i32>,
}

/// Follows connectors until a signal stops this program.
pub(crate) fn follow(plan: FollowPlan, hardened: Hardened) -> Result<(), CliError> {
    // Connectors may run although no daemon does. One that starts takes their leases over.
    drop(connection::client()?);
    hardened.release().map_err(CliError::System)?;
    inherited::unblock_signals().map_err(CliError::System)?;
    let places = connection::state()?;
    let (send, news) = mpsc::channel();
    let (send_signal, send_leases) = (send.clone(), send.clone());
    // An error means that this program stops.
    signals::hand_over(move |signal| drop(send_signal.send(FollowNews::Signal(signal))))
        .and_then(|()| {
            let on_leases = move |leases| drop(send_leases.send(FollowNews::Leases(leases)));
            poll_leases(places.clone(), on_leases)
        })
        .map_err(CliError::System)?;
    let follower = Follower {
        report: Report::new(plan.format, false),
        plan,
        lock: LockWatch::new(places.clone()),
        places,
        send,
        followed: BTreeMap::new(),
        count: 0,
        has_listed: false,
        unlisted: None,
        is_restarting: false,
        ending: None,
    };
    let signal = follower.run(&news)?;
    Err(CliError::Connector(u8::try_from(128 + signal).unwrap_or(u8::MAX)))
}

impl Follower {
    /// Returns the signal that stopped it.
    fn run(mut self, news: &mpsc::Receiver<FollowNews>) -> Result<i32, CliError> {
        loop {
            let heard = match self.due() {
                None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => news.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            if let Ok(news) = heard
                && let Some(signal) = self.hear(news)?
            {
                return Ok(signal);
            }
            if !self.is_restarting {
                if let Some(signal) = self.ending {
                    return Ok(self.end(signal));
                }
                self.advance()?;
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        if self.is_restarting {
            return None;
        }
        self.followed.values().filter_map(Followed::due).chain(self.lock.due()).min()
    }

    fn hear(&mut self, news: FollowNews) -> Result<Option<i32>, CliError> {
        match news {
            FollowNews::Leases(Ok(leases)) => {
                self.unlisted = None;
                self.hear_leases(leases);
            }
            FollowNews::Leases(Err(text)) => {
                if self.unlisted.as_ref() != Some(&text) {
                    self.report.print(&WatchEvent::Note { text: &text });
                }
                self.unlisted = Some(text);
            }
            FollowNews::File(number, sign) => {
                self.with(number, |followed| followed.heard(sign));
            }
            FollowNews::Secrets(number, subscription, subscribed) => {
                self.with(number, |followed| followed.heard_secrets(subscription, &subscribed));
            }
            FollowNews::Restarted(number, outcome) => {
                self.with(number, |followed| followed.finished(*outcome));
            }
            FollowNews::Idle => self.is_restarting = false,
            FollowNews::Signal(signals::CHILD) => {}
            FollowNews::Signal(signals::STOP) => {
                signals::take_default(signals::STOP).map_err(CliError::System)?;
            }
            FollowNews::Signal(signal) if self.is_restarting && self.ending.is_none() => {
                self.ending = Some(signal);
                let text = "waiting until the restart is over: a second signal stops at once";
                self.report.print(&WatchEvent::Note { text });
            }
            FollowNews::Signal(signal) => return Ok(Some(self.end(signal))),
        }
        Ok(None)
    }

    fn end(&self, signal: i32) -> i32 {
        let text = match self.is_restarting {
            true => "stopped in the middle of a restart: cdk may still start the connector",
            false => "stopped: the connectors keep running",
        };
        self.report.print(&WatchEvent::Note { text });
        signal
    }

    fn with(&mut self, number: u64, act: impl FnOnce(&mut Followed)) {
        // It may be gone.
        if let Some(followed) = self.followed.get_mut(&number) {
            act(followed);
        }
    }

    fn hear_leases(&mut self, leases: Vec<HeldStart>) {
        let is_wanted = |held: &HeldStart| {
            let only = &self.plan.only;
            only.is_empty() || only.contains(&held.start.connector)
        };
        let leases: Vec<_> = leases.into_iter().filter(is_wanted).collect();
        self.followed.retain(|_, followed| {
            leases.iter().any(|held| followed.is_of(held)) || followed.lost_lease()
        });
        if !std::mem::replace(&mut self.has_listed, true) {
            self.note_missing(&leases);
        }
        for held in leases {
            match self.followed.values_mut().find(|followed| followed.is_of(&held)) {
                Some(followed) => followed.is_held_by(held),
                None => self.begin(held),
            }
        }
    }

    /// Says what is waited for.
    fn note_missing(&self, leases: &[HeldStart]) {
        let note = |report: &Report, text: &str| report.print(&WatchEvent::Note { text });
        let is_missing = |name: &&String| !leases.iter().any(|held| held.start.connector == **name);
        for name in self.plan.only.iter().filter(is_missing) {
            note(&self.report.of(name), "waiting for it: cdk started no connector of this name");
        }
        if self.plan.only.is_empty() && leases.is_empty() {
            note(&self.report, "waiting for connectors: cdk started none that has secrets");
        }
    }

    fn begin(&mut self, held: HeldStart) {
        self.count += 1;
        let (number, file, secrets) = (self.count, self.send.clone(), self.send.clone());
        let on_sign = move |sign| drop(file.send(FollowNews::File(number, sign)));
        let on_secrets = move |subscription, subscribed| {
            // That the daemon is gone is noticed when the leases are listed.
            let Some(subscribed) = subscribed else { return };
            drop(secrets.send(FollowNews::Secrets(number, subscription, subscribed)));
        };
        let report = self.report.of(&label(&held.lease));
        let places = self.places.clone();
        let followed = Followed::new(held, places, report, on_sign, Arc::new(on_secrets));
        self.followed.insert(number, followed);
    }

    /// Restarts the connectors of which it is time.
    fn advance(&mut self) -> Result<(), CliError> {
        let now = Instant::now();
        if self.lock.has_opened(now) {
            self.followed.values_mut().for_each(Followed::unlocked);
        }
        let (mut numbers, mut connectors) = (Vec::new(), Vec::new());
        for (number, followed) in &mut self.followed {
            // It may have stopped, which the next list shows.
            if followed.check(now, &mut self.lock)
                && let Ok(deployed) = followed.restart()
            {
                numbers.push(*number);
                connectors.push(deployed);
            }
        }
        if numbers.is_empty() {
            return Ok(());
        }
        self.is_restarting = true;
        let (cdk, send) = (self.plan.cdk.clone(), self.send.clone());
        let run = move || {
            stop_and_start(connectors, &*cdk, |place, outcome| {
                drop(send.send(FollowNews::Restarted(numbers[place], Box::new(outcome))));
            });
            drop(send.send(FollowNews::Idle));
        };
        let restarts = thread::Builder::new().name("restarts".to_owned()).spawn(run);
        restarts.map(drop).map_err(CliError::System)
    }
}
