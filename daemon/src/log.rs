//! What the daemon has to say of itself: to `daemon.log`, or to standard error in the foreground.

use std::io::{self, Write};
use std::sync::Arc;

use fluvio_secret_system::places::Places;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::ServeMode;
use crate::rotating_log::{LimitedLog, Reach};

/// How much is logged: error, warn, info, debug or trace.
const LEVEL_VARIABLE: &str = "FLUVIO_SECRET_LOG";

/// Begins logging, as the variable says, else as is settled; and makes panics one line without their message, which may quote anything.
pub(crate) fn begin(mode: ServeMode, places: &Places, settled: LevelFilter) {
    // Unset and empty are the same; the library would read an empty one as a level.
    let wanted = std::env::var(LEVEL_VARIABLE).ok().filter(|wanted| !wanted.is_empty());
    let level = wanted.as_deref().and_then(|wanted| wanted.parse().ok());
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        // What cannot be logged cannot be told either: trying to would panic.
        .log_internal_errors(false)
        .with_target(false)
        .with_max_level(level.unwrap_or(settled));
    match mode {
        ServeMode::Detached => log.with_writer(Lines::to(places)).init(),
        ServeMode::Foreground => log.with_writer(io::stderr).init(),
    }
    if level.is_none() && wanted.is_some() {
        tracing::warn!("{LEVEL_VARIABLE} is none of: error, warn, info, debug, trace, off");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!("a fault of our own, at {place}");
    }));
}

/// Writes each line of the log to the limited file.
#[derive(Clone)]
struct Lines(Arc<LimitedLog>);

impl Lines {
    fn to(places: &Places) -> Self {
        Self(Arc::new(LimitedLog::new(places.state.daemon_log())))
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.append(line, Reach::System)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
