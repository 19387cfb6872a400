//! `unlock`, `lock`: has the daemon keep the key that opens the vault, or forget it.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use clap::Args;
use fluvio_secret_protocol::{self as protocol, ClientError, Code, GetKey, GetStatus};
use fluvio_secret_system::lock::FileLock;

use crate::argument::{self, BadArgument};
use crate::connection::{client, state};
use crate::error::CliError;
use crate::passphrase::{self, PassphraseArgs};
use crate::{date, output};

/// Unlock the vault with your passphrase
#[derive(Args, Debug, Default)]
#[command(after_help = "\
You are prompted for the passphrase. The vault is locked again after DURATION, or after the time in
the setting lock-after, which is 12 hours by default. Write DURATION like 90s, 30m or 8h. The time
that the machine sleeps counts.

Example:
  fluvio-secret unlock
  fluvio-secret unlock --for 8h --passphrase-file /run/keys/passphrase")]
pub(crate) struct UnlockArgs {
    /// Lock the vault again after this time, like 8h
    #[arg(long = "for", value_name = "DURATION", value_parser = argument::parsed(span))]
    pub(crate) span: Option<Duration>,

    /// Do nothing if the vault is already unlocked
    #[arg(long)]
    pub(crate) if_locked: bool,

    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

fn span(text: &OsStr) -> Result<Duration, BadArgument> {
    let span = argument::duration(text).filter(|span| span.as_secs() > 0);
    span.ok_or_else(|| BadArgument::duration("--for", "90s, 30m, 8h", "unlock"))
}

/// How often you may mistype a passphrase.
const TRIES: usize = 3;
/// How long another program may wait for its answer: you may be away from the terminal.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// How often to check in that time whether the vault is unlocked already.
const UNLOCKED_POLL_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) fn lock() -> Result<(), CliError> {
    client()?.call(protocol::Lock)?;
    output::confirm("Vault locked");
    Ok(())
}

pub(crate) fn unlock(args: &UnlockArgs) -> Result<(), CliError> {
    let mut client = client()?;
    let key = client.call(GetKey)?;
    output::confirm(&match key.passphrase {
        Some(true) => unlock_with(args)?,
        Some(false) => {
            format!("Vault is not locked: the identity {} has no passphrase", key.identity)
        }
        None => "Vault is not locked: there is no identity yet".to_owned(),
    });
    Ok(())
}

/// Unlocks a vault whose identity has a passphrase, and gives what there is to say then.
pub(crate) fn unlock_with(args: &UnlockArgs) -> Result<String, CliError> {
    if args.if_locked
        && let Some(said) = unlocked()?
    {
        return Ok(said);
    }
    if args.passphrase.is_prompt() { ask(args) } else { give(args) }
}

/// Prompts on the terminal. Of several programs that would, one does.
fn ask(args: &UnlockArgs) -> Result<String, CliError> {
    let _turn = match turn()? {
        Turn::Ours(turn) => turn,
        Turn::Unlocked(said) => return Ok(said),
    };
    if args.if_locked
        && let Some(said) = unlocked()?
    {
        return Ok(said);
    }
    for _ in 1..TRIES {
        match give(args) {
            Err(error) if is_wrong(&error) => output::error(&error),
            outcome => return outcome,
        }
    }
    give(args)
}

enum Turn {
    /// Until this is dropped.
    Ours(FileLock),
    /// The vault was unlocked in the meantime.
    Unlocked(String),
}

/// Waits until no other program asks.
fn turn() -> Result<Turn, CliError> {
    let path = state()?.unlock_lock;
    let take = |until| FileLock::take(&path, until).map_err(CliError::System);
    if let Some(turn) = take(Instant::now())? {
        return Ok(Turn::Ours(turn));
    }
    output::say("note: waiting for another program that prompts for the passphrase");
    let end = Instant::now() + ANSWER_TIMEOUT;
    while Instant::now() < end {
        let turn = take(Instant::now() + UNLOCKED_POLL_INTERVAL)?;
        if let Some(said) = unlocked()? {
            return Ok(Turn::Unlocked(said));
        }
        if let Some(turn) = turn {
            return Ok(Turn::Ours(turn));
        }
    }
    Err(CliError::Passphrase("another program still prompts for it".into()))
}

fn give(args: &UnlockArgs) -> Result<String, CliError> {
    let seconds = args.span.map(|span| span.as_secs());
    let unlocked = passphrase::read_for(&args.passphrase, |passphrase| {
        Ok(client()?.call(protocol::Unlock { seconds, passphrase })?)
    })?;
    Ok(told(unlocked.until))
}

/// What there is to say when the vault is unlocked, if it is.
pub(crate) fn unlocked() -> Result<Option<String>, CliError> {
    let status = client()?.call(GetStatus)?;
    Ok((!status.locked).then(|| told(status.unlocked_until)))
}

fn told(until: Option<i64>) -> String {
    match until {
        Some(until) => format!("Vault unlocked until {}", date::local(until)),
        None => "Vault unlocked".to_owned(),
    }
}

fn is_wrong(error: &CliError) -> bool {
    matches!(error, CliError::Client(ClientError::Refused(refusal)) if refusal.code == Code::Passphrase)
}
