//! Which processes hold a lease: those that have its FIFO open (proc(5)). Asked for by people; nothing
//! is decided by it.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::Serialize;

/// A process that has the FIFO open.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Holder {
    pid: u32,
    /// As the kernel has it, at most 15 bytes.
    program: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.program, self.pid)
    }
}

/// The holders of each FIFO, without the daemon, which waits for them. Processes that may not be
/// looked into are left out.
pub(crate) fn of<'a>(fifos: impl Iterator<Item = &'a Path>, daemon: u32) -> Vec<Vec<Holder>> {
    let fifos: Vec<_> = fifos.collect();
    let mut holders = vec![Vec::new(); fifos.len()];
    if fifos.is_empty() {
        return holders;
    }
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if pid == daemon {
            continue;
        }
        let open = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        let open: Vec<_> = open.filter_map(|open| fs::read_link(open.path()).ok()).collect();
        for (fifo, holders) in fifos.iter().zip(&mut holders) {
            if open.iter().any(|open| open == fifo) {
                let program = fs::read(process.path().join("comm")).unwrap_or_default();
                let program = String::from_utf8_lossy(&program).trim_end().to_owned();
                holders.push(Holder { pid, program });
            }
        }
    }
    holders
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::of;

    #[test]
    fn who_has_a_file_open_holds_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (open, closed) = (folder.path().join("open"), folder.path().join("closed"));
        let file = File::create(&open).expect("a file");
        drop(File::create(&closed).expect("a file"));
        let holders = of([open.as_path(), closed.as_path()].into_iter(), 0);
        assert_eq!(holders[0].len(), 1);
        assert_eq!(holders[0][0].pid, std::process::id());
        assert!(holders[1].is_empty());
        drop(file);
    }
}
