//! The watched files: what is in them, and when to read them.

use std::path::PathBuf;
use std::time::Instant;

use fluvio_secret_system::file_id::FileId;

use super::content::{Changes, Contents, Doubts, Reader};
use super::debounce::{Debounce, Sign};
use super::files::{FILE_POLL_INTERVAL, Files};
use super::report::{Report, WatchEvent};

pub(super) struct Inputs {
    files: Files,
    reader: Reader,
    doubts: Doubts,
    debounce: Debounce,
    /// When to read the files without an event, and the reported reason.
    poll: Option<(Instant, String)>,
    /// What the connector was started with.
    started: Contents,
    /// The configuration's file at that time.
    config: Option<FileId>,
}

impl Inputs {
    /// Watches absolute paths; `on_sign` is called on another thread.
    pub(super) fn watch(paths: Vec<PathBuf>, on_sign: impl Fn(Sign) + Send + 'static) -> Self {
        Self {
            files: Files::watch(paths, on_sign),
            reader: Reader::default(),
            doubts: Doubts::default(),
            debounce: Debounce::default(),
            poll: None,
            started: Contents::default(),
            config: None,
        }
    }

    /// Takes note that the connector is started with the current contents.
    pub(super) fn started(&mut self) {
        self.config = self.config_id();
        self.started = self.reader.read(&self.files.paths);
        self.doubts = Doubts::default();
    }

    /// Whether the configuration was saved since the start, which may have read a part of it. If so, it
    /// counts as changed, even if it has the same content again.
    pub(super) fn is_overtaken(&mut self, now: Instant) -> bool {
        let is_overtaken = self.config_id() != self.config;
        if is_overtaken && let Some(config) = self.files.paths.first() {
            self.started.forget(config);
            self.heard(Sign::Over, now, true);
        }
        is_overtaken
    }

    fn config_id(&self) -> Option<FileId> {
        // It is the first of the watched paths.
        let found = self.files.paths.first()?.metadata().ok()?;
        Some(FileId::from(&found))
    }

    pub(super) fn heard(&mut self, sign: Sign, now: Instant, is_soon_after_restart: bool) {
        self.debounce.heard(sign, now, is_soon_after_restart);
    }

    /// When to check for changes.
    pub(super) fn due(&self) -> Option<Instant> {
        let poll = self.poll.as_ref().map(|(due, _)| *due);
        self.debounce.due().into_iter().chain(poll).chain(self.settles()).min()
    }

    /// Whether to check for changes now. If so, the next wait begins.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        self.debounce.is_over(now) || is_due
    }

    /// When to read files again whose dates may have hidden a change. Not while a file is written: then they are
    /// read after that.
    fn settles(&self) -> Option<Instant> {
        self.reader.due().filter(|_| self.debounce.due().is_none())
    }

    /// Reads the files, and compares them with those that the connector was started with.
    pub(super) fn check(&mut self, now: Instant, report: &Report) -> (Contents, Changes) {
        self.files.follow();
        self.poll_silent(report);
        let contents = self.reader.read(&self.files.paths);
        let changes = self.started.changes(&contents, &mut self.doubts, now);
        if let Some(due) = self.doubts.due() {
            self.debounce.look_at(due);
        }
        (contents, changes)
    }

    /// Polls files whose changes the system does not report.
    pub(super) fn poll_silent(&mut self, report: &Report) {
        let before = self.poll.take().map(|(_, because)| because);
        let Some(because) = self.files.silent.as_deref() else { return };
        if before.as_deref() != Some(because) {
            report.print(&WatchEvent::Polling { because });
        }
        self.poll = Some((Instant::now() + FILE_POLL_INTERVAL, because.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::Inputs;
    use crate::format::LogFormat;
    use crate::watch::report::Report;

    #[test]
    fn f10_a_file_that_was_saved_again_during_a_start_counts_as_changed() {
        let directory = tempfile::tempdir().expect("a directory");
        let config = directory.path().join("c.yaml");
        fs::write(&config, "a: 1\n").expect("a file");
        let mut inputs = Inputs::watch(vec![config.clone()], |_| ());
        let report = Report::new(LogFormat::Json, false);
        inputs.started();
        let now = Instant::now();
        assert!(!inputs.is_overtaken(now));
        assert!(inputs.check(now, &report).1.changed.is_empty());
        // By a rename, so that it is another file whatever the clock says.
        let new = directory.path().join("new");
        fs::write(&new, "a: 1\n").expect("a file");
        fs::rename(&new, &config).expect("renamed");
        assert!(inputs.is_overtaken(now));
        let later = now + Duration::from_secs(1);
        assert!(inputs.is_due(later));
        assert_eq!(inputs.check(later, &report).1.changed, [config]);
    }
}
