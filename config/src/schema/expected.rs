//! What Fluvio reads at each place of `meta` and `transforms`, and a sample of it.

use crate::path::Path;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Expectation {
    pub(crate) what: &'static str,
    /// A value that it reads, as it is written.
    pub(crate) sample: &'static str,
    /// What replaces it while the rest is judged. Without one it can be left out.
    pub(crate) fixed: Option<&'static str>,
    /// Whether any text is read.
    pub(crate) is_text: bool,
    /// Whether it is a text of a special form, like a duration.
    pub(crate) is_typed: bool,
    /// The version in which a map is read here.
    pub(crate) version: Option<&'static str>,
}

impl Expectation {
    pub(super) const fn of(what: &'static str, sample: &'static str) -> Self {
        Self { what, sample, fixed: None, is_text: false, is_typed: false, version: None }
    }

    const fn required(what: &'static str, sample: &'static str) -> Self {
        Self { fixed: Some(sample), ..Self::of(what, sample) }
    }

    const fn text(sample: &'static str) -> Self {
        Self { is_text: true, ..Self::required("a string", sample) }
    }

    const fn typed(what: &'static str, sample: &'static str) -> Self {
        Self { is_typed: true, ..Self::of(what, sample) }
    }
}

const TOPIC: Expectation =
    Expectation::required("a map, as apiVersion 0.2.0 has it", "{meta: {name: TOPIC}}");
const META_V1: Expectation = Expectation::required(
    "a map with `name`, `type`, `topic` and `version`",
    "{name: NAME, type: TYPE, topic: TOPIC, version: 0.1.0}",
);
const META_V2: Expectation = Expectation::required(
    "a map with `name`, `type`, `topic` and `version`",
    "{name: NAME, type: TYPE, topic: {meta: {name: TOPIC}}, version: 0.1.0}",
);

/// What Fluvio reads at this place; `is_v2` is `apiVersion` 0.2.0.
pub(super) fn expected(path: &Path, is_v2: bool) -> Expectation {
    let path = path.to_string();
    let last = path.rsplit('.').next().unwrap_or_default();
    match (&*path, last) {
        ("meta", _) if is_v2 => META_V2,
        ("meta", _) => META_V1,
        ("meta.topic", _) if is_v2 => TOPIC,
        ("meta.topic", _) => Expectation { version: Some("0.2.0"), ..Expectation::text("TOPIC") },
        ("meta.secrets", _) => Expectation::of("a list of `- name: NAME`", "[{name: NAME}]"),
        _ if path.starts_with("meta.secrets[") && last == "name" => {
            Expectation::required("a secret's name: letters, digits and _", "NAME")
        }
        _ if path.starts_with("meta.secrets[") => {
            Expectation::of("a map with the name of a secret", "{name: NAME}")
        }
        ("meta.version", _) => Expectation::text("0.1.0"),
        ("meta.name", _) | (_, "name" | "uses" | "id") => Expectation::text("NAME"),
        ("meta.type", _) => Expectation::text("TYPE"),
        (_, "flush-period") => {
            Expectation::of("a map with seconds and nanoseconds", "{secs: 10, nanos: 0}")
        }
        (_, "linger" | "time" | "age") => Expectation::typed("a duration", "10s"),
        ("meta.producer.compression", _) => {
            Expectation::typed("`none`, `gzip`, `snappy`, `lz4` or `zstd`", "gzip")
        }
        ("meta.topic.compression.type", _) => {
            Expectation::typed("`Any`, `None`, `Gzip`, `Snappy`, `Lz4` or `Zstd`", "Gzip")
        }
        (
            _,
            "batch-size" | "batch_size" | "max-bytes" | "max_bytes" | "max-size" | "segment-size",
        ) => Expectation::typed("a size", "1mb"),
        (_, "strategy") => Expectation {
            fixed: Some("auto"),
            ..Expectation::typed("`none`, `manual` or `auto`", "auto")
        },
        (_, "start") => {
            Expectation::typed("`beginning`, `end`, or a map with a number", "beginning")
        }
        ("meta.consumer.partition", _) => {
            Expectation::typed("`all`, a number, or a list of numbers", "all")
        }
        (_, "count" | "replication" | "last") => Expectation::typed("a number", "1"),
        ("meta.topic.meta", _) => Expectation::required("a map with a name", "{name: TOPIC}"),
        ("transforms", _) => Expectation::of("a list of `- uses: NAME`", "[{uses: NAME}]"),
        _ if path.starts_with("transforms[") && last.starts_with("transforms[") => {
            Expectation::of("a map with `uses`", "{uses: NAME}")
        }
        (_, "with" | "lookback") => Expectation::of("a map", "{}"),
        _ if path.starts_with("transforms[") => Expectation {
            is_text: true,
            ..Expectation::required("a string, a list or a map", "TEXT")
        },
        (_, "offset") => Expectation::of("a map with `strategy`", "{strategy: auto}"),
        _ => Expectation::of("a map", "{}"),
    }
}
