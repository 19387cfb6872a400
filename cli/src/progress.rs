//! How far something is that takes its time, in one line of the terminal that is gone afterwards.

use std::io::{self, IsTerminal, Write};

use fluvio_secret_protocol::limits;

/// The line; it is taken away when this is dropped.
pub(crate) struct Progress {
    is_on_terminal: bool,
    is_shown: bool,
}

/// As many secrets take so little time that a line would only flicker.
const FEW: usize = limits::PAGE_NAMES;

impl Progress {
    /// Shows nothing yet, and never anything unless standard error is a terminal.
    pub(crate) fn begin() -> Self {
        Self { is_on_terminal: io::stderr().is_terminal(), is_shown: false }
    }

    /// Shows the number of secrets that are done.
    pub(crate) fn show(&mut self, done: usize, all: usize) {
        if self.is_on_terminal && all > FEW {
            let mut stderr = io::stderr();
            let _ = write!(stderr, "\r{done} of {all} secrets");
            let _ = stderr.flush();
            self.is_shown = true;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            // Back to the beginning of the line, and nothing to its right.
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }
}
