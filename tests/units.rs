//! The units of systemd: what it says of them, and what they do in the manager of a user's session.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::sources::root;
use crate::harness::{Home, eventually, make_folder, need, program, said};

const UNITS: [&str; 2] = ["fluvio-secretd.service", "fluvio-secretd.socket"];

/// The units in a directory of the home, with the built daemon.
fn units(home: &Home, folder: &str) -> [PathBuf; 2] {
    make_folder(&home.path(folder), 0o755);
    UNITS.map(|name| {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd").join(name);
        let text = fs::read_to_string(from).unwrap();
        let daemon = program("fluvio-secretd");
        let text = text.replace("/usr/bin/fluvio-secretd", daemon.to_str().unwrap());
        home.write(&format!("{folder}/{name}"), text)
    })
}

/// The units that replicate a vault: the personal one, and that of the project in a directory.
const SYNC_UNITS: [&str; 2] = ["fluvio-secret-sync.service", "fluvio-secret-sync@.service"];

/// systemd-analyze of a user's units.
fn analyze(home: &Home, args: &[&str]) -> Command {
    let mut analyze = home.foreign("systemd-analyze");
    analyze.arg("--user").args(args).env("XDG_RUNTIME_DIR", home.path(""));
    analyze
}

#[test]
fn systemd_has_nothing_to_say_of_the_units() {
    if !need::sources() || !need::tool("systemd-analyze") {
        return;
    }
    let home = Home::new();
    let units = units(&home, "units");
    let strict = ["--man=no", "--recursive-errors=yes", "verify"];
    let verified = said(analyze(&home, &strict).args(&units));
    assert!(verified.status.success(), "{verified:?}");
    assert_eq!((verified.out.as_str(), verified.err.as_str()), ("", ""));
    // It would say something.
    let text = fs::read_to_string(&units[0]).unwrap();
    fs::write(&units[0], text.replace("LockPersonality", "LockPersonalty")).unwrap();
    assert!(!said(analyze(&home, &strict).args(&units)).err.is_empty());
}

#[test]
fn systemd_has_nothing_to_say_of_the_units_that_replicate() {
    if !need::sources() || !need::tool("systemd-analyze") {
        return;
    }
    let home = Home::new();
    units(&home, "units");
    let cli = program("fluvio-secret");
    let mut written = SYNC_UNITS.map(|name| {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd").join(name);
        let text = fs::read_to_string(from).unwrap();
        let text = text.replace("/usr/bin/fluvio-secret", cli.to_str().unwrap());
        home.write(&format!("units/{name}"), text)
    });
    // An instance, whose directory is `/a`.
    let instance = home.path("units/fluvio-secret-sync@a.service");
    fs::rename(&written[1], &instance).unwrap();
    written[1] = instance;
    let strict = ["--man=no", "--recursive-errors=no", "verify"];
    let verified = said(analyze(&home, &strict).args(&written));
    assert!(verified.status.success(), "{verified:?}");
    assert_eq!((verified.out.as_str(), verified.err.as_str()), ("", ""));
    let text = fs::read_to_string(&written[0]).unwrap();
    fs::write(&written[0], text.replace("LockPersonality", "LockPersonalty")).unwrap();
    assert!(!said(analyze(&home, &strict).args(&written)).err.is_empty());
}

