//! Vaults of projects: each has the secrets of its project, and no command takes one for another.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::cdk::Project;
use crate::harness::pty::Pty;
use crate::harness::watch::{self, Watched, folder};
use crate::harness::{Home, Said, eventually, said};
use crate::own_vault::copy;
use crate::restart::{cli, got, shut_down, start};

/// A directory of the home with a vault.
fn project(home: &Home, name: &str) -> PathBuf {
    let path = folder(home, name);
    home.ok(&["vault", "init", path.to_str().unwrap()]);
    path
}

/// The command line in a directory.
fn command(home: &Home, directory: &Path, args: &[&str]) -> Command {
    let mut cli = home.command("fluvio-secret");
    cli.args(args).current_dir(directory);
    cli
}

fn at(home: &Home, directory: &Path, args: &[&str]) -> Said {
    said(&mut command(home, directory, args))
}

/// The same for a command that must succeed.
fn ok(home: &Home, directory: &Path, args: &[&str]) -> Said {
    let said = at(home, directory, args);
    assert!(said.status.success(), "{args:?}: {said:?}");
    said
}

fn value_of(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// Writes a configuration into a directory that references `A`.
fn config(directory: &Path) -> PathBuf {
    let path = directory.join("config.yaml");
    fs::write(&path, watch::config(1, &["A"])).unwrap();
    path
}

/// A connector that prints its secrets.
const CONNECTOR: [&str; 4] = ["sh", "-c", "cat \"$4\"", "sh"];

/// What a connector gets with the configuration in a directory, which is not the current one.
fn run(home: &Home, directory: &Path, options: &[&str]) -> Said {
    said(&mut home.run(&config(directory), options, &CONNECTOR))
}

fn delivered(home: &Home, directory: &Path, options: &[&str]) -> String {
    let said = run(home, directory, options);
    assert!(said.status.success(), "{said:?}");
    said.out
}

/// A home with `A` in the personal vault and in two projects.
fn two_projects() -> (Home, PathBuf, PathBuf) {
    let home = Home::new();
    home.ok(&["set", "A", "private"]);
    let (one, two) = (project(&home, "one"), project(&home, "two"));
    ok(&home, &one, &["set", "A", "first"]);
    ok(&home, &two, &["set", "A", "second"]);
    (home, one, two)
}

fn vault_of(project: &Path) -> String {
    project.join(".fluvio-secret").to_str().unwrap().to_owned()
}

#[test]
fn the_personal_vault_never_takes_the_place_of_one_that_is_gone() {
    let home = Home::new();
    let weather = project(&home, "weather");
    home.ok(&["set", "A", "personal"]);
    let inside = folder(&home, "weather/src");
    config(&weather);
    fs::rename(weather.join(".fluvio-secret"), home.path("away")).unwrap();
    let gone = format!("error: the vault of the project {} is gone", weather.display());
    for directory in [&weather, &inside] {
        for args in [&["list"][..], &["set", "A", "of-weather"], &["delete", "A"]] {
            let refused = at(&home, directory, args);
            assert!(!refused.status.success() && refused.err.starts_with(&gone), "{refused:?}");
        }
    }
    let refused = run(&home, &weather, &[]);
    assert!(!refused.status.success() && refused.err.contains("is gone"), "{refused:?}");
    assert_eq!(run(&home, &weather, &["--vault", "personal"]).out, "A=personal\n");
    // Elsewhere it is the personal one, as ever.
    let elsewhere = folder(&home, "elsewhere");
    assert!(ok(&home, &elsewhere, &["list"]).out.contains('A'));
    let command = refused.err.rsplit_once("forget it with: ").expect("the next step").1.trim();
    let words: Vec<_> = command.split(' ').skip(1).chain(["--yes"]).collect();
    ok(&home, &elsewhere, &words);
    assert_eq!(run(&home, &weather, &[]).out, "A=personal\n");
}

#[test]
fn two_projects_use_one_name_with_values_of_their_own() {
    let (home, one, two) = two_projects();
    let below = one.join("below");
    fs::create_dir(&below).unwrap();
    for (directory, value) in
        [(&one, "first"), (&two, "second"), (&below, "first"), (&home.path(""), "private")]
    {
        assert_eq!(delivered(&home, directory, &[]), format!("A={value}\n"));
        assert_eq!(delivered(&home, directory, &["--no-daemon"]), format!("A={value}\n"));
        assert_eq!(delivered(&home, directory, &["--mask"]), "A=***\n");
    }
    // Everything about one of them leaves the others alone.
    ok(&home, &one, &["set", "B", "more"]);
    ok(&home, &one, &["rename", "B", "C"]);
    ok(&home, &one, &["copy", "C", "D"]);
    fs::write(one.join("secrets.txt"), "E=imported\n").unwrap();
    ok(&home, &one, &["import", "secrets.txt"]);
    ok(&home, &one, &["delete", "C"]);
    ok(&home, &one, &["restore", "C"]);
    let names = |directory: &Path, option: &str| {
        let listed = value_of(&ok(&home, directory, &["list", option, "-O", "json"]));
        let listed = listed.as_array().unwrap().iter();
        listed.map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&one, "--used"), "A C D E");
    assert_eq!((&*names(&two, "--used"), &*names(&home.path(""), "--used")), ("A", "A"));
    ok(&home, &one, &["delete", "C"]);
    assert_eq!((&*names(&one, "--deleted"), &*names(&two, "--deleted")), ("C", ""));
    let history = value_of(&ok(&home, &one, &["history", "A", "-O", "json"]));
    assert_eq!((&history["vault"], &history["earlier"]), (&json!(vault_of(&one)), &json!([])));
}

