//! `import`: a secrets file as connectors read it, all of it or nothing.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::pty::Pty;
use crate::harness::{Home, canary, eventually, is_alive, kill, said, said_with_input, spawn};

fn delivered(home: &Home, name: &str) -> Option<String> {
    let config = home.config(&[name]);
    let script = format!("printf %s \"${name}\"");
    let said = said(&mut home.run(&config, &["--as-is"], &["sh", "-c", &script]));
    said.status.success().then_some(said.out)
}

#[test]
fn a_secrets_file_is_read_as_connectors_read_it() {
    let home = Home::new();
    let text = "# a comment\nA=one\n  B = t w o \nC=\"quoted\"\nA=later\nD=\nnothing here\nE=a=b\n";
    home.write("secrets.txt", text);
    let said = home.cli(&["import", "secrets.txt"]);
    assert!(said.status.success(), "{said:?}");
    assert_eq!(said.out, "5 secrets imported from secrets.txt: 5 new, 0 replaced, 0 unchanged\n");
    for (name, value) in
        [("A", "one"), ("B", "t w o"), ("C", "\"quoted\""), ("D", ""), ("E", "a=b")]
    {
        assert_eq!(delivered(&home, name).as_deref(), Some(value), "{name}");
    }
    for note in [
        "line 1: skipped: a line that begins with #",
        "line 4: the quotes are part of the value",
        "line 5: skipped: an earlier line has the same name",
        "line 7: skipped: a line without =",
        "secrets.txt still has the values in plain text",
        "your identity, the key that decrypts your secrets, is now in",
    ] {
        assert!(said.err.contains(note), "{note}: {said:?}");
    }
    assert!(home.path("secrets.txt").exists());
    assert_eq!(home.audit_log()[0]["names"], serde_json::json!(["A", "B", "C", "D", "E"]));
}

#[test]
fn a_dry_run_shows_what_is_new_the_same_and_another() {
    let home = Home::new();
    home.ok(&["set", "SAME", "one"]);
    home.ok(&["set", "OTHER", "two"]);
    home.write("secrets.txt", "SAME=one\nOTHER=three\nNEW=four\n");
    let before = home.audit_log().len();
    let dry = home.cli(&["import", "--dry-run", "secrets.txt"]);
    assert_eq!(
        dry.out,
        "SecretNames  InFile\nSAME         the same\nOTHER        another value\nNEW          new\n"
    );
    assert!(dry.status.success() && dry.err.contains("add: --overwrite"), "{dry:?}");
    assert_eq!(home.cli(&["import", "--dry-run", "--overwrite", "secrets.txt"]).err, "");
    assert_eq!(home.audit_log().len(), before, "nothing was done");
    assert!(delivered(&home, "NEW").is_none());
}

#[test]
fn another_value_is_replaced_only_when_that_is_said() {
    let home = Home::new();
    home.ok(&["set", "SAME", "one"]);
    home.ok(&["set", "OTHER", "two"]);
    home.write("secrets.txt", "NEW=four\nSAME=one\nOTHER=three\n");
    let said = home.cli(&["import", "secrets.txt"]);
    assert_eq!(said.code(), Some(1));
    assert!(
        said.err.contains(
            "another value for `OTHER`, so nothing was set\nhelp: to replace it, add: --overwrite"
        ),
        "{said:?}"
    );
    assert!(said.err.contains("nothing was set") && delivered(&home, "NEW").is_none(), "{said:?}");
    let said = home.ok(&["import", "--overwrite", "secrets.txt"]);
    assert!(said.contains("1 new, 1 replaced, 1 unchanged"), "{said}");
    assert_eq!(delivered(&home, "OTHER").as_deref(), Some("three"));
    // What was replaced is in the history; what was the same is not there twice.
    assert_eq!(home.ok(&["history", "OTHER"]).lines().count(), 3);
    assert_eq!(home.ok(&["history", "SAME"]).lines().count(), 2);
}