#[test]
fn systemd_has_nothing_to_say_of_the_units_in_the_guide() {
    if !need::sources() || !need::tool("systemd-analyze") {
        return;
    }
    let home = Home::new();
    let programs = ["fluvio-secret", "fluvio-secretd"].map(|name| (name, program(name)));
    let page = fs::read_to_string(root().join("guide/src/how-to/systemd.md")).unwrap();
    let blocks = page.split("```ini\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let blocks: Vec<_> = blocks.collect();
    let added: Vec<_> = blocks.iter().filter(|block| block.contains("Credential")).collect();
    assert_eq!(added.len(), 1);
    let mut verified = 0;
    for block in blocks.iter().filter(|block| block.contains("ExecStart=")) {
        // Where the programs are, and a connector that is there.
        let mut text = block.replace("%h/project/target/release/http-source", "/bin/true");
        for (name, path) in &programs {
            for installed in ["%h/.local/bin", "/usr/bin"] {
                let from = format!("{installed}/{name} ");
                text = text.replace(&from, &format!("{} ", path.display()));
            }
        }
        let is_system = text.contains("User=");
        let manager = if is_system { "--system" } else { "--user" };
        text.push_str(if is_system { added[0] } else { "" });
        let unit = home.write(&format!("guide-{verified}.service"), text);
        // The socket's unit is in no directory of systemd here.
        let mut analyze = home.foreign("systemd-analyze");
        analyze.arg(manager).env("XDG_RUNTIME_DIR", home.path(""));
        let said = said(analyze.args(["--man=no", "--recursive-errors=no", "verify"]).arg(unit));
        assert!(said.status.success() && said.err.is_empty(), "{block}\n{said:?}");
        verified += 1;
    }
    assert_eq!(verified, 2);
}

#[test]
fn the_daemons_exposure_is_no_higher_than_with_systemd_252() {
    if !need::sources() || !need::tool("systemd-analyze") {
        return;
    }
    let home = Home::new();
    let [service, _] = units(&home, "units");
    let judged = said(analyze(&home, &["security", "--offline=true"]).arg(service));
    let figure = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before} in {text}"));
        let figure = rest.split_whitespace().next().unwrap_or_default();
        figure.parse::<f32>().unwrap_or_else(|error| panic!("{figure}: {error}"))
    };
    let exposure = figure(&judged.out, "Overall exposure level for fluvio-secretd.service:");
    // Later versions of systemd judge a little differently.
    assert!(exposure <= 6.2 + 0.3, "{judged:?}");
}

/// In namespaces of its own: the manager of the plain user 1000's session, as systemd starts it at a
/// login, and what that user types in it. The lines that are printed are looked at below.
const SESSION: &str = r#"
set -eu
home=$1 programs=$2
umount --recursive /sys/fs/cgroup 2> /dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
# The manager starts only where systemd is said to have booted.
mkdir -p /run/systemd/system /run/user
mount -t tmpfs -o mode=755 none /run/user
mount -t tmpfs -o mode=1777 none /dev/shm
mkdir -m 700 /run/user/1000 "$home/tmp"
chown 1000:1000 /run/user/1000 "$home/tmp"
as_user() {
    setpriv --reuid 1000 --regid 1000 --clear-groups \
        env -i HOME="$home" USER=user TMPDIR="$home/tmp" XDG_RUNTIME_DIR=/run/user/1000 PATH="$PATH" "$@"
}
secret() { as_user "$programs/fluvio-secret" "$@"; }
pid() { secret status | sed -n 's/.* pid \([0-9]*\),.*/\1/p'; }

as_user SYSTEMD_LOG_TARGET=console /lib/systemd/systemd --user > "$home/manager.log" 2>&1 &
manager=$!
tries=0
until as_user systemctl --user is-system-running > /dev/null 2>&1 || [ $tries = 100 ]; do
    tries=$((tries + 1)); sleep 0.1
done

echo '== before systemd has the socket, a command starts a daemon'
secret set A one > /dev/null
before=$(pid)
# What doctor prints is what the guide has, and fixes what it is about.
enable=$(secret doctor | sed -n '/^units  *warning /{n;s/^ *help: fix it with: //p}')
echo "$enable"
as_user sh -c "$enable" 2> /dev/null
secret doctor | sed -n "s/^units  *\([a-z]*\) .*fluvio-secretd.socket \(.*\)/units: \1, \2/p"
secret list | grep -c '^A '
after=$(pid)
[ "$before" != "$after" ] && echo 'another daemon'
[ "$(as_user systemctl --user show --property MainPID --value fluvio-secretd.service)" = "$after" ] && echo "systemd's"
grep -E '^(NoNewPrivs|Seccomp):' "/proc/$after/status" | tr '\t' ' '

echo '== all that a daemon does is let through'
printf 'B=two\nC=three\n' > "$home/secrets.txt"
secret import --remove "$home/secrets.txt" > /dev/null
secret set A four > /dev/null
secret restore A > /dev/null
secret delete --purge --yes C > /dev/null
printf 'meta: {name: c, type: c-source, topic: c, version: 0.1.0}\nv: {secret: {name: A}}\n' > "$home/c.yaml"
secret run --config "$home/c.yaml" --as-is -- printenv A
mkdir -p "$home/behind"
ln -sf "$programs/cdk-stand-in" "$home/behind/cdk"
printf '#!/bin/sh\nexec sleep 1000\n' > "$home/connector"
chmod 755 "$home/connector"
cd "$home"
PATH=$home/behind:$PATH
secret cdk deploy start --config c.yaml > /dev/null
secret lease list -O json | grep '"connector"' | tr -d ' ,'
secret cdk deploy shutdown --name c > /dev/null

