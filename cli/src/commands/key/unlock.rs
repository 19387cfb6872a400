//! `unlock`, `lock`: has the daemon keep the key that opens the vault, or forget it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use fluvio_secret_config::Document;
use fluvio_secret_protocol::{self as protocol, ClientError, Code, SHIM, beside_this_program};
use fluvio_secret_system::harden::Hardened;
use fluvio_secret_system::lock::Lock;
use fluvio_secret_system::terminal;

use super::run::become_shim;
use super::{client, read_config, state};
use crate::args::{PassphraseSource, Unlock, UnlockFirst};
use crate::error::CliError;
use crate::{date, output, passphrase};

/// What the shim ends with when it starts nothing.
const NOT_STARTED: u8 = 125;
/// How often a passphrase that is typed may be wrong.
const TRIES: usize = 3;
/// Until whoever asks has an answer. A person may be away from the terminal for long.
const ANSWER: Duration = Duration::from_secs(24 * 60 * 60);
/// How often to look meanwhile whether the vault is unlocked already.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) fn lock() -> Result<(), CliError> {
    client()?.lock()?;
    output::confirm("Vault locked");
    Ok(())
}

pub(crate) fn unlock(unlock: &Unlock) -> Result<(), CliError> {
    let mut client = client()?;
    let key = client.key()?;
    output::confirm(&match key.passphrase {
        Some(true) => unlock_with(unlock)?,
        // Another identity that is about to take its place may have one.
        Some(false) if client.status()?.locked => unlock_with(unlock)?,
        Some(false) => {
            format!("Vault is not locked: the identity {} has no passphrase", key.identity)
        }
        None => "Vault is not locked: the first secret that is set makes its identity".to_owned(),
    });
    Ok(())
}

/// Unlocks the vault, and becomes the shim that found it locked.
pub(crate) fn unlock_first(shim: &UnlockFirst, hardened: Hardened) -> Result<(), CliError> {
    let path = beside_this_program(SHIM).map_err(CliError::Shim)?;
    if let Err(error) = ask_for_a_connector() {
        error.print();
        return Err(CliError::Connector(NOT_STARTED));
    }
    let mut command = Command::new(&path);
    command.args(&shim.args);
    become_shim(command, path, &shim.name, hardened)
}

/// Unlocks the vault for who watches over a connector, which runs in the background and cannot ask.
/// Where nobody can be asked it waits until somebody unlocks it elsewhere.
pub(super) fn unlock_for(config: &Path) -> Result<(), CliError> {
    let config = read_config(config)?;
    // Of one that cannot be read the shim tells more.
    let has_references =
        Document::read(&config).references().is_ok_and(|found| !found.names.is_empty());
    let can_ask = has_references && terminal::of_session().is_some();
    // That there is no daemon, and why, the shim tells too.
    if can_ask && matches!(unlocked(), Ok(None)) {
        ask_for_a_connector()?;
    }
    Ok(())
}

/// Asks, and says everything on standard error: standard output is the connector's.
fn ask_for_a_connector() -> Result<(), CliError> {
    output::say("the vault is locked");
    let unlock = Unlock { span: None, if_locked: true, passphrase: PassphraseSource::Ask };
    output::say(&unlock_with(&unlock)?);
    Ok(())
}

/// Unlocks a vault whose identity has a passphrase, and gives what there is to say then.
fn unlock_with(unlock: &Unlock) -> Result<String, CliError> {
    if unlock.if_locked
        && let Some(said) = unlocked()?
    {
        return Ok(said);
    }
    match unlock.passphrase {
        PassphraseSource::Ask => ask(unlock),
        _ => give(unlock),
    }
}

/// Asks on the terminal. Of several that would ask at once, one does.
fn ask(unlock: &Unlock) -> Result<String, CliError> {
    let _turn = match turn()? {
        Turn::Ours(turn) => turn,
        Turn::Unlocked(said) => return Ok(said),
    };
    if unlock.if_locked
        && let Some(said) = unlocked()?
    {
        return Ok(said);
    }
    for _ in 1..TRIES {
        match give_one(unlock) {
            Err(error @ CliError::InPart) => error.print(),
            outcome => return outcome,
        }
    }
    give_one(unlock)
}

/// Asks until it is right for something, and not for ever.
fn give_one(unlock: &Unlock) -> Result<String, CliError> {
    for _ in 1..TRIES {
        match give(unlock) {
            Err(error) if is_wrong(&error) => error.print(),
            outcome => return outcome,
        }
    }
    give(unlock)
}

/// Whose it is to ask.
enum Turn {
    /// Until this is dropped.
    Ours(Lock),
    /// Nobody's: the vault was unlocked while somebody else asked, there or by another way.
    Unlocked(String),
}

/// Waits until nobody else asks.
fn turn() -> Result<Turn, CliError> {
    let path = state()?.unlock_lock();
    let take = |until| Lock::take(&path, until).map_err(CliError::System);
    if let Some(turn) = take(Instant::now())? {
        return Ok(Turn::Ours(turn));
    }
    output::say("note: another program is asking for the passphrase; waiting for its answer");
    let end = Instant::now() + ANSWER;
    while Instant::now() < end {
        let turn = take(Instant::now() + LOOK)?;
        if let Some(said) = unlocked()? {
            return Ok(Turn::Unlocked(said));
        }
        if let Some(turn) = turn {
            return Ok(Turn::Ours(turn));
        }
    }
    Err(CliError::Passphrase("another program asks for it and has no answer".into()))
}

fn give(unlock: &Unlock) -> Result<String, CliError> {
    let seconds = unlock.span.map(|span| span.as_secs());
    let unlocked = passphrase::read_for(&unlock.passphrase, |passphrase| {
        Ok(client()?.unlock(protocol::Unlock { seconds, passphrase })?)
    })?;
    match self::unlocked()? {
        Some(_) => Ok(told(unlocked.until)),
        None => Err(CliError::InPart),
    }
}

/// What there is to say when the vault is unlocked, if it is.
fn unlocked() -> Result<Option<String>, CliError> {
    let status = client()?.status()?;
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
