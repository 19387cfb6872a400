//! Records that are signed, and how changes of several machines come together.

pub(crate) mod revision;
pub(crate) mod signed_record;
pub(crate) mod vault_state;
pub(crate) mod verifier;
