//! Which configurations and connectors use a secret, and which secrets no configuration references.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Home, Said, said};

/// A project with two configurations and three secrets, one of which nothing references.
fn project() -> Home {
    let home = Home::new();
    for name in ["A", "B", "OLD"] {
        home.set(name, "value");
    }
    let config = |names: &[&str]| fs::read(home.config(names)).unwrap();
    let (both, one) = (config(&["A", "B"]), config(&["A"]));
    fs::remove_file(home.path("config.yaml")).unwrap();
    for directory in ["project/jobs", "project/target", "project/.cache"] {
        fs::create_dir_all(home.path(directory)).unwrap();
    }
    home.write("project/both.yaml", both);
    home.write("project/jobs/one.yml", one);
    home.write("project/target/old.yaml", "a: {secret: {name: OLD}}\n");
    home.write("project/compose.yaml", "services: {}\nsecrets: {A: {file: a}}\n");
    let mut run = home.command("fluvio-secret");
    run.current_dir(home.path("project/jobs")).args(["run", "--", "true"]);
    assert!(said(&mut run).status.success());
    home
}

fn typed(home: &Home, words: &[&str]) -> Said {
    said(home.command("fluvio-secret").current_dir(home.path("project")).args(words))
}

/// A result without its times, which have to be there.
fn without_times(said: &Said) -> Value {
    fn replace(value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(replace),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match &**name {
                        "last" | "last_update" => {
                            assert!(
                                value.as_str().is_some_and(|time| time.ends_with('Z')),
                                "{value}"
                            );
                            *value = "TIME".into();
                        }
                        _ => replace(value),
                    }
                }
            }
            _ => {}
        }
    }
    let mut value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    replace(&mut value);
    value
}

#[test]
fn list_shows_where_each_secret_is_used() {
    let home = project();
    let used = typed(&home, &["list", "--used"]);
    let lines: Vec<_> = used.out.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["SecretNames", "Configurations", "LastDelivery"]
    );
    assert!(lines[1].starts_with("A            both.yaml, jobs/one.yml  20"), "{used:?}");
    assert!(lines[1].ends_with(" true ~/project/jobs/one.yml"), "{used:?}");
    assert_eq!(lines[2].split_whitespace().collect::<Vec<_>>(), ["B", "both.yaml", "-"]);
    assert_eq!(lines[3].split_whitespace().collect::<Vec<_>>(), ["OLD", "-", "-"]);
    assert_eq!(used.err, "note: not searched: hidden directories, target\n");
    let path = home.path("project/jobs/one.yml");
    let delivery = json!({"program": "true", "config": path, "count": 1, "last": "TIME"});
    let configs = ["both.yaml", "jobs/one.yml"];
    assert_eq!(
        without_times(&typed(&home, &["list", "--used", "-O", "json"])),
        json!([
            {"name": "A", "vault": null, "last_update": "TIME", "older": false, "configs": configs, "deliveries": [delivery]},
            {"name": "B", "vault": null, "last_update": "TIME", "older": false, "configs": ["both.yaml"], "deliveries": []},
            {"name": "OLD", "vault": null, "last_update": "TIME", "older": false, "configs": [], "deliveries": []}
        ])
    );
    assert_eq!(typed(&home, &["list", "--used", "--deleted"]).code(), Some(2));
}

#[test]
fn check_lists_the_secrets_that_no_configuration_references() {
    let home = project();
    let unused = typed(&home, &["check", "--unused", "."]);
    assert_eq!(
        (unused.code(), &*unused.out),
        (Some(0), "UnusedSecrets  LastDelivery\nOLD            -\n")
    );
    assert!(
        unused.err.contains("note: 2 configurations below . reference 2 of 3 secrets\n"),
        "{unused:?}"
    );
    // The secret was delivered, but not to a configuration here.
    let below = typed(&home, &["check", "--unused", "target"]);
    assert!(below.out.contains("A              20") && !below.out.contains("OLD"), "{below:?}");
    assert_eq!(
        without_times(&typed(&home, &["check", "--unused", "jobs", "-O", "json"])),
        json!({
            "directory": "jobs",
            "vault": null,
            "configs": ["jobs/one.yml"],
            "secrets": [
                {"name": "B", "last_update": "TIME", "deliveries": []},
                {"name": "OLD", "last_update": "TIME", "deliveries": []}
            ],
            "unread": [],
            "left_out": []
        })
    );
    // A configuration that cannot be read may reference any secret.
    home.write("project/bad.yaml", "meta: {name: c, type: t, topic: t}\na: {secret: {name: OLD}\n");
    let unused = typed(&home, &["check", "--unused", "."]);
    assert_eq!(unused.code(), Some(1), "{unused:?}");
    assert!(
        unused.err.contains("warning: cannot read the configuration ./bad.yaml: "),
        "{unused:?}"
    );
    assert!(unused.err.contains(", so its secrets are unknown\n"), "{unused:?}");
    assert!(unused.out.contains("OLD"), "{unused:?}");
    for number in 0..9 {
        let path = format!("project/bad{number}.yaml");
        fs::copy(home.path("project/bad.yaml"), home.path(&path)).unwrap();
    }
    let unused = typed(&home, &["check", "--unused", "."]);
    assert!(unused.err.contains("warning: 2 more configurations cannot be read\n"), "{unused:?}");
    for words in [&["check", "--unused", "none"][..], &["check", "--unused", "both.yaml"]] {
        let refused = typed(&home, words);
        assert!(
            refused.code() == Some(1) && refused.err.contains("error: cannot search"),
            "{refused:?}"
        );
    }
    for words in [&["check", "--unused"][..], &["check", "--unused", ".", "both.yaml"]] {
        assert_eq!(typed(&home, words).code(), Some(2), "{words:?}");
    }
}
