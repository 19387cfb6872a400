//! A stream whose values are replaced.

use std::sync::Arc;

use crate::REPLACEMENT;
use crate::mask::{Mask, MatchState};

/// One stream. It holds back what may be the beginning of a value, and nothing else.
pub struct MaskedStream {
    mask: Arc<Mask>,
    held: Vec<u8>,
}

impl MaskedStream {
    /// A stream that has just begun.
    pub fn new(mask: Arc<Mask>) -> Self {
        Self { mask, held: Vec::new() }
    }

    /// Replaces also other values from now on. The mask has all that the earlier one has.
    pub fn set_mask(&mut self, mask: Arc<Mask>) {
        self.mask = mask;
    }

    /// Takes the next piece, and adds to `out` what may be shown.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        if self.held.is_empty() {
            let shown = self.show(piece, false, out);
            self.held.extend_from_slice(&piece[shown..]);
        } else {
            let mut text = std::mem::take(&mut self.held);
            text.extend_from_slice(piece);
            let shown = self.show(&text, false, out);
            text.drain(..shown);
            self.held = text;
        }
    }

    /// Adds the rest to `out`: nothing follows.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        let text = std::mem::take(&mut self.held);
        self.show(&text, true, out);
    }

    /// Adds what may be shown of a text to `out`, and returns its length.
    fn show(&self, text: &[u8], is_end: bool, out: &mut Vec<u8>) -> usize {
        let (mut shown, mut at) = (0, 0);
        while let Some(next) = self.mask.next(text, at) {
            match self.mask.at(&text[next..], is_end) {
                MatchState::Nothing => at = next + 1,
                MatchState::Value(length) => {
                    out.extend_from_slice(&text[shown..next]);
                    out.extend_from_slice(REPLACEMENT);
                    (shown, at) = (next + length, next + length);
                }
                MatchState::Begun => {
                    out.extend_from_slice(&text[shown..next]);
                    return next;
                }
            }
        }
        out.extend_from_slice(&text[shown..]);
        text.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::MaskedStream;
    use crate::Mask;

    fn stream(values: &[&[u8]]) -> MaskedStream {
        MaskedStream::new(Arc::new(Mask::of(values.iter().copied())))
    }

    fn masked(values: &[&[u8]], pieces: &[&[u8]]) -> String {
        let (mut stream, mut out) = (stream(values), Vec::new());
        pieces.iter().for_each(|piece| stream.push(piece, &mut out));
        stream.end(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_value_is_replaced_wherever_the_pieces_end() {
        let text = b"before Bearer 1234\nabcd after";
        for at in 0..=text.len() {
            let (one, other) = text.split_at(at);
            assert_eq!(masked(&[b"Bearer 1234\nabcd"], &[one, other]), "before *** after");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(masked(&[b"Bearer 1234\nabcd"], &bytes), "before *** after");
    }

    #[test]
    fn only_a_possible_beginning_is_held_back() {
        let (mut stream, mut out) = (stream(&[b"secret"]), Vec::new());
        for (piece, shown) in [("a se", "a "), ("x", "a sex"), (" secre", "a sex "), ("t.", "***.")]
        {
            stream.push(piece.as_bytes(), &mut out);
            assert!(out.ends_with(shown.as_bytes()), "{piece}: {out:?}");
        }
        stream.push(b" sec", &mut out);
        stream.end(&mut out);
        assert_eq!(out, b"a sex ***. sec");
    }

    #[test]
    fn a_value_that_is_added_is_replaced_from_then_on() {
        let (mut stream, mut out) = (stream(&[b"secret"]), Vec::new());
        stream.push(b"others sec", &mut out);
        stream.set_mask(Arc::new(Mask::of([&b"secret"[..], b"others", b"section"])));
        stream.push(b"tion, others", &mut out);
        stream.end(&mut out);
        assert_eq!(out, b"others ***, ***");
    }

    #[test]
    fn the_longest_value_counts_and_short_ones_are_not_masked() {
        assert_eq!(masked(&[b"abcd", b"abcdef"], &[b"abcdef abcde"]), "*** ***e");
        assert_eq!(masked(&[b"abcd", b"cdef"], &[b"abcdef"]), "***ef");
        assert_eq!(masked(&[b"abc", b""], &[b"abc"]), "abc");
        assert_eq!(masked(&[], &[b"abc"]), "abc");
    }

    /// Numbers that look random, the same in each run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, below: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % below as u64).expect("a small number")
        }

        fn bytes(&mut self, count: usize, alphabet: &[u8]) -> Vec<u8> {
            (0..count).map(|_| alphabet[self.below(alphabet.len())]).collect()
        }
    }

    /// What of a value stands in a stream, and the part that must be gone.
    fn embedded(value: &[u8], random: &mut Random) -> (Vec<u8>, Vec<u8>) {
        match random.below(5) {
            0 => (value.to_vec(), value.to_vec()),
            1 => {
                let text = STANDARD.encode(value).into_bytes();
                (text.clone(), text)
            }
            2 => {
                let text = URL_SAFE_NO_PAD.encode(value).into_bytes();
                (text.clone(), text)
            }
            3 => {
                // Somewhere in a longer text, such as the header of a request.
                let before = random.bytes(random.0 as usize % 7, b"xyz:");
                let all = [&before[..], value, b"\n"].concat();
                let encoded = STANDARD.encode(all).into_bytes();
                let begin = (before.len() * 8).div_ceil(6);
                let end = (before.len() + value.len()) * 8 / 6;
                let gone = encoded[begin..end].to_vec();
                (encoded, gone)
            }
            _ => {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
                let one = |&byte: &u8| match is_plain(byte) {
                    true => vec![byte],
                    false => format!("%{byte:02X}").into_bytes(),
                };
                let text: Vec<u8> = value.iter().flat_map(one).collect();
                (text.clone(), text)
            }
        }
    }

    fn has(text: &[u8], part: &[u8]) -> bool {
        text.windows(part.len()).any(|window| window == part)
    }

    /// The whole text at once, by the definition: at each place, the longest form is replaced.
    fn by_definition(values: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
        let forms: Vec<_> = values.iter().flat_map(|value| crate::forms::of(value)).collect();
        let (mut out, mut rest) = (Vec::new(), text);
        while let Some((&byte, after)) = rest.split_first() {
            let here = forms.iter().filter(|form| rest.starts_with(form)).map(Vec::len).max();
            match here {
                Some(_) => out.extend_from_slice(crate::REPLACEMENT),
                None => out.push(byte),
            }
            rest = here.map_or(after, |length| &rest[length..]);
        }
        out
    }

    #[test]
    fn d21_no_value_in_any_form_survives_ten_thousand_ways_to_cut_a_stream() {
        let mut random = Random(0x5eed);
        for _ in 0..10_000 {
            let count = 1 + random.below(4);
            // Of few bytes, so that beginnings of values are everywhere.
            let values: Vec<_> = (0..count)
                .map(|_| {
                    let length = 4 + random.below(20);
                    random.bytes(length, b"ab/ \n\xc3\xff+")
                })
                .collect();
            let mut text = Vec::new();
            let mut gone = values.clone();
            for _ in 0..random.below(12) {
                let length = random.below(9);
                text.extend(random.bytes(length, b"Qab/ \n+%2F"));
                let value = &values[random.below(values.len())];
                let (shown, part) = embedded(value, &mut random);
                text.extend_from_slice(&shown);
                gone.push(part);
            }
            let mut stream = MaskedStream::new(Arc::new(Mask::of(values.iter().map(|v| &v[..]))));
            let (mut out, mut rest) = (Vec::new(), &text[..]);
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(1 + random.below(rest.len().min(40)));
                stream.push(piece, &mut out);
                rest = after;
            }
            stream.end(&mut out);
            for part in &gone {
                assert!(part.len() < 4 || !has(&out, part), "{values:?} {text:?} {out:?}");
            }
            assert_eq!(out, by_definition(&values, &text), "{values:?} {text:?}");
        }
    }
}
