//! Faults that tests order: each is a file in the directory `faults` of the cluster.
//!
//! As long as the file is there:
//!
//! * `down`: the cluster can't be reached. Commands fail; what runs already waits and connects again.
//! * `spu-down`: topics can be made, listed and deleted, but not read or written. The records of a topic
//!   that is deleted stay: one of the same name has them.
//! * `followers-end`: with `down`, what follows a topic exits with an error.
//! * `consume-delay`: each record is delivered this number of milliseconds late.
//! * `consume-reversed`: records that are there are delivered last first, this number at a time.
//! * `consume-twice`: each record is delivered twice.
//! * `produce-twice`: each record is stored twice.
//!
//! Once, for the process that removes the file:
//!
//! * `consume-cut`: half of the next record's value is delivered.
//! * `consume-die`: the consumer is killed in the middle of the next record.
//! * `consume-garbage`: the bytes of the file are delivered before the next record.
//! * `consume-skip`: the next record is not delivered.
//! * `produce-die`: the producer is killed while it stores the next record.
//! * `produce-hang`: the producer stops at the next record, and reads no other one.
//! * `produce-lost`: the next record is acknowledged and not stored.
//! * `produce-refused`: the next record is refused, which ends the producer.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Signal, getpid, kill_process};

/// The directory of the ordered faults.
#[derive(Clone)]
pub(crate) struct Faults {
    directory: PathBuf,
}

impl Faults {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.directory.clone()
    }

    /// Whether a fault is ordered.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.directory.join(name).exists()
    }

    /// The number in a fault's file.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        fs::read_to_string(self.directory.join(name)).ok()?.trim().parse().ok()
    }

    /// Takes a fault that happens once, with the bytes of its file. Of several processes, one has it.
    pub(crate) fn take(&self, name: &str) -> Option<Vec<u8>> {
        let bytes = fs::read(self.directory.join(name)).ok()?;
        fs::remove_file(self.directory.join(name)).ok().map(|()| bytes)
    }

    /// The error of a cluster that can't be reached.
    pub(crate) fn check_reachable(&self) -> Result<(), String> {
        if self.has("down") { Err(refused(9003)) } else { Ok(()) }
    }

    /// Whether records can be read and written.
    pub(crate) fn has_records(&self) -> bool {
        !self.has("down") && !self.has("spu-down")
    }
}

/// The error of a server that does not listen.
pub(crate) fn refused(port: u16) -> String {
    format!("Socket io Connection refused (os error 111), can't connect to 127.0.0.1:{port}")
}

/// A line of the log that Fluvio's programs print on standard error.
pub(crate) fn log(module: &str, message: &str) {
    eprintln!("{:.6} ERROR fluvio::{module}: {message}", jiff::Timestamp::now());
}

/// Ends this process as the kernel does when memory runs out.
pub(crate) fn die() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}
