//! What the starter limited, blocked or ignored keeps nothing of ours from working, and reaches the
//! connector as it was.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::harness::{Home, Said, behind, eventually, is_alive, kill, need, program, said, spawn};

/// What a process has blocked and what it ignores, as /proc shows it. The C library has two signals of its
/// own, 32 and 33, with which it does as it likes.
fn signals(status: &str) -> Vec<u64> {
    let masks = ["SigBlk:", "SigIgn:"].map(|name| {
        let mask = status.lines().find_map(|line| line.strip_prefix(name));
        u64::from_str_radix(mask.unwrap_or_else(|| panic!("{status}")).trim(), 16).unwrap()
    });
    masks.map(|mask| mask & !(0b11 << 31)).to_vec()
}

/// `run` of a command, started by these words.
fn run(home: &Home, words: &[&str], options: &[&str], command: &[&str]) -> Said {
    let config = home.config(&["A"]);
    said(&mut behind(words, &home.run(&config, options, command)))
}

/// Both programs that become a command, which they leave as it is.
fn launchers(home: &Home, config: &Path, command: &[&str]) -> [Command; 2] {
    let mut shim = home.command("fluvio-secret-shim");
    shim.arg("--config").arg(config).args(["--as-is", "--"]).args(command);
    [shim, home.run(config, &["--as-is"], command)]
}

const BLOCKED: [&str; 2] = ["env", "--block-signal=INT,TERM,HUP,USR1"];

#[test]
fn b14_signals_that_the_starter_blocked_stop_the_daemon() {
    for signal in ["TERM", "HUP", "USR1"] {
        let home = Home::new();
        let set =
            said(&mut behind(&BLOCKED, home.command("fluvio-secret").args(["set", "A", "1"])));
        assert!(set.status.success(), "{set:?}");
        let pid = home.daemon_pid().unwrap();
        kill(signal, pid);
        eventually("the daemon's end", || !is_alive(pid));
    }
}

#[test]
fn b14_a_command_line_with_blocked_signals_ends_by_them() {
    let home = Home::new();
    home.set("A", "1");
    let log = ["log", "--follow"];
    let mut log = spawn(&mut behind(&BLOCKED, home.command("fluvio-secret").args(log)));
    eventually("the start", || {
        let name = fs::read_to_string(format!("/proc/{}/comm", log.id())).unwrap_or_default();
        let status = fs::read_to_string(format!("/proc/{}/status", log.id())).unwrap_or_default();
        name.trim() == "fluvio-secret" && status.contains("SigBlk:\t0000000000000000")
    });
    kill("TERM", log.id());
    eventually("its end", || log.try_wait().unwrap().is_some());
}

#[test]
fn b14_the_connector_gets_the_signals_as_the_starter_had_them() {
    let home = Home::new();
    home.set("A", "1");
    let status = ["cat", "/proc/self/status"];
    for words in [
        &["env", "--default-signal"][..],
        &["env", "--default-signal", "--ignore-signal=PIPE"],
        &["env", "--default-signal", "--block-signal=USR1"],
        &["env", "--default-signal", "--ignore-signal=PIPE,USR2", "--block-signal=TERM"],
    ] {
        let direct = said(&mut behind(words, home.foreign("cat").arg(status[1])));
        let direct = signals(&direct.out);
        let config = home.config(&["A"]);
        for launcher in launchers(&home, &config, &status) {
            let connector = said(&mut behind(words, &launcher));
            assert_eq!(signals(&connector.out), direct, "{words:?}: {launcher:?}");
        }
        let file = home.path("status");
        // Not by a shell, which may unblock signals itself.
        let watched = ["cp", status[1], file.to_str().unwrap()];
        let run = home.run(&config, &["--as-is", "--watch"], &watched);
        let mut supervisor = spawn(&mut behind(words, &run));
        let is_whole = |text: String| text.contains("SigIgn");
        eventually("the connector", || fs::read_to_string(&file).is_ok_and(is_whole));
        // Two of them: a supervisor takes the second one at its word.
        kill("INT", supervisor.id());
        eventually("the end", || supervisor.try_wait().unwrap().is_some());
        let found = signals(&fs::read_to_string(&file).unwrap());
        fs::remove_file(&file).unwrap();
        assert_eq!(found, direct, "{words:?} with --watch");
    }
}

