//! Save a file, and the connector runs with it: once, whole, and whichever program saves it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, sleep};
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::harness::mount::Mount;
use crate::harness::pty::Pty;
use crate::harness::watch::{
    CONNECTOR, Stalls, Watched, children, config, folder, git, resources, starts,
};
use crate::harness::{Home, eventually, kill, need, said};

/// What is to be seen within this time.
const SEEN: Duration = Duration::from_millis(500);

/// The number in a configuration.
fn number(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().find_map(|line| line.strip_prefix("  number: ")).unwrap().to_owned()
}

/// A way of saving: makes the place of a configuration in a directory, and saves it again.
struct SaveMethod {
    name: &'static str,
    begin: fn(&Home, &Path, &str),
    save: fn(&Home, &Path, &str, u32),
}

fn written(_: &Home, path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// Kubernetes turns a link to a directory.
fn mounted(_: &Home, path: &Path, text: &str) {
    let folder = path.parent().unwrap();
    fs::create_dir(folder.join("..1")).unwrap();
    fs::write(folder.join("..1/config.yaml"), text).unwrap();
    symlink("..1", folder.join("..data")).unwrap();
    symlink("..data/config.yaml", path).unwrap();
}

fn linked(_: &Home, path: &Path, text: &str) {
    let target = path.with_file_name("config.1");
    fs::write(&target, text).unwrap();
    symlink(target, path).unwrap();
}

/// Two branches with another configuration each.
fn kept_in_git(home: &Home, path: &Path, text: &str) {
    let folder = path.parent().unwrap();
    git(home, folder, &["init", "-q"]);
    fs::write(path, config(2, &["A"])).unwrap();
    git(home, folder, &["add", "."]);
    git(home, folder, &["commit", "-qm", "two"]);
    git(home, folder, &["checkout", "-qb", "other"]);
    fs::write(path, text).unwrap();
    git(home, folder, &["commit", "-qam", "one"]);
}

const SAVE_METHODS: [SaveMethod; 9] = [
    // VS Code does it so, and many others.
    SaveMethod {
        name: "in place",
        begin: written,
        save: |_, path, text, _| fs::write(path, text).unwrap(),
    },
    SaveMethod {
        name: "in place, slowly",
        begin: written,
        save: |_, path, text, _| {
            let mut file = File::create(path).unwrap();
            sleep(Duration::from_millis(120));
            let (first, second) = text.split_at(text.len() / 2);
            file.write_all(first.as_bytes()).unwrap();
            sleep(Duration::from_millis(20));
            file.write_all(second.as_bytes()).unwrap();
        },
    },
    SaveMethod {
        name: "temporary file and rename",
        begin: written,
        save: |_, path, text, _| {
            let temporary = path.with_extension("tmp");
            fs::write(&temporary, text).unwrap();
            fs::rename(temporary, path).unwrap();
        },
    },
    SaveMethod {
        name: "vim, backupcopy=yes",
        begin: written,
        save: |_, path, text, _| {
            let backup = path.with_extension("yaml~");
            fs::copy(path, &backup).unwrap();
            fs::write(path, text).unwrap();
            fs::remove_file(backup).unwrap();
        },
    },
    SaveMethod {
        name: "vim, backupcopy=no",
        begin: written,
        save: |_, path, text, _| {
            let backup = path.with_extension("yaml~");
            fs::rename(path, &backup).unwrap();
            fs::write(path, text).unwrap();
            fs::remove_file(backup).unwrap();
        },
    },
    SaveMethod {
        name: "removed and made again",
        begin: written,
        save: |_, path, text, _| {
            fs::remove_file(path).unwrap();
            sleep(Duration::from_millis(20));
            fs::write(path, text).unwrap();
        },
    },
    SaveMethod {
        name: "a link that is turned",
        begin: linked,
        save: |_, path, text, n| {
            let target = path.with_extension(n.to_string());
            fs::write(&target, text).unwrap();
            let link = path.with_extension("link");
            symlink(target, &link).unwrap();
            fs::rename(link, path).unwrap();
        },
    },
    SaveMethod {
        name: "Kubernetes",
        begin: mounted,
        save: |_, path, text, n| {
            let folder = path.parent().unwrap();
            let before = folder.join(fs::read_link(folder.join("..data")).unwrap());
            let next = format!("..{n}");
            fs::create_dir(folder.join(&next)).unwrap();
            fs::write(folder.join(&next).join("config.yaml"), text).unwrap();
            symlink(next, folder.join("..data_tmp")).unwrap();
            fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
            fs::remove_dir_all(before).unwrap();
        },
    },
    SaveMethod {
        name: "git checkout",
        begin: kept_in_git,
        save: |home, path, _, n| {
            let branch = if n % 2 == 0 { "main" } else { "other" };
            git(home, path.parent().unwrap(), &["checkout", "-q", branch]);
        },
    },
];

/// Saves a number of times in one way, and waits each time for the connector that has it: how long each took,
/// where that can be judged.
fn save_again_and_again(way: &SaveMethod, rounds: u32) -> Vec<Duration> {
    let home = Home::new();
    home.set("A", "value");
    let path = folder(&home, "project").join("config.yaml");
    (way.begin)(&home, &path, &config(1, &["A"]));
    let mut watched = Watched::run(&home, &path, &[], &CONNECTOR);
    let supervisor = watched.child.id();
    let daemon = home.daemon_pid().unwrap();
    watched.expect("started");
    watched.until_started_with(&home, "1 A=value");
    let mut expected = vec!["1 A=value".to_owned()];
    let mut before = None;
    let stalls = Stalls::measure();
    let mut seen = Vec::new();
    for n in 2..rounds + 2 {
        watched.until_apart();
        stalls.take();
        (way.save)(&home, &path, &config(n, &["A"]), n);
        let begun = Instant::now();
        let with = format!("{} A=value", number(&path));
        watched.expect("restarted");
        let took = watched.told_at() - begun;
        watched.until_started_with(&home, &with);
        expected.push(with);
        // Not one during which the machine let a thread wait that only had to wake.
        if stalls.take() <= SEEN / 10 {
            seen.push(took);
        }
        if n == 11 {
            before = Some((resources(supervisor), resources(daemon)));
        }
    }
    assert_eq!(
        starts(&home),
        expected,
        "{}: one start for each save, each with all of it",
        way.name
    );
    if let Some((of_supervisor, of_daemon)) = before {
        eventually("as much as before in the supervisor", || {
            resources(supervisor) <= of_supervisor
        });
        eventually("as much as before in the daemon", || resources(daemon) <= of_daemon);
    }
    assert_eq!(children(supervisor).len(), 1, "no orphan and no zombie");
    assert!(watched.end().is_empty(), "{}: nothing else was told", way.name);
    seen
}

#[test]
fn f1_f2_each_save_is_one_restart_however_it_is_saved() {
    if !need::tool("git") {
        return;
    }
    let torture = std::env::var_os("FLUVIO_SECRET_TORTURE").is_some();
    // Saves of a person are apart, so they take a while: all ways take it together.
    let rounds = if torture { 1000 } else { 20 };
    let ways = thread::scope(|scope| {
        let start = |way| (way, scope.spawn(move || save_again_and_again(way, rounds)));
        let started: Vec<_> = SAVE_METHODS.iter().map(start).collect();
        let seen = started.into_iter().map(|(way, thread)| (way, thread.join().unwrap()));
        seen.collect::<Vec<_>>()
    });
    for (way, mut seen) in ways {
        seen.sort_unstable();
        let judged = seen.len();
        let median = seen.get(judged / 2).copied().unwrap_or_default();
        let most = seen.last().copied().unwrap_or_default();
        need::say(&format!(
            "f1: {}: {rounds} saves; of the {judged} that are judged half were seen within {} ms, all \
             within {} ms",
            way.name,
            median.as_millis(),
            most.as_millis()
        ));
        assert!(most <= SEEN, "{}: {:?}", way.name, seen);
    }
}

/// A home with a secret, a supervisor that has a connector with number 1, and the configuration.
fn watched_home(options: &[&str]) -> (Home, PathBuf, Watched) {
    let home = Home::new();
    home.set("A", "value");
    let path = folder(&home, "project").join("config.yaml");
    fs::write(&path, config(1, &["A"])).unwrap();
    let options = [&["--watch", "-O", "json"], options].concat();
    let mut run = home.run(&path, &options, &CONNECTOR);
    // What programs read has no colors, whatever the variables.
    run.env("CLICOLOR_FORCE", "1");
    let mut watched = Watched::start(&run);
    watched.expect("started");
    watched.until_started_with(&home, "1 A=value");
    (home, path, watched)
}

/// Saves the next number, which must be one restart.
fn save_and_see(home: &Home, path: &Path, watched: &mut Watched, number: u32) {
    fs::write(path, config(number, &["A"])).unwrap();
    watched.expect("restarted");
    watched.until_started_with(home, &format!("{number} A=value"));
}

#[test]
fn f1_what_editors_write_is_seen() {
    if !need::tool("vim") || !need::tool("nano") {
        return;
    }
    let (home, path, mut watched) = watched_home(&[]);
    let editor = |program: &str, args: &[&str]| {
        let mut editor = home.foreign(program);
        editor.args(args).arg(&path).env("TERM", "xterm").current_dir(path.parent().unwrap());
        editor
    };
    for (number, copy) in [(2, "yes"), (3, "no"), (4, "auto")] {
        let substitute = format!("%s/number: .*/number: {number}/");
        let options = format!("set backupcopy={copy} writebackup swapfile");
        let args = ["-Nu", "NONE", "-es", "-c", &options, "-c", &substitute, "-c", "wq"];
        let said = said(&mut editor("vim", &args));
        assert!(said.status.success(), "{said:?}");
        watched.expect("restarted");
        watched.until_started_with(&home, &format!("{number} A=value"));
    }
    // The number is in the fourth line; Ctrl-K takes it away, Ctrl-O writes.
    let mut pty = Pty::start(&editor("nano", &["--ignorercfiles", "+4"]));
    pty.expect("number: ");
    pty.type_keys("\u{b}  number: 5\r\u{f}");
    pty.expect("File Name to Write");
    pty.type_keys("\r");
    watched.expect("restarted");
    watched.until_started_with(&home, "5 A=value");
    pty.type_keys("\u{18}");
    pty.child.wait().unwrap();
    assert_eq!(starts(&home).len(), 5);
    assert!(watched.end().is_empty());
}

#[test]
fn f1_a_save_of_the_same_content_restarts_nothing() {
    let (home, path, mut watched) = watched_home(&[]);
    let same = fs::read(&path).unwrap();
    for _ in 0..20 {
        fs::write(&path, &same).unwrap();
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, &same).unwrap();
        fs::rename(temporary, &path).unwrap();
    }
    // Another file beside it, and one that editors keep there.
    fs::write(path.with_file_name("other.yaml"), "x").unwrap();
    fs::write(path.with_file_name(".config.yaml.swp"), "x").unwrap();
    save_and_see(&home, &path, &mut watched, 2);
    assert_eq!(starts(&home), ["1 A=value", "2 A=value"]);
    assert!(watched.end().is_empty());
}

