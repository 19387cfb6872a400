//! Where values are in memory, and what may take them from there.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use fluvio_secret_system::file_system::is_in_memory;
use fluvio_secret_system::logout;

use super::finding::{Diagnosis, DoctorCheck};
use super::fix::Fix;
use super::machine::Machine;

/// What the daemon locks, with room to spare.
const LOCKED_BYTES: u64 = 64 << 10;

/// Looks also at the daemon that runs with this process id.
pub(super) fn check(machine: &Machine, daemon: Option<u32>) -> Vec<Diagnosis> {
    let place = lease_place(machine);
    let mut found = vec![leases(place.as_deref())];
    found.extend(place.map(|place| after_logout(machine, &place)));
    found.extend(daemon.map(|pid| locked(machine, pid)));
    found.extend(swap(machine));
    found
}

/// Where leases may be, the best place first: the daemon's rule.
pub(super) fn places(machine: &Machine) -> Vec<PathBuf> {
    let login = machine.system(&format!("run/user/{}", machine.uid));
    let mut places: Vec<_> = machine.runtime.iter().cloned().collect();
    places.extend([login, machine.system("dev/shm")]);
    places.dedup();
    places
}

/// The place in which the daemon makes leases, if there is one.
pub(super) fn lease_place(machine: &Machine) -> Option<PathBuf> {
    places(machine).into_iter().find(|place| is_in_memory(place).unwrap_or(false))
}

fn leases(place: Option<&Path>) -> Diagnosis {
    match place {
        Some(place) => {
            DoctorCheck::Leases.ok(format!("they are in memory, in {}", place.display()))
        }
        None => DoctorCheck::Leases
            .error("there is no file system in memory, so cdk cannot pass secrets as a file")
            .fixed_by(Fix::new("sudo mount -t tmpfs -o mode=1777 tmpfs /dev/shm")),
    }
}

fn after_logout(machine: &Machine, place: &Path) -> Diagnosis {
    // As a path below the root of the machine.
    let inside = place.strip_prefix(&machine.root).unwrap_or(place);
    let (user, place) = (machine.user.as_deref(), Path::new("/").join(inside));
    if logout::removes_under(&machine.root, machine.uid, user, &place) {
        let text = "when you log out, the secrets of connectors that cdk started are removed";
        return DoctorCheck::Logout.warning(text).fixed_by(Fix::new("loginctl enable-linger"));
    }
    DoctorCheck::Logout.ok("nothing is removed from memory when you log out")
}

/// Whether the identity is kept from being swapped, or can be.
fn locked(machine: &Machine, daemon: u32) -> Diagnosis {
    let status = machine.read(&format!("proc/{daemon}/status"));
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:"));
    if locked.is_some_and(|locked| locked.trim() != "0 kB") {
        return DoctorCheck::Memory.ok("the identity is locked into memory");
    }
    // `Max locked memory  8388608  8388608  bytes`. The daemon has raised the first limit to the second.
    let limits = machine.read(&format!("proc/{daemon}/limits"));
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"));
    let limit = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    match limit {
        Some(limit) if limit < LOCKED_BYTES => {
            let text = format!(
                "the daemon may lock only {limit} bytes of memory, so the identity may be swapped"
            );
            DoctorCheck::Memory
                .warning(text)
                .advising("raise memlock in /etc/security/limits.conf and log in again")
        }
        _ => DoctorCheck::Memory.ok("the daemon may lock as much memory as it needs"),
    }
}

fn swap(machine: &Machine) -> Vec<Diagnosis> {
    let swaps = machine.read("proc/swaps");
    let places = swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let places: Vec<_> = places.map(unescaped).collect();
    let plain = places.iter().filter(|place| !is_sealed(machine, Path::new(place)));
    let plain: Vec<_> = plain
        .map(|place| {
            let text =
                format!("{place} is not encrypted, and memory with secrets may be swapped to it");
            let found = DoctorCheck::Swap.warning(text).advising("encrypt it, or turn it off");
            found.fixed_by(Fix::new("sudo swapoff").path(Path::new(place)))
        })
        .collect();
    match (plain.is_empty(), places.is_empty()) {
        (false, _) => plain,
        (true, true) => vec![DoctorCheck::Swap.ok("there is no swap")],
        (true, false) => vec![DoctorCheck::Swap.ok("it is encrypted, or in memory")],
    }
}

