//! The stand-in itself; also, because of this test Cargo builds it for the others.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(30);

/// A cluster, and the program that works on it.
struct Cluster(TempDir);

/// What a program printed, and how it ended.
#[derive(Debug)]
struct Printed {
    out: String,
    err: String,
    status: ExitStatus,
}

impl Cluster {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One with the topic `t`.
    fn with_topic() -> Self {
        let cluster = Self::new();
        cluster.ok("topic create t --retention-time 3650d");
        cluster
    }

    fn command(&self, line: &str) -> Command {
        let mut fluvio = Command::new(env!("CARGO_BIN_EXE_fluvio-stand-in"));
        fluvio.args(line.split(' ')).env("FLUVIO_STAND_IN", self.0.path()).stdin(Stdio::null());
        fluvio
    }

    fn run(&self, line: &str) -> Printed {
        let output = self.command(line).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Printed { out: text(output.stdout), err: text(output.stderr), status: output.status }
    }

    fn ok(&self, line: &str) -> String {
        let printed = self.run(line);
        assert!(printed.status.success(), "{line}: {printed:?}");
        printed.out
    }

    fn produce(&self, lines: &str) -> Printed {
        let mut producer = Producer::start(self, "produce t --key-separator :");
        producer.send(lines);
        producer.end()
    }

    /// All records that are there.
    fn records(&self, options: &str) -> String {
        self.consume(&format!("-d -B{options}"))
    }

