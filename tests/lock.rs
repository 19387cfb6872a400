//! The key locked and unlocked: what works without it, what does not, and which command prompts for the
//! passphrase.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use fluvio_secret_protocol::frame::{PREFIX_BYTES, encode};
use fluvio_secret_protocol::{Secret, Unlock};

use crate::harness::ask::Asker;
use crate::harness::cdk::Project;
use crate::harness::passphrase::{protect, protect_with_work, unlock};
use crate::harness::pty::Pty;
use crate::harness::trace::{Trace, call};
use crate::harness::{
    Home, Said, canary, contains, eventually, is_alive, kill, need, program, said,
};

/// A home whose vault is locked, with a secret `A` of this value.
fn locked(value: &str, passphrase: &str) -> Home {
    let home = Home::new();
    home.set("A", value);
    protect(&home, passphrase);
    home
}

/// What a connector gets of `A`, where there is no terminal.
fn delivered(home: &Home) -> Said {
    let config = home.config(&["A"]);
    let config = config.to_str().unwrap();
    home.cli_apart(&["run", "--config", config, "--as-is", "--", "printenv", "A"])
}

#[test]
fn d13_while_locked_nothing_is_given_and_the_rest_goes_on() {
    let home = locked("one", "p");
    assert!(home.ok(&["status"]).contains("Locked"));
    home.ok(&["set", "B", "two"]);
    home.ok(&["set", "A", "changed"]);
    let list = home.ok(&["list"]);
    assert!(list.contains("\nA ") && list.contains("\nB "), "{list}");
    assert!(home.ok(&["history", "A"]).contains("present"));
    home.ok(&["delete", "A"]);
    let refused = home.cli(&["restore", "A"]);
    assert!(refused.code() == Some(77) && refused.err.contains("unlock"), "{refused:?}");
    home.ok(&["set", "A", "changed"]);
    let status = home.ok(&["status", "-O", "json"]);
    assert!(status.contains("\"locked\": true") && status.contains("\"unlocked_until\": null"));
    let refused = delivered(&home);
    assert_eq!((refused.code(), &*refused.out), (Some(125), ""));
    assert!(refused.err.contains("locked"), "{refused:?}");
    assert!(refused.err.contains("fluvio-secret unlock"), "the next step: {refused:?}");
    let import = home.write("secrets.txt", "A=other\n");
    let import = home.cli(&["import", import.to_str().unwrap()]);
    assert_eq!(import.code(), Some(77));
    assert!(import.err.contains("fluvio-secret unlock"), "{import:?}");
    // What was set in the meantime is decrypted with the same key.
    assert!(unlock(&home, &[], "p").out.contains("Vault unlocked until "));
    assert_eq!(delivered(&home).out, "changed\n");
    let config = home.config(&["B"]);
    assert_eq!(said(&mut home.run(&config, &["--as-is"], &["printenv", "B"])).out, "two\n");
    assert_eq!(home.ok(&["lock"]), "Vault locked\n");
    assert_eq!(delivered(&home).code(), Some(125));
    home.ok(&["lock"]);
}

#[test]
fn d10_what_happens_to_the_key_has_its_line() {
    let home = locked("one", "p");
    unlock(&home, &[], "wrong");
    unlock(&home, &[], "p");
    home.ok(&["lock"]);
    let lines = home.audit_log();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["set", "unlock", "lock"]);
    // No line, no key.
    let log = home.path("state/audit.log");
    fs::rename(&log, home.path("state/aside")).unwrap();
    fs::create_dir(&log).unwrap();
    assert_eq!(unlock(&home, &[], "p").code(), Some(1));
    assert!(home.ok(&["status"]).contains("Locked    yes"));
    fs::remove_dir(&log).unwrap();
    unlock(&home, &[], "p");
    // But a log that is full must not keep the vault open.
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    let refused = home.cli(&["lock"]);
    assert!(refused.err.contains("but the vault is locked"), "{refused:?}");
    assert!(home.ok(&["status"]).contains("Locked    yes"));
    fs::remove_dir(&log).unwrap();
}

