//! What commands add if a vault is replicated: the topic keeps what they were to remove.

use fluvio_secret_protocol::VaultAddress;

use super::sync_config;
use super::sync_places::SyncPlaces;
use crate::connection::places;
use crate::output;

const ABOUT_THE_TOPIC: &str = "\
note: the topic of the vault still has the earlier records, encrypted for the earlier keys
help: remove them from the topic with: fluvio-secret sync compact";

/// Whether this vault is replicated, as far as that can be read. It is for hints.
pub(crate) fn is_replicated(vault: Option<&VaultAddress>) -> bool {
    let found = places().ok().map(|places| sync_config::find(&SyncPlaces::of(&places), vault));
    matches!(found, Some(Ok(Some(_))))
}

/// Names the next step if this vault is replicated.
pub(crate) fn say_compact(vault: Option<&VaultAddress>) {
    if is_replicated(vault) {
        output::say(ABOUT_THE_TOPIC);
    }
}

/// The same if any vault is replicated.
pub(crate) fn say_compact_any() {
    let all = places().ok().map(|places| sync_config::all(&SyncPlaces::of(&places)));
    if let Some(Ok(all)) = all
        && !all.is_empty()
    {
        output::say(ABOUT_THE_TOPIC);
    }
}
