//! Replaces values in a stream of bytes, whatever the pieces in which it arrives.
//!
//! Pure code: it knows no file, no process and no secret's name. A [`Mask`] has the values in all forms that
//! [`forms`] lists. A [`MaskedStream`] holds back only what may be the beginning of one of them.

mod forms;
mod mask;
mod stream;

pub use mask::Mask;
pub use stream::MaskedStream;

/// Values with fewer bytes are not masked: they are in too many other words.
pub const SHORTEST_VALUE: usize = 4;

/// What stands in place of a value.
pub const REPLACEMENT: &[u8] = b"***";
