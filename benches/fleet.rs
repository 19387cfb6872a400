//! Replication over a topic: how long a change takes from one machine to the others. Each machine is a home of its own.
//! In place of Fluvio's program there is the stand-in of the tests, so this is the time of our programs.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{List, Set};
use tempfile::TempDir;

use crate::Outcome;
use crate::home::{Home, name_of, value};
use crate::measure::quantile;
use crate::programs::Programs;
use crate::reload::Reload;
use crate::row::Row;

/// Changes that are followed to a connector on another machine.
const CHANGES: usize = 200;
/// The machines of a fleet, and the secrets that one of them sets.
const MACHINES: usize = 50;
const SETS: usize = 100;
/// The secrets of a vault that a machine joins.
const SECRETS: usize = 1000;
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// After this, a condition has failed.
const DEADLINE: Duration = Duration::from_secs(120);

pub(crate) fn measure(programs: &Programs, _: &Path) -> Outcome<Vec<Row>> {
    // The disk is that of one machine, and a fleet has one for each.
    let directory = tempfile::Builder::new().prefix("fs-").tempdir_in("/dev/shm")?;
    let mut rows = changes(programs, &directory)?;
    rows.push(fleet(programs, &directory)?);
    rows.push(join(programs, &directory)?);
    Ok(rows)
}

/// From a `set` on one machine to the first byte of the restarted connector on another one.
fn changes(programs: &Programs, directory: &TempDir) -> Outcome<Vec<Row>> {
    let cluster = Cluster::new(programs, &directory.path().join("changes"))?;
    let first = cluster.start("first", 3)?;
    let second = cluster.join("second", &first)?;
    cluster.admit_all(&first)?;
    second.wait_for(3)?;
    let mut connector = Reload::begin(programs, &second.home)?;
    let mut taken = Vec::new();
    for _ in 0..CHANGES {
        taken.push(connector.set(&first.home)?);
    }
    let of = |part: &str, most: u64, took: Duration| {
        let what = format!("a `set` to the restarted connector on another machine: {part}");
        Row::span(what, took, Some(Duration::from_millis(most)))
    };
    let half = quantile(&mut taken, 0.5);
    Ok(vec![of("half within", 250, half), of("99 % within", 1000, quantile(&mut taken, 0.99))])
}

/// From the first of many `set`s to the last machine that has them.
fn fleet(programs: &Programs, directory: &TempDir) -> Outcome<Row> {
    let cluster = Cluster::new(programs, &directory.path().join("fleet"))?;
    let first = cluster.start("first", 1)?;
    let names = (1..MACHINES).map(|number| format!("machine-{number}"));
    let others = names.map(|name| cluster.join(&name, &first)).collect::<Outcome<Vec<_>>>()?;
    cluster.admit_all(&first)?;
    others.iter().try_for_each(|machine| machine.wait_for(1))?;
    let begin = Instant::now();
    let mut client = first.home.client()?;
    for number in 1..=SETS {
        client.call(Set { name: name_of(number).parse()?, value: value() })?;
    }
    others.iter().try_for_each(|machine| machine.wait_for(SETS + 1))?;
    let what = format!("{MACHINES} machines have {SETS} `set`s of one of them");
    Ok(Row::span(what, begin.elapsed(), Some(Duration::from_secs(5))))
}

/// From the admission of a machine to the last secret that it has.
fn join(programs: &Programs, directory: &TempDir) -> Outcome<Row> {
    let cluster = Cluster::new(programs, &directory.path().join("join"))?;
    let first = cluster.start("first", SECRETS)?;
    let second = cluster.join("second", &first)?;
    let begin = Instant::now();
    cluster.admit_all(&first)?;
    second.wait_for(SECRETS)?;
    let what = format!("{SECRETS} secrets on a machine that was admitted");
    Ok(Row::span(what, begin.elapsed(), Some(Duration::from_secs(10))))
}

/// Machines that use one topic.
struct Cluster<'a> {
    programs: &'a Programs,
    directory: PathBuf,
}

/// A machine, and the process that follows the topic for it.
struct Machine<'a> {
    cluster: &'a Cluster<'a>,
    home: Home,
}

impl<'a> Cluster<'a> {
    fn new(programs: &'a Programs, directory: &Path) -> Outcome<Self> {
        fs::create_dir(directory)?;
        Ok(Self { programs, directory: directory.to_owned() })
    }

    fn machine(&'a self, name: &str, secrets: usize) -> Outcome<Machine<'a>> {
        let home =
            Home::make(&self.programs.packaged, &self.directory.join(name), secrets, secrets)?;
        Ok(Machine { cluster: self, home })
    }

    /// A machine with this number of secrets, which publishes them.
    fn start(&'a self, name: &str, secrets: usize) -> Outcome<Machine<'a>> {
        let machine = self.machine(name, secrets)?;
        machine.run(&["sync", "start"])?;
        Ok(machine)
    }

    /// A machine that has asked the admin of another one to admit it.
    fn join(&'a self, name: &str, admin: &Machine<'a>) -> Outcome<Machine<'a>> {
        let machine = self.machine(name, 0)?;
        machine.run(&["sync", "join", "--admin", &admin.fingerprint()?])?;
        Ok(machine)
    }

    /// Admits all machines that have asked, when their requests are here.
    fn admit_all(&self, admin: &Machine<'_>) -> Outcome<()> {
        // Without the cluster's directory, and without that of the admin.
        let asking = fs::read_dir(&self.directory)?.count() - 2;
        wait(|| {
            let listed = admin.run(&["member", "list", "-O", "json"])?;
            let members: Vec<serde_json::Value> = serde_json::from_str(&listed)?;
            Ok(members.iter().filter(|one| one["requested"] == true).count() == asking)
        })?;
        admin.run(&["member", "admit", "--all", "--yes"]).map(|_| ())
    }
}

impl Machine<'_> {
    fn command(&self) -> Command {
        let mut command = self.home.command(&self.cluster.programs.packaged.cli);
        command
            .env("FLUVIO", &self.cluster.programs.fluvio)
            .env("FLUVIO_STAND_IN", self.cluster.directory.join("cluster"));
        command
    }

    /// What a command prints that must succeed.
    fn run(&self, args: &[&str]) -> Outcome<String> {
        let output =
            self.command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).output()?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout)?),
            false => {
                let _ = io::stderr().write_all(&output.stderr);
                Err(format!("{args:?} ended with {}", output.status).into())
            }
        }
    }

    fn fingerprint(&self) -> Outcome<String> {
        let members: Vec<serde_json::Value> =
            serde_json::from_str(&self.run(&["member", "list", "-O", "json"])?)?;
        let own = members.iter().find(|one| one["own"] == true).ok_or("no own member")?;
        Ok(own["fingerprint"].as_str().ok_or("no fingerprint")?.to_owned())
    }

    /// Waits until this machine has this number of secrets.
    fn wait_for(&self, secrets: usize) -> Outcome<()> {
        wait(|| Ok(self.home.client()?.collect(List)?.len() >= secrets))
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        // A machine that joined has another daemon than the one that the home has started.
        for args in [["sync", "stop"], ["daemon", "stop"]] {
            let _ = self.command().args(args).stderr(Stdio::null()).status();
        }
    }
}

fn wait(mut is_so: impl FnMut() -> Outcome<bool>) -> Outcome<()> {
    let begin = Instant::now();
    while !is_so()? {
        if begin.elapsed() > DEADLINE {
            return Err("what was waited for did not come".into());
        }
        thread::sleep(LOOK);
    }
    Ok(())
}
