//! Countless malformed frames, and hostile JSON.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::Home;
use crate::harness::wire::{exchange, frame};

/// How many clients send at once.
const CLIENTS: u64 = 8;
/// What repeats a run, as far as the order of the clients allows.
const SEED_VARIABLE: &str = "FLUVIO_SECRET_FUZZ_SEED";
/// Wherever it turns up, it was sent.
const CANARY: &str = "cnry-5d1f";

/// One of each message. Without `stop`, which would be obeyed, and `stopping`, which may become it.
const SAMPLES: [&[u8]; 21] = [
    include_bytes!("../protocol/samples/acknowledge-topic.request"),
    include_bytes!("../protocol/samples/announce-topic.request"),
    include_bytes!("../protocol/samples/delete.request"),
    include_bytes!("../protocol/samples/follow-vault.request"),
    include_bytes!("../protocol/samples/get-sync-document.request"),
    include_bytes!("../protocol/samples/grant.request"),
    include_bytes!("../protocol/samples/join-topic.request"),
    include_bytes!("../protocol/samples/list-sync-documents.request"),
    include_bytes!("../protocol/samples/list.request"),
    include_bytes!("../protocol/samples/set.request"),
    include_bytes!("../protocol/samples/status.request"),
    include_bytes!("../protocol/samples/take-document.request"),
    include_bytes!("../protocol/samples/deleted.response"),
    include_bytes!("../protocol/samples/granted.response"),
    include_bytes!("../protocol/samples/listed.response"),
    include_bytes!("../protocol/samples/refused.response"),
    include_bytes!("../protocol/samples/status.response"),
    include_bytes!("../protocol/samples/stored.response"),
    include_bytes!("../protocol/samples/sync-document.response"),
    include_bytes!("../protocol/samples/taken-document.response"),
    include_bytes!("../protocol/samples/working.response"),
];

