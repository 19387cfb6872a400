//! Another identity, or other recipients.
//!
//! A new key is added to the identity file first. Then the lists of recipients are changed, and
//! everything is encrypted again. So all secrets can be decrypted at any time, and after a crash the
//! next change finishes this one.
//!
//! * [`base`]: what there is before a change
//! * [`change`]: the changes
//! * [`earlier`]: a change that an earlier version of the program began
//! * [`error`]: why a change was refused
//! * [`need`]: which secrets need which keys
//! * [`new_keys`]: the identity file with another current key
//! * [`reencrypt`]: everything is encrypted again
//! * [`retirement`]: retired keys are removed

pub(crate) mod base;
pub(crate) mod change;
pub(crate) mod earlier;
pub(crate) mod error;
pub(crate) mod need;
pub(crate) mod new_keys;
pub(crate) mod reencrypt;
pub(crate) mod retirement;
