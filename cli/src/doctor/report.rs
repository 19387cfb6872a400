//! The text for the report of a bug: what `doctor` finds, without names of secrets and of the user.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use fluvio_secret_protocol::SecretName;

use super::daemon::shown_settings;
use super::{Found, Look, Machine};

const HEAD: &str =
    "A report for whoever looks into a bug. It names no secret; read it before you send it.";

/// The whole text.
pub(crate) fn report(machine: &Machine, found: &[Found]) -> String {
    let mut text = format!("{HEAD}\n\n");
    let system = machine.read("etc/os-release");
    let name = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let kernel = machine.read("proc/sys/kernel/osrelease");
    let facts = [
        ("Release", env!("CARGO_PKG_VERSION").to_owned()),
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
        let line = without_names(one);
        let (look, state) = (one.look.as_str(), one.condition.as_str());
        let _ = writeln!(text, "{look:10}  {state:5}  {line}");
    }
    without_user(&text, machine)
}

fn settings() -> String {
    match shown_settings() {
        Ok(Ok(settings)) => settings.replace('\n', ", "),
        Ok(Err(_)) | Err(_) => "see below".to_owned(),
    }
}

/// What a look found, with NAME in place of each secret's name.
fn without_names(found: &Found) -> String {
    let mut line = found.line();
    // Only there secrets are named; elsewhere what is quoted is not theirs.
    if matches!(found.look, Look::Vault | Look::History) {
        for name in names(&line) {
            line = replaced(&line, name.as_str(), "NAME");
        }
    }
    line
}

/// The names of secrets in what is said about the vault: in backticks, or as the names of files and
/// folders.
fn names(line: &str) -> BTreeSet<SecretName> {
    let quoted = line.split('`').skip(1).step_by(2);
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let files = line.match_indices(".age").map(|(at, _)| {
        let before = &line[..at];
        before.rsplit(|c| !is_of_name(c)).next().unwrap_or_default()
    });
    // `.history/NAME` in the vault, and `history/ID/NAME` in the data directory.
    let folders = line.split("history/").skip(1).flat_map(|rest| rest.split('/').take(2));
    let folders = folders.map(|rest| rest.split(|c| !is_of_name(c)).next().unwrap_or_default());
    quoted.chain(files).chain(folders).filter_map(|name| name.parse().ok()).collect()
}

/// The same text with `~` for the home folder, and USER for the user's name elsewhere in a path.
fn without_user(text: &str, machine: &Machine) -> String {
    let home = machine.home.as_deref().unwrap_or(Path::new("/"));
    let mut text = text.to_owned();
    if home != Path::new("/") {
        text = replaced(&text, &home.to_string_lossy(), "~");
    }
    let names = [machine.user.as_deref(), home.file_name()];
    for name in names.into_iter().flatten().filter(|name| *name != "root") {
        let name = name.to_string_lossy();
        text = replaced(&text, &format!("/{name}"), "/USER");
    }
    text
}

/// A text in which another stands in place of each whole word: one that does not go on.
fn replaced(text: &str, word: &str, other: &str) -> String {
    let goes_on = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
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
    use crate::doctor::Look;
    use crate::doctor::machine::Machine;

    #[test]
    fn no_name_of_a_secret_is_in_a_report() {
        let found = Look::Vault
            .wrong("`API_TOKEN` is damaged: /v/API_TOKEN.age cannot be opened (it holds the secret `B`)")
            .mended_by("fluvio-secret restore API_TOKEN");
        assert_eq!(
            without_names(&found),
            "`NAME` is damaged: /v/NAME.age cannot be opened (it holds the secret `NAME`); mend it with: fluvio-secret restore NAME"
        );
        let found = Look::Vault.wrong("/v/.history/C/3.age and /v/D.age: no space; use `age -d`");
        assert_eq!(
            without_names(&found),
            "/v/.history/NAME/3.age and /v/NAME.age: no space; use `age -d`"
        );
        let found =
            Look::History.wrong("/data/history/0a-1b/C is a link, /data/history/a0-b1/D/2.age too");
        assert_eq!(
            without_names(&found),
            "/data/history/0a-1b/NAME is a link, /data/history/a0-b1/NAME/2.age too"
        );
    }

    #[test]
    fn nothing_in_a_report_drives_a_terminal() {
        let found = Look::Project.note("x\u{1b}]0;y\u{7}/secrets.txt").mended_by("rm x\u{1b}]");
        assert_eq!(
            without_names(&found),
            "x\u{fffd}]0;y\u{fffd}/secrets.txt; mend it with: rm x\u{fffd}]"
        );
    }

    #[test]
    fn no_name_of_the_user_is_in_a_path_of_a_report() {
        let mut machine = Machine::this();
        machine.home = Some("/home/ada".into());
        machine.user = Some("ada".into());
        let text = "/home/ada/x, '/home/ada' and /home/adam/y; /media/ada/stick, /srv/ada; ada";
        assert_eq!(
            without_user(text, &machine),
            "~/x, '~' and /home/adam/y; /media/USER/stick, /srv/USER; ada"
        );
    }

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(replaced("A B_A A-A (A)", "A", "x"), "x B_A A-A (x)");
        assert_eq!(replaced("", "A", "x"), "");
    }
}
