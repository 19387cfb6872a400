//! The daemon starts by itself, belongs to nobody's terminal, and ends without losing anything.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use fluvio_secret_system::parallel::cores;

use crate::harness::pty::Pty;
use crate::harness::trace::{ALL_THREADS, Trace};
use crate::harness::{
    Home, Said, eventually, is_alive, kill, make_folder, need, program, said, spawn, stat, wire,
};

/// Runs a command many times at once.
fn all_at_once(count: usize, command: impl Fn(usize) -> Command) -> Vec<Said> {
    let children: Vec<Child> = (0..count).map(|n| spawn(&mut command(n))).collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap().into()).collect()
}

/// The daemons that serve this home, by what they have open.
fn daemons(home: &Home) -> BTreeSet<u32> {
    let is_ours = |pid: &u32| {
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let cwd = fs::read_link(format!("/proc/{pid}/cwd"));
        // A daemon's environment and descriptors are hidden from its own user; its name is not.
        comm.trim() == "fluvio-secretd"
            && (cwd.is_err() || cwd.is_ok_and(|cwd| cwd.as_os_str() == "/"))
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let serving = home.daemon_pid();
    pids.filter(is_ours).filter(|pid| Some(*pid) == serving || owns(home, *pid)).collect()
}

/// Whether a process holds the lock of this home's vault, by `/proc/locks`.
fn owns(home: &Home, pid: u32) -> bool {
    let Ok(lock) = fs::File::open(home.vault().join(".lock")) else { return false };
    let (device, inode) = (device(&lock), lock.metadata().unwrap().ino());
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    locks.lines().any(|line| is_held_by(line, device, inode, pid))
}

/// The device of an open file as the kernel's lists name it; that of `stat` is another one on btrfs.
fn device(file: &fs::File) -> (u32, u32) {
    let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).unwrap();
    let mount = about.lines().find_map(|line| line.strip_prefix("mnt_id:")).unwrap().trim();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let numbers = lines.find(|words| words[0] == mount).unwrap()[2].to_owned();
    let (major, minor) = numbers.split_once(':').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}

/// Whether a line of `/proc/locks` has a lock of this file by this process. Files on two devices
/// may have the same inode number.
fn is_held_by(line: &str, (major, minor): (u32, u32), inode: u64, pid: u32) -> bool {
    let (file, pid) = (format!("{major:02x}:{minor:02x}:{inode}"), pid.to_string());
    let words: Vec<_> = line.split_whitespace().collect();
    words.windows(2).any(|pair| pair == [&*pid, &*file])
}

#[test]
fn a_lock_of_the_same_inode_on_another_device_is_another_lock() {
    let holds = |line: &str| is_held_by(line, (0, 0x2b), 61, 812);
    assert!(holds("3: FLOCK  ADVISORY  WRITE 812 00:2b:61 0 EOF"));
    for other in ["812 00:2c:61", "812 01:2b:61", "812 00:2b:610", "812 00:2b:161", "1812 00:2b:61"]
    {
        assert!(!holds(&format!("3: FLOCK  ADVISORY  WRITE {other} 0 EOF")), "{other}");
    }
}

#[test]
fn b1_200_commands_at_once_start_one_daemon() {
    let home = Home::new();
    home.set("A", "x");
    let mut before = home.daemon_pid();
    for round in 0..50 {
        if let Some(pid) = before {
            kill("KILL", pid);
            eventually("the daemon's end", || !is_alive(pid));
        }
        let count = if round == 0 { 200 } else { 20 };
        let all = all_at_once(count, |_| {
            let mut list = home.command("fluvio-secret");
            list.arg("list");
            list
        });
        for said in &all {
            assert!(said.status.success() && said.out.contains('A'), "round {round}: {said:?}");
        }
        before = home.daemon_pid();
        assert_eq!(daemons(&home), before.into_iter().collect(), "round {round}");
        assert!(
            before.is_some_and(|pid| owns(&home, pid)),
            "round {round}: its lock is not listed"
        );
    }
}

#[test]
fn b2_what_a_killed_daemon_left_stops_nobody() {
    let home = Home::new();
    home.set("A", "x");
    let unrelated = spawn(home.foreign("sleep").arg("1000"));
    for file in ["state/run/daemon.lock", "state/run/start.lock", "data/vault/.lock"] {
        home.kill_daemon();
        assert!(home.socket().exists(), "left behind");
        // No number in a file is believed.
        home.write(file, unrelated.id().to_string());
        let left = format!("data/vault/.tmp-{}", "0".repeat(32));
        home.write(&left, "half a secret");
        assert!(home.ok(&["list"]).contains('A'));
        eventually("the sweep", || !home.path(&left).exists());
    }
    assert!(is_alive(unrelated.id()));
    kill("KILL", unrelated.id());
    drop(unrelated.wait_with_output());
}

