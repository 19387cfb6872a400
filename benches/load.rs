//! Many clients at once: how many requests the daemon answers, and how long one waits.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{Client, Grant, Set, limits};

use crate::Outcome;
use crate::home::{Home, name_of, value};
use crate::measure::{quantile, timed};
use crate::programs::Programs;
use crate::row::Row;

pub(crate) const CLIENTS: [usize; 3] = [1, 8, 64];
/// How long the clients keep asking.
const SPAN: Duration = Duration::from_secs(4);

/// What the clients saw.
pub(crate) struct Answered {
    pub(crate) rate: f64,
    half: Duration,
    most: Duration,
}

pub(crate) fn measure(programs: &Programs, disk: &Path) -> Outcome<Vec<Row>> {
    let home = Home::make(&programs.packaged, &disk.join("load"), 100, 100)?;
    let before = home.resident()?;
    let mut rows = Vec::new();
    for clients in CLIENTS {
        let Answered { rate, half, most } = grants(&home, clients)?;
        let least = (clients == 8).then_some(6000.0);
        rows.push(Row::rate(format!("grants of 3 secrets, clients: {clients}"), rate, least));
        rows.push(Row::span(
            format!("half of them are answered within, clients: {clients}"),
            half,
            None,
        ));
        let budget = (clients == 64).then_some(Duration::from_millis(25));
        rows.push(Row::span(format!("99 % of them are, clients: {clients}"), most, budget));
    }
    for clients in CLIENTS {
        let Answered { rate, most, .. } = sets(&home, clients)?;
        let least = (clients == 8).then_some(3000.0);
        rows.push(Row::rate(format!("durable `set`s, clients: {clients}"), rate, least));
        rows.push(Row::span(
            format!("99 % of them are durable within, clients: {clients}"),
            most,
            None,
        ));
    }
    rows.push(Row::memory("resident memory before all that", before, None));
    rows.push(Row::memory("and after it", home.resident()?, Some(before + (2 << 10))));
    Ok(rows)
}

pub(crate) fn grants(home: &Home, clients: usize) -> Outcome<Answered> {
    let Grant { label, program, check, config, .. } = home.grant(3)?;
    let bytes = config.to_vec();
    ask(home, clients, |client, _| {
        let config = bytes.clone().into();
        let (label, program) = (label.clone(), program.clone());
        timed(|| client.call(Grant { label, program, check, identity: None, config }))
            .map_err(|error| error.to_string())
    })
}

fn sets(home: &Home, clients: usize) -> Outcome<Answered> {
    ask(home, clients, |client, number| {
        let name = name_of(number).parse().map_err(|_| "a name")?;
        timed(|| client.call(Set { name, value: value() })).map_err(|error| error.to_string())
    })
}

/// Lets each client ask again and again, until the time is over.
fn ask(
    home: &Home,
    clients: usize,
    request: impl Fn(&mut Client, usize) -> Result<Duration, String> + Sync,
) -> Outcome<Answered> {
    assert!(clients <= limits::CONNECTIONS);
    let connections = (0..clients).map(|_| home.client()).collect::<Outcome<Vec<_>>>()?;
    let begin = Instant::now();
    let run = |number: usize, mut client: Client| {
        let mut taken = Vec::new();
        while begin.elapsed() < SPAN {
            taken.push(request(&mut client, number)?);
        }
        Ok::<_, String>(taken)
    };
    let taken = thread::scope(|scope| {
        let (run, started) = (&run, connections.into_iter().enumerate());
        let threads: Vec<_> =
            started.map(|(number, client)| scope.spawn(move || run(number, client))).collect();
        let joined = threads.into_iter().map(|thread| thread.join().expect("no panic"));
        joined.collect::<Result<Vec<_>, _>>()
    })?;
    let took = begin.elapsed();
    let mut taken = taken.concat();
    Ok(Answered {
        rate: taken.len() as f64 / took.as_secs_f64(),
        half: quantile(&mut taken, 0.5),
        most: quantile(&mut taken, 0.99),
    })
}
