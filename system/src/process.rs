//! What the kernel reports about other processes (proc(5)).

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::printable;

/// The line has 52 numbers of at most 20 digits, and the program's name of at most 64 bytes.
const MOST_BYTES: usize = 2048;

/// The most processes of an ancestry: a terminal, a shell, an agent and a few builders.
pub const ANCESTRY_PROCESSES: usize = 10;

/// The most processes whose names stay open.
pub const KNOWN_PROCESSES: usize = 12;

static MOST_KNOWN: AtomicUsize = AtomicUsize::new(KNOWN_PROCESSES);

static ANCESTORS: Mutex<KnownProcesses> = Mutex::new(KnownProcesses(Vec::new()));

/// A process and those that it descends from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ancestry {
    /// The process itself; `None` if `/proc` does not show it.
    pub process: Option<ProcessStat>,
    /// Their names, at most [`ANCESTRY_PROCESSES`], that of the process first. A process chooses its name, so this is a
    /// hint and no proof.
    pub names: Vec<String>,
}

/// One line of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProcessStat {
    /// The state, one letter: `Z` and `X` are processes that have exited.
    pub state: char,
    /// The parent's process id.
    pub parent: i32,
    /// The process group.
    pub group: i32,
    /// When it started, in the kernel's own count. It distinguishes a process from a later one of the same id.
    pub started: u64,
}

impl ProcessStat {
    /// Of this process; `None` without such a process, or without `/proc`.
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(read(pid, &mut [0; MOST_BYTES])?)
    }

    /// Whether it has exited. Its other threads may still run.
    pub fn has_exited(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(line);
        // The name is in parentheses and may have any bytes, so this starts at the field after it, the 3rd.
        let mut fields = line.rsplit_once(") ")?.1.split(' ');
        Some(Self {
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
            started: fields.nth(16)?.parse().ok()?,
        })
    }
}

/// Keeps no names open from now on: few files may be open.
pub fn keep_no_names() {
    MOST_KNOWN.store(0, Ordering::Relaxed);
}

/// A process whose name is read in a tenth of the time that its line takes.
struct KnownProcess {
    pid: i32,
    stat: ProcessStat,
    /// Cannot be read any more when the process is gone, even if another one has its id.
    name: File,
}

impl KnownProcess {
    /// Opens the name of the process that has this id now. Returns it with the name.
    fn open(pid: i32) -> Option<(Self, String)> {
        let name = File::open(format!("/proc/{pid}/comm")).ok()?;
        let process = Self { pid, stat: ProcessStat::of(pid)?, name };
        // If that can be read now, the line is of the same process.
        let name = process.name()?;
        Some((process, name))
    }

    /// Its name now; `None` if it is gone.
    fn name(&self) -> Option<String> {
        let mut line = [0; MOST_BYTES];
        let read = self.name.read_at(&mut line, 0).ok()?;
        Some(String::from_utf8_lossy(line.get(..read)?.strip_suffix(b"\n")?).into_owned())
    }
}

/// Processes from which others have descended. The next one mostly descends from the same.
struct KnownProcesses(Vec<KnownProcess>);

/// One of the processes of an ancestry.
struct FoundProcess {
    name: String,
    stat: ProcessStat,
    was_known: bool,
}

impl KnownProcesses {
    /// A process from which others descend. `None` if it is not there.
    fn find(&mut self, pid: i32) -> Option<FoundProcess> {
        if let Some(place) = self.0.iter().position(|process| process.pid == pid) {
            let process = self.0.remove(place);
            // Else it is gone, and another one may have its id.
            if let Some(name) = process.name() {
                let stat = process.stat;
                // The last used one first.
                self.0.insert(0, process);
                return Some(FoundProcess { name, stat, was_known: true });
            }
        }
        let most = MOST_KNOWN.load(Ordering::Relaxed);
        let Some((process, name)) = (most > 0).then(|| KnownProcess::open(pid)).flatten() else {
            return read_found(pid);
        };
        let stat = process.stat;
        self.0.truncate(most - 1);
        self.0.insert(0, process);
        Some(FoundProcess { name, stat, was_known: false })
    }
}

impl Ancestry {
    /// The process and those that it descends from. Ends where `/proc` does not show the parent. A parent that has exited
    /// counts until its own parent has noticed it.
    pub fn of(pid: i32) -> Self {
        // At worst, a process is read again.
        let mut known = ANCESTORS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = Self::by(pid, &mut known) {
            return found;
        }
        // A process from which known ones descend is gone, so they have another parent now.
        known.0.clear();
        Self::by(pid, &mut known).unwrap_or_default()
    }

    /// `None` if the parent of a known process is gone.
    fn by(pid: i32, known: &mut KnownProcesses) -> Option<Self> {
        let Some(FoundProcess { name, stat, .. }) = read_found(pid) else {
            return Some(Self::default());
        };
        let mut ancestry = Self { process: Some(stat), names: vec![printable::line(&name)] };
        let (mut child, mut is_child_known) = (stat, false);
        while child.parent > 0 && ancestry.names.len() < ANCESTRY_PROCESSES {
            // A parent is older. Another process got the id of one that has exited.
            let found =
                known.find(child.parent).filter(|found| found.stat.started <= child.started);
            let Some(FoundProcess { name, stat, was_known }) = found else {
                return (!is_child_known).then_some(ancestry);
            };
            ancestry.names.push(printable::line(&name));
            (child, is_child_known) = (stat, was_known);
        }
        Some(ancestry)
    }
}

