//! A method for each request, with the answer that belongs to it.

use zeroize::Zeroizing;

use super::{Client, ClientError, Subscription};
use crate::check::Checked;
use crate::delivery::Delivery;
use crate::{
    AcceptRecipients, Activity, AddRecipient, Check, Code, Damaged, Delete, EndLease, Examine,
    Grant, Granted, History, Import, Imported, Key, Leased, ListedLease, ListedSecret, Passphrase,
    Recipients, RemoveRecipient, Request, Resealed, Resealing, Response, Restore, Restored, Rotate,
    Secret, SecretName, Set, Status, Stored, Subscribe, Subscribed, Unlock, Unlocked, UseIdentity,
    Versions, limits,
};

impl Client {
    /// Keeps a value under a name, durably.
    ///
    /// # Errors
    ///
    /// Any of [`ClientError`]; the same holds for the other requests.
    pub fn set(&mut self, name: SecretName, value: Secret) -> Result<Stored, ClientError> {
        match self.ask(&Request::Set(Set { name, value }))? {
            Response::Stored(stored) => Ok(stored),
            other => Err(unexpected(other)),
        }
    }

    /// What would keep a connector from starting with a configuration.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn check(&mut self, config: Zeroizing<Vec<u8>>) -> Result<Checked, ClientError> {
        match self.ask(&Request::Check(Check { config }))? {
            Response::Checked(checked) => Ok(checked),
            other => Err(unexpected(other)),
        }
    }

    /// Removes a secret, durably; with `purge` its history, too.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn delete(&mut self, name: SecretName, purge: bool) -> Result<(), ClientError> {
        match self.ask(&Request::Delete(Delete { name, purge }))? {
            Response::Deleted => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Keeps many values, or tells what the names have.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn import(&mut self, import: Import) -> Result<Imported, ClientError> {
        let asked = import.names.len();
        match self.ask(&Request::Import(import))? {
            Response::Imported(imported) if imported.found.len() == asked => Ok(imported),
            other => Err(unexpected(other)),
        }
    }

    /// Which of these secrets cannot be opened.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn examine(&mut self, names: &[SecretName]) -> Result<Vec<Damaged>, ClientError> {
        let mut damaged = Vec::new();
        for names in names.chunks(limits::EXAMINED_NAMES) {
            let asked = Examine { names: names.to_vec() };
            match self.ask(&Request::Examine(asked))? {
                Response::Examined(examined) => damaged.extend(examined.damaged),
                other => return Err(unexpected(other)),
            }
        }
        Ok(damaged)
    }

    /// The versions of a secret.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn history(&mut self, name: SecretName) -> Result<Versions, ClientError> {
        match self.ask(&Request::History(History { name }))? {
            Response::Versions(versions) => Ok(versions),
            other => Err(unexpected(other)),
        }
    }

    /// Makes an earlier version of a secret the present one, durably.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn restore(&mut self, restore: Restore) -> Result<Restored, ClientError> {
        match self.ask(&Request::Restore(restore))? {
            Response::Restored(restored) => Ok(restored),
            other => Err(unexpected(other)),
        }
    }

    /// How many secrets there are, and what was granted last.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn activity(&mut self) -> Result<Activity, ClientError> {
        match self.ask(&Request::Activity)? {
            Response::Activity(activity) => Ok(activity),
            other => Err(unexpected(other)),
        }
    }

    /// All secrets in alphabetical order.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn list(&mut self) -> Result<Vec<ListedSecret>, ClientError> {
        let mut secrets = Vec::new();
        let mut answer = self.ask(&Request::List)?;
        loop {
            match answer {
                Response::Listed(page) => {
                    secrets.extend(page.secrets);
                    if !page.more {
                        return Ok(secrets);
                    }
                    answer = self.next_answer()?;
                }
                other => return Err(unexpected(other)),
            }
        }
    }

    /// The values of exactly the secrets that a configuration references.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn grant(&mut self, grant: Grant) -> Result<Granted, ClientError> {
        match self.ask_for::<Delivery>(&Request::Grant(grant))? {
            Response::Granted(granted) => Ok(granted),
            Response::Checked(checked) => Err(ClientError::Faulty(checked)),
            other => Err(unexpected(other)),
        }
    }

    /// A file with the values of exactly the secrets that a configuration references. It is there
    /// for as long as this connection is, or somebody holds it.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn lease(&mut self, grant: Grant) -> Result<Leased, ClientError> {
        match self.ask_for::<Delivery>(&Request::Lease(grant))? {
            Response::Leased(leased) => Ok(leased),
            Response::Checked(checked) => Err(ClientError::Faulty(checked)),
            other => Err(unexpected(other)),
        }
    }

    /// All leases, the oldest first.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn leases(&mut self) -> Result<Vec<ListedLease>, ClientError> {
        let mut leases = Vec::new();
        let mut answer = self.ask(&Request::Leases)?;
        loop {
            match answer {
                Response::Leases(page) => {
                    leases.extend(page.lease);
                    if !page.more {
                        return Ok(leases);
                    }
                    answer = self.next_answer()?;
                }
                other => return Err(unexpected(other)),
            }
        }
    }

    /// Removes a lease, whoever holds it.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn end_lease(&mut self, id: String) -> Result<(), ClientError> {
        match self.ask(&Request::EndLease(EndLease { id }))? {
            Response::LeaseEnded => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// What is known of the identity.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn key(&mut self) -> Result<Key, ClientError> {
        self.ask_for_key(&Request::Key)
    }

    /// Puts a passphrase on the identity, changes it, or takes it off.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn passphrase(&mut self, change: Passphrase) -> Result<Key, ClientError> {
        self.ask_for_key(&Request::Passphrase(change))
    }

    fn ask_for_key(&mut self, request: &Request) -> Result<Key, ClientError> {
        match self.ask(request)? {
            Response::Key(key) => Ok(key),
            other => Err(unexpected(other)),
        }
    }

    /// Has the daemon forget the key that opens the vault.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn lock(&mut self) -> Result<(), ClientError> {
        match self.ask(&Request::Lock)? {
            Response::Locked => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Has the daemon open the identity, and keep the key for a while.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn unlock(&mut self, unlock: Unlock) -> Result<Unlocked, ClientError> {
        match self.ask(&Request::Unlock(unlock))? {
            Response::Unlocked(unlocked) => Ok(unlocked),
            other => Err(unexpected(other)),
        }
    }

    /// To whom secrets are sealed.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn recipients(&mut self) -> Result<Recipients, ClientError> {
        match self.ask(&Request::Recipients)? {
            Response::Recipients(recipients) => Ok(recipients),
            other => Err(unexpected(other)),
        }
    }

    /// Seals all secrets to one recipient more, and says how far it is.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn add_recipient(
        &mut self,
        add: AddRecipient,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        self.reseal(&Request::AddRecipient(add), progress)
    }

    /// Seals all secrets to one recipient less, and says how far it is.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn remove_recipient(
        &mut self,
        recipient: String,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        self.reseal(&Request::RemoveRecipient(RemoveRecipient { recipient }), progress)
    }

    /// Takes the vault's recipients, which are these, for those of this machine.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn accept_recipients(
        &mut self,
        recipients: Vec<String>,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        self.reseal(&Request::AcceptRecipients(AcceptRecipients { recipients }), progress)
    }

    /// Makes a new identity in place of the present one, and says how far it is.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn rotate(
        &mut self,
        rotate: Rotate,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        self.reseal(&Request::Rotate(rotate), progress)
    }

    /// Takes an identity in place of the present one, and says how far it is.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn use_identity(
        &mut self,
        used: UseIdentity,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        self.reseal(&Request::UseIdentity(used), progress)
    }

    fn reseal(
        &mut self,
        request: &Request,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        let mut answer = self.ask(request)?;
        loop {
            match answer {
                Response::Resealed(resealed) => return Ok(resealed),
                Response::Resealing(resealing) => progress(resealing),
                other => return Err(unexpected(other)),
            }
            answer = self.next_answer()?;
        }
    }

    /// How the daemon is.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn status(&mut self) -> Result<Status, ClientError> {
        match self.ask(&Request::Status)? {
            Response::Status(status) => Ok(status),
            other => Err(unexpected(other)),
        }
    }

    /// The secrets that a configuration references, and a connection that tells which of them change.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn subscribe(
        mut self,
        config: Zeroizing<Vec<u8>>,
    ) -> Result<(Subscribed, Subscription), ClientError> {
        match self.ask(&Request::Subscribe(Subscribe { config }))? {
            Response::Subscribed(subscribed) => Ok((subscribed, Subscription { client: self })),
            other => Err(unexpected(other)),
        }
    }
}

/// Whether asking again does nothing twice: the daemon said so, or it went away from a question
/// that changes nothing.
pub(super) fn did_nothing(request: &Request, error: &ClientError) -> bool {
    match error {
        ClientError::Refused(refusal) => refusal.code == Code::Stopping,
        ClientError::Broken(_) => {
            matches!(
                request,
                Request::Activity
                    | Request::Check(_)
                    | Request::Examine(_)
                    | Request::Grant(_)
                    | Request::History(_)
                    | Request::Import(Import { dry_run: true, .. })
                    | Request::Key
                    | Request::Lease(_)
                    | Request::Leases
                    | Request::List
                    | Request::Recipients
                    | Request::Status
                    | Request::Subscribe(_)
            )
        }
        _ => false,
    }
}

pub(super) fn unexpected(answer: Response) -> ClientError {
    // Dropped by name: it may hold values, which are wiped here.
    drop(answer);
    ClientError::Unexpected
}
