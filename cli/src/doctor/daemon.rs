//! The settings, and the daemon.

use std::fs;
use std::path::Path;

use fluvio_secret_protocol::{ClientError, Status};
use fluvio_secret_system::places::Places;

use super::finding::{Diagnosis, DoctorCheck};
use super::fix::Fix;
use crate::daemon_settings::{BadSettings, shown_settings};
use crate::date;

const RESTART: &str = "fluvio-secret daemon restart";

/// What an error advises for another vault on purpose.
const ACCEPT_VAULT: &str = "fluvio-secret daemon start --accept-vault";

/// Whether the settings can be read, and hold already.
pub(super) fn settings(places: &Places, status: Option<&Status>) -> Vec<Diagnosis> {
    // Without the program there is a line about that.
    let Ok(said) = shown_settings() else { return Vec::new() };
    vec![judge_settings(&places.settings, &said, status.map(|status| &*status.settings))]
}

/// `known` is what the daemon that runs was started with.
fn judge_settings(
    path: &Path,
    said: &Result<String, BadSettings>,
    known: Option<&str>,
) -> Diagnosis {
    let shown = path.display();
    match (said, known) {
        (Err(BadSettings { why, help }), _) => {
            let found = DoctorCheck::Settings.error(&**why);
            help.clone().map_or(found.clone(), |help| found.helped_by(help))
        }
        (Ok(said), Some(known)) if said.trim_end() != known.trim_end() => {
            let text =
                format!("{shown} was changed, and the running daemon does not use the change yet");
            DoctorCheck::Settings.warning(text).fixed_by(Fix::new(RESTART))
        }
        (Ok(_), _) if path.exists() => DoctorCheck::Settings.ok(format!("{shown} is valid")),
        (Ok(_), _) => DoctorCheck::Settings.ok("there is no settings.toml, so the defaults apply"),
    }
}

/// Whether a daemon serves or can be started, and is the one that this program expects.
pub(super) fn daemon(status: Result<&Status, &ClientError>, places: &Places) -> Vec<Diagnosis> {
    let vault = &*places.vault;
    let found = match status {
        Err(error @ ClientError::Silent { pid: Some(pid), .. }) => DoctorCheck::Daemon
            .error(error.to_string())
            .advising("stop it with")
            .fixed_by(Fix::new(format!("kill -KILL {pid}"))),
        Err(error) => match DoctorCheck::Daemon.failed(error) {
            found if found.command() == Some(ACCEPT_VAULT) => other_vault(found, vault),
            found => found,
        },
        Ok(status) if status.version != env!("CARGO_PKG_VERSION") => {
            let text = format!(
                "it has version {}, but fluvio-secret has version {}",
                status.version,
                env!("CARGO_PKG_VERSION")
            );
            DoctorCheck::Daemon.error(text).fixed_by(Fix::new(RESTART))
        }
        Ok(status) if !is_same(Path::new(&status.vault), vault) => {
            let text = format!(
                "it serves the vault {}, but your vault is {}",
                status.vault,
                vault.display()
            );
            DoctorCheck::Daemon.error(text).fixed_by(Fix::new(RESTART))
        }
        Ok(status) if !is_same(Path::new(&status.identity), places.identity_in_use()) => {
            let text = format!(
                "it uses the identity {}, but your identity is {}",
                status.identity,
                places.identity_in_use().display()
            );
            DoctorCheck::Daemon.error(text).fixed_by(Fix::new(RESTART))
        }
        Ok(status) => DoctorCheck::Daemon.ok(format!(
            "running since {}, pid {}, version {}",
            date::local(status.since),
            status.pid,
            status.version
        )),
    };
    vec![found]
}

/// A vault that is not where it is expected. Another one is rarely meant, so no command is a fix.
fn other_vault(found: Diagnosis, expected: &Path) -> Diagnosis {
    let entries = fs::read_dir(expected).into_iter().flatten().flatten();
    let has_vault = entries.map(|entry| entry.file_name()).any(|name| {
        name == ".vault-id" || Path::new(&name).extension().is_some_and(|it| it == "age")
    });
    let meaning = match has_vault {
        true => "to use the vault that is there now",
        false => "to start with an empty vault",
    };
    let advice = format!(
        "mount the vault at {}, or put it back, or, {meaning}: {ACCEPT_VAULT}",
        expected.display()
    );
    Diagnosis { fix: None, ..found }.advising(advice)
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().ok() == other.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::{Path, PathBuf};

    use fluvio_secret_protocol::{ClientError, StartError};
    use fluvio_secret_system::help::{Help, Helpful};
    use fluvio_secret_system::places::{PlaceError, Places};
    use fluvio_secret_system::private::PrivateError;

    use super::{RESTART, judge_settings};
    use crate::daemon_settings::BadSettings;
    use crate::doctor::finding::{Condition, DoctorCheck};

    #[test]
    fn settings_are_wrong_or_not_yet_known_or_right() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.toml");
        let right = Ok("history = 10".to_owned());
        let judge = |known| judge_settings(&path, &right, known);
        assert!(judge(None).text.contains("no settings.toml"));
        assert_eq!(judge(Some("history = 10\n")).condition, Condition::Ok);
        // Even if the file was removed.
        let unknown = judge(Some("history = 11\n"));
        assert_eq!((unknown.condition, unknown.command()), (Condition::Warning, Some(RESTART)));
        std::fs::write(&path, "").expect("a file");
        assert!(judge(None).text.ends_with("is valid"));
        let bad = BadSettings { why: "line 1: no".to_owned(), help: Some(Help::advice("fix it")) };
        let wrong = judge_settings(&path, &Err(bad), Some("history = 10"));
        assert_eq!((wrong.condition, &*wrong.text), (Condition::Error, "line 1: no"));
        assert_eq!(wrong.advice.as_deref(), Some("fix it"));
    }

    #[test]
    fn why_no_daemon_can_be_reached_comes_with_the_command_that_fixes_it() {
        let silent = ClientError::Silent { socket: "/s".into(), pid: Some(42), is_asked: false };
        let path = PathBuf::from("/s");
        let wide = PlaceError::from(PrivateError::Wide { path, mode: 0o755, wanted: 0o700 });
        let (reason, help) = (wide.to_string(), wide.help());
        let cases = [
            (silent, "may hang", Some("kill -KILL 42")),
            (ClientError::Place(wide), "others may use /s", Some("chmod 0700 '/s'")),
            (
                ClientError::Start(StartError::Failed { reason, help }),
                "cannot start the daemon: others may use /s",
                Some("chmod 0700 '/s'"),
            ),
            (ClientError::Newer(9), "is newer", Some("fluvio-secret daemon stop")),
            (
                ClientError::Broken(io::ErrorKind::UnexpectedEof.into()),
                "stopped before it answered",
                None,
            ),
        ];
        let places = Places::under(Path::new("/p")).expect("places");
        for (error, cause, fix) in cases {
            let found = super::daemon(Err(&error), &places);
            assert_eq!(found[0].check, DoctorCheck::Daemon);
            assert_eq!(found[0].condition, Condition::Error);
            assert!(found[0].text.contains(cause), "{found:?}");
            if fix.is_some() {
                assert_eq!(found[0].command(), fix, "{found:?}");
            }
        }
    }
}
