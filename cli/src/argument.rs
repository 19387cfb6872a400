//! Values of arguments that several commands have: how they are parsed and completed.

use std::ffi::OsStr;
use std::time::Duration;

use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use fluvio_secret_protocol::{BadName, InjectMode, List, SecretName};
use jiff::SignedDuration;
use thiserror::Error;

use crate::connection::client;

/// Why the value of an argument is refused, with nothing of that value.
#[derive(Clone, Debug, Error)]
#[error("error: {why}\nhelp: see: fluvio-secret {command} --help")]
pub(crate) struct BadArgument {
    why: String,
    /// The command whose help says more.
    command: &'static str,
}

impl BadArgument {
    pub(crate) fn new(why: String, command: &'static str) -> Self {
        Self { why, command }
    }

    /// For a duration, with examples of good ones.
    pub(crate) fn duration(
        option: &'static str,
        examples: &'static str,
        command: &'static str,
    ) -> Self {
        let why = format!("the duration of {option} is invalid: write it like {examples}");
        Self::new(why, command)
    }
}

/// A parser that is a function. It also gets values that are not UTF-8.
pub(crate) fn parsed<T, E>(
    parse: impl Fn(&OsStr) -> Result<T, E> + Clone + Send + Sync + 'static,
) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    OsStringValueParser::new().try_map(move |text| parse(&text))
}

/// Parses the name of a secret. A byte that is not UTF-8 becomes a character that no name has.
pub(crate) fn name(text: &OsStr) -> Result<SecretName, BadName> {
    text.to_string_lossy().into_owned().try_into()
}

/// Parses a text of which the daemon says whether it is good. It has a limit on the wire.
pub(crate) fn text(
    text: &OsStr,
    what: &str,
    most: usize,
    command: &'static str,
) -> Result<String, BadArgument> {
    let text = text.to_string_lossy().into_owned();
    if text.len() > most {
        let why = format!("the {what} has more than {most} bytes");
        return Err(BadArgument::new(why, command));
    }
    Ok(text)
}

/// Parses a duration, such as `1m 30s`.
pub(crate) fn duration(text: &OsStr) -> Option<Duration> {
    let read: SignedDuration = text.to_str()?.parse().ok()?;
    Duration::try_from(read).ok()
}

const INJECT_MODES: [(InjectMode, &str); 3] = [
    (InjectMode::Auto, "As a file if all values fit, else as environment variables"),
    (InjectMode::File, "As --secrets FILE, a file in memory"),
    (InjectMode::Env, "As environment variables"),
];

/// Parses an inject mode.
pub(crate) fn inject_mode() -> impl TypedValueParser<Value = InjectMode> {
    let values = INJECT_MODES.map(|(mode, help)| PossibleValue::new(mode.as_str()).help(help));
    // The parser has refused every other word.
    PossibleValuesParser::new(values).map(|word| InjectMode::of(&word).unwrap_or_default())
}

/// The names of the secrets, for the completion of a shell.
pub(crate) fn names() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        // An error would be printed into the line that you type.
        let listed = client().and_then(|mut client| Ok(client.collect(List)?)).unwrap_or_default();
        listed.iter().map(|secret| CompletionCandidate::new(secret.name.as_str())).collect()
    })
}
