//! Asks on the terminal, without echo.
//!
//! The terminal gets its echo back on every way out: Enter, Ctrl-C, Ctrl-Z, a signal (but SIGKILL and
//! those that tell of a fault). Lines are read byte by byte, because a terminal's own line ends silently
//! at 4,095 bytes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

use fluvio_secret_protocol::{Secret, limits};
use fluvio_secret_system::printable;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::signals::{Signals, take_default};

const END_OF_INPUT: u8 = 0x04;
const ERASE: [u8; 2] = [0x08, 0x7f];
const KILL_LINE: u8 = 0x15;
const KILL_WORD: u8 = 0x17;

/// After this time without a byte nothing is being pasted. You type more slowly than that.
const PASTE: Timespec = Timespec { tv_sec: 0, tv_nsec: 30_000_000 };

/// A terminal, and what is asked on it.
pub(crate) struct Terminal<'a> {
    pub(crate) input: File,
    pub(crate) output: File,
    pub(crate) prompt: &'a str,
    /// The most bytes that an answer may have. One that has more is given with one byte more.
    pub(crate) most: usize,
}

#[derive(Debug, Error)]
pub(crate) enum PromptError {
    #[error("it was not entered")]
    Cancelled,
    #[error("it has a control character, as from an arrow key")]
    Control,
    #[error("the two entries differ")]
    Differ,
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Several lines were pasted.
    #[error("it has several lines, and a prompt takes only one")]
    SeveralLines,
}

impl PromptError {
    pub(crate) fn help(&self) -> Option<&'static str> {
        match self {
            Self::Control => Some("type it again, or pass it in a file"),
            Self::Differ => Some("run the command again, and type the same twice"),
            Self::SeveralLines => Some("pass it in a file"),
            Self::Cancelled | Self::Io(_) => None,
        }
    }
}

impl From<rustix::io::Errno> for PromptError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

impl<'a> Terminal<'a> {
    /// Standard input as the terminal that it is, for a value.
    pub(crate) fn standard(prompt: &'a str) -> io::Result<Self> {
        let input = io::stdin().as_fd().try_clone_to_owned()?.into();
        let output = io::stderr().as_fd().try_clone_to_owned()?.into();
        Ok(Self { input, output, prompt, most: limits::VALUE_BYTES })
    }

    /// Asks. Enter ends it, Ctrl-D on an empty line cancels.
    pub(crate) fn ask(&self) -> Result<Secret, PromptError> {
        let signals = Signals::begin()?;
        let answer = self.answer(signals).map(|(answer, _silenced)| answer);
        signals.end()?;
        answer
    }

    /// Asks, and does something with the answer before the terminal has its echo back: what is typed
    /// until that is done is your next try after a typo.
    pub(crate) fn ask_for<T: Send>(
        &self,
        work: impl FnOnce(Secret) -> T + Send,
    ) -> Result<T, PromptError> {
        let signals = Signals::begin()?;
        let done = self
            .answer(signals)
            .and_then(|(answer, silenced)| self.silent_while(signals, silenced, || work(answer)));
        signals.end()?;
        done
    }

    /// Works on a thread of its own, so that Ctrl-C and its like need not wait for it.
    fn silent_while<T: Send>(
        &self,
        signals: &Signals,
        mut silenced: Silenced<'_>,
        work: impl FnOnce() -> T + Send,
    ) -> Result<T, PromptError> {
        let (done, working) = UnixStream::pair()?;
        let work = Mutex::new(Some((work, working)));
        let take = || work.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread::scope(|scope| {
            let on_thread = thread::Builder::new().spawn_scoped(scope, move || {
                // Closed when it is done, however that ends.
                take().map(|(work, _working)| work())
            });
            let Ok(worker) = on_thread else {
                // No thread may be started. Ctrl-C has to wait for the work then.
                let (work, _working) = take().expect("it is taken once");
                return Ok(work());
            };
            loop {
                while let Some(signal) = signals.arrived()? {
                    silenced = self.take_signal(signal, silenced)?;
                }
                if !wait(&done, signals)?.is_empty() {
                    drop(silenced);
                    let done = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
                    return Ok(done.expect("it is taken once"));
                }
            }
        })
    }

    fn answer(&self, signals: &Signals) -> Result<(Secret, Silenced<'_>), PromptError> {
        // One byte more than fits, so that an answer that is too long is recognized.
        let mut line = Zeroizing::new(Vec::with_capacity(self.most + 1));
        let mut silenced = self.silence()?;
        self.prompt()?;
        loop {
            while let Some(signal) = signals.arrived()? {
                silenced = self.take_signal(signal, silenced)?;
                self.prompt()?;
            }
            let happened = wait(&self.input, signals)?;
            if happened.is_empty() {
                continue;
            }
            let mut byte = [0];
            // Past the standard library's buffer, which would keep a copy.
            if rustix::io::read(&self.input, &mut byte)? == 0 {
                if happened.contains(PollFlags::HUP) {
                    // The terminal is gone, maybe in the middle of an answer.
                    break;
                }
                // What was there is gone: Ctrl-C and its like take away what was typed before.
                continue;
            }
            match edit(&mut line, byte[0], self.most) {
                Edited::More => {}
                Edited::Cancelled => break,
                Edited::Done => {
                    let more = self.takes_more_back()?;
                    self.end_line();
                    return match more {
                        true => Err(PromptError::SeveralLines),
                        false if line.iter().any(|&byte| is_control(byte)) => {
                            Err(PromptError::Control)
                        }
                        false => Ok((Secret::new(line), silenced)),
                    };
                }
            }
        }
        drop(silenced);
        self.end_line();
        Err(PromptError::Cancelled)
    }

