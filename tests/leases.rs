//! A lease is removed when its last holder is gone, with or without a daemon; and the daemon's stop
//! reports the leases that are held.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::harness::cdk::{Project, leases};
use crate::harness::passphrase::{protect, unlock};
use crate::harness::watch::Watched;
use crate::harness::{
    Home, Said, canary, contains, eventually, files_with, is_alive, kill, need, spawn, stat,
};

fn home_with_a_secret() -> (Home, String) {
    let (home, value) = (Home::new(), canary());
    home.set("A", &value);
    (home, value)
}

/// Starts a connector, and waits until it has its secrets.
fn start(project: &Project<'_>, config: &str) -> u32 {
    let pid = project.start(config);
    eventually("the connector", || project.runs(pid));
    pid
}

/// The process ids of the watchers of these leases.
fn watchers(leases: &[PathBuf]) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let watches = |pid: &u32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        contains(&words, b"--lease-watcher\0")
            && leases.iter().any(|lease| contains(&words, lease.as_os_str().as_encoded_bytes()))
    };
    pids.filter(watches).collect()
}

fn watcher(home: &Home) -> u32 {
    let found = watchers(&leases(home));
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

/// No file, no directory and no process of these leases is left.
fn nothing_is_left(home: &Home, gone: &[PathBuf], value: &str) {
    eventually("the end of the lease", || leases(home).is_empty());
    eventually("the directories' end", || !gone[0].parent().unwrap().exists());
    eventually("the watchers' end", || watchers(gone).is_empty());
    for memory in ["/dev/shm", "/run/user"] {
        let found = files_with(memory.as_ref(), value.as_bytes());
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn e17_without_a_daemon_a_lease_ends_with_its_last_holder() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    for daemon_ends_by in ["KILL", "TERM", "before the start"] {
        for connector_ends_by in ["KILL", "TERM"] {
            home.ok(&["list"]);
            let daemon = home.daemon_pid().unwrap();
            let pid = start(&project, &config);
            let held = leases(&home);
            assert_eq!(held.len(), 1);
            match daemon_ends_by {
                "before the start" => {
                    // Another daemon takes the lease over, and is gone too.
                    home.ok(&["daemon", "restart"]);
                    home.kill_daemon();
                }
                signal => kill(signal, daemon),
            }
            eventually("the daemon's end", || !is_alive(daemon));
            assert!(held[0].join("secrets.txt").exists(), "it is held");
            kill(connector_ends_by, pid);
            eventually("the connector's end", || !is_alive(pid));
            nothing_is_left(&home, &held, &value);
            assert!(!home.socket().exists() || daemon_ends_by != "TERM", "no daemon was started");
            project.said("deploy shutdown --name facts");
        }
    }
}

#[test]
fn e17_the_last_of_several_holders_counts() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    // As a build starts a server that caches compilations.
    project.script(
        "build",
        "#!/bin/sh\nsleep 1000 </dev/null >/dev/null 2>&1 &\necho $! > \"$PROJECT/server\"\n",
    );
    let pid = start(&project, &project.config("facts", &["A"]));
    let server = fs::read_to_string(project.path("server")).unwrap().trim().parse().unwrap();
    let held = leases(&home);
    home.kill_daemon();
    kill("KILL", pid);
    eventually("the connector's end", || !is_alive(pid));
    assert!(is_alive(watcher(&home)) && held[0].join("secrets.txt").exists());
    kill("KILL", server);
    nothing_is_left(&home, &held, &value);
}

#[test]
fn e17_a_daemon_that_hangs_does_not_keep_a_lease() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let pid = start(&project, &project.config("facts", &["A"]));
    let (held, daemon) = (leases(&home), home.daemon_pid().unwrap());
    kill("STOP", daemon);
    kill("KILL", pid);
    nothing_is_left(&home, &held, &value);
    kill("CONT", daemon);
    // It finds nothing to do, and prints nothing.
    assert_eq!(home.ok(&["lease", "list"]).lines().count(), 1);
    let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
    assert!(!log.contains("cannot change or remove"), "{log}");
}

#[test]
fn e17_many_leases_end_at_once_beside_a_daemon_and_without_one() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    for has_daemon in [true, false] {
        let configs: Vec<_> = (0..20).map(|n| project.config(&format!("c{n}"), &["A"])).collect();
        let pids: Vec<_> = configs.iter().map(|config| start(&project, config)).collect();
        let held = leases(&home);
        assert_eq!((held.len(), watchers(&held).len()), (20, 20));
        if !has_daemon {
            home.kill_daemon();
        }
        pids.iter().for_each(|pid| kill("KILL", *pid));
        nothing_is_left(&home, &held, &value);
        for n in 0..20 {
            project.said(&format!("deploy shutdown --name c{n}"));
        }
    }
}

