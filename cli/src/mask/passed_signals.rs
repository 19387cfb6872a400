//! Signals for this program while the connector is its child. What a terminal sends reaches both, because they
//! are in one process group. What another process sends reaches only this program, and is passed on.

use std::io;
use std::os::fd::AsFd;

use nix::libc::SI_KERNEL;
use nix::sys::signal::{SigSet, Signal as NixSignal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags};
use rustix::process::Signal;

/// The signals that end or stop a program, or mean something to it. The others do here what they do by default.
const PASSED: [NixSignal; 9] = [
    NixSignal::SIGALRM,
    NixSignal::SIGHUP,
    NixSignal::SIGINT,
    NixSignal::SIGQUIT,
    NixSignal::SIGTERM,
    NixSignal::SIGTSTP,
    NixSignal::SIGUSR1,
    NixSignal::SIGUSR2,
    NixSignal::SIGWINCH,
];

/// Signals that were caught, and can be waited for.
pub(super) struct PassedSignals {
    caught: SigSet,
    arrived: SignalFd,
}

pub(super) enum Arrived {
    /// The connector has exited or was stopped.
    Child,
    /// A signal from a process that ends programs.
    End(Signal),
    /// The connector has it, too.
    FromTerminal,
    /// Another signal from a process.
    Passed(Signal),
    /// The window has another size.
    Window,
}

impl PassedSignals {
    /// Catches them from now on. To be called on the only thread.
    pub(super) fn catch() -> io::Result<Self> {
        let caught: SigSet = PASSED.into_iter().chain([NixSignal::SIGCHLD]).collect();
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let signals = Self { caught, arrived: SignalFd::with_flags(&caught, flags)? };
        signals.block()?;
        Ok(signals)
    }

    /// Keeps them from doing what they do by default.
    pub(super) fn block(&self) -> io::Result<()> {
        Ok(self.caught.thread_block()?)
    }

    pub(super) fn wait(&self) -> PollFd<'_> {
        PollFd::from_borrowed_fd(self.arrived.as_fd(), PollFlags::IN)
    }

    /// One that has arrived.
    pub(super) fn next(&self) -> io::Result<Option<Arrived>> {
        let Some(info) = self.arrived.read_signal()? else { return Ok(None) };
        let Ok(number) = i32::try_from(info.ssi_signo) else { return Ok(Some(Arrived::Child)) };
        let is_from_process = info.ssi_code != SI_KERNEL;
        Ok(Some(match Signal::from_named_raw(number) {
            Some(Signal::CHILD) | None => Arrived::Child,
            Some(Signal::WINCH) => Arrived::Window,
            Some(_) if !is_from_process => Arrived::FromTerminal,
            Some(signal @ (Signal::HUP | Signal::INT | Signal::QUIT | Signal::TERM)) => {
                Arrived::End(signal)
            }
            Some(signal) => Arrived::Passed(signal),
        }))
    }
}
