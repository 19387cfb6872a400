//! What can be typed. The only module that knows clap.
//!
//! * [`secret`], [`connector`], [`key`]: the commands about each
//! * [`form`]: the form of a result
//! * [`completion`]: how what is typed goes on
//! * [`mod@explain`]: what was not understood

mod completion;
mod connector;
mod explain;
mod form;
mod key;
mod secret;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};
use fluvio_secret_protocol::SecretName;

use self::completion::names;
pub(crate) use self::completion::{Shell, complete, completions};
pub(crate) use self::connector::{Cdk, Check, Restart, Run, Watch, WatchCdk};
use self::connector::{TypedCdk, TypedLease, TypedRun, TypedWatchCdk};
use self::explain::explain;
use self::form::TypedFormat;
pub(crate) use self::form::{DoctorForm, FileFormat, Format, LogFormat};
pub(crate) use self::key::{
    ChangePassphrase, PassphraseSource, Recipient, Rotate, Unlock, UnlockFirst, UseIdentity,
};
use self::key::{TypedKey, TypedUnlock};
pub(crate) use self::secret::{Import, Log, Set, Source};
use self::secret::{TypedLog, TypedSet};
use crate::error::CliError;

const PROGRAM: &str = "fluvio-secret";

/// A command that was understood.
#[derive(Debug)]
pub(crate) enum Command {
    Cdk(Cdk),
    Check(Check),
    Completions(Shell),
    Daemon(Daemon),
    Delete {
        names: Vec<SecretName>,
        /// For good.
        purge: bool,
        /// Without a question.
        yes: bool,
    },
    Doctor(DoctorForm),
    /// Print this text: it was asked for.
    Help(String),
    History {
        name: SecretName,
        format: Format,
    },
    Import(Import),
    KeyPassphrase(ChangePassphrase),
    KeyRotate(Rotate),
    KeyShow {
        format: Format,
    },
    KeyUse(UseIdentity),
    LeaseEnd {
        id: String,
    },
    LeaseList {
        format: Format,
    },
    List {
        format: Format,
    },
    Lock,
    Log(Log),
    Metadata,
    Recipient(Recipient),
    Restore {
        name: SecretName,
        version: Option<u64>,
    },
    Run(Run),
    Set(Set),
    Status {
        format: Format,
    },
    Unlock(Unlock),
    UnlockFirst(UnlockFirst),
    WatchCdk(WatchCdk),
}

/// What to do with the daemon.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Daemon {
    /// Start the daemon, when it is not running
    #[command(after_help = "\
The daemon refuses a directory that is not the vault of this machine: its file system may not be
mounted. --accept-vault makes that directory the vault of this machine. It changes no key.

Example:
  fluvio-secret daemon start
  fluvio-secret daemon start --accept-vault")]
    Start {
        /// Use the vault that is there, even if it is another one
        #[arg(long)]
        accept_vault: bool,
    },
    /// Stop the daemon when no lease is held any more
    ///
    /// While connectors that cdk started hold leases, the command prints them and waits for their end.
    /// Ctrl-C ends the waiting and leaves everything as it is.
    #[command(
        after_help = "Example:\n  fluvio-secret daemon stop\n  fluvio-secret daemon stop --end-leases"
    )]
    Stop {
        /// Remove the files of all leases first, and wait for no connector
        #[arg(long)]
        end_leases: bool,
    },
    /// Stop the daemon and start it again
    #[command(after_help = "Example:\n  fluvio-secret daemon restart")]
    Restart,
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
Without VALUE and --file the value is asked for, or read from standard input when that is no
terminal. From standard input one line end at the end is removed; a file is taken as it is.

Example:
  fluvio secret set AUTH_HEADER \"Authorization: bearer 1234abcd\"
  fluvio secret set TLS_CERT --file cert.pem")]
    Set(TypedSet),

    /// List the names of the secrets, and when each was set
    #[command(after_help = "Example:\n  fluvio secret list\n  fluvio-secret list -O json")]
    List {
        #[command(flatten)]
        output: TypedFormat,
    },

    /// Delete secrets; they can be restored until they are purged
    #[command(after_help = "\
