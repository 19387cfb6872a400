//! Each system call of a change is the daemon's last one once, and fails once.
//!
//! The calls are those of a clean change, as strace(1) lists them, and are chosen by their number.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::ask::{Answer, Asker};
use crate::harness::exchange::{admit, document_of, take};
use crate::harness::trace::{ALL_THREADS, SERVES, Trace, WRITES, call, is_steady};
use crate::harness::{Home, Layout, canary, files_with, is_alive, need, said};

/// The changes that are looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Change {
    Delete,
    /// The first `set` of all, which makes the identity.
    First,
    New,
    Overwrite,
    Purge,
    /// The value of another machine.
    Take,
}

const ALL: [Change; 5] =
    [Change::Delete, Change::First, Change::New, Change::Overwrite, Change::Purge];

/// A home in which one kind of change is made again and again.
struct Stage {
    home: Home,
    layout: Layout,
    change: Change,
    name: String,
    count: usize,
    /// The value before the change.
    before: Option<Vec<u8>>,
    /// The value when the change is made.
    after: Option<Vec<u8>>,
    /// The encrypted file before the change, and the audit log's lines.
    sealed: Option<Vec<u8>>,
    lines: usize,
    /// The other machine, and the document that is taken.
    other: Option<Home>,
    document: Vec<u8>,
}

impl Stage {
    fn new(change: Change, layout: Layout) -> Self {
        let home = Home::of(layout);
        let (name, none) = ("A".to_owned(), None);
        let mut stage = Self {
            home,
            layout,
            change,
            name,
            count: 0,
            before: none.clone(),
            after: none.clone(),
            sealed: none,
            lines: 0,
            other: None,
            document: Vec::new(),
        };
        match change {
            Change::First => {}
            // Each one removes what was there before.
            Change::Purge => drop(stage.home.ok(&["list"])),
            // More than the history keeps, so that every change shortens it.
            Change::Delete | Change::New | Change::Overwrite => {
                for n in 0..13 {
                    assert!(stage.home.set("A", format!("{n}")).status.success());
                }
            }
            Change::Take => {
                let other = Home::new();
                assert!(other.set("A", "0").status.success());
                admit(&other, &stage.home);
                for n in 1..13 {
                    assert!(stage.home.set("A", format!("{n}")).status.success());
                }
                stage.other = Some(other);
            }
        }
        stage
    }

    /// Makes everything as it is before the change.
    fn prepare(&mut self) {
        self.count += 1;
        let value = canary().into_bytes();
        match self.change {
            Change::First => {
                self.home = Home::of(self.layout);
                self.home.ok(&["list"]);
            }
            Change::New => self.name = format!("N{}", self.count),
            // The first deletion of all makes this directory.
            Change::Delete => drop(fs::remove_dir_all(self.home.vault().join(".deleted"))),
            Change::Overwrite | Change::Take => {}
            Change::Purge => drop(fs::remove_dir_all(self.home.vault().join(".purged"))),
        }
        let mut asker = Asker::connect(&self.home).unwrap();
        (self.before, self.after) = match self.change {
            Change::Delete => {
                asker.set(&self.name, &value).unwrap().unwrap();
                (Some(value), None)
            }
            Change::Purge => {
                asker.set(&self.name, b"earlier").unwrap().unwrap();
                asker.set(&self.name, &value).unwrap().unwrap();
                (Some(value), None)
            }
            Change::Overwrite => (Some(asker.value(&self.name).unwrap().unwrap()), Some(value)),
            Change::Take => {
                // A take that failed may have added the value before to the history.
                let before = canary().into_bytes();
                asker.set(&self.name, &before).unwrap().unwrap();
                let other = self.other.as_ref().unwrap();
                take(other, &document_of(&self.home, &self.name)).unwrap().unwrap();
                assert!(other.set(&self.name, &value).status.success());
                self.document = document_of(other, &self.name);
                (Some(before), Some(value))
            }
            Change::First | Change::New => (None, Some(value)),
        };
        self.sealed = fs::read(self.home.secret_file(&self.name)).ok();
        self.lines = self.lines();
    }

    /// Makes the change.
    fn make(&self) -> Answer<()> {
        if self.change == Change::Take {
            return Ok(take(&self.home, &self.document)?.map(|_| ()));
        }
        let mut asker = Asker::connect(&self.home)?;
        match &self.after {
            Some(value) => asker.set(&self.name, value),
            None if self.change == Change::Purge => asker.purge(&self.name),
            None => asker.delete(&self.name),
        }
    }

