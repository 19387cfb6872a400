//! Starting a connector, from exec to exec, against programs that do less and a tool that does the same.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Outcome;
use crate::home::Home;
use crate::measure::{Measurement, medians_of, quantile};
use crate::programs::{Built, Programs, time};
use crate::row::Row;

/// The numbers of secrets that a configuration references.
const REFERENCES: [usize; 3] = [3, 50, 256];
const ROUNDS: usize = 200;
/// Rounds that each begin with a new daemon.
const COLD_ROUNDS: usize = 20;

/// What is measured with each number of secrets. Each is a ratio against the first.
const STARTS: [&str; 6] = [
    "a Rust program that only execs",
    "`sh` that sources a plain file, without any protection",
    "the packaged shim",
    "the packaged `run`",
    "the shim of `cargo install`",
    "`run` of `cargo install`",
];

pub(crate) fn measure(programs: &Programs, disk: &Path) -> Outcome<Vec<Row>> {
    let mut packaged = Home::make(&programs.packaged, &disk.join("packaged"), 256, 256)?;
    let installed = Home::make(&programs.installed, &disk.join("installed"), 256, 256)?;
    let age = version("age")?;
    let mut rows = Vec::new();
    for count in REFERENCES {
        let commands = commands(programs, [&packaged, &installed], count)?;
        let mut names = STARTS.map(str::to_owned).to_vec();
        names.extend(age.iter().map(|age| format!("`age -d` {age} of one file, in `sh`")));
        let took = turns(ROUNDS, commands)?;
        let named = names.iter().zip(&took).zip(budgets(count));
        rows.extend(named.map(|((name, &took_by), budget)| {
            Row::ratio(format!("{count} secrets: {name}"), [took_by, took[0]], budget)
        }));
    }
    rows.push(cold(programs, &mut packaged)?);
    Ok(rows)
}

fn budgets(count: usize) -> impl Iterator<Item = Option<f64>> {
    let ours = match count {
        3 => [1.25, 1.3, 1.4, 1.55].map(Some),
        50 => [2.0, 2.0, 2.3, 2.3].map(Some),
        _ => [Some(5.0), Some(5.0), None, None],
    };
    [None, None].into_iter().chain(ours).chain([None])
}

/// The programs of [`STARTS`], and age if it is installed. The secrets were used before.
fn commands(programs: &Programs, homes: [&Home; 2], count: usize) -> Outcome<Vec<Command>> {
    let [packaged, installed] = homes;
    let script = |text: String| {
        let mut shell = packaged.command(Path::new("/bin/sh"));
        shell.arg("-c").arg(text);
        shell
    };
    let plain = packaged.plain_file(count)?;
    let mut commands = vec![
        packaged.command(&programs.exec_true),
        script(format!("set -a; . {}; exec /bin/true", plain.display())),
        shim(packaged, &programs.packaged, count)?,
        run(packaged, &programs.packaged, count)?,
        shim(installed, &programs.installed, count)?,
        run(installed, &programs.installed, count)?,
    ];
    if version("age")?.is_some() {
        let (identity, encrypted) = packaged.encrypted_file(&plain)?;
        let decrypted = format!("age -d -i {} {}", identity.display(), encrypted.display());
        commands.push(script(format!("set -a; eval \"$({decrypted})\"; exec /bin/true")));
    }
    Ok(commands)
}

fn shim(home: &Home, built: &Built, count: usize) -> Outcome<Command> {
    let mut shim = home.command(&built.shim);
    shim.arg("--config").arg(home.config(count)?).args(["--", "/bin/true"]);
    Ok(shim)
}

fn run(home: &Home, built: &Built, count: usize) -> Outcome<Command> {
    let mut run = home.command(&built.cli);
    run.arg("run").arg("--config").arg(home.config(count)?).args(["--", "/bin/true"]);
    Ok(run)
}

fn turns(rounds: usize, mut commands: Vec<Command>) -> Outcome<Vec<Duration>> {
    let mut runs: Vec<_> = commands.iter_mut().map(|command| || time(command)).collect();
    medians_of(rounds, runs.iter_mut().map(|run| run as Measurement<'_>).collect())
}

/// Secrets that a new daemon has not decrypted yet, against the same a second time.
fn cold(programs: &Programs, home: &mut Home) -> Outcome<Row> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..COLD_ROUNDS {
        home.stop()?;
        home.start()?;
        first.push(time(&mut shim(home, &programs.packaged, 50)?)?);
        second.push(time(&mut shim(home, &programs.packaged, 50)?)?);
    }
    let took = [&mut first, &mut second].map(|taken| quantile(taken, 0.5));
    Ok(Row::ratio("50 secrets: the first start against the second", took, None))
}

/// The version of a tool that is installed.
fn version(tool: &str) -> Outcome<Option<String>> {
    match Command::new(tool).arg("--version").output() {
        Ok(output) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
