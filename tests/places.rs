//! One daemon for one user, wherever the command comes from, and nothing that others can enter.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

use crate::harness::{Home, behind, make_folder, need, program, said};

/// A command with a HOME and nothing else of ours.
fn at_home(home: &Home, name: &str) -> Command {
    let mut command = home.command(name);
    command.env_remove("FLUVIO_SECRET_HOME").env_remove("PATH");
    command
}

/// Ends the daemon of the home's HOME, which is not the one that the harness ends.
struct Ended<'a>(&'a Home);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        said(at_home(self.0, "fluvio-secret").args(["daemon", "stop"]));
    }
}

#[test]
fn b9_the_same_daemon_is_found_from_everywhere() {
    let home = Home::new();
    let _ended = Ended(&home);
    assert!(said(at_home(&home, "fluvio-secret").args(["set", "A", "x"])).status.success());
    let other = Home::new();
    let elsewhere = other.path("").display().to_string();
    let pid = |environment: &[(&str, &str)]| {
        let mut status = at_home(&home, "fluvio-secret");
        let said = said(status.arg("status").envs(environment.iter().copied()).current_dir("/"));
        assert!(said.status.success(), "{environment:?}: {said:?}");
        said.out.split("pid ").nth(1).unwrap().split(',').next().unwrap().to_owned()
    };
    let first = pid(&[]);
    for environment in [
        &[("XDG_RUNTIME_DIR", elsewhere.as_str())][..],
        &[("XDG_RUNTIME_DIR", "relative")],
        &[("XDG_RUNTIME_DIR", "/nonexistent")],
        &[("TMPDIR", elsewhere.as_str())],
        &[("TMPDIR", "/nonexistent"), ("SUDO_UID", "1234"), ("USER", "nobody")],
        &[("XDG_STATE_HOME", "")],
    ] {
        assert_eq!(pid(environment), first, "{environment:?}");
    }
}

#[test]
fn b9_the_daemon_that_a_command_starts_has_the_same_places() {
    let home = Home::new();
    let _ended = Ended(&home);
    let mut set = at_home(&home, "fluvio-secret");
    set.args(["set", "A", "x"]).env("TMPDIR", "/nonexistent").env("XDG_RUNTIME_DIR", "relative");
    assert!(said(&mut set).status.success());
    for path in [
        ".config/fluvio-secret/identity.txt",
        ".local/share/fluvio-secret/vault/A.age",
        ".local/state/fluvio-secret/audit.log",
        ".local/state/fluvio-secret/daemon.log",
        ".local/state/fluvio-secret/run/daemon.sock",
    ] {
        assert!(home.path(path).exists(), "{path}");
    }
    let mut ended = at_home(&home, "fluvio-secret");
    assert!(said(ended.args(["daemon", "stop"])).status.success());
    let mut set = at_home(&home, "fluvio-secret");
    for (variable, folder) in
        [("XDG_CONFIG_HOME", "c"), ("XDG_DATA_HOME", "d"), ("XDG_STATE_HOME", "s")]
    {
        set.env(variable, home.path(folder));
    }
    assert!(said(set.args(["set", "A", "x"])).status.success());
    for path in ["c/fluvio-secret/identity.txt", "d/fluvio-secret/vault/A.age"] {
        assert!(home.path(path).exists(), "{path}");
    }
    let mut stop = at_home(&home, "fluvio-secret");
    stop.env("XDG_STATE_HOME", home.path("s"));
    assert!(said(stop.args(["daemon", "stop"])).status.success());
}

#[test]
fn b9_a_home_that_is_missing_or_relative_is_one_line() {
    let home = Home::new();
    for (variable, value) in [
        ("HOME", None),
        ("HOME", Some("")),
        ("HOME", Some("here")),
        ("XDG_STATE_HOME", Some("here")),
        ("XDG_DATA_HOME", Some("./here")),
        ("XDG_CONFIG_HOME", Some("here")),
        ("FLUVIO_SECRET_HOME", Some("here")),
    ] {
        for command in [&["list"][..], &["set", "A", "x"]] {
            let mut command_line = at_home(&home, "fluvio-secret");
            match value {
                Some(value) => command_line.env(variable, value),
                None => command_line.env_remove(variable),
            };
            let said = said(command_line.args(command));
            assert_eq!(said.code(), Some(69), "{variable}: {said:?}");
            assert!(said.err.contains(variable), "{said:?}");
            assert_eq!(said.err.lines().count(), 2, "a line each for error and help: {said:?}");
        }
    }
}

#[test]
fn b9_another_users_home_is_refused_and_left_alone() {
    if !need::root() {
        return;
    }
    let home = Home::new();
    let theirs = home.path("theirs");
    make_folder(&theirs, 0o755);
    chown(&theirs, Some(65534), Some(65534)).unwrap();
    let said = said(at_home(&home, "fluvio-secret").args(["set", "A", "x"]).env("HOME", &theirs));
    assert_eq!(said.code(), Some(69));
    assert!(said.err.contains("uid 65534") && said.err.contains("theirs"), "{said:?}");
    assert_eq!(said.err.lines().count(), 2, "a line each for error and help: {said:?}");
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0, "nothing was made in it");
}

