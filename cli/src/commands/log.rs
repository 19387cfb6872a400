//! `log`: the audit log, newest last. Needs no daemon: the log is a file of ours.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::time::Duration;
use std::{mem, thread};

use clap::Args;
use fluvio_secret_protocol::SecretName;
use fluvio_secret_protocol::audit::Line;
use fluvio_secret_system::printable;
use jiff::{Span, Timestamp, ZonedDateTime};

use crate::argument::{self, BadArgument};
use crate::audit_log::{AuditLog, Entry};
use crate::connection::state;
use crate::error::CliError;
use crate::format::{LogFormat, OutputArgs};
use crate::style::Styled;
use crate::{date, format, output, vault_choice};

/// Show the audit log of changes and deliveries
#[derive(Args, Debug)]
#[command(after_help = "\
Write DURATION like 90s, 30m, 12h, 7d or '1h 30m'. With -O json, each line is one object.

Example:
  fluvio-secret log
  fluvio-secret log --name AUTH_HEADER --since 12h -O json")]
pub(crate) struct LogArgs {
    /// Also show which programs asked for secrets
    #[arg(long)]
    asked_by: bool,

    /// Keep printing new entries until you press Ctrl-C
    #[arg(short, long)]
    follow: bool,

    /// Show only entries about this secret
    #[arg(
        long,
        value_name = "NAME",
        value_parser = argument::parsed(argument::name),
        add = argument::names()
    )]
    name: Option<SecretName>,

    /// Show only entries of this last time, like 12h
    #[arg(long, value_name = "DURATION", value_parser = argument::parsed(since))]
    since: Option<Timestamp>,

    #[command(flatten)]
    output: OutputArgs<LogFormat>,
}

/// The time this long ago, by the local calendar: a day may have 23 hours.
fn since(duration: &OsStr) -> Result<Timestamp, BadArgument> {
    let span = duration.to_str().and_then(|text| text.parse::<Span>().ok());
    let since = span.and_then(|span| ZonedDateTime::now().checked_sub(span.abs()).ok());
    let bad = || BadArgument::duration("--since", "90s, 30m, 12h, 7d", "log");
    since.map(|since| since.timestamp()).ok_or_else(bad)
}

const FOLLOW_POLL_INTERVAL: Duration = Duration::from_millis(200);

pub(super) fn log(log: &LogArgs) -> Result<(), CliError> {
    let path = state()?.audit_log;
    let mut file = AuditLog::at(path.clone());
    let mut is_first = true;
    let mut is_empty = true;
    loop {
        let mut printer = Printer { log, entries: Vec::new(), is_empty, is_first, stopped: None };
        let read = file.read(|entry| printer.take(entry));
        read.map_err(|source| CliError::Log { path: path.clone(), source })?;
        printer.print();
        is_empty = printer.is_empty;
        match printer.stopped {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => return Err(error),
            None if !log.follow => break,
            None => {}
        }
        is_first = false;
        thread::sleep(FOLLOW_POLL_INTERVAL);
    }
    if is_empty {
        output::say(&match (&log.name, log.since) {
            // The name may be misspelt.
            (Some(name), _) => format!("note: the log has no such entry about `{name}`"),
            (None, Some(_)) => "note: the log has no entry of that time".to_owned(),
            (None, None) => "note: the log has no entries yet".to_owned(),
        });
    }
    Ok(())
}

/// The most entries that are printed at once. A long log needs little memory then.
const AT_ONCE: usize = 1000;

struct Printer<'a> {
    log: &'a LogArgs,
    entries: Vec<Entry>,
    /// Whether there was no entry yet.
    is_empty: bool,
    is_first: bool,
    /// Why no more is printed: the reader has gone, or the result cannot be written.
    stopped: Option<Result<(), CliError>>,
}

impl Printer<'_> {
    fn take(&mut self, entry: Entry) -> ControlFlow<()> {
        if is_wanted(self.log, &entry) {
            self.is_empty = false;
            self.entries.push(entry);
        }
        if self.entries.len() >= AT_ONCE {
            self.print();
        }
        if self.stopped.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn print(&mut self) {
        let entries = mem::take(&mut self.entries);
        let result = match self.log.output.format {
            LogFormat::Json => {
                let lines = entries.iter().map(|one| printable::json(&one.text) + "\n");
                Styled { text: lines.collect(), color: str::to_owned }
            }
            LogFormat::Table if self.is_first => table(&entries, self.log.asked_by),
            LogFormat::Table => without_head(&table(&entries, self.log.asked_by)),
        };
        if self.stopped.is_some() || result.text.is_empty() {
            return;
        }
        self.is_first = false;
        match output::print_while_read(&result) {
            Ok(true) => {}
            stopped => self.stopped = Some(stopped.map(|_| ())),
        }
    }
}

fn is_wanted(log: &LogArgs, entry: &Entry) -> bool {
    log.since.is_none_or(|since| entry.time >= since)
        && log.name.as_ref().is_none_or(|name| entry.line.names.contains(name))
}

fn table(entries: &[Entry], has_askers: bool) -> Styled {
    let row = |entry: &Entry| {
        let names: Vec<_> = entry.line.names.iter().map(ToString::to_string).collect();
        let time = date::precise(entry.time);
        let whom = format::shorten(&for_whom(&entry.line));
        [time, entry.line.event.clone(), whom, names.join(" ")]
    };
    let rows = entries.iter().map(row);
    if !has_askers {
        return format::table(["Time", "Event", "For", "SecretNames"], &rows.collect::<Vec<_>>());
    }
    let with_askers = rows.zip(entries).map(|([time, event, whom, names], entry)| {
        [time, event, whom, names, entry.line.asked_by.join(" < ")]
    });
    let head = ["Time", "Event", "For", "SecretNames", "AskedBy"];
    format::table(head, &with_askers.collect::<Vec<_>>())
}

fn without_head(table: &Styled) -> Styled {
    let rows = table.text.split_once('\n').map(|(_, rows)| rows.to_owned());
    Styled { text: rows.unwrap_or_default(), color: str::to_owned }
}

/// The program and its configuration, or the recipients; for a change, the process that asked for it. A project's
/// vault is named.
fn for_whom(line: &Line) -> String {
    let whom = [&*line.program, &*line.config, &*line.recipients.join(" ")].join(" ");
    let vault = Some(&*line.vault).filter(|vault| !vault.is_empty());
    let process = format!("pid {}{}", line.pid, vault_choice::appended(vault));
    match whom.trim() {
        "" => process,
        whom => format!("{whom} ({process})"),
    }
}
