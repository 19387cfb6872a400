//! Values of arguments that several commands have: how they are parsed and completed.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use fluvio_secret_protocol::{
    BadName, Call, InjectMode, List, ListDeleted, ListLeases, ListVaults, ListedSecret, Paged,
    SecretName, VaultAddress,
};
use fluvio_secret_system::project::{PERSONAL, project_of};
use jiff::{Span, SpanRelativeTo};
use thiserror::Error;

use crate::connection::{client, client_about};
use crate::error::CliError;

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

/// Parses a duration, such as `1m 30s` or `7d`. A day has 24 hours.
pub(crate) fn duration(text: &OsStr) -> Option<Duration> {
    let span: Span = text.to_str()?.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
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
    ArgValueCandidates::new(|| candidates(&listed_here(List)))
}

/// The names of all secrets that may be restored: of deleted ones, too.
pub(crate) fn restorable_names() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(&[listed_here(List), listed_here(ListDeleted)].concat()))
}

/// The ids of leases.
pub(crate) fn lease_ids() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let leases = listed(ListLeases).into_iter();
        leases
            .map(|lease| CompletionCandidate::new(lease.id).help(lease.connector.map(Into::into)))
            .collect()
    })
}

/// The names of the connectors that have a lease.
pub(crate) fn connectors() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = listed(ListLeases).into_iter().filter_map(|lease| lease.connector);
        names.map(CompletionCandidate::new).collect()
    })
}

/// The projects with a registered vault, and the word for the personal one.
pub(crate) fn vaults() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let vaults = listed(ListVaults).into_iter().filter(|vault| !vault.personal);
        let projects = vaults.map(|vault| project_of(Path::new(&vault.path)).to_owned());
        let all = projects.map(OsString::from).chain([PERSONAL.into()]);
        all.map(CompletionCandidate::new).collect()
    })
}

/// The same about the vault that the line names, or that of the current directory.
fn listed_here<C: Call<Answer: Paged>>(request: C) -> Vec<<C::Answer as Paged>::Item> {
    let typed = typed_vault(env::args_os());
    let vault = VaultAddress::choose(typed.as_deref(), Path::new("."));
    let client = vault.map_err(CliError::from).and_then(client_about);
    client.and_then(|mut client| Ok(client.collect(request)?)).unwrap_or_default()
}

/// The value of `--vault` in an unfinished line.
fn typed_vault(words: impl Iterator<Item = OsString>) -> Option<OsString> {
    let mut words = words.skip_while(|word| !word.as_bytes().starts_with(b"--vault"));
    let word = words.next()?;
    match word.as_bytes().strip_prefix(b"--vault=") {
        Some(value) => Some(OsStr::from_bytes(value).to_owned()),
        None => words.next().filter(|_| word == "--vault"),
    }
}

/// What the daemon lists. An error would be printed into the line that you type.
fn listed<C: Call<Answer: Paged>>(request: C) -> Vec<<C::Answer as Paged>::Item> {
    client().and_then(|mut client| Ok(client.collect(request)?)).unwrap_or_default()
}

fn candidates(secrets: &[ListedSecret]) -> Vec<CompletionCandidate> {
    secrets.iter().map(|secret| CompletionCandidate::new(secret.name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, typed_vault};

    #[test]
    fn the_vault_is_read_from_an_unfinished_line() {
        let typed = |line: &str| typed_vault(line.split(' ').map(Into::into));
        assert_eq!(typed("set --vault ../b A"), Some("../b".into()));
        assert_eq!(typed("set --vault=personal A"), Some("personal".into()));
        for line in ["set A", "set --vaults x", "set --vault"] {
            assert_eq!(typed(line), None, "{line}");
        }
    }

    #[test]
    fn a_duration_may_have_days() {
        assert_eq!(duration("1h 30m".as_ref()), Some(Duration::from_secs(5400)));
        assert_eq!(duration("7d".as_ref()), Some(Duration::from_secs(7 * 86400)));
        for bad in ["1 month", "-1h", "x", ""] {
            assert_eq!(duration(bad.as_ref()), None, "{bad}");
        }
    }
}
