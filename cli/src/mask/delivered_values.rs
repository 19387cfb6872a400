//! The values that the connector may print: what it got at its start, and what its lease got later.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use fluvio_secret_launch::PreparedConnector;
use fluvio_secret_mask::{Mask, SHORTEST_VALUE};
use fluvio_secret_protocol::{Secret, SecretName, fit};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::{read, retry_on_intr};
use zeroize::Zeroizing;

use crate::output;

/// They grow only: the connector may still have an earlier value.
pub(super) struct DeliveredValues {
    secrets: Vec<(SecretName, Secret)>,
    lease: Option<LeasedFile>,
}

/// The secrets file of a lease.
struct LeasedFile {
    path: PathBuf,
    /// Inode and time of change of the one that was read last. A file with other values is another file.
    read: Option<(u64, i64, i64)>,
    /// Reports when the file is replaced: the connector may read it long before it prints, and another file may
    /// have its place then.
    replaced: OwnedFd,
}

impl DeliveredValues {
    pub(super) fn of(connector: &PreparedConnector) -> io::Result<Self> {
        let lease = connector.lease.clone().map(LeasedFile::at).transpose()?;
        let secrets = connector.granted.secrets.clone();
        note_short(secrets.iter());
        let mut values = Self { secrets, lease };
        values.changed()?;
        Ok(values)
    }

    pub(super) fn mask(&self) -> Arc<Mask> {
        Arc::new(Mask::of(self.secrets.iter().map(|(_, value)| value.expose())))
    }

    /// What to wait for besides outputs and signals.
    pub(super) fn wait(&self) -> Option<PollFd<'_>> {
        self.lease.as_ref().map(|lease| PollFd::new(&lease.replaced, PollFlags::IN))
    }

    /// The mask, if there are other values since the last call.
    pub(super) fn changed(&mut self) -> io::Result<Option<Arc<Mask>>> {
        let Some(lease) = &mut self.lease else { return Ok(None) };
        let Some(file) = lease.read_changed()? else { return Ok(None) };
        let known = self.secrets.len();
        for (name, value) in fit::secrets_of_file(&file) {
            let is_same = |(other, old): &(SecretName, Secret)| {
                *other == name && old.expose() == value.expose()
            };
            if !self.secrets.iter().any(is_same) {
                self.secrets.push((name, value));
            }
        }
        note_short(self.secrets[known..].iter());
        Ok(Some(self.mask()))
    }
}

impl LeasedFile {
    fn at(path: PathBuf) -> io::Result<Self> {
        let replaced = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let directory = path.parent().unwrap_or(&path);
        inotify::add_watch(&replaced, directory, WatchFlags::MOVED_TO)?;
        Ok(Self { path, read: None, replaced })
    }

    /// The file, if it is not the one of the last call.
    fn read_changed(&mut self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        // The events say nothing that the file does not.
        while matches!(retry_on_intr(|| read(&self.replaced, &mut [0; 4096])), Ok(1..)) {}
        let id = |metadata: &std::fs::Metadata| {
            (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        };
        let found = match self.path.metadata() {
            // A lease that is gone gets no other values.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        if self.read == Some(id(&found)) {
            return Ok(None);
        }
        let mut file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        // Of the right size at once: a buffer that grows leaves copies behind.
        let length = usize::try_from(metadata.len()).map_err(io::Error::other)?;
        let mut text = Zeroizing::new(vec![0; length]);
        file.read_exact(&mut text)?;
        self.read = Some(id(&metadata));
        Ok(Some(text))
    }
}

fn note_short<'a>(secrets: impl Iterator<Item = &'a (SecretName, Secret)>) {
    let short = secrets.filter(|(_, value)| value.len() < SHORTEST_VALUE);
    let short: Vec<_> = short.map(|(name, _)| format!("`{name}`")).collect();
    if !short.is_empty() {
        output::say(&format!(
            "note: values with fewer than {SHORTEST_VALUE} bytes are not masked: {}",
            short.join(", ")
        ));
    }
}
