//! Vaults that are replicated over a topic: a cluster, and the machines that share a vault over it.
//!
//! The cluster is the stand-in of `tests/fluvio-stand-in`, a directory of its own for each test. With
//! `FLUVIO=PATH` it is the one that this program's profile in your home names, and each test has a topic of its
//! own there. Shell commands in `FLUVIO_STOP` and `FLUVIO_START` stop it and start it again. Without them, a test
//! that needs them ends early, as does one of faults that only the stand-in has. Use `--test-threads 1`, because
//! all tests have the same cluster.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fluvio_secret_protocol::Refusal;
use serde_json::Value;
use tempfile::TempDir;

use super::ask::Asker;
use super::{Home, Said, canary, need, program, said, said_with_input, within};

/// The largest topic of these tests fits into it, and so no record is lost.
const MAX_BYTES: &str = "100000000";

/// A process that follows a topic notices some troubles only when it connects again.
const DEADLINE: Duration = Duration::from_secs(120);

/// A Fluvio cluster with a topic for one test.
pub(crate) struct Cluster {
    kind: Kind,
    /// Where `fluvio` finds its profile, and the records of the stand-in are.
    folder: TempDir,
    topic: String,
}

enum Kind {
    Real(OsString),
    StandIn,
}

/// A record on a topic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    pub(crate) offset: u64,
    pub(crate) key: String,
    pub(crate) value: String,
}

impl Record {
    /// The document that it carries.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(&self.value).unwrap()
    }
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("fs-").tempdir().unwrap();
        match std::env::var_os("FLUVIO") {
            None => Self { kind: Kind::StandIn, folder, topic: "fluvio-secrets".to_owned() },
            Some(real) => {
                let profile = PathBuf::from(std::env::var_os("HOME").unwrap()).join(".fluvio");
                fs::create_dir(folder.path().join(".fluvio")).unwrap();
                let config = folder.path().join(".fluvio/config");
                fs::copy(profile.join("config"), config).unwrap();
                // Topics of other runs may still be there.
                let topic = canary().replace("cnry", "fs");
                Self { kind: Kind::Real(real), folder, topic }
            }
        }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// The directory of the stand-in, in which every record is.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.path().join("cluster")
    }

    /// What a program needs that starts `fluvio`.
    fn prepare(&self, command: &mut Command) {
        match &self.kind {
            Kind::StandIn => command.env("FLUVIO", program("fluvio-stand-in")),
            Kind::Real(real) => command.env("FLUVIO", real),
        };
        command.env("FLUVIO_STAND_IN", self.files());
    }

    /// `fluvio`, as a user runs it.
    pub(crate) fn fluvio(&self, args: &[&str]) -> Command {
        let mut fluvio = match &self.kind {
            Kind::StandIn => Command::new(program("fluvio-stand-in")),
            Kind::Real(real) => Command::new(real),
        };
        fluvio.args(args).env("HOME", self.folder.path()).env("FLUVIO_STAND_IN", self.files());
        fluvio.stdin(Stdio::null());
        fluvio
    }

    pub(crate) fn fluvio_ok(&self, args: &[&str]) -> String {
        let said = said(&mut self.fluvio(args));
        assert!(said.status.success(), "{args:?}: {said:?}");
        said.out
    }

    /// All records that are on a topic now.
    pub(crate) fn records_of(&self, topic: &str) -> Vec<Record> {
        let format = "{{offset}} {{key}} {{value}}";
        let options = ["-B", "-d", "--disable-progressbar", "--maxbytes", MAX_BYTES, "-F", format];
        let text = self.fluvio_ok(&[&["consume", topic][..], &options].concat());
        let record = |line: &str| {
            let words: Vec<_> = line.splitn(3, ' ').collect();
            let offset = words[0].parse().unwrap();
            Record { offset, key: words[1].to_owned(), value: words[2].to_owned() }
        };
        text.lines().map(record).collect()
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.records_of(&self.topic)
    }

    /// Adds records to the topic, as anybody may who can reach it.
    pub(crate) fn publish<'a>(&self, records: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let lines = records.into_iter().map(|(key, value)| format!("{key}\t{value}\n"));
        let lines: String = lines.collect();
        let options = ["--key-separator", "\t", "--max-request-size", "4000000"];
        let mut produce = self.fluvio(&[&["produce", &self.topic][..], &options].concat());
        let said = said_with_input(&mut produce, lines.as_bytes());
        assert!(said.status.success(), "{said:?}");
    }

    /// Adds documents of a vault to the topic.
    pub(crate) fn publish_documents(&self, vault: &str, documents: &[Vec<u8>]) {
        let values: Vec<_> = documents.iter().map(|bytes| STANDARD.encode(bytes)).collect();
        self.publish(values.iter().map(|value| (vault, value.as_str())));
    }

    pub(crate) fn delete_topic(&self) {
        self.fluvio_ok(&["topic", "delete", &self.topic]);
    }

    /// The names of all topics of this test.
    pub(crate) fn topics(&self) -> BTreeSet<String> {
        let text = self.fluvio_ok(&["topic", "list", "-O", "json"]);
        let topics: Value = serde_json::from_str(&text).unwrap_or_default();
        let names = topics.as_array().into_iter().flatten().map(|topic| topic["name"].as_str());
        let names = names.map(|name| name.unwrap().to_owned());
        names.filter(|name| name.starts_with(&self.topic)).collect()
    }

    /// Whether the cluster can be stopped here.
    pub(crate) fn can_stop(&self) -> bool {
        matches!(self.kind, Kind::StandIn) || need::variable("FLUVIO_STOP")
    }

    /// Stops it, as far as its users can see.
    pub(crate) fn stop(&self) {
        match self.kind {
            Kind::StandIn => fs::write(self.fault("down"), "").unwrap(),
            Kind::Real(_) => shell("FLUVIO_STOP"),
        }
    }

    /// Starts it again.
    pub(crate) fn start(&self) {
        match self.kind {
            Kind::StandIn => fs::remove_file(self.fault("down")).unwrap(),
            Kind::Real(_) => shell("FLUVIO_START"),
        }
    }

    /// Whether faults can be ordered, which only the stand-in has.
    pub(crate) fn has_faults(&self) -> bool {
        matches!(self.kind, Kind::StandIn) || need::stand_in()
    }

    /// Orders a fault of the stand-in.
    pub(crate) fn order(&self, fault: &str, text: &str) {
        fs::write(self.fault(fault), text).unwrap();
    }

    /// Whether a fault that happens once has happened.
    pub(crate) fn has_had(&self, fault: &str) -> bool {
        !self.fault(fault).exists()
    }

    fn fault(&self, name: &str) -> PathBuf {
        let faults = self.files().join("faults");
        fs::create_dir_all(&faults).unwrap();
        faults.join(name)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Kind::Real(_) = self.kind {
            for topic in self.topics() {
                let _ = said(&mut self.fluvio(&["topic", "delete", &topic]));
            }
        }
    }
}

