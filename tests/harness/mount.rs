//! File systems that are full, small or read-only. For root.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

    /// An ext4 that keeps dates in whole seconds, in a file that is made for it.
    pub(crate) fn of_whole_seconds(image: &Path, at: &Path) -> Self {
        File::create(image).and_then(|image| image.set_len(16 << 20)).unwrap();
        let mut make = Command::new("mkfs.ext4");
        // So small an inode has no place for parts of a second.
        let made = make.args(["-q", "-I", "128"]).arg(image).stderr(Stdio::null()).status();
        assert!(made.is_ok_and(|status| status.success()), "{}", image.display());
        mount(&["-o", "loop", image.to_str().unwrap()], at);
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
