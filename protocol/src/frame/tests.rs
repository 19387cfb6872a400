use super::{
    Frame, FrameError, Incoming, PREFIX_BYTES, decode_header, decode_prefix, decode_request,
    encode, head_about, is_stop,
};
use crate::check::{Checked, Finding, Severity};
use crate::*;
use std::collections::BTreeSet;

use zeroize::Zeroizing;

const ADA: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const BACKUP: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";

fn name(text: &str) -> SecretName {
    text.parse().expect("a name")
}

/// Reads a whole frame from bytes, as both ends do from a socket.
fn decode<I: Incoming>(bytes: &[u8]) -> Result<I, FrameError> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX_BYTES>().expect("a prefix");
    let (header, mut rest) = rest.split_at(decode_prefix(*prefix)?);
    let header = decode_header::<I>(header)?;
    let mut parts = Vec::new();
    for &length in header.lengths() {
        let (part, after) = rest.split_at(length);
        parts.push(Zeroizing::new(part.to_vec()));
        rest = after;
    }
    assert!(rest.is_empty(), "bytes after the frame");
    header.with_parts(parts)
}

fn bytes(frame: &Frame) -> Vec<u8> {
    frame.slices().iter().flat_map(|slice| slice.to_vec()).collect()
}

/// A message, and the bytes of its file in protocol/samples.
struct Sample<M> {
    file: &'static str,
    bytes: &'static [u8],
    message: M,
}

macro_rules! sample {
    ($file:literal, $message:expr) => {{
        let bytes = include_bytes!(concat!("../../samples/", $file)).as_slice();
        Sample { file: $file, bytes, message: $message }
    }};
}

fn check_bytes(file: &str, encoded: &[u8], sample: &[u8]) {
    assert_eq!(String::from_utf8_lossy(encoded), String::from_utf8_lossy(sample), "{file}");
}

/// Whether a request, and what answers it, are their samples when encoded, and when decoded again.
fn check_pair<C: Call>(
    request: Sample<C>,
    answers: Vec<Sample<Reply<C::Answer>>>,
) -> Vec<&'static str> {
    let Sample { file, bytes: sample, message } = request;
    check_bytes(file, &encode(&message).expect("a message"), sample);
    let decoded: C = decode(sample).expect(file);
    check_bytes(file, &encode(&decoded).expect("a message"), sample);
    decode::<Request>(sample).expect("one of all requests");
    let mut files = vec![file];
    for Sample { file, bytes: sample, message } in answers {
        files.push(file);
        for reply in [message, decode(sample).expect(file)] {
            let frame = match reply {
                Reply::Answer(answer) => answer.into_frame(),
                Reply::Refused(refusal) => Frame::new(refusal),
                Reply::Reencrypting(progress) => Frame::new(progress),
                Reply::Notice(notice) => Frame::new(notice),
                Reply::Working(working) => Frame::new(working),
            };
            check_bytes(file, &bytes(&frame.expect("a message")), sample);
        }
    }
    files
}

macro_rules! pair {
    ($request:literal, $message:expr $(, $file:literal, $answer:expr)*) => {
        check_pair(
            sample!($request, $message),
            vec![$(sample!($file, Reply::Answer($answer))),*],
        )
    };
}

