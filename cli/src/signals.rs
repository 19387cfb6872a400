//! Signals that are waited for. The one file that knows signal-hook, with [`crate::prompt`].

use std::io;
use std::thread;

pub(crate) use signal_hook::consts::SIGTSTP as STOP;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

/// Hands every signal that would end or stop us over, from now on.
pub(crate) fn hand_over(mut to: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP])?;
    let run = move || signals.forever().for_each(&mut to);
    thread::Builder::new().name("signals".to_owned()).spawn(run).map(|_| ())
}

/// Stops us, as if nobody had caught the signal; gives back when we are continued.
pub(crate) fn stop_here() -> io::Result<()> {
    low_level::emulate_default_handler(SIGTSTP)
}
