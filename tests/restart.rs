//! Connectors that `cdk` started are started again with the current values.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::harness::cdk::{Project, leases};
use crate::harness::passphrase::{protect, unlock};
use crate::harness::watch::{self, Watched};
use crate::harness::{Home, Said, behind, eventually, is_alive, kill, program, said, spawn};

/// Shows under its name what it was started with, and notes if the one before still runs then. It takes a moment
/// to stop.
const CONNECTOR: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in --config) config=$2 ;; --secrets) secrets=$2 ;; esac
    shift
done
name=$(basename "$config" .yaml)
[ -e "$PROJECT/alive-$name" ] && touch "$PROJECT/overlap"
echo $$ > "$PROJECT/alive-$name"
{ echo "$MARK" "$PWD"; cat "$secrets"; } > "$PROJECT/new-$name"
mv "$PROJECT/new-$name" "$PROJECT/got-$name"
trap 'sleep 0.2; rm "$PROJECT/alive-$name"; exit 0' TERM INT HUP
while :; do sleep 0.02; done
"#;

pub(crate) fn project(home: &Home) -> Project<'_> {
    home.set("A", "one");
    let project = Project::new(home);
    project.script("connector", CONNECTOR);
    project
}

/// What the connector of this name was started with last.
pub(crate) fn got(project: &Project<'_>, name: &str) -> String {
    fs::read_to_string(project.path(&format!("got-{name}"))).unwrap_or_default()
}

/// Starts a connector that references `A`, and waits until it has its value.
pub(crate) fn start(project: &Project<'_>, name: &str) -> u32 {
    let pid = project.start(&project.config(name, &["A"]));
    eventually("the connector", || got(project, name).contains("A="));
    pid
}