#[test]
fn every_message_has_a_golden_sample_that_belongs_to_its_request() {
    let refusal = Refusal::new(Code::Missing, "no secret", "set it with: fluvio-secret set A");
    let refused = Reply::Refused(refusal.about(vec![name("A")]));
    let progress = Reply::Reencrypting(Reencrypting { done: 1, all: 2 });
    let others = vec![
        sample!("reencrypted.response", Reply::Answer(reencrypted())),
        sample!("reencrypting.response", progress),
        sample!("refused.response", refused),
        sample!("notice.response", Reply::Notice(Notice { text: "the vault has moved".into() })),
        sample!("working.response", Reply::Working(Working)),
    ];
    let passphrase = || Some(Secret::from(b"correct horse".to_vec()));
    let rotate = Rotate { drop_history: false, passphrase: passphrase() };
    let tested = [
        check_pair(sample!("rotate.request", rotate), others),
        pair!(
            "admit-members.request",
            AdmitMembers {
                requests: vec![ShownApplicant {
                    fingerprint: FINGERPRINT.into(),
                    recipient: "age1cnry".into(),
                    note: Some("bob's laptop".into()),
                    role: Role::Writer,
                }],
            },
            "reencrypted.response",
            reencrypted()
        ),
        pair!("merge-members.request", MergeMembers, "reencrypted.response", reencrypted()),
        pair!(
            "request-membership.request",
            RequestMembership { role: Role::Reader, note: Some("bob@desk".into()) },
            "membership-requested.response",
            membership_requested()
        ),
        pair!("activity.request", GetActivity, "activity.response", activity()),
        pair!(
            "add-member.request",
            AddMember { recipient: BACKUP.into(), note: Some("backup key".into()) },
            "reencrypted.response",
            reencrypted()
        ),
        pair!("check.request", Check { config: config() }, "checked.response", checked()),
        pair!(
            "copy.request",
            CopySecret { name: name("AUTH_HEADER"), new_name: name("STAGING_AUTH") },
            "copied.response",
            Copied
        ),
        pair!(
            "delete.request",
            Delete { name: name("AUTH_HEADER"), purge: false },
            "deleted.response",
            Deleted
        ),
        pair!(
            "end-lease.request",
            EndLease { id: "0123456789ab".into() },
            "lease-ended.response",
            LeaseEnded
        ),
        pair!(
            "examine.request",
            Examine { names: vec![name("A"), name("B")] },
            "examined.response",
            Examined {
                damaged: vec![Damaged {
                    name: name("A"),
                    why: "it is not a regular file".into(),
                    for_others: false
                }],
            }
        ),
        pair!(
            "grant.request",
            grant("http-source"),
            "granted.response",
            Ok(granted()),
            "checked.response",
            Err(checked())
        ),
        pair!(
            "history.request",
            History { name: name("AUTH_HEADER") },
            "versions.response",
            Versions {
                present: Some(1_670_677_620),
                earlier: vec![Version { version: 3, set_at: 1_670_677_500 }],
            }
        ),
        pair!("key.request", GetKey, "key.response", key()),
        pair!("retire.request", Retire { passphrase: passphrase() }, "key.response", key()),
        pair!(
            "lease.request",
            CreateLease(grant("cdk")),
            "leased.response",
            Ok(leased()),
            "checked.response",
            Err(checked())
        ),
        pair!("leases.request", ListLeases, "leases.response", leases()),
        pair!("list.request", List, "listed.response", listed()),
        pair!("list-deleted.request", ListDeleted, "listed.response", listed()),
        pair!("members.request", GetMembers, "members.response", members()),
        pair!(
            "remove-member.request",
            RemoveMember { member: BACKUP.into() },
            "reencrypted.response",
            reencrypted()
        ),
        pair!("lock.request", Lock, "locked.response", Locked),
        pair!(
            "passphrase.request",
            Passphrase { old: Some(b"old".to_vec().into()), new: Some(b"new one".to_vec().into()) },
            "key.response",
            key()
        ),
        pair!(
            "rename.request",
            RenameSecret { name: name("AUTH_HEADER"), new_name: name("WEATHER_AUTH") },
            "renamed.response",
            Renamed { left: 0, holders: Vec::new(), leases: Vec::new() }
        ),
        pair!(
            "restore.request",
            Restore { name: name("AUTH_HEADER"), version: Some(3) },
            "restored.response",
            Restored { version: 3, set_at: 1_670_677_620, holders: Vec::new(), leases: Vec::new() }
        ),
        pair!(
            "set.request",
            Set { name: name("AUTH_HEADER"), value: Secret::from(vec![0, 0xff, b'\n']) },
            "stored.response",
            stored()
        ),
        pair!("stale.request", GetStale { names: vec![name("A")] }, "stale.response", stale()),
        pair!("status.request", GetStatus, "status.response", status()),
        pair!("stop.request", Stop, "stopping.response", Stopping),
        pair!(
            "subscribe.request",
            Subscribe { config: config() },
            "subscribed.response",
            subscribed()
        ),
        pair!(
            "use-identity.request",
            UseIdentity {
                identity: b"AGE-SECRET-KEY-1\n".to_vec().into(),
                passphrase: passphrase(),
            },
            "reencrypted.response",
            reencrypted()
        ),
        pair!(
            "unlock.request",
            Unlock { seconds: Some(3600), passphrase: Secret::from(b"correct horse".to_vec()) },
            "unlocked.response",
            Unlocked { until: Some(1_670_720_820) }
        ),
        pair!("import.request", import(), "imported.response", imported()),
        pair!(
            "forget-vault.request",
            ForgetVault { path: PROJECT.into(), for_good: false },
            "vault-forgotten.response",
            VaultForgotten { leases: 1 }
        ),
        pair!("init-vault.request", InitVault { path: PROJECT.into() }),
        pair!(
            "inspect-vault.request",
            InspectVault { path: PROJECT.into() },
            "inspected-vault.response",
            inspected_vault()
        ),
        pair!("vaults.request", ListVaults, "vaults.response", listed_vaults()),
        pair!("trust-vault.request", trust_vault(), "trusted-vault.response", trusted_vault()),
        check_address(),
        sync_pairs(),
    ];
    let tested: BTreeSet<_> = tested.concat().into_iter().map(ToOwned::to_owned).collect();
    let samples = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/samples"));
    let samples = samples
        .expect("a directory")
        .map(|entry| entry.expect("a file").file_name().into_string().expect("a name"));
    assert_eq!(tested, samples.collect());
}

