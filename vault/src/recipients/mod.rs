//! Whom the secrets are encrypted for.

pub(crate) mod error;
pub(crate) mod list;
pub(crate) mod lists;
