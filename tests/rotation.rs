//! Everything is re-encrypted, whatever stops the daemon in the middle: nothing is lost, and the next
//! run finishes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use fluvio_secret_protocol::{AddMember, RemoveMember, Rotate, Secret, UseIdentity};

use crate::doctor;
use crate::harness::ask::{Answer, Asker};
use crate::harness::passphrase::{protect, seal, unlock};
use crate::harness::trace::{Trace, WRITES, call, is_steady};
use crate::harness::{Home, Layout, canary, eventually, is_alive, kill, need};

/// A key that is in use already: the example of age's own documentation.
const FRIEND: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const FRIENDS: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

/// How many secrets there are, and how often each change is killed.
fn size() -> (usize, usize) {
    if std::env::var_os("FLUVIO_SECRET_TORTURE").is_some() { (1_000, 100) } else { (20, 20) }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Change {
    Add,
    Remove,
    Rotate,
}

/// A home with secrets, of which some have an earlier version.
struct Stage {
    home: Home,
    values: BTreeMap<String, Vec<u8>>,
}

impl Stage {
    fn new(secrets: usize) -> Self {
        Self::of(secrets, Layout::Together)
    }

    fn of(secrets: usize, layout: Layout) -> Self {
        let home = Home::of(layout);
        home.ok(&["list"]);
        let mut asker = Asker::connect(&home).unwrap();
        let mut values = BTreeMap::new();
        for n in 0..secrets {
            let (name, value) = (format!("S{n}"), canary().into_bytes());
            if n % 4 == 0 {
                asker.set(&name, b"earlier").unwrap().unwrap();
            }
            asker.set(&name, &value).unwrap().unwrap();
            values.insert(name, value);
        }
        Self { home, values }
    }

    /// Makes what there is before a change.
    fn prepare(&self, change: Change) {
        match change {
            Change::Remove => self.make(Change::Add).unwrap().unwrap(),
            Change::Add if self.opens("S0", &self.friend()) => {
                self.make(Change::Remove).unwrap().unwrap();
            }
            Change::Add | Change::Rotate => {}
        }
    }

    fn make(&self, change: Change) -> Answer<()> {
        let mut asker = Asker::connect(&self.home)?;
        let recipient = FRIEND.to_owned();
        let made = match change {
            Change::Add => asker.call(&AddMember { recipient, note: None })?,
            Change::Remove => asker.call(&RemoveMember { member: recipient })?,
            Change::Rotate => asker.call(&Rotate { drop_history: false, passphrase: None })?,
        };
        Ok(made.map(|reencrypted| assert!(reencrypted.left.is_empty())))
    }

    /// The system calls of a clean change.
    fn calls(&self, change: Change) -> Vec<String> {
        self.prepare(change);
        let trace = self.trace(&[]);
        self.make(change).unwrap().unwrap();
        trace.end()
    }

    fn trace(&self, expressions: &[&str]) -> Trace {
        let daemon = self.home.daemon_pid().expect("a daemon");
        Trace::attach(&self.home, daemon, WRITES, expressions)
    }

    /// All have their values, by the daemon that is there or the next.
    fn check_values(&self, what: &str) {
        self.home.ok(&["list"]);
        let mut asker = Asker::connect(&self.home).unwrap();
        for (name, value) in &self.values {
            let found = asker.value(name).unwrap();
            let found = found.unwrap_or_else(|refusal| panic!("{what}: {name}: {refusal}"));
            assert!(found == *value, "{what}: {name} has another value");
        }
        // Other requests do not wait for the end of the change.
        asker.set("NEXT", b"x").unwrap().unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
        assert_eq!(asker.value("NEXT").unwrap().unwrap(), b"x", "{what}");
    }

    /// Nothing is left of the change but what it was for.
    fn check_end(&self, what: &str, change: Change, before: &str) {
        let mut files: Vec<_> = fs::read_dir(self.home.path("config"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let expected =
            [".gitignore", "identity.txt", "members", "signed-only", "signing-key.txt", "vault-id"];
        assert_eq!(files, expected, "{what}");
        let now = fs::read_to_string(self.home.path("config/identity.txt")).unwrap();
        assert_eq!(now != before, change == Change::Rotate, "{what}");
        let key = before.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
        let kept = now.split("# retired: ").skip(usize::from(change == Change::Rotate));
        let kept = kept.filter(|part| part.contains(key)).count();
        assert_eq!(kept, 1, "{what}: the key before is kept once");
        if change == Change::Remove {
            assert!(!self.opens("S0", &self.friend()), "{what}: the removed one opens it");
        }
    }

    /// What stock age opens, of the secrets and of their earlier versions.
    fn check_files(&self, what: &str, identity: &Path) {
        for name in self.values.keys() {
            assert!(self.opens(name, identity), "{what}: {name}");
            let earlier = self.home.history().join(format!("{name}/1.age"));
            assert!(!earlier.exists() || opens(&earlier, identity), "{what}: {name}, the earlier");
        }
    }

    fn opens(&self, name: &str, identity: &Path) -> bool {
        opens(&self.home.secret_file(name), identity)
    }

    fn friend(&self) -> std::path::PathBuf {
        self.home.write("friend.txt", FRIENDS)
    }
}

fn opens(file: &Path, identity: &Path) -> bool {
    let mut age = Command::new("age");
    age.args(["--decrypt", "--identity"]).arg(identity).arg(file).output().unwrap().status.success()
}

/// Some of the calls with their numbers: the first and the last ones, where the change begins and
/// ends, and others between.
fn chosen(calls: &[String], count: usize) -> Vec<(&str, usize)> {
    let mut counts = BTreeMap::new();
    let numbered: Vec<_> = calls
        .iter()
        .filter(|line| is_steady(line))
        .map(|line| {
            let number = counts.entry(call(line)).or_default();
            *number += 1;
            (call(line), *number)
        })
        .collect();
    let (first, last) = (count * 3 / 10, count * 4 / 10);
    // Other threads encrypt, so fewer calls are in the middle of the change.
    let between = count - first;
    let middle = numbered.len().saturating_sub(first + last);
    let middle = (0..between).map(|n| first + middle * n / between.max(1));
    let indexes =
        (0..first).chain(middle).chain(numbered.len().saturating_sub(last)..numbered.len());
    indexes.filter_map(|index| numbered.get(index).copied()).collect()
}

#[test]
fn a14_a_kill_at_any_system_call_of_a_new_seal_loses_nothing_and_the_next_run_finishes_it() {
    kill_a_new_seal(Layout::Together);
}

#[test]
fn a14_a_kill_loses_nothing_with_the_history_on_another_file_system() {
    kill_a_new_seal(Layout::Apart);
}

fn kill_a_new_seal(layout: Layout) {
    if !need::root() || !need::tool("strace") || !need::tool("age") {
        return;
    }
    let (secrets, kills) = size();
    for change in [Change::Rotate, Change::Add, Change::Remove] {
        let stage = Stage::of(secrets, layout);
        let calls = stage.calls(change);
        let kills = if change == Change::Rotate { kills } else { kills / 2 };
        let identity = &stage.home.path("config/identity.txt");
        let (mut killed, mut unfinished) = (0, 0);
        for (call, number) in chosen(&calls, kills) {
            let what = format!("{layout:?}, {change:?}, {call} number {number}");
            stage.prepare(change);
            let before = fs::read_to_string(identity).unwrap();
            let daemon = stage.home.daemon_pid().expect("a daemon");
            let trace = stage.trace(&[&format!("inject={call}:signal=KILL:when={number}")]);
            let answer = stage.make(change);
            trace.end();
            if answer.is_err() {
                eventually("the daemon's end", || !is_alive(daemon));
            }
            killed += usize::from(!is_alive(daemon));
            stage.check_files(&what, identity);
            stage.check_values(&what);
            let is_begun = stage.home.path("config/members.next").exists();
            unfinished += usize::from(is_begun);
            // The same command again, unless it has removed its member already.
            let list = fs::read_to_string(stage.home.path("config/members")).unwrap();
            let is_made = match change {
                Change::Remove => !is_begun && !list.contains(FRIEND),
                Change::Add | Change::Rotate => answer.is_ok(),
            };
            if !is_made {
                let again = stage.make(change).unwrap();
                again.unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
            }
            stage.check_values(&what);
            stage.check_end(&what, change, &before);
        }
        stage.check_files("in the end", identity);
        if change == Change::Add {
            stage.check_files("in the end", &stage.friend());
        }
        need::say(&format!(
            "a14: {layout:?}, {change:?} of {secrets} secrets: {} system calls; killed at {kills} of them, \
             {killed} died, {unfinished} were not finished",
            calls.len()
        ));
        assert!(killed + 3 >= kills && unfinished > kills / 3, "{killed} {unfinished} of {kills}");
    }
}

#[test]
fn what_doctor_tells_of_a_change_that_was_killed_finishes_it() {
    let stage = Stage::new(60);
    let look = || doctor::looks(&mut doctor::doctor(&stage.home));
    let is_begun = || stage.home.path("config/members.next").exists();
    for (change, told, command) in [
        (Change::Rotate, "a change of the identity", "fluvio-secret key rotate"),
        (Change::Add, "not all secrets are encrypted", "fluvio-secret member admit"),
    ] {
        // One that got to its end before it was killed is made again.
        eventually("a change that is not finished", || {
            stage.home.ok(&["list"]);
            stage.prepare(change);
            std::thread::scope(|scope| {
                let made = scope.spawn(|| stage.make(change));
                while !is_begun() && !made.is_finished() {
                    std::thread::yield_now();
                }
                stage.home.kill_daemon();
            });
            is_begun()
        });
        let found = look();
        let unfinished = doctor::one(&found, "members");
        assert!(doctor::text(unfinished).contains(told), "{unfinished}");
        assert_eq!(unfinished["fix"], command, "{unfinished}");
        doctor::fix(&stage.home, unfinished);
        assert!(!is_begun());
        let found = look();
        assert!(["members", "vault"].iter().all(|one| doctor::is_ok(&found, one)), "{found:?}");
        stage.check_files("mended", &stage.home.path("config/identity.txt"));
    }
    stage.check_files("mended", &stage.friend());
}

#[test]
fn grants_and_changes_go_on_while_everything_is_sealed_anew() {
    let stage = Stage::new(150);
    stage.home.ok(&["key", "rotate"]);
    let rotated = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ends = crate::harness::Ends(&rotated);
            for _ in 0..5 {
                stage.make(Change::Rotate).unwrap().unwrap();
            }
        });
        let mut asker = Asker::connect(&stage.home).unwrap();
        let mut reads = 0;
        while !rotated.load(std::sync::atomic::Ordering::Relaxed) {
            let (name, value) = stage.values.iter().nth(reads % stage.values.len()).unwrap();
            assert_eq!(asker.value(name).unwrap().unwrap(), *value);
            reads += 1;
            if reads % 20 == 0 {
                asker.set("OTHER", reads.to_string().as_bytes()).unwrap().unwrap();
                let found = asker.value("OTHER").unwrap().unwrap();
                assert_eq!(found, reads.to_string().into_bytes());
            }
        }
        assert!(reads > 20, "{reads}");
    });
    stage.check_values("in the end");
}

