//! `vault`: the vaults of projects, which you register.

mod forget;
mod upgrade;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueHint};
use fluvio_secret_protocol::{
    InitVault, InspectVault, InspectedVault, ListVaults, ListedVault, TrustVault, TrustedVault,
    VaultAddress,
};
use fluvio_secret_system::project::{PERSONAL, VAULT_DIRECTORY, project_of};
use fluvio_secret_system::{printable, shell};

use self::forget::ForgetVaultArgs;
use self::upgrade::UpgradeVaultArgs;
use super::member::{RequestArgs, fingerprint, request};
use super::secret::remarks::about_the_identity;
use crate::argument;
use crate::connection::{client, client_about};
use crate::error::CliError;
use crate::format::OutputArgs;
use crate::members::word;
use crate::style::Styled;
use crate::vault_choice::{named_or_found, text_of};
use crate::{format, merge_driver, output, question};

/// Manage the vaults of projects
#[derive(Debug, Subcommand)]
#[command(
    after_help = "\
The secrets of a project are in a directory .fluvio-secret, which is safe to commit. Commands in the
project use that vault, and commands elsewhere your personal one. Name another one with --vault.

Example:
  fluvio-secret vault init",
    disable_help_subcommand = true
)]
pub(crate) enum VaultCommand {
    Init(InitVaultArgs),
    List(ListVaultsArgs),
    Trust(TrustVaultArgs),
    Join(JoinVaultArgs),
    Forget(ForgetVaultArgs),
    Upgrade(UpgradeVaultArgs),
}

/// Create a vault for the secrets of a project
#[derive(Args, Debug)]
#[command(after_help = "\
The vault is the new directory .fluvio-secret in DIR, or in the current directory. Everything in it
is encrypted, so you can commit it. Your key stays in your home directory.

In a clone of git, `vault init`, `trust` and `join` set git up to call `fluvio-secret git-merge` for
the files of secrets. So git merges a secret that two machines have changed, and keeps both values.

Example:
  fluvio-secret vault init
  fluvio-secret vault init ~/src/weather")]
pub(crate) struct InitVaultArgs {
    /// Directory of the project [default: .]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    directory: Option<PathBuf>,
}

/// List your personal vault and the registered ones
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  fluvio-secret vault list -O json")]
pub(crate) struct ListVaultsArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Register the vault of a project that you cloned
#[derive(Args, Debug)]
#[command(after_help = "\
The command shows the vault's members, who can decrypt what you set in it, and asks. Without DIR,
it is the vault that other commands find from the current directory. Later changes of the members
are accepted without a question, if an admin has signed them.

A secret that the vault does not have is an error. With --with-personal, it is taken from your
personal vault, and `run` and `check` name it. This is a setting of this machine for this vault.

Example:
  fluvio-secret vault trust
  fluvio-secret vault trust --yes --with-personal ~/src/weather")]
pub(crate) struct TrustVaultArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Take missing secrets from your personal vault
    #[arg(long)]
    with_personal: bool,

    /// Take no secrets from your personal vault
    #[arg(long, conflicts_with = "with_personal")]
    without_personal: bool,

    /// Directory of the project
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    directory: Option<PathBuf>,
}

/// Register the vault of a project, and ask to be admitted
#[derive(Args, Debug)]
#[command(after_help = "\
The command does what `vault trust` does. Then it writes a request into the vault, which you commit
and push. After an admin has run `member admit` and pushed, your connectors get the secrets.

Example:
  fluvio-secret vault join
  fluvio-secret vault join --yes --role reader")]
pub(crate) struct JoinVaultArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Fingerprint of the admin that must have signed the list
    #[arg(long, value_name = "FINGERPRINT", value_parser = argument::parsed(fingerprint))]
    admin: Option<String>,

    #[command(flatten)]
    request: RequestArgs,

    /// Directory of the project
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    directory: Option<PathBuf>,
}

pub(super) fn vault(command: VaultCommand) -> Result<(), CliError> {
    match command {
        VaultCommand::Init(args) => init(&args),
        VaultCommand::List(args) => list(&args),
        VaultCommand::Trust(args) => trust(&args),
        VaultCommand::Join(args) => join(&args),
        VaultCommand::Forget(args) => forget::forget(&args),
        VaultCommand::Upgrade(args) => upgrade::upgrade(args),
    }
}

fn init(args: &InitVaultArgs) -> Result<(), CliError> {
    // The other commands take the vault itself, too.
    let typed = project_of(args.directory.as_deref().unwrap_or(Path::new("")));
    let named = if typed.as_os_str().is_empty() { Path::new(".") } else { typed };
    let failed = |source| CliError::Directory { path: named.to_owned(), source };
    let project = named.canonicalize().map_err(failed)?;
    let path = text_of(&project_of(&project).join(VAULT_DIRECTORY))?;
    let TrustedVault { path, id, new_identity, .. } = client()?.call(InitVault { path })?;
    output::confirm(&format!("Vault \"{}\" created successfully", printable::line(&path)));
    if let Some(identity) = new_identity {
        output::say(&about_the_identity(&identity));
    }
    let option = match typed.as_os_str().is_empty() {
        true => String::new(),
        false => format!("--vault {} ", shell::path(typed)),
    };
    output::say(&format!(
        "help: set a secret of this project with: fluvio-secret set {option}NAME"
    ));
    if project_of(Path::new(&path)).ancestors().any(|above| above.join(".git").exists()) {
        let directory = shell::path(&typed.join(VAULT_DIRECTORY));
        output::say(&format!("help: share it with your team: git add {directory}"));
    }
    merge_driver::set_up(Path::new(&path), &id);
    Ok(())
}

