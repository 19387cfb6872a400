//! `run --mask` and `cdk test --mask`: no delivered value is in what a connector prints, and nothing else is different.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::harness::cdk::{Project, leases};
use crate::harness::pty::Pty;
use crate::harness::{Home, eventually, kill, need, said};

/// A connector in bash, with the secret `A` in its environment.
fn masked(home: &Home, script: &str) -> Command {
    let config = home.config(&["A"]);
    let mut command = home.command("fluvio-secret");
    command.args(["run", "--mask", "--as-is", "--config"]).arg(config);
    command.args(["--", "bash", "-c", script]);
    command
}

fn home(value: &str) -> Home {
    let home = Home::new();
    home.ok(&["set", "A", value]);
    home
}

#[test]
fn d21_a_value_in_any_form_is_replaced_in_both_outputs() {
    let home = home("Bearer 12/34 \u{fc}?>");
    let script = r#"
        printf 'out %s.\n' "$A"
        printf 'err %s.\n' "$A" >&2
        printf '%s' "${A:0:7}"; sleep 0.1; printf '%s\n' "${A:7}"
        printf '%s' "$A" | base64 -w0; echo
        printf 'x%s' "$A" | base64 -w0 | tr +/ -_; echo
        echo 'Bearer%2012%2F34%20%C3%BC%3F%3E'
        echo 'Bearer of other news'
    "#;
    let said = said(&mut masked(&home, script));
    assert!(said.status.success(), "{said:?}");
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!(lines[..3], ["out ***.", "***", "***"], "{said:?}");
    assert!(lines[3].contains("***") && lines[3].len() < 10, "{said:?}");
    assert_eq!(lines[4..], ["***", "Bearer of other news"], "{said:?}");
    assert_eq!(said.err, "err ***.\n");
}

#[test]
fn a_value_that_is_too_short_is_reported_and_not_masked() {
    let home = home("abc");
    let said = said(&mut masked(&home, "echo $A"));
    assert_eq!(said.out, "abc\n");
    assert_eq!(said.err, "note: values with fewer than 4 bytes are not masked: `A`\n");
}

#[test]
fn the_status_and_a_signal_are_those_of_the_connector() {
    let home = home("value");
    assert_eq!(said(&mut masked(&home, "exit 7")).code(), Some(7));
    assert_eq!(said(&mut masked(&home, "kill -TERM $$")).status.signal(), Some(15));
    assert_eq!(said(&mut masked(&home, "kill -KILL $$")).status.signal(), Some(9));
    let config = home.config(&["A"]);
    let mut none = home.command("fluvio-secret");
    none.args(["run", "--mask", "--as-is", "--config"]).arg(config).args(["--", "/none"]);
    let said = said(&mut none);
    assert!(said.code() == Some(127) && said.err.contains("cannot run /none"), "{said:?}");
}

#[test]
fn a_signal_to_the_launcher_reaches_the_connector_once() {
    let home = home("value");
    let script = "trap 'echo term' TERM; trap 'echo usr; exit 3' USR1; echo ready; \
                  while :; do sleep 0.05; done";
    let out = home.path("out");
    let mut command = masked(&home, script);
    let mut launcher = command.stdout(fs::File::create(&out).unwrap()).spawn().unwrap();
    let printed = || fs::read_to_string(&out).unwrap();
    eventually("the start", || printed() == "ready\n");
    kill("TERM", launcher.id());
    eventually("the signal", || printed().contains("term"));
    kill("USR1", launcher.id());
    assert_eq!(launcher.wait().unwrap().code(), Some(3));
    assert_eq!(printed(), "ready\nterm\nusr\n");
}

#[test]
fn a_terminal_stays_one_and_ctrl_c_ends_both() {
    let home = home("value");
    let script = "test -t 1 && test -t 2 && test -t 0 && echo terminal; stty size; echo $A; \
                  trap 'echo int; exit 4' INT; echo ready; while :; do sleep 0.05; done";
    let mut pty = Pty::start(&masked(&home, script));
    pty.expect("terminal");
    pty.expect("***");
    pty.expect("ready");
    pty.type_keys("\u{3}");
    pty.expect("int");
    assert_eq!(pty.child.wait().unwrap().code(), Some(4));
}

#[test]
fn the_launcher_stops_with_the_connector_and_continues_it() {
    let home = home("value");
    let mut command = masked(&home, "echo $$; read x; echo done");
    let mut launcher = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let state = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next())
    };
    // A connector that is stopped before it runs its program keeps the launcher waiting for that.
    let mut line = String::new();
    BufReader::new(launcher.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let connector: u32 = line.trim().parse().unwrap();
    // As Ctrl-Z, which is ignored in a process group without a shell.
    kill("STOP", connector);
    eventually("both are stopped", || {
        state(connector) == Some('T') && state(launcher.id()) == Some('T')
    });
    kill("CONT", launcher.id());
    eventually("both run", || state(connector) != Some('T') && state(launcher.id()) != Some('T'));
    drop(launcher.stdin.take());
    assert!(launcher.wait_with_output().unwrap().status.success());
}

