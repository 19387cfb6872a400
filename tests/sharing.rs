//! Machines that share the vault of a project by git: who gets the secrets, and whose list of members counts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::cdk::Project;
use crate::harness::{Home, Said, behind, eventually, need, said};

/// Keys on paper, which sign nothing.
pub(crate) const PAPER: [&str; 2] = [
    "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
];

/// The repository that all push to.
pub(crate) struct Origin(TempDir);

impl Origin {
    pub(crate) fn new() -> Self {
        let origin = Self(tempfile::Builder::new().prefix("fs-").tempdir().unwrap());
        let mut git = Command::new("git");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        git.args(["init", "--quiet", "--bare", "--shared=0777", "--initial-branch=main"]);
        // Each user writes there.
        fs::set_permissions(origin.0.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let made = said(git.arg(origin.path()));
        assert!(made.status.success(), "{made:?}");
        origin
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("weather.git")
    }
}

/// A machine with a clone of the project.
pub(crate) struct Machine {
    pub(crate) home: Home,
    pub(crate) clone: PathBuf,
    /// What comes before each command: it runs as the machine's user.
    user: Vec<String>,
}

impl Machine {
    /// Clones the project, as the user who runs the tests.
    pub(crate) fn new(origin: &Origin, name: &str) -> Self {
        Self::of(Home::new(), origin, name, vec!["env".to_owned()])
    }

    /// Clones the project as a user of its own, if the tests run as root. Fluvio's own `cdk` needs the home that
    /// Cargo was installed in.
    fn of_user(home: Home, origin: &Origin, name: &str, uid: u32) -> Self {
        if !rustix::process::geteuid().is_root() || std::env::var_os("CDK").is_some() {
            return Self::of(home, origin, name, vec!["env".to_owned()]);
        }
        let user = format!("setpriv --reuid {uid} --regid {uid} --clear-groups");
        Self::of(home, origin, name, user.split(' ').map(str::to_owned).collect())
    }

    fn of(home: Home, origin: &Origin, name: &str, user: Vec<String>) -> Self {
        let clone = home.path("weather");
        // The repository belongs to another user.
        let settings = format!(
            "[user]\nname = {name}\nemail = {name}@localhost\n[safe]\ndirectory = *\n\
             [init]\ndefaultBranch = main\n[commit]\ngpgsign = false\n[pull]\nrebase = false\n"
        );
        home.write(".gitconfig", settings);
        let machine = Self { home, clone, user };
        machine.own();
        let mut git = machine.home.foreign("git");
        git.args(["clone", "--quiet"]).arg(origin.path()).arg(&machine.clone);
        let cloned = machine.said(&git);
        assert!(cloned.status.success(), "{cloned:?}");
        machine
    }

    /// Gives the home to its user.
    fn own(&self) {
        let Some(uid) = self.user.get(2) else { return };
        let home = self.home.path("");
        for directory in [Some(home.as_path()), self.home.memory()].into_iter().flatten() {
            let mut chown = Command::new("chown");
            let done = said(chown.args(["-R", &format!("{uid}:{uid}")]).arg(directory));
            assert!(done.status.success(), "{done:?}");
        }
    }

    /// Runs a program as the machine's user.
    fn said(&self, command: &Command) -> Said {
        let words: Vec<_> = self.user.iter().map(String::as_str).collect();
        said(&mut behind(&words, command))
    }

    pub(crate) fn git(&self, args: &[&str]) -> Said {
        let mut git = self.home.foreign("git");
        self.said(git.args(args).current_dir(&self.clone))
    }

    pub(crate) fn git_ok(&self, args: &[&str]) {
        let said = self.git(args);
        assert!(said.status.success(), "git {args:?}: {said:?}");
    }

    pub(crate) fn push(&self) {
        self.git_ok(&["add", "--all"]);
        self.git_ok(&["commit", "--quiet", "--message", "change"]);
        self.git_ok(&["push", "--quiet", "origin", "HEAD:main"]);
    }

    pub(crate) fn pull(&self) {
        self.git_ok(&["pull", "--quiet", "origin", "main"]);
    }

    /// The command line in the clone.
    pub(crate) fn cli(&self, args: &[&str]) -> Said {
        let mut cli = self.home.command("fluvio-secret");
        self.said(cli.args(args).current_dir(&self.clone))
    }

