//! Checks of configurations.

use fluvio_secret_config::{Document, Values};
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{Check, Refusal};

use super::Service;
use super::handle::{Caller, Handle};
use super::values::ReadSecrets;

impl Handle for Check {
    fn handle(self, service: &Service, _: &mut Caller<'_>) -> Result<Checked, Refusal> {
        let document = Document::read(&self.config);
        let personal = service.fallback();
        let secrets = ReadSecrets::of(service, personal.as_deref(), &document);
        Ok(document.check(Values::Of(&secrets)))
    }
}
