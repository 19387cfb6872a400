//! `member`: the machines that can decrypt or change the secrets of a vault.

use std::ffi::OsStr;
use std::path::Path;

use clap::{Args, Subcommand, ValueEnum};
use fluvio_secret_protocol::{
    AddMember, AdmitMembers, Client, ListedMember, Members, MembershipRequested, MergeMembers,
    RemoveMember, RequestMembership, Role, ShownApplicant, VaultAddress, limits,
};
use fluvio_secret_system::printable;

use super::key::rekey::{reseal_in, say_rest, say_state, summary};
use crate::argument::{self, BadArgument};
use crate::connection::client_about;
use crate::error::CliError;
use crate::format::{OutputArgs, OutputFormat};
use crate::git::is_in_repository;
use crate::members::{affected, members, rival, word};
use crate::sync::compact_remark::say_compact;
use crate::vault_choice::{self, VaultArgs};
use crate::{format, output, question};

/// Share a vault with other machines
#[derive(Debug, Subcommand)]
#[command(
    after_help = "\
The members are machines, each with its own key. An admin changes the members and the secrets, a
writer only the secrets, and a reader only uses them. An admin signs each change of the members.

Example:
  fluvio-secret member list",
    disable_help_subcommand = true
)]
pub(crate) enum MemberCommand {
    List(ListMembersArgs),
    Admit(AdmitMembersArgs),
    Add(AddMemberArgs),
    Remove(RemoveMemberArgs),
    Request(RequestMembershipArgs),
    Merge(MergeMembersArgs),
}

/// List the members, and the machines that have asked to join
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  fluvio-secret member list -O json")]
pub(crate) struct ListMembersArgs {
    #[command(flatten)]
    vault: VaultArgs,

    #[command(flatten)]
    output: OutputArgs,
}

/// Admit machines that have asked to join
#[derive(Args, Debug)]
#[command(after_help = "\
The command shows each machine that has asked with `vault join` or `member request`, and asks.
Compare the fingerprint with its owner by another way, for example by phone. All secrets and their
earlier versions are re-encrypted.

Example:
  fluvio-secret member admit
  fluvio-secret member admit --yes 0f1e2d3c4b5a69788796a5b4c3d2e1f0")]
pub(crate) struct AdmitMembersArgs {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Admit all that have asked
    #[arg(long, conflicts_with = "fingerprints")]
    all: bool,

    /// Role that they get [default: the one each has asked for]
    #[arg(long, value_name = "ROLE")]
    role: Option<RoleArg>,

    #[command(flatten)]
    vault: VaultArgs,

    /// Fingerprints, as `member list` shows them
    #[arg(value_name = "FINGERPRINT", value_parser = argument::parsed(fingerprint))]
    fingerprints: Vec<String>,
}

/// Add a key that only decrypts, such as one on paper
#[derive(Args, Debug)]
#[command(after_help = "\
RECIPIENT is the public key of an age identity, as `age-keygen -y` prints it. It becomes a reader
that signs nothing. A machine asks by itself, with `vault join`. All secrets and their earlier
versions are re-encrypted. If the key is already there, only its note changes.

Example:
  fluvio-secret member add \\
    age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg")]
pub(crate) struct AddMemberArgs {
    /// Owner of the key, in a few words
    #[arg(long, value_name = "TEXT", value_parser = argument::parsed(note))]
    note: Option<String>,

    #[command(flatten)]
    vault: VaultArgs,

    /// The recipient: age1…
    #[arg(value_name = "RECIPIENT", value_parser = argument::parsed(recipient))]
    recipient: String,
}

/// Remove a member and re-encrypt all secrets
#[derive(Args, Debug)]
#[command(after_help = "\
All secrets and their earlier versions are re-encrypted. The removed member may have kept the
values, and can still decrypt older copies of the vault.

Example:
  fluvio-secret member remove 0f1e2d3c4b5a69788796a5b4c3d2e1f0")]
pub(crate) struct RemoveMemberArgs {
    #[command(flatten)]
    vault: VaultArgs,

    /// Its fingerprint or its key, as `member list` shows them
    #[arg(value_name = "MEMBER", value_parser = argument::parsed(recipient))]
    member: String,
}

/// Ask the admins of a vault to admit this machine
#[derive(Args, Debug)]
#[command(after_help = "\
The command writes a file into the vault, which you commit and push. It grants nothing. `vault join`
does the same for a vault that you have not registered yet.

Example:
  fluvio-secret member request --role reader")]
pub(crate) struct RequestMembershipArgs {
    #[command(flatten)]
    request: RequestArgs,

    #[command(flatten)]
    vault: VaultArgs,
}