    pub(crate) fn ok(&self, args: &[&str]) -> Said {
        let said = self.cli(args);
        assert!(said.status.success(), "{args:?}: {said:?}");
        said
    }

    /// What a connector of the project gets.
    pub(crate) fn run(&self, name: &str) -> Said {
        let config = format!(
            "meta: {{version: 0.1.0, name: test, type: test-source, topic: test}}\n\
             custom: {{value: {{secret: {{name: {name}}}}}}}\n"
        );
        fs::write(self.clone.join("config.yaml"), config).unwrap();
        let script = format!("printf %s \"${name}\"");
        let config = self.clone.join("config.yaml");
        let run = self.home.run(&config, &["--as-is"], &["sh", "-c", &script]);
        let said = self.said(&run);
        fs::remove_file(config).unwrap();
        said
    }

    pub(crate) fn value(&self, name: &str) -> String {
        let said = self.run(name);
        assert!(said.status.success(), "{said:?}");
        said.out
    }

    /// The members and the requests, as `member list` has them.
    fn members(&self) -> Vec<Value> {
        serde_json::from_str(&self.ok(&["member", "list", "-O", "json"]).out).unwrap()
    }

    pub(crate) fn fingerprint(&self) -> String {
        let members = self.members();
        let own = members.iter().find(|one| one["own"] == true).expect("this machine");
        own["fingerprint"].as_str().unwrap().to_owned()
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.clone.join(".fluvio-secret")
    }

    /// For how many keys a secret is encrypted.
    fn recipients_of(&self, name: &str) -> usize {
        let bytes = fs::read(self.vault().join(format!("{name}.age"))).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        text.lines()
            .take_while(|line| !line.starts_with("---"))
            .filter(|line| line.starts_with("-> X25519 "))
            .count()
    }
}

/// The next step about a secret, on a machine that may not set it.
const SET_ELSEWHERE: &str = "set it on a machine that may change the vault";

/// The machine that made the vault, which has the secret `TOKEN`.
pub(crate) fn first(origin: &Origin) -> Machine {
    let ada = Machine::new(origin, "ada");
    ada.ok(&["vault", "init"]);
    ada.ok(&["set", "TOKEN", "from ada"]);
    ada.push();
    ada
}

/// Another one that the first has admitted.
pub(crate) fn admitted(origin: &Origin, first: &Machine, name: &str, role: &str) -> Machine {
    let machine = Machine::new(origin, name);
    machine.ok(&["vault", "join", "--yes", "--note", name, "--role", role]);
    machine.push();
    first.pull();
    first.ok(&["member", "admit", "--yes"]);
    first.push();
    machine.pull();
    machine
}

pub(crate) fn refused(said: &Said, why: &str) {
    assert!(!said.status.success() && said.err.contains(why), "{said:?}");
}

#[test]
fn a_colleague_joins_by_git_with_few_commands() {
    if !need::tool("git") || !need::tool("setpriv") {
        return;
    }
    let origin = Origin::new();
    let ada = Machine::of_user(Home::new(), &origin, "ada", 1000);
    ada.ok(&["vault", "init"]);
    ada.ok(&["set", "TOKEN", "from ada"]);
    fs::write(ada.clone.join("facts.yaml"), FACTS).unwrap();
    ada.push();

    // Everything that the two type, besides git's own commands.
    let (mut of_bob, mut of_ada) = (0, 0);
    let bob = Machine::of_user(Home::new(), &origin, "bob", 1001);
    let project = Project::new(&bob.home);
    bob.own();
    let mut bob_types = |args: &[&str]| {
        of_bob += 1;
        bob.ok(args)
    };
    let joined = bob_types(&["vault", "join", "--yes"]);
    assert!(joined.err.contains("fluvio-secret member admit"), "{joined:?}");
    // Until then it is not said that a file is damaged, or that he should set the secret again.
    let early = bob.run("TOKEN");
    refused(&early, "is not encrypted for this machine's key");
    refused(&early, &format!("fluvio-secret member admit {}", bob.fingerprint()));
    // Another command would be refused, too.
    refused(&bob.run("NONE"), SET_ELSEWHERE);
    bob.push();
    ada.pull();
    let mut ada_types = |args: &[&str]| {
        of_ada += 1;
        ada.ok(args)
    };
    let shown = ada_types(&["member", "admit", "--yes"]);
    assert!(shown.out.contains("asks for writer"), "{shown:?}");
    assert!(shown.out.contains("1 member admitted successfully"), "{shown:?}");
    ada.push();
    bob.pull();
    let cdk = |line: &str| bob.said(&project.cdk(line));
    let config = bob.clone.join("facts.yaml");
    let started = cdk(&format!("deploy start --config {}", config.display()));
    of_bob += 1;
    assert!(started.status.success(), "{started:?}");
    eventually("the connector", || project.given() == "TOKEN=from ada\n");
    assert!(of_bob <= 3 && of_ada <= 2, "{of_bob} {of_ada}");

    // Both change secrets from now on, and neither needs another step.
    bob.ok(&["set", "TOKEN", "from bob"]);
    bob.push();
    ada.pull();
    assert_eq!(ada.value("TOKEN"), "from bob");
    let ended = cdk("deploy shutdown --name facts");
    assert!(ended.status.success(), "{ended:?}");
    eventually("the end of the lease", || bob.ok(&["lease", "list"]).out.lines().count() == 1);
    for machine in [&ada, &bob] {
        machine.ok(&["daemon", "stop"]);
    }
}

/// The configuration of a connector that the stand-in of `cdk` starts.
const FACTS: &str = "\
apiVersion: 0.1.0
meta:
  version: 0.1.0
  name: facts
  type: project-source
  topic: test
custom:
  - secret: {name: TOKEN}
";

#[test]
fn a_list_that_an_admin_signed_on_another_machine_is_accepted_without_a_question() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    let bob = admitted(&origin, &ada, "bob", "admin");
    let carol = admitted(&origin, &ada, "carol", "reader");
    bob.pull();
    let set = bob.ok(&["set", "TOKEN", "from bob"]);
    assert!(!set.err.contains("member"), "nothing is asked or reported: {set:?}");
    bob.push();
    carol.pull();
    assert_eq!(carol.value("TOKEN"), "from bob");
    // The same the other way round, by an admin who was admitted.
    bob.ok(&["member", "add", PAPER[0], "--note", "in a drawer"]);
    bob.push();
    ada.pull();
    ada.ok(&["set", "TOKEN", "for all"]);
    assert_eq!((ada.value("TOKEN").as_str(), ada.recipients_of("TOKEN")), ("for all", 4));
    let roles: Vec<_> = ada.members().iter().map(|one| one["role"].clone()).collect();
    assert_eq!(roles, ["admin", "admin", "reader", "reader"]);
}