#[test]
fn what_is_wrong_with_a_passphrase_is_told_in_words_of_its_own() {
    let home = Home::new();
    let refused = |args: &[&str], told: &[&str]| {
        let said = home.cli_apart(args);
        assert_eq!(said.code(), Some(1), "{args:?}: {said:?}");
        for text in told {
            assert!(said.err.contains(text), "{args:?} tells {text:?}: {said:?}");
        }
        assert!(!said.err.contains("cnry"), "{said:?}");
    };
    refused(&["lock"], &["there is no identity", "fluvio-secret set"]);
    refused(&["key", "passphrase"], &["there is no identity", "fluvio-secret set"]);
    home.set("A", "x");
    refused(&["lock"], &["has no passphrase", "protect nothing", "fluvio-secret key passphrase"]);
    refused(&["key", "passphrase", "--remove"], &["has no passphrase"]);
    refused(&["key", "passphrase"], &["no terminal", "--passphrase-file FILE"]);
    assert!(home.ok(&["unlock"]).contains("has no passphrase"));
    let file = |name: &str, bytes: &[u8]| {
        let path = home.write(name, bytes);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let new = |name: &str, bytes: &[u8], told: &[&str]| {
        let file = file(name, bytes);
        refused(&["key", "passphrase", "--new-passphrase-file", &file], told);
    };
    new("empty", b"\n", &["it is empty"]);
    new("lines", b"cnry\ncnry", &["line break"]);
    new("latin", b"cnry\xff", &["not UTF-8"]);
    new("long", "cnry".repeat(300).as_bytes(), &["more than 1024 bytes"]);
    refused(&["key", "passphrase", "--new-passphrase-file", "none"], &["none: No such file"]);
    refused(&["key", "passphrase", "--new-passphrase-fd", "77"], &["descriptor 77", "not open"]);
    protect(&home, "cnry-right");
    refused(&["unlock"], &["no terminal", "--passphrase-file FILE", "--passphrase-fd N"]);
    let wrong = file("wrong", b"cnry-wrong");
    refused(&["unlock", "--passphrase-file", &wrong], &["not the passphrase", "identity.txt"]);
    let change = ["key", "passphrase", "--remove", "--passphrase-file", &wrong];
    refused(&change, &["not the passphrase", "identity.txt"]);
    let right = file("right", b"cnry-right\n");
    fs::set_permissions(&right, fs::Permissions::from_mode(0o640)).unwrap();
    let wide = home.cli(&["unlock", "--passphrase-file", &right]);
    assert!(wide.status.success() && wide.err.contains("chmod 0600"), "{wide:?}");
    let identity = home.path("config/identity.txt");
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o644)).unwrap();
    home.ok(&["lock"]);
    refused(&["unlock", "--passphrase-file", &right], &["identity.txt", "chmod 0600"]);
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
    let sealed = fs::read(&identity).unwrap();
    fs::write(&identity, &sealed[..sealed.len() - 1]).unwrap();
    refused(&["unlock", "--passphrase-file", &right], &["identity.txt", "damaged"]);
    // What claims that it takes a day.
    let text = String::from_utf8_lossy(&sealed).into_owned();
    let (_, salt) = text.split_once("-> scrypt ").unwrap();
    let at = text.find(salt).unwrap() + salt.split(' ').next().unwrap().len();
    fs::write(&identity, [&sealed[..at], b" 40\n", &sealed[at + 3..]].concat()).unwrap();
    refused(
        &["unlock", "--passphrase-file", &right],
        &["identity.txt", "factor is 40", "maximum is 20"],
    );
    // The format of an encrypted secret.
    fs::copy(home.secret_file("A"), &identity).unwrap();
    refused(&["unlock", "--passphrase-file", &right], &["encrypted for keys"]);
}

