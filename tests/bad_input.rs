//! Bad input gets a clear error and loses nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Home, Said, make_folder, need, said, said_with_input};

/// A refused command: its status, its text, and one line of it.
fn refused(said: &Said, code: i32, told: &[&str]) {
    assert_eq!(said.code(), Some(code), "{said:?}");
    assert_eq!(said.out, "", "{said:?}");
    for part in told {
        assert!(said.err.contains(part), "{part}: {said:?}");
    }
}

#[test]
fn a_bad_name_is_refused_without_being_repeated() {
    let home = Home::new();
    for name in ["cnry-1", "1cnry", "", "../cnry", "cnry ", &"cnry".repeat(50)] {
        for args in [&["set", name, "value"][..], &["delete", name]] {
            let said = home.cli(args);
            refused(&said, 2, &["secret's name"]);
            assert!(!said.err.contains("cnry"), "{said:?}");
        }
    }
    assert!(!home.path("state").exists(), "no daemon was needed");
}

#[test]
fn an_argument_too_many_is_refused_without_being_repeated() {
    let home = Home::new();
    home.set("A", "before");
    let said = home.cli(&["set", "A", "cnry1", "cnry2"]);
    refused(&said, 2, &["too many arguments", "set"]);
    assert!(!said.err.contains("cnry"), "{said:?}");
    assert_eq!(home.audit_log().len(), 1, "nothing was set");
}

#[test]
fn a_configuration_that_is_none_is_refused_with_its_path() {
    let home = Home::new();
    home.set("A", "x");
    make_folder(&home.path("folder"), 0o700);
    let fifo = home.path("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    home.write("large", vec![b'#'; (64 << 10) + 1]);
    for (config, told) in [
        ("none", "No such file"),
        ("folder", "not a regular file"),
        ("fifo", "not a regular file"),
        ("large", "65536 bytes"),
    ] {
        let said = said(&mut home.run(&home.path(config), &[], &["true"]));
        refused(&said, 125, &[config, told]);
    }
    home.write("text", "a: [cnry\nb: 1");
    let said = said(&mut home.run(&home.path("text"), &[], &["true"]));
    refused(&said, 125, &["cannot read this YAML", "text:2:2", "--no-check"]);
    home.write("binary", b"a: \xff");
    refused(
        &crate::harness::said(&mut home.run(&home.path("binary"), &[], &["true"])),
        125,
        &["UTF-8"],
    );
}

#[test]
fn an_unreadable_configuration_is_refused_with_its_path() {
    if !need::plain_user() {
        return;
    }
    let home = Home::new();
    let config = home.config(&["A"]);
    fs::set_permissions(&config, fs::Permissions::from_mode(0o000)).unwrap();
    refused(
        &said(&mut home.run(&config, &[], &["true"])),
        125,
        &["config.yaml", "Permission denied"],
    );
}

#[test]
fn a_value_over_the_limit_is_refused_and_the_old_one_kept() {
    let home = Home::new();
    home.set("A", "before");
    home.write("large", vec![b'x'; (1 << 20) + 1]);
    for args in [&["set", "A", "--file", "large"][..], &["set", "A", "--file", "/dev/zero"]] {
        refused(&home.cli(args), 1, &["1048576", "nothing was set"]);
    }
    let mut set = home.command("fluvio-secret");
    set.args(["set", "A"]).stdin(fs::File::open("/dev/zero").unwrap());
    refused(&said(&mut set), 1, &["1048576"]);
    assert_eq!(home.audit_log().len(), 1, "nothing was set");
}

#[test]
fn a_value_file_that_cannot_be_read_is_told() {
    let home = Home::new();
    refused(&home.cli(&["set", "A", "--file", "none"]), 1, &["none", "No such file"]);
    refused(&home.cli(&["set", "A", "--file", "."]), 1, &["directory"]);
}

#[test]
fn nothing_on_standard_input_is_no_value_unless_it_is_meant() {
    let home = Home::new();
    refused(&home.cli(&["set", "A"]), 1, &["no value was passed"]);
    let closed = said(home.foreign("sh").args([
        "-c",
        "exec \"$1\" set A <&-",
        "sh",
        home.command("fluvio-secret").get_program().to_str().unwrap(),
    ]));
    refused(&closed, 1, &["no value was passed"]);
    assert!(
        said_with_input(home.command("fluvio-secret").args(["set", "A", "-"]), b"")
            .status
            .success()
    );
    assert!(home.cli(&["set", "A", ""]).status.success());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let home = Home::new();
    home.set("A", "x");
    let without_reader = || std::io::pipe().unwrap().1;
    for (program, args) in [
        ("fluvio-secret", &["list"][..]),
        ("fluvio-secret", &["--help"]),
        ("fluvio-secret", &["status"]),
        ("fluvio-secret-shim", &["--help"]),
    ] {
        let said = said(home.command(program).args(args).stdout(without_reader()));
        assert_eq!((said.code(), said.err.as_str()), (Some(0), ""), "{program} {args:?}");
    }
    // An error has no reader either.
    for (program, args, status) in
        [("fluvio-secret", &["set", "9"][..], 2), ("fluvio-secret-shim", &["--nothing"], 125)]
    {
        let status_of = home.command(program).args(args).stderr(without_reader()).status().unwrap();
        assert_eq!(status_of.code(), Some(status), "{program}: {status_of}");
    }
}

#[test]
fn a_full_disk_behind_the_output_is_an_error() {
    let home = Home::new();
    for (program, option) in [
        ("fluvio-secret", "list"),
        ("fluvio-secretd", "--settings"),
        ("fluvio-secretd", "--help"),
        ("fluvio-secret-shim", "--help"),
        ("fluvio-secret-shim", "--version"),
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let said = said(home.command(program).arg(option).stdout(full));
        assert_eq!(said.code(), Some(1), "{program} {option}: {said:?}");
        assert!(said.err.contains("cannot write the result"), "{program} {option}: {said:?}");
    }
}

#[test]
fn what_was_done_counts_where_its_confirmation_cannot_be_written() {
    let home = Home::new();
    home.write("secrets.txt", "B=two\n");
    for args in [
        &["set", "A", "one"][..],
        &["import", "secrets.txt"],
        &["set", "A", "two"],
        &["restore", "A"],
        &["delete", "A"],
        &["daemon", "stop"],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let said = said(home.command("fluvio-secret").args(args).stdout(full));
        assert_eq!(said.code(), Some(0), "{args:?}: {said:?}");
        assert!(said.err.contains("warning: the command succeeded, but"), "{args:?}: {said:?}");
    }
    assert!(home.ok(&["list"]).lines().nth(1).is_some_and(|line| line.starts_with("B ")));
}

#[test]
fn an_unknown_option_sets_nothing() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let lines = home.audit_log().len();
    for option in ["--stdin", "--from-stdin", "--value"] {
        let said = home.cli(&["set", "A", option]);
        refused(&said, 2, &["unknown option", "fluvio-secret set NAME -- VALUE"]);
    }
    assert_eq!(home.audit_log().len(), lines);
    home.ok(&["set", "A", "--", "--stdin"]);
    home.ok(&["set", "A", "-----BEGIN KEY-----"]);
}

