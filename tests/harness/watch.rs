//! `run --watch` in a home, and what it reports.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fluvio_secret_system::process::KNOWN_PROCESSES;
use serde_json::Value;

use super::{DEADLINE, Home, Said, behind, kill, said, spawn};

/// Writes down the number in the configuration and the secrets that it was started with, and then
/// waits to be ended.
pub(crate) const CONNECTOR: [&str; 4] = [
    "sh",
    "-c",
    // It may be ended at any moment, so the line is written whole.
    "{ sed -n 's/^  number: //p' \"$2\"; cat \"$4\"; } | { tr '\\n' ' '; echo; } > \"started-$$\"
    cat \"started-$$\" >> starts; rm \"started-$$\"; exec sleep 1000",
    "sh",
];

/// Saves that are so far apart are each seen at once. The supervisor's pause after a restart, and its calm
/// time after that, are shorter.
const APART: Duration = Duration::from_millis(1500);

/// A configuration with a number in it, which references these secrets.
pub(crate) fn config(number: u32, names: &[&str]) -> String {
    let values = names.iter().map(|name| format!("    - secret: {{name: {name}}}\n"));
    format!(
        "apiVersion: 0.1.0\n\
         meta: {{version: 0.1.0, name: test, type: test-source, topic: test}}\n\
         custom:\n  number: {number}\n  values:\n{}",
        values.collect::<String>()
    )
}

/// A supervisor that runs.
pub(crate) struct Watched {
    pub(crate) child: Child,
    told: Receiver<String>,
    /// What it printed besides events: the shim's words, and the connector's.
    pub(crate) words: String,
    events: Vec<(Instant, Value)>,
    next: usize,
}

impl Watched {
    /// Starts `run --watch -O json` with these options.
    pub(crate) fn run(home: &Home, config: &Path, options: &[&str], command: &[&str]) -> Self {
        let options = [&["--watch", "-O", "json"], options].concat();
        Self::start(&home.run(config, &options, command))
    }

    /// Starts a supervisor that prints its events as JSON.
    pub(crate) fn start(command: &Command) -> Self {
        let mut command = behind(&["env", "--default-signal"], command);
        let mut child = spawn(command.stdin(Stdio::null()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, told) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, told, words: String::new(), events: Vec::new(), next: 0 }
    }

    fn hear(&mut self) {
        for line in self.told.try_iter() {
            match serde_json::from_str(&line) {
                Ok(event) => self.events.push((Instant::now(), event)),
                Err(_) => self.words += &(line + "\n"),
            }
        }
    }

    /// Waits for the next event, which must be of this kind.
    pub(crate) fn expect(&mut self, kind: &str) -> Value {
        let event = self.next_of(&format!("the event {kind:?}"));
        assert_eq!(event["event"], kind, "{event}\n{}", self.words);
        event
    }

    /// Waits for the next event, of whatever kind.
    pub(crate) fn next_event(&mut self) -> Value {
        self.next_of("an event")
    }

    fn next_of(&mut self, what: &str) -> Value {
        let deadline = Instant::now() + DEADLINE;
        while self.events.len() <= self.next {
            assert!(Instant::now() < deadline, "{what} did not come in time\n{}", self.words);
            thread::sleep(Duration::from_millis(2));
            self.hear();
        }
        let event = self.events[self.next].1.clone();
        self.next += 1;
        event
    }

    /// Waits until a change is no longer close to the restart that was expected last.
    pub(crate) fn until_apart(&self) {
        thread::sleep((self.told_at() + APART).saturating_duration_since(Instant::now()));
    }

