//! What becomes of a connector whose name is odd, or is another one in its configuration now.

use std::fs;

use crate::harness::cdk::Project;
use crate::harness::watch::Watched;
use crate::harness::{Home, eventually, is_alive, said};
use crate::restart::{cli, got, project, shut_down, start};

fn rename(project: &Project<'_>, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(project.path(file)).unwrap();
    let to = serde_json::to_string(to).unwrap();
    let renamed = text.replace(&format!("name: {from}\n"), &format!("name: {to}\n"));
    assert_ne!(renamed, text);
    project.write(file, &renamed);
}

#[test]
fn e20_a_connector_whose_new_name_is_taken_keeps_running() {
    let home = Home::new();
    let project = project(&home);
    let (facts, other) = (start(&project, "facts"), start(&project, "other"));
    let mut watched = Watched::start(&cli(&home, &project, &["watch", "-O", "json"]));
    for _ in 0..2 {
        watched.expect("following");
    }
    rename(&project, "facts.yaml", "facts", "other");
    let held = watched.expect("held");
    let because = held["because"].as_str().unwrap();
    assert!(because.contains("cdk already has a connector `other`"), "{held}");
    assert!(
        because.contains("help: stop that connector first with: cdk deploy shutdown"),
        "{held}"
    );
    assert_eq!((&held["connector"], &held["runs"]), (&"facts".into(), &true.into()));
    let told = said(&mut cli(&home, &project, &["restart", "facts"]));
    assert!(told.code() == Some(1) && told.err.contains("`facts` was not restarted"), "{told:?}");
    assert!(told.err.contains("keeps running: cdk already has"), "{told:?}");
    assert!(is_alive(facts) && is_alive(other));
    project.said("deploy shutdown --name other");
    watched.expect("gone");
    // The name is free now, which nothing reports.
    watched.expect("restarted");
    assert!(!is_alive(facts) && project.said("deploy list").out.contains("other"));
    watched.end();
    shut_down(&home, &project, &["other"]);
}

#[test]
fn e20_of_two_connectors_with_one_new_name_the_second_keeps_running() {
    let home = Home::new();
    let project = project(&home);
    let old = ["one", "two"].map(|name| {
        let pid = start(&project, name);
        rename(&project, &format!("{name}.yaml"), name, "same");
        pid
    });
    let told = said(&mut cli(&home, &project, &["restart", "--all"]));
    assert!(told.code() == Some(1) && told.out.contains("restarted (pid "), "{told:?}");
    let refused = "keeps running: another connector restarts with the name `same`";
    assert!(told.err.contains(refused) && told.err.contains("help: give one"), "{told:?}");
    assert_eq!(old.map(is_alive).iter().filter(|lives| **lives).count(), 1);
    let names = ["one", "two"].map(|name| format!("{name} "));
    let listed = project.said("deploy list").out;
    let left: Vec<_> = names.iter().filter(|name| listed.contains(&***name)).collect();
    let [left] = left[..] else { panic!("{listed}") };
    shut_down(&home, &project, &[left.trim(), "same"]);
}

#[test]
fn e20_a_connector_is_stopped_by_its_whole_name() {
    let home = Home::new();
    let project = project(&home);
    project.config("facts", &["A"]);
    let name = "two\nlines\t\u{202e}";
    rename(&project, "facts.yaml", "facts", name);
    let old = project.start("facts.yaml");
    eventually("the connector", || got(&project, "facts").contains("A="));
    let told = said(cli(&home, &project, &["restart"]).current_dir(project.path("")));
    assert!(told.status.success() && !is_alive(old), "{told:?}");
    let told = said(&mut cli(&home, &project, &["restart", "--all"]));
    assert!(told.status.success(), "{told:?}");
    let mut watched = Watched::start(&cli(&home, &project, &["watch", "-O", "json"]));
    watched.expect("following");
    home.set("A", "two");
    watched.expect("restarted");
    eventually("the new value", || got(&project, "facts").ends_with("A=two\n"));
    watched.end();
    said(project.cdk("deploy shutdown").arg(format!("--name={name}")));
    shut_down(&home, &project, &[]);
}
