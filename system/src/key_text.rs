//! Recognizes the text of a key where something else is expected.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

const BEGIN: &[u8] = b"AGE-SECRET-KEY-";

/// Whether a text has a key in it, so that no message may repeat it. It may be a whole file of keys.
#[must_use]
pub fn has_key(text: &OsStr) -> bool {
    let mut parts = text.as_bytes().windows(BEGIN.len());
    parts.any(|part| part.eq_ignore_ascii_case(BEGIN))
}