/// What a machine asks for.
#[derive(Args, Debug)]
pub(crate) struct RequestArgs {
    /// Role to ask for [default: its role now, or writer]
    #[arg(long, value_name = "ROLE")]
    role: Option<RoleArg>,

    /// Whose machine it is, in a few words [default: user@host]
    #[arg(long, value_name = "TEXT", value_parser = argument::parsed(note))]
    note: Option<String>,
}

/// Merge two lists that two admins made at the same time
#[derive(Args, Debug)]
#[command(after_help = "\
Git reports no conflict if two admins change the members at the same time and one pulls the other's
change. Until then, nothing is set. Who was added in one of the lists stays, and who was removed in
one of them does not. You must be an admin in both.

Example:
  fluvio-secret member merge")]
pub(crate) struct MergeMembersArgs {
    #[command(flatten)]
    vault: VaultArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArg {
    /// Changes the members, and sets secrets
    Admin,
    /// Sets secrets
    Writer,
    /// Only uses them
    Reader,
}

impl RequestArgs {
    pub(super) fn role(&self) -> Option<Role> {
        self.role.map(Role::from)
    }

    pub(super) fn note(&self) -> Option<&String> {
        self.note.as_ref()
    }
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Admin => Self::Admin,
            RoleArg::Writer => Self::Writer,
            RoleArg::Reader => Self::Reader,
        }
    }
}

/// Parses a recipient. The daemon says whether it is one.
fn recipient(text: &OsStr) -> Result<String, BadArgument> {
    argument::text(text, "recipient", limits::RECIPIENT_BYTES, "member")
}

pub(super) fn fingerprint(text: &OsStr) -> Result<String, BadArgument> {
    argument::text(text, "fingerprint", limits::FINGERPRINT_BYTES, "member")
}

fn note(text: &OsStr) -> Result<String, BadArgument> {
    argument::text(text, "note", limits::NOTE_BYTES, "member")
}

pub(super) fn member(command: MemberCommand) -> Result<(), CliError> {
    match command {
        MemberCommand::List(args) => list(&args),
        MemberCommand::Admit(args) => admit(args),
        MemberCommand::Add(args) => add(args),
        MemberCommand::Remove(args) => remove(args),
        MemberCommand::Request(args) => {
            let vault = args.vault.here()?;
            vault_choice::note(vault.as_ref());
            request(&mut client_about(vault)?, &args.request)
        }
        MemberCommand::Merge(args) => merge(&args),
    }
}

fn list(args: &ListMembersArgs) -> Result<(), CliError> {
    let vault = args.vault.here()?;
    if args.output.format == OutputFormat::Table {
        vault_choice::note(vault.as_ref());
    }
    let members = members(&mut client_about(vault)?)?;
    let table = || {
        let rows: Vec<_> = members.members.iter().map(row).collect();
        format::table(["Note", "Role", "Fingerprint"], &rows)
    };
    let printed = format::print(args.output.format, table, || &members.members);
    say_trouble(&members);
    say_state(&members);
    printed
}

/// Says why requests may be missing.
fn say_trouble(members: &Members) {
    if let Some(trouble) = &members.trouble {
        let trouble = printable::line(trouble);
        output::say(&format!("warning: {trouble}\nhelp: remove what you do not know there"));
    }
}

fn row(one: &ListedMember) -> [String; 3] {
    let mut note = one.note.clone().unwrap_or_default();
    if one.own {
        note += if note.is_empty() { "(this machine)" } else { " (this machine)" };
    }
    let role = match one.requested {
        true => format!("asks for {}", word(one.role)),
        false => word(one.role).to_owned(),
    };
    [note, role, one.fingerprint.clone()]
}

