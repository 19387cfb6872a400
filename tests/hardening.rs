//! What debuggers, core files and a look into memory find. Hardening, no boundary: root may look.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;

use age::secrecy::ExposeSecret;
use age_core::format::Stanza;

use crate::harness::ask::Asker;
use crate::harness::pty::Pty;
use crate::harness::{Home, canary, eventually, kill, need, passphrase, said, spawn};

/// A process's memory, read by root: where it begins, whether it is a stack, and what is in it.
fn memory(pid: u32) -> Vec<(bool, Vec<u8>)> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let stacks = stack_pointers(pid);
    let mut regions = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split(' ').next().unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        let length = usize::try_from(to - from).unwrap();
        if length > 64 << 20 {
            // The table that makes a passphrase costly to guess, and as long as it lasts.
            continue;
        }
        let mut region = vec![0; length];
        // Some regions of the kernel's own cannot be read.
        if memory.read_exact_at(&mut region, from).is_ok() {
            regions.push((stacks.iter().any(|at| (from..to).contains(at)), region));
        }
    }
    regions
}

/// Where the stacks of its threads are, while these wait in a system call.
fn stack_pointers(pid: u32) -> Vec<u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let pointer = |task: fs::DirEntry| {
        let call = fs::read_to_string(task.path().join("syscall")).ok()?;
        let pointer = call.split_whitespace().rev().nth(1)?.strip_prefix("0x")?.to_owned();
        u64::from_str_radix(&pointer, 16).ok()
    };
    tasks.filter_map(pointer).collect()
}

fn occurrences(region: &[u8], bytes: &[u8]) -> usize {
    region.windows(bytes.len()).filter(|window| window == &bytes).count()
}

/// How often these bytes are in a process's memory.
pub(crate) fn copies(pid: u32, bytes: &[u8]) -> usize {
    memory(pid).iter().map(|(_, region)| occurrences(region, bytes)).sum()
}

/// How often they are on its heap, and how often on its stacks.
fn heap_and_stacks(pid: u32, bytes: &[u8]) -> (usize, usize) {
    memory(pid).iter().fold((0, 0), |(heap, stacks), (is_stack, region)| {
        let found = occurrences(region, bytes);
        if *is_stack { (heap, stacks + found) } else { (heap + found, stacks) }
    })
}

/// The line of an identity's file that is the key.
fn encoded(file: &str) -> &str {
    file.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap()
}

