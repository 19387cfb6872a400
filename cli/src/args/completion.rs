//! How what is typed goes on: asked by a shell, and the script that makes it ask.

use clap::ValueEnum;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, EnvCompleter, Fish, Zsh};

use super::{PROGRAM, command_line};
use crate::commands;

/// Has the shell's name when a shell asks how what is typed goes on.
const COMPLETE: &str = "FLUVIO_SECRET_COMPLETE";

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

/// The names of the secrets, for the completion of a shell.
pub(super) fn names() -> ArgValueCandidates {
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

/// The script for bash. The one of `clap_complete` knows no `--option=value`, and makes two words of a path
/// with a space.
const BASH: &str = include_str!("completion.bash");

/// The script that makes a shell ask.
pub(crate) fn completions(shell: Shell) -> std::io::Result<Vec<u8>> {
    let shell: &dyn EnvCompleter = match shell {
        Shell::Bash => return Ok(BASH.replace("VARIABLE", COMPLETE).into_bytes()),
        Shell::Fish => &Fish,
        Shell::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    shell.write_registration(COMPLETE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    Ok(script)
}