#[test]
fn b9_a_folder_that_another_user_made_first_is_refused() {
    if !need::root() {
        return;
    }
    let home = Home::new();
    make_folder(&home.path("state"), 0o700);
    chown(home.path("state"), Some(65534), Some(65534)).unwrap();
    let said = home.cli(&["list"]);
    assert_eq!(said.code(), Some(69));
    assert!(said.err.contains("belongs to uid 65534"), "{said:?}");
    chown(home.path("state"), Some(0), Some(0)).unwrap();
    home.ok(&["list"]);
}

#[test]
fn b10_a_socket_path_of_107_bytes_works_and_108_is_told() {
    let home = Home::new();
    let base = home.path("").as_os_str().len();
    let tail = "/state/run/daemon.sock".len();
    let of = |bytes: usize| home.path(&"x".repeat(bytes - base - tail));
    let list = |home_path: std::path::PathBuf| {
        let mut command = home.command("fluvio-secret");
        (said(command.arg("list").env("FLUVIO_SECRET_HOME", &home_path)), home_path)
    };
    let (fits, longest) = list(of(107));
    assert!(fits.status.success(), "{fits:?}");
    let mut stop = home.command("fluvio-secret");
    stop.env("FLUVIO_SECRET_HOME", longest);
    assert!(said(stop.args(["daemon", "stop"])).status.success());
    let (too_long, path) = list(of(108));
    assert_eq!(too_long.code(), Some(69));
    assert!(too_long.err.contains("108 bytes"), "{too_long:?}");
    assert!(too_long.err.contains(path.to_str().unwrap()), "{too_long:?}");
}

#[test]
fn d11_folders_and_files_are_ours_alone_whatever_the_umask() {
    let home = Home::new();
    let mut set = home.foreign("sh");
    set.args(["-c", "umask 000; exec \"$1\" set A x", "sh"]).arg(program("fluvio-secret"));
    assert!(said(&mut set).status.success());
    for (path, mode) in [
        ("config", 0o700),
        ("config/identity.txt", 0o600),
        ("config/members", 0o600),
        ("config/signing-key.txt", 0o600),
        ("data", 0o700),
        ("data/vault", 0o700),
        ("data/vault/A.age", 0o600),
        ("data/vault/.members", 0o700),
        ("data/vault/.members/1", 0o600),
        ("state", 0o700),
        ("state/run", 0o700),
        ("state/run/daemon.sock", 0o700),
        ("state/audit.log", 0o600),
        ("state/daemon.log", 0o600),
    ] {
        let found = fs::metadata(home.path(path)).unwrap().mode() & 0o777;
        assert_eq!(found & !mode, 0, "{path} has mode {found:o}");
    }
}

#[test]
fn d11_what_others_may_enter_is_refused_with_the_command_that_mends_it() {
    let home = Home::new();
    home.set("A", "x");
    for (path, wide) in [
        ("config", 0o750),
        ("data", 0o755),
        ("data/vault", 0o701),
        ("state", 0o711),
        ("state/run", 0o770),
        ("config/identity.txt", 0o644),
    ] {
        home.ok(&["daemon", "stop"]);
        let path = home.path(path);
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(wide)).unwrap();
        let refused = home.cli(&["list"]);
        assert_eq!(refused.code(), Some(69), "{refused:?}");
        let (_, mend) = refused.err.split_once("fix it with: ").expect("a remedy");
        assert!(mend.contains(path.to_str().unwrap()), "{refused:?}");
        // The remedy works as it was printed.
        assert!(said(home.foreign("sh").args(["-c", mend])).status.success());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode(), before.mode());
        assert!(home.ok(&["list"]).contains('A'));
    }
}

#[test]
fn sealed_files_may_have_any_mode() {
    let home = Home::new();
    home.set("A", "x");
    fs::set_permissions(home.secret_file("A"), fs::Permissions::from_mode(0o644)).unwrap();
    let config = home.config(&["A"]);
    assert!(said(&mut home.run(&config, &[], &["true"])).status.success());
}

