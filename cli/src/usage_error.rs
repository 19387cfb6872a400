//! Explains a command line that is not understood. What you typed may be a value, and clap's own messages
//! quote it, so no message here repeats it.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use fluvio_secret_protocol::BadName;

use crate::argument::BadArgument;
use crate::error::CliError;

pub(crate) const PROGRAM: &str = "fluvio-secret";

/// clap's error in our own words.
pub(crate) fn explain(error: &clap::Error) -> CliError {
    let text = match error.kind() {
        // The help, because nothing was typed.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return CliError::Usage(error.render().to_string());
        }
        ErrorKind::ValueValidation => {
            let source = error.source();
            if let Some(bad) = source.and_then(|source| source.downcast_ref::<BadName>()) {
                return CliError::Name(*bad);
            }
            if let Some(bad) = source.and_then(|source| source.downcast_ref::<BadArgument>()) {
                return CliError::Usage(bad.to_string());
            }
            NOT_UNDERSTOOD.to_owned()
        }
        ErrorKind::ArgumentConflict => "two arguments cannot be used together".to_owned(),
        ErrorKind::InvalidSubcommand => "there is no such command".to_owned(),
        ErrorKind::InvalidValue => {
            let (of, these) =
                (ours(error, ContextKind::InvalidArg), ours(error, ContextKind::ValidValue));
            match these.is_empty() {
                true => format!("the value of {of} is missing"),
                false => format!("the value of {of} is missing, or is not one of: {these}"),
            }
        }
        ErrorKind::MissingRequiredArgument => {
            format!("missing: {}", ours(error, ContextKind::InvalidArg))
        }
        ErrorKind::MissingSubcommand => "the command is missing".to_owned(),
        ErrorKind::UnknownArgument | ErrorKind::TooManyValues => {
            "there is an unknown option, or an argument too many".to_owned()
        }
        _ => NOT_UNDERSTOOD.to_owned(),
    };
    let meant = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg]
        .map(|kind| ours(error, kind))
        .concat();
    let helped = helped(error);
    let meant = match error.get(ContextKind::InvalidSubcommand) {
        // A group of commands, like `key`, has others.
        Some(ContextValue::String(typed)) if helped == PROGRAM => {
            known_elsewhere(typed).unwrap_or(&meant).to_owned()
        }
        _ => meant,
    };
    let meant = match error.kind() {
        _ if !meant.is_empty() => format!("\nhelp: did you mean: {meant}"),
        ErrorKind::UnknownArgument | ErrorKind::TooManyValues => {
            "\nhelp: put quotes around a value that has spaces".to_owned()
        }
        _ => String::new(),
    };
    let usage = error.get(ContextKind::Usage).map(|usage| format!("\n{usage}")).unwrap_or_default();
    CliError::Usage(format!("error: {text}{usage}{meant}\nhelp: see: {helped} --help"))
}

const NOT_UNDERSTOOD: &str = "the arguments are invalid";

/// Our command for one that other tools have.
fn known_elsewhere(typed: &str) -> Option<&'static str> {
    match typed {
        "cat" | "get" | "read" | "reveal" | "show" => {
            Some("run, which passes secrets to a connector? No command prints a value")
        }
        "remove" | "rm" | "unset" => Some("delete"),
        "add" | "create" | "put" | "update" => Some("set"),
        "ls" => Some("list"),
        "version" => Some("--version"),
        _ => None,
    }
}

/// The program and the command whose help says more. Its words are from our own usage.
fn helped(error: &clap::Error) -> String {
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let usage = usage.trim_start_matches("Usage: ").lines().next().unwrap_or_default();
    let is_word = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let words: Vec<_> = usage.split(' ').take_while(is_word).collect();
    if words.is_empty() { PROGRAM.to_owned() } else { words.join(" ") }
}

/// Commands that only programs call, so they are never suggested.
const HIDDEN: [&str; 3] = ["metadata", "unlock-first", "watch-cdk"];

/// The names of our own definitions in an error. For kinds of context that have nothing of what was typed.
fn ours(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(one)) => one.clone(),
        Some(ContextValue::Strings(many)) => many
            .iter()
            .filter(|one| !HIDDEN.contains(&one.as_str()))
            .cloned()
            .collect::<Vec<_>>()
            .join(", "),
        _ => String::new(),
    }
}