    /// The system calls of a clean change, by one thread.
    fn calls(&mut self, thread: &str) -> Vec<String> {
        self.prepare();
        let trace = self.trace(thread, &[]);
        self.make().unwrap().unwrap();
        trace.end()
    }

    /// Those that come in each run. On a busy machine, the thread may sync the line itself, because no helper has begun in
    /// time.
    fn calls_of_each_run(&mut self, thread: &str) -> Vec<String> {
        let mut clean = || {
            let mut calls = self.calls(thread);
            // A thread of its own syncs the line, and calls nothing else for it.
            calls.retain(|line| match thread {
                ALL_THREADS => call(line) == "fdatasync",
                // A call during which another thread is listed has two lines.
                _ => is_steady(line) && !line.starts_with('<'),
            });
            calls
        };
        (0..3).map(|_| clean()).min_by_key(Vec::len).expect("three runs")
    }

    fn trace(&self, thread: &str, expressions: &[&str]) -> Trace {
        Trace::attach(&self.home, self.daemon(), thread, expressions)
    }

    fn daemon(&self) -> u32 {
        self.home.daemon_pid().expect("a daemon")
    }

    /// The lines of the audit log about a change.
    fn lines(&self) -> usize {
        let log = self.home.audit_log();
        log.iter().filter(|line| line["event"] != "grant").count()
    }

    /// What a connector gets, by the real command, which starts a daemon when none is there.
    fn delivered(&self) -> Option<Vec<u8>> {
        let config = self.home.config(&[&self.name]);
        let script = format!("printf %s \"${}\"", self.name);
        let said = said(&mut self.home.run(&config, &["--as-is"], &["sh", "-c", &script]));
        match said.code() {
            Some(0) => Some(said.out.into_bytes()),
            Some(125) if said.err.contains("no secret") => None,
            _ => panic!("{}: {said:?}", self.name),
        }
    }

    /// The value, asked of the daemon that is there.
    fn value(&self) -> Option<Vec<u8>> {
        let mut asker = Asker::connect(&self.home).unwrap();
        let is_there = asker.list().unwrap().unwrap().contains(&self.name);
        is_there.then(|| asker.value(&self.name).unwrap().unwrap())
    }

    /// What holds whatever happened: the state before or the one after, and nothing besides.
    fn check(&self, what: &str, found: &Option<Vec<u8>>) {
        assert!(*found == self.before || *found == self.after, "{what}: a third state");
        let is_made = *found == self.after;
        assert!(!is_made || self.lines() > self.lines, "{what}: a change without its line");
        if let Some(sealed) = &self.sealed {
            let copies = files_with(&self.home.path("data"), sealed);
            let may_be_gone = self.change == Change::Purge && is_made;
            assert!(may_be_gone || !copies.is_empty(), "{what}: the earlier version is gone");
        }
        let mut asker = Asker::connect(&self.home).unwrap();
        if self.change == Change::Purge && is_made {
            // The next change does the rest.
            asker.set("OTHER", b"x").unwrap().unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
            let left =
                self.sealed.as_ref().map(|sealed| files_with(&self.home.path("data"), sealed));
            assert!(left.is_none_or(|left| left.is_empty()), "{what}: the value is left");
        }
        asker.set("NEXT", b"x").unwrap().unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
        assert_eq!(asker.value("NEXT").unwrap().unwrap(), b"x", "{what}");
        // What a killed writer left was removed before the first change.
        for folder in [self.home.vault(), self.home.path("config"), self.home.history()] {
            for entry in fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(!name.starts_with(".tmp-"), "{what}: {name} is left");
            }
        }
    }
}

#[test]
fn a2_a_kill_at_any_system_call_leaves_the_state_before_or_after() {
    kill_at_each_call(Layout::Together, &ALL);
}

#[test]
fn a2_a_kill_does_so_with_the_history_on_another_file_system() {
    kill_at_each_call(Layout::Apart, &ALL);
}

#[test]
fn a2_a_kill_does_so_while_a_value_of_another_machine_is_taken() {
    kill_at_each_call(Layout::Together, &[Change::Take]);
}

