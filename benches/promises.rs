//! One client, one request: what the daemon promises of each.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use fluvio_secret_protocol::{GetStatus, List, Set, frame};

use crate::Outcome;
use crate::disk::write_durably;
use crate::home::{Home, name_of, value};
use crate::measure::{medians, timed};
use crate::programs::{Programs, time};
use crate::reload::Reload;
use crate::row::Row;

/// Rounds where each takes a while, and where each is over at once.
const ROUNDS: usize = 200;
const SHORT_ROUNDS: usize = 2000;
/// Rounds that have to be apart.
const APART_ROUNDS: usize = 40;
/// The most memory that the daemon keeps, in KiB.
const MOST_MEMORY: u64 = 8 << 10;

pub(crate) fn measure(programs: &Programs, disk: &Path) -> Outcome<Vec<Row>> {
    let home = |secrets: usize| {
        let directory = disk.join(format!("promises-{secrets}"));
        Home::make(&programs.packaged, &directory, 3, secrets)
    };
    let (mut small, hundred, mut large) = (home(10)?, home(100)?, home(100_000)?);
    let mut rows = launch(programs, &small)?;
    rows.extend(sets(&small, disk)?);
    rows.push(grants(&small, &large)?);
    rows.push(round_trips(&small)?);
    rows.push(memory("resident memory after a list and a grant, with 100 secrets", &hundred)?);
    rows.push(memory("the same with 100,000 secrets", &large)?);
    rows.extend(commands(programs, &small)?);
    rows.extend(reloads(programs, &small)?);
    rows.extend(begins(&mut small, &mut large)?);
    Ok(rows)
}

/// Where the time of a start goes, from exec to exec.
fn launch(programs: &Programs, home: &Home) -> Outcome<Vec<Row>> {
    let mut exec = home.command(&programs.exec_true);
    let mut shim = home.command(&programs.packaged.shim);
    shim.arg("--config").arg(home.config(3)?).args(["--", "/bin/true"]);
    let mut client = home.client()?;
    let [exec, shim, connect, grant] = medians(
        2 * ROUNDS,
        [
            &mut || time(&mut exec),
            &mut || time(&mut shim),
            &mut || timed(|| home.client()),
            &mut || home.time_grant(&mut client, 3),
        ],
    )?;
    let rest = shim.saturating_sub(exec + connect + grant);
    Ok(vec![
        Row::span("one start with three secrets: the packaged shim and `/bin/true`", shim, None),
        Row::span("of that: any program that execs `/bin/true`", exec, None),
        Row::span("of that: the connection", connect, None),
        Row::span("of that: the grant, checked, with its line in the audit log", grant, None),
        Row::span("of that: the rest of the shim", rest, None),
    ])
}

/// Commands that read configurations, and one that only looks for the real program.
fn commands(programs: &Programs, home: &Home) -> Outcome<[Row; 2]> {
    let cli = &programs.packaged.cli;
    let cdk = home.program("cdk", &programs.exec_true)?;
    let mut direct = home.command(&cdk);
    let mut passed = home.command(cli);
    passed.args(["cdk", "hub", "list"]).env("PATH", cdk.parent().ok_or("a directory")?);
    let [passed, direct] = medians(ROUNDS, [&mut || time(&mut passed), &mut || time(&mut direct)])?;
    let mut check = home.command(cli);
    check.arg("check").args((0..300).map(|_| home.config(3)).collect::<Outcome<Vec<_>>>()?);
    let [checked] = medians(APART_ROUNDS, [&mut || time(&mut check)])?;
    Ok([
        Row::ratio("`fluvio-secret cdk` that passes a command through", [passed, direct], None),
        Row::span("`check` of 300 configurations with three secrets", checked, None),
    ])
}

