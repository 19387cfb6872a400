//! What the kernel reports about other processes (proc(5)).

use std::fs::File;
use std::io::Read;

/// The line has 52 numbers of at most 20 digits, and the program's name of at most 64 bytes.
const MOST_BYTES: usize = 2048;

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
        // The kernel reports no size, so `fs::read` would read the line in six pieces.
        let mut line = [0; MOST_BYTES];
        let read = File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
        Self::parse(&line[..read])
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

#[cfg(test)]
mod tests {
    use super::ProcessStat;

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
}