/// A path as the kernel writes it into a list: odd characters by their octal numbers.
fn unescaped(word: &str) -> String {
    let mut parts = word.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                text.push(char::from(byte));
                text.push_str(&part[3..]);
            }
            None => text.extend(["\\", part]),
        }
    }
    text
}

/// Whether what is swapped to this place is encrypted, or stays in memory.
fn is_sealed(machine: &Machine, place: &Path) -> bool {
    let device = match place.strip_prefix("/dev") {
        Ok(_) => place.to_owned(),
        Err(_) => device_of(machine, place).unwrap_or_default(),
    };
    // A name of the device mapper is a link to the kernel's.
    let device = machine.system(&device.to_string_lossy());
    let device = device.canonicalize().unwrap_or(device);
    device.file_name().is_some_and(|name| is_sealed_device(machine, name, 0))
}

fn device_of(machine: &Machine, file: &Path) -> Option<PathBuf> {
    let mounts = machine.read("proc/self/mountinfo");
    // `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw` (proc_pid_mountinfo(5))
    let mounts = mounts.lines().filter_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let point = unescaped(mount.split(' ').nth(4)?);
        let source = unescaped(system.split(' ').nth(1)?);
        file.starts_with(&point).then(|| (point.len(), PathBuf::from(source)))
    });
    // The later of two at one place is the one that is seen.
    mounts.max_by_key(|(length, _)| *length).map(|(_, source)| source)
}