#[test]
fn a_note_names_the_vault_and_the_result_is_the_clouds() {
    let (home, one, _two) = two_projects();
    let note = "note: in the vault ~/one/.fluvio-secret\n";
    for (args, printed) in [
        (&["set", "A", "new"][..], "Secret \"A\" set successfully\n"),
        (&["delete", "A"], "Secret \"A\" deleted successfully\n"),
        (&["list"], "SecretNames  LastUpdate\n"),
        (&["member", "admit"], "No machine has asked to join\n"),
    ] {
        let said = ok(&home, &one, args);
        assert!(said.err.contains(note) && said.out == printed, "{said:?}");
        let said = at(&home, &home.path(""), args);
        assert!(!said.err.contains("in the vault"), "{said:?}");
    }
    let json = ok(&home, &one, &["list", "-O", "json"]);
    assert!(json.err.is_empty(), "{json:?}");
}

#[test]
fn a_vault_that_is_not_registered_stops_every_command() {
    let (home, one, two) = two_projects();
    let file = config(&one);
    let forgotten = home.ok(&["vault", "forget", "--yes", one.to_str().unwrap()]);
    assert_eq!(forgotten, format!("Vault \"{}\" forgotten successfully\n", vault_of(&one)));
    let trust = format!("fluvio-secret vault trust {}", vault_of(&one));
    let refused = |said: &Said| {
        assert!(!said.status.success() && said.out.is_empty(), "{said:?}");
        assert!(said.err.contains(&trust) && !said.err.contains("private"), "{said:?}");
    };
    let commands: [&[&str]; 12] = [
        &["list"],
        &["list", "--used"],
        &["set", "A", "new"],
        &["delete", "A"],
        &["history", "A"],
        &["restore", "A"],
        &["rename", "A", "B"],
        &["copy", "A", "B"],
        &["check", "config.yaml"],
        &["check", "--unused", "."],
        &["member", "list"],
        &["member", "admit", "--yes"],
    ];
    for args in commands {
        refused(&at(&home, &one, args));
    }
    for options in [&[][..], &["--no-daemon"], &["--mask"], &["--watch"]] {
        let said = run(&home, &one, options);
        refused(&said);
        assert_eq!(said.code(), Some(125), "{said:?}");
    }
    let mut shim = home.command("fluvio-secret-shim");
    shim.arg("--config").arg(&file).arg("--").args(CONNECTOR);
    refused(&said(&mut shim));
    // The others are served, and so is this one after it is trusted.
    assert_eq!(delivered(&home, &two, &[]), "A=second\n");
    let unasked = at(&home, &one, &["vault", "trust"]);
    assert!(unasked.err.contains("add: --yes") && !unasked.status.success(), "{unasked:?}");
    refused(&at(&home, &one, &["list"]));
    let trusted = ok(&home, &one, &["vault", "trust", "--yes"]);
    assert!(trusted.out.contains("(this machine)"), "{trusted:?}");
    assert_eq!(delivered(&home, &one, &[]), "A=first\n");
    let again = ok(&home, &one, &["vault", "trust"]);
    assert_eq!(again.out, format!("Vault \"{}\" is already registered\n", vault_of(&one)));
}

#[test]
fn a_vault_is_trusted_and_forgotten_after_a_question() {
    let (home, one, _two) = two_projects();
    let asked = |args: &[&str], question: &str, answer: &str, then: &str| {
        let mut pty = Pty::start(&command(&home, &one, args));
        let shown = pty.expect(question);
        pty.type_keys(answer);
        pty.expect(then);
        pty.child.wait().unwrap();
        shown
    };
    let question = "Forget the vault ~/one/.fluvio-secret? Its files stay, but `key rotate` leaves them as they are. [y/N] ";
    asked(&["vault", "forget"], question, "n\r", "nothing was forgotten");
    ok(&home, &one, &["list"]);
    asked(&["vault", "forget"], question, "y\r", "forgotten successfully");
    let id = fs::read_to_string(one.join(".fluvio-secret/.vault-id")).unwrap();
    let question = "encrypt what you set for its members? [y/N] ";
    let shown = asked(&["vault", "trust"], question, "\r", "nothing was registered");
    assert!(shown.contains(id.trim()) && shown.contains("admin"), "{shown}");
    assert!(!at(&home, &one, &["list"]).status.success());
    asked(&["vault", "trust"], question, "yes\r", "registered successfully");
    ok(&home, &one, &["list"]);
}

