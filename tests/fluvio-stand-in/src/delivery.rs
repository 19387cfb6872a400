//! Prints records as a format says, with the faults of a consumer.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use crate::faults::{Faults, die};
use crate::log::Record;

pub(crate) struct Delivery {
    faults: Faults,
    format: Option<String>,
    /// How much of a topic is read at once. The record that is at the end of that is lost.
    max_bytes: usize,
    /// How much of that has been read.
    read: usize,
    /// What waits to be delivered in another order.
    window: Vec<Record>,
}

impl Delivery {
    pub(crate) fn new(faults: Faults, format: Option<String>, max_bytes: usize) -> Self {
        Self { faults, format, max_bytes, read: 0, window: Vec::new() }
    }

    pub(crate) fn deliver(&mut self, record: Record) {
        self.read += record.size();
        if self.read > self.max_bytes {
            self.read = 0;
            return;
        }
        if self.faults.take("consume-skip").is_some() {
            return;
        }
        self.window.push(record);
        let width = self.faults.number("consume-reversed").unwrap_or(1);
        if self.window.len() as u64 >= width {
            self.deliver_window();
        }
    }

    /// Delivers what is there up to now. No record is kept back because no other one comes.
    pub(crate) fn finish(&mut self) {
        self.read = 0;
        self.deliver_window();
    }

    fn deliver_window(&mut self) {
        for record in std::mem::take(&mut self.window).into_iter().rev() {
            self.deliver_now(record);
        }
    }

    fn deliver_now(&self, mut record: Record) {
        if let Some(delay) = self.faults.number("consume-delay") {
            thread::sleep(Duration::from_millis(delay));
        }
        if let Some(garbage) = self.faults.take("consume-garbage") {
            print(&[&garbage[..], b"\n"].concat());
        }
        if self.faults.take("consume-cut").is_some() {
            record.value = record.value.chars().take(record.value.len() / 2).collect();
        }
        let line = self.line(&record);
        if self.faults.take("consume-die").is_some() {
            print(&line[..line.len() / 2]);
            die();
        }
        let times = if self.faults.has("consume-twice") { 2 } else { 1 };
        for _ in 0..times {
            print(&line);
        }
    }

    fn line(&self, record: &Record) -> Vec<u8> {
        let text = match &self.format {
            Some(format) => fill(format, record),
            None => record.value.clone(),
        };
        (text + "\n").into_bytes()
    }
}

/// Ends the program if its standard output is closed, as Fluvio's does.
fn print(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).expect("standard output is read");
}

/// Puts the parts of a record into a format. What they contain is not looked at again.
fn fill(format: &str, record: &Record) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        text += before;
        text += &match name.trim() {
            "key" => record.key.clone().unwrap_or_else(|| "null".into()),
            "offset" => record.offset.to_string(),
            "partition" => "0".into(),
            "time" => format!("{:.3}", record.time),
            "value" => record.value.clone(),
            _ => String::new(),
        };
        rest = after;
    }
    text + rest
}
