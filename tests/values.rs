//! Every value arrives byte for byte by the way it is meant to go, or is refused for its reason.

use std::fs;

use crate::harness::{Home, Said, canary, said};

/// How a value is expected to reach the connector.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Env,
    File,
    /// Not at all, with this said.
    Refused(&'static str),
}

use Outcome::{Env, File, Refused};

/// What happens to a value with `--inject auto`, `file` and `env`.
struct Row {
    what: &'static str,
    value: Vec<u8>,
    auto: Outcome,
    file: Outcome,
    env: Outcome,
}

fn row(
    what: &'static str,
    value: impl Into<Vec<u8>>,
    auto: Outcome,
    file: Outcome,
    env: Outcome,
) -> Row {
    Row { what, value: value.into(), auto, file, env }
}

const LINE_BREAK: Outcome = Refused("has a line break");
const BLANK: Outcome = Refused("begins or ends with whitespace");
const LONG: Outcome = Refused("longer than 131071 bytes");

fn rows() -> Vec<Row> {
    vec![
        row("empty", "", File, File, Env),
        row("one byte", "x", File, File, Env),
        row("=", "=a=b=", File, File, Env),
        row("quotes", "\"it's\"", File, File, Env),
        row("what a template would be", "${{ secrets.B }}", File, File, Env),
        row("NUL", "a\0b", File, File, Refused("NUL")),
        row("inner newline", "a\nB=b", Env, LINE_BREAK, Env),
        row("final newline", "a\n", Env, LINE_BREAK, Env),
        row("leading blank", " a", Env, BLANK, Env),
        row("final tab", "a\t", Env, BLANK, Env),
        row("only a blank", " ", Env, BLANK, Env),
        row("Unicode blank in front", "\u{a0}a", Env, BLANK, Env),
        row("Unicode blank behind", "a\u{2003}", Env, BLANK, Env),
        row("CRLF", "a\r\nb", Env, LINE_BREAK, Env),
        row("final CR", "a\r", Env, BLANK, Env),
        row("inner CR", "a\rb", File, File, Env),
        row(
            "NUL and newline",
            "a\0\n",
            Refused("or an environment variable"),
            LINE_BREAK,
            Refused("NUL"),
        ),
        row(
            "not UTF-8",
            b"a\xff",
            Refused("or an environment variable"),
            Refused("not UTF-8"),
            Refused("not UTF-8"),
        ),
        row("emoji", "🦀ü", File, File, Env),
        row("the longest variable", vec![b'x'; 131_069], File, File, Env),
        row("one byte more", vec![b'x'; 131_070], File, File, LONG),
        row("128 KiB", vec![b'x'; 128 << 10], File, File, LONG),
        row(
            "128 KiB with a newline",
            [vec![b'x'; 128 << 10], vec![b'\n']].concat(),
            Refused("131071"),
            LINE_BREAK,
            LONG,
        ),
        row("1 MiB", vec![b'x'; 1 << 20], File, File, LONG),
    ]
}

/// Starts the example connector, which writes what it was given into a file.
fn deliver(home: &Home, inject: &str) -> (Said, Option<Vec<u8>>) {
    let folder = home.path("witness");
    fs::create_dir_all(&folder).unwrap();
    let config = format!(
        "meta: {{version: 0.1.0, name: w, type: w-source, topic: w}}\nfiles:\n  directory: {}\n  values: [secret: {{name: A}}]\n  exit: 7\n",
        folder.display()
    );
    let config = home.write("witness.yaml", config);
    let connector = crate::harness::program("connector");
    let command = [connector.to_str().unwrap()];
    let said = said(&mut home.run(&config, &["--inject", inject], &command));
    let value = fs::read(folder.join("0")).ok();
    fs::remove_dir_all(folder).unwrap();
    (said, value)
}

#[test]
fn e7_every_value_arrives_byte_for_byte_or_is_refused_for_its_reason() {
    let home = Home::new();
    for Row { what, value, auto, file, env } in rows() {
        assert!(home.set("A", &value).status.success(), "{what} is set");
        for (inject, way) in [("auto", auto), ("file", file), ("env", env)] {
            let (said, got) = deliver(&home, inject);
            let is_said = said.err.contains("all secrets are passed as environment variables");
            match way {
                Refused(reason) => {
                    assert_eq!((said.code(), &got), (Some(125), &None), "{what} by {inject}");
                    assert!(said.err.contains("`A`"), "{what} by {inject}: {said:?}");
                    assert!(said.err.contains(reason), "{what} by {inject}: {said:?}");
                }
                Env | File => {
                    assert_eq!(said.code(), Some(7), "{what} by {inject}: {said:?}");
                    assert!(got.as_ref() == Some(&value), "{what} by {inject} arrives unaltered");
                    let is_turned = inject == "auto" && matches!(way, Env);
                    assert_eq!(is_said, is_turned, "{what} by {inject}: {said:?}");
                }
            }
        }
    }
}

#[test]
fn e7_a_value_of_more_than_1_mib_is_refused_by_set() {
    let home = Home::new();
    assert!(home.set("A", vec![b'x'; 1 << 20]).status.success());
    let said = home.set("A", vec![b'x'; (1 << 20) + 1]);
    assert_eq!(said.code(), Some(1));
    assert!(said.err.contains("1048576 bytes"), "{said:?}");
}

#[test]
fn e7_more_than_the_environment_holds_is_refused_with_the_largest_by_name() {
    let home = Home::new();
    let names: Vec<_> = (0..25).map(|n| format!("N{n}")).collect();
    for name in &names {
        let bytes = if name == "N7" { 100_001 } else { 100_000 };
        home.set(name, vec![b'x'; bytes]);
    }
    let config = home.config(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let started = home.path("started");
    let touch = ["touch", started.to_str().unwrap()];
    let said = said(&mut home.run(&config, &["--inject", "env", "--as-is"], &touch));
    assert_eq!(said.code(), Some(125), "{said:?}");
    assert!(said.err.contains("`N7`") && said.err.contains("2500001"), "{said:?}");
    assert!(!started.exists());
}

#[test]
fn e7_all_unfitting_secrets_are_told_at_once() {
    let home = Home::new();
    home.set("A", "a\nb");
    home.set("B", "fits");
    home.set("C", " c");
    let config = home.config(&["A", "B", "C"]);
    let said = said(&mut home.run(&config, &["--inject", "file"], &["true"]));
    assert_eq!(said.code(), Some(125));
    assert!(said.err.contains("`A`") && said.err.contains("`C`"), "{said:?}");
    assert!(!said.err.contains("`B`"), "{said:?}");
}

#[test]
fn set_says_what_cannot_reach_a_connector_in_a_secrets_file() {
    let home = Home::new();
    home.set("A", "x");
    let canary = canary();
    let said = home.set("A", format!("{canary}\n2"));
    assert!(said.status.success());
    assert!(said.err.contains("line break") && said.err.contains("environment"), "{said:?}");
    assert!(!said.err.contains(&canary), "{said:?}");
    assert_eq!(home.set("A", "plain").err, "");
}

#[test]
fn names_that_change_how_programs_start_are_refused_in_the_environment() {
    let home = Home::new();
    for name in ["PATH", "LD_PRELOAD"] {
        home.set(name, "/tmp");
        let config = home.config(&[name]);
        let env = said(&mut home.run(&config, &["--inject", "env"], &["true"]));
        assert_eq!(env.code(), Some(125));
        assert!(env.err.contains(name) && env.err.contains("how programs start"), "{env:?}");
        let file = said(&mut home.run(&config, &[], &["true"]));
        assert!(file.status.success(), "a file carries it: {file:?}");
    }
}
