//! `doctor` reports what is wrong, and the command that it prints fixes it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::mount::Mount;
use crate::harness::pty::Pty;
use crate::harness::watch::git;
use crate::harness::{Home, Said, eventually, kill, make_folder, need, program, said};

/// What `doctor` finds, for programs.
pub(crate) fn looks(doctor: &mut Command) -> Vec<Value> {
    let said = said(doctor);
    let found: Vec<Value> = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    let is_wrong = found.iter().any(|one| one["state"] == "error");
    assert_eq!(said.code(), Some(i32::from(is_wrong)), "{said:?}");
    found
}

pub(crate) fn doctor(home: &Home) -> Command {
    let mut doctor = home.command("fluvio-secret");
    doctor.args(["doctor", "-O", "json"]);
    doctor
}

/// What was found of one thing.
pub(crate) fn of<'a>(found: &'a [Value], look: &str) -> Vec<&'a Value> {
    found.iter().filter(|one| one["check"] == look).collect()
}

pub(crate) fn one<'a>(found: &'a [Value], look: &str) -> &'a Value {
    let of_look = of(found, look);
    assert_eq!(of_look.len(), 1, "{look}: {found:?}");
    of_look[0]
}

pub(crate) fn text(found: &Value) -> &str {
    found["text"].as_str().unwrap()
}

/// What to do about it, if no command does it.
pub(crate) fn advice(found: &Value) -> &str {
    found["advice"].as_str().unwrap_or_default()
}

pub(crate) fn is_ok(found: &[Value], look: &str) -> bool {
    of(found, look).iter().all(|one| one["state"] == "ok")
}

