//! `metadata`: what `fluvio` asks of its extensions.

use serde_json::json;

use crate::error::CliError;
use crate::output;

pub(super) fn metadata() -> Result<(), CliError> {
    let metadata = json!({
        "title": "fluvio-secret",
        "package": null,
        "description": "Manage the local secrets of connectors",
        "version": env!("CARGO_PKG_VERSION"),
    });
    output::print_plain(&metadata.to_string())
}
