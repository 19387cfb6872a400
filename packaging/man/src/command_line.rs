//! The definition of the command line, as a page: each command with its options and its example.

use clap::builder::StyledStr;
use clap::{Arg, Command};
use fluvio_secret_cli::{COMMAND_GROUPS, CommandGroup};
use roff::{Inline, Roff, bold, italic, roman};

use crate::text;
use crate::words::fonts;

/// Writes the sections of the whole program: its own options, and which page has which commands.
pub(crate) fn write(roff: &mut Roff, definition: &Command) {
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(definition.get_name()), roman(" "), italic("COMMAND"), roman(" [...]")]);
    roff.control("SH", ["DESCRIPTION"]);
    paragraph(roff, definition.get_long_about().or(definition.get_about()));
    roff.control("SH", ["OPTIONS"]);
    arguments(roff, definition);
    roff.control("SH", ["COMMANDS"]);
    for CommandGroup { heading, page, commands, .. } in &COMMAND_GROUPS {
        roff.control("SS", [*heading]);
        for command in commands.iter().filter_map(|name| definition.find_subcommand(name)) {
            roff.control("TP", []);
            roff.text([bold(command.get_name())]);
            roff.text(fonts(&about(command)));
        }
        roff.control("PP", []);
        roff.text(fonts(&format!("See `{page}`(1).")));
    }
    let described = definition.get_after_help().map(ToString::to_string).unwrap_or_default();
    text::write(roff, &described);
}

/// Writes the sections of a group of commands: each command with its options and its example.
pub(crate) fn write_group(roff: &mut Roff, definition: &Command, group: &CommandGroup) {
    let in_group: Vec<_> = visible(definition)
        .filter(|command| group.commands.contains(&command.get_name()))
        .flat_map(leaves)
        .collect();
    roff.control("SH", ["SYNOPSIS"]);
    for (number, command) in in_group.iter().enumerate() {
        if number > 0 {
            roff.control("br", []);
        }
        roff.text([bold(usage(command))]);
    }
    roff.control("SH", ["COMMANDS"]);
    for command in in_group {
        roff.control("SS", [&*usage(command)]);
        paragraph(roff, command.get_long_about().or(command.get_about()));
        arguments(roff, command);
        let described = command.get_after_long_help().or(command.get_after_help());
        let described = described.map(ToString::to_string).unwrap_or_default();
        text::write_under(roff, &described);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text(fonts("`fluvio-secret`(1) has the exit statuses. `fluvio-secret`(5) has the files and the settings."));
}

/// The commands that can be typed: a command, or those below it.
fn leaves(command: &Command) -> Vec<&Command> {
    match command.has_subcommands() {
        true => visible(command).flat_map(leaves).collect(),
        false => vec![command],
    }
}

fn visible(parent: &Command) -> impl Iterator<Item = &Command> {
    parent.get_subcommands().filter(|command| !command.is_hide_set())
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

fn about(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    format!("{}.", about.trim_end_matches('.'))
}

fn paragraph(roff: &mut Roff, text: Option<&StyledStr>) {
    let text = text.map(ToString::to_string).unwrap_or_default();
    roff.text(fonts(&format!("{}.", text.trim_end_matches('.'))));
}

/// The options of every command, which are described once.
const GLOBAL: [&str; 2] = ["color", "help"];

/// Writes what can be typed behind a command.
fn arguments(roff: &mut Roff, command: &Command) {
    let is_whole = command.get_bin_name().is_none_or(|name| !name.contains(' '));
    let shown = |argument: &&Arg| {
        let is_global = argument.get_long().is_some_and(|long| GLOBAL.contains(&long));
        !argument.is_hide_set() && (is_whole || !is_global)
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
    let possible = match argument.is_hide_possible_values_set() {
        true => Vec::new(),
        false => argument.get_possible_values(),
    };
    let possible = possible.iter().map(|value| match value.get_help() {
        Some(help) if help.to_string() != value.get_name() => {
            format!("`{}` ({})", value.get_name(), lower(&help.to_string()))
        }
        _ => format!("`{}`", value.get_name()),
    });
    let possible = possible.collect::<Vec<_>>().join(", ");
    let default = match argument.is_hide_default_value_set() {
        true => &[],
        false => argument.get_default_values(),
    };
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
