//! A new user of this machine, who is gone with everything that was theirs when this is dropped.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::programs::run;
use crate::{Outcome, say};

/// How long a process may take to end when it was killed.
const MANAGER_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct User {
    name: String,
    uid: u32,
    /// What is above the home, and is removed with it.
    directory: tempfile::TempDir,
}

impl User {
    /// Makes one, as an administrator would. For root.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::Builder::new().prefix("first-steps-").tempdir()?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        let name = format!("first-steps-{}", std::process::id());
        let home = directory.path().join("home");
        run(Command::new("useradd")
            .args(["--create-home", "--shell", "/bin/bash", "--home-dir"])
            .arg(&home)
            .arg(&name))?;
        let mut user = Self { name, uid: 0, directory };
        user.uid = home.metadata()?.uid();
        Ok(user)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// A line of the user's shell, in a new session and with nothing of our environment.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", &self.name, "--regid", &self.name, "--init-groups", "--reset-env"])
            .args(["bash", "--login", "-c", line])
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// Shows a line and types it, with this on its standard input.
    pub(crate) fn types(&self, path: &str, line: &str, input: &str) -> Outcome {
        say(&format!("    $ {line}"));
        let mut shell = self.shell(&format!("PATH={path}$PATH; {line}"));
        let mut child = shell.stdin(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        match child.wait()? {
            status if status.success() => Ok(()),
            status => Err(format!("{line}: {status}").into()),
        }
    }

    /// Shows a line and types it without waiting for its end.
    pub(crate) fn starts(&self, path: &str, line: &str) -> std::io::Result<Child> {
        say(&format!("    $ {line}"));
        self.shell(&format!("PATH={path}$PATH; exec {line}")).spawn()
    }

    /// Gives a file or directory, and what is in it, to the user.
    pub(crate) fn owns(&self, path: &Path) -> Outcome {
        let owner = format!("{}:{}", self.name, self.name);
        run(Command::new("chown").args(["--recursive", "--no-dereference", &owner]).arg(path))
    }

    /// The processes of the user.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| self.is_of_user(*pid)).collect()
    }

    fn is_of_user(&self, pid: u32) -> bool {
        // Not the directory's owner: a process that is not dumpable has root for that.
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let is_gone = status.lines().any(|line| line.starts_with("State:\tZ"));
        let mut uid = status.lines().filter_map(|line| line.strip_prefix("Uid:\t"));
        !is_gone && uid.any(|uids| uids.split('\t').next() == Some(&self.uid.to_string()))
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // All of them were started for this user, who was made for them.
        let deadline = Instant::now() + MANAGER_TIMEOUT;
        while !self.processes().is_empty() && Instant::now() < deadline {
            for pid in self.processes() {
                let _ = Command::new("kill").arg("-KILL").arg(pid.to_string()).status();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut remove = Command::new("userdel");
        if let Err(error) = run(remove.arg(&self.name)) {
            say(&format!("the user {} is still there: {error}", self.name));
        }
    }
}