/// Whether the messages of replication are their samples.
fn sync_pairs() -> Vec<&'static str> {
    let record = || SyncDocumentKey::Record { name: name("A"), kind: RecordKind::Deleted };
    let pairs = [
        pair!(
            "acknowledge-topic.request",
            AcknowledgeTopic { topic: TOPIC.into(), records: 8123 },
            "sync-document.response",
            sync_document()
        ),
        pair!(
            "announce-topic.request",
            AnnounceTopic { topic: TOPIC.into(), generation: 1 },
            "sync-document.response",
            sync_document()
        ),
        pair!(
            "follow-vault.request",
            FollowVault,
            "vault-changes.response",
            VaultChanges { names: vec![name("A")], any: false }
        ),
        pair!(
            "get-sync-document.request",
            GetSyncDocument { key: record() },
            "sync-document.response",
            sync_document()
        ),
        pair!("join-topic.request", join_topic(), "topic-joined.response", topic_joined()),
        pair!(
            "list-sync-documents.request",
            ListSyncDocuments { names: vec![name("A")] },
            "sync-documents.response",
            sync_documents(vec![
                record(),
                SyncDocumentKey::Members { version: 3 },
                SyncDocumentKey::Request,
            ])
        ),
        pair!(
            "take-document.request",
            TakeDocument { bytes: b"age-encryption.org/v1\n".to_vec().into() },
            "taken-document.response",
            taken(TakenOutcome::Secret { name: name("A") }),
            "taken-acknowledgement.response",
            taken(TakenOutcome::Acknowledged {
                member: FINGERPRINT.into(),
                topic: TOPIC.into(),
                records: 8123,
                at: 1_670_677_620,
            })
        ),
    ];
    pairs.concat()
}

const TOPIC: &str = "fluvio-secrets";

fn sync_document() -> SyncDocument {
    SyncDocument { id: LIST.into(), bytes: b"age-encryption.org/v1\n".to_vec().into() }
}

fn sync_documents(keys: Vec<SyncDocumentKey>) -> SyncDocuments {
    let documents =
        keys.into_iter().map(|key| ListedSyncDocument { key, id: LIST.into(), older: false });
    SyncDocuments { documents: documents.collect(), more: false }
}

fn taken(outcome: TakenOutcome) -> TakenDocument {
    TakenDocument { id: LIST.into(), outcome }
}

