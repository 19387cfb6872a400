//! Where the files of the replication are.

use std::path::PathBuf;

use fluvio_secret_system::places::Places;

/// Names the program `fluvio`, in place of the one on PATH.
pub(crate) const FLUVIO_VARIABLE: &str = "FLUVIO";

/// The files of the replication.
#[derive(Clone, Debug)]
pub(crate) struct SyncPlaces {
    /// Which vaults are replicated, and over which topics.
    pub(crate) config: PathBuf,
    /// Held while that file is changed.
    pub(crate) config_lock: PathBuf,
    /// What the process reports that no terminal shows.
    pub(crate) log: PathBuf,
    run: PathBuf,
    state: PathBuf,
}

impl SyncPlaces {
    pub(crate) fn of(places: &Places) -> Self {
        let (state, run) = (places.state.path.clone(), places.state.run.clone());
        Self {
            config: places.config.join("sync.json"),
            config_lock: run.join("sync.lock"),
            log: state.join("sync.log"),
            run,
            state,
        }
    }

    /// Held by the process that follows a topic for this vault.
    pub(crate) fn lock(&self, vault: &str) -> PathBuf {
        self.run.join(format!("sync-{vault}.lock"))
    }

    /// How far that process is.
    pub(crate) fn status(&self, vault: &str) -> PathBuf {
        self.state.join(format!("sync-{vault}.json"))
    }
}
