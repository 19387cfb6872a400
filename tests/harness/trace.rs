//! strace(1) at threads of a daemon: lists their system calls, and makes one of them fail or be the
//! last.
//!
//! The daemon is not dumpable, so this is for root.

use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr};

use super::ask::Asker;
use super::{Home, eventually, is_alive, kill, spawn};

/// A tracer that is attached.
pub(crate) struct Trace {
    daemon: u32,
    strace: Child,
    stderr: BufReader<ChildStderr>,
    list: PathBuf,
}

/// The thread of the daemon that changes the vault.
pub(crate) const WRITES: &str = "writes";
/// The thread that writes the log of the daemon.
pub(crate) const LOG: &str = "log";
/// All threads, also those that begin later.
pub(crate) const ALL_THREADS: &str = "all threads";
/// The threads that have served clients until now, one at a time, and have read the vault for them.
pub(crate) const SERVES: &str = "clients";

impl Trace {
    /// Attaches to the threads of this name, with one `-e` for each expression.
    pub(crate) fn attach(home: &Home, daemon: u32, thread: &str, expressions: &[&str]) -> Self {
        Self::of(home, daemon, thread, expressions, &[])
    }

    /// The same, for calls that name this file, or are relative to it.
    pub(crate) fn attach_at(
        home: &Home,
        daemon: u32,
        thread: &str,
        file: &Path,
        expressions: &[&str],
    ) -> Self {
        Self::of(home, daemon, thread, expressions, &[OsStr::new("-P"), file.as_os_str()])
    }

    fn of(
        home: &Home,
        daemon: u32,
        thread: &str,
        expressions: &[&str],
        options: &[&OsStr],
    ) -> Self {
        if thread == WRITES || thread == ALL_THREADS {
            // It may not have begun, and what it does first is not to be among the calls.
            let nothing = Asker::connect(home).unwrap().delete("NONE").unwrap();
            assert!(nothing.is_err(), "there is nothing to delete");
        }
        let list = home.path("trace");
        let mut strace = home.foreign("strace");
        strace.arg("-o").arg(&list).args(options);
        let tasks = match thread {
            ALL_THREADS => {
                strace.arg("-f");
                vec![daemon.to_string()]
            }
            thread => tasks(daemon, thread),
        };
        for task in &tasks {
            strace.args(["-p", task]);
        }
        for expression in expressions {
            strace.args(["-e", expression]);
        }
        let mut strace = spawn(&mut strace);
        let mut stderr = BufReader::new(strace.stderr.take().unwrap());
        for _ in tasks {
            let mut line = String::new();
            stderr.read_line(&mut line).unwrap();
            assert!(line.contains(" attached"), "{line}");
        }
        Self { daemon, strace, stderr, list }
    }

    /// Lets the daemon go, and gives the system calls of the thread, from the one that it waited in
    /// when it was attached to.
    pub(crate) fn end(self) -> Vec<String> {
        kill("TERM", self.strace.id());
        self.calls()
    }

    /// Waits until the daemon has ended, and gives the system calls of the thread.
    ///
    /// A tracer that is asked to let a process go while that ends waits forever: for the first thread, which
    /// exits after the others, which exit when the tracer waits for them.
    pub(crate) fn end_with_daemon(self) -> Vec<String> {
        eventually("the daemon's end", || !is_alive(self.daemon));
        self.calls()
    }

    fn calls(mut self) -> Vec<String> {
        let _ = std::io::copy(&mut self.stderr, &mut std::io::sink());
        self.strace.wait().unwrap();
        let list = fs::read_to_string(&self.list).unwrap();
        // The lines of several threads begin with their ids.
        let lines = list.lines().map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit()));
        let calls = lines.map(str::trim_start).filter(|line| !line.starts_with(['+', '-']));
        calls.map(str::to_owned).collect()
    }
}

/// The name of the system call in a line.
pub(crate) fn call(line: &str) -> &str {
    line.split('(').next().unwrap_or_default()
}

/// Whether a thread makes a call as often in each run. How often it waits for another thread, or gets
/// memory, differs.
pub(crate) fn is_steady(line: &str) -> bool {
    !["brk", "futex", "madvise", "mmap", "mprotect", "munmap", "prctl"].contains(&call(line))
}

/// The ids of the threads of a name.
fn tasks(daemon: u32, thread: &str) -> Vec<String> {
    let mut found = Vec::new();
    // A thread gives itself its name, which may be after the daemon serves.
    eventually(&format!("threads of the name {thread}"), || {
        let tasks = fs::read_dir(format!("/proc/{daemon}/task")).unwrap().flatten();
        let is_it = |task: &DirEntry| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == thread)
        };
        let ids = tasks.filter(is_it).map(|task| task.file_name().into_string().unwrap());
        found = ids.collect();
        // A thread that another one has started has its name at first.
        if thread == SERVES { !found.is_empty() } else { found.len() == 1 }
    });
    found
}
