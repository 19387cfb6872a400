use zeroize::Zeroizing;

use super::{FrameError, Message, PREFIX_BYTES, decode_header, decode_prefix, encode, is_stop};
use crate::check::{Checked, Finding, Severity};
use crate::{
    AcceptRecipients, Activity, AddRecipient, Check, Code, Damaged, Delete, EndLease, Examine,
    Examined, Found, Grant, Granted, HeldLease, History, Import, Imported, InjectMode, Key, Lease,
    Leased, Leases, Listed, ListedGrant, ListedLease, ListedRecipient, ListedSecret, Passphrase,
    Recipients, Refusal, RemoveRecipient, Request, Resealed, Resealing, Response, Restore,
    Restored, Rotate, Secret, SecretFingerprint, SecretName, Set, Status, Stored, Subscribe,
    Subscribed, Unfinished, Unlock, Unlocked, UseIdentity, Version, Versions, limits,
};

const ADA: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const BACKUP: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";

fn name(text: &str) -> SecretName {
    text.parse().expect("a name")
}

/// Reads a whole frame from bytes, as both ends do from a socket.
fn decode<M: Message>(bytes: &[u8]) -> Result<M, FrameError> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX_BYTES>().expect("a prefix");
    let (header, mut rest) = rest.split_at(decode_prefix(*prefix)?);
    let header = decode_header::<M>(header)?;
    let mut parts = Vec::new();
    for &length in header.lengths() {
        let (part, after) = rest.split_at(length);
        parts.push(Zeroizing::new(part.to_vec()));
        rest = after;
    }
    assert!(rest.is_empty(), "bytes after the frame");
    header.with_parts(parts)
}

