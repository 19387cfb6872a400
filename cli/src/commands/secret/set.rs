//! `set`: keeps a value under a name.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use fluvio_secret_protocol::{List, Secret, SecretName, Set, VaultAddress};
use fluvio_secret_system::harden::Hardened;

use super::remarks::{about_the_identity, about_unfit, provided, say_holders};
use crate::argument;
use crate::commands::restart::restart_held;
use crate::connection::{client_about, state};
use crate::error::CliError;
use crate::members::members;
use crate::output;
use crate::provider::{Provider, ProviderError};
use crate::value::{self, Source};
use crate::vault_choice::VaultArgs;

/// Set a secret, or replace its value
#[derive(Args, Debug)]
#[command(after_help = "\
Without VALUE and --file, you are prompted for the value. If standard input is not a terminal, the
value is read from there, without one line end at its end. A file is used byte for byte.

With --command, the value is what COMMAND prints, without one line end at its end. If COMMAND fails
or prints nothing, nothing is set. Its messages and prompts go to the terminal.

Example:
  fluvio-secret set AUTH_HEADER \"Authorization: bearer 1234abcd\"
  fluvio-secret set TLS_CERT --file cert.pem
  fluvio-secret set API_TOKEN --command -- op read op://dev/weather/token")]
pub(crate) struct SetArgs {
    /// Ignored, for compatibility with the cloud
    #[arg(short, long)]
    connector: bool,

    /// Read the value from a file
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    file: Option<PathBuf>,

    /// Use the output of COMMAND as the value
    #[arg(
        long,
        value_name = "COMMAND",
        value_hint = ValueHint::AnyPath,
        num_args = 1..,
        allow_hyphen_values = true,
        conflicts_with_all = ["value", "file"]
    )]
    command: Vec<OsString>,

    /// Restart connectors that may have the earlier value
    #[arg(long)]
    restart: bool,

    #[command(flatten)]
    vault: VaultArgs,

    /// The secret's name: letters, digits and _
    #[arg(value_name = "NAME", value_parser = argument::parsed(argument::name))]
    name: SecretName,

    /// The value, or - for standard input
    #[arg(
        value_name = "VALUE",
        value_parser = argument::parsed(secret),
        allow_hyphen_values = true
    )]
    value: Option<Secret>,
}

fn secret(value: &OsStr) -> Result<Secret, Infallible> {
    Ok(Secret::from(value.as_bytes().to_vec()))
}

impl SetArgs {
    /// Refuses a value that has the form of an option, such as `--stdin`. Values like `-----BEGIN …` or with
    /// a space have not.
    pub(crate) fn refuse_option(&self) -> Result<(), CliError> {
        let value = self.value.as_ref().map(Secret::expose);
        let word = value.and_then(|value| value.strip_prefix(b"--")).unwrap_or_default();
        let is_option = word.first().is_some_and(u8::is_ascii_alphanumeric)
            && word.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_option { Err(CliError::Usage(UNKNOWN_OPTION.to_owned())) } else { Ok(()) }
    }

    /// The program that prints the value, if you named one.
    fn provider(&self) -> Result<Option<Provider>, ProviderError> {
        (!self.command.is_empty()).then(|| Provider::of(&self.command)).transpose()
    }

    pub(crate) fn source(self) -> Source {
        match (self.file, self.value) {
            (Some(file), _) => Source::File(file),
            (None, None) => Source::Ask,
            (None, Some(value)) if value.expose() == b"-" => Source::Input,
            (None, Some(value)) => Source::Argument(value),
        }
    }
}

const UNKNOWN_OPTION: &str = "\
error: unknown option after NAME, so nothing was set
help: to read the value from standard input: fluvio-secret set NAME -
help: if it is the value, put -- before it: fluvio-secret set NAME -- VALUE
help: see: fluvio-secret set --help";

pub(crate) fn set(args: SetArgs, hardened: Hardened) -> Result<(), CliError> {
    let (name, restart) = (args.name.clone(), args.restart);
    let provider = args.provider()?;
    let vault = args.vault.here_noted()?;
    let source = args.source();
    let is_argument = matches!(source, Source::Argument(_));
    if vault.is_some() && !is_argument {
        // The daemon refuses a vault that is not registered. You learn that before you type a value.
        members(&mut client_about(vault.clone())?)?;
    }
    let value = match provider {
        Some(provider) => provided(&provider)?,
        None => value::read(source, &name)?,
    };
    if is_argument {
        refuse_swapped(&name, &value, vault.clone())?;
    }
    if is_argument && value.expose().starts_with(b"--") {
        output::say(
            "note: the value begins with two dashes, like an option\nhelp: see: fluvio-secret set --help",
        );
    }
    if is_argument && names_a_file(&value) {
        output::say(ABOUT_FILES);
    }
    let unfit = about_unfit([(&name, &value)]);
    let stored = client_about(vault)?.call(Set { name: name.clone(), value })?;
    output::confirm(&format!("Secret \"{name}\" set successfully"));
    if let Some(identity) = stored.new_identity {
        output::say(&about_the_identity(&identity));
    }
    unfit.iter().for_each(|note| output::say(note));
    if !restart {
        say_holders(&stored.holders, &stored.leases);
    }
    if is_argument && io::stderr().is_terminal() && state()?.is_first_time("arguments") {
        output::say(ABOUT_ARGUMENTS);
    }
    match restart {
        true => restart_held(&stored.leases, stored.holders, hardened),
        false => Ok(()),
    }
}

/// Refuses a value that is the name of another secret: the two were probably swapped. A value in the place of the
/// name would be in the list and in the audit log.
fn refuse_swapped(
    name: &SecretName,
    value: &Secret,
    vault: Option<VaultAddress>,
) -> Result<(), CliError> {
    let is_usual = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    if value.is_empty() || !value.expose().iter().all(is_usual) {
        return Ok(());
    }
    // The names come here, because no value is sent as a name.
    let listed = client_about(vault)?.collect(List).unwrap_or_default();
    let is_other =
        |other: &SecretName| other != name && other.as_str().as_bytes() == value.expose();
    match listed.iter().any(|listed| is_other(&listed.name)) {
        true => Err(CliError::Usage(SWAPPED.to_owned())),
        false => Ok(()),
    }
}

const SWAPPED: &str = "\
error: the value is the name of a secret, so nothing was set
help: if you swapped them, put the name first: fluvio-secret set NAME VALUE
help: if it is the value, pass it on standard input: fluvio-secret set NAME -";

/// Whether a value is `@` and the path of a file, by which other tools read that file.
fn names_a_file(value: &Secret) -> bool {
    let path = value.expose().strip_prefix(b"@").map(OsStr::from_bytes);
    path.is_some_and(|path| Path::new(path).is_file())
}

const ABOUT_FILES: &str = "\
note: the value is the path that you typed, and not what is in the file
help: set what is in the file with: fluvio-secret set NAME --file FILE";

const ABOUT_ARGUMENTS: &str = "\
note: a value on the command line is in your shell's history and, briefly, in `ps` (shown once)
help: leave it out to be prompted for it: fluvio-secret set NAME";