#[test]
fn b2_a_dead_socket_of_anybody_is_replaced() {
    let home = Home::new();
    make_folder(&home.path("state/run"), 0o700);
    drop(UnixListener::bind(home.socket()).unwrap());
    home.ok(&["list"]);
}

#[test]
fn b2_what_is_no_socket_is_refused_and_left() {
    let home = Home::new();
    make_folder(&home.path("state/run"), 0o700);
    home.write("state/run/daemon.sock", "somebody's file");
    let said = home.cli(&["list"]);
    assert_eq!(said.code(), Some(69));
    assert!(said.err.contains("daemon.sock is not a socket"), "{said:?}");
    assert_eq!(fs::read(home.socket()).unwrap(), b"somebody's file");
    fs::remove_file(home.socket()).unwrap();
}

#[test]
fn b6_the_starting_command_returns_at_once_and_the_daemon_keeps_nothing_of_it() {
    let home = Home::new();
    // Its pipes are at their end when the command has ended: the daemon has no copy of them.
    let mut pipes = home.foreign("sh");
    pipes.args(["-c", "x=$(\"$1\" list); \"$1\" list | cat", "sh"]);
    let mut pipes = spawn(pipes.arg(program("fluvio-secret")));
    eventually("the end of the pipes", || pipes.try_wait().unwrap().is_some());
    let said: Said = pipes.wait_with_output().unwrap().into();
    assert!(said.status.success() && said.out.starts_with("SecretNames"), "{said:?}");
    home.ok(&["daemon", "stop"]);
    // A descriptor without close-on-exec, as shells hand on.
    let mut odd = home.foreign("sh");
    odd.args(["-c", "exec \"$1\" list 7>held", "sh"]).arg(program("fluvio-secret"));
    assert!(crate::harness::said(&mut odd).status.success());
    let pid = home.daemon_pid().unwrap();
    let stat = stat(pid).unwrap();
    assert_eq!(stat.session, pid.to_string(), "a session of its own");
    assert_eq!(stat.terminal, "0", "no terminal");
    if !need::root() {
        return;
    }
    assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap().as_os_str(), "/");
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let number: u32 = entry.file_name().to_str().unwrap().parse().unwrap();
        assert!(number > 2 || target.as_os_str() == "/dev/null", "{number}: {target:?}");
        let is_lock =
            target.extension().is_some_and(|end| end == "lock") || target.ends_with(".lock");
        let is_kernels = !target.is_absolute();
        // Open, so that no other directory gets its inode.
        let is_vault = target == home.vault();
        assert!(number <= 2 || is_lock || is_kernels || is_vault, "{number}: {target:?}");
    }
}

#[test]
fn b6_closed_standard_streams_are_no_obstacle() {
    let home = Home::new();
    for streams in ["<&- >&- 2>&-", "<&-", ">&-", "2>&-"] {
        let script = format!("\"$1\" set A x {streams}");
        let said =
            said(home.foreign("sh").args(["-c", &script, "sh"]).arg(program("fluvio-secret")));
        assert!(said.status.success(), "{streams}: {said:?}");
        assert!(home.ok(&["list"]).contains('A'));
        home.ok(&["daemon", "stop"]);
    }
}

#[test]
fn b6_from_cron_or_setsid_the_daemon_is_found_and_started() {
    let home = Home::new();
    let mut cron = home.foreign("setsid");
    cron.args(["--wait"]).arg(program("fluvio-secret")).args(["set", "A", "x"]).env_remove("PATH");
    cron.current_dir("/");
    assert!(said(&mut cron).status.success());
    assert!(home.ok(&["list"]).contains('A'));
}

#[test]
fn b7_the_daemon_outlives_the_terminal_that_it_was_started_from() {
    let home = Home::new();
    let mut shell = home.foreign("sh");
    shell.args(["-c", "\"$1\" list; exec sleep 1000", "sh"]).arg(program("fluvio-secret"));
    let mut pty = Pty::start(&shell);
    pty.expect("LastUpdate");
    let daemon = home.daemon_pid().unwrap();
    // A hang-up, the terminal's end, and the death of everyone in its session.
    kill("HUP", pty.child.id());
    let mut shell = pty.hang_up();
    shell.wait().unwrap();
    assert!(is_alive(daemon));
    assert_eq!(home.daemon_pid(), Some(daemon));
}