What a secret was stays in its history, sealed, and `fluvio-secret restore NAME` brings it back.
With --purge the history goes, too; what a disk or a backup keeps of deleted files is not in our
hands.

Example:
  fluvio secret delete AUTH_HEADER
  fluvio-secret delete --purge --yes AUTH_HEADER")]
    Delete {
        /// Delete the history too, for good; asks on a terminal
        #[arg(long)]
        purge: bool,

        /// Do not ask
        #[arg(short, long)]
        yes: bool,

        /// The secrets' names
        #[arg(value_name = "NAME", required = true, num_args = 1.., add = names())]
        names: Vec<OsString>,
    },

    /// Set all secrets of a secrets file or a .env file
    #[command(after_help = "\
Each line KEY=VALUE is read as connectors read it: quotes are part of the value, blanks around
it are not, and of two lines with one KEY the first counts. Lines without = mean nothing. Lines
that begin with # are skipped. When a line's KEY is no name of a secret, or a secret has another
value already, nothing is set.

A .env file is read by dotenv rules: quotes, export and comments are removed, and a value in
quotes can have several lines. A file of another format is refused before anything is set.

Example:
  fluvio-secret import --dry-run secrets.txt
  fluvio-secret import .env
  fluvio-secret import --overwrite --remove secrets.txt")]
    Import(Import),

    /// Show the versions of a secret, newest first
    #[command(after_help = "\
The ten last versions that were overwritten or deleted are kept, sealed, or as many as the
settings say. No command shows their values.

Example:
  fluvio-secret history AUTH_HEADER")]
    History {
        #[command(flatten)]
        output: TypedFormat,

        /// The secret's name
        #[arg(value_name = "NAME", add = names())]
        name: OsString,
    },

    /// Bring back an earlier version of a secret, also of a deleted one
    #[command(after_help = "\
Without --version it is the one that was overwritten or deleted last. What it replaces goes to
the history, so the same command again takes the restoring back.

Example:
  fluvio-secret restore AUTH_HEADER
  fluvio-secret restore AUTH_HEADER --version 1")]
    Restore {
        /// The version's number, as `history` shows it
        #[arg(long, value_name = "N")]
        version: Option<u64>,

        /// The secret's name
        #[arg(value_name = "NAME", add = names())]
        name: OsString,
    },

    /// Show what was set, deleted and given to which connector
    #[command(after_help = "\
DURATION is written like 90s, 30m, 12h, 7d or '1h 30m'. -O json prints one object for each line.

Example:
  fluvio-secret log
  fluvio-secret log --name AUTH_HEADER --since 12h -O json")]
    Log(TypedLog),

    /// Run a connector with exactly the secrets that its configuration references
    #[command(after_help = "\
The command gets --config FILE, and --secrets FILE for the secrets. Its exit status is its own;
before it starts, 2 says that this command line is not understood, 125 that something else is
wrong, 126 that the command cannot be run, 127 that it is not found.

With --watch the connector is asked to end and started again when the file is saved or one of
its secrets is set to another value. When it would not start with that, the old one goes on.
Ctrl-C ends both.

Example:
  fluvio-secret run --config sample-config.yaml -- ./target/debug/my-connector
  fluvio-secret run --config sample-config.yaml -- cargo run --
  fluvio-secret run --watch --watch-path src --config sample-config.yaml -- cargo run --")]
    Run(TypedRun),

    /// Find what would keep a connector from starting with its configuration
    #[command(after_help = "\
A secret that is missing or cannot reach a connector, a template that a connector cannot render,
a value that makes something else of the file: each with its line, and what helps. No value is
ever printed. Exit status: 0, also with warnings; 78 with errors.

