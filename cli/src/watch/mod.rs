//! Starts a connector again when its configuration, a file or one of its secrets changes.
//!
//! * [`debounce`]: when to look at what changed
//! * [`pace`]: how soon it may be restarted again
//! * [`content`](mod@content): what is in the files
//! * [`path_chain`]: the names on the path to a file
//! * [`files`], [`subscription`]: the sources of changes
//! * [`mod@look`]: what changed, and whether a connector would start with it
//! * [`lock_watch`]: a vault that is locked
//! * [`process_group`]: the child
//! * [`report`]: the lines that are printed
//!
//! One thread does everything. The others (events of files, messages of the daemon, signals) only send to it.
//! It never sees a value: the child is the shim, which asks for them itself.

mod args;
mod content;
mod debounce;
mod files;
mod lock_watch;
mod look;
mod pace;
mod path_chain;
mod process_group;
mod report;
mod subscription;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{ClientError, StartError};
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::inherited;
use fluvio_secret_system::places::StateDirectory;
use rustix::process::Signal;
use zeroize::Zeroizing;

use self::args::Restart;
pub(crate) use self::args::WatchArgs;
use self::content::{Contents, Doubts, Reader};
use self::debounce::{Debounce, Sign};
use self::files::Files;
use self::lock_watch::Lock;
use self::pace::Pace;
use self::process_group::{Connector, code};
use self::report::{Event, Reason, Report};
use self::subscription::{Fingerprints, Subscriber, Told};
use crate::error::{CliError, NOT_STARTED};
use crate::{config_file, signals};

/// A connector that ran for this time did not stop at once.
const STEADY: Duration = Duration::from_secs(10);
/// A process that survives SIGKILL for this time hangs in the kernel, and is not waited for.
const LAST: Duration = Duration::from_secs(1);
/// The status of what SIGKILL ended.
const KILLED: u8 = 128 + 9;
/// The longest pause before what went wrong is tried again.
const LONGEST_PAUSE: u64 = 30;

/// What is watched, and what is started.
pub(crate) struct Plan {
    pub(crate) config: PathBuf,
    pub(crate) watch: WatchArgs,
    /// Whether what would keep the connector from starting is looked for before it is restarted.
    pub(crate) check: bool,
    /// Whether its secrets come from the vault.
    pub(crate) vault: bool,
    /// The program that is started, for messages.
    pub(crate) program: PathBuf,
    /// Makes the command that is started each time.
    pub(crate) command: Box<dyn Fn() -> Command>,
}

/// What the other threads tell.
enum News {
    Files(Sign),
    /// A message of a subscription, with its number.
    Secrets(u64, Told),
    Signal(i32),
}

/// How it is with the connector.
enum State {
    Running(Connector),
    /// It was asked to end, or what it left behind was.
    Stopping {
        connector: Connector,
        asked: Instant,
        killed: Option<Instant>,
        then: Then,
    },
    /// It ended at once, and is started again at this time.
    Pausing(Instant),
    /// It cannot be started before something changes.
    Waiting,
}

/// What comes when it is gone.
#[derive(Debug)]
enum Then {
    Start(Reason),
    Pause(Instant),
    Wait,
    End,
}

/// The contents with which the connector was not restarted, and the reported reason.
struct Held {
    with: (Contents, Fingerprints),
    because: String,
    /// When to try again, and how often that was done: the fault may pass. `None` where only a change
    /// helps.
    again: Option<(Instant, u32)>,
}