#[test]
fn b7_the_daemon_outlives_the_group_that_it_was_started_from() {
    let home = Home::new();
    let mut group = home.foreign("setsid");
    group.args(["--wait", "sh", "-c", "\"$1\" list > listed; kill -KILL 0", "sh"]);
    let said = said(group.arg(program("fluvio-secret")));
    assert!(!said.status.success(), "the group was killed");
    assert!(home.path("listed").exists());
    home.ok(&["status"]);
}

#[test]
fn b8_stopping_loses_no_acknowledged_write() {
    let home = Home::new();
    home.set("A", "x");
    for (round, by_signal) in [true, false, true, false].into_iter().enumerate() {
        let daemon = home.daemon_pid().unwrap();
        let writers: Vec<_> = (0..20)
            .map(|n| {
                let mut set = home.command("fluvio-secret");
                spawn(set.args(["set", &format!("R{round}_{n}"), "x"]))
            })
            .collect();
        if by_signal {
            kill("TERM", daemon);
        } else {
            home.ok(&["daemon", "stop"]);
        }
        eventually("the daemon's end", || !is_alive(daemon));
        let said: Vec<Said> =
            writers.into_iter().map(|child| child.wait_with_output().unwrap().into()).collect();
        let list = home.ok(&["list"]);
        for (n, said) in said.iter().enumerate() {
            let is_kept = list.contains(&format!("R{round}_{n} "));
            assert!(is_kept || !said.status.success(), "acknowledged and lost: {said:?}");
            // A client that came too late was refused, and asked the next daemon.
            assert!(said.status.success(), "{said:?}");
        }
    }
}

#[test]
fn stop_has_ended_the_daemon_when_it_returns() {
    let home = Home::new();
    for _ in 0..20 {
        home.ok(&["daemon", "start"]);
        let pid = home.daemon_pid().unwrap();
        assert_eq!(home.ok(&["daemon", "stop"]), "Daemon stopped\n");
        // Its lock is free and its socket gone; the process itself may still be reaped.
        assert!(!home.socket().exists());
        eventually("the daemon's end", || !is_alive(pid));
    }
    assert_eq!(home.ok(&["daemon", "stop"]), "Daemon is not running\n");
}

#[test]
fn b8_every_signal_ends_it_cleanly_and_soon_also_under_load() {
    let home = Home::new();
    home.set("A", "x");
    for round in 0..100 {
        let signal = ["TERM", "INT", "HUP", "QUIT", "USR1"][round % 5];
        let pid = home.daemon_pid().unwrap();
        // Does nothing to a daemon: it would hear of it by the error of its write.
        kill("PIPE", pid);
        let writers: Vec<_> = (0..2)
            .map(|n| {
                let mut set = home.command("fluvio-secret");
                spawn(set.args(["set", &format!("R{round}_{n}"), "x"]))
            })
            .collect();
        kill(signal, pid);
        eventually(&format!("the daemon's end by SIG{signal}"), || !is_alive(pid));
        for writer in writers {
            let said: Said = writer.wait_with_output().unwrap().into();
            assert!(said.status.success(), "{signal}: {said:?}");
        }
        let list = home.ok(&["list"]);
        assert!((0..2).all(|n| list.contains(&format!("R{round}_{n} "))), "{signal}: {list}");
    }
}

#[test]
fn b5_the_next_daemon_keeps_its_socket_when_the_last_one_ends() {
    let home = Home::new();
    home.ok(&["list"]);
    for round in 1..=20 {
        let last = home.daemon_pid().unwrap();
        // Stopped in the middle of its end, so that the next one comes while it is still there.
        kill("TERM", last);
        let mut next = None;
        eventually("the next one", || {
            // On a busy machine the last one may answer yet, before it hears of the signal.
            home.ok(&["list"]);
            next = home.daemon_pid().filter(|&pid| pid != last);
            next.is_some()
        });
        eventually("the last one's end", || !is_alive(last));
        assert_eq!(home.daemon_pid(), next, "its socket was not removed");
        assert_eq!(daemons(&home), next.into_iter().collect());
        let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
        assert_eq!(log.matches(" serving ").count(), 1 + round, "one for each that ended: {log}");
    }
}

