//! The start of a program that soon becomes another one.
//!
//! What Rust's runtime does before `main` would be a twentieth of such a program's time: most of it looks for the
//! stack, to explain its overflow. So the C library calls our `main` directly, which does the rest of that in less
//! time.
//!
//! All unsafe code of the workspace is in this file.

use std::os::fd::IntoRawFd;
use std::panic::catch_unwind;
use std::process::{abort, exit};

use nix::sys::signal::{SigHandler, Signal, signal};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, fcntl_getfd};
use rustix::stdio::{stderr, stdin, stdout};

use crate::inherited;

/// The exit status after a panic, as Rust's runtime has it.
const PANICKED: u8 = 101;

/// Defines the `main` of a program: a function that returns the exit status, and that [`run`] calls.
///
/// The program also needs `#![cfg_attr(all(target_env = "gnu", not(test)), no_main)]`. With another C library, Rust's
/// runtime starts it: only glibc keeps the arguments for [`std::env::args_os`]. An ignored SIGPIPE is not passed on
/// then.
#[macro_export]
macro_rules! entry_point {
    ($main:path) => {
        #[cfg(all(target_env = "gnu", not(test)))]
        #[expect(unsafe_code, reason = "the name is the one that the C library calls")]
        #[unsafe(no_mangle)]
        extern "C" fn main() -> std::ffi::c_int {
            $crate::entry_point::run($main)
        }

        #[cfg(not(all(target_env = "gnu", not(test))))]
        fn main() -> std::process::ExitCode {
            $main().into()
        }
    };
}

/// Carries out a whole program, as Rust's runtime would. To be called on the first thread, before any other.
pub fn run(main: fn() -> u8) -> ! {
    open_standard_streams();
    ignore_pipe();
    // This also writes what is left in the buffer of standard output.
    exit(status_of(main).into())
}

/// Opens /dev/null for each standard stream that the starter closed. Otherwise, the next file would get its number,
/// and would be written to.
fn open_standard_streams() {
    for stream in [stdin(), stdout(), stderr()] {
        if fcntl_getfd(stream) == Err(Errno::BADF) {
            // It gets the lowest number that is free. The next program inherits it.
            match open(c"/dev/null", OFlags::RDWR, Mode::empty()) {
                Ok(null) => drop(null.into_raw_fd()),
                Err(_) => abort(),
            }
        }
    }
}

/// Makes writing to a closed pipe an error. By default, it ends the program.
#[expect(unsafe_code, reason = "a handler would run at any time, but this sets none")]
fn ignore_pipe() {
    // SAFETY: no handler is called, and there is no other thread.
    let before = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) };
    inherited::remember_pipe(matches!(before, Ok(SigHandler::SigIgn)));
}

fn status_of(main: fn() -> u8) -> u8 {
    catch_unwind(main).unwrap_or(PANICKED)
}

#[cfg(test)]
mod tests {
    use super::status_of;

    #[test]
    fn a_panic_is_an_exit_status() {
        assert_eq!(status_of(|| 3), 3);
        assert_eq!(status_of(|| panic!("of the test")), 101);
    }
}