fn join_topic() -> JoinTopic {
    JoinTopic {
        announcement: b"{}\n".to_vec().into(),
        admin: FINGERPRINT.into(),
        path: Some(PROJECT.into()),
        role: Some(Role::Reader),
        note: Some("bob@desk".into()),
    }
}

fn topic_joined() -> TopicJoined {
    TopicJoined {
        id: PROJECT_ID.into(),
        path: PROJECT.into(),
        fingerprint: FINGERPRINT.into(),
        is_member: false,
        new_identity: None,
    }
}

#[test]
fn the_longest_page_of_documents_and_of_changes_fits_into_a_frame() {
    let longest = || name(&"A".repeat(limits::NAME_BYTES));
    let key = || SyncDocumentKey::Record { name: longest(), kind: RecordKind::Deleted };
    let documents = sync_documents((0..limits::PAGE_NAMES).map(|_| key()).collect());
    assert!(encode(&documents).is_ok());
    let names = vec![longest(); limits::PAGE_NAMES];
    assert!(encode(&VaultChanges { names: names.clone(), any: false }).is_ok());
    let list = |names| decode::<Request>(&encode(&ListSyncDocuments { names }).expect("a message"));
    assert!(list(names.clone()).is_ok());
    let one_more = [names, vec![longest()]].concat();
    assert_eq!(list(one_more).err(), Some(FrameError::Large));
}

const PROJECT: &str = "/home/ada/http-source/.fluvio-secret";
const PROJECT_ID: &str = "00112233445566778899aabbccddeeff";

/// Whether the header of a request about another vault is its sample, and names that vault.
fn check_address() -> Vec<&'static str> {
    let Sample { file, bytes: sample, message } = sample!("list-in-project.request", List);
    let address = VaultAddress { path: PROJECT.into(), id: PROJECT_ID.into() };
    check_bytes(file, &head_about(Some(&address), &message).expect("a message"), sample);
    let (_, vault) = decode_request::<Request>(&sample[PREFIX_BYTES..]).expect("a header");
    assert_eq!(vault, Some(address));
    vec![file]
}

fn inspected_vault() -> InspectedVault {
    InspectedVault {
        path: PROJECT.into(),
        id: PROJECT_ID.into(),
        secrets: 2,
        members: vec![member(ADA, Some("ada"), true)],
        member_count: 1,
        list: LIST.into(),
        version: 3,
        admin: FINGERPRINT.into(),
        contradicted: false,
        registered: false,
    }
}

fn listed_vaults() -> ListedVaults {
    let (path, id) = (PROJECT.into(), PROJECT_ID.into());
    let (personal, with_personal, secrets, trouble) = (false, true, Some(2), None);
    let vault = ListedVault { path, id, personal, with_personal, secrets, trouble };
    ListedVaults { vault, more: false }
}

fn trust_vault() -> TrustVault {
    TrustVault {
        path: PROJECT.into(),
        id: PROJECT_ID.into(),
        list: LIST.into(),
        with_personal: Some(true),
    }
}

fn trusted_vault() -> TrustedVault {
    TrustedVault { path: PROJECT.into(), id: PROJECT_ID.into(), own: true, new_identity: None }
}

#[test]
fn an_address_that_is_too_long_is_refused() {
    let decode = |path: String, id: String| {
        let address = VaultAddress { path, id };
        let head = head_about(Some(&address), &List).expect("a message");
        decode_request::<Request>(&head[PREFIX_BYTES..]).map(|_| ()).err()
    };
    let id = || PROJECT_ID.to_owned();
    assert_eq!(decode("/".repeat(limits::LABEL_BYTES), id()), None);
    assert_eq!(decode("/".repeat(limits::LABEL_BYTES + 1), id()), Some(FrameError::Large));
    assert_eq!(decode("/".into(), id() + "0"), Some(FrameError::Large));
}

fn config() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(b"apiVersion: 0.1.0\n".to_vec())
}

