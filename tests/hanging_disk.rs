//! A vault on a disk that hangs: each call of the daemon that names a file takes ten minutes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use crate::harness::trace::{ALL_THREADS, LOG, SERVES, Trace, WRITES};
use crate::harness::{Home, behind, eventually, kill, need, said, spawn, wire};

const HANG: [&str; 2] = ["trace=%file,fsync", "inject=%file,fsync:delay_enter=600000000"];

/// Runs a command until it reports what it waits for, then presses Ctrl-C. Returns the report.
fn report(command: &Command) -> String {
    let mut waits = spawn(&mut behind(&["env", "--default-signal"], command));
    let mut report = String::new();
    let mut lines = BufReader::new(waits.stderr.take().unwrap());
    // The note, and the help below it.
    for _ in 0..2 {
        lines.read_line(&mut report).unwrap();
    }
    kill("INT", waits.id());
    let mut status = None;
    eventually("its end", || {
        status = waits.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().signal(), Some(2), "it ends by Ctrl-C: {report}");
    report
}

#[test]
fn c15_while_the_disk_hangs_status_answers_and_what_waits_says_for_what() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    let config = home.config(&["A"]);
    let daemon = home.daemon_pid().unwrap();
    assert!(said(&mut home.run(&config, &["--as-is"], &["true"])).status.success());
    let status = home.ok(&["status"]);
    assert!(status.contains("Secrets   1") && !status.contains("last known"), "{status}");
    let hung = Trace::attach_at(&home, daemon, ALL_THREADS, &home.vault(), &HANG);
    for _ in 0..3 {
        let status = home.ok(&["status"]);
        assert!(status.contains("last known state"), "{status}");
        assert!(status.contains(&format!("pid {daemon}")) && status.contains("Locked    no"));
    }
    assert!(home.ok(&["status"]).contains("Granted"), "what is in memory is known");
    assert!(home.ok(&["status", "-O", "json"]).contains("\"is_current\": false"));
    let vault = format!("waiting for the disk of the vault {}", home.vault().display());
    let mut list = home.command("fluvio-secret");
    for command in [&*list.arg("list"), &home.run(&config, &["--as-is"], &["true"])] {
        let report = report(command);
        assert!(report.contains(&vault) && report.contains("Ctrl-C"), "{report}");
    }
    // When the disk answers again, what waited is done, and the state is known.
    hung.end();
    assert!(home.ok(&["list"]).contains("\nA "));
    assert!(!home.ok(&["status"]).contains("last known"));
}

#[test]
fn c15_what_waits_for_another_change_says_so_and_status_is_true() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    let daemon = home.daemon_pid().unwrap();
    let hang = [
        "trace=rename,renameat,renameat2",
        "inject=rename,renameat,renameat2:delay_enter=600000000",
    ];
    let hung = Trace::attach(&home, daemon, WRITES, &hang);
    let mut set = home.command("fluvio-secret");
    let report = report(set.args(["set", "B", "y"]));
    assert!(report.contains("waiting for the daemon, which is busy"), "{report}");
    // Commands that only read keep working.
    assert!(!home.ok(&["status"]).contains("last known"));
    assert!(home.ok(&["list"]).contains("\nA "));
    hung.end();
    home.ok(&["set", "C", "z"]);
}

#[test]
fn c15_while_the_disk_of_the_log_hangs_the_daemon_serves() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    let mut list = home.command("fluvio-secret");
    assert!(said(list.arg("list").env("FLUVIO_SECRET_LOG", "debug")).status.success());
    let daemon = home.daemon_pid().unwrap();
    let hung = [SERVES, LOG].map(|thread| Trace::attach(&home, daemon, thread, &HANG));
    // The thread that serves clients logs this before it answers.
    let mut client = UnixStream::connect(home.socket()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    client.write_all(&[0xff; 4]).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert!(!answer.is_empty());
    // That is answered by a thread that may wait for the disk.
    let status = wire::frame(r#"{"version":1,"parts":[],"message":"status"}"#, &[]);
    assert!(wire::exchange(&home, &status).contains(r#""is_current":true"#));
    for trace in hung {
        trace.end();
    }
    eventually("the line of the log", || {
        let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
        log.contains("sent no request")
    });
}