fn kill_at_each_call(layout: Layout, changes: &[Change]) {
    if !need::root() || !need::tool("strace") {
        return;
    }
    for &change in changes {
        let mut stage = Stage::new(change, layout);
        for thread in [WRITES, SERVES, ALL_THREADS] {
            let calls = stage.calls_of_each_run(thread);
            let (mut survived, mut made) = (Vec::new(), 0);
            for (call, number) in numbered(&calls) {
                let what = format!("{layout:?}, {change:?}, {call} number {number} of {thread}");
                stage.prepare();
                let daemon = stage.daemon();
                let kill = format!("inject={call}:signal=KILL:when={number}");
                let trace = stage.trace(thread, &[&kill]);
                let answer = stage.make();
                // A connection ends only with the daemon.
                if answer.is_err() {
                    trace.end_with_daemon()
                } else {
                    trace.end()
                };
                if is_alive(daemon) {
                    survived.push((call, number));
                }
                let found = stage.delivered();
                stage.check(&what, &found);
                made += usize::from(found == stage.after);
                match answer {
                    Ok(Ok(())) => assert!(found == stage.after, "{what}: acknowledged and lost"),
                    Ok(Err(refusal)) => panic!("{what}: {refusal}"),
                    Err(_) => {}
                }
            }
            let killed = calls.len() - survived.len();
            need::say(&format!(
                "a2: {layout:?}, {change:?}: {} system calls of the thread {thread}; killed at each, {killed} \
                 died, {made} had made the change",
                calls.len()
            ));
            // What the thread that serves is called for, and how often, is not the same each time.
            assert!(thread == SERVES || survived.len() <= 3, "{survived:?} of {calls:#?}");
        }
    }
}

/// The name of each call, and its number among those of its name: strace counts them apart.
fn numbered(calls: &[String]) -> Vec<(&str, usize)> {
    let mut counts = BTreeMap::new();
    let number = |line| {
        let count = counts.entry(call(line)).or_default();
        *count += 1;
        (call(line), *count)
    };
    calls.iter().map(String::as_str).map(number).collect()
}

