//! One line for each thing that happens, for people or for programs.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_system::printable;
use jiff::ZonedDateTime;
use serde::Serialize;

use crate::format::{self, LogFormat};
use crate::output;
use crate::style::{self, EventColor};

#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Reason {
    pub(crate) files: Vec<String>,
    pub(crate) secrets: Vec<SecretName>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub(crate) enum WatchEvent<'a> {
    /// A connector was started, for the first time or after it had ended by itself.
    Started {
        pid: i32,
    },
    Restarted {
        /// `None` if it is not known.
        pid: Option<i32>,
        #[serde(flatten)]
        reason: &'a Reason,
        /// How long the old one took to end; `None` when none ran, or it is not known.
        stopped_ms: Option<u64>,
    },
    Ended {
        status: &'a str,
        /// When it is started again; `None` when a change is waited for.
        again_in_s: Option<u64>,
        #[serde(skip)]
        waits_for: Option<&'static str>,
    },
    /// The connector would not start with the current files and secrets. The old one keeps running.
    Held {
        #[serde(flatten)]
        reason: &'a Reason,
        because: &'a str,
        runs: bool,
    },
    /// The old one did not end when it was asked to.
    Killed {
        grace_ms: u64,
    },
    /// Restarts follow each other closely, so the next ones wait.
    Slowed {
        #[serde(flatten)]
        reason: &'a Reason,
        pause_ms: u64,
    },
    Stopped {
        signal: &'static str,
    },
    /// The files are looked at now and then.
    Polling {
        because: &'a str,
    },
    /// Something that is said once.
    Note {
        text: &'a str,
    },
    /// A connector of `cdk` is followed from now on.
    Following {
        config: &'a str,
    },
    /// `cdk` did not restart it.
    Failed {
        because: &'a str,
        runs: bool,
        again_in_s: u64,
    },
    /// A connector of `cdk` stopped right after its restart, and starts again after a change.
    Exited {
        log: &'a str,
    },
    /// A connector of `cdk` is not followed any more.
    Gone,
}

#[derive(Clone)]
pub(crate) struct Report {
    format: LogFormat,
    clear: bool,
    /// The connector that events are about, if there may be several.
    connector: Option<String>,
}

impl Reason {
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.secrets.is_empty()
    }

    /// Adds what changed earlier.
    pub(crate) fn add(&mut self, earlier: &Self) {
        let files = earlier.files.iter().filter(|file| !self.files.contains(file));
        self.files.extend(files.cloned().collect::<Vec<_>>());
        let secrets = earlier.secrets.iter().filter(|secret| !self.secrets.contains(secret));
        self.secrets.extend(secrets.cloned().collect::<Vec<_>>());
    }
}

impl Report {
    pub(crate) fn new(format: LogFormat, clear: bool) -> Self {
        Self { format, clear: clear && io::stdout().is_terminal(), connector: None }
    }

    /// For events of this connector.
    pub(crate) fn of(&self, connector: &str) -> Self {
        Self { connector: Some(printable::line(connector)), ..self.clone() }
    }

    /// Prints an event to standard error: standard output is the connector's.
    pub(crate) fn print(&self, event: &WatchEvent<'_>) {
        let now = ZonedDateTime::now();
        let connector = self.connector.as_deref();
        let line = match self.format {
            // Without the colors of a message.
            LogFormat::Json => {
                return output::say_colored(&printable::json(&json(&now, connector, event)));
            }
            LogFormat::Table => {
                let time = now.strftime("%H:%M:%S").to_string();
                let about = connector.map(|name| format!("{name}: ")).unwrap_or_default();
                let text = format!("{about}{}", text(event));
                if style::colors_errors() {
                    let text = printable::lines(&output::as_typed(&text));
                    return output::say_colored(&style::event(&time, color(event), &text));
                }
                format!("{time} {text}")
            }
        };
        output::say(&line);
    }

    /// Clears the terminal, with `--clear`.
    pub(crate) fn clear(&self) {
        if self.clear {
            // The screen, what was scrolled off it, and the cursor to its first place.
            let _ = io::stdout().write_all(b"\x1b[2J\x1b[3J\x1b[H");
            let _ = io::stdout().flush();
        }
    }
}

fn json(now: &ZonedDateTime, connector: Option<&str>, event: &WatchEvent<'_>) -> String {
    #[derive(Serialize)]
    struct Timed<'a> {
        time: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        connector: Option<&'a str>,
        #[serde(flatten)]
        event: &'a WatchEvent<'a>,
    }
    let timed = Timed { time: now.timestamp().to_string(), connector, event };
    serde_json::to_string(&timed).unwrap_or_else(|_| "{}".to_owned())
}

fn color(event: &WatchEvent<'_>) -> EventColor {
    match event {
        WatchEvent::Started { .. } | WatchEvent::Restarted { .. } => EventColor::Good,
        WatchEvent::Ended { .. } | WatchEvent::Killed { .. } | WatchEvent::Slowed { .. } => {
            EventColor::Unusual
        }
        WatchEvent::Held { .. }
        | WatchEvent::Stopped { .. }
        | WatchEvent::Failed { .. }
        | WatchEvent::Exited { .. } => EventColor::Bad,
        WatchEvent::Polling { .. }
        | WatchEvent::Note { .. }
        | WatchEvent::Following { .. }
        | WatchEvent::Gone => EventColor::Plain,
    }
}