#[test]
fn b14_streams_that_the_starter_closed_are_dev_null_to_the_connector() {
    let home = Home::new();
    home.set("A", "1");
    let config = home.config(&["A"]);
    let list = "cd /proc/$$/fd && streams=$(readlink 0 1 2) && echo \"$streams\" > \"$1\"";
    let file = home.path("streams");
    let connector = ["sh", "-c", list, "sh", file.to_str().unwrap()];
    for closed in [&[0][..], &[1], &[2], &[0, 2], &[1, 2], &[0, 1, 2]] {
        let streams = closed.iter().map(|stream| format!(" {stream}>&-")).collect::<String>();
        let script = format!("exec \"$@\"{streams}");
        for launcher in launchers(&home, &config, &connector) {
            let said = said(&mut behind(&["sh", "-c", &script, "sh"], &launcher));
            assert!(said.status.success(), "{streams}: {launcher:?}: {said:?}");
            let targets = fs::read_to_string(&file).unwrap();
            let is_null = targets.lines().map(|target| target == "/dev/null");
            // The harness has opened the standard input of all programs like that.
            let expected = (0..3).map(|stream| stream == 0 || closed.contains(&stream));
            assert!(is_null.eq(expected), "{streams}: {launcher:?}: {targets}");
        }
    }
}

#[test]
fn b14_a_daemon_starts_where_the_starter_ignores_the_end_of_children() {
    let home = Home::new();
    let words = ["env", "--ignore-signal=CHLD"];
    let set = said(&mut behind(&words, home.command("fluvio-secret").args(["set", "A", "1"])));
    assert!(set.status.success(), "{set:?}");
}

#[test]
fn b14_where_files_may_not_grow_the_values_reach_the_connector() {
    let home = Home::new();
    home.set("A", "one");
    let show = "ulimit -f; printenv A; test -z \"$2\" || cat \"$4\"";
    let command = ["sh", "-c", show, "sh"];
    // The soft limit alone: a secrets file, and the limit is the connector's.
    let soft = run(&home, &["prlimit", "--fsize=0:1048576"], &[], &command);
    assert_eq!(soft.out, "0\nA=one\n", "{soft:?}");
    let hard = run(&home, &["prlimit", "--fsize=0:0"], &[], &["sh", "-c", "ulimit -f; echo $A"]);
    assert_eq!(hard.out, "0\none\n", "{hard:?}");
    assert!(hard.err.contains("ulimit -f"), "{hard:?}");
    let file = run(&home, &["prlimit", "--fsize=0:0"], &["--inject", "file"], &["true"]);
    assert_eq!(file.code(), Some(125), "{file:?}");
    assert!(file.err.contains("ulimit -f") && file.err.contains("--inject env"), "{file:?}");
    // What the environment cannot carry goes nowhere else.
    home.set("A", "a\0b");
    let neither = run(&home, &["prlimit", "--fsize=0:0"], &[], &["true"]);
    assert_eq!(neither.code(), Some(125), "{neither:?}");
}

/// A user of its own: processes are counted by user.
fn stranger() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    (70_000 + std::process::id() % 10_000 * 8 + NEXT.fetch_add(1, Ordering::Relaxed)).to_string()
}

#[test]
fn b14_a_daemon_that_may_start_few_threads_imports_and_rotates() {
    if !need::root() || !need::tool("setpriv") {
        return;
    }
    for threads in ["2", "4", "6"] {
        let home = Home::new();
        let uid = stranger();
        let own = |path: &std::path::Path| {
            let chown = Command::new("chown").args(["-R", &uid]).arg(path).status();
            assert!(chown.is_ok_and(|status| status.success()));
        };
        let lines = (0..50).map(|n| format!("I{n}=v\n")).collect::<String>();
        let file = home.write("secrets.txt", lines);
        own(&home.path(""));
        let limit = format!("--nproc={threads}:{threads}");
        let user = ["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups"];
        let limited = [&user[..], &["prlimit", &limit]].concat();
        let mut daemon = spawn(&mut behind(&limited, &home.command("fluvio-secretd")));
        eventually("the socket", || {
            assert!(daemon.try_wait().unwrap().is_none(), "{threads}: it ended");
            home.socket().exists()
        });
        let as_user =
            |args: &[&str]| said(&mut behind(&user, home.command("fluvio-secret").args(args)));
        let import = as_user(&["import", file.to_str().unwrap()]);
        assert!(import.status.success(), "{threads}: {import:?}");
        let rotate = as_user(&["key", "rotate", "--yes"]);
        let rotate = if rotate.code() == Some(2) { as_user(&["key", "rotate"]) } else { rotate };
        assert!(rotate.status.success(), "{threads}: {rotate:?}");
        let config = home.config(&["I0"]);
        own(&config);
        let run = home.run(&config, &["--as-is"], &["printenv", "I0"]);
        let run = said(&mut behind(&user, &run));
        assert_eq!(run.out, "v\n", "{threads}: {run:?}");
        kill("TERM", daemon.id());
        eventually("the daemon's end", || daemon.try_wait().unwrap().is_some());
    }
}

