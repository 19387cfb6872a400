//! Subscriptions to the secrets that a configuration references.

use fluvio_secret_config::Document;
use fluvio_secret_protocol::{Refusal, Subscribe};

use super::handle::{Caller, Serve};
use super::{Service, refusals};
use crate::answers::Response;

impl Serve for Subscribe {
    fn serve<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Option<Response>, Refusal> {
        let document = Document::read(&self.config);
        let names = document.references().map_err(refusals::config)?.names.clone();
        // The subscribers send the first answer: no change may come before it.
        service.subscribers.add(caller.peer.pid, names, caller.answers.clone())?;
        Ok(None)
    }
}