#[test]
fn e17_what_ends_a_session_does_not_end_the_watcher_before_the_connector() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let pid = start(&project, &project.config("facts", &["A"]));
    let held = leases(&home);
    home.kill_daemon();
    let watcher = watcher(&home);
    for signal in ["HUP", "INT", "QUIT", "TERM", "USR1", "ALRM", "TSTP"] {
        kill(signal, watcher);
    }
    assert!(is_alive(watcher));
    kill("KILL", pid);
    nothing_is_left(&home, &held, &value);
}

#[test]
fn e17_the_watcher_has_the_fifos_read_end_and_nothing_else() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    // What a shell has open, and another lease that the same shell holds.
    let other = project.config("other", &["A"]);
    let script = format!(
        "cdk deploy start --config {other} >&2\n\
         hold=$(echo \"${{XDG_RUNTIME_DIR:-/dev/shm}}\"/fluvio-secret-*/*/*/hold | tr ' ' '\\n' | \
                while read -r hold; do grep -q \"$PROJECT\" \"${{hold%/*}}/about.json\" 2>/dev/null && echo \"$hold\"; done)\n\
         exec 7> \"$hold\" 8> open 9< /etc/passwd\n\
         TOKEN={value} exec cdk deploy start --config {config}"
    );
    let said = Said::from(project.foreign("sh").args(["-c", &script]).output().unwrap());
    assert!(said.status.success(), "{said:?}");
    let held = leases(&home);
    assert_eq!(held.len(), 2);
    let about = |lease: &Path| fs::read_to_string(lease.join("about.json")).unwrap();
    let facts = held.iter().find(|lease| about(lease).contains("facts.yaml")).unwrap().clone();
    let found = watchers(std::slice::from_ref(&facts));
    assert_eq!(found.len(), 1);
    let proc = |file: &str| PathBuf::from(format!("/proc/{}/{file}", found[0]));
    let (it, us) = (stat(found[0]).unwrap(), stat(std::process::id()).unwrap());
    assert!(
        it.session != us.session && it.session != found[0].to_string(),
        "it can get no terminal"
    );
    let words = fs::read_to_string(proc("cmdline")).unwrap();
    assert!(!words.contains(&value) && words.ends_with(&format!("{}\0", facts.display())));
    let status = fs::read_to_string(proc("status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kib: u32 = memory.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib <= 512, "{kib} KiB are its own");
    if rustix::process::geteuid().is_root() {
        let open = fs::read_dir(proc("fd")).unwrap().flatten();
        let mut open: Vec<_> = open
            .map(|open| (open.file_name(), fs::read_link(open.path()).unwrap()))
            .map(|(number, path)| (number.into_string().unwrap(), path.display().to_string()))
            .collect();
        open.sort();
        let fifo = facts.join("hold").display().to_string();
        let expected = [("0", fifo.as_str()), ("1", "/dev/null"), ("2", "/dev/null")];
        let expected = expected.map(|(number, path)| (number.to_owned(), path.to_owned()));
        assert_eq!(open, expected);
        assert!(fs::read(proc("environ")).unwrap().is_empty());
        assert_eq!(fs::read_link(proc("cwd")).unwrap(), Path::new("/"));
    }
    if need::plain_user() {
        // Not even its own user looks into it.
        assert!(fs::read(proc("environ")).is_err() && fs::read_dir(proc("fd")).is_err());
    }
    for name in ["facts", "other"] {
        project.said(&format!("deploy shutdown --name {name}"));
    }
    nothing_is_left(&home, &held, &value);
}

#[test]
fn e3_cdk_has_no_child_but_its_own() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    // All children of cdk, zombies too, while it builds.
    project.script(
        "build",
        "#!/bin/sh\nexec > \"$PROJECT/children\"\nfor stat in /proc/[0-9]*/stat; do\n\
         read -r pid name state parent rest < \"$stat\" && [ \"$parent\" = $PPID ] && echo \"$pid\"\n\
         done 2>/dev/null\necho \"build $$\"\n",
    );
    let pid = start(&project, &project.config("facts", &["A"]));
    let children = fs::read_to_string(project.path("children")).unwrap();
    let lines: Vec<_> = children.lines().collect();
    assert_eq!(lines.len(), 2, "{children}");
    assert_eq!(lines[1], format!("build {}", lines[0]));
    let held = leases(&home);
    kill("KILL", pid);
    nothing_is_left(&home, &held, &value);
}

