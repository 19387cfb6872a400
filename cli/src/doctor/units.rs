//! What systemd starts.

use std::path::PathBuf;

use super::finding::{Diagnosis, DoctorCheck};
use super::fix::Fix;
use super::machine::Machine;

const SOCKET: &str = "fluvio-secretd.socket";

/// The directories of a user's units outside of the home (systemd.unit(5)).
const SYSTEM: [&str; 4] =
    ["etc/systemd/user", "usr/local/lib/systemd/user", "usr/lib/systemd/user", "lib/systemd/user"];

pub(super) fn check(machine: &Machine) -> Vec<Diagnosis> {
    vec![judge(machine)]
}

fn judge(machine: &Machine) -> Diagnosis {
    let check = DoctorCheck::Units;
    let on_demand = "the first command that needs the daemon starts it";
    // As sd_booted(3) does.
    if !machine.system("run/systemd/system").exists() {
        return check.ok(format!("there is no systemd here, so {on_demand}"));
    }
    let folders = folders(machine);
    let units: Vec<_> = folders.iter().map(|folder| folder.join(SOCKET)).collect();
    let Some(unit) = units.iter().find(|unit| unit.exists()) else {
        return check.ok(format!("{SOCKET} is not installed, so {on_demand}"));
    };
    let wants = folders.iter().map(|folder| folder.join("sockets.target.wants").join(SOCKET));
    if wants.into_iter().any(|link| link.symlink_metadata().is_ok()) {
        return check.ok(format!("{} is enabled", unit.display()));
    }
    let text = format!("{} is installed but not enabled", unit.display());
    check.warning(text).fixed_by(Fix::new(format!("systemctl --user enable --now {SOCKET}")))
}

fn folders(machine: &Machine) -> Vec<PathBuf> {
    let in_home = |path: &str| machine.home.as_ref().map(|home| home.join(path));
    let config = machine.config.clone().or_else(|| in_home(".config"));
    let config = config.map(|config| config.join("systemd/user"));
    let data = in_home(".local/share/systemd/user");
    let system = SYSTEM.map(|folder| machine.system(folder));
    config.into_iter().chain(data).chain(system).collect()
}

#[cfg(test)]
mod tests {
    use super::{SOCKET, judge};
    use crate::doctor::finding::Condition;
    use crate::doctor::machine::tests::{Made, link};

    #[test]
    fn a_unit_that_is_there_is_enabled_or_what_enables_it_is_told() {
        let made = Made::new();
        assert!(judge(&made.machine).text.starts_with("there is no systemd here"));
        made.write("run/systemd/system/x", "");
        assert!(judge(&made.machine).text.contains("is not installed"));
        let unit = made.write(&format!("usr/lib/systemd/user/{SOCKET}"), "");
        let found = judge(&made.machine);
        assert_eq!(found.condition, Condition::Warning);
        let command = "systemctl --user enable --now fluvio-secretd.socket";
        assert_eq!(found.command(), Some(command));
        // What that command does.
        let wants = "home/ada/.config/systemd/user/sockets.target.wants";
        link(&unit, &made.at(&format!("{wants}/{SOCKET}")));
        assert_eq!(judge(&made.machine).condition, Condition::Ok);
    }
}
