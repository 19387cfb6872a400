//! The settings file: it counts from the daemon's next start on, and what is wrong in it is reported by
//! each command that would start the daemon.

use std::fs;
use std::process::Command;

use crate::harness::cdk::{Project, leases};
use crate::harness::{Home, Said, eventually, kill, make_folder, said};

/// Writes the settings, and ends the daemon that runs without them.
fn settle(home: &Home, text: &str) {
    make_folder(&home.path("config"), 0o700);
    home.write("config/settings.toml", text);
    home.ok(&["daemon", "stop"]);
}

/// A command without what the harness says about logging.
fn unsaid(home: &Home, args: &[&str]) -> Said {
    said(home.command("fluvio-secret").args(args).env_remove("FLUVIO_SECRET_LOG"))
}

#[test]
fn what_is_wrong_keeps_the_daemon_from_starting_and_is_told_with_its_line() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    for (text, told, help) in [
        (
            "log = \"off\"\nhistroy = 5\n",
            "line 2: there is no setting `histroy`",
            "did you mean `history`?",
        ),
        ("history = \"ten\"\n", "line 1: `history` must be a whole number from 0 to 1000", ""),
        (
            "history = 10\nhistory = 5\n",
            "line 2: invalid TOML (duplicate key)",
            "write it like history = 10",
        ),
    ] {
        settle(&home, text);
        for args in [&["list"][..], &["set", "B", "two"], &["daemon", "start"]] {
            let refused = home.cli(args);
            assert_eq!(refused.code(), Some(69), "{refused:?}");
            let path = home.path("config/settings.toml");
            let expected = format!(
                "error: cannot start the daemon: invalid settings in {}, {told}",
                path.display()
            );
            assert!(refused.err.starts_with(&expected), "{refused:?}");
            let lines = refused.err.lines().count();
            assert_eq!(lines, 1 + usize::from(!help.is_empty()), "{refused:?}");
            assert!(refused.err.contains(help), "{refused:?}");
        }
        // In the foreground, as a service manager starts it, and without starting it.
        for args in [&[][..], &["--settings"]] {
            let refused = said(home.command("fluvio-secretd").args(args));
            assert_eq!(refused.code(), Some(1), "{refused:?}");
            assert!(refused.err.contains(told) && refused.err.contains(help), "{refused:?}");
        }
        let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
        assert!(log.contains(told) && log.contains(help), "{log}");
    }
    settle(&home, "history = 5\n");
    assert!(home.ok(&["list"]).contains('A'), "mended, it starts");
}

#[test]
fn a_restart_with_faulty_settings_leaves_the_running_daemon() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let pid = home.daemon_pid();
    home.write("config/settings.toml", "histroy = 5\n");
    let refused = home.cli(&["daemon", "restart"]);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.err.contains("not restarted") && refused.err.contains("line 1"), "{refused:?}");
    assert_eq!(home.daemon_pid(), pid);
}

#[test]
fn so_many_versions_are_kept_as_the_settings_say() {
    let home = Home::new();
    home.ok(&["set", "A", "0"]);
    let versions = || home.ok(&["history", "A"]).lines().count() - 2;
    let set_three_times = || {
        for value in ["1", "2", "3"] {
            home.ok(&["set", "A", value]);
        }
    };
    settle(&home, "history = 2\n");
    set_three_times();
    assert_eq!(versions(), 2);
    settle(&home, "history = 0\n");
    set_three_times();
    assert_eq!(versions(), 0);
    settle(&home, "");
    set_three_times();
    assert_eq!(versions(), 3);
}

#[test]
fn the_daemon_logs_as_much_as_the_variable_says_and_else_the_settings() {
    let home = Home::new();
    let log = || fs::read_to_string(home.path("state/daemon.log")).unwrap_or_default();
    let starts = |variable: Option<&str>| {
        let _ = fs::remove_file(home.path("state/daemon.log"));
        let mut list = home.command("fluvio-secret");
        match variable {
            Some(level) => list.env("FLUVIO_SECRET_LOG", level),
            None => list.env_remove("FLUVIO_SECRET_LOG"),
        };
        assert!(said(list.arg("list")).status.success());
        unsaid(&home, &["daemon", "stop"]);
        log()
    };
    settle(&home, "log = \"off\"\n");
    assert_eq!(starts(None), "");
    assert_eq!(starts(Some("")), "", "an empty variable says nothing");
    assert!(starts(Some("info")).contains("serving"));
    settle(&home, "log = \"info\"\n");
    assert!(starts(None).contains("serving"));
    assert_eq!(starts(Some("error")), "");
    let log = starts(Some("loud"));
    assert!(log.contains("serving") && log.contains("FLUVIO_SECRET_LOG must be error,"), "{log}");
}

