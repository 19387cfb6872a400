//! How the time grows with what there is: secrets in the vault, references, clients.

use std::path::Path;
use std::time::Duration;

use fluvio_secret_protocol::List;

use crate::Outcome;
use crate::home::Home;
use crate::load;
use crate::measure::{medians, timed};
use crate::programs::Programs;

const SECRETS: [usize; 5] = [10, 100, 1000, 10_000, 100_000];
const REFERENCES: [usize; 5] = [1, 4, 16, 64, 256];
const CLIENTS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
const ROUNDS: usize = 50;

/// What was measured at each size, in microseconds.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) sizes: &'static str,
    pub(crate) points: Vec<(usize, f64)>,
}

pub(crate) fn measure(programs: &Programs, disk: &Path) -> Outcome<Vec<Curve>> {
    let (mut lists, mut among) = (Vec::new(), Vec::new());
    for secrets in SECRETS {
        let directory = disk.join(format!("growth-{secrets}"));
        let home = Home::make(&programs.packaged, &directory, 3, secrets)?;
        let (mut client, mut other) = (home.client()?, home.client()?);
        let [list, grant] = medians(
            ROUNDS,
            [&mut || timed(|| client.collect(List)), &mut || home.time_grant(&mut other, 3)],
        )?;
        lists.push((secrets, micros(list)));
        among.push((secrets, micros(grant)));
    }
    let home = Home::make(&programs.packaged, &disk.join("growth"), 256, 256)?;
    let mut client = home.client()?;
    let mut grants = Vec::new();
    for references in REFERENCES {
        let [grant] = medians(ROUNDS, [&mut || home.time_grant(&mut client, references)])?;
        grants.push((references, micros(grant)));
    }
    let mut loads = Vec::new();
    for clients in CLIENTS {
        loads.push((clients, 1e6 / load::grants(&home, clients)?.rate));
    }
    Ok(vec![
        Curve { name: "list", sizes: "secrets in the vault", points: lists },
        Curve { name: "a grant of 3 secrets", sizes: "secrets in the vault", points: among },
        Curve { name: "a grant", sizes: "references", points: grants },
        Curve { name: "each grant of 3 secrets", sizes: "clients at once", points: loads },
    ])
}

fn micros(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6
}