/// The value in a decrypted record, after the line of the signature.
fn value_of(record: &[u8]) -> String {
    let text = String::from_utf8(record.to_vec()).unwrap();
    text.splitn(3, '\n').nth(2).unwrap().to_owned()
}

/// Waits for something that comes over a topic.
pub(crate) fn until(what: &str, condition: impl FnMut() -> bool) {
    within(DEADLINE, what, condition);
}

/// Every file below a directory.
pub(crate) fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(all_files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}

/// Runs the shell command in a variable.
fn shell(variable: &str) {
    let mut sh = Command::new("sh");
    let command = std::env::var_os(variable).unwrap();
    // What it leaves running must not keep a pipe of ours open.
    sh.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(sh.status().unwrap().success(), "{variable}");
}

/// A machine with a vault of its own that it replicates.
pub(crate) struct Machine<'a> {
    home: Home,
    cluster: &'a Cluster,
}

impl Deref for Machine<'_> {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

impl<'a> Machine<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Self {
        let home = Home::new();
        if let Kind::Real(_) = cluster.kind {
            fs::create_dir(home.path(".fluvio")).unwrap();
            let config = cluster.folder.path().join(".fluvio/config");
            fs::copy(config, home.path(".fluvio/config")).unwrap();
        }
        Self { home, cluster }
    }

    /// The first machine of a vault: its secrets are on the topic.
    pub(crate) fn first(cluster: &'a Cluster) -> Self {
        let machine = Self::new(cluster);
        machine.set("FIRST", "first");
        machine.sync(&["start", "--topic", cluster.topic()]);
        machine
    }

    /// A machine that another one has admitted, and that has its secrets.
    pub(crate) fn admitted_by(admin: &Self, role: &str) -> Self {
        let machine = Self::new(admin.cluster);
        machine.join(admin, role);
        admin.admit(&machine);
        machine.until_has("FIRST", "first");
        machine
    }

    /// A command of `sync`.
    pub(crate) fn sync_command(&self, args: &[&str]) -> Command {
        let mut sync = self.home.command("fluvio-secret");
        self.cluster.prepare(&mut sync);
        sync.arg("sync").args(args);
        sync
    }

    pub(crate) fn sync_said(&self, args: &[&str]) -> Said {
        said(&mut self.sync_command(args))
    }

    /// Runs a command of `sync`, which must succeed.
    pub(crate) fn sync(&self, args: &[&str]) -> Said {
        let said = self.sync_said(args);
        assert!(said.status.success(), "sync {args:?}: {said:?}");
        said
    }

    /// Asks to be a member of this admin's vault.
    pub(crate) fn join(&self, admin: &Machine, role: &str) -> Said {
        let (topic, fingerprint) = (self.cluster.topic(), admin.fingerprint());
        self.sync(&["join", "--admin", &fingerprint, "--topic", topic, "--role", role])
    }

    /// Admits a machine, as soon as its request is here.
    pub(crate) fn admit(&self, machine: &Machine) {
        let fingerprint = machine.fingerprint();
        until("the request", || self.ok(&["member", "list"]).contains(&fingerprint));
        self.ok(&["member", "admit", &fingerprint, "--yes"]);
    }

    /// What this machine is called in lists of members.
    pub(crate) fn fingerprint(&self) -> String {
        let text = self.ok(&["member", "list", "-O", "json"]);
        let members: Vec<Value> = serde_json::from_str(&text).unwrap();
        let own = members.iter().find(|member| member["own"] == true).unwrap();
        own["fingerprint"].as_str().unwrap().to_owned()
    }

    /// What `sync status` prints. Its daemon runs, or members are missing.
    pub(crate) fn status(&self) -> Value {
        let said = self.sync_said(&["status", "-O", "json"]);
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }

    /// The value of a secret, as a connector gets it.
    pub(crate) fn value(&self, name: &str) -> Result<Vec<u8>, Refusal> {
        // The daemon may have been stopped by the test.
        self.home.cli(&["list"]);
        Asker::connect(&self.home).unwrap().value(name).unwrap()
    }

    pub(crate) fn has(&self, name: &str, value: impl AsRef<[u8]>) -> bool {
        self.value(name).is_ok_and(|found| found == value.as_ref())
    }

    pub(crate) fn until_has(&self, name: &str, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        until(&format!("the value of {name}"), || self.has(name, value));
    }

    pub(crate) fn until_lacks(&self, name: &str) {
        until(&format!("the removal of {name}"), || self.value(name).is_err());
    }

    /// The values of a secret that its history has, in order of their bytes.
    pub(crate) fn earlier_values(&self, name: &str) -> Vec<String> {
        let histories = fs::read_dir(self.home.path("data/history")).unwrap().flatten();
        let (id, mut paths) = (self.vault_id(), histories.map(|entry| entry.path()));
        let is_own = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(&id);
        let Some(history) = paths.find(is_own) else { return Vec::new() };
        let versions = fs::read_dir(history.join(name)).into_iter().flatten();
        let paths = versions.map(|version| version.unwrap().path());
        let paths = paths.filter(|path| path.extension().is_some_and(|end| end == "age"));
        let files = paths.map(|path| fs::read(path).unwrap());
        let mut values: Vec<_> =
            files.map(|file| value_of(&self.decrypt(&file).unwrap())).collect();
        values.sort();
        values
    }

    /// What this machine's own key decrypts, if it does.
    pub(crate) fn decrypt(&self, file: &[u8]) -> Option<Vec<u8>> {
        let identity = fs::read_to_string(self.home.path("config/identity.txt")).unwrap();
        let keys = identity.lines().filter(|line| line.starts_with("AGE-SECRET-KEY-1"));
        let keys: Vec<age::x25519::Identity> = keys.map(|key| key.parse().unwrap()).collect();
        let decryptor = age::Decryptor::new_buffered(file).ok()?;
        let keys = keys.iter().map(|key| key as &dyn age::Identity);
        let mut plain = Vec::new();
        decryptor.decrypt(keys).ok()?.read_to_end(&mut plain).ok()?;
        Some(plain)
    }

    /// The id of its vault.
    pub(crate) fn vault_id(&self) -> String {
        fs::read_to_string(self.home.vault().join(".vault-id")).unwrap().trim_end().to_owned()
    }

    /// The names of its secrets.
    pub(crate) fn names(&self) -> Vec<String> {
        self.home.cli(&["list"]);
        Asker::connect(&self.home).unwrap().list().unwrap().unwrap()
    }

    /// The process that replicates.
    pub(crate) fn sync_pid(&self) -> Option<u32> {
        self.status()["pid"].as_u64().and_then(|pid| pid.try_into().ok())
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        // A process that stays would start the daemon again.
        let _ = self.sync_said(&["stop", "--all"]);
    }
}