struct Supervisor {
    plan: Plan,
    report: Report,
    places: StateDirectory,
    sender: mpsc::Sender<News>,
    files: Files,
    reader: Reader,
    doubts: Doubts,
    debounce: Debounce,
    pace: Pace,
    /// When to read the files without an event.
    poll: Option<Instant>,
    /// The reported reason for polling.
    polls: Option<String>,
    subscription: Option<(Zeroizing<Vec<u8>>, Subscriber)>,
    /// How many there have been.
    subscriptions: u64,
    /// Whether there is none because the configuration cannot be read.
    is_unreadable: bool,
    fingerprints: Fingerprints,
    /// What the connector was started with.
    started: (Contents, Fingerprints),
    /// With what it was not restarted.
    held: Option<Held>,
    pauses: u32,
    lock: Lock,
    state: State,
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
    // A path that was mistyped is not waited for.
    config_file::read(&plan.config)?;
    for path in &plan.watch.paths {
        let found = fs::metadata(path);
        found.map_err(|source| CliError::Watch { path: path.clone(), source })?;
    }
    let places = StateDirectory::from_environment().map_err(ClientError::Place)?;
    let (sender, news) = mpsc::channel();
    let of_signals = sender.clone();
    // An error means that the supervisor has stopped.
    let tell = move |signal| drop(of_signals.send(News::Signal(signal)));
    signals::hand_over(tell)
        .and_then(|()| process_group::adopt_orphans())
        .map_err(CliError::System)?;
    let paths = std::iter::once(&plan.config).chain(&plan.watch.paths).map(std::path::absolute);
    let paths = paths.collect::<io::Result<_>>().map_err(CliError::System)?;
    let of_files = sender.clone();
    let files = Files::watch(paths, move |sign| drop(of_files.send(News::Files(sign))));
    let supervisor = Supervisor {
        report: Report::new(plan.watch.output.format, plan.watch.clear),
        plan,
        places,
        sender,
        files,
        reader: Reader::default(),
        doubts: Doubts::default(),
        debounce: Debounce::default(),
        pace: Pace::default(),
        poll: None,
        polls: None,
        subscription: None,
        subscriptions: 0,
        is_unreadable: false,
        fingerprints: Fingerprints::new(),
        started: Default::default(),
        held: None,
        pauses: 0,
        lock: Lock::default(),
        state: State::Waiting,
    };
    supervisor.run(&news)
}