#[test]
fn a_passphrase_is_put_on_the_identity_changed_and_taken_off() {
    let home = Home::new();
    home.set("A", "one");
    let identity = home.path("config/identity.txt");
    let before = fs::read(&identity).unwrap();
    let (first, second) =
        (home.write("first", "cnry-first\n"), home.write("second", "cnry-second"));
    let [first, second] = [first.to_str().unwrap(), second.to_str().unwrap()];
    let change = |args: &[&str]| home.ok(&[&["key", "passphrase"], args].concat());
    assert_eq!(change(&["--new-passphrase-file", first]), "Passphrase set\n");
    let sealed = fs::read(&identity).unwrap();
    assert!(sealed.starts_with(b"age-encryption.org/v1\n-> scrypt "), "age's own file");
    assert!(home.files_with("AGE-SECRET-KEY").is_empty());
    assert_eq!(fs::metadata(&identity).unwrap().mode() & 0o777, 0o600);
    assert!(home.ok(&["status"]).contains("Locked    no, until "), "it was given just now");
    assert_eq!(delivered(&home).out, "one\n");
    let shown = home.ok(&["key", "show"]);
    assert!(shown.contains("Passphrase  yes") && shown.contains("age1"), "{shown}");
    home.ok(&["daemon", "restart"]);
    assert!(home.ok(&["status"]).contains("Locked    yes"));
    assert_eq!(home.ok(&["key", "show"]), shown, "its public part is known while locked");
    let both = ["--passphrase-file", first, "--new-passphrase-file", second];
    assert_eq!(change(&both), "Passphrase changed\n");
    assert_eq!(unlock(&home, &[], "cnry-first").code(), Some(1));
    assert_eq!(change(&["--remove", "--passphrase-file", second]), "Passphrase removed\n");
    assert_eq!(fs::read(&identity).unwrap(), before, "byte for byte");
    assert!(home.ok(&["status"]).contains("Locked    no\n"));
    assert_eq!(delivered(&home).out, "one\n");
    let events: Vec<_> = home.audit_log().iter().map(|line| line["event"].to_string()).collect();
    assert_eq!(events.iter().filter(|event| event.contains("passphrase")).count(), 3);
}

#[test]
fn a2_a_kill_while_the_passphrase_is_changed_leaves_the_one_identity_or_the_other() {
    if !need::root() || !need::tool("strace") {
        return;
    }
    let home = Home::new();
    home.set("A", "one");
    let identity = home.path("config/identity.txt");
    let plain = fs::read(&identity).unwrap();
    let new = home.write("new", "p");
    let change =
        || home.cli(&["key", "passphrase", "--new-passphrase-file", new.to_str().unwrap()]);
    let trace = |expressions: &[&str]| {
        Trace::attach(&home, home.daemon_pid().unwrap(), "keys", expressions)
    };
    let clean = trace(&[]);
    assert!(change().status.success());
    let files = ["openat", "write", "fsync", "rename", "renameat2", "fdatasync", "close", "unlink"];
    let calls = clean.end();
    let (mut counts, mut old, mut made) = (std::collections::BTreeMap::new(), 0, 0);
    for name in calls.iter().map(|line| call(line)).filter(|name| files.contains(name)) {
        let number = counts.entry(name).and_modify(|count| *count += 1).or_insert(1);
        let what = format!("{name} number {number}");
        fs::write(&identity, &plain).unwrap();
        home.ok(&["daemon", "restart"]);
        let daemon = home.daemon_pid().unwrap();
        let kill = trace(&[&format!("inject={name}:signal=KILL:when={number}")]);
        let said = change();
        kill.end();
        // What the thread is woken for, and how often it writes for that, is not the same each time.
        if said.status.success() {
            continue;
        }
        eventually("the daemon's end", || !is_alive(daemon));
        let left = fs::read(&identity).unwrap();
        if left == plain {
            old += 1;
        } else {
            made += 1;
            let unlocked = unlock(&home, &[], "p");
            assert!(unlocked.status.success(), "{what}: {unlocked:?}");
        }
        assert_eq!(delivered(&home).out, "one\n", "{what}");
        let entries = fs::read_dir(home.path("config")).unwrap().flatten();
        let mut left: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        left.sort();
        let expected =
            [".gitignore", "identity.txt", "members", "signed-only", "signing-key.txt", "vault-id"];
        assert_eq!(left, expected, "{what}");
    }
    need::say(&format!(
        "a2: a passphrase: {} system calls, {old} left the old, {made} the new",
        calls.len()
    ));
    assert!(old > 0 && made > 0, "{calls:?}");
}

#[test]
fn the_vault_locks_itself_when_its_time_is_over_and_status_does_not_extend_it() {
    let home = locked("one", "p");
    let begun = Instant::now();
    let unlocked = unlock(&home, &["--for", "2s"], "p");
    assert!(unlocked.out.contains("Vault unlocked until "), "{unlocked:?}");
    let daemon = home.daemon_pid().unwrap();
    // Asking all the time.
    eventually("the lock", || home.ok(&["status"]).contains("Locked    yes"));
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(delivered(&home).code(), Some(125));
    // The key itself goes within a second, with a line of the daemon's own.
    eventually("the line", || {
        let lines = home.audit_log();
        let last = lines.last().unwrap();
        last["event"] == "lock" && last["pid"] == daemon
    });
}

