//! A vault that is replicated over a topic: what it publishes, and what it takes.

pub(crate) mod acknowledgement;
pub(crate) mod announcement;
mod document;
pub(crate) mod publication;
mod published_records;
mod record_take;
mod secret_revisions;
pub(crate) mod take;
mod topic_name;

#[cfg(test)]
mod tests;
