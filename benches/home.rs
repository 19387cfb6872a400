//! A vault of any size, with its daemon.

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{Client, Grant, Secret, Set, connect};
use fluvio_secret_system::places::StateDirectory;

use crate::Outcome;
use crate::measure::timed;
use crate::programs::Built;

/// What the secrets are set to.
pub(crate) const VALUE: &str = "Authorization: bearer 0123456789abcdef0123456789abcdef";

/// How glibc's allocator is set when `fluvio-secretd --start` starts the daemon.
const ALLOCATOR: [(&str, &str); 3] = [
    ("MALLOC_ARENA_MAX", "2"),
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
];

/// A home of its own for one vault.
pub(crate) struct Home {
    directory: PathBuf,
    state: StateDirectory,
    daemon: PathBuf,
    child: Option<Child>,
}

impl Home {
    /// Makes a vault, and a daemon that serves it. This number of its secrets is genuine. A file's name is
    /// encrypted inside it, so the others are not: they are second names.
    pub(crate) fn make(
        built: &Built,
        directory: &Path,
        genuine: usize,
        secrets: usize,
    ) -> Outcome<Self> {
        fs::create_dir(directory)?;
        let state = StateDirectory::under(directory)?;
        let mut home = Self {
            directory: directory.to_owned(),
            state,
            daemon: built.daemon.clone(),
            child: None,
        };
        home.start()?;
        let mut client = home.client()?;
        for number in 0..genuine {
            client.call(Set { name: name_of(number).parse()?, value: value() })?;
        }
        for other in genuine..secrets {
            // A file may not have 100,000 names.
            let source = home.encrypted(&name_of(other % genuine));
            fs::hard_link(source, home.encrypted(&format!("OTHER_{other:06}")))?;
        }
        Ok(home)
    }

    /// A secret's file.
    pub(crate) fn encrypted(&self, name: &str) -> PathBuf {
        self.directory.join(format!("data/vault/{name}.age"))
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.directory.join("config/identity.txt")
    }

    /// A configuration that references this number of secrets.
    pub(crate) fn config(&self, references: usize) -> Outcome<PathBuf> {
        let path = self.directory.join(format!("config-{references}.yaml"));
        let meta = "meta: {version: 0.1.0, name: bench, type: http-source, topic: bench}";
        let mut text = format!("{meta}\nhttp:\n  headers:\n");
        for number in 0..references {
            writeln!(text, "    - secret: {{name: {}}}", name_of(number))?;
        }
        fs::write(&path, text)?;
        Ok(path)
    }

    /// A plain file with the values of this number of secrets, which a shell can source.
    pub(crate) fn plain_file(&self, secrets: usize) -> Outcome<PathBuf> {
        let path = self.directory.join(format!("plain-{secrets}.sh"));
        let lines = (0..secrets).map(|number| format!("{}='{VALUE}'\n", name_of(number)));
        fs::write(&path, lines.collect::<String>())?;
        Ok(path)
    }

    /// A file of lines for `import`, with this number of secrets.
    pub(crate) fn secrets_file(&self, secrets: usize) -> Outcome<PathBuf> {
        let path = self.directory.join(format!("secrets-{secrets}.txt"));
        let lines = (0..secrets).map(|number| format!("{}={VALUE}\n", name_of(number)));
        fs::write(&path, lines.collect::<String>())?;
        Ok(path)
    }

    /// The identity, and a file that age has encrypted for it.
    pub(crate) fn encrypted_file(&self, plain: &Path) -> Outcome<(PathBuf, PathBuf)> {
        let (identity, encrypted) = (self.identity(), plain.with_extension("age"));
        let mut age = Command::new("age");
        age.args(["-e", "-i"]).arg(&identity).arg("-o").arg(&encrypted).arg(plain);
        crate::programs::time(&mut age)?;
        Ok((identity, encrypted))
    }

    /// A link to a program, alone in its directory.
    pub(crate) fn program(&self, name: &str, program: &Path) -> Outcome<PathBuf> {
        let directory = self.directory.join("bin");
        fs::create_dir(&directory)?;
        symlink(program, directory.join(name))?;
        Ok(directory.join(name))
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
        command.envs(ALLOCATOR);
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

    /// What the shim requests for this number of secrets.
    pub(crate) fn grant(&self, references: usize) -> Outcome<Grant> {
        Ok(Grant {
            label: "config.yaml".to_owned(),
            program: "/bin/true".to_owned(),
            check: true,
            identity: None,
            config: fs::read(self.config(references)?)?.into(),
        })
    }

    /// How long a grant takes that is delivered to this client.
    pub(crate) fn time_grant(&self, client: &mut Client, references: usize) -> Outcome<Duration> {
        let grant = self.grant(references)?;
        timed(|| client.call(grant).map(|granted| granted.expect("a grant")))
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

/// The name of a genuine secret.
pub(crate) fn name_of(number: usize) -> String {
    format!("SECRET_{number:06}")
}

/// A value to set.
pub(crate) fn value() -> Secret {
    Secret::from(VALUE.as_bytes().to_vec())
}