Example:
  fluvio-secret check sample-config.yaml
  fluvio-secret check --offline -O json sample-config.yaml")]
    Check(Check),

    /// Run Fluvio's cdk, with secrets for the connectors that it starts; or stand in front of it
    #[command(after_help = "\
`cdk deploy start` and `cdk test` get --secrets FILE, where FILE is in memory and has the
secrets that the configuration references. It is there for as long as the connector runs. Every
other command of cdk is its own. --inject env, behind the word start or test, gives the secrets
by the environment instead. `cdk test --watch` starts the connector again when its configuration
or one of its secrets changes; it takes the options of `fluvio-secret run --watch`.

After --install, and with its folder in front on PATH, plain `cdk` does this.

Example:
  fluvio-secret cdk deploy start --config sample-config.yaml
  fluvio-secret cdk --install")]
    Cdk(TypedCdk),

    /// Show or end the leases: secrets files of connectors that cdk started
    #[command(after_help = "Example:\n  fluvio-secret lease list", disable_help_subcommand = true)]
    Lease {
        #[command(subcommand)]
        what: TypedLease,
    },

    /// Unlock the vault with the passphrase of its identity, so that connectors get their secrets
    #[command(after_help = "\
The passphrase is asked for on the terminal. The vault is locked again after 12 hours, or after
what the settings say, or after DURATION, which is written like 90s, 30m or 8h; the time that
the machine sleeps counts.

Example:
  fluvio-secret unlock
  fluvio-secret unlock --for 8h --passphrase-file /run/keys/passphrase")]
    Unlock(TypedUnlock),

    /// Lock the vault: nothing can be read from it until it is unlocked
    #[command(after_help = "\
`set`, `list`, `delete`, `history` and `restore` go on. Connectors that run keep what they have.

Example:
  fluvio-secret lock")]
    Lock,

    /// Show or change the identity, which opens the vault, its passphrase, and who else can open it
    #[command(after_help = "Example:\n  fluvio-secret key show", disable_help_subcommand = true)]
    Key {
        #[command(subcommand)]
        what: TypedKey,
    },

    /// Show the state of the daemon, and what it gave to whom; starts no daemon
    #[command(after_help = "Example:\n  fluvio-secret status")]
    Status {
        #[command(flatten)]
        output: TypedFormat,
    },

    /// Tell what is right here and what is not, and the command that mends it
    #[command(after_help = "\
One line for each look. A `note` may be intended; what is `wrong` has to be mended. Exit status:
0 when nothing is wrong, else 1. It starts the daemon when none runs, and changes nothing else.

--report makes a text to be added to the report of a bug. It has no names of secrets, ~ for the
home folder, and USER for the user's name in paths.

Example:
  fluvio-secret doctor
  fluvio-secret doctor --report > report.txt")]
    Doctor {
        /// Make a text for the report of a bug, without names of secrets
        #[arg(long, conflicts_with = "format")]
        report: bool,

        #[command(flatten)]
        output: TypedFormat,
    },

    /// Start or stop the daemon that keeps the secrets; every command that needs it starts it
    #[command(
        after_help = "Example:\n  fluvio-secret daemon restart",
        disable_help_subcommand = true
    )]
    Daemon {
        #[command(subcommand)]
        what: Daemon,
    },

    /// Print the completions for a shell
    #[command(after_help = "\
They complete commands, options and the names of secrets. The settings of the shell (~/.bashrc,
~/.zshrc, config.fish) are the place to source the file that an example makes.

Example:
  fluvio-secret completions bash > ~/.fluvio-secret.bash
  fluvio-secret completions zsh > ~/.fluvio-secret.zsh
  fluvio-secret completions fish > ~/.fluvio-secret.fish")]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL", value_enum)]
        shell: Shell,
    },

    /// Print what fluvio asks of its extensions
    #[command(hide = true)]
    Metadata,

    /// What the shim becomes when the vault is locked
    #[command(hide = true)]
    UnlockFirst(UnlockFirst),

    /// What the shim becomes for cdk test --watch
    #[command(hide = true)]
    WatchCdk(TypedWatchCdk),
}