#[test]
fn a_path_that_is_watched_too_restarts_the_connector() {
    let home = Home::new();
    let source = folder(&home, "src/deep");
    folder(&home, "target");
    let watch = home.path("src").display().to_string();
    home.set("A", "value");
    let path = home.write("config.yaml", config(1, &["A"]));
    let mut watched = Watched::run(&home, &path, &["--watch-path", &watch], &CONNECTOR);
    watched.expect("started");
    watched.until_started_with(&home, "1 A=value");
    let changed = |watched: &mut Watched, file: &Path| {
        let event = watched.expect("restarted");
        assert_eq!(event["files"], serde_json::json!([file.to_str().unwrap()]), "{event}");
        eventually("the connector", || starts(&home).len() > 1);
        fs::remove_file(home.path("starts")).unwrap();
        fs::write(home.path("starts"), "1\n").unwrap();
    };
    let file = source.join("main.rs");
    fs::write(&file, "fn main() {}").unwrap();
    changed(&mut watched, &file);
    // In a directory that was made in the meantime.
    let file = folder(&home, "src/new/deeper").join("lib.rs");
    fs::write(&file, "one").unwrap();
    changed(&mut watched, &file);
    fs::remove_file(&file).unwrap();
    changed(&mut watched, &file);
    assert!(watched.end().is_empty());
    let refused = said(&mut home.run(&path, &["--watch", "--watch-path", "none"], &["true"]));
    assert_eq!(refused.code(), Some(1));
    assert!(refused.err.contains("cannot watch none: "), "{refused:?}");
}

