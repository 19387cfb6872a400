//! Signals that a program inherits blocked or ignored. It needs them otherwise, and passes them on unchanged.
//!
//! Rust's runtime ignores SIGPIPE before `main`, and resets it in programs that it starts. A connector must
//! inherit what the starter had, so the ignored signals are read before that.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use ctor::ctor;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::execvpe;

/// Reports to the launcher that SIGPIPE is ignored: a spawned program cannot inherit that. It begins like all
/// our variables, so no connector gets it.
pub const PIPE_VARIABLE: &str = "FLUVIO_SECRET_IGNORES_SIGPIPE";

/// A bit for each signal that the starter ignored, the first one for signal 1.
static IGNORED_SIGNALS: AtomicU64 = AtomicU64::new(0);

/// The signals that the starter blocked.
static BLOCKED: OnceLock<SigSet> = OnceLock::new();

/// Runs before `main`, and needs nothing of Rust's runtime.
#[ctor(unsafe)]
fn remember_ignored() {
    IGNORED_SIGNALS.store(read_ignored().unwrap_or(0), Ordering::Relaxed);
}

/// Without /proc, no signal counts as ignored.
fn read_ignored() -> Option<u64> {
    let mut status = [0; 4096];
    let mut length = 0;
    let mut file = File::open("/proc/self/status").ok()?;
    while let Ok(count @ 1..) = file.read(&mut status[length..]) {
        length += count;
    }
    ignored_in(std::str::from_utf8(&status[..length]).ok()?)
}

fn ignored_in(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Whether the starter ignored a signal.
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    IGNORED_SIGNALS.load(Ordering::Relaxed) & 1 << (signal - 1) != 0
}

/// Unblocks all signals for this thread and those that it starts. To be called on the first thread.
///
/// # Errors
///
/// Those of sigprocmask(2).
pub fn unblock_signals() -> io::Result<()> {
    let blocked = SigSet::empty().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    // The first time counts: later ones find what we set ourselves.
    BLOCKED.get_or_init(|| blocked);
    Ok(())
}

/// Blocks the signals that the starter blocked, for what this thread becomes or starts.
///
/// # Errors
///
/// Those of sigprocmask(2).
pub fn block_as_inherited() -> io::Result<()> {
    BLOCKED.get().map_or(Ok(()), |blocked| Ok(blocked.thread_set_mask()?))
}

/// Becomes another program, with this name and with the signals as this one inherited them. Returns only an
/// error.
#[must_use]
pub fn exec(mut command: Command, name: &OsStr) -> io::Error {
    if let Err(error) = block_as_inherited() {
        return error;
    }
    if !ignores_pipe() {
        return command.arg0(name).exec();
    }
    // The standard library would reset SIGPIPE.
    match exec_as_it_is(&command, name) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// Starts a program with the signals as this one inherited them; the launcher also ignores SIGPIPE
/// then.
///
/// # Errors
///
/// Those of the start.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    if ignores_pipe() {
        command.env(PIPE_VARIABLE, "1");
    }
    block_as_inherited()?;
    let child = command.spawn();
    unblock_signals()?;
    child
}

fn ignores_pipe() -> bool {
    is_ignored(Signal::SIGPIPE as i32) || std::env::var_os(PIPE_VARIABLE).is_some()
}

fn exec_as_it_is(command: &Command, name: &OsStr) -> io::Result<std::convert::Infallible> {
    let program = c_string(command.get_program().to_owned())?;
    let words = [name].into_iter().chain(command.get_args()).map(OsStr::to_owned).map(c_string);
    let words = words.collect::<io::Result<Vec<_>>>()?;
    let is_changed = |name: &OsString| command.get_envs().any(|(changed, _)| changed == name);
    let kept = std::env::vars_os().filter(|(name, _)| !is_changed(name));
    let set = command.get_envs().filter_map(|(name, value)| Some((name.into(), value?.into())));
    let variables = kept.chain(set).map(|(mut variable, value): (OsString, OsString)| {
        variable.push("=");
        variable.push(value);
        c_string(variable)
    });
    let variables = variables.collect::<io::Result<Vec<_>>>()?;
    Ok(execvpe(&program, &words, &variables)?)
}

fn c_string(text: OsString) -> io::Result<CString> {
    Ok(CString::new(text.into_vec())?)
}

#[cfg(test)]
mod tests {
    use super::ignored_in;

    #[test]
    fn ignored_signals_are_read_from_the_mask() {
        let status = "SigBlk:\t0000000000000001\nSigIgn:\t0000000000001005\n";
        assert_eq!(ignored_in(status), Some(0x1005));
        assert_eq!(ignored_in(""), None);
    }
}