/// Whether a call is about files, so that a disk can make it fail.
fn is_of_files(line: &str) -> bool {
    const FILES: [&str; 17] = [
        "close",
        "fdatasync",
        "fsync",
        "getdents64",
        "link",
        "linkat",
        "mkdir",
        "mkdirat",
        "open",
        "openat",
        "rename",
        "renameat",
        "renameat2",
        "unlink",
        "unlinkat",
        "utimensat",
        "write",
    ];
    // How one thread wakes another is no file. (The line may end there, when strace is let go.)
    FILES.contains(&call(line)) && !line.contains(r#""\1\0\0\0\0\0\0\0", 8"#)
}

/// Whether a call writes down which revision was seen, which is learned again if that is lost.
fn is_of_seen(line: &str) -> bool {
    let kinds = [" value ", " deleted ", " purged "];
    call(line) == "write" && kinds.iter().any(|kind| line.contains(kind))
}

/// Whether a call gives its name to a file of what was seen that was shortened, as one of many changes does.
fn is_of_shortening(line: &str) -> bool {
    let target = line.split('"').nth(3).unwrap_or_default();
    call(line).starts_with("rename")
        && target.len() == 2
        && target.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn a6_a_system_call_that_fails_is_told_or_does_no_harm() {
    fail_at_each_call(Layout::Together, &ALL);
}

#[test]
fn a6_a_failure_is_so_with_the_history_on_another_file_system() {
    fail_at_each_call(Layout::Apart, &ALL);
}

#[test]
fn a6_a_failure_is_so_while_a_value_of_another_machine_is_taken() {
    fail_at_each_call(Layout::Together, &[Change::Take]);
}

fn fail_at_each_call(layout: Layout, changes: &[Change]) {
    if !need::root() || !need::tool("strace") {
        return;
    }
    for &change in changes {
        let mut stage = Stage::new(change, layout);
        let calls = stage.calls(WRITES);
        let (mut failed, mut harmless, mut made_and_refused) = (0, 0, 0);
        let of_files = calls.iter().zip(numbered(&calls)).filter(|(line, _)| is_of_files(line));
        let of_files =
            of_files.map(|(line, (call, number))| (WRITES, call, number, is_of_seen(line)));
        // A thread of its own syncs the line.
        let synced = (ALL_THREADS, "fdatasync", 1, false);
        for (thread, call, number, is_of_seen) in of_files.chain([synced]) {
            let what = format!("{layout:?}, {change:?}, {call} number {number}");
            let inject = format!("inject={call}:error=EIO:when={number}");
            let (daemon, answer) = loop {
                stage.prepare();
                let daemon = stage.daemon();
                let trace = stage.trace(thread, &[&format!("trace={call}"), &inject]);
                let answer = stage.make().unwrap_or_else(|error| panic!("{what}: {error}"));
                let calls = trace.end();
                let injected: Vec<_> =
                    calls.iter().filter(|line| line.contains("(INJECTED)")).collect();
                assert_eq!(injected.len(), 1, "{what}: {calls:?}");
                // It came before the call that is meant.
                if !is_of_shortening(injected[0]) {
                    break (daemon, answer);
                }
            };
            let found = stage.value();
            stage.check(&what, &found);
            if answer.is_ok() {
                harmless += 1;
                assert!(found == stage.after, "{what}: acknowledged and lost");
                let is_needed =
                    !is_of_seen && !["close", "getdents64", "openat", "unlinkat"].contains(&call);
                assert!(!is_needed, "{what}: a failure is told as success");
            } else {
                failed += 1;
                let is_made = found == stage.after;
                // Only what comes after the rename or the removal leaves the change made.
                let is_after = match change {
                    Change::Purge => {
                        ["close", "fsync", "getdents64", "openat", "unlinkat"].contains(&call)
                    }
                    _ => ["close", "fsync", "getdents64", "openat"].contains(&call),
                };
                assert!(!is_made || is_after, "{what}: refused and made");
                made_and_refused += usize::from(is_made);
            }
            assert!(is_alive(daemon), "{what}");
            assert_eq!(stage.daemon(), daemon, "{what}");
        }
        need::say(&format!(
            "a6: {layout:?}, {change:?}: {} system calls; {} of files failed each: {failed} told, {harmless} \
             harmless, {made_and_refused} told although the change is made",
            calls.len(),
            failed + harmless
        ));
        assert!(made_and_refused > 0, "the sync of the vault's folder is among them");
    }
}

/// The calls that make something last, and those that change a name, whichever form each has here. A sync
/// counts when it is done. Those without a change of a name between them are in alphabetical order.
fn skeleton(calls: &[String]) -> String {
    const STEMS: [&str; 5] = ["fdatasync", "fsync", "link", "rename", "unlink"];
    let stem = |line: &String| {
        let done = line.strip_prefix("<... ");
        let stem = STEMS.into_iter().find(|stem| done.unwrap_or(line).starts_with(stem))?;
        let is_counted = match stem {
            "fdatasync" | "fsync" => !line.ends_with("<unfinished ...>"),
            _ => done.is_none(),
        };
        is_counted.then_some(stem)
    };
    let mut stems: Vec<_> = calls.iter().filter_map(stem).collect();
    let is_sync = |stem: &str| stem.ends_with("sync");
    stems.chunk_by_mut(|one, next| is_sync(one) && is_sync(next)).for_each(<[_]>::sort_unstable);
    stems.join(" ")
}

#[test]
fn a6_the_file_and_its_line_are_synced_before_the_name_and_its_folder_after_it() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let copy = "link fsync rename fsync fsync";
    for (layout, change, expected) in [
        // The mark and the line; the second name and its two directories. Then the new directory of marks, the mark's name
        // and its directory. Then the removal and its directory.
        (
            Layout::Together,
            Change::Delete,
            "fdatasync fsync link fsync fsync fsync rename fsync unlink fsync unlink",
        ),
        // The mark and the line; the directory of marks. The mark's name and its directory; the removal and its directory.
        // The earlier versions, their directory, that directory itself, and the one above.
        (
            Layout::Together,
            Change::Purge,
            "fdatasync fsync fsync rename fsync unlink fsync unlink fsync unlink fsync",
        ),
        // The file and the line; the name and its directory.
        (Layout::Together, Change::New, "fdatasync fsync rename fsync"),
        (Layout::Together, Change::Overwrite, "fdatasync fsync link rename fsync unlink"),
        // The second name is durable before the value of another machine has its name.
        (Layout::Together, Change::Take, "fdatasync fsync link fsync fsync rename fsync unlink"),
        // In place of a second name that is refused: a copy, its name, and the two directories of that.
        (
            Layout::Apart,
            Change::Delete,
            &format!("fdatasync fsync {copy} fsync rename fsync unlink fsync unlink"),
        ),
        (Layout::Apart, Change::New, "fdatasync fsync rename fsync"),
        (Layout::Apart, Change::Overwrite, &format!("fdatasync fsync {copy} rename fsync unlink")),
        // The file that refuses records without a signature. The vault with its id, and the file that remembers it. Then
        // the identity, the signing key, and the lists of
        // members here and in the vault. Then the file and the line, in a new log. Then the name and its directory.
        (
            Layout::Together,
            Change::First,
            "fsync rename fsync fsync fsync rename fsync fsync rename fsync fsync rename fsync fsync rename fsync fsync fsync \
             rename fdatasync fsync fsync fsync rename fsync",
        ),
    ] {
        let calls = Stage::new(change, layout).calls(ALL_THREADS);
        assert_eq!(skeleton(&calls), expected, "{layout:?}, {change:?}");
    }
}

/// A home whose first `set` got as far as the identity's directory being synced, where this happened.
fn at_the_sync_of_the_identitys_folder(what: &str) -> Home {
    let home = Home::new();
    home.ok(&["list"]);
    let daemon = home.daemon_pid().unwrap();
    // The two before are for the file that refuses records without a signature, and its directory. The next three are for
    // the id of the vault: its directory, the file that remembers it, and the directory of that. The sixth is for the
    // identity's file.
    let inject = format!("inject=fsync:{what}:when=7");
    let trace = Trace::attach(&home, daemon, WRITES, &[&inject]);
    assert!(!home.set("A", "x").status.success());
    trace.end();
    assert!(!home.ok(&["list"]).contains('A'));
    home
}

#[test]
fn a6_an_identity_that_may_not_last_is_taken_back() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = at_the_sync_of_the_identitys_folder("error=EIO");
    assert!(!home.path("config/identity.txt").exists());
    let said = home.set("A", "x");
    assert!(said.status.success() && said.err.contains("identity.txt"), "it is told: {said:?}");
}

