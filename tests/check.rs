//! `check` reports what would keep a connector from starting, with its line and the remedy.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::cdk::Project;
use crate::harness::{Home, Said, canary, eventually, said, spawn};

/// A configuration that Fluvio reads, with this below its head.
fn config(rest: &str) -> String {
    format!(
        "apiVersion: 0.1.0\nmeta:\n  version: 0.1.0\n  name: facts\n  type: http-source\n  topic: facts\n  secrets:\n    - name: S\nhttp:\n{rest}"
    )
}

fn checked(home: &Home, text: &str) -> (Said, Value) {
    let file = home.write("c.yaml", text);
    let path = file.to_str().unwrap();
    let json = home.cli(&["check", "-O", "json", path]);
    let value: Value = serde_json::from_str(&json.out).unwrap_or_else(|_| panic!("{json:?}"));
    (home.cli(&["check", path]), value[0].clone())
}

/// A configuration is found faulty in a line, and is not when the remedy was followed.
fn faulty(home: &Home, code: &str, line: usize, told: &[&str], text: &str, mended: &str) {
    let (said, found) = checked(home, text);
    assert_eq!(said.code(), Some(78), "{code}: {said:?}");
    let errors: Vec<_> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .collect();
    assert_eq!(
        (errors[0]["code"].as_str(), errors[0]["line"].as_u64()),
        (Some(code), Some(line as u64)),
        "{found}"
    );
    let shown = text.lines().nth(line - 1).unwrap();
    assert!(said.out.contains(&format!("{line} | {shown}")), "{said:?}");
    assert!(said.out.contains(&format!("c.yaml:{line}:")) && said.out.contains('^'), "{said:?}");
    for part in told {
        assert!(said.out.contains(part), "{part}: {said:?}");
    }
    let (said, found) = checked(home, mended);
    assert_eq!(said.code(), Some(0), "mended, {code}: {said:?} {found}");
}

#[test]
fn each_fault_is_told_with_its_line_and_a_remedy_that_works() {
    let home = Home::new();
    home.set("S", "Authorization: bearer 1234abcd");
    let templated = config("  token: \"${{ secrets.S }}\"\n");
    // No `apiVersion`.
    faulty(
        &home,
        "no-api-version",
        1,
        &["apiVersion: 0.1.0"],
        templated.strip_prefix("apiVersion: 0.1.0\n").unwrap(),
        &templated,
    );
    // Not declared.
    faulty(
        &home,
        "undeclared",
        11,
        &["`T` is not declared", "add `- name: T`"],
        &config("  token: \"${{ secrets.S }}\"\n  other: \"${{ secrets.T }}\"\n"),
        &config("  token: \"${{ secrets.S }}\"\n"),
    );
    faulty(
        &home,
        "undefined",
        10,
        &["`S` is not a variable", "write `${{ secrets.S }}`"],
        &config("  token: \"${{ S }}\"\n"),
        &templated,
    );
    faulty(
        &home,
        "filter",
        10,
        &["no filters", "write `${{ secrets.S }}`"],
        &config("  token: \"${{ secrets.S | upper }}\"\n"),
        &templated,
    );
    faulty(
        &home,
        "changes-the-file",
        11,
        &["the value of `S`", "double quotes: \"${{ secrets.S }}\""],
        &config("  headers:\n    - ${{ secrets.S }}\n"),
        &config("  headers:\n    - \"${{ secrets.S }}\"\n"),
    );
    faulty(
        &home,
        "bad-name",
        8,
        &["only letters, digits and _"],
        &templated.replace("- name: S", "- name: MY-SECRET"),
        &templated,
    );
    faulty(
        &home,
        "bad-secrets",
        8,
        &["`- name: NAME`"],
        &templated.replace("    - name: S\n", "    S: x\n"),
        &templated,
    );
    faulty(
        &home,
        "unclosed-quote",
        10,
        &["this quote is not closed"],
        &config("  token: \"${{ secrets.S }}\n  z: 1\n"),
        &templated,
    );
    faulty(
        &home,
        "missing-secret",
        10,
        &["`T` is not in the vault", "fluvio-secret set T"],
        &config("  token: {secret: {name: T}}\n  s: \"${{ secrets.S }}\"\n"),
        &templated,
    );
    // A value that becomes a number.
    home.set("S", "1234");
    faulty(
        &home,
        "changes-the-file",
        10,
        &["YAML reads it differently", "double quotes"],
        &config("  token: ${{ secrets.S }}\n"),
        &templated,
    );
    // A key of several lines in double quotes.
    home.set("S", "-----BEGIN KEY-----\nMIIB\n-----END KEY-----\n");
    faulty(
        &home,
        "changes-the-file",
        10,
        &["secret: {name: S}"],
        &templated,
        &config("  token:\n    secret: {name: S}\n"),
    );
    // Quotes and backslashes in double quotes: single ones carry them.
    home.set("S", "a\\q");
    faulty(
        &home,
        "breaks-the-file",
        10,
        &["single quotes: '${{ secrets.S }}'"],
        &config("  token: \"x\"\n  other: \"${{ secrets.S }}\"\n").replace("  token: \"x\"\n", ""),
        &config("  token: '${{ secrets.S }}'\n"),
    );
}

