//! The text for the report of a bug: what `doctor` finds, without names of secrets and of the user.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use super::finding::Diagnosis;
use super::machine::Machine;
use crate::daemon_settings::shown_settings;

const HEAD: &str =
    "A report for the people who fix the bug. It names no secret. Read it before you send it.";

pub(crate) fn report(machine: &Machine, found: &[Diagnosis]) -> String {
    let mut text = format!("{HEAD}\n\n");
    let system = machine.read("etc/os-release");
    let name = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let kernel = machine.read("proc/sys/kernel/osrelease");
    let facts = [
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("System", name.unwrap_or("unknown").trim_matches('"').to_owned()),
        ("Kernel", format!("{} {}", kernel.trim(), std::env::consts::ARCH)),
        ("Settings", settings()),
    ];
    for (label, fact) in facts {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{label:10}  {fact}");
    }
    text.push('\n');
    for one in found {
        let check = one.check.word();
        let state = one.condition.word();
        let _ = writeln!(text, "{check:10}  {state:7}  {}", without_names(one, &one.line()));
        if let Some(help) = one.help_line() {
            let _ = writeln!(text, "{:21}{}", "", without_names(one, &help));
        }
    }
    without_user(&text, machine)
}

fn settings() -> String {
    match shown_settings() {
        Ok(Ok(settings)) => settings.replace('\n', ", "),
        Ok(Err(_)) | Err(_) => "see below".to_owned(),
    }
}

/// A line of a check, with NAME in place of each secret's name.
fn without_names(found: &Diagnosis, line: &str) -> String {
    let names: BTreeSet<_> = found.names.iter().collect();
    names
        .into_iter()
        .fold(line.to_owned(), |line, name| replaced(&line, name.as_str(), "NAME", "_-"))
}

/// The same text with `~` for the home directory, and USER for the user's name elsewhere in a path.
fn without_user(text: &str, machine: &Machine) -> String {
    let home = machine.home.as_deref().unwrap_or(Path::new("/"));
    let mut text = text.to_owned();
    if home != Path::new("/") {
        text = replaced(&text, &home.to_string_lossy(), "~", "_-");
    }
    let names = [machine.user.as_deref(), home.file_name()];
    for name in names.into_iter().flatten().filter(|name| *name != "root") {
        let name = name.to_string_lossy();
        // As a part of a name, too: `/srv/ada-secrets`.
        text = replaced(&text, &format!("/{name}"), "/USER", "");
    }
    text
}

/// Replaces a word in a text. A longer word that contains it stays. Words have letters, digits and `joints`.
fn replaced(text: &str, word: &str, other: &str, joints: &str) -> String {
    let goes_on = |c: char| c.is_alphanumeric() || joints.contains(c);
    let begins_inside = |before: &str| word.starts_with(goes_on) && before.ends_with(goes_on);
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, found) = rest.split_at(at);
        let after = &found[word.len()..];
        result += before;
        let is_whole = !after.starts_with(goes_on) && !begins_inside(&result);
        result += if is_whole { other } else { word };
        rest = after;
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::{replaced, without_names, without_user};
    use crate::doctor::finding::DoctorCheck;
    use crate::doctor::fix::Fix;
    use crate::doctor::machine::Machine;

    #[test]
    fn no_name_of_a_secret_is_in_a_report() {
        let found = DoctorCheck::Vault
            .error("`API_TOKEN` is damaged: /v/API_TOKEN.age cannot be opened (it holds the secret `B`)")
            .fixed_by(Fix::new("fluvio-secret restore API_TOKEN"))
            .naming(["API_TOKEN", "B"].map(|name| name.parse().expect("a name")));
        assert_eq!(
            without_names(&found, &found.line()),
            "`NAME` is damaged: /v/NAME.age cannot be opened (it holds the secret `NAME`)"
        );
        assert_eq!(
            without_names(&found, &found.help_line().expect("help")),
            "help: fix it with: fluvio-secret restore NAME"
        );
    }

    #[test]
    fn nothing_in_a_report_drives_a_terminal() {
        let found = DoctorCheck::Project
            .warning("x\u{1b}]0;y\u{7}/secrets.txt")
            .fixed_by(Fix::new("rm x\u{1b}]"));
        assert_eq!(without_names(&found, &found.line()), "x\u{fffd}]0;y\u{fffd}/secrets.txt");
        assert_eq!(found.help_line().expect("help"), "help: fix it with: rm x\u{fffd}]");
    }

    #[test]
    fn no_name_of_the_user_is_in_a_path_of_a_report() {
        let mut machine = Machine::this();
        machine.home = Some("/home/ada".into());
        machine.user = Some("ada".into());
        let text = "/home/ada/x, '/home/ada' and /home/adam/y; /media/ada/stick, /srv/ada-1; ada";
        assert_eq!(
            without_user(text, &machine),
            "~/x, '~' and /home/adam/y; /media/USER/stick, /srv/USER-1; ada"
        );
    }

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(replaced("A B_A A-A (A)", "A", "x", "_-"), "x B_A A-A (x)");
        assert_eq!(replaced("", "A", "x", ""), "");
    }
}
