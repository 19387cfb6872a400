//! What can be typed. The only file that knows clap.
//!
//! clap's own messages quote what was typed, and what was typed may be a value: all of them are
//! replaced by [`explain`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{Bash, CompleteEnv, EnvCompleter, Fish, Zsh};
use fluvio_secret_protocol::{Secret, SecretName, limits};
use jiff::{SignedDuration, Span, Timestamp, ZonedDateTime};

use crate::commands;
use crate::error::CliError;

const PROGRAM: &str = "fluvio-secret";
/// A Fluvio connector takes up to 2 s to end.
const GRACE: Duration = Duration::from_secs(5);
/// Has the shell's name when a shell asks how what is typed goes on.
const COMPLETE: &str = "FLUVIO_SECRET_COMPLETE";

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

/// Configurations to check.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Leave out what needs the vault, and start no daemon
    #[arg(long)]
    pub(crate) offline: bool,

    /// The form of the result
    #[arg(
        short = 'O',
        long = "output",
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    pub(crate) format: Format,

    /// The configurations of connectors
    #[arg(value_name = "FILE", required = true, num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,
}

/// The form of what `doctor` finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DoctorForm {
    /// One line for each look, or the same for programs.
    Looks(Format),
    /// A text for who is told of a bug.
    Report,
}

/// What to do with or as `cdk`.
#[derive(Debug)]
pub(crate) enum Cdk {
    /// Put the link into this folder, or into ours.
    Install(Option<PathBuf>),
    /// Run it.
    Run(Vec<OsString>),
    /// Remove the link.
    Uninstall(Option<PathBuf>),
}

/// A shell that can complete what is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shell {
    /// bash
    Bash,
    /// fish
    Fish,
    /// zsh
    Zsh,
}

/// The form of a result.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// For programs
    Yaml,
}

/// The vault to be unlocked.
#[derive(Debug)]
pub(crate) struct Unlock {
    /// For how long; `None` for as long as the daemon has it by default.
    pub(crate) span: Option<Duration>,
    /// Whether to do nothing when it is unlocked already.
    pub(crate) if_locked: bool,
    pub(crate) passphrase: PassphraseSource,
}

/// A shim to be started again when the vault is unlocked.
#[derive(Args, Debug)]
pub(crate) struct UnlockFirst {
    /// The name by which it was started.
    #[arg(long)]
    pub(crate) name: OsString,

    /// Its arguments.
    #[arg(num_args = 0.., last = true)]
    pub(crate) args: Vec<OsString>,
}

/// The passphrase of the identity to be changed.
#[derive(Debug)]
pub(crate) struct ChangePassphrase {
    /// Whether it is to have none.
    pub(crate) remove: bool,
    pub(crate) old: PassphraseSource,
    pub(crate) new: PassphraseSource,
}

/// Where a passphrase is.
#[derive(Debug)]
pub(crate) enum PassphraseSource {
    /// Not said: asked for on the terminal.
    Ask,
    /// At a descriptor that this program was started with.
    Descriptor(u32),
    /// In a file.
    File(PathBuf),
}

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

    /// KEY=VALUE lines, as connectors read a secrets file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// How to put a new identity in the place of the present one.
#[derive(Debug)]
pub(crate) struct Rotate {
    pub(crate) drop_history: bool,
    /// Without a question.
    pub(crate) yes: bool,
    pub(crate) passphrase: PassphraseSource,
}

/// An identity to use.
#[derive(Debug)]
pub(crate) struct UseIdentity {
    pub(crate) file: PathBuf,
    pub(crate) passphrase: PassphraseSource,
}

/// What to do with the recipients of the vault.
#[derive(Debug)]
pub(crate) enum Recipient {
    Accept {
        /// Without a question.
        yes: bool,
    },
    Add {
        recipient: String,
        note: Option<String>,
    },
    List {
        format: Format,
    },
    Remove {
        recipient: String,
    },
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

/// The form of the audit log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Table,
    /// For programs: one object for each line
    Json,
}

/// What to do with the daemon.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Daemon {
    /// Start the daemon, when it is not running
    #[command(after_help = "Example:\n  fluvio-secret daemon start")]
    Start,
    /// Let the daemon finish what was begun, and end it
    #[command(after_help = "Example:\n  fluvio-secret daemon stop")]
    Stop,
    /// Stop the daemon and start it again
    #[command(after_help = "Example:\n  fluvio-secret daemon restart")]
    Restart,
}

