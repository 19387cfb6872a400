//! A record of the topic as a line: what the consumer prints, and what the producer reads.
//!
//! The key of a record is the id of its vault, and its value is a document in base64. Other programs may write to the
//! topic, so anything may be in a record.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{self, BufRead};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fluvio_secret_protocol::limits;

/// What the producer reads between a key and a value. Neither has one.
pub(crate) const KEY_SEPARATOR: &str = "\t";
/// Bytes of the longest line of a document: the mark of the run, an offset, a key, and base64.
const TOPIC_LINE_BYTES: usize = 128 + limits::RECORD_BYTES.div_ceil(3) * 4;
/// Bytes of a record that the producer sends, and less than a consumer gets at once.
pub(crate) const REQUEST_BYTES: usize = 4_000_000;
/// Bytes that a consumer gets at once. It omits the record that is only in part in them, and continues after it.
pub(crate) const FETCH_BYTES: usize = 8 * REQUEST_BYTES;

/// A line of the consumer.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum TopicLine {
    /// A document of this vault.
    Document { offset: u64, bytes: Vec<u8> },
    /// A record of another vault or program.
    Foreign { offset: u64 },
    /// A record with the id of this vault, and without a document.
    Malformed { offset: u64 },
    /// The rest of a record that has several lines.
    Continued,
}

/// What a consumer prints for each record. The mark is new for each run: the value of a record could look like more
/// lines, and its writer does not know the mark.
pub(crate) fn format(mark: &str) -> String {
    format!("{mark} {{{{offset}}}} {{{{key}}}} {{{{value}}}}")
}

/// The mark of a run, which is random.
pub(crate) fn new_mark(run: u64) -> String {
    // The keys of a hasher are random.
    format!("{:016x}", RandomState::new().hash_one(run))
}

impl TopicLine {
    /// Reads a line of a run with this mark.
    pub(crate) fn parse(line: &[u8], mark: &str, vault: &str) -> Self {
        let Some(offset) = offset(line, mark) else { return Self::Continued };
        let mut words = line.splitn(4, |byte| *byte == b' ').skip(2);
        if words.next() != Some(vault.as_bytes()) {
            return Self::Foreign { offset };
        }
        let value = words.next().filter(|_| line.len() <= TOPIC_LINE_BYTES);
        match value.and_then(|value| STANDARD.decode(value).ok()) {
            Some(bytes) if !bytes.is_empty() && bytes.len() <= limits::RECORD_BYTES => {
                Self::Document { offset, bytes }
            }
            _ => Self::Malformed { offset },
        }
    }
}

/// The offset of a record in a line of a run with this mark.
pub(crate) fn offset(line: &[u8], mark: &str) -> Option<u64> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let is_marked = words.next() == Some(mark.as_bytes());
    let offset = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
    offset.filter(|_| is_marked)
}

/// The key and the value of a line whose value is JSON, and no longer than an announcement may be.
pub(crate) fn plain_document(line: &[u8], mark: &str) -> Option<(String, Vec<u8>)> {
    const PLAIN_BYTES: usize = 16 << 10;
    let line = std::str::from_utf8(line).ok().filter(|line| line.len() <= PLAIN_BYTES)?;
    let mut words = line.splitn(4, ' ');
    let is_marked = words.next() == Some(mark);
    let _offset: u64 = words.next()?.parse().ok()?;
    let key = words.next()?;
    let bytes = STANDARD.decode(words.next()?).ok()?;
    (is_marked && bytes.first() == Some(&b'{')).then(|| (key.to_owned(), bytes))
}

/// A document as a line for the producer.
pub(crate) fn to_publish(vault: &str, document: &[u8]) -> Vec<u8> {
    format!("{vault}{KEY_SEPARATOR}{}\n", STANDARD.encode(document)).into_bytes()
}

/// The next whole line without its end. A longer one than any document has is cut. `None` at the end, and also if the
/// consumer stopped in the middle of a line.
pub(crate) fn read(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let buffer = from.fill_buf()?;
        let (taken, is_whole) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end, true),
            None if buffer.is_empty() => return Ok(None),
            None => (buffer.len(), false),
        };
        let room = (TOPIC_LINE_BYTES + 1).saturating_sub(line.len());
        line.extend_from_slice(&buffer[..taken.min(room)]);
        from.consume(taken + usize::from(is_whole));
        if is_whole {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use fluvio_secret_protocol::limits;

    use super::{
        FETCH_BYTES, REQUEST_BYTES, TOPIC_LINE_BYTES, TopicLine, format, read, to_publish,
    };

    const VAULT: &str = "00112233445566778899aabbccddeeff";

    fn parse(line: &str) -> TopicLine {
        TopicLine::parse(line.as_bytes(), "m1", VAULT)
    }

    #[test]
    fn what_is_published_comes_back() {
        for document in [&b"age-encryption.org/v1\n\x00\xff"[..], &[7; limits::RECORD_BYTES]] {
            let line = String::from_utf8(to_publish(VAULT, document)).expect("text");
            let (key, value) =
                line.strip_suffix('\n').expect("a line").split_once('\t').expect("a key");
            let printed = format("m1")
                .replace("{{offset}}", "18446744073709551615")
                .replace("{{key}}", key)
                .replace("{{value}}", value);
            assert!(printed.len() <= TOPIC_LINE_BYTES && line.len() < REQUEST_BYTES);
            let expected = TopicLine::Document { offset: u64::MAX, bytes: document.to_vec() };
            assert!(parse(&printed) == expected, "{} bytes", document.len());
        }
        const { assert!(FETCH_BYTES > REQUEST_BYTES) };
    }

    #[test]
    fn anything_else_on_the_topic_is_recognized() {
        for (line, expected) in [
            ("m1 7 other QQ==".to_owned(), TopicLine::Foreign { offset: 7 }),
            ("m1 7 null".to_owned(), TopicLine::Foreign { offset: 7 }),
            ("m1 7".to_owned(), TopicLine::Foreign { offset: 7 }),
            (format!("m1 7 {VAULT} Q"), TopicLine::Malformed { offset: 7 }),
            (format!("m1 7 {VAULT} QQ== x"), TopicLine::Malformed { offset: 7 }),
            (format!("m1 7 {VAULT} "), TopicLine::Malformed { offset: 7 }),
            (format!("m1 7 {VAULT}"), TopicLine::Malformed { offset: 7 }),
            (
                format!("m1 7 {VAULT} {}", "A".repeat(TOPIC_LINE_BYTES)),
                TopicLine::Malformed { offset: 7 },
            ),
            // A value with line ends that looks like another record.
            (format!("m2 999 {VAULT} QQ=="), TopicLine::Continued),
            (format!("999 {VAULT} QQ=="), TopicLine::Continued),
            (String::new(), TopicLine::Continued),
            ("m1 -1 a b".to_owned(), TopicLine::Continued),
        ] {
            assert_eq!(parse(&line), expected, "{line:.80}");
        }
    }

    #[test]
    fn only_whole_lines_are_read_and_none_is_longer_than_any_document_needs() {
        let text = format!("a\n\n{}\nb\nhalf", "x".repeat(3 * TOPIC_LINE_BYTES));
        let mut from = BufReader::with_capacity(1000, text.as_bytes());
        let mut lines = Vec::new();
        while let Some(line) = read(&mut from).expect("lines") {
            lines.push(line);
        }
        assert_eq!(lines.len(), 4);
        assert_eq!((&*lines[0], &*lines[1], &*lines[3]), (&b"a"[..], &b""[..], &b"b"[..]));
        assert_eq!(lines[2].len(), TOPIC_LINE_BYTES + 1);
    }
}