#[test]
fn a_vault_that_is_not_registered_is_not_forgotten_and_no_question_is_asked() {
    let (home, one, _two) = two_projects();
    let empty = folder(&home, "empty");
    let refused = |directory: &Path, args: &[&str], why: &str| {
        // There is no terminal, so a question would be another error.
        let said = at(&home, directory, &[&["vault", "forget"], args].concat());
        let text = format!("error: {why}, so there is nothing to forget\n");
        assert!(said.code() == Some(1) && said.err.contains(&text), "{said:?}");
        let help = "help: list the registered vaults with: fluvio-secret vault list\n";
        assert!(said.err.contains(help), "{said:?}");
    };
    refused(&empty, &[], "the current directory has no project's vault");
    let unregistered =
        |project: &Path| format!("the vault {} is not registered", vault_of(project));
    refused(&one, &[empty.to_str().unwrap()], &unregistered(&empty));
    ok(&home, &one, &["vault", "forget", "--yes"]);
    refused(&one, &[], &unregistered(&one));
    // It may still need keys.
    ok(&home, &one, &["vault", "forget", "--yes", "--for-good"]);
    let again = at(&home, &one, &["vault", "forget", "--yes", "--for-good"]);
    assert!(again.err.contains("there is nothing to forget"), "{again:?}");
}

#[test]
fn a_vault_is_made_for_the_project_if_you_name_the_vault() {
    let home = Home::new();
    for (name, typed) in [("one", "one/.fluvio-secret"), ("two", "two/.fluvio-secret/")] {
        let path = folder(&home, name);
        let made = ok(&home, &home.path(""), &["vault", "init", typed]);
        assert_eq!(made.out, format!("Vault \"{}\" created successfully\n", vault_of(&path)));
        assert!(made.err.contains(&format!("set --vault {name} NAME\n")), "{made:?}");
    }
    let inside = home.path("one/.fluvio-secret");
    for directory in [Path::new("."), &inside] {
        let again = at(&home, &inside, &["vault", "init", directory.to_str().unwrap()]);
        assert!(again.err.contains("one/.fluvio-secret is registered already"), "{again:?}");
    }
}

#[test]
fn a_new_vault_comes_with_its_next_steps() {
    let home = Home::new();
    let path = folder(&home, "new");
    let made = ok(&home, &path, &["vault", "init"]);
    assert_eq!(made.out, format!("Vault \"{}\" created successfully\n", vault_of(&path)));
    assert!(made.err.contains("with: fluvio-secret set NAME\n"), "{made:?}");
    assert!(made.err.contains("identity.txt") && !made.err.contains("git add"), "{made:?}");
    let again = at(&home, &path, &["vault", "init"]);
    assert!(again.err.contains("is registered already"), "{again:?}");
    assert!(again.err.contains(&format!("set --vault {} NAME", path.display())), "{again:?}");
    ok(&home, &path, &["vault", "forget", "--yes"]);
    let again = at(&home, &path, &["vault", "init"]);
    assert!(again.err.contains("is a vault already") && again.err.contains("trust"), "{again:?}");
    let other = folder(&home, "tree/other");
    fs::create_dir(home.path("tree/.git")).unwrap();
    let made = home.cli(&["vault", "init", "tree/other"]);
    assert!(made.err.contains("fluvio-secret set --vault tree/other NAME\n"), "{made:?}");
    assert!(made.err.contains("git add tree/other/.fluvio-secret\n"), "{made:?}");
    let missing = home.cli(&["vault", "init", "none"]);
    assert!(missing.err.contains("cannot open none: No such file"), "{missing:?}");
    assert!(missing.err.contains("\nhelp: make that directory first"), "{missing:?}");
    let nothing = home.cli(&["vault", "trust"]);
    assert!(nothing.err.contains("no project's vault"), "{nothing:?}");
    assert!(nothing.err.contains("fluvio-secret vault init"), "{nothing:?}");
    // No key is in it, and git does not merge what it must not merge.
    let files = fs::read_dir(other.join(".fluvio-secret")).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert!(files.contains(&".gitattributes".into()), "{files:?}");
    assert!(!files.iter().any(|file| file.to_string_lossy().contains("identity")), "{files:?}");
}

#[test]
fn nothing_is_taken_from_the_personal_vault_unless_you_say_so() {
    let (home, one, _two) = two_projects();
    ok(&home, &one, &["delete", "A"]);
    let missing = run(&home, &one, &[]);
    assert_eq!((missing.code(), &*missing.out), (Some(125), ""), "{missing:?}");
    assert!(missing.err.contains("personal"), "{missing:?}");
    let path = one.to_str().unwrap();
    home.ok(&["vault", "trust", "--yes", "--with-personal", path]);
    for options in [&[][..], &["--no-daemon"]] {
        let given = run(&home, &one, options);
        assert_eq!(given.out, "A=private\n", "{given:?}");
        assert!(given.err.contains("note: from your personal vault: A\n"), "{given:?}");
    }
    let checked = ok(&home, &one, &["check"]);
    assert!([checked.out, checked.err].concat().contains("personal"));
    home.ok(&["vault", "trust", "--yes", "--without-personal", path]);
    assert_eq!(run(&home, &one, &[]).code(), Some(125));
}