/// Runs the command that fixes it, as it is printed, where `fluvio`, `fluvio-secret` and `sudo` are.
pub(crate) fn fix(home: &Home, found: &Value) -> Said {
    let bin = home.path("bin");
    if !bin.exists() {
        fs::create_dir(&bin).unwrap();
        script(&bin.join("fluvio"), "command=$1; shift; exec \"fluvio-$command\" \"$@\"");
        script(&bin.join("sudo"), "exec \"$@\"");
    }
    let command = found["fix"].as_str().unwrap_or_else(|| panic!("a command: {found}"));
    let programs = program("fluvio-secret");
    let programs = programs.parent().unwrap().display();
    let path = format!("{}:{programs}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut shell = home.foreign("sh");
    shell.args(["-c", command]).env("PATH", path);
    let mended = crate::harness::said_with_input(&mut shell, b"a new value\n");
    assert!(mended.status.success(), "{command}: {mended:?}");
    mended
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn where_nothing_is_wrong_there_is_a_line_for_each_look_and_status_0() {
    let home = Home::new();
    let found = looks(&mut doctor(&home));
    assert!(text(one(&found, "identity")).contains("no identity yet"), "{found:?}");
    home.ok(&["set", "A", "one"]);
    let found = looks(&mut doctor(&home));
    for look in [
        "programs", "modes", "settings", "daemon", "vault", "members", "history", "leases",
        "project",
    ] {
        assert!(!of(&found, look).is_empty() && is_ok(&found, look), "{look}: {found:?}");
    }
    for look in ["cdk", "fluvio", "identity", "logout", "memory", "swap", "units"] {
        assert!(one(&found, look)["state"] != "error", "{look}: {found:?}");
    }
    for one in &found {
        let keys: Vec<_> = one.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["advice", "check", "fix", "state", "text"]);
        assert!(one["state"] != "ok" || one["fix"].is_null(), "{one}");
    }
    let table = home.ok(&["doctor"]);
    let helps = found.iter().filter(|one| !one["fix"].is_null() || !one["advice"].is_null());
    assert_eq!(table.lines().count(), found.len() + helps.count() + 1, "{table}");
    assert!(table.starts_with("Check  ") && table.contains("\nvault     "), "{table}");
    assert!(table.contains("ok       1 secret, which can be decrypted\n"), "{table}");
    assert!(table.contains("  help: set a passphrase with: "), "{table}");
    assert!(home.ok(&["doctor", "-O", "yaml"]).starts_with("- check: programs\n  state: ok\n"));
}

#[test]
fn every_secret_of_many_is_examined_and_how_far_it_is_is_shown() {
    let home = Home::new();
    let lines: Vec<_> = (0..500).map(|n| format!("N{n:03}=value {n}\n")).collect();
    home.write("many.txt", lines.concat());
    home.ok(&["import", "many.txt"]);
    // The first and the last one, and some between them.
    let damaged = ["N000", "N127", "N128", "N300", "N499"];
    for name in damaged {
        fs::write(home.secret_file(name), "damaged").unwrap();
    }
    let found = looks(&mut doctor(&home));
    let named: Vec<_> = of(&found, "vault").into_iter().map(text).collect();
    assert_eq!(named.len(), damaged.len(), "{named:?}");
    for (named, name) in named.iter().zip(damaged) {
        assert!(named.starts_with(&format!("`{name}` is damaged")), "{named}");
    }
    let mut shown = Pty::start(home.command("fluvio-secret").arg("doctor"));
    shown.expect("500 of 500 secrets");
    assert_eq!(shown.child.wait().unwrap().code(), Some(1));
}

#[test]
fn damaged_secrets_are_named_and_the_command_for_each_mends_it() {
    let home = Home::new();
    for name in ["EARLIER", "ONLY", "SWAPPED", "FOLDER", "WHOLE"] {
        home.ok(&["set", name, "one"]);
    }
    home.ok(&["set", "EARLIER", "two"]);
    fs::write(home.secret_file("EARLIER"), "no age file").unwrap();
    fs::write(home.secret_file("ONLY"), "").unwrap();
    fs::copy(home.secret_file("WHOLE"), home.secret_file("SWAPPED")).unwrap();
    fs::remove_file(home.secret_file("FOLDER")).unwrap();
    fs::create_dir(home.secret_file("FOLDER")).unwrap();
    let found = looks(&mut doctor(&home));
    let damaged = of(&found, "vault");
    let told: Vec<_> = damaged.iter().map(|one| (text(one), &one["fix"])).collect();
    let folder = home.secret_file("FOLDER");
    let expected = [
        ("`EARLIER` is damaged", "fluvio-secret restore EARLIER".to_owned()),
        ("`FOLDER` is damaged", format!("mv {0} {0}.away", folder.display())),
        ("`ONLY` is damaged", "fluvio-secret set ONLY".to_owned()),
        ("`SWAPPED` is damaged", "fluvio-secret set SWAPPED".to_owned()),
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for ((text, command), (begins, mends)) in told.iter().zip(&expected) {
        assert!(text.starts_with(begins) && **command == **mends, "{told:?}");
    }
    assert!(told[3].0.contains("it holds the secret `WHOLE`"), "{told:?}");
    for (mended, damaged) in damaged.iter().enumerate() {
        fix(&home, damaged);
        let found = looks(&mut doctor(&home));
        let left = of(&found, "vault");
        assert!(left.iter().all(|one| text(one) != text(damaged)), "{left:?}");
        assert!(mended == 3 || left.len() == 3 - mended, "{left:?}");
    }
    assert!(is_ok(&looks(&mut doctor(&home)), "vault"));
}

#[test]
fn many_damaged_secrets_are_counted() {
    let home = Home::new();
    let file: String = (0..20).map(|n| format!("S{n:02}=x\n")).collect();
    home.write("many", file);
    home.ok(&["import", "many"]);
    home.ok(&["set", "WHOLE", "one"]);
    for n in 0..20 {
        fs::write(home.secret_file(&format!("S{n:02}")), "").unwrap();
    }
    let found = looks(&mut doctor(&home));
    let damaged = of(&found, "vault");
    assert_eq!(damaged.len(), 17, "{damaged:?}");
    assert_eq!(text(damaged[16]), "4 more are damaged");
}

#[test]
fn a_lost_identity_and_a_locked_vault_are_told() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    home.ok(&["set", "B", "one"]);
    let (identity, copy) = (home.path("config/identity.txt"), home.path("copy"));
    fs::rename(&identity, &copy).unwrap();
    let found = looks(&mut doctor(&home));
    let lost = one(&found, "vault");
    assert_eq!(lost["state"], "error");
    assert!(text(lost).contains("identity"), "{lost}");
    assert_eq!(lost["fix"], "fluvio-secret key use FILE", "{lost}");
    home.ok(&["key", "use", copy.to_str().unwrap()]);
    let found = looks(&mut doctor(&home));
    assert!(is_ok(&found, "vault"), "{found:?}");
    // Another identity does not decrypt them, and they are not what has to be fixed.
    let other = Home::new();
    other.ok(&["set", "A", "one"]);
    fs::copy(other.path("config/identity.txt"), &identity).unwrap();
    let found = looks(&mut doctor(&home));
    let foreign = one(&found, "vault");
    assert!(text(foreign).starts_with("none of the 2 secrets can be decrypted"), "{foreign}");
    // With the first bytes of what a passphrase protects.
    fs::write(&identity, "age-encryption.org/v1\n").unwrap();
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
    let found = looks(&mut doctor(&home));
    let locked = one(&found, "vault");
    assert_eq!(
        (&locked["state"], &locked["fix"]),
        (&"warning".into(), &"fluvio-secret unlock".into())
    );
    fs::rename(&copy, &identity).unwrap();
    let found = looks(&mut doctor(&home));
    assert!(is_ok(&found, "vault"), "{found:?}");
}

#[test]
fn a15_a_lost_identity_is_an_error_and_not_one_that_the_first_set_makes() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let (identity, copy) = (home.path("config/identity.txt"), home.path("copy"));
    let lost = |what: &str| {
        let found = looks(&mut doctor(&home));
        let lost = one(&found, "identity");
        assert_eq!(lost["state"], "error", "{what}: {lost}");
        assert!(text(lost).contains(identity.to_str().unwrap()), "{what}: {lost}");
        let shown = home.ok(&["key", "show", "-O", "json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((&shown["lost"], &shown["passphrase"]), (&true.into(), &Value::Null), "{what}");
        assert!(home.ok(&["key", "show"]).contains("the identity is missing"), "{what}");
        // The printed command helps, with the file that it leaves to you.
        let command = lost["fix"].as_str().unwrap().replace("FILE", copy.to_str().unwrap());
        fix(&home, &serde_json::json!({ "fix": command }));
        let found = looks(&mut doctor(&home));
        assert!(one(&found, "identity")["state"] != "error", "{what}: {found:?}");
    };
    fs::rename(&identity, &copy).unwrap();
    lost("while the daemon runs");
    home.ok(&["daemon", "stop"]);
    fs::remove_file(&identity).unwrap();
    lost("before the daemon starts");
    // Only earlier versions need it.
    home.ok(&["delete", "A"]);
    fs::remove_file(&identity).unwrap();
    lost("with a history alone");
    // Nothing is encrypted for it, and it is a member.
    home.ok(&["delete", "A", "--purge", "--yes"]);
    fs::remove_file(&identity).unwrap();
    assert!(home.cli(&["set", "A", "two"]).err.contains("does not exist"));
    lost("with a list of members alone");
    home.ok(&["set", "A", "two"]);
}

#[test]
fn an_identity_without_a_passphrase_is_noted_and_a_locked_vault_unlocked() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let found = looks(&mut doctor(&home));
    let open = one(&found, "identity");
    assert!(text(open).contains("has no passphrase"), "{open}");
    // Both commands ask on a terminal; here a file answers.
    let passphrase = home.write("passphrase", "correct horse\n");
    let answered = |found: &Value, option: &str| {
        let command =
            format!("{} {option} {}", found["fix"].as_str().unwrap(), passphrase.display());
        fix(&home, &serde_json::json!({ "fix": command }));
        looks(&mut doctor(&home))
    };
    let found = answered(open, "--new-passphrase-file");
    assert!(is_ok(&found, "identity") && is_ok(&found, "vault"), "{found:?}");
    home.ok(&["lock"]);
    let found = looks(&mut doctor(&home));
    let locked = one(&found, "vault");
    assert_eq!(locked["state"], "warning");
    assert!(text(one(&found, "identity")).ends_with("the vault is locked"), "{found:?}");
    let found = answered(locked, "--passphrase-file");
    assert!(is_ok(&found, "vault"), "{found:?}");
    assert!(text(one(&found, "identity")).ends_with("the vault is unlocked"), "{found:?}");
}

#[test]
fn other_members_are_counted_and_a_list_of_a_stranger_is_not_taken() {
    const OTHER: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let members = |home: &Home| text(one(&looks(&mut doctor(home)), "members")).to_owned();
    assert!(members(&home).ends_with("this machine only"));
    home.ok(&["member", "add", OTHER]);
    assert!(members(&home).ends_with("and 1 other member"));
    let stranger = Home::new();
    stranger.ok(&["set", "A", "x"]);
    fs::copy(stranger.vault().join(".members/1"), home.vault().join(".members/3")).unwrap();
    assert!(members(&home).ends_with("and 1 other member"));
    home.ok(&["set", "B", "x"]);
}

#[test]
fn what_others_may_use_is_told_and_mended() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let places = ["config", "data", "data/vault", "state", "state/run", "config/identity.txt"];
    for place in places {
        home.ok(&["daemon", "stop"]);
        let path = home.path(place);
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let found = looks(&mut doctor(&home));
        let wide = one(&found, "modes");
        assert!(text(wide).contains(path.to_str().unwrap()), "{wide}");
        // No daemon serves then, which is reported with the same command.
        let daemon = one(&found, "daemon");
        assert_eq!((&daemon["state"], &daemon["fix"]), (&"error".into(), &wide["fix"]));
        fix(&home, wide);
        let found = looks(&mut doctor(&home));
        assert!(is_ok(&found, "modes") && is_ok(&found, "daemon"), "{found:?}");
        assert_eq!(fs::metadata(&path).unwrap().permissions(), before);
    }
}

