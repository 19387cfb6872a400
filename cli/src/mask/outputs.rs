//! The outputs of the connector: what it prints, what of that is shown, and where.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use fluvio_secret_mask::{Mask, MaskedStream};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags, fstat, open};
use rustix::io::{Errno, read, retry_on_intr, write};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use super::delivered_values::DeliveredValues;

const PIECE_BYTES: usize = 64 << 10;
/// A pipe that is ready takes this without a wait (`PIPE_BUF`).
const WRITE_BYTES: usize = 4096;

/// Standard output and standard error. If both are the same terminal or file, they are one stream, whose order
/// stays.
pub(super) struct Outputs {
    streams: Vec<Output>,
    values: DeliveredValues,
}

struct Output {
    /// `None` after its end, and if what it is shown on is gone.
    from: Option<OwnedFd>,
    to: OwnedFd,
    masked: MaskedStream,
    /// What may be shown and is not yet.
    shown: Vec<u8>,
    is_terminal: bool,
}

impl Outputs {
    /// The outputs of this program, and the ends of them that the connector gets.
    pub(super) fn new(values: DeliveredValues) -> io::Result<(Self, [OwnedFd; 2])> {
        let mask = &values.mask();
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let (output, end) = Output::new(stdout.as_fd(), mask)?;
        let mut streams = vec![output];
        let other_end = if is_same(stdout.as_fd(), stderr.as_fd()) {
            end.try_clone()?
        } else {
            let (output, end) = Output::new(stderr.as_fd(), mask)?;
            streams.push(output);
            end
        };
        Ok((Self { streams, values }, [end, other_end]))
    }

    pub(super) fn have_ended(&self) -> bool {
        self.streams.iter().all(|stream| stream.from.is_none() && stream.shown.is_empty())
    }

    /// What to wait for: one thing for each stream that has not ended.
    pub(super) fn waits(&self) -> Vec<PollFd<'_>> {
        self.streams.iter().filter_map(Output::wait).collect()
    }

    /// Reads and writes what is ready, in the order of the waits.
    pub(super) fn advance(&mut self, ready: &[bool]) -> io::Result<()> {
        let waiting = (0..self.streams.len()).filter(|at| self.streams[*at].wait().is_some());
        let waiting: Vec<_> = waiting.zip(ready).collect();
        for (at, _) in waiting.into_iter().filter(|(_, is_ready)| **is_ready) {
            if !self.streams[at].shown.is_empty() {
                self.streams[at].write();
                continue;
            }
            let piece = self.streams[at].read();
            // Not before: the connector may just have read another value in its secrets file, and printed it.
            self.learn_values()?;
            self.streams[at].show(piece);
        }
        Ok(())
    }

    /// What to wait for to learn of other values.
    pub(super) fn values_wait(&self) -> Option<PollFd<'_>> {
        self.values.wait()
    }

    /// Masks also what the connector may have got since the last call.
    pub(super) fn learn_values(&mut self) -> io::Result<()> {
        if let Some(mask) = self.values.changed()? {
            self.streams.iter_mut().for_each(|stream| stream.masked.set_mask(mask.clone()));
        }
        Ok(())
    }

    /// Gives the terminals of the connector the size of those that they are shown on.
    pub(super) fn copy_window_size(&self) {
        for Output { from, to, is_terminal, .. } in &self.streams {
            if let (Some(from), true, Ok(size)) = (from, is_terminal, tcgetwinsize(to)) {
                // Programs then have the size from before.
                let _ = tcsetwinsize(from, size);
            }
        }
    }
}

impl Output {
    /// An output that is shown there, and the end for the connector.
    fn new(to: BorrowedFd<'_>, mask: &Arc<Mask>) -> io::Result<(Self, OwnedFd)> {
        let is_terminal = isatty(to);
        let (from, end) = match is_terminal {
            true => terminal_like(to)?,
            false => pipe_with(PipeFlags::CLOEXEC)?,
        };
        let masked = MaskedStream::new(mask.clone());
        let to = to.try_clone_to_owned()?;
        let shown = Vec::new();
        Ok((Self { from: Some(from), to, masked, shown, is_terminal }, end))
    }

    fn wait(&self) -> Option<PollFd<'_>> {
        if !self.shown.is_empty() {
            return Some(PollFd::new(&self.to, PollFlags::OUT));
        }
        self.from.as_ref().map(|from| PollFd::new(from, PollFlags::IN))
    }

    fn write(&mut self) {
        let count = self.shown.len().min(WRITE_BYTES);
        match write(&self.to, &self.shown[..count]) {
            Ok(written) => drop(self.shown.drain(..written)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => {
                // The connector's next output fails then, as it would without us.
                self.from = None;
                self.shown.clear();
            }
        }
    }

    /// The next piece, which may be empty; `None` at the end.
    fn read(&self) -> Option<Vec<u8>> {
        let mut piece = vec![0; PIECE_BYTES];
        let from = self.from.as_ref()?;
        let count = match retry_on_intr(|| read(from, &mut piece[..])) {
            Ok(count @ 1..) => count,
            Err(Errno::AGAIN) => 0,
            // A terminal ends with an error.
            Ok(_) | Err(_) => return None,
        };
        piece.truncate(count);
        Some(piece)
    }

    fn show(&mut self, piece: Option<Vec<u8>>) {
        if let Some(piece) = piece {
            self.masked.push(&piece, &mut self.shown);
        } else {
            self.from = None;
            self.masked.end(&mut self.shown);
        }
    }
}

/// A pty with the size of a terminal: our end, and the connector's. It changes nothing in what is printed,
/// because the real terminal does that.
fn terminal_like(terminal: BorrowedFd<'_>) -> io::Result<(OwnedFd, OwnedFd)> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let path = ptsname(&ours, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = open(path.as_c_str(), flags, Mode::empty())?;
    let mut modes = tcgetattr(&theirs)?;
    modes.make_raw();
    tcsetattr(&theirs, OptionalActions::Now, &modes)?;
    if let Ok(size) = tcgetwinsize(terminal) {
        tcsetwinsize(&theirs, size)?;
    }
    Ok((ours, theirs))
}

fn is_same(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    let found = (fstat(one), fstat(other));
    matches!(found, (Ok(one), Ok(other)) if (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}
