//! `import` and `set` take values from JSON, YAML, the environment, and the output of a command.

use crate::harness::pty::Pty;
use crate::harness::{Home, canary, said, said_with_input};

fn delivered(home: &Home, name: &str) -> String {
    let config = home.config(&[name]);
    let script = format!("printf %s \"${name}\"");
    let said = said(&mut home.run(&config, &["--as-is"], &["sh", "-c", &script]));
    assert!(said.status.success(), "{name}: {said:?}");
    said.out
}

#[test]
fn e15_a_flat_map_of_json_or_yaml_is_imported() {
    let home = Home::new();
    let json = "{\"A\": \"a \\\"b\\\" \\u00e9\\n\", \"B\": 0.10}\n";
    home.write("secrets.json", json);
    let said = home.cli(&["import", "secrets.json"]);
    assert_eq!(said.out, "2 secrets imported from secrets.json: 2 new, 0 replaced, 0 unchanged\n");
    assert!(said.err.contains("note: secrets.json: line 1: numbers, true and false"), "{said:?}");
    assert_eq!(delivered(&home, "A"), "a \"b\" \u{e9}\n");
    assert_eq!(delivered(&home, "B"), "0.10");
    let yaml = "C: |\n  -----BEGIN KEY-----\n  MII=\n  -----END KEY-----\nD: 0123\n";
    let path = home.write("team.yaml", yaml);
    let dry = home.ok(&["import", "--dry-run", "team.yaml"]);
    assert_eq!(dry, "SecretNames  InFile\nC            new\nD            new\n");
    home.ok(&["import", "--remove", "team.yaml"]);
    assert!(!path.exists());
    assert_eq!(delivered(&home, "C"), "-----BEGIN KEY-----\nMII=\n-----END KEY-----\n");
    assert_eq!(delivered(&home, "D"), "0123");
    let mut import = home.command("fluvio-secret");
    let input =
        said_with_input(import.args(["import", "--format", "json", "-"]), b"{\"E\": \"e\"}");
    assert!(input.status.success() && delivered(&home, "E") == "e", "{input:?}");
}

#[test]
fn e15_a_map_that_is_not_flat_is_refused_before_anything_is_set() {
    let home = Home::new();
    let canary = canary();
    for (name, text, why) in [
        (
            "x.json",
            format!("{{\"A\": \"1\",\n\"B\": [\"{canary}\"]}}"),
            "line 2, column 1: it has a",
        ),
        ("x.json", format!("{{\"A\": \"1\", \"A\": \"{canary}\"}}"), "column 12: an earlier"),
        ("x.json", format!("{{\"A\": {canary}}}"), "it is not valid JSON"),
        ("x.yaml", format!("A: 1\nB:\n  C: {canary}\n"), "line 2, column 1: it has a map"),
        ("x.yaml", format!("A: 1\n\"{canary} x\": 2\n"), "line 2: the key is not the name"),
        ("x.yaml", format!("A: 1\nB: \"{canary}\n"), "it is not valid YAML"),
        ("x.json", format!("A={canary}\n"), "it is not valid JSON"),
    ] {
        home.write(name, text);
        let said = home.cli(&["import", name]);
        assert_eq!(said.code(), Some(1), "{said:?}");
        assert!(said.err.contains(why) && said.err.contains("nothing was set"), "{why}: {said:?}");
        assert!(!said.err.contains(&canary), "{said:?}");
    }
    assert_eq!(home.ok(&["list"]).lines().count(), 1);
    assert!(home.audit_log().is_empty());
}

#[test]
fn variables_of_the_environment_are_imported_by_name() {
    let home = Home::new();
    let import = |words: &[&str]| {
        let mut import = home.command("fluvio-secret");
        import.env("A", "one\n").env("B", "two").env("EMPTY", "").env("OTHER", "cnry");
        said(import.arg("import").args(words))
    };
    let dry = import(&["--dry-run", "--env", "A", "B"]);
    assert_eq!(dry.out, "SecretNames  InEnvironment\nA            new\nB            new\n");
    assert_eq!(home.ok(&["list"]).lines().count(), 1, "nothing was set");
    let done = import(&["--env", "A", "B"]);
    assert_eq!(
        done.out,
        "2 secrets imported from the environment: 2 new, 0 replaced, 0 unchanged\n"
    );
    assert_eq!((&*delivered(&home, "A"), &*delivered(&home, "B")), ("one\n", "two"));
    home.ok(&["set", "B", "changed"]);
    let refused = import(&["--env", "B"]);
    let why = "cannot import from the environment: the vault has another value for `B`";
    assert!(refused.code() == Some(1) && refused.err.contains(why), "{refused:?}");
    assert!(import(&["--overwrite", "--env", "B"]).status.success());
    let refused = import(&["--env", "A", "EMPTY", "NONE"]);
    assert!(refused.err.contains("it has no value for `EMPTY`, `NONE`"), "{refused:?}");
    assert!(refused.err.contains("help: export the variable"), "{refused:?}");
    for words in [&["--env", "A", "--remove"][..], &["--env"], &["x", "--env", "A"], &[]] {
        assert_eq!(import(words).code(), Some(2), "{words:?}");
    }
    assert_eq!(home.ok(&["list"]).lines().count(), 3);
}