fn grant(program: &str) -> Grant {
    let (label, program) = ("cat-facts.yaml".into(), program.into());
    Grant { label, program, check: true, identity: None, config: config() }
}

fn granted() -> Granted {
    Granted {
        connector: Some("cat-facts".into()),
        inject: InjectMode::Auto,
        secrets: vec![(name("A"), b"one".to_vec().into()), (name("B"), Vec::new().into())],
        note: None,
    }
}

fn checked() -> Checked {
    Checked {
        findings: vec![Finding {
            severity: Severity::Error,
            code: "missing-secret".into(),
            line: 9,
            column: 13,
            length: 1,
            name: Some(name("A")),
            text: "the secret `A` is not in the vault".into(),
            remedy: "set it with: fluvio-secret set A".into(),
        }],
        names: vec![name("A")],
        unchecked: None,
    }
}

fn listed_grant() -> ListedGrant {
    ListedGrant {
        at: 1_670_677_620,
        pid: 4711,
        program: "http-source".into(),
        config: "/home/ada/cat-facts.yaml".into(),
        secrets: 2,
        running: Some(true),
        stale: false,
        vault: None,
    }
}

fn activity() -> Activity {
    Activity { secrets: Some(2), grants: vec![listed_grant()] }
}

fn import() -> Import {
    Import {
        secrets: vec![(name("A"), b"one".to_vec().into()), (name("B"), Vec::new().into())],
        overwrite: false,
        dry_run: true,
    }
}

fn imported() -> Imported {
    Imported {
        found: vec![Found::Nothing, Found::Other, Found::Same],
        new_identity: None,
        holders: Vec::new(),
        leases: Vec::new(),
    }
}

fn key() -> Key {
    Key {
        identity: "/home/ada/.config/fluvio-secret/identity.txt".into(),
        recipient: Some("age19y4zphazkakea3vs2slycwa6dnecvg9fk77zcg8g7uu0w70v3yesyz7s9e".into()),
        passphrase: Some(true),
        lost: false,
        retired: vec![RetiredKey {
            recipient: BACKUP.into(),
            date: Some("2026-11-29T05:39:30Z".into()),
        }],
    }
}

fn listed() -> Listed {
    let secrets = vec![ListedSecret { name: name("A"), set_at: 1_670_677_620, older: false }];
    Listed { secrets, more: false }
}

fn leased() -> Leased {
    Leased {
        connector: Some("cat-facts".into()),
        lease: Some(Lease {
            id: "0123456789ab".into(),
            secrets: "/dev/shm/x/secrets.txt".into(),
            hold: "/dev/shm/x/hold".into(),
        }),
        note: None,
    }
}

fn leases() -> Leases {
    Leases {
        lease: Some(ListedLease {
            id: "0123456789ab".into(),
            since: 1_670_677_620,
            connector: Some("cat-facts".into()),
            config: "/home/ada/cat-facts.yaml".into(),
            names: vec![name("A")],
            hold: "/dev/shm/x/hold".into(),
            stale: Vec::new(),
            updated: Vec::new(),
            vault: None,
        }),
        more: false,
    }
}

fn reencrypted() -> Reencrypted {
    Reencrypted {
        secrets: 2,
        versions: 7,
        members: 2,
        left: vec![name("A")],
        identity: "/home/ada/.config/fluvio-secret/identity.txt".into(),
        own: ADA.into(),
        kept: Some("/home/ada/.config/fluvio-secret/identity.old.txt".into()),
        finished: Some(Unfinished::Identity),
        changed: Vec::new(),
        waiting: Vec::new(),
        others: Vec::new(),
        more_others: 0,
    }
}

fn status() -> Status {
    Status {
        is_current: true,
        version: "0.1.0".into(),
        pid: 4711,
        since: 1_670_677_620,
        vault: "/home/ada/.local/share/fluvio-secret/vault".into(),
        identity: "/home/ada/.config/fluvio-secret/identity.txt".into(),
        locked: false,
        unlocked_until: Some(1_670_720_820),
        settings: "history = 10\ninject = \"auto\"\n".into(),
        credential: None,
    }
}

