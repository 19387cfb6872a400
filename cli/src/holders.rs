//! Which processes hold a lease: those that have the write end of its FIFO open (proc(5)). This is shown to
//! people; nothing is decided by it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    /// As the kernel has it, at most 15 bytes.
    program: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.program, self.pid)
    }
}

/// The holders of each FIFO. The daemon and the lease's watcher have the read end, and are not among
/// them. Processes that may not be looked into are left out.
pub(crate) fn of<'a>(fifos: impl Iterator<Item = &'a Path>) -> Vec<Vec<Holder>> {
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
        let written = written_files(&process.path());
        for (fifo, holders) in fifos.iter().zip(&mut holders) {
            if written.iter().any(|path| path == fifo) {
                let program = fs::read(process.path().join("comm")).unwrap_or_default();
                let program = String::from_utf8_lossy(&program).trim_end().to_owned();
                holders.push(Holder { pid, program });
            }
        }
    }
    holders
}

fn written_files(process: &Path) -> Vec<PathBuf> {
    let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let written = open.filter(|open| {
        let info = fs::read_to_string(process.join("fdinfo").join(open.file_name()));
        info.is_ok_and(|info| is_for_writing(&info))
    });
    written.filter_map(|open| fs::read_link(open.path()).ok()).collect()
}

/// Whether a descriptor may be written to. Its flags are in octal, and the last two bits are its mode.
fn is_for_writing(info: &str) -> bool {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let last =
        flags.and_then(|flags| flags.trim().chars().last()).and_then(|last| last.to_digit(8));
    last.is_some_and(|last| last & 3 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::of;

    #[test]
    fn a_process_that_can_write_to_a_file_holds_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (written, read) = (folder.path().join("written"), folder.path().join("read"));
        let writer = File::create(&written).expect("a file");
        drop(File::create(&read).expect("a file"));
        let reader = File::open(&read).expect("a file");
        let holders = of([written.as_path(), read.as_path()].into_iter());
        assert_eq!(holders[0].len(), 1);
        assert_eq!(holders[0][0].pid, std::process::id());
        assert!(holders[1].is_empty(), "the read end holds nothing");
        drop((writer, reader));
    }
}