#[test]
fn a_daemon_in_the_foreground_outlives_the_reader_of_its_log() {
    let home = Home::new();
    let mut daemon = home.command("fluvio-secretd");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut daemon = daemon.env("FLUVIO_SECRET_LOG", "trace").stderr(writer).spawn().unwrap();
    eventually("the daemon", || home.cli(&["status"]).status.success());
    drop(reader);
    home.set("A", "x");
    assert!(home.ok(&["list"]).contains('A'));
    kill("TERM", daemon.id());
    assert!(daemon.wait().unwrap().success());
    assert!(!home.socket().exists());
}

#[test]
fn a_daemon_that_was_told_to_stop_by_who_went_away_stops() {
    let home = Home::new();
    home.ok(&["list"]);
    let pid = home.daemon_pid().unwrap();
    let mut stop = crate::harness::wire::connect(&home);
    let frame = crate::harness::wire::frame(r#"{"version":1,"parts":[],"message":"stop"}"#, b"");
    std::io::Write::write_all(&mut stop, &frame).unwrap();
    drop(stop);
    eventually("the daemon's end", || !is_alive(pid));
}

#[test]
fn b4_a_daemon_whose_socket_is_gone_or_anothers_ends_and_removes_nothing() {
    let home = Home::new();
    home.ok(&["list"]);
    let pid = home.daemon_pid().unwrap();
    fs::remove_file(home.socket()).unwrap();
    let others = UnixListener::bind(home.socket()).unwrap();
    eventually("the daemon's end", || !is_alive(pid));
    assert!(home.socket().exists(), "it was not its own");
    drop(others);
    home.ok(&["list"]);
}

#[test]
fn a_second_daemon_is_refused_at_once() {
    let home = Home::new();
    home.ok(&["list"]);
    let mut second = spawn(&mut home.command("fluvio-secretd"));
    eventually("the second daemon's end", || second.try_wait().unwrap().is_some());
    let second: Said = second.wait_with_output().unwrap().into();
    assert_eq!(second.code(), Some(1));
    assert!(second.err.contains("serves") && second.err.contains("daemon stop"), "{second:?}");
    home.ok(&["list"]);
}

#[test]
fn a10_a_second_daemon_at_another_socket_is_refused_the_vault() {
    let home = Home::new();
    home.set("A", "x");
    // Another home with the same vault.
    let other = Home::new();
    make_folder(&other.path("data"), 0o700);
    std::os::unix::fs::symlink(home.vault(), other.vault()).unwrap();
    make_folder(&other.path("config"), 0o700);
    fs::copy(home.path("config/identity.txt"), other.path("config/identity.txt")).unwrap();
    let said = other.cli(&["list"]);
    assert_eq!(said.code(), Some(69));
    assert!(said.err.contains("another daemon uses the vault"), "{said:?}");
    assert!(home.ok(&["list"]).contains('A'));
}

#[test]
fn b3_a_hung_daemon_costs_five_seconds_and_starts_no_connector() {
    let home = Home::new();
    home.set("A", "x");
    let config = home.config(&["A"]);
    home.write("large", vec![b'x'; 1 << 20]);
    let pid = home.daemon_pid().unwrap();
    kill("STOP", pid);
    // A program that waits forever is a failure here, and not a test that never ends.
    let (ended, end) = mpsc::channel::<()>();
    thread::spawn(move || {
        if end.recv_timeout(Duration::from_secs(30)) == Err(RecvTimeoutError::Timeout) {
            kill("CONT", pid);
        }
    });
    let started = home.path("started");
    let mut run = spawn(&mut home.run(&config, &[], &["touch", started.to_str().unwrap()]));
    let list = home.cli(&["list"]);
    // More than the socket's buffer holds, so that already the sending hangs.
    let set = spawn(home.command("fluvio-secret").args(["set", "B", "--file", "large"]));
    let mut err = String::new();
    run.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(125));
    assert_eq!(list.code(), Some(69));
    assert!(list.err.contains("did not answer") && err.contains("did not answer"), "{list:?}");
    assert!(list.err.contains(&format!("(pid {pid}), and may hang")), "{list:?}");
    assert!(!started.exists());
    let set: Said = set.wait_with_output().unwrap().into();
    assert!(set.err.contains("did not answer"), "{set:?}");
    drop(ended);
    kill("CONT", pid);
    assert!(home.ok(&["list"]).contains('A'));
    assert_eq!(home.daemon_pid(), Some(pid), "it was not replaced");
}