fn stored() -> Stored {
    Stored {
        set_at: 1_670_677_620,
        new_identity: Some("/home/ada/.config/fluvio-secret/identity.txt".into()),
        holders: vec![listed_grant()],
        leases: vec![held_lease()],
    }
}

fn held_lease() -> HeldLease {
    HeldLease {
        id: "0123456789ab".into(),
        connector: Some("cat-facts".into()),
        config: "/home/ada/cat-facts.yaml".into(),
        updated: false,
    }
}

fn stale() -> Stale {
    Stale {
        holders: vec![ListedGrant { stale: true, ..listed_grant() }],
        leases: vec![HeldLease { updated: true, ..held_lease() }],
    }
}

fn subscribed() -> Subscribed {
    let fingerprint = |name, fingerprint| SecretFingerprint { name, fingerprint, is_same: false };
    Subscribed {
        secrets: vec![fingerprint(name("A"), Some(u64::MAX)), fingerprint(name("B"), None)],
        polled: false,
    }
}

const FINGERPRINT: &str = "0123456789abcdef0123456789abcdef";
const LIST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn member(recipient: &str, note: Option<&str>, own: bool) -> ListedMember {
    ListedMember {
        fingerprint: FINGERPRINT.into(),
        recipient: recipient.into(),
        note: note.map(Into::into),
        role: if own { Role::Admin } else { Role::Reader },
        own,
        requested: !own,
        signs: own,
    }
}

fn members() -> Members {
    Members {
        members: vec![member(ADA, None, true), member(BACKUP, Some("backup key"), false)],
        vault: PROJECT.into(),
        version: 3,
        forked: false,
        trouble: None,
        waits_for: None,
        unfinished: None,
        more: false,
    }
}

fn membership_requested() -> MembershipRequested {
    MembershipRequested {
        file: format!("{PROJECT}/requests/{FINGERPRINT}"),
        fingerprint: FINGERPRINT.into(),
        is_member: false,
    }
}

#[test]
fn the_longest_admission_fits_into_a_frame() {
    let one = ShownApplicant {
        fingerprint: FINGERPRINT.into(),
        recipient: format!("age1{}", "q".repeat(58)),
        note: Some("\"".repeat(limits::NOTE_BYTES)),
        role: Role::Reader,
    };
    let admit = |count| {
        let requests = vec![one.clone(); count];
        decode::<Request>(&encode(&AdmitMembers { requests }).expect("a message")).err()
    };
    assert_eq!(admit(limits::ADMISSIONS), None);
    assert_eq!(admit(limits::ADMISSIONS + 1), Some(FrameError::Large));
}

#[test]
fn the_longest_page_of_members_fits_into_a_frame() {
    let long = "\"".repeat(limits::NOTE_BYTES);
    let long = member(BACKUP, Some(&long), false);
    let page = vec![long.clone(); limits::PAGE_MEMBERS];
    let vault = "\"".repeat(limits::LABEL_BYTES);
    assert!(encode(&Members { members: page.clone(), vault, ..members() }).is_ok());
    assert!(encode(&InspectedVault { members: page, ..inspected_vault() }).is_ok());
}