#[test]
fn d14_nothing_is_encrypted_for_the_list_of_a_stranger_who_may_write_to_the_vault() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    let bob = admitted(&origin, &ada, "bob", "writer");
    bob.ok(&["set", "OTHER", "from bob"]);
    bob.push();
    // The stranger begins the lists of the same vault again, as its admin, and adds as many as there are.
    let mallory = Machine::new(&origin, "mallory");
    mallory.ok(&["vault", "trust", "--yes"]);
    let id = fs::read_to_string(mallory.vault().join(".vault-id")).unwrap();
    let known = mallory.home.path("config/vaults").join(id.trim());
    mallory.ok(&["daemon", "stop"]);
    fs::remove_file(known.join("members")).unwrap();
    fs::remove_dir_all(mallory.vault().join(".members")).unwrap();
    mallory.ok(&["set", "BAIT", "x"]);
    for (number, key) in PAPER.iter().enumerate() {
        mallory.ok(&["member", "add", key]);
        mallory.git_ok(&["add", "--all"]);
        mallory.git_ok(&["commit", "--quiet", "--message", &format!("list {number}")]);
        mallory.git_ok(&["push", "--quiet", "origin", "HEAD:main"]);

        for machine in [&ada, &bob] {
            machine.git_ok(&["checkout", "--quiet", "."]);
            machine.pull();
            // Whether it is refused or not, no key of the stranger's list gets the value.
            let set = machine.cli(&["set", "SECRET", "cnry-not for mallory"]);
            if set.status.success() {
                assert_eq!(machine.recipients_of("SECRET"), 2, "{set:?}");
                assert!(!contains_key(&machine.members(), &mallory), "{set:?}");
                fs::remove_file(machine.vault().join("SECRET.age")).unwrap();
            } else {
                refused(&set, "member");
            }
            let merged = machine.cli(&["member", "merge"]);
            assert!(!merged.status.success(), "{merged:?}");
            // What the machine had is delivered.
            assert_eq!(machine.value("TOKEN"), "from ada");
        }
    }
    // A newcomer who knows the admin's fingerprint is not misled either.
    let carol = Machine::new(&origin, "carol");
    let joined = carol.cli(&["vault", "join", "--yes", "--admin", &ada.fingerprint()]);
    refused(&joined, &mallory.fingerprint());
    refused(&carol.cli(&["list"]), "not registered");
}

