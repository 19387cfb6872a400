//! What the daemon reports about itself: in `daemon.log`, or on standard error in the foreground.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use fluvio_secret_system::places::Places;
use fluvio_secret_system::printable;
use jiff::Timestamp;
use tracing::level_filters::LevelFilter;

use crate::args::ServeMode;
use crate::rotating_log::{Reach, RotatingLog};

/// How much is logged: error, warn, info, debug or trace.
const LEVEL_VARIABLE: &str = "FLUVIO_SECRET_LOG";

/// The most lines that wait for the disk. Lines that come after them are dropped.
const WAITING_LINES: usize = 1024;

/// How long [`flush`] waits for the disk.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Begins logging, at the level of the variable or else of the settings. A panic is one line without its
/// message, which may quote anything.
pub(crate) fn begin(mode: ServeMode, places: &Places, default: LevelFilter) -> io::Result<()> {
    // The library would read an empty variable as a level.
    let wanted = std::env::var(LEVEL_VARIABLE).ok().filter(|wanted| !wanted.is_empty());
    let level = wanted.as_deref().and_then(|wanted| wanted.parse().ok());
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        // To report that something cannot be logged would panic.
        .log_internal_errors(false)
        .with_target(false)
        .with_max_level(level.unwrap_or(default));
    match mode {
        ServeMode::Connection | ServeMode::Detached => {
            let file = RotatingLog::new(places.state.daemon_log.clone());
            // A line that cannot be written cannot be reported either.
            let queue = LogQueue::start(move |line| drop(file.append(line, Reach::System)))?;
            let queue = QUEUE.get_or_init(|| queue);
            log.with_writer(move || OneLine(queue)).init();
        }
        ServeMode::Foreground => log.with_writer(|| OneLine(io::stderr())).init(),
    }
    if level.is_none() && wanted.is_some() {
        tracing::warn!("{LEVEL_VARIABLE} must be error, warn, info, debug, trace or off");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!("bug in fluvio-secretd, at {place}");
    }));
    Ok(())
}

/// Waits until all lines are written, unless the disk hangs.
pub(crate) fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush();
    }
}

/// Writes each entry as one line that is safe to print: a path in it may have line ends, and look like an entry of
/// its own.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        let mut line = printable::line(text.strip_suffix('\n').unwrap_or(&text));
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Lines on their way to a thread that writes them. The disk may hang, and the thread that serves the
/// sockets logs too.
struct LogQueue {
    entries: SyncSender<LogEntry>,
    dropped: AtomicU64,
}

enum LogEntry {
    /// A line, and the number of lines before it that were dropped.
    Line(Vec<u8>, u64),
    Flush(SyncSender<()>),
}

impl LogQueue {
    fn start(write: impl Fn(&[u8]) + Send + 'static) -> io::Result<Self> {
        let (entries, waiting) = sync_channel(WAITING_LINES);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            for entry in waiting {
                match entry {
                    LogEntry::Line(line, dropped) => {
                        if dropped > 0 {
                            let now = Timestamp::now();
                            let note = format!("{now}  WARN {dropped} lines are missing here\n");
                            write(note.as_bytes());
                        }
                        write(&line);
                    }
                    LogEntry::Flush(done) => drop(done.send(())),
                }
            }
        })?;
        Ok(Self { entries, dropped: AtomicU64::new(0) })
    }

    fn flush(&self) {
        let (done, flushed) = sync_channel(1);
        if self.entries.try_send(LogEntry::Flush(done)).is_ok() {
            // After the time-out, the lines may be lost.
            let _ = flushed.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

impl Write for &LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if self.entries.try_send(LogEntry::Line(line.to_owned(), dropped)).is_err() {
            self.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::channel;

    use super::{LogQueue, OneLine, WAITING_LINES};

    #[test]
    fn d18_a_path_with_line_ends_is_in_one_line() {
        let mut written = Vec::new();
        let entry = b"time ERROR cannot read /a\ntime ERROR forged\x1b[2J\n";
        OneLine(&mut written).write_all(entry).expect("written");
        let expected = "time ERROR cannot read /a\u{fffd}time ERROR forged\u{fffd}[2J\n";
        assert_eq!(String::from_utf8(written).expect("text"), expected);
    }

    #[test]
    fn a_full_queue_drops_lines_and_reports_their_number() {
        let (disk, answers) = channel::<()>();
        let (written, lines) = channel();
        let queue = LogQueue::start(move |line| {
            // The disk hangs until the test drops it.
            let _ = answers.recv();
            written.send(String::from_utf8_lossy(line).into_owned()).expect("a test that listens");
        });
        let queue = queue.expect("a thread");
        let write = |line: String| (&queue).write_all(line.as_bytes()).expect("never an error");
        const LINES: usize = WAITING_LINES + 10;
        (0..LINES).for_each(|number| write(format!("{number}\n")));
        drop(disk);
        for _ in 0..WAITING_LINES {
            lines.recv().expect("a line");
        }
        write("after\n".to_owned());
        queue.flush();
        // One line may have been with the disk while the queue was full.
        let mut rest: Vec<String> = lines.try_iter().collect();
        assert_eq!(rest.pop().as_deref(), Some("after\n"));
        let note = rest.pop().expect("a note");
        let dropped = LINES - WAITING_LINES - rest.len();
        assert!(note.ends_with(&format!("WARN {dropped} lines are missing here\n")), "{note}");
    }
}