#[test]
fn b3_a_daemon_that_says_a_byte_now_and_then_costs_no_more() {
    let home = Home::new();
    make_folder(&home.path("state/run"), 0o700);
    let listener = UnixListener::bind(home.socket()).unwrap();
    let slow = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&[0, 0, 0, 100]).unwrap();
        // Each byte comes before a silence counts as a hang. The client must not wait for all of them.
        (0..60).any(|_| {
            thread::sleep(Duration::from_millis(500));
            stream.write_all(b" ").is_err()
        })
    });
    let list = home.cli(&["list"]);
    assert_eq!(list.code(), Some(69), "{list:?}");
    assert!(list.err.contains("did not answer"), "{list:?}");
    // The socket's maker isn't a daemon. It might be the session's manager, which you should not stop.
    assert!(!list.err.contains(&format!("(pid {})", std::process::id())), "{list:?}");
    fs::remove_file(home.socket()).unwrap();
    assert!(slow.join().unwrap(), "it gave up while bytes still came");
}

#[test]
fn the_programs_find_each_other_beside_the_real_path() {
    let home = Home::new();
    make_folder(&home.path("bin"), 0o700);
    let link = home.path("bin/fluvio-secret");
    std::os::unix::fs::symlink(program("fluvio-secret"), &link).unwrap();
    assert!(said(home.foreign(&link).args(["set", "A", "x"]).env_remove("PATH")).status.success());
    // A copy alone has no neighbours.
    home.ok(&["daemon", "stop"]);
    let copy = home.path("bin/copy");
    // By another process: a program that ours still has open for writing, as a child of another test
    // would inherit it for a moment, cannot be run.
    assert!(said(home.foreign("cp").arg(program("fluvio-secret")).arg(&copy)).status.success());
    let said = said(home.foreign(&copy).arg("list"));
    assert_eq!(said.code(), Some(69));
    assert!(
        said.err.contains("bin/fluvio-secretd") && said.err.contains("one directory"),
        "{said:?}"
    );
}

#[test]
fn e3_no_child_of_the_connector_is_ours() {
    let home = Home::new();
    let config = home.config(&[]);
    // The shim starts the daemon, and becomes this shell, which has no child.
    let ask = ["sh", "-c", "cat /proc/$$/task/$$/children; :", "sh"];
    let said = said(&mut home.run(&config, &[], &ask));
    assert_eq!(said.out.split_whitespace().count(), 1, "only the `cat`: {said:?}");
    assert!(home.daemon_pid().is_some());
}

#[test]
fn a_slow_starter_does_not_hold_others_up_for_ever() {
    let home = Home::new();
    make_folder(&home.path("state/run"), 0o700);
    // Another process holds the start lock and never releases it.
    let mut holder = spawn(
        home.foreign("flock")
            .arg(home.path("state/run/start.lock"))
            .args(["sh", "-c", "echo; exec sleep 1000"])
            .stdin(Stdio::null()),
    );
    holder.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let said = home.cli(&["list"]);
    assert_eq!(said.code(), Some(69));
    assert!(said.err.contains("start.lock"), "{said:?}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    // `flock` is gone; what it started has the lock too.
    thread::yield_now();
}

#[test]
fn b3_clients_are_served_while_all_that_may_read_wait_for_the_disk() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    home.set("A", "one");
    let daemon = home.daemon_pid().unwrap();
    let hang = ["trace=%file", "inject=%file:delay_enter=600000000"];
    let hung = Trace::attach(&home, daemon, ALL_THREADS, &hang);
    let list = wire::frame(r#"{"version":1,"parts":[],"message":"list"}"#, &[]);
    // More than are carried out at the same time.
    let mut waiting: Vec<_> = (0..cores() + 3).map(|_| wire::connect(&home)).collect();
    for client in &mut waiting {
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        client.write_all(&list).unwrap();
    }
    for client in &mut waiting {
        assert!(received(client).contains("working"));
    }
    assert!(wire::exchange(&home, &[0xff; 4]).contains("a length in the frame is over its limit"));
    assert!(home.ok(&["status"]).contains("last known state"));
    hung.end();
    for client in &mut waiting {
        let mut frames = std::iter::repeat_with(|| received(client));
        let answer = frames.find(|frame| !frame.contains("working")).unwrap();
        assert!(answer.contains(r#""listed""#) && answer.contains(r#""A""#), "{answer}");
    }
}

/// The header of the next frame, which has no parts.
fn received(client: &mut UnixStream) -> String {
    let mut prefix = [0; 4];
    client.read_exact(&mut prefix).unwrap();
    let mut header = vec![0; u32::from_be_bytes(prefix) as usize];
    client.read_exact(&mut header).unwrap();
    String::from_utf8(header).unwrap()
}