/// A connector to run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) config: PathBuf,
    pub(crate) inject: Option<Inject>,
    pub(crate) no_check: bool,
    pub(crate) as_is: bool,
    pub(crate) watch: Option<Watch>,
    pub(crate) command: Vec<OsString>,
}

/// `cdk test`, to be started again when something changes.
#[derive(Debug)]
pub(crate) struct WatchCdk {
    pub(crate) config: PathBuf,
    pub(crate) watch: Watch,
    pub(crate) check: bool,
    pub(crate) vault: bool,
    /// The arguments of `cdk`, as the shim takes them.
    pub(crate) args: Vec<OsString>,
}

/// When a connector is started again.
#[derive(Debug)]
pub(crate) struct Watch {
    /// What is watched besides the configuration.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) clear: bool,
    /// How long a connector may take to end when it is asked to.
    pub(crate) grace: Duration,
    pub(crate) restart: Restart,
    pub(crate) format: LogFormat,
}

/// What happens when a connector ends by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Restart {
    /// It is started again unless its status is 0
    OnFailure,
    /// It is started again
    Always,
}

#[derive(Args, Debug)]
struct TypedRun {
    /// The connector's configuration; also given to the command as --config FILE
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// How the secrets go to the connector [default: as the settings say, else auto]
    #[arg(long, value_name = "WAY", value_enum)]
    inject: Option<Inject>,

    /// Start the connector although something would keep it from starting
    #[arg(long)]
    no_check: bool,

    /// Add nothing to the command, for programs that are no connectors; uses env
    #[arg(long)]
    as_is: bool,

    /// Start the connector again when its configuration or one of its secrets changes
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    watching: TypedWatch,

    /// The connector's program and its arguments
    #[arg(value_name = "COMMAND", required = true, num_args = 1.., trailing_var_arg = true)]
    command: Vec<OsString>,
}

#[derive(Args, Debug)]
struct TypedWatchCdk {
    #[arg(long)]
    config: PathBuf,

    #[arg(long)]
    no_check: bool,

    #[arg(long)]
    no_vault: bool,

    // What else goes with --watch requires it.
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    watching: TypedWatch,

    #[arg(required = true, num_args = 1.., last = true)]
    args: Vec<OsString>,
}

/// What goes with --watch.
#[derive(Args, Debug)]
#[command(next_help_heading = "Options for --watch")]
struct TypedWatch {
    /// Watch this file, or all that is in this folder, too; can be given several times
    #[arg(long, value_name = "PATH", requires = "watch")]
    watch_path: Vec<PathBuf>,

    /// Clear the terminal before each start
    #[arg(long, requires = "watch")]
    clear: bool,

    /// How long the connector may take to end before it is killed [default: 5s]
    #[arg(long, value_name = "DURATION", requires = "watch")]
    grace: Option<OsString>,

    /// What to do when the connector ends by itself
    #[arg(long, value_name = "WHEN", value_enum, default_value = "on-failure", requires = "watch")]
    restart: Restart,

    /// The form of what is told on standard error
    #[arg(
        short = 'O',
        long = "output",
        value_name = "FORMAT",
        value_enum,
        default_value = "table",
        requires = "watch"
    )]
    format: LogFormat,
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
    #[command(after_help = "Example:\n  fluvio secret list\n  fluvio-secret list -O json")]
    List {
        #[command(flatten)]
        output: TypedFormat,
    },

    /// Delete secrets; they can be restored until they are purged
    #[command(after_help = "\
What a secret was stays in its history, sealed, and `fluvio-secret restore NAME` brings it back. With
--purge the history goes, too; what a disk or a backup keeps of deleted files is not in our hands.

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

    /// Set all secrets of a secrets file at once
    #[command(after_help = "\
Each line KEY=VALUE is read as connectors read it: quotes are part of the value, blanks around it are
not, and of two lines with one KEY the first counts. Lines without = mean nothing. Lines that begin
with # are skipped. When a line's KEY is no name of a secret, or a secret has another value already,
nothing is set.

Example:
  fluvio-secret import --dry-run secrets.txt
  fluvio-secret import --overwrite --remove secrets.txt")]
    Import(Import),

    /// Show the versions of a secret, newest first
    #[command(after_help = "\
