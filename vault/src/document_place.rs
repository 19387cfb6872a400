//! Which files of a vault are documents: what machines exchange.

use std::path::Path;

use fluvio_secret_protocol::{RecordKind, SecretName};

use crate::members::applicants::REQUESTS;
use crate::members::signing_key::KeyFingerprint;
use crate::members::versions::VERSIONS;
use crate::secrets::file_name::name_of;
use crate::secrets::version_place::{DELETED, PURGED};

/// The directories below that of a vault which have documents.
pub const DOCUMENT_DIRECTORIES: [&str; 4] = [DELETED, PURGED, VERSIONS, REQUESTS];

/// What a document is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DocumentPlace {
    /// A secret: its file, or the mark of its removal.
    Secret(SecretName, RecordKind),
    /// A list of members, or a request to join.
    Members,
}

impl DocumentPlace {
    /// The document at a path that is relative to the vault's directory; `None` for another file.
    pub fn of(path: &Path) -> Option<Self> {
        let file = path.file_name()?.to_str()?;
        let secret = |kind| name_of(file).map(|name| Self::Secret(name, kind));
        match path.parent()?.to_str()? {
            "" => secret(RecordKind::Value),
            DELETED => secret(RecordKind::Deleted),
            PURGED => secret(RecordKind::Purged),
            VERSIONS => file.parse::<u64>().ok().map(|_| Self::Members),
            REQUESTS => KeyFingerprint::parse(file).map(|_| Self::Members),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use fluvio_secret_protocol::RecordKind;

    use super::DocumentPlace;

    #[test]
    fn only_what_machines_exchange_is_a_document() {
        let secret = |kind| Some(DocumentPlace::Secret("A".parse().expect("a name"), kind));
        let cases = [
            ("A.age", secret(RecordKind::Value)),
            (".deleted/A.age", secret(RecordKind::Deleted)),
            (".purged/A.age", secret(RecordKind::Purged)),
            (".members/12", Some(DocumentPlace::Members)),
            ("requests/34750f98bd59fcfc946da45aaabe933b", Some(DocumentPlace::Members)),
            (".history/A.age", None),
            (".deleted/.tmp-00112233445566778899aabbccddeeff", None),
            (".members/.tmp-00112233445566778899aabbccddeeff", None),
            (".members", None),
            ("requests/README", None),
            (".vault-id", None),
            (".git/A.age", None),
            ("", None),
        ];
        for (path, expected) in cases {
            assert_eq!(DocumentPlace::of(Path::new(path)), expected, "{path}");
        }
    }
}
