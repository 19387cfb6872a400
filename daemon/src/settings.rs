//! The settings: `settings.toml` in the directory of the configuration, read when the daemon starts. Half of the
//! settings would surprise, so the daemon does not start with an error in the file.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fluvio_secret_protocol::{InjectMode, limits};
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::printable;
use fluvio_secret_system::regular::{self, Links};
use jiff::{SignedDuration, Span, SpanRelativeTo};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tracing::level_filters::LevelFilter;

use fluvio_secret_vault::HISTORY_DEPTH;

/// More than any settings have.
const SETTINGS_BYTES: u64 = 64 << 10;

/// How long after an unlock the vault is locked again, by default.
const LOCK_AFTER: Duration = Duration::from_secs(12 * 60 * 60);

/// The most that `lock-after` may be: a year, which is as good as never.
const LONGEST_LOCK_AFTER: SignedDuration = SignedDuration::from_hours(365 * 24);

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Settings {
    /// The number of earlier versions of a secret to keep.
    pub(crate) history: usize,
    /// The inject mode if the client names none.
    pub(crate) inject: InjectMode,
    /// The time from an unlock to the lock; `None` for never.
    pub(crate) lock_after: Option<Duration>,
    pub(crate) log: LevelFilter,
}

#[derive(Clone, Copy, Debug)]
struct Setting {
    key: &'static str,
    expected: &'static str,
    /// Takes a value; `None` if it is not valid.
    take: fn(&mut Settings, &DeValue<'_>) -> Option<()>,
}

const SETTINGS: [Setting; 4] = [
    Setting {
        key: "history",
        expected: "a whole number from 0 to 1000",
        take: |settings, value| {
            let DeValue::Integer(number) = value else { return None };
            let number = usize::from_str_radix(number.as_str(), number.radix()).ok()?;
            settings.history = Some(number).filter(|&n| n <= limits::HISTORY_VERSIONS)?;
            Some(())
        },
    },
    Setting {
        key: "inject",
        expected: "\"auto\", \"env\" or \"file\"",
        take: |settings, value| {
            settings.inject = InjectMode::of(text(value)?)?;
            Some(())
        },
    },
    Setting {
        key: "lock-after",
        expected: "a time from \"1s\" to \"8760h\", like \"12h\" or \"30m\", or \"never\"",
        take: |settings, value| {
            settings.lock_after = match text(value)? {
                "never" => None,
                text => Some(duration(text)?),
            };
            Some(())
        },
    },
    Setting {
        key: "log",
        expected: "\"error\", \"warn\", \"info\", \"debug\", \"trace\" or \"off\"",
        take: |settings, value| {
            settings.log = level(text(value)?)?;
            Some(())
        },
    },
];

#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("cannot read the settings {path}: {source}", path = .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("invalid settings in {path}, line {line}: {problem}", path = .path.display())]
    Wrong { path: PathBuf, line: usize, problem: Problem },
}

#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Problem {
    /// Invalid TOML. The parser's message quotes nothing of the file.
    #[error("invalid TOML ({0})")]
    Syntax(String),
    #[error("there is no setting `{key}`")]
    Unknown { key: String, nearest: &'static str },
    #[error("`{key}` must be {expected}")]
    Value { key: &'static str, expected: &'static str },
}

impl Helpful for SettingsError {
    fn help(&self) -> Option<Help> {
        let Self::Wrong { problem, .. } = self else { return None };
        let all = || SETTINGS.map(|setting| setting.key).join(", ");
        Some(Help::advice(match problem {
            Problem::Syntax(_) => "write it like history = 10 or lock-after = \"12h\"".to_owned(),
            Problem::Unknown { nearest, .. } => {
                format!("did you mean `{nearest}`? The settings are {}", all())
            }
            Problem::Value { .. } => return None,
        }))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            history: HISTORY_DEPTH,
            inject: InjectMode::Auto,
            lock_after: Some(LOCK_AFTER),
            log: LevelFilter::INFO,
        }
    }
}