#[test]
fn a_key_or_a_note_that_is_too_long_is_refused() {
    let refused = |message: &str| {
        let header = format!(r#"{{"version":1,"parts":[],"message":{message}}}"#);
        let header = decode_header::<Request>(header.as_bytes()).expect("a header");
        header.with_parts(Vec::new()).err()
    };
    let add = |recipient: usize, note: usize| {
        let (recipient, note) = ("x".repeat(recipient), "x".repeat(note));
        refused(&format!(r#"{{"add-member":{{"recipient":"{recipient}","note":"{note}"}}}}"#))
    };
    let (key, note) = (limits::RECIPIENT_BYTES, limits::NOTE_BYTES);
    assert_eq!(add(key, note), None);
    assert_eq!(add(key + 1, note), Some(FrameError::Large));
    assert_eq!(add(key, note + 1), Some(FrameError::Large));
    let long = "x".repeat(key + 1);
    let remove = format!(r#"{{"remove-member":{{"member":"{long}"}}}}"#);
    assert_eq!(refused(&remove), Some(FrameError::Large));
    let admit = |count: usize, bytes: usize| {
        let fields =
            format!(r#""fingerprint":"{}","recipient":"","role":"reader""#, "x".repeat(bytes));
        let requests = vec![format!("{{{fields}}}"); count].join(",");
        refused(&format!(r#"{{"admit-members":{{"requests":[{requests}]}}}}"#))
    };
    assert_eq!(admit(limits::ADMISSIONS, limits::FINGERPRINT_BYTES), None);
    assert_eq!(admit(limits::ADMISSIONS + 1, 1), Some(FrameError::Large));
    assert_eq!(admit(1, limits::FINGERPRINT_BYTES + 1), Some(FrameError::Large));
}

#[test]
fn no_message_prints_a_value() {
    let canary = "cnry-5d1f";
    let secret = || Secret::from(canary.as_bytes().to_vec());
    let set = Set { name: name("A"), value: secret() };
    let granted = Granted {
        connector: None,
        inject: InjectMode::Auto,
        secrets: vec![(name("A"), secret())],
        note: None,
    };
    let config = Zeroizing::new(canary.as_bytes().to_vec());
    let (label, program, check) = (String::new(), String::new(), false);
    let grant = Grant { label, program, check, identity: None, config };
    let used = UseIdentity { identity: secret(), passphrase: Some(secret()) };
    let rotate = Rotate { drop_history: true, passphrase: Some(secret()) };
    let retire = Retire { passphrase: Some(secret()) };
    let change = Passphrase { old: Some(secret()), new: Some(secret()) };
    let unlock = Unlock { seconds: None, passphrase: secret() };
    for printed in [
        format!("{change:?} {change:#?}"),
        format!("{unlock:?} {unlock:#?}"),
        format!("{set:?} {set:#?}"),
        format!("{used:?} {used:#?}"),
        format!("{retire:?} {retire:#?}"),
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
        decode_header::<Granted>(header(&granted, &format!("[{parts}]")).as_bytes()).err()
    };
    assert_eq!(granted(8, limits::VALUE_BYTES), None);
    let large = Some(FrameError::Large);
    assert_eq!(granted(9, limits::VALUE_BYTES), large, "each is small enough, all together not");
    assert_eq!(granted(1, limits::VALUE_BYTES + 1), large, "all together are small enough");
    assert_eq!(granted(limits::GRANT_NAMES, 0), None);
    assert_eq!(granted(limits::GRANT_NAMES + 1, 0), Some(FrameError::Parts));
    let used = r#"{"use-identity":{"has_passphrase":true}}"#;
    assert_eq!(request(used, "[65536,1024]"), None);
    assert_eq!(request(used, "[65536,1025]"), large, "each part has a limit of its own");
}

#[test]
fn a_value_over_the_limit_is_not_encoded() {
    let set = |bytes| Set { name: name("A"), value: Secret::from(vec![0; bytes]) };
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
        stale: true,
        vault: None,
    };
    let lease = HeldLease {
        id: "f".repeat(limits::LEASE_ID_BYTES),
        connector: Some(longest.clone()),
        config: longest.clone(),
        updated: true,
    };
    let stored = Stored {
        set_at: i64::MIN,
        new_identity: Some("\"".repeat(4 << 10)),
        holders: vec![grant; limits::LISTED_GRANTS],
        leases: vec![lease; limits::LISTED_GRANTS],
    };
    assert!(encode(&stored).is_ok());
}

#[test]
fn a_lease_with_as_many_secrets_as_may_be_granted_fits_into_a_header() {
    let longest = "\"".repeat(limits::LISTED_LABEL_BYTES);
    let places: Vec<_> = (0..limits::GRANT_NAMES).collect();
    let lease = ListedLease {
        id: "f".repeat(limits::LEASE_ID_BYTES),
        since: i64::MIN,
        connector: Some(longest.clone()),
        config: longest,
        names: vec![name(&"A".repeat(limits::NAME_BYTES)); limits::GRANT_NAMES],
        hold: "\"".repeat(4 << 10),
        stale: places.clone(),
        updated: places,
        vault: None,
    };
    assert!(encode(&Leases { lease: Some(lease), more: true }).is_ok());
}

#[test]
fn an_answer_about_as_many_secrets_as_may_be_examined_fits_into_a_header() {
    let longest = "A".repeat(limits::NAME_BYTES);
    let why = format!("it holds the secret `{longest}`");
    let damaged =
        vec![Damaged { name: name(&longest), why, for_others: true }; limits::EXAMINED_NAMES];
    assert!(encode(&Examined { damaged }).is_ok());
    let ask = |names: usize| {
        let examine = Examine { names: vec![name(&longest); names] };
        decode::<Request>(&encode(&examine).expect("a message")).err()
    };
    assert_eq!(ask(limits::EXAMINED_NAMES), None);
    assert_eq!(ask(limits::EXAMINED_NAMES + 1), Some(FrameError::Large));
}

#[test]
fn an_answer_about_vaults_that_keep_the_old_key_fits_into_a_header() {
    let left = vec![name(&"A".repeat(limits::NAME_BYTES)); limits::LEFT_NAMES];
    for path in ["x".repeat(limits::LABEL_BYTES), "\n".repeat(limits::LABEL_BYTES), "/x".into()] {
        let others = vec![format!("{path}: {path} does not exist any more"); limits::VAULTS];
        let (changed, waiting) = (vec![path.clone(); limits::VAULTS], others.clone());
        let left = left.clone();
        let mut answer = Reencrypted { changed, waiting, others, left, ..reencrypted() };
        answer.limit_others();
        assert!(encode(&answer).is_ok(), "{}", answer.others.len());
        let named = [&answer.changed, &answer.waiting, &answer.others].map(Vec::len);
        assert_eq!(named.iter().sum::<usize>() + answer.more_others, 3 * limits::VAULTS);
    }
}

#[test]
fn another_number_of_parts_than_the_message_has_is_refused() {
    let missing = br#"{"version":1,"parts":[],"message":{"set":{"name":"A"}}}"#;
    assert_eq!(decode_header::<Request>(missing).err(), Some(FrameError::Parts));
    let many = br#"{"version":1,"parts":[0],"message":"list"}"#;
    assert_eq!(decode_header::<Request>(many).err(), Some(FrameError::Parts));
    let one =
        br#"{"version":1,"parts":[0],"message":{"passphrase":{"has_old":true,"has_new":true}}}"#;
    assert_eq!(decode_header::<Request>(one).err(), Some(FrameError::Parts));
    let header = br#"{"version":1,"parts":[0],"message":{"set":{"name":"A"}}}"#;
    let header = decode_header::<Request>(header).expect("a header");
    assert_eq!(header.with_parts(Vec::new()).err(), Some(FrameError::Parts));
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
fn a_vault_in_a_header_is_an_object() {
    let decode = |vault: &str| {
        let header = format!(r#"{{"version":1,"parts":[],"vault":{vault},"message":"list"}}"#);
        decode_request::<Request>(header.as_bytes()).map(|(_, vault)| vault)
    };
    assert!(decode(r#" {"path":"/p","id":"0"}"#).expect("a request").is_some());
    for other in ["null", r#"["/p","0"]"#, r#""/p""#, "7", r#"{"path":"/p"}"#] {
        assert!(matches!(decode(other), Err(FrameError::Malformed { .. })), "{other}");
    }
}

#[test]
fn another_version_is_told_from_rubbish_and_may_still_stop() {
    let header = br#"{"version":7,"parts":[],"message":{"unheard":"of"}}"#;
    assert_eq!(decode_header::<Request>(header).err(), Some(FrameError::Version(7)));
    assert!(is_stop(br#"{"version":7,"parts":[],"message":"stop"}"#));
    assert!(!is_stop(br#"{"version":7,"parts":[],"message":"list"}"#));
}
