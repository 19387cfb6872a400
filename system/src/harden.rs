//! A process that other processes of the same user cannot read.
//!
//! This is hardening, not a boundary: the boundary is the Unix user.

use std::io;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use crate::inherited;

/// What programs inherit, and so has to be restored before an exec. (After the exec, the process is dumpable
/// again.)
#[derive(Clone, Copy)]
#[must_use]
pub struct Hardened {
    core: Rlimit,
    umask: Mode,
}

/// Makes this process not dumpable (no ptrace, no /proc/PID/mem by the same user, see prctl(2)),
/// without core files, and the files it makes private. Unblocks all signals, because the program that blocked
/// them meant itself.
///
/// # Errors
///
/// Those of prctl(2), setrlimit(2) and sigprocmask(2).
pub fn harden() -> io::Result<Hardened> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    inherited::unblock_signals()?;
    let core = rustix::process::getrlimit(Resource::Core);
    // The soft limit alone: the hard one could not be restored.
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: core.maximum })?;
    let umask = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    Ok(Hardened { core, umask })
}

impl Hardened {
    /// Restores what the next program inherits.
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
