//! A service manager has the socket, and hands it to a daemon at the first connection.

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Home, Said, eventually, is_alive, make_folder, need, program, said, spawn};

/// The socket, held by systemd's stand-in for a service manager until a client connects. It becomes
/// the daemon then.
fn activated(home: &Home) -> Child {
    make_folder(&home.path("state/run"), 0o700);
    let mut manager = home.foreign("systemd-socket-activate");
    manager.arg(format!("--listen={}", home.socket().display()));
    for name in ["FLUVIO_SECRET_HOME", "FLUVIO_SECRET_LOG"] {
        manager.arg(format!("--setenv={name}"));
    }
    let mut child = spawn(manager.arg(program("fluvio-secretd")));
    // The file is there before anybody listens, and then a command would start a daemon itself.
    let (mut said, mut byte) = (Vec::new(), [0]);
    while byte != *b"\n" && child.stderr.as_mut().unwrap().read(&mut byte).unwrap() == 1 {
        said.push(byte[0]);
    }
    assert!(said.starts_with(b"Listening on "), "{}", String::from_utf8_lossy(&said));
    child
}

/// Waits for the end of a daemon that is to refuse. One that serves shall be a failure, and not a test
/// that never ends.
fn refusal(daemon: &mut Command) -> Said {
    let mut daemon = spawn(daemon);
    let deadline = Instant::now() + Duration::from_secs(20);
    while daemon.try_wait().unwrap().is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    // It is gone already, as a rule.
    let _ = daemon.kill();
    daemon.wait_with_output().unwrap().into()
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|found| found.ino())
}

/// The daemon, with this as its descriptor 3 and with these variables, in which `$$` is its process id.
fn handed(home: &Home, descriptor: OwnedFd, variables: &str) -> Command {
    let line = format!("{variables} exec \"$1\" 3<&0 0</dev/null");
    let mut shell = home.foreign("sh");
    shell.args(["-c", &line, "sh"]).arg(program("fluvio-secretd")).stdin(Stdio::from(descriptor));
    shell
}

#[test]
fn b11_an_activated_daemon_serves_and_leaves_the_socket() {
    if !need::tool("systemd-socket-activate") {
        return;
    }
    let home = Home::new();
    let mut manager = activated(&home);
    let socket = inode(&home.socket());
    assert!(home.set("A", "x").status.success());
    assert_eq!(home.daemon_pid(), Some(manager.id()), "it was not started by the command");
    assert_eq!(inode(&home.socket()), socket);
    assert!(home.ok(&["list"]).contains('A'));
    assert_eq!(home.ok(&["daemon", "stop"]), "Daemon stopped\n");
    assert!(manager.wait().unwrap().success());
    assert_eq!(inode(&home.socket()), socket, "the socket is not its own");
    let mut log = String::new();
    manager.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("serving") && log.contains("stopped"), "for the journal: {log}");
    assert!(!home.path("state/daemon.log").exists());
    // No process listens there any more, so the next command is on its own.
    assert!(home.ok(&["list"]).contains('A'));
}