#[test]
fn a_file_with_a_name_that_is_none_is_refused_whole_and_not_repeated() {
    let home = Home::new();
    let canary = canary();
    let text = format!("A=one\nB-C=two\n{canary}-x==\n");
    home.write("secrets.txt", text);
    let said = home.cli(&["import", "secrets.txt"]);
    assert_eq!(said.code(), Some(1));
    assert!(said.err.contains("lines 2, 3: the text before = is not the name"), "{said:?}");
    assert!(!said.err.contains(&canary) && home.audit_log().is_empty(), "{said:?}");
    fs::write(home.path("secrets.txt"), b"A=one\nB=\xff\n").unwrap();
    let said = home.cli(&["import", "secrets.txt"]);
    assert!(said.code() == Some(1) && said.err.contains("line 2 is not UTF-8"), "{said:?}");
    for (path, why) in [("none.txt", "No such file"), (".", "directory")] {
        let said = home.cli(&["import", path]);
        assert!(said.code() == Some(1) && said.err.contains(why), "{said:?}");
    }
}

#[test]
fn the_file_is_removed_when_all_is_kept_and_only_then() {
    let home = Home::new();
    let file = home.write("secrets.txt", "A=one\n");
    symlink("secrets.txt", home.path("link.txt")).unwrap();
    let said = home.cli(&["import", "--remove", "link.txt"]);
    assert!(said.code() == Some(1) && said.err.contains("only regular files"), "{said:?}");
    home.ok(&["set", "A", "two"]);
    assert_eq!(home.cli(&["import", "--remove", "secrets.txt"]).code(), Some(1));
    assert!(file.exists(), "it was refused");
    let said = home.cli(&["import", "--remove", "--overwrite", "secrets.txt"]);
    assert!(said.status.success() && said.err.contains("secrets.txt was deleted"), "{said:?}");
    assert!(!file.exists() && !said.err.contains("plain text"), "{said:?}");
    assert_eq!(delivered(&home, "A").as_deref(), Some("one"));
    // A value of several lines, of which a line of such a file can hold one; a second value; none.
    for (text, why) in [
        ("B=first\ncnry\nlast\n", "the text in lines 2, 3 would"),
        ("B=first\nB=other\n", "the text in line 2 would"),
        ("cnry\n", "the text in line 1 would"),
        ("# cnry\n", "it has no secret"),
    ] {
        let file = home.write("more.txt", text);
        let said = home.cli(&["import", "--remove", "more.txt"]);
        assert_eq!((said.code(), file.exists()), (Some(1), true), "{said:?}");
        assert!(said.err.contains(why) && !said.err.contains("cnry"), "{said:?}");
    }
}

