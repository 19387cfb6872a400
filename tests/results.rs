//! What commands print: for people, for programs, and for shells.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Home, eventually, is_alive, kill, need, passphrase, program, said, spawn};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Times are of today; what remains is the same each time.
fn without_times(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(without_times),
        Value::Object(fields) => fields.values_mut().for_each(without_times),
        Value::String(text) if text.ends_with('Z') && text.contains(":") => *text = "TIME".into(),
        _ => {}
    }
}

#[test]
fn results_for_programs_are_stable() {
    let home = Home::new();
    home.ok(&["set", "B", "one"]);
    home.ok(&["set", "A", "one"]);
    home.ok(&["set", "A", "two"]);
    let config = home.config(&["A"]);
    assert!(said(&mut home.run(&config, &["--as-is"], &["true"])).status.success());
    let meta = "name: c, type: t-source, topic: t, version: 0.1.0, secrets: [{name: A}]";
    home.write("checked.yaml", format!("apiVersion: 0.1.0\nmeta: {{{meta}}}\n"));
    let pinned = |args: &[&str], expected: &str| {
        let mut value = json(&home.ok(args));
        without_times(&mut value);
        assert_eq!(value.to_string(), json(expected).to_string(), "{args:?}");
    };
    pinned(
        &["list", "-O", "json"],
        r#"[{"name":"A","vault":null,"last_update":"TIME","older":false},
            {"name":"B","vault":null,"last_update":"TIME","older":false}]"#,
    );
    pinned(
        &["history", "A", "--output", "json"],
        r#"{"name":"A","vault":null,"present":{"last_update":"TIME"},"earlier":[{"version":1,"last_update":"TIME"}]}"#,
    );
    pinned(
        &["check", "-O", "json", "checked.yaml"],
        r#"[{"file":"checked.yaml","vault":null,"secrets":["A"],"findings":[{"severity":"warning",
            "code":"unused","line":2,"column":76,"length":1,"name":"A",
            "text":"`A` is declared but not used, and the connector gets it anyway",
            "remedy":"remove it from `meta.secrets`"}],"unchecked":null}]"#,
    );
    let status = json(&home.ok(&["status", "-O", "json"]));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&status),
        [
            "daemon",
            "grants",
            "identity",
            "is_current",
            "leases",
            "locked",
            "secrets",
            "unlocked_until",
            "vault",
            "vaults"
        ]
    );
    assert_eq!(keys(&status["daemon"]), ["pid", "since", "version"]);
    assert_eq!(
        keys(&status["grants"][0]),
        ["at", "config", "pid", "program", "running", "secrets", "stale", "vault"]
    );
    assert_eq!((&status["secrets"], &status["locked"]), (&2.into(), &false.into()));
    assert_eq!(status["grants"][0]["program"], "true");
    let yaml = home.ok(&["list", "-O", "yaml"]);
    assert!(yaml.starts_with("- name: A\n  vault: null\n  last_update: "), "{yaml}");
    assert_eq!(yaml.lines().count(), 8);
    assert!(
        home.ok(&["history", "A", "-O", "yaml"]).starts_with("name: A\nvault: null\npresent:\n")
    );
    assert!(home.ok(&["status", "-O", "yaml"]).starts_with("daemon:\n  pid: "));
    let log = home.ok(&["log", "-O", "json"]);
    let last = json(log.lines().last().unwrap());
    assert_eq!(keys(&last), ["asked_by", "config", "event", "names", "pid", "program", "time"]);
}

#[test]
fn a_secrets_new_value_is_told_to_who_still_runs_with_the_old_one() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    home.ok(&["set", "B", "one"]);
    let config = home.config(&["A"]);
    let mut connector = spawn(&mut home.run(&config, &["--as-is"], &["sleep", "1000"]));
    let runs = || home.ok(&["status"]).contains(&format!("(pid {}), running", connector.id()));
    eventually("the grant", runs);
    let told = home.cli(&["set", "A", "two"]);
    let holder = format!("sleep with ~/config.yaml (pid {})", connector.id());
    assert!(
        told.err.contains(&holder) && told.err.contains("restart them to use the new value"),
        "{told:?}"
    );
    assert!(!home.cli(&["restore", "A"]).err.contains(&holder), "it runs with this value");
    assert!(home.cli(&["restore", "A"]).err.contains(&holder));
    assert!(!home.cli(&["set", "B", "two"]).err.contains("sleep"), "it was not given B");
    // The next daemon knows it, too.
    let is_stale = || home.ok(&["status"]).contains(", running, stale");
    assert!(is_stale());
    home.kill_daemon();
    home.ok(&["list"]);
    assert!(is_stale() && home.cli(&["set", "A", "three"]).err.contains(&holder));
    home.ok(&["set", "A", "one"]);
    assert!(!is_stale(), "it runs with this value");
    let deleted = home.cli(&["delete", "A"]);
    assert!(deleted.err.contains(&format!("with a deleted value: {holder}")), "{deleted:?}");
    assert!(is_stale());
    home.ok(&["restore", "A"]);
    connector.kill().unwrap();
    connector.wait().unwrap();
    assert!(!home.cli(&["set", "A", "three"]).err.contains("sleep"));
    assert!(home.ok(&["status"]).contains(", stopped"));
}