fn list(args: &ListVaultsArgs) -> Result<(), CliError> {
    let vaults = client()?.collect(ListVaults)?;
    let row = |vault: &ListedVault| {
        let secrets = vault.secrets.map_or_else(|| "-".to_owned(), |count| count.to_string());
        [format::shorten(&vault.path), secrets, state(vault)]
    };
    let table = || {
        let rows: Vec<_> = vaults.iter().map(row).collect();
        format::table(["Vault", "Secrets", "State"], &rows)
    };
    format::print(args.output.format, table, || &vaults)
}

fn state(vault: &ListedVault) -> String {
    let kind = match (vault.personal, vault.with_personal) {
        (true, _) => PERSONAL,
        (false, true) => "project, with personal",
        (false, false) => "project",
    };
    match &vault.trouble {
        Some(trouble) => format!("{kind}: {}", format::shorten(trouble)),
        None => kind.to_owned(),
    }
}

fn trust(args: &TrustVaultArgs) -> Result<(), CliError> {
    let found = inspect(args.directory.as_deref())?;
    let with_personal = match (args.with_personal, args.without_personal) {
        (false, false) => None,
        (with_personal, _) => Some(with_personal),
    };
    if found.registered && with_personal.is_none() {
        merge_driver::set_up(Path::new(&found.path), &found.id);
        let path = printable::line(&found.path);
        return output::print(&format!("Vault \"{path}\" is already registered"));
    }
    refuse_contradicted(&found)?;
    let trusted = register(found, args.yes, with_personal)?;
    if args.with_personal {
        output::say("note: secrets that it does not have are taken from your personal vault");
    }
    if !trusted.own {
        output::say(
            "note: this machine is not a member, so it cannot decrypt the secrets\n\
             help: ask to be admitted with: fluvio-secret vault join",
        );
    }
    Ok(())
}

fn join(args: &JoinVaultArgs) -> Result<(), CliError> {
    let found = inspect(args.directory.as_deref())?;
    if let Some(admin) = args.admin.as_ref().filter(|admin| **admin != found.admin) {
        return Err(CliError::OtherAdmin { expected: admin.clone(), found: found.admin });
    }
    if args.admin.is_none() {
        refuse_contradicted(&found)?;
    }
    let (path, id) = (found.path.clone(), found.id.clone());
    if found.registered {
        merge_driver::set_up(Path::new(&path), &id);
    } else {
        register(found, args.yes, None)?;
    }
    request(&mut client_about(Some(VaultAddress { path, id }))?, &args.request)
}

/// A stranger with write access to the repository can add a list. You see only the newest one.
fn refuse_contradicted(found: &InspectedVault) -> Result<(), CliError> {
    match found.contradicted {
        true => Err(CliError::Contradicted { path: found.path.clone().into() }),
        false => Ok(()),
    }
}

fn inspect(directory: Option<&Path>) -> Result<InspectedVault, CliError> {
    let path = text_of(&named_or_found(directory)?)?;
    Ok(client()?.call(InspectVault { path })?)
}

/// Registers a vault, with the list of members that you are shown.
fn register(
    found: InspectedVault,
    yes: bool,
    with_personal: Option<bool>,
) -> Result<TrustedVault, CliError> {
    output::print_styled(&described(&found))?;
    if !yes {
        question::ask("Trust this vault, and encrypt what you set for its members?", "registered")?;
    }
    let InspectedVault { path, id, list, .. } = found;
    // The daemon does not wait for an answer that a person thinks about.
    let trusted = client()?.call(TrustVault { path, id, list, with_personal })?;
    let shown = printable::line(&trusted.path);
    output::confirm(&format!("Vault \"{shown}\" registered successfully"));
    if let Some(identity) = &trusted.new_identity {
        output::say(&about_the_identity(identity));
    }
    merge_driver::set_up(Path::new(&trusted.path), &trusted.id);
    Ok(trusted)
}

/// What you are asked about.
fn described(found: &InspectedVault) -> Styled {
    let mut rows = vec![
        ["Vault".to_owned(), found.path.clone()],
        ["ID".to_owned(), found.id.clone()],
        ["Secrets".to_owned(), found.secrets.to_string()],
        ["Signed by".to_owned(), found.admin.clone()],
    ];
    for one in &found.members {
        let mut text = format!("{}  {}", one.fingerprint, word(one.role));
        if let Some(note) = &one.note {
            text += &format!("  {note}");
        }
        if one.own {
            text += "  (this machine)";
        }
        rows.push(["Member".to_owned(), text]);
    }
    if let Some(more) = found.member_count.checked_sub(found.members.len()).filter(|more| *more > 0)
    {
        rows.push(["Member".to_owned(), format!("and {more} more")]);
    }
    format::lines(&rows)
}
