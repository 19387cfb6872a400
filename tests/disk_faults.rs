//! Full or read-only disks, and paths that aren't files: a clear message, nothing lost, and
//! everything that still can keeps working.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::Code;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::harness::ask::Asker;
use crate::harness::mount::Mount;
use crate::harness::trace::{Trace, WRITES};
use crate::harness::{Home, Said, make_folder, need, program, said};
use crate::own_vault::copy;

/// The bytes of every file of a directory.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => drop(found.insert(entry.path(), fs::read(entry.path()).unwrap())),
        }
    }
    found
}

/// Takes all that a file system has, in one file.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filling");
    let mut file = File::create(&path).unwrap();
    while file.write_all(&[b'x'; 512]).is_ok() {}
    path
}

/// A change that is refused with this text.
fn refused(said: &Said, told: &str) {
    assert_eq!(said.code(), Some(1), "{said:?}");
    assert!(said.err.contains(told), "{told}: {said:?}");
    assert_eq!(said.out, "", "{said:?}");
}

/// The value of `A` as a connector gets it.
fn delivered(home: &Home) -> String {
    let config = home.config(&["A"]);
    let said = said(&mut home.run(&config, &["--as-is"], &["sh", "-c", "printf %s \"$A\""]));
    assert!(said.status.success(), "{said:?}");
    said.out
}

/// A home whose vault or state is on a small file system.
fn small(inside: &str, options: &str) -> (Home, Mount) {
    let home = Home::new();
    make_folder(&home.path(inside), 0o700);
    let mount = Mount::tmpfs(&home.path(inside), options);
    (home, mount)
}

#[test]
fn a5_a_full_disk_is_told_and_changes_nothing() {
    if !need::root() {
        return;
    }
    // Both, the vault alone, and the history alone.
    for inside in ["data", "data/vault", "data/history"] {
        fill_up(inside);
    }
}

fn fill_up(inside: &str) {
    let (home, _mount) = small(inside, "size=64k");
    let (old, new) = ("o".repeat(10_000), "n".repeat(10_000));
    assert!(home.set("A", &old).status.success());
    let filling = fill(&home.path(inside));
    let before = files(&home.path("data"));
    // A new secret needs no room for the history.
    let names = if inside == "data/history" { &["A"][..] } else { &["A", "B"] };
    for name in names {
        let full = home.set(name, &new);
        refused(&full, "disk full");
        assert!(!full.err.contains(".tmp-"), "{full:?}");
        assert_eq!(files(&home.path("data")), before, "{inside}: {name}");
    }
    // Only what is kept in the history comes after the line.
    let lines = if inside == "data/history" { 2 } else { 1 };
    assert_eq!(home.audit_log().len(), lines, "{inside}: no line for what was not done");
    assert_eq!(delivered(&home), old);
    assert!(home.ok(&["list"]).contains('A'));
    fs::remove_file(filling).unwrap();
    assert!(home.set("A", &new).status.success());
    assert_eq!(delivered(&home), new);
}

#[test]
fn a5_a_disk_without_inodes_is_told_and_changes_nothing() {
    if !need::root() {
        return;
    }
    let (home, _mount) = small("data", "size=1m,nr_inodes=40");
    home.set("A", "old");
    let taken = |number: usize| home.vault().join(format!("taken{number}"));
    let count = (0..).take_while(|&number| File::create_new(taken(number)).is_ok()).count();
    assert!(count > 3);
    // The temporary file, the directory of the history and the link in it each want one.
    for left in 0..3 {
        let before = files(&home.path("data"));
        refused(&home.set("A", "new"), "disk full");
        assert_eq!(files(&home.path("data")), before, "with {left} inodes left");
        assert_eq!(delivered(&home), "old");
        fs::remove_file(taken(left)).unwrap();
    }
    assert!(home.set("A", "new").status.success());
    assert_eq!(delivered(&home), "new");
}

#[test]
fn a5_a_disk_that_fills_up_while_everything_is_sealed_anew_is_told_and_loses_nothing() {
    if !need::root() {
        return;
    }
    let (home, _mount) = small("data", "size=256k");
    let value = "o".repeat(10_000);
    for name in ["A", "B", "C", "D"] {
        assert!(home.set(name, &value).status.success());
    }
    let filling = fill(&home.vault());
    // Room for the list and for two of the secrets, which are written before any is replaced.
    let length = fs::metadata(&filling).unwrap().len();
    File::options().write(true).open(&filling).unwrap().set_len(length - (36 << 10)).unwrap();
    let before = fs::read(home.secret_file("A")).unwrap();
    refused(&home.cli(&["key", "rotate"]), "disk full");
    assert!(home.path("config/members.next").exists());
    assert_eq!(fs::read(home.secret_file("A")).unwrap(), before);
    assert_eq!(delivered(&home), value);
    fs::remove_file(filling).unwrap();
    home.ok(&["key", "rotate"]);
    assert!(!home.path("config/members.next").exists());
    assert_ne!(fs::read(home.secret_file("A")).unwrap(), before);
    assert_eq!(delivered(&home), value);
}

