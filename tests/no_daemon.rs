//! `run --no-daemon`: a daemon for one connector, which is gone when that starts.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use fluvio_secret_protocol::{Code, Refusal, frame};

use crate::harness::passphrase::protect;
use crate::harness::{
    Home, Said, behind, eventually, kill, make_folder, need, program, said, spawn,
};

/// A home with a secret, whose daemon has stopped.
fn home() -> (Home, std::path::PathBuf) {
    let home = Home::new();
    home.ok(&["set", "A", "a-value"]);
    home.ok(&["daemon", "stop"]);
    let config = home.config(&["A"]);
    (home, config)
}

fn run(home: &Home, config: &Path, options: &[&str], script: &str) -> Command {
    home.run(config, &[&["--no-daemon", "--as-is"], options].concat(), &["sh", "-c", script])
}

fn refused(said: &Said, why: &str) {
    assert_eq!((said.code(), said.out.as_str()), (Some(125), ""), "{said:?}");
    assert!(said.err.contains(why), "{why}: {said:?}");
}

/// Prints the secret, and the process ids of the connector's children, dead ones too.
const CHILDREN: &str = "echo $A; cat /proc/$$/task/$$/children; echo";

#[test]
fn b16_a_connector_starts_without_a_daemon_and_none_stays() {
    let (home, config) = home();
    for options in [&[][..], &["--inject", "env"]] {
        let said = said(&mut run(&home, &config, options, CHILDREN));
        // Only `cat` itself.
        let lines: Vec<_> = said.out.lines().collect();
        assert_eq!(lines[0], "a-value", "{said:?}");
        assert_eq!(lines[1].split_whitespace().count(), 1, "{said:?}");
        assert_eq!(home.daemon_pid(), None);
        assert!(!home.socket().exists());
    }
    let log = home.audit_log();
    let granted: Vec<_> = log.iter().filter(|line| line["event"] == "grant").collect();
    assert_eq!(granted.len(), 2);
    assert_eq!(granted[0]["names"], serde_json::json!(["A"]));
    // The locks are free, and the next daemon serves.
    home.ok(&["list"]);
}

#[test]
fn b16_a_masked_connector_has_no_daemon_either() {
    let (home, config) = home();
    let said = said(&mut run(&home, &config, &["--mask"], CHILDREN));
    assert!(said.out.starts_with("***\n"), "{said:?}");
    assert_eq!(home.daemon_pid(), None);
}

#[test]
fn b16_many_connectors_at_once_wait_for_each_other() {
    let (home, config) = home();
    let running: Vec<_> =
        (0..16).map(|_| spawn(&mut run(&home, &config, &[], "echo $A"))).collect();
    for child in running {
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!(said.out, "a-value\n", "{said:?}");
    }
    assert_eq!(home.daemon_pid(), None);
}

#[test]
fn b16_a_daemon_that_runs_is_used() {
    let (home, config) = home();
    home.ok(&["list"]);
    let daemon = home.daemon_pid();
    assert!(daemon.is_some());
    assert_eq!(said(&mut run(&home, &config, &[], "echo $A")).out, "a-value\n");
    assert_eq!(home.daemon_pid(), daemon);
}

#[test]
fn b16_a_daemon_that_is_just_stopping_is_waited_for() {
    let (home, config) = home();
    let listener = UnixListener::bind(home.socket()).unwrap();
    let socket = home.socket();
    let stopping = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        assert!(client.read(&mut request).unwrap() > 0);
        let refusal = Refusal::new(Code::Stopping, "the daemon is stopping", "try again");
        client.write_all(&frame::encode(&refusal).unwrap()).unwrap();
        fs::remove_file(socket).unwrap();
    });
    let said = said(&mut run(&home, &config, &[], "echo $A"));
    assert_eq!((said.out.as_str(), said.err.as_str()), ("a-value\n", ""), "{said:?}");
    stopping.join().unwrap();
    assert_eq!(home.daemon_pid(), None);
}