impl Settings {
    /// The settings of the file, else the defaults.
    pub(crate) fn read(path: &Path) -> Result<Self, SettingsError> {
        let failed = |source| SettingsError::Read { path: path.to_owned(), source };
        // The file is the user's own, and may be a link to a repository of settings.
        let opened = regular::open(OpenOptions::new().read(true), path, Links::Follow);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            opened => opened.map_err(failed)?.0,
        };
        let mut bytes = Vec::new();
        file.take(SETTINGS_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > SETTINGS_BYTES {
            return Err(failed(io::Error::other(format!(
                "it has more than {SETTINGS_BYTES} bytes"
            ))));
        }
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| failed(io::Error::other("it is not UTF-8")))?;
        Self::parse(&text).map_err(|(line, problem)| SettingsError::Wrong {
            path: path.to_owned(),
            line,
            problem,
        })
    }

    /// The settings of a text, or the first line with an error.
    fn parse(text: &str) -> Result<Self, (usize, Problem)> {
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(text.len(), |span| span.start);
            (line_of(text, at), Problem::Syntax(error.message().to_owned()))
        })?;
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut settings = Self::default();
        for (key, value) in entries {
            settings.take(key.get_ref(), value).map_err(|problem| {
                let at = match problem {
                    Problem::Value { .. } => value.span().start,
                    _ => key.span().start,
                };
                (line_of(text, at), problem)
            })?;
        }
        Ok(settings)
    }

    fn take(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<(), Problem> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(Problem::Unknown { key: shown(key), nearest: nearest(key) });
        };
        let Setting { key, expected, .. } = *setting;
        (setting.take)(self, value.get_ref()).ok_or(Problem::Value { key, expected })
    }
}

