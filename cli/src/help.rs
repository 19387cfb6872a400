//! `--help` fits a screen: the commands in groups, and of each command its options and examples. `help COMMAND`
//! has the rest, as the manual page does.

use std::ffi::OsString;
use std::process::{Command as Process, Stdio};

use clap::{Arg, ArgAction, Command};
use fluvio_secret_system::harden::Hardened;
use rustix::termios::isatty;

use crate::error::CliError;
use crate::output;
use crate::usage_error::PROGRAM;

/// Commands that belong together.
#[derive(Debug)]
pub struct CommandGroup {
    /// The heading above them in `--help`.
    pub heading: &'static str,
    /// Their manual page, in section 1.
    pub page: &'static str,
    /// What that page is about.
    pub about: &'static str,
    /// Their names.
    pub commands: &'static [&'static str],
}

/// The commands, as `--help` groups them.
pub const COMMAND_GROUPS: [CommandGroup; 4] = [
    CommandGroup {
        heading: "Secrets",
        page: "fluvio-secret-secrets",
        about: "set, list, import and delete secrets",
        commands: &[
            "set", "list", "delete", "rename", "copy", "import", "history", "restore", "log",
            "vault", "member", "sync",
        ],
    },
    CommandGroup {
        heading: "Connectors",
        page: "fluvio-secret-connectors",
        about: "run and check connectors that need secrets",
        commands: &["run", "check", "cdk", "restart", "watch", "lease"],
    },
    CommandGroup {
        heading: "Keys",
        page: "fluvio-secret-keys",
        about: "the keys of your secrets and their passphrase",
        commands: &["lock", "unlock", "key"],
    },
    CommandGroup {
        heading: "Daemon and setup",
        page: "fluvio-secret-setup",
        about: "run the daemon, find problems and set up your shell",
        commands: &["status", "daemon", "doctor", "completions", "help"],
    },
];

/// The command that clap does not define.
const HELP: (&str, &str) = ("help", "Open the manual page of a command");

const COLUMNS: usize = 80;
const EXAMPLE_HEADING: &str = "Example:";

/// Makes each help of this definition short, with its details in the long one.
pub(crate) fn shorten(command: Command) -> Command {
    let template = template(&command);
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort);
    let help = help.global(true).help("Print help").display_order(1001);
    let color = |arg: Arg| {
        arg.help("Use color: auto, always or never")
            .hide_possible_values(true)
            .hide_default_value(true)
            .display_order(1000)
    };
    command
        .help_template(template)
        .max_term_width(COLUMNS)
        .disable_help_flag(true)
        .arg(help)
        .mut_arg("color", color)
        .mut_subcommands(|command| details_apart(command, PROGRAM))
}

/// The whole help, with the commands by their groups.
fn template(command: &Command) -> String {
    let about = |name: &str| match command.find_subcommand(name) {
        Some(command) => command.get_about().map(ToString::to_string).unwrap_or_default(),
        None => HELP.1.to_owned(),
    };
    let group = |CommandGroup { heading, commands, .. }: &CommandGroup| {
        let lines = commands.iter().map(|name| format!("  {name:11}  {}\n", about(name)));
        format!("{heading}:\n{}\n", lines.collect::<String>())
    };
    let groups: String = COMMAND_GROUPS.iter().map(group).collect();
    let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    format!("{{about}}\n{{usage-heading}} {{usage}}\n{example}\n\n{groups}Options:\n{{options}}")
}

/// Leaves the examples in the short help, and says where the rest is.
fn details_apart(command: Command, parent: &str) -> Command {
    let name = format!("{parent} {}", command.get_name());
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let command = match text.split_once(EXAMPLE_HEADING) {
        Some((details, example)) if !details.is_empty() => {
            // The lines of the source have another width.
            let details = details.trim_end().split("\n\n").map(|part| part.replace('\n', " "));
            let details = details.collect::<Vec<_>>().join("\n\n");
            let words = name.trim_start_matches(PROGRAM);
            command
                .after_help(format!("{EXAMPLE_HEADING}{example}\n\nMore: {PROGRAM} help{words}"))
                .after_long_help(format!("{details}\n\n{EXAMPLE_HEADING}{example}"))
        }
        _ => command,
    };
    command.mut_subcommands(|command| details_apart(command, &name))
}

