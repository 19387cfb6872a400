//! The key that opens the vault: locked, unlocked, behind another passphrase.

use std::time::Duration;

use fluvio_secret_protocol::{Key, Locked, Passphrase, Refusal, Secret, Unlock, Unlocked};
use fluvio_secret_system::peer::Peer;
use jiff::Timestamp;

use super::{Service, refuse};
use crate::audit::{Actor, Event};
use crate::response::Response;
use fluvio_secret_vault::{BootInstant, KeyError, KeyState};

impl Service {
    pub(super) fn key(&self) -> Result<Response, Refusal> {
        let recipient = self.vault.recipient().map_err(|error| refuse::vault(&error, &[]))?;
        let lost = self.vault.has_lost_identity().map_err(|error| refuse::vault(&error, &[]))?;
        let retired = self.vault.retired_keys().map_err(|error| refuse::vault(&error, &[]))?;
        Ok(Response::Key(Key { lost, retired, ..self.tell_key(recipient) }))
    }

    fn tell_key(&self, recipient: Option<String>) -> Key {
        Key {
            identity: self.vault.keys().path().display().to_string(),
            recipient,
            passphrase: match self.vault.keys().state() {
                KeyState::None => None,
                KeyState::Open => Some(false),
                KeyState::Locked | KeyState::Unlocked(_) => Some(true),
            },
            lost: false,
            retired: Vec::new(),
        }
    }

    pub(super) fn lock(&self, peer: Peer) -> Result<Response, Refusal> {
        self.vault.keys().lock().map_err(|error| self.refuse_lock(&error))?;
        self.wait_for_deliveries();
        // Not before it: a log that is full must not keep the vault open.
        self.record_key(Event::Lock, peer.pid).map_err(refuse::locked_without_line)?;
        Ok(Response::Locked(Locked))
    }

    /// Locks the vault when its time is over. Gives how long it is until it has to be asked again;
    /// `None` when nothing is to be locked.
    pub(crate) fn lock_when_due(&self) -> Option<Duration> {
        if self.vault.keys().lock_when_due() {
            self.wait_for_deliveries();
            tracing::info!("the vault is locked: its time is over");
            let pid = rustix::process::getpid().as_raw_nonzero().get();
            if let Err(error) = self.record_key(Event::Lock, pid) {
                tracing::warn!("the vault was locked without a line: {error}");
            }
        }
        self.vault.keys().due().map(BootInstant::left)
    }

    /// Unlocks the vault, if no lock was requested since this was.
    pub(super) fn unlock(
        &self,
        unlock: &Unlock,
        peer: Peer,
        lock_requests: u64,
    ) -> Result<Response, Refusal> {
        let passphrase = text(&unlock.passphrase)?;
        let refused = |error| self.refuse_key(&error, peer);
        // The check of a passphrase takes a second, which others wait for.
        if self.vault.keys().lock_requests() != lock_requests {
            return Err(refused(KeyError::Locked));
        }
        let opened = self.vault.keys().open(passphrase).map_err(refused)?;
        let remembered = self.vault.remember(&opened.recipient());
        remembered.map_err(|error| refuse::vault(&error, &[]))?;
        self.record_key(Event::Unlock, peer.pid)?;
        let until = unlock.seconds.map(Duration::from_secs).or(self.settings.lock_after);
        let until = until.map(BootInstant::after);
        self.vault.keys().unlock(opened, until, lock_requests).map_err(refused)?;
        Ok(Response::Unlocked(Unlocked { until: until.map(seconds) }))
    }

    pub(super) fn passphrase(
        &self,
        change: &Passphrase,
        peer: Peer,
        lock_requests: u64,
    ) -> Result<Response, Refusal> {
        let (old, new) = change.old_and_new();
        let (old, new) = (old.map(text).transpose()?, new.map(text).transpose()?);
        if let Some(new) = new {
            refuse_unfit(new)?;
        }
        let refused = |error| self.refuse_key(&error, peer);
        let rewritten = self.vault.keys().rewrite(old, new).map_err(refused)?;
        let own = rewritten.recipient();
        self.vault.remember(&own).map_err(|error| refuse::vault(&error, &[]))?;
        self.record_key(Event::Passphrase, peer.pid)?;
        let until = self.settings.lock_after.map(BootInstant::after);
        self.vault.keys().replace(rewritten, until, lock_requests).map_err(refused)?;
        Ok(Response::Key(self.tell_key(Some(own.to_string()))))
    }

    /// Until when the vault is unlocked, if it is and will not be for ever.
    pub(super) fn unlocked_until(&self) -> Option<i64> {
        match self.vault.keys().state() {
            KeyState::Unlocked(until) => until.map(seconds),
            _ => None,
        }
    }

    fn record_key(&self, event: Event, pid: i32) -> Result<(), Refusal> {
        let actor = Actor { pid, ..Actor::default() };
        self.audit.record(event, actor, &[]).map_err(|error| refuse::audit(&error))
    }

    fn refuse_lock(&self, error: &KeyError) -> Refusal {
        match error {
            KeyError::Open => refuse::lock_protects_nothing(self.vault.keys().path()),
            error => refuse::key(error, self.vault.keys().path()),
        }
    }

    fn refuse_key(&self, error: &KeyError, peer: Peer) -> Refusal {
        if let KeyError::Wrong = error {
            tracing::warn!("pid {} gave a wrong passphrase", peer.pid);
        }
        refuse::key(error, self.vault.keys().path())
    }
}

/// The moment by the clock of the calendar.
fn seconds(until: BootInstant) -> i64 {
    let left = i64::try_from(until.left().as_secs()).unwrap_or(i64::MAX);
    Timestamp::now().as_second().saturating_add(left)
}

/// A passphrase as stock age takes it.
pub(super) fn text(passphrase: &Secret) -> Result<&str, Refusal> {
    std::str::from_utf8(passphrase.expose()).map_err(|_| refuse::no_passphrase("it is not UTF-8"))
}

/// Refuses what nobody could give to stock age again, or what protects nothing.
fn refuse_unfit(new: &str) -> Result<(), Refusal> {
    if new.is_empty() {
        Err(refuse::no_passphrase("it is empty"))
    } else if new.contains(char::is_control) {
        Err(refuse::no_passphrase("it has a line break or another control character"))
    } else {
        Ok(())
    }
}