#[test]
fn e15_a_file_of_another_format_is_refused_before_anything_is_set() {
    let home = Home::new();
    let canary = canary();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{canary}\nQW5vdGhlclRhaWw3Nzc=\n-----END PRIVATE KEY-----"
    );
    let sops = "A=ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops_mac=ENC[AES256_GCM,data:x]\n";
    let dotenvx = format!("DOTENV_PUBLIC_KEY=\"03\"\nA=\"encrypted:{}==\"\n", "Ab1+".repeat(20));
    let utf_16: Vec<_> = "\u{feff}A=1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, named) in [
        (format!("FIRST=1\nKEY=\"{pem}\"\n").into_bytes(), "line 2: it begins a key"),
        (format!("FIRST=1\nKEY={pem}\n").into_bytes(), "line 2: it begins a key"),
        (format!("FIRST=1\nKEY='{pem}'\n").into_bytes(), "line 2: it begins a key"),
        (pem.clone().into_bytes(), "line 1: it begins a key"),
        (b"FIRST=1\rSECOND=2\r".to_vec(), "line 1: it has a carriage return"),
        (b"FIRST=1\nSECOND=2\rTHIRD=3\r\n".to_vec(), "line 2: it has a carriage return"),
        (b"\xef\xbb\xbfFIRST=1\n".to_vec(), "byte order mark"),
        (utf_16, "UTF-16"),
        (b"FIRST=1\nA=\0\n".to_vec(), "NUL"),
        (sops.into(), "sops"),
        (dotenvx.into_bytes(), "dotenvx"),
        (b"{\"FIRST\": \"a=b\"}\n".to_vec(), "JSON"),
        (b"FIRST: 1\n".to_vec(), "YAML"),
        (b"FIRST=1\n[section]\nA=1\n".to_vec(), "INI or TOML"),
        (b"age-encryption.org/v1\n".to_vec(), "age"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\nYQ==\n".to_vec(), "age"),
    ] {
        for name in ["secrets.txt", "more"] {
            home.write(name, &bytes);
            let said = home.cli(&["import", "--overwrite", name]);
            // Without a name that says the format, a quoted key is read as a .env has it.
            if name == "more" && said.status.success() {
                assert!(
                    bytes.starts_with(b"FIRST=1\nKEY") && said.out.starts_with("2 "),
                    "{said:?}"
                );
                home.ok(&["delete", "FIRST", "KEY"]);
                continue;
            }
            assert_eq!(said.code(), Some(1), "{named}: {said:?}");
            assert!(
                said.err.contains(named) && said.err.contains("nothing was set\nhelp: "),
                "{said:?}"
            );
            assert!(!said.err.contains(&canary), "{said:?}");
        }
    }
    assert_eq!(home.ok(&["list"]).lines().count(), 1);
    let audit = format!("{:?}", home.audit_log());
    assert!(!audit.contains("QW5vdGhlclRhaWw3Nzc") && home.files_with(&canary).is_empty());
}