/// The bytes that this line stands for (Bech32).
pub(crate) fn raw(file: &str) -> Vec<u8> {
    const DIGITS: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    let data = encoded(file).strip_prefix("AGE-SECRET-KEY-1").unwrap();
    // The last six digits are a checksum.
    let digits = data[..data.len() - 6].chars().map(|digit| DIGITS.find(digit).unwrap());
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        bits = bits << 5 | u32::try_from(digit).unwrap();
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

/// The key that the content of an encrypted file is encrypted with.
fn file_key(identity: &str, encrypted: &[u8]) -> [u8; 16] {
    struct Spy(age::x25519::Identity, Mutex<[u8; 16]>);
    impl age::Identity for Spy {
        fn unwrap_stanza(
            &self,
            stanza: &Stanza,
        ) -> Option<Result<age_core::format::FileKey, age::DecryptError>> {
            let unwrapped = self.0.unwrap_stanza(stanza)?;
            unwrapped.iter().for_each(|key| *self.1.lock().unwrap() = *key.expose_secret());
            Some(unwrapped)
        }
    }
    let spy = Spy(encoded(identity).parse().unwrap(), Mutex::default());
    age::decrypt(&spy, encrypted).unwrap();
    spy.1.into_inner().unwrap()
}

#[test]
fn d12_after_lock_nothing_of_the_key_or_a_value_is_on_the_heap() {
    if !need::root() {
        return;
    }
    let home = Home::new();
    let (passphrase, value) = (canary(), canary().repeat(20_000));
    home.set("A", &value);
    let text = fs::read_to_string(home.path("config/identity.txt")).unwrap();
    let (encoded, raw) = (encoded(&text), raw(&text));
    assert_eq!(raw.len(), 32);
    // Its text is in the daemon's memory for less than a moment. Where it is, it is found.
    let mut control = spawn(home.foreign("sleep").arg("1000").env("IDENTITY", encoded));
    eventually("a copy", || copies(control.id(), encoded.as_bytes()) > 0);
    control.kill().unwrap();
    control.wait().unwrap();
    passphrase::protect_with_work(&home, &passphrase, 18);
    home.ok(&["daemon", "restart"]);
    let daemon = home.daemon_pid().unwrap();
    eventually("the passphrase at work", || is_found_at_work(&home, daemon, &passphrase));
    let unlocked = passphrase::unlock(&home, &[], &passphrase);
    assert!(unlocked.status.success(), "{unlocked:?}");
    assert!(heap_and_stacks(daemon, &raw).0 > 0, "the key is in its place");
    // A client that does not take its grant keeps the value in the daemon's hands.
    let mut asker = Asker::connect(&home).unwrap();
    asker.ask_and_turn_away("A").unwrap();
    let part = &value.as_bytes()[..37];
    eventually("the value at work", || heap_and_stacks(daemon, part).0 > 0);
    drop(asker);
    let file_key = file_key(&text, &fs::read(home.vault().join("A.age")).unwrap());
    assert!(heap_and_stacks(daemon, &file_key).0 > 0, "the file key is kept");
    home.ok(&["lock"]);
    eventually("the end of the connection", || heap_and_stacks(daemon, part).0 == 0);
    for (what, bytes) in [
        ("the identity", encoded.as_bytes()),
        ("the identity's raw bytes", &raw),
        ("the passphrase", passphrase.as_bytes()),
        ("the file key", &file_key),
        ("a value", part),
    ] {
        let (heap, stacks) = heap_and_stacks(daemon, bytes);
        need::say(&format!(
            "copies of {what} left after lock: {heap} on the heap, {stacks} on stacks"
        ));
        assert_eq!(heap, 0, "{what}");
    }
}

/// Whether a passphrase is found on the heap of a daemon that is at work with it. The work needs 256 MiB,
/// by which it is known; the daemon stands still for the look, which may take longer than the work.
fn is_found_at_work(home: &Home, daemon: u32, passphrase: &str) -> bool {
    let is_at_work = || {
        let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() > 64 << 10
    };
    thread::scope(|scope| {
        let unlock = scope.spawn(|| passphrase::unlock(home, &[], passphrase));
        while !unlock.is_finished() && !is_at_work() {
            thread::yield_now();
        }
        kill("STOP", daemon);
        let is_found = heap_and_stacks(daemon, passphrase.as_bytes()).0 > 0;
        kill("CONT", daemon);
        // Whether the client had the patience for that is not what this is about.
        let _ = unlock.join().unwrap();
        is_found
    })
}

#[test]
fn d9_what_is_left_of_a_value_in_the_daemon_is_counted() {
    if !need::root() {
        return;
    }
    let home = Home::new();
    let canary = canary();
    home.set("A", &canary);
    let config = home.config(&["A"]);
    for _ in 0..3 {
        assert!(said(&mut home.run(&config, &[], &["true"])).status.success());
    }
    let daemon = home.daemon_pid().unwrap();
    // What is known to be in its memory is found there, so the look is one.
    assert!(copies(daemon, home.vault().as_os_str().as_encoded_bytes()) > 0);
    let mut connector = spawn(&mut home.run(&config, &["--as-is"], &["sleep", "1000"]));
    eventually("the connector", || {
        fs::read_to_string(format!("/proc/{}/comm", connector.id())).unwrap().trim() == "sleep"
    });
    assert!(copies(connector.id(), canary.as_bytes()) > 0);
    connector.kill().unwrap();
    connector.wait().unwrap();
    let left = copies(daemon, canary.as_bytes());
    need::say(&format!("copies of a value left in the daemon after its grants: {left}"));
    assert!(left <= 2, "{left} copies");
}

/// A daemon, a command line at its prompt, and a shim before its exec.
fn each_program(home: &Home, check: impl Fn(&str, u32)) {
    home.set("A", "x");
    let daemon = home.daemon_pid().unwrap();
    check("the daemon", daemon);
    let mut pty = Pty::start(home.command("fluvio-secret").args(["set", "B"]));
    pty.expect("Value of B: ");
    check("the command line", pty.child.id());
    pty.type_keys("\u{3}");
    pty.child.wait().unwrap();
    let mut pty = Pty::start(home.command("fluvio-secret").args(["key", "passphrase"]));
    pty.expect("New passphrase: ");
    check("the command line that asks for a passphrase", pty.child.id());
    pty.type_keys("\u{3}");
    pty.child.wait().unwrap();
    let mut shim = waiting_shim(home, daemon);
    check("the shim", shim.id());
    kill("CONT", daemon);
    shim.wait().unwrap();
}

/// A shim that waits for the answer of a daemon that is stopped.
fn waiting_shim(home: &Home, daemon: u32) -> Child {
    kill("STOP", daemon);
    let config = home.config(&["A"]);
    let mut command = home.command("fluvio-secret-shim");
    let shim = spawn(command.arg("--config").arg(config).args(["--", "true"]));
    eventually("the shim", || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", shim.id())).unwrap();
        stat.contains("(fluvio-secret-s) S ")
    });
    shim
}