#[test]
fn a_daemon_that_hangs_is_told_and_mended() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let pid = home.daemon_pid().unwrap();
    kill("STOP", pid);
    let found = looks(&mut doctor(&home));
    let hangs = one(&found, "daemon");
    assert!(text(hangs).contains("may hang"), "{hangs}");
    assert_eq!(hangs["fix"], format!("kill -KILL {pid}"));
    fix(&home, hangs);
    eventually("another daemon", || is_ok(&looks(&mut doctor(&home)), "daemon"));
    assert_ne!(home.daemon_pid(), Some(pid));
}

#[test]
fn a_daemon_with_another_vault_is_told_and_mended() {
    let home = Home::new();
    let at = |mut command: Command, data: &str| {
        command.env_remove("FLUVIO_SECRET_HOME").env("XDG_DATA_HOME", home.path(data));
        command
    };
    let mut list = at(home.command("fluvio-secret"), "one");
    assert!(said(list.arg("list")).status.success());
    let found = looks(&mut at(doctor(&home), "two"));
    let other = one(&found, "daemon");
    assert!(text(other).contains("one/fluvio-secret/vault"), "{other}");
    assert_eq!(other["fix"], "fluvio-secret daemon restart");
    let mut restart = at(home.command("fluvio-secret"), "two");
    assert!(said(restart.args(["daemon", "restart"])).status.success());
    assert!(is_ok(&looks(&mut at(doctor(&home), "two")), "daemon"));
    let mut stop = at(home.command("fluvio-secret"), "two");
    assert!(said(stop.args(["daemon", "stop"])).status.success());
}