#[test]
fn a_vault_is_named_by_an_option_or_a_variable() {
    let (home, one, two) = two_projects();
    let (first, second) = (one.to_str().unwrap(), vault_of(&two));
    assert_eq!(delivered(&home, &one, &["--vault", &second]), "A=second\n");
    assert_eq!(delivered(&home, &one, &["--vault", "personal"]), "A=private\n");
    assert_eq!(delivered(&home, &home.path(""), &["--vault", "one"]), "A=first\n");
    let with = |variable: &str, options: &[&str]| {
        let mut run = home.run(&config(&one), options, &CONNECTOR);
        said(run.env("FLUVIO_SECRET_VAULT", variable)).out
    };
    assert_eq!(with(&second, &[]), "A=second\n");
    assert_eq!(with("personal", &[]), "A=private\n");
    assert_eq!(with("", &[]), "A=first\n", "an empty variable counts as unset");
    assert_eq!(with(&second, &["--vault", first]), "A=first\n");
    let mut list = command(&home, &one, &["list", "-O", "json"]);
    let listed = value_of(&said(list.env("FLUVIO_SECRET_VAULT", &second)));
    assert_eq!(listed[0]["vault"], second);
    ok(&home, &one, &["set", "--vault", "../two", "B", "x"]);
    assert!(home.ok(&["list", "--vault", &second]).contains('B'));
    ok(&home, &one, &["delete", "--vault", "personal", "A"]);
    assert!(!home.ok(&["list"]).contains('A'));
    // The connector does not inherit it.
    let mut run = home.run(&config(&one), &[], &["sh", "-c", "printenv FLUVIO_SECRET_VAULT"]);
    assert_eq!(said(run.env("FLUVIO_SECRET_VAULT", &second)).out, "");
    let none = at(&home, &one, &["list", "--vault", "/nowhere"]);
    assert!(none.err.contains("cannot open /nowhere") && none.err.contains("help:"), "{none:?}");
    let none = home.cli(&["list", "--vault", "tmp"]);
    assert!(none.err.contains("with: fluvio-secret vault init DIR"), "{none:?}");
}

#[test]
fn a_moved_project_is_found() {
    let (home, one, two) = two_projects();
    let moved = home.path("moved");
    fs::rename(&one, &moved).unwrap();
    let note = format!("note: the vault {} has moved to {}\n", vault_of(&one), vault_of(&moved));
    let first = run(&home, &moved, &[]);
    assert_eq!((&*first.out, first.err.contains(&note)), ("A=first\n", true), "{first:?}");
    assert_eq!(delivered(&home, &moved, &[]), "A=first\n");
    let listed = value_of(&ok(&home, &moved, &["list", "-O", "json"]));
    assert_eq!(listed[0]["vault"], vault_of(&moved));
    let vaults = value_of(&home.cli(&["vault", "list", "-O", "json"]));
    let paths: Vec<_> = vaults.as_array().unwrap().iter().map(|one| one["path"].clone()).collect();
    assert_eq!(paths[1..], [json!(vault_of(&moved)), json!(vault_of(&two))]);
    // A copy has the same id, and is another vault that you have not registered.
    copy(&moved, &one);
    let refused = run(&home, &one, &[]);
    assert_eq!((refused.code(), &*refused.out), (Some(125), ""), "{refused:?}");
    assert_eq!(delivered(&home, &moved, &[]), "A=first\n");
    // A project that is gone can be forgotten.
    fs::remove_dir_all(&two).unwrap();
    let listed = home.cli(&["vault", "list"]);
    assert!(listed.out.contains("two/.fluvio-secret"), "{listed:?}");
    home.ok(&["vault", "forget", "--yes", "two"]);
    assert!(!home.ok(&["vault", "list"]).contains("two"));
}

#[test]
fn the_path_of_a_project_adds_no_line() {
    let home = Home::new();
    let one = folder(&home, "x\nhelp: run evil");
    let clean = |args: &[&str]| {
        let said = at(&home, &one, args);
        assert!(!said.out.contains("\nhelp: run evil"), "{args:?}: {said:?}");
        assert!(!said.err.contains("\nhelp: run evil"), "{args:?}: {said:?}");
    };
    for args in [
        &["vault", "init"][..],
        &["set", "A", "x"],
        &["vault", "trust"],
        &["vault", "list"],
        &["member", "request", "--role", "reader"],
        &["member", "list"],
        &["status"],
        &["doctor"],
        &["list", "--all-vaults"],
        &["vault", "forget", "--yes"],
        &["list"],
        &["status"],
        &["doctor"],
        &["vault", "forget"],
        &["vault", "trust", "--yes"],
    ] {
        clean(args);
    }
    fs::remove_file(one.join(".fluvio-secret/.vault-id")).unwrap();
    for args in [&["key", "rotate", "--yes"][..], &["list"], &["vault", "list"], &["doctor"]] {
        clean(args);
    }
}