#[test]
fn f1_a_second_save_is_seen_where_dates_are_whole_seconds() {
    if !need::root() || !need::tool("mkfs.ext4") || !need::loop_devices() {
        return;
    }
    let home = Home::new();
    home.set("A", "value");
    let project = folder(&home, "project");
    let _mount = Mount::of_whole_seconds(&home.path("image"), &project);
    let path = home.write("project/config.yaml", config(1, &["A"]));
    let mut watched = Watched::run(&home, &path, &[], &CONNECTOR);
    watched.expect("started");
    watched.until_started_with(&home, "1 A=value");
    let now = || UNIX_EPOCH.elapsed().unwrap();
    let mut save = |number| {
        if number % 2 == 0 {
            watched.until_apart();
            // The date of a file is that of the clock's last tick, up to 10 ms ago (time(7)).
            eventually("a second that begins", || (10..100).contains(&now().subsec_millis()));
        }
        fs::write(&path, config(number, &["A"])).unwrap();
        watched.expect("restarted");
        watched.until_started_with(&home, &format!("{number} A=value"));
        fs::metadata(&path).unwrap().modified().unwrap()
    };
    // On a busy machine the second may end between two saves.
    let is_in_one_second = [2, 4, 6].map(|number| save(number) == save(number + 1));
    assert!(is_in_one_second.contains(&true));
    assert!(watched.end().is_empty());
}

