//! `cdk` with local secrets: leases are there as long as a connector runs, and nothing is left of them.
//!
//! With `CDK=PATH` the same over Fluvio's own `cdk`.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use crate::harness::cdk::{Project, leases};
use crate::harness::mount::Mount;
use crate::harness::trace::{ALL_THREADS, Trace};
use crate::harness::{
    Home, canary, contains, eventually, files_with, is_alive, kill, need, program, said, spawn,
    wire,
};

fn home_with_a_secret() -> (Home, String) {
    let (home, value) = (Home::new(), canary());
    home.set("A", &value);
    (home, value)
}

/// Waits until a connector does its work.
fn until_it_runs(project: &Project<'_>, pid: u32) {
    eventually("the connector", || project.runs(pid));
}

/// Waits until no lease of this home is left, and then nothing of any is.
fn nothing_is_left(home: &Home, value: &str) {
    eventually("the end of the lease and of its files", || {
        let has_files = |memory: &str| !files_with(memory.as_ref(), value.as_bytes()).is_empty();
        leases(home).is_empty() && !["/dev/shm", "/run/user"].into_iter().any(has_files)
    });
}

#[test]
fn e6_a_connector_that_cdk_starts_has_its_secrets_until_it_is_shut_down() {
    let (home, value) = home_with_a_secret();
    home.set("B", "not referenced");
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let pid = project.start(&config);
    until_it_runs(&project, pid);
    assert_eq!(project.given(), format!("A={value}\n"));
    assert_eq!(leases(&home).len(), 1);
    assert!(project.said("deploy list").out.contains("facts"));
    let log = project.said("deploy log --name facts").out;
    assert!(log.contains("--secrets /"), "{log}");
    let mode = fs::metadata(project.path("facts.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "what it prints may have a value");
    let list = home.ok(&["lease", "list"]);
    assert!(list.contains("facts") && list.contains(&format!(" {pid}")), "{list}");
    assert!(home.ok(&["status"]).contains("1 secret to facts with "));
    project.said("deploy shutdown --name facts");
    eventually("the connector's end", || !is_alive(pid));
    nothing_is_left(&home, &value);
    assert_eq!(home.ok(&["lease", "list"]).lines().count(), 1);
    let events: Vec<_> = home.audit_log().iter().map(|line| line["event"].clone()).collect();
    assert_eq!(events, ["set", "set", "lease"]);
}

#[test]
fn e6_a_lease_ends_with_its_connector_whoever_is_killed() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let start = || {
        let pid = project.start(&config);
        until_it_runs(&project, pid);
        pid
    };
    let end = |pid: u32| {
        kill("KILL", pid);
        eventually("the connector's end", || !is_alive(pid));
        project.said("deploy shutdown --name facts");
    };
    // The connector.
    end(start());
    nothing_is_left(&home, &value);
    // The daemon; its next start takes the lease over.
    let pid = start();
    home.kill_daemon();
    assert!(home.ok(&["lease", "list"]).contains(&format!(" {pid}")));
    assert_eq!(leases(&home).len(), 1);
    end(pid);
    nothing_is_left(&home, &value);
    // Both.
    let pid = start();
    home.kill_daemon();
    end(pid);
    nothing_is_left(&home, &value);
    home.ok(&["list"]);
    // A daemon that is stopped leaves it to the next one, too.
    let pid = start();
    home.ok(&["daemon", "restart"]);
    end(pid);
    nothing_is_left(&home, &value);
}

#[test]
fn fifty_deployments_hold_fifty_leases_and_leave_none() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let configs: Vec<_> = (0..50).map(|n| project.config(&format!("c{n}"), &["A"])).collect();
    // The first one is built, where something is built.
    let first = project.start(&configs[0]);
    until_it_runs(&project, first);
    project.said("deploy shutdown --name c0");
    eventually("its end", || leases(&home).is_empty());
    let daemon = home.daemon_pid().unwrap();
    let count = |what: &str| fs::read_dir(format!("/proc/{daemon}/{what}")).unwrap().count();
    // Who is not root may not look into the daemon.
    let resources = || rustix::process::geteuid().is_root().then(|| (count("task"), count("fd")));
    let before = resources();
    let pids: Vec<_> = configs.iter().map(|config| project.start(config)).collect();
    assert_eq!(leases(&home).len(), 50);
    assert_eq!(home.ok(&["lease", "list"]).lines().count(), 51);
    for n in 0..50 {
        project.said(&format!("deploy shutdown --name c{n}"));
    }
    for pid in pids {
        // One that came to the index too late to be shut down by name isn't ours.
        eventually("the connectors' end", || !is_alive(pid));
    }
    nothing_is_left(&home, &value);
    eventually("the daemon as it was", || resources() <= before);
}