    fn consume(&self, options: &str) -> String {
        let mut consume = self.command(&format!("consume t --disable-progressbar {options}"));
        let output = consume.args(["-F", "{{offset}} {{key}} {{value}}"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn fault(&self, name: &str) -> PathBuf {
        self.0.path().join("faults").join(name)
    }

    fn order(&self, name: &str, text: &str) {
        fs::write(self.fault(name), text).unwrap();
    }
}

/// A producer that keeps running.
struct Producer {
    child: Child,
    stdin: ChildStdin,
}

impl Producer {
    fn start(cluster: &Cluster, line: &str) -> Self {
        let mut command = cluster.command(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin }
    }

    /// It may have exited already.
    fn send(&mut self, lines: &str) {
        let _ = self.stdin.write_all(lines.as_bytes());
    }

    fn end(self) -> Printed {
        drop(self.stdin);
        let output = self.child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Printed { out: text(output.stdout), err: text(output.stderr), status: output.status }
    }
}

/// A consumer that follows.
struct Follower {
    child: Child,
    lines: Receiver<String>,
}

impl Follower {
    fn start(cluster: &Cluster, options: &str) -> Self {
        let mut command = cluster.command(&format!("consume t {options}"));
        command.args(["-F", "{{offset}} {{value}}"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(DEADLINE).unwrap()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_topic_is_made_listed_and_deleted() {
    let cluster = Cluster::new();
    assert_eq!(cluster.ok("topic list -O json"), "No topics found\n");
    assert_eq!(cluster.ok("topic create t --retention-time 3650d"), "topic \"t\" created\n");
    let again = cluster.run("topic create t");
    assert!(again.err.contains("already exists"), "{again:?}");
    assert_eq!(again.status.code(), Some(1));
    let list = cluster.ok("topic list -O json");
    assert!(list.contains("\"name\": \"t\"") && list.contains("315360000"), "{list}");
    assert_eq!(cluster.ok("topic delete t"), "topic \"t\" deleted\n");
    assert_eq!(cluster.run("topic delete t").status.code(), Some(1));
    assert_eq!(cluster.ok("topic list -O json"), "No topics found\n");
}

#[test]
fn names_that_fluvio_refuses_are_refused() {
    let cluster = Cluster::new();
    for name in ["a.2", "A", "a_b", "a-", &"a".repeat(64)] {
        let printed = cluster.run(&format!("topic create {name}"));
        assert!(printed.err.starts_with("Invalid argument: Invalid Topic name"), "{printed:?}");
    }
    cluster.ok(&format!("topic create {}", "a".repeat(63)));
}

#[test]
fn records_are_consumed_from_where_it_is_said() {
    let cluster = Cluster::with_topic();
    let produced = cluster.produce("k:a\nno separator\nk:b:c\nl:d");
    assert!(produced.status.success() && produced.err.contains("no separator"), "{produced:?}");
    assert_eq!(cluster.records(""), "0 k a\n1 k b:c\n2 l d\n");
    assert_eq!(cluster.consume("-d --start 1"), "1 k b:c\n2 l d\n");
    assert_eq!(cluster.consume("-d -T 1"), "2 l d\n");
    assert_eq!(cluster.consume("-d --start 7"), "");
    assert_eq!(cluster.consume("-B --end 1"), "0 k a\n1 k b:c\n");
}

#[test]
fn a_record_without_a_key_and_its_time_are_printed() {
    let cluster = Cluster::with_topic();
    let mut producer = Producer::start(&cluster, "produce t");
    producer.send("a {{key}}\n");
    assert!(producer.end().status.success());
    let mut consume = cluster.command("consume t -B -d");
    let output = consume.args(["-F", "{{time}} {{key}} {{value}}"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (time, rest) = text.split_once(' ').unwrap();
    assert!(time.len() == "2026-01-01T00:00:00.000Z".len() && time.ends_with('Z'), "{text}");
    assert_eq!(rest, "null a {{key}}\n");
}

#[test]
fn a_topic_that_is_not_there_is_an_error() {
    let cluster = Cluster::new();
    for line in ["consume t -B -d", "produce t"] {
        let printed = cluster.run(line);
        assert_eq!((&*printed.err, printed.status.code()), ("Topic not found: t\n", Some(1)));
    }
}

#[test]
fn a_record_over_the_limit_ends_its_producer() {
    let cluster = Cluster::with_topic();
    let large = "x".repeat(1_398_180);
    let refused = cluster.produce(&format!("k:a\nk:{large}\nk:b\n"));
    assert!(refused.err.contains("exceeded maximum request size"), "{refused:?}");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(cluster.records(""), "0 k a\n");
}

#[test]
fn a_consumer_silently_leaves_out_what_is_over_its_limit() {
    let cluster = Cluster::with_topic();
    let line = "produce t --key-separator : --isolation read_committed --max-request-size 4000000";
    let mut producer = Producer::start(&cluster, line);
    let large = "x".repeat(1_398_180);
    producer.send(&format!("k:a\nk:{large}\nk:b\n"));
    assert!(producer.end().status.success());
    assert_eq!(cluster.records(" --maxbytes 1398000"), "0 k a\n2 k b\n");
    assert_eq!(cluster.records(" --maxbytes 4000000"), format!("0 k a\n1 k {large}\n2 k b\n"));
}

#[test]
fn a_consumer_loses_the_record_at_the_end_of_what_it_reads_at_once() {
    let cluster = Cluster::with_topic();
    // Each takes 300 bytes.
    let value = "x".repeat(300 - 71 - 1);
    cluster.produce(&format!("k:{value}\n").repeat(10));
    let offsets = |options: &str| {
        let records = cluster.consume(&format!("-d {options}"));
        let offsets = records.lines().map(|line| line.split_once(' ').unwrap().0.to_owned());
        offsets.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(offsets("-B --maxbytes 1000"), "0 1 2 4 5 6 8 9");
    assert_eq!(offsets("--start 3 --maxbytes 1000"), "3 4 5 7 8 9");
    assert_eq!(offsets("-B --maxbytes 299"), "");
    assert_eq!(offsets("-B --maxbytes 3000"), "0 1 2 3 4 5 6 7 8 9");
}

#[test]
fn a_follower_has_each_record_at_once() {
    let cluster = Cluster::with_topic();
    cluster.produce("k:a\n");
    let follower = Follower::start(&cluster, "-B");
    assert_eq!(follower.next(), "0 a");
    let mut producer = Producer::start(&cluster, "produce t --key k");
    for number in 1..50 {
        producer.send(&format!("v{number}\n"));
        assert_eq!(follower.next(), format!("{number} v{number}"));
    }
}

#[test]
fn many_producers_store_all_records() {
    let cluster = Cluster::with_topic();
    thread::scope(|scope| {
        for producer in 0..4 {
            let cluster = &cluster;
            let lines: String = (0..100).map(|n| format!("{producer}:{n}\n")).collect();
            scope.spawn(move || assert!(cluster.produce(&lines).status.success()));
        }
    });
    let records = cluster.records("");
    for producer in 0..4 {
        let of_producer = format!(" {producer} ");
        let numbers = records.lines().filter_map(|line| Some(line.split_once(&of_producer)?.1));
        assert!(numbers.eq((0..100).map(|n| n.to_string())), "{records}");
    }
}

#[test]
fn a_cluster_that_is_down_refuses_all_and_a_follower_waits() {
    let cluster = Cluster::with_topic();
    let follower = Follower::start(&cluster, "-B");
    let mut producer = Producer::start(&cluster, "produce t");
    producer.send("a\n");
    assert_eq!(follower.next(), "0 a");
    cluster.order("down", "");
    producer.send("b\n");
    for line in ["consume t -B -d", "produce t", "topic list", "topic create u", "topic delete t"] {
        let printed = cluster.run(line);
        assert!(printed.err.contains("Connection refused"), "{line}: {printed:?}");
        assert_eq!(printed.status.code(), Some(1), "{line}");
    }
    fs::remove_file(cluster.fault("down")).unwrap();
    assert_eq!(follower.next(), "1 b");
    let ended = producer.end();
    assert!(ended.status.success() && ended.err.contains("ERROR"), "{ended:?}");
}

#[test]
fn records_of_a_topic_that_was_deleted_while_they_were_out_of_reach_stay() {
    let cluster = Cluster::with_topic();
    cluster.produce("k:a\n");
    cluster.order("spu-down", "");
    let consume = cluster.run("consume t -B -d");
    assert_eq!(consume.status.code(), Some(1), "{consume:?}");
    cluster.ok("topic delete t");
    assert_eq!(cluster.ok("topic list"), "No topics found\n");
    fs::remove_file(cluster.fault("spu-down")).unwrap();
    cluster.ok("topic create t");
    assert_eq!(cluster.records(""), "0 k a\n");
    cluster.ok("topic delete t");
    cluster.ok("topic create t");
    assert_eq!(cluster.records(""), "");
}

#[test]
fn a_producer_that_hangs_reads_nothing_more() {
    let cluster = Cluster::with_topic();
    cluster.order("produce-hang", "");
    let mut producer = Producer::start(&cluster, "produce t --key k");
    producer.send("a\nb\n");
    // Another producer could hang in its place.
    let deadline = Instant::now() + DEADLINE;
    while cluster.fault("produce-hang").exists() {
        assert!(Instant::now() < deadline, "it does not take the fault");
        thread::sleep(Duration::from_millis(5));
    }
    let follower = Follower::start(&cluster, "-B");
    cluster.produce("k:c\n");
    assert_eq!(follower.next(), "0 c");
    assert!(producer.child.try_wait().unwrap().is_none());
    producer.child.kill().unwrap();
    producer.end();
    assert_eq!(cluster.records(""), "0 k c\n");
}

#[test]
fn followers_end_when_that_is_ordered() {
    let cluster = Cluster::with_topic();
    let mut follower = Follower::start(&cluster, "-B");
    cluster.produce("k:a\n");
    assert_eq!(follower.next(), "0 a");
    cluster.order("followers-end", "");
    cluster.order("down", "");
    let end = follower.lines.recv_timeout(DEADLINE);
    assert_eq!(end, Err(RecvTimeoutError::Disconnected));
    assert_eq!(follower.child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_follower_of_a_topic_that_was_made_again_misses_what_came_before_its_offset() {
    let cluster = Cluster::with_topic();
    cluster.produce("k:a\nk:b\n");
    let follower = Follower::start(&cluster, "-B");
    assert_eq!((follower.next(), follower.next()), ("0 a".into(), "1 b".into()));
    cluster.ok("topic delete t");
    cluster.ok("topic create t");
    cluster.produce("k:c\nk:d\nk:e\n");
    assert_eq!(follower.next(), "2 e");
}

#[test]
fn records_are_delivered_as_badly_as_is_ordered() {
    let cluster = Cluster::with_topic();
    cluster.produce("k:aa\nk:bb\nk:cc\n");
    cluster.order("consume-reversed", "2");
    assert_eq!(cluster.records(""), "1 k bb\n0 k aa\n2 k cc\n");
    fs::remove_file(cluster.fault("consume-reversed")).unwrap();
    cluster.order("consume-twice", "");
    assert_eq!(cluster.consume("-d --start 2"), "2 k cc\n2 k cc\n");
    fs::remove_file(cluster.fault("consume-twice")).unwrap();
    for (fault, text, delivered) in [
        ("consume-cut", "", "0 k a\n1 k bb\n2 k cc\n"),
        ("consume-garbage", "noise", "noise\n0 k aa\n1 k bb\n2 k cc\n"),
        ("consume-skip", "", "1 k bb\n2 k cc\n"),
        ("consume-die", "", "0 k"),
    ] {
        cluster.order(fault, text);
        assert_eq!(cluster.records(""), delivered, "{fault}");
        assert_eq!(cluster.records(""), "0 k aa\n1 k bb\n2 k cc\n", "once: {fault}");
    }
}

#[test]
fn records_are_stored_as_badly_as_is_ordered() {
    let cluster = Cluster::with_topic();
    cluster.order("produce-die", "");
    let killed = cluster.produce(&format!("k:{}\nk:b\n", "a".repeat(1000)));
    assert_eq!(killed.status.signal(), Some(9));
    assert_eq!(cluster.records(""), "");
    let follower = Follower::start(&cluster, "-B");
    cluster.produce("k:c\n");
    assert_eq!(follower.next(), "0 c");
    assert_eq!(cluster.records(""), "0 k c\n");
    cluster.order("produce-lost", "");
    assert!(cluster.produce("k:d\nk:e\n").status.success());
    assert_eq!(cluster.records(""), "0 k c\n1 k e\n");
    cluster.order("produce-refused", "");
    assert_eq!(cluster.produce("k:f\n").status.code(), Some(1));
    cluster.order("produce-twice", "");
    cluster.produce("k:g\n");
    assert_eq!(cluster.records(""), "0 k c\n1 k e\n2 k g\n3 k g\n");
}
