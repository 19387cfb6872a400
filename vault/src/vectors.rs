//! The files of `vault/vectors`, for other programs that read or write these documents.
//!
//! With `FLUVIO_SECRET_WRITE_VECTORS=1` they are written, otherwise compared.

mod topics;

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::fs;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::{RecordKind, Secret};

use crate::members::applicant::Applicant;
use crate::members::chain::MemberChain;
use crate::members::content_hash::ContentHash;
use crate::members::hex;
use crate::members::list::{MemberList, SignedList};
use crate::members::signed_text::{SignedKind, document};
use crate::members::signing_key::SigningKey;
use crate::members::test_machines::{
    TestMachine, first_list, found, machines, other_vault, time, vault,
};
use crate::revisions::revision::Revision;
use crate::revisions::signed_record::{SecretUpdate, SignedRecord, VerifiedRecord};
use crate::revisions::vault_state::{SecretState, VaultState};
use fluvio_secret_protocol::Role;

/// Each file by its path.
type Files = BTreeMap<String, Vec<u8>>;

const DEPTH: usize = 2;

/// A table: a comment, the names of its columns, and rows with tabs between the fields. An empty field is `-`.
struct Table(String);

impl Table {
    fn new(comment: &str, columns: &[&str]) -> Self {
        Self(format!("# {comment}\n# {}\n", columns.join("\t")))
    }

    fn row(&mut self, fields: &[&str]) {
        let shown: Vec<_> =
            fields.iter().map(|field| if field.is_empty() { "-" } else { field }).collect();
        writeln!(self.0, "{}", shown.join("\t")).expect("written");
    }

    fn save(self, path: &str, files: &mut Files) {
        files.insert(path.to_owned(), self.0.into_bytes());
    }
}

/// The name of an error, which stays if its message changes.
fn reason(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    let name = text.strip_prefix("Document(").unwrap_or(&text);
    name.split(['(', ')']).next().expect("a name").to_owned()
}

/// A document with a change in its head, signed by this key.
fn signed_again(kind: SignedKind, bytes: &[u8], change: [&str; 2], key: &SigningKey) -> Vec<u8> {
    let mut parts = bytes.splitn(3, |&byte| byte == b'\n');
    let head = String::from_utf8(parts.next().expect("a head").to_vec()).expect("text");
    let content = parts.nth(1).expect("content");
    let [from, to] = change;
    assert!(head.contains(from), "{head}");
    let head = head.replacen(from, to, 1).into_bytes();
    document(&head, &kind.sign(key, (&head, content)), content).to_vec()
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

fn keys(files: &mut Files) {
    let columns = ["machine", "seed", "verification key", "fingerprint", "recipient"];
    let mut table = Table::new("The keys of the machines.", &columns);
    let names = ["ada", "bob", "cleo", "dan"];
    for (name, TestMachine { key, recipient, .. }) in names.iter().zip(machines()) {
        table.row(&[
            name,
            &key.to_digits(),
            &key.verification_key().to_string(),
            &key.fingerprint().to_string(),
            &recipient.to_string(),
        ]);
    }
    table.save("keys.txt", files);
}

/// Lists by the names of their files. Ada and Bob are admins from version 2 on, and there is a fork of version 3.
fn member_lists() -> BTreeMap<&'static str, SignedList> {
    let [ada, bob, cleo, dan] = machines();
    let first = first_list();
    let admins = || vec![ada.member(Role::Admin), bob.member(Role::Admin)];
    let with = |other: &TestMachine, role| [admins(), vec![other.member(role)]].concat();
    let second = first.next(with(&cleo, Role::Reader), &ada.key).expect("a list");
    let third = second.next(with(&cleo, Role::Writer), &ada.key).expect("a list");
    let fork = second.next(with(&dan, Role::Reader), &bob.key).expect("a list");
    let merge = third.merge(&fork, with(&dan, Role::Reader), &bob.key).expect("a list");
    let without_bob = first.next(vec![ada.member(Role::Admin)], &ada.key).expect("a list");
    let other = MemberList::first(other_vault(), admins(), &ada.key).expect("a list");
    let bytes = |list: &MemberList, change, key: &SigningKey| {
        let bytes = signed_again(SignedKind::MemberList, list.bytes(), change, key);
        SignedList::parse(bytes).expect("a list")
    };
    let [by_ada, by_cleo] =
        [&ada, &cleo].map(|machine| format!("\"signer\":\"{}\"", machine.key.fingerprint()));
    let last = third.bytes().len() - 2;
    let digit = if third.bytes()[last] == b'0' { "1" } else { "0" };
    let mut bad_signature = third.bytes().to_vec();
    bad_signature[last] = digit.as_bytes()[0];
    BTreeMap::from([
        ("1", found(&first)),
        ("2", found(&second)),
        ("3", found(&third)),
        ("3-fork", found(&fork)),
        ("4-merge", found(&merge)),
        ("2-without-bob", found(&without_bob)),
        ("1-other-vault", found(&other)),
        ("3-by-cleo", bytes(&third, [&by_ada, &by_cleo], &cleo.key)),
        ("3-signed-by-cleo", bytes(&third, ["", ""], &cleo.key)),
        ("3-bad-signature", SignedList::parse(bad_signature).expect("a list")),
        ("5-skips", bytes(&third, ["\"version\":3", "\"version\":5"], &ada.key)),
    ])
}