#[test]
fn a2_an_identity_that_may_not_last_is_made_to_before_it_seals() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = at_the_sync_of_the_identitys_folder("signal=KILL");
    let identity = fs::read(home.path("config/identity.txt")).unwrap();
    let syncs = |value| {
        // With the paths of descriptors.
        let trace = Trace::attach(&home, home.daemon_pid().unwrap(), WRITES, &["decode-fds=path"]);
        assert!(home.set("A", value).status.success());
        let calls = trace.end();
        let folder = format!("<{}>", home.path("config").display());
        calls.iter().filter(|line| call(line) == "fsync" && line.contains(&folder)).count()
    };
    assert_eq!(syncs("x"), 3, "for the identity, the signing key and the list of members");
    assert_eq!(syncs("y"), 0, "once is enough");
    assert_eq!(fs::read(home.path("config/identity.txt")).unwrap(), identity);
}

/// A secret with two earlier versions that is renamed, each time another one.
struct Renaming {
    home: Home,
    old: String,
    new: String,
    value: Vec<u8>,
    count: usize,
}

/// How many earlier versions it has.
const RENAMED_VERSIONS: usize = 2;

impl Renaming {
    fn new(layout: Layout) -> Self {
        let home = Home::of(layout);
        Self { home, old: String::new(), new: String::new(), value: Vec::new(), count: 0 }
    }

    fn prepare(&mut self) {
        if self.count > 0 {
            // A list has room for few.
            let mut asker = Asker::connect(&self.home).unwrap();
            asker.purge(&self.new).unwrap().unwrap();
        }
        self.count += 1;
        (self.old, self.new) = (format!("O{}", self.count), format!("N{}", self.count));
        self.value = canary().into_bytes();
        for value in [&b"one"[..], b"two", &self.value] {
            self.home.set(&self.old, String::from_utf8_lossy(value).into_owned());
        }
    }

    fn make(&self) -> Answer<()> {
        Asker::connect(&self.home)?.rename(&self.old, &self.new)
    }

    fn trace(&self, thread: &str, expressions: &[&str]) -> Trace {
        Trace::attach(&self.home, self.home.daemon_pid().expect("a daemon"), thread, expressions)
    }