#[test]
fn a5_a_full_disk_of_the_audit_log_is_told_and_nothing_is_changed_or_delivered() {
    if !need::root() {
        return;
    }
    let (home, _mount) = small("state", "size=64k");
    home.set("A", "old");
    // So that a line begins on what the disk has and ends on what it has not.
    let (log, mut lines) = (home.path("state/audit.log"), home.audit_log().len());
    let length = fs::metadata(&log).unwrap().len();
    let filler = [vec![b' '; usize::try_from(4096 - 20 - length).unwrap()], vec![b'\n']].concat();
    File::options().append(true).open(&log).unwrap().write_all(&filler).unwrap();
    let filling = fill(&home.path("state"));
    let (before, vault) = (fs::read(&log).unwrap(), files(&home.vault()));
    for said in [home.set("A", "new"), home.set("B", "new"), home.cli(&["delete", "A"])] {
        refused(&said, "disk full");
        assert!(said.err.contains("audit.log"), "{said:?}");
        assert_eq!(files(&home.vault()), vault);
        assert_eq!(fs::read(&log).unwrap(), before, "no half of a line");
    }
    let started = home.path("started");
    let touch = ["touch", started.to_str().unwrap()];
    let run = said(&mut home.run(&home.config(&["A"]), &[], &touch));
    assert_eq!(run.code(), Some(125));
    assert!(run.err.contains("audit.log") && run.err.contains("disk full"), "{run:?}");
    assert!(!started.exists(), "no line, no delivery");
    assert!(home.ok(&["list"]).contains('A'));
    fs::remove_file(filling).unwrap();
    assert_eq!(delivered(&home), "old");
    assert!(home.set("A", "new").status.success());
    lines += 2;
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with('{')).count(), lines, "{text}");
}

/// A vault that cannot be written to: what the change says, and that everything else keeps working.
fn cannot_be_written(home: &Home, told: &str) {
    let before = files(&home.path("data"));
    for said in [home.set("A", "new"), home.set("B", "new"), home.cli(&["delete", "A"])] {
        refused(&said, told);
        assert!(said.err.contains("data/vault"), "the place is told: {said:?}");
        assert_eq!(files(&home.path("data")), before);
        assert_eq!(delivered(home), "old");
    }
    assert!(home.ok(&["list"]).contains('A'));
}

#[test]
fn a10_a_vault_has_one_daemon_even_if_one_of_two_can_only_read_it() {
    if !need::root() {
        return;
    }
    let (writer, reader) = (Home::new(), Home::new());
    writer.ok(&["set", "A", "one"]);
    writer.ok(&["daemon", "stop"]);
    // As in a clone of a vault's git.
    fs::remove_file(writer.vault().join(".lock")).unwrap();
    copy(&writer.path("config"), &reader.path("config"));
    make_folder(&reader.path("data"), 0o700);
    make_folder(&reader.vault(), 0o700);
    let _mount = Mount::read_only_of(&writer.vault(), &reader.vault());
    let both = [&reader, &writer];
    for [first, second] in [both, [both[1], both[0]]] {
        first.ok(&["list"]);
        let refused = second.cli(&["list"]);
        assert!(!refused.status.success(), "{refused:?}");
        let pid = first.daemon_pid().unwrap();
        assert!(refused.err.contains("another daemon uses the vault"), "{refused:?}");
        assert!(refused.err.contains(&format!("kill {pid}")), "{refused:?}");
        first.ok(&["daemon", "stop"]);
        second.ok(&["list"]);
        second.ok(&["daemon", "stop"]);
    }
}

#[test]
fn a7_a_read_only_vault_is_read_and_its_changes_are_refused() {
    if !need::root() {
        return;
    }
    let home = Home::new();
    home.set("A", "old");
    let mount = Mount::read_only(&home.vault());
    cannot_be_written(&home, "the file system is read-only");
    drop(mount);
    assert!(home.set("A", "new").status.success());
    assert_eq!(delivered(&home), "new");
}

#[test]
fn a7_a_vault_without_the_right_to_write_is_read_and_its_changes_are_refused() {
    if !need::plain_user() {
        return;
    }
    let home = Home::new();
    home.set("A", "old");
    fs::set_permissions(home.vault(), Permissions::from_mode(0o500)).unwrap();
    cannot_be_written(&home, "ermission denied");
    fs::set_permissions(home.vault(), Permissions::from_mode(0o700)).unwrap();
    assert!(home.set("A", "new").status.success());
}

#[test]
fn a7_a_quota_that_is_used_up_is_told() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    home.set("A", "old");
    // File systems report it when a file is made, written, or only when it is synced.
    for call in ["openat", "write", "fsync"] {
        let before = files(&home.vault());
        let inject = format!("inject={call}:error=EDQUOT:when=1");
        let trace = Trace::attach(&home, home.daemon_pid().unwrap(), WRITES, &[&inject]);
        let said = home.set("A", "new");
        trace.end();
        refused(&said, "your disk quota is used up");
        assert_eq!(files(&home.vault()), before, "{call}");
        assert_eq!(delivered(&home), "old", "{call}");
    }
    assert!(home.set("A", "new").status.success());
    assert_eq!(delivered(&home), "new");
}

