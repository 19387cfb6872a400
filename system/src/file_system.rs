//! What file systems are, and do (statfs(2)).

use std::io;
use std::path::Path;

use rustix::fs::statfs;

/// tmpfs, and ramfs, which is not even swapped.
const IN_MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6];

/// NFS, SMB 1, CIFS, SMB 2, 9P (also the drives of Windows under WSL), FUSE, Ceph, AFS.
const SILENT: [u32; 8] =
    [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997, 0x6573_5546, 0x00c3_6400, 0x6b41_4653];

/// Whether a path is on a file system in memory.
///
/// # Errors
///
/// Those of statfs(2).
pub fn is_in_memory(path: &Path) -> io::Result<bool> {
    Ok(IN_MEMORY.contains(&kind(path)?))
}

/// Whether the kernel may not report changes of a file, because another machine or a program makes them.
/// An error of the check counts as no.
#[must_use]
pub fn may_be_silent(path: &Path) -> bool {
    kind(path).is_ok_and(|kind| SILENT.contains(&kind))
}

/// The kernel's type of the file system. It has another sign on some machines.
fn kind(path: &Path) -> io::Result<u32> {
    Ok(statfs(path)?.f_type as u32)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{is_in_memory, may_be_silent};

    #[test]
    fn the_kernel_reports_changes_on_a_disk_of_this_machine() {
        for path in ["/proc", "/none/such"].map(Path::new) {
            assert!(!may_be_silent(path) && !is_in_memory(path).unwrap_or(false));
        }
    }
}
