//! How often a watched connector is restarted, and what is reported when it is too often.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::pty::Pty;
use crate::harness::watch::{CONNECTOR, Watched, config, folder, git, starts};
use crate::harness::{Home, eventually, is_alive, need};

/// Restarts are never closer than this, whatever causes them.
const SHORT_PAUSE_MS: i64 = 250;

/// A home with a secret, a configuration, and the directory `work`.
fn home_with_work() -> (Home, std::path::PathBuf) {
    let home = Home::new();
    home.set("A", "value");
    folder(&home, "work");
    let path = home.write("config.yaml", config(1, &["A"]));
    (home, path)
}

/// Starts a connector of shell that watches a directory, too.
fn watch(home: &Home, path: &Path, watched: &str, script: &str) -> Watched {
    let watched = home.path(watched).display().to_string();
    Watched::run(home, path, &["--watch-path", &watched], &["sh", "-c", script, "sh"])
}

/// When an event was reported, in milliseconds.
fn millis(event: &Value) -> i64 {
    let time = event["time"].as_str().unwrap();
    let (_, time) = time.trim_end_matches('Z').split_once('T').unwrap();
    let parts: Vec<f64> = time.split(':').map(|part| part.parse().unwrap()).collect();
    ((parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]) * 1000.0) as i64
}

/// Waits until it is reported that restarts follow each other closely, and gives the report. Each
/// restart before it came after a pause.
fn until_slowed(watched: &mut Watched, name: &str) -> Value {
    let mut before: Option<i64> = None;
    loop {
        let event = watched.next_event();
        match event["event"].as_str().unwrap() {
            "restarted" => {
                let at = millis(&event);
                let is_spaced = before.is_none_or(|before| {
                    // The test may run at midnight.
                    let apart = (at - before).rem_euclid(24 * 3600 * 1000);
                    apart >= SHORT_PAUSE_MS
                });
                assert!(is_spaced, "{name}: {event}");
                before = Some(at);
            }
            "slowed" => return event,
            "ended" | "started" => {}
            _ => panic!("{name}: {event}\n{}", watched.words),
        }
    }
}

#[test]
fn f9_a_connector_that_writes_into_its_own_watched_paths_is_slowed_down() {
    // It writes something else at each start, because its process id is in it.
    let connectors = [
        ("writes a file", "echo $$ > work/offset.json; exec sleep 1000"),
        ("appends to a log", "echo $$ >> work/log; exec sleep 1000"),
        (
            "writes and renames",
            "echo $$ > work/.new; mv work/.new work/state-of-it; exec sleep 1000",
        ),
        ("makes a file for each start", "echo x > work/$$; exec sleep 1000"),
        ("keeps appending", "while :; do echo $$ >> work/log; sleep 0.01; done"),
        ("writes and fails", "echo $$ > work/offset.json; exit 1"),
        ("writes a little later", "sleep 0.1; echo $$ > work/offset.json; exec sleep 1000"),
    ];
    std::thread::scope(|scope| {
        for (name, script) in connectors {
            scope.spawn(move || {
                let (home, path) = home_with_work();
                let mut watched = watch(&home, &path, "work", script);
                watched.expect("started");
                let slowed = until_slowed(&mut watched, name);
                assert_eq!(slowed["pause_ms"], 2 * SHORT_PAUSE_MS, "{name}");
                let file = slowed["files"][0].as_str().unwrap();
                assert!(file.contains("/work/"), "{name}: {slowed}");
                // A save by a person counts in the middle of it.
                fs::write(&path, config(2, &["A"])).unwrap();
                let saved = path.display().to_string();
                loop {
                    let event = watched.next_event();
                    assert!(event["event"] != "slowed", "{name}: reported once: {event}");
                    let files = event["files"].as_array().cloned().unwrap_or_default();
                    if event["event"] == "restarted" && files.contains(&saved.clone().into()) {
                        break;
                    }
                }
                watched.end();
            });
        }
    });
}

#[test]
fn f9_two_connectors_that_write_into_each_others_paths_are_slowed_down() {
    let (home, path) = home_with_work();
    folder(&home, "other");
    let script = |writes: &str| format!("echo $$ > {writes}/file; exec sleep 1000");
    let mut first = watch(&home, &path, "work", &script("other"));
    let mut second = watch(&home, &path, "other", &script("work"));
    for watched in [&mut first, &mut second] {
        watched.expect("started");
        until_slowed(watched, "two");
    }
    first.end();
    second.end();
}

#[test]
fn f9_a_connector_that_only_touches_its_files_is_not_restarted() {
    let (home, path) = home_with_work();
    home.write("work/file", "same\n");
    let script = "while :; do touch work/file; echo same > work/.new; mv work/.new work/file; \
                  : >> work/file; echo x >> touched; sleep 0.01; done";
    let mut watched = watch(&home, &path, "work", script);
    watched.expect("started");
    let touched = || fs::read(home.path("touched")).map_or(0, |text| text.len() / 2);
    eventually("it touches its files", || touched() > 50);
    fs::write(&path, config(2, &["A"])).unwrap();
    let restarted = watched.expect("restarted");
    assert_eq!(restarted["files"], serde_json::json!([path.to_str().unwrap()]));
    assert!(watched.end().is_empty());
}