#[test]
fn settings_that_are_wrong_or_not_yet_known_are_told() {
    let home = Home::new();
    home.ok(&["list"]);
    let settings = home.write("config/settings.toml", "histroy = 5\n");
    let found = looks(&mut doctor(&home));
    let wrong = one(&found, "settings");
    assert_eq!(wrong["state"], "error");
    assert!(text(wrong).contains("line 1") && advice(wrong).contains("`history`?"), "{wrong}");
    assert!(is_ok(&found, "daemon"), "one that runs does not mind: {found:?}");
    home.ok(&["daemon", "stop"]);
    assert!(text(one(&looks(&mut doctor(&home)), "daemon")).contains("histroy"));
    fs::remove_file(&settings).unwrap();
    let found = looks(&mut doctor(&home));
    assert!(is_ok(&found, "settings") && is_ok(&found, "daemon"), "{found:?}");
    eventually("a later second", || {
        home.write("config/settings.toml", "history = 5\n");
        !is_ok(&looks(&mut doctor(&home)), "settings")
    });
    let found = looks(&mut doctor(&home));
    fix(&home, one(&found, "settings"));
    let found = looks(&mut doctor(&home));
    assert!(is_ok(&found, "settings"), "{found:?}");
}

#[test]
fn the_link_called_cdk_is_put_in_front_by_what_is_told() {
    if !need::tool("bash") {
        return;
    }
    let home = Home::new();
    for folder in ["behind", "user"] {
        fs::create_dir(home.path(folder)).unwrap();
    }
    script(&home.path("behind/cdk"), "true");
    script(&home.path("behind/fluvio"), "true");
    let path = format!("{}:/usr/bin:/bin", home.path("behind").display());
    // As a new shell has it.
    let look = || {
        let ask = format!("exec {} doctor -O json", program("fluvio-secret").display());
        let mut bash = home.foreign("bash");
        bash.args(["-i", "-c", &ask]).env("SHELL", "/bin/bash");
        looks(bash.env("HOME", home.path("user")).env("PATH", &path))
    };
    let mends = |look: &Value| {
        let line = look["fix"].as_str().unwrap();
        let mut bash = home.foreign("bash");
        let programs = program("fluvio-secret").parent().unwrap().display().to_string();
        bash.args(["-c", line]).env("HOME", home.path("user"));
        let mended = said(bash.env("PATH", format!("{programs}:{path}")));
        assert!(mended.status.success(), "{line}: {mended:?}");
    };
    let found = look();
    assert!(is_ok(&found, "cdk") && is_ok(&found, "fluvio"), "{found:?}");
    assert_eq!(one(&found, "shim")["fix"], "fluvio-secret cdk --install");
    mends(one(&found, "shim"));
    let found = look();
    assert!(text(one(&found, "shim")).contains("does not come first on PATH"), "{found:?}");
    mends(one(&found, "shim"));
    mends(one(&found, "extension"));
    let found = look();
    assert!(is_ok(&found, "shim") && is_ok(&found, "extension"), "{found:?}");

    // The link is left behind by what it led to, or is another installation's.
    let link = home.path("data/bin/cdk");
    let other = home.path("other/fluvio-secret-shim");
    fs::create_dir(home.path("other")).unwrap();
    for told in ["which does not exist", "points to another fluvio-secret-shim"] {
        fs::remove_file(&link).unwrap();
        symlink(&other, &link).unwrap();
        let found = look();
        assert!(text(one(&found, "shim")).contains(told), "{found:?}");
        mends(one(&found, "shim"));
        assert!(is_ok(&look(), "shim"));
        script(&other, "true");
    }
    // So is one that comes first on PATH.
    symlink(&other, home.path("behind/cdk.front")).unwrap();
    fs::rename(home.path("behind/cdk"), home.path("other/cdk")).unwrap();
    fs::rename(home.path("behind/cdk.front"), home.path("behind/cdk")).unwrap();
    fs::remove_file(home.path("user/.bashrc")).unwrap();
    let found = look();
    let in_front = one(&found, "shim");
    assert!(text(in_front).contains("points to another fluvio-secret-shim"), "{in_front}");
    mends(in_front);
    assert!(is_ok(&look(), "shim"));
}

