//! Has the daemon decrypt every secret, and shows how far it is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fluvio_secret_protocol::{
    ClientError, Damaged, Examine, SecretName, VaultAddress, connect_or_start, limits,
};
use fluvio_secret_system::parallel::{cores, in_parallel};
use fluvio_secret_system::places::StateDirectory;

use crate::progress::Progress;

/// The most connections, because the daemon serves others as well.
const MOST_CONNECTIONS: usize = 16;

/// The damaged ones of these secrets of a vault, in alphabetical order.
pub(super) fn examine(
    state: &StateDirectory,
    vault: Option<&VaultAddress>,
    names: &[SecretName],
) -> Result<Vec<Damaged>, ClientError> {
    // The daemon examines those of a group faster together.
    let mut ordered = names.to_vec();
    ordered.sort_by_key(SecretName::group);
    let batches: Vec<_> = ordered.chunks(limits::EXAMINED_NAMES).collect();
    let progress = Mutex::new((Progress::begin(), 0));
    let connect = || Ok::<_, ClientError>(connect_or_start(state)?.about(vault.cloned()));
    let idle = Mutex::new(Vec::new());
    // A connection has one request at a time, and the daemon decrypts on each core.
    let damaged = in_parallel(cores().min(MOST_CONNECTIONS), batches, |batch| {
        let connected = lock(&idle).pop();
        let mut client = connected.map_or_else(connect, Ok)?;
        let examined = client.call(Examine { names: batch.to_vec() })?;
        lock(&idle).push(client);
        let (progress, done) = &mut *lock(&progress);
        *done += batch.len();
        progress.show(*done, names.len());
        Ok::<_, ClientError>(examined.damaged)
    })?;
    let mut damaged: Vec<_> = damaged.into_iter().flatten().collect();
    damaged.sort_by(|one: &Damaged, other| one.name.cmp(&other.name));
    Ok(damaged)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
