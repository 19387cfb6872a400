//! The audit log: one line of JSON for each delivery and each change, written before it happens.
//!
//! No line, no delivery. Never a value.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use fluvio_secret_protocol::SecretName;
use fluvio_secret_protocol::audit::Line;
use jiff::Timestamp;
use serde::Serialize;

use crate::rotating_log::{Reach, RotatingLog, WrittenLine};
use fluvio_secret_system::io_error::io_error_text;

/// A change or a delivery of secrets, or a change of the key that decrypts them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AuditEvent {
    AddMember,
    AdmitMembers,
    Copy,
    Delete,
    ForgetVault,
    Grant,
    InitVault,
    JoinTopic,
    Lease,
    Lock,
    Merge,
    MergeMembers,
    MoveVault,
    Passphrase,
    Purge,
    RemoveMember,
    Rename,
    RequestMembership,
    Restore,
    Retire,
    Rotate,
    Set,
    TakeDocument,
    TrustVault,
    Unlock,
    UpdateLease,
    UpgradeVault,
    UseIdentity,
}

/// The process that does it, as the client describes itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Actor<'a> {
    pub(crate) pid: i32,
    pub(crate) program: &'a str,
    pub(crate) config: &'a str,
    /// The names of that process and of those that it descends from.
    pub(crate) asked_by: &'a [String],
}

/// The line could not be written, so nothing was changed or delivered.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the audit log {path}: {}", io_error_text(.source), path = .path.display())]
pub(crate) struct AuditError {
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

/// The log, and the vault that its lines are about.
#[derive(Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    log: Arc<RotatingLog>,
    /// The vault's directory; empty for the personal one.
    vault: String,
}

impl Audit {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { log: Arc::new(RotatingLog::new(path.clone())), path, vault: String::new() }
    }

    /// The same log, for lines about another vault.
    pub(crate) fn about(&self, vault: &str) -> Self {
        Self { path: self.path.clone(), log: self.log.clone(), vault: vault.to_owned() }
    }

    /// Writes a line about these secrets, or about these recipients if it concerns all secrets. The line of a
    /// change must reach the disk.
    pub(crate) fn record(
        &self,
        event: AuditEvent,
        actor: Actor<'_>,
        names: &[SecretName],
        recipients: &[String],
    ) -> Result<(), AuditError> {
        let reach = match event {
            AuditEvent::Grant | AuditEvent::Lease | AuditEvent::UpdateLease => Reach::System,
            _ => Reach::Disk,
        };
        let line = self.line_of(event, actor, names, recipients);
        line.and_then(|line| self.log.append(&line, reach)).map_err(|source| self.failed(source))
    }

    /// Writes a line about these secrets, which is on the disk after [`Audit::sync`].
    pub(crate) fn write(
        &self,
        event: AuditEvent,
        actor: Actor<'_>,
        names: &[SecretName],
    ) -> Result<WrittenLine, AuditError> {
        let line = self.line_of(event, actor, names, &[]);
        line.and_then(|line| self.log.write(&line)).map_err(|source| self.failed(source))
    }

    /// Waits until these lines are on the disk, and returns what became of each.
    pub(crate) fn sync(&self, lines: &[WrittenLine]) -> Vec<Result<(), AuditError>> {
        let synced = self.log.sync(lines).into_iter();
        synced.map(|synced| synced.map_err(|source| self.failed(source))).collect()
    }

    fn line_of(
        &self,
        event: AuditEvent,
        actor: Actor<'_>,
        names: &[SecretName],
        recipients: &[String],
    ) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(&Line {
            time: Timestamp::now().strftime("%FT%T%.3fZ").to_string(),
            event: event.to_string(),
            pid: actor.pid,
            program: printable(actor.program),
            config: printable(actor.config),
            asked_by: actor.asked_by.to_vec(),
            vault: printable(&self.vault),
            recipients: recipients.to_vec(),
            names: names.to_vec(),
        })?;
        line.push(b'\n');
        Ok(line)
    }

    fn failed(&self, source: io::Error) -> AuditError {
        AuditError { path: self.path.clone(), source }
    }
}

/// The word for it in the log.
impl fmt::Display for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A string of a client, without characters that would drive a terminal: JSON escapes the C0 controls, but not
/// DEL and the C1 ones.
fn printable(text: &str) -> String {
    text.replace(|c: char| ('\u{7f}'..'\u{a0}').contains(&c), "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::{Actor, Audit, AuditEvent};

    #[test]
    fn an_event_of_two_words_has_a_hyphen() {
        assert_eq!(AuditEvent::AddMember.to_string(), "add-member");
        assert_eq!(AuditEvent::UseIdentity.to_string(), "use-identity");
    }

    #[test]
    fn what_a_client_names_cannot_make_a_second_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        let names = ["A".parse().expect("a name")];
        let actor = Actor {
            pid: 7,
            program: "evil\n{\"event\":\"set\"}",
            config: "\u{1b}[2J\u{9b}2J\u{7f}",
            asked_by: &[],
        };
        Audit::new(path.clone()).record(AuditEvent::Grant, actor, &names, &[]).expect("a line");
        let text = std::fs::read_to_string(path).expect("text");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(r#""event":"grant","pid":7"#), "{text}");
        assert!(text.contains(r#""names":["A"]"#), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{7f}']), "{text}");
    }
}