#[test]
fn what_is_certain_to_fail_does_not_start() {
    let home = Home::new();
    home.set("S", "1234");
    let file = home.write("c.yaml", config("  token: ${{ secrets.S }}\n"));
    let refused = said(&mut home.run(&file, &[], &["true"]));
    assert_eq!(refused.code(), Some(125));
    let report = home.cli(&["check", file.to_str().unwrap()]).out;
    let first = report.split("\n\n").next().unwrap();
    assert!(refused.err.contains(first), "the same text: {refused:?}");
    assert!(refused.err.contains("--no-check"), "{refused:?}");
    assert!(home.audit_log().iter().all(|line| line["event"] == "set"), "nothing was given");
    assert_eq!(said(&mut home.run(&file, &["--no-check"], &["true"])).code(), Some(0));
    // A program that isn't a connector may read the file as it likes.
    assert_eq!(said(&mut home.run(&file, &["--as-is"], &["true"])).code(), Some(0));
}

#[test]
fn without_the_vault_all_else_is_checked() {
    let home = Home::new();
    home.set("S", "x: y");
    let file = home.write("c.yaml", config("  token: ${{ secrets.S }}\n  t: ${{ secrets.T }}\n"));
    home.ok(&["daemon", "stop"]);
    let offline = home.cli(&["check", "--offline", file.to_str().unwrap()]);
    assert_eq!(offline.code(), Some(78));
    assert!(offline.out.contains("`T` is not declared"), "{offline:?}");
    assert!(!offline.out.contains("value of `S`"), "{offline:?}");
    assert!(home.daemon_pid().is_none(), "none is started");
    // While locked it says what it did not look at.
    let identity = home.path("config/identity.txt");
    fs::write(identity, "age-encryption.org/v1\n-> scrypt x 18\n").unwrap();
    let good = home.write("good.yaml", config("  token: ${{ secrets.S }}\n"));
    let locked = home.cli(&["check", good.to_str().unwrap()]);
    assert_eq!(locked.code(), Some(0));
    assert!(locked.out.contains("locked, so the values were not checked"), "{locked:?}");
    for (path, why) in [("none.yaml", "No such file"), ("state", "not a regular file")] {
        let said = home.cli(&["check", path]);
        assert!(said.code() == Some(1) && said.err.contains(why), "{said:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_silences_no_other() {
    let home = Home::new();
    home.set("S", "x");
    let good = home.write("good.yaml", config("  token: \"${{ secrets.S }}\"\n"));
    let bad = home.write("bad.yaml", config("  token: \"${{ secrets.T }}\"\n"));
    let large = home.write("large.yaml", "#".repeat(65 << 10));
    let path = |file: &std::path::Path| file.to_str().unwrap().to_owned();
    let (good, bad, large) = (path(&good), path(&bad), path(&large));
    let said = home.cli(&["check", "none.yaml", &good, "state", &large]);
    assert_eq!(said.code(), Some(1), "{said:?}");
    assert_eq!(said.out, format!("{good}: nothing found; it references `S`\n"));
    for told in ["none.yaml", "No such file", "state", "not a regular file", "65536 bytes"] {
        assert!(said.err.contains(told), "{told}: {said:?}");
    }
    let said = home.cli(&["check", &bad, "none.yaml", &good]);
    assert_eq!(said.code(), Some(78), "{said:?}");
    assert!(said.out.contains("`T` is not declared") && said.out.contains("references `S`"));
    let json = home.cli(&["check", "-O", "json", "none.yaml", &bad]);
    let found: Value = serde_json::from_str(&json.out).unwrap();
    assert!(found[0]["unchecked"].as_str().unwrap().contains("No such file"), "{found}");
    assert_eq!(found[1]["findings"][1]["code"], "undeclared", "{found}");
}

#[test]
fn e12_check_run_and_cdk_report_the_same_findings() {
    let home = Home::new();
    home.set("S", "1234");
    home.set("NUL", "a\0\n");
    home.set("DAMAGED", "x");
    fs::write(home.secret_file("DAMAGED"), "rubbish").unwrap();
    let project = Project::new(&home);
    let flat = "name: c\ntype: t\ntopic: t\nversion: 1\n";
    for (what, text) in [
        ("two missing", config("  a: {secret: {name: A}}\n  b: {secret: {name: B}}\n")),
        ("missing, and undeclared", config("  a: {secret: {name: A}}\n  b: ${{ secrets.B }}\n")),
        ("missing, and unused", config("  a: {secret: {name: A}}\n")),
        (
            "missing, and a value that changes",
            config("  a: {secret: {name: A}}\n  b: ${{ secrets.S }}\n"),
        ),
        ("a value that changes", config("  b: ${{ secrets.S }}\n")),
        ("no value can carry it", config("  a: {secret: {name: NUL}}\n  b: {secret: {name: A}}\n")),
        ("damaged", config("  a: {secret: {name: DAMAGED}}\n  b: {secret: {name: A}}\n")),
        ("flat", format!("{flat}http:\n  a: {{secret: {{name: A}}}}\n")),
        ("no version", config("  a: ${{ secrets.S }}\n").replacen("0.1.0", "0.0.0", 1)),
        ("bad name", config("  a: {secret: {name: 9A}}\n")),
        ("bad list", config("").replace("    - name: S", "    S: x")),
        ("indentation", config("   a: 1\n  b: secret\n")),
        ("a key twice", config("  a: 1\nhttp: secret\n")),
        ("toml", "[package]\nname = \"secret\"\n".to_owned()),
        (
            "below transforms",
            config(
                "  a: {secret: {name: A}}\ntransforms:\n  - uses: u\n    with: {k: {secret: {name: B}}}\n",
            ),
        ),
    ] {
        let file = home.write("c.yaml", &text);
        let path = file.to_str().unwrap();
        let checked = home.cli(&["check", path]);
        assert_eq!(checked.code(), Some(78), "{what}: {checked:?}");
        if what == "damaged" {
            let why =
                "the file of the secret `DAMAGED` is damaged: it is incomplete or was changed";
            assert!(checked.out.contains(why), "{checked:?}");
        }
        // The last line counts the findings.
        let report = checked.out.trim_end().rsplit_once('\n').unwrap().0.to_owned();
        let run = said(&mut home.run(&file, &[], &["true"]));
        let lines = [
            format!("test --config {path}"),
            format!("deploy start --config {path}"),
            format!("deploy start --inject env --config {path}"),
        ];
        let cdk = lines.map(|line| project.said(&line));
        for said in [run].iter().chain(&cdk) {
            assert_eq!(said.code(), Some(125), "{what}: {said:?}");
            let (_, told) = said.err.split_once("\n\n").unwrap();
            let told = told.split("help: to start it anyway").next().unwrap();
            assert_eq!(told.trim_end(), report.trim_end(), "{what}");
        }
    }
    assert!(home.audit_log().iter().all(|line| line["event"] == "set"), "nothing was given");
}

#[test]
fn e14_what_is_passed_on_as_it_is_written_is_not_granted() {
    let home = Home::new();
    home.set("X", "x");
    let text = config("  a: b\ntransforms:\n  - uses: u\n    with: {k: {secret: {name: X}}}\n")
        .replace("  secrets:\n    - name: S\n", "");
    let (said, found) = checked(&home, &text);
    assert_eq!(said.code(), Some(0), "{said:?}");
    let finding = &found["findings"][0];
    assert_eq!((&finding["code"], &finding["line"]), (&"literal-reference".into(), &11.into()));
    let run = crate::harness::said(&mut home.run(&home.path("c.yaml"), &[], &["echo"]));
    assert!(run.status.success() && !run.out.contains("--secrets"), "{run:?}");
    assert!(
        home.audit_log()
            .iter()
            .all(|line| line["secrets"] != serde_json::json!(["X"]) || line["event"] == "set")
    );
}

#[test]
fn d17_a_log_level_that_shows_values_is_warned_of_before_the_start() {
    let home = Home::new();
    home.set("S", "value");
    let template = home.write("template.yaml", config("  a: \"${{ secrets.S }}\"\n"));
    let map = home.write("map.yaml", config("  a: {secret: {name: S}}\n"));
    let run = |file: &std::path::Path, level: &str| {
        let mut run = home.run(file, &[], &["true"]);
        let said = said(run.env("RUST_LOG", level));
        assert!(said.status.success(), "{said:?}");
        said.err
    };
    let warned = run(&template, "debug");
    assert!(warned.contains("RUST_LOG=debug") && warned.contains("`meta` and `transforms`"));
    assert!(run(&template, "info,fluvio=trace").contains("RUST_LOG=trace"));
    assert_eq!(run(&template, "info,hyper=warn"), "");
    assert_eq!(run(&map, "trace"), "", "a map is not rendered");
    // In front of cdk the option counts more than the variable.
    let project = Project::new(&home);
    let path = template.to_str().unwrap();
    for (level, told) in [("debug", true), ("TRACE", true), ("info", false)] {
        let mut cdk = project.cdk(&format!("deploy start --config {path} --log-level {level}"));
        let cdk = said(cdk.env("RUST_LOG", "trace"));
        let word = format!("--log-level {}", level.to_lowercase());
        assert_eq!(cdk.err.contains(&word), told, "{cdk:?}");
        assert!(!cdk.err.contains("RUST_LOG") && !cdk.err.contains("value\n"), "{cdk:?}");
        project.said("deploy shutdown --name facts");
    }
    // What a template in these parts means is known before the level is.
    for (rest, line) in [
        ("  a: b\ntransforms:\n  - uses: u\n    with: {k: \"${{ secrets.S }}\"}\n", 13),
        ("  a: b\ntransforms:\n  - uses: u\n    with:\n      deep: [\"x${{ secrets.S }}y\"]\n", 14),
    ] {
        let (said, found) = checked(&home, &config(rest));
        assert_eq!(said.code(), Some(0), "{said:?}");
        let finding = &found["findings"][0];
        assert_eq!((&finding["code"], &finding["line"]), (&"logged-value".into(), &line.into()));
    }
    let (_, found) =
        checked(&home, &config("  a: b\n").replace("topic: facts", "topic: \"${{ secrets.S }}\""));
    assert_eq!(found["findings"][0]["code"], "logged-value", "{found}");
}

#[test]
fn a_warning_is_no_error() {
    let home = Home::new();
    home.set("S", "two\nlines");
    home.set("U", "x");
    let text = config("  token: {secret: {name: S}}\n  if: \"${% if secrets.S %}x${% endif %}\"\n")
        .replace("    - name: S\n", "    - name: S\n    - name: U\n");
    let (said, found) = checked(&home, &text);
    assert_eq!(said.code(), Some(0), "{said:?}");
    let codes: Vec<_> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["by-environment", "computed", "computed"], "{found}");
    let (said, found) =
        checked(&home, &text.replace("  if: \"${% if secrets.S %}x${% endif %}\"\n", ""));
    assert_eq!(said.code(), Some(0));
    assert!(found.to_string().contains("unused"), "{found}");
    let plain = config("  a: 1\n").replace("  secrets:\n    - name: S\n", "");
    let (said, _) = checked(&home, &plain);
    assert_eq!(
        said.out,
        format!("{}: nothing found; it references no secrets\n", home.path("c.yaml").display())
    );
}

#[test]
fn what_looks_like_a_reference_and_is_none_is_told() {
    let home = Home::new();
    home.set("S", "x");
    let right = "  a: {secret: {name: S}}\n  secret: \"a text\"\n";
    let (said, found) = checked(&home, &config(right));
    assert!(said.out.contains("it references `S`"), "{said:?}");
    assert_eq!(found["findings"].as_array().unwrap().len(), 0, "{found}");
    for wrong in [
        "  a:\n    secret: {nam: S}\n",
        "  a:\n    Secret: {name: S}\n",
        "  a:\n    secret: {name: S}\n    other: 1\n",
        "  a:\n    secret: {name: 7}\n",
    ] {
        let text = config(&format!("{right}{wrong}")).replace("a: {", "b: {");
        let line = text.lines().position(|line| line == "  a:").unwrap() + 2;
        let (said, found) = checked(&home, &text);
        assert_eq!(said.code(), Some(0), "{wrong}: {said:?}");
        let finding = &found["findings"][0];
        assert_eq!((&finding["code"], &finding["line"]), (&"no-reference".into(), &line.into()));
        assert!(said.out.contains("`secret: {name: NAME}`"), "{said:?}");
    }
}

#[test]
fn of_a_version_that_fluvio_does_not_know_nothing_more_is_told() {
    let home = Home::new();
    home.set("S", "x");
    let text = config("  a: \"${{ secrets.S }}\"\n").replace("0.1.0\nmeta", "0.9.0\nmeta");
    let (_, found) = checked(&home, &text);
    let codes: Vec<_> =
        found["findings"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
    assert_eq!(codes, ["bad-config"], "{found}");
}

#[test]
fn values_that_cannot_go_together_are_errors_as_they_are_for_run() {
    let home = Home::new();
    let codes = |names: &[&str]| {
        let listed: String = names.iter().map(|name| format!("    - name: {name}\n")).collect();
        let text = config("  a: 1\n").replace("    - name: S\n", &listed);
        let (check, found) = checked(&home, &text);
        let errors = found["findings"].as_array().unwrap().iter();
        let errors = errors.filter(|finding| finding["severity"] == "error");
        let codes: Vec<_> = errors.map(|one| one["code"].as_str().unwrap().to_owned()).collect();
        let run = said(&mut home.run(&home.path("c.yaml"), &[], &["true"]));
        let expected = if codes.is_empty() { (0, 0) } else { (78, 125) };
        assert_eq!((check.code(), run.code()), (Some(expected.0), Some(expected.1)), "{run:?}");
        codes
    };
    home.set("LINES", "two\nlines");
    home.set("PATH", "/bin");
    for n in 0..9 {
        home.set(&format!("BIG_{n}"), "x".repeat(1 << 20));
    }
    assert!(codes(&["LINES"]).is_empty() && codes(&["PATH"]).is_empty());
    assert!(codes(&["BIG_0", "PATH"]).is_empty());
    assert_eq!(codes(&["LINES", "PATH"]), ["unfit"]);
    assert_eq!(codes(&["BIG_0", "LINES", "PATH"]), ["unfit", "unfit"]);
    let big: Vec<_> = (0..9).map(|n| format!("BIG_{n}")).collect();
    assert_eq!(codes(&big.iter().map(String::as_str).collect::<Vec<_>>()), ["large"]);
}

/// Where a value may be put.
const CONTEXTS: [&str; 8] = [
    "  k: ${{ secrets.S }}\n",
    "  k: \"${{ secrets.S }}\"\n",
    "  k: '${{ secrets.S }}'\n",
    "  k: https://h/${{ secrets.S }}/p\n",
    "  k: |\n    ${{ secrets.S }}\n",
    "  k: 1 # ${{ secrets.S }}\n",
    "  ${{ secrets.S }}: v\n",
    "  k: [a, ${{ secrets.S }}]\n",
];

#[test]
fn d1_no_message_has_a_value_and_two_of_one_kind_read_the_same() {
    let home = Home::new();
    let kinds: [[String; 2]; 8] = [
        [canary(), canary()],
        [format!("{}: x", canary()), format!("{}: y", canary())],
        [format!("{}\n{}", canary(), canary()), format!("{}\n{}", canary(), canary())],
        [format!("{}\"", canary()), format!("{}\"", canary())],
        [format!("{}'", canary()), format!("{}'", canary())],
        [format!("*{}", canary()), format!("*{}", canary())],
        [format!("{}\\q", canary()), format!("{}\\z", canary())],
        ["81234567".to_owned(), "97654321".to_owned()],
    ];
    for values in kinds {
        let reports = values.map(|value| {
            home.set("S", &value);
            let mut heard = String::new();
            for context in CONTEXTS {
                let (said, found) = checked(&home, &config(context));
                let file = home.path("c.yaml");
                let run = crate::harness::said(&mut home.run(&file, &[], &["true"]));
                heard += &format!("{}{}{found}{}", said.out, said.err, run.err);
            }
            for line in value.lines() {
                let part = &line[..line.len().min(8)];
                assert!(!heard.contains(part), "{part} of a value");
            }
            heard
        });
        assert!(reports[0] == reports[1], "{}\n{}", reports[0], reports[1]);
    }
}

/// What the daemon takes at the most, in kilobytes.
fn peak_kilobytes(home: &Home) -> usize {
    let pid = home.daemon_pid().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn e10_what_means_harm_is_answered_soon_and_in_little_memory() {
    let home = Home::new();
    home.set("S", vec![b'x'; 1 << 20]);
    let aliases = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(2000), "*a, ".repeat(12_000));
    let uses = |count: usize| {
        let lines = (0..count).map(|n| format!("  k{n}: \"${{{{ secrets.S }}}}\"\n"));
        config(&lines.collect::<String>())
    };
    for (what, text, told) in [
        ("a product", config("  k: ${{ \"x\" * 3000000000 }}\n"), "the connector computes this"),
        (
            "a long product",
            config("  k: ${{ secrets.S * 9000000000000000000 }}\n"),
            "the connector computes this",
        ),
        (
            "doubling",
            config(&format!("  k: ${{{{ {}secrets.S }}}}\n", "secrets.S ~ ".repeat(2000))),
            "the connector computes this",
        ),
        ("124 uses of a megabyte", uses(124), "too large to check"),
        ("130 uses", uses(130), "no more templates than"),
        ("aliases", aliases, "expands to more than"),
        ("nesting", "[".repeat(60_000), "nested brackets"),
        ("nested maps", (0..3000).map(|n| " ".repeat(n.min(15)) + "a:\n").collect(), ""),
        ("a mark of the order of bytes", format!("\u{feff}{}", config("  k: 1\n")), ""),
        ("the same key twice", config("  k: 1\n  k: 2\n"), "the key `k` is duplicated"),
        ("tabs", config("\tk: 1\n"), "indented with a tab"),
        ("a directive", format!("%YAML 9.9\n---\n{}", config("  k: 1\n")), ""),
        ("merge keys", config("  a: &a {x: 1}\n  b:\n    <<: *a\n"), ""),
        ("several documents", config("  k: 1\n---\na: 1\n"), "more than one document"),
    ] {
        let file = home.write("c.yaml", &text);
        let begun = Instant::now();
        let said = home.cli(&["check", file.to_str().unwrap()]);
        let took = begun.elapsed();
        assert!(matches!(said.code(), Some(0 | 78)), "{what}: {said:?}");
        assert!(said.out.contains(told), "{what}: {said:?}");
        assert!(took < Duration::from_secs(3), "{what}: {took:?}");
    }
    let large = home.write("c.yaml", "#".repeat(10 << 20));
    assert!(home.cli(&["check", large.to_str().unwrap()]).err.contains("65536 bytes"));
    let peak = peak_kilobytes(&home);
    assert!(peak < 64 << 10, "{peak} kB");
}

#[test]
fn a_template_that_is_missing_its_secret_is_told_when_it_is_set() {
    let home = Home::new();
    home.ok(&["list"]);
    let file = home.write("c.yaml", config("  token: \"${{ secrets.S }}\"\n"));
    let refused = said(&mut home.run(&file, &[], &["true"]));
    assert!(
        refused.code() == Some(125) && refused.err.contains("the secret `S` is not in the vault"),
        "{refused:?}"
    );
    home.set("S", "abc");
    let mut started = spawn(&mut home.run(&file, &[], &["true"]));
    eventually("its end", || started.try_wait().unwrap().is_some());
    assert!(started.wait().unwrap().success());
}