#[test]
fn c1_arbitrary_frames_harm_no_daemon() {
    let home = Home::new();
    let pid = served_by(&home);
    let seed = seed();
    let sent = AtomicU64::new(0);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (home, sent) = (&home, &sent);
            scope.spawn(move || {
                let mut random = Random(seed.wrapping_add(client));
                let end = Instant::now() + duration();
                while Instant::now() < end {
                    converse(home, &mut random);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let sent = sent.into_inner();
    assert!(sent > 100, "{sent} connections, {SEED_VARIABLE}={seed}");
    let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
    assert!(!log.contains("a fault of our own"), "{SEED_VARIABLE}={seed}\n{log}");
    assert_eq!(home.daemon_pid(), Some(pid), "{SEED_VARIABLE}={seed}");
    home.ok(&["list"]);
}

/// Sends some mutated frames, and mostly looks at what comes back.
fn converse(home: &Home, random: &mut Random) {
    // The queue may be full, which is fine; a daemon that is gone is seen at the end.
    let Ok(mut stream) = UnixStream::connect(home.socket()) else { return };
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    for _ in 0..=random.below(3) {
        let bytes = random.frame();
        // The daemon may have closed already.
        if stream.write_all(&bytes).is_err() {
            break;
        }
    }
    if random.below(4) == 0 {
        return;
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answers) {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "no answer and no end");
    }
    let answers = String::from_utf8_lossy(&answers);
    assert!(!answers.contains(r#""code":"internal""#), "{answers}");
}

/// Numbers that one seed makes again: `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// A sample with some faults, or bytes that never were one.
    fn frame(&mut self) -> Vec<u8> {
        let mut bytes = SAMPLES[self.below(SAMPLES.len())].to_vec();
        match self.below(8) {
            0 => {
                let count = self.below(300);
                return self.bytes(count);
            }
            // The sample as it is.
            1 => return bytes,
            2 => {
                let length = u32::try_from(self.next() >> (32 + self.below(32))).unwrap();
                bytes[..4].copy_from_slice(&length.to_be_bytes());
            }
            _ => {
                for _ in 0..=self.below(4) {
                    self.mutate(&mut bytes);
                }
            }
        }
        // Most of them with the length that the header has: else few would be looked into.
        if self.below(4) > 0 && bytes.len() > 4 {
            let end = bytes.iter().rposition(|&byte| byte == b'}').unwrap_or(bytes.len() - 1);
            let length = u32::try_from(end.saturating_sub(3)).unwrap();
            bytes[..4].copy_from_slice(&length.to_be_bytes());
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const TOKENS: [&[u8]; 12] = [
            b"{",
            b"}",
            b"[",
            b"]",
            b"\"",
            b",",
            b"null",
            b"-1",
            b"1e999",
            b"\\ud800",
            b"\\u0000",
            b"18446744073709551615",
        ];
        let at = self.below(bytes.len());
        match self.below(5) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 => bytes.truncate(at),
            2 => {
                let token = TOKENS[self.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
            3 => {
                let other = SAMPLES[self.below(SAMPLES.len())];
                let from = self.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => {
                let end = (at + self.below(8)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
}

#[allow(clippy::print_stderr, reason = "shown when the test fails, also by a client's thread")]
fn seed() -> u64 {
    if let Ok(seed) = std::env::var(SEED_VARIABLE) {
        return seed.parse().expect("a number");
    }
    let mut bytes = [0; 8];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    let seed = u64::from_le_bytes(bytes);
    eprintln!("{SEED_VARIABLE}={seed}");
    seed
}

fn duration() -> Duration {
    let torture = std::env::var_os("FLUVIO_SECRET_TORTURE").is_some();
    Duration::from_secs(if torture { 60 } else { 3 })
}

fn served_by(home: &Home) -> u32 {
    home.ok(&["list"]);
    home.daemon_pid().expect("a daemon")
}

/// Each header is refused with this code, the connection is closed, and the daemon is as it was.
fn refused(code: &str, headers: &[(&str, Vec<u8>)]) {
    let home = Home::new();
    let pid = served_by(&home);
    for (what, header) in headers {
        assert!(header.len() <= 64 << 10, "{what} has {} bytes", header.len());
        let length = u32::try_from(header.len()).unwrap();
        // The end of what comes back is the end of the connection.
        let answer = exchange(&home, &[&length.to_be_bytes(), &header[..], b"x"].concat());
        assert!(answer.contains(&format!(r#""code":"{code}""#)), "{what}: {answer}");
        assert!(!answer.contains(CANARY), "{what}: {answer}");
    }
    let log = fs::read_to_string(home.path("state/daemon.log")).unwrap();
    assert!(!log.contains("a fault of our own") && !log.contains(CANARY), "{log}");
    assert_eq!(home.daemon_pid(), Some(pid));
    assert_eq!(home.audit_log().len(), 0, "nothing was done");
    home.ok(&["list"]);
}

fn header(message: &str) -> Vec<u8> {
    format!(r#"{{"version":1,"parts":[1],"message":{message}}}"#).into()
}

/// A text between two others, as often as the header's limit lets.
fn filled(before: &str, unit: &str, after: &str) -> Vec<u8> {
    let room = (64 << 10) - before.len() - after.len();
    [before, &unit.repeat(room / unit.len()), after].concat().into()
}

#[test]
fn c6_nesting_without_end_is_malformed() {
    let message = r#"{"version":1,"parts":[1],"message":"#;
    let name = r#"{"version":1,"parts":[1],"message":{"set":{"name":"#;
    let cases: Vec<_> = [("arrays", "["), ("objects", "{\"a\":"), ("both", "[{\"a\":")]
        .into_iter()
        .flat_map(|(what, unit)| ["", message, name].map(|before| (what, filled(before, unit, ""))))
        .collect();
    refused("malformed", &cases);
    let half = "[".repeat(32_000) + &"]".repeat(32_000);
    refused(
        "malformed",
        &[
            ("closed, as the message", header(&half)),
            ("closed, as a name", header(&format!(r#"{{"set":{{"name":{half}}}}}"#))),
            ("closed, as the parts", half.into_bytes()),
        ],
    );
}

#[test]
fn c6_a_hundred_thousand_brackets_are_too_large() {
    let home = Home::new();
    let pid = served_by(&home);
    let answer = exchange(&home, &frame(&"[".repeat(100_000), b""));
    assert!(answer.contains(r#""code":"large""#), "{answer}");
    assert_eq!(home.daemon_pid(), Some(pid));
}

#[test]
fn c6_keys_without_end_are_malformed() {
    let keys: String = (0..5000).map(|n| format!("\"k{n}\":0,")).collect();
    let last = r#""x":0}"#;
    refused(
        "malformed",
        &[
            ("of the envelope", format!("{{{keys}{last}").into()),
            ("of the message", header(&format!("{{{keys}{last}"))),
            ("of a payload", header(&format!(r#"{{"set":{{{keys}{last}}}"#))),
            ("after the name", header(&format!(r#"{{"set":{{"name":"A",{keys}{last}}}"#))),
            ("all the same", filled(r#"{"version":1"#, r#","version":1"#, "}")),
        ],
    );
}

#[test]
fn c6_a_key_twice_is_malformed() {
    refused(
        "malformed",
        &[
            ("version", br#"{"version":1,"version":1,"parts":[],"message":"list"}"#.into()),
            ("parts", br#"{"version":1,"parts":[],"parts":[],"message":"list"}"#.into()),
            ("message", br#"{"version":1,"parts":[],"message":"list","message":"status"}"#.into()),
            ("name", header(r#"{"set":{"name":"A","name":"B"}}"#)),
            ("two messages", header(r#"{"set":{"name":"A"},"delete":{"name":"A"}}"#)),
        ],
    );
}

#[test]
fn c6_numbers_that_are_none_of_ours_are_malformed() {
    let digits = "9".repeat(60_000);
    let huge = ["-1", "1.0", "1e0", "1e999", "-1e-999", "18446744073709551616", &digits];
    let number = |before: &str, number: &str, after: &str| {
        ("a number", [before, number, after].concat().into_bytes())
    };
    let mut cases = Vec::new();
    for text in huge {
        cases.push(number(r#"{"version":"#, text, r#","parts":[1],"message":"list"}"#));
        cases.push(number(
            r#"{"version":1,"parts":["#,
            text,
            r#"],"message":{"set":{"name":"A"}}}"#,
        ));
        cases.push(number(r#"{"version":1,"parts":[1],"message":{"set":{"name":"#, text, "}}}"));
        cases.push(number(r#"{"version":1,"parts":[1],"message":"#, text, "}"));
    }
    cases.push(number(r#"{"version":"#, "4294967296", r#","parts":[],"message":"list"}"#));
    cases.push(("lengths", filled(r#"{"version":1,"parts":[1"#, ",1", r#"],"message":"list"}"#)));
    refused("malformed", &cases);
    let most = r#"{"version":1,"parts":[18446744073709551615],"message":{"set":{"name":"A"}}}"#;
    refused("large", &[("the greatest length", most.into())]);
}

#[test]
fn c6_names_that_are_no_text_are_malformed() {
    let name = |name: &str| header(&format!(r#"{{"set":{{"name":"{name}"}}}}"#));
    let grant = r#"{"grant":{"label":"cnry-5d1f\ud800","program":""}}"#;
    let raw = |byte: u8| {
        let mut bytes = name("cnry-5d1f?");
        let at = bytes.iter().position(|&b| b == b'?').unwrap();
        bytes[at] = byte;
        bytes
    };
    refused(
        "malformed",
        &[
            ("a lone high surrogate", name(r"A\ud800")),
            ("a lone low surrogate", name(r"A\udc00cnry-5d1f")),
            ("two high surrogates", name(r"\ud800\ud800")),
            ("half an escape", name(r"A\u00")),
            ("a lone surrogate in a label", header(grant)),
            ("an escaped NUL", name(r"cnry-5d1f\u0000")),
            ("a NUL", raw(0)),
            ("no UTF-8", raw(0xff)),
            ("a long name", name(&CANARY.repeat(7000))),
            ("no name", name("")),
            ("a path", name("../cnry-5d1f")),
        ],
    );
}
