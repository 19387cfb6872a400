//! The process that was started is the connector, and has nothing of ours but what it needs.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::harness::pty::Pty;
use crate::harness::watch::open_files;
use crate::harness::{Home, canary, eventually, files_with, is_alive, kill, said, spawn};

/// A shell that reports when it is ready, and then waits to be stopped.
const WAIT: [&str; 4] = ["sh", "-c", ": > ready; exec sleep 1000", "sh"];

fn wait_until_ready(home: &Home, child: &mut Child) {
    eventually("the connector", || {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        home.path("ready").exists()
    });
    until_asleep(home, child.id());
}

/// Waits until a connector has become sleep(1), and can be looked at.
pub(crate) fn until_asleep(home: &Home, pid: u32) {
    eventually("the connector", || home.path("ready").exists());
    fs::remove_file(home.path("ready")).unwrap();
    eventually("its exec", || {
        // Asleep, past the loader, which opens and closes files.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| stat.contains(" (sleep) S "))
    });
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What a process has open, by number.
pub(crate) fn descriptors(pid: u32) -> BTreeSet<(String, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let entry = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).unwrap().to_string_lossy().into_owned();
        // Two processes have two pipes; that they are pipes is what matters.
        let kind = target.split(":[").next().unwrap().to_owned();
        (entry.file_name().into_string().unwrap(), kind)
    };
    entries.map(|found| entry(found.unwrap())).collect()
}

/// Its variables.
pub(crate) fn environment(pid: u32) -> BTreeSet<Vec<u8>> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap();
    bytes.split(|&b| b == 0).filter(|v| !v.is_empty()).map(<[u8]>::to_vec).collect()
}

#[test]
fn e9_the_connector_has_nothing_of_ours_but_one_descriptor() {
    let home = Home::new();
    let canary = canary();
    home.set("A", &canary);
    let config = home.config(&["A"]);
    let mut plain = spawn(home.foreign(WAIT[0]).args(&WAIT[1..]));
    wait_until_ready(&home, &mut plain);
    let mut run = home.run(&config, &[], &WAIT);
    run.env("FLUVIO_SECRET_LOG", "info").env("AMBIENT", "kept");
    let mut ours = spawn(&mut run);
    wait_until_ready(&home, &mut ours);

    // The process that was started became the connector.
    let words = fs::read(format!("/proc/{}/cmdline", ours.id())).unwrap();
    assert_eq!(words, b"sleep\x001000\0");
    let more = |a: BTreeSet<(String, String)>| -> Vec<_> {
        a.difference(&descriptors(plain.id())).cloned().collect()
    };
    let more = more(descriptors(ours.id()));
    assert_eq!(more.len(), 1, "{more:?}");
    assert!(more[0].1.contains("memfd:"), "{more:?}");
    assert!(descriptors(plain.id()).is_subset(&descriptors(ours.id())), "nor is one missing");

    let mut expected: BTreeSet<_> = environment(plain.id());
    expected.retain(|variable| !variable.starts_with(b"FLUVIO_SECRET_"));
    expected.insert(b"AMBIENT=kept".to_vec());
    assert_eq!(environment(ours.id()), expected);

    for folder in [home.path(""), "/dev/shm".into(), "/run".into(), "/var/tmp".into()] {
        let found = files_with(&folder, canary.as_bytes());
        assert_eq!(found, Vec::<std::path::PathBuf>::new(), "in plain text");
    }
    end(plain);
    end(ours);
}

#[test]
fn e9_the_connector_gets_the_callers_umask_and_core_limit() {
    let home = Home::new();
    let config = home.config(&[]);
    let ask = ["sh", "-c", "umask; ulimit -c; ulimit -Hc"];
    let mut plain = home.foreign("sh");
    plain.args(["-c", "umask 027; ulimit -Sc 7 2>/dev/null; \"$@\"", "sh"]);
    let mut ours = home.foreign("sh");
    ours.args(["-c", "umask 027; ulimit -Sc 7 2>/dev/null; exec \"$@\"", "sh"]);
    plain.args(ask);
    let run = home.run(&config, &[], &ask);
    ours.arg(run.get_program()).args(run.get_args());
    let (plain, ours) = (said(&mut plain), said(&mut ours));
    assert!(plain.out.starts_with("0027\n"), "{plain:?}");
    assert_eq!(ours.out, plain.out);
}