#[test]
fn a10_a_vault_of_another_daemon_is_not_opened() {
    let home = Home::new();
    let at = |command: &mut Command, state: &str| {
        command.env_remove("FLUVIO_SECRET_HOME").env("XDG_STATE_HOME", home.path(state));
        said(command)
    };
    let value = home.write("value", "a-value");
    let mut set = home.command("fluvio-secret");
    let set = at(set.args(["set", "A", "--file"]).arg(value), "one");
    assert!(set.status.success(), "{set:?}");
    let config = home.config(&["A"]);
    let said = at(&mut run(&home, &config, &[], "echo $A"), "two");
    let status = at(home.command("fluvio-secret").args(["status", "-O", "json"]), "one");
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    let pid = &status["daemon"]["pid"];
    refused(&said, "another daemon uses the vault");
    refused(&said, &format!("help: stop that daemon first with: kill {pid}"));
    kill("TERM", pid.as_u64().unwrap().try_into().unwrap());
    assert_eq!(at(&mut run(&home, &config, &[], "echo $A"), "two").out, "a-value\n");
}

#[test]
fn b16_what_keeps_it_from_serving_is_reported_and_starts_nothing() {
    let (home, config) = home();
    let settings = home.write("config/settings.toml", "histroy = 1\n");
    refused(&said(&mut run(&home, &config, &[], "echo $A")), "there is no setting `histroy`");
    fs::remove_file(settings).unwrap();
    protect(&home, "p1");
    refused(&said(&mut run(&home, &config, &[], "echo $A")), "the vault is locked");
    let watched = home.cli(&["run", "--no-daemon", "--watch", "--", "true"]);
    assert_eq!(watched.code(), Some(2));
    assert!(watched.err.contains("--no-daemon cannot be used together with --watch"));
    let stray = said(home.command("fluvio-secretd").arg("--connection"));
    assert_eq!(stray.code(), Some(1), "{stray:?}");
    assert_eq!(home.daemon_pid(), None);
}

#[test]
fn b16_a_daemon_that_hangs_costs_five_seconds_and_is_stopped() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let (home, config) = home();
    let started = home.path("started");
    let command = run(&home, &config, &[], &format!("touch {}", started.display()));
    let lock = home.vault().join(".lock");
    // As if that call never came back.
    let hang = "inject=openat:signal=STOP";
    let strace =
        ["strace", "-f", "-qq", "-o", "/dev/null", "-P", lock.to_str().unwrap(), "-e", hang];
    // It ends when all processes have.
    let mut traced = spawn(&mut behind(&strace, &command));
    let mut status = None;
    eventually("the end of the command and its daemon", || {
        status = traced.try_wait().unwrap();
        status.is_some()
    });
    refused(&traced.wait_with_output().unwrap().into(), "did not answer within");
    assert!(!started.exists());
}

