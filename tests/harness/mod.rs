//! A home for the real programs, and what tests need around it.

pub(crate) mod ask;
pub(crate) mod cdk;
pub(crate) mod exchange;
pub(crate) mod forged;
pub(crate) mod mount;
pub(crate) mod need;
pub(crate) mod page;
pub(crate) mod passphrase;
pub(crate) mod product;
pub(crate) mod pty;
pub(crate) mod shell;
pub(crate) mod sources;
pub(crate) mod sync;
pub(crate) mod trace;
pub(crate) mod watch;
pub(crate) mod wire;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::mount::Mount;

/// No condition of these tests takes longer on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where the built programs are: beside each other, as they are installed.
pub(crate) fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("FLUVIO_SECRET_TEST_PROGRAMS").map_or_else(
        || Path::new(env!("CARGO_BIN_EXE_fluvio-secret")).parent().unwrap().to_owned(),
        PathBuf::from,
    );
    let path = folder.join(name);
    assert!(path.exists(), "{} is not built: run plain `cargo test`", path.display());
    path
}

/// A home of its own for one vault; its daemon ends with it.
pub(crate) struct Home {
    /// Ends before the directory that it is in.
    _mount: Option<Mount>,
    folder: TempDir,
    /// Where its leases are, on a file system in memory where there is one: `/dev/shm` is everybody's.
    memory: Option<TempDir>,
}

/// Where the history of a vault is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Layout {
    /// On the vault's file system: an earlier version is a second name of the file.
    Together,
    /// On another file system: an earlier version is a copy. For root, who can mount one.
    Apart,
}

impl Layout {
    /// Those that can be had here.
    pub(crate) fn all() -> &'static [Self] {
        if rustix::process::geteuid().is_root() {
            &[Self::Together, Self::Apart]
        } else {
            &[Self::Together]
        }
    }
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: ExitStatus,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::of(Layout::Together)
    }

    pub(crate) fn of(layout: Layout) -> Self {
        let make = || tempfile::Builder::new().prefix("fs-").to_owned();
        let folder = make().tempdir_in(temporary()).unwrap();
        let mount = (layout == Layout::Apart).then(|| {
            let histories = folder.path().join("data/history");
            make_folder(&histories, 0o700);
            Mount::tmpfs(&histories, "size=64m")
        });
        let memory = make().tempdir_in("/dev/shm").ok();
        let home = Self { _mount: mount, folder, memory };
        make_folder(&home.path("tmp"), 0o700);
        home
    }

    /// Its own directory on a file system in memory.
    pub(crate) fn memory(&self) -> Option<&Path> {
        self.memory.as_ref().map(TempDir::path)
    }

    /// A path in the home.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.path("data/vault")
    }

    /// The history of the vault: the one directory in that of all histories.
    pub(crate) fn history(&self) -> PathBuf {
        let histories = fs::read_dir(self.path("data/history")).unwrap();
        let paths = histories.map(|entry| entry.unwrap().path());
        // A disk of its own has that.
        let mut found: Vec<_> = paths.filter(|path| !path.ends_with("lost+found")).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    pub(crate) fn secret_file(&self, name: &str) -> PathBuf {
        self.path(&format!("data/vault/{name}.age"))
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("state/run/daemon.sock")
    }

    /// One of our programs, with nothing of the test's environment but PATH.
    pub(crate) fn command(&self, name: &str) -> Command {
        self.foreign(program(name))
    }

    /// Any program, in the same environment.
    pub(crate) fn foreign(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("FLUVIO_SECRET_HOME", self.folder.path())
            // Others have left files in the shared places, which must not change what a test shows.
            .env("TMPDIR", self.path("tmp"))
            .envs(self.memory().map(|memory| ("XDG_RUNTIME_DIR", memory)))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            // All that can be logged is logged, and looked through at the end.
            .env("FLUVIO_SECRET_LOG", "trace")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the command line to its end.
    pub(crate) fn cli(&self, args: &[&str]) -> Said {
        said(self.command("fluvio-secret").args(args))
    }

    /// The same without a terminal, however the tests are run.
    pub(crate) fn cli_apart(&self, args: &[&str]) -> Said {
        let mut setsid = self.foreign("setsid");
        said(setsid.arg("--wait").arg(program("fluvio-secret")).args(args))
    }

    /// Runs the command line, which must succeed, and gives what it printed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let said = self.cli(args);
        assert!(said.status.success(), "{args:?}: {said:?}");
        said.out
    }

    /// Sets a secret to any bytes.
    pub(crate) fn set(&self, name: &str, value: impl AsRef<[u8]>) -> Said {
        let file = self.write("value", value);
        let said = self.cli(&["set", name, "--file", file.to_str().unwrap()]);
        fs::remove_file(file).unwrap();
        said
    }

    /// Writes a file into the home.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a configuration that references these names by map.
    pub(crate) fn config(&self, names: &[&str]) -> PathBuf {
        let lines = names.iter().map(|name| format!("    - secret: {{name: {name}}}\n"));
        let meta = "version: 0.1.0, name: test, type: test-source, topic: test";
        let text = format!("meta: {{{meta}}}\ncustom:\n  values:\n{}", lines.collect::<String>());
        self.write("config.yaml", text)
    }

    /// `fluvio-secret run` of a command with a configuration.
    pub(crate) fn run(&self, config: &Path, options: &[&str], command: &[&str]) -> Command {
        let mut run = self.command("fluvio-secret");
        run.arg("run").arg("--config").arg(config).args(options).arg("--").args(command);
        run
    }

    /// The process id of the daemon that serves.
    pub(crate) fn daemon_pid(&self) -> Option<u32> {
        let said = self.cli(&["status"]);
        let (_, rest) = said.out.split_once("pid ")?;
        rest.split(',').next()?.parse().ok()
    }

    /// Ends the daemon without a chance to do anything.
    pub(crate) fn kill_daemon(&self) -> u32 {
        let pid = self.daemon_pid().expect("a daemon");
        kill("KILL", pid);
        eventually("the daemon's end", || !is_alive(pid));
        pid
    }

    /// The lines of the audit log.
    pub(crate) fn audit_log(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.path("state/audit.log")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// Ends what was started in this home and still runs.
    pub(crate) fn kill_processes(&self) {
        for pid in self.processes() {
            signal("KILL", pid);
        }
    }

    /// The processes that were started in this home: connectors, supervisors, and what they started.
    fn processes(&self) -> Vec<u32> {
        let home = self.folder.path().as_os_str().as_encoded_bytes();
        let is_of_home = |process: &Path| {
            let works_here =
                fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&self.folder));
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            works_here || contains(&environment, &[b"FLUVIO_SECRET_HOME=", home, b"\0"].concat())
        };
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ours = processes.filter(|process| is_of_home(&process.path()));
        ours.filter_map(|process| process.file_name().to_str()?.parse().ok()).collect()
    }

    /// Every file of the home that has these bytes in it.
    pub(crate) fn files_with(&self, bytes: &str) -> Vec<PathBuf> {
        files_with(self.folder.path(), bytes.as_bytes())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A daemon may be gone already, or stopped by the test.
        let daemon = self.daemon_pid();
        if std::thread::panicking() {
            // A second panic would end all tests, and what they have to say would be lost.
            daemon.map(|pid| signal("KILL", pid));
            self.kill_processes();
            return;
        }
        if let Some(pid) = daemon {
            // It may be exiting by itself, because its vault's disk was unmounted before.
            signal("TERM", pid);
            eventually("the daemon's end", || !is_alive(pid));
        }
        // D1: tests give values that begin like this, wherever a value may not turn up.
        let logs = files_with(&self.path("state"), b"cnry-");
        assert!(logs.is_empty(), "a value is in {logs:?}");
    }
}

