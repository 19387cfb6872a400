//! What was acknowledged is there, whatever stops the daemon and changes the files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use fluvio_secret_protocol::Code;
use fluvio_secret_system::help::Helpful;

use crate::harness::ask::{Answer, Asker};
use crate::harness::trace::{ALL_THREADS, Trace};
use crate::harness::{
    Ends, Home, Layout, canary, eventually, is_alive, kill, need, said, spawn, wire,
};

/// Secrets of each writer: few, so that most changes are of what is there.
const NAMES: usize = 3;
pub(crate) const WRITERS: usize = 8;

/// How often the daemon is killed.
fn kills() -> u32 {
    if std::env::var_os("FLUVIO_SECRET_TORTURE").is_some() { 1_000 } else { 200 }
}

/// A number below another, another each time.
pub(crate) fn random(below: u64) -> u64 {
    RandomState::new().hash_one(()) % below
}

/// What a writer knows of one of its secrets, which no other writer changes.
pub(crate) struct Known {
    pub(crate) name: String,
    /// The name that a rename that was not acknowledged may have given it.
    renamed: Option<String>,
    /// How often it was renamed.
    renames: u32,
    sure: Option<Vec<u8>>,
    /// What a change that was not acknowledged may have made of it.
    perhaps: Option<Option<Vec<u8>>>,
}

/// A client that changes its secrets as fast as it can.
pub(crate) struct Writer {
    pub(crate) names: Vec<Known>,
    pub(crate) unknown: u64,
    /// Changes of all writers.
    acknowledged: Arc<AtomicU64>,
}

impl Writer {
    pub(crate) fn new(number: usize, acknowledged: &Arc<AtomicU64>) -> Self {
        let name = |n| Known {
            name: format!("W{number}_{n}"),
            renamed: None,
            renames: 0,
            sure: None,
            perhaps: None,
        };
        Self {
            names: (0..NAMES).map(name).collect(),
            unknown: 0,
            acknowledged: acknowledged.clone(),
        }
    }

    fn write_until(&mut self, home: &Home, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            // Each error is a daemon that was killed.
            let Ok(mut asker) = Asker::connect(home) else {
                thread::sleep(Duration::from_millis(1));
                continue;
            };
            let checked = self.check(&mut asker);
            if checked.is_ok() {
                while !stop.load(Ordering::Relaxed) && self.acknowledged_change(&mut asker) {}
            }
        }
    }

    /// Makes changes until one of them is not answered, or the disk refuses it.
    pub(crate) fn write_until_cut(&mut self, asker: &mut Asker) {
        loop {
            match self.change(asker) {
                Ok(Ok(())) => {}
                Ok(Err(refusal)) if matches!(refusal.code, Code::Audit | Code::Storage) => return,
                Ok(Err(refusal)) => panic!("{refusal}"),
                Err(_) => return,
            }
        }
    }

    /// A change, unless the daemon is gone. It may not refuse one.
    fn acknowledged_change(&mut self, asker: &mut Asker) -> bool {
        self.change(asker)
            .map(|answer| answer.unwrap_or_else(|refusal| panic!("{refusal}")))
            .is_ok()
    }

    /// Compares what is there with what may be.
    pub(crate) fn check(&mut self, asker: &mut Asker) -> io::Result<()> {
        for known in &mut self.names {
            known.finish_rename(asker)?;
        }
        let list: BTreeSet<_> = asker.list()?.unwrap().into_iter().collect();
        for known in &mut self.names {
            let name = &known.name;
            let found = match list.contains(name) {
                true => Some(asker.value(name)?.unwrap()),
                false => None,
            };
            let is_legal = found == known.sure || known.perhaps.as_ref() == Some(&found);
            let text = |value: &Option<Vec<u8>>| {
                value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned())
            };
            assert!(
                is_legal,
                "{name} is {:?}, was {:?} or perhaps {:?}",
                text(&found),
                text(&known.sure),
                known.perhaps.as_ref().map(text)
            );
            (known.sure, known.perhaps) = (found, None);
        }
        Ok(())
    }

    fn change(&mut self, asker: &mut Asker) -> Answer<()> {
        let known = &mut self.names[usize::try_from(random(NAMES as u64)).unwrap()];
        if known.sure.is_some() && random(8) == 0 {
            self.unknown += 1;
            let answer = known.rename(asker)?;
            if answer.is_ok() {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
                self.unknown -= 1;
            }
            return Ok(answer);
        }
        let next = (random(3) > 0).then(|| canary().into_bytes());
        known.perhaps = Some(next.clone());
        self.unknown += 1;
        let answer = match &next {
            Some(value) => asker.set(&known.name, value)?,
            None => asker.delete(&known.name)?,
        };
        match answer {
            Ok(()) => known.sure = next,
            Err(refusal) => {
                let was_missing = next.is_none() && known.sure.is_none();
                if refusal.code != Code::Missing || !was_missing {
                    return Ok(Err(refusal));
                }
            }
        }
        known.perhaps = None;
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.unknown -= 1;
        Ok(Ok(()))
    }
}