#[test]
fn b16_a_daemon_that_hangs_after_its_answer_is_stopped() {
    let (home, config) = home();
    make_folder(&home.path("programs"), 0o700);
    fs::copy(program("fluvio-secret"), home.path("programs/fluvio-secret")).unwrap();
    let (daemon, hung) = (home.path("programs/fluvio-secretd"), home.path("hung"));
    let hangs = format!(
        "#!/bin/sh\n{} \"$@\"\ntouch {}\nexec sleep 1000\n",
        program("fluvio-secretd").display(),
        hung.display()
    );
    fs::write(&daemon, hangs).unwrap();
    fs::set_permissions(&daemon, fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = home.foreign(home.path("programs/fluvio-secret").to_str().unwrap());
    command.args(["run", "--no-daemon", "--as-is", "--config"]).arg(&config);
    let said = said(command.args(["--", "sh", "-c", CHILDREN]));
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!((lines[0], lines[1].split_whitespace().count()), ("a-value", 1), "{said:?}");
    assert!(hung.exists(), "the control");
}

/// A container: a root that cannot be written, a tmpfs for the state, and the command line as the first process.
const CONTAINER: &str = r#"
set -eu
home=$1 root=$1/root state=$2
shift 2
mount -t tmpfs none "$root"
for name in bin lib lib64 usr; do
    if [ -L /$name ]; then
        cp -a /$name "$root/$name"
    elif [ -d /$name ]; then
        mkdir "$root/$name"
        mount --bind /$name "$root/$name"
        mount -o remount,bind,ro "$root/$name"
    fi
done
mkdir "$root/proc" "$root/dev" "$root/home"
mount -t proc none "$root/proc"
touch "$root/dev/null"
mount --bind /dev/null "$root/dev/null"
mount --bind "$home" "$root/home"
mount -o remount,bind,ro "$root/home"
[ "$state" = read-only ] || mount -t tmpfs -o mode=700 none "$root/home/state"
mount -o remount,ro "$root"
exec chroot "$root" env -i PATH="$PATH" FLUVIO_SECRET_HOME=/home FLUVIO_SECRET_IDENTITY_FILE=/home/key.txt \
    /home/programs/fluvio-secret run --no-daemon --config /home/config.yaml "$@"
"#;

/// Starts a process whose parent exits, and waits until both have been reaped.
const ORPHAN: &str = "
(sh -c 'echo $$ > /home/state/orphan' &)
tries=0
until [ -s /home/state/orphan ] && [ ! -e /proc/$(cat /home/state/orphan) ]; do
    sleep 0.02
    tries=$((tries + 1))
    [ $tries -lt 1000 ] || { cat /proc/$(cat /home/state/orphan)/status; exit 1; }
done
echo reaped";

#[test]
fn b16_it_is_the_entry_point_of_a_container_with_a_read_only_root() {
    if !need::root() || !need::tool("unshare") {
        return;
    }
    let (home, _) = home();
    for directory in ["root", "programs"] {
        fs::create_dir(home.path(directory)).unwrap();
    }
    for name in ["fluvio-secret", "fluvio-secretd"] {
        fs::copy(program(name), home.path("programs").join(name)).unwrap();
    }
    // As in a clone of a vault's git, beside a key that the container gets.
    fs::remove_file(home.vault().join(".lock")).unwrap();
    fs::rename(home.path("config/identity.txt"), home.path("key.txt")).unwrap();
    for directory in ["config", "data/history"] {
        fs::remove_dir_all(home.path(directory)).unwrap();
    }
    make_folder(&home.path("config"), 0o700);
    let contained = |state: &str, args: &[&str]| {
        let mut unshare = home.foreign("unshare");
        unshare.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", CONTAINER, "sh"]);
        said(unshare.arg(home.path("")).arg(state).args(args))
    };
    // The shell lists the processes itself.
    let script =
        "echo $$ $A /proc/[0-9]*; grep -o '\"event\":\"grant\",\"pid\":1,' /home/state/audit.log";
    let started = contained("writable", &["--as-is", "--", "sh", "-c", script]);
    let expected = "1 a-value /proc/1\n\"event\":\"grant\",\"pid\":1,\n";
    assert_eq!((started.out.as_str(), started.err.as_str()), (expected, ""), "{started:?}");
    let masked = contained("writable", &["--mask", "--as-is", "--", "sh", "-c", "echo $A; exit 7"]);
    assert_eq!((masked.code(), masked.out.as_str()), (Some(7), "***\n"), "{masked:?}");
    let orphan = ["--mask", "--as-is", "--", "sh", "-c", ORPHAN];
    let reaped = contained("writable", &orphan);
    assert_eq!((reaped.out.as_str(), reaped.err.as_str()), ("reaped\n", ""), "{reaped:?}");
    // Without a line in the audit log, nothing is delivered.
    let said = contained("read-only", &["--as-is", "--", "sh", "-c", "echo $A"]);
    refused(&said, "ead-only");
    refused(&said, "choose another with FLUVIO_SECRET_HOME");
    assert!(!home.vault().join(".lock").exists());
}
