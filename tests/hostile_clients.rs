//! Programs at the socket that aren't ours, or that run as another user.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::wire::{connect, exchange, frame, rest};
use crate::harness::{
    Home, behind, canary, eventually, is_alive, make_folder, need, program, said, spawn,
};

const STRANGER: u32 = 65534;

#[test]
fn c2_lengths_that_are_none_are_answered_and_the_connection_closed() {
    let home = Home::new();
    home.ok(&["list"]);
    for length in [(64 << 10) + 1, 1 << 31, u32::MAX] {
        let answer = exchange(&home, &length.to_be_bytes());
        assert!(answer.contains(r#""code":"large""#), "{length}: {answer}");
    }
    let answer = exchange(&home, &0u32.to_be_bytes());
    assert!(answer.contains(r#""code":"malformed""#), "{answer}");
    let answer = exchange(&home, &frame("x", b""));
    assert!(answer.contains(r#""code":"malformed""#), "{answer}");
    let long = frame(&format!("\"{}\"", "x".repeat((64 << 10) - 2)), b"");
    assert!(exchange(&home, &long).contains(r#""code":"malformed""#), "the longest header");
    let parts = frame(r#"{"version":1,"parts":[99999999],"message":{"set":{"name":"A"}}}"#, b"");
    assert!(exchange(&home, &parts).contains(r#""code":"large""#));
    home.ok(&["list"]);
}

#[test]
fn c2_half_frames_and_silence_end_by_the_deadline() {
    let home = Home::new();
    home.ok(&["list"]);
    let set = r#"{"version":1,"parts":[100],"message":{"set":{"name":"A"}}}"#;
    let begun = Instant::now();
    let streams: Vec<_> =
        [&b""[..], &[0], &[0, 0, 0, 9], &frame(set, b"")[..20], &frame(set, b"half")]
            .into_iter()
            .map(|bytes| {
                let mut stream = connect(&home);
                stream.write_all(bytes).unwrap();
                stream
            })
            .collect();
    // A byte each second, which is never silent for long.
    let mut trickle = connect(&home);
    let trickling = thread::spawn(move || {
        for &byte in frame(set, b"").iter().cycle().take(20) {
            if trickle.write_all(&[byte]).is_err() {
                return true;
            }
            thread::sleep(Duration::from_secs(1));
        }
        false
    });
    for stream in streams {
        assert_eq!(rest(stream), "");
    }
    assert!(trickling.join().unwrap(), "a byte now and then does not prolong it");
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(9), "{took:?}");
    assert!(home.audit_log().is_empty(), "nothing was set");
    home.ok(&["list"]);
}

#[test]
fn c2_what_is_announced_and_not_sent_takes_no_memory() {
    let home = Home::new();
    home.ok(&["list"]);
    let set = r#"{"version":1,"parts":[1048576],"message":{"set":{"name":"A"}}}"#;
    let streams: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = connect(&home);
            stream.write_all(&frame(set, b"x")).unwrap();
            stream
        })
        .collect();
    home.ok(&["status"]);
    let pid = home.daemon_pid().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: usize = resident.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 32 << 10, "{kilobytes} kB");
    drop(streams);
}

/// How long `status` takes over a new connection.
fn time_of_status(home: &Home) -> Duration {
    let ask = frame(r#"{"version":1,"parts":[],"message":"status"}"#, b"");
    let begun = Instant::now();
    let mut stream = connect(home);
    stream.write_all(&ask).unwrap();
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).unwrap();
    begun.elapsed()
}

/// What 99 of 100 stay below.
fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() - times.len() / 100]
}

/// The memory that a process has, in KiB.
fn resident_kib(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn c14_values_that_nobody_takes_fill_no_memory_and_it_is_given_back() {
    let home = Home::new();
    let names = ["A", "B", "C", "D", "E", "F", "G", "H"];
    for name in names {
        assert!(home.set(name, vec![b'x'; 1 << 20]).status.success());
    }
    let path = home.config(&names);
    let config = fs::read(&path).unwrap();
    let daemon = home.daemon_pid().unwrap();
    let before = resident_kib(daemon);
    let header = format!(
        r#"{{"version":1,"parts":[{}],"message":{{"grant":{{"label":"l","program":"p","check":false}}}}}}"#,
        config.len()
    );
    let grants = || home.audit_log().iter().filter(|line| line["event"] == "grant").count();
    let mut most = 0;
    let never_read: Vec<_> = (0..60)
        .map(|_| {
            let mut stream = connect(&home);
            stream.write_all(&frame(&header, &config)).unwrap();
            stream
        })
        .collect();
    // More than there is room for at a time: clients that take nothing have made way.
    eventually("the grants", || {
        most = most.max(resident_kib(daemon));
        grants() >= 20
    });
    assert!(most < before + (128 << 10), "{most} KiB, {before} KiB before");
    let run = said(&mut home.run(&path, &[], &["true"]));
    assert!(run.status.success(), "{run:?}");
    drop(never_read);
    eventually("the memory", || resident_kib(daemon) < before + (24 << 10));
}

#[test]
fn c14_values_that_are_announced_or_sent_by_many_fill_no_memory() {
    let home = Home::new();
    home.ok(&["list"]);
    let daemon = home.daemon_pid().unwrap();
    let before = resident_kib(daemon);
    let lengths = ["1048576"; 8].join(",");
    let names = (0..8).map(|n| format!("\"N{n}\"")).collect::<Vec<_>>().join(",");
    let header = format!(
        r#"{{"version":1,"parts":[{lengths}],"message":{{"import":{{"names":[{names}],"overwrite":false,"dry_run":true}}}}}}"#
    );
    // All but the last byte.
    let bytes = frame(&header, &vec![b'x'; (8 << 20) - 1]);
    let senders: Vec<_> = (0..40)
        .map(|_| {
            let (mut stream, bytes) = (connect(&home), bytes.clone());
            thread::spawn(move || stream.write_all(&bytes).map(|()| stream))
        })
        .collect();
    let mut most = 0;
    eventually("the senders", || {
        most = most.max(resident_kib(daemon));
        senders.iter().all(thread::JoinHandle::is_finished)
    });
    assert!(most < before + (128 << 10), "{most} KiB, {before} KiB before");
    drop(senders);
    home.set("A", "x");
    eventually("the memory", || resident_kib(daemon) < before + (24 << 10));
}

#[test]
fn c3_silent_clients_do_not_keep_the_others_out() {
    let home = Home::new();
    home.set("A", vec![b'x'; 1 << 20]);
    let quiet = Home::new();
    quiet.ok(&["list"]);
    // What a crowd costs it costs each time; what a busy machine does to a few of these it does not.
    let mut rounds = Vec::new();
    let is_fast = (0..3).any(|_| {
        let (crowded, alone) = times_of_status(&home, &quiet);
        rounds.push(format!("{crowded:?} in a crowd, {alone:?} alone"));
        crowded <= Duration::from_millis(5).max(alone * 3)
    });
    assert!(is_fast, "{rounds:?}");
    home.ok(&["list"]);
}

/// What 99 of 100 wait for a daemon that has a crowd of silent clients, and for one that has none.
fn times_of_status(home: &Home, quiet: &Home) -> (Duration, Duration) {
    // More than the daemon serves at once; half of them in the middle of a frame.
    let half_open: Vec<_> = (0..500)
        .map(|n| {
            let mut stream = connect(home);
            stream.write_all(&[0, 0, 0][..n % 4]).unwrap();
            stream
        })
        .collect();
    // While they are there: they are sent away after five seconds, and then there is no crowd.
    let first = time_of_status(home);
    assert!(first < Duration::from_secs(2), "{first:?} behind a crowd that has just come");
    // And some that ask for a megabyte, and never read it.
    let config = "secret: {name: A}";
    let grant = r#"{"version":1,"parts":[17],"message":{"grant":{"label":"l","program":"p","check":false}}}"#;
    // Counted by their ends: the last line may be half there while it is written.
    let lines = || {
        let log = fs::read(home.path("state/audit.log")).unwrap();
        log.iter().filter(|byte| **byte == b'\n').count()
    };
    let granted = lines();
    let never_read: Vec<_> = (0..50)
        .map(|_| {
            let mut stream = connect(home);
            stream.write_all(&frame(grant, config.as_bytes())).unwrap();
            stream
        })
        .collect();
    eventually("the grants", || lines() >= granted + 50);
    // A machine that is busy with other things delays a daemon without a crowd as well. Asked in
    // turn, both meet the same delays.
    let times = (0..400).map(|_| (time_of_status(home), time_of_status(quiet)));
    let (crowded, alone): (Vec<_>, Vec<_>) = times.unzip();
    drop((half_open, never_read));
    (p99(crowded), p99(alone))
}

#[test]
fn c13_silent_clients_keep_nobody_out_where_few_files_may_be_open() {
    for files in [56, 64, 128] {
        let home = Home::new();
        let limit = format!("--nofile={files}:{files}");
        let mut start = home.command("fluvio-secretd");
        assert!(said(&mut behind(&["prlimit", &limit], start.arg("--start"))).status.success());
        home.set("A", "x");
        let config = home.config(&["A"]);
        // As many as there would have to be patience for, and each in the place of another.
        let silent: Vec<_> = (0..300).map(|_| connect(&home)).collect();
        home.ok(&["list"]);
        home.ok(&["set", "B", "y"]);
        let run = said(&mut home.run(&config, &["--as-is"], &["printenv", "A"]));
        assert_eq!(run.out, "x\n", "{files}: {run:?}");
        drop(silent);
        let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
        assert!(!log.contains("open files"), "{files}: {log}");
    }
}

#[test]
fn c5_two_thousand_commands_in_bursts_all_get_through() {
    let home = Home::new();
    home.set("A", "x");
    for _ in 0..10 {
        let commands: Vec<_> =
            (0..200).map(|_| spawn(home.command("fluvio-secret").arg("list"))).collect();
        for command in commands {
            let output = command.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn a_request_in_pieces_is_a_request() {
    let home = Home::new();
    home.ok(&["list"]);
    let mut stream = connect(&home);
    for byte in frame(r#"{"version":1,"parts":[1],"message":{"set":{"name":"A"}}}"#, b"x") {
        stream.write_all(&[byte]).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(rest(stream).contains("stored"));
}

#[test]
fn b12_another_version_is_told_ours_and_may_stop_the_daemon() {
    let home = Home::new();
    home.ok(&["list"]);
    let answer = exchange(&home, &frame(r#"{"version":99,"parts":[],"message":"unheard"}"#, b""));
    assert!(
        answer.contains(r#"{"version":1,"#) && answer.contains(r#""code":"version""#),
        "{answer}"
    );
    let pid = home.daemon_pid().unwrap();
    exchange(&home, &frame(r#"{"version":99,"parts":[],"message":"stop"}"#, b""));
    eventually("the daemon's end", || !is_alive(pid));
}

#[test]
fn d7_no_answer_and_no_log_repeats_a_malformed_request() {
    let home = Home::new();
    let canary = canary();
    let mut start = home.command("fluvio-secret");
    assert!(said(start.arg("list").env("FLUVIO_SECRET_LOG", "trace")).status.success());
    for header in [
        format!(r#"{{"version":1,"parts":[],"message":"{canary}"}}"#),
        format!(r#"{{"version":1,"parts":[],"message":{{"set":{{"name":"{canary}"}}}}}}"#),
        format!(
            r#"{{"version":1,"parts":[],"message":{{"delete":{{"name":"A","x":"{canary}"}}}}}}"#
        ),
        format!(r#"{{"version":"{canary}","parts":[],"message":"list"}}"#),
        format!(r#"{{"{canary}":1}}"#),
        canary.clone(),
    ] {
        let answer = exchange(&home, &frame(&header, b""));
        assert!(answer.contains(r#""code":"malformed""#), "{header}: {answer}");
        assert!(!answer.contains(&canary), "{answer}");
    }
    let grant = r#"{"version":1,"parts":[LEN],"message":{"grant":{"label":"l","program":"p","check":false}}}"#;
    for config in
        [format!("a: [{canary}"), format!("a: *{canary}"), format!("{canary}: 1\n{canary}: 2")]
    {
        let header = grant.replace("LEN", &config.len().to_string());
        let answer = exchange(&home, &frame(&header, config.as_bytes()));
        assert!(answer.contains(r#""code":"config""#), "{answer}");
        assert!(!answer.contains(&canary), "{answer}");
    }
    home.ok(&["daemon", "stop"]);
    assert_eq!(home.files_with(&canary), Vec::<std::path::PathBuf>::new());
}

/// Runs a Perl script as another user; Perl is what a Debian system always has.
fn as_stranger(script: &str, arg: &std::path::Path) -> Command {
    let mut command = Command::new("perl");
    command.args(["-MIO::Socket::UNIX", "-MSocket", "-e", script]).arg(arg);
    command.uid(STRANGER).gid(STRANGER).current_dir("/").stdin(Stdio::null());
    command
}

#[test]
fn c7_another_user_is_served_nothing_and_sees_nothing() {
    if !need::root() || !need::tool("perl") {
        return;
    }
    let home = Home::new();
    home.set("A", canary());
    let daemon = home.daemon_pid().unwrap();
    // Everything that keeps others out is opened by hand; the check of the uid is what is left.
    for (path, mode) in
        [("", 0o755), ("state", 0o755), ("state/run", 0o755), ("state/run/daemon.sock", 0o777)]
    {
        fs::set_permissions(home.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let script = r#"
        my $socket = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "connect: $!";
        my $header = '{"version":1,"parts":[],"message":"list"}';
        local $SIG{PIPE} = 'IGNORE';
        syswrite($socket, pack("N", length $header) . $header);
        my $bytes = '';
        while (sysread($socket, my $more, 4096)) { $bytes .= $more }
        print length $bytes;
    "#;
    let stranger = said(&mut as_stranger(script, &home.socket()));
    assert_eq!((stranger.code(), stranger.out.as_str()), (Some(0), "0"), "{stranger:?}");
    eventually("the line of the log", || {
        let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
        log.contains("uid 65534") && log.contains("refused a connection")
    });
    for file in ["mem", "environ", "maps", "fd"] {
        let mut read = Command::new("cat");
        let read = said(read.arg(format!("/proc/{daemon}/{file}")).uid(STRANGER).gid(STRANGER));
        assert!(read.err.contains("Permission denied"), "{file}: {read:?}");
    }
    home.ok(&["list"]);
}

#[test]
fn c7_not_even_our_own_user_reads_the_daemons_memory() {
    if !need::plain_user() {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    let daemon = home.daemon_pid().unwrap();
    for file in ["mem", "environ", "maps", "fd"] {
        let path = format!("/proc/{daemon}/{file}");
        let refused = fs::read_dir(&path).map(drop).or_else(|_| fs::read(&path).map(drop));
        let error = refused.expect_err("refused");
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{file}: {error}");
    }
}

#[test]
fn c8_a_server_of_another_user_is_told_nothing() {
    if !need::root() || !need::tool("perl") {
        return;
    }
    let home = Home::new();
    let run = home.path("state/run");
    make_folder(&run, 0o700);
    for folder in [home.path(""), home.path("state")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    chown(&run, Some(STRANGER), Some(STRANGER)).unwrap();
    let script = r#"
        my $server = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 9) or die "listen: $!";
        $| = 1;
        print "listens\n";
        my $client = $server->accept;
        sysread($client, my $bytes, 4096);
        print length($bytes // ''), "\n";
    "#;
    let mut server = spawn(&mut as_stranger(script, &home.socket()));
    server.stdout.as_mut().unwrap().read_exact(&mut [0; "listens\n".len()]).unwrap();
    chown(&run, Some(0), Some(0)).unwrap();
    let set = home.set("A", canary());
    assert_eq!(set.code(), Some(69));
    assert!(set.err.contains("served by uid 65534"), "{set:?}");
    let output = loop {
        if server.try_wait().unwrap().is_some() {
            break server.wait_with_output().unwrap();
        }
        thread::yield_now();
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n", "not one byte");
    fs::remove_file(home.socket()).unwrap();
}

#[test]
fn c10_a_client_that_goes_away_has_its_request_done_or_not_and_harms_nobody() {
    let home = Home::new();
    home.ok(&["list"]);
    for n in 0..50 {
        let header =
            format!(r#"{{"version":1,"parts":[1],"message":{{"set":{{"name":"N{n}"}}}}}}"#);
        let mut stream = connect(&home);
        stream.write_all(&frame(&header, b"x")).unwrap();
    }
    let config = home.config(&[]);
    assert!(said(&mut home.run(&config, &[], &["true"])).status.success());
    assert!(program("fluvio-secretd").exists());
    home.ok(&["list"]);
}