The ten last versions that were overwritten or deleted are kept, sealed, or as many as the settings
say. No command shows their values.

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
Without --version it is the one that was overwritten or deleted last. What it replaces goes to the
history, so the same command again takes the restoring back.

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
The command gets --config FILE, and --secrets FILE for the secrets. Its exit status is its own; before
it starts, 2 says that this command line is not understood, 125 that something else is wrong, 126 that
the command cannot be run, 127 that it is not found.

With --watch the connector is asked to end and started again when the file is saved or one of its secrets
is set to another value. When it would not start with that, the old one goes on. Ctrl-C ends both.

Example:
  fluvio-secret run --config sample-config.yaml -- ./target/debug/my-connector
  fluvio-secret run --config sample-config.yaml -- cargo run --
  fluvio-secret run --watch --watch-path src --config sample-config.yaml -- cargo run --")]
    Run(TypedRun),

    /// Find what would keep a connector from starting with its configuration
    #[command(after_help = "\
A secret that is missing or cannot reach a connector, a template that a connector cannot render, a value
that makes something else of the file: each with its line, and what helps. No value is ever printed.
Exit status: 0, also with warnings; 78 with errors.

Example:
  fluvio-secret check sample-config.yaml
  fluvio-secret check --offline -O json sample-config.yaml")]
    Check(Check),

    /// Run Fluvio's cdk, with secrets for the connectors that it starts; or stand in front of it
    #[command(after_help = "\
`cdk deploy start` and `cdk test` get --secrets FILE, where FILE is in memory and has the secrets
that the configuration references. It is there for as long as the connector runs. Every other
command of cdk is its own. --inject env, behind the word start or test, gives the secrets by the
environment instead. `cdk test --watch` starts the connector again when its configuration or one of its
secrets changes; it takes the options of `fluvio-secret run --watch`.

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
The passphrase is asked for on the terminal. The vault is locked again after 12 hours, or after what the
settings say, or after DURATION, which is written like 90s, 30m or 8h; the time that the machine sleeps
counts.

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

    /// Show how the daemon is, and what it gave to whom; starts none
    #[command(after_help = "Example:\n  fluvio-secret status")]
    Status {
        #[command(flatten)]
        output: TypedFormat,
    },

    /// Tell what is right here and what is not, and the command that mends it
    #[command(after_help = "\
One line for each look. A `note` is what may be meant so; what is `wrong` may not. Exit status: 0 when
nothing is wrong, else 1. It starts the daemon when none runs, and changes nothing else.

--report makes a text to be added to the report of a bug. It has no names of secrets, ~ for the home
folder, and USER for the user's name in paths.

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
They complete commands, options and the names of secrets. The settings of the shell (~/.bashrc, ~/.zshrc,
config.fish) are the place to source the file that an example makes.

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

#[derive(Args)]
struct TypedCdk {
    /// Make a link called cdk, to be put in front of Fluvio's on PATH
    #[arg(long, conflicts_with = "uninstall")]
    install: bool,

    /// Remove that link
    #[arg(long)]
    uninstall: bool,

    /// The folder of the link
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// The arguments of cdk
    #[arg(value_name = "ARG", trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

#[derive(Subcommand)]
enum TypedLease {
    /// Show the leases, and which processes hold them
    #[command(after_help = "Example:\n  fluvio-secret lease list -O json")]
    List {
        #[command(flatten)]
        output: TypedFormat,
    },
    /// Remove a lease, whoever holds it
    #[command(after_help = "\
A connector that still runs finds its secrets no more. A lease ends by itself when nobody holds it.

Example:
  fluvio-secret lease end 0123456789ab")]
    End {
        /// The lease, as `lease list` shows it
        #[arg(value_name = "ID")]
        id: OsString,
    },
}

#[derive(Subcommand)]
enum TypedKey {
    /// Show or change who can open the secrets: another machine, a team, a backup key
    #[command(
        after_help = "Example:\n  fluvio-secret key recipient list",
        disable_help_subcommand = true
    )]
    Recipient {
        #[command(subcommand)]
        what: TypedRecipient,
    },
    /// Make a new identity, and seal all secrets to it in place of the present one
    #[command(after_help = "\