#[test]
fn b15_a_socket_that_may_not_be_opened_is_reported_as_that() {
    if !need::plain_user() {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    let daemon = home.daemon_pid().unwrap();
    let set_mode = |path: &str, mode: u32| {
        fs::set_permissions(home.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    let config = home.config(&["A"]);
    for (path, mode, usual) in [
        ("state/run/daemon.sock", 0o000, 0o600),
        ("state/run/daemon.sock", 0o400, 0o600),
        ("state/run", 0o600, 0o700),
        ("state", 0o000, 0o700),
        ("", 0o600, 0o700),
    ] {
        set_mode(path, mode);
        let outside =
            |args: &[&str]| said(home.command("fluvio-secret").args(args).current_dir("/"));
        let mut run = home.run(&config, &[], &["true"]);
        let run = (!path.is_empty()).then(|| said(run.current_dir("/")));
        let all = [&["list"][..], &["status"], &["daemon", "start"], &["daemon", "stop"]];
        let all: Vec<_> = all.into_iter().map(outside).chain(run).collect();
        let doctor = outside(&["doctor"]);
        set_mode(path, usual);
        for said in &all {
            assert!(matches!(said.code(), Some(69 | 125)), "{path}: {said:?}");
            assert!(said.err.contains("cannot open the daemon's socket"), "{path}: {said:?}");
            assert!(said.err.contains(&format!("has mode {mode:04o}")), "{path}: {said:?}");
            assert!(
                !said.err.contains("no daemon") && !said.err.contains("daemon start"),
                "{said:?}"
            );
        }
        assert!(doctor.out.contains("cannot open the daemon's socket"), "{path}: {doctor:?}");
        // The command that is printed fixes it.
        set_mode(path, mode);
        let (_, command) = all[0].err.split_once(" with: ").unwrap();
        let mut shell = home.foreign("sh");
        assert!(said(shell.args(["-c", command]).current_dir("/")).status.success(), "{command}");
        assert_eq!(home.daemon_pid(), Some(daemon), "{command}");
        set_mode(path, usual);
    }
}

#[test]
fn b15_a_socket_of_another_user_is_reported_as_that() {
    if !need::root() || !need::tool("setpriv") {
        return;
    }
    let home = Home::new();
    home.set("A", "x");
    fs::set_permissions(home.path(""), fs::Permissions::from_mode(0o700)).unwrap();
    // The programs may be where a stranger cannot enter.
    let programs = tempfile::Builder::new().prefix("fs-").tempdir().unwrap();
    fs::set_permissions(programs.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = programs.path().join("fluvio-secret");
    fs::copy(program("fluvio-secret"), &copy).unwrap();
    let stranger = || {
        let mut setpriv = home.foreign("setpriv");
        setpriv.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&copy);
        said(setpriv.args(["list"]).current_dir("/"))
    };
    for (path, entered) in [("", 0o755), ("state", 0o755), ("state/run", 0o755)] {
        let told = stranger();
        assert_eq!(told.code(), Some(69), "{told:?}");
        let shown = home.path(path).display().to_string();
        let what = format!("{} has mode 0700 and belongs to uid 0", shown.trim_end_matches('/'));
        assert!(told.err.contains(&what) && told.err.contains("you are uid 65534"), "{told:?}");
        assert!(told.err.contains("your own directory"), "{told:?}");
        fs::set_permissions(home.path(path), fs::Permissions::from_mode(entered)).unwrap();
    }
    let told = stranger();
    let what = format!("{} has mode 0700 and belongs to uid 0", home.socket().display());
    assert!(told.err.contains(&what), "{told:?}");
}

#[test]
fn b15_what_else_keeps_a_command_from_the_socket_is_no_missing_daemon() {
    let home = Home::new();
    make_folder(&home.path("state"), 0o700);
    // A path that leads nowhere, and one through a file.
    std::os::unix::fs::symlink("run", home.path("state/run")).unwrap();
    let told = home.cli(&["list"]);
    assert!(told.err.contains("cannot connect to the daemon at "), "{told:?}");
    fs::remove_file(home.path("state/run")).unwrap();
    home.write("state/run", "");
    let told = home.cli(&["list"]);
    assert!(told.err.contains("cannot connect to the daemon at "), "{told:?}");
    assert!(!told.err.contains("no daemon"), "{told:?}");
}

#[test]
fn no_program_asks_the_password_database() {
    if !need::tool("strace") {
        return;
    }
    let home = Home::new();
    let config = home.config(&["A"]);
    let config = config.to_str().unwrap();
    let completed = ["--", "fluvio-secret", "check", "~/"];
    // A daemon that strace started would be waited for.
    home.set("A", "x");
    let commands: [(&str, &[&str]); 5] = [
        ("fluvio-secret", &["set", "A", "x"]),
        ("fluvio-secret", &["run", "--as-is", "--config", config, "--", "true"]),
        ("fluvio-secret-shim", &["--as-is", "--config", config, "--", "true"]),
        ("fluvio-secret", &["doctor"]),
        ("fluvio-secret", &completed),
    ];
    for (name, args) in commands {
        let mut command = home.command(name);
        command.args(args).env_remove("HOME");
        if args == completed {
            command.env("FLUVIO_SECRET_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2");
        }
        let list = home.path("opened");
        let words = ["strace", "-f", "-o", list.to_str().unwrap(), "-e", "trace=open,openat"];
        said(&mut behind(&words, &command));
        let opened = fs::read_to_string(&list).unwrap();
        assert!(opened.contains("libc.so"), "the control: {name} {args:?}: {opened}");
        for file in ["nsswitch.conf", "/etc/passwd"] {
            assert!(!opened.contains(file), "{name} {args:?}: {opened}");
        }
    }
}