fn lists(files: &mut Files) {
    let lists = member_lists();
    for (name, list) in &lists {
        files.insert(format!("lists/{name}"), list.bytes().to_vec());
    }
    let columns =
        ["accepted before", "candidates", "accepted after", "refused, each with its reason"];
    let mut table = Table::new("Which list a machine accepts.", &columns);
    let all = "1 2 3 3-fork 4-merge";
    for (accepted, candidates) in [
        ("1", "1 2"),
        ("1", "2 3"),
        ("1", "1 2 3"),
        ("1", "1 3"),
        ("2", "1 2 5-skips"),
        ("2", "1 2 3-by-cleo"),
        ("2", "1 2 3-signed-by-cleo"),
        ("2", "1 2 3-bad-signature"),
        ("1", "1 1-other-vault"),
        ("1", "1 2 2-without-bob"),
        ("1", "1 2 3 3-fork"),
        ("3", "1 2 3 3-fork"),
        ("1", all),
        ("3", all),
        ("3-fork", all),
        ("3-fork", "1 2 3-fork 4-merge"),
        ("4-merge", all),
        ("3", "1 2"),
    ] {
        let mut chain = MemberChain::of(MemberList::accepted(lists[accepted].clone()));
        let names: Vec<_> = candidates.split(' ').collect();
        let found: Vec<_> = names.iter().map(|name| lists[name].clone()).collect();
        let refused = chain.advance(&found);
        let name = |hash: ContentHash| {
            lists.iter().find(|(_, list)| list.hash() == hash).expect("one of them").0
        };
        let refused: Vec<_> = refused
            .iter()
            .map(|list| format!("{}={}", name(list.hash), reason(&list.reason)))
            .collect();
        let newest = name(chain.newest().hash());
        table.row(&[accepted, candidates, newest, &refused.join(" ")]);
    }
    table.save("lists.txt", files);
}

fn applicants(files: &mut Files) {
    let [.., cleo, dan] = machines();
    let sign = |vault, note| {
        Applicant::sign(vault, dan.recipient.clone(), note, Role::Writer, 0, &dan.key)
            .bytes()
            .to_vec()
    };
    let good = sign(vault(), "dan's \u{201c}edge\u{201d}");
    let change = |change, key| signed_again(SignedKind::Applicant, &good, change, key);
    let name = dan.key.fingerprint().to_string();
    let text = String::from_utf8(good.clone()).expect("text");
    let changed_role = text.replacen("\"writer\"", "\"admin\"", 1);
    let files_of = [
        (name.as_str(), good.clone()),
        ("another-name", good.clone()),
        ("another-vault", sign(other_vault(), "")),
        ("changed-role", changed_role.into_bytes()),
        ("newer", change(["\"format\":1", "\"format\":2"], &dan.key)),
        ("signed-by-cleo", change(["", ""], &cleo.key)),
        ("space", change(["\"format\":1", "\"format\": 1"], &dan.key)),
        ("unknown-field", change(["\"format\":1", "\"format\":1,\"x\":0"], &dan.key)),
    ];
    let columns = ["file", "result"];
    let mut table = Table::new("Documents that ask to join the vault of lists/1.", &columns);
    for (file, bytes) in files_of {
        // The others are read under the name that they should have.
        let named = if file == "another-name" { file } else { &name };
        let result = match Applicant::of(named, bytes.clone(), vault()) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => reason(&error),
        };
        files.insert(format!("requests/{file}"), bytes);
        table.row(&[file, &result]);
    }
    table.save("requests.txt", files);
}

