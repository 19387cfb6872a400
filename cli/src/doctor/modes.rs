//! The owners and modes of the directories and the identity.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fluvio_secret_protocol::ClientError;
use fluvio_secret_system::places::{PlaceError, Places};
use fluvio_secret_system::private::{self, DIRECTORY_MODE, FILE_MODE, PrivateError};
use fluvio_secret_system::shell;

use super::finding::{Diagnosis, DoctorCheck};
use super::fix::Fix;
use super::machine::Machine;
use super::memory;

pub(super) fn check(machine: &Machine, places: &Places) -> Vec<Diagnosis> {
    let ours = format!("fluvio-secret-{}", machine.uid);
    let used = memory::lease_place(machine);
    // In a place that is not used, what belongs to another user is passed over, as the daemon does.
    let counts = |place: &PathBuf| {
        used.as_ref() == Some(place)
            || fs::metadata(place.join(&ours)).is_ok_and(|found| found.uid() == machine.uid)
    };
    let leases = memory::places(machine).into_iter().filter(counts);
    let leases = leases.map(|place| place.join(&ours)).collect::<Vec<_>>();
    // Another home, which is what the error advises for other places, would not help here.
    if let Some(foreign) = leases.iter().find_map(|place| foreign_leases(place, machine.uid)) {
        return vec![foreign];
    }
    let leases = leases.iter().map(|place| (place, DIRECTORY_MODE));
    let all = [
        (&places.config, DIRECTORY_MODE),
        (&places.identity, FILE_MODE),
        (&places.data, DIRECTORY_MODE),
        (&places.vault, DIRECTORY_MODE),
        (&places.state.path, DIRECTORY_MODE),
        (&places.state.run, DIRECTORY_MODE),
        (&places.state.audit_log, FILE_MODE),
    ];
    // What a link points to there is not ours, so its mode is not to be changed.
    let is_link = fs::symlink_metadata(&places.histories).is_ok_and(|found| found.is_symlink());
    let histories = (!is_link).then_some((&places.histories, DIRECTORY_MODE));
    judge(all.into_iter().chain(histories).chain(leases), machine.uid)
}

/// What to do about another user's directory that has the name of the one for leases.
fn foreign_leases(place: &Path, ours: u32) -> Option<Diagnosis> {
    let owner = fs::metadata(place).ok()?.uid();
    let shown = place.display();
    let text =
        format!("{shown}, the directory for leases, belongs to uid {owner}, not to uid {ours}");
    let advice = "have that user or root remove it, or pass the secrets with: --inject env";
    (owner != ours).then(|| DoctorCheck::Modes.error(text).advising(advice))
}

/// What is not there is made as it has to be.
fn judge<'a>(places: impl Iterator<Item = (&'a PathBuf, u32)>, ours: u32) -> Vec<Diagnosis> {
    let faults: Vec<_> = places.filter_map(|(path, wanted)| fault(path, wanted, ours)).collect();
    if faults.is_empty() {
        return vec![DoctorCheck::Modes.ok("only you can use the directories and the identity")];
    }
    faults
}

/// What the daemon would say of it, at its start or when it is to change something there.
fn fault(path: &Path, wanted: u32, ours: u32) -> Option<Diagnosis> {
    let wrong = |error: PrivateError| {
        Some(DoctorCheck::Modes.failed(&ClientError::Place(PlaceError::from(error))))
    };
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(source) => return wrong(PrivateError::Io { path: path.to_owned(), source }),
    };
    let mode = found.mode() & 0o777;
    if let Err(error) = private::check(path, &found, ours, wanted) {
        return wrong(error);
    }
    let shown = path.display();
    if wanted == FILE_MODE && !fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        let found = DoctorCheck::Modes.error(format!("{shown} is not a regular file"));
        return Some(found.advising("move it away"));
    }
    // A file is replaced and not written, so its directory is what counts.
    if found.is_dir() && mode != DIRECTORY_MODE {
        let text = format!("{shown} has the mode {mode:04o}, so nothing can be changed in it");
        let word = shell::quoted(&shown.to_string());
        let command = Fix::new(format!("chmod {DIRECTORY_MODE:04o} {word}"));
        return Some(DoctorCheck::Modes.error(text).fixed_by(command));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::{DIRECTORY_MODE, FILE_MODE, foreign_leases, judge};
    use crate::doctor::finding::Condition;

    #[test]
    fn what_others_may_use_comes_with_the_command_that_fixes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (inside, file) = (folder.path().join("it's"), folder.path().join("identity.txt"));
        let closed = folder.path().join("closed");
        fs::create_dir(&inside).expect("a folder");
        fs::create_dir(&closed).expect("a folder");
        fs::write(&file, "").expect("a file");
        let chmod = |path: &std::path::Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
        };
        chmod(&inside, 0o750);
        chmod(&file, 0o644);
        chmod(&closed, 0o500);
        let ours = rustix::process::geteuid().as_raw();
        let none = "/none".into();
        let places = [
            (&inside, DIRECTORY_MODE),
            (&file, FILE_MODE),
            (&closed, DIRECTORY_MODE),
            (&none, DIRECTORY_MODE),
        ];
        let found = judge(places.into_iter(), ours);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[2].text.contains("nothing can be changed in it"), "{found:?}");
        assert!(found[0].text.contains("others may use") && found[0].text.contains("0750"));
        for wrong in found {
            let command = wrong.command().expect("a command");
            assert!(Command::new("sh").args(["-c", command]).status().expect("sh").success());
        }
        let found = judge(places.into_iter(), ours);
        assert_eq!(found[0].condition, Condition::Ok, "{found:?}");
        // To take over another user's directory may do more harm.
        let found = judge(places.into_iter(), ours + 1);
        let whose = if ours == 0 { "root".to_owned() } else { format!("uid {ours}") };
        assert!(found[0].text.contains(&format!("belongs to {whose}")), "{found:?}");
        assert!(found.iter().all(|found| found.fix.is_none()), "{found:?}");
    }

    #[test]
    fn another_users_directory_for_leases_is_not_answered_with_another_home() {
        let folder = tempfile::tempdir().expect("a folder");
        let ours = rustix::process::geteuid().as_raw();
        assert!(foreign_leases(folder.path(), ours).is_none());
        assert!(foreign_leases(&folder.path().join("none"), ours).is_none());
        let found = foreign_leases(folder.path(), ours + 1).expect("a fault");
        let next = "have that user or root remove it, or pass the secrets with: --inject env";
        assert_eq!(found.advice.as_deref(), Some(next));
        assert!(!found.text.contains("HOME"), "{found:?}");
        assert!(found.fix.is_none(), "{found:?}");
    }
}