impl Known {
    fn rename(&mut self, asker: &mut Asker) -> Answer<()> {
        self.renames += 1;
        let base = self.name.split('x').next().unwrap();
        let new = format!("{base}x{}", self.renames);
        self.renamed = Some(new.clone());
        let answer = asker.rename(&self.name, &new)?;
        if answer.is_ok() {
            (self.name, self.renamed) = (new, None);
        }
        Ok(answer)
    }

    /// Checks that a rename that was not acknowledged has lost nothing, and finishes it.
    fn finish_rename(&mut self, asker: &mut Asker) -> io::Result<()> {
        let Some(new) = self.renamed.clone() else { return Ok(()) };
        let list = asker.list()?.unwrap();
        let is_there = list.contains(&self.name) || list.contains(&new);
        assert!(is_there, "{} is neither there nor under {new}", self.name);
        match asker.rename(&self.name, &new)? {
            Ok(()) => {}
            // It was done.
            Err(refusal) => assert_eq!(refusal.code, Code::Missing, "{refusal}"),
        }
        (self.name, self.renamed) = (new, None);
        Ok(())
    }
}

/// A daemon that is ours to kill.
pub(crate) fn daemon(home: &Home) -> Child {
    let said = File::create(home.path("said")).unwrap();
    home.command("fluvio-secretd").stderr(said).spawn().unwrap()
}

pub(crate) fn wait_until_it_serves(home: &Home, daemon: &mut Child) {
    eventually("the daemon", || {
        let said = || fs::read_to_string(home.path("said")).unwrap();
        assert!(daemon.try_wait().unwrap().is_none(), "it does not start: {}", said());
        Asker::connect(home).is_ok()
    });
}

pub(crate) fn end(mut daemon: Child) {
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

/// Every file with a temporary name.
pub(crate) fn temporary(home: &Home) -> Vec<String> {
    let folders = [home.vault(), home.path("config"), home.history()];
    let names = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap().flatten());
    let names = names.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".tmp-")).collect()
}

#[test]
fn a1_no_kill_loses_or_brings_back_what_was_acknowledged() {
    kill_under_writers(Layout::Together);
}

#[test]
fn a1_no_kill_does_that_with_the_history_on_another_file_system() {
    if need::root() {
        kill_under_writers(Layout::Apart);
    }
}

fn kill_under_writers(layout: Layout) {
    let home = Home::of(layout);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut writers: Vec<_> = (0..WRITERS).map(|n| Writer::new(n, &acknowledged)).collect();
    let (stop, kills) = (AtomicBool::new(false), kills());
    let mut in_the_start = 0;
    thread::scope(|scope| {
        let _ends = Ends(&stop);
        let threads: Vec<_> = writers
            .iter_mut()
            .map(|writer| scope.spawn(|| writer.write_until(&home, &stop)))
            .collect();
        for kill in 0..kills {
            let mut daemon = daemon(&home);
            // Some die while they start: that, too, is a moment like others.
            if kill % 5 == 4 {
                in_the_start += 1;
            } else {
                let before = acknowledged.load(Ordering::Relaxed);
                wait_until_it_serves(&home, &mut daemon);
                let is_broken = || threads.iter().any(thread::ScopedJoinHandle::is_finished);
                eventually("a change", || {
                    acknowledged.load(Ordering::Relaxed) > before || is_broken()
                });
            }
            thread::sleep(Duration::from_micros(random(30_000)));
            end(daemon);
            if threads.iter().any(thread::ScopedJoinHandle::is_finished) {
                break;
            }
        }
    });
    home.ok(&["list"]);
    let mut asker = Asker::connect(&home).unwrap();
    for writer in &mut writers {
        writer.check(&mut asker).unwrap();
    }
    let is_ours = |name: &String| writers.iter().flat_map(|w| &w.names).any(|k| k.name == *name);
    assert!(asker.list().unwrap().unwrap().iter().all(is_ours));
    assert_eq!(temporary(&home), Vec::<String>::new());
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    let unknown: u64 = writers.iter().map(|writer| writer.unknown).sum();
    need::say(&format!(
        "a1: {layout:?}: {kills} kills ({in_the_start} of them in the start), {acknowledged} changes \
         acknowledged, {unknown} cut off"
    ));
}

