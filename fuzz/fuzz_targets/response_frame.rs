//! What of arbitrary bytes is an answer, can be sent and received again.
#![no_main]

use fluvio_secret_fuzz::check_frame;
use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::{
    Activity, Deleted, Examined, Granted, Imported, InspectedVault, Key, LeaseEnded, Leased,
    Leases, Listed, ListedVaults, Locked, Members, MembershipRequested, Notice, Reencrypted,
    Reencrypting, Refusal, Restored, Status, Stopping, Stored, Subscribed, SyncDocument,
    SyncDocuments, TakenDocument, TopicJoined, TrustedVault, Unlocked, VaultChanges, VaultForgotten, Versions, Working,
};

macro_rules! check_each {
    ($bytes:ident: $($message:ty)*) => { $(check_frame::<$message>($bytes);)* };
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check_each!(bytes: Activity Checked Deleted Examined Granted Imported InspectedVault Key LeaseEnded
        Leased Leases Listed ListedVaults Locked Members MembershipRequested Notice Reencrypted
        Reencrypting Refusal Restored Status Stopping Stored Subscribed SyncDocument SyncDocuments TakenDocument
        TopicJoined TrustedVault Unlocked VaultChanges VaultForgotten Versions Working);
});
