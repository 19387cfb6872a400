//! File systems that are full, small or read-only, or whose power is cut. For root.

use std::fs::{File, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::eventually;

/// Shuts an ext4 down without writing its journal, as a power cut does. This is `EXT4_IOC_SHUTDOWN` with
/// `EXT4_GOING_FLAGS_NOLOGFLUSH` in the kernel's ext4.h.
const SHUTDOWN: &str = r#"open(my $disk, "<", $ARGV[0]) or die $!;
my $how = pack("L", 2);
ioctl($disk, 0x8004587d, $how) or die $!;"#;

/// A mount that ends with it. Made after the home that it is in, so that it is gone before.
pub(crate) struct Mount {
    at: PathBuf,
}

impl Mount {
    /// An empty file system in memory, in place of a directory.
    pub(crate) fn tmpfs(at: &Path, options: &str) -> Self {
        let options = format!("mode=0700,{options}");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], at);
        Self { at: at.to_owned() }
    }

    /// An ext4 that keeps dates in whole seconds, in a file that is made for it.
    pub(crate) fn of_whole_seconds(image: &Path, at: &Path) -> Self {
        // So small an inode has no place for parts of a second.
        make_ext4(image, 16, &["-I", "128"]);
        Self::of_image(image, at)
    }

    /// The ext4 in a file. What a power cut left in its journal is recovered.
    pub(crate) fn of_image(image: &Path, at: &Path) -> Self {
        // A mount namespace of another test may have a copy of the mount before for a moment. Then the kernel
        // has that file system still, and without power.
        eventually("a disk with power", || {
            mount(&["-o", "loop", image.to_str().unwrap()], at);
            let has_power = set_permissions(at, Permissions::from_mode(0o700)).is_ok();
            if !has_power {
                Self { at: at.to_owned() }.unmount();
            }
            has_power
        });
        Self { at: at.to_owned() }
    }

    /// Cuts the power: what is not on the disk by now is lost, and from now on every write fails.
    pub(crate) fn cut_power(&self) {
        let status = Command::new("perl").args(["-e", SHUTDOWN]).arg(&self.at).status();
        assert!(status.is_ok_and(|status| status.success()), "{} is cut off", self.at.display());
    }

    /// Unmounts it, as soon as no file of it is open.
    pub(crate) fn unmount(self) {
        let mut umount = Command::new("umount");
        umount.arg(&self.at).stderr(Stdio::null());
        eventually("the end of the mount", || umount.status().is_ok_and(|status| status.success()));
        std::mem::forget(self);
    }

    /// The directory as it is, and nothing in it can be changed. (The file system itself cannot be made
    /// read-only while the daemon has its lock open.)
    pub(crate) fn read_only(at: &Path) -> Self {
        Self::read_only_of(at, at)
    }

    /// A directory at another place too, where nothing in it can be changed.
    pub(crate) fn read_only_of(directory: &Path, at: &Path) -> Self {
        mount(&["--bind", directory.to_str().unwrap()], at);
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

/// Makes an ext4 of this many MiB in a file.
pub(crate) fn make_ext4(image: &Path, mebibytes: u64, options: &[&str]) {
    File::create(image).and_then(|image| image.set_len(mebibytes << 20)).unwrap();
    let mut make = Command::new("mkfs.ext4");
    let made = make.arg("-q").args(options).arg(image).stderr(Stdio::null()).status();
    assert!(made.is_ok_and(|status| status.success()), "{}", image.display());
}

fn mount(args: &[&str], at: &Path) {
    let status = Command::new("mount").args(args).arg(at).status();
    assert!(status.is_ok_and(|status| status.success()), "mount {args:?} {}", at.display());
}
