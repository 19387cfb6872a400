//! `log`: the audit log, newest last. Needs no daemon: the log is a file of ours.

use std::ops::ControlFlow;
use std::time::Duration;
use std::{mem, thread};

use fluvio_secret_protocol::audit::Line;
use fluvio_secret_system::printable;

use super::state;
use crate::args::{Log, LogFormat};
use crate::audit_log::{AuditLog, Entry};
use crate::error::CliError;
use crate::{date, format, output};

/// How often `--follow` looks.
const LOOK: Duration = Duration::from_millis(200);

pub(crate) fn log(log: &Log) -> Result<(), CliError> {
    let path = state()?.audit_log();
    let mut file = AuditLog::at(path.clone());
    let mut is_first = true;
    loop {
        let mut printer = Printer { log, entries: Vec::new(), is_first, stopped: None };
        let read = file.read(|entry| printer.take(entry));
        read.map_err(|source| CliError::Log { path: path.clone(), source })?;
        printer.print();
        match printer.stopped {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => return Err(error),
            None if !log.follow => return Ok(()),
            None => {}
        }
        is_first = false;
        thread::sleep(LOOK);
    }
}

/// As many entries are printed at once, so that a long log needs little memory.
const AT_ONCE: usize = 1000;

/// Prints entries as they come.
struct Printer<'a> {
    log: &'a Log,
    entries: Vec<Entry>,
    is_first: bool,
    /// Why no more is printed: the reader has gone, or the result cannot be written.
    stopped: Option<Result<(), CliError>>,
}

impl Printer<'_> {
    fn take(&mut self, entry: Entry) -> ControlFlow<()> {
        if is_wanted(self.log, &entry) {
            self.entries.push(entry);
        }
        if self.entries.len() >= AT_ONCE {
            self.print();
        }
        if self.stopped.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn print(&mut self) {
        let entries = mem::take(&mut self.entries);
        let text = match self.log.format {
            LogFormat::Json => {
                entries.iter().map(|one| printable::json(&one.text) + "\n").collect()
            }
            LogFormat::Table => table(&entries, self.is_first),
        };
        if self.stopped.is_some() || text.is_empty() {
            return;
        }
        self.is_first = false;
        match output::print_while_read(&text) {
            Ok(true) => {}
            stopped => self.stopped = Some(stopped.map(|_| ())),
        }
    }
}

fn is_wanted(log: &Log, entry: &Entry) -> bool {
    log.since.is_none_or(|since| entry.time >= since)
        && log.name.as_ref().is_none_or(|name| entry.line.names.contains(name))
}

fn table(entries: &[Entry], with_head: bool) -> String {
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let names: Vec<_> = entry.line.names.iter().map(ToString::to_string).collect();
            let time = date::precise(entry.time);
            [time, entry.line.event.clone(), for_whom(&entry.line), names.join(" ")]
        })
        .collect();
    let table = format::table(["Time", "Event", "For", "SecretNames"], &rows);
    match table.split_once('\n') {
        Some((_, rows)) if !with_head => rows.to_owned(),
        _ => table,
    }
}

/// The program and its configuration, or the recipients; for a change, the process that asked for it.
fn for_whom(line: &Line) -> String {
    let whom = [&*line.program, &*line.config, &*line.recipients.join(" ")].join(" ");
    match whom.trim() {
        "" => format!("pid {}", line.pid),
        whom => format!("{whom} (pid {})", line.pid),
    }
}
