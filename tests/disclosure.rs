//! A value turns up where it belongs, and nowhere else.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::harness::pty::Pty;
use crate::harness::{
    Ends, Home, canary, contains, eventually, files_with, make_folder, need, said, said_with_input,
    spawn, wire,
};

#[test]
fn d1_at_the_highest_log_level_no_value_is_anywhere() {
    let home = Home::new();
    let canary = canary();
    let mut heard = String::new();
    let mut hear = |said: crate::harness::Said| heard += &format!("{}{}", said.out, said.err);
    hear(home.cli(&["set", "A", &canary]));
    hear(said_with_input(home.command("fluvio-secret").args(["set", "B"]), canary.as_bytes()));
    hear(home.set("C", format!("{canary}\n{canary}")));
    hear(home.set("D", [canary.as_bytes(), b"\xff"].concat()));
    hear(home.cli(&["set", &canary, "x"]));
    hear(home.cli(&["set", "A", "x", &canary]));
    hear(home.cli(&["list", &canary]));
    for names in [&["A"][..], &["A", "C"], &["A", "D"], &["A", "NONE"]] {
        for inject in ["auto", "file", "env"] {
            hear(said(&mut home.run(&home.config(names), &["--inject", inject], &["true"])));
        }
    }
    // A line of an invalid configuration is shown to the user who ran it, and is not logged.
    for text in ["a: [cnry-in-yaml", "a: *cnry-in-yaml", "cnry-in-yaml"] {
        hear(said(&mut home.run(&home.write("bad.yaml", text), &[], &["true"])));
    }
    fs::remove_file(home.path("bad.yaml")).unwrap();
    fs::write(home.secret_file("A"), "damaged").unwrap();
    hear(said(&mut home.run(&home.config(&["A"]), &[], &["true"])));
    hear(home.cli(&["delete", "A", "B", "NONE"]));
    hear(home.cli(&["daemon", "stop"]));
    assert!(!heard.contains(&canary), "{heard}");
    let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
    assert!(log.contains("serving"), "there is a log to look through: {log}");
    for folder in [home.path(""), "/dev/shm".into(), "/run".into()] {
        assert_eq!(files_with(&folder, canary.as_bytes()), Vec::<PathBuf>::new());
    }
}

#[test]
fn d2_no_process_shows_a_value_while_secrets_are_set_and_given() {
    // Only root may look into every process.
    if !need::root() {
        return;
    }
    let home = Home::new();
    let canary = canary();
    let (over, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
    let file = home.write("value", &canary);
    let config = home.config(&["A"]);
    thread::scope(|scope| {
        let ends = Ends(&over);
        let sampler = scope.spawn(|| {
            let mut shown = Vec::new();
            while !over.load(Ordering::Relaxed) {
                shown.extend(processes_showing(canary.as_bytes()));
                looks.fetch_add(1, Ordering::Relaxed);
            }
            shown
        });
        for _ in 0..300 {
            let mut set = home.command("fluvio-secret");
            let told = said_with_input(set.args(["set", "A"]), canary.as_bytes());
            assert!(told.status.success(), "{told:?}");
            home.ok(&["set", "A", "--file", file.to_str().unwrap()]);
            let told = said(&mut home.run(&config, &["--inject", "file"], &["true"]));
            assert!(told.status.success(), "{told:?}");
        }
        for _ in 0..20 {
            let mut pty = Pty::start(home.command("fluvio-secret").args(["set", "A"]));
            pty.expect("Value of A: ");
            pty.type_keys(&format!("{canary}\n"));
            pty.expect("set successfully");
            pty.child.wait().unwrap();
        }
        drop(ends);
        assert_eq!(sampler.join().unwrap(), Vec::<String>::new());
    });
    assert!(looks.load(Ordering::Relaxed) > 100, "{looks:?} looks");
    // The connector of `env` has it, which shows that the looks would have seen it.
    let mut connector = spawn(&mut home.run(&config, &["--as-is"], &["sleep", "1000"]));
    eventually("the connector's environment", || !processes_showing(canary.as_bytes()).is_empty());
    connector.kill().unwrap();
    connector.wait().unwrap();
}

/// The processes that have these bytes among their arguments or in their environment.
fn processes_showing(bytes: &[u8]) -> Vec<String> {
    let mut shown = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        for file in ["cmdline", "environ"] {
            // Most are gone by the time, or no process at all.
            if contains(&fs::read(process.path().join(file)).unwrap_or_default(), bytes) {
                shown.push(process.path().join(file).display().to_string());
            }
        }
    }
    shown
}

#[test]
fn d8_no_command_reads_a_value_back_over_the_socket() {
    let home = Home::new();
    let canary = canary();
    for name in ["A", "B", "C"] {
        home.set(name, &canary);
    }
    for command in [
        &["list"][..],
        &["status"],
        &["set", "B", "other"],
        &["delete", "C"],
        &["delete", "NONE"],
        &["daemon", "start"],
    ] {
        let front = Home::new();
        make_folder(&front.path("state/run"), 0o700);
        let crossed = wire::tap(&front.socket(), &home.socket());
        front.cli(command);
        fs::remove_file(front.socket()).unwrap();
        let crossed = crossed.lock().unwrap();
        assert!(!crossed.is_empty(), "{command:?} crossed the socket");
        assert!(!contains(&crossed, canary.as_bytes()), "{command:?}");
    }
}