/// How a change is ended in the middle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ended {
    Kill,
    Lock,
}

/// A vault with the passphrase `p1`, and a change to an identity with the passphrase `p2`. The change was
/// ended when a part of the secrets was encrypted to the new identity.
fn half_used(ended: Ended) -> Option<(Stage, Secret)> {
    let stage = Stage::new(150);
    let home = &stage.home;
    fs::copy(home.path("config/identity.txt"), home.path("before.txt")).unwrap();
    protect(home, "p1");
    unlock(home, &[], "p1");
    let used = seal(FRIENDS.as_bytes(), "p2", 4);
    let request =
        UseIdentity { identity: used.clone().into(), passphrase: Some(b"p2".to_vec().into()) };
    let first = || fs::read(home.secret_file("S0")).unwrap();
    let sealed = first();
    let daemon = home.daemon_pid().expect("a daemon");
    std::thread::scope(|scope| {
        let mut asker = Asker::connect(home).unwrap();
        let made = scope.spawn(move || asker.call(&request).is_ok());
        while first() == sealed && !made.is_finished() {
            std::thread::yield_now();
        }
        if ended == Ended::Kill {
            kill("KILL", daemon);
        } else {
            // Not before: the daemon closes a connection that is silent.
            Asker::connect(home).unwrap().lock().unwrap().unwrap();
        }
    });
    if ended == Ended::Kill {
        eventually("the daemon's end", || !is_alive(daemon));
    }
    let is_begun = home.path("config/members.next").exists();
    is_begun.then(|| (stage, used.into()))
}