#[test]
fn the_log_is_a_table_newest_last_and_can_be_followed() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    home.ok(&["set", "B", "one"]);
    let config = home.config(&["A"]);
    assert!(said(&mut home.run(&config, &["--as-is"], &["true"])).status.success());
    let log = home.ok(&["log"]);
    let words: Vec<Vec<_>> = log.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["Time", "Event", "For", "SecretNames"]);
    let events: Vec<_> = words[1..].iter().map(|words| words[2]).collect();
    assert_eq!(events, ["set", "set", "grant"]);
    assert!(log.contains("true ~/config.yaml"), "{log}");
    assert_eq!(home.ok(&["log", "--name", "A"]).lines().count(), 3);
    assert_eq!(home.ok(&["log", "--since", "1h"]).lines().count(), 4);
    assert_eq!(home.cli(&["log", "--since", "soon"]).code(), Some(2));
    // Older than now by less than nothing: what will happen.
    assert_eq!(home.ok(&["log", "--since", "0s"]).lines().count(), 1);
    let notes = [
        (&home, &["log", "--since", "0s"][..], "note: the log has no entry of that time\n"),
        (&Home::new(), &["log"], "note: the log has no entries yet\n"),
    ];
    for (home, args, note) in notes {
        let said = home.cli(args);
        assert!(said.status.success() && said.err.contains(note), "{said:?}");
    }
    // It needs no daemon.
    home.ok(&["daemon", "stop"]);
    assert_eq!(home.ok(&["log"]).lines().count(), 4);
    assert!(home.daemon_pid().is_none());

    let out = home.path("followed");
    let mut follow = home.command("fluvio-secret");
    follow.args(["log", "--follow", "--name", "B", "-O", "json"]);
    let mut follow = follow.stdout(fs::File::create(&out).unwrap()).spawn().unwrap();
    let lines = || fs::read_to_string(&out).unwrap().lines().count();
    eventually("what was there", || lines() == 1);
    home.ok(&["set", "A", "two"]);
    home.ok(&["delete", "B"]);
    eventually("what is new", || lines() == 2);
    kill("TERM", follow.id());
    follow.wait().unwrap();
    assert!(fs::read_to_string(&out).unwrap().contains(r#""event":"delete""#));
}

#[test]
fn following_ends_when_nobody_reads() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let mut follow = home.command("fluvio-secret");
    let mut follow = follow.args(["log", "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(follow.stdout.take());
    let pid = follow.id();
    eventually("its end", || {
        home.ok(&["set", "A", "two"]);
        !is_alive(pid)
    });
    assert!(follow.wait().unwrap().success());
}

/// Puts a program of a line of shell into a directory of the home.
fn script(home: &Home, path: &str, text: &str) {
    let path = home.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The lines of a command's examples, out of its help.
fn examples(help: &str) -> Vec<String> {
    let (_, after) = help.split_once("Example:\n").expect("an example");
    // A long one has two lines.
    let after = after.replace("\\\n", "");
    after.lines().take_while(|line| line.starts_with("  ")).map(|l| l.trim().to_owned()).collect()
}

fn follows_until_it_is_stopped(shell: &mut Command, example: &str) {
    let mut child = spawn(shell.args(["-c", &format!("exec {example}")]));
    let (mut stderr, mut line) = (BufReader::new(child.stderr.take().unwrap()), String::new());
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("waiting for"), "{example}: {line}");
    kill("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15), "{example}");
}

#[test]
fn every_example_of_the_help_works() {
    let home = Home::new();
    // What a user has where the examples are typed: fluvio, a connector, the files.
    script(&home, "bin/fluvio", "command=$1; shift; exec fluvio-$command \"$@\"");
    script(&home, "bin/op", "echo token");
    script(&home, "bin/cdk", "echo \"$@\"");
    script(&home, "bin/cargo", "shift 2; echo built \"$@\"");
    script(&home, "target/debug/my-connector", "cat \"$4\"");
    fs::create_dir(home.path("src")).unwrap();
    home.write("cert.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    home.write(
        "sample-config.yaml",
        "meta: {version: 0.1.0, name: test, type: test-source, topic: test}\nhttp:\n  headers:\n    - secret: {name: AUTH_HEADER}\n",
    );
    let programs = program("fluvio-secret");
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        home.path("bin").display(),
        programs.parent().unwrap().display()
    );
    let definition = fluvio_secret_cli::command_line();
    let shown = definition.get_subcommands().filter(|command| !command.is_hide_set());
    let commands: Vec<_> = shown.map(clap::Command::get_name).collect();
    assert!(commands.len() > 10, "{commands:?}");
    home.write(
        "key.txt",
        "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33\n",
    );
    let nested = [
        "sync status",
        "sync now",
        "sync stop",
        "sync leave",
        "daemon start",
        "daemon stop",
        "daemon restart",
        "lease list",
        "key retire",
        "key rotate",
        "key show",
        "key use",
        "member list",
        "member add",
    ];
    for command in commands.into_iter().chain(nested) {
        let words: Vec<_> = command.split(' ').chain(["--help"]).collect();
        for example in examples(&home.ok(&words)) {
            home.write("secrets.txt", "AUTH_HEADER=Authorization: bearer 5678\nMORE=1\n");
            home.write(".env", "MORE='1'\n");
            home.ok(&["set", "AUTH_HEADER", "first"]);
            home.ok(&["set", "AUTH_HEADER", "Authorization: bearer 1234"]);
            let identity = home.path("config/identity.txt");
            let before = fs::read(&identity).unwrap();
            if command == "lock" {
                passphrase::protect(&home, "p");
            }
            let mut shell = home.foreign("sh");
            if command == "watch" {
                follows_until_it_is_stopped(shell.env("PATH", &path), &example);
                continue;
            }
            shell.env("FLUVIO", program("fluvio-stand-in"));
            shell.env("FLUVIO_STAND_IN", home.path("cluster"));
            let said = said(shell.env("PATH", &path).args(["-c", &example]));
            assert!(said.status.success(), "{command}: {example}: {said:?}");
            if command == "run" {
                let expected = if example.contains("cargo") { "built" } else { "AUTH_HEADER=" };
                assert!(said.out.contains(expected), "{example}: {said:?}");
            }
            // It would start a daemon at any time.
            if command == "sync" {
                home.ok(&["sync", "stop"]);
            }
            // The next example begins with a new home.
            if command == "lock" {
                fs::write(&identity, before).unwrap();
            }
            home.cli(&["delete", "--purge", "--yes", "AUTH_HEADER"]);
            home.cli(&["cdk", "--uninstall"]);
        }
    }
}

#[test]
fn shells_complete_commands_options_and_names() {
    let home = Home::new();
    home.ok(&["set", "API_TOKEN", "one"]);
    home.ok(&["set", "AUTH_HEADER", "one"]);
    home.ok(&["set", "OTHER", "one"]);
    if !need::tool("bash") {
        return;
    }
    let script = home.ok(&["completions", "bash"]);
    let script = home.write("completions.bash", script);
    let complete = |words: &[&str]| {
        let typed = words.iter().map(|word| format!("'{word}' ")).collect::<String>();
        let last = words.last().unwrap();
        let before = words[words.len() - 2];
        // What bash does when Tab is typed.
        let ask = format!(
            "source {}; COMP_WORDS=({typed}); COMP_CWORD={}; COMP_TYPE=9; \
             _clap_complete_fluvio_secret fluvio-secret '{last}' '{before}'; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display(),
            words.len() - 1
        );
        let mut bash = home.foreign("bash");
        let path =
            format!("{}:/usr/bin:/bin", program("fluvio-secret").parent().unwrap().display());
        let said = said(bash.env("PATH", path).args(["--norc", "-c", &ask]));
        said.out.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["fluvio-secret", "delete", "A"]), ["API_TOKEN", "AUTH_HEADER"]);
    assert_eq!(complete(&["fluvio-secret", "history", "OTH"]), ["OTHER"]);
    assert_eq!(complete(&["fluvio-secret", "restore", "AU"]), ["AUTH_HEADER"]);
    assert_eq!(complete(&["fluvio-secret", "imp"]), ["import"]);
    // As bash splits them.
    assert_eq!(complete(&["fluvio-secret", "run", "--inject", "f"]), ["file"]);
    assert_eq!(complete(&["fluvio-secret", "run", "--inject", "=", "f"]), ["file"]);
    assert_eq!(complete(&["fluvio-secret", "list", "--output", "=", "j"]), ["json"]);
    let all = complete(&["fluvio-secret", "list", "--output", "="]);
    assert_eq!(all, ["table", "json", "yaml"]);
    // A space and a quote keep a path one word, and what a quote began is left to readline.
    let odd = home.write("odd one's.yaml", "");
    let before = odd.to_str().unwrap().split_once(' ').unwrap().0;
    let completed = complete(&["fluvio-secret", "check", before]).join(" ");
    assert!(completed.ends_with("odd\\ one\\'s.yaml"), "{completed}");
    assert_eq!(complete(&["fluvio-secret", "import", "--dry"]), ["--dry-run"]);
    for (shell, check) in [("zsh", "-n"), ("fish", "--no-execute")] {
        let script = home.write("script", home.ok(&["completions", shell]));
        assert!(fs::metadata(&script).unwrap().len() > 100);
        if need::tool(shell) {
            let said = said(home.foreign(shell).arg(check).arg(&script));
            assert!(said.status.success(), "{shell}: {said:?}");
        }
    }
}