All secrets and their earlier versions are sealed anew. The present identity stays until that is done, and
is removed then; what is still sealed to it elsewhere, as in a backup or in git, it still opens. When this
is stopped in the middle nothing is lost, and the same command again finishes it.

Example:
  fluvio-secret key rotate
  fluvio-secret key rotate --drop-history --yes")]
    Rotate {
        /// Remove all earlier versions for good, instead of sealing them anew; asks on a terminal
        #[arg(long)]
        drop_history: bool,

        /// Do not ask
        #[arg(short, long)]
        yes: bool,

        #[command(flatten)]
        passphrase: TypedOldPassphrase,
    },
    /// Use an age identity that you have already, in place of the present one
    #[command(after_help = "\
FILE is what age-keygen makes, maybe behind a passphrase. It is copied. What the present identity opens is
sealed anew to this one, and then the present one is removed. SSH keys are not taken: what opens them is
the crate `rsa`, which has a timing weakness that is not mended.

Example:
  fluvio-secret key use key.txt")]
    Use {
        #[command(flatten)]
        passphrase: TypedOldPassphrase,

        /// The identity's file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show where the identity is, its public part, and whether it has a passphrase
    #[command(after_help = "Example:\n  fluvio-secret key show -O json")]
    Show {
        #[command(flatten)]
        output: TypedFormat,
    },
    /// Put a passphrase on the identity, change it, or take it off
    #[command(after_help = "\
The file of the identity becomes what `age -p` writes, and stock age opens it. Who loses the passphrase
loses all secrets.

Example:
  fluvio-secret key passphrase
  fluvio-secret key passphrase --remove")]
    Passphrase(TypedPassphrase),
}

#[derive(Subcommand)]
enum TypedRecipient {
    /// Seal all secrets to one recipient more
    #[command(after_help = "\
RECIPIENT is the public key of an age identity: of another machine's, as `age-keygen -y` prints it. All
secrets and their earlier versions are sealed anew. One that is there already gets the note.

Example:
  fluvio-secret key recipient add age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg")]
    Add {
        /// Whose it is, in a few words
        #[arg(long, value_name = "TEXT")]
        note: Option<OsString>,

        /// The recipient: age1…
        #[arg(value_name = "RECIPIENT")]
        recipient: OsString,
    },
    /// Seal all secrets to one recipient less
    #[command(after_help = "\
All secrets and their earlier versions are sealed anew. What the removed one has seen until now it may
have kept.

Example:
  fluvio-secret key recipient remove age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg")]
    Remove {
        /// The recipient, as `list` shows it
        #[arg(value_name = "RECIPIENT")]
        recipient: OsString,
    },
    /// Show to whom secrets are sealed
    #[command(after_help = "Example:\n  fluvio-secret key recipient list -O json")]
    List {
        #[command(flatten)]
        output: TypedFormat,
    },
    /// Accept the recipients of a vault that others have changed
    #[command(after_help = "\
Shows what is different from what was accepted on this machine, and asks. Until then nothing is set:
whoever may write to the vault's folder could else have secrets sealed to a key of their own.

Example:
  fluvio-secret key recipient accept --yes")]
    Accept {
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Args)]
struct TypedPassphrase {
    /// Take the passphrase off
    #[arg(long, conflicts_with_all = ["new_passphrase_file", "new_passphrase_fd"])]
    remove: bool,

    #[command(flatten)]
    old: TypedOldPassphrase,

    /// Take the new passphrase from a file, without one line end at its end; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "new_passphrase_fd")]
    new_passphrase_file: Option<PathBuf>,

    /// Take the new passphrase from a descriptor that is open already
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<u32>,
}

#[derive(Args)]
struct TypedOldPassphrase {
    /// Take the passphrase from a file, without one line end at its end; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_fd")]
    passphrase_file: Option<PathBuf>,

    /// Take the passphrase from a descriptor that is open already
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

#[derive(Args)]
struct TypedUnlock {
    /// For how long, like 8h
    #[arg(long = "for", value_name = "DURATION")]
    span: Option<OsString>,

    /// Do nothing when the vault is unlocked already
    #[arg(long)]
    if_locked: bool,