#[test]
fn e17_a_lease_that_was_ended_by_hand_leaves_no_watcher_behind_its_holder() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let pid = start(&project, &project.config("facts", &["A"]));
    let held = leases(&home);
    home.ok(&["lease", "end", held[0].file_name().unwrap().to_str().unwrap()]);
    assert!(leases(&home).is_empty() && is_alive(pid));
    // It leaves another lease alone, and what has the old one's name.
    let other = start(&project, &project.config("other", &["A"]));
    fs::create_dir(&held[0]).unwrap();
    fs::write(held[0].join("secrets.txt"), "another's").unwrap();
    kill("KILL", pid);
    eventually("the watcher's end", || watchers(&held).is_empty());
    assert_eq!(fs::read_to_string(held[0].join("secrets.txt")).unwrap(), "another's");
    fs::remove_dir_all(&held[0]).unwrap();
    let rest = leases(&home);
    assert_eq!(rest.len(), 1);
    kill("KILL", other);
    nothing_is_left(&home, &rest, &value);
}

#[test]
fn e17_where_no_watcher_can_be_started_nothing_is_started() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    // The session of its own, which is the starter's first call that can fail.
    let fails = ["-f", "-o", "/dev/null", "-e", "inject=setsid:error=EPERM:when=1", "cdk"];
    let mut cdk = project.foreign("strace");
    let mut cdk = spawn(cdk.args(fails).args(["deploy", "start", "--config", &config]));
    // strace would wait for a connector that was started.
    eventually("the refusal", || cdk.try_wait().unwrap().is_some());
    let refused = Said::from(cdk.wait_with_output().unwrap());
    assert_eq!(refused.code(), Some(125), "{refused:?}");
    assert!(refused.err.contains("cannot watch the lease"), "{refused:?}");
    assert!(project.said("deploy list").out.contains("No connectors found"));
    eventually("the end of the lease", || leases(&home).is_empty());
    assert!(files_with("/dev/shm".as_ref(), value.as_bytes()).is_empty());
}

#[test]
fn stop_names_the_leases_and_waits_for_their_holders() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let pid = start(&project, &project.config("facts", &["A"]));
    let (held, daemon) = (leases(&home), home.daemon_pid().unwrap());
    let mut stop = spawn(home.command("fluvio-secret").args(["daemon", "stop"]));
    let mut said = BufReader::new(stop.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.next().unwrap().starts_with("note: 1 lease is held"));
    let line = said.next().unwrap();
    let id = held[0].file_name().unwrap().to_str().unwrap();
    for part in ["  facts with ", "/facts.yaml (lease ", id, &format!(" {pid}")] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(said.next().unwrap().contains("fluvio-secret daemon stop --end-leases"));
    assert!(said.next().unwrap().contains("press Ctrl-C"));
    // What starts in the meantime is waited for, too.
    let other = start(&project, &project.config("other", &["A"]));
    assert!(said.next().unwrap().starts_with("note: 2 leases are held"));
    kill("KILL", pid);
    eventually("the end of one lease", || leases(&home).len() == 1);
    assert!(stop.try_wait().unwrap().is_none() && is_alive(daemon));
    kill("KILL", other);
    let ended = Said::from(stop.wait_with_output().unwrap());
    assert_eq!((ended.code(), ended.out.as_str()), (Some(0), "Daemon stopped\n"), "{ended:?}");
    eventually("the daemon's end", || !is_alive(daemon));
    nothing_is_left(&home, &held, &value);
}

#[test]
fn a_stop_that_is_interrupted_while_it_waits_changes_nothing() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let pid = start(&project, &project.config("facts", &["A"]));
    let (held, daemon) = (leases(&home), home.daemon_pid().unwrap());
    for signal in ["INT", "TERM", "KILL"] {
        let stop = ["--default-signal=INT"];
        let mut env = home.foreign("env");
        env.args(stop).arg(crate::harness::program("fluvio-secret")).args(["daemon", "stop"]);
        let mut stop = spawn(&mut env);
        let mut said = BufReader::new(stop.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(said.next().unwrap().starts_with("note: "));
        kill(signal, stop.id());
        assert!(!stop.wait().unwrap().success());
        assert_eq!(home.daemon_pid(), Some(daemon));
        assert_eq!(leases(&home), held);
    }
    // The others do not wait.
    assert!(home.ok(&["daemon", "restart"]).starts_with("Daemon stopped\n"));
    assert_eq!(leases(&home), held);
    kill("KILL", pid);
    nothing_is_left(&home, &held, &value);
}

