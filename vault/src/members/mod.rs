//! Who may read and write a vault: signing keys, lists of members, requests to join.

pub(crate) mod applicant;
pub(crate) mod chain;
pub(crate) mod content_hash;
pub(crate) mod error;
pub(crate) mod hex;
pub(crate) mod lineage;
pub(crate) mod list;
pub(crate) mod member;
pub(crate) mod signed_text;
pub(crate) mod signing_key;
pub(crate) mod signing_key_file;
#[cfg(test)]
pub(crate) mod test_machines;
pub(crate) mod text_form;