    #[command(flatten)]
    passphrase: TypedOldPassphrase,
}

#[derive(Args)]
struct TypedFormat {
    /// The form of the result
    #[arg(
        short = 'O',
        long = "output",
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    format: Format,
}

#[derive(Args)]
struct TypedLog {
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
        Typed::Check(check) => Command::Check(check),
        Typed::Doctor { report: true, .. } => Command::Doctor(DoctorForm::Report),
        Typed::Doctor { output, .. } => Command::Doctor(DoctorForm::Looks(output.format)),
        Typed::Cdk(cdk) => Command::Cdk(what_of_cdk(cdk)?),
        Typed::Lease { what: TypedLease::List { output } } => {
            Command::LeaseList { format: output.format }
        }
        Typed::Lease { what: TypedLease::End { id } } => {
            Command::LeaseEnd { id: id.to_string_lossy().into_owned() }
        }
        Typed::Key { what } => key(what)?,
        Typed::Lock => Command::Lock,
        Typed::Completions { shell } => Command::Completions(shell),
        Typed::Delete { names, purge, yes } => {
            let names = names.iter().map(name).collect::<Result<_, _>>()?;
            Command::Delete { names, purge, yes }
        }
        Typed::History { name: text, output } => {
            Command::History { name: name(&text)?, format: output.format }
        }
        Typed::Import(import) => Command::Import(import),
        Typed::List { output } => Command::List { format: output.format },
        Typed::Log(log) => Command::Log(Log {
            follow: log.follow,
            name: log.name.as_ref().map(name).transpose()?,
            since: log.since.as_deref().map(since).transpose()?,
            format: log.format,
        }),
        Typed::Restore { name: text, version } => Command::Restore { name: name(&text)?, version },
        Typed::Metadata => Command::Metadata,
        Typed::Run(typed) => Command::Run(run(typed)?),
        Typed::WatchCdk(typed) => {
            let TypedWatchCdk { config, no_check, no_vault, watch: _, watching, args } = typed;
            let (check, vault) = (!no_check, !no_vault);
            Command::WatchCdk(WatchCdk { config, watch: watch(watching)?, check, vault, args })
        }
        Typed::Set(set) => {
            Command::Set(Set { name: name(&set.name)?, source: source(set.file, set.value) })
        }
        Typed::Status { output } => Command::Status { format: output.format },
        Typed::UnlockFirst(shim) => Command::UnlockFirst(shim),
        Typed::Unlock(TypedUnlock { span, if_locked, passphrase }) => {
            let span = span.map(|span| unlock_span(&span)).transpose()?;
            Command::Unlock(Unlock { span, if_locked, passphrase: passphrase.source() })
        }
    })
}

impl TypedOldPassphrase {
    fn source(self) -> PassphraseSource {
        passphrase_source(self.passphrase_file, self.passphrase_fd)
    }
}

fn passphrase_source(file: Option<PathBuf>, descriptor: Option<u32>) -> PassphraseSource {
    match (file, descriptor) {
        (Some(file), _) => PassphraseSource::File(file),
        (None, Some(number)) => PassphraseSource::Descriptor(number),
        (None, None) => PassphraseSource::Ask,
    }
}

/// How long the vault is to be unlocked.
fn unlock_span(typed: &OsStr) -> Result<Duration, CliError> {
    let read = typed.to_str().and_then(|text| text.parse::<SignedDuration>().ok());
    let span = read.and_then(|read| Duration::try_from(read).ok());
    span.filter(|span| span.as_secs() > 0).ok_or_else(|| {
        CliError::Usage("error: the duration of --for is not understood; write it like 90s, 30m, 8h\nsee: fluvio-secret unlock --help".to_owned())
    })
}