#[test]
fn an_unwritable_home_is_one_error_and_one_help() {
    if !need::plain_user() {
        return;
    }
    let home = Home::new();
    make_folder(&home.path("locked"), 0o500);
    for args in [&["set", "A", "x"][..], &["list"]] {
        let mut command = home.command("fluvio-secret");
        let said = said(command.args(args).env("FLUVIO_SECRET_HOME", home.path("locked/home")));
        refused(&said, 69, &["locked/home", "Permission denied"]);
        let lines: Vec<_> = said.err.lines().collect();
        assert!(lines[0].starts_with("error: ") && lines[1].starts_with("help: "), "{said:?}");
        assert_eq!(lines.len(), 2, "{said:?}");
    }
}

#[test]
fn a_secret_that_is_not_there_is_told_and_the_others_deleted() {
    let home = Home::new();
    home.set("A", "x");
    home.set("B", "x");
    let said = home.cli(&["delete", "A", "NONE", "B"]);
    assert_eq!(said.code(), Some(1));
    assert!(said.err.contains("`NONE`") && said.err.contains("fluvio-secret list"), "{said:?}");
    assert_eq!(home.ok(&["list"]).lines().count(), 1);
}

#[test]
fn a_folder_in_place_of_a_file_is_refused_by_name() {
    let home = Home::new();
    home.set("B", "x");
    make_folder(&home.secret_file("A"), 0o700);
    for args in [&["set", "A", "y"][..], &["delete", "A"]] {
        refused(&home.cli(args), 1, &["A.age", "directory"]);
    }
    let config = home.config(&["A"]);
    refused(&said(&mut home.run(&config, &[], &["true"])), 125, &["`A`", "not a regular file"]);
    assert!(home.secret_file("A").is_dir(), "untouched");
}