/// The same program, started by another one that becomes it. With `env --default-signal` it has the
/// signals as a login has them: a test runner in the background has some ignored.
pub(crate) fn behind(words: &[&str], command: &Command) -> Command {
    let mut other = Command::new(words[0]);
    other.args(&words[1..]).arg(command.get_program()).args(command.get_args()).env_clear();
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        other.current_dir(folder);
    }
    other
}

/// Runs a program to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    output.into()
}

/// Runs a program to its end, with this on its standard input.
pub(crate) fn said_with_input(command: &mut Command, input: &[u8]) -> Said {
    let mut child = spawn(command.stdin(Stdio::piped()));
    // It may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().into()
}

/// Starts a program whose output is kept.
pub(crate) fn spawn(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            status: output.status,
        }
    }
}

impl Said {
    /// Its exit status as a number.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// Sets a flag when it is dropped, so also by a panic. A scope waits for its threads, and threads that
/// run until a flag is set would hide what failed.
pub(crate) struct Ends<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits for a condition.
pub(crate) fn eventually(what: &str, condition: impl FnMut() -> bool) {
    within(DEADLINE, what, condition);
}

/// Waits for a condition that may take this long.
pub(crate) fn within(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come within {limit:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal to one process.
pub(crate) fn kill(name: &str, pid: u32) {
    assert!(signal(name, pid), "kill -{name} {pid}");
}

/// Sends a signal to a process, if it still exists.
fn signal(name: &str, pid: u32) -> bool {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null());
    kill.status().is_ok_and(|status| status.success())
}

/// What the kernel says about a process in /proc/PID/stat, see `proc_pid_stat(5)`.
pub(crate) struct Stat {
    /// `R`, `S`, `T`, `Z` and others.
    pub(crate) state: String,
    /// 0 for a session of another PID namespace.
    pub(crate) session: String,
    /// 0 for none.
    pub(crate) terminal: String,
}

/// `None` for a process that does not exist.
pub(crate) fn stat(pid: u32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may contain anything, a parenthesis too.
    let mut fields = stat.rsplit(") ").next()?.split(' ').map(str::to_owned);
    let (state, session, terminal) = (fields.next()?, fields.nth(2)?, fields.next()?);
    Some(Stat { state, session, terminal })
}

/// Whether a process exists and is not a zombie. A process keeps what it has open until its last thread
/// exits, even if its first thread is a zombie already.
pub(crate) fn is_alive(pid: u32) -> bool {
    let threads = || fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    stat(pid).is_some_and(|stat| stat.state != "Z" || threads() > 1)
}

/// Every file below a directory that has these bytes in it.
pub(crate) fn files_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            found.extend(files_with(&entry.path(), bytes));
        } else if kind.is_file() && contains(&fs::read(entry.path()).unwrap_or_default(), bytes) {
            found.push(entry.path());
        }
    }
    found
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Where homes are: the temporary directory, unless a shell would need quotes around its path.
/// Tests compare commands that programs print, and write paths into scripts of their own.
fn temporary() -> PathBuf {
    let set = std::env::temp_dir();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let fits = set.is_absolute() && set.to_str().is_some_and(|set| set.chars().all(is_plain));
    if fits { set } else { "/tmp".into() }
}

/// A directory with a mode.
pub(crate) fn make_folder(path: &Path, mode: u32) {
    fs::DirBuilder::new().recursive(true).mode(mode).create(path).unwrap();
}

/// A value that is found wherever it turns up.
pub(crate) fn canary() -> String {
    let mut bytes = [0; 16];
    std::io::Read::read_exact(&mut fs::File::open("/dev/urandom").unwrap(), &mut bytes).unwrap();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
    format!("cnry-{}", hex.collect::<String>())
}
