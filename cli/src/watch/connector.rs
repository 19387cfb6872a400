//! The connector: whether it runs, stops or waits, and what comes next.

use std::io;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::args::Restart;
use super::pace::{Pace, retry_pause};
use super::process_group::{self, GROUP_POLL_INTERVAL, ProcessGroup};
use super::report::{Reason, Report, WatchEvent, millis};
use crate::signals;

/// A connector that ran for this time did not stop at once.
pub(super) const STEADY: Duration = Duration::from_secs(10);
/// A process that survives SIGKILL for this time hangs in the kernel, and is not waited for.
const LAST: Duration = Duration::from_secs(1);
/// The status of a process that SIGKILL stopped.
const KILLED: u8 = 128 + 9;

enum RunState {
    Running(ProcessGroup),
    /// It was asked to stop, or the processes that it left behind were.
    Stopping {
        group: ProcessGroup,
        asked: Instant,
        killed: Option<Instant>,
        then: Then,
    },
    /// It stopped by itself, and is started again at this time.
    Pausing(Instant),
    /// It cannot be started before something changes.
    Waiting,
}

enum Then {
    Start(Reason),
    Pause(Instant),
    Wait,
    Exit,
}

pub(super) enum Next {
    /// Start it, after a change and the time that the old one took to stop.
    Start(Option<(Reason, Option<Duration>)>),
    Stopped {
        status: ExitStatus,
        was_steady: bool,
    },
    Exit(u8),
}

pub(super) struct Connector {
    grace: Duration,
    restart: Restart,
    state: RunState,
    /// The number of pauses since the last change.
    pauses: u32,
    pace: Pace,
}

impl Connector {
    pub(super) fn new(grace: Duration, restart: Restart) -> Self {
        Self { grace, restart, state: RunState::Waiting, pauses: 0, pace: Pace::default() }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match &self.state {
            RunState::Running(_) | RunState::Waiting => None,
            RunState::Stopping { group, asked, killed, then } => {
                let next = match (killed, then) {
                    (None, _) => Some(*asked + self.grace),
                    (Some(killed), Then::Exit) => Some(*killed + LAST),
                    (Some(_), _) => None,
                };
                let gone = group.status().map(|_| Instant::now() + GROUP_POLL_INTERVAL);
                next.into_iter().chain(gone).min()
            }
            RunState::Pausing(until) => Some(*until),
        }
    }

    /// The end of the pause after the last restart.
    pub(super) fn pause_end(&self) -> Option<Instant> {
        self.pace.until()
    }

