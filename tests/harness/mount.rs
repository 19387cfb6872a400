//! File systems that are full, small or read-only. For root.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mount that ends with it. Made after the home that it is in, so that it is gone before.
pub(crate) struct Mount {
    at: PathBuf,
}

impl Mount {
    /// An empty file system in memory, in place of a folder.
    pub(crate) fn tmpfs(at: &Path, options: &str) -> Self {
        let options = format!("mode=0700,{options}");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], at);
        Self { at: at.to_owned() }
    }

    /// The folder as it is, and nothing in it can be changed. (The file system itself cannot be made
    /// read-only while the daemon has its lock open.)
    pub(crate) fn read_only(at: &Path) -> Self {
        mount(&["--bind", at.to_str().unwrap()], at);
        let mount_point = Self { at: at.to_owned() };
        mount(&["-o", "remount,bind,ro"], at);
        mount_point
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: the daemon may have its lock open there.
        let status = Command::new("umount").arg("--lazy").arg(&self.at).status();
        assert!(status.is_ok_and(|status| status.success()), "{} is unmounted", self.at.display());
    }
}

fn mount(args: &[&str], at: &Path) {
    let status = Command::new("mount").args(args).arg(at).status();
    assert!(status.is_ok_and(|status| status.success()), "mount {args:?} {}", at.display());
}