#[test]
fn b14_too_few_open_files_are_named_with_the_next_step() {
    let home = Home::new();
    home.set("A", "value");
    home.ok(&["daemon", "stop"]);
    let config = home.config(&["A"]);
    let run = home.run(&config, &["--no-daemon", "--as-is"], &["true"]);
    let mut list = home.command("fluvio-secret");
    list.arg("list");
    for files in 4..=12 {
        let limit = format!("--nofile={files}:{files}");
        for command in [&run, &list] {
            let refused = said(&mut behind(&["prlimit", &limit], command));
            assert!(!refused.status.success(), "{files}: {refused:?}");
            let help = "help: raise the limit";
            assert!(refused.err.contains(help), "{files}: {refused:?}");
            assert!(refused.err.contains("ulimit -n 1024"), "{files}: {refused:?}");
        }
    }
}

#[test]
fn b14_where_no_thread_may_be_started_the_daemon_says_so() {
    if !need::root() || !need::tool("setpriv") {
        return;
    }
    let home = Home::new();
    let uid = stranger();
    let chown = Command::new("chown").args(["-R", &uid]).arg(home.path("")).status();
    assert!(chown.is_ok_and(|status| status.success()));
    let words =
        ["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups", "prlimit", "--nproc=1:1"];
    let daemon = said(&mut behind(&words, &home.command("fluvio-secretd")));
    assert_eq!(daemon.code(), Some(1), "{daemon:?}");
    assert!(daemon.err.contains("cannot start serving"), "{daemon:?}");
}

#[test]
fn b14_a_soft_limit_of_processor_time_ends_no_daemon_and_a_hard_one_ends_it_in_order() {
    let home = Home::new();
    let words = ["prlimit", "--cpu=1:600"];
    let set = said(&mut behind(&words, home.command("fluvio-secret").args(["set", "A", "1"])));
    assert!(set.status.success(), "{set:?}");
    let daemon = home.daemon_pid().unwrap();
    let limits = fs::read_to_string(format!("/proc/{daemon}/limits")).unwrap();
    let time = limits.lines().find(|line| line.starts_with("Max cpu time")).unwrap();
    assert!(time.contains(" 599 ") && time.contains(" 600 "), "{time}");
    // As the kernel does when the time is over.
    kill("XCPU", daemon);
    eventually("the daemon's end", || !is_alive(daemon));
    let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
    assert!(log.contains("processor time") && log.contains("stopped"), "{log}");
    home.ok(&["list"]);
}

#[test]
fn b14_with_too_few_files_every_program_says_so_and_none_panics() {
    for files in 3..=12 {
        let home = Home::new();
        let limit = format!("--nofile={files}:{files}");
        for name in ["fluvio-secret", "fluvio-secretd", "fluvio-secret-shim"] {
            let mut command = home.command(name);
            match name {
                "fluvio-secret" => command.arg("list"),
                "fluvio-secret-shim" => {
                    let config = home.config(&["A"]);
                    command.arg("--config").arg(config).args(["--", "true"])
                }
                _ => &mut command,
            };
            let said = said(&mut behind(&["prlimit", &limit], &command));
            assert!(!said.status.success(), "{files} files: {said:?}");
            let is_ours = !said.err.contains("panicked") && !said.err.contains("a fault");
            assert!(is_ours && said.code().is_some_and(|code| code != 101), "{files}: {said:?}");
        }
    }
    assert!(program("fluvio-secret").exists());
}
