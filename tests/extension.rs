//! `fluvio secret …`: the command line as an extension of Fluvio's own program, for which a script stands.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::harness::{Home, Said, program, said, said_with_input};

/// Finds an extension as Fluvio's program does, and lists those in its directory for `--help`.
const FLUVIO: &str = r#"#!/bin/sh
extensions=$HOME/.fluvio/extensions
if [ "$1" = --help ]; then
    for program in "$extensions"/fluvio-*; do "$program" metadata; done
    exit
fi
name=fluvio-$1
shift
for program in "$(dirname "$0")/$name" "$(command -v "$name")" "$extensions/$name"; do
    if [ -x "$program" ]; then "$program" "$@"; exit $?; fi
done
echo "there is no $name" >&2
exit 3
"#;

/// `fluvio` with these words, in a home where it is in `bin/`.
fn fluvio(home: &Home, path: &str, words: &[&str]) -> Command {
    let mut fluvio = home.foreign(home.path("bin/fluvio"));
    fluvio.args(words).env("PATH", path);
    fluvio
}

fn with_fluvio() -> Home {
    let home = Home::new();
    fs::create_dir(home.path("bin")).unwrap();
    fs::create_dir_all(home.path(".fluvio/extensions")).unwrap();
    let script = home.write("bin/fluvio", FLUVIO);
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    home
}

/// What a user types after `fluvio`.
fn works(home: &Home, path: &str) {
    let run = |words: &[&str]| -> Said { said(&mut fluvio(home, path, words)) };
    let set = said_with_input(&mut fluvio(home, path, &["secret", "set", "A"]), b"x\n");
    assert_eq!(set.out, "Secret \"A\" set successfully\n", "{set:?}");
    assert!(run(&["secret", "list"]).out.contains("A  "));
    assert_eq!(run(&["secret", "delete", "A"]).code(), Some(0));
    let refused = run(&["secret", "delete", "B"]);
    assert_eq!(refused.code(), Some(1));
    assert!(
        refused.err.ends_with("\nhelp: list the secrets with: fluvio secret list\n"),
        "{refused:?}"
    );
    let typed = home.cli(&["delete", "B"]);
    assert!(
        typed.err.ends_with("\nhelp: list the secrets with: fluvio-secret list\n"),
        "{typed:?}"
    );
    assert_eq!(run(&["secret", "set", "9"]).code(), Some(2), "no name");
    let help = run(&["secret", "--help"]);
    assert!(help.status.success() && help.out.contains("\nSecrets:\n"), "{help:?}");
    assert!(run(&["secret", "set", "--help"]).out.contains("fluvio-secret set AUTH_HEADER"));
}

#[test]
fn fluvio_finds_the_command_line_on_path() {
    let home = with_fluvio();
    let path = format!("{}:/usr/bin:/bin", program("fluvio-secret").parent().unwrap().display());
    works(&home, &path);
}

#[test]
fn fluvio_finds_the_command_line_by_a_link_among_its_extensions() {
    let home = with_fluvio();
    let absent = said(&mut fluvio(&home, "/usr/bin:/bin", &["secret", "list"]));
    assert_eq!(absent.code(), Some(3), "it is nowhere else: {absent:?}");
    symlink(program("fluvio-secret"), home.path(".fluvio/extensions/fluvio-secret")).unwrap();
    works(&home, "/usr/bin:/bin");
    let listed = said(&mut fluvio(&home, "/usr/bin:/bin", &["--help"]));
    let listed: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!(listed["title"], "fluvio-secret");
    assert!(listed["description"].as_str().is_some_and(|text| !text.is_empty()), "{listed}");
}