/// Reads the arguments, the program's name first.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, CliError> {
    let args = help_of(args.into_iter().collect());
    let last_is_after_dashes = args.iter().rev().skip(1).any(|word| word == "--");
    let typed = match CommandLine::try_parse_from(args) {
        Ok(line) => line.command,
        Err(error) => return explain(&error),
    };
    Ok(match typed {
        Typed::Cdk(typed) => Command::Cdk(connector::cdk(typed)?),
        Typed::Check(check) => Command::Check(check),
        Typed::Completions { shell } => Command::Completions(shell),
        Typed::Daemon { what } => Command::Daemon(what),
        Typed::Delete { names, purge, yes } => {
            let names = names.iter().map(name).collect::<Result<_, _>>()?;
            Command::Delete { names, purge, yes }
        }
        Typed::Doctor { report: true, .. } => Command::Doctor(DoctorForm::Report),
        Typed::Doctor { output, .. } => Command::Doctor(DoctorForm::Looks(output.format)),
        Typed::History { name: text, output } => {
            Command::History { name: name(&text)?, format: output.format }
        }
        Typed::Import(import) => Command::Import(import),
        Typed::Key { what } => key::key(what)?,
        Typed::Lease { what } => connector::lease(what),
        Typed::List { output } => Command::List { format: output.format },
        Typed::Lock => Command::Lock,
        Typed::Log(typed) => Command::Log(secret::log(typed)?),
        Typed::Metadata => Command::Metadata,
        Typed::Restore { name: text, version } => Command::Restore { name: name(&text)?, version },
        Typed::Run(typed) => Command::Run(connector::run(typed)?),
        Typed::Set(typed) => Command::Set(secret::set(typed, last_is_after_dashes)?),
        Typed::Status { output } => Command::Status { format: output.format },
        Typed::Unlock(typed) => Command::Unlock(key::unlock(typed)?),
        Typed::UnlockFirst(shim) => Command::UnlockFirst(shim),
        Typed::WatchCdk(typed) => Command::WatchCdk(connector::watch_cdk(typed)?),
    })
}

/// `help COMMAND`, which Fluvio's command line has, is `COMMAND --help`.
fn help_of(mut args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_some_and(|word| word == "help") {
        args.remove(1);
        args.push("--help".into());
    }
    args
}

fn name(text: &OsString) -> Result<SecretName, CliError> {
    // What is not UTF-8 is no name either, and its first odd byte becomes an odd character.
    SecretName::try_from(text.to_string_lossy().into_owned()).map_err(CliError::Name)
}

/// The definition of the command line, for its manual page.
#[must_use]
pub fn command_line() -> clap::Command {
    CommandLine::command()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

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
        assert!(refused(&["rm", "A"]).contains("did you mean: delete"));
        assert!(refused(&["get", "A"]).contains("No command reads a value back"));
        let nested = refused(&["key", "recipient", "rm"]);
        assert!(!nested.contains("delete") && nested.contains("see: fluvio-secret key recipient"));
        assert!(refused(&["set"]).contains("missing: <NAME>"), "{}", refused(&["set"]));
        assert!(refused(&["set", "A", "b", "c"]).contains("argument too many"));
        assert!(refused(&["set", "9A", "b"]).contains("digit"));
        let inject = refused(&["run", "--inject", "x", "--config", "c", "x"]);
        assert!(inject.contains("auto, file, env"), "{inject}");
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
            &["help", "set"],
            &["help", "key", "rotate"],
            &["help", "--help"],
        ] {
            assert!(matches!(typed(words), Ok(Command::Help(_))), "{words:?}");
        }
        assert!(refused(&["help", "lst"]).contains("did you mean: list"));
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
