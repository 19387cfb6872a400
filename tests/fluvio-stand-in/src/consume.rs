//! `fluvio consume`.

use std::time::Duration;

use clap::Args;

use crate::Outcome;
use crate::changes::Changes;
use crate::delivery::Delivery;
use crate::faults::{log, refused};
use crate::log::{Cluster, Reader};

/// What `fluvio consume` has without `--maxbytes`.
const DEFAULT_MAX_BYTES: i32 = 1_048_955;
/// How long a program waits before it connects again; each time a tenth longer.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Args)]
pub(crate) struct Consume {
    topic: String,
    #[arg(short = 'd', long)]
    disable_continuous: bool,
    #[arg(long)]
    disable_progressbar: bool,
    #[arg(short = 'F', long)]
    format: Option<String>,
    #[arg(short = 'B', long, conflicts_with_all = ["head", "start", "tail"])]
    beginning: bool,
    #[arg(short = 'H', long, conflicts_with_all = ["start", "tail"])]
    head: Option<u32>,
    #[arg(short = 'T', long, conflicts_with = "start")]
    tail: Option<u32>,
    #[arg(long)]
    start: Option<u32>,
    #[arg(long)]
    end: Option<u32>,
    #[arg(short = 'b', long = "maxbytes", allow_negative_numbers = true)]
    max_bytes: Option<i32>,
    #[arg(long, value_parser = ["read_committed", "read_uncommitted"])]
    isolation: Option<String>,
}

impl Consume {
    pub(crate) fn run(self, cluster: &Cluster) -> Outcome {
        let topic = cluster.topic(&self.topic);
        let faults = cluster.faults();
        let open =
            || Reader::open(&topic).ok_or_else(|| format!("Topic not found: {}", self.topic));
        let mut next = self.first_offset(open()?);
        if !faults.has_records() {
            return Err(format!("Socket error: {}", refused(9010)));
        }
        let max_bytes = usize::try_from(self.max_bytes.unwrap_or(DEFAULT_MAX_BYTES)).unwrap_or(0);
        let mut delivery = Delivery::new(faults, self.format.clone(), max_bytes);
        if self.disable_continuous {
            self.deliver(&mut open()?, &mut delivery, &mut next);
            return Ok(());
        }
        self.follow(cluster, &mut delivery, next)?;
        eprintln!("Consumer stream has closed");
        Ok(())
    }

    /// The offset that the options name.
    fn first_offset(&self, reader: Reader) -> u64 {
        match (self.beginning, self.head.or(self.start)) {
            (true, _) => 0,
            (false, Some(offset)) => offset.into(),
            (false, None) => reader.count().saturating_sub(self.tail.unwrap_or(0).into()),
        }
    }

    /// Delivers what is there. `false` when the last record that was ordered has been delivered.
    fn deliver(&self, reader: &mut Reader, delivery: &mut Delivery, next: &mut u64) -> bool {
        while let Some(record) = reader.next() {
            let offset = record.offset;
            if offset < *next {
                continue;
            }
            *next = offset + 1;
            delivery.deliver(record);
            if self.end.is_some_and(|end| offset >= end.into()) {
                delivery.finish();
                eprintln!("End-offset has been reached; exiting");
                return false;
            }
        }
        delivery.finish();
        true
    }

    /// Delivers what comes. Trouble is no error: it connects again until it succeeds, and continues where it
    /// was, even if the topic is another one of the same name by then.
    fn follow(&self, cluster: &Cluster, delivery: &mut Delivery, mut next: u64) -> Outcome {
        let (topic, faults) = (cluster.topic(&self.topic), cluster.faults());
        let changes = Changes::new()?;
        let mut pause = FIRST_PAUSE;
        loop {
            changes.watch(&topic);
            changes.watch(&faults.directory());
            if let Some(mut reader) = Reader::open(&topic) {
                while faults.has_records() && reader.is_current() {
                    pause = FIRST_PAUSE;
                    if !self.deliver(&mut reader, delivery, &mut next) {
                        return Ok(());
                    }
                    changes.wait();
                }
            }
            if !faults.has_records() && pause == FIRST_PAUSE {
                log("consumer", "error in stream e=SocketClosed");
            }
            if faults.has("down") && faults.has("followers-end") {
                return faults.check_reachable();
            }
            std::thread::sleep(pause);
            pause = (pause * 11 / 10).min(LONGEST_PAUSE);
        }
    }
}
