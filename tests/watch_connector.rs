//! The connector under `run --watch`: one at a time, ended and started as it should be, and none is
//! left behind.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::connector_process::{descriptors, environment, until_asleep};
use crate::harness::cdk::Project;
use crate::harness::pty::Pty;
use crate::harness::watch::{
    CONNECTOR, Watched, children, config, has_started_with, resources, starts,
};
use crate::harness::{Home, behind, eventually, is_alive, kill, said, spawn, stat};

fn home_with_a_secret() -> (Home, PathBuf) {
    let home = Home::new();
    home.set("A", "value");
    let path = home.write("config.yaml", config(1, &["A"]));
    (home, path)
}

/// A connector of shell that says when it is ready, and what else it does.
fn shell(script: &str) -> [String; 4] {
    ["sh".into(), "-c".into(), format!("{script}\n"), "sh".into()]
}

fn run(home: &Home, path: &Path, options: &[&str], script: &str) -> Watched {
    let command = shell(script);
    let command: Vec<_> = command.iter().map(String::as_str).collect();
    let mut watched = Watched::run(home, path, options, &command);
    watched.expect("started");
    watched
}

/// The numbers that a connector wrote into a file, one in each line.
fn numbers(home: &Home, file: &str) -> Vec<u32> {
    let text = fs::read_to_string(home.path(file)).unwrap_or_default();
    text.lines().map(|line| line.trim().parse().unwrap()).collect()
}

#[test]
fn e4_the_old_one_is_gone_with_all_its_group_before_the_next_starts() {
    let (home, path) = home_with_a_secret();
    // Each has a child that will not end when it is asked to, and says whether an earlier one lives.
    let script = "
        for pid in $(cat pids 2>/dev/null); do kill -0 $pid 2>/dev/null && echo $pid >> alive; done
        sh -c 'trap \"\" TERM; echo $$ >> pids; : > child-'$$'; while :; do sleep 1; done' &
        trap '' TERM
        while [ ! -e child-$$ ]; do sleep 0.01; done
        echo $$ >> pids; echo x >> ready
        while :; do sleep 1; done";
    let mut watched = run(&home, &path, &["--grace", "200ms"], script);
    for number in 2..6 {
        let ready = number - 1;
        eventually("it is ready", || {
            fs::read(home.path("ready")).is_ok_and(|text| text.len() == 2 * ready)
        });
        fs::write(&path, config(u32::try_from(number).unwrap(), &["A"])).unwrap();
        let killed = watched.expect("killed");
        assert_eq!(killed["grace_ms"], 200);
        let restarted = watched.expect("restarted");
        assert!(restarted["stopped_ms"].as_u64().unwrap() >= 200, "{restarted}");
    }
    eventually("the last one", || fs::read(home.path("ready")).is_ok_and(|text| text.len() == 10));
    assert!(!home.path("alive").exists(), "two at once");
    let pids = numbers(&home, "pids");
    assert_eq!(pids.len(), 10);
    let ended = watched.end();
    assert_eq!(ended.len(), 1, "it was asked in vain, and killed: {ended:?}");
    assert!(pids.iter().all(|pid| !is_alive(*pid)), "{pids:?}");
}

#[test]
fn e4_a_killed_supervisor_leaves_no_connector() {
    let (home, path) = home_with_a_secret();
    // At any moment: while the shim asks, while the connector starts, while it runs. On a busy machine
    // these come later.
    let (mut seen, mut slower) = (0, 1);
    let mut delays = 0..40;
    while seen <= 10 || !delays.is_empty() {
        let Some(delay) = delays.next().map(|delay| delay * slower) else {
            (slower, delays) = (slower * 2, 0..40);
            assert!(slower <= 32, "{seen} connectors, which is too few to say anything");
            continue;
        };
        let mut watched = Watched::run(&home, &path, &[], &CONNECTOR);
        sleep(Duration::from_millis(delay));
        let supervisor = watched.child.id();
        kill("STOP", supervisor);
        let left = children(supervisor);
        kill("KILL", supervisor);
        let status = watched.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9));
        seen += left.len();
        for pid in left {
            eventually("the connector's end", || !is_alive(pid));
        }
    }
}

