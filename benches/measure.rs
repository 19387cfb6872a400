//! Medians of measurements that take turns, so that all of them see the same machine.

use std::time::Duration;

use crate::Outcome;

/// Rounds that are measured and forgotten.
const WARM_UP: usize = 10;

/// One measurement, repeated.
pub(crate) type Measurement<'a> = &'a mut dyn FnMut() -> Outcome<Duration>;

/// The medians of measurements of which each is made `rounds` times. Each round begins with another.
pub(crate) fn medians<const N: usize>(
    rounds: usize,
    measurements: [Measurement<'_>; N],
) -> Outcome<[Duration; N]> {
    let mut series = measurements.map(|measurement| (measurement, Vec::new()));
    for round in 0..WARM_UP + rounds {
        for turn in 0..N {
            let (measurement, taken) = &mut series[(round + turn) % N];
            let took = measurement()?;
            if round >= WARM_UP {
                taken.push(took);
            }
        }
    }
    Ok(series.map(|(_, taken)| median(taken)))
}

fn median(mut taken: Vec<Duration>) -> Duration {
    taken.sort_unstable();
    taken[taken.len() / 2]
}
