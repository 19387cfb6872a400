//! Everything is encrypted again for a list of members.

use crate::error::VaultError;
use crate::members::list::MemberList;
use crate::members::signing_key::KeyFingerprint;
use crate::rekey::reencrypt::{ReencryptCounts, ReencryptStep, Reencryption};
use crate::rekey::scope::ReencryptScope;
use crate::rekey::written_stamps::WrittenStamps;
use crate::secrets::writer::SecretWriter;
use crate::vault::Vault;

/// A list that everything is encrypted for.
pub(crate) struct ReencryptPlan {
    pub(crate) list: MemberList,
    pub(crate) is_identity_changed: bool,
    pub(crate) what: ReencryptScope,
    pub(crate) drops_history: bool,
}

impl ReencryptPlan {
    /// Encrypts everything, and removes the requests of machines that are admitted by it.
    pub(crate) fn commit(
        self,
        vault: &Vault,
        admitted: &[KeyFingerprint],
        report: &mut dyn FnMut(ReencryptStep<'_>),
    ) -> Result<ReencryptCounts, VaultError> {
        let Self { list, is_identity_changed, what, drops_history } = self;
        // A reader leaves the vault as it is.
        let changes_list = !what.keeps_current();
        if changes_list {
            vault.members().change(&list, is_identity_changed)?;
        }
        if drops_history {
            for name in vault.secrets().all_names()?.into_names() {
                vault.secrets().history().purge(&name)?;
                report(ReencryptStep::Pause);
            }
        }
        let writer = SecretWriter::for_list(vault, &list)?;
        let mut written = WrittenStamps::default();
        let mut counts = Reencryption::new(vault, &writer, what, &mut written, report)?.run()?;
        // What this change has not written, such as a file that was added in between, is decrypted by the current key
        // alone. What that does not decrypt is encrypted again.
        let mut is_done = !is_identity_changed;
        while !is_done {
            let what = ReencryptScope::NotByCurrent;
            let more = Reencryption::new(vault, &writer, what, &mut written, report)?.run()?;
            is_done = more.is_empty();
            counts = counts.and(more);
        }
        // An empty directory at the vault's path has nothing to encrypt.
        vault.refuse_if_moved()?;
        if changes_list {
            vault.members().end()?;
            vault.members().remove_requests(admitted, list.members());
        }
        Ok(counts)
    }
}
