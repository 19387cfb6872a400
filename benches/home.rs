//! A vault of any size, with its daemon.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{Client, Grant, Secret, Set, connect};
use fluvio_secret_system::places::StateDirectory;

use crate::Outcome;
use crate::programs::Programs;

/// The secrets that the configuration references.
const GRANTED: [&str; 3] = ["API_TOKEN", "AUTH_HEADER", "TLS_KEY"];
/// What they are set to.
pub(crate) const VALUE: &[u8] = b"Authorization: bearer 0123456789abcdef0123456789abcdef";

/// A home of its own for one vault.
pub(crate) struct Home {
    directory: PathBuf,
    state: StateDirectory,
    daemon: PathBuf,
    child: Option<Child>,
}

impl Home {
    /// Makes a vault with this many secrets, and a daemon that serves it. The granted ones are
    /// genuine. A file's name is encrypted inside it, so the others are not: they are second names.
    pub(crate) fn make(programs: &Programs, disk: &Path, secrets: usize) -> Outcome<Self> {
        let directory = disk.join(secrets.to_string());
        fs::create_dir(&directory)?;
        let state = StateDirectory::under(&directory)?;
        let mut home = Self { directory, state, daemon: programs.daemon.clone(), child: None };
        home.start()?;
        let mut client = home.client()?;
        for name in GRANTED {
            client.call(Set { name: name.parse()?, value: value() })?;
        }
        for other in GRANTED.len()..secrets {
            // A file may not have 100,000 names.
            let genuine = home.sealed(GRANTED[other % GRANTED.len()]);
            fs::hard_link(genuine, home.sealed(&format!("OTHER_{other:06}")))?;
        }
        let lines = GRANTED.map(|name| format!("    - secret: {{name: {name}}}\n")).concat();
        let meta = "meta: {version: 0.1.0, name: bench, type: http-source, topic: bench}";
        fs::write(home.config(), format!("{meta}\nhttp:\n  headers:\n{lines}"))?;
        Ok(home)
    }

    /// A secret's file.
    pub(crate) fn sealed(&self, name: &str) -> PathBuf {
        self.directory.join(format!("data/vault/{name}.age"))
    }

    /// The configuration that references three secrets.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.join("config.yaml")
    }

    /// A program in this home, which neither reads nor prints.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("FLUVIO_SECRET_HOME", &self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Starts the daemon; how long it takes until it serves.
    pub(crate) fn start(&mut self) -> Outcome<Duration> {
        let mut command = self.command(&self.daemon);
        let begin = Instant::now();
        let mut child = command.arg("--detached").stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        child.stdout.take().ok_or("no pipe")?.read_to_string(&mut said)?;
        let took = begin.elapsed();
        self.child = Some(child);
        if said == "ready\n" { Ok(took) } else { Err(said.into()) }
    }

    /// Ends the daemon.
    pub(crate) fn stop(&mut self) -> Outcome<()> {
        self.client()?.stop()?;
        self.child.take().ok_or("no daemon")?.wait()?;
        Ok(())
    }

    /// A connection to the daemon.
    pub(crate) fn client(&self) -> Outcome<Client> {
        Ok(connect(&self.state)?)
    }

    /// What the shim asks for.
    pub(crate) fn grant(&self) -> io::Result<Grant> {
        let config = fs::read(self.config())?.into();
        Ok(Grant {
            label: "config.yaml".to_owned(),
            program: "/bin/true".to_owned(),
            check: true,
            config,
        })
    }

    /// KiB of the daemon that are in memory.
    pub(crate) fn resident(&self) -> Outcome<u64> {
        let pid = self.child.as_ref().ok_or("no daemon")?.id();
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Ok(line.ok_or("no VmRSS")?.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // What was measured, or why not, is known by now.
            let _ = child.kill().and_then(|()| child.wait());
        }
    }
}

/// A value to set.
pub(crate) fn value() -> Secret {
    Secret::from(VALUE.to_vec())
}
