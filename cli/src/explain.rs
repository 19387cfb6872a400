//! What was not understood, told without what was typed: that may be a value, and clap's own messages
//! quote it.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Command;
use crate::error::CliError;

/// clap's error in words of our own, with nothing of what was typed.
pub(super) fn explain(error: &clap::Error) -> Result<Command, CliError> {
    let text = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            return Ok(Command::Help(error.render().to_string()));
        }
        // The help, because nothing was typed.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Err(CliError::Usage(error.render().to_string()));
        }
        ErrorKind::ArgumentConflict => "two arguments do not go together".to_owned(),
        ErrorKind::InvalidSubcommand => "there is no such command".to_owned(),
        ErrorKind::InvalidValue => {
            let (of, these) =
                (ours(error, ContextKind::InvalidArg), ours(error, ContextKind::ValidValue));
            match these.is_empty() {
                true => format!("the value of {of} is missing"),
                false => format!("the value of {of} is missing or is none of these: {these}"),
            }
        }
        ErrorKind::MissingRequiredArgument => {
            format!("missing: {}", ours(error, ContextKind::InvalidArg))
        }
        ErrorKind::MissingSubcommand => "the command is missing".to_owned(),
        ErrorKind::UnknownArgument | ErrorKind::TooManyValues => {
            "there is an argument too many, or an unknown option; quote a value that has blanks"
                .to_owned()
        }
        _ => "the arguments are not understood".to_owned(),
    };
    let meant = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg]
        .map(|kind| ours(error, kind))
        .concat();
    let helped = helped(error);
    let meant = match error.get(ContextKind::InvalidSubcommand) {
        // The groups of commands have others.
        Some(ContextValue::String(typed)) if helped == super::PROGRAM => {
            known_elsewhere(typed).unwrap_or(&meant).to_owned()
        }
        _ => meant,
    };
    let meant = if meant.is_empty() { meant } else { format!("; did you mean: {meant}") };
    let usage = error.get(ContextKind::Usage).map(|usage| format!("\n{usage}")).unwrap_or_default();
    Err(CliError::Usage(format!("error: {text}{meant}{usage}\nsee: {helped} --help")))
}

/// What is meant by a command that other tools have.
fn known_elsewhere(typed: &str) -> Option<&'static str> {
    match typed {
        "cat" | "get" | "read" | "reveal" | "show" => {
            Some("run, which gives a secret to a connector? No command reads a value back")
        }
        "remove" | "rm" | "unset" => Some("delete"),
        "add" | "create" | "put" | "update" => Some("set"),
        "ls" => Some("list"),
        "version" => Some("--version"),
        _ => None,
    }
}

/// The program, with the command whose help tells more where one was understood: of our own usage.
fn helped(error: &clap::Error) -> String {
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let usage = usage.trim_start_matches("Usage: ").lines().next().unwrap_or_default();
    let is_word = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let words: Vec<_> = usage.split(' ').take_while(is_word).collect();
    if words.is_empty() { super::PROGRAM.to_owned() } else { words.join(" ") }
}

/// What our own programs call, and nobody means.
const HIDDEN: [&str; 3] = ["metadata", "unlock-first", "watch-cdk"];

/// Names of our own definitions that an error is about. Only for the kinds of context that hold
/// nothing of what was typed.
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