fn read_found(pid: i32) -> Option<FoundProcess> {
    let mut line = [0; MOST_BYTES];
    let line = read(pid, &mut line)?;
    Some(FoundProcess { name: name_of(line)?, stat: ProcessStat::parse(line)?, was_known: false })
}

fn read(pid: i32, line: &mut [u8; MOST_BYTES]) -> Option<&[u8]> {
    // The kernel reports no size, so `fs::read` would read the line in six pieces.
    let read = File::open(format!("/proc/{pid}/stat")).ok()?.read(line).ok()?;
    line.get(..read)
}

/// The name in a line of `/proc/PID/stat`: at most 15 bytes, of any kind.
fn name_of(line: &[u8]) -> Option<String> {
    let begin = line.iter().position(|&byte| byte == b'(')? + 1;
    let end = line.iter().rposition(|&byte| byte == b')')?;
    Some(String::from_utf8_lossy(line.get(begin..end)?).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::parent_id;
    use std::process::{Command, Stdio, id};
    use std::time::{Duration, Instant};

    use super::{ANCESTRY_PROCESSES, Ancestry, KnownProcesses, ProcessStat, name_of};

    #[test]
    fn a_name_may_have_spaces_and_parentheses() {
        let line = b"42 (a) b (c\xff) S 7 40 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 1234 0 0";
        let stat = ProcessStat::parse(line).expect("fields");
        assert_eq!(stat, ProcessStat { state: 'S', parent: 7, group: 40, started: 1234 });
        assert!(!stat.has_exited() && ProcessStat { state: 'Z', ..stat }.has_exited());
        assert_eq!(ProcessStat::parse(b"42 (a) S 7"), None);
    }

    #[test]
    fn this_process_has_a_parent() {
        let pid = i32::try_from(std::process::id()).expect("a pid");
        let stat = ProcessStat::of(pid).expect("this process");
        assert_eq!(stat.parent, std::os::unix::process::parent_id().cast_signed());
        assert_eq!(ProcessStat::of(i32::MAX), None);
    }

    fn pid(of: u32) -> i32 {
        i32::try_from(of).expect("a pid")
    }

    fn cat() -> std::process::Child {
        Command::new("cat").stdin(Stdio::piped()).spawn().expect("a program that waits")
    }

    #[test]
    fn a_process_descends_from_this_one() {
        let own = Ancestry::of(pid(id()));
        let parent = Ancestry::of(pid(parent_id()));
        let mut child = cat();
        let of_child = pid(child.id());
        let found = Ancestry::of(of_child);
        // Its state may be another one a moment later.
        let started = |process: Option<ProcessStat>| process.map(|process| process.started);
        assert_eq!(started(found.process), started(ProcessStat::of(of_child)));
        let ancestors: Vec<_> = found.names.iter().skip(1).take(2).collect();
        assert_eq!(ancestors, [&own.names[0], &parent.names[0]], "{found:?}");
        assert!(found.names.len() <= ANCESTRY_PROCESSES);
        drop(child.stdin.take());
        child.wait().expect("its end");
        assert_eq!(Ancestry::of(of_child).names.len(), 0);
        assert_eq!(Ancestry::of(0).names.len(), 0, "a process in another namespace");
    }

    #[test]
    fn a_known_process_has_the_name_of_now_and_another_parent_when_that_is_gone() {
        let script = "sh -c 'sleep 1000 & echo $!; wait' & read line; exec sleep 1000";
        let mut first = Command::new("sh");
        first.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut first = first.spawn().expect("a shell");
        let mut line = String::new();
        let stdout = first.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let last: i32 = line.trim().parse().expect("a pid");
        let names = || Ancestry::of(last).names;
        // Each becomes `sleep` a moment after it was started.
        let until = |expected: [&str; 3]| {
            let deadline = Instant::now() + Duration::from_secs(30);
            while names()[..3] != expected {
                assert!(Instant::now() < deadline, "{:?}", names());
            }
        };
        until(["sleep", "sh", "sh"]);
        drop(first.stdin.take());
        until(["sleep", "sh", "sleep"]);
        first.kill().expect("its own child");
        first.wait().expect("its end");
        let shell = ProcessStat::of(last).expect("it waits").parent;
        let adopted_by = ProcessStat::of(shell).expect("it waits").parent;
        let expected: Vec<_> = Ancestry::of(adopted_by).names;
        assert_eq!(names()[2..], expected[..expected.len().min(names().len() - 2)]);
        assert_ne!(adopted_by, pid(first.id()));
        let last = rustix::process::Pid::from_raw(last).expect("a pid");
        rustix::process::kill_process(last, rustix::process::Signal::TERM).expect("its own child");
    }

    #[test]
    fn an_id_that_was_used_again_is_that_of_the_process_of_now() {
        let own = pid(id());
        let mut gone = cat();
        let mut known = KnownProcesses(Vec::new());
        assert!(known.find(pid(gone.id())).is_some());
        drop(gone.stdin.take());
        gone.wait().expect("its end");
        known.0[0].pid = own;
        let found = known.find(own).expect("this process");
        assert_eq!(found.stat.parent, pid(parent_id()));
        assert!(!found.was_known && known.find(own).is_some_and(|found| found.was_known));
    }

    #[test]
    fn a_name_of_odd_bytes_is_one_line() {
        assert_eq!(name_of(b"1 (a) (b) S 0").as_deref(), Some("a) (b"));
        assert_eq!(name_of(b"1 (\xff) S 0").as_deref(), Some("\u{fffd}"));
        assert_eq!(name_of(b"1 () S 0").as_deref(), Some(""));
        assert_eq!(name_of(b"1 )( S 0"), None);
        assert_eq!(name_of(b""), None);
    }
}
