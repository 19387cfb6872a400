//! Save a file, and the connector runs with it: once, whole, and whoever saves it in whichever way.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::pty::Pty;
use crate::harness::watch::{
    CONNECTOR, Stalls, Watched, children, config, folder, git, resources, starts,
    until_started_with,
};
use crate::harness::{Home, eventually, kill, need, said};

/// What is to be seen within this time.
const SEEN: Duration = Duration::from_millis(500);

/// The number in a configuration.
fn number(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().find_map(|line| line.strip_prefix("  number: ")).unwrap().to_owned()
}

/// A way of saving: makes the place of a configuration in a folder, and saves it anew.
struct Way {
    name: &'static str,
    begin: fn(&Home, &Path, &str),
    save: fn(&Home, &Path, &str, u32),
}

fn written(_: &Home, path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// Kubernetes turns a link to a folder.
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

const WAYS: [Way; 9] = [
    // VS Code does it so, and many others.
    Way {
        name: "in place",
        begin: written,
        save: |_, path, text, _| fs::write(path, text).unwrap(),
    },
    Way {
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
    Way {
        name: "temporary file and rename",
        begin: written,
        save: |_, path, text, _| {
            let temporary = path.with_extension("tmp");
            fs::write(&temporary, text).unwrap();
            fs::rename(temporary, path).unwrap();
        },
    },
    Way {
        name: "vim, backupcopy=yes",
        begin: written,
        save: |_, path, text, _| {
            let backup = path.with_extension("yaml~");
            fs::copy(path, &backup).unwrap();
            fs::write(path, text).unwrap();
            fs::remove_file(backup).unwrap();
        },
    },
    Way {
        name: "vim, backupcopy=no",
        begin: written,
        save: |_, path, text, _| {
            let backup = path.with_extension("yaml~");
            fs::rename(path, &backup).unwrap();
            fs::write(path, text).unwrap();
            fs::remove_file(backup).unwrap();
        },
    },
    Way {
        name: "removed and made again",
        begin: written,
        save: |_, path, text, _| {
            fs::remove_file(path).unwrap();
            sleep(Duration::from_millis(20));
            fs::write(path, text).unwrap();
        },
    },
    Way {
        name: "a link that is turned",
        begin: linked,
        save: |_, path, text, n| {
            let before = fs::read_link(path).unwrap();
            let target = path.with_extension(n.to_string());
            fs::write(&target, text).unwrap();
            let link = path.with_extension("link");
            symlink(target, &link).unwrap();
            fs::rename(link, path).unwrap();
            fs::remove_file(before).unwrap();
        },
    },
    Way {
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
    Way {
        name: "git checkout",
        begin: kept_in_git,
        save: |home, path, _, n| {
            let branch = if n % 2 == 0 { "main" } else { "other" };
            git(home, path.parent().unwrap(), &["checkout", "-q", branch]);
        },
    },
];

/// How a way of saving did.
struct Saved {
    took: Vec<Duration>,
    /// Saves during which the machine let a thread wait that only had to wake.
    stalled: usize,
}

/// Saves so often in one way, and waits each time for the connector that has it.
fn save_again_and_again(way: &Way, rounds: u32) -> Saved {
    let home = Home::new();
    home.set("A", "value");
    let path = folder(&home, "project").join("config.yaml");
    (way.begin)(&home, &path, &config(1, &["A"]));
    let mut watched = Watched::run(&home, &path, &[], &CONNECTOR);
    let supervisor = watched.child.id();
    let daemon = home.daemon_pid().unwrap();
    watched.expect("started");
    until_started_with(&home, "1 A=value");
    let mut expected = vec!["1 A=value".to_owned()];
    let mut before = None;
    let stalls = Stalls::measure();
    let mut saved = Saved { took: Vec::new(), stalled: 0 };
    for n in 2..rounds + 2 {
        stalls.take();
        (way.save)(&home, &path, &config(n, &["A"]), n);
        let begun = Instant::now();
        let with = format!("{} A=value", number(&path));
        watched.expect("restarted");
        let took = watched.told_at() - begun;
        until_started_with(&home, &with);
        expected.push(with);
        if stalls.take() > SEEN / 10 {
            saved.stalled += 1;
        } else {
            saved.took.push(took);
        }
        if n == 11 {
            before = Some((resources(supervisor), resources(daemon)));
        }
    }
    assert_eq!(starts(&home), expected, "{}: one start for each save, each with all of it", way.name);
    if let Some((of_supervisor, of_daemon)) = before {
        eventually("as much as before in the supervisor", || resources(supervisor) <= of_supervisor);
        eventually("as much as before in the daemon", || resources(daemon) <= of_daemon);
    }
    assert_eq!(children(supervisor).len(), 1, "no orphan and no zombie");
    assert!(watched.end().is_empty(), "{}: nothing else was told", way.name);
    saved
}

#[test]
fn f1_f2_each_save_is_one_restart_however_it_is_saved() {
    if !need::tool("git") {
        return;
    }
    let torture = std::env::var_os("FLUVIO_SECRET_TORTURE").is_some();
    let rounds = if torture { 1000 } else { 100 };
    for way in &WAYS {
        let mut saved = save_again_and_again(way, rounds);
        saved.took.sort_unstable();
        let [median, most] = [saved.took.get(saved.took.len() / 2), saved.took.last()];
        need::say(&format!(
            "f1: {}: {rounds} saves, seen after {median:?}, at most {most:?}; {} not judged",
            way.name, saved.stalled
        ));
        assert!(most.is_none_or(|most| *most <= SEEN), "{}: {:?}", way.name, saved.took);
    }
}
