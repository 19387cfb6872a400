//! The consumer and the producer: children that run for a long time, each with a thread that waits for it.

use std::io::{self, BufReader, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, SyncSender, channel};
use std::thread;

use fluvio_secret_system::inherited;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::event::TopicFailure;
use super::{fluvio, line};

/// What the threads report.
#[derive(Debug)]
pub(crate) enum ChildMessage {
    /// The consumer has printed a line.
    Line { run: u64, line: Vec<u8> },
    /// The consumer has exited.
    ConsumerEnded { run: u64, failure: Option<TopicFailure> },
    /// The producer has exited.
    ProducerEnded { run: u64, cause: String },
}

/// A running consumer, which is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct ConsumerChild {
    process: OwnedFd,
}

/// A running producer. It exits after this is dropped, when it has sent what it has got.
#[derive(Debug)]
pub(crate) struct ProducerChild {
    process: OwnedFd,
    pub(crate) run: u64,
    pub(crate) topic: String,
    lines: Sender<Vec<u8>>,
}

impl ConsumerChild {
    /// Starts a consumer. It ends with the thread that calls this.
    pub(crate) fn start<M: From<ChildMessage> + Send + 'static>(
        mut command: Command,
        run: u64,
        messages: SyncSender<M>,
    ) -> io::Result<Self> {
        let mut child = inherited::spawn(&mut command)?;
        let process = process_of(&child)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let reported = named("consumer-errors", move || stderr.map(fluvio::read_all))?;
        named("consumer", move || {
            let mut stdout = stdout.map(BufReader::new);
            while let Some(Ok(Some(line))) = stdout.as_mut().map(line::read) {
                if messages.send(ChildMessage::Line { run, line }.into()).is_err() {
                    break;
                }
            }
            drop(stdout);
            let printed = reported.join().ok().flatten().unwrap_or_default();
            // If our starter ignores SIGCHLD, the kernel keeps no status.
            let status = child.wait().ok();
            let is_success = status.map_or(printed.is_empty(), |status| status.success());
            let failure = (!is_success).then(|| fluvio::failure(status, &printed));
            let _ = messages.send(ChildMessage::ConsumerEnded { run, failure }.into());
        })?;
        Ok(Self { process })
    }
}

impl Drop for ConsumerChild {
    fn drop(&mut self) {
        // One that has exited needs no signal.
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }
}

impl ProducerChild {
    /// Starts a producer. It ends with the thread that calls this.
    pub(crate) fn start<M: From<ChildMessage> + Send + 'static>(
        mut command: Command,
        run: u64,
        topic: String,
        messages: SyncSender<M>,
    ) -> io::Result<Self> {
        let mut child = inherited::spawn(&mut command)?;
        let process = process_of(&child)?;
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let (lines, received) = channel::<Vec<u8>>();
        named("producer-lines", move || {
            let Some(mut stdin) = stdin else { return };
            // Its end is reported by the other thread.
            while let Ok(line) = received.recv() {
                if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
                    return;
                }
            }
        })?;
        named("producer", move || {
            let printed = stderr.map(fluvio::read_all).unwrap_or_default();
            let cause = fluvio::failure(child.wait().ok(), &printed).cause;
            let _ = messages.send(ChildMessage::ProducerEnded { run, cause }.into());
        })?;
        Ok(Self { process, run, topic, lines })
    }

    /// Ends it, whatever it has got.
    pub(crate) fn kill(self) {
        // One that has exited needs no signal.
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }

    /// Hands a line over. One that does not arrive is missing on the topic.
    pub(crate) fn send(&self, line: Vec<u8>) {
        let _ = self.lines.send(line);
    }
}

fn process_of(child: &Child) -> io::Result<OwnedFd> {
    Ok(pidfd_open(Pid::from_child(child), PidfdFlags::empty())?)
}

