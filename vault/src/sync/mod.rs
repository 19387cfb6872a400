//! A vault that is replicated over a topic: what it publishes, and what it takes.

pub(crate) mod acknowledgement;
pub(crate) mod announcement;
mod document;
pub(crate) mod publication;
mod published_records;
mod record_take;
pub(crate) mod take;
pub(crate) mod topic_name;

#[cfg(test)]
mod tests;