#[test]
fn without_a_file_system_in_memory_leases_are_wrong() {
    if !need::root() {
        return;
    }
    let home = Home::new();
    home.ok(&["list"]);
    let disk = home.path("disk");
    fs::create_dir(&disk).unwrap();
    script(&home.path("sudo"), "exec \"$@\"");
    // In a mount namespace of its own, where the fix is run, too.
    let script = format!(
        "mount --bind {disk} /dev/shm && mount --bind {disk} /run; \"$@\"; \
         PATH={home}:$PATH; eval \"$(\"$@\" | sed -n 's/.*\"fix\": \"\\(sudo mount.*\\)\".*/\\1/p')\"; \
         echo MENDED; \"$@\"; true",
        disk = disk.display(),
        home = home.path("").display(),
    );
    let mut unshare = home.foreign("unshare");
    unshare.args(["--mount", "sh", "-c", &script, "sh"]).arg(program("fluvio-secret"));
    let said = said(unshare.args(["doctor", "-O", "json"]).env("XDG_RUNTIME_DIR", &disk));
    let on_tmpfs = crate::harness::said(home.foreign("stat").args(["-f", "-c", "%T"]).arg(&disk));
    if on_tmpfs.out.contains("tmpfs") {
        need::say("leases: the folder for temporary files is on a tmpfs itself");
        return;
    }
    let (before, after) = said.out.split_once("MENDED").unwrap_or_else(|| panic!("{said:?}"));
    let found = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap();
    assert_eq!(one(&found(before), "leases")["state"], "error", "{said:?}");
    assert!(is_ok(&found(after), "leases"), "{said:?}");
}

#[test]
fn a_login_that_takes_leases_with_it_is_noted_until_the_user_lingers() {
    if !need::plain_user() || !need::user_namespaces() {
        return;
    }
    let home = Home::new();
    home.ok(&["list"]);
    // Does what loginctl does, where no systemd is asked.
    script(
        &home.path("loginctl"),
        "mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/ada",
    );
    let script = format!(
        "run=/run; [ ! -d /run/systemd ] || run=/run/systemd; \
         mount -t tmpfs tmpfs $run && mount -t tmpfs tmpfs /var/lib && \
         mkdir -p /run/systemd/users && touch /run/systemd/users/$(id -u); \"$@\"; \
         PATH={home}:$PATH; eval \"$(\"$@\" | sed -n 's/.*\"fix\": \"\\(loginctl.*\\)\".*/\\1/p')\"; \
         echo MENDED; \"$@\"",
        home = home.path("").display(),
    );
    let mut unshare = home.foreign("unshare");
    unshare.args(need::NAMESPACE).args(["sh", "-c", &script, "sh"]).arg(program("fluvio-secret"));
    let said = said(unshare.args(["doctor", "-O", "json"]).env("USER", "ada"));
    let (before, after) = said.out.split_once("MENDED").unwrap_or_else(|| panic!("{said:?}"));
    let found = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap();
    assert_eq!(one(&found(before), "logout")["fix"], "loginctl enable-linger", "{said:?}");
    assert!(is_ok(&found(after), "logout"), "{said:?}");
}

