//! Replication of a vault over a topic of the user's Fluvio cluster. No value and no key is in this process.
//!
//! * [`replicator`](mod@replicator) decides, and [`engine`](mod@engine) carries it out; [`event`] is what they exchange
//! * [`line`](mod@line): a record of the topic; [`fluvio`] and [`children`]: the program that reads and writes it
//! * [`vault_link`] and [`vault_follower`]: the vault, by way of the daemon
//! * [`offsets`], [`documents`], [`publisher`]: what was read, what it was, and what has to be published
//! * [`pause`], [`troubles`], [`topic_name`]: how failures are treated, and which topic comes next
//! * [`sync_config`], [`status_file`], [`sync_log`], [`sync_places`], [`whole_file`]: the files
//! * [`next_step`]: the commands that messages name
//! * [`announcements`]: what a machine that wants to join finds on a topic
//! * [`compact_remark`]: what other commands say of the topic
//! * [`process`](mod@process): the process in the background; [`sync_error`]: why a vault is not replicated

pub(crate) mod announcements;
mod children;
pub(crate) mod compact_remark;
mod documents;
pub(crate) mod engine;
pub(crate) mod event;
pub(crate) mod fluvio;
mod line;
pub(crate) mod next_step;
mod offsets;
mod pause;
pub(crate) mod process;
mod publisher;
pub(crate) mod replicator;
pub(crate) mod status_file;
pub(crate) mod sync_config;
pub(crate) mod sync_error;
pub(crate) mod sync_log;
pub(crate) mod sync_places;
pub(crate) mod topic_name;
mod troubles;
mod vault_follower;
pub(crate) mod vault_link;
mod whole_file;