/// One sample for each message, under the name of its file in protocol/samples.
fn samples<M: Message>(samples: &[(&str, &[u8], M)]) {
    for (file, bytes, message) in samples {
        assert_eq!(
            String::from_utf8_lossy(&encode(message).expect("a message")),
            String::from_utf8_lossy(bytes),
            "{file} as it is encoded"
        );
        let decoded: M = decode(bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(
            &encode(&decoded).expect("a message")[..],
            *bytes,
            "{file} decoded and encoded again"
        );
    }
}

macro_rules! sample {
    ($file:literal, $message:expr) => {
        ($file, include_bytes!(concat!("../../samples/", $file)).as_slice(), $message)
    };
}

#[test]
fn every_request_has_a_golden_sample() {
    samples(&[
        sample!(
            "accept-recipients.request",
            Request::AcceptRecipients(AcceptRecipients {
                recipients: vec![ADA.into(), BACKUP.into()]
            })
        ),
        sample!("activity.request", Request::Activity),
        sample!(
            "add-recipient.request",
            Request::AddRecipient(AddRecipient {
                recipient: BACKUP.into(),
                note: Some("backup key".into()),
            })
        ),
        sample!(
            "check.request",
            Request::Check(Check { config: Zeroizing::new(b"apiVersion: 0.1.0\n".to_vec()) })
        ),
        sample!(
            "delete.request",
            Request::Delete(Delete { name: name("AUTH_HEADER"), purge: false })
        ),
        sample!("end-lease.request", Request::EndLease(EndLease { id: "0123456789ab".into() })),
        sample!("examine.request", Request::Examine(Examine { names: vec![name("A"), name("B")] })),
        sample!(
            "grant.request",
            Request::Grant(Grant {
                label: "cat-facts.yaml".into(),
                program: "http-source".into(),
                check: true,
                config: Zeroizing::new(b"apiVersion: 0.1.0\n".to_vec()),
            })
        ),
        sample!("history.request", Request::History(History { name: name("AUTH_HEADER") })),
        sample!(
            "import.request",
            Request::Import(Import {
                names: vec![name("A"), name("B")],
                values: vec![Secret::from(b"one".to_vec()), Secret::from(Vec::new())],
                overwrite: false,
                dry_run: true,
            })
        ),
        sample!("key.request", Request::Key),
        sample!(
            "lease.request",
            Request::Lease(Grant {
                label: "cat-facts.yaml".into(),
                program: "cdk".into(),
                check: true,
                config: Zeroizing::new(b"apiVersion: 0.1.0\n".to_vec()),
            })
        ),
        sample!("leases.request", Request::Leases),
        sample!("list.request", Request::List),
        sample!("recipients.request", Request::Recipients),
        sample!(
            "remove-recipient.request",
            Request::RemoveRecipient(RemoveRecipient { recipient: BACKUP.into() })
        ),
        sample!("lock.request", Request::Lock),
        sample!(
            "passphrase.request",
            Request::Passphrase(Passphrase::change(
                Some(Secret::from(b"old".to_vec())),
                Some(Secret::from(b"new one".to_vec())),
            ))
        ),
        sample!(
            "restore.request",
            Request::Restore(Restore { name: name("AUTH_HEADER"), version: Some(3) })
        ),
        sample!(
            "rotate.request",
            Request::Rotate(Rotate::new(false, Some(Secret::from(b"correct horse".to_vec()))))
        ),
        sample!(
            "set.request",
            Request::Set(Set {
                name: name("AUTH_HEADER"),
                value: Secret::from(vec![0, 0xff, b'\n'])
            })
        ),
        sample!("status.request", Request::Status),
        sample!("stop.request", Request::Stop),
        sample!(
            "subscribe.request",
            Request::Subscribe(Subscribe {
                config: Zeroizing::new(b"apiVersion: 0.1.0\n".to_vec()),
            })
        ),
        sample!(
            "use-identity.request",
            Request::UseIdentity(UseIdentity::new(
                Secret::from(b"AGE-SECRET-KEY-1\n".to_vec()),
                Some(Secret::from(b"correct horse".to_vec())),
            ))
        ),
        sample!(
            "unlock.request",
            Request::Unlock(Unlock {
                seconds: Some(3600),
                passphrase: Secret::from(b"correct horse".to_vec()),
            })
        ),
    ]);
}

#[test]
fn every_response_has_a_golden_sample() {
    let refusal = Refusal::new(Code::Missing, "no secret", "set it with: fluvio secret set A");
    let grant = ListedGrant {
        at: 1_670_677_620,
        pid: 4711,
        program: "http-source".into(),
        config: "/home/ada/cat-facts.yaml".into(),
        secrets: 2,
        running: Some(true),
    };
    samples(&[
        sample!(
            "activity.response",
            Response::Activity(Activity { secrets: Some(2), grants: vec![grant.clone()] })
        ),
        sample!(
            "checked.response",
            Response::Checked(Checked {
                findings: vec![Finding {
                    severity: Severity::Error,
                    code: "missing-secret".into(),
                    line: 9,
                    column: 13,
                    length: 1,
                    name: Some(name("A")),
                    text: "the secret `A` is not in the vault".into(),
                    remedy: "set it with: fluvio secret set A".into(),
                }],
                names: vec![name("A")],
                unchecked: None,
            })
        ),
        sample!("deleted.response", Response::Deleted),
        sample!(
            "examined.response",
            Response::Examined(Examined {
                damaged: vec![Damaged { name: name("A"), why: "it is not a regular file".into() }],
            })
        ),
        sample!(
            "granted.response",
            Response::Granted(Granted {
                connector: Some("cat-facts".into()),
                inject: InjectMode::Auto,
                names: vec![name("A"), name("B")],
                values: vec![Secret::from(b"one".to_vec()), Secret::from(Vec::new())],
            })
        ),
        sample!(
            "imported.response",
            Response::Imported(Imported {
                found: vec![Found::Nothing, Found::Other, Found::Same],
                new_identity: None,
                holders: Vec::new(),
                leases: Vec::new(),
            })
        ),
        sample!(
            "key.response",
            Response::Key(Key {
                identity: "/home/ada/.config/fluvio-secret/identity.txt".into(),
                recipient: Some(
                    "age19y4zphazkakea3vs2slycwa6dnecvg9fk77zcg8g7uu0w70v3yesyz7s9e".into()
                ),
                passphrase: Some(true),
                lost: false,
            })
        ),
        sample!("lease-ended.response", Response::LeaseEnded),
        sample!(
            "leased.response",
            Response::Leased(Leased {
                connector: Some("cat-facts".into()),
                lease: Some(Lease {
                    id: "0123456789ab".into(),
                    secrets: "/dev/shm/x/secrets.txt".into(),
                    hold: "/dev/shm/x/hold".into(),
                }),
            })
        ),
        sample!(
            "leases.response",
            Response::Leases(Leases {
                lease: Some(ListedLease {
                    id: "0123456789ab".into(),
                    since: 1_670_677_620,
                    connector: Some("cat-facts".into()),
                    config: "/home/ada/cat-facts.yaml".into(),
                    names: vec![name("A")],
                    hold: "/dev/shm/x/hold".into(),
                }),
                more: false,
            })
        ),
        sample!(
            "listed.response",
            Response::Listed(Listed {
                secrets: vec![ListedSecret { name: name("A"), set_at: 1_670_677_620 }],
                more: false,
            })
        ),
        sample!("recipients.response", Response::Recipients(recipients())),
        sample!("locked.response", Response::Locked),
        sample!("refused.response", Response::Refused(refusal.about(vec![name("A")]))),
        sample!(
            "resealed.response",
            Response::Resealed(Resealed {
                secrets: 2,
                versions: 7,
                recipients: 2,
                left: vec![name("A")],
                identity: "/home/ada/.config/fluvio-secret/identity.txt".into(),
                own: ADA.into(),
                kept: Some("/home/ada/.config/fluvio-secret/identity.old.txt".into()),
                finished: Some(Unfinished::Identity),
            })
        ),
        sample!("resealing.response", Response::Resealing(Resealing { done: 1, all: 2 })),
        sample!(
            "restored.response",
            Response::Restored(Restored {
                version: 3,
                set_at: 1_670_677_620,
                holders: Vec::new(),
                leases: Vec::new(),
            })
        ),
        sample!(
            "status.response",
            Response::Status(Status {
                is_current: true,
                release: "0.1.0".into(),
                pid: 4711,
                since: 1_670_677_620,
                vault: "/home/ada/.local/share/fluvio-secret/vault".into(),
                identity: "/home/ada/.config/fluvio-secret/identity.txt".into(),
                locked: false,
                unlocked_until: Some(1_670_720_820),
                settings: "history = 10\ninject = \"auto\"\n".into(),
            })
        ),
        sample!("stopping.response", Response::Stopping),
        sample!(
            "stored.response",
            Response::Stored(Stored {
                set_at: 1_670_677_620,
                new_identity: Some("/home/ada/.config/fluvio-secret/identity.txt".into()),
                holders: vec![grant],
                leases: vec![HeldLease {
                    id: "0123456789ab".into(),
                    connector: Some("cat-facts".into()),
                    config: "/home/ada/cat-facts.yaml".into(),
                }],
            })
        ),
        sample!(
            "subscribed.response",
            Response::Subscribed(Subscribed {
                secrets: vec![
                    SecretFingerprint {
                        name: name("A"),
                        fingerprint: Some(u64::MAX),
                        is_same: false
                    },
                    SecretFingerprint { name: name("B"), fingerprint: None, is_same: false },
                ],
                polled: false,
            })
        ),
        sample!("unlocked.response", Response::Unlocked(Unlocked { until: Some(1_670_720_820) })),
        sample!(
            "versions.response",
            Response::Versions(Versions {
                present: Some(1_670_677_620),
                earlier: vec![Version { version: 3, set_at: 1_670_677_500 }],
            })
        ),
        sample!("working.response", Response::Working),
    ]);
}

fn recipients() -> Recipients {
    let one = |recipient: &str, note: Option<&str>, own| ListedRecipient {
        recipient: recipient.into(),
        note: note.map(Into::into),
        own,
        listed: true,
        accepted: own,
    };
    Recipients {
        recipients: vec![one(ADA, None, true), one(BACKUP, Some("backup key"), false)],
        file: "/home/ada/.local/share/fluvio-secret/vault/.recipients".into(),
        unfinished: None,
    }
}

#[test]
fn the_longest_list_of_recipients_fits_into_a_frame() {
    let mut recipients = recipients();
    recipients.recipients[1].note = Some("\"".repeat(limits::NOTE_BYTES));
    recipients.recipients = vec![recipients.recipients[1].clone(); 2 * limits::RECIPIENTS];
    assert!(encode(&Response::Recipients(recipients)).is_ok());
}

#[test]
fn a_recipient_or_a_note_that_is_too_long_is_refused() {
    let refused = |message: &str| {
        let header = format!(r#"{{"version":1,"parts":[],"message":{message}}}"#);
        let header = decode_header::<Request>(header.as_bytes()).expect("a header");
        header.with_parts(Vec::new()).err()
    };
    let add = |recipient: usize, note: usize| {
        let (recipient, note) = ("x".repeat(recipient), "x".repeat(note));
        refused(&format!(r#"{{"add-recipient":{{"recipient":"{recipient}","note":"{note}"}}}}"#))
    };
    let (key, note) = (limits::RECIPIENT_BYTES, limits::NOTE_BYTES);
    assert_eq!(add(key, note), None);
    assert_eq!(add(key + 1, note), Some(FrameError::Large));
    assert_eq!(add(key, note + 1), Some(FrameError::Large));
    let long = "x".repeat(key + 1);
    let remove = format!(r#"{{"remove-recipient":{{"recipient":"{long}"}}}}"#);
    assert_eq!(refused(&remove), Some(FrameError::Large));
    let accept = |count: usize| {
        let recipients = vec!["\"x\""; count].join(",");
        refused(&format!(r#"{{"accept-recipients":{{"recipients":[{recipients}]}}}}"#))
    };
    assert_eq!(accept(limits::RECIPIENTS), None);
    assert_eq!(accept(limits::RECIPIENTS + 1), Some(FrameError::Large));
}

#[test]
fn no_message_prints_a_value() {
    let canary = "cnry-5d1f";
    let secret = || Secret::from(canary.as_bytes().to_vec());
    let set = Request::Set(Set { name: name("A"), value: secret() });
    let granted = Response::Granted(Granted {
        connector: None,
        inject: InjectMode::Auto,
        names: vec![name("A")],
        values: vec![secret()],
    });
    let config = Zeroizing::new(canary.as_bytes().to_vec());
    let (label, program, check) = (String::new(), String::new(), false);
    let grant = Request::Grant(Grant { label, program, check, config });
    let used = Request::UseIdentity(UseIdentity::new(secret(), Some(secret())));
    let rotate = Request::Rotate(Rotate::new(true, Some(secret())));
    let change = Request::Passphrase(Passphrase::change(Some(secret()), Some(secret())));
    let unlock = Request::Unlock(Unlock { seconds: None, passphrase: secret() });
    for printed in [
        format!("{change:?} {change:#?}"),
        format!("{unlock:?} {unlock:#?}"),
        format!("{set:?} {set:#?}"),
        format!("{used:?} {used:#?}"),
        format!("{rotate:?} {rotate:#?}"),
        format!("{grant:?} {grant:#?}"),
        format!("{granted:?} {granted:#?}"),
    ] {
        assert!(!printed.contains(canary), "{printed}");
        assert!(!printed.contains("99, 110"), "{printed}");
    }
}

#[test]
fn c2_lengths_over_a_limit_are_refused_before_anything_is_allocated() {
    let most = u32::try_from(limits::HEADER_BYTES).expect("a u32");
    assert_eq!(decode_prefix(most.to_be_bytes()), Ok(limits::HEADER_BYTES));
    for length in [most + 1, 1 << 31, u32::MAX] {
        assert_eq!(decode_prefix(length.to_be_bytes()), Err(FrameError::Large), "{length}");
    }
    let header = |message: &str, parts: &str| {
        format!(r#"{{"version":1,"parts":{parts},"message":{message}}}"#)
    };
    let request = |message: &str, parts: &str| {
        decode_header::<Request>(header(message, parts).as_bytes()).err()
    };
    let set = r#"{"set":{"name":"A"}}"#;
    let grant = r#"{"grant":{"label":"","program":"","check":false}}"#;
    assert_eq!(request(set, "[1048576]"), None);
    assert_eq!(request(set, "[1048577]"), Some(FrameError::Large));
    assert_eq!(request(set, "[18446744073709551615]"), Some(FrameError::Large));
    assert_eq!(request(grant, "[65536]"), None);
    assert_eq!(request(grant, "[65537]"), Some(FrameError::Large));
    assert_eq!(request(set, "[0,0]"), Some(FrameError::Parts));
    let granted = |count: usize, length: usize| {
        let names = vec!["\"A\""; count].join(",");
        let parts = vec![length.to_string(); count].join(",");
        let granted = format!(r#"{{"granted":{{"inject":"auto","names":[{names}]}}}}"#);
        decode_header::<Response>(header(&granted, &format!("[{parts}]")).as_bytes()).err()
    };
    assert_eq!(granted(8, limits::VALUE_BYTES), None);
    let large = Some(FrameError::Large);
    assert_eq!(granted(9, limits::VALUE_BYTES), large, "each is small enough, all together not");
    assert_eq!(granted(1, limits::VALUE_BYTES + 1), large, "all together are small enough");
}

#[test]
fn a_value_over_the_limit_is_not_encoded() {
    let set = |bytes| Request::Set(Set { name: name("A"), value: Secret::from(vec![0; bytes]) });
    assert!(encode(&set(limits::VALUE_BYTES)).is_ok());
    assert_eq!(encode(&set(limits::VALUE_BYTES + 1)).err(), Some(FrameError::Large));
}

#[test]
fn an_answer_with_all_that_hold_an_earlier_value_fits_into_a_header() {
    // Quotes take two bytes each; control characters do not come that far.
    let longest = "\"".repeat(limits::LISTED_LABEL_BYTES);
    let grant = ListedGrant {
        at: i64::MIN,
        pid: i32::MIN,
        program: longest.clone(),
        config: longest.clone(),
        secrets: usize::MAX,
        running: Some(false),
    };
    let lease = HeldLease {
        id: "f".repeat(limits::LEASE_ID_BYTES),
        connector: Some(longest.clone()),
        config: longest.clone(),
    };
    let stored = Response::Stored(Stored {
        set_at: i64::MIN,
        new_identity: Some("\"".repeat(4 << 10)),
        holders: vec![grant; limits::LISTED_GRANTS],
        leases: vec![lease; limits::LISTED_GRANTS],
    });
    assert!(encode(&stored).is_ok());
}

#[test]
fn an_answer_about_as_many_secrets_as_may_be_examined_fits_into_a_header() {
    let longest = "A".repeat(limits::NAME_BYTES);
    let why = format!("it holds the secret `{longest}`");
    let damaged = vec![Damaged { name: name(&longest), why }; limits::EXAMINED_NAMES];
    assert!(encode(&Response::Examined(Examined { damaged })).is_ok());
    let ask = |names: usize| {
        let examine = Examine { names: vec![name(&longest); names] };
        decode::<Request>(&encode(&Request::Examine(examine)).expect("a message")).err()
    };
    assert_eq!(ask(limits::EXAMINED_NAMES), None);
    assert_eq!(ask(limits::EXAMINED_NAMES + 1), Some(FrameError::Large));
}

#[test]
fn another_number_of_parts_than_the_message_has_is_refused() {
    let missing = br#"{"version":1,"parts":[],"message":{"set":{"name":"A"}}}"#;
    let header = decode_header::<Request>(missing).expect("a header");
    assert_eq!(header.with_parts(Vec::new()).err(), Some(FrameError::Parts));
    let many = br#"{"version":1,"parts":[0],"message":"list"}"#;
    assert_eq!(decode_header::<Request>(many).err(), Some(FrameError::Parts));
    let one =
        br#"{"version":1,"parts":[0],"message":{"passphrase":{"has_old":true,"has_new":true}}}"#;
    let header = decode_header::<Request>(one).expect("a header");
    let parts = vec![Zeroizing::new(Vec::new())];
    assert_eq!(header.with_parts(parts).err(), Some(FrameError::Parts));
}

#[test]
fn d7_a_malformed_header_is_refused_by_its_place_alone() {
    for header in [
        r#"{"version":1,"parts":[],"message":{"set":{"name":"cnry-1"}}}"#,
        r#"{"version":1,"parts":[],"message":{"cnry-1":{}}}"#,
        r#"{"version":1,"parts":"cnry-1","message":"list"}"#,
        r#"{"version":1,"parts":[],"cnry-1":2,"message":"list"}"#,
        r#"{"version":1,"parts":[],"message":{"delete":{"name":"A","cnry-1":1}}}"#,
        "cnry-1",
        "",
    ] {
        let error = decode_header::<Request>(header.as_bytes()).err().expect("an error");
        assert!(matches!(error, FrameError::Malformed { .. }), "{header}: {error:?}");
        assert!(!error.to_string().contains("cnry"), "{error}");
    }
}

#[test]
fn another_version_is_told_from_rubbish_and_may_still_stop() {
    let header = br#"{"version":7,"parts":[],"message":{"unheard":"of"}}"#;
    assert_eq!(decode_header::<Request>(header).err(), Some(FrameError::Version(7)));
    assert!(is_stop(br#"{"version":7,"parts":[],"message":"stop"}"#));
    assert!(!is_stop(br#"{"version":7,"parts":[],"message":"list"}"#));
}
