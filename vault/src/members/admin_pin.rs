//! The admin whom this machine trusts before it has a list of members.
//!
//! The file has the announcement that the user has confirmed. It is where this machine keeps what it knows of the
//! vault. It counts until a list is accepted.

use crate::durable_directory::{DurableDirectory, ReadError};
use crate::members::store_error::MemberStoreError;
use crate::sync::announcement::{ANNOUNCEMENT_BYTES, Announcement};
use crate::whole_file::PreparedFile;

pub(crate) const PINNED: &str = "admin";

/// The announcement of the admin; `None` if this machine trusts none in this way.
pub(crate) fn read_pin(
    config: &DurableDirectory,
) -> Result<Option<Announcement>, MemberStoreError> {
    let path = || config.path_of(PINNED);
    let bytes = match config.read(PINNED, ANNOUNCEMENT_BYTES as u64) {
        Ok(bytes) => bytes,
        Err(ReadError::Missing) => return Ok(None),
        Err(source) => return Err(MemberStoreError::Read { path: path(), source }),
    };
    let pinned = Announcement::parse(bytes);
    pinned.map(Some).map_err(|source| MemberStoreError::Bad { path: path(), source: source.into() })
}

/// Trusts the admin of an announcement, durably.
pub(crate) fn write_pin(
    config: &DurableDirectory,
    announcement: &Announcement,
) -> Result<(), MemberStoreError> {
    let written = PreparedFile::write(config, PINNED, announcement.bytes(), None);
    let written = written.and_then(PreparedFile::commit);
    written.map_err(|source| MemberStoreError::Write { path: config.path_of(PINNED), source })
}