#[test]
fn e4_a_supervisor_that_is_told_to_end_ends_the_connector_first() {
    let (home, path) = home_with_a_secret();
    for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1), ("QUIT", 3)] {
        let script = format!(
            "trap 'echo {signal} > got; exit 7' {signal}
            echo x > ready; while :; do sleep 0.01; done"
        );
        let mut watched = run(&home, &path, &[], &script);
        eventually("it is ready", || home.path("ready").exists());
        let connector = children(watched.child.id())[0];
        kill(signal, watched.child.id());
        assert_eq!(watched.child.wait().unwrap().code(), Some(7), "the connector's own status");
        assert!(!is_alive(connector));
        assert_eq!(fs::read_to_string(home.path("got")).unwrap(), format!("{signal}\n"));
        fs::remove_file(home.path("ready")).unwrap();
        // One that dies of it.
        let mut watched = run(&home, &path, &[], "echo x > ready; exec sleep 1000");
        eventually("it is ready", || home.path("ready").exists());
        kill(signal, watched.child.id());
        assert_eq!(watched.child.wait().unwrap().code(), Some(128 + number));
        fs::remove_file(home.path("ready")).unwrap();
    }
}

#[test]
fn f8_signals_that_were_ignored_at_the_start_are_so_for_both() {
    let (home, path) = home_with_a_secret();
    // The connector sends it to itself, and keeps running.
    for signal in ["HUP", "INT", "QUIT", "TSTP"] {
        let script = format!("kill -{signal} $$; echo x >> ready; exec sleep 1000");
        let script = shell(&script);
        let script: Vec<_> = script.iter().map(String::as_str).collect();
        let run = home.run(&path, &["--watch", "-O", "json"], &script);
        let ignores = format!("--ignore-signal={signal}");
        let mut watched = Watched::start(&behind(&["env", &ignores], &run));
        let are_ready =
            |count: usize| fs::read(home.path("ready")).is_ok_and(|text| text.len() == 2 * count);
        watched.expect("started");
        eventually("it is ready", || are_ready(1));
        kill(signal, watched.child.id());
        home.set("A", signal);
        watched.expect("restarted");
        eventually("the next is ready", || are_ready(2));
        kill("TERM", watched.child.id());
        assert_eq!(watched.child.wait().unwrap().code(), Some(128 + 15), "{signal}");
        fs::remove_file(home.path("ready")).unwrap();
    }
}

#[test]
fn a_second_ctrl_c_does_not_wait() {
    let (home, path) = home_with_a_secret();
    let script = "trap '' INT TERM; echo x > ready; while :; do sleep 0.01; done";
    let mut watched = run(&home, &path, &["--grace", "1h"], script);
    eventually("it is ready", || home.path("ready").exists());
    let connector = children(watched.child.id())[0];
    kill("INT", watched.child.id());
    kill("INT", watched.child.id());
    // The second may have come before the first was looked at; one of these is the second.
    eventually("the end", || {
        if watched.child.try_wait().unwrap().is_some() {
            return true;
        }
        kill("INT", watched.child.id());
        false
    });
    assert!(!is_alive(connector));
}

/// A connector whose helper has left its group, and does not wait for the worker that it left there.
fn with_a_worker_nobody_waits_for(home: &Home, path: &Path, grace: &str) -> Watched {
    let script = "
        sh -c 'sleep 1000 & exec setsid sleep 1000' & echo $! >> helpers
        until cut -d' ' -f5 /proc/$!/stat | grep -qx $!; do sleep 0.01; done
        echo x >> ready; exec sleep 1000";
    let watched = run(home, path, &["--grace", grace], script);
    eventually("it is ready", || home.path("ready").exists());
    watched
}

#[test]
fn e4_the_dead_whom_nobody_buries_keep_no_connector_from_starting() {
    let (home, path) = home_with_a_secret();
    let mut watched = with_a_worker_nobody_waits_for(&home, &path, "200ms");
    fs::remove_file(home.path("ready")).unwrap();
    fs::write(&path, config(2, &["A"])).unwrap();
    watched.expect("killed");
    watched.expect("restarted");
    eventually("it is ready", || home.path("ready").exists());
    kill("TERM", watched.child.id());
    assert_eq!(watched.child.wait().unwrap().code(), Some(128 + 15));
    numbers(&home, "helpers").into_iter().for_each(|helper| kill("KILL", helper));
}

