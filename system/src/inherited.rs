//! Signals that a program inherits blocked or ignored. It needs them otherwise, and passes them on unchanged.
//!
//! Our programs ignore SIGPIPE, and Rust's standard library resets it in programs that it starts. A connector must
//! inherit what the starter had, so that is remembered. Other signals that the starter ignored stay ignored.

use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::execvpe;

/// Reports to the launcher that SIGPIPE is ignored: a spawned program cannot inherit that. It begins like all
/// our variables, so no connector gets it.
pub const PIPE_VARIABLE: &str = "FLUVIO_SECRET_IGNORES_SIGPIPE";

/// Whether the starter ignored SIGPIPE.
static PIPE_IGNORED: AtomicBool = AtomicBool::new(false);

/// The signals that the starter blocked.
static BLOCKED: OnceLock<SigSet> = OnceLock::new();

pub(crate) fn remember_pipe(is_ignored: bool) {
    PIPE_IGNORED.store(is_ignored, Ordering::Relaxed);
}

/// Whether the starter ignored a signal. Not for one that this program already catches. SIGPIPE is known in programs
/// that begin at [`entry_point`](mod@crate::entry_point).
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    if signal == Signal::SIGPIPE as i32 {
        return PIPE_IGNORED.load(Ordering::Relaxed);
    }
    // Without /proc, no signal counts as ignored.
    let status = fs::read("/proc/self/status").unwrap_or_default();
    ignored_in(&String::from_utf8_lossy(&status))
        .is_some_and(|ignored| ignored & 1 << (signal - 1) != 0)
}

/// A bit for each signal that is ignored, the first one for signal 1.
fn ignored_in(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
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
