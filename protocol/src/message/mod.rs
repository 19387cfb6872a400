//! The messages, in a file for each noun: a request beside its answer, with their limits and parts.
//!
//! * `declare`: the macro that declares a message
//! * [`call`]: what a request is, and what answers it
//! * [`request`]: the list of all requests
//! * [`reply`]: a frame that answers a request

#[macro_use]
mod declare;
pub(crate) mod call;
pub mod check;
pub(crate) mod grant;
pub(crate) mod key;
pub(crate) mod lease;
pub(crate) mod member;
pub(crate) mod record;
pub(crate) mod refusal;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod secret;
pub(crate) mod stale;
pub(crate) mod status;
pub(crate) mod subscription;
pub(crate) mod sync;
pub(crate) mod vault;