fn is_sealed_device(machine: &Machine, name: &OsStr, depth: usize) -> bool {
    /// Deeper than devices are put on each other.
    const DEEPEST_DEVICE: usize = 8;
    let device = machine.system("sys/class/block").join(name);
    if name.to_string_lossy().starts_with("zram") {
        let backing = fs::read_to_string(device.join("backing_dev")).unwrap_or_default();
        return matches!(backing.trim(), "" | "none");
    }
    if fs::read_to_string(device.join("dm/uuid")).is_ok_and(|uuid| uuid.starts_with("CRYPT-")) {
        return true;
    }
    let below = fs::read_dir(device.join("slaves")).into_iter().flatten().flatten();
    let below: Vec<_> = below.map(|entry| entry.file_name()).collect();
    depth < DEEPEST_DEVICE
        && !below.is_empty()
        && below.iter().all(|name| is_sealed_device(machine, name, depth + 1))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{after_logout, leases, swap, unescaped};
    use crate::doctor::finding::{Condition, Diagnosis};
    use crate::doctor::machine::tests::{Made, link};

    #[test]
    fn leases_need_a_file_system_in_memory() {
        assert_eq!(leases(Some(Path::new("/dev/shm"))).condition, Condition::Ok);
        let wrong = leases(None);
        assert_eq!(wrong.condition, Condition::Error);
        assert!(wrong.command().expect("a command").ends_with("tmpfs /dev/shm"));
    }

    #[test]
    fn what_a_logout_removes_stays_when_the_user_lingers() {
        let made = Made::new();
        let check = || after_logout(&made.machine, &made.at("dev/shm"));
        assert_eq!(check().condition, Condition::Ok);
        made.write("run/systemd/users/1000", "");
        assert_eq!(check().condition, Condition::Warning);
        assert_eq!(check().command(), Some("loginctl enable-linger"));
        // What that command does.
        made.write("var/lib/systemd/linger/ada", "");
        assert_eq!(check().condition, Condition::Ok);
    }

    #[test]
    fn a_daemon_that_may_lock_no_memory_is_noted() {
        let made = Made::new();
        let check = |locked: &str, limits: &str| {
            made.write("proc/7/status", &format!("Name:\tx\nVmLck:\t       {locked} kB\n"));
            let head = "Limit   Soft Limit   Hard Limit   Units\n";
            let line = format!("Max locked memory         {limits}      bytes\n");
            made.write("proc/7/limits", &format!("{head}{line}"));
            super::locked(&made.machine, 7)
        };
        assert!(check("4", "0  0").text.contains("is locked"));
        assert_eq!(check("0", "8388608  8388608").condition, Condition::Ok);
        assert_eq!(check("0", "unlimited  unlimited").condition, Condition::Ok);
        let fixed = check("0", "4096  4096");
        assert_eq!(fixed.condition, Condition::Warning);
        assert!(fixed.advice.is_some_and(|advice| advice.contains("limits.conf")));
        assert_eq!(fixed.fix, None);
        assert_eq!(super::locked(&made.machine, 8).condition, Condition::Ok, "stopped since");
    }

    const HEAD: &str = "Filename\tType\tSize\tUsed\tPriority\n";

    #[test]
    fn swap_is_noted_unless_it_is_encrypted_or_in_memory() {
        let made = Made::new();
        let swaps = |lines: &str| {
            made.write("proc/swaps", &format!("{HEAD}{lines}"));
            swap(&made.machine)
        };
        let fixes = |found: &[Diagnosis]| {
            found.iter().filter_map(|found| Some(found.command()?.to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(swaps("")[0].text, "there is no swap");
        let plain = swaps("/dev/sda2  partition 8 0 -2\n/swap\\040file file 8 0 -3\n");
        assert_eq!(fixes(&plain), ["sudo swapoff /dev/sda2", "sudo swapoff '/swap file'"]);
        assert!(plain.iter().all(|found| found.condition == Condition::Warning), "{plain:?}");

        made.write("sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-0-root\n");
        made.write("sys/class/block/dm-1/dm/uuid", "LVM-1\n");
        fs::create_dir_all(made.at("sys/class/block/dm-1/slaves/dm-0")).expect("a folder");
        made.write("sys/class/block/zram0/backing_dev", "none\n");
        let sealed = swaps("/dev/dm-1 partition 8 0 -2\n/dev/zram0 partition 8 0 100\n");
        assert_eq!(fixes(&sealed), Vec::<String>::new());
        assert_eq!(sealed[0].condition, Condition::Ok);
        made.write("sys/class/block/zram0/backing_dev", "/dev/sda3\n");
        fs::create_dir_all(made.at("sys/class/block/dm-1/slaves/sda2")).expect("a folder");
        assert_eq!(swaps("/dev/dm-1 partition 8 0 -2\n/dev/zram0 partition 8 0 100\n").len(), 2);
    }

    #[test]
    fn a_swap_file_is_as_its_file_system_is() {
        let made = Made::new();
        made.write("proc/swaps", &format!("{HEAD}/var/swap file 8 0 -2\n"));
        made.write(
            "proc/self/mountinfo",
            "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:42 / /var rw shared:1 - btrfs /dev/mapper/luks-var rw\n",
        );
        made.write("dev/dm-7", "");
        link(Path::new("../dm-7"), &made.at("dev/mapper/luks-var"));
        assert_eq!(swap(&made.machine)[0].condition, Condition::Warning);
        made.write("sys/class/block/dm-7/dm/uuid", "CRYPT-LUKS2-1-var\n");
        assert_eq!(swap(&made.machine)[0].condition, Condition::Ok);
        // After `swapoff`.
        made.write("proc/swaps", HEAD);
        assert_eq!(swap(&made.machine)[0].text, "there is no swap");
    }

    #[test]
    fn a_path_is_read_as_the_kernel_writes_it() {
        assert_eq!(unescaped("/a\\040b\\134c"), "/a b\\c");
        assert_eq!(unescaped("/plain"), "/plain");
        assert_eq!(unescaped("/odd\\9"), "/odd\\9");
    }
}
