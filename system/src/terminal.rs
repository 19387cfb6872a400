//! The terminal that a program may ask on.

use std::fs::{File, OpenOptions};

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

/// The terminal of this session, whatever the standard streams are. `None` when there is none, and in
/// its background, where whoever asks would be stopped.
#[must_use]
pub fn of_session() -> Option<File> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    (tcgetpgrp(&terminal).ok()? == getpgrp()).then_some(terminal)
}
