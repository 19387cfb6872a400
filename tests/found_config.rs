//! Without a file, `run` and `check` take the configuration of the current directory.

use std::fs;

use crate::harness::watch::{CONNECTOR, Watched};
use crate::harness::{Home, Said, make_folder, said};

/// A command line in a directory of the home.
fn typed(home: &Home, directory: &str, words: &[&str]) -> Said {
    said(home.command("fluvio-secret").current_dir(home.path(directory)).args(words))
}

/// A project with one configuration among other YAML files.
fn project() -> Home {
    let home = Home::new();
    home.set("A", "value");
    make_folder(&home.path("project"), 0o700);
    let config = fs::read(home.config(&["A"])).unwrap();
    home.write("project/cat-facts.yaml", config);
    home.write("project/docker-compose.yaml", "services: {web: {image: x, type: y}}\n");
    home.write("project/Connector.toml", "[package]\nname = \"c\"\ntopic = \"t\"\n");
    home
}

#[test]
fn the_only_configuration_is_taken() {
    let home = project();
    let run = typed(&home, "project", &["run", "--", "sh", "-c", "echo $2; cat $4", "sh"]);
    assert_eq!(run.out, "cat-facts.yaml\nA=value\n", "{run:?}");
    let check = typed(&home, "project", &["check"]);
    assert_eq!(check.out, "cat-facts.yaml: nothing found; it references `A`\n", "{check:?}");
    let dashed = home.path("project/-c.yaml");
    fs::rename(home.path("project/cat-facts.yaml"), &dashed).unwrap();
    let run = typed(&home, "project", &["run", "--", "sh", "-c", "echo $2", "sh"]);
    assert_eq!(run.out, "./-c.yaml\n", "{run:?}");
    fs::rename(dashed, home.path("project/cat-facts.yaml")).unwrap();
    let mut watch = home.command("fluvio-secret");
    watch.current_dir(home.path("project")).args(["run", "--watch", "-O", "json", "--"]);
    let mut watched = Watched::start(watch.args(CONNECTOR));
    watched.expect("started");
    assert!(watched.end().is_empty());
}

#[test]
fn one_of_several_has_to_be_named() {
    let home = project();
    let config = fs::read(home.path("project/cat-facts.yaml")).unwrap();
    home.write("project/other.yml", config);
    for words in [&["run", "--", "true"][..], &["run", "--watch", "--", "true"], &["check"]] {
        let refused = typed(&home, "project", words);
        assert_eq!(refused.code(), Some(2), "{refused:?}");
        let told = "several configurations: cat-facts.yaml, other.yml\n\
                    help: name one of them with: --config FILE";
        assert!(refused.err.contains(told), "{refused:?}");
        make_folder(&home.path("empty"), 0o700);
        let refused = typed(&home, "empty", words);
        let told = "the current directory has none\nhelp: name one with: --config FILE";
        assert!(refused.code() == Some(2) && refused.err.contains(told), "{refused:?}");
        fs::remove_dir(home.path("empty")).unwrap();
    }
    let check = typed(&home, "project", &["check", "-c", "other.yml"]);
    assert!(check.out.starts_with("other.yml: nothing found"), "{check:?}");
    let check = typed(&home, "project", &["check", "cat-facts.yaml", "--config", "other.yml"]);
    assert_eq!(check.out.lines().count(), 2, "{check:?}");
    let run = typed(&home, "project", &["run", "-c", "other.yml", "--", "echo"]);
    assert!(run.out.starts_with("--config other.yml --secrets"), "{run:?}");
}

#[test]
fn a_mistyped_configuration_is_refused_with_the_one_that_is_meant() {
    let home = project();
    let meant = "No such file or directory (os error 2)\nhelp: did you mean: cat-facts.yaml\n";
    for (words, status) in [
        (&["run", "--config", "cat-fact.yaml", "--", "true"][..], 125),
        (&["run", "--watch", "--config", "cat-fact.yaml", "--", "true"], 1),
        (&["check", "cat-fact.yaml"], 1),
    ] {
        let refused = typed(&home, "project", words);
        assert_eq!(refused.code(), Some(status), "{refused:?}");
        assert!(refused.err.contains(meant), "{refused:?}");
    }
    let refused = typed(&home, "project", &["run", "--config", "none.yaml", "--", "true"]);
    assert!(refused.code() == Some(125) && refused.err.contains("another file"), "{refused:?}");
    // The option was forgotten.
    let refused = typed(&home, "project", &["run", "cat-facts.yaml", "--", "true"]);
    assert_eq!(refused.code(), Some(2), "{refused:?}");
    assert!(refused.err.contains("name the configuration with: --config FILE"), "{refused:?}");
    assert!(home.audit_log().iter().all(|line| line["event"] == "set"), "nothing was delivered");
}