#[test]
fn f3_more_events_than_the_system_keeps_lose_no_save() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let (home, path, mut watched) = watched_home(&[]);
    let supervisor = watched.child.id();
    kill("STOP", supervisor);
    eventually("its stop", || {
        // Each of its threads, also the one that reads the events.
        fs::read_dir(format!("/proc/{supervisor}/task"))
            .unwrap()
            .flatten()
            .all(|task| fs::read_to_string(task.path().join("stat")).unwrap().contains(") T "))
    });
    let other = path.with_file_name("other");
    // Two names that take turns: two events of one kind and name in a row are one.
    for n in 0..=limit / 4 {
        fs::write(path.with_file_name(format!("other-{}", n % 2)), "x").unwrap();
        fs::write(&other, "x").unwrap();
    }
    // Its own events are among those that are lost.
    fs::write(&path, config(2, &["A"])).unwrap();
    kill("CONT", supervisor);
    watched.expect("restarted");
    watched.until_started_with(&home, "2 A=value");
    save_and_see(&home, &path, &mut watched, 3);
    assert_eq!(starts(&home).len(), 3);
    assert!(watched.end().is_empty());
}

#[test]
fn f4_the_old_connector_goes_on_while_the_file_is_wrong() {
    let (home, path, mut watched) = watched_home(&[]);
    let before = children(watched.child.id());
    for (text, because) in [
        (config(2, &["A"]).replace("number: 2", "number: ]"), "YAML"),
        (config(2, &["A", "B"]), "the secret `B` is not in the vault"),
        (config(2, &["A"]).replace("apiVersion: 0.1.0", "apiVersion: 9"), "apiVersion"),
    ] {
        fs::write(&path, &text).unwrap();
        let held = watched.expect("held");
        assert!(held["because"].as_str().unwrap().contains(because), "{held}");
        assert_eq!(held["runs"], true);
        // What is wrong is said once. It may look at some of these or at none.
        for _ in 0..20 {
            fs::write(&path, &text).unwrap();
            sleep(Duration::from_millis(3));
        }
    }
    assert_eq!(children(watched.child.id()), before, "the same process");
    save_and_see(&home, &path, &mut watched, 3);
    // What was wrong and is as it was again needs no restart.
    fs::write(&path, "]").unwrap();
    watched.expect("held");
    fs::write(&path, config(3, &["A"])).unwrap();
    watched.expect("note");
    save_and_see(&home, &path, &mut watched, 4);
    assert_eq!(starts(&home).len(), 3);
    assert!(watched.end().is_empty());
}

