//! `--mask`: this program stays the parent of the connector, and replaces values in what it prints.
//!
//! The connector stays in this process group, with this standard input. So the terminal stops and ends both, and
//! a shell sees one job. Only its outputs are ours: a pty for each terminal, a pipe for anything else.
//!
//! * [`delivered_values`]: what is masked
//! * [`outputs`]: the streams, from the connector to where this program prints
//! * [`passed_signals`]: signals from other processes, which reach only this program

mod delivered_values;
mod outputs;
mod passed_signals;

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use fluvio_secret_launch::PreparedConnector;
use fluvio_secret_system::harden::{Hardened, harden};
use fluvio_secret_system::inherited;
use rustix::event::poll;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, waitpid};

use self::delivered_values::DeliveredValues;
use self::outputs::Outputs;
use self::passed_signals::{Arrived, PassedSignals};
use crate::error::CliError;
use crate::signals;

/// Starts a connector, and replaces its secrets in its outputs until they end.
pub(crate) fn run(connector: PreparedConnector, hardened: Hardened) -> Result<(), CliError> {
    let values = DeliveredValues::of(&connector).map_err(CliError::System)?;
    let (mut outputs, ends) = Outputs::new(values).map_err(CliError::System)?;
    let mut command = as_inherited(&connector.command);
    let [stdout, stderr] = ends.map(Stdio::from);
    command.stdout(stdout).stderr(stderr);
    hardened.release().map_err(CliError::System)?;
    let child = command.spawn();
    let signals = PassedSignals::catch().map_err(CliError::System)?;
    // The values stay for the life of this process.
    let _still_hardened = harden_again(&signals)?;
    let child = child.map_err(|source| CliError::Launch(connector.start_error(source)))?;
    let child = Pid::from_child(&child);
    // Its ends of the outputs, and its secrets.
    drop((command, connector));
    let status = Parent { child, status: None }.pass_on(&mut outputs, &signals);
    end_as(status.map_err(CliError::System)?)
}

fn harden_again(signals: &PassedSignals) -> Result<Hardened, CliError> {
    let hardened = harden().map_err(CliError::System)?;
    // That unblocks all signals.
    signals.block().map_err(CliError::System)?;
    Ok(hardened)
}

/// A command, as it is to be spawned. A program that is spawned does not inherit that SIGPIPE is ignored, as by
/// the shell's `trap '' PIPE`. So a shell ignores it again.
fn as_inherited(command: &Command) -> Command {
    let mut spawned = match inherited::is_ignored(Signal::PIPE.as_raw()) {
        true => {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", "trap '' PIPE; exec \"$@\"", "sh"]).arg(command.get_program());
            shell
        }
        false => Command::new(command.get_program()),
    };
    spawned.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => spawned.env(name, value),
            None => spawned.env_remove(name),
        };
    }
    spawned
}

struct Parent {
    child: Pid,
    status: Option<ExitStatus>,
}

impl Parent {
    /// Passes outputs and signals on until the connector has exited and its outputs have ended: what it leaves
    /// running may still print.
    fn pass_on(mut self, outputs: &mut Outputs, signals: &PassedSignals) -> io::Result<ExitStatus> {
        loop {
            self.look_after_child()?;
            match self.status {
                Some(status) if outputs.have_ended() => return Ok(status),
                _ => {}
            }
            let ready = wait(outputs, signals)?;
            outputs.learn_values()?;
            outputs.advance(&ready)?;
            while let Some(arrived) = signals.next()? {
                match (arrived, self.status) {
                    (Arrived::Child, _) => {}
                    (Arrived::Window, _) => {
                        outputs.copy_window_size();
                        self.signal(Signal::WINCH);
                    }
                    // Only what it left behind still prints.
                    (Arrived::End(_) | Arrived::FromTerminal, Some(status)) => return Ok(status),
                    (Arrived::End(signal) | Arrived::Passed(signal), _) => self.signal(signal),
                    (Arrived::FromTerminal, _) => {}
                }
            }
        }
    }

    /// Learns that the connector has exited or was stopped. This program stops with it, for the shell.
    fn look_after_child(&mut self) -> io::Result<()> {
        while let Some((pid, status)) = self.child_news()? {
            // An orphan, which may have the id that the connector had.
            if pid != self.child || self.status.is_some() {
                continue;
            }
            if status.stopped() {
                kill_process(getpid(), Signal::STOP)?;
                self.signal(Signal::CONT);
            } else {
                self.status = Some(ExitStatus::from_raw(status.as_raw()));
            }
        }
        Ok(())
    }

    /// A child that has exited, which is then reaped, or that was stopped. As the first process of a container, this
    /// one also gets all processes whose parent has exited.
    fn child_news(&self) -> io::Result<Option<(Pid, WaitStatus)>> {
        let is_first = getpid() == Pid::INIT;
        if self.status.is_some() && !is_first {
            return Ok(None);
        }
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
        let news = || match is_first {
            true => rustix::process::wait(options),
            false => waitpid(Some(self.child), options),
        };
        match rustix::io::retry_on_intr(news) {
            // There are no children any more.
            Err(Errno::CHILD) if self.status.is_some() => Ok(None),
            news => Ok(news?),
        }
    }

    fn signal(&self, signal: Signal) {
        if self.status.is_none() {
            // It may have exited.
            let _ = kill_process(self.child, signal);
        }
    }
}

/// Waits for an output, a signal or another value. Returns which of the outputs' waits are over.
fn wait(outputs: &Outputs, signals: &PassedSignals) -> io::Result<Vec<bool>> {
    let mut waits = outputs.waits();
    let outputs_end = waits.len();
    waits.push(signals.wait());
    waits.extend(outputs.values_wait());
    rustix::io::retry_on_intr(|| poll(&mut waits, None))?;
    waits.truncate(outputs_end);
    Ok(waits.iter().map(|wait| !wait.revents().is_empty()).collect())
}

/// Ends as the connector did: with its status, or by its signal.
fn end_as(status: ExitStatus) -> Result<(), CliError> {
    let Some(signal) = status.signal() else {
        return match status.code() {
            Some(0) => Ok(()),
            code => Err(CliError::Connector(status_byte(code))),
        };
    };
    inherited::unblock_signals().map_err(CliError::System)?;
    let _ = signals::take_default(signal);
    if let Some(signal) = Signal::from_named_raw(signal) {
        let _ = kill_process(getpid(), signal);
    }
    Err(CliError::Connector(status_byte(Some(128 + signal))))
}

fn status_byte(code: Option<i32>) -> u8 {
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