#[test]
fn all_vaults_are_listed() {
    let (home, one, two) = two_projects();
    ok(&home, &two, &["set", "B", "x"]);
    let listed = value_of(&home.cli(&["list", "--all-vaults", "-O", "json"]));
    let pairs: Vec<_> = listed.as_array().unwrap().iter().collect();
    let pairs: Vec<_> =
        pairs.iter().map(|one| (one["name"].clone(), one["vault"].clone())).collect();
    let (first, second) = (json!(vault_of(&one)), json!(vault_of(&two)));
    let a = || json!("A");
    let expected =
        [(a(), Value::Null), (a(), first.clone()), (a(), second.clone()), (json!("B"), second)];
    assert_eq!(pairs, expected);
    let table = home.ok(&["list", "--all-vaults"]);
    let rows: Vec<_> = table.lines().map(|line| line.split_whitespace().last().unwrap()).collect();
    let (short, shorter) = ("~/one/.fluvio-secret", "~/two/.fluvio-secret");
    assert_eq!(rows, ["Vault", "personal", short, shorter, shorter]);
    let vaults = home.ok(&["vault", "list"]);
    let rows: Vec<_> =
        vaults.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let expected: [Vec<&str>; 4] = [
        vec!["Vault", "Secrets", "State"],
        vec!["~/data/vault", "1", "personal"],
        vec![short, "1", "project"],
        vec![shorter, "2", "project"],
    ];
    assert_eq!(rows, expected);
    // One that cannot be opened is reported, and does not hide the others.
    fs::rename(one.join(".fluvio-secret"), one.join("away")).unwrap();
    let told = home.cli(&["list", "--all-vaults"]);
    assert_eq!(told.code(), Some(1), "{told:?}");
    assert!(told.out.contains(shorter) && told.err.contains("one/.fluvio-secret"), "{told:?}");
    let json = value_of(&home.cli(&["vault", "list", "-O", "json"]));
    assert_eq!((&json[1]["path"], &json[1]["secrets"]), (&first, &Value::Null));
    assert!(json[1]["trouble"].is_string() && json[2]["trouble"].is_null(), "{json}");
    let status = home.ok(&["status"]);
    assert!(status.contains(&format!("{shorter} (2 secrets)")), "{status}");
}

#[test]
fn the_audit_log_names_the_vault() {
    let (home, one, two) = two_projects();
    delivered(&home, &one, &[]);
    delivered(&home, &home.path(""), &[]);
    let log = home.audit_log();
    let of = |vault: &Value| {
        let lines = log.iter().filter(|line| line["vault"] == *vault);
        let events = lines.map(|line| line["event"].as_str().unwrap());
        events.filter(|event| !event.ends_with("-vault")).collect::<Vec<_>>()
    };
    assert_eq!(of(&json!(vault_of(&one))), ["set", "grant"]);
    assert_eq!(of(&json!(vault_of(&two))), ["set"]);
    assert_eq!(of(&Value::Null), ["set", "grant"]);
    let table = home.ok(&["log", "--name", "A"]);
    let named = |path: &str| table.lines().filter(|line| line.contains(path)).count();
    assert_eq!(table.lines().count(), 6, "{table}");
    assert_eq!((named(", vault ~/one/.fluvio-secret"), named(", vault ~/two/")), (2, 1));
    // What was delivered of another vault is not a use of this secret.
    let used = value_of(&ok(&home, &two, &["list", "--used", "-O", "json"]));
    assert_eq!(used[0]["deliveries"], json!([]));
    let used = value_of(&ok(&home, &one, &["list", "--used", "-O", "json"]));
    assert_eq!(used[0]["deliveries"][0]["count"], 1);
}

#[test]
fn each_configuration_is_checked_with_its_own_vault() {
    let (home, one, two) = two_projects();
    ok(&home, &two, &["delete", "A"]);
    let own = config(&home.path(""));
    let files = [&config(&one), &config(&two), &own].map(|path| path.to_str().unwrap().to_owned());
    let args = ["check", "-O", "json", &files[0], &files[1], &files[2]];
    let checked = home.cli(&args);
    assert_eq!(checked.code(), Some(78), "{checked:?}");
    let checked = value_of(&checked);
    let found = |at: usize| (checked[at]["vault"].clone(), checked[at]["findings"].clone());
    let path = |project: &Path| json!(vault_of(project));
    assert_eq!(found(0), (path(&one), json!([])));
    assert_eq!(found(1).0, path(&two));
    assert_eq!(found(1).1[0]["code"], "missing-secret");
    assert_eq!(found(2), (Value::Null, json!([])));
    // Each is looked for in the directory that is searched.
    let unused = value_of(&home.cli(&["check", "-O", "json", "--unused", one.to_str().unwrap()]));
    assert_eq!((&unused["vault"], &unused["secrets"]), (&path(&one), &json!([])));
}