/// Durable writes through the client, against durable writes without us.
fn sets(home: &Home, disk: &Path) -> Outcome<[Row; 2]> {
    let directory = disk.join("plain");
    fs::create_dir(&directory)?;
    let bytes = fs::read(home.encrypted(&name_of(0)))?;
    let mut client = home.client()?;
    let mut set = |name: &str| -> Outcome<Duration> {
        let (name, value) = (name.parse()?, value());
        timed(|| client.call(Set { name, value }))
    };
    let (mut ours, mut plain) = (0, 0);
    let [new, plain_new] = medians(
        ROUNDS,
        [
            &mut || {
                ours += 1;
                set(&format!("NEW_{ours}"))
            },
            &mut || {
                plain += 1;
                write_durably(&directory, &format!("NEW_{plain}"), &bytes)
            },
        ],
    )?;
    let [old, plain_old] =
        medians(ROUNDS, [&mut || set("OLD"), &mut || write_durably(&directory, "OLD", &bytes)])?;
    Ok([
        Row::ratio(
            "durable `set` of a new secret, against write, fsync, rename, fsync of the directory",
            [new, plain_new],
            Some(1.85),
        ),
        Row::ratio("the same of a secret that is there", [old, plain_old], Some(1.85)),
    ])
}

/// A grant that has to be found among many, against one among few.
fn grants(small: &Home, large: &Home) -> Outcome<Row> {
    let (mut few, mut many) = (small.client()?, large.client()?);
    let [few, many] = medians(
        SHORT_ROUNDS,
        [&mut || small.time_grant(&mut few, 3), &mut || large.time_grant(&mut many, 3)],
    )?;
    Ok(Row::ratio(
        "a grant in a vault of 100,000 secrets, against one of 10",
        [many, few],
        Some(1.2),
    ))
}

/// A question and its answer, against bytes that come back as they are.
fn round_trips(home: &Home) -> Outcome<Row> {
    let mut client = home.client()?;
    let bytes = frame::encode(&GetStatus)?;
    let mut echo = echo()?;
    let mut back = vec![0; bytes.len()];
    let [status, echo] = medians(
        SHORT_ROUNDS,
        [&mut || timed(|| client.call(GetStatus)), &mut || {
            timed(|| echo.write_all(&bytes).and_then(|()| echo.read_exact(&mut back)))
        }],
    )?;
    Ok(Row::ratio(
        "an open connection's `status` round trip, against an echo over a Unix socket",
        [status, echo],
        Some(3.0),
    ))
}

/// A socket that gives back what it is given, by a thread that waits for it.
fn echo() -> io::Result<UnixStream> {
    let (ours, mut theirs) = UnixStream::pair()?;
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = theirs.read(&mut bytes) {
            if theirs.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    });
    Ok(ours)
}

/// The daemon's memory once it has done what takes most of it.
fn memory(what: &'static str, home: &Home) -> Outcome<Row> {
    let mut client = home.client()?;
    client.collect(List)?;
    client.call(home.grant(3)?)?.expect("a grant");
    Ok(Row::memory(what, home.resident()?, Some(MOST_MEMORY)))
}

/// The daemon from its exec until it serves.
fn begins(small: &mut Home, large: &mut Home) -> Outcome<[Row; 2]> {
    let begin = |home: &mut Home| {
        home.stop()?;
        let took = home.start()?;
        // What it still does once it serves must not disturb the next measurement; a change waits
        // for that.
        home.client()?.call(Set { name: "CHANGE".parse()?, value: value() })?;
        Ok(took)
    };
    let [few, many] = medians(ROUNDS, [&mut || begin(small), &mut || begin(large)])?;
    const MOST: Duration = Duration::from_millis(20);
    Ok([
        Row::span("the daemon from exec to serving, with 10 secrets", few, Some(MOST)),
        Row::span("the same with 100,000 secrets", many, Some(MOST)),
    ])
}

/// A saved configuration, and another value, to the connector that has it.
fn reloads(programs: &Programs, home: &Home) -> Outcome<[Row; 2]> {
    let mut reload = Reload::begin(programs, home)?;
    let [saved] = medians(APART_ROUNDS, [&mut || reload.save()])?;
    let [set] = medians(APART_ROUNDS, [&mut || reload.set(home)])?;
    let what = "a saved configuration to the first byte of the new connector under `run --watch`, with three secrets";
    Ok([
        Row::span(what, saved, Some(Duration::from_millis(100))),
        Row::span(
            "the same of a secret that is set to another value",
            set,
            Some(Duration::from_millis(30)),
        ),
    ])
}
