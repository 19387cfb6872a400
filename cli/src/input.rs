//! Bytes of a value that come from outside.

use std::io::{self, Read};

use zeroize::Zeroizing;

/// The bytes without one line end at their end, which is usually not part of a value.
pub(crate) fn without_line_end(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}

/// Reads to the end, or to `most` bytes of an endless source. The buffer never grows, which would
/// leave copies of the value behind.
pub(crate) fn at_most(source: impl Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    source.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::{at_most, without_line_end};

    #[test]
    fn one_line_end_at_the_end_is_removed() {
        for (given, kept) in [
            (&b"a\n"[..], &b"a"[..]),
            (b"a\r\n", b"a"),
            (b"a\n\n", b"a\n"),
            (b"\n", b""),
            (b"\r\n", b""),
            (b"a\r", b"a\r"),
            (b"a\nb", b"a\nb"),
            (b"", b""),
        ] {
            assert_eq!(&without_line_end(Zeroizing::new(given.to_vec()))[..], kept, "{given:?}");
        }
    }

    #[test]
    fn an_endless_source_is_read_to_the_limit() {
        let bytes = at_most(std::io::repeat(7), 100).expect("bytes");
        assert_eq!((bytes.len(), bytes.capacity()), (100, 100));
    }
}