fn record_files() -> Vec<(&'static str, Vec<u8>)> {
    let [ada, bob, cleo, dan] = machines();
    let first = first_list();
    let without_bob =
        member_lists().remove("2-without-bob").map(MemberList::accepted).expect("a list");
    let update = |kind, value: &[u8]| SecretUpdate {
        name: "AUTH_HEADER".parse().expect("a name"),
        kind,
        counter: 3,
        set_at: time("2026-11-23T22:50:00Z"),
        value: Secret::from(value.to_vec()),
    };
    let sign = |update: SecretUpdate, key, list| update.sign(key, list).expect("a record");
    let by_bob = |kind, value: &[u8]| sign(update(kind, value), &bob.key, &first);
    let value = by_bob(RecordKind::Value, b"Authorization: bearer 1234abcd");
    let again = value.sign_again(&ada.key, &without_bob).expect("a record");
    let other_name =
        SecretUpdate { name: "OTHER".parse().expect("a name"), ..update(RecordKind::Value, b"x") };
    let members = first.members().to_vec();
    let other_list = MemberList::first(other_vault(), members, &ada.key).expect("a list");
    let bytes = |record: &VerifiedRecord| record.encode().to_vec();
    let good = bytes(&value);
    let change = |change, key| signed_again(SignedKind::Record, &good, change, key);
    let [of_bob, of_cleo, of_dan] =
        [&bob, &cleo, &dan].map(|machine| machine.key.fingerprint().to_string());
    let signed_list = SignedKind::MemberList;
    vec![
        ("value", good.clone()),
        ("bytes", bytes(&by_bob(RecordKind::Value, b"\n\xff\0"))),
        ("empty", bytes(&by_bob(RecordKind::Value, b""))),
        ("deleted", bytes(&by_bob(RecordKind::Deleted, b""))),
        ("purged", bytes(&by_bob(RecordKind::Purged, b""))),
        ("signed-again", bytes(&again)),
        ("other-name", bytes(&sign(other_name, &bob.key, &first))),
        ("other-vault", bytes(&sign(update(RecordKind::Value, b"x"), &bob.key, &other_list))),
        ("by-reader", change([&of_bob, &of_cleo], &cleo.key)),
        ("by-stranger", change([&of_bob, &of_dan], &dan.key)),
        ("signed-by-dan", change(["", ""], &dan.key)),
        ("signed-as-list", signed_again(signed_list, &good, ["", ""], &bob.key)),
        ("newer-list", change(["\"members\":1", "\"members\":2"], &bob.key)),
        ("deleted-with-value", change(["\"value\"", "\"deleted\""], &bob.key)),
        ("newer", change(["\"format\":2", "\"format\":3"], &bob.key)),
        ("older", b"{\"format\":1,\"name\":\"AUTH_HEADER\"}\nx".to_vec()),
        ("space", change(["\"revision\":3", "\"revision\": 3"], &bob.key)),
        ("flipped-value", flipped(&good, good.len() - 1)),
        ("no-signature", good.split(|&byte| byte == b'\n').next().expect("a head").to_vec()),
    ]
}

fn records(files: &mut Files) {
    let lists = member_lists();
    let columns = ["file", "newest list", "name", "result", "kind", "revision", "author", "value"];
    let mut table = Table::new("Decrypted records. The value is hexadecimal.", &columns);
    for (file, bytes) in record_files() {
        for list in ["1", "2-without-bob"] {
            let name = "AUTH_HEADER";
            let members = MemberList::accepted(lists[list].clone());
            let verify =
                |record: SignedRecord| record.verify_of(&name.parse().expect("a name"), &members);
            let record = SignedRecord::parse(&bytes).map_err(Into::into).and_then(verify);
            match record {
                Ok(record) => {
                    let revision = record.revision(ContentHash::of(&[]));
                    table.row(&[
                        file,
                        list,
                        name,
                        "accepted",
                        &kind_text(record.kind()),
                        &revision.counter.to_string(),
                        &revision.author.to_string(),
                        &hex::encode(record.value().expose()),
                    ]);
                }
                Err(error) => table.row(&[file, list, name, &reason(&error)]),
            }
        }
        files.insert(format!("records/{file}"), bytes);
    }
    table.save("records.txt", files);
}