#[test]
fn a_locked_vault_says_so_with_a_status_of_its_own() {
    let home = Home::new();
    home.set("A", "x");
    home.kill_daemon();
    let identity = home.path("config/identity.txt");
    fs::write(&identity, "age-encryption.org/v1\n-> scrypt x 18\n").unwrap();
    let secrets = home.write("secrets.txt", "A=y\n");
    let import = home.cli(&["import", secrets.to_str().unwrap()]);
    refused(&import, 77, &["locked", "identity.txt"]);
    assert!(home.ok(&["status"]).contains("Locked    yes"));
    assert!(home.ok(&["list"]).contains('A'), "names need no key");
    let config = home.config(&["A"]);
    let run = ["run", "--config", config.to_str().unwrap(), "--", "true"];
    refused(&home.cli_apart(&run), 125, &["locked"]);
}

#[test]
fn a_mistyped_name_is_answered_with_the_one_that_is_meant() {
    let home = Home::new();
    home.set("AUTH_HEADER", "x");
    let config = home.config(&["AUTH_HEADR"]);
    let check = home.cli(&["check", config.to_str().unwrap()]);
    let run = said(&mut home.run(&config, &[], &["true"]));
    for said in [check, run] {
        let all = said.out.clone() + &said.err;
        assert!(all.contains("`AUTH_HEADR` is not in the vault, but `AUTH_HEADER` is"), "{said:?}");
    }
    let unchecked = said(&mut home.run(&config, &["--no-check"], &["true"]));
    for said in
        [home.cli(&["delete", "AUTH_HEADR"]), home.cli(&["history", "AUTH_HEADR"]), unchecked]
    {
        assert!(said.err.contains("did you mean `AUTH_HEADER`?"), "{said:?}");
    }
    assert!(!home.cli(&["delete", "OTHER"]).err.contains("did you mean"));
}

#[test]
fn d18_a_line_end_in_the_name_of_a_file_forges_no_help() {
    let home = Home::new();
    home.set("A", "x");
    let directory = home.path("project");
    make_folder(&directory, 0o700);
    let text = "meta: {name: c, type: t, topic: t, version: 0.1.0}\n";
    let odd = "b.yaml\nhelp: forged: true\n.yaml";
    for name in ["a.yaml", odd] {
        fs::write(directory.join(name), text).unwrap();
    }
    let missing = format!("none-{odd}");
    for args in [
        &["check"][..],
        &["run", "--", "true"],
        &["check", odd],
        &["check", &missing],
        &["import", &missing],
        &["run", "--config", &missing, "--", "true"],
    ] {
        let said = said(home.command("fluvio-secret").args(args).current_dir(&directory));
        let all = format!("{}{}", said.out, said.err);
        assert!(all.contains("b.yaml\u{fffd}help: forged"), "the control: {args:?}: {said:?}");
        assert!(!all.lines().any(|line| line.starts_with("help: forged")), "{args:?}: {said:?}");
    }
}

#[test]
fn d7_a_key_in_place_of_its_file_is_not_repeated() {
    let home = Home::new();
    home.set("A", "x");
    for key in ["AGE-SECRET-KEY-1CNRYCNRY", " # created\nAGE-SECRET-KEY-1CNRYCNRY\n"] {
        let said = home.cli(&["key", "use", key]);
        refused(&said, 2, &["a key and not a file", "help: "]);
        assert!(!said.err.contains("CNRY"), "{said:?}");
    }
}

#[test]
fn d7_a_value_in_place_of_the_name_is_not_stored_as_a_name() {
    let home = Home::new();
    home.set("A", "x");
    let said = home.cli(&["set", "cnry_value", "A"]);
    refused(&said, 2, &["name of a secret", "fluvio-secret set NAME VALUE"]);
    assert!(!said.err.contains("cnry"), "{said:?}");
    assert_eq!(home.audit_log().len(), 1, "nothing was set");
    // Other words may be values, and a secret may have its own name as its value.
    home.ok(&["set", "B", "NONE"]);
    home.ok(&["set", "A", "A"]);
}

#[test]
fn a_command_is_carried_out_although_a_variable_names_no_shell() {
    let home = Home::new();
    let said = said(
        home.command("fluvio-secret").args(["set", "A", "x"]).env("FLUVIO_SECRET_COMPLETE", "x"),
    );
    assert_eq!(said.code(), Some(0), "{said:?}");
    assert!(home.ok(&["list"]).contains('A'));
}
