//! Whom the secrets are encrypted for.
//!
//! * [`error`]: why that is not known
//! * [`list`](mod@list): the text of a list
//! * [`lists`]: the list of the vault, and the one that this machine has accepted

pub(crate) mod error;
pub(crate) mod list;
pub(crate) mod lists;
