//! What file systems tell about changes.

use std::path::Path;

/// Whether changes of what is there may be told to nobody, because others make them: a network file
/// system, a folder shared with another machine, a file system made by a program (statfs(2)). Of a
/// path that cannot be asked about it is not known, which counts as no.
#[must_use]
pub fn may_tell_nothing(path: &Path) -> bool {
    /// NFS, SMB 1, CIFS, SMB 2, 9P (also the drives of Windows under WSL), FUSE, Ceph, AFS.
    const SILENT: [u64; 8] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x0102_1997,
        0x6573_5546,
        0x00c3_6400,
        0x6b41_4653,
    ];
    let kind = rustix::fs::statfs(path).map(|found| found.f_type);
    // The kernel's type has another sign on some machines.
    kind.is_ok_and(|kind| SILENT.contains(&u64::from(kind as u32)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::may_tell_nothing;

    #[test]
    fn what_is_on_a_disk_of_this_machine_is_told() {
        assert!(!may_tell_nothing(Path::new("/proc")));
        assert!(!may_tell_nothing(Path::new("/none/such")));
    }
}