/// What `help COMMAND` shows.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Manual {
    /// As it is typed: `fluvio-secret key rotate`.
    command: String,
    page: &'static str,
    text: String,
}

impl Manual {
    /// The manual of the command that these words name; `None` if there is no such command.
    pub(crate) fn of(mut definition: Command, words: &[OsString]) -> Option<Self> {
        definition.build();
        let mut command = &mut definition;
        let mut typed = PROGRAM.to_owned();
        for word in words {
            command = command.find_subcommand_mut(word)?;
            typed = format!("{typed} {}", command.get_name());
        }
        let first = words.first()?;
        let group =
            COMMAND_GROUPS.iter().find(|group| group.commands.iter().any(|name| first == name))?;
        Some(Self {
            text: command.render_long_help().to_string(),
            command: typed,
            page: group.page,
        })
    }

    /// Opens the manual page at the command if there is one, or else prints the help.
    pub(crate) fn show(&self, hardened: Hardened) -> Result<(), CliError> {
        if isatty(std::io::stdout()) && self.has_page() {
            hardened.release().map_err(CliError::System)?;
            // man(1) adds its own options to these of the pager.
            let less = std::env::var("LESS").unwrap_or_default();
            // A dollar sign ends it. What follows may be options of any form.
            let less = format!("+/^ *{}${less}", self.command);
            let shown = self.man(&[]).env("LESS", less).status();
            if shown.is_ok_and(|status| status.success()) {
                return Ok(());
            }
        }
        output::print(&self.text)
    }

    fn has_page(&self) -> bool {
        let found = self.man(&["--where"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    }

    fn man(&self, options: &[&str]) -> Process {
        let mut man = Process::new("man");
        man.args(options).args(["1", self.page]);
        man
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Command;

    use super::{COLUMNS, COMMAND_GROUPS, HELP, Manual};
    use crate::command_line::command_line;

    /// The lines that a terminal has.
    const LINES: usize = 24;

    fn visible(command: &Command) -> Vec<Command> {
        command.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect()
    }

    fn all(mut parent: Command) -> Vec<Command> {
        parent.build();
        let mut found = Vec::new();
        let mut waiting = visible(&parent);
        while let Some(command) = waiting.pop() {
            waiting.extend(visible(&command));
            found.push(command);
        }
        found
    }

    #[test]
    fn each_command_is_in_one_group() {
        let mut grouped: Vec<_> =
            COMMAND_GROUPS.iter().flat_map(|group| group.commands.to_vec()).collect();
        let mut commands: Vec<_> =
            visible(&command_line()).iter().map(|command| command.get_name().to_owned()).collect();
        commands.push(HELP.0.to_owned());
        grouped.sort_unstable();
        commands.sort_unstable();
        assert_eq!(grouped, commands);
    }

    #[test]
    fn each_help_is_short() {
        let help = command_line().render_help().to_string();
        assert!(help.lines().count() <= 42, "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= COLUMNS), "{help}");
        for mut command in all(command_line()) {
            let name = command.get_bin_name().unwrap_or_default().to_owned();
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.chars().count() <= 60 && !about.contains(';'), "{name}: {about}");
            for option in command.get_arguments() {
                let help = option.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.chars().count() <= 60, "{name}: {help}");
            }
            let help = command.render_help().to_string();
            let is_long = ["fluvio-secret run"].contains(&&*name);
            assert!(is_long || help.lines().count() <= LINES, "{name}:\n{help}");
        }
    }

    #[test]
    fn the_manual_of_a_command_has_its_details() {
        let manual = |words: &[&str]| {
            Manual::of(command_line(), &words.iter().map(OsString::from).collect::<Vec<_>>())
        };
        let rotate = manual(&["key", "rotate"]).expect("a manual");
        assert_eq!(rotate.command, "fluvio-secret key rotate");
        assert_eq!(rotate.page, "fluvio-secret-keys");
        assert!(rotate.text.contains("marked as retired") && rotate.text.contains("Example:"));
        for words in [&[][..], &["lst"], &["metadata"], &["key", "list"]] {
            assert_eq!(manual(words), None);
        }
    }
}