#[test]
fn the_vault_is_locked_after_the_time_that_the_settings_say() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    home.write("passphrase", "correct horse\n");
    home.ok(&["key", "passphrase", "--new-passphrase-file", "passphrase"]);
    let unlock = || home.ok(&["unlock", "--passphrase-file", "passphrase"]);
    settle(&home, "lock-after = \"never\"\n");
    assert_eq!(unlock(), "Vault unlocked\n");
    settle(&home, "lock-after = \"8h\"\n");
    assert!(unlock().starts_with("Vault unlocked until "));
    settle(&home, "lock-after = \"1s\"\n");
    unlock();
    eventually("the lock", || home.ok(&["status"]).contains("Locked    yes"));
    // What is typed counts more.
    home.ok(&["unlock", "--for", "8h", "--passphrase-file", "passphrase"]);
    let until = home.ok(&["status", "-O", "json"]);
    let until: serde_json::Value = serde_json::from_str(&until).unwrap();
    assert!(until["unlocked_until"].is_string(), "{until}");
}

/// What `run` of a command shows: where its secrets file is, and the variable A.
fn given(run: &mut Command) -> (bool, bool) {
    let given = said(run);
    assert!(given.status.success(), "{given:?}");
    (given.out.contains("--secrets"), given.out.contains("A is one"))
}

#[test]
fn values_go_the_way_that_the_settings_say_where_nothing_else_is_said() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let config = home.config(&["A"]);
    let show = ["sh", "-c", "echo A is $A; echo \"$@\"", "connector"];
    let run = |options: &[&str]| given(&mut home.run(&config, options, &show));
    let (file, environment) = ((true, false), (false, true));
    assert_eq!(run(&[]), file);
    settle(&home, "inject = \"env\"\n");
    assert_eq!(run(&[]), environment);
    assert_eq!(run(&["--inject", "file"]), file);
    assert_eq!(run(&["--inject", "auto"]), file);
    assert_eq!(run(&["--as-is"]), environment);
    settle(&home, "inject = \"file\"\n");
    assert_eq!(run(&[]), file);
    assert_eq!(run(&["--inject", "env"]), environment);
    assert_eq!(run(&["--as-is"]), environment);
    home.set("A", "two\nlines");
    let refused = said(&mut home.run(&config, &[], &show));
    assert_eq!(refused.code(), Some(125));
    assert!(refused.err.contains("line break"), "{refused:?}");
}

#[test]
fn cdk_has_values_in_its_environment_only_when_that_is_said() {
    let home = Home::new();
    let project = Project::new(&home);
    home.ok(&["set", "A", "one"]);
    settle(&home, "inject = \"env\"\n");
    let config = project.config("leased", &["A"]);
    let connector = project.start(&config);
    eventually("the connector", || project.runs(connector));
    assert_eq!(leases(&home).len(), 1);
    assert_eq!(project.given(), "A=one\n");
    kill("TERM", connector);
    eventually("the lease's end", || leases(&home).is_empty());
}

#[test]
fn the_settings_that_hold_are_shown_without_a_daemon() {
    let home = Home::new();
    let shown = || {
        let said = said(home.command("fluvio-secretd").arg("--settings"));
        assert!(said.status.success(), "{said:?}");
        said.out
    };
    let default = "history = 10\ninject = \"auto\"\nlock-after = \"12h\"\nlog = \"info\"\n";
    assert_eq!(shown(), default);
    assert!(!home.path("config").exists() && !home.path("state").exists(), "nothing is made");
    let manual = include_str!("../packaging/man/text/places.txt");
    for line in default.lines() {
        assert!(manual.contains(&format!("\n  {line}\n")), "{line}");
        assert!(
            include_str!("../guide/src/reference/settings.md").contains(&format!("\n{line}\n")),
            "{line}"
        );
    }
    make_folder(&home.path("config"), 0o700);
    home.write("config/settings.toml", "lock-after = \"never\"\ninject = \"file\"\n");
    assert_eq!(
        shown(),
        "history = 10\ninject = \"file\"\nlock-after = \"never\"\nlog = \"info\"\n"
    );
}