#[test]
fn a_soft_limit_of_locked_memory_is_raised_and_a_hard_one_is_noted() {
    // Root may lock memory whatever the limits are.
    if !need::plain_user() {
        return;
    }
    for (limit, state, found_text) in [
        ("ulimit -S -l 0", "ok", "the identity is locked into memory"),
        ("ulimit -l 0", "warning", "raise memlock in /etc/security/limits.conf and log in again"),
    ] {
        let home = Home::new();
        let mut shell = home.foreign("sh");
        let script = format!("{limit}; exec \"$@\"");
        shell.args(["-c", &script, "sh"]).arg(program("fluvio-secret"));
        assert!(said(shell.args(["set", "A", "one"])).status.success());
        let found = looks(&mut doctor(&home));
        assert_eq!(one(&found, "memory")["state"], state, "{found:?}");
        let memory = one(&found, "memory");
        let line = [text(memory), memory["advice"].as_str().unwrap_or_default()].concat();
        assert!(line.ends_with(found_text), "{found:?}");
    }
}

#[test]
fn secrets_in_plain_text_are_told_and_git_is_made_to_forget_them() {
    if !need::tool("git") {
        return;
    }
    let home = Home::new();
    let git = |line: &str| {
        let mut git = home.foreign("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(line.split(' '));
        let said = said(git.current_dir(home.path("project")));
        assert!(said.status.success(), "{line}: {said:?}");
        said.out
    };
    make_folder(&home.path("project/src"), 0o755);
    let in_project = || {
        let mut doctor = doctor(&home);
        doctor.current_dir(home.path("project"));
        looks(&mut doctor)
    };
    // The commands are printed for the directory in which they are typed.
    let mends = |found: &Value| {
        let command = format!("cd project && {}", found["fix"].as_str().unwrap());
        fix(&home, &serde_json::json!({ "fix": command }));
    };
    assert!(is_ok(&in_project(), "project"));
    let plain = home.path("project/secrets.txt");
    fs::write(&plain, "TOKEN=cnry-1\n").unwrap();
    let found = in_project();
    assert_eq!(text(one(&found, "project")), "secrets.txt has secrets in plain text");
    git("init --quiet .");
    git("add secrets.txt");
    git("commit --quiet -m first");
    let nested = home.path("project/src/secret.txt");
    fs::write(&nested, "OTHER=cnry-2\n").unwrap();
    let found = in_project();
    let told: Vec<_> =
        of(&found, "project").into_iter().map(|one| (text(one), &one["state"])).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].0.starts_with("secrets.txt has") && told[0].0.contains("git tracks it"));
    assert_eq!((told[0].1, told[1].1), (&"error".into(), &"warning".into()));
    assert_eq!(told[1].0, "src/secret.txt has secrets in plain text, which git does not track");
    for one in of(&found, "project") {
        mends(one);
    }
    let found = in_project();
    assert!(is_ok(&found, "project"), "{found:?}");
    assert!(!plain.exists() && !nested.exists() && git("ls-files").is_empty());
    assert_eq!(home.ok(&["list"]).lines().count(), 3);
    // A .env belongs to the program that reads it: git forgets it, and it stays.
    let env = home.path("project/.env");
    fs::write(&env, "FOURTH='cnry-3'\n").unwrap();
    git("add .env");
    let found = in_project();
    assert!(text(one(&found, "project")).starts_with(".env has secrets in plain text, and git"));
    mends(one(&found, "project"));
    let found = in_project();
    let found = one(&found, "project");
    assert_eq!((&found["state"], &found["fix"]), (&"warning".into(), &Value::Null));
    assert!(env.exists() && git("ls-files").is_empty());
    fs::remove_file(&env).unwrap();
    // Without the first half of it, git has the name still.
    fs::write(&plain, "TOKEN=cnry-1\n").unwrap();
    git("add secrets.txt");
    fs::remove_file(&plain).unwrap();
    let found = in_project();
    assert!(text(one(&found, "project")).contains("git still tracks it"), "{found:?}");
    mends(one(&found, "project"));
    assert!(is_ok(&in_project(), "project"));
}

