//! What the targets share.

use fluvio_secret_protocol::frame::encode;
use fluvio_secret_protocol::frame::{
    FrameError, Incoming, Message, PREFIX_BYTES, decode_header, decode_prefix,
};
use zeroize::Zeroizing;

/// A text that inputs are made with, and that may be in nothing that the daemon says.
pub const CANARY: &str = "cnry";

/// Takes one frame from the front of the bytes, as both ends take it from a socket: each length is
/// believed once it was checked, and allocated before anything of it is there. `None` when the
/// bytes end before the frame.
pub fn take_frame<I: Incoming>(bytes: &mut &[u8]) -> Option<Result<I, FrameError>> {
    let prefix = *bytes.split_off(..PREFIX_BYTES)?.first_chunk()?;
    let header = match decode_prefix(prefix) {
        Ok(length) => read(bytes, length)?,
        Err(error) => return Some(Err(error)),
    };
    let header = match decode_header::<I>(&header) {
        Ok(header) => header,
        Err(error) => return Some(Err(error)),
    };
    let parts = header.lengths().iter().map(|&length| read(bytes, length));
    let parts = parts.collect::<Option<Vec<_>>>()?;
    Some(header.with_parts(parts))
}

fn read(bytes: &mut &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut taken = Zeroizing::new(vec![0; length]);
    taken.copy_from_slice(bytes.split_off(..length)?);
    Some(taken)
}

/// What decodes can be encoded, and decodes to the same again.
pub fn check_frame<M: Message>(mut bytes: &[u8]) {
    let Some(Ok(message)) = take_frame::<M>(&mut bytes) else { return };
    let encoded = encode(&message).expect("what was received can be sent");
    let again = take_frame::<M>(&mut &encoded[..]).expect("a whole frame").expect("a message");
    assert!(*encode(&again).expect("it was encoded before") == *encoded, "encoded otherwise");
}