#[test]
fn d2_no_value_is_where_a_build_script_can_look() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    // All that a process of the same user can read of itself and those above it.
    project.script(
        "build",
        r#"#!/bin/sh
exec > "$PROJECT/seen" 2>/dev/null
env
pid=$$
while [ "$pid" -gt 1 ]; do
    tr '\0' '\n' < /proc/$pid/environ
    tr '\0' '\n' < /proc/$pid/cmdline
    ls -l /proc/$pid/fd
    pid=$(sed 's/.*) . //; s/ .*//' /proc/$pid/stat)
done
for fd in /proc/self/fd/*; do
    # What is not ready would be waited for.
    timeout 0.2 cat "$fd"
done
exit 0
"#,
    );
    let pid = project.start(&project.config("facts", &["A"]));
    until_it_runs(&project, pid);
    let seen = fs::read(project.path("seen")).unwrap();
    assert!(!contains(&seen, value.as_bytes()), "a value");
    assert!(contains(&seen, b"/secrets.txt"), "the path of the file, and so all was looked at");
    assert!(contains(&seen, b"/hold"), "the descriptor that holds the lease");
    project.said("deploy shutdown --name facts");
    eventually("the end", || leases(&home).is_empty());
}

#[test]
fn e6_whoever_inherits_the_lease_holds_it_until_it_is_ended() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    // As a build starts a server that caches compilations.
    project.script(
        "build",
        "#!/bin/sh\nsleep 1000 </dev/null >/dev/null 2>&1 &\necho $! > \"$PROJECT/server\"\n",
    );
    let pid = project.start(&project.config("facts", &["A"]));
    until_it_runs(&project, pid);
    project.said("deploy shutdown --name facts");
    eventually("the connector's end", || !is_alive(pid));
    let server = fs::read_to_string(project.path("server")).unwrap().trim().to_owned();
    let list = home.ok(&["lease", "list"]);
    assert!(list.contains(&format!("sleep {server}")), "{list}");
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(home.ok(&["lease", "end", id]), "Lease ended\n");
    nothing_is_left(&home, &value);
    let again = home.cli(&["lease", "end", id]);
    assert!(again.code() == Some(1) && again.err.contains("no such lease"), "{again:?}");
    kill("TERM", server.parse().unwrap());
}

#[test]
fn cdk_test_runs_in_the_foreground_with_the_sample_configuration() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    fs::rename(project.path(&config), project.path("sample-config.yaml")).unwrap();
    let mut test = spawn(&mut project.cdk("test"));
    eventually("the connector", || project.given() == format!("A={value}\n"));
    let list = home.ok(&["lease", "list"]);
    assert!(list.contains("facts"), "{list}");
    // Ctrl-C reaches both.
    let holders = home.ok(&["lease", "list", "-O", "json"]);
    let holders: serde_json::Value = serde_json::from_str(&holders).unwrap();
    for holder in holders[0]["holders"].as_array().unwrap() {
        let pid = u32::try_from(holder["pid"].as_u64().unwrap()).unwrap();
        if is_alive(pid) && holder["program"] != "sleep" {
            let _ = std::process::Command::new("kill").arg(pid.to_string()).status();
        }
    }
    test.wait().unwrap();
    nothing_is_left(&home, &value);
}

#[test]
fn values_that_a_file_cannot_carry_are_refused_or_go_by_the_environment() {
    let home = Home::new();
    home.set("A", "two\nlines");
    home.set("B", " blank ");
    let project = Project::new(&home);
    let config = project.config("facts", &["A", "B"]);
    let refused = project.said(&format!("deploy start --config {config}"));
    assert_eq!(refused.code(), Some(125));
    for told in ["`A`", "`B`", "line break", "whitespace", "--inject env"] {
        assert!(refused.err.contains(told), "{told}: {refused:?}");
    }
    assert!(!refused.err.contains("two") && leases(&home).is_empty());
    let start = format!("deploy start --inject env --config {config}");
    let said = project.said(&start);
    assert!(said.status.success(), "{said:?}");
    assert!(said.err.contains("every build script that cdk runs can read"), "{said:?}");
    assert!(said.err.contains("`restart` and `watch` do not find this connector"), "{said:?}");
    eventually("the connector", || project.given() == "two\nlines\n");
    assert!(leases(&home).is_empty());
    let again = project.said(&start);
    assert!(
        again.code() == Some(125) && again.err.contains("cdk already has a connector `facts`"),
        "{again:?}"
    );
    project.said("deploy shutdown --name facts");
}

#[test]
fn a_name_that_cdk_has_already_is_refused_before_anything_starts() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let pid = project.start(&config);
    until_it_runs(&project, pid);
    let refused = project.said(&format!("deploy start --config {config}"));
    assert_eq!(refused.code(), Some(125));
    assert!(refused.err.contains("cdk deploy shutdown --name facts"), "{refused:?}");
    eventually("one lease", || leases(&home).len() == 1);
    project.said("deploy shutdown --name facts");
    eventually("its end", || !is_alive(pid));
    nothing_is_left(&home, &value);
}

#[test]
fn an_index_that_cdk_cannot_write_is_named_before_anything_starts() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let index = home.path("tmp/fluvio_cdk_deploy_index.toml");
    // No file; and for a plain user, another user's file.
    fs::create_dir(&index).unwrap();
    let refused = project.said(&format!("deploy start --config {config}"));
    assert_eq!(refused.code(), Some(125), "{refused:?}");
    let told = refused.err.replace('\n', " ");
    assert!(told.contains("cannot write its list of connectors") && told.contains("TMPDIR="));
    fs::remove_dir(&index).unwrap();
    if need::plain_user() {
        symlink("/etc/passwd", &index).unwrap();
        let refused = project.said(&format!("deploy start --config {config}"));
        assert_eq!(refused.code(), Some(125), "{refused:?}");
        assert!(refused.err.contains("of uid 0 (Permission denied"), "{refused:?}");
        fs::remove_file(&index).unwrap();
    }
    nothing_is_left(&home, &value);
    // The next step that is printed.
    let tmp = home.path(".cache/cdk");
    fs::create_dir_all(&tmp).unwrap();
    fs::create_dir(&index).unwrap();
    let mut cdk = project.cdk(&format!("deploy start --config {config}"));
    assert!(said(cdk.env("TMPDIR", &tmp)).status.success());
    said(project.cdk("deploy shutdown --name facts").env("TMPDIR", &tmp));
    nothing_is_left(&home, &value);
}

#[test]
fn an_index_of_another_user_is_named_by_each_command_of_deploy() {
    if !need::root() {
        return;
    }
    let (home, _) = home_with_a_secret();
    let project = Project::new(&home);
    let plain = project.config("plain", &[]);
    let index = home.path("tmp/fluvio_cdk_deploy_index.toml");
    fs::write(&index, "entries = []\n").unwrap();
    std::os::unix::fs::chown(&index, Some(65_534), None).unwrap();
    for line in ["deploy list", "deploy log --name x", &format!("deploy start --config {plain}")] {
        let said = project.said(line);
        let note = format!("note: {}, where cdk lists its connectors, ", index.display());
        assert!(said.err.contains(&note) && said.err.contains("belongs to uid 65534"), "{said:?}");
        assert!(said.err.contains("TMPDIR="), "{said:?}");
    }
    project.said("deploy shutdown --name plain");
    assert!(!project.said("test --config missing.yaml").err.contains("belongs"), "no list is used");
}

#[test]
fn a_name_is_found_and_told_whatever_is_in_it() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = |name: &str| {
        let text = fs::read_to_string(project.path(&project.config("facts", &["A"]))).unwrap();
        let name = serde_json::to_string(name).unwrap();
        project.write("odd.yaml", &text.replace("name: facts", &format!("name: {name}")));
        "odd.yaml"
    };
    for (name, told) in [
        ("it's", r"--name 'it'\''s'"),
        (r#"a"b"#, r#"--name 'a"b'"#),
        (r#"both'"q"#, r#"--name 'both'\''"q'"#),
        (r"back\slash", r"--name 'back\slash'"),
        ("$(touch two) words", "--name '$(touch two) words'"),
        ("-dash", "--name=-dash"),
        ("\u{fc}n\u{ef}", "--name \u{fc}n\u{ef}"),
        ("tab\there", "already"),
        ("new\nline", "already"),
        ("\u{1b}[2J", "already"),
    ] {
        let pid = project.start(config(name));
        let again = project.said("deploy start --config odd.yaml");
        assert!(again.code() == Some(125) && again.err.contains(told), "{name}: {again:?}");
        assert!(!again.err.trim_end().replace('\n', "").contains(char::is_control), "{again:?}");
        eventually("one lease", || leases(&home).len() == 1);
        // What is printed can be typed.
        if let Some((_, command)) =
            again.err.split_once("first with: ").filter(|_| told != "already")
        {
            said(project.foreign("sh").args(["-c", command]));
        } else {
            let mut cdk = project.cdk("deploy shutdown");
            said(cdk.arg(format!("--name={name}")));
        }
        eventually("its end", || !is_alive(pid));
        nothing_is_left(&home, &value);
    }
    // Without a secret there is nothing to lose.
    let plain = project.config("plain", &[]);
    project.start(&plain);
    let again = project.said(&format!("deploy start --config {plain}"));
    assert_eq!(again.code(), Some(1), "{again:?}");
    assert!([again.out, again.err].concat().contains("already exists"), "told by cdk");
    project.said("deploy shutdown --name plain");
    let daemon = home.daemon_pid().unwrap();
    for process in fs::read_dir(project.path("")).unwrap().flatten() {
        // The one that cdk lost.
        let name = process.file_name().into_string().unwrap();
        let Some(pid) = name.strip_prefix("runs-").and_then(|pid| pid.parse().ok()) else {
            continue;
        };
        assert_ne!(pid, daemon);
        if is_alive(pid) {
            kill("TERM", pid);
        }
    }
}

#[test]
fn a_configuration_that_is_too_large_is_refused_when_it_may_have_references() {
    let (home, _) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let text = fs::read_to_string(project.path(&config)).unwrap();
    let large = "#".repeat(64 << 10);
    project.write(&config, &format!("{large}\n{text}"));
    let refused = project.said(&format!("deploy start --config {config}"));
    assert!(refused.code() == Some(125) && refused.err.contains("65536 bytes"), "{refused:?}");
    assert!(project.said("deploy list").out.contains("No connectors found"));
    project.write(&config, &format!("{large}\n{}", text.split("custom:").next().unwrap()));
    let pid = project.start(&config);
    until_it_runs(&project, pid);
    project.said("deploy shutdown --name facts");
}

#[test]
fn a_lease_that_is_gone_before_it_is_held_is_told() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    for end in ["TERM", "restart", "KILL"] {
        // The shim's first open(2), which is the FIFO's, waits.
        let slow = ["-o", "/dev/null", "-e", "inject=open:delay_enter=2000000:when=1", "cdk"];
        let mut cdk = project.foreign("strace");
        cdk.args(slow).args(["deploy", "start", "--config", &config]);
        let cdk = spawn(&mut cdk);
        eventually("a lease", || leases(&home).len() == 1);
        match end {
            "restart" => drop(home.ok(&["daemon", "restart"])),
            signal => {
                let daemon = home.daemon_pid().unwrap();
                kill(signal, daemon);
                eventually("the daemon's end", || !is_alive(daemon));
            }
        }
        let refused = crate::harness::Said::from(cdk.wait_with_output().unwrap());
        assert_eq!(refused.code(), Some(125), "{end}: {refused:?}");
        assert!(refused.err.contains("before the connector held it"), "{end}: {refused:?}");
        home.ok(&["list"]);
        nothing_is_left(&home, &value);
    }
    assert!(project.said("deploy list").out.contains("No connectors found"));
}

#[test]
fn what_does_not_concern_us_reaches_cdk_byte_for_byte() {
    let home = Home::new();
    let project = Project::new(&home);
    fs::remove_file(home.path("behind/cdk")).unwrap();
    let dump = "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done\ncat\nexit 42\n";
    let behind = home.path("behind/cdk");
    fs::write(&behind, dump).unwrap();
    fs::set_permissions(&behind, fs::Permissions::from_mode(0o755)).unwrap();
    let plain = project.config("plain", &[]).replace("secret", "");
    for line in [
        "",
        "--help",
        "--version",
        "build",
        "build --release dev -p x -- --offline",
        "generate name --conn-type source --proj-prefix p",
        "publish --no-build --package x.ipkg",
        "version",
        "hub conn list",
        "set-public x",
        "test -c missing.yaml",
        "deploy",
        "deploy list",
        "deploy log --name start",
        "deploy shutdown -c c.yaml",
        "deploy -p=start list",
        "deploy start",
        "deploy start --config",
        "deploy start --help",
        "deploy --release start start -c missing.yaml --log-level debug --ipkg x.ipkg",
        &format!("deploy start --config {plain}"),
        "no-such-command --with value",
    ] {
        let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let mut cdk = project.foreign("cdk");
        let said = crate::harness::said_with_input(cdk.args(&words), b"input \xff");
        assert_eq!(said.code(), Some(42), "{line}");
        let expected = words.iter().map(|word| format!("{word}\n")).collect::<String>();
        assert_eq!(said.out, expected + "input \u{fffd}", "{line}");
        assert_eq!(said.err, "", "{line}");
    }
    for line in [
        "test --secrets s.txt -c c.yaml",
        "test -s s.txt -- --config c",
        "deploy start --config c.yaml --secrets s.txt",
        "deploy start -cc.yaml -ss.txt",
    ] {
        let said = project.said(line);
        assert_eq!(said.out, line.replace(' ', "\n") + "\n", "{said:?}");
        let note = "note: the connector gets its secrets from s.txt, not from the vault";
        assert_eq!(said.err, format!("{note}\n"), "{line}");
    }
    let odd = std::ffi::OsString::from_vec(b"\xff\xfe=\x01".to_vec());
    let mut cdk = project.foreign("cdk");
    let output = cdk.arg("build").arg(&odd).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.stdout, b"build\n\xff\xfe=\x01\n");
    // The same by our own command, where an option is not known, too.
    let mut cdk = project.foreign(program("fluvio-secret").to_str().unwrap());
    let said = said(cdk.args(["cdk", "test", "--new", "x"]));
    assert_eq!((said.code(), &*said.out), (Some(42), "test\n--new\nx\n"));
    assert!(said.err.contains("the option --new is unknown"), "{said:?}");
    assert!(home.daemon_pid().is_none(), "nothing of this needs the daemon");
}

#[test]
fn signals_reach_cdk_itself() {
    let home = Home::new();
    let project = Project::new(&home);
    fs::remove_file(home.path("behind/cdk")).unwrap();
    symlink("/bin/sleep", home.path("behind/cdk")).unwrap();
    let mut cdk = project.foreign("cdk").arg("1000").spawn().unwrap();
    eventually("cdk", || {
        let name = fs::read_to_string(format!("/proc/{}/comm", cdk.id())).unwrap();
        name.trim() == "cdk"
            && fs::read_link(format!("/proc/{}/exe", cdk.id()))
                .is_ok_and(|exe| !exe.ends_with("fluvio-secret-shim"))
    });
    // Not SIGINT, which a shell without job control has ignored in what it starts in the background.
    kill("TERM", cdk.id());
    assert_eq!(cdk.wait().unwrap().signal(), Some(15));
}

#[test]
fn a_shim_that_finds_no_other_says_so_and_loops_end() {
    let (home, _) = home_with_a_secret();
    let project = Project::new(&home);
    fs::remove_file(home.path("behind/cdk")).unwrap();
    let front = home.path("front/cdk");
    let mut cdk = home.foreign(&front);
    let only_us = format!("{}:/usr/bin:/bin", home.path("front").display());
    let said_of = |cdk: &mut std::process::Command| said(cdk.env("PATH", &only_us).arg("list"));
    let told = said_of(&mut cdk);
    assert!(told.code() == Some(127) && told.err.contains("the only cdk on PATH"), "{told:?}");
    let mut ours = home.command("fluvio-secret");
    let told = said(ours.env("PATH", "/usr/bin:/bin").args(["cdk", "list"]));
    assert!(told.code() == Some(127) && told.err.contains("there is no cdk on PATH"), "{told:?}");
    // A copy of another installation finds the first one, and that one the copy.
    let behind = home.path("behind/cdk");
    fs::copy(program("fluvio-secret-shim"), &behind).unwrap();
    let told = project.said("list");
    assert!(
        told.code() == Some(125) && told.err.contains("points to fluvio-secret-shim again"),
        "{told:?}"
    );
    // What runs it as a program of its own is a process more each time.
    fs::remove_file(&behind).unwrap();
    let wrapper = "#!/bin/sh\necho once >> \"$PROJECT/wrapped\"\ncdk \"$@\"\n";
    fs::write(&behind, wrapper).unwrap();
    fs::set_permissions(&behind, fs::Permissions::from_mode(0o755)).unwrap();
    let told = project.said("list");
    assert!(
        told.code() == Some(125) && told.err.contains("behind/cdk, the cdk on PATH, points to"),
        "{told:?}"
    );
    assert_eq!(fs::read_to_string(project.path("wrapped")).unwrap().lines().count(), 16);
}

#[test]
fn the_real_one_may_be_in_the_present_folder() {
    let home = Home::new();
    let project = Project::new(&home);
    project.script("cdk", "#!/bin/sh\necho here \"$@\"\n");
    let front = home.path("front");
    for path in ["::/usr/bin", ":.:/usr/bin", ":/usr/bin:/bin:"] {
        let mut cdk = project.foreign(front.join("cdk").to_str().unwrap());
        // Its own directory first, as on a user's PATH.
        let path = format!("{}{path}", front.display());
        let told = said(cdk.env("PATH", &path).arg("list"));
        assert_eq!(told.out, "here list\n", "{path}: {told:?}");
    }
    let mut cdk = home.foreign(front.join("cdk"));
    let told = said(cdk.current_dir(project.path("")).env_remove("PATH").arg("list"));
    assert!(told.code() == Some(127) && told.err.contains("no cdk on PATH"), "{told:?}");
}

#[test]
fn the_link_is_installed_and_removed_and_nobody_elses_is_touched() {
    let home = Home::new();
    let installed = home.ok(&["cdk", "--install"]);
    let folder = home.path("data/bin");
    assert!(fs::read_link(folder.join("cdk")).unwrap().ends_with("fluvio-secret-shim"));
    assert!(installed.contains("run this once") && installed.contains("export PATH="));
    let mut again = home.command("fluvio-secret");
    let again = said(again.args(["cdk", "--install"]).env("PATH", &folder));
    assert!(again.status.success() && again.out.contains("first on PATH"), "{again:?}");
    // The line does what it says.
    let line = installed.lines().find(|line| line.contains("export PATH=")).unwrap();
    let mut shell = home.foreign("sh");
    let line = format!("SHELL=; {}; . ./.bashrc; command -v cdk", line.trim());
    let line = line.replace("~/.profile", "./.bashrc");
    let found = said(shell.args(["-c", &line])).out;
    assert_eq!(found.trim(), folder.join("cdk").to_str().unwrap(), "{line}");
    assert!(home.ok(&["cdk", "--uninstall"]).contains("is removed"));
    assert!(!folder.exists());
    assert!(home.ok(&["cdk", "--uninstall"]).contains("does not exist"));
    let other = home.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("cdk"), "somebody else's").unwrap();
    for what in ["--install", "--uninstall"] {
        let refused = home.cli(&["cdk", what, "--dir", "other"]);
        assert_eq!(refused.code(), Some(1));
        assert!(refused.err.contains("not a link to fluvio-secret-shim"), "{refused:?}");
    }
    assert_eq!(fs::read(other.join("cdk")).unwrap(), b"somebody else's");
    // A directory of the user's own stays.
    let own = home.path("own");
    fs::create_dir(&own).unwrap();
    home.ok(&["cdk", "--install", "--dir", "own"]);
    home.ok(&["cdk", "--uninstall", "--dir", "own"]);
    assert!(own.exists());
    let colon = home.cli(&["cdk", "--install", "--dir", "a:b"]);
    assert!(colon.code() == Some(1) && colon.err.contains("colon"), "{colon:?}");
    assert!(!home.path("a:b").exists());
    assert_eq!(home.cli(&["cdk", "--dir", "x"]).code(), Some(2));
    assert_eq!(home.cli(&["cdk", "--install", "word"]).code(), Some(2));
}

#[test]
fn root_installs_no_link_into_another_users_home() {
    if !need::root() {
        return;
    }
    let home = Home::new();
    let theirs = home.path("ada");
    for folder in ["", ".local", ".local/share/fluvio-secret/bin"] {
        fs::create_dir_all(theirs.join(folder)).unwrap();
        let given = said(home.foreign("chown").args(["-R", "65534:65534"]).arg(&theirs));
        assert!(given.status.success(), "{given:?}");
        let before = said(home.foreign("find").arg(&theirs)).out;
        // As sudo leaves HOME, and by a path that is given.
        let mut kept = home.command("fluvio-secret");
        kept.args(["cdk", "--install"]).env("HOME", &theirs).env_remove("FLUVIO_SECRET_HOME");
        let mut given = home.command("fluvio-secret");
        given.args(["cdk", "--install", "--dir"]).arg(theirs.join("bin"));
        for refused in [said(&mut kept), said(&mut given)] {
            assert_eq!(refused.code(), Some(1), "{refused:?}");
            assert!(refused.err.contains("belongs to uid 65534"), "{refused:?}");
            assert!(refused.err.contains("without sudo"), "{refused:?}");
        }
        assert_eq!(said(home.foreign("find").arg(&theirs)).out, before, "nothing is made");
    }
    // Its own directories are root's to use, wherever they are.
    fs::create_dir(theirs.join("roots")).unwrap();
    home.ok(&["cdk", "--install", "--dir", theirs.join("roots/bin").to_str().unwrap()]);
}

#[test]
fn the_line_for_path_works_in_each_shell() {
    let home = Home::new();
    for shell in ["bash", "fish", "zsh"] {
        if !need::tool(shell) {
            continue;
        }
        for folder in ["plain", "two words", "it's", "a\"b", "$HOME `id` !x", "st*r ~ #"] {
            let user = home.path(&format!("{shell} {folder}"));
            let link = user.join(folder).join("cdk");
            let mut install = home.command("fluvio-secret");
            install.args(["cdk", "--install", "--dir"]).arg(link.parent().unwrap());
            let installed = said(install.env("SHELL", format!("/usr/bin/{shell}"))).out;
            let line = installed.lines().find_map(|line| line.strip_prefix("  ")).unwrap();
            let run = |args: &[&str]| said(home.foreign(shell).args(args).env("HOME", &user));
            let typed = run(&["-c", line]);
            assert!(typed.status.success(), "{typed:?}");
            let found = run(&["-i", "-c", "command -v cdk"]);
            assert_eq!(found.out.trim(), link.to_str().unwrap(), "{line}: {found:?}");
        }
    }
}

#[test]
fn a_lease_that_would_not_outlive_the_login_is_warned_about_once() {
    if !need::plain_user() || !need::user_namespaces() {
        return;
    }
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let warns = |logind: &str| {
        // The rest of /run has to stay: the daemon is outside, and may make its leases there.
        let script = format!(
            "run=/run; [ ! -d /run/systemd ] || run=/run/systemd; \
             mount -t tmpfs tmpfs $run && mount -t tmpfs tmpfs /var/lib && {logind} && \
             exec cdk deploy start --config {config}"
        );
        let mut unshare = project.foreign("unshare");
        unshare.args(need::NAMESPACE).args(["sh", "-c", &script]).env("USER", "ada");
        let started = said(&mut unshare);
        assert!(started.status.success(), "{started:?}");
        let in_shared_memory = leases(&home)[0].starts_with("/dev/shm");
        project.said("deploy shutdown --name facts");
        nothing_is_left(&home, &value);
        (started.err.contains("warning: when you log out"), in_shared_memory)
    };
    let login = "mkdir -p /run/systemd/users && touch /run/systemd/users/$(id -u)";
    let lingers = "mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/ada";
    let keeps = "mkdir -p /run/systemd/logind.conf.d && \
                 printf '[Login]\\nRemoveIPC=no\\n' > /run/systemd/logind.conf.d/ipc.conf";
    let told = home.path("state/told-about-logging-out");
    assert!(!warns("true").0, "nothing of logind is there");
    assert!(!warns(&format!("{login} && {lingers}")).0, "the user lingers");
    let (warned, in_shared_memory) = warns(&format!("{login} && {keeps}"));
    assert_eq!(warned, !in_shared_memory, "the login's own folder is removed all the same");
    let _ = fs::remove_file(&told);
    assert!(warns(login).0, "the first time");
    assert!(!warns(login).0, "not again");
    fs::remove_file(&told).unwrap();
    let another = lingers.replace("ada", "bob");
    assert!(warns(&format!("{login} && {another}")).0, "it is somebody else who lingers");
}

#[test]
fn e6_without_a_file_system_in_memory_there_is_no_lease() {
    if !need::root() {
        return;
    }
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    home.ok(&["daemon", "stop"]);
    // A namespace of mounts of its own, where a directory of the disk stands in the place of each.
    let disk = home.path("disk");
    fs::create_dir(&disk).unwrap();
    let script = format!(
        "mount --bind {disk} /dev/shm && mount --bind {disk} /run && \
         XDG_RUNTIME_DIR={disk} exec cdk deploy start --config {config}",
        disk = disk.display()
    );
    let mut unshare = project.foreign("unshare");
    let refused = said(unshare.args(["--mount", "sh", "-c", &script]));
    if crate::harness::said(home.foreign("stat").args(["-f", "-c", "%T", disk.to_str().unwrap()]))
        .out
        .contains("tmpfs")
    {
        need::say("e6: the folder for temporary files is on a tmpfs itself");
        return;
    }
    assert_eq!(refused.code(), Some(125), "{refused:?}");
    assert!(refused.err.contains("no file system in memory for a lease"), "{refused:?}");
    assert!(home.files_with(&value).is_empty());
    home.ok(&["daemon", "stop"]);
}

#[test]
fn e6_the_logins_own_folder_is_preferred_where_it_is_in_memory() {
    if !need::root() {
        return;
    }
    let (home, value) = home_with_a_secret();
    home.ok(&["daemon", "stop"]);
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let runtime = home.path("runtime");
    fs::create_dir(&runtime).unwrap();
    let memory = Mount::tmpfs(&runtime, "size=1m");
    let mut cdk = project.cdk(&format!("deploy start --config {config}"));
    let started = said(cdk.env("XDG_RUNTIME_DIR", &runtime));
    assert!(started.status.success(), "{started:?}");
    eventually("the connector", || project.given() == format!("A={value}\n"));
    let found = files_with(&runtime, value.as_bytes());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(leases(&home).is_empty(), "nowhere else");
    project.said("deploy shutdown --name facts");
    eventually("the end of the lease", || fs::read_dir(&runtime).unwrap().count() == 0);
    home.ok(&["daemon", "stop"]);
    drop(memory);
}

#[test]
fn a_daemon_that_goes_away_is_told_and_nothing_starts() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let daemon = home.daemon_pid().unwrap();
    kill("STOP", daemon);
    let refused = project.said(&format!("deploy start --config {config}"));
    assert_eq!(refused.code(), Some(125));
    assert!(refused.err.contains("did not answer"), "{refused:?}");
    kill("CONT", daemon);
    assert!(project.said("deploy list").out.contains("No connectors found"));
    // It carries out the request, and the lease has no holder.
    eventually("the lease", || home.audit_log().iter().any(|line| line["event"] == "lease"));
    nothing_is_left(&home, &value);
    std::io::stderr().flush().unwrap();
}

#[test]
fn e6_a_client_that_does_not_wait_for_its_lease_leaves_none() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let (home, value) = home_with_a_secret();
    let daemon = home.daemon_pid().unwrap();
    // Long enough for two words that it is at work: the second finds that the client is gone.
    let slow = ["trace=mkdir", "inject=mkdir:delay_enter=2500000:when=1"];
    let trace = Trace::attach(&home, daemon, ALL_THREADS, &slow);
    let config = b"meta: {name: facts}\nx: {secret: {name: A}}\n";
    let header = format!(
        r#"{{"version":1,"parts":[{}],"message":{{"lease":{{"label":"{}","program":"cdk","check":false}}}}}}"#,
        config.len(),
        home.path("facts.yaml").display()
    );
    let mut client = wire::connect(&home);
    client.write_all(&wire::frame(&header, config)).unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    drop(client);
    let list = home.path("trace");
    eventually("the lease", || fs::read_to_string(&list).unwrap().contains("fluvio-secret-"));
    trace.end();
    nothing_is_left(&home, &value);
    assert_eq!(home.ok(&["lease", "list"]).lines().count(), 1);
}

#[test]
fn an_option_that_cannot_hold_for_a_detached_connector_starts_nothing() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let refused = project.said(&format!("deploy start --config {config} --mask"));
    assert_eq!(refused.code(), Some(125), "{refused:?}");
    assert!(refused.err.contains("goes to its log file, which nothing masks"), "{refused:?}");
    assert!(
        refused.err.contains("help: run it in the foreground with: fluvio-secret cdk test --mask")
    );
    let refused = project.said(&format!("deploy start --watch --config {config}"));
    assert_eq!(refused.code(), Some(125), "{refused:?}");
    assert!(
        refused.err.contains("help: start it without --watch, and run: fluvio-secret watch\n"),
        "{refused:?}"
    );
    assert!(!project.path("facts.log").exists());
    nothing_is_left(&home, &value);
}
