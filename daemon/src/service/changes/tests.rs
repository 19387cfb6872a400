use std::cell::Cell;
use std::fs;
use std::sync::Arc;

use fluvio_secret_protocol::{
    Answer, Code, Delete, Deleted, History, Reencrypted, Reply, Request, Restore, Restored, Rotate,
    Secret, Set, Stored,
};
use fluvio_secret_vault::SecretReader;

use super::secret_of;
use crate::answers::{Answers, Response};
use crate::rotating_log::LOG_BYTES;
use crate::service::handle;
use crate::service::tests::{Heard, Home, PEER, secret};

/// A request, and why an answer refuses it.
type Asked = (Request, fn(&Response) -> Option<Code>);

fn code<A: Answer>(answer: &Response) -> Option<Code> {
    match answer.decoded::<A>() {
        Reply::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

fn set(name: &str, value: &str) -> Asked {
    let value = Secret::from(value.as_bytes().to_vec());
    (Set { name: secret(name), value }.into(), code::<Stored>)
}

fn delete(name: &str) -> Asked {
    (Delete { name: secret(name), purge: false }.into(), code::<Deleted>)
}

fn restore(name: &str) -> Asked {
    (Restore { name: secret(name), version: None }.into(), code::<Restored>)
}

fn together(home: &Home, asked: Vec<Asked>) -> Vec<Option<Code>> {
    let (requests, codes): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let requests = requests.into_iter().map(|request| (request, PEER)).collect();
    let answers = handle::change_all(&home.service, requests);
    answers.iter().zip(codes).map(|(answer, code)| code(answer)).collect()
}

fn alone(home: &Home, (request, code): Asked) -> Option<Code> {
    let heard = Arc::new(Heard::default());
    home.ask_for(request, &heard);
    code(heard.take().last().expect("an answer"))
}

/// The value and the number of earlier versions of each secret.
fn state(home: &Home, names: &[&str]) -> Vec<(Option<Vec<u8>>, usize)> {
    let of = |name: &&str| {
        let value = SecretReader::of(&home.service.vault).value(&secret(name)).ok();
        let versions = home.call(History { name: secret(name) });
        let earlier = versions.map_or(0, |versions| versions.earlier.len());
        (value.map(|value| value.expose().to_vec()), earlier)
    };
    names.iter().map(of).collect()
}

#[test]
fn a_group_answers_as_the_same_changes_do_one_after_the_other() {
    const NAMES: [&str; 4] = ["A", "B", "C", "D"];
    let (grouped, single) = (Home::new(), Home::new());
    let mut random = 1_u64;
    let mut next = |most: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % most
    };
    let mut lengths = [0; NAMES.len() + 1];
    for round in 0..40 {
        let choices: Vec<_> = (0..6).map(|_| (next(4), NAMES[next(4) as usize])).collect();
        let ask = |(number, (kind, name)): (usize, &(u64, &str))| match kind {
            0 => delete(name),
            1 => restore(name),
            _ => set(name, &format!("{round} {number}")),
        };
        let asked = || choices.iter().enumerate().map(ask);
        // As the queue does: a secret that the group has already begins the next one.
        let mut groups = vec![Vec::<Asked>::new()];
        for (request, code) in asked() {
            let is_there = |other: &Asked| {
                secret_of(&other.0).expect("a secret") == secret_of(&request).expect("a secret")
            };
            if groups.last().is_some_and(|group| group.iter().any(is_there)) {
                groups.push(Vec::new());
            }
            groups.last_mut().expect("a group").push((request, code));
        }
        groups.iter().for_each(|group| lengths[group.len()] += 1);
        let together: Vec<_> =
            groups.into_iter().flat_map(|group| together(&grouped, group)).collect();
        let alone: Vec<_> = asked().map(|asked| alone(&single, asked)).collect();
        assert_eq!(together, alone, "{choices:?}");
        assert_eq!(state(&grouped, &NAMES), state(&single, &NAMES), "{choices:?}");
    }
    assert!(lengths[2] > 0 && lengths[3] > 0 && lengths[4] > 0, "{lengths:?}");
    let lines = |home: &Home| {
        let log = home.audit_log();
        let what = |line: &str| line.split(r#""event":"#).nth(1).expect("an event").to_owned();
        log.lines().map(what).collect::<Vec<_>>()
    };
    assert_eq!(lines(&grouped), lines(&single));
}

#[test]
fn d10_a_line_that_cannot_be_written_refuses_its_own_change_alone() {
    let home = Home::new();
    home.set("B", b"one");
    let path = home.folder.path().join("audit.log");
    // There is room for the line of a short name, and the log cannot be put aside for that of a long one.
    fs::create_dir_all(home.folder.path().join("audit.log.1/full")).expect("a directory");
    let line = fs::read(&path).expect("a line").len();
    let most = usize::try_from(LOG_BYTES).expect("a usize");
    fs::write(&path, vec![b'\n'; most - 2 * line - 10]).expect("written");
    let long = "LONG".repeat(20);
    let refused = together(&home, vec![set("A", "two"), set(&long, "two"), delete("B")]);
    assert_eq!(refused, [None, Some(Code::Audit), None]);
    let names = ["A", &long, "B"];
    assert_eq!(state(&home, &names), [(Some(b"two".to_vec()), 0), (None, 0), (None, 1)]);
    let log = home.audit_log();
    assert!(log.contains(r#"["A"]"#) && log.contains(r#"["B"]"#) && !log.contains("LONG"), "{log}");
}

#[test]
fn d10_without_its_log_no_change_of_a_group_is_made() {
    let home = Home::new();
    home.set("B", b"one");
    fs::remove_file(home.folder.path().join("audit.log")).expect("removed");
    fs::create_dir(home.folder.path().join("audit.log")).expect("a directory in its place");
    let refused = together(&home, vec![set("A", "two"), delete("B"), set("C", "two")]);
    assert_eq!(refused, [Some(Code::Audit); 3]);
    assert_eq!(state(&home, &["A", "B", "C"]), [(None, 0), (Some(b"one".to_vec()), 0), (None, 0)]);
}

#[test]
fn only_the_first_change_with_a_new_identity_reports_it() {
    let home = Home::new();
    let requests = ["A", "B"].map(|name| (set(name, "one").0, PEER)).into();
    let answers = handle::change_all(&home.service, requests);
    let is_new = |answer: &Response| match answer.decoded::<Stored>() {
        Reply::Answer(stored) => stored.new_identity.is_some(),
        other => panic!("{other:?}"),
    };
    assert_eq!(answers.iter().map(is_new).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_secret_can_be_set_while_the_key_is_rotated() {
    let home = Home::new();
    let names: Vec<_> = (0..100).map(|number| format!("S{number}")).collect();
    for name in &names {
        home.set(name, b"old");
    }
    let (changes, heard) = (Cell::new(0), Arc::new(Heard::default()));
    let change_others = || {
        changes.set(changes.get() + 1);
        let set = together(&home, vec![set(&names[changes.get()], "new"), delete("NONE")]);
        assert_eq!(set, [None, Some(Code::Missing)]);
    };
    let answers: Arc<dyn Answers> = heard.clone();
    let (request, locks) = (Rotate { drop_history: false, passphrase: None }.into(), 0);
    handle::answer(&home.service, request, PEER, locks, &answers, &change_others);
    let answer = heard.take().last().expect("an answer").decoded::<Reencrypted>();
    assert!(matches!(answer, Reply::Answer(Reencrypted { ref left, .. }) if left.is_empty()));
    assert!(changes.get() > 2, "{}", changes.get());
    for (number, name) in names.iter().enumerate() {
        let value = SecretReader::of(&home.service.vault).value(&secret(name)).expect("a value");
        let is_new = (1..=changes.get()).contains(&number);
        assert_eq!(value.expose(), if is_new { b"new" } else { b"old" }, "{name}");
    }
}