#[test]
fn a_file_that_import_refuses_is_reported_with_the_reason_and_no_import() {
    let home = Home::new();
    make_folder(&home.path("project"), 0o755);
    let found = |text: &str| {
        fs::write(home.path("project/secrets.txt"), text).unwrap();
        let mut doctor = doctor(&home);
        doctor.current_dir(home.path("project"));
        looks(&mut doctor)
    };
    for (content, why) in [
        ("export TOKEN=cnry-1\n", "line 1: it begins with `export`"),
        ("TOKEN=cnry-1\nA-B=cnry-2\n", "line 2: the text before = is not the name of a secret"),
        ("TOKEN=cnry-1\nKEY='cnry\n2'\n", "line 2: its value continues on the next lines"),
        ("TOKEN=cnry-1\nTOKEN=cnry-2\n", "the text in line 2 would be lost"),
    ] {
        let found = found(content);
        let one = one(&found, "project");
        assert_eq!((&one["state"], &one["fix"]), (&"warning".into(), &Value::Null), "{one}");
        assert!(text(one).starts_with("secrets.txt has secrets in plain text"), "{one}");
        assert!(text(one).contains(why) && !text(one).contains("cnry"), "{one}");
        let file = home.path("project/secrets.txt");
        let import = home.cli(&["import", "--remove", file.to_str().unwrap()]);
        assert!(!import.status.success() && import.err.contains(why), "{import:?}");
        assert!(file.exists(), "{why}");
    }
    let found = found("TOKEN=cnry-1\n");
    let import = "fluvio-secret import --remove secrets.txt";
    assert_eq!(one(&found, "project")["fix"], import);
}

#[test]
fn a15_a_vault_that_is_not_there_is_explained_and_no_command_begins_an_empty_one() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    home.ok(&["daemon", "stop"]);
    fs::rename(home.vault(), home.path("elsewhere")).unwrap();
    let vault = home.vault().display().to_string();
    let explained = |end: &str| {
        let found = looks(&mut doctor(&home));
        let wrong = one(&found, "daemon");
        assert_eq!((&wrong["state"], &wrong["fix"]), (&"error".into(), &Value::Null), "{wrong}");
        for part in [&*vault, "mount the vault at", "put it back", end] {
            assert!(advice(wrong).contains(part), "{part}: {wrong}");
        }
    };
    explained("to start with an empty vault: fluvio-secret daemon start --accept-vault");
    make_folder(&home.vault(), 0o700);
    explained("to start with an empty vault: fluvio-secret daemon start --accept-vault");
    let other = Home::new();
    other.ok(&["set", "A", "other"]);
    fs::remove_dir(home.vault()).unwrap();
    fs::rename(other.vault(), home.vault()).unwrap();
    explained("to use the vault that is there now: fluvio-secret daemon start --accept-vault");
    fs::rename(home.vault(), other.vault()).unwrap();
    fs::rename(home.path("elsewhere"), home.vault()).unwrap();
    assert!(is_ok(&looks(&mut doctor(&home)), "daemon"));
}

#[test]
fn d15_a_report_names_no_secret_and_no_user() {
    let home = Home::new();
    let names = ["CNRY_ONE", "CNRY_TWO", "CNRY_THREE", "CNRY_FOUR"];
    for name in names {
        home.ok(&["set", name, "cnry-value"]);
    }
    home.ok(&["set", "CNRY_TWO", "cnry-value-2"]);
    fs::write(home.secret_file("CNRY_ONE"), "").unwrap();
    fs::write(home.secret_file("CNRY_TWO"), "").unwrap();
    fs::copy(home.secret_file("CNRY_FOUR"), home.secret_file("CNRY_THREE")).unwrap();
    make_folder(&home.path("adaname"), 0o755);
    home.write("adaname/secrets.txt", "CNRY_FIVE=cnry-value\n");
    let mut report = home.command("fluvio-secret");
    report.args(["doctor", "--report"]).env("USER", "adaname");
    let report = said(report.current_dir(home.path("adaname")));
    assert_eq!(report.code(), Some(1), "{report:?}");
    let told = [&*report.out, &*report.err].concat();
    let folder = home.path("");
    for hidden in ["CNRY", "cnry", "adaname", folder.to_str().unwrap().trim_end_matches('/')] {
        assert!(!told.contains(hidden), "{hidden}: {told}");
    }
    for shown in [
        "Version",
        env!("CARGO_PKG_VERSION"),
        "Kernel",
        "history = 10",
        "`NAME` is damaged",
        "~/data/vault/NAME.age",
    ] {
        assert!(told.contains(shown), "{shown}: {told}");
    }
    assert_eq!(home.cli(&["doctor", "--report", "-O", "json"]).code(), Some(2));
}

/// What is wrong with writing, by its text.
fn unwritable(home: &Home) -> Vec<String> {
    let found = looks(&mut doctor(home));
    let wrong = of(&found, "writing").into_iter().filter(|one| one["state"] == "error");
    wrong.map(|one| format!("{}; {}", text(one), advice(one))).collect()
}

