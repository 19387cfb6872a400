//! The command line: its definition, and how it is read.

use std::env;
use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Args as _, CommandFactory, FromArgMatches as _, Parser};
use clap_complete::env::{CompleteEnv, Shells};

use crate::commands::Command;
use crate::commands::completions::COMPLETE;
use crate::commands::run::RunArgs;
use crate::error::CliError;
use crate::help::{self, Manual};
use crate::style;
use crate::usage_error::{PROGRAM, explain};

/// Keep the secrets of Fluvio connectors on this machine
#[derive(Parser)]
#[command(name = PROGRAM, version, disable_help_subcommand = true, after_help = EXAMPLES)]
struct CommandLine {
    // Its value is read before the others, see `color_of`.
    #[command(flatten)]
    color: colorchoice_clap::Color,

    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Example: fluvio-secret run --config sample-config.yaml -- ./my-connector";

/// Reads the arguments, the program's name first.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, CliError> {
    let mut args: Vec<_> = args.into_iter().collect();
    // Before an error is printed.
    if let Some(word) = color_of(&args) {
        style::choose(word);
    }
    if let Some(run) = parse_run(&args) {
        return Ok(run);
    }
    if args.get(1).is_some_and(|word| word == "help") {
        if let Some(manual) = Manual::of(command_line(), &args[2..]) {
            return Ok(Command::Manual(manual));
        }
        // What is wrong is explained as for `COMMAND --help`.
        args.remove(1);
        args.push("--help".into());
    }
    let last_is_after_dashes = args.iter().rev().skip(1).any(|word| word == "--");
    let found = command_line().try_get_matches_from(&args);
    let command = match found.and_then(|found| CommandLine::from_arg_matches(&found)) {
        Ok(line) => line.command,
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                return Ok(Command::Help(error.render().to_string()));
            }
            _ => return Err(explain(&error, &args, command_line)),
        },
    };
    if let Command::Set(set) = &command
        && !last_is_after_dashes
    {
        set.refuse_option()?;
    }
    Ok(command)
}

/// What `--color` is, wherever it stands.
fn color_of(args: &[OsString]) -> Option<&str> {
    let words: Vec<_> = args.iter().skip(1).take_while(|word| *word != "--").collect();
    let after = words.iter().position(|word| *word == "--color").and_then(|at| words.get(at + 1));
    let inside = words.iter().find_map(|word| word.to_str()?.strip_prefix("--color="));
    inside.or(after.and_then(|word| word.to_str()))
}

/// Reads the arguments of `run` alone: clap builds every command before it reads one, and each start of a
/// connector waits for that. What is wrong is left to the whole command line.
fn parse_run(args: &[OsString]) -> Option<Command> {
    let words = args.get(1..).filter(|words| words.first().is_some_and(|word| word == "run"))?;
    if let Some(run) = RunArgs::of_plain_start(&words[1..]) {
        return Some(Command::Run(run));
    }
    let command = RunArgs::augment_args(clap::Command::new("run"));
    let found = command.try_get_matches_from(words).ok()?;
    RunArgs::from_arg_matches(&found).ok().map(Command::Run)
}

/// Answers a shell that asks for completions. Returns whether a shell did.
pub(crate) fn complete() -> bool {
    let shell = env::var(COMPLETE).unwrap_or_default();
    // Without a shell that asks, the command is carried out.
    if Shells::builtins().completer(&shell).is_none() {
        return false;
    }
    // Without HOME, the password database would be asked what `~` means. A static program cannot do that everywhere.
    let has_home = env::var_os("HOME").is_some_and(|home| !home.is_empty());
    if !has_home && env::args_os().any(|word| word.as_encoded_bytes().contains(&b'~')) {
        return true;
    }
    let environment = CompleteEnv::with_factory(command_line).bin(PROGRAM).var(COMPLETE);
    let directory = env::current_dir().ok();
    // An error would be printed into the line that you type.
    environment.try_complete(env::args_os(), directory.as_deref()).unwrap_or(true)
}