#[test]
fn stop_can_end_the_leases_instead() {
    let (home, value) = home_with_a_secret();
    let project = Project::new(&home);
    let pids = ["facts", "other"].map(|name| start(&project, &project.config(name, &["A"])));
    let held = leases(&home);
    let said = home.ok(&["daemon", "stop", "--end-leases"]);
    assert_eq!(said.lines().count(), 3, "{said}");
    assert!(said.contains("Lease ended: facts with ") && said.ends_with("Daemon stopped\n"));
    assert!(leases(&home).is_empty() && pids.into_iter().all(is_alive));
    // A second time there is nothing to end.
    assert_eq!(home.ok(&["daemon", "stop", "--end-leases"]), "Daemon stopped\n");
    pids.into_iter().for_each(|pid| kill("KILL", pid));
    nothing_is_left(&home, &held, &value);
    // Leases of a daemon that is gone count, too.
    project.said("deploy shutdown --name facts");
    let pid = start(&project, "facts.yaml");
    let held = leases(&home);
    home.kill_daemon();
    let said = home.ok(&["daemon", "stop", "--end-leases"]);
    assert!(said.contains("Lease ended: facts") && leases(&home).is_empty(), "{said}");
    kill("KILL", pid);
    nothing_is_left(&home, &held, &value);
    assert_eq!(home.ok(&["daemon", "stop"]), "Daemon is not running\n");
}

#[test]
fn a_secrets_new_value_names_the_connectors_of_leases() {
    let (home, value) = home_with_a_secret();
    home.set("B", "one");
    let project = Project::new(&home);
    let pid = start(&project, &project.config("facts", &["A"]));
    let held = leases(&home);
    let id = held[0].file_name().unwrap().to_str().unwrap();
    let named = format!("facts with {} (lease {id})", project.path("facts.yaml").display());
    assert!(home.set("A", "two").err.contains(&named));
    assert!(!home.set("B", "two").err.contains("facts"), "it does not have B");
    assert!(!home.cli(&["restore", "A"]).err.contains("facts"), "it runs with this value");
    assert!(home.cli(&["restore", "A"]).err.contains(&named));
    assert!(!home.set("A", &value).err.contains("facts"), "it runs with this value");
    let file = home.write("secrets.txt", "A=three\nB=three\n");
    let imported = home.cli(&["import", "--overwrite", file.to_str().unwrap()]);
    assert!(imported.err.contains(&named), "{imported:?}");
    // A daemon that took the lease over knows its secrets too.
    home.ok(&["daemon", "restart"]);
    assert!(home.set("A", "four").err.contains(&named));
    assert!(!home.set("A", &value).err.contains("facts"), "it runs with this value");
    assert!(home.set("A", "four").err.contains(&named));
    assert!(!home.cli(&["restore", "A"]).err.contains("facts"), "it runs with this value");
    kill("KILL", pid);
    nothing_is_left(&home, &held, &value);
    assert!(!home.set("A", "five").err.contains("facts"));
}

#[test]
fn a_lease_whose_connector_is_started_again_is_not_named() {
    let (home, _) = home_with_a_secret();
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    let mut watched =
        Watched::start(&project.cdk(&format!("test --watch -O json --config {config}")));
    watched.expect("started");
    eventually("the connector", || project.given().starts_with("A=cnry-"));
    let told = home.set("A", "two");
    assert!(!told.err.contains("earlier value"), "{told:?}");
    watched.expect("restarted");
    assert!(watched.end().is_empty());
    eventually("the end of the lease", || leases(&home).is_empty());
}

/// What is in the secrets file of the only lease.
fn secrets_file(home: &Home) -> String {
    fs::read_to_string(leases(home)[0].join("secrets.txt")).unwrap()
}