/// What is in place of a secret's file, and how it is made.
type Kind = (&'static str, fn(&Path));

/// The most memory that the daemon has had, in bytes.
fn peak_memory(daemon: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

/// How many bytes a process has read, from files and sockets. 0 if only root may see it.
fn bytes_read(pid: u32) -> u64 {
    let Ok(io) = fs::read_to_string(format!("/proc/{pid}/io")) else { return 0 };
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[test]
fn a9_what_is_no_secrets_file_is_refused_at_once_and_not_read() {
    let home = Home::new();
    home.set("B", "other");
    let daemon = home.daemon_pid().unwrap();
    let kinds: [Kind; 8] = [
        ("empty", |path| fs::write(path, "").unwrap()),
        ("NUL", |path| fs::write(path, [0; 4096]).unwrap()),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a FIFO", |path| mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap()),
        ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
        ("a link to itself", |path| symlink("A.age", path).unwrap()),
        ("a link to a device", |path| symlink("/dev/zero", path).unwrap()),
        ("4 GiB", |path| File::create(path).unwrap().set_len(4 << 30).unwrap()),
    ];
    for (what, make) in kinds {
        make(&home.secret_file("A"));
        let before = bytes_read(daemon);
        let mut asker = Asker::connect(&home).unwrap();
        let refusal = asker.value("A").unwrap().expect_err(what);
        let read = bytes_read(daemon) - before;
        assert!(read < 1 << 20, "{what}: {read} bytes");
        assert_eq!(refusal.code, Code::Damaged, "{what}: {refusal}");
        let text = refusal.to_string();
        assert!(text.contains("damaged") && text.contains("`A`"), "{what}: {text}");
        assert!(text.contains("data/vault/A.age"), "{what}: {text}");
        assert_eq!(asker.value("B").unwrap().unwrap(), b"other", "{what}");
        assert_eq!(asker.list().unwrap().unwrap(), ["A", "B"], "{what}");
        let set = home.set("A", "anew");
        if what == "a folder" {
            refused(&set, "data/vault/A.age");
            fs::remove_dir(home.secret_file("A")).unwrap();
        } else {
            assert!(set.status.success(), "{what}: {set:?}");
            assert_eq!(delivered(&home), "anew", "{what}");
            fs::remove_file(home.secret_file("A")).unwrap();
        }
    }
    assert_eq!(home.daemon_pid(), Some(daemon));
    let peak = peak_memory(daemon);
    assert!(peak <= 64 << 20, "{peak} bytes");
}

/// A home whose daemon was started from a shell with this limit, and has a secret.
fn started_with(limit: &str) -> (Home, u32) {
    let home = Home::new();
    let mut shell = home.foreign("sh");
    shell.args(["-c", &format!("ulimit {limit} && exec \"$0\" set A x")]);
    let set = said(shell.arg(program("fluvio-secret")));
    assert!(set.status.success(), "{set:?}");
    let daemon = home.daemon_pid().expect("a daemon");
    (home, daemon)
}

/// Larger than 200 blocks of whatever size the shell counts in.
static LARGE: [u8; 400 << 10] = [b'x'; 400 << 10];

#[test]
fn a5_the_soft_limits_of_the_shell_that_started_it_do_not_hold_for_the_daemon() {
    let (home, daemon) = started_with("-S -f 200 && ulimit -S -v 2000000");
    let mut asker = Asker::connect(&home).unwrap();
    asker.set("A", &LARGE).unwrap().unwrap();
    assert_eq!(asker.value("A").unwrap().unwrap(), LARGE);
    let limits = fs::read_to_string(format!("/proc/{daemon}/limits")).unwrap();
    for limit in ["Max file size", "Max address space", "Max open files"] {
        let line = limits.lines().find_map(|line| line.strip_prefix(limit)).unwrap();
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), words.next(), "{limit}: {line}");
    }
}

#[test]
fn a5_a_file_that_may_not_be_so_large_is_told_and_changes_nothing() {
    let (home, daemon) = started_with("-f 200");
    let before = files(&home.vault());
    let mut asker = Asker::connect(&home).unwrap();
    for name in ["A", "B"] {
        let refusal = asker.set(name, &LARGE).unwrap().unwrap_err();
        assert_eq!(refusal.code, Code::Storage, "{refusal}");
        assert!(refusal.to_string().contains("ulimit -f"), "{refusal}");
    }
    assert_eq!(files(&home.vault()), before);
    asker.set("B", b"small").unwrap().unwrap();
    assert_eq!(delivered(&home), "x");
    assert_eq!(home.daemon_pid(), Some(daemon), "it is the same one");
}
