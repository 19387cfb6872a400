//! What systemd starts.

use std::path::PathBuf;

use super::{Found, Look, Machine};

/// The unit that has the daemon started when somebody connects.
const SOCKET: &str = "fluvio-secretd.socket";

/// The folders of a user's units that are no home's (systemd.unit(5)).
const SYSTEM: [&str; 4] =
    ["etc/systemd/user", "usr/local/lib/systemd/user", "usr/lib/systemd/user", "lib/systemd/user"];

pub(super) fn look(machine: &Machine) -> Vec<Found> {
    vec![judge(machine)]
}

fn judge(machine: &Machine) -> Found {
    let look = Look::Units;
    let by_itself = "the first command that needs the daemon starts it";
    // What sd_booted(3) looks at.
    if !machine.system("run/systemd/system").exists() {
        return look.right(format!("there is no systemd here; {by_itself}"));
    }
    let folders = folders(machine);
    let units: Vec<_> = folders.iter().map(|folder| folder.join(SOCKET)).collect();
    let Some(unit) = units.iter().find(|unit| unit.exists()) else {
        return look.right(format!("{SOCKET} is not installed; {by_itself}"));
    };
    let wants = folders.iter().map(|folder| folder.join("sockets.target.wants").join(SOCKET));
    if wants.into_iter().any(|link| link.symlink_metadata().is_ok()) {
        return look.right(format!("{} is enabled", unit.display()));
    }
    let text = format!("{} is there and not enabled", unit.display());
    look.note(text).mended_by(format!("systemctl --user enable --now {SOCKET}"))
}

/// The folders of units, those that count more first.
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
    use crate::doctor::Condition;
    use crate::doctor::machine::tests::{Made, link};

    #[test]
    fn a_unit_that_is_there_is_enabled_or_what_enables_it_is_told() {
        let made = Made::new();
        assert!(judge(&made.machine).text.starts_with("there is no systemd here"));
        made.write("run/systemd/system/x", "");
        assert!(judge(&made.machine).text.contains("is not installed"));
        let unit = made.write(&format!("usr/lib/systemd/user/{SOCKET}"), "");
        let found = judge(&made.machine);
        assert_eq!(found.condition, Condition::Note);
        let command = "systemctl --user enable --now fluvio-secretd.socket";
        assert_eq!(found.mend.as_deref(), Some(command));
        // What that command does.
        let wants = "home/ada/.config/systemd/user/sockets.target.wants";
        link(&unit, &made.at(&format!("{wants}/{SOCKET}")));
        assert_eq!(judge(&made.machine).condition, Condition::Right);
    }
}