#[test]
fn a_grant_does_not_wait_for_the_work_of_a_passphrase() {
    let home = Home::new();
    home.set("A", "one");
    protect_with_work(&home, "p", 18);
    assert!(unlock(&home, &[], "p").status.success());
    let file = home.write("wrong", "wrong");
    let mut busy = home.command("fluvio-secret");
    busy.args(["unlock", "--passphrase-file", file.to_str().unwrap()]);
    let mut busy = busy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let daemon = home.daemon_pid().unwrap();
    // The work takes 256 MiB, and nothing else does.
    eventually("the work", || resident_kib(daemon) > 64 << 10);
    let mut asker = Asker::connect(&home).unwrap();
    asker.set("B", b"two").unwrap().unwrap();
    assert_eq!(asker.value("A").unwrap().unwrap(), b"one");
    assert!(busy.try_wait().unwrap().is_none(), "the work still goes on");
    assert_eq!(busy.wait().unwrap().code(), Some(1));
}

fn resident_kib(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn while_a_passphrase_takes_its_time_the_client_is_told_that_the_daemon_lives() {
    let home = Home::new();
    home.set("A", "one");
    protect_with_work(&home, "p", 19);
    let mut stream = UnixStream::connect(home.socket()).unwrap();
    let unlock = Unlock { seconds: None, passphrase: Secret::from(b"p".to_vec()) };
    stream.write_all(&encode(&unlock).unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut answers = Vec::new();
    while answers.last().is_none_or(|answer: &String| answer.contains("working")) {
        let mut prefix = [0; PREFIX_BYTES];
        stream.read_exact(&mut prefix).unwrap();
        let mut header = vec![0; u32::from_be_bytes(prefix) as usize];
        stream.read_exact(&mut header).unwrap();
        answers.push(String::from_utf8(header).unwrap());
    }
    assert!(answers.len() > 1, "{answers:?}");
    assert!(answers.last().unwrap().contains("unlocked"), "{answers:?}");
}

#[test]
fn run_on_a_terminal_asks_once_whoever_comes_first() {
    let home = locked("one", "p");
    let config = home.config(&["A"]);
    let script = ["sh", "-c", "echo pid $$ has \"$A\"; umask; exec sleep 1000"];
    let run = || Pty::start(&home.run(&config, &["--as-is"], &script));
    let mut first = run();
    first.expect("the vault is locked");
    first.expect("Passphrase: ");
    let mut second = run();
    second.expect("another program that prompts");
    first.type_keys("p\r");
    first.expect("Vault unlocked until ");
    let umask = |pty: &mut Pty| {
        // The process that was started became the connector, through all of it.
        pty.expect(&format!("pid {} has one", pty.child.id()));
        pty.expect("\n");
        pty.expect("\n").trim().to_owned()
    };
    let asked = umask(&mut first);
    assert_eq!(umask(&mut second), asked, "nobody was asked there");
    let mut third = run();
    assert_eq!(umask(&mut third), asked, "what was hardened for the prompt is given back");
    for mut pty in [first, second, third] {
        pty.child.kill().unwrap();
        pty.child.wait().unwrap();
    }
    let unlocks = home.audit_log().iter().filter(|line| line["event"] == "unlock").count();
    assert_eq!(unlocks, 1);
}

#[test]
fn who_waits_for_anothers_prompt_goes_on_when_the_vault_is_unlocked_elsewhere() {
    let home = locked("one", "p");
    let config = home.config(&["A"]);
    let mut first = Pty::start(home.command("fluvio-secret").arg("unlock"));
    first.expect("Passphrase: ");
    let mut second = Pty::start(&home.run(&config, &["--as-is"], &["printenv", "A"]));
    second.expect("another program that prompts");
    assert!(unlock(&home, &[], "p").status.success());
    second.expect("one");
    assert!(second.child.wait().unwrap().success());
    first.type_keys("\u{4}");
    first.child.wait().unwrap();
}

#[test]
fn run_starts_nothing_when_the_passphrase_is_wrong_or_not_given() {
    let home = locked("one", "p");
    let config = home.config(&["A"]);
    let run = || {
        let mut pty = Pty::start(&home.run(&config, &[], &["touch", "started"]));
        pty.expect("Passphrase: ");
        pty
    };
    let mut wrong = run();
    for _ in 0..2 {
        wrong.type_keys("cnry-wrong\r");
        let screen = wrong.expect("Passphrase: ");
        assert!(screen.contains("not the passphrase") && !screen.contains("cnry"), "{screen}");
    }
    wrong.type_keys("cnry-wrong\r");
    wrong.expect("not the passphrase");
    assert_eq!(wrong.child.wait().unwrap().code(), Some(125));
    let mut cancelled = run();
    cancelled.type_keys("\u{4}");
    assert_eq!(cancelled.child.wait().unwrap().code(), Some(125));
    let mut ended = run();
    ended.type_keys("\u{3}");
    assert_eq!(ended.child.wait().unwrap().code(), None);
    assert!(ended.has_echo());
    assert!(!home.path("started").exists());
}

#[test]
fn a_passphrase_on_standard_input_is_read_from_where_it_stands() {
    let home = locked("one", "right");
    let unlock = |input: Stdio| {
        let mut unlock = home.command("fluvio-secret");
        said(unlock.args(["unlock", "--passphrase-file", "-"]).stdin(input))
    };
    // What a launcher calls a pipe may be a socket.
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    ours.write_all(b"right\n").unwrap();
    drop(ours);
    let unlocked = unlock(std::os::fd::OwnedFd::from(theirs).into());
    assert!(unlocked.status.success(), "{unlocked:?}");
    home.ok(&["lock"]);
    let mut file = fs::File::open(home.write("lines", "first\nright\n")).unwrap();
    file.read_exact(&mut [0; 6]).unwrap();
    let unlocked = unlock(file.into());
    assert!(unlocked.status.success(), "{unlocked:?}");
}

#[test]
fn d3_what_is_typed_while_a_passphrase_is_looked_at_is_not_shown() {
    let home = locked("one", "cnry-right");
    home.ok(&["list"]);
    let daemon = home.daemon_pid().unwrap();
    let asked = |keys: &str| {
        let mut pty = Pty::start(home.command("fluvio-secret").arg("unlock"));
        pty.expect("Passphrase: ");
        // It takes as long as the daemon stands still.
        kill("STOP", daemon);
        pty.type_keys(keys);
        pty.expect("\r\n");
        pty
    };
    let mut pty = asked("cnry-wrong\r");
    pty.type_keys("cnry-next\r");
    assert!(!pty.has_echo());
    kill("CONT", daemon);
    let screen = pty.expect("Passphrase: ");
    assert!(screen.contains("not the passphrase") && !screen.contains("cnry"), "{screen}");
    pty.type_keys("cnry-right\r");
    let screen = pty.expect("Vault unlocked");
    assert!(!screen.contains("cnry"), "{screen}");
    assert!(pty.child.wait().unwrap().success());
    assert!(pty.has_echo());
    home.ok(&["lock"]);
    // You do not have to wait for the daemon to be rid of it.
    let mut pty = asked("cnry-wrong\r");
    pty.type_keys("\u{3}");
    assert_eq!(pty.child.wait().unwrap().signal(), Some(2));
    assert!(pty.has_echo());
    kill("CONT", daemon);
}

#[test]
fn cdk_on_a_terminal_asks_and_goes_on() {
    let home = locked("one", "p");
    let project = Project::new(&home);
    let config = project.config("facts", &["A"]);
    // From a shell, which keeps running after cdk. When it exits, the terminal hangs up.
    let mut shell = project.foreign("sh");
    shell.args([
        "-c",
        "cdk deploy start --config \"$1\" && echo status $?; read end",
        "sh",
        &config,
    ]);
    let mut pty = Pty::start(&shell);
    pty.expect("Passphrase: ");
    pty.type_keys("p\r");
    pty.expect("process id: ");
    let told = pty.expect("status 0");
    let pid = told.lines().next().unwrap().trim().to_owned();
    eventually("the connector's secrets", || project.given() == "A=one\n");
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert!(contains(&environment, b"FLUVIO_SECRET_CDK_SHIM="), "it is the connector's");
    assert!(!contains(&environment, b"FLUVIO_SECRET_ASKED="));
    project.said("deploy shutdown --name facts");
    pty.type_keys("\n");
    pty.child.wait().unwrap();
    // Without a terminal it says what to do.
    home.ok(&["lock"]);
    let mut setsid = project.foreign("setsid");
    let refused = said(setsid.args(["--wait", "cdk", "deploy", "start", "--config", &config]));
    assert_eq!(refused.code(), Some(125));
    assert!(refused.err.contains("fluvio-secret unlock"), "{refused:?}");
}

/// `run --watch` without a terminal, and what it reports.
struct Watched {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Watched {
    fn start(home: &Home) -> Self {
        let config = home.config(&["A"]);
        let mut watch = home.foreign("setsid");
        watch.arg("--wait").arg(program("fluvio-secret"));
        watch.args(["run", "--watch", "--as-is", "--config"]).arg(config);
        watch.args(["--", "sh", "-c", "echo got $A; exec sleep 1000"]);
        let mut child = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let out: Box<dyn Read + Send> = Box::new(child.stdout.take().unwrap());
        let err: Box<dyn Read + Send> = Box::new(child.stderr.take().unwrap());
        for stream in [out, err] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let lines = BufReader::new(stream).lines().map_while(Result::ok);
                lines.for_each(|line| drop(sender.send(line)));
            });
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line with this text, and forgets it and those before it.
    fn expect(&mut self, text: &str) {
        eventually(text, || {
            self.seen.extend(self.lines.try_iter());
            let found = self.seen.iter().position(|line| line.contains(text));
            found.map(|at| self.seen.drain(..=at)).is_some()
        });
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_watched_connector_goes_on_while_the_vault_is_locked_and_follows_when_it_is_not() {
    let home = locked("one", "p");
    let mut watched = Watched::start(&home);
    watched.expect("unlock it with: fluvio-secret unlock");
    watched.expect("waiting for you to unlock the vault");
    unlock(&home, &[], "p");
    watched.expect("got one");
    home.ok(&["lock"]);
    home.ok(&["set", "A", "two"]);
    watched.expect("secret A changed, but the old connector keeps running: the vault is locked");
    unlock(&home, &[], "p");
    watched.expect("got two");
    // setsid has become the supervisor: it was no leader of a group.
    kill("TERM", watched.child.id());
    eventually("the end", || !is_alive(watched.child.id()));
}

#[test]
fn a_watched_connector_on_a_terminal_is_asked_for_and_ended_by_ctrl_c() {
    let home = locked("one", "p");
    let config = home.config(&["A"]);
    let script =
        "trap 'echo ends properly; exit 3' INT TERM; echo got $A; while :; do sleep 0.02; done";
    let watch = home.run(&config, &["--watch", "--as-is"], &["sh", "-c", script]);
    let mut pty = Pty::start(&watch);
    pty.expect("Passphrase: ");
    eventually("silence", || !pty.has_echo());
    pty.type_keys("p\r");
    pty.expect("got one");
    // What was caught for the prompt does not end the supervisor before its connector.
    pty.type_keys("\u{3}");
    pty.expect("ends properly");
    assert_eq!(pty.child.wait().unwrap().code(), Some(3));
}

#[test]
fn a_secret_is_set_although_nobody_gave_a_passphrase_since_the_daemon_began() {
    let (value, passphrase) = (canary(), "p");
    let home = locked("one", passphrase);
    home.kill_daemon();
    let set = home.set("A", &value);
    assert!(set.status.success(), "{set:?}");
    // A user with write access to the vault puts a list of their own there: nothing is encrypted for it.
    let stranger = Home::new();
    stranger.set("A", "x");
    let list = home.vault().join(".members/1");
    fs::copy(stranger.vault().join(".members/1"), &list).unwrap();
    let set = home.set("A", &value);
    assert!(set.status.success(), "{set:?}");
    let encrypted = fs::read(home.secret_file("A")).unwrap();
    let stanzas = String::from_utf8_lossy(&encrypted).matches("-> X25519 ").count();
    assert_eq!(stanzas, 1, "for this machine alone");
    unlock(&home, &[], passphrase);
    assert_eq!(delivered(&home).out.trim(), value);
}
