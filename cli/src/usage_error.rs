//! Explains a command line that is not understood. What you typed may be a value, and clap's own messages
//! quote it, so no message here repeats it.

use std::error::Error as _;
use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use fluvio_secret_protocol::BadName;

use crate::argument::BadArgument;
use crate::error::CliError;

pub(crate) const PROGRAM: &str = "fluvio-secret";

/// clap's error about these words, in our own ones. The definition is that of all commands.
pub(crate) fn explain(
    error: &clap::Error,
    words: &[OsString],
    definition: fn() -> Command,
) -> CliError {
    let source = error.source();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // The help, because nothing was typed.
        return CliError::Usage(error.render().to_string());
    }
    if let Some(bad) = source.and_then(|source| source.downcast_ref::<BadName>()) {
        return match typed(error, ContextKind::InvalidValue).contains('=') {
            true => CliError::Usage(format!("error: {bad}, so nothing was done\n{APART}")),
            false => CliError::Name(*bad),
        };
    }
    if let Some(bad) = source.and_then(|source| source.downcast_ref::<BadArgument>()) {
        return CliError::Usage(bad.to_string());
    }
    let (text, helped) = (text(error), helped(error).unwrap_or_else(|| named(words, definition())));
    let meant = meant(error, &helped, definition)
        .map(|meant| format!("\nhelp: {meant}"))
        .unwrap_or_default();
    let usage = error.get(ContextKind::Usage).map(|usage| format!("\n{usage}")).unwrap_or_default();
    CliError::Usage(format!("error: {text}{usage}{meant}\nhelp: see: {helped} --help"))
}

fn text(error: &clap::Error) -> String {
    match error.kind() {
        ErrorKind::ArgumentConflict => {
            let (one, other) =
                (ours(error, ContextKind::InvalidArg), ours(error, ContextKind::PriorArg));
            format!("{one} cannot be used together with {other}")
        }
        ErrorKind::InvalidSubcommand => {
            let typed = typed(error, ContextKind::InvalidSubcommand);
            match known_elsewhere(typed).is_some() {
                true => format!("there is no command `{typed}`"),
                false => "there is no such command".to_owned(),
            }
        }
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
            match option(typed(error, ContextKind::InvalidArg)) {
                Some(option) => format!("there is no option `{option}`"),
                None => "there are too many arguments".to_owned(),
            }
        }
        ErrorKind::ValueValidation => {
            format!("the value of {} is invalid", ours(error, ContextKind::InvalidArg))
        }
        _ => NOT_UNDERSTOOD.to_owned(),
    }
}

/// What may be meant.
fn meant(error: &clap::Error, helped: &str, definition: fn() -> Command) -> Option<String> {
    let known = match error.kind() {
        // A group of commands, like `key`, has others.
        ErrorKind::InvalidSubcommand if helped == PROGRAM => {
            known_elsewhere(typed(error, ContextKind::InvalidSubcommand))
        }
        ErrorKind::UnknownArgument => {
            let has = |format: &str| has_format(definition(), helped, format);
            option_elsewhere(typed(error, ContextKind::InvalidArg), has)
        }
        _ => None,
    };
    let alike = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg];
    let alike = alike.map(|kind| ours(error, kind)).concat();
    match (known, error.kind()) {
        (Some(known), _) => Some(known.to_owned()),
        _ if !alike.is_empty() => Some(format!("did you mean: {alike}")),
        (None, ErrorKind::UnknownArgument | ErrorKind::TooManyValues)
            if option(typed(error, ContextKind::InvalidArg)).is_none()
                && takes_words(definition(), helped) =>
        {
            Some("put quotes around a value that has spaces".to_owned())
        }
        _ => None,
    }
}

const NOT_UNDERSTOOD: &str = "the arguments are invalid";

const APART: &str = "\
help: put a space between them: fluvio-secret set NAME VALUE
help: to be prompted for the value: fluvio-secret set NAME";