#[test]
fn a_connector_restarts_when_its_own_vault_changes() {
    let (home, one, two) = two_projects();
    let path = config(&one);
    let mut watched = Watched::run(&home, &path, &[], &watch::CONNECTOR);
    watched.expect("started");
    watched.until_started_with(&home, "1 A=first");
    // The same name elsewhere is another secret.
    home.ok(&["set", "A", "private again"]);
    ok(&home, &two, &["set", "A", "second again"]);
    ok(&home, &one, &["set", "A", "first again"]);
    let restarted = watched.expect("restarted");
    assert_eq!(restarted["secrets"], json!(["A"]));
    watched.until_started_with(&home, "1 A=first again");
    // The daemon is another one, which opens the vault for the subscription.
    watched.until_apart();
    home.kill_daemon();
    eventually("a daemon", || home.cli(&["list"]).status.success());
    ok(&home, &one, &["set", "A", "third"]);
    loop {
        let event = watched.next_event();
        match event["event"].as_str() {
            Some("restarted") => break,
            kind => assert_eq!(kind, Some("note"), "{event}"),
        }
    }
    watched.until_started_with(&home, "1 A=third");
    assert!(watched.end().is_empty());
}

/// A project of the harness, which has a vault, with a connector of its own and one of the personal vault.
fn deployed(home: &Home) -> Project<'_> {
    let deployed = crate::restart::project(home);
    home.ok(&["vault", "init", deployed.path("").to_str().unwrap()]);
    ok(home, &deployed.path(""), &["set", "A", "first"]);
    start(&deployed, "inner");
    let file = deployed.config("outer", &["A"]);
    let started = deployed.said(&format!("deploy start --vault personal --config {file}"));
    assert!(started.status.success(), "{started:?}");
    eventually("the connector", || got(&deployed, "outer").ends_with("A=one\n"));
    assert!(got(&deployed, "inner").ends_with("A=first\n"));
    deployed
}

