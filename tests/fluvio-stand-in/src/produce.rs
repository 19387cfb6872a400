//! `fluvio produce`.

use std::io::{BufRead, stdin};
use std::thread::sleep;
use std::time::Duration;

use clap::Args;

use crate::Outcome;
use crate::consume::{FIRST_PAUSE, LONGEST_PAUSE};
use crate::faults::{Faults, log, refused};
use crate::log::Cluster;

const DEFAULT_MAX_REQUEST_SIZE: usize = 1_048_576;
/// What a request has besides the key and the value of its one record.
const OVERHEAD: usize = 75;

#[derive(Args)]
pub(crate) struct Produce {
    topic: String,
    #[arg(long, conflicts_with = "key", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    key_separator: Option<String>,
    #[arg(long)]
    key: Option<String>,
    #[arg(long, value_parser = humantime::parse_duration)]
    linger: Option<Duration>,
    #[arg(long)]
    batch_size: Option<usize>,
    #[arg(long, default_value_t = DEFAULT_MAX_REQUEST_SIZE)]
    max_request_size: usize,
    #[arg(long, value_parser = ["read_committed", "read_uncommitted"])]
    isolation: Option<String>,
    #[arg(long, default_value = "at-least-once")]
    delivery_semantic: String,
}

impl Produce {
    pub(crate) fn run(self, cluster: &Cluster) -> Outcome {
        if !cluster.topic(&self.topic).exists() {
            return Err(format!("Topic not found: {}", self.topic));
        }
        // What is not UTF-8 ends it as the end of its input does. A last line needs no end.
        for line in stdin().lock().lines().map_while(Result::ok) {
            match self.split(&line) {
                Some((key, value)) => self.produce(cluster, key, value)?,
                None => log("produce", &format!("no separator in record, skipping: '{line}'")),
            }
        }
        Ok(())
    }

    /// `None` for a line without the separator.
    fn split<'a>(&'a self, line: &'a str) -> Option<(Option<&'a str>, &'a str)> {
        match &self.key_separator {
            Some(separator) => line.split_once(separator).map(|(key, value)| (Some(key), value)),
            None => Some((self.key.as_deref(), line)),
        }
    }

    fn produce(&self, cluster: &Cluster, key: Option<&str>, value: &str) -> Outcome {
        let size = key.map_or(0, str::len) + value.len() + OVERHEAD;
        if size > self.max_request_size {
            return Err(format!(
                "record size ({size} bytes), exceeded maximum request size ({size} bytes)"
            ));
        }
        let faults = cluster.faults();
        wait_for_records(&faults);
        if faults.take("produce-hang").is_some() {
            loop {
                sleep(LONGEST_PAUSE);
            }
        }
        if faults.take("produce-refused").is_some() {
            return Err("Producer error: failed to get record metadata".into());
        }
        if faults.take("produce-lost").is_some() {
            return Ok(());
        }
        let times = if faults.has("produce-twice") { 2 } else { 1 };
        for _ in 0..times {
            let stored = cluster.append(&self.topic, key, value);
            stored.ok_or_else(|| format!("Topic not found: {}", self.topic))?;
        }
        Ok(())
    }
}

/// Connects again until that succeeds.
fn wait_for_records(faults: &Faults) {
    let mut pause = FIRST_PAUSE;
    while !faults.has_records() {
        log("producer", &format!("Failed to connect to leader: Socket error: {}", refused(9010)));
        sleep(pause);
        pause = (pause * 11 / 10).min(LONGEST_PAUSE);
    }
}