/// What does here what a command of other tools does.
fn known_elsewhere(typed: &str) -> Option<&'static str> {
    match typed {
        "cat" | "get" | "read" | "reveal" | "show" => Some(
            "no command prints a value; pass it to a connector with: fluvio-secret run --config FILE -- COMMAND",
        ),
        "env" | "exec" => Some("run a connector with: fluvio-secret run --config FILE -- COMMAND"),
        "remove" | "rm" | "unset" => Some("did you mean: delete"),
        "add" | "create" | "put" | "update" => Some("did you mean: set"),
        "init" => Some("the first secret makes the vault; set it with: fluvio-secret set NAME"),
        "ls" => Some("did you mean: list"),
        "trust" => Some("did you mean: vault trust"),
        "invite" | "join" => Some("did you mean: vault join"),
        "admit" => Some("did you mean: member admit"),
        "cp" => Some("did you mean: copy"),
        "mv" => Some("did you mean: rename"),
        "rotate" => Some("make a new key with: fluvio-secret key rotate"),
        "start" => Some("start the daemon with: fluvio-secret daemon start"),
        "stop" => Some("stop the daemon with: fluvio-secret daemon stop"),
        "version" => Some("did you mean: --version"),
        _ => None,
    }
}

/// The same for an option of a command, which may print its result in formats.
fn option_elsewhere(typed: &str, has_format: impl Fn(&str) -> bool) -> Option<&'static str> {
    match typed {
        "--json" if has_format("json") => Some("print JSON with: -O json"),
        "--yaml" if has_format("yaml") => Some("print YAML with: -O yaml"),
        _ => None,
    }
}

/// Whether a command prints its result in this format.
fn has_format(mut definition: Command, helped: &str, format: &str) -> bool {
    definition.build();
    let found = find(&definition, helped);
    let output = found.and_then(|found| found.get_arguments().find(|arg| arg.get_id() == "format"));
    output
        .is_some_and(|arg| arg.get_possible_values().iter().any(|value| value.get_name() == format))
}

/// Whether a command has arguments that are no options.
fn takes_words(mut definition: Command, helped: &str) -> bool {
    definition.build();
    find(&definition, helped).is_some_and(|found| found.get_positionals().next().is_some())
}

/// The command of this name, which begins with that of the program.
fn find<'d>(definition: &'d Command, name: &str) -> Option<&'d Command> {
    let mut words = name.split(' ').skip(1);
    words.try_fold(definition, |parent, name| parent.find_subcommand(name))
}

/// The program and the command that words begin with.
fn named(words: &[OsString], mut definition: Command) -> String {
    definition.build();
    let (mut command, mut name) = (&definition, PROGRAM.to_owned());
    for word in words.iter().skip(1) {
        let Some(found) = word.to_str().and_then(|word| command.find_subcommand(word)) else {
            break;
        };
        name = format!("{name} {}", found.get_name());
        command = found;
    }
    name
}

/// The option to name in a message: one of letters only, because anything else may be a part of a value.
fn option(typed: &str) -> Option<&str> {
    let word = typed.strip_prefix("--").or(typed.strip_prefix('-'))?;
    let is_letters =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    word.split('-').all(is_letters).then_some(typed)
}

/// The program and the command whose help says more, if the error has them. Its words are from our own usage.
fn helped(error: &clap::Error) -> Option<String> {
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let usage = usage.trim_start_matches("Usage: ").lines().next().unwrap_or_default();
    let is_word = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let words: Vec<_> = usage.split(' ').take_while(is_word).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// What was typed. It may be a value, so it is not printed.
fn typed(error: &clap::Error, kind: ContextKind) -> &str {
    match error.get(kind) {
        Some(ContextValue::String(one)) => one,
        _ => "",
    }
}

/// Commands that only programs call, so they are never suggested.
const HIDDEN: [&str; 4] = ["mask-cdk", "metadata", "unlock-first", "watch-cdk"];

/// The names of our own definitions in an error. For kinds of context that have nothing of what was typed.
fn ours(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(one)) => one.clone(),
        Some(ContextValue::Strings(many)) => {
            let shown = many.iter().filter(|one| !HIDDEN.contains(&one.as_str()));
            let mut shown: Vec<_> = shown.cloned().collect();
            if kind == ContextKind::SuggestedSubcommand {
                // clap has the most similar one last.
                shown.reverse();
            }
            shown.join(", ")
        }
        _ => String::new(),
    }
}