#[test]
fn a_connector_of_cdk_keeps_its_vault() {
    let home = Home::new();
    let project = deployed(&home);
    let vault = vault_of(&project.path("").components().collect::<PathBuf>());
    let vaults = |home: &Home| {
        let leases = value_of(&home.cli(&["lease", "list", "-O", "json"]));
        let mut all: Vec<_> = leases.as_array().unwrap().iter().collect();
        all.sort_by_key(|lease| lease["connector"].to_string());
        all.iter().map(|lease| lease["vault"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(vaults(&home), [json!(vault), Value::Null]);
    let listed = home.ok(&["lease", "list"]);
    assert!(listed.contains("~/project/.fluvio-secret") && listed.contains("personal"), "{listed}");
    let status = home.ok(&["status"]);
    assert!(status.contains(", vault ~/project/.fluvio-secret)"), "{status}");
    // Only the connector with the secret of this vault has an earlier value.
    let inside = project.path("");
    let changed = ok(&home, &inside, &["set", "A", "second"]);
    assert!(changed.err.contains("inner") && !changed.err.contains("outer"), "{changed:?}");
    let again = said(&mut cli(&home, &project, &["restart", "--stale"]));
    assert!(again.out.contains("\"inner\" restarted") && !again.out.contains("outer"), "{again:?}");
    assert!(again.out.contains(", vault ~/project/.fluvio-secret)"), "{again:?}");
    eventually("the new value", || got(&project, "inner").ends_with("A=second\n"));
    // The variable of another shell changes no value.
    let mut restart = cli(&home, &project, &["restart", "--all", "-O", "json"]);
    let all = said(restart.env("FLUVIO_SECRET_VAULT", "personal"));
    assert_eq!(value_of(&all)["restarted"].as_array().unwrap().len(), 2, "{all:?}");
    eventually("the same value", || got(&project, "inner").ends_with("A=second\n"));
    assert!(got(&project, "outer").ends_with("A=one\n"));
    // And so does another daemon.
    home.kill_daemon();
    eventually("all leases", || vaults(&home) == [json!(vault), Value::Null]);
    let changed = said(&mut cli(&home, &project, &["set", "--restart", "A", "two"]));
    assert!(changed.out.contains("\"outer\" restarted"), "{changed:?}");
    assert!(!changed.out.contains("inner"), "{changed:?}");
    shut_down(&home, &project, &["inner", "outer"]);
}

#[test]
fn followed_connectors_restart_when_their_own_vault_changes() {
    let home = Home::new();
    let project = deployed(&home);
    let mut watched = Watched::start(&cli(&home, &project, &["watch", "-O", "json"]));
    watched.expect("following");
    watched.expect("following");
    ok(&home, &project.path(""), &["set", "A", "second"]);
    let restarted = watched.expect("restarted");
    assert_eq!(restarted["connector"], "inner", "{restarted}");
    eventually("the new value", || got(&project, "inner").ends_with("A=second\n"));
    home.ok(&["set", "A", "two"]);
    let restarted = watched.expect("restarted");
    assert_eq!(restarted["connector"], "outer", "{restarted}");
    eventually("the new value", || got(&project, "outer").ends_with("A=two\n"));
    assert!(got(&project, "inner").ends_with("A=second\n"));
    watched.end();
    shut_down(&home, &project, &["inner", "outer"]);
}

/// A connector that prints its secrets and exits.
const ONCE: &str = "#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in --secrets) cat \"$2\" ;; esac
    shift
done
";

#[test]
fn cdk_delivers_from_the_vault_of_the_configuration() {
    let (home, one, _two) = two_projects();
    let project = Project::new(&home);
    project.script("connector", ONCE);
    let file = config(&one);
    let file = file.to_str().unwrap();
    for (line, value) in [
        (format!("test -c {file}"), "first"),
        (format!("test -c {file} --vault ../two"), "second"),
        (format!("test -c {file} --vault=personal"), "private"),
    ] {
        let said = project.said(&line);
        assert!(said.out.contains(&format!("A={value}\n")), "{said:?}");
    }
}

#[test]
fn a_vault_is_shared_by_its_directory() {
    let (ada, one, _two) = two_projects();
    let bob = Home::new();
    let clone = bob.path("one");
    copy(&one, &clone);
    let trusted = at(&bob, &clone, &["vault", "trust", "--yes"]);
    assert!(trusted.status.success() && trusted.out.contains("admin"), "{trusted:?}");
    assert!(trusted.err.contains("not a member"), "{trusted:?}");
    assert!(trusted.err.contains("fluvio-secret vault join"), "{trusted:?}");
    let refused = run(&bob, &clone, &[]);
    assert_eq!((refused.code(), &*refused.out), (Some(125), ""), "{refused:?}");
    let key = value_of(&bob.cli(&["key", "show", "-O", "json"]));
    let key = key["recipient"].as_str().unwrap();
    ok(&bob, &clone, &["vault", "join"]);
    copy(&clone.join(".fluvio-secret/requests"), &one.join(".fluvio-secret/requests"));
    ok(&ada, &one, &["member", "admit", "--yes"]);
    fs::remove_dir_all(&clone).unwrap();
    copy(&one, &clone);
    assert_eq!(delivered(&bob, &clone, &[]), "A=first\n");
    // The personal vault of neither has the other's key.
    let own = ada.ok(&["member", "list", "-O", "json"]);
    assert!(!own.contains(key), "{own}");
    ok(&bob, &clone, &["set", "A", "from bob"]);
    fs::remove_dir_all(one.join(".fluvio-secret")).unwrap();
    copy(&clone.join(".fluvio-secret"), &one.join(".fluvio-secret"));
    assert_eq!(delivered(&ada, &one, &[]), "A=from bob\n");
}

#[test]
fn another_daemon_knows_the_registered_vaults() {
    let (home, one, two) = two_projects();
    home.ok(&["daemon", "stop"]);
    assert_eq!(delivered(&home, &one, &["--no-daemon"]), "A=first\n");
    assert_eq!(delivered(&home, &two, &[]), "A=second\n");
    // A rotation is about all of them.
    home.ok(&["key", "rotate"]);
    home.ok(&["key", "retire", "--yes"]);
    home.kill_daemon();
    assert_eq!(delivered(&home, &one, &[]), "A=first\n");
    assert_eq!(delivered(&home, &home.path(""), &[]), "A=private\n");
}

#[test]
fn a_project_of_another_user_is_not_entered() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (home, one, _two) = two_projects();
    let other = |path: &Path| chown(path, Some(12345), None).unwrap();
    other(&one);
    assert_eq!(delivered(&home, &one, &[]), "A=private\n");
    assert_eq!(delivered(&home, &one, &["--vault", "one"]), "A=first\n");
    chown(&one, Some(0), None).unwrap();
    other(&one.join(".fluvio-secret"));
    let refused = run(&home, &one, &[]);
    assert_eq!((refused.code(), &*refused.out), (Some(125), ""), "{refused:?}");
    assert!(refused.err.contains("another user owns it"), "{refused:?}");
    assert_eq!(delivered(&home, &one, &["--vault", "personal"]), "A=private\n");
}

#[test]
fn what_is_in_the_place_of_a_vault_is_never_passed_over() {
    let (home, one, two) = two_projects();
    let vault = one.join(".fluvio-secret");
    let refused = |why: &str| {
        for said in [run(&home, &one, &[]), at(&home, &one, &["set", "A", "new"])] {
            assert!(!said.status.success() && said.out.is_empty(), "{said:?}");
            assert!(said.err.contains(why) && said.err.contains("--vault personal"), "{said:?}");
        }
    };
    fs::rename(&vault, one.join("away")).unwrap();
    fs::write(&vault, "").unwrap();
    refused("it is not a directory");
    fs::remove_file(&vault).unwrap();
    fs::create_dir(&vault).unwrap();
    refused("it has no .vault-id");
    fs::remove_dir(&vault).unwrap();
    // That of another project is not registered here.
    copy(&two.join(".fluvio-secret"), &vault);
    let said = run(&home, &one, &[]);
    assert_eq!((said.code(), &*said.out), (Some(125), ""), "{said:?}");
    assert!(said.err.contains("fluvio-secret vault trust"), "{said:?}");
}

#[test]
fn names_are_completed_from_the_projects_vault() {
    let (home, one, _two) = two_projects();
    ok(&home, &one, &["set", "INNER", "x"]);
    let complete = |directory: &Path, line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let mut shell = home.command("fluvio-secret");
        shell.env("FLUVIO_SECRET_COMPLETE", "bash").env("_CLAP_IFS", "\n");
        shell.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string()).arg("--").args(words);
        said(shell.current_dir(directory)).out
    };
    assert!(complete(&one, "fluvio-secret delete ").contains("INNER"));
    assert!(!complete(&home.path(""), "fluvio-secret delete ").contains("INNER"));
    assert!(complete(&home.path(""), "fluvio-secret delete --vault one ").contains("INNER"));
    let vaults = complete(&home.path(""), "fluvio-secret list --vault ");
    assert!(vaults.contains("personal") && vaults.contains("/one"), "{vaults}");
}

