//! Lowercase hexadecimal digits, the only form in which documents hold bytes.

/// The digits of bytes. Their string does not grow, so a key's digits are in one place.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
    text
}

/// Puts the bytes of digits into `bytes`; `None` if they are not exactly its digits.
pub(crate) fn decode_into(text: &[u8], bytes: &mut [u8]) -> Option<()> {
    if text.len() != bytes.len() * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(())
}

pub(crate) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    decode_into(text, &mut bytes).map(|()| bytes)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn only_lowercase_digits_in_the_right_number_are_bytes() {
        let bytes = [0x00, 0x9f, 0xa0, 0xff];
        assert_eq!(encode(&bytes), "009fa0ff");
        assert_eq!(decode(b"009fa0ff"), Some(bytes));
        for bad in ["", "009fa0f", "009fa0ff0", "009FA0FF", "+09fa0ff", " 09fa0ff", "g09fa0ff"] {
            assert_eq!(decode::<4>(bad.as_bytes()), None, "{bad}");
        }
    }
}
