//! What changes the identity or the recipients: the line in the audit log first, and then the change,
//! which seals all secrets anew and tells how far it is.

use fluvio_secret_protocol::{
    AcceptRecipients, AddRecipient, Reencrypted, Reencrypting, Refusal, RemoveRecipient, Retire,
    Rotate, UseIdentity,
};
use fluvio_secret_system::peer::Peer;

use super::{Service, key, refuse};
use crate::audit::{Actor, Event};
use crate::response::Response;
use fluvio_secret_vault::{BootInstant, KeyState, ReencryptStep, Rekey, Retirement, VaultError};

type Prepared<'a> = Result<Rekey<'a>, VaultError>;
type Send<'a> = &'a mut dyn FnMut(Response);

impl Service {
    pub(super) fn recipients(&self) -> Result<Response, Refusal> {
        let listed = self.vault.listed_recipients();
        listed.map(Response::Recipients).map_err(|error| refuse::vault(&error, &[]))
    }

    pub(super) fn add_recipient(
        &self,
        add: &AddRecipient,
        peer: Peer,
        send: Send<'_>,
    ) -> Result<Response, Refusal> {
        let prepared = Rekey::add(&self.vault, &add.recipient, add.note.as_deref());
        self.rekey(Event::AddRecipient, prepared, peer, send)
    }

    pub(super) fn remove_recipient(
        &self,
        remove: &RemoveRecipient,
        peer: Peer,
        send: Send<'_>,
    ) -> Result<Response, Refusal> {
        let prepared = Rekey::remove(&self.vault, &remove.recipient);
        self.rekey(Event::RemoveRecipient, prepared, peer, send)
    }

    pub(super) fn accept_recipients(
        &self,
        accept: &AcceptRecipients,
        peer: Peer,
        send: Send<'_>,
    ) -> Result<Response, Refusal> {
        let prepared = Rekey::accept(&self.vault, &accept.recipients);
        self.rekey(Event::AcceptRecipients, prepared, peer, send)
    }

    pub(super) fn rotate(
        &self,
        rotate: &Rotate,
        peer: Peer,
        send: Send<'_>,
    ) -> Result<Response, Refusal> {
        let passphrase = rotate.passphrase.as_ref().map(key::text).transpose()?;
        let prepared = Rekey::rotate(&self.vault, rotate.drop_history, passphrase, self.until());
        self.rekey(Event::Rotate, prepared, peer, send)
    }

    pub(super) fn use_identity(
        &self,
        used: &UseIdentity,
        peer: Peer,
        send: Send<'_>,
    ) -> Result<Response, Refusal> {
        let passphrase = used.passphrase.as_ref().map(key::text).transpose()?;
        let identity = used.identity.expose();
        let prepared = Rekey::use_identity(&self.vault, identity, passphrase, self.until());
        self.rekey(Event::UseIdentity, prepared, peer, send)
    }

    pub(super) fn retire(&self, retire: &Retire, peer: Peer) -> Result<Response, Refusal> {
        let passphrase = retire.passphrase.as_ref().map(key::text).transpose()?;
        let refused = |error| refuse::vault(&error, &[]);
        let retirement = Retirement::prepare(&self.vault, passphrase, self.until());
        let retirement = retirement.map_err(refused)?;
        let actor = Actor { pid: peer.pid, ..Actor::default() };
        let recorded = self.audit.record_recipients(Event::Retire, actor, &retirement.retired());
        recorded.map_err(|error| refuse::audit(&error))?;
        retirement.commit().map_err(refused)?;
        self.key()
    }

    /// Until when a new identity with a passphrase is held: as long as the present one would be.
    fn until(&self) -> Option<BootInstant> {
        match self.vault.keys().state() {
            KeyState::Unlocked(until) => until,
            _ => self.settings.lock_after.map(BootInstant::after),
        }
    }

    fn rekey(
        &self,
        event: Event,
        prepared: Prepared<'_>,
        peer: Peer,
        send: Send<'_>,
    ) -> Result<Response, Refusal> {
        let refused = |error| refuse::vault(&error, &[]);
        let rekey = prepared.map_err(refused)?;
        let actor = Actor { pid: peer.pid, ..Actor::default() };
        let recorded = self.audit.record_recipients(event, actor, &rekey.about);
        recorded.map_err(|error| refuse::audit(&error))?;
        let resealed = rekey.commit(&mut |step| self.tell(step, send)).map_err(refused)?;
        Ok(Response::Reencrypted(Reencrypted {
            secrets: resealed.secrets,
            versions: resealed.versions,
            recipients: resealed.recipients,
            left: resealed.left,
            identity: self.vault.keys().path().display().to_string(),
            own: resealed.own,
            kept: resealed.kept.map(|path| path.display().to_string()),
            finished: resealed.finished,
        }))
    }

    /// Tells the client how far it is, and subscribers that their secrets have the same values.
    fn tell(&self, step: ReencryptStep<'_>, send: Send<'_>) {
        match step {
            ReencryptStep::Same { name, before, after } => {
                self.subscribers.expect_same(name, before, after);
                self.grants.keep_value(name, before, after);
                self.leases.keep_value(name, before, after);
            }
            ReencryptStep::Done { names, done, all } => {
                self.subscribers.look(names);
                send(Response::Reencrypting(Reencrypting { done, all }));
            }
        }
    }
}