fn key(typed: TypedKey) -> Result<Command, CliError> {
    // What is not UTF-8 is no recipient either.
    let text = |text: OsString, what, most| match text.to_string_lossy().into_owned() {
        text if text.len() <= most => Ok(text),
        _ => Err(CliError::Usage(format!(
            "error: the {what} has more than {most} bytes, which is the most\nsee: fluvio-secret key recipient --help"
        ))),
    };
    let recipient = |recipient| text(recipient, "recipient", limits::RECIPIENT_BYTES);
    Ok(match typed {
        TypedKey::Passphrase(typed) => {
            let TypedPassphrase { remove, old, new_passphrase_file, new_passphrase_fd } = typed;
            let new = passphrase_source(new_passphrase_file, new_passphrase_fd);
            Command::KeyPassphrase(ChangePassphrase { remove, old: old.source(), new })
        }
        TypedKey::Recipient { what } => Command::Recipient(match what {
            TypedRecipient::Accept { yes } => Recipient::Accept { yes },
            TypedRecipient::Add { recipient: typed, note } => {
                let note = note.map(|note| text(note, "note", limits::NOTE_BYTES)).transpose()?;
                Recipient::Add { recipient: recipient(typed)?, note }
            }
            TypedRecipient::List { output } => Recipient::List { format: output.format },
            TypedRecipient::Remove { recipient: typed } => {
                Recipient::Remove { recipient: recipient(typed)? }
            }
        }),
        TypedKey::Rotate { drop_history, yes, passphrase } => {
            Command::KeyRotate(Rotate { drop_history, yes, passphrase: passphrase.source() })
        }
        TypedKey::Show { output } => Command::KeyShow { format: output.format },
        TypedKey::Use { file, passphrase } => {
            Command::KeyUse(UseIdentity { file, passphrase: passphrase.source() })
        }
    })
}

fn run(typed: TypedRun) -> Result<Run, CliError> {
    let TypedRun { config, inject, no_check, as_is, watch: is_watched, watching, command } = typed;
    let watch = if is_watched { Some(watch(watching)?) } else { None };
    Ok(Run { config, inject, no_check, as_is, watch, command })
}

fn watch(typed: TypedWatch) -> Result<Watch, CliError> {
    let TypedWatch { watch_path: paths, clear, grace, restart, format } = typed;
    let grace = grace.map_or(Ok(GRACE), |grace| {
        let read = grace.to_str().and_then(|text| text.parse::<SignedDuration>().ok());
        let usage = || {
            CliError::Usage("error: the duration of --grace is not understood; write it like 5s, 500ms, 1m\nsee: fluvio-secret run --help".to_owned())
        };
        read.and_then(|read| Duration::try_from(read).ok()).ok_or_else(usage)
    })?;
    Ok(Watch { paths, clear, grace, restart, format })
}

fn what_of_cdk(cdk: TypedCdk) -> Result<Cdk, CliError> {
    let TypedCdk { install, uninstall, dir, args } = cdk;
    let usage =
        |text: &str| Err(CliError::Usage(format!("error: {text}\nsee: fluvio-secret cdk --help")));
    match (install, uninstall) {
        (false, false) if dir.is_some() => usage("--dir goes with --install or --uninstall"),
        (false, false) => Ok(Cdk::Run(args)),
        _ if !args.is_empty() => usage("there is an argument too many"),
        (true, _) => Ok(Cdk::Install(dir)),
        (_, true) => Ok(Cdk::Uninstall(dir)),
    }
}

fn name(text: &OsString) -> Result<SecretName, CliError> {
    // What is not UTF-8 is no name either, and its first odd byte becomes an odd character.
    SecretName::try_from(text.to_string_lossy().into_owned()).map_err(CliError::Name)
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

/// The definition of the command line, for its manual page.
#[must_use]
pub fn command_line() -> clap::Command {
    CommandLine::command()
}

/// The names of the secrets, for the completion of a shell.
fn names() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = commands::names();
        names.iter().map(|name| CompletionCandidate::new(name.as_str())).collect()
    })
}

/// Answers a shell that asks how what is typed goes on, and gives whether one did.
pub(crate) fn complete() -> bool {
    let environment = CompleteEnv::with_factory(command_line).bin(PROGRAM).var(COMPLETE);
    let folder = std::env::current_dir().ok();
    // What cannot be completed is not, without a word in the middle of somebody's typing.
    environment.try_complete(std::env::args_os(), folder.as_deref()).unwrap_or(true)
}

/// The script that makes a shell ask.
pub(crate) fn completions(shell: Shell) -> std::io::Result<Vec<u8>> {
    let shell: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Fish => &Fish,
        Shell::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    shell.write_registration(COMPLETE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    Ok(script)
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
        let mut commands: Vec<_> = CommandLine::command().get_subcommands().cloned().collect();
        while let Some(mut command) = commands.pop() {
            commands.extend(command.get_subcommands().cloned());
            let help = command.render_long_help().to_string();
            assert!(command.is_hide_set() || help.contains("Example:\n  fluvio"), "{help}");
        }
    }
}