#[test]
fn e5_the_file_can_be_read_any_number_of_times_late_and_by_nobody_changed() {
    let home = Home::new();
    home.set("A", "value");
    let config = home.config(&["A"]);
    let script = "
        umask 077
        for n in 1 2 3; do cat \"$4\"; done > early
        stat -L -c %a \"$4\" > mode
        (echo x >> \"$4\") 2> denied || echo refused >> denied
        : > ready
        while [ ! -e go ]; do sleep 0.01; done
        cat \"$4\" > late";
    let mut connector = spawn(&mut home.run(&config, &[], &["sh", "-c", script, "sh"]));
    eventually("the connector", || home.path("ready").exists());
    let read = |file: &str| fs::read_to_string(home.path(file)).unwrap();
    assert_eq!(read("early"), "A=value\n".repeat(3));
    assert_eq!(read("mode"), "400\n");
    assert!(read("denied").contains("refused"), "{}", read("denied"));
    // Late: the daemon is gone, the secret too.
    home.ok(&["delete", "A"]);
    home.ok(&["daemon", "stop"]);
    home.write("go", "");
    assert!(connector.wait().unwrap().success());
    assert_eq!(read("late"), "A=value\n");
}

#[test]
fn e3_exit_statuses_are_the_connectors_own() {
    let home = Home::new();
    home.set("A", "x");
    let config = home.config(&["A"]);
    for status in 0..=255 {
        let script = format!("exit {status}");
        let said = said(&mut home.run(&config, &[], &["sh", "-c", &script]));
        assert_eq!(said.code(), Some(status), "{said:?}");
        assert_eq!(said.err, "");
    }
    for (signal, number) in [("KILL", 9), ("TERM", 15), ("SEGV", 11)] {
        let script = format!("kill -{signal} $$");
        let said = said(&mut home.run(&config, &[], &["sh", "-c", &script]));
        assert_eq!(said.status.signal(), Some(number), "{said:?}");
    }
}

#[test]
fn e3_what_cannot_be_run_ends_as_in_a_shell() {
    let home = Home::new();
    let config = home.config(&[]);
    home.write("text", "no program");
    for (program, status) in [("./none", 127), ("none-such", 127), ("./text", 126), ("./", 126)] {
        // A directory of PATH that may not be searched changes the error of execvp(3).
        let mut run = home.run(&config, &[], &[program]);
        let said = said(run.env("PATH", "/usr/bin:/bin"));
        assert_eq!(said.code(), Some(status), "{said:?}");
        assert!(said.err.contains(program), "{said:?}");
    }
}

#[test]
fn e3_a_thousand_runs_leave_no_process_and_no_descriptor() {
    let home = Home::new();
    home.set("A", "x");
    let config = home.config(&["A"]);
    let shim = crate::harness::program("fluvio-secret-shim");
    // Only root sees what a daemon has open; for others both are nothing.
    let daemon = home.daemon_pid().unwrap();
    let open = || open_files(daemon);
    let before = open();
    // Under a shell of its own that counts what is left of its children.
    let script = "
        n=0; while [ $n -lt 1000 ]; do
            \"$1\" --config \"$2\" -- true || exit 1
            n=$((n + 1))
        done
        cat /proc/$$/task/$$/children";
    let mut shell = home.foreign("sh");
    let said = said(shell.args(["-c", script, "sh"]).arg(shim).arg(&config));
    assert!(said.status.success(), "{said:?}");
    // The file names the `cat` itself, and no other child, dead or alive.
    assert_eq!(said.out.split_whitespace().count(), 1, "{said:?}");
    assert_eq!(home.audit_log().len(), 1001);
    // Fewer, when the connection that asked for the process id was still open at first.
    eventually("no more descriptors than before", || open() <= before);
}

/// A shell that writes down each signal that it gets, until it gets USR2.
const RECORDER: &str = "
    for signal in TERM INT HUP USR1 WINCH; do trap \"echo $signal >> signals\" $signal; done
    trap 'exit 3' USR2
    : > ready
    while :; do sleep 0.01; done";

fn signals(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.path("signals")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn e3_signals_reach_the_connector_once() {
    let home = Home::new();
    home.set("A", "x");
    let config = home.config(&["A"]);
    // A test runner in the background has some signals ignored, and its children have, too.
    let run = home.run(&config, &[], &["sh", "-c", RECORDER]);
    let mut env = home.foreign("env");
    env.arg("--default-signal").arg(run.get_program()).args(run.get_args());
    let mut connector = spawn(&mut env);
    eventually("the connector", || home.path("ready").exists());
    let sent = ["TERM", "INT", "HUP", "USR1", "WINCH"];
    for (count, signal) in sent.iter().enumerate() {
        kill(signal, connector.id());
        eventually(signal, || signals(&home).len() > count);
    }
    kill("USR2", connector.id());
    assert_eq!(connector.wait().unwrap().code(), Some(3));
    assert_eq!(signals(&home), sent);
}

#[test]
fn e3_keys_of_the_terminal_reach_the_connector_once() {
    let home = Home::new();
    home.set("A", "x");
    let config = home.config(&["A"]);
    let mut pty = Pty::start(&home.run(&config, &[], &["sh", "-c", RECORDER]));
    eventually("the connector", || home.path("ready").exists());
    pty.type_keys("\u{3}");
    eventually("Ctrl-C", || !signals(&home).is_empty());
    kill("USR2", pty.child.id());
    assert_eq!(pty.child.wait().unwrap().code(), Some(3));
    assert_eq!(signals(&home), ["INT"]);
}

#[test]
fn e3_job_control_works() {
    if !crate::harness::need::tool("bash") {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    let config = home.config(&["A"]);
    let mut shell = home.foreign("bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "prompt> ").env("TERM", "dumb");
    let mut pty = Pty::start(&shell);
    pty.expect("prompt> ");
    let run = home.run(&config, &[], &["sh", "-c", "echo rea''dy; exec cat", "sh", "-"]);
    let words: Vec<_> = [run.get_program()]
        .into_iter()
        .chain(run.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''")))
        .collect();
    // `cat` gets options that it does not know after `-`, so it must not see them.
    let line = words.join(" ").replace("exec cat", "exec sleep 1000");
    pty.type_keys(&format!("{line}\n"));
    pty.expect("ready\r\n");
    pty.type_keys("\u{1a}");
    pty.expect("Stopped");
    pty.expect("prompt> ");
    pty.type_keys("fg\n");
    pty.expect("\r\n");
    pty.type_keys("\u{3}");
    pty.expect("prompt> ");
    pty.type_keys("echo status $?\n");
    pty.expect("status 130");
    pty.type_keys("exit\n");
    assert!(pty.child.wait().unwrap().success());
}

#[test]
fn e8_a_variable_or_an_argument_that_is_not_utf_8_is_passed_on() {
    let home = Home::new();
    home.set("A", "x");
    let config = home.config(&["A"]);
    let odd = OsStr::from_bytes(b"\xff\xfe");
    let mut run = home.run(&config, &[], &["sh", "-c", "printf %s \"$ODD$1\" > got", "sh"]);
    run.arg(odd).env("ODD", odd).env(OsStr::from_bytes(b"\xff"), "x");
    let run = said(&mut run);
    assert!(run.status.success(), "{run:?}");
    assert_eq!(fs::read(home.path("got")).unwrap(), b"\xff\xfe\xff\xfe");
    // A configuration's path and a value, too.
    let path = home.path("").join(OsStr::from_bytes(b"c\xff.yaml"));
    fs::copy(&config, &path).unwrap();
    assert!(said(&mut home.run(Path::new(&path), &[], &["true"])).status.success());
    let mut set = home.command("fluvio-secret");
    let set = said(set.args(["set", "A"]).arg(odd).env("ODD", odd));
    assert!(set.status.success() && set.err.contains("not UTF-8"), "{set:?}");
}

#[test]
fn e3_a_connector_that_is_killed_leaves_nothing() {
    let home = Home::new();
    home.set("A", "x");
    let config = home.config(&["A"]);
    let mut run = home.run(&config, &[], &WAIT);
    let mut child = spawn(run.stdin(Stdio::null()));
    wait_until_ready(&home, &mut child);
    let pid = child.id();
    end(child);
    assert!(!is_alive(pid));
    home.ok(&["list"]);
}