#[test]
fn a_newcomer_takes_no_list_that_older_ones_contradict() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    let _bob = admitted(&origin, &ada, "bob", "writer");
    // The stranger's list is newer than those of the team, which stay.
    let mallory = Machine::new(&origin, "mallory");
    mallory.ok(&["vault", "trust", "--yes"]);
    let id = fs::read_to_string(mallory.vault().join(".vault-id")).unwrap();
    mallory.ok(&["daemon", "stop"]);
    fs::remove_file(mallory.home.path("config/vaults").join(id.trim()).join("members")).unwrap();
    fs::remove_dir_all(mallory.vault().join(".members")).unwrap();
    mallory.ok(&["set", "BAIT", "x"]);
    PAPER.iter().for_each(|key| drop(mallory.ok(&["member", "add", key])));
    mallory.git_ok(&["checkout", "--quiet", ".fluvio-secret/.members"]);
    mallory.push();
    let carol = Machine::new(&origin, "carol");
    for command in ["trust", "join"] {
        let said = carol.cli(&["vault", command, "--yes"]);
        refused(&said, "contradict each other");
        assert!(said.err.contains("vault join --admin FINGERPRINT"), "{said:?}");
    }
    let joined = carol.cli(&["vault", "join", "--yes", "--admin", &ada.fingerprint()]);
    refused(&joined, &mallory.fingerprint());
    refused(&carol.cli(&["list"]), "not registered");
}

/// Whether another machine is among the members.
fn contains_key(members: &[Value], other: &Machine) -> bool {
    let fingerprint = other.fingerprint();
    members.iter().any(|one| one["fingerprint"] == *fingerprint)
}

#[test]
fn two_lists_of_two_admins_stop_changes_until_they_are_merged() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    let bob = admitted(&origin, &ada, "bob", "admin");
    bob.ok(&["member", "add", PAPER[1], "--note", "of bob"]);
    bob.push();
    ada.ok(&["member", "add", PAPER[0], "--note", "of ada"]);
    ada.git_ok(&["add", "--all"]);
    ada.git_ok(&["commit", "--quiet", "--message", "change"]);
    // Git never mixes two lists.
    assert!(!ada.git(&["pull", "--quiet", "origin", "main"]).status.success());
    ada.git_ok(&["checkout", "--theirs", "."]);
    ada.git_ok(&["add", "--all"]);
    ada.git_ok(&["commit", "--quiet", "--message", "merge"]);

    for args in [&["set", "TOKEN", "new"][..], &["member", "remove", PAPER[0]]] {
        refused(&ada.cli(args), "fluvio-secret member merge");
    }
    assert!(ada.ok(&["member", "list"]).err.contains("fluvio-secret member merge"));
    assert_eq!(ada.value("TOKEN"), "from ada", "connectors start");
    let merged = ada.ok(&["member", "merge"]);
    assert!(merged.out.contains("4 members"), "{merged:?}");
    let line = ada.home.audit_log().pop().unwrap();
    assert_eq!(line["event"], "merge-members", "{line}");
    ada.ok(&["set", "TOKEN", "after it"]);
    ada.push();
    bob.pull();
    assert_eq!(bob.value("TOKEN"), "after it");
    bob.ok(&["set", "TOKEN", "from bob"]);
    bob.push();
    ada.pull();
    assert_eq!((ada.value("TOKEN").as_str(), ada.recipients_of("TOKEN")), ("from bob", 4));
    let notes = |machine: &Machine| {
        let mut notes: Vec<_> =
            machine.members().iter().map(|one| one["note"].to_string()).collect();
        notes.sort();
        notes
    };
    assert_eq!(notes(&ada), notes(&bob));
    for said in [ada.cli(&["member", "merge"]), bob.cli(&["member", "merge"])] {
        refused(&said, "no two lists");
    }
}