#[test]
fn a_change_to_an_identity_with_another_passphrase_is_finished_whatever_has_ended_it() {
    if !need::tool("age") {
        return;
    }
    for ended in [Ended::Kill, Ended::Lock] {
        let mut half = None;
        eventually("a change that is not finished", || {
            half = half_used(ended);
            half.is_some()
        });
        let (stage, used) = half.unwrap();
        let (home, friend) = (&stage.home, stage.friend());
        let before = home.path("before.txt");
        let by_next = stage.values.keys().filter(|name| stage.opens(name, &friend)).count();
        let by_present = stage.values.keys().filter(|name| stage.opens(name, &before)).count();
        assert_eq!(by_next + by_present, stage.values.len(), "{ended:?}");
        assert_eq!((by_next > 0, by_present > 0), (true, true), "{ended:?}");
        // The passphrase of the new key is that of both.
        for wrong in ["p1", "p3"] {
            assert!(unlock(home, &[], wrong).err.contains("not the passphrase"), "{ended:?}");
        }
        assert!(unlock(home, &[], "p2").out.contains("unlocked until"), "{ended:?}");
        stage.check_values(&format!("{ended:?}"));
        let again = UseIdentity { identity: used, passphrase: Some(b"p2".to_vec().into()) };
        let mut asker = Asker::connect(home).unwrap();
        asker.call(&again).unwrap().unwrap();
        stage.check_files(&format!("{ended:?}"), &friend);
        home.ok(&["lock"]);
        assert!(unlock(home, &[], "p2").out.contains("unlocked until"), "{ended:?}");
        stage.check_values(&format!("{ended:?}"));
    }
}
