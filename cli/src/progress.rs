//! How far something is that takes its time, in one line of the terminal that is gone afterwards.

use std::io::{self, IsTerminal, Write};

/// The line; it is taken away when this is dropped.
pub(crate) struct Progress {
    is_wanted: bool,
    is_shown: bool,
}

impl Progress {
    /// Shows nothing yet. Where standard error is no terminal, or it `is_long` not, it never does.
    pub(crate) fn begin(is_long: bool) -> Self {
        Self { is_wanted: is_long && io::stderr().is_terminal(), is_shown: false }
    }

    /// Shows the number of secrets that are done.
    pub(crate) fn show(&mut self, done: usize, all: usize) {
        if self.is_wanted {
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
