//! `completions`: the script by which a shell asks this program for completions.

use clap::{Args, ValueEnum};
use clap_complete::env::{EnvCompleter, Fish, Zsh};

use crate::error::CliError;
use crate::output;
use crate::usage_error::PROGRAM;

/// The variable by which a shell asks. Its value is the shell's name.
pub(crate) const COMPLETE: &str = "FLUVIO_SECRET_COMPLETE";

/// Print the completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = "\
They complete commands, options and the names of secrets. Source the file in the settings of your
shell: ~/.bashrc, ~/.zshrc or config.fish.

Example:
  fluvio-secret completions bash > ~/.fluvio-secret.bash
  fluvio-secret completions zsh > ~/.fluvio-secret.zsh
  fluvio-secret completions fish > ~/.fluvio-secret.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    /// bash
    Bash,
    /// fish
    Fish,
    /// zsh
    Zsh,
}

/// The script for bash. That of `clap_complete` knows no `--option=value`, and splits a path with a space.
const BASH: &str = include_str!("completion.bash");

pub(super) fn completions(args: &CompletionsArgs) -> Result<(), CliError> {
    let shell: &dyn EnvCompleter = match args.shell {
        Shell::Bash => return output::print_plain(&BASH.replace("VARIABLE", COMPLETE)),
        Shell::Fish => &Fish,
        Shell::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    shell
        .write_registration(COMPLETE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(CliError::Output)?;
    output::print_plain(&String::from_utf8_lossy(&script))
}
