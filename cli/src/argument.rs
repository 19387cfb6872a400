//! The commands about secrets that have more than a name.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use clap::Args;
use fluvio_secret_protocol::{Secret, SecretName};
use jiff::{Span, Timestamp, ZonedDateTime};

use super::completion::names;
use super::form::{FileFormat, LogFormat};
use super::name;
use crate::error::CliError;

/// Secrets of a file.
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// Only show what each secret of the file is: new, the same, or another value
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Replace the secrets that have another value
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Delete FILE when all of its secrets are safely kept
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) remove: bool,

    /// Read FILE by these rules; the default depends on its name and content
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<FileFormat>,

    /// A secrets file or a .env file; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// A secret to set.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) name: SecretName,
    pub(crate) source: Source,
}

/// Where the value is.
#[derive(Debug)]
pub(crate) enum Source {
    /// On the command line.
    Argument(Secret),
    /// In a file, all of it.
    File(PathBuf),
    /// Not said: asked for on a terminal, else standard input.
    Ask,
    /// On standard input.
    Input,
}

#[derive(Args)]
pub(super) struct TypedSet {
    /// Accepted as in the cloud; secrets have one scope here
    #[arg(short, long)]
    connector: bool,

    /// Take the value from a file, as it is
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    file: Option<PathBuf>,

    /// The secret's name: letters, digits and _
    #[arg(value_name = "NAME")]
    name: OsString,

    /// The value; - for standard input
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<OsString>,
}

/// What is meant by `set`.
pub(super) fn set(typed: TypedSet, is_after_dashes: bool) -> Result<Set, CliError> {
    // As in the cloud `--connector` is taken, and says nothing here.
    let TypedSet { connector: _, file, name: text, value } = typed;
    if !is_after_dashes && value.as_deref().is_some_and(may_be_option) {
        return Err(CliError::Usage(UNKNOWN_OPTION.to_owned()));
    }
    Ok(Set { name: name(&text)?, source: source(file, value) })
}

const UNKNOWN_OPTION: &str = "\
error: unknown option after NAME; nothing was set
help: to read the value from standard input: fluvio-secret set NAME -
help: if it is the value, put -- before it: fluvio-secret set NAME -- VALUE
see: fluvio-secret set --help";

/// Whether a value has the form of an option: `--stdin`, but not `-----BEGIN …` or a text with spaces.
fn may_be_option(value: &OsStr) -> bool {
    let bytes = value.as_encoded_bytes().strip_prefix(b"--").unwrap_or_default();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What is meant by `log`.
pub(super) fn log(typed: TypedLog) -> Result<Log, CliError> {
    let TypedLog { follow, name: text, since: span, format } = typed;
    let (text, span) = (text.as_ref().map(name), span.as_deref().map(since));
    Ok(Log { follow, name: text.transpose()?, since: span.transpose()?, format })
}

fn source(file: Option<PathBuf>, value: Option<OsString>) -> Source {
    match (file, value) {
        (Some(file), _) => Source::File(file),
        (None, None) => Source::Ask,
        (None, Some(value)) if value == "-" => Source::Input,
        (None, Some(value)) => Source::Argument(Secret::from(value.into_vec())),
    }
}

/// What to show of the audit log.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) follow: bool,
    pub(crate) name: Option<SecretName>,
    /// Nothing that is older.
    pub(crate) since: Option<Timestamp>,
    pub(crate) format: LogFormat,
}

#[derive(Args)]
pub(super) struct TypedLog {
    /// Go on with what happens, until it is ended
    #[arg(short, long)]
    follow: bool,

    /// Only what is about this secret
    #[arg(long, value_name = "NAME", add = names())]
    name: Option<OsString>,

    /// Only what happened since then, like 12h
    #[arg(long, value_name = "DURATION")]
    since: Option<OsString>,

    /// The form of the result
    #[arg(
        short = 'O',
        long = "output",
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    format: LogFormat,
}

/// So long before now. A day may have 23 hours, so it is counted in the calendar of this place.
fn since(duration: &OsStr) -> Result<Timestamp, CliError> {
    let span = duration.to_str().and_then(|text| text.parse::<Span>().ok());
    let since = span.and_then(|span| ZonedDateTime::now().checked_sub(span.abs()).ok());
    let usage = || {
        CliError::Usage("error: the duration of --since is not understood; write it like 90s, 30m, 12h, 7d\nsee: fluvio-secret log --help".to_owned())
    };
    since.map(|since| since.timestamp()).ok_or_else(usage)
}
