//! Medians of measurements that take turns, so that all of them see the same machine.

use std::error::Error;
use std::time::{Duration, Instant};

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
    let medians = medians_of(rounds, measurements.into())?;
    Ok(medians.try_into().unwrap_or_else(|_| unreachable!("as many as measurements")))
}

/// The same of any number of measurements.
pub(crate) fn medians_of(
    rounds: usize,
    mut measurements: Vec<Measurement<'_>>,
) -> Outcome<Vec<Duration>> {
    let count = measurements.len();
    let mut taken = vec![Vec::new(); count];
    for round in 0..WARM_UP + rounds {
        for turn in 0..count {
            let index = (round + turn) % count;
            let took = measurements[index]()?;
            if round >= WARM_UP {
                taken[index].push(took);
            }
        }
    }
    Ok(taken.iter_mut().map(|taken| quantile(taken, 0.5)).collect())
}

/// The duration that this part of all is within.
pub(crate) fn quantile(taken: &mut [Duration], part: f64) -> Duration {
    taken.sort_unstable();
    taken[((taken.len() as f64 * part) as usize).min(taken.len() - 1)]
}

/// How long something takes that must succeed.
pub(crate) fn timed<T, E: Into<Box<dyn Error>>>(
    something: impl FnOnce() -> Result<T, E>,
) -> Outcome<Duration> {
    let begin = Instant::now();
    let done = something();
    let took = begin.elapsed();
    done.map(|_| took).map_err(Into::into)
}