#[test]
fn a8_a_damaged_file_is_refused_by_name_and_left_and_the_others_are_served() {
    Layout::all().iter().for_each(|&layout| damage(layout));
}

fn damage(layout: Layout) {
    let home = Home::of(layout);
    let canary = canary();
    home.set("A", &canary);
    home.set("B", "other");
    let (file, whole) = (home.secret_file("A"), fs::read(home.secret_file("A")).unwrap());
    let refused = |what: &str, bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let mut asker = Asker::connect(&home).unwrap();
        let refusal = asker.value("A").unwrap().expect_err(what);
        assert_eq!(refusal.code, Code::Damaged, "{what}: {refusal}");
        let text = refusal.report();
        assert!(text.contains("`A`") && text.contains("damaged"), "{what}: {text}");
        assert!(!text.contains(&canary), "{what}: {text}");
        assert_eq!(fs::read(&file).unwrap(), bytes, "{what}");
        assert_eq!(asker.value("B").unwrap().unwrap(), b"other", "{what}");
    };
    for flip in 0..200 {
        let mut bytes = whole.clone();
        let at = flip * whole.len() / 200;
        bytes[at] ^= 1 << random(8);
        refused(&format!("byte {at} flipped"), &bytes);
    }
    for length in 0..whole.len() {
        refused(&format!("cut at {length}"), &whole[..length]);
    }
    refused("a byte too many", &[&whole[..], b"x"].concat());
    refused("the file of another secret", &fs::read(home.secret_file("B")).unwrap());
    let damaged = fs::read(&file).unwrap();
    // As people see it, and how they get out of it.
    let config = home.config(&["A", "B"]);
    let run = said(&mut home.run(&config, &[], &["true"]));
    assert_eq!(run.code(), Some(125));
    assert!(run.err.contains("damaged") && run.err.contains("`A`"), "{run:?}");
    assert!(home.set("A", "anew").status.success());
    let mut asker = Asker::connect(&home).unwrap();
    assert_eq!(asker.value("A").unwrap().unwrap(), b"anew");
    assert_eq!(fs::read(home.history().join("A/1.age")).unwrap(), damaged);
}

#[test]
fn a11_what_others_put_into_the_vault_or_take_out_counts_at_the_next_request() {
    Layout::all().iter().for_each(|&layout| change_from_outside(layout));
}

fn change_from_outside(layout: Layout) {
    let home = Home::of(layout);
    home.set("A", "one");
    let daemon = home.daemon_pid();
    let (a, b, saved) = (home.secret_file("A"), home.secret_file("B"), home.path("saved"));
    let list = || Asker::connect(&home).unwrap().list().unwrap().unwrap();
    let value = |name| Asker::connect(&home).unwrap().value(name).unwrap();
    let sh = |script: &str| {
        let mut sh = home.foreign("sh");
        let said = said(sh.args(["-ec", script, "sh"]).args([&a, &b, &saved]));
        assert!(said.status.success(), "{script}: {said:?}");
    };
    sh("cp -p \"$1\" \"$3\"");
    home.set("A", "two");
    sh("cp \"$3\" \"$1\"");
    assert_eq!(value("A").unwrap(), b"one", "restored in place");
    home.set("A", "two");
    sh("cp \"$3\" \"$3.new\"; mv \"$3.new\" \"$1\"");
    assert_eq!(value("A").unwrap(), b"one", "restored by a new file");
    sh("mv \"$1\" \"$2\"");
    assert_eq!(list(), ["B"]);
    assert_eq!(value("A").unwrap_err().code, Code::Missing);
    assert_eq!(value("B").unwrap_err().code, Code::Damaged, "its name is A");
    sh("rm \"$2\"");
    assert_eq!(list(), [""; 0]);
    sh("cp \"$3\" \"$1\"");
    assert_eq!(list(), ["A"]);
    assert_eq!(value("A").unwrap(), b"one", "added");
    assert_eq!(home.daemon_pid(), daemon, "one daemon saw it all");
}