#[test]
fn a_running_connector_finds_a_new_value_in_its_secrets_file() {
    let home = Home::new();
    home.set("A", "one");
    home.set("B", "one");
    let project = Project::new(&home);
    let pid = start(&project, &project.config("facts", &["A", "B"]));
    assert_eq!(secrets_file(&home), "A=one\nB=one\n");
    let told = home.set("A", "two");
    assert_eq!(secrets_file(&home), "A=two\nB=one\n");
    assert!(told.err.contains("in the secrets file of facts with "), "{told:?}");
    let encrypted = fs::read(home.secret_file("A")).unwrap();
    home.ok(&["restore", "A"]);
    assert_eq!(secrets_file(&home), "A=one\nB=one\n");
    // No file of another test has it.
    let three = format!("three-{pid}");
    let file = home.write("secrets.txt", format!("A={three}\nB={three}\n"));
    home.ok(&["import", "--overwrite", file.to_str().unwrap()]);
    assert_eq!(secrets_file(&home), format!("A={three}\nB={three}\n"));
    // Another program replaces the encrypted file, as git does.
    fs::write(home.secret_file("A"), &encrypted).unwrap();
    eventually("the new value", || secrets_file(&home) == format!("A=two\nB={three}\n"));
    let last = home.audit_log().pop().unwrap();
    assert_eq!(last["event"], "update-lease");
    assert_eq!((&last["names"], &last["program"]), (&serde_json::json!(["A"]), &"facts".into()));
    // The same while no daemon runs.
    home.ok(&["restore", "A"]);
    home.kill_daemon();
    fs::write(home.secret_file("A"), &encrypted).unwrap();
    home.ok(&["list"]);
    assert_eq!(secrets_file(&home), format!("A=two\nB={three}\n"));
    home.ok(&["delete", "A"]);
    assert_eq!(secrets_file(&home), format!("A=two\nB={three}\n"), "it may be read again");
    let held = leases(&home);
    kill("KILL", pid);
    nothing_is_left(&home, &held, &three);
}

#[test]
fn d13_a_secrets_file_follows_when_the_vault_is_unlocked() {
    let (home, value) = home_with_a_secret();
    protect(&home, "p");
    unlock(&home, &[], "p");
    let project = Project::new(&home);
    let pid = start(&project, &project.config("facts", &["A"]));
    home.ok(&["lock"]);
    home.set("A", "two");
    assert_eq!(secrets_file(&home), format!("A={value}\n"));
    unlock(&home, &[], "p");
    assert_eq!(secrets_file(&home), "A=two\n");
    let events: Vec<_> = home.audit_log().iter().map(|line| line["event"].clone()).collect();
    assert_eq!(events[events.len() - 4..], ["lock", "set", "unlock", "update-lease"]);
    let held = leases(&home);
    kill("KILL", pid);
    nothing_is_left(&home, &held, &value);
}

#[test]
fn stale_connectors_are_marked_until_they_are_started_again() {
    let home = Home::new();
    ["A", "B", "T"].iter().for_each(|name| _ = home.set(name, "one"));
    let project = Project::new(&home);
    let config = project.config("facts", &["A", "B"]);
    let text = fs::read_to_string(project.path(&config)).unwrap();
    let text = text.replace("  topic: test\n", "  topic: test\n  secrets: [{name: T}]\n");
    project.write(&config, &(text + "  - '${{ secrets.T }}'\n"));
    let pid = start(&project, &config);
    let marks = || {
        let list = home.ok(&["lease", "list", "-O", "json"]);
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        (list[0]["stale"].to_string(), list[0]["updated"].to_string())
    };
    let expected = |stale: &str, updated: &str| (stale.to_owned(), updated.to_owned());
    assert_eq!(marks(), expected("[]", "[]"));
    let second = canary();
    home.set("A", &second);
    assert!(home.ok(&["status"]).contains("), updated in its file"));
    let told = home.set("T", "two");
    assert!(told.err.contains("running with the earlier value: facts with "), "{told:?}");
    assert_eq!(marks(), expected(r#"["T"]"#, r#"["A"]"#));
    let deleted = home.cli(&["delete", "B"]);
    assert!(deleted.err.contains("with a deleted value: facts with "), "{deleted:?}");
    // Also after a restart of the daemon.
    home.kill_daemon();
    assert_eq!(marks(), expected(r#"["B","T"]"#, r#"["A"]"#));
    assert!(home.ok(&["status"]).contains("), stale"));
    let list = home.ok(&["lease", "list"]);
    assert!(list.contains("A (updated) B (stale) T (stale)"), "{list}");
    home.ok(&["restore", "B"]);
    project.said("deploy shutdown --name facts");
    eventually("the connector's end", || !is_alive(pid));
    let pid = start(&project, &config);
    assert_eq!(marks(), expected("[]", "[]"));
    let held = leases(&home);
    kill("KILL", pid);
    nothing_is_left(&home, &held, &second);
}