#[test]
fn f9_a_gitignore_rules_what_is_found_below_a_watched_directory_and_never_a_named_file() {
    let (home, path) = home_with_work();
    folder(&home, "work/out");
    folder(&home, "work/.git");
    home.write("work/.gitignore", "*.log\n/out/\n!kept.log\n");
    for file in ["a.log", "named.log", "kept.log", "out/made"] {
        home.write(&format!("work/{file}"), "1");
    }
    let work = home.path("work").display().to_string();
    let named = home.path("work/named.log").display().to_string();
    let options = ["--watch-path", &work, "--watch-path", &named];
    let mut watched = Watched::run(&home, &path, &options, &CONNECTOR);
    watched.expect("started");
    watched.until_started_with(&home, "1 A=value");
    for (ignored, counted) in [("a.log", "named.log"), ("out/made", "kept.log")] {
        home.write(&format!("work/{ignored}"), "2");
        home.write(&format!("work/{counted}"), "2");
        let counted = home.path(&format!("work/{counted}")).display().to_string();
        assert_eq!(watched.expect("restarted")["files"], serde_json::json!([counted]));
        eventually("the connector", || starts(&home).len() > 1);
    }
    assert!(watched.end().is_empty());
}

/// Starts a connector that writes down what is in all files, and lets `change` change them all to 2. Returns
/// the number of restarts, and the duration of the change.
fn restarts_of(change: impl FnOnce(&Home)) -> (usize, Duration) {
    let (home, path) = home_with_work();
    git(&home, &home.path("work"), &["init", "-q"]);
    let all = |home: &Home, content: &str| {
        (0..40).for_each(|n| {
            home.write(&format!("work/{n}"), content);
        });
    };
    all(&home, "1\n");
    git(&home, &home.path("work"), &["add", "."]);
    git(&home, &home.path("work"), &["commit", "-qm", "one"]);
    git(&home, &home.path("work"), &["checkout", "-qb", "other"]);
    all(&home, "2\n");
    git(&home, &home.path("work"), &["commit", "-qam", "two"]);
    git(&home, &home.path("work"), &["checkout", "-q", "main"]);
    // It may be ended at any moment, so the line is written whole.
    let script = "all=$(sort -u work/* | tr '\\n' ' '); echo \"$all\" >> starts; exec sleep 1000";
    let mut watched = watch(&home, &path, "work", script);
    watched.expect("started");
    eventually("the first", || starts(&home) == ["1"]);
    let begun = Instant::now();
    change(&home);
    let took = begun.elapsed();
    eventually("one with all of it", || starts(&home).last().is_some_and(|last| last == "2"));
    let restarts = watched.end();
    assert!(restarts.iter().all(|event| event["event"] == "restarted"), "{restarts:?}");
    (restarts.len(), took)
}

/// What changes all files, and its name.
type Burst<'a> = (&'a str, &'a dyn Fn(&Home));

#[test]
fn f10_forty_files_saved_in_a_burst_are_one_or_two_restarts() {
    if !need::tool("git") {
        return;
    }
    let write = |home: &Home, between: u64| {
        for n in 0..40 {
            home.write(&format!("work/{n}"), "2\n");
            sleep(Duration::from_millis(between));
        }
    };
    let checkout = |home: &Home| {
        git(home, &home.path("work"), &["checkout", "-q", "other"]);
    };
    let renamed = |home: &Home| {
        for n in 0..40 {
            let new = home.write(&format!("work/.{n}.new"), "2\n");
            fs::rename(new, home.path(&format!("work/{n}"))).unwrap();
        }
    };
    let bursts: [Burst<'_>; 4] = [
        ("a checkout", &checkout),
        ("at once", &|home| write(home, 0)),
        ("by renames", &renamed),
        ("one after the other", &|home| write(home, 10)),
    ];
    for (name, burst) in bursts {
        let (restarts, took) = restarts_of(burst);
        // A busy machine takes longer for them.
        let most = 2 + usize::try_from(took.as_secs()).unwrap();
        assert!((1..=most).contains(&restarts), "{name}: {restarts} restarts for {took:?}");
    }
}

#[test]
fn f10_twenty_saves_in_a_second_are_few_restarts_and_the_last_one_counts() {
    let (home, path) = home_with_work();
    let mut watched = Watched::run(&home, &path, &[], &CONNECTOR);
    watched.expect("started");
    watched.until_started_with(&home, "1 A=value");
    let begun = Instant::now();
    for number in 2..=21 {
        fs::write(&path, config(number, &["A"])).unwrap();
        sleep(Duration::from_millis(50));
    }
    let took = begun.elapsed();
    watched.until_started_with(&home, "21 A=value");
    let restarts = watched.end();
    assert!(restarts.iter().all(|event| event["event"] == "restarted"), "{restarts:?}");
    let most = 2 + usize::try_from(took.as_secs()).unwrap();
    assert!(restarts.len() <= most, "in {took:?}: {restarts:?}");
}

#[test]
fn f11_a_connector_that_its_terminal_stops_is_reported_with_what_to_do() {
    if !need::tool("stty") {
        return;
    }
    let cases = [
        ("SIGTTOU", "echo $$ > pid; stty sane < /dev/tty; echo AFTER"),
        ("SIGTTOU", "echo $$ > pid; sh -c 'stty -echo < /dev/tty; :'; echo AFTER"),
        ("SIGTTIN", "echo $$ > pid; read line < /dev/tty; echo AFTER"),
    ];
    for (signal, script) in cases {
        let (home, path) = home_with_work();
        let mut pty = Pty::start(&home.run(&path, &["--watch"], &["sh", "-c", script, "sh"]));
        let said = pty.expect("run it without --watch");
        assert!(said.contains(signal) && said.contains("stopped"), "{said}");
        assert!(!said.contains("AFTER"), "{said}");
        let pid = fs::read_to_string(home.path("pid")).unwrap().trim().parse().unwrap();
        // A save restarts it, and the next one is reported again.
        fs::write(&path, config(2, &["A"])).unwrap();
        pty.expect("restarted");
        eventually("the end of the stopped one", || !is_alive(pid));
        pty.expect(signal);
        pty.type_keys("\u{3}");
        assert_eq!(pty.child.wait().unwrap().code(), Some(128 + 2));
    }
}
