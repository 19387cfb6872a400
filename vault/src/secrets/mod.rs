//! The secrets: one encrypted file for each, and their earlier versions.
//!
//! * [`change`]: secrets that are about to be set
//! * [`file_name`]: the names of the files
//! * [`fingerprint`](mod@fingerprint): by what a secret's file differs from a later one
//! * [`history`]: what was overwritten or deleted
//! * [`names`]: the names of all secrets in little memory
//! * [`parallel`]: waiting for the disk in several threads
//! * [`record`]: what is encrypted
//! * [`store`]: the files, without their meaning
//! * [`version_file`]: the file of one version

pub(crate) mod change;
pub(crate) mod file_name;
pub(crate) mod fingerprint;
pub(crate) mod history;
pub(crate) mod names;
pub(crate) mod parallel;
pub(crate) mod record;
pub(crate) mod store;
pub(crate) mod version_file;
