//! `log`: the audit log, newest last. Needs no daemon: the log is a file of ours.

use std::thread;
use std::time::Duration;

use fluvio_secret_protocol::audit::Line;

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
        let mut entries = Vec::new();
        let read = file.read(|entry| {
            if is_wanted(log, &entry) {
                entries.push(entry);
            }
        });
        read.map_err(|source| CliError::Log { path: path.clone(), source })?;
        let text = match log.format {
            LogFormat::Json => entries.iter().map(|entry| entry.text.clone() + "\n").collect(),
            LogFormat::Table => table(&entries, is_first),
        };
        if !text.is_empty() && !output::print_while_read(&text)? {
            return Ok(());
        }
        if !log.follow {
            return Ok(());
        }
        is_first = false;
        thread::sleep(LOOK);
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
    // What the log has as escapes would drive the terminal.
    let whom = [&*line.program, &*line.config, &*line.recipients.join(" ")].join(" ");
    let whom = whom.replace(char::is_control, "\u{fffd}");
    match whom.trim() {
        "" => format!("pid {}", line.pid),
        whom => format!("{whom} (pid {})", line.pid),
    }
}
