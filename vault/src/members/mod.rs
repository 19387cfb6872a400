//! Who may read and write a vault: signing keys, lists of members, requests to join.

pub(crate) mod admin_pin;
pub(crate) mod agreed_members;
pub(crate) mod applicant;
pub(crate) mod applicants;
pub(crate) mod chain;
pub(crate) mod content_hash;
pub(crate) mod earlier_list;
pub(crate) mod error;
pub(crate) mod fork;
pub(crate) mod former;
pub(crate) mod hex;
pub(crate) mod lineage;
pub(crate) mod list;
pub(crate) mod member;
pub(crate) mod note;
pub(crate) mod read_members;
pub(crate) mod signed_text;
pub(crate) mod signing_key;
pub(crate) mod signing_key_file;
pub(crate) mod store;
pub(crate) mod store_error;
pub(crate) mod store_requests;
pub(crate) mod store_topic;
#[cfg(test)]
pub(crate) mod test_machines;
pub(crate) mod text_form;
pub(crate) mod versions;