echo '== what ends it, and who starts it again'
secret daemon restart | sed 's/ (pid.*//'
kill -KILL "$(pid)"
secret list | grep -c '^[AB] '
secret daemon stop
secret list | grep -c '^[AB] '

echo '== why one cannot serve is told as ever'
secret daemon stop
mv "$home/.config/fluvio-secret/identity.txt" "$home/identity"
(umask 077 && echo nothing > "$home/.config/fluvio-secret/identity.txt")
chown 1000:1000 "$home/.config/fluvio-secret/identity.txt"
secret list 2>&1 | grep -o 'cannot start the daemon: the identity'
mv "$home/identity" "$home/.config/fluvio-secret/identity.txt"
secret list | grep -c '^[AB] '
secret daemon stop
as_user systemctl --user exit
wait "$manager" || true
"#;

/// A group of processes that the user may divide, as a login gives one. Removed when it is empty.
struct Delegated(PathBuf);

impl Delegated {
    fn new() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let root = mounts.lines().find_map(|line| {
            let mut words = line.split(' ');
            (words.nth(2)? == "cgroup2").then(|| line.split(' ').nth(1).map(PathBuf::from))?
        })?;
        let group = root.join(format!("fluvio-secret-test-{}", std::process::id()));
        fs::create_dir(&group).ok()?;
        for file in ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"] {
            chown(group.join(file), Some(1000), Some(1000)).unwrap();
        }
        Some(Self(group))
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        remove_groups(&self.0);
    }
}

/// Removes a group and those in it, when their processes have ended.
fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    eventually("the end of a group", || fs::remove_dir(group).is_ok() || !group.exists());
}

#[test]
fn b11_the_units_hold_in_the_manager_of_a_users_session() {
    let tools = ["systemd-analyze", "unshare", "setpriv"];
    if !need::root() || !need::sources() || !tools.into_iter().all(need::tool) {
        return;
    }
    let Some(group) = Delegated::new() else {
        return need::say("skipped: this machine has no cgroup2");
    };
    let home = Home::new();
    let folder = home.path("user");
    // The built programs may be where a plain user cannot enter.
    make_folder(&home.path("programs"), 0o755);
    for name in ["fluvio-secret", "fluvio-secretd", "fluvio-secret-shim", "cdk-stand-in"] {
        let copied = said(home.foreign("cp").arg(program(name)).arg(home.path("programs")));
        assert!(copied.status.success(), "{copied:?}");
    }
    let inside = "user/.config/systemd/user";
    for unit in units(&home, inside) {
        let text = fs::read_to_string(&unit).unwrap();
        let programs = program("fluvio-secretd").parent().unwrap().display().to_string();
        fs::write(unit, text.replace(&programs, home.path("programs").to_str().unwrap())).unwrap();
    }
    fs::set_permissions(home.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(said(home.foreign("chown").args(["-R", "1000:1000"]).arg(&folder)).status.success());
    let enter = "echo $$ > \"$1/cgroup.procs\"; shift; exec unshare \"$@\"";
    let namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--cgroup"];
    let mut session = home.foreign("sh");
    session.args(["-c", enter, "sh"]).arg(&group.0).args(namespaces);
    session.args(["sh", "-c", SESSION, "sh"]).arg(&folder).arg(home.path("programs"));
    let session = said(session.env_remove("FLUVIO_SECRET_HOME").env("LC_ALL", "C"));
    let log = fs::read_to_string(folder.join("manager.log")).unwrap_or_default();
    assert!(session.status.success(), "{session:?}\n{log}");
    assert_eq!(session.out.trim(), EXPECTED.trim(), "{}\n{log}", session.err);
}

const EXPECTED: &str = r#"
== before systemd has the socket, a command starts a daemon
systemctl --user enable --now fluvio-secretd.socket
units: ok, is enabled
1
another daemon
systemd's
NoNewPrivs: 1
Seccomp: 2
== all that a daemon does is let through
one
"connector":"c"
== what ends it, and who starts it again
Daemon stopped
Daemon is running
2
Daemon stopped
2
== why one cannot serve is told as ever
Daemon stopped
cannot start the daemon: the identity
2
Daemon stopped
"#;
