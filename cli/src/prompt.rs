//! Asks on the terminal, without echo.
//!
//! The terminal gets its echo back on every way out: Enter, Ctrl-C, Ctrl-Z, a signal. Lines are read
//! byte by byte, because a terminal's own line ends silently at 4,095 bytes.

use std::io::{self, Stdin, Write};

use fluvio_secret_protocol::{Secret, limits};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::error::CliError;
use crate::signals::{Signals, take_default};

const END_OF_INPUT: u8 = 0x04;
const ERASE: [u8; 2] = [0x08, 0x7f];
const KILL_LINE: u8 = 0x15;
const KILL_WORD: u8 = 0x17;

/// After so long without a byte nothing is being pasted; nobody types so fast.
const PASTE: Timespec = Timespec { tv_sec: 0, tv_nsec: 30_000_000 };

const SEVERAL_LINES: &str = "it has several lines, of which only the first was taken; use --file";
const CONTROL: &str =
    "it has a control character, as arrow keys make them; type it anew, or use --file";

/// Asks for a value. Enter ends it, Ctrl-D on an empty line cancels.
pub(crate) fn ask(prompt: &str) -> Result<Secret, CliError> {
    let signals = Signals::begin().map_err(CliError::Input)?;
    let answer = Terminal { stdin: io::stdin(), prompt }.ask(&signals).map_err(CliError::Input);
    signals.end();
    answer?.map(Secret::new).ok_or(CliError::Cancelled)
}

struct Terminal<'a> {
    stdin: Stdin,
    prompt: &'a str,
}

impl Terminal<'_> {
    fn ask(&self, signals: &Signals) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        // One byte more than fits, so that a value that is too long is told from one that fits.
        let mut line = Zeroizing::new(Vec::with_capacity(limits::VALUE_BYTES + 1));
        let mut silenced = self.silence()?;
        loop {
            if let Some(signal) = signals.arrived()? {
                drop(silenced);
                // Ends or stops us as if nobody had caught it.
                take_default(signal)?;
                silenced = self.silence()?;
            }
            let mut wanted = [
                PollFd::new(&self.stdin, PollFlags::IN),
                PollFd::new(signals.wake(), PollFlags::IN),
            ];
            match poll(&mut wanted, None) {
                Err(rustix::io::Errno::INTR) => continue,
                polled => polled?,
            };
            if wanted[0].revents().is_empty() {
                continue;
            }
            let mut byte = [0];
            // Past the standard library's buffer, which would keep a copy.
            if rustix::io::read(&self.stdin, &mut byte)? == 0 {
                byte = [END_OF_INPUT];
            }
            match edit(&mut line, byte[0]) {
                Edited::More => {}
                Edited::Cancelled => break,
                Edited::Done => {
                    let more = self.takes_more_back()?;
                    drop(silenced);
                    end_line();
                    return match more {
                        true => Err(io::Error::other(SEVERAL_LINES)),
                        false if line.iter().any(|&byte| is_control(byte)) => {
                            Err(io::Error::other(CONTROL))
                        }
                        false => Ok(Some(line)),
                    };
                }
            }
        }
        drop(silenced);
        end_line();
        Ok(None)
    }

    /// Whether more follows the line at once, as only what is pasted does. It is taken from the
    /// terminal: the shell would run it.
    fn takes_more_back(&self) -> io::Result<bool> {
        let mut more = false;
        let mut bytes = Zeroizing::new([0; 4096]);
        loop {
            let mut wanted = [PollFd::new(&self.stdin, PollFlags::IN)];
            match poll(&mut wanted, Some(&PASTE)) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(0) => return Ok(more),
                polled => {
                    polled?;
                    if rustix::io::read(&self.stdin, &mut bytes[..])? == 0 {
                        return Ok(more);
                    }
                    more = true;
                }
            }
        }
    }

    /// Prints the prompt and takes the echo away, until the guard is dropped.
    fn silence(&self) -> io::Result<Silenced<'_>> {
        let before = tcgetattr(&self.stdin)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
        tcsetattr(&self.stdin, OptionalActions::Flush, &silent)?;
        let guard = Silenced { stdin: &self.stdin, before };
        let mut stderr = io::stderr();
        stderr.write_all(self.prompt.as_bytes())?;
        stderr.flush()?;
        Ok(guard)
    }
}

fn end_line() {
    let _ = io::stderr().write_all(b"\n");
}

/// The terminal as it was, to be put back.
struct Silenced<'a> {
    stdin: &'a Stdin,
    before: Termios,
}

impl Drop for Silenced<'_> {
    fn drop(&mut self) {
        // The terminal may be gone; then it needs no echo.
        let _ = tcsetattr(self.stdin, OptionalActions::Flush, &self.before);
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Edited {
    Cancelled,
    Done,
    More,
}

/// What a byte does to the line, as a terminal would do it.
fn edit(line: &mut Vec<u8>, byte: u8) -> Edited {
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
        _ if line.len() <= limits::VALUE_BYTES => line.push(byte),
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
    use super::{Edited, edit};

    fn typed(bytes: &[u8]) -> (Vec<u8>, Edited) {
        let mut line = Vec::new();
        for &byte in bytes {
            match edit(&mut line, byte) {
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
        let most = fluvio_secret_protocol::limits::VALUE_BYTES;
        assert_eq!(typed(&vec![b'x'; most + 9]).0.len(), most + 1);
        assert_eq!(typed(&vec![b'x'; 5000]).0.len(), 5000, "more than a terminal's own line");
    }
}
