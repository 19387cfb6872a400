//! What debuggers, core files and a look into memory find. Hardening, no boundary: root may look.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use crate::harness::pty::Pty;
use crate::harness::{Home, canary, eventually, kill, need, said, spawn};

/// How often these bytes are in a process's memory; read by root.
pub(crate) fn copies(pid: u32, bytes: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split(' ').next().unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut region = vec![0; usize::try_from(to - from).unwrap()];
        // Some regions of the kernel's own cannot be read.
        if memory.read_exact_at(&mut region, from).is_ok() {
            found += region.windows(bytes.len()).filter(|window| window == &bytes).count();
        }
    }
    found
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
    let mut shim = waiting_shim(home, daemon);
    check("the shim", shim.id());
    kill("CONT", daemon);
    shim.wait().unwrap();
}

/// A shim that waits for the answer of a daemon that is stopped.
fn waiting_shim(home: &Home, daemon: u32) -> Child {
    kill("STOP", daemon);
    let config = home.config(&["A"]);
    let shim = spawn(&mut home.run(&config, &[], &["true"]));
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
    let mut pty = Pty::start(home.command("fluvio-secret").args(["set", "B"]));
    pty.expect("Value of B: ");
    let status = {
        kill("ABRT", pty.child.id());
        pty.child.wait().unwrap()
    };
    assert!(status.signal() == Some(6) && !status.core_dumped(), "the command line");
    let daemon = home.daemon_pid().unwrap();
    crash(waiting_shim(&home, daemon), "the shim");
    kill("CONT", daemon);
}

#[test]
fn c12_little_lockable_memory_stops_nothing() {
    let home = Home::new();
    for limit in ["0", "64", "8192"] {
        let script = format!("ulimit -l {limit} && exec \"$1\" daemon start");
        let mut start = home.foreign("sh");
        let program = crate::harness::program("fluvio-secret");
        let started = said(start.args(["-c", &script, "sh"]).arg(program));
        assert!(started.status.success(), "{limit} KiB: {started:?}");
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