#[test]
fn g1_a_full_disk_is_an_error_and_room_on_it_ends_that() {
    if !need::root() {
        return;
    }
    for (place, options) in
        [("state", "size=256k"), ("data", "size=256k"), ("state", "nr_inodes=32")]
    {
        let home = Home::new();
        make_folder(&home.path(place), 0o700);
        let mount = Mount::tmpfs(&home.path(place), options);
        home.ok(&["set", "A", "one"]);
        assert!(unwritable(&home).is_empty(), "{place}");
        let fill = home.path(place).join("fill");
        make_folder(&fill, 0o700);
        // By bytes or by inodes, until nothing more can be made.
        let full = (0..1000).any(|n| fs::write(fill.join(n.to_string()), [0; 4096]).is_err());
        assert!(full, "{place}");
        let wrong = unwritable(&home);
        let directory = home.path(place).display().to_string();
        assert!(wrong.iter().any(|text| text.contains(&directory)), "{place}: {wrong:?}");
        assert!(wrong[0].ends_with("; free some space there"), "{wrong:?}");
        fs::remove_dir_all(fill).unwrap();
        assert!(unwritable(&home).is_empty(), "{place}");
        said(home.command("fluvio-secret").args(["daemon", "stop"]));
        drop(mount);
    }
}

#[test]
fn g1_a_read_only_home_is_an_error_in_each_directory() {
    if !need::root() {
        return;
    }
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    let wrong = {
        let _mounts = ["config", "data", "state"].map(|place| Mount::read_only(&home.path(place)));
        unwritable(&home)
    };
    for place in ["config", "data", "data/vault", "state", "state/run"] {
        let begins = format!("cannot create and remove a file in {}: ", home.path(place).display());
        assert!(wrong.iter().any(|text| text.starts_with(&begins)), "{place}: {wrong:?}");
    }
    assert!(unwritable(&home).is_empty());
}

#[test]
fn g1_a_full_log_that_cannot_be_put_aside_is_an_error_with_what_ends_it() {
    let home = Home::new();
    home.ok(&["set", "A", "one"]);
    for log in ["audit.log.1", "daemon.log.1"] {
        make_folder(&home.path("state").join(log).join("inside"), 0o700);
        let found = looks(&mut doctor(&home));
        assert!(text(one(&found, "writing")).contains(log), "{found:?}");
        fix(&home, one(&found, "writing"));
        assert!(is_ok(&looks(&mut doctor(&home)), "writing"));
    }
    // Nothing of what it tries is left.
    let left = |name: &str| name.starts_with(".tmp-");
    for place in ["config", "data", "data/vault", "state", "state/run"] {
        let entries = fs::read_dir(home.path(place)).unwrap().flatten();
        let mut names = entries.map(|entry| entry.file_name().into_string().unwrap());
        assert!(!names.any(|name| left(&name)), "{place}");
    }
}

#[test]
fn d20_a_key_below_a_work_tree_is_not_added_and_one_that_is_tracked_is_reported() {
    if !need::tool("git") {
        return;
    }
    let home = Home::new();
    let tree = home.path("");
    let tracked = || git(&home, &tree, &["ls-files"]).out;
    git(&home, &tree, &["init", "-q"]);
    home.ok(&["set", "A", "one"]);
    git(&home, &tree, &["add", "-A"]);
    assert!(!tracked().contains("identity") && !tracked().contains("audit.log"), "{}", tracked());
    assert!(is_ok(&looks(&mut doctor(&home)), "git"));
    // Where the daemon finds none, as in a home of an earlier version, it makes one.
    for place in ["config", "state"] {
        fs::remove_file(home.path(place).join(".gitignore")).unwrap();
    }
    let found = looks(&mut doctor(&home));
    let addable = one(&found, "git");
    assert!(addable["state"] == "error" && text(addable).contains("identity.txt"), "{addable}");
    home.ok(&["daemon", "restart"]);
    assert!(is_ok(&looks(&mut doctor(&home)), "git"));
    // A rule of the user's own that lets the key through is theirs to change.
    home.write("config/.gitignore", "*\n!identity*\n");
    let found = looks(&mut doctor(&home));
    fix(&home, one(&found, "git"));
    assert!(is_ok(&looks(&mut doctor(&home)), "git"));
    // One that was added all the same.
    git(&home, &tree, &["add", "--force", "config/identity.txt"]);
    git(&home, &tree, &["commit", "-qm", "all"]);
    let found = looks(&mut doctor(&home));
    let reported = one(&found, "git");
    assert!(text(reported).starts_with("git tracks "), "{reported}");
    let before = fs::read(home.path("config/identity.txt")).unwrap();
    fix(&home, reported);
    assert!(is_ok(&looks(&mut doctor(&home)), "git") && !tracked().contains("identity"));
    assert_ne!(fs::read(home.path("config/identity.txt")).unwrap(), before, "another key");
    home.ok(&["check", home.config(&["A"]).to_str().unwrap()]);
}
