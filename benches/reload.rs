//! How long it takes from a saved configuration or another value to the connector that has it.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::Set;

use crate::Outcome;
use crate::home::{Home, name_of};
use crate::programs::Programs;

/// Saves that are so far apart are each seen at once: the pause after a restart is over, and so is the calm
/// time after it.
const APART: Duration = Duration::from_millis(1500);

/// A supervisor with a connector that says by a byte that it has begun, and ends at once when asked.
pub(crate) struct Reload {
    config: PathBuf,
    text: String,
    changes: usize,
    supervisor: Child,
    started: ChildStdout,
}

impl Reload {
    pub(crate) fn begin(programs: &Programs, home: &Home) -> Outcome<Self> {
        let text = fs::read_to_string(home.config(3)?)?;
        let config = home.config(3)?.with_file_name("reload.yaml");
        fs::write(&config, &text)?;
        let mut run = home.command(&programs.packaged.cli);
        run.args(["run", "--watch", "--config"]).arg(&config);
        run.args(["--", "sh", "-c", "echo; exec sleep 1000"]);
        let mut supervisor = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut started = supervisor.stdout.take().ok_or("no pipe")?;
        started.read_exact(&mut [0])?;
        Ok(Self { config, text, changes: 0, supervisor, started })
    }

    /// Saves as editors do, by a rename, and waits for the connector. Stopping the old one is part of
    /// it.
    pub(crate) fn save(&mut self) -> Outcome<Duration> {
        self.changes += 1;
        let new = self.config.with_extension("new");
        fs::write(&new, format!("{}saves: {}\n", self.text, self.changes))?;
        std::thread::sleep(APART);
        let begin = Instant::now();
        fs::rename(&new, &self.config)?;
        self.started.read_exact(&mut [0])?;
        Ok(begin.elapsed())
    }

    /// Sets a secret of the configuration to another value, and waits for the connector.
    pub(crate) fn set(&mut self, home: &Home) -> Outcome<Duration> {
        self.changes += 1;
        let (name, value) = (name_of(0).parse()?, self.changes.to_string().into_bytes().into());
        std::thread::sleep(APART);
        let begin = Instant::now();
        home.client()?.call(Set { name, value })?;
        self.started.read_exact(&mut [0])?;
        Ok(begin.elapsed())
    }
}

impl Drop for Reload {
    fn drop(&mut self) {
        // The connector is its child and ends with it.
        let _ = self.supervisor.kill().and_then(|()| self.supervisor.wait());
    }
}
