//! What a careful Unix program needs of its machine. This crate knows no message and no secret.
//!
//! A lock in a directory that only you may use:
//!
//! ```
//! use std::time::Instant;
//!
//! use fluvio_secret_system::lock::FileLock;
//! use fluvio_secret_system::private;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let base = tempfile::tempdir()?;
//! let run = base.path().join("state/run");
//! private::directory(&run)?;
//! let held = FileLock::take(&run.join("daemon.lock"), Instant::now())?;
//! assert!(held.is_some());
//! // Another program gets the lock after the first one exits.
//! assert!(FileLock::take(&run.join("daemon.lock"), Instant::now())?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! * [`child`]: waits for a child, but not forever
//! * [`entry_point`](mod@entry_point): the start of a program that soon becomes another one
//! * [`file_id`]: whether a file is the same one, and whether it was written
//! * [`file_system`]: which file systems report changes
//! * [`helpers`]: threads that stay, and help others
//! * [`harden`]: a process that others of the same user cannot read
//! * [`hash`]: a hash that stays the same in every version
//! * [`help`]: what you can do about an error
//! * [`inherited`]: signals that the starter blocked or ignored
//! * [`io_error`]: what an error of the file system means
//! * [`key_text`]: recognizes the text of a key
//! * [`lock`]: locks that the kernel frees when their holder exits
//! * [`logout`]: what happens to files in memory when their user logs out
//! * [`output`]: results on standard output
//! * [`parallel`]: the same work in several threads
//! * [`path_text`]: paths as text that is compared
//! * [`peer`]: the process at the other end of a socket
//! * [`places`]: where everything is kept
//! * [`private`]: directories and files that only you may use
//! * [`printable`]: text that is safe to print on a terminal
//! * [`process`](mod@process): what the kernel reports about other processes
//! * [`project`]: which vault a command is about
//! * [`regular`]: opens regular files and nothing else
//! * [`shell`]: words of a shell, for commands that you are advised to type
//! * [`terminal`]: the terminal that a program may prompt on

pub mod child;
pub mod entry_point;
pub mod file_id;
pub mod file_system;
pub mod harden;
pub mod hash;
pub mod help;
pub mod helpers;
pub mod inherited;
pub mod io_error;
mod keep_out_of_git;
pub mod key_text;
pub mod lock;
pub mod logout;
pub mod output;
pub mod parallel;
pub mod path_text;
pub mod peer;
pub mod places;
pub mod printable;
pub mod private;
pub mod process;
pub mod project;
pub mod regular;
pub mod shell;
pub mod terminal;
