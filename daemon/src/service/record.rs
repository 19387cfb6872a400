//! Encrypted records that machines exchange.

use fluvio_secret_protocol::{MergeRecords, MergedRecords, Refusal};
use fluvio_secret_vault::SecretMerge;

use super::handle::{Caller, Handle};
use super::{Service, refusals};
use crate::audit::AuditEvent;

impl Handle for MergeRecords {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<MergedRecords, Refusal> {
        let Self { name, kind, ours, theirs } = self;
        let names = [name.clone()];
        let files = [ours.to_vec(), theirs.to_vec()];
        let merge = SecretMerge::prepare(&service.vault, name, kind, files);
        let merge = merge.map_err(refusals::about(&names))?;
        let theirs = merge.takes_theirs;
        service.audit.record(AuditEvent::Merge, caller.actor(), &names, &[])?;
        let kept = merge.commit().map_err(refusals::about(&names))?;
        Ok(MergedRecords { theirs, kept })
    }
}