#[test]
fn a_reader_uses_secrets_and_sets_none() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    let bob = admitted(&origin, &ada, "bob", "reader");
    assert_eq!(bob.value("TOKEN"), "from ada");
    bob.home.write("secrets.txt", "B=x\n");
    let file = bob.home.path("secrets.txt");
    let commands: [&[&str]; 6] = [
        &["set", "TOKEN", "x"],
        &["import", file.to_str().unwrap()],
        &["copy", "TOKEN", "B"],
        &["delete", "TOKEN"],
        &["member", "add", PAPER[0]],
        &["member", "remove", PAPER[0]],
    ];
    for args in commands {
        let said = bob.cli(args);
        refused(&said, "only reads");
        assert!(said.err.contains("have an admin"), "{said:?}");
    }
    refused(&bob.run("NONE"), SET_ELSEWHERE);
    let again = bob.cli(&["vault", "init"]);
    refused(&again, "set a secret in it on a machine that may change the vault");
    assert_eq!(bob.git(&["status", "--porcelain"]).out, "", "nothing was written");
    fs::remove_file(bob.vault().join("TOKEN.age")).unwrap();
    let none = bob.ok(&["list"]);
    assert!(none.err.contains("set one on a machine that may change the vault"), "{none:?}");
    bob.git_ok(&["checkout", "--quiet", "."]);
    // With another role it can.
    bob.ok(&["member", "request", "--role", "writer"]);
    bob.push();
    ada.pull();
    ada.ok(&["member", "admit", "--yes"]);
    ada.push();
    bob.pull();
    bob.ok(&["set", "TOKEN", "from bob"]);
    // A writer does not change the members.
    refused(&bob.cli(&["member", "add", PAPER[0]]), "have an admin do it");
}

#[test]
fn a_member_whom_a_writer_did_not_know_yet_is_not_sent_to_ask_again() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    let bob = admitted(&origin, &ada, "bob", "writer");
    let dan = admitted(&origin, &ada, "dan", "reader");
    // He has not pulled since.
    bob.ok(&["set", "OTHER", "one"]);
    bob.git_ok(&["add", "--all"]);
    bob.git_ok(&["commit", "--quiet", "--message", "change"]);
    bob.git_ok(&["pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main"]);
    bob.git_ok(&["push", "--quiet", "origin", "HEAD:main"]);
    dan.pull();
    let next = "have a member that can decrypt it set it again";
    refused(&dan.run("OTHER"), next);
    let doctor = dan.cli(&["doctor"]);
    assert!(doctor.out.contains(next) && !doctor.out.contains("member request"), "{doctor:?}");
    bob.ok(&["set", "OTHER", "one"]);
    bob.push();
    dan.pull();
    assert_eq!(dan.value("OTHER"), "one");
}

#[test]
fn a_removed_member_does_not_decrypt_what_is_set_later() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    let bob = admitted(&origin, &ada, "bob", "writer");
    assert_eq!(bob.value("TOKEN"), "from ada");
    let removed = ada.ok(&["member", "remove", &bob.fingerprint()]);
    assert!(removed.err.contains("fluvio-secret set NAME"), "{removed:?}");
    ada.ok(&["set", "LATER", "not for bob"]);
    ada.push();
    bob.pull();
    for name in ["LATER", "TOKEN"] {
        refused(&bob.run(name), "is not encrypted for this machine's key");
    }
    refused(&bob.run("NONE"), SET_ELSEWHERE);
    let told = |args: &[&str], next: &str| {
        let said = bob.cli(args);
        let all = said.out + &said.err;
        assert!(all.contains("not a member") && all.contains(next), "{all}");
        assert!(!all.contains("fluvio-secret set"), "{all}");
    };
    let next = "fluvio-secret member request";
    told(&["set", "LATER", "x"], next);
    told(&["doctor", "-O", "json"], next);
    bob.ok(&["member", "request"]);
    let next = format!("fluvio-secret member admit {}", bob.fingerprint());
    told(&["doctor", "-O", "json"], &next);
    assert_eq!(ada.value("LATER"), "not for bob");
}
