//! A line of a table: what was measured, and its budget.

use std::time::Duration;

pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) budget: Option<Budget>,
}

pub(crate) struct Budget {
    pub(crate) text: String,
    pub(crate) is_met: bool,
}

impl Row {
    /// How often one duration goes into the other.
    pub(crate) fn ratio(
        what: impl Into<String>,
        [ours, other]: [Duration; 2],
        budget: Option<f64>,
    ) -> Self {
        let ratio = ours.as_secs_f64() / other.as_secs_f64();
        let measured = format!("{ratio:.2} × ({}, {})", time(ours), time(other));
        let budget =
            budget.map(|most| Budget { text: format!("{most:.2} ×"), is_met: ratio <= most });
        Self { what: what.into(), measured, budget }
    }

    pub(crate) fn span(what: impl Into<String>, took: Duration, most: Option<Duration>) -> Self {
        let budget = most.map(|most| Budget { text: time(most), is_met: took <= most });
        Self { what: what.into(), measured: time(took), budget }
    }

    /// Operations in a second.
    pub(crate) fn rate(what: impl Into<String>, rate: f64, least: Option<f64>) -> Self {
        let budget = least
            .map(|least| Budget { text: format!("at least {least:.0}/s"), is_met: rate >= least });
        Self { what: what.into(), measured: format!("{rate:.0}/s"), budget }
    }

    /// A size, in powers of ten.
    pub(crate) fn bytes(what: impl Into<String>, bytes: f64) -> Self {
        let (unit, size) = match bytes {
            _ if bytes < 1e6 => ("kB", bytes / 1e3),
            _ if bytes < 1e9 => ("MB", bytes / 1e6),
            _ => ("GB", bytes / 1e9),
        };
        Self { what: what.into(), measured: format!("{size:.1} {unit}"), budget: None }
    }

    pub(crate) fn memory(what: impl Into<String>, kib: u64, most: Option<u64>) -> Self {
        let mib = |kib: u64| format!("{:.1} MiB", kib as f64 / 1024.0);
        let budget = most.map(|most| Budget { text: mib(most), is_met: kib <= most });
        Self { what: what.into(), measured: mib(kib), budget }
    }
}

/// A duration in the unit that fits it.
pub(crate) fn time(took: Duration) -> String {
    match took {
        _ if took < Duration::from_millis(1) => format!("{} µs", took.as_micros()),
        _ if took < Duration::from_secs(1) => format!("{:.2} ms", took.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}