#[test]
fn f4_what_keeps_a_save_from_being_looked_at_and_passes_is_told_once_and_tried_again() {
    let (home, path, mut watched) = watched_home(&[]);
    let daemon = home.daemon_pid().unwrap();
    kill("STOP", daemon);
    fs::write(&path, config(2, &["A"])).unwrap();
    let held = watched.expect("held");
    assert_eq!(held["runs"], true, "{held}");
    kill("CONT", daemon);
    watched.expect("restarted");
    watched.until_started_with(&home, "2 A=value");
    assert!(watched.end().is_empty());
}

#[test]
fn f4_a_file_that_is_wrong_at_first_is_waited_for() {
    let home = Home::new();
    home.set("A", "value");
    let path = home.write("config.yaml", "]");
    let mut watched = Watched::run(&home, &path, &[], &CONNECTOR);
    watched.expect("started");
    let ended = watched.expect("ended");
    assert_eq!(ended["again_in_s"], serde_json::Value::Null);
    assert!(watched.words.contains("YAML"), "{}", watched.words);
    fs::write(&path, config(1, &["A"])).unwrap();
    watched.expect("restarted");
    watched.until_started_with(&home, "1 A=value");
    assert!(watched.end().is_empty());
    let none = said(&mut home.run(&home.path("none.yaml"), &["--watch"], &["true"]));
    assert!(!none.status.success() && none.err.contains("none.yaml"), "{none:?}");
}

#[test]
fn f5_a_folder_that_is_moved_away_and_back_is_watched_again() {
    let (home, path, mut watched) = watched_home(&[]);
    let (project, away) = (home.path("project"), home.path("away"));
    for number in [2, 3] {
        fs::rename(&project, &away).unwrap();
        fs::write(away.join("config.yaml"), config(number, &["A"])).unwrap();
        fs::rename(&away, &project).unwrap();
        watched.expect("restarted");
        watched.until_started_with(&home, &format!("{number} A=value"));
    }
    save_and_see(&home, &path, &mut watched, 4);
    // Another directory in its place.
    fs::rename(&project, &away).unwrap();
    folder(&home, "project");
    save_and_see(&home, &path, &mut watched, 5);
    assert_eq!(starts(&home).len(), 5);
    assert!(watched.end().is_empty());
}

#[test]
fn f5_without_watches_the_files_are_looked_at_and_that_is_said() {
    if !need::user_namespaces() {
        return;
    }
    for limit in ["max_inotify_watches", "max_inotify_instances"] {
        let home = Home::new();
        home.set("A", "value");
        let path = home.write("config.yaml", config(1, &["A"]));
        let run = home.run(&path, &["--watch", "-O", "json"], &CONNECTOR);
        let words: Vec<_> = std::iter::once(run.get_program()).chain(run.get_args()).collect();
        let mut unshare: Command = home.foreign("unshare");
        let script = format!("echo 0 > /proc/sys/user/{limit} && exec \"$@\"");
        unshare.args(["--user", "--map-root-user", "sh", "-c", &script, "sh"]).args(words);
        // Mapped to root, it is still our user to the daemon.
        let mut watched = Watched::start(&unshare);
        let polling = watched.expect("polling");
        assert!(polling["because"].as_str().unwrap().contains("inotify"), "{polling}");
        watched.expect("started");
        watched.until_started_with(&home, "1 A=value");
        fs::write(&path, config(2, &["A"])).unwrap();
        let begun = Instant::now();
        watched.expect("restarted");
        need::say(&format!("f5: {limit}: seen after {:?}", begun.elapsed()));
        watched.until_started_with(&home, "2 A=value");
        assert!(watched.end().is_empty());
    }
}
