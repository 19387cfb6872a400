//! The definition of the command line, as a page: each command with its options and its example.

use clap::builder::StyledStr;
use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};

use crate::text;
use crate::words::fonts;

/// Writes the sections that the definition gives.
pub(crate) fn write(roff: &mut Roff, mut definition: Command) {
    // Names of commands are whole, and every one has its help, only after this.
    definition.build();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(definition.get_name()), roman(" "), italic("COMMAND"), roman(" [...]")]);
    roff.control("SH", ["DESCRIPTION"]);
    paragraph(roff, definition.get_long_about().or(definition.get_about()));
    roff.control("SH", ["OPTIONS"]);
    arguments(roff, &definition);
    roff.control("SH", ["COMMANDS"]);
    let described = definition.get_after_help().map(ToString::to_string).unwrap_or_default();
    commands(roff, &mut definition);
    text::write(roff, &described);
}

/// Writes the commands of a command, and theirs.
fn commands(roff: &mut Roff, parent: &mut Command) {
    for command in parent.get_subcommands_mut().filter(|command| !command.is_hide_set()) {
        let usage = command.render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ");
        if command.has_subcommands() {
            commands(roff, command);
            continue;
        }
        roff.control("SS", [usage]);
        paragraph(roff, command.get_long_about().or(command.get_about()));
        arguments(roff, command);
        let described = command.get_after_long_help().or(command.get_after_help());
        let described = described.map(ToString::to_string).unwrap_or_default();
        text::write_under(roff, &described);
    }
}

fn paragraph(roff: &mut Roff, text: Option<&StyledStr>) {
    let text = text.map(ToString::to_string).unwrap_or_default();
    roff.text(fonts(&format!("{}.", text.trim_end_matches('.'))));
}

/// Writes what can be typed behind a command. `--help` is said once, for all of them.
fn arguments(roff: &mut Roff, command: &Command) {
    let is_whole = command.get_bin_name().is_none_or(|name| !name.contains(' '));
    let shown = |argument: &&Arg| {
        !argument.is_hide_set() && (is_whole || argument.get_long() != Some("help"))
    };
    let mut heading = None;
    for argument in command.get_arguments().filter(shown) {
        if argument.get_help_heading() != heading {
            heading = argument.get_help_heading();
            roff.control("PP", []);
            roff.text(fonts(&format!("{}:", heading.unwrap_or("Others"))));
        }
        roff.control("TP", []);
        roff.text(term(argument));
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        roff.text(fonts(&format!("{help}{}", remark(argument))));
    }
}

/// An argument as it is typed.
fn term(argument: &Arg) -> Vec<Inline> {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let options: Vec<_> = [short, long].into_iter().flatten().collect();
    let value = argument.get_value_names().unwrap_or_default().join(" ");
    let takes = argument.get_action().takes_values();
    match options.join(", ") {
        options if options.is_empty() => vec![italic(value)],
        options if takes => vec![bold(options), roman(" "), italic(value)],
        options => vec![bold(options)],
    }
}

/// What may be given, and what holds when nothing is.
fn remark(argument: &Arg) -> String {
    if !argument.get_action().takes_values() {
        return String::new();
    }
    let possible = argument.get_possible_values();
    let possible = possible.iter().map(|value| match value.get_help() {
        Some(help) if help.to_string() != value.get_name() => {
            format!("`{}` ({})", value.get_name(), lower(&help.to_string()))
        }
        _ => format!("`{}`", value.get_name()),
    });
    let possible = possible.collect::<Vec<_>>().join(", ");
    let default = argument.get_default_values();
    let default = default.iter().map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(" ");
    match (possible.is_empty(), default.is_empty()) {
        (true, true) => String::new(),
        (true, false) => format!(" [default: `{default}`]"),
        (false, true) => format!(": {possible}"),
        (false, false) => format!(": {possible} [default: `{default}`]"),
    }
}

/// A help begins with a capital, which has no place in a sentence.
fn lower(help: &str) -> String {
    let mut letters = help.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
