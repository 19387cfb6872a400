//! Another identity, or other recipients.
//!
//! A new key is added to the identity file first. Then the lists of recipients are changed, and
//! everything is encrypted again. So all secrets can be decrypted at any time, and after a crash the
//! next change finishes this one.

pub(crate) mod admitted_key;
pub(crate) mod change;
pub(crate) mod earlier;
pub(crate) mod error;
pub(crate) mod need;
pub(crate) mod new_keys;
pub(crate) mod own_member;
pub(crate) mod plan;
pub(crate) mod reencrypt;
pub(crate) mod reencrypt_queue;
pub(crate) mod retirement;
pub(crate) mod scope;
pub(crate) mod upgrade;
pub(crate) mod written_stamps;