    fn calls(&mut self, thread: &str) -> Vec<String> {
        self.prepare();
        let trace = self.trace(thread, &[]);
        self.make().unwrap().unwrap();
        trace.end()
    }

    /// The value and the number of earlier versions, by the real daemon.
    fn found(&self, name: &str) -> (Option<Vec<u8>>, usize) {
        self.home.ok(&["list"]);
        let mut asker = Asker::connect(&self.home).unwrap();
        let is_there = asker.list().unwrap().unwrap().iter().any(|listed| listed == name);
        let value = is_there.then(|| asker.value(name).unwrap().unwrap());
        let history = fluvio_secret_protocol::History { name: name.parse().unwrap() };
        let versions = asker.call(&history).unwrap();
        (value, versions.map_or(0, |versions| versions.earlier.len()))
    }

    /// Nothing is lost, and the same rename finishes it. Returns whether it was made.
    fn check(&self, what: &str) -> bool {
        let whole = (Some(self.value.clone()), RENAMED_VERSIONS);
        let (old, new) = (self.found(&self.old), self.found(&self.new));
        assert!(old == whole || new == whole, "{what}: {old:?} {new:?}");
        let is_made = old == (None, 0);
        let again = self.make().unwrap();
        assert_eq!(again.is_ok(), !is_made, "{what}: {again:?}");
        assert_eq!(self.found(&self.old), (None, 0), "{what}");
        assert_eq!(self.found(&self.new), whole, "{what}");
        let lines = self.home.audit_log();
        assert!(lines.iter().any(|line| line["event"] == "rename"), "{what}: without its line");
        is_made
    }
}

#[test]
fn a2_a_rename_that_is_killed_at_any_system_call_loses_nothing() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    for layout in [Layout::Together, Layout::Apart] {
        let mut renaming = Renaming::new(layout);
        let mut calls = renaming.calls(WRITES);
        calls.retain(|line| is_steady(line));
        let (mut killed, mut made) = (0, 0);
        for (call, number) in numbered(&calls) {
            let what = format!("{layout:?}, {call} number {number}");
            renaming.prepare();
            let daemon = renaming.home.daemon_pid().unwrap();
            let kill = format!("inject={call}:signal=KILL:when={number}");
            let trace = renaming.trace(WRITES, &[&kill]);
            let answer = renaming.make();
            if answer.is_err() {
                trace.end_with_daemon()
            } else {
                trace.end()
            };
            killed += usize::from(!is_alive(daemon));
            let is_made = renaming.check(&what);
            assert!(is_made || answer.is_err(), "{what}: acknowledged and not made");
            made += usize::from(is_made);
        }
        need::say(&format!(
            "a2: {layout:?}, rename: {} system calls; {killed} died, {made} had made it",
            calls.len()
        ));
        assert!(killed * 2 > calls.len(), "{killed} of {}", calls.len());
    }
}

#[test]
fn a6_a_rename_with_a_system_call_that_fails_loses_nothing() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    for layout in [Layout::Together, Layout::Apart] {
        let mut renaming = Renaming::new(layout);
        let calls = renaming.calls(WRITES);
        let (mut refused, mut made_and_refused) = (0, 0);
        let of_files = calls.iter().zip(numbered(&calls)).filter(|(line, _)| is_of_files(line));
        let of_files: Vec<_> = of_files.map(|(_, (call, number))| (call, number)).collect();
        for (call, number) in of_files {
            let what = format!("{layout:?}, {call} number {number}");
            renaming.prepare();
            let daemon = renaming.home.daemon_pid().unwrap();
            let inject = format!("inject={call}:error=EIO:when={number}");
            let trace = renaming.trace(WRITES, &[&inject]);
            let answer = renaming.make().unwrap_or_else(|error| panic!("{what}: {error}"));
            trace.end();
            assert!(is_alive(daemon), "{what}");
            let is_made = renaming.check(&what);
            assert!(is_made || answer.is_err(), "{what}: acknowledged and not made");
            refused += usize::from(answer.is_err());
            made_and_refused += usize::from(is_made && answer.is_err());
        }
        need::say(&format!(
            "a6: {layout:?}, rename: {refused} refused, {made_and_refused} of them although it is made"
        ));
        assert!(refused > 0 && made_and_refused > 0);
    }
}
