//! What is swapped out. For root, on a machine where a file can be swapped to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::doctor;
use crate::hardening::raw;
use crate::harness::{Home, contains, need, passphrase, program, said};

/// A file that the system swaps to, until this is dropped. There is one at a time: the system would
/// not say to which of two something went.
struct Swap {
    file: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

/// A group of processes whose memory can be reclaimed, until this is dropped.
struct Group {
    folder: PathBuf,
}

fn succeeds(command: &mut Command) -> bool {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Swap {
    /// `None` where this cannot be, as in a container or on some file systems.
    fn on(home: &Home) -> Option<Self> {
        static ONE: Mutex<()> = Mutex::new(());
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let file = home.path("swap");
        fs::write(&file, vec![0; 64 << 20]).unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let made = succeeds(Command::new("mkswap").arg(&file))
            && succeeds(Command::new("swapon").arg(&file));
        made.then_some(Self { file, _alone: alone })
    }

    /// The pages that were swapped out, past those that the system keeps of the file.
    fn pages(&self) -> Vec<Vec<u8>> {
        let mut dd = Command::new("dd");
        dd.arg(format!("if={}", self.file.display())).args(["bs=1M", "iflag=direct"]);
        let read = dd.output().unwrap().stdout;
        read.chunks(4096).filter(|page| **page != [0; 4096]).map(<[u8]>::to_vec).collect()
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        let swaps = fs::read_to_string("/proc/swaps").unwrap();
        if swaps.contains(self.file.to_str().unwrap()) {
            assert!(succeeds(Command::new("swapoff").arg(&self.file)), "swapoff");
        }
    }
}

impl Group {
    /// `None` where there is no such group, or we may make none.
    fn new() -> Option<Self> {
        let name = format!("fluvio-secret-test-{}", std::process::id());
        let made = |folder: PathBuf| fs::create_dir(&folder).ok().map(|()| Self { folder });
        // The first version has a tree for each resource.
        let trees = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].map(Path::new);
        let group = trees.iter().find_map(|tree| made(tree.join(&name)))?;
        let has_memory = ["memory.reclaim", "memory.limit_in_bytes"];
        has_memory.iter().any(|file| group.folder.join(file).exists()).then_some(group)
    }

    fn reclaim(&self) {
        // Each fails when not all could be taken away, as what is locked cannot.
        for _ in 0..3 {
            let _ = fs::write(self.folder.join("memory.reclaim"), "64M")
                .or_else(|_| fs::write(self.folder.join("memory.limit_in_bytes"), "256K"));
        }
        // A limit that stays would end what cannot keep below it.
        let _ = fs::write(self.folder.join("memory.limit_in_bytes"), "-1");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It is empty when its daemon has ended.
        let _ = fs::remove_dir(&self.folder);
    }
}

#[test]
fn d5_the_key_is_not_swapped_out_where_all_else_is() {
    if !need::root() || !["mkswap", "swapon", "dd"].into_iter().all(need::tool) {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    let key = raw(&fs::read_to_string(home.path("config/identity.txt")).unwrap());
    passphrase::protect(&home, "p");
    home.ok(&["daemon", "stop"]);
    let (Some(swap), Some(group)) = (Swap::on(&home), Group::new()) else {
        need::say("not here: the system lets no test swap");
        return;
    };
    let mut start = home.foreign("sh");
    start.args(["-c", "echo $$ > \"$1/cgroup.procs\" && exec \"$2\" daemon start", "sh"]);
    start.arg(&group.folder).arg(program("fluvio-secret"));
    let started = said(&mut start);
    assert!(started.status.success(), "{started:?}");
    assert!(passphrase::unlock(&home, &[], "p").status.success());
    group.reclaim();
    let pages = swap.pages();
    let count = |bytes: &[u8]| pages.iter().filter(|page| contains(page, bytes)).count();
    let control = count(home.vault().as_os_str().as_encoded_bytes());
    need::say(&format!(
        "d5: swapped out: the vault's path on {control} pages, the key on {}",
        count(&key)
    ));
    assert!(control > 0, "something was swapped out");
    assert_eq!(count(&key), 0);
    assert!(home.ok(&["status"]).contains("Locked    no"), "it was there to be swapped");
    home.ok(&["daemon", "stop"]);
}

#[test]
fn swap_in_plain_text_is_noted_by_doctor_and_what_it_tells_ends_it() {
    if !need::root() || !["mkswap", "swapon"].into_iter().all(need::tool) {
        return;
    }
    let home = Home::new();
    let Some(swap) = Swap::on(&home) else {
        need::say("not here: the system lets no test swap");
        return;
    };
    let ours = || {
        let found = doctor::looks(&mut doctor::doctor(&home));
        let path = swap.file.to_str().unwrap();
        doctor::of(&found, "swap").into_iter().find(|one| doctor::text(one).contains(path)).cloned()
    };
    let Some(found) = ours() else {
        need::say("not here: the disk is encrypted");
        return;
    };
    assert!(doctor::text(&found).contains("is not encrypted"), "{found}");
    doctor::fix(&home, &found);
    assert_eq!(ours(), None);
}