    /// Whether more follows the line at once, as only what is pasted does. It is taken from the
    /// terminal: the shell would run it.
    fn takes_more_back(&self) -> io::Result<bool> {
        let mut more = false;
        let mut bytes = Zeroizing::new([0; 4096]);
        loop {
            let mut wanted = [PollFd::new(&self.input, PollFlags::IN)];
            match poll(&mut wanted, Some(&PASTE)) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(0) => return Ok(more),
                polled => {
                    polled?;
                    if rustix::io::read(&self.input, &mut bytes[..])? == 0 {
                        return Ok(more);
                    }
                    more = true;
                }
            }
        }
    }

    /// Does what a signal does by default, with the terminal as it was before.
    fn take_signal(&self, signal: i32, silenced: Silenced<'_>) -> io::Result<Silenced<'_>> {
        drop(silenced);
        take_default(signal)?;
        self.silence()
    }

    /// Takes the echo away, until the guard is dropped.
    fn silence(&self) -> io::Result<Silenced<'_>> {
        let before = tcgetattr(&self.input)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
        // Never wait in a read: a signal that has arrived would not be handled.
        silent.special_codes[SpecialCodeIndex::VMIN] = 0;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&self.input, OptionalActions::Flush, &silent)?;
        Ok(Silenced { input: &self.input, before })
    }

    fn prompt(&self) -> io::Result<()> {
        // It may have a path in it.
        (&self.output).write_all(printable::line(self.prompt).as_bytes())
    }

    fn end_line(&self) {
        let _ = (&self.output).write_all(b"\n");
    }
}

/// Waits for a descriptor or a signal. Returns what happened at the descriptor.
fn wait(descriptor: impl AsFd, signals: &Signals) -> io::Result<PollFlags> {
    let mut wanted =
        [PollFd::new(&descriptor, PollFlags::IN), PollFd::new(signals.wake(), PollFlags::IN)];
    match poll(&mut wanted, None) {
        Err(rustix::io::Errno::INTR) => {}
        polled => _ = polled?,
    }
    Ok(wanted[0].revents())
}

/// The terminal as it was, to be put back.
struct Silenced<'a> {
    input: &'a File,
    before: Termios,
}

impl Drop for Silenced<'_> {
    fn drop(&mut self) {
        // The terminal may be gone; then it needs no echo.
        let _ = tcsetattr(self.input, OptionalActions::Flush, &self.before);
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Edited {
    Cancelled,
    Done,
    More,
}

/// What a byte does to the line, as a terminal would do it.
fn edit(line: &mut Vec<u8>, byte: u8, most: usize) -> Edited {
    match byte {
        b'\n' | b'\r' => return Edited::Done,
        END_OF_INPUT if line.is_empty() => return Edited::Cancelled,
        END_OF_INPUT => return Edited::Done,
        KILL_LINE => line.clear(),
        KILL_WORD => {
            while line.pop_if(|byte| byte.is_ascii_whitespace()).is_some() {}
            while line.pop_if(|byte| !byte.is_ascii_whitespace()).is_some() {}
        }
        erase if ERASE.contains(&erase) => {
            // A whole character, which may have continuation bytes.
            while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
        }
        _ if line.len() <= most => line.push(byte),
        _ => {}
    }
    Edited::More
}

/// What keys make that are no characters. A tab may be part of a value.
fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::limits;

    use super::{Edited, edit};

    fn typed(bytes: &[u8]) -> (Vec<u8>, Edited) {
        let mut line = Vec::new();
        for &byte in bytes {
            match edit(&mut line, byte, limits::VALUE_BYTES) {
                Edited::More => {}
                end => return (line, end),
            }
        }
        (line, Edited::More)
    }

    #[test]
    fn a_line_is_edited_as_a_terminal_does_it() {
        assert_eq!(typed(b"abc\n"), (b"abc".to_vec(), Edited::Done));
        assert_eq!(typed(b"abc\x7f\x08d\r"), (b"ad".to_vec(), Edited::Done));
        assert_eq!(typed("a\u{fc}\u{7f}b\n".as_bytes()), (b"ab".to_vec(), Edited::Done));
        assert_eq!(typed(b"abc\x15d\n"), (b"d".to_vec(), Edited::Done));
        assert_eq!(typed(b"ab cd \x17e\n"), (b"ab e".to_vec(), Edited::Done));
        assert_eq!(typed(b"\x7f\x7fa\n"), (b"a".to_vec(), Edited::Done));
        assert_eq!(typed(b"\x04"), (Vec::new(), Edited::Cancelled));
        assert_eq!(typed(b"a\x04"), (b"a".to_vec(), Edited::Done));
    }

    #[test]
    fn a_line_longer_than_a_value_is_told_from_one_that_fits() {
        let most = limits::VALUE_BYTES;
        assert_eq!(typed(&vec![b'x'; most + 9]).0.len(), most + 1);
        assert_eq!(typed(&vec![b'x'; 5000]).0.len(), 5000, "more than a terminal's own line");
    }
}
