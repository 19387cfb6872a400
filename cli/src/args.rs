//! What can be typed. The only file that knows clap.
//!
//! clap's own messages quote what was typed, and what was typed may be a value: all of them are
//! replaced by [`explain`].

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};
use fluvio_secret_protocol::{Secret, SecretName};

use crate::error::CliError;

/// A command that was understood.
#[derive(Debug)]
pub(crate) enum Command {
    Daemon(Daemon),
    Delete {
        names: Vec<SecretName>,
    },
    /// Print this text: it was asked for.
    Help(String),
    List,
    Metadata,
    Run(Run),
    Set(Set),
    Status,
}

/// What to do with the daemon.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Daemon {
    /// Start the daemon, when it is not running
    Start,
    /// Let the daemon finish what was begun, and end it
    Stop,
    /// Stop the daemon and start it again
    Restart,
}

/// A connector to run.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The connector's configuration; also given to the command as --config FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// How the secrets go to the connector
    #[arg(long, value_name = "WAY", value_enum)]
    pub(crate) inject: Option<Inject>,

    /// Add nothing to the command, for programs that are no connectors; uses env
    #[arg(long)]
    pub(crate) as_is: bool,

    /// The connector's program and its arguments
    #[arg(value_name = "COMMAND", required = true, num_args = 1.., trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}

/// How secrets go to the connector.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Inject {
    /// As a file where the values fit into one, else by the environment
    Auto,
    /// As --secrets FILE, a file in memory
    File,
    /// As one environment variable each
    Env,
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

/// Secrets for Fluvio connectors on this machine: set once, never read back, given only to the
/// connectors whose configuration names them.
#[derive(Parser)]
#[command(name = "fluvio-secret", version, disable_help_subcommand = true, after_help = EXAMPLE)]
struct CommandLine {
    #[command(subcommand)]
    command: Typed,
}

const EXAMPLE: &str = "\
Example:
  fluvio secret set AUTH_HEADER \"Authorization: bearer 1234abcd\"
  fluvio-secret run --config sample-config.yaml -- ./target/debug/my-connector";

#[derive(Subcommand)]
enum Typed {
    /// Set a secret to a value, in place of the one it had
    #[command(after_help = "\
Without VALUE and --file the value is asked for, or read from standard input when that is no terminal.
From standard input one line end at the end is removed; a file is taken as it is.

Example:
  fluvio secret set AUTH_HEADER \"Authorization: bearer 1234abcd\"
  fluvio secret set TLS_CERT --file cert.pem")]
    Set(TypedSet),

    /// List the names of the secrets, and when each was set
    #[command(after_help = "Example:\n  fluvio secret list")]
    List,

    /// Delete secrets
    #[command(after_help = "Example:\n  fluvio secret delete AUTH_HEADER")]
    Delete {
        /// The secrets' names
        #[arg(value_name = "NAME", required = true, num_args = 1..)]
        names: Vec<OsString>,
    },

    /// Run a connector with exactly the secrets that its configuration references
    #[command(after_help = "\
The command gets --config FILE, and --secrets FILE for the secrets. Its exit status is its own; before
it starts, 2 says that this command line is not understood, 125 that something else is wrong, 126 that
the command cannot be run, 127 that it is not found.

Example:
  fluvio-secret run --config sample-config.yaml -- ./target/debug/my-connector
  fluvio-secret run --config sample-config.yaml -- cargo run --")]
    Run(Run),

    /// Show how the daemon is; starts none
    #[command(after_help = "Example:\n  fluvio-secret status")]
    Status,

    /// Start or stop the daemon that keeps the secrets; every command that needs it starts it
    #[command(
        after_help = "Example:\n  fluvio-secret daemon restart",
        disable_help_subcommand = true
    )]
    Daemon {
        #[command(subcommand)]
        what: Daemon,
    },

    /// Print what fluvio asks of its extensions
    #[command(hide = true)]
    Metadata,
}

#[derive(Args)]
struct TypedSet {
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

/// Reads the arguments, the program's name first.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, CliError> {
    let typed = match CommandLine::try_parse_from(args) {
        Ok(line) => line.command,
        Err(error) => return explain(&error),
    };
    Ok(match typed {
        Typed::Daemon { what } => Command::Daemon(what),
        Typed::Delete { names } => {
            Command::Delete { names: names.iter().map(name).collect::<Result<_, _>>()? }
        }
        Typed::List => Command::List,
        Typed::Metadata => Command::Metadata,
        Typed::Run(run) => Command::Run(run),
        Typed::Set(set) => {
            Command::Set(Set { name: name(&set.name)?, source: source(set.file, set.value) })
        }
        Typed::Status => Command::Status,
    })
}