    /// Waits until the last connector was started with this.
    pub(crate) fn until_started_with(&mut self, home: &Home, with: &str) {
        let deadline = Instant::now() + DEADLINE;
        while !has_started_with(home, with) {
            let late = Instant::now() >= deadline;
            assert!(!late, "no start with {with:?}: {:?}\n{}", self.unexpected(), self.words);
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// When the last expected event was reported.
    pub(crate) fn told_at(&self) -> Instant {
        self.events[self.next - 1].0
    }

    /// The events that were not expected yet.
    pub(crate) fn unexpected(&mut self) -> Vec<Value> {
        self.hear();
        self.events[self.next..].iter().map(|(_, event)| event.clone()).collect()
    }

    /// Stops it as Ctrl-C does, and returns the events that were not expected.
    pub(crate) fn end(mut self) -> Vec<Value> {
        kill("INT", self.child.id());
        self.child.wait().unwrap();
        self.told_to_the_end()
    }

    /// The events that were not expected, after it has exited and reported everything.
    pub(crate) fn told_to_the_end(&mut self) -> Vec<Value> {
        // The end of the stream, when the connector is gone, too.
        let rest: Vec<_> = self.told.iter().collect();
        for line in rest {
            match serde_json::from_str(&line) {
                Ok(event) => self.events.push((Instant::now(), event)),
                Err(_) => self.words += &(line + "\n"),
            }
        }
        self.unexpected()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Of a test that failed. What is its child ends with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What each connector was started with: its number, and a line of each secret.
pub(crate) fn starts(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.path("starts")).unwrap_or_default();
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Whether the last connector was started with this.
pub(crate) fn has_started_with(home: &Home, with: &str) -> bool {
    fs::read_to_string(home.path("starts"))
        .is_ok_and(|text| text.ends_with('\n') && text.trim_end().ends_with(with))
}

/// The processes whose parent is this one, dead ones included.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()));
    }
    found
}

/// How many descriptors and threads a process has, where that may be seen.
pub(crate) fn resources(pid: u32) -> Option<(usize, usize)> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.count();
    Some((open_files(pid)?, threads))
}

/// The number of open files of a process, if you may see them: without the names of a few processes that a daemon knows.
pub(crate) fn open_files(pid: u32) -> Option<usize> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let is_name = |file: &fs::DirEntry| {
        let path = fs::read_link(file.path()).unwrap_or_default();
        path.starts_with("/proc") && path.ends_with("comm")
    };
    let (names, others): (Vec<_>, Vec<_>) = files.partition(is_name);
    assert!(names.len() <= KNOWN_PROCESSES, "{names:?}");
    Some(others.len())
}

/// Runs git in a directory, as a user with a name, whatever the machine's own settings are.
pub(crate) fn git(home: &Home, folder: &Path, args: &[&str]) -> Said {
    let mut git = home.foreign("git");
    git.args([
        "-c",
        "user.name=ada",
        "-c",
        "user.email=ada@localhost",
        "-c",
        "init.defaultBranch=main",
    ]);
    let said = said(git.args(args).current_dir(folder));
    assert!(said.status.success(), "git {args:?}: {said:?}");
    said
}

/// A directory of the home that is made.
pub(crate) fn folder(home: &Home, name: &str) -> PathBuf {
    let path = home.path(name);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Measures how late this machine wakes a thread that only sleeps: what is later than
/// that is late for a reason of its own.
pub(crate) struct Stalls {
    worst: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stalls {
    pub(crate) fn measure() -> Self {
        const NAP: Duration = Duration::from_millis(5);
        let (worst, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (of_thread, ends) = (worst.clone(), over.clone());
        let run = move || {
            while !ends.load(Ordering::Relaxed) {
                let begun = Instant::now();
                thread::sleep(NAP);
                let late = begun.elapsed().saturating_sub(NAP).as_millis();
                of_thread.fetch_max(u64::try_from(late).unwrap(), Ordering::Relaxed);
            }
        };
        Self { worst, over, thread: Some(thread::spawn(run)) }
    }

    /// The longest since it was last asked.
    pub(crate) fn take(&self) -> Duration {
        Duration::from_millis(self.worst.swap(0, Ordering::Relaxed))
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
