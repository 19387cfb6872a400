//! The terminal that a program may prompt on.

use std::fs::{File, OpenOptions};

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

/// The terminal of this session, whatever the standard streams are. `None` without a terminal, and in its
/// background, where a prompt would stop the program.
#[must_use]
pub fn of_session() -> Option<File> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    (tcgetpgrp(&terminal).ok()? == getpgrp()).then_some(terminal)
}
