//! What concerns all secrets of a large vault.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::Set;
use fluvio_secret_system::parallel::{DISK_THREADS, in_parallel};

use crate::Outcome;
use crate::home::{Home, name_of, value};
use crate::measure::timed;
use crate::programs::{Built, Programs, time};
use crate::row::Row;

const MANY: usize = 10_000;
const MOST: usize = 100_000;
/// The number of files that are written before they are synced.
const BATCH: usize = 64;

pub(crate) fn measure(programs: &Programs, disk: &Path) -> Outcome<Vec<Row>> {
    let built = &programs.packaged;
    let many = Home::make(built, &disk.join("many"), 1, 1)?;
    import(&many, built, MANY)?;
    let bytes = fs::read(many.encrypted(&name_of(0)))?;
    let rotated = time(&mut rotate(&many, built))?;
    let floor = replace_all(&disk.join("floor"), &bytes)?;
    drop(many);
    let mut home = Home::make(built, &disk.join("most"), 1, 1)?;
    let imported = import(&home, built, MOST)?;
    let mut rows = vec![
        Row::ratio(
            "`key rotate` of 10,000 secrets, against replacing as many files",
            [rotated, floor],
            Some(1.3),
        ),
        Row::span("`import` of 100,000 secrets", imported, Some(Duration::from_secs(16))),
    ];
    let seconds = Duration::from_secs;
    for (command, most) in [("list", None), ("status", None), ("doctor", Some(seconds(4)))] {
        // `doctor` may find something that is wrong with the machine.
        let took = timed(|| home.command(&built.cli).arg(command).status())?;
        rows.push(Row::span(format!("`{command}` with 100,000 secrets"), took, most));
    }
    let (longest, rotated) = set_during_rotation(&home, built)?;
    rows.push(Row::span("`key rotate` of 100,000 secrets", rotated, None));
    let most = Some(Duration::from_millis(100));
    rows.push(Row::span("the longest wait of a `set` during that", longest, most));
    rows.push(Row::memory("resident memory after that", home.resident()?, Some(8 << 10)));
    home.stop()?;
    Ok(rows)
}

fn import(home: &Home, built: &Built, secrets: usize) -> Outcome<Duration> {
    let file = home.secrets_file(secrets)?;
    time(home.command(&built.cli).arg("import").arg(&file).arg("--overwrite"))
}

fn rotate(home: &Home, built: &Built) -> Command {
    let mut rotate = home.command(&built.cli);
    rotate.args(["key", "rotate", "--yes"]);
    rotate
}

/// Writes, syncs and renames as many files as a rotation does, in the same batches. As in a rotation, each of them takes
/// the place of another file: the system has more to do for that.
fn replace_all(directory: &Path, bytes: &[u8]) -> Outcome<Duration> {
    fs::create_dir(directory)?;
    write_all(directory, bytes)?;
    write_all(directory, bytes)
}

fn write_all(directory: &Path, bytes: &[u8]) -> Outcome<Duration> {
    let sync = |(from, to): (PathBuf, PathBuf)| -> io::Result<()> {
        File::open(&from)?.sync_all()?;
        fs::rename(from, to)
    };
    let begin = Instant::now();
    for batch in (0..MANY).collect::<Vec<_>>().chunks(BATCH) {
        let mut written = Vec::new();
        for number in batch {
            let (from, to) =
                (directory.join(format!(".{number}")), directory.join(number.to_string()));
            File::create_new(&from)?.write_all(bytes)?;
            written.push((from, to));
        }
        in_parallel(DISK_THREADS, written, sync)?;
    }
    File::open(directory)?.sync_all()?;
    Ok(begin.elapsed())
}

/// The longest wait of a `set` during a rotation, and how long that took.
fn set_during_rotation(home: &Home, built: &Built) -> Outcome<(Duration, Duration)> {
    let mut client = home.client()?;
    let begin = Instant::now();
    let mut rotation = rotate(home, built).spawn()?;
    let mut longest = Duration::ZERO;
    while rotation.try_wait()?.is_none() {
        let name = name_of(0).parse()?;
        longest = longest.max(timed(|| client.call(Set { name, value: value() }))?);
        // A person's pace.
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok((longest, begin.elapsed()))
}