fn named<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<thread::JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::time::Duration;

    use super::{ChildMessage, ConsumerChild, ProducerChild};
    use crate::sync::event::ConsumeFrom;
    use crate::sync::fluvio::tests::script;

    fn messages() -> (SyncSender<ChildMessage>, Receiver<ChildMessage>) {
        sync_channel(4)
    }

    fn next(received: &Receiver<ChildMessage>) -> ChildMessage {
        received.recv_timeout(Duration::from_secs(60)).expect("a message")
    }

    #[test]
    fn the_lines_of_a_consumer_come_before_its_end_and_half_a_line_does_not_count() {
        let made = tempfile::tempdir().expect("a directory");
        for (end, cause) in [
            ("exit 0", None),
            ("echo 'Topic not found: t' >&2; exit 1", Some("Topic not found: t")),
        ] {
            let fluvio = script(made.path(), &format!("printf 'a\\nb\\nhalf'; {end}"));
            let (sender, received) = messages();
            let command = fluvio.consumer("t", "m", ConsumeFrom::Beginning);
            let _consumer = ConsumerChild::start(command, 3, sender).expect("a consumer");
            for expected in ["a", "b"] {
                let ChildMessage::Line { run: 3, line } = next(&received) else { panic!("a line") };
                assert_eq!(line, expected.as_bytes());
            }
            let ChildMessage::ConsumerEnded { run: 3, failure } = next(&received) else {
                panic!("its end")
            };
            assert_eq!(failure.map(|failure| failure.cause).as_deref(), cause);
        }
    }

    #[test]
    fn a_consumer_that_is_dropped_is_killed() {
        let made = tempfile::tempdir().expect("a directory");
        let fluvio = script(made.path(), "exec sleep 1000");
        let (sender, received) = messages();
        let command = fluvio.consumer("t", "m", ConsumeFrom::Offset(0));
        drop(ConsumerChild::start(command, 1, sender).expect("a consumer"));
        let ChildMessage::ConsumerEnded { failure: Some(failure), .. } = next(&received) else {
            panic!("its end")
        };
        assert!(failure.cause.contains("signal: 9"), "{}", failure.cause);
    }

    #[test]
    fn a_producer_gets_all_lines_and_exits_after_the_last_one() {
        let made = tempfile::tempdir().expect("a directory");
        let fluvio = script(made.path(), "cat > \"$0.lines\"");
        let (sender, received) = messages();
        let command = fluvio.producer("t");
        let producer =
            ProducerChild::start(command, 2, "t".to_owned(), sender).expect("a producer");
        let long = vec![b'x'; 1 << 20];
        producer.send(b"a\n".to_vec());
        producer.send(long.clone());
        drop(producer);
        let ChildMessage::ProducerEnded { run: 2, .. } = next(&received) else { panic!("its end") };
        let lines = std::fs::read(made.path().join("fluvio.lines")).expect("lines");
        assert_eq!(lines, [b"a\n", &long[..]].concat());
    }

    #[test]
    fn a_producer_that_hangs_is_killed() {
        let made = tempfile::tempdir().expect("a directory");
        let fluvio = script(made.path(), "exec sleep 1000");
        let (sender, received) = messages();
        let command = fluvio.producer("t");
        let producer =
            ProducerChild::start(command, 2, "t".to_owned(), sender).expect("a producer");
        producer.send(vec![b'x'; 1 << 20]);
        producer.kill();
        let ChildMessage::ProducerEnded { cause, .. } = next(&received) else { panic!("its end") };
        assert!(cause.contains("signal: 9"), "{cause}");
    }

    #[test]
    fn a_producer_that_exits_reports_why() {
        let made = tempfile::tempdir().expect("a directory");
        let fluvio = script(made.path(), "read line; echo 'it is full' >&2; exit 1");
        let (sender, received) = messages();
        let command = fluvio.producer("t");
        let producer =
            ProducerChild::start(command, 2, "t".to_owned(), sender).expect("a producer");
        producer.send(b"a\n".to_vec());
        let ChildMessage::ProducerEnded { cause, .. } = next(&received) else { panic!("its end") };
        assert_eq!(cause, "it is full");
        // No panic, and no wait.
        producer.send(b"b\n".to_vec());
    }
}
