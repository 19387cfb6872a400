//! Log levels at which a connector writes the values of its templates into its log.
//!
//! At debug it logs the rendered `meta` and `transforms`, at trace the whole rendered file.

use std::ffi::OsStr;

use crate::message::say;

const RUST_LOG: &str = "RUST_LOG";

/// A level that shows values.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Revealing {
    Debug,
    Trace,
}

impl Revealing {
    /// The level of an option, if it shows values.
    fn of_word(word: &OsStr) -> Option<Self> {
        match word.to_string_lossy().to_ascii_lowercase().as_str() {
            "debug" | "4" => Some(Self::Debug),
            "trace" | "5" => Some(Self::Trace),
            _ => None,
        }
    }

    /// The most that the directives of a filter enable: `info,fluvio=debug`. One without a level
    /// enables everything of its target.
    fn of_filter(filter: &OsStr) -> Option<Self> {
        let filter = filter.to_string_lossy();
        // After a slash there is a pattern for messages.
        let directives = filter.split('/').next().unwrap_or_default().split(',');
        let level = |directive: &str| match directive.trim().rsplit_once('=') {
            Some((_, level)) => Self::of_word(level.trim().as_ref()),
            None => match directive.trim().to_ascii_lowercase().as_str() {
                "" | "off" | "error" | "warn" | "info" | "0" | "1" | "2" | "3" => None,
                word => Some(Self::of_word(word.as_ref()).unwrap_or(Self::Trace)),
            },
        };
        directives.filter_map(level).max()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The values that are shown at it.
    fn shown(self) -> &'static str {
        match self {
            Self::Debug => "the values of templates below `meta` and `transforms`",
            Self::Trace => "the values of all templates",
        }
    }
}

/// Warns when the connector would log values: at the level of an option, or else of the environment.
pub(crate) fn warn(config: &[u8], option: Option<&OsStr>) {
    let (level, source) = match option {
        Some(word) => (Revealing::of_word(word), "--log-level "),
        None => {
            let filter = std::env::var_os(RUST_LOG).unwrap_or_default();
            (Revealing::of_filter(&filter), "RUST_LOG=")
        }
    };
    if let Some(level) = level.filter(|_| has_templates(config)) {
        let (name, shown) = (level.name(), level.shown());
        say(&format!("warning: with {source}{name}, the connector logs {shown}"));
    }
}

/// Whether a configuration has templates. A reference by map is never rendered, so it is not logged.
fn has_templates(config: &[u8]) -> bool {
    config.windows(2).any(|window| window == b"${")
}

#[cfg(test)]
mod tests {
    use super::Revealing::{self, Debug, Trace};

    #[test]
    fn d17_a_filter_that_enables_debug_or_trace_for_anything_is_found() {
        for (filter, level) in [
            ("", None),
            ("info", None),
            ("WARN,hyper=off", None),
            ("info,hyper=error", None),
            ("3", None),
            ("debug", Some(Debug)),
            ("DEBUG", Some(Debug)),
            ("info,fluvio_connector_common=debug", Some(Debug)),
            ("debug,hyper=trace", Some(Trace)),
            ("info, fluvio=Trace", Some(Trace)),
            ("fluvio", Some(Trace)),
            ("fluvio=info", None),
            ("[span{field=1}]=debug", Some(Debug)),
            ("info/debug", None),
            ("5", Some(Trace)),
        ] {
            assert_eq!(Revealing::of_filter(filter.as_ref()), level, "{filter}");
        }
    }
}
