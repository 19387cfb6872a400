//! What is measured, and its budget.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{Client, GetStatus, List, Set, frame};

use crate::Outcome;
use crate::disk::write_durably;
use crate::home::{Home, value};
use crate::measure::medians;
use crate::programs::{Programs, time};
use crate::reload::Reload;

/// Rounds where each takes a while, and where each is over at once.
const ROUNDS: usize = 200;
const SHORT_ROUNDS: usize = 2000;
/// Rounds that have to be apart.
const APART_ROUNDS: usize = 40;

/// One line of the table.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) measured: String,
    pub(crate) budget: String,
    pub(crate) is_met: bool,
}

/// Measures everything.
pub(crate) fn measure(programs: &Programs, disk: &Path) -> Outcome<Vec<Row>> {
    let mut small = Home::make(programs, disk, 10)?;
    let hundred = Home::make(programs, disk, 100)?;
    let mut large = Home::make(programs, disk, 100_000)?;
    let mut rows = Vec::new();
    rows.extend(starts(programs, &small)?);
    rows.extend(sets(&small, disk)?);
    rows.push(grants(&small, &large)?);
    rows.push(round_trips(&small)?);
    rows.push(memory("resident memory after a list and a grant, with 100 secrets", &hundred)?);
    rows.push(memory("the same with 100,000 secrets", &large)?);
    rows.extend(reloads(programs, &small)?);
    rows.extend(begins(&mut small, &mut large)?);
    Ok(rows)
}

/// The shim against the least that a program can do in its place, and the command line against it.
fn starts(programs: &Programs, home: &Home) -> Outcome<[Row; 2]> {
    let mut exec = home.command(&programs.exec_true);
    let mut shim = home.command(&programs.shim);
    shim.arg("--config").arg(home.config()).args(["--", "/bin/true"]);
    let mut run = home.command(&programs.cli);
    run.arg("run").arg("--config").arg(home.config()).args(["--", "/bin/true"]);
    let [exec, shim, run] = medians(
        2 * ROUNDS,
        [&mut || time(&mut exec), &mut || time(&mut shim), &mut || time(&mut run)],
    )?;
    Ok([
        ratio(
            "the shim with three secrets and `/bin/true`, against a Rust program that only execs it",
            [shim, exec],
            1.6,
        ),
        ratio("`fluvio-secret run` of the same, against the shim", [run, shim], 1.6),
    ])
}

/// Durable writes through the client, against durable writes without us.
fn sets(home: &Home, disk: &Path) -> Outcome<[Row; 2]> {
    let directory = disk.join("plain");
    fs::create_dir(&directory)?;
    let bytes = fs::read(home.sealed("API_TOKEN"))?;
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
        ratio(
            "durable `set` of a new secret, against write, fsync, rename, fsync of the folder",
            [new, plain_new],
            1.5,
        ),
        ratio("the same of a secret that is there", [old, plain_old], 1.5),
    ])
}

/// A grant that has to be found among many, against one among few.
fn grants(small: &Home, large: &Home) -> Outcome<Row> {
    let grant = |home: &Home, client: &mut Client| -> Outcome<Duration> {
        let grant = home.grant()?;
        timed(|| client.call(grant).map(|granted| granted.expect("a grant")))
    };
    let (mut few, mut many) = (small.client()?, large.client()?);
    let [few, many] =
        medians(SHORT_ROUNDS, [&mut || grant(small, &mut few), &mut || grant(large, &mut many)])?;
    Ok(ratio("a grant in a vault of 100,000 secrets, against one of 10", [many, few], 1.2))
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
    Ok(ratio(
        "an open connection's `status` round trip, against an echo over a Unix socket",
        [status, echo],
        3.0,
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
    const MOST: u64 = 8 << 10;
    let mut client = home.client()?;
    client.collect(List)?;
    client.call(home.grant()?)?.expect("a grant");
    let resident = home.resident()?;
    Ok(Row {
        what,
        measured: format!("{:.1} MiB", resident as f64 / 1024.0),
        budget: format!("{} MiB", MOST >> 10),
        is_met: resident <= MOST,
    })
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
        span("the daemon from exec to serving, with 10 secrets", few, MOST),
        span("the same with 100,000 secrets", many, MOST),
    ])
}

/// A saved configuration, and another value, to the connector that has it.
fn reloads(programs: &Programs, home: &Home) -> Outcome<[Row; 2]> {
    let mut reload = Reload::begin(programs, home)?;
    let [saved] = medians(APART_ROUNDS, [&mut || reload.save()])?;
    let [set] = medians(APART_ROUNDS, [&mut || reload.set(home)])?;
    let what = "a saved configuration to the first byte of the new connector under `run --watch`, with three secrets";
    Ok([
        span(what, saved, Duration::from_millis(100)),
        span("the same of a secret that is set to another value", set, Duration::from_millis(30)),
    ])
}

/// How long something takes that must succeed.
fn timed<T, E: std::error::Error + 'static>(
    something: impl FnOnce() -> Result<T, E>,
) -> Outcome<Duration> {
    let begin = Instant::now();
    let done = something();
    let took = begin.elapsed();
    done?;
    Ok(took)
}

fn span(what: &'static str, took: Duration, budget: Duration) -> Row {
    Row {
        what,
        measured: format!("{:.1} ms", took.as_secs_f64() * 1e3),
        budget: format!("{} ms", budget.as_millis()),
        is_met: took <= budget,
    }
}

fn ratio(what: &'static str, [ours, other]: [Duration; 2], budget: f64) -> Row {
    let ratio = ours.as_secs_f64() / other.as_secs_f64();
    let [ours, other] = [ours, other].map(|took| took.as_secs_f64() * 1e3);
    Row {
        what,
        measured: format!("{ratio:.2} × ({ours:.3} ms, {other:.3} ms)"),
        budget: format!("{budget:.1} ×"),
        is_met: ratio <= budget,
    }
}