fn text<'a>(value: &'a DeValue<'_>) -> Option<&'a str> {
    match value {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

fn duration(text: &str) -> Option<Duration> {
    let span = text.parse::<Span>().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    let is_one = (SignedDuration::from_secs(1)..=LONGEST_LOCK_AFTER).contains(&duration);
    Duration::try_from(duration).ok().filter(|_| is_one)
}

fn level(text: &str) -> Option<LevelFilter> {
    // The library takes numbers and capitals, too.
    text.parse().ok().filter(|level: &LevelFilter| level.to_string() == text)
}

/// The line of a byte; the first one is 1.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}

/// A key as it can be shown: in quotes it may have control characters.
fn shown(key: &str) -> String {
    const MOST_CHARS: usize = 64;
    printable::line(&key.chars().take(MOST_CHARS).collect::<String>())
}

/// The setting that is spelled most like a key.
fn nearest(key: &str) -> &'static str {
    // Only the start of a long key is compared, because that takes time.
    let key = shown(key).replace('_', "-");
    let distance = |setting: &&Setting| strsim::osa_distance(&key, setting.key);
    SETTINGS.iter().min_by_key(distance).map_or("", |setting| setting.key)
}

/// As they can be written into the file.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { history, inject, lock_after, log } = self;
        let lock_after = match lock_after.map(SignedDuration::try_from) {
            Some(Ok(duration)) => format!("{duration:#}"),
            Some(Err(_)) | None => "never".to_owned(),
        };
        writeln!(f, "history = {history}")?;
        writeln!(f, "inject = \"{}\"", inject.as_str())?;
        writeln!(f, "lock-after = \"{lock_after}\"")?;
        write!(f, "log = \"{log}\"")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use fluvio_secret_protocol::InjectMode;
    use fluvio_secret_system::help::Helpful;
    use tracing::level_filters::LevelFilter;

    use super::{Problem, Settings, SettingsError};

    fn wrong(text: &str) -> (usize, String) {
        let (line, problem) = Settings::parse(text).expect_err(text);
        (line, SettingsError::Wrong { path: "s".into(), line, problem }.report())
    }

    #[test]
    fn what_is_not_said_is_as_by_default() {
        assert_eq!(Settings::parse(""), Ok(Settings::default()));
        assert_eq!(Settings::parse("# log = \"off\"\n\n"), Ok(Settings::default()));
        let said = "history = 0\ninject = \"env\" # always\nlock-after = \"1h 30m\"\nlog = 'off'\n";
        let settings = Settings {
            history: 0,
            inject: InjectMode::Env,
            lock_after: Some(Duration::from_secs(5400)),
            log: LevelFilter::OFF,
        };
        assert_eq!(Settings::parse(said), Ok(settings));
        let never = Settings::parse("lock-after = \"never\"").expect("settings");
        assert_eq!(never.lock_after, None);
        let days = Settings::parse("lock-after = \"7d 1h\"").expect("settings");
        assert_eq!(days.lock_after, Some(Duration::from_secs(169 * 3600)));
    }

    #[test]
    fn what_is_printed_can_be_written_into_the_file() {
        for text in
            ["", "history = 1000\nlog = \"trace\"\nlock-after = \"never\"\ninject = \"file\""]
        {
            let settings = Settings::parse(text).expect("settings");
            assert_eq!(Settings::parse(&settings.to_string()), Ok(settings));
        }
    }

    #[test]
    fn an_unknown_key_is_told_with_its_line_and_the_nearest_one() {
        for (text, line, key, nearest) in [
            ("histroy = 5", 1, "histroy", "history"),
            ("log = \"off\"\n\nlock_after = \"1h\"", 3, "lock_after", "lock-after"),
            ("[daemon]\nlog = \"off\"", 1, "daemon", ""),
            ("injct = \"cnry\"", 1, "injct", "inject"),
            ("Log = \"off\"", 1, "Log", "log"),
        ] {
            let (at, problem) = wrong(text);
            assert_eq!(at, line, "{text}: {problem}");
            assert!(problem.contains(&format!("`{key}`")) || key.is_empty(), "{text}: {problem}");
            let meant = format!("did you mean `{nearest}`?");
            assert!(problem.contains(&meant) || nearest.is_empty(), "{text}: {problem}");
            assert!(!problem.contains("cnry"), "{problem}");
        }
    }

    #[test]
    fn a_wrong_value_is_told_with_its_line_and_what_is_expected_and_not_repeated() {
        for (text, line, told) in [
            ("history = 1001", 1, "`history` must be a whole number from 0 to 1000"),
            ("history = -1", 1, "`history` must be a whole number"),
            ("history = 1.5", 1, "`history` must be a whole number"),
            ("history = \"cnry\"", 1, "`history` must be a whole number"),
            ("log = 'off'\ninject = [\n  \"cnry\"]", 2, "`inject` must be"),
            ("log = 'off'\ninject = \"cnry\"", 2, "`inject` must be \"auto\", \"env\" or \"file\""),
            ("\nlock-after = \"7cnry\"", 2, "`lock-after` must be a time from"),
            ("lock-after = \"0s\"", 1, "`lock-after` must be a time from"),
            ("lock-after = \"-1h\"", 1, "`lock-after` must be a time from"),
            ("lock-after = \"8761h\"", 1, "`lock-after` must be a time from"),
            ("lock-after = 12", 1, "`lock-after` must be a time from"),
            ("log = \"INFO\"", 1, "`log` must be \"error\", \"warn\""),
            ("log = \"off\"\nlog = \"info\"", 2, "invalid TOML"),
            ("log = info", 1, "invalid TOML"),
            ("log = \"cnry", 1, "invalid TOML"),
        ] {
            let (at, problem) = wrong(text);
            assert_eq!(at, line, "{text}: {problem}");
            assert!(problem.contains(told), "{text}: {problem}");
            assert!(!problem.contains("cnry"), "{problem}");
        }
    }

    #[test]
    fn brackets_without_end_are_no_settings() {
        for bracket in ["[", "{a="] {
            let text = format!("history = {}", bracket.repeat(16 << 10));
            assert!(matches!(Settings::parse(&text), Err((1, Problem::Syntax(_)))), "{bracket}");
        }
    }

    #[test]
    fn a_key_that_would_drive_the_terminal_is_shown_without_that() {
        let (_, problem) = Settings::parse("\"\\u001b[2J\" = 1").expect_err("unknown");
        assert!(matches!(&problem, Problem::Unknown { key, .. } if key == "\u{fffd}[2J"));
    }

    #[test]
    fn the_file_may_be_a_link_and_must_be_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        assert_eq!(Settings::read(&at("none")).expect("settings"), Settings::default());
        fs::write(at("file"), "history = 3\n").expect("a file");
        symlink("file", at("link")).expect("a link");
        assert_eq!(Settings::read(&at("link")).expect("settings").history, 3);
        symlink("/dev/zero", at("zero")).expect("a link");
        fs::write(at("bytes"), b"log = \"\xff\"").expect("a file");
        fs::write(at("large"), "#".repeat(65 << 10)).expect("a file");
        for (name, told) in [
            ("zero", "not a regular file"),
            ("bytes", "not UTF-8"),
            ("large", "more than 65536 bytes"),
        ] {
            let error = Settings::read(&at(name)).expect_err(name).to_string();
            assert!(error.contains(told) && error.contains(name), "{error}");
        }
    }
}