/// Our command line, in another directory and with a variable of its own.
pub(crate) fn cli(home: &Home, project: &Project<'_>, args: &[&str]) -> Command {
    let mut cli = project.foreign(program("fluvio-secret").to_str().unwrap());
    cli.args(args).env("MARK", "again").current_dir(home.path(""));
    cli
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

pub(crate) fn shut_down(home: &Home, project: &Project<'_>, names: &[&str]) {
    for name in names {
        project.said(&format!("deploy shutdown --name {name}"));
    }
    eventually("the end of all leases", || leases(home).is_empty());
}

#[test]
fn one_command_gives_all_connectors_the_new_value() {
    let home = Home::new();
    let project = project(&home);
    let names = ["one", "two", "three"];
    let old = names.map(|name| start(&project, name));
    let config = home.write("config.yaml", watch::config(1, &["A"]));
    let mut watched = Watched::run(&home, &config, &[], &watch::CONNECTOR);
    watched.expect("started");
    watched.until_started_with(&home, "1 A=one");
    let told = said(&mut cli(&home, &project, &["set", "--restart", "A", "two"]));
    assert!(told.status.success() && told.out.contains("\"A\" set successfully\n"), "{told:?}");
    for name in names {
        assert!(told.out.contains(&format!("Connector \"{name}\" restarted (pid ")), "{told:?}");
        let expected = format!("again {}\nA=two\n", project.path("").display());
        let expected = expected.replace("/\n", "\n");
        eventually("the new value", || got(&project, name) == expected);
    }
    assert!(!told.err.contains("earlier value"), "{told:?}");
    assert!(old.into_iter().all(|pid| !is_alive(pid)));
    assert!(!project.path("overlap").exists(), "the old one was gone");
    watched.expect("restarted");
    watched.until_started_with(&home, "1 A=two");
    assert!(watched.end().is_empty());
    // All of them have it now.
    let again = said(&mut cli(&home, &project, &["restart", "--stale"]));
    assert!(again.status.success() && again.err.contains("nothing to restart"), "{again:?}");
    assert_eq!(leases(&home).len(), 3);
    shut_down(&home, &project, &names);
}

/// What a connector sent: its name and its secret.
type Request = (String, String);

/// A server that keeps what connectors send to it.
fn server() -> (u16, Arc<Mutex<Vec<Request>>>) {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let port = server.server_addr().to_ip().unwrap().port();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = requests.clone();
    thread::spawn(move || {
        for request in server.incoming_requests() {
            let header =
                request.headers().iter().find(|header| header.field.equiv("Authorization"));
            let value = header.map_or_else(String::new, |header| header.value.to_string());
            kept.lock().unwrap().push((request.url()[1..].to_owned(), value));
            let _ = request.respond(tiny_http::Response::empty(204));
        }
    });
    (port, requests)
}

#[test]
fn after_one_command_a_server_gets_the_new_value_from_all_connectors() {
    let home = Home::new();
    home.set("A", "one");
    let project = Project::new(&home);
    let connector = program("connector");
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", connector.display());
    project.script("connector", &script);
    let (port, requests) = server();
    let config = |name: &str, reference: &str| {
        let file = format!("{name}.yaml");
        let text = format!(
            "apiVersion: 0.1.0\n\
             meta:\n  version: 0.1.0\n  name: {name}\n  type: http-source\n  topic: test\n  \
             secrets: [{{name: A}}]\n\
             http:\n  endpoint: http://127.0.0.1:{port}/{name}\n  interval: 50ms\n  \
             headers:\n    - {reference}\n"
        );
        project.write(&file, &text);
        file
    };
    let template = r#""Authorization: Bearer ${{ secrets.A }}""#;
    let names = ["one", "two", "three"];
    for name in names {
        project.start(&config(name, template));
    }
    let watched = project.path(&config("watched", template));
    let watched = Watched::run(&home, &watched, &[], &[connector.to_str().unwrap()]);
    let sent = |name: &str, value: &str| {
        let requests = requests.lock().unwrap();
        requests.iter().any(|(of, sent)| of == name && sent == value)
    };
    let all = [&names[..], &["watched"]].concat();
    let all_send = |value: &str| {
        eventually(value, || all.iter().all(|name| sent(name, value)));
    };
    all_send("Bearer one");
    let told = said(&mut cli(&home, &project, &["set", "--restart", "A", "two"]));
    assert!(told.status.success(), "{told:?}");
    all_send("Bearer two");
    let known = requests.lock().unwrap().len();
    eventually("more requests", || requests.lock().unwrap().len() > known + 20);
    for name in all {
        let requests = requests.lock().unwrap();
        let values = requests.iter().filter(|(of, _)| of == name).map(|(_, value)| &**value);
        let values: Vec<_> = values.skip_while(|value| *value == "Bearer one").collect();
        assert!(values.iter().all(|value| *value == "Bearer two"), "{name}: {values:?}");
    }
    let events = watched.end();
    assert!(events.iter().any(|event| event["event"] == "restarted"), "{events:?}");
    shut_down(&home, &project, &names);
}

#[test]
fn restart_reports_each_and_names_what_run_started() {
    let home = Home::new();
    let project = project(&home);
    let (stale, other) = (start(&project, "stale"), start(&project, "other"));
    let config = home.config(&["A"]);
    let mut connector = spawn(&mut home.run(&config, &["--as-is"], &["sleep", "1000"]));
    let runs = || home.ok(&["status"]).contains(&format!("(pid {}), running", connector.id()));
    eventually("the grant", runs);
    let restarted = |args: &[&str]| {
        let all = [&["restart", "-O", "json"], args].concat();
        let told = said(&mut cli(&home, &project, &all));
        assert!(told.status.success(), "{told:?}");
        (json(&told), told.err)
    };
    let names = |result: &Value| {
        let restarted = result["restarted"].as_array().unwrap().iter();
        let mut names: Vec<_> =
            restarted.map(|one| one["connector"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let (result, _) = restarted(&["other"]);
    assert_eq!(names(&result), ["other"]);
    let pid = u32::try_from(result["restarted"][0]["pid"].as_u64().unwrap()).unwrap();
    assert!(is_alive(pid) && !is_alive(other) && is_alive(stale));
    home.set("A", "two");
    restarted(&["other"]);
    let (result, told) = restarted(&["--stale"]);
    assert_eq!(names(&result), ["stale"], "the other one has the value");
    assert_eq!(result["others"][0]["pid"], connector.id());
    assert!(told.contains(&format!("config.yaml (pid {})", connector.id())), "{told}");
    let (result, _) = restarted(&["--all"]);
    assert_eq!(names(&result), ["other", "stale"]);
    connector.kill().unwrap();
    connector.wait().unwrap();
    let unknown = said(&mut cli(&home, &project, &["restart", "stale", "nobody"]));
    assert_eq!(unknown.code(), Some(1));
    assert!(unknown.err.contains("`nobody`") && unknown.err.contains("lease list"), "{unknown:?}");
    assert_eq!(said(&mut cli(&home, &project, &["restart", "--all", "stale"])).code(), Some(2));
    shut_down(&home, &project, &["stale", "other"]);
}

#[test]
fn what_cdk_test_runs_is_only_named() {
    let home = Home::new();
    let project = project(&home);
    let config = project.config("facts", &["A"]);
    let mut test = spawn(&mut project.cdk(&format!("test --config {config}")));
    eventually("the connector", || got(&project, "facts").contains("A=one"));
    let none = said(&mut cli(&home, &project, &["restart", "--all"]));
    assert!(none.status.success() && none.err.contains("nothing to restart"), "{none:?}");
    home.set("A", "two");
    let named = |args: &[&str]| {
        let told = said(&mut cli(&home, &project, args));
        assert!(told.status.success() && told.err.contains("restart these yourself"), "{told:?}");
        told
    };
    for option in ["--stale", "--all"] {
        let result = json(&named(&["restart", "-O", "json", option]));
        assert_eq!(result["others"][0]["program"], "cdk test", "{result}");
        assert!(is_alive(u32::try_from(result["others"][0]["pid"].as_u64().unwrap()).unwrap()));
    }
    named(&["set", "--restart", "A", "three"]);
    let told = said(&mut cli(&home, &project, &["restart", "facts"]));
    assert!(told.code() == Some(1) && told.err.contains("help: press Ctrl-C in"), "{told:?}");
    let connector = fs::read_to_string(project.path("alive-facts")).unwrap();
    kill("TERM", connector.trim().parse().unwrap());
    assert!(test.wait().unwrap().success());
    eventually("the end of all leases", || leases(&home).is_empty());
}

#[test]
fn e20_a_connector_that_would_not_start_keeps_running() {
    let home = Home::new();
    let project = project(&home);
    let pid = start(&project, "facts");
    let refused = |because: &str| {
        let told = said(&mut cli(&home, &project, &["restart", "facts", "-O", "json"]));
        assert_eq!(told.code(), Some(1), "{told:?}");
        let failed = &json(&told)["failed"][0];
        assert!(failed["because"].as_str().unwrap().contains(because), "{failed}");
        assert_eq!((&failed["connector"], &failed["runs"]), (&"facts".into(), &true.into()));
        assert!(is_alive(pid) && leases(&home).len() == 1, "{told:?}");
    };
    home.ok(&["delete", "A"]);
    refused("`A` was deleted");
    home.ok(&["restore", "A"]);
    home.set("A", "two\nlines");
    refused("line break");
    home.ok(&["restore", "A"]);
    let config = project.path("facts.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::remove_file(&config).unwrap();
    refused("No such file");
    fs::write(&config, text).unwrap();
    protect(&home, "p");
    refused("the vault is locked");
    unlock(&home, &[], "p");
    let told = said(&mut cli(&home, &project, &["restart", "facts"]));
    assert!(told.status.success() && !is_alive(pid), "{told:?}");
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn e20_a_value_that_cannot_be_delivered_counts_without_the_check_too() {
    let home = Home::new();
    let project = project(&home);
    project.config("facts", &["A"]);
    let started = project.said("deploy start --no-check --config facts.yaml");
    assert!(started.status.success(), "{started:?}");
    eventually("the connector", || got(&project, "facts").contains("A="));
    for change in [&["delete", "A"][..], &["set", "A", "two\nlines"]] {
        home.ok(change);
        let told = said(&mut cli(&home, &project, &["restart", "facts"]));
        assert!(told.code() == Some(1) && told.err.contains("keeps running"), "{told:?}");
        home.ok(&["restore", "A"]);
    }
    let told = said(&mut cli(&home, &project, &["restart", "facts"]));
    assert!(told.status.success(), "{told:?}");
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn e20_two_programs_do_not_restart_one_connector_at_the_same_time() {
    let home = Home::new();
    let project = project(&home);
    let old = start(&project, "facts");
    // A build that takes until the test wants it to end.
    project.script(
        "build",
        "#!/bin/sh\ntouch \"$PROJECT/building\"\nwhile [ ! -e \"$PROJECT/go\" ]; do sleep 0.02; done\n",
    );
    let mut first = spawn(&mut cli(&home, &project, &["restart", "facts"]));
    eventually("the build", || project.path("building").exists());
    project.write("got-facts", "");
    // It has the lease of the connector that is being started.
    let mut second = cli(&home, &project, &["restart", "facts"]);
    let words = ["sh", "-c", "exec \"$@\" 2> words", "sh"];
    let mut second = spawn(&mut behind(&words, second.env("MARK", "second")));
    let said = || fs::read_to_string(home.path("words")).unwrap_or_default();
    eventually("the wait", || said().contains("waiting for another program that restarts"));
    assert!(!is_alive(old) && got(&project, "facts").is_empty());
    project.write("go", "");
    assert!(first.wait().unwrap().success());
    assert!(second.wait().unwrap().success());
    eventually("the second start", || got(&project, "facts").starts_with("second "));
    assert!(!project.path("overlap").exists(), "each was stopped before the next was started");
    assert_eq!(leases(&home).len(), 1);
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn e20_what_another_program_has_restarted_is_left_alone() {
    let home = Home::new();
    let project = project(&home);
    let names = ["one", "two"];
    let old = names.map(|name| start(&project, name));
    let mut watched = Watched::start(&cli(&home, &project, &["watch", "-O", "json"]));
    names.iter().for_each(|_| drop(watched.expect("following")));
    // All three find the old connectors before one of them may begin.
    let lock = File::create(home.path("state/run/restart.lock")).unwrap();
    lock.lock().unwrap();
    home.set("A", "two");
    let both = ["first", "second"].map(|file| {
        let words = ["sh", "-c", "exec \"$@\" > \"$0\" 2>&1", file];
        let stale = cli(&home, &project, &["restart", "--stale"]);
        (spawn(&mut behind(&words, &stale)), home.path(file))
    });
    let waits = |said: &str| said.contains("waiting for another program that restarts");
    let said = |file: &Path| fs::read_to_string(file).unwrap_or_default();
    eventually("the waits", || both.iter().all(|(_, file)| waits(&said(file))));
    eventually("the wait of watch", || {
        watched.unexpected();
        waits(&watched.words)
    });
    assert!(old.into_iter().all(is_alive));
    drop(lock);
    let both = both.map(|(mut program, file)| {
        assert!(program.wait().unwrap().success(), "{}", said(&file));
        said(&file)
    });
    let events = watched.end();
    for name in names {
        let all = || format!("{both:?} {events:?}");
        let count = |what: &str| {
            let line = format!("Connector \"{name}\" restarted {what}(pid ");
            both.iter().filter(|said| said.contains(&line)).count()
        };
        let is_restart =
            |event: &&Value| event["event"] == "restarted" && event["connector"] == name;
        let by_watch = events.iter().filter(is_restart).count();
        assert_eq!(count("") + by_watch, 1, "{}", all());
        assert_eq!(count("") + count("by another program "), both.len(), "{}", all());
        assert!(events.iter().all(|event| event["event"] != "failed"), "{}", all());
        eventually("the new value", || got(&project, name).ends_with("A=two\n"));
    }
    assert!(!project.path("overlap").exists());
    assert_eq!(leases(&home).len(), names.len());
    shut_down(&home, &project, &names);
}

#[test]
fn e20_only_the_connector_of_a_lease_is_stopped_even_if_cdk_does_not_know_it() {
    let home = Home::new();
    let project = project(&home);
    // As a build starts a server that caches compilations.
    project.script(
        "build",
        "#!/bin/sh\n[ -e \"$PROJECT/server\" ] && exit\nsleep 1000 </dev/null >/dev/null 2>&1 &\necho $! > \"$PROJECT/server\"\n",
    );
    let pid = start(&project, "facts");
    let server = fs::read_to_string(project.path("server")).unwrap().trim().parse().unwrap();
    fs::remove_file(home.path("tmp/fluvio_cdk_deploy_index.toml")).unwrap();
    let told = said(&mut cli(&home, &project, &["restart", "--all"]));
    assert!(told.status.success() && told.out.contains("\"facts\" restarted"), "{told:?}");
    assert!(!is_alive(pid) && is_alive(server));
    assert!(project.said("deploy list").out.contains("facts"));
    kill("KILL", server);
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn e20_a_cdk_that_hangs_keeps_no_other_program_from_restarting_connectors() {
    let home = Home::new();
    let project = project(&home);
    let pid = start(&project, "facts");
    let cdk = home.path("behind/cdk");
    let real = fs::read_link(&cdk).unwrap();
    fs::remove_file(&cdk).unwrap();
    project.script(
        "cdk",
        &format!(
            "#!/bin/sh\n[ \"$2\" = shutdown ] && exec sleep 1000\nexec {} \"$@\"\n",
            real.display()
        ),
    );
    fs::rename(project.path("cdk"), &cdk).unwrap();
    let told = said(&mut cli(&home, &project, &["restart", "facts"]));
    assert!(told.code() == Some(1) && is_alive(pid), "{told:?}");
    assert!(told.err.contains("keeps running: cdk did not finish within 10 s"), "{told:?}");
    let help = "help: see what it waits for with: cd ";
    assert!(told.err.contains(help) && told.err.contains("cdk deploy shutdown"), "{told:?}");
    fs::remove_file(&cdk).unwrap();
    std::os::unix::fs::symlink(real, &cdk).unwrap();
    let told = said(&mut cli(&home, &project, &["restart", "facts"]));
    assert!(told.status.success() && !is_alive(pid), "{told:?}");
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn a_connector_that_a_script_became_is_waited_for() {
    let home = Home::new();
    let project = project(&home);
    project
        .script("real", "#!/bin/sh\ntrap 'sleep 0.2; exit' TERM\nwhile :; do sleep 0.02; done\n");
    project.script("connector", "#!/bin/sh\nexec ./real\n");
    let pid = project.start(&project.config("facts", &["A"]));
    let told = said(&mut cli(&home, &project, &["restart", "facts"]));
    assert!(told.status.success() && !is_alive(pid), "{told:?}");
    shut_down(&home, &project, &["facts"]);
}

#[test]
fn the_connector_of_the_current_directory_needs_no_name() {
    let home = Home::new();
    let project = project(&home);
    let pid = start(&project, "facts");
    let mut here = cli(&home, &project, &["restart"]);
    let told = said(here.current_dir(project.path("")));
    assert!(told.status.success() && !is_alive(pid), "{told:?}");
    project.config("other", &["A"]);
    let told = said(here.current_dir(project.path("")));
    assert!(told.code() == Some(2) && told.err.contains("--config FILE"), "{told:?}");
    let config = project.path("facts.yaml").display().to_string();
    let told = said(&mut cli(&home, &project, &["restart", "-c", &config]));
    assert!(told.out.contains("\"facts\" restarted"), "{told:?}");
    shut_down(&home, &project, &["facts"]);
}