#[test]
fn e19_the_output_of_a_command_is_imported() {
    let home = Home::new();
    home.write("token", "cnry-1\n");
    let dry = home.ok(&["import", "--dry-run", "--command", "A", "--", "cat", "token"]);
    assert_eq!(dry, "SecretNames  InOutput\nA            new\n");
    let done = home.cli(&["import", "--command", "A", "--", "cat", "token"]);
    assert_eq!(done.out, "1 secret imported from cat: 1 new, 0 replaced, 0 unchanged\n");
    let note = "note: the line break at the end of the output of cat was removed\n";
    assert!(done.err.contains(note), "{done:?}");
    assert_eq!(delivered(&home, "A"), "cnry-1");
    let set = home.cli(&["set", "B", "--command", "--", "printf", "--", "%s", "x"]);
    assert!(set.status.success() && !set.err.contains("line break"), "{set:?}");
    assert_eq!(delivered(&home, "B"), "x");
    assert!(home.cli(&["set", "B", "--command", "printf", "y"]).status.success());
    assert_eq!(delivered(&home, "B"), "y");
    home.ok(&["set", "C", "before"]);
    for (script, why) in [
        ("echo cnry-2; echo why >&2; exit 7", "error: sh exited with status 7, so nothing was set"),
        ("true", "error: sh printed nothing, so nothing was set\nhelp: "),
        ("kill -9 $$", "error: sh was stopped by signal 9, so nothing was set"),
        ("yes cnry-2", "error: sh printed more than 1048576 bytes, so nothing was set"),
    ] {
        for words in [&["set", "C", "--command"][..], &["import", "--overwrite", "--command", "C"]]
        {
            let refused = home.cli(&[words, &["--", "sh", "-c", script]].concat());
            assert!(refused.code() == Some(1) && refused.err.contains(why), "{refused:?}");
            assert_eq!(refused.err.contains("why\n"), script.contains("why"), "{refused:?}");
            assert!(!refused.err.contains("cnry"), "{refused:?}");
        }
    }
    assert_eq!(delivered(&home, "C"), "before");
    let none = home.cli(&["set", "C", "--command", "--", "no-such-program"]);
    assert!(none.err.contains("cannot run no-such-program: No such file"), "{none:?}");
    for words in [
        &["set", "C", "--command"][..],
        &["set", "C", "--command", "--"],
        &["set", "C", "value", "--command", "--", "true"],
        &["import", "--command", "C"],
        &["import", "--command", "C", "--"],
        &["import", "--command", "9C", "--", "true"],
        &["import", "--command", "--", "cat", "token"],
        &["import", "--command", "C", "--dry-run", "--", "true"],
    ] {
        assert_eq!(home.cli(words).code(), Some(2), "{words:?}");
    }
    let other = ["import", "--command", "C", "--", "printf", "after"];
    let refused = home.cli(&other);
    let help = "help: to replace it, add before --command: --overwrite\n";
    assert!(refused.code() == Some(1) && refused.err.contains(help), "{refused:?}");
    let dry = home.cli(&[&["import", "--dry-run"], &other[1..]].concat());
    assert!(dry.status.success() && dry.err.contains(help), "{dry:?}");
    home.ok(&[&["import", "--overwrite"], &other[1..]].concat());
    assert_eq!(delivered(&home, "C"), "after");
    let late = home.cli(&["import", "--command", "C", "--overwrite", "--", "printf", "x"]);
    assert!(late.err.contains("an option stands after --command"), "{late:?}");
    assert!(late.err.contains("help: put options before --command"), "{late:?}");
    let nameless = home.cli(&["import", "--command", "--", "cat", "token"]);
    assert!(nameless.err.contains("the name of the secret is missing before --"), "{nameless:?}");
}

#[test]
fn a_command_can_prompt_on_the_terminal() {
    let home = Home::new();
    let script = "printf 'Password: ' >&2; read word; printf %s \"$word\"";
    let mut set = home.command("fluvio-secret");
    let mut pty = Pty::start(set.args(["set", "A", "--command", "--", "sh", "-c", script]));
    pty.expect("Password: ");
    pty.type_keys("typed\n");
    pty.expect("Secret \"A\" set successfully");
    pty.child.wait().unwrap();
    assert_eq!(delivered(&home, "A"), "typed");
}
