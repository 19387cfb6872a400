//! Two machines with the same vault, which git copies between them.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use fluvio_secret_protocol::{Role, ShownApplicant};

use super::{Home, files};
use crate::keys::keyring::Keyring;
use crate::members::member::Member;
use crate::rekey::change::Rekey;
use crate::{Vault, VaultError};

/// Makes the vault's files those of another machine, as a checkout does.
pub(crate) fn sync(from: &Home, to: &Home) {
    mirror(&from.vault_path(), &to.vault_path());
}

pub(crate) fn mirror(from: &Path, to: &Path) {
    let is_shared = |name: &String| *name != ".lock" && !name.starts_with(".tmp-");
    let _ = fs::DirBuilder::new().mode(0o700).create(to);
    for name in files(to).iter().filter(|name| is_shared(name) && !from.join(name).exists()) {
        let path = to.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        removed.expect("removed");
    }
    for name in files(from).iter().filter(|name| is_shared(name)) {
        let (source, target) = (from.join(name), to.join(name));
        if source.is_dir() {
            mirror(&source, &target);
        } else {
            fs::copy(source, target).expect("copied");
        }
    }
}

/// A machine with a key of its own that has a copy of the vault, and accepts its list.
pub(crate) fn copied(from: &Home) -> (Home, Vault) {
    let home = Home::new();
    sync(from, &home);
    let vault = home.open().expect("the vault");
    let key = Keyring::generate().to_text();
    rekey(Rekey::use_identity(&vault, key.as_bytes(), None, None));
    let lists = vault.members().read().expect("lists").lists;
    let newest = lists.iter().max_by_key(|list| list.version()).expect("a list");
    vault.members().accept(newest).expect("accepted");
    (home, vault)
}

/// What these machines ask for, as a user is shown it.
pub(crate) fn shown(
    vault: &Vault,
    fingerprints: &[String],
    role: Option<Role>,
) -> Vec<ShownApplicant> {
    let asked = vault.members().applicants().expect("requests");
    let find = |fingerprint: &String| {
        let of = |one: &&Member| one.fingerprint().to_string() == *fingerprint;
        let one = asked.iter().find(of).expect("a request");
        let shown = ShownApplicant::from(&one.listed(&[], None, true));
        ShownApplicant { role: role.unwrap_or(shown.role), ..shown }
    };
    fingerprints.iter().map(find).collect()
}

/// The machine of an admin, and another one, which has been admitted.
pub(crate) fn pair_of((ada, vault): (Home, Vault), role: Role) -> (Home, Vault, Home, Vault) {
    let (bob, there) = copied(&ada);
    let (_, fingerprint) = there.request_membership(role, Some("bob")).expect("a request");
    sync(&bob, &ada);
    rekey(Rekey::admit(&vault, &shown(&vault, &[fingerprint.to_string()], None)));
    sync(&ada, &bob);
    (ada, vault, bob, there)
}

/// Makes a change of the members or the identity.
pub(crate) fn rekey(change: Result<Rekey<'_>, VaultError>) {
    change.and_then(|change| change.commit(&mut |_| {})).expect("committed");
}
