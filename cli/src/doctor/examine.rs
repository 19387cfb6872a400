//! Has the daemon decrypt every secret, and shows how far it is.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use fluvio_secret_protocol::{
    ClientError, Damaged, Examine, Examined, SecretName, connect_or_start, limits,
};
use fluvio_secret_system::places::StateDirectory;

use crate::progress::Progress;

/// The most connections, because the daemon serves others as well.
const MOST_CONNECTIONS: usize = 16;

/// The damaged ones of these secrets, in their order.
pub(super) fn examine(
    state: &StateDirectory,
    names: &[SecretName],
) -> Result<Vec<Damaged>, ClientError> {
    let batches: Vec<_> = names.chunks(limits::EXAMINED_NAMES).collect();
    // A connection has one request at a time, and the daemon decrypts on each core.
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let (sender, answers) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..cores.min(MOST_CONNECTIONS).min(batches.len()) {
            let sender = sender.clone();
            let (batches, next) = (&batches, &next);
            scope.spawn(move || {
                if let Err(error) = examine_batches(state, batches, next, &sender) {
                    // Another one may have failed before.
                    let _ = sender.send(Err(error));
                }
            });
        }
        drop(sender);
        let mut progress = Progress::begin(batches.len() > 1);
        let (mut damaged, mut done) = (BTreeMap::new(), 0);
        for examined in answers {
            let (number, examined) = examined?;
            damaged.insert(number, examined.damaged);
            done += batches[number].len();
            progress.show(done, names.len());
        }
        Ok(damaged.into_values().flatten().collect())
    })
}

/// Sends the answers for the batches that no other connection has taken, until they are no longer wanted.
fn examine_batches(
    state: &StateDirectory,
    batches: &[&[SecretName]],
    next: &AtomicUsize,
    sender: &mpsc::Sender<Result<(usize, Examined), ClientError>>,
) -> Result<(), ClientError> {
    let mut client = connect_or_start(state)?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(names) = batches.get(number) else { return Ok(()) };
        let examined = client.call(Examine { names: names.to_vec() })?;
        if sender.send(Ok((number, examined))).is_err() {
            return Ok(());
        }
    }
}