#[test]
fn e16_a_env_is_read_by_dotenv_rules() {
    let home = Home::new();
    let text = "export URL=\"postgres://u:p@h/db\"\nKEY='sk_1' # note\nTWO=\"first\nsecond=2\"\n\
                PLAIN=abc\nESCAPED=\"a\\nb\"\n";
    home.write(".env", text);
    let dry = home.cli(&["import", "--dry-run", ".env"]);
    assert!(dry.status.success(), "{dry:?}");
    assert_eq!(
        dry.out,
        "SecretNames  InFile  Change\n\
         URL          new     quotes removed (letter to letter)\n\
         KEY          new     quotes removed, comment removed (letter to digit)\n\
         TWO          new     quotes removed, several lines (letter to digit)\n\
         PLAIN        new\n\
         ESCAPED      new     quotes removed, escapes replaced, several lines (letter to letter)\n"
    );
    let said = home.cli(&["import", ".env"]);
    assert!(said.out.starts_with("5 secrets imported from .env: 5 new"), "{said:?}");
    for recommended in ["--remove", "delete it"] {
        assert!(!said.err.contains(recommended), "{said:?}");
    }
    assert!(said.err.contains("lines 1, 2, 3, 6: quotes removed"), "{said:?}");
    for (name, value) in [
        ("URL", "postgres://u:p@h/db"),
        ("KEY", "sk_1"),
        ("TWO", "first\nsecond=2"),
        ("PLAIN", "abc"),
        ("ESCAPED", "a\nb"),
    ] {
        assert_eq!(delivered(&home, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(home.ok(&["list"]).lines().count(), 6);
    // Fluvio's rules where that is said, and nothing where a line can be read in two ways.
    home.write(".env", "KEY='sk_1'\n");
    home.ok(&["import", "--format", "secrets", "--overwrite", ".env"]);
    assert_eq!(delivered(&home, "KEY").as_deref(), Some("'sk_1'"));
    for (text, why) in
        [("A=1\nB=$HOME\n", "line 2: its value refers"), ("A=1\nB='x\n", "not closed")]
    {
        home.write(".env", text);
        let said = home.cli(&["import", ".env"]);
        assert!(said.code() == Some(1) && said.err.contains(why), "{said:?}");
    }
    assert_eq!(home.ok(&["list"]).lines().count(), 6);
    home.write("any", "A='1'\n");
    let said = home.cli(&["import", "any"]);
    assert!(said.code() == Some(1) && said.err.contains("--format dotenv"), "{said:?}");
}

#[test]
fn a_dash_is_standard_input() {
    let home = Home::new();
    let import = |args: &[&str], input: &[u8]| {
        let mut command = home.command("fluvio-secret");
        said_with_input(command.arg("import").args(args), input)
    };
    let imported = import(&["-"], b"A=one\nB=two\n");
    assert_eq!(imported.out, "2 secrets imported from -: 2 new, 0 replaced, 0 unchanged\n");
    assert!(!imported.err.contains("plain text"), "{imported:?}");
    assert_eq!(delivered(&home, "B").as_deref(), Some("two"));
    let imported = import(&["--format", "dotenv", "-"], b"C='three'\n");
    assert!(imported.status.success(), "{imported:?}");
    assert_eq!(delivered(&home, "C").as_deref(), Some("three"));
    for (args, input, why) in [
        (&["-"][..], &b"A: 1\n"[..], "cannot import standard input: line 1: it looks like YAML"),
        (&["--remove", "-"], b"A=1\n", "cannot delete standard input"),
    ] {
        let refused = import(args, input);
        assert!(refused.code() == Some(1) && refused.err.contains(why), "{refused:?}");
    }
}

#[test]
fn an_import_that_was_stopped_for_long_sets_the_rest() {
    let home = Home::new();
    many(&home, 3000, "value");
    home.ok(&["list"]);
    // The daemon's ends of connections have the path of its socket.
    let socket = home.socket();
    let sockets = || {
        let all = fs::read_to_string("/proc/net/unix").unwrap();
        all.lines().filter(|line| line.ends_with(socket.to_str().unwrap())).count()
    };
    eventually("the end of the last connection", || sockets() == 1);
    let mut import = home.command("fluvio-secret");
    let running = spawn(import.args(["import", "many.txt"]));
    eventually("the first secrets", || home.secret_file("NAME_0").exists());
    kill("STOP", running.id());
    eventually("the daemon closes the connection", || sockets() == 1);
    kill("CONT", running.id());
    let imported: crate::harness::Said = running.wait_with_output().unwrap().into();
    assert!(imported.status.success(), "{imported:?}");
    assert_eq!(home.ok(&["list"]).lines().count(), 3001);
}

/// A secrets file with this number of lines.
fn many(home: &Home, count: usize, value: &str) {
    let lines = (0..count).map(|n| format!("NAME_{n}={value} {n}\n"));
    home.write("many.txt", lines.collect::<String>());
}

#[test]
fn ten_thousand_lines_show_progress_and_every_command_works_on_them() {
    let home = Home::new();
    many(&home, 10_000, "value");
    let mut import = home.command("fluvio-secret");
    let mut pty = Pty::start(import.args(["import", "many.txt"]));
    pty.expect("2560 of 10000 secrets");
    pty.expect("10000 secrets imported from many.txt: 10000 new");
    pty.child.wait().unwrap();
    assert_eq!(home.ok(&["list"]).lines().count(), 10_001);
    assert!(home.ok(&["status"]).contains("Secrets   10000"));
    assert_eq!(delivered(&home, "NAME_9999").as_deref(), Some("value 9999"));
    home.ok(&["set", "NAME_5", "new"]);
    assert_eq!(home.ok(&["history", "NAME_5"]).lines().count(), 3);
    home.ok(&["restore", "NAME_5"]);
    assert_eq!(delivered(&home, "NAME_5").as_deref(), Some("value 5"));
    home.ok(&["delete", "NAME_6"]);
    home.ok(&["delete", "--purge", "--yes", "NAME_7"]);
    let dry = home.ok(&["import", "--dry-run", "many.txt"]);
    assert_eq!(dry.matches("the same").count(), 9_998);
    assert_eq!(dry.matches(" new").count(), 2);
    assert_eq!(home.ok(&["log", "--name", "NAME_5"]).lines().count(), 5);
}

#[test]
fn an_import_that_is_cut_off_says_what_was_done_and_goes_on_when_repeated() {
    let home = Home::new();
    many(&home, 3000, "value");
    home.ok(&["list"]);
    let daemon = home.daemon_pid().unwrap();
    let mut import = home.command("fluvio-secret");
    let running = spawn(import.args(["import", "many.txt"]));
    eventually("the first secrets", || home.secret_file("NAME_0").exists());
    kill("KILL", daemon);
    let cut: crate::harness::Said = running.wait_with_output().unwrap().into();
    eventually("its end", || !is_alive(daemon));
    // It may have been quicker than we were.
    if !cut.status.success() {
        assert_eq!(cut.code(), Some(69));
        let (before, _) = cut.err.split_once(" of 3000 secrets have").expect(&cut.err);
        let done: usize = before.rsplit([' ', '(']).next().unwrap().parse().unwrap();
        assert_eq!(home.ok(&["list"]).lines().count() - 1, done, "{cut:?}");
    }
    let said = home.ok(&["import", "many.txt"]);
    assert!(said.starts_with("3000 secrets imported"), "{said}");
    assert_eq!(home.ok(&["list"]).lines().count(), 3001);
}

#[test]
fn one_note_names_all_values_that_a_secrets_file_cannot_hold() {
    let home = Home::new();
    let file = home.write("app.env", "PEM=\"one\ntwo\"\nPLAIN=x\nPADDED=\" y\"\n");
    let said = home.cli(&["import", file.to_str().unwrap()]);
    assert_eq!(said.code(), Some(0), "{said:?}");
    let note = "note: a secrets file cannot hold `PEM` (it has a line break), `PADDED` (it begins or ends with whitespace), \
                so `run` passes environment variables\nhelp: for cdk, add: --inject env\n";
    assert!(said.err.contains(note), "{said:?}");
    assert!(!said.err.contains("PLAIN") && !said.err.contains("two"), "{said:?}");
    // A value without this fault is imported without the note.
    let file = home.write("plain.env", "PLAIN=x\n");
    let said = home.cli(&["import", file.to_str().unwrap()]);
    assert!(!said.err.contains("cannot hold"), "{said:?}");
}

#[test]
fn an_imported_value_that_reaches_no_connector_has_a_warning_of_its_own() {
    let home = Home::new();
    let long = "x".repeat(131_072);
    let file = home.write("app.env", format!("LONG=\"a\n{long}\"\nPEM=\"one\ntwo\"\n"));
    let said = home.cli(&["import", file.to_str().unwrap()]);
    assert_eq!(said.code(), Some(0), "{said:?}");
    assert!(said.err.contains("warning: `LONG` cannot be in a secrets file"));
    assert!(
        said.err.contains(
            "note: a secrets file cannot hold `PEM` (it has a line break), so `run` passes"
        )
    );
}

#[test]
fn an_import_that_set_nothing_is_not_to_be_run_again_as_it_is() {
    let home = Home::new();
    home.ok(&["set", "B", "two"]);
    home.write("secrets.txt", "A=one\nB=two\n");
    // Without a line in the audit log, nothing is changed.
    let log = home.path("state/audit.log");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    let refused = home.cli(&["import", "secrets.txt"]);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.err.contains("so nothing was delivered or changed"), "{refused:?}");
    assert!(!refused.err.contains("same command again"), "{refused:?}");
    fs::remove_dir(&log).unwrap();
    home.ok(&["import", "secrets.txt"]);
}