    pub(super) fn is_soon_after_restart(&self, now: Instant) -> bool {
        self.pause_end().is_some_and(|end| now < end)
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, RunState::Running(_))
    }

    pub(super) fn is_stopping(&self) -> bool {
        matches!(self.state, RunState::Stopping { .. })
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, RunState::Waiting)
    }

    /// Reaps all children, and does what is due.
    pub(super) fn advance(&mut self, now: Instant, report: &Report) -> Option<Next> {
        match &mut self.state {
            RunState::Running(group) => {
                if let Some(signal) = group.reap() {
                    report.print(&WatchEvent::Stopped { signal });
                }
                let was_steady = group.since.elapsed() >= STEADY;
                group.status().map(|status| Next::Stopped { status, was_steady })
            }
            RunState::Stopping { group, asked, killed, then } => {
                group.reap();
                let hangs =
                    matches!(then, Then::Exit) && killed.is_some_and(|killed| now >= killed + LAST);
                if !hangs && !group.is_gone(killed.is_some()) {
                    if killed.is_none() && now >= *asked + self.grace {
                        *killed = Some(now);
                        group.signal(Signal::KILL);
                        report.print(&WatchEvent::Killed { grace_ms: millis(self.grace) });
                    }
                    return None;
                }
                let status = group.status();
                let stopped_in = now - *asked;
                match std::mem::replace(then, Then::Wait) {
                    Then::Start(reason) => {
                        return Some(Next::Start(Some((reason, Some(stopped_in)))));
                    }
                    Then::Exit => {
                        return Some(Next::Exit(status.map_or(KILLED, process_group::exit_status)));
                    }
                    Then::Pause(until) => self.state = RunState::Pausing(until),
                    Then::Wait => self.state = RunState::Waiting,
                }
                None
            }
            RunState::Pausing(_) | RunState::Waiting => {
                while process_group::child_news().is_some() {}
                let is_over = matches!(self.state, RunState::Pausing(until) if now >= until);
                is_over.then_some(Next::Start(None))
            }
        }
    }

    /// Starts it, after a change and the time that the old one took to stop.
    pub(super) fn start(
        &mut self,
        command: Command,
        after: Option<(Reason, Option<Duration>)>,
        report: &Report,
    ) -> io::Result<()> {
        let group = ProcessGroup::start(command)?;
        let pid = group.pid();
        self.state = RunState::Running(group);
        let Some((reason, stopped_in)) = after else {
            report.print(&WatchEvent::Started { pid });
            return Ok(());
        };
        let reason = &reason;
        let stopped_ms = stopped_in.map(millis);
        report.print(&WatchEvent::Restarted { pid: Some(pid), reason, stopped_ms });
        self.pace.started(Instant::now());
        if let Some(pause) = self.pace.first_long_pause() {
            report.print(&WatchEvent::Slowed { reason, pause_ms: millis(pause) });
        }
        Ok(())
    }

    /// Stops it, to start it again. Returns the reason if it does not run, so that it can be started now.
    pub(super) fn restart(&mut self, reason: Reason, now: Instant) -> Option<Reason> {
        self.pauses = 0;
        self.pace.restarts(now);
        match std::mem::replace(&mut self.state, RunState::Waiting) {
            RunState::Running(group) => {
                self.stop(group, Signal::TERM, Then::Start(reason));
                None
            }
            other => {
                self.state = other;
                Some(reason)
            }
        }
    }

    /// A connector that is stopping is started after that, with what is there then.
    pub(super) fn start_after_stop(&mut self, reason: Reason) {
        if let RunState::Stopping { then, .. } = &mut self.state
            && !matches!(then, Then::Exit)
        {
            *then = Then::Start(reason);
        }
    }

    /// Waits for a change after it stopped by itself.
    pub(super) fn wait(&mut self) {
        if let RunState::Running(group) = std::mem::replace(&mut self.state, RunState::Waiting) {
            self.stop(group, Signal::TERM, Then::Wait);
        }
    }

    /// Decides what comes after it stopped by itself; `waits_for` is set if only that helps.
    pub(super) fn stopped_by_itself(
        &mut self,
        status: ExitStatus,
        was_steady: bool,
        waits_for: Option<&'static str>,
        report: &Report,
    ) {
        if was_steady {
            self.pauses = 0;
        }
        let pause = retry_pause(self.pauses);
        let is_done = status.success() && self.restart == Restart::OnFailure;
        let then = match waits_for {
            _ if is_done => Then::Exit,
            Some(_) => Then::Wait,
            None => {
                self.pauses += 1;
                Then::Pause(Instant::now() + pause)
            }
        };
        if !is_done {
            let status = &process_group::status_text(status);
            let again_in_s = waits_for.is_none().then_some(pause.as_secs());
            report.print(&WatchEvent::Ended { status, again_in_s, waits_for });
        }
        if let RunState::Running(group) = std::mem::replace(&mut self.state, RunState::Waiting) {
            // Processes that it started and left behind are stopped, too.
            self.stop(group, Signal::TERM, then);
        }
    }

    /// Passes a signal on that stops the supervisor after the connector. After the second one, the connector is
    /// killed. Returns the supervisor's status if there is nothing to wait for.
    pub(super) fn exit_by(&mut self, signal: i32) -> Option<u8> {
        match std::mem::replace(&mut self.state, RunState::Waiting) {
            RunState::Running(group) => {
                let signal = Signal::from_named_raw(signal).unwrap_or(Signal::TERM);
                self.stop(group, signal, Then::Exit);
            }
            RunState::Stopping { group, asked, mut killed, then } => {
                if matches!(then, Then::Exit) {
                    group.signal(Signal::KILL);
                    killed.get_or_insert_with(Instant::now);
                }
                self.state = RunState::Stopping { group, asked, killed, then: Then::Exit };
            }
            RunState::Pausing(_) | RunState::Waiting => {
                return Some(u8::try_from(128 + signal).unwrap_or(u8::MAX));
            }
        }
        None
    }

    /// Stops with the supervisor after Ctrl-Z, until both are continued.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        self.signal(Signal::STOP);
        let begun = Instant::now();
        let suspended = signals::take_default(signals::STOP);
        self.signal(Signal::CONT);
        if let RunState::Stopping { asked, killed, .. } = &mut self.state {
            // The connector could not use that time.
            let lost = begun.elapsed();
            *asked += lost;
            *killed = killed.map(|killed| killed + lost);
        }
        suspended
    }

    fn signal(&self, signal: Signal) {
        if let RunState::Running(group) | RunState::Stopping { group, .. } = &self.state {
            group.signal(signal);
        }
    }

    fn stop(&mut self, group: ProcessGroup, signal: Signal, then: Then) {
        group.signal(signal);
        // A stopped process cannot react to the signal.
        group.signal(Signal::CONT);
        self.state = RunState::Stopping { group, asked: Instant::now(), killed: None, then };
    }
}