fn admit(args: AdmitMembersArgs) -> Result<(), CliError> {
    let AdmitMembersArgs { yes, all, role, vault, fingerprints } = args;
    let vault = vault.here_noted()?;
    let listed = members(&mut client_about(vault.clone())?)?;
    say_trouble(&listed);
    let is_named = |one: &&ListedMember| {
        all || fingerprints.is_empty() || fingerprints.contains(&one.fingerprint)
    };
    let mut asked: Vec<_> =
        listed.members.iter().filter(|one| one.requested).filter(is_named).collect();
    let has_asked = !asked.is_empty();
    if fingerprints.is_empty() {
        asked.retain(|one| has_no_rival(one, &listed.members));
    }
    let missing =
        fingerprints.iter().find(|one| !asked.iter().any(|asked| asked.fingerprint == **one));
    if let Some(missing) = missing {
        return Err(CliError::NoRequest { fingerprint: missing.clone() });
    }
    if asked.is_empty() && listed.unfinished.is_none() {
        let text =
            if has_asked { "No machine was admitted" } else { "No machine has asked to join" };
        return output::print(text);
    }
    let left = asked.len().saturating_sub(limits::ADMISSIONS);
    asked.truncate(limits::ADMISSIONS);
    if !asked.is_empty() {
        let rows: Vec<_> = asked.iter().map(|one| row(one)).collect();
        output::print_styled(&format::table(["Note", "Role", "Fingerprint"], &rows))?;
        asked
            .iter()
            .flat_map(|one| affected(one, &listed.members))
            .for_each(|line| output::say(&line));
        if !yes {
            question::ask("Encrypt all secrets for these machines, too?", "admitted")?;
        }
    }
    let role = role.map(Role::from);
    let shown = |one: &&ListedMember| ShownApplicant {
        role: role.unwrap_or(one.role),
        ..ShownApplicant::from(*one)
    };
    let requests: Vec<_> = asked.iter().map(shown).collect();
    let admitted = format::count(requests.len(), "member");
    let resealed = reseal_in(vault.clone(), AdmitMembers { requests })?;
    output::confirm(&format!("{admitted} admitted successfully ({})", summary(&resealed)));
    say_rest(&resealed);
    if left > 0 {
        let left = format::count(left, "more machine");
        output::say(&format!("note: {left} wait\nhelp: run the same command again"));
    }
    say_commit(vault.as_ref());
    Ok(())
}

/// Whether a request is the only one with its public key. A stranger may have copied the key of another request.
fn has_no_rival(one: &ListedMember, members: &[ListedMember]) -> bool {
    let Some(rival) = rival(one, members) else { return true };
    let (fingerprint, rival) = (&one.fingerprint, &rival.fingerprint);
    output::say(&format!(
        "warning: {fingerprint} asks with the public key of {rival}, and is not admitted\n\
         help: ask its owner, and then run: fluvio-secret member admit {fingerprint}"
    ));
    false
}

fn add(args: AddMemberArgs) -> Result<(), CliError> {
    let AddMemberArgs { note, vault, recipient } = args;
    let vault = vault.here_noted()?;
    let shown = recipient.trim().to_owned();
    let resealed = reseal_in(vault.clone(), AddMember { recipient, note })?;
    output::confirm(&format!("Member \"{shown}\" added successfully ({})", summary(&resealed)));
    say_rest(&resealed);
    say_commit(vault.as_ref());
    Ok(())
}

fn remove(args: RemoveMemberArgs) -> Result<(), CliError> {
    let RemoveMemberArgs { vault, member } = args;
    let vault = vault.here_noted()?;
    let shown = member.trim().to_owned();
    let resealed = reseal_in(vault.clone(), RemoveMember { member })?;
    output::confirm(&format!("Member \"{shown}\" removed successfully ({})", summary(&resealed)));
    output::say(ABOUT_THE_REMOVED);
    say_compact(vault.as_ref());
    say_rest(&resealed);
    say_commit(vault.as_ref());
    Ok(())
}

const ABOUT_THE_REMOVED: &str = "\
note: the removed member may know the values, and can still decrypt older copies of the vault
help: replace each value that it must not know, then run: fluvio-secret set NAME";

fn merge(args: &MergeMembersArgs) -> Result<(), CliError> {
    let vault = args.vault.here_noted()?;
    let resealed = reseal_in(vault.clone(), MergeMembers)?;
    let members = format::count(resealed.members, "member");
    output::confirm(&format!("Lists merged successfully, {members} ({})", summary(&resealed)));
    say_rest(&resealed);
    say_commit(vault.as_ref());
    Ok(())
}

/// Says that the other members do not have the change yet, if they get the vault by git.
fn say_commit(vault: Option<&VaultAddress>) {
    if vault.is_some_and(|vault| is_in_repository(Path::new(&vault.path))) {
        output::say("help: commit and push the vault, so the other members get the change");
    }
}

/// Asks for membership in the vault of a connection. Without a role, for the one of the last request or the member.
pub(super) fn request(client: &mut Client, args: &RequestArgs) -> Result<(), CliError> {
    let role = match args.role {
        Some(role) => role.into(),
        None => {
            // Requests come after the members.
            let own = members(client)?.members.into_iter().rfind(|one| one.own);
            own.map_or(Role::Writer, |own| own.role)
        }
    };
    let asked = client.call(RequestMembership { role, note: args.note.clone() })?;
    let MembershipRequested { file, fingerprint, is_member } = asked;
    if is_member {
        return output::print(&format!("This machine is already a member ({})", word(role)));
    }
    output::confirm(&format!("Request \"{}\" created successfully", printable::line(&file)));
    let commit =
        if is_in_repository(Path::new(&file)) { "commit and push the file, and " } else { "" };
    output::say(&format!(
        "note: the fingerprint of this machine is {fingerprint}\n\
         help: {commit}have an admin run: fluvio-secret member admit {fingerprint}"
    ));
    Ok(())
}