#[test]
fn a11_a_checkout_counts_at_the_next_request() {
    if !need::tool("git") {
        return;
    }
    let home = Home::new();
    let git = |args: &[&str]| {
        let mut git = home.foreign("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]);
        let said = said(git.args(args).current_dir(home.vault()));
        assert!(said.status.success(), "git {args:?}: {said:?}");
        said.out
    };
    let commit = || {
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message", "x"]);
    };
    home.set("A", "one");
    git(&["init", "--quiet"]);
    commit();
    home.set("A", "two");
    home.set("B", "new");
    commit();
    let mut asker = Asker::connect(&home).unwrap();
    git(&["checkout", "--quiet", "HEAD~1"]);
    assert_eq!(asker.list().unwrap().unwrap(), ["A"]);
    assert_eq!(asker.value("A").unwrap().unwrap(), b"one");
    git(&["checkout", "--quiet", "main"]);
    assert_eq!(asker.list().unwrap().unwrap(), ["A", "B"]);
    assert_eq!(asker.value("A").unwrap().unwrap(), b"two");
    let files = git(&["ls-files"]);
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        [".gitattributes", ".gitignore", ".members/1", ".vault-id", "A.age", "B.age"]
    );
}

#[test]
fn b13_a_kill_frees_the_locks_although_clients_are_connected() {
    let home = Home::new();
    home.set("A", "x");
    let clients: Vec<_> = (0..20).map(|_| wire::connect(&home)).collect();
    let mut connector =
        spawn(&mut home.run(&home.config(&["A"]), &["--as-is"], &["sleep", "1000"]));
    eventually("the delivery", || home.audit_log().len() == 2);
    let first = home.kill_daemon();
    // The next daemon would give up if a lock was still held.
    home.ok(&["list"]);
    assert_ne!(home.daemon_pid(), Some(first));
    assert!(is_alive(connector.id()), "a connector needs no daemon");
    connector.kill().unwrap();
    connector.wait().unwrap();
    drop(clients);
}

#[test]
fn b13_the_daemon_starts_no_other_program() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    let list = home.path("trace");
    let calls = "trace=execve,execveat,fork,vfork,clone,clone3";
    let mut strace = home.foreign("strace");
    strace.args(["-f", "-e", calls, "-o"]).arg(&list);
    let mut strace = strace.arg(crate::harness::program("fluvio-secretd")).spawn().unwrap();
    eventually("the daemon", || home.daemon_pid().is_some());
    home.set("A", "x");
    home.set("A", "y");
    assert!(said(&mut home.run(&home.config(&["A"]), &[], &["true"])).status.success());
    home.ok(&["list"]);
    home.ok(&["delete", "A"]);
    kill("TERM", home.daemon_pid().unwrap());
    strace.wait().unwrap();
    let list = fs::read_to_string(list).unwrap();
    let is_call = |line: &&str| line.contains('(') && !line.contains("resumed>");
    let (threads, others): (Vec<_>, Vec<_>) =
        list.lines().filter(is_call).partition(|line| line.contains("CLONE_THREAD"));
    // Three that show that the system allows this number, and the one that serves clients. Others take its place while it
    // reads. Four workers, and a helper that syncs the lines of all changes.
    let readers = thread::available_parallelism().unwrap().get();
    assert_eq!(threads.len(), 3 + 1 + readers + 4 + 1, "{list}");
    assert_eq!(others.len(), 1, "its own start: {list}");
    assert!(others[0].contains("execve("), "{list}");
}

#[test]
fn a_grant_does_not_wait_while_another_clients_line_is_on_its_way_to_the_disk() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    let daemon = home.daemon_pid().expect("a daemon");
    // It ends with the trace.
    let slow = ["trace=fdatasync", "inject=fdatasync:delay_enter=20000000:when=1"];
    let trace = Trace::attach(&home, daemon, ALL_THREADS, &slow);
    let (mut other, mut asker) = (Asker::connect(&home).unwrap(), Asker::connect(&home).unwrap());
    std::thread::scope(|scope| {
        let set = scope.spawn(move || other.set("B", b"y").unwrap().unwrap());
        eventually("the line", || home.audit_log().len() == 2);
        assert_eq!(asker.value("A").unwrap().unwrap(), b"x");
        assert!(!set.is_finished(), "the other line is still on its way");
        trace.end();
    });
    assert_eq!(home.audit_log().len(), 3);
}
