//! Calls of the program git.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::time::Duration;

use fluvio_secret_system::child;

use crate::on_path;

/// How long git may take for an answer of one line.
const GIT_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes that are read of such an answer.
const ANSWER_BYTES: u64 = 16 << 10;
/// What git reads of the environment here: where its settings and its programs are, and where no repository is
/// searched. Everything else could name another repository.
const GIT_SETTING_VARIABLES: [&str; 6] = [
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH",
];

/// The program git, in one directory.
#[derive(Debug)]
pub(crate) struct GitProgram {
    program: PathBuf,
    directory: PathBuf,
}

impl GitProgram {
    /// The one that a shell would run; `None` without git on this PATH.
    pub(crate) fn at(directory: &Path, path: Option<&OsStr>) -> Option<Self> {
        let program = on_path::all("git", path).into_iter().next()?;
        Some(Self { program, directory: directory.to_owned() })
    }

    /// A call in the directory, about the repository that the directory is in.
    pub(crate) fn command(&self) -> Command {
        let mut git = Command::new(&self.program);
        // A repository may name a program to be run here.
        git.arg("-C").arg(&self.directory).args(["-c", "core.fsmonitor=false"]);
        for (name, _) in env::vars_os() {
            let is_kept = GIT_SETTING_VARIABLES.iter().any(|kept| name == *kept);
            if name.as_bytes().starts_with(b"GIT_") && !is_kept {
                git.env_remove(name);
            }
        }
        git.stdin(Stdio::null());
        git
    }

    /// What git answers, without the line end.
    ///
    /// # Errors
    ///
    /// What git prints if it refuses. A call that hangs is killed.
    pub(crate) fn answer<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> io::Result<OsString> {
        let mut git = self.command();
        let mut child = git.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let Some(status) = child::wait_within(&mut child, GIT_TIMEOUT)? else {
            child::kill(&mut child)?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "git does not answer"));
        };
        if !status.success() {
            let said = child.stderr.take().map(first_line).unwrap_or_default();
            let why = if said.is_empty() { format!("git failed ({status})") } else { said };
            return Err(io::Error::other(why));
        }
        let mut answer = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(ANSWER_BYTES).read_to_end(&mut answer)?;
        }
        if answer.last() == Some(&b'\n') {
            answer.pop();
        }
        Ok(OsString::from_vec(answer))
    }
}

/// Whether a path is in a work tree of git.
pub(crate) fn is_in_repository(path: &Path) -> bool {
    path.ancestors().any(|directory| directory.join(".git").exists())
}

/// The line that says what git refuses. Advice follows it.
fn first_line(stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    let _ = stderr.take(ANSWER_BYTES).read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().next().unwrap_or_default();
    line.trim_start_matches("fatal: ").trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::GitProgram;
    use crate::on_path::write_program;

    /// A program of this name, which is a script.
    fn git(script: &str) -> (tempfile::TempDir, GitProgram) {
        let directory = tempfile::tempdir().expect("a directory");
        write_program(&directory.path().join("git"), &format!("#!/bin/sh\n{script}\n"));
        let git =
            GitProgram::at(directory.path(), Some(directory.path().as_os_str())).expect("git");
        (directory, git)
    }

    #[test]
    fn an_answer_is_one_line_and_a_refusal_has_its_reason() {
        let (_directory, git) = self::git("echo \"$5\"; exit 0");
        assert_eq!(git.answer(["a  b"]).expect("an answer"), "a  b");
        let (_directory, git) = self::git("echo 'fatal: no' >&2; echo help >&2; exit 128");
        assert_eq!(git.answer(["x"]).expect_err("a refusal").to_string(), "no");
        let (_directory, git) = self::git("exit 3");
        assert!(git.answer(["x"]).expect_err("a refusal").to_string().contains("3"));
        assert_ne!(git.answer(["x"]).expect_err("a refusal").kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn without_the_program_there_is_nothing_to_call() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(GitProgram::at(directory.path(), Some(directory.path().as_os_str())).is_none());
        assert!(GitProgram::at(directory.path(), None).is_none());
    }
}
