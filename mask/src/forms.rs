//! The forms in which programs print a value: as it is, as base64, and percent-encoded for a URL.

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// Bytes that encoders of URLs leave as they are, besides letters and digits: those of RFC 3986, of
/// `encodeURIComponent`, of HTML forms, of paths and of `encodeURI`.
const UNRESERVED: [&[u8]; 5] =
    [b"-_.~", b"-_.!~*'()", b"*-._", b"-_.~!$&'()*+,;=:@/", b"-_.!~*'();/?:@&=+$,#"];

/// All forms of a value, each once. The value itself is among them.
pub(crate) fn of(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec()];
    for alphabet in [STANDARD, URL_SAFE] {
        forms.extend(base64_forms(value, &alphabet));
    }
    for unreserved in UNRESERVED {
        for hex in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            forms.push(url_form(value, unreserved, hex, b"%20"));
            forms.push(url_form(value, unreserved, hex, b"+"));
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// The value alone, with and without padding, and behind 0, 1 and 2 other bytes: those characters that depend on
/// the value alone. The characters at its ends may share bits with what is beside it, and stay.
fn base64_forms(value: &[u8], alphabet: &Alphabet) -> Vec<Vec<u8>> {
    let engine = GeneralPurpose::new(alphabet, GeneralPurposeConfig::new());
    let padded = engine.encode(value).into_bytes();
    let end = padded.iter().position(|&byte| byte == b'=').unwrap_or(padded.len());
    let alone = padded[..end].to_vec();
    let behind = |count: usize| {
        let encoded = engine.encode([&vec![0; count], value].concat()).into_bytes();
        // Six bits are a character.
        let begin = (count * 8).div_ceil(6);
        let end = (count + value.len()) * 8 / 6;
        encoded[begin..end].to_vec()
    };
    let forms = (0..3).map(behind).chain([padded, alone]);
    forms.filter(|form| form.len() >= crate::SHORTEST_VALUE).collect()
}

fn url_form(value: &[u8], unreserved: &[u8], hex: &[u8; 16], space: &[u8]) -> Vec<u8> {
    let mut form = Vec::with_capacity(value.len());
    for &byte in value {
        match byte {
            b' ' => form.extend_from_slice(space),
            _ if byte.is_ascii_alphanumeric() || unreserved.contains(&byte) => form.push(byte),
            _ => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                form.extend_from_slice(&[b'%', hex[high], hex[low]]);
            }
        }
    }
    form
}

#[cfg(test)]
mod tests {
    use super::of;

    fn texts(value: &str) -> Vec<String> {
        let forms = of(value.as_bytes()).into_iter();
        forms.map(|form| String::from_utf8(form).expect("text")).collect()
    }

    #[test]
    fn a_value_has_base64_forms_at_each_alignment_and_in_both_alphabets() {
        let forms = texts("subjects?_d");
        // `printf %s VALUE | base64`, and behind one and two other bytes.
        for form in ["c3ViamVjdHM/X2Q=", "c3ViamVjdHM/X2Q", "N1YmplY3RzP19k", "zdWJqZWN0cz9fZ"] {
            assert!(forms.iter().any(|one| one == form), "{form}: {forms:?}");
            let url_safe = form.replace('/', "_");
            assert!(forms.contains(&url_safe), "{url_safe}: {forms:?}");
        }
    }

    #[test]
    fn a_value_has_the_url_forms_of_common_encoders() {
        let forms = texts("a b/c:\u{e9}");
        for form in [
            "a b/c:\u{e9}",
            "a%20b%2Fc%3A%C3%A9",
            "a+b%2Fc%3A%C3%A9",
            "a%20b%2fc%3a%c3%a9",
            "a%20b/c:%C3%A9",
        ] {
            assert!(forms.iter().any(|one| one == form), "{form}: {forms:?}");
        }
        let plain = texts("Abc-123_x");
        assert_eq!(plain.iter().filter(|form| form.starts_with("Abc")).count(), 1, "{plain:?}");
    }
}
