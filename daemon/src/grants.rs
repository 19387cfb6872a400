//! The last grants, and which of their processes still run. Without a value.
//!
//! This is for messages only. A file keeps it for the next daemon. The start time of a process distinguishes it
//! from a later one of the same id.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::{ListedGrant, SecretName, limits};
use fluvio_secret_system::printable;
use fluvio_secret_system::process::ProcessStat;
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::json_lines::JsonLines;
use fluvio_secret_vault::Given;

/// The number of grants that are remembered at least.
const REMEMBERED_GRANTS: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Grants {
    last: Mutex<VecDeque<PastGrant>>,
    /// Written without the lock of the others: its disk may hang.
    file: Option<JsonLines>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct PastGrant {
    at: i64,
    process: Process,
    program: String,
    config: String,
    given: Vec<Given>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Process {
    pid: i32,
    /// When it started, in the kernel's own count; `None` if that is not known.
    started: Option<u64>,
}

impl Grants {
    /// Also the grants of a daemon that is gone whose processes still run.
    pub(crate) fn of(file: PathBuf) -> Self {
        let file = JsonLines::at(file);
        // A daemon that writes the whole file may append a grant to it that is already there.
        let mut grants: Vec<PastGrant> = Vec::new();
        for grant in file.read() {
            if !grants.contains(&grant) {
                grants.push(grant);
            }
        }
        let booted = Timestamp::now().as_second() - clock_gettime(ClockId::Boottime).tv_sec;
        let mut looks = ProcessLooks::default();
        grants.retain(|grant| grant.at >= booted && looks.at(&grant.process).is_some());
        file.rewrite(|| grants.clone());
        Self { last: Mutex::new(grants.into()), file: Some(file) }
    }

    /// Whether a daemon that is gone has left grants in this file.
    pub(crate) fn are_there(file: &Path) -> bool {
        fs::metadata(file).is_ok_and(|found| found.len() > 0)
    }

    /// Remembers a grant, unless it has no values. `started` is when the process of the actor has started. Returns
    /// what [`Grants::write`] then writes down.
    pub(crate) fn remember(
        &self,
        actor: Actor<'_>,
        started: Option<u64>,
        given: Vec<Given>,
    ) -> Option<PastGrant> {
        if given.is_empty() {
            return None;
        }
        let grant = PastGrant {
            at: Timestamp::now().as_second(),
            process: Process { pid: actor.pid, started },
            program: tail_of(actor.program),
            config: tail_of(actor.config),
            given,
        };
        self.last().push_back(grant.clone());
        Some(grant)
    }

    /// Writes down a grant that was remembered. If there are many, forgets the oldest ones.
    pub(crate) fn write(&self, grant: &PastGrant) {
        let mut last = self.last();
        let is_full = last.len() >= 2 * REMEMBERED_GRANTS;
        if is_full {
            forget_half(&mut last);
        }
        // If it was changed or forgotten in between, all of them have been written since.
        let is_there = last.contains(grant);
        drop(last);
        match &self.file {
            Some(_) if is_full => self.store(),
            Some(file) if is_there => file.append(grant),
            _ => {}
        }
    }

    /// Writes all grants down as they are.
    pub(crate) fn store(&self) {
        if let Some(file) = &self.file {
            file.rewrite(|| self.last().iter().cloned().collect());
        }
    }

    pub(crate) fn newest(&self) -> Vec<ListedGrant> {
        self.newest_given().into_iter().map(|(listed, _)| listed).collect()
    }

    /// The same, with what each process got.
    pub(crate) fn newest_given(&self) -> Vec<(ListedGrant, Vec<Given>)> {
        let last = self.last();
        let mut looks = ProcessLooks::default();
        let newest = last.iter().rev().take(limits::LISTED_GRANTS);
        newest.map(|grant| (grant.listed(&mut looks), grant.given.clone())).collect()
    }

    /// What running processes have of these secrets, or of all.
    pub(crate) fn given(&self, names: Option<&[SecretName]>) -> Vec<Given> {
        let last = self.last();
        let is_asked = |(name, _): &&Given| names.is_none_or(|names| names.contains(name));
        // The processes last, because a look takes long.
        let asked = last.iter().filter(|grant| grant.given.iter().any(|given| is_asked(&given)));
        let mut looks = ProcessLooks::default();
        let running = asked.filter(|grant| looks.at(&grant.process).is_some());
        running.flat_map(|grant| &grant.given).filter(is_asked).cloned().collect()
    }

    /// Remembers that the value with the fingerprint `before` now has the fingerprint `after`.
    pub(crate) fn keep_value(&self, name: &SecretName, before: u64, after: u64) {
        let mut last = self.last();
        for given in last.iter_mut().flat_map(|grant| &mut grant.given) {
            if given.0 == *name && given.1 == Some(before) {
                given.1 = Some(after);
            }
        }
    }

    /// Running processes that have one of these values, newest first; without those whose parent starts them
    /// again after a change.
    pub(crate) fn holders(
        &self,
        outdated: &BTreeSet<Given>,
        starts_again: impl Fn(i32) -> bool,
    ) -> Vec<ListedGrant> {
        let last = self.last();
        let was_given =
            |grant: &&PastGrant| grant.given.iter().any(|given| outdated.contains(given));
        let mut looks = ProcessLooks::default();
        let mut holders = Vec::new();
        for grant in last.iter().rev().filter(was_given) {
            let process = looks.at(&grant.process);
            if process.is_some_and(|process| !starts_again(process.parent)) {
                holders.push(grant.listed(&mut looks));
            }
            if holders.len() == limits::LISTED_GRANTS {
                break;
            }
        }
        holders
    }

    fn last(&self) -> MutexGuard<'_, VecDeque<PastGrant>> {
        // Each change is one call, so a panic leaves the list whole.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PastGrant {
    fn listed(&self, looks: &mut ProcessLooks) -> ListedGrant {
        ListedGrant {
            at: self.at,
            pid: self.process.pid,
            program: self.program.clone(),
            config: self.config.clone(),
            secrets: self.given.len(),
            running: looks.runs(&self.process),
            stale: false,
            vault: None,
        }
    }
}

/// What processes do now. One look at each, because it takes as long as reading a secret.
#[derive(Default)]
struct ProcessLooks(BTreeMap<i32, Option<ProcessStat>>);

impl ProcessLooks {
    /// Whether a process still runs; `None` if that is not known.
    fn runs(&mut self, process: &Process) -> Option<bool> {
        process.started.is_some().then(|| self.at(process).is_some())
    }

    fn at(&mut self, process: &Process) -> Option<ProcessStat> {
        let now = *self.0.entry(process.pid).or_insert_with(|| running(process.pid));
        now.filter(|now| Some(now.started) == process.started)
    }
}

/// Forgets the oldest, except for processes that still run. Half at once, because a look at each takes long.
fn forget_half(last: &mut VecDeque<PastGrant>) {
    let mut surplus = last.len() - REMEMBERED_GRANTS;
    let mut looks = ProcessLooks::default();
    last.retain(|grant| {
        let is_forgotten = surplus > 0 && looks.runs(&grant.process) != Some(true);
        surplus -= usize::from(is_forgotten);
        !is_forgotten
    });
    last.drain(..surplus);
}

fn running(pid: i32) -> Option<ProcessStat> {
    ProcessStat::of(pid).filter(|process| !process.has_exited())
}

/// A string of a client for an answer: without characters that would drive a terminal. Of a long one, this is
/// the end, which is the part of a path that differs.
pub(crate) fn tail_of(text: &str) -> String {
    let text = printable::line(text);
    let cut = text.len().saturating_sub(limits::LISTED_LABEL_BYTES);
    let from = (cut..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    text[from..].to_owned()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::{Grants, PastGrant, REMEMBERED_GRANTS, tail_of};
    use crate::audit::Actor;
    use fluvio_secret_system::process::ProcessStat;
    use fluvio_secret_vault::Given;

    /// A grant to a process that runs, or to none.
    fn remember(grants: &Grants, actor: Actor<'_>, given: Vec<Given>) {
        let started = ProcessStat::of(actor.pid).map(|process| process.started);
        if let Some(grant) = grants.remember(actor, started, given) {
            grants.write(&grant);
        }
    }

    /// A grant to this process, which is not written down.
    fn remember_ours(grants: &Grants, given: Given) -> PastGrant {
        let pid = i32::try_from(std::process::id()).expect("a pid");
        let started = ProcessStat::of(pid).map(|process| process.started);
        let grant = grants.remember(Actor { pid, ..Actor::default() }, started, vec![given]);
        grant.expect("it has a value")
    }

    fn given(name: &str) -> Given {
        (name.parse().expect("a name"), Some(1))
    }

    #[test]
    fn who_runs_and_was_given_a_secret_holds_it() {
        let grants = Grants::default();
        let mut child =
            Command::new("cat").stdin(Stdio::piped()).spawn().expect("a program that waits");
        let pid = i32::try_from(child.id()).expect("a pid");
        let actor = Actor { pid, program: "cat", config: "/c.yaml", asked_by: &[] };
        remember(&grants, actor, vec![given("A"), given("B")]);
        remember(&grants, actor, vec![]);
        let nobody = |_| false;
        let holders = grants.holders(&[given("B")].into(), nobody);
        assert_eq!(holders.len(), 1);
        assert_eq!((holders[0].pid, holders[0].secrets), (pid, 2));
        assert_eq!((&*holders[0].program, &*holders[0].config), ("cat", "/c.yaml"));
        assert!(grants.holders(&[given("C")].into(), nobody).is_empty());
        // It is this process that would start it again.
        let ours = i32::try_from(std::process::id()).expect("a pid");
        assert!(grants.holders(&[given("B")].into(), |parent| parent == ours).is_empty());
        assert_eq!(grants.holders(&[given("B")].into(), |parent| parent != ours).len(), 1);
        drop(child.stdin.take());
        child.wait().expect("its end");
        assert!(grants.holders(&[given("B")].into(), nobody).is_empty());
        assert_eq!(grants.newest()[0].running, Some(false));
    }

    #[test]
    fn a_later_daemon_knows_the_processes_that_still_run() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("grants.jsonl");
        let ours =
            Actor { pid: i32::try_from(std::process::id()).expect("a pid"), ..Actor::default() };
        let ended = Actor { pid: i32::MAX, ..Actor::default() };
        let grants = Grants::of(file.clone());
        remember(&grants, ours, vec![given("A")]);
        remember(&grants, ended, vec![given("A")]);
        grants.keep_value(&given("A").0, 1, 2);
        grants.store();
        remember(&grants, ours, vec![given("B")]);
        // As a daemon leaves it that was killed while it wrote a line.
        let half = std::fs::read_to_string(&file).expect("lines") + "{\"at\":1";
        std::fs::write(&file, half).expect("written");
        let later = Grants::of(file.clone());
        let known = later.given(None);
        assert_eq!(known, [(given("A").0, Some(2)), given("B")]);
        assert_eq!(later.newest().len(), 2);
        assert_eq!(std::fs::read_to_string(&file).expect("lines").lines().count(), 2);
        // A grant from before the last boot was made to another process.
        let old = std::fs::read_to_string(&file).expect("lines");
        let at = later.newest()[0].at;
        std::fs::write(&file, old.replace(&format!("\"at\":{at}"), "\"at\":7")).expect("written");
        assert!(Grants::of(file).newest().is_empty());
    }

    #[test]
    fn a_grant_is_known_before_it_is_written_down() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("grants.jsonl");
        let grants = Grants::of(file.clone());
        let [first, second] = ["A", "B"].map(|name| remember_ours(&grants, given(name)));
        assert_eq!(grants.newest().len(), 2);
        assert_eq!(std::fs::read_to_string(&file).expect("no lines"), "");
        // Another thread writes all of them in between.
        grants.write(&second);
        grants.store();
        grants.write(&first);
        assert_eq!(std::fs::read_to_string(&file).expect("lines").lines().count(), 3);
        assert_eq!(Grants::of(file).given(None), [given("A"), given("B")]);
    }

    #[test]
    fn a_grant_that_changed_before_it_is_written_down_is_there_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("grants.jsonl");
        let grants = Grants::of(file.clone());
        let grant = remember_ours(&grants, given("A"));
        let (name, _) = given("A");
        grants.keep_value(&name, 1, 2);
        grants.store();
        grants.write(&grant);
        assert_eq!(std::fs::read_to_string(&file).expect("lines").lines().count(), 1);
        assert_eq!(Grants::of(file).given(None), [(name, Some(2))]);
    }

    #[test]
    fn who_still_runs_is_remembered_longer() {
        let grants = Grants::default();
        let ours =
            Actor { pid: i32::try_from(std::process::id()).expect("a pid"), ..Actor::default() };
        // A number that no process has.
        let ended = Actor { pid: i32::MAX, ..Actor::default() };
        remember(&grants, ours, vec![given("A")]);
        for _ in 0..REMEMBERED_GRANTS * 5 {
            remember(&grants, ended, vec![given("A")]);
            assert!(grants.last().len() <= 2 * REMEMBERED_GRANTS);
        }
        assert!(grants.last().len() >= REMEMBERED_GRANTS);
        assert_eq!(grants.holders(&[given("A")].into(), |_| false).len(), 1);
        // Of one whose start is not known it is not known whether it runs.
        assert_eq!(grants.newest()[0].running, None);
    }

    #[test]
    fn a_long_path_is_told_by_its_end() {
        let long = format!("/{}/c.yaml", "\u{fc}".repeat(300));
        let short = tail_of(&long);
        assert!(short.len() <= 256 && short.ends_with("/c.yaml"), "{short}");
        assert_eq!(tail_of("/c.yaml"), "/c.yaml");
    }
}
