//! A process that others of the same user cannot read.
//!
//! This is hardening, not a boundary: the boundary is the Unix user.

use std::io;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use crate::inherited;

/// What was changed and has to be given back before an exec, because programs inherit it.
/// (That the process is not dumpable ends by itself with the exec.)
#[must_use]
pub struct Hardened {
    core: Rlimit,
    umask: Mode,
}

/// Makes this process not dumpable (no ptrace, no /proc/PID/mem by the same user, see prctl(2)),
/// without core files, and the files it makes private. Unblocks all signals: the program that blocked them did not
/// mean this program.
///
/// # Errors
///
/// Those of prctl(2), setrlimit(2) and sigprocmask(2).
pub fn harden() -> io::Result<Hardened> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    inherited::unblock_signals()?;
    let core = rustix::process::getrlimit(Resource::Core);
    // The soft limit alone: the hard one could not be given back.
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: core.maximum })?;
    let umask = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    Ok(Hardened { core, umask })
}

impl Hardened {
    /// Gives back what the next program would inherit.
    ///
    /// # Errors
    ///
    /// Those of setrlimit(2) and sigprocmask(2).
    pub fn release(self) -> io::Result<()> {
        rustix::process::umask(self.umask);
        rustix::process::setrlimit(Resource::Core, self.core)?;
        inherited::block_as_inherited()
    }
}
