//! What the kernel reports about other processes (proc(5)).

use std::fs::File;
use std::io::Read;

use crate::printable;

/// The line has 52 numbers of at most 20 digits, and the program's name of at most 64 bytes.
const MOST_BYTES: usize = 2048;

/// The most processes of an ancestry: a terminal, a shell, an agent and a few builders.
pub const ANCESTRY_PROCESSES: usize = 10;

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

impl Ancestry {
    /// The process and those that it descends from. Ends where `/proc` does not show the parent.
    pub fn of(pid: i32) -> Self {
        let mut found = Self::default();
        let (mut next, mut youngest) = (pid, u64::MAX);
        while next > 0 && found.names.len() < ANCESTRY_PROCESSES {
            let mut line = [0; MOST_BYTES];
            let read = read(next, &mut line);
            let read = read.and_then(|line| Some((name_of(line)?, ProcessStat::parse(line)?)));
            let Some((name, stat)) = read else { break };
            // A parent is older. Another process got the id of one that has exited.
            if stat.started > youngest {
                break;
            }
            found.process.get_or_insert(stat);
            found.names.push(printable::line(&name));
            (next, youngest) = (stat.parent, stat.started);
        }
        found
    }
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
    use std::os::unix::process::parent_id;
    use std::process::{Command, Stdio, id};

    use super::{ANCESTRY_PROCESSES, Ancestry, ProcessStat, name_of};

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
        assert_eq!(found.process, ProcessStat::of(of_child));
        let ancestors: Vec<_> = found.names.iter().skip(1).take(2).collect();
        assert_eq!(ancestors, [&own.names[0], &parent.names[0]], "{found:?}");
        assert!(found.names.len() <= ANCESTRY_PROCESSES);
        drop(child.stdin.take());
        child.wait().expect("its end");
        assert_eq!(Ancestry::of(of_child).names.len(), 0);
        assert_eq!(Ancestry::of(0).names.len(), 0, "a process in another namespace");
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
