//! Documents that machines exchange over a topic.

use fluvio_secret_protocol::{
    AcknowledgeTopic, AnnounceTopic, FollowVault, GetSyncDocument, ListSyncDocuments, Refusal,
    SecretName, SyncDocument, SyncDocumentKey, SyncDocuments, TakeDocument, TakenDocument,
    TakenOutcome, limits,
};
use fluvio_secret_vault::{DocumentTake, Publication};

use super::handle::{Caller, Handle, Serve};
use super::{Service, follow, refusals};
use crate::answers::Response;
use crate::audit::AuditEvent;

impl Serve for FollowVault {
    fn serve<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Option<Response>, Refusal> {
        // The followers send the first answer: no change may come before it.
        service.subscribers.add_follower(caller.answers.clone())?;
        Ok(None)
    }
}

impl Handle for ListSyncDocuments {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<SyncDocuments, Refusal> {
        let listed = Publication::of(&service.vault).list(&self.names);
        let mut documents = listed.map_err(refusals::about(&self.names))?.into_iter().peekable();
        loop {
            let page = documents.by_ref().take(limits::PAGE_NAMES).collect();
            let page = SyncDocuments { documents: page, more: documents.peek().is_some() };
            if !page.more {
                return Ok(page);
            }
            caller.send(page);
        }
    }
}

impl Handle for GetSyncDocument {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<SyncDocument, Refusal> {
        let document = Publication::of(&service.vault).get(&self.key);
        document.map_err(refusals::about(match &self.key {
            SyncDocumentKey::Record { name, .. } => std::slice::from_ref(name),
            SyncDocumentKey::Members { .. } | SyncDocumentKey::Request => &[],
        }))
    }
}

impl Handle for AcknowledgeTopic {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<SyncDocument, Refusal> {
        let Self { topic, records } = self;
        Publication::of(&service.vault).acknowledge(&topic, records).map_err(refusals::vault)
    }
}

impl Handle for AnnounceTopic {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<SyncDocument, Refusal> {
        let Self { topic, generation } = self;
        Publication::of(&service.vault).announce(&topic, generation).map_err(refusals::vault)
    }
}

impl Handle for TakeDocument {
    fn handle(self, service: &Service, caller: &mut Caller<'_>) -> Result<TakenDocument, Refusal> {
        let take = DocumentTake::prepare(&service.vault, &self.bytes);
        let take = take.map_err(refusals::vault)?;
        let names: Vec<SecretName> = match take.outcome() {
            TakenOutcome::Secret { name } => vec![name.clone()],
            // It grants nothing, and a line for each would drive all others out of the log.
            TakenOutcome::Members if take.is_request() => {
                let taken = take.commit();
                service.subscribers.report_any();
                return taken.map_err(refusals::vault);
            }
            TakenOutcome::Members => Vec::new(),
            // Nothing changes.
            _ => return take.commit().map_err(refusals::vault),
        };
        let same = take.same_value().map(|(name, fingerprints)| (name.clone(), fingerprints));
        // No connector should restart because of the same value.
        if let Some((name, [before, after])) = &same {
            for user in follow::users_of(service) {
                user.subscribers.expect_same(name, *before, *after);
            }
        }
        service.audit.record(AuditEvent::TakeDocument, caller.actor(), &names, &[])?;
        let taken = take.commit();
        if let Some((name, [before, after])) = &same
            && taken.is_ok()
        {
            follow::keep_value(service, name, *before, *after);
            // The next daemon has to know the new fingerprints.
            service.grants.store();
        }
        match names.as_slice() {
            [] => {
                service.subscribers.report_any();
                // By another list, other files count.
                follow::follow(service, None);
            }
            names => follow::changed(service, names),
        }
        taken.map_err(refusals::about(&names))
    }
}

#[cfg(test)]
mod tests;