#[test]
fn b11_a_daemon_whose_socket_is_replaced_makes_way_for_the_activated_one() {
    if !need::tool("systemd-socket-activate") {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    let old = home.daemon_pid().unwrap();
    let mut manager = activated(&home);
    assert!(home.ok(&["list"]).contains('A'));
    // It frees its locks before it exits.
    eventually("the end of the old daemon", || !is_alive(old));
    assert_eq!(home.daemon_pid(), Some(manager.id()));
    home.ok(&["daemon", "stop"]);
    assert!(manager.wait().unwrap().success());
}

#[test]
fn b11_who_is_about_to_start_a_daemon_does_not_hold_the_activated_one_up() {
    if !need::tool("systemd-socket-activate") {
        return;
    }
    let home = Home::new();
    let mut manager = activated(&home);
    // As a command does that found no daemon.
    let mut starter = home.foreign("flock");
    starter.arg(home.path("state/run/start.lock")).arg(program("fluvio-secret")).arg("list");
    let listed = said(&mut starter);
    assert!(listed.status.success() && listed.out.starts_with("SecretNames"), "{listed:?}");
    assert_eq!(home.daemon_pid(), Some(manager.id()));
    home.ok(&["daemon", "stop"]);
    assert!(manager.wait().unwrap().success());
}

#[test]
fn b11_who_waits_at_the_socket_is_served_by_the_next_daemon() {
    let home = Home::new();
    make_folder(&home.path("state/run"), 0o700);
    let listener = UnixListener::bind(home.socket()).unwrap();
    let start = || {
        let descriptor = listener.try_clone().unwrap().into();
        spawn(&mut handed(&home, descriptor, "LISTEN_PID=$$ LISTEN_FDS=1"))
    };
    let mut first = start();
    assert!(home.set("A", "x").status.success());
    home.ok(&["daemon", "stop"]);
    assert!(first.wait().unwrap().success());
    // The socket takes the connection, and no process reads from it.
    let waiting = spawn(home.command("fluvio-secret").arg("list"));
    let mut second = start();
    let listed: Said = waiting.wait_with_output().unwrap().into();
    assert!(listed.status.success() && listed.out.contains('A'), "{listed:?}");
    assert_eq!(home.daemon_pid(), Some(second.id()));
    home.ok(&["daemon", "stop"]);
    assert!(second.wait().unwrap().success());
}

#[test]
fn b11_a_daemon_that_cannot_serve_gives_the_cause_to_who_activated_it() {
    if !need::tool("systemd-socket-activate") {
        return;
    }
    let home = Home::new();
    make_folder(&home.path("data"), 0o700);
    make_folder(&home.vault(), 0o755);
    let mut manager = activated(&home);
    // More than fits into the socket's buffer: all of it is read before it is refused.
    let set = home.set("A", vec![b'x'; 1 << 20]);
    assert!(!set.status.success());
    assert!(set.err.contains("cannot start the daemon: others may use"), "{set:?}");
    assert_eq!(manager.wait().unwrap().code(), Some(1));
}

#[test]
fn b11_what_is_handed_over_and_cannot_be_served_is_refused() {
    let home = Home::new();
    make_folder(&home.path("state/run"), 0o700);
    let for_it = "LISTEN_PID=$$ LISTEN_FDS=1";
    let listener = || UnixListener::bind(home.path("socket")).unwrap().into();
    let file = || File::open("/dev/null").unwrap().into();
    let refused = |descriptor: OwnedFd, variables: &str, why: &str| {
        let said = refusal(&mut handed(&home, descriptor, variables));
        let _ = fs::remove_file(home.path("socket"));
        assert_eq!(said.code(), Some(1), "{variables}: {said:?}");
        assert!(said.err.contains(why), "{variables}: {said:?}");
        assert!(!home.socket().exists(), "{variables}: it bound one of its own");
    };
    refused(listener(), "LISTEN_PID=1 LISTEN_FDS=1", "for another process: LISTEN_PID is not");
    refused(listener(), "LISTEN_FDS=1", "for another process: LISTEN_PID is not");
    refused(listener(), "LISTEN_PID=$$ LISTEN_FDS=2", "LISTEN_FDS is `2`");
    refused(listener(), "LISTEN_PID=$$ LISTEN_FDS=0", "LISTEN_FDS is `0`");
    refused(listener(), "LISTEN_PID=$$ LISTEN_FDS=x", "LISTEN_FDS is `x`");
    refused(listener(), for_it, "but the commands use");
    refused(
        file(),
        for_it,
        "descriptor 3 is not a listening Unix socket: Socket operation on non-socket",
    );
    refused(TcpListener::bind("127.0.0.1:0").unwrap().into(), for_it, "another kind of socket");
    refused(UnixDatagram::unbound().unwrap().into(), for_it, "another kind of socket");
    refused(UnixStream::pair().unwrap().0.into(), for_it, "does not listen");
    // Without a descriptor 3 at all.
    let closed = format!("{for_it} exec \"$1\" 3<&-;");
    refused(file(), &closed, "socket: it is closed");
}

#[test]
fn a_daemon_that_is_started_by_hand_leaves_a_socket_at_which_somebody_listens() {
    let home = Home::new();
    make_folder(&home.path("state/run"), 0o700);
    // As a service manager does before anybody connects.
    let listener = UnixListener::bind(home.socket()).unwrap();
    let socket = inode(&home.socket());
    let said = refusal(&mut home.command("fluvio-secretd"));
    assert_eq!(said.code(), Some(1), "{said:?}");
    assert!(said.err.contains("another daemon already serves"), "{said:?}");
    assert_eq!(inode(&home.socket()), socket);
    drop(listener);
    fs::remove_file(home.socket()).unwrap();
}

#[test]
fn variables_of_a_service_manager_do_not_reach_a_daemon_that_a_command_starts() {
    let home = Home::new();
    let mut list = home.command("fluvio-secret");
    list.arg("list").env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
    assert!(said(&mut list).status.success());
}