#[test]
fn c9_nobody_of_the_same_user_looks_into_our_programs() {
    if !need::plain_user() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    let trace = |pid: u32| {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=none", "-p", &pid.to_string()]);
        said(strace.stdin(Stdio::null()))
    };
    each_program(&home, |program, pid| {
        for file in ["mem", "environ", "maps", "auxv"] {
            let error = fs::read(format!("/proc/{pid}/{file}")).expect_err(program);
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{program} {file}");
        }
        let traced = trace(pid);
        assert!(traced.err.contains("not permitted"), "{program}: {traced:?}");
    });
    // The same look at a program that does not mind: it can be looked into.
    let mut open = spawn(home.foreign("sleep").arg("1000"));
    assert!(fs::read(format!("/proc/{}/environ", open.id())).is_ok());
    open.kill().unwrap();
    open.wait().unwrap();
}

#[test]
fn d5_the_key_is_locked_into_memory_for_as_long_as_it_is_held() {
    if !need::root() {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    let locked_kib = || {
        let status = fs::read_to_string(format!("/proc/{}/status", home.daemon_pid().unwrap()));
        let status = status.unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap()
    };
    assert!(locked_kib() > 0, "without a passphrase it is held all the time");
    passphrase::protect(&home, "p");
    home.ok(&["daemon", "restart"]);
    assert_eq!(locked_kib(), 0);
    passphrase::unlock(&home, &[], "p");
    assert!(locked_kib() > 0);
    home.ok(&["lock"]);
    assert_eq!(locked_kib(), 0);
}

#[test]
fn d4_a_crash_leaves_no_core_file() {
    let home = Home::new();
    // As a caller who wants core files has it.
    let mut control = home.foreign("sh");
    control.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$@\"", "sh"]);
    // Not by SIGSEGV: the standard library takes the first one for an overflow of the stack.
    let crash = |mut child: Child, program: &str| {
        kill("ABRT", child.id());
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(6), "{program}");
        assert!(!status.core_dumped(), "{program} left a core file");
    };
    // As a caller who wants core files has it.
    let wants_cores = |program: &str, args: &[&str]| {
        let mut command = home.foreign("sh");
        command.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$@\"", "sh", program]);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let daemon = crate::harness::program("fluvio-secretd");
    let daemon = wants_cores(daemon.to_str().unwrap(), &[]).spawn().unwrap();
    eventually("the daemon", || home.cli(&["status"]).status.success());
    crash(daemon, "the daemon");
    home.set("A", "x");
    for (args, prompt) in
        [(["set", "B"], "Value of B: "), (["key", "passphrase"], "New passphrase: ")]
    {
        let mut pty = Pty::start(home.command("fluvio-secret").args(args));
        pty.expect(prompt);
        let status = {
            kill("ABRT", pty.child.id());
            pty.child.wait().unwrap()
        };
        assert!(status.signal() == Some(6) && !status.core_dumped(), "{args:?}");
    }
    let daemon = home.daemon_pid().unwrap();
    crash(waiting_shim(&home, daemon), "the shim");
    kill("CONT", daemon);
}

#[test]
fn c12_little_lockable_memory_stops_nothing() {
    let home = Home::new();
    let warnings = || {
        let log = fs::read_to_string(home.path("state/daemon.log")).unwrap_or_default();
        log.matches("cannot be locked into memory").count()
    };
    home.set("N0", "x");
    passphrase::protect(&home, "p");
    home.ok(&["daemon", "stop"]);
    for limit in ["0", "64", "8192"] {
        let before = warnings();
        let script = format!("ulimit -l {limit} && exec \"$1\" daemon start");
        let mut start = home.foreign("sh");
        let program = crate::harness::program("fluvio-secret");
        let started = said(start.args(["-c", &script, "sh"]).arg(program));
        assert!(started.status.success(), "{limit} KiB: {started:?}");
        for _ in 0..3 {
            assert!(passphrase::unlock(&home, &[], "p").status.success(), "{limit} KiB");
        }
        // One page, which is requested once. (Root needs no limit.)
        let expected = usize::from(limit == "0" && !rustix::process::geteuid().is_root());
        eventually("the warnings", || warnings() - before >= expected);
        assert_eq!(warnings() - before, expected, "{limit} KiB");
        for n in 0..100 {
            let set = home.set(&format!("N{n}"), vec![b'x'; 64 << 10]);
            assert!(set.status.success(), "{limit} KiB: {set:?}");
        }
        let names: Vec<_> = (0..100).map(|n| format!("N{n}")).collect();
        let config = home.config(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let ran = said(&mut home.run(&config, &[], &["true"]));
        assert!(ran.status.success(), "{limit} KiB: {ran:?}");
        home.ok(&["daemon", "stop"]);
    }
}