/// The definition of the command line, for its manual page.
#[must_use]
pub fn command_line() -> clap::Command {
    help::shorten(CommandLine::command())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::{Args as _, CommandFactory as _, FromArgMatches as _, Parser as _};

    use super::{CommandLine, parse, parse_run};
    use crate::commands::Command;
    use crate::commands::run::RunArgs;
    use crate::error::CliError;
    use crate::value::Source;

    fn typed(words: &[&str]) -> Result<Command, CliError> {
        parse(std::iter::once("fluvio-secret").chain(words.iter().copied()).map(Into::into))
    }

    fn source(words: &[&str]) -> Source {
        match typed(&[&["set"], words].concat()) {
            Ok(Command::Set(set)) => set.source(),
            Ok(other) => panic!("{words:?}: {other:?}"),
            Err(error) => panic!("{words:?}: {}", error.text()),
        }
    }

    fn refused(words: &[&str]) -> String {
        match typed(words) {
            Err(error @ (CliError::Usage(_) | CliError::Name(_))) => {
                assert_eq!(error.status(), 2);
                error.text()
            }
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn the_definitions_are_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn the_clouds_forms_of_set_are_understood() {
        let argument = |words: &[&str]| match source(words) {
            Source::Argument(value) => String::from_utf8_lossy(value.expose()).into_owned(),
            other => panic!("{words:?}: {other:?}"),
        };
        assert_eq!(argument(&["A", "value"]), "value");
        assert_eq!(argument(&["-c", "A", "value"]), "value");
        assert_eq!(argument(&["--connector", "A", "value"]), "value");
        assert_eq!(argument(&["A", "-value"]), "-value");
        assert_eq!(argument(&["A", "-cat"]), "-cat");
        assert_eq!(argument(&["A", "--", "--value"]), "--value");
        assert_eq!(argument(&["--", "A", "--stdin"]), "--stdin");
        assert_eq!(argument(&["A", "--", "--file"]), "--file");
        assert_eq!(argument(&["A", ""]), "");
        assert!(matches!(source(&["A"]), Source::Ask));
        assert!(matches!(source(&["A", "-"]), Source::Input));
        assert!(matches!(source(&["--connector", "A", "--file", "f"]), Source::File(_)));
        assert!(matches!(source(&["A", "--file=f"]), Source::File(_)));
    }

    #[test]
    fn an_unknown_option_after_the_name_is_not_its_value() {
        for option in ["--stdin", "--from-file", "--x", "--2", "--a-b-"] {
            for words in [&["set", "A", option][..], &["set", "-c", "A", option]] {
                let text = refused(words);
                assert!(text.contains("unknown option") && !text.contains(option), "{text}");
            }
            assert!(refused(&["set", "A", option, "--"]).starts_with("error: "));
        }
        for value in [
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN",
            "---",
            "--",
            "--a b",
            "--a=b",
            "--a_b",
            "--\u{fc}",
            "-x",
        ] {
            let words = if value == "--" { vec!["A", "--", value] } else { vec!["A", value] };
            let Source::Argument(found) = source(&words) else { panic!("{value}") };
            assert_eq!(found.expose(), value.as_bytes());
        }
    }

    #[test]
    fn the_command_of_run_is_left_as_it_is() {
        let words = ["run", "--config", "c", "--inject", "env", "--", "cargo", "run", "--", "-h"];
        let Ok(Command::Run(run)) = typed(&words) else { panic!("a run") };
        assert_eq!(run.command, ["cargo", "run", "--", "-h"]);
        let Ok(Command::Run(run)) = typed(&["run", "--config", "c", "conn", "-x", "--config", "d"])
        else {
            panic!("a run")
        };
        assert_eq!(run.command, ["conn", "-x", "--config", "d"]);
        assert!(typed(&["run", "--config", "c", "--injekt", "env", "--", "true"]).is_err());
        assert!(typed(&["run", "--config", "c"]).is_err());
        let Ok(Command::Run(run)) = typed(&["run", "-c", "c", "conn", "-c", "d"]) else {
            panic!("a run")
        };
        assert_eq!(run.command, ["conn", "-c", "d"]);
    }

    #[test]
    fn run_is_read_alone_as_among_all_commands() {
        let watch = ["run", "--watch", "--watch-path", "a", "--grace", "1s", "--config", "c", "x"];
        for words in [
            &["run", "--config", "c", "x"][..],
            &["run", "--config=c", "--inject", "env", "--as-is", "--", "x", "--", "-h"],
            &["run", "-c", "c", "x"],
            &["run", "--", "x", "-c", "c"],
            &watch,
            &["run", "--no-check", "--config", "c", "--vault", "v", "--", "x"],
            &["run", "--config", "c", "--inject", "x", "--", "x"],
            &["run", "--config", "c"],
            &["run", "--config", "c", "--config", "d", "--", "x"],
            &["run", "--config", "", "--", "x"],
            &["run"],
            &["run", "--help"],
            &["run", "--version"],
            &["run", "-V", "--config", "c", "x"],
            &["set", "run", "--config"],
            &["--", "run", "--config", "c", "x"],
            &["runs", "--config", "c", "x"],
            &[],
        ] {
            let words: Vec<OsString> =
                ["fluvio-secret"].iter().chain(words).map(Into::into).collect();
            let whole = CommandLine::try_parse_from(&words).ok().map(|line| line.command);
            let whole = whole.filter(|command| matches!(command, Command::Run(_)));
            assert_eq!(format!("{:?}", parse_run(&words)), format!("{whole:?}"), "{words:?}");
        }
    }

    #[test]
    fn a_plain_start_is_read_as_by_clap() {
        let words = ["--config", "c", "--inject", "env", "--as-is", "--vault", "", "-x"];
        let lists = (0..=4).flat_map(|length| {
            let count = words.len();
            (0..count.pow(length)).map(move |number| {
                (0..length)
                    .map(|place| words[number / count.pow(place) % count])
                    .collect::<Vec<_>>()
            })
        });
        let mut plain = 0;
        for options in lists {
            for command in [&["--"][..], &["--", ""], &["--", "-x", "--", "--config"]] {
                let typed = [&options[..], command].concat();
                let typed: Vec<_> = typed.into_iter().map(OsString::from).collect();
                let Some(run) = RunArgs::of_plain_start(&typed) else { continue };
                plain += 1;
                let by_clap = RunArgs::augment_args(clap::Command::new("run").no_binary_name(true))
                    .try_get_matches_from(&typed)
                    .and_then(|found| RunArgs::from_arg_matches(&found));
                let by_clap = by_clap.unwrap_or_else(|error| panic!("{typed:?}: {error}"));
                assert_eq!(format!("{run:?}"), format!("{by_clap:?}"), "{typed:?}");
            }
        }
        assert!(plain > 50, "{plain}");
        let plain = ["--no-check", "--config", "c", "--inject", "file", "--vault", "v", "--", "x"];
        assert!(RunArgs::of_plain_start(&plain.map(OsString::from)).is_some());
    }

    #[test]
    fn no_usage_error_repeats_what_was_typed() {
        for words in [
            &["set", "A", "cnry1", "cnry2"][..],
            &["set", "cnry-name", "value"],
            &["set", "A", "cnry", "--file", "f"],
            &["set", "--cnry7"],
            &["cnry"],
            &["cnry", "A", "value"],
            &["list", "cnry"],
            &["list", "--cnry7=x"],
            &["list", "-cnry"],
            &["set", "cnry=value"],
            &["delete", "A", "cnry-9"],
            &["run", "--inject", "cnry", "--config", "c", "x"],
            &["--other=cnry", "set"],
        ] {
            let text = refused(words);
            assert!(!text.contains("cnry"), "{words:?}: {text}");
        }
    }

    #[test]
    fn a_usage_error_says_what_is_meant() {
        assert!(refused(&["lst"]).contains("did you mean: list"), "{}", refused(&["lst"]));
        assert!(refused(&["rm", "A"]).contains("did you mean: delete"));
        assert!(refused(&["get", "A"]).contains("no command prints a value"));
        for (word, meant) in [
            ("env", "fluvio-secret run"),
            ("init", "fluvio-secret set NAME"),
            ("cp", "did you mean: copy"),
            ("mv", "did you mean: rename"),
            ("rotate", "fluvio-secret key rotate"),
            ("stop", "fluvio-secret daemon stop"),
        ] {
            assert!(refused(&[word]).contains(meant), "{word}: {}", refused(&[word]));
        }
        let json = refused(&["list", "--json"]);
        assert!(json.contains("no option `--json`") && json.contains("-O json"), "{json}");
        for words in [&["delete", "--json"][..], &["log", "--yaml"]] {
            assert!(!refused(words).contains("-O"), "{}", refused(words));
        }
        let apart = refused(&["set", "A=value"]);
        assert!(apart.contains("fluvio-secret set NAME VALUE"), "{apart}");
        let like = refused(&["sett"]);
        assert!(like.contains("did you mean: set,") && !like.contains("sett"), "{like}");
        assert!(refused(&["rotate"]).contains("no command `rotate`"));
        let both = refused(&["run", "--mask", "--watch", "-c", "c", "x"]);
        assert!(both.contains("--watch") && both.contains("--mask"), "{both}");
        let nested = refused(&["member", "rm"]);
        assert!(!nested.contains("delete") && nested.contains("see: fluvio-secret member"));
        assert!(refused(&["set"]).contains("missing: <NAME>"), "{}", refused(&["set"]));
        assert!(refused(&["set", "A", "b", "c"]).contains("too many arguments"));
        assert!(refused(&["set", "9A", "b"]).contains("digit"));
        let inject = refused(&["run", "--inject", "x", "--config", "c", "x"]);
        assert!(inject.contains("auto, file, env"), "{inject}");
        // The help is that of the command, whatever is wrong.
        for (words, helped) in [
            (&["run", "--inject", "x", "--config", "c", "x"][..], "run"),
            (&["list", "-O", "xml"], "list"),
            (&["member", "admit", "--role", "x"], "member admit"),
            (&["list", "x"], "list"),
        ] {
            let (text, help) =
                (refused(words), format!("help: see: fluvio-secret {helped} --help"));
            assert!(text.ends_with(&help), "{text}");
        }
        let number = refused(&["restore", "A", "--version", "present"]);
        assert!(
            number.contains("the value of --version") && !number.contains("present"),
            "{number}"
        );
        let quotes = |words| refused(words).contains("quotes");
        assert!(quotes(&["set", "A", "b", "c"]));
        assert!(!quotes(&["list", "x"]) && !quotes(&["member", "remove", "x", "--yes"]));
        assert!(refused(&[]).contains("Usage"), "{}", refused(&[]));
    }

    #[test]
    fn help_and_version_are_results() {
        for words in [
            &["--help"][..],
            &["set", "--help"],
            &["--version"],
            &["daemon", "-h"],
            &["help"],
            &["help", "--help"],
        ] {
            assert!(matches!(typed(words), Ok(Command::Help(_))), "{words:?}");
        }
        assert!(refused(&["help", "lst"]).contains("did you mean: list"));
        for words in [&["help", "set"][..], &["help", "key", "rotate"]] {
            assert!(matches!(typed(words), Ok(Command::Manual(_))), "{words:?}");
        }
    }

    #[test]
    fn every_command_has_an_example() {
        let mut commands: Vec<_> = CommandLine::command().get_subcommands().cloned().collect();
        while let Some(mut command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            let help = command.render_long_help().to_string();
            assert!(command.is_hide_set() || help.contains("Example:\n  fluvio"), "{help}");
        }
    }
}
