//! Secrets on their way into the vault, in as many requests as it takes.

use std::iter;

use fluvio_secret_protocol::{
    ClientError, Found, HeldLease, Imported, ListedGrant, Secret, SecretName, VaultAddress, limits,
};

use super::import_source::ImportSource;
use crate::connection::client_about;
use crate::error::CliError;
use crate::progress::Progress;

/// What the daemon says of an import besides that it is done.
#[derive(Default)]
pub(super) struct Done {
    pub(super) new_identity: Option<String>,
    pub(super) holders: Vec<ListedGrant>,
    pub(super) leases: Vec<HeldLease>,
}

pub(super) type Secrets = [(SecretName, Secret)];

/// The secrets of a file on their way to the daemon. Asking twice is safe: a secret that has its value is
/// left as it is.
pub(super) struct Importer<'a> {
    source: &'a ImportSource,
    secrets: &'a Secrets,
    /// The order in which they are sent.
    order: Vec<usize>,
    overwrite: bool,
    vault: Option<VaultAddress>,
}

impl<'a> Importer<'a> {
    pub(super) fn of(
        source: &'a ImportSource,
        secrets: &'a Secrets,
        overwrite: bool,
        vault: Option<VaultAddress>,
    ) -> Self {
        Self { source, secrets, order: order_of(secrets), overwrite, vault }
    }

    /// Sends one batch. On a connection of its own: the daemon closes one that is silent, as when Ctrl-Z
    /// stopped this program.
    fn send(&self, batch: &[usize], dry_run: bool) -> Result<Imported, CliError> {
        let request = fluvio_secret_protocol::Import {
            secrets: batch.iter().map(|&at| self.secrets[at].clone()).collect(),
            overwrite: self.overwrite,
            dry_run,
        };
        Ok(client_about(self.vault.clone())?.call(request)?)
    }

    /// What the vault has under each name.
    pub(super) fn look(&self) -> Result<Vec<Found>, CliError> {
        let mut found = vec![Found::Nothing; self.secrets.len()];
        for batch in self.batches() {
            for (&at, found_there) in batch.iter().zip(self.send(batch, true)?.found) {
                found[at] = found_there;
            }
        }
        Ok(found)
    }

    /// Sets all that are not there already.
    pub(super) fn set(&self, found: &[Found]) -> Result<Done, CliError> {
        let mut said = Done::default();
        let mut progress = Progress::begin();
        let mut done = 0;
        for batch in self.batches() {
            if batch.iter().any(|&at| found[at] != Found::Same) {
                match self.send(batch, false) {
                    Ok(imported) => {
                        said.new_identity = said.new_identity.or(imported.new_identity);
                        said.holders.extend(imported.holders);
                        said.leases.extend(imported.leases);
                    }
                    Err(error) => {
                        drop(progress);
                        return Err(self.stopped(error, found));
                    }
                }
            }
            done += batch.len();
            progress.show(done, self.secrets.len());
        }
        // One connector may hold secrets of several batches.
        said.holders.sort_by_key(|holder| holder.pid);
        said.holders.dedup_by_key(|holder| holder.pid);
        said.leases.sort_by(|one, other| one.id.cmp(&other.id));
        said.leases.dedup();
        Ok(said)
    }

    /// Pieces that fit into a request.
    fn batches(&self) -> impl Iterator<Item = &[usize]> {
        let mut rest = &self.order[..];
        iter::from_fn(move || {
            let mut bytes = 0;
            let fits = rest.iter().take(limits::GRANT_NAMES).take_while(|&&at| {
                bytes += self.secrets[at].1.len();
                bytes <= limits::GRANT_BYTES
            });
            let (batch, after) = rest.split_at(fits.count());
            rest = after;
            (!batch.is_empty()).then_some(batch)
        })
    }

    /// The error with what was done before it, as the vault shows it.
    fn stopped(&self, error: CliError, before: &[Found]) -> CliError {
        let CliError::Client(source) = error else { return error };
        let found = match source {
            // One that hangs would only cost the same time again.
            ClientError::Silent { .. } => None,
            _ => self.look().ok(),
        };
        let done = match found {
            // Nothing was done, and the same command would probably do nothing again.
            Some(found) if found == before => return CliError::Client(source),
            Some(found) => {
                let done = found.iter().filter(|found| **found == Found::Same).count();
                let (all, source) = (self.secrets.len(), self.source.shown());
                format!("{done} of {all} secrets have their values from {source}")
            }
            None => "it is unknown how many secrets were set".to_owned(),
        };
        CliError::Stopped { source, done }
    }
}

/// The order of the requests: the daemon is faster if those of a group follow each other. If all fit into one request, it is
/// that of the file.
fn order_of(secrets: &Secrets) -> Vec<usize> {
    let mut order: Vec<_> = (0..secrets.len()).collect();
    if order.len() > limits::GRANT_NAMES {
        order.sort_by_key(|&at| secrets[at].0.group());
    }
    order
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use fluvio_secret_protocol::{Secret, SecretName};

    use super::Importer;
    use crate::commands::secret::import_source::ImportSource;

    fn secrets(count: usize, bytes: usize) -> Vec<(SecretName, Secret)> {
        let secret = |number| {
            let name = format!("A{number}").parse().expect("a name");
            (name, Secret::from(vec![b'x'; bytes]))
        };
        (0..count).map(secret).collect()
    }

    fn batches(secrets: &[(SecretName, Secret)]) -> Vec<Vec<usize>> {
        let source = ImportSource::File(PathBuf::from("secrets.txt"));
        let importer = Importer::of(&source, secrets, false, None);
        importer.batches().map(<[_]>::to_vec).collect()
    }

    #[test]
    fn batches_fit_into_a_request_and_leave_nothing_out() {
        let lengths = |count, bytes| {
            let batches = batches(&secrets(count, bytes));
            let mut all = batches.concat();
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
            batches.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(lengths(600, 1), [256, 256, 88]);
        assert_eq!(lengths(17, 1 << 20), [8, 8, 1]);
        assert_eq!(lengths(0, 1), [0; 0]);
    }

    #[test]
    fn the_secrets_of_a_group_follow_each_other_if_there_are_several_batches() {
        let few = secrets(256, 1);
        assert_eq!(batches(&few), [(0..256).collect::<Vec<_>>()]);
        let many = secrets(600, 1);
        let groups = batches(&many).concat().into_iter().map(|at| many[at].0.group());
        assert!(groups.is_sorted());
    }
}