fn text(event: &WatchEvent<'_>) -> String {
    match event {
        WatchEvent::Started { pid } => format!("started (pid {pid})"),
        WatchEvent::Restarted { pid, reason, stopped_ms } => {
            let stopped = match stopped_ms {
                Some(stopped) => format!(" (the old one stopped in {})", span(*stopped)),
                None => String::new(),
            };
            let pid = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            format!("restarted{pid}: {}{stopped}", changed(reason))
        }
        WatchEvent::Ended { status, again_in_s: Some(pause), .. } => {
            format!(
                "the connector exited with {status}, and restarts in {pause} s or after a change"
            )
        }
        WatchEvent::Ended { status, again_in_s: None, waits_for } => {
            let change = waits_for.unwrap_or("a change");
            format!("the connector did not start ({status}), waiting for {change}")
        }
        WatchEvent::Held { reason, because, runs } => {
            let state = if *runs {
                "the old connector keeps running"
            } else {
                "the connector is not started"
            };
            format!("{}, but {state}: {because}", changed(reason))
        }
        WatchEvent::Killed { grace_ms } => {
            format!("the connector did not stop within {}, and was killed", span(*grace_ms))
        }
        WatchEvent::Slowed { reason, pause_ms } => format!(
            "many restarts in a short time ({}): the next one waits {}, later ones up to 30 s\nhelp: if the connector changes these files itself, move them out of the watched paths",
            changed(reason),
            span(*pause_ms)
        ),
        WatchEvent::Stopped { signal } => format!(
            "the connector is stopped ({signal}): with --watch, it cannot use the terminal\nhelp: run it without --watch, or redirect its input and output"
        ),
        WatchEvent::Polling { because } => {
            format!("polling: {because}, so the files are checked once a second")
        }
        WatchEvent::Note { text } => (*text).to_owned(),
        WatchEvent::Following { config } => format!("following {}", format::shorten(config)),
        WatchEvent::Failed { because, runs, again_in_s } => {
            let state = if *runs { "keeps running" } else { "is stopped" };
            format!("was not restarted and {state}, next attempt in {again_in_s} s: {because}")
        }
        WatchEvent::Exited { log } => format!(
            "stopped right after its restart, and starts again after a change\nhelp: its log may say why: {}",
            format::shorten(log)
        ),
        WatchEvent::Gone => "not followed any more: it stopped, or has no secrets now".to_owned(),
    }
}

/// More names than these are only counted.
const MOST_CHANGED: usize = 3;

fn changed(reason: &Reason) -> String {
    let name = |path: &String| printable::line(path.rsplit('/').next().unwrap_or(path));
    let mut names: Vec<_> = reason.files.iter().map(name).collect();
    names.extend(reason.secrets.iter().map(|name| format!("secret {name}")));
    let more = names.len().saturating_sub(MOST_CHANGED);
    names.truncate(MOST_CHANGED);
    let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{and_more} changed", names.join(", "))
}

/// A short time as people write it.
fn span(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", Duration::from_millis(millis).as_secs_f32()),
    }
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Reason, WatchEvent, json, text};

    fn reason() -> Reason {
        let files = ["/p/c.yaml", "/p/src/main.rs"].map(Into::into).to_vec();
        let secrets = ["A", "B"].map(|name| name.parse().expect("a name")).to_vec();
        Reason { files, secrets }
    }

    #[test]
    fn a_restart_is_one_line() {
        let reason = reason();
        let event = WatchEvent::Restarted { pid: Some(7), reason: &reason, stopped_ms: Some(1200) };
        assert_eq!(
            text(&event),
            "restarted (pid 7): c.yaml, main.rs, secret A and 1 more changed (the old one stopped in 1.2 s)"
        );
        let now = "2026-01-02T03:04:05+00:00[UTC]".parse().expect("a time");
        assert_eq!(
            json(&now, None, &event),
            r#"{"time":"2026-01-02T03:04:05Z","event":"restarted","pid":7,"files":["/p/c.yaml","/p/src/main.rs"],"secrets":["A","B"],"stopped_ms":1200}"#
        );
    }

    #[test]
    fn an_event_may_be_about_one_of_several_connectors() {
        let now = "2026-01-02T03:04:05+00:00[UTC]".parse().expect("a time");
        let event = WatchEvent::Following { config: "/p/c.yaml" };
        assert_eq!(
            json(&now, Some("facts"), &event),
            r#"{"time":"2026-01-02T03:04:05Z","connector":"facts","event":"following","config":"/p/c.yaml"}"#
        );
        let failed = WatchEvent::Failed { because: "x", runs: false, again_in_s: 2 };
        assert_eq!(text(&failed), "was not restarted and is stopped, next attempt in 2 s: x");
    }
}