fn name(text: &OsString) -> Result<SecretName, CliError> {
    // What is not UTF-8 is no name either, and its first odd byte becomes an odd character.
    SecretName::try_from(text.to_string_lossy().into_owned()).map_err(CliError::Name)
}

fn source(file: Option<PathBuf>, value: Option<OsString>) -> Source {
    match (file, value) {
        (Some(file), _) => Source::File(file),
        (None, None) => Source::Ask,
        (None, Some(value)) if value == "-" => Source::Input,
        (None, Some(value)) => Source::Argument(Secret::from(value.into_vec())),
    }
}

/// clap's error in words of our own, with nothing of what was typed.
fn explain(error: &clap::Error) -> Result<Command, CliError> {
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
        ErrorKind::InvalidValue => format!(
            "a value is missing or is none of these: {}",
            ours(error, ContextKind::ValidValue)
        ),
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
    let meant = if meant.is_empty() { meant } else { format!("; did you mean: {meant}") };
    let usage = error.get(ContextKind::Usage).map(|usage| format!("\n{usage}")).unwrap_or_default();
    Err(CliError::Usage(format!("error: {text}{meant}{usage}\nsee: fluvio-secret --help")))
}

/// Names of our own definitions that an error is about. Only for the kinds of context that hold
/// nothing of what was typed.
fn ours(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(one)) => one.clone(),
        Some(ContextValue::Strings(many)) => many.join(", "),
        _ => String::new(),
    }
}

impl Inject {
    /// The word for it, which the shim understands too.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::File => "file",
            Self::Env => "env",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Command, CommandLine, Source, parse};
    use crate::error::CliError;

    fn typed(words: &[&str]) -> Result<Command, CliError> {
        parse(std::iter::once("fluvio-secret").chain(words.iter().copied()).map(Into::into))
    }

    fn source(words: &[&str]) -> Source {
        match typed(&[&["set"], words].concat()) {
            Ok(Command::Set(set)) => set.source,
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
        assert_eq!(argument(&["A", "--value"]), "--value");
        assert_eq!(argument(&["A", "--", "--file"]), "--file");
        assert_eq!(argument(&["A", ""]), "");
        assert!(matches!(source(&["A"]), Source::Ask));
        assert!(matches!(source(&["A", "-"]), Source::Input));
        assert!(matches!(source(&["--connector", "A", "--file", "f"]), Source::File(_)));
        assert!(matches!(source(&["A", "--file=f"]), Source::File(_)));
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
        assert!(typed(&["run", "--", "connector"]).is_err());
    }

    #[test]
    fn no_usage_error_repeats_what_was_typed() {
        for words in [
            &["set", "A", "cnry1", "cnry2"][..],
            &["set", "cnry-name", "value"],
            &["set", "A", "cnry", "--file", "f"],
            &["set", "--cnry"],
            &["cnry"],
            &["cnry", "A", "value"],
            &["list", "cnry"],
            &["list", "--cnry"],
            &["delete", "A", "cnry-9"],
            &["run", "--inject", "cnry", "--config", "c", "x"],
            &["--cnry=cnry", "set"],
        ] {
            let text = refused(words);
            assert!(!text.contains("cnry"), "{words:?}: {text}");
        }
    }

    #[test]
    fn a_usage_error_says_what_is_meant() {
        assert!(refused(&["lst"]).contains("did you mean: list"), "{}", refused(&["lst"]));
        assert!(refused(&["set"]).contains("missing: <NAME>"), "{}", refused(&["set"]));
        assert!(refused(&["set", "A", "b", "c"]).contains("argument too many"));
        assert!(refused(&["set", "9A", "b"]).contains("digit"));
        let inject = refused(&["run", "--inject", "x", "--config", "c", "x"]);
        assert!(inject.contains("auto, file, env"), "{inject}");
        assert!(refused(&[]).contains("Usage"), "{}", refused(&[]));
    }

    #[test]
    fn help_and_version_are_results() {
        for words in [&["--help"][..], &["set", "--help"], &["--version"], &["daemon", "-h"]] {
            assert!(matches!(typed(words), Ok(Command::Help(_))), "{words:?}");
        }
    }

    #[test]
    fn every_command_has_an_example() {
        for command in CommandLine::command().get_subcommands().filter(|c| !c.is_hide_set()) {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Example:\n  fluvio"), "{help}");
        }
    }
}
