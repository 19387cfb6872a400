//! The index of what is deployed.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::Outcome;

#[derive(Default, Deserialize, Serialize)]
pub(crate) struct Index {
    entries: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Entry {
    r#type: String,
    process_id: u32,
    name: String,
    log_file: PathBuf,
}

impl Entry {
    pub(crate) fn new(process_id: u32, name: &str, log_file: PathBuf) -> Self {
        Self { r#type: "local".into(), process_id, name: name.into(), log_file }
    }

    pub(crate) fn log_file(&self) -> &Path {
        &self.log_file
    }

    fn runs(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process_id));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }
}

impl Index {
    pub(crate) fn load() -> Self {
        let text = fs::read_to_string(path()).unwrap_or_default();
        toml::from_str(&text).unwrap_or_default()
    }

    pub(crate) fn add(mut self, entry: Entry) -> Outcome {
        if self.find(&entry.name).is_ok() {
            return Err(format!("Connector with name {} already exists", entry.name).into());
        }
        self.entries.push(entry);
        self.store()
    }

    pub(crate) fn find(&self, name: &str) -> Result<&Entry, String> {
        let found = self.entries.iter().find(|entry| entry.name == name);
        found.ok_or(format!("Connector with name {name} not found"))
    }

    /// Sends SIGTERM and does not wait.
    pub(crate) fn end(mut self, name: &str) -> Outcome {
        let pid = self.find(name)?.process_id.cast_signed();
        if let Some(pid) = Pid::from_raw(pid) {
            // It may have exited.
            let _ = kill_process(pid, Signal::TERM);
        }
        self.entries.retain(|entry| entry.name != name);
        self.store()
    }

    #[allow(clippy::unnecessary_wraps, reason = "as the other operations")]
    pub(crate) fn print(&self) -> Outcome {
        if self.entries.is_empty() {
            println!("No connectors found");
            return Ok(());
        }
        println!(" NAME  STATUS ");
        for entry in &self.entries {
            println!(" {}  {} ", entry.name, if entry.runs() { "Running" } else { "Stopped" });
        }
        Ok(())
    }

    fn store(&self) -> Outcome {
        Ok(fs::write(path(), toml::to_string(self)?)?)
    }
}

fn path() -> PathBuf {
    std::env::temp_dir().join("fluvio_cdk_deploy_index.toml")
}