#[test]
fn doctor_examines_registered_vaults() {
    let (home, one, two) = two_projects();
    let found = || {
        let all = value_of(&home.cli(&["doctor", "-O", "json"]));
        let all = all.as_array().unwrap().iter().filter(|found| found["check"] == "vaults");
        all.map(|found| (found["state"].clone(), found["text"].to_string())).collect::<Vec<_>>()
    };
    let before = found();
    assert_eq!(before.len(), 2, "{before:?}");
    assert!(before.iter().all(|(state, text)| state == "ok" && text.contains("1 secret, which")));
    fs::write(one.join(".fluvio-secret/A.age"), "damaged").unwrap();
    fs::rename(two.join(".fluvio-secret"), two.join("away")).unwrap();
    let after = found();
    assert_eq!(after.len(), 2, "{after:?}");
    assert!(after.iter().all(|(state, _)| state == "error"), "{after:?}");
    assert!(after[0].1.contains("one/.fluvio-secret: `A` cannot be decrypted"), "{after:?}");
    assert!(after[1].1.contains("two/.fluvio-secret"), "{after:?}");
    fs::rename(two.join("away"), two.join(".fluvio-secret")).unwrap();
    ok(&home, &one, &["set", "A", "again"]);
    assert_eq!(found(), before);
}

#[test]
fn an_unregistered_vault_is_named_before_anything_else() {
    let (home, one, two) = two_projects();
    let status = |directory: &Path| ok(&home, directory, &["status"]);
    let doctor = |directory: &Path| at(&home, directory, &["doctor"]);
    let trust = format!("fluvio-secret vault trust {}", vault_of(&one));
    for said in [status(&one), doctor(&one)] {
        assert!(!said.err.contains("vault trust") && !said.out.contains("vault trust"), "{said:?}");
    }
    // A vault that moved is found by its id.
    let moved = home.path("moved");
    fs::rename(&one, &moved).unwrap();
    assert!(!status(&moved).err.contains("vault trust"), "{:?}", status(&moved));
    fs::rename(&moved, &one).unwrap();
    home.ok(&["vault", "forget", "--yes", "one"]);
    let said = status(&one);
    let note = "note: the vault ~/one/.fluvio-secret is not registered\n";
    assert!(said.err.contains(note) && said.err.contains(&trust), "{said:?}");
    let said = doctor(&one);
    assert!(said.out.contains("~/one/.fluvio-secret: it is not registered"), "{said:?}");
    assert!(said.out.contains(&trust), "{said:?}");
    assert!(!status(&two).err.contains("vault trust"));
    // No value is typed for nothing.
    let mut pty = Pty::start(&command(&home, &one, &["set", "A"]));
    let shown = pty.expect("vault trust");
    assert!(!pty.child.wait().unwrap().success() && !shown.contains("Value"), "{shown}");
    let said = at(&home, &one, &["set", "A", "--command", "--", "touch", "ran"]);
    assert!(said.err.contains(&trust) && !one.join("ran").exists(), "{said:?}");
}

#[test]
fn a_rotation_encrypts_each_clone_of_a_project() {
    let home = Home::new();
    let one = project(&home, "one");
    ok(&home, &one, &["set", "A", "value"]);
    let other = home.path("other");
    copy(&one, &other);
    ok(&home, &other, &["vault", "trust", "--yes"]);
    for _ in 0..2 {
        home.ok(&["key", "rotate"]);
        // It refuses while any secret needs a retired key.
        home.ok(&["key", "retire", "--yes"]);
        for clone in [&one, &other] {
            assert_eq!(run(&home, clone, &[]).out, "A=value\n", "{clone:?}");
        }
    }
}

#[test]
fn the_question_about_a_vault_can_be_answered_at_any_time() {
    let home = Home::new();
    let project = project(&home, "app");
    ok(&home, &project, &["vault", "forget", "--yes"]);
    let sockets = || {
        let fds = fs::read_dir(format!("/proc/{}/fd", home.daemon_pid().unwrap())).unwrap();
        let targets = fds.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    };
    let mut before = usize::MAX;
    eventually("the end of the connections", || {
        let now = sockets();
        std::mem::replace(&mut before, now) == now
    });
    for args in [&["vault", "trust"][..], &["vault", "forget"], &["vault", "join"]] {
        let mut pty = Pty::start(&command(&home, &project, args));
        pty.expect("[y/N]");
        // The daemon waits for no person, and closes an idle connection.
        eventually("the end of an idle connection", || sockets() <= before);
        pty.type_keys("y\r");
        pty.expect("successfully");
        assert!(pty.child.wait().unwrap().success(), "{args:?}");
    }
}