#[test]
fn c9_the_launcher_that_has_the_values_cannot_be_looked_into() {
    if !need::plain_user() {
        return;
    }
    let home = home("value");
    let out = home.path("out");
    let mut command = masked(&home, "echo ready; read x");
    let command = command.stdin(Stdio::piped()).stdout(fs::File::create(&out).unwrap());
    let mut launcher = command.spawn().unwrap();
    eventually("the start", || fs::read_to_string(&out).unwrap() == "ready\n");
    for file in ["mem", "environ", "maps"] {
        let error = fs::read(format!("/proc/{}/{file}", launcher.id())).expect_err(file);
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{file}");
    }
    drop(launcher.stdin.take());
    launcher.wait().unwrap();
}

#[test]
fn a_reader_that_goes_away_ends_the_connector_as_without_a_mask() {
    let home = home("value");
    let mut command = masked(&home, "while echo $A; do :; done; echo $? >&2; exit 5");
    let mut launcher = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(launcher.stdout.take());
    // bash ends by SIGPIPE.
    assert_eq!(launcher.wait().unwrap().signal(), Some(13));
}

/// Prints its secrets file until a file says stop, and keeps what it has read.
const PRINTS: &str = r#"#!/bin/bash
while [ $# -gt 0 ]; do
    case $1 in --secrets) secrets=$2 ;; esac
    shift
done
until [ -e "$PROJECT/stop" ]; do
    cat "$secrets"; cat "$secrets" >&2
    cat "$secrets" >> "$PROJECT/read"
    sleep 0.01
done
exit 7
"#;

#[test]
fn d21_cdk_test_masks_also_the_values_that_its_lease_gets_later() {
    let home = home("the first value");
    let project = Project::new(&home);
    project.script("connector", PRINTS);
    let config = project.config("facts", &["A"]);
    let mut cdk = project.cdk(&format!("test --mask -c {config}"));
    let (out, err) = (project.path("out"), project.path("err"));
    cdk.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
    let mut cdk = cdk.spawn().unwrap();
    let read = |value: &str| {
        eventually(value, || {
            fs::read_to_string(project.path("read")).is_ok_and(|read| read.contains(value))
        });
    };
    read("the first value");
    for value in ["another one", "and a third", "abc"] {
        home.ok(&["set", "A", value]);
        read(value);
    }
    for file in [&out, &err] {
        eventually("the last one", || fs::read_to_string(file).unwrap().contains("A=abc\n"));
    }
    project.write("stop", "");
    cdk.wait().unwrap();
    for file in [out, err] {
        let printed = fs::read_to_string(&file).unwrap();
        assert!(printed.contains("A=***\n"), "{printed}");
        let lines = printed.lines().filter(|line| line.starts_with("A="));
        let others: Vec<_> = lines.filter(|line| !["A=***", "A=abc"].contains(line)).collect();
        assert!(others.is_empty(), "{others:?}");
    }
    let err = fs::read_to_string(project.path("err")).unwrap();
    assert_eq!(err.matches("not masked: `A`").count(), 1, "{err}");
    eventually("the end of the lease", || leases(&home).is_empty());
}

#[test]
fn d21_a_value_that_a_connector_printed_late_is_masked_too() {
    let home = home("the first value");
    let project = Project::new(&home);
    let script = r#"#!/bin/bash
while [ $# -gt 0 ]; do
    case $1 in --secrets) secrets=$2 ;; esac
    shift
done
wait_for() { until [ -e "$PROJECT/$1" ]; do sleep 0.01; done; }
touch "$PROJECT/begun"; wait_for second
value=$(cat "$secrets"); touch "$PROJECT/read"; wait_for third
echo "$value"
"#;
    project.script("connector", script);
    let config = project.config("facts", &["A"]);
    let mut cdk = project.cdk(&format!("test --mask -c {config}"));
    let cdk = cdk.stdout(Stdio::piped()).spawn().unwrap();
    let wait_for = |file: &str| eventually(file, || project.path(file).exists());
    wait_for("begun");
    home.ok(&["set", "A", "the second value"]);
    project.write("second", "");
    wait_for("read");
    home.ok(&["set", "A", "the third value"]);
    project.write("third", "");
    let out = String::from_utf8(cdk.wait_with_output().unwrap().stdout).unwrap();
    assert!(out.contains("A=***\n") && !out.contains("second"), "{out}");
}

#[test]
fn cdk_test_is_masked_with_variables_and_without_secrets() {
    let home = home("the first value");
    let project = Project::new(&home);
    project.script("connector", "#!/bin/sh\necho \"<$A>\"\nexit 0\n");
    let config = project.config("facts", &["A"]);
    let said = project.said(&format!("test --mask --inject env -c {config}"));
    assert!(said.status.success() && said.out.contains("<***>"), "{said:?}");
    let config = project.config("none", &[]);
    let said = project.said(&format!("test --mask -c {config}"));
    assert!(said.status.success() && said.out.contains("<>"), "{said:?}");
    let said = project.said(&format!("test --mask --watch -c {config}"));
    assert!(said.code() == Some(125) && said.err.contains("cannot be used with"), "{said:?}");
}

#[test]
fn mask_and_watch_are_not_for_the_same_run() {
    let home = home("value");
    let config = home.config(&["A"]);
    let said = home.cli(&["run", "--mask", "--watch", "--config", config.to_str().unwrap(), "x"]);
    assert_eq!(said.code(), Some(2), "{said:?}");
}