impl Supervisor {
    fn run(mut self, news: &mpsc::Receiver<News>) -> Result<u8, CliError> {
        if let Err(error) = self.subscribe() {
            self.not_subscribed(&error);
        }
        self.tell_polling();
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

    /// When something is due without news.
    fn due(&self) -> Option<Instant> {
        let of_state = match &self.state {
            State::Running(_) | State::Waiting => None,
            State::Stopping { connector, asked, killed, then } => {
                let next = match (killed, then) {
                    (None, _) => Some(*asked + self.plan.watch.grace()),
                    (Some(killed), Then::End) => Some(*killed + LAST),
                    (Some(_), _) => None,
                };
                let gone =
                    connector.status().map(|_| Instant::now() + process_group::GROUP_POLL_INTERVAL);
                next.into_iter().chain(gone).min()
            }
            State::Pausing(until) => Some(*until),
        };
        // What an unlocked vault changes comes after the end of what is stopping.
        let is_stopping = self.is_stopping();
        let unlocked = self.lock.due().filter(|_| !is_stopping);
        let again = self.held.as_ref().and_then(Held::due).filter(|_| !is_stopping);
        let of_looks = self.debounce.due().into_iter().chain(self.poll).chain(self.settles());
        // Not before the pause after a restart is over.
        let not_before = |due| self.pace.until().map_or(due, |until| until.max(due));
        let of_looks = of_looks.chain(again).min().map(not_before);
        of_state.into_iter().chain(of_looks).chain(unlocked).min()
    }

    /// When to read files again whose dates may have hidden a change. Not while a file is written: then they are
    /// read after that.
    fn settles(&self) -> Option<Instant> {
        self.reader.due().filter(|_| self.debounce.due().is_none())
    }

    fn is_stopping(&self) -> bool {
        matches!(self.state, State::Stopping { .. })
    }

    fn hear(&mut self, news: News) -> Result<Option<u8>, CliError> {
        match news {
            News::Files(sign) => self.heard(sign),
            News::Secrets(number, told) => self.hear_secrets(number, told),
            // The next step takes note of who has ended.
            News::Signal(signals::CHILD) => {}
            News::Signal(signals::STOP) => self.pause_all()?,
            News::Signal(signal) => return Ok(self.end_by(signal)),
        }
        Ok(None)
    }

    /// Does what is due.
    fn advance(&mut self) -> Result<Option<u8>, CliError> {
        let now = Instant::now();
        self.look_at_children();
        match &mut self.state {
            State::Running(connector) => {
                if let Some(status) = connector.status() {
                    self.ended_by_itself(status);
                    return self.advance();
                }
            }
            State::Stopping { connector, asked, killed, then } => {
                let is_killed = killed.is_some();
                let is_over =
                    matches!(then, Then::End) && killed.is_some_and(|killed| now >= killed + LAST);
                if is_over || connector.is_gone(is_killed) {
                    let (status, stopped) = (connector.status(), now - *asked);
                    match std::mem::replace(then, Then::Wait) {
                        Then::Start(reason) => self.start(Some((reason, Some(stopped))))?,
                        Then::Pause(until) => self.state = State::Pausing(until),
                        Then::Wait => self.state = State::Waiting,
                        Then::End => return Ok(Some(status.map_or(KILLED, code))),
                    }
                } else if !is_killed && now >= *asked + self.plan.watch.grace() {
                    *killed = Some(now);
                    connector.signal(Signal::KILL);
                    let grace_ms = millis(self.plan.watch.grace());
                    self.report.tell(&Event::Killed { grace_ms });
                }
            }
            State::Pausing(until) if now >= *until => self.start(None)?,
            State::Pausing(_) | State::Waiting => {}
        }
        let is_unlocked = !self.is_stopping() && self.lock.has_opened(&self.places, now);
        if is_unlocked && matches!(self.state, State::Waiting) {
            self.start(None)?;
        } else if is_unlocked {
            self.held = None;
            self.look()?;
        }
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        let again = self.held.as_ref().and_then(Held::due).filter(|_| !self.is_stopping());
        let settles = self.settles();
        let may_look = !self.is_soon_after_restart(now);
        let is_over = may_look && self.debounce.is_over(now);
        if is_over || may_look && (is_due(self.poll) || is_due(again) || is_due(settles)) {
            self.look()?;
        }
        Ok(None)
    }

    /// Something may have changed.
    fn heard(&mut self, sign: Sign) {
        let now = Instant::now();
        self.debounce.heard(sign, now, self.is_soon_after_restart(now));
    }

    fn is_soon_after_restart(&self, now: Instant) -> bool {
        self.pace.until().is_some_and(|until| now < until)
    }

    /// Reaps all children, also orphans of earlier connectors.
    fn look_at_children(&mut self) {
        match &mut self.state {
            State::Running(connector) | State::Stopping { connector, .. } => connector.look(),
            State::Pausing(_) | State::Waiting => while process_group::child_news().is_some() {},
        }
        if let State::Running(connector) = &mut self.state
            && let Some(signal) = connector.take_stopped()
        {
            self.report.tell(&Event::Stopped { signal });
        }
    }

    /// Ends the connector that runs, and starts it again.
    fn restart(&mut self, reason: Reason) -> Result<(), CliError> {
        match std::mem::replace(&mut self.state, State::Waiting) {
            State::Running(connector) => {
                self.stop(connector, Signal::TERM, Then::Start(reason));
                Ok(())
            }
            State::Stopping { connector, asked, killed, .. } => {
                let then = Then::Start(reason);
                self.state = State::Stopping { connector, asked, killed, then };
                Ok(())
            }
            State::Pausing(_) | State::Waiting => self.start(Some((reason, None))),
        }
    }

    fn stop(&mut self, connector: Connector, signal: Signal, then: Then) {
        connector.signal(signal);
        // One that is stopped could not end.
        connector.signal(Signal::CONT);
        self.state = State::Stopping { connector, asked: Instant::now(), killed: None, then };
    }

    /// Starts a connector. What it is started with is looked at before, so that what changes
    /// meanwhile is a change.
    fn start(&mut self, after: Option<(Reason, Option<Duration>)>) -> Result<(), CliError> {
        let contents = self.reader.read(self.files.paths());
        if let Err(error) = self.subscribe() {
            self.not_subscribed(&error);
        }
        self.started = (contents, self.fingerprints.clone());
        (self.held, self.doubts) = (None, Doubts::default());
        self.report.clear();
        let path = || self.plan.program.clone();
        let connector = Connector::start((self.plan.command)())
            .map_err(|source| CliError::Shim(StartError::Program { path: path(), source }))?;
        let pid = connector.pid();
        match after {
            None => self.report.tell(&Event::Started { pid }),
            Some((reason, stopped)) => {
                let stopped_ms = stopped.map(millis);
                self.report.tell(&Event::Restarted { pid, reason: &reason, stopped_ms });
                self.pace.started(Instant::now());
                if let Some(pause) = self.pace.first_long_pause() {
                    let pause_ms = millis(pause);
                    self.report.tell(&Event::Slowed { reason: &reason, pause_ms });
                }
            }
        }
        self.state = State::Running(connector);
        Ok(())
    }

    fn ended_by_itself(&mut self, status: ExitStatus) {
        let State::Running(connector) = std::mem::replace(&mut self.state, State::Waiting) else {
            return;
        };
        let was_steady = connector.since.elapsed() >= STEADY;
        if was_steady {
            self.pauses = 0;
        }
        let is_done = status.success() && self.plan.watch.restart == Restart::OnFailure;
        // After this time the status is that of the connector.
        let is_refused = status.code() == Some(NOT_STARTED.into()) && !was_steady;
        // That it is unlocked is the change that helps then.
        let is_locked = is_refused && self.plan.vault && self.lock.is_closed(&self.places);
        let waits_for = if is_locked { "somebody to unlock the vault" } else { "a change" };
        // Only a change helps, and it will be reported.
        let is_told = self.subscription.is_some() || self.is_unreadable || !self.plan.vault;
        let waits = is_told && is_refused;
        let then = if is_done {
            Then::End
        } else if waits {
            Then::Wait
        } else {
            let until = Instant::now() + pause(self.pauses);
            self.pauses += 1;
            Then::Pause(until)
        };
        if !is_done {
            let again_in_s = match &then {
                Then::Pause(until) => Some((*until - Instant::now()).as_secs_f32().round() as u64),
                _ => None,
            };
            let status = &process_group::told(status);
            self.report.tell(&Event::Ended { status, again_in_s, waits_for });
        }
        // What it started and left behind goes, too.
        self.stop(connector, Signal::TERM, then);
    }

    /// Passes a signal on, and ends when the connector has. The second one is the last.
    fn end_by(&mut self, signal: i32) -> Option<u8> {
        let name = Signal::from_named_raw(signal).unwrap_or(Signal::TERM);
        match std::mem::replace(&mut self.state, State::Waiting) {
            State::Running(connector) => self.stop(connector, name, Then::End),
            State::Stopping { connector, asked, killed, then: Then::End } => {
                connector.signal(Signal::KILL);
                let killed = killed.or_else(|| Some(Instant::now()));
                self.state = State::Stopping { connector, asked, killed, then: Then::End };
            }
            State::Stopping { connector, asked, killed, .. } => {
                self.state = State::Stopping { connector, asked, killed, then: Then::End };
            }
            State::Pausing(_) | State::Waiting => {
                return Some(u8::try_from(128 + signal).unwrap_or(u8::MAX));
            }
        }
        None
    }

    /// Ctrl-Z stops the connector, too, until we are continued.
    fn pause_all(&mut self) -> Result<(), CliError> {
        let signal = |state: &State, signal| match state {
            State::Running(connector) | State::Stopping { connector, .. } => {
                connector.signal(signal);
            }
            State::Pausing(_) | State::Waiting => {}
        };
        signal(&self.state, Signal::STOP);
        let begun = Instant::now();
        let stopped = signals::take_default(signals::STOP);
        signal(&self.state, Signal::CONT);
        if let State::Stopping { asked, killed, .. } = &mut self.state {
            // The connector could not use that time.
            let lost = begun.elapsed();
            *asked += lost;
            *killed = killed.map(|killed| killed + lost);
        }
        stopped.map_err(CliError::System)
    }
}

/// The pause before another attempt, after this number of failed ones.
fn pause(times: u32) -> Duration {
    Duration::from_secs(2_u64.saturating_pow(times).min(LONGEST_PAUSE))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