#[test]
fn a_second_ctrl_c_waits_for_no_dead() {
    let (home, path) = home_with_a_secret();
    let mut watched = with_a_worker_nobody_waits_for(&home, &path, "1h");
    let connector = children(watched.child.id())[0];
    kill("INT", watched.child.id());
    eventually("its end", || !is_alive(connector));
    kill("INT", watched.child.id());
    let mut status = None;
    eventually("the end", || {
        status = watched.child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(128 + 2));
    numbers(&home, "helpers").into_iter().for_each(|helper| kill("KILL", helper));
}

#[test]
fn what_a_connector_leaves_in_its_group_ends_with_it() {
    let (home, path) = home_with_a_secret();
    let script = "sleep 1000 & echo $! >> left; echo $$ >> pids; sleep 0.05; exit 3";
    let mut watched = run(&home, &path, &[], script);
    let ended = watched.expect("ended");
    assert_eq!((&ended["status"], &ended["again_in_s"]), (&"status 3".into(), &1.into()));
    watched.expect("started");
    assert!(!is_alive(numbers(&home, "left")[0]), "gone before the next one");
    watched.expect("ended");
    let supervisor = watched.child.id();
    eventually("nothing is left", || children(supervisor).is_empty());
    assert!(watched.end().is_empty());
    assert!(numbers(&home, "left").into_iter().all(|pid| !is_alive(pid)));
}

#[test]
fn f7_a_connector_that_ends_at_once_is_started_again_after_growing_pauses() {
    let (home, path) = home_with_a_secret();
    let begun = Instant::now();
    let mut watched = run(&home, &path, &[], "echo $$ >> pids; exit 1");
    for pause in [1, 2, 4] {
        let ended = watched.expect("ended");
        assert_eq!(ended["again_in_s"], pause, "{ended}");
        watched.expect("started");
    }
    assert!(begun.elapsed() >= Duration::from_secs(7));
    assert_eq!(watched.expect("ended")["again_in_s"], 8);
    assert_eq!(numbers(&home, "pids").len(), 4);
    // A change does not wait for the pause, and starts the count again.
    fs::write(&path, config(2, &["A"])).unwrap();
    let restarted = watched.expect("restarted");
    assert_eq!(restarted["stopped_ms"], serde_json::Value::Null, "none ran");
    assert_eq!(watched.expect("ended")["again_in_s"], 1);
    assert!(watched.end().is_empty());
}

#[test]
fn f7_what_keeps_a_connector_from_starting_and_passes_is_tried_again() {
    let (home, path) = home_with_a_secret();
    let script = "echo x >> ready; while [ ! -e end ]; do sleep 0.01; done; rm end; exit 3";
    let mut watched = run(&home, &path, &[], script);
    let has_begun =
        |times: usize| fs::read(home.path("ready")).is_ok_and(|text| text.len() == 2 * times);
    eventually("it is ready", || has_begun(1));
    // Without its line in the audit log no secret is given.
    let (log, away) = (home.path("state/audit.log"), home.path("state/away"));
    fs::rename(&log, &away).unwrap();
    fs::create_dir(&log).unwrap();
    fs::write(home.path("end"), "").unwrap();
    assert_eq!(watched.expect("ended")["again_in_s"], 1);
    watched.expect("started");
    let ended = watched.expect("ended");
    assert_eq!((&ended["status"], &ended["again_in_s"]), (&"status 75".into(), &2.into()));
    fs::remove_dir(&log).unwrap();
    fs::rename(&away, &log).unwrap();
    watched.expect("started");
    eventually("it is started", || has_begun(2));
    assert!(watched.end().is_empty());
}

#[test]
fn a_connector_that_is_done_ends_the_watch_unless_it_is_always_restarted() {
    let (home, path) = home_with_a_secret();
    let mut watched = run(&home, &path, &[], "exit 0");
    assert!(watched.child.wait().unwrap().success());
    assert!(watched.told_to_the_end().is_empty());
    let mut watched = run(&home, &path, &["--restart", "always"], "echo $$ >> pids; exit 0");
    let ended = watched.expect("ended");
    assert_eq!((&ended["status"], &ended["again_in_s"]), (&"status 0".into(), &1.into()));
    watched.expect("started");
    eventually("the second", || numbers(&home, "pids").len() == 2);
    watched.end();
}

#[test]
fn a_shim_that_cannot_start_the_command_is_said_and_a_change_is_waited_for() {
    let (home, path) = home_with_a_secret();
    let mut watched = Watched::run(&home, &path, &[], &["./connector"]);
    watched.expect("started");
    let ended = watched.expect("ended");
    assert_eq!(ended["status"], "status 127");
    assert!(watched.words.contains("./connector"), "{}", watched.words);
    watched.end();
}

#[test]
fn e9_a_watched_connector_has_nothing_of_the_supervisors() {
    let (home, path) = home_with_a_secret();
    let script = "cut -d' ' -f5 /proc/$$/stat > group; read line || echo none > input; \
                  : > ready; exec sleep 1000";
    let watched = run(&home, &path, &[], script);
    let connector = children(watched.child.id())[0];
    until_asleep(&home, connector);
    let mut plain = spawn(&mut home.run(&path, &[], &["sh", "-c", ": > ready; exec sleep 1000"]));
    until_asleep(&home, plain.id());
    assert_eq!(descriptors(connector), descriptors(plain.id()));
    assert_eq!(environment(connector), environment(plain.id()));
    assert_eq!(numbers(&home, "group"), [connector], "its own group");
    assert_eq!(fs::read_to_string(home.path("input")).unwrap(), "none\n");
    plain.kill().unwrap();
    plain.wait().unwrap();
    assert!(watched.end().is_empty());
}

#[test]
fn on_a_terminal_it_is_one_coloured_line_and_ctrl_c_ends_both() {
    let (home, path) = home_with_a_secret();
    let run = |options: &[&str]| {
        let mut run = home.run(&path, &[&["--watch"], options].concat(), &CONNECTOR);
        run.env("TERM", "xterm");
        Pty::start(&run)
    };
    let mut pty = run(&["--clear"]);
    pty.expect("\x1b[2J");
    let line = pty.expect(")\x1b[0m");
    assert!(line.contains("\x1b[32mstarted (pid "), "{line:?}");
    eventually("the connector", || has_started_with(&home, "1 A=value"));
    fs::write(&path, config(2, &["A"])).unwrap();
    pty.expect("\x1b[2J");
    let line = pty.expect("ms)\x1b[0m");
    assert!(line.contains("config.yaml changed (the old one stopped in "), "{line:?}");
    eventually("the connector", || has_started_with(&home, "2 A=value"));
    let connector = children(pty.child.id())[0];
    pty.type_keys("\u{3}");
    assert_eq!(pty.child.wait().unwrap().code(), Some(130));
    assert!(!is_alive(connector));
    // Elsewhere it is plain.
    let mut plain = home.run(&path, &["--watch"], &["sh", "-c", "exit 0"]);
    let plain = said(plain.env("TERM", "xterm"));
    assert!(plain.err.contains(" started (pid ") && !plain.err.contains('\x1b'), "{plain:?}");
    assert_eq!(plain.out, "");
}

#[test]
fn it_ends_with_its_terminal_also_when_nobody_passes_that_on() {
    let (home, path) = home_with_a_secret();
    // In a session of its own it gets no signal for the hang-up.
    let mut session = home.foreign("setsid");
    session.args(["--wait"]).arg(crate::harness::program("fluvio-secret"));
    session.args(["run", "--watch", "--config"]).arg(&path);
    session.args(["--", "sh", "-c", "echo $PPID $$ > pids; exec sleep 1000"]);
    let mut pty = Pty::start(&session);
    pty.expect("started");
    let pids = || fs::read_to_string(home.path("pids")).unwrap_or_default();
    eventually("the connector", || pids().ends_with('\n'));
    let pids: Vec<u32> = pids().split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    pty.hang_up().wait().unwrap();
    eventually("the end of both", || !pids.iter().any(|pid| is_alive(*pid)));
}

#[test]
fn ctrl_z_stops_both_and_fg_goes_on() {
    if !crate::harness::need::tool("bash") {
        return;
    }
    let (home, path) = home_with_a_secret();
    let mut shell = home.foreign("bash");
    shell.args(["--norc", "--noprofile", "--noediting", "-i"]).env("PS1", "prompt> ");
    shell.env("TERM", "dumb");
    let mut pty = Pty::start(&shell);
    pty.expect("prompt> ");
    let program = crate::harness::program("fluvio-secret");
    home.write("connector", "echo $$ > pid; echo 1 A=value >> starts; exec sleep 1000\n");
    pty.type_keys(&format!(
        "'{}' run --watch --config '{}' -- sh ./connector\n",
        program.display(),
        path.display()
    ));
    eventually("the connector", || has_started_with(&home, "1 A=value"));
    let connector = numbers(&home, "pid")[0];
    let state = || stat(connector).map(|stat| stat.state);
    pty.type_keys("\u{1a}");
    pty.expect("Stopped");
    eventually("the connector's stop", || state().as_deref() == Some("T"));
    pty.type_keys("fg\n");
    eventually("it goes on", || state().as_deref() == Some("S"));
    fs::write(&path, config(2, &["A"])).unwrap();
    pty.expect("restarted");
    pty.type_keys("\u{3}");
    pty.expect("prompt> ");
    pty.type_keys("exit\n");
    pty.child.wait().unwrap();
    assert!(!is_alive(connector));
}

#[test]
fn cdk_test_is_watched_in_the_same_way() {
    let (home, _) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let manifest = fs::read_to_string(project.path("Cargo.toml")).unwrap_or_default();
    project.write("Cargo.toml", &format!("{manifest}# a package\n"));
    let mut watched =
        Watched::start(&project.cdk(&format!("test --watch -O json --config {config}")));
    watched.expect("started");
    eventually("the connector", || project.given() == "A=value\n");
    home.set("A", "other");
    watched.expect("restarted");
    eventually("the connector", || project.given() == "A=other\n");
    let text = fs::read_to_string(project.path(&config)).unwrap();
    fs::write(project.path(&config), text + "  - 1\n").unwrap();
    watched.expect("restarted");
    // What Cargo builds it from, without an option that names it.
    for source in ["src/other.rs", "Cargo.toml"] {
        watched.until_apart();
        let text = fs::read_to_string(project.path(source)).unwrap_or_default();
        project.write(source, &format!("{text}\n"));
        let restarted = watched.expect("restarted");
        let path = project.path(source);
        assert_eq!(restarted["files"], serde_json::json!([path]), "{restarted}");
    }
    eventually("the end of the leases but one", || {
        crate::harness::cdk::leases(&home).len() == 1 && home.ok(&["lease", "list"]).contains("A")
    });
    assert!(watched.end().is_empty());
    eventually("the end of the leases", || crate::harness::cdk::leases(&home).is_empty());
    // Its other options are refused where they mean nothing.
    let refused = said(&mut home.run(&project.path(&config), &["--clear"], &["true"]));
    assert_eq!(refused.code(), Some(2), "{refused:?}");
    let refused =
        said(&mut home.run(&project.path(&config), &["--watch", "--grace", "soon"], &["true"]));
    assert!(refused.code() == Some(2) && refused.err.contains("--grace"), "{refused:?}");
}

#[test]
fn f4_a_value_that_only_variables_can_carry_keeps_a_connector_with_a_secrets_file_running() {
    let (home, path) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let test = |option: &str| {
        let line = format!("test --watch -O json --config {config}{option}");
        Watched::start(&project.cdk(&line))
    };
    let starts: [&dyn Fn() -> Watched; 3] =
        [&|| Watched::run(&home, &path, &["--inject", "file"], &CONNECTOR), &|| test(""), &|| {
            test(" --no-check")
        }];
    for start in starts {
        let mut watched = start();
        watched.expect("started");
        eventually("the connector", || {
            project.given() == "A=value\n" || has_started_with(&home, "1 A=value")
        });
        home.set("A", "two\nlines");
        let held = watched.expect("held");
        let because = held["because"].as_str().unwrap();
        assert!(because.contains("line break") && held["runs"] == true, "{held}");
        home.set("A", "value");
        watched.expect("restarted");
        watched.end();
        // Only one of the two is there.
        let _ = fs::remove_file(project.path("given"));
        let _ = fs::remove_file(home.path("starts"));
    }
    let mut watched = test(" --inject env");
    watched.expect("started");
    eventually("the connector", || project.given() == "value\n");
    home.set("A", "two\nlines");
    watched.expect("restarted");
    eventually("the connector", || project.given() == "two\nlines\n");
    // A start that is not checked gets no value that is missing either.
    watched.end();
    home.set("A", "value");
    let mut watched = Watched::run(&home, &path, &["--no-check"], &CONNECTOR);
    watched.expect("started");
    watched.until_started_with(&home, "1 A=value");
    home.ok(&["delete", "A"]);
    let held = watched.expect("held");
    assert!(held["because"].as_str().unwrap().contains("was deleted"), "{held}");
    home.ok(&["restore", "A"]);
    watched.end();
}

#[test]
fn two_supervisors_and_a_daemon_keep_nothing_of_many_restarts() {
    let (home, path) = home_with_a_secret();
    let daemon = home.daemon_pid().unwrap();
    let mut first = Watched::run(&home, &path, &[], &CONNECTOR);
    first.expect("started");
    first.until_started_with(&home, "1 A=value");
    let of_one = resources(daemon);
    let script = "echo x >> second; exec sleep 1000";
    let mut second = run(&home, &path, &[], script);
    for number in 2..20 {
        if number > 2 {
            first.until_apart();
            second.until_apart();
        }
        let before = starts(&home).len();
        fs::write(&path, config(number, &["A"])).unwrap();
        first.expect("restarted");
        second.expect("restarted");
        eventually("both", || {
            starts(&home).len() == before + 1
                && fs::read(home.path("second")).is_ok_and(|text| text.len() >= 2)
        });
    }
    assert!(second.end().is_empty());
    eventually("the daemon as it was", || resources(daemon) <= of_one);
    assert!(first.end().is_empty());
}