fn kind_text(kind: RecordKind) -> String {
    serde_json::to_string(&kind).expect("text").trim_matches('"').to_owned()
}

fn revision_text(revision: &Revision) -> String {
    let Revision { counter, author, set_at, kind, members, file } = revision;
    format!("{counter}/{author}/{set_at}/{}/{members}/{file}", kind_text(*kind))
}

fn merges(files: &mut Files) {
    let columns = ["one", "the other", "current", "purge", "history"];
    let comment = format!(
        "States of one name that are merged, with {DEPTH} earlier values. A revision is \
         counter/author/set_at/kind/members/hash of the file."
    );
    let mut table = Table::new(&comment, &columns);
    let authors = machines().map(|machine| machine.key.fingerprint());
    let (mut low, mut high) = (authors[0], authors[1]);
    if low > high {
        std::mem::swap(&mut low, &mut high);
    }
    let of = |counter, author, kind, members| Revision {
        counter,
        author,
        set_at: time("2026-11-23T22:50:00Z"),
        kind,
        members,
        file: ContentHash::of(&[u8::try_from(counter).expect("a byte")]),
    };
    let value = |counter, author| of(counter, author, RecordKind::Value, 1);
    let again = |counter, author| of(counter, author, RecordKind::Value, 2);
    let purge = |counter, author| of(counter, author, RecordKind::Purged, 1);
    let deleted = |counter, author| of(counter, author, RecordKind::Deleted, 1);
    let later = Revision { set_at: time("2026-11-23T22:50:01Z"), ..value(1, low) };
    for (one, other) in [
        (vec![value(1, low)], vec![value(2, low)]),
        (vec![value(2, low)], vec![value(2, high)]),
        (vec![value(1, low), value(2, low)], vec![value(1, low), value(2, high), value(3, high)]),
        (vec![value(1, low)], vec![later]),
        (vec![value(1, low)], vec![again(1, low)]),
        (vec![value(2, low)], vec![deleted(2, high)]),
        (vec![value(2, high)], vec![deleted(2, low)]),
        (vec![value(1, low), value(2, low)], vec![value(1, low), purge(2, high)]),
        (vec![value(1, low), value(3, low)], vec![purge(2, high)]),
        (vec![value(1, low), value(2, high)], vec![purge(2, low), value(3, low)]),
    ] {
        let name = "A".parse().expect("a name");
        let state = |revisions: &[Revision]| {
            let mut state = VaultState::default();
            revisions.iter().for_each(|revision| state.add(&name, *revision, DEPTH));
            state
        };
        let merged = state(&one).merge(&state(&other), DEPTH);
        let merged: &SecretState = merged.get(&name).expect("a state");
        let texts = |revisions: &[Revision]| {
            revisions.iter().map(revision_text).collect::<Vec<_>>().join(" ")
        };
        table.row(&[
            &texts(&one),
            &texts(&other),
            &revision_text(merged.current()),
            &merged.purge().map(revision_text).unwrap_or_default(),
            &texts(merged.history()),
        ]);
    }
    table.save("merges.txt", files);
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// The files that are there, apart from the page about them.
fn found_files() -> Files {
    let mut files = Files::new();
    for place in ["", "lists/", "records/", "requests/", "topics/"] {
        for entry in fs::read_dir(directory().join(place)).expect("a directory") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("text");
            if entry.file_type().expect("a type").is_file() && name != "README.md" {
                let bytes = fs::read(entry.path()).expect("a file");
                files.insert(format!("{place}{name}"), bytes);
            }
        }
    }
    files
}

#[test]
fn the_vectors_are_what_this_library_does() {
    let mut files = Files::new();
    for add in [keys, lists, applicants, records, merges, topics::topics] {
        add(&mut files);
    }
    if std::env::var_os("FLUVIO_SECRET_WRITE_VECTORS").is_some() {
        for (path, bytes) in &files {
            let path = directory().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, bytes).expect("written");
        }
    }
    let found = found_files();
    for (path, bytes) in &files {
        assert!(found.get(path) == Some(bytes), "{path} is another one");
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), files.keys().collect::<Vec<_>>());
}
