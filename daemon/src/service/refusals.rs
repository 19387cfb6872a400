//! Each error of the layers below, as the refusal that people read: what failed, why, and the next step.

use std::io;
use std::path::Path;

use fluvio_secret_config::ConfigError;
use fluvio_secret_protocol::check::ADD_THIS_MACHINE;
use fluvio_secret_protocol::fit::Unfit;
use fluvio_secret_protocol::frame::FrameError;
use fluvio_secret_protocol::{Code, PROTOCOL_VERSION, Refusal, SecretName, limits};
use fluvio_secret_system::help::Helpful;
use fluvio_secret_system::places::IDENTITY_VARIABLE;

use super::rekey_refusals::rekey;
use crate::audit::AuditError;
use crate::lease_places::LeaseError;
use crate::subscribers::Unwatched;
use fluvio_secret_vault::{
    IdentityError, JoinError, KeyError, MemberStoreError, RegistryError, SigningKeyError,
    VaultError,
};

impl From<AuditError> for Refusal {
    fn from(error: AuditError) -> Self {
        let text = format!("{error}, so nothing was delivered or changed");
        Self::new(Code::Audit, text, "try again after you fix that")
    }
}

pub(super) fn config(error: &ConfigError) -> Refusal {
    Refusal::new(Code::Config, error.to_string(), "fix the file and try again")
}

pub(super) fn large_grant() -> Refusal {
    let text =
        format!("the referenced secrets have more than {} bytes in total", limits::GRANT_BYTES);
    Refusal::new(Code::Large, text, "reference fewer of them, or set smaller ones")
}

impl From<LeaseError> for Refusal {
    fn from(error: LeaseError) -> Self {
        let next = match &error {
            LeaseError::Foreign { .. } => {
                "have that user or root remove it, or pass the secrets with: --inject env"
            }
            LeaseError::Io { .. } | LeaseError::Random(_) => "try again after you fix that",
            LeaseError::NoMemory(_) => {
                "mount a tmpfs at /dev/shm, or pass the secrets with: --inject env"
            }
            LeaseError::Private(error) => &next(error),
        };
        Self::new(Code::Storage, error.to_string(), next)
    }
}

impl From<Unwatched> for Refusal {
    fn from(error: Unwatched) -> Self {
        match error {
            Unwatched::Full => {
                let most = limits::SUBSCRIPTIONS;
                let text = format!("{most} connectors are already watched, the maximum");
                Self::new(Code::Large, text, "stop one of them")
            }
            Unwatched::System(error) => {
                let text = format!("changed secrets cannot be noticed: {error}");
                Self::new(Code::Internal, text, "try again")
            }
        }
    }
}

/// The daemon cannot serve. A service manager started it, so no command reports why.
pub(crate) fn not_serving(why: &impl Helpful) -> Refusal {
    Refusal::new(Code::Storage, format!("cannot start the daemon: {why}"), next(why))
}

/// What an error itself advises.
pub(super) fn next(error: &impl Helpful) -> String {
    error.help().map(|help| help.to_string()).unwrap_or_default()
}

pub(super) fn no_such_lease() -> Refusal {
    Refusal::new(Code::Missing, "no such lease", "list the leases with: fluvio-secret lease list")
}

/// Secrets that a secrets file would change, each with the reason.
pub(super) fn unfit(unfit: Vec<(SecretName, Unfit)>) -> Refusal {
    let mut why: Vec<_> = unfit.iter().map(|(_, why)| why.to_string()).collect();
    why.sort_unstable();
    why.dedup();
    let text = format!("a secrets file cannot carry ({})", why.join(", "));
    let next = "set another value, or pass environment variables with: --inject env";
    let names = unfit.into_iter().map(|(name, _)| name).collect();
    Refusal::new(Code::Unfit, text, next).about(names)
}

/// The vault is locked, and a request changes a name.
pub(super) fn locked_name() -> Refusal {
    let text = "the vault is locked, and the name is encrypted together with the value";
    Refusal::new(Code::Locked, text, UNLOCK)
}

pub(super) fn repeated_name() -> Refusal {
    let next = "install all three programs of one version of fluvio-secret";
    Refusal::new(Code::Malformed, "the import has the same name twice", next)
}

pub(super) fn other_values(names: Vec<SecretName>) -> Refusal {
    Refusal::new(Code::Exists, "the vault has another value for", "to replace it, add: --overwrite")
        .about(names)
}

/// Refuses with an error that is not about certain secrets.
pub(super) fn vault(error: VaultError) -> Refusal {
    about(&[])(error)
}

/// Refuses with an error that is about these secrets.
pub(super) fn about(names: &[SecretName]) -> impl Fn(VaultError) -> Refusal + '_ {
    move |error| with_names(&error, names)
}

pub(super) fn with_names(error: &VaultError, names: &[SecretName]) -> Refusal {
    let text = error.to_string();
    match error {
        VaultError::Changed { .. } => Refusal::new(Code::Storage, text, "try again"),
        VaultError::ForOthers { .. } => Refusal::new(
            Code::Damaged,
            format!("{text}, so there is no value for"),
            ADD_THIS_MACHINE,
        )
        .about(names.to_vec()),
        VaultError::Damaged { source, .. } => {
            let next = source.help().map(|help| help.to_string());
            let next = next.unwrap_or_else(|| SET_AGAIN.to_owned());
            let text = format!("{text}, so there is no value for");
            Refusal::new(Code::Damaged, text, next).about(names.to_vec())
        }
        VaultError::DamagedVersion { .. } => Refusal::new(
            Code::Damaged,
            format!("{text}, so nothing was changed for"),
            "restore another version",
        )
        .about(names.to_vec()),
        VaultError::Identity(error) => identity(error),
        VaultError::IdentityLost { .. } => Refusal::new(
            Code::Damaged,
            text,
            "restore a copy of it, or use another one with: fluvio-secret key use FILE",
        ),
        VaultError::Key { path, source } => key(source, path),
        VaultError::Locked { .. } => Refusal::new(Code::Locked, text, UNLOCK),
        VaultError::Missing => {
            Refusal::new(Code::Missing, "no secret", "list the secrets with: fluvio-secret list")
                .about(names.to_vec())
        }
        VaultError::Moved { .. } => moved_during(error),
        VaultError::Members(error) => members(error),
        VaultError::Rekey(error) => rekey(error),
        VaultError::Storage { source, .. } if source.kind() == io::ErrorKind::NotADirectory => {
            Refusal::new(Code::Storage, text, "move it away and try again")
        }
        VaultError::Storage { .. } => {
            Refusal::new(Code::Storage, text, "try again after you fix that")
        }
        VaultError::Stranger(error) => Refusal::new(Code::Storage, text, next(error)),
        VaultError::Taken { name, is_deleted } => taken(name, *is_deleted),
        VaultError::Topic { .. } => Refusal::new(Code::Malformed, text, "choose another name"),
        VaultError::Unseen { .. } => {
            Refusal::new(Code::Locked, format!("the vault is locked, and {text}"), UNLOCK)
        }
        VaultError::Unsigned { .. } => Refusal::new(Code::Vault, text, next(error)),
    }
}

fn taken(name: &SecretName, is_deleted: bool) -> Refusal {
    let purge = format!("with: fluvio-secret delete --purge {name}");
    let (text, next) = match is_deleted {
        true => ("the vault keeps earlier versions of", "remove them"),
        false => ("the vault already has", "delete that secret"),
    };
    let next = format!("choose another name, or {next} for good {purge}");
    Refusal::new(Code::Exists, text, next).about(vec![name.clone()])
}

fn identity(error: &IdentityError) -> Refusal {
    match error {
        IdentityError::Write { .. } => {
            Refusal::new(Code::Storage, error.to_string(), "try again after you fix that")
        }
        IdentityError::External { .. } => Refusal::new(Code::Key, error.to_string(), next(error)),
        _ => Refusal::new(Code::Damaged, error.to_string(), next(error)),
    }
}

pub(super) fn key(error: &KeyError, path: &Path) -> Refusal {
    let path = path.display();
    let passphrase = |text, next: &str| Refusal::new(Code::Passphrase, text, next);
    match error {
        KeyError::Changed => Refusal::new(
            Code::Storage,
            format!("the identity {path} was changed by another program, so it stays as it is"),
            "try again",
        ),
        KeyError::Closed => passphrase(
            format!("the identity {path} has a passphrase, which is missing"),
            "pass it with --passphrase-file FILE",
        ),
        KeyError::Identity(error) => identity(error),
        KeyError::Locked => Refusal::new(
            Code::Locked,
            "the vault was locked in the meantime",
            "unlock it with: fluvio-secret unlock",
        ),
        KeyError::None => Refusal::new(
            Code::Missing,
            format!("there is no identity {path} yet"),
            "set a first secret, which creates it, with: fluvio-secret set NAME",
        ),
        KeyError::Open => passphrase(
            format!("the identity {path} has no passphrase"),
            "set a passphrase with: fluvio-secret key passphrase",
        ),
        KeyError::Wrong => {
            passphrase(format!("this is not the passphrase of the identity {path}"), "try again")
        }
    }
}

/// The client's environment names another identity than the one of this daemon.
pub(super) fn other_identity(identity: &str, expected: &str) -> Refusal {
    Refusal::new(
        Code::Key,
        format!("the daemon uses the identity {identity}, but {IDENTITY_VARIABLE} is {expected}"),
        "restart it with: fluvio-secret daemon restart",
    )
}

pub(super) fn lock_protects_nothing(path: &Path, is_external: bool) -> Refusal {
    let file = path.display();
    let text = format!("the identity {file} has no passphrase, so a lock would protect nothing");
    let next = match is_external {
        true => "put a passphrase on that file, as this does: age -p -o NEW_FILE FILE",
        false => "set a passphrase with: fluvio-secret key passphrase",
    };
    Refusal::new(Code::Passphrase, text, next)
}

/// The vault is locked, and the audit log has no line for it.
pub(super) fn locked_without_line(refusal: Refusal) -> Refusal {
    Refusal { text: format!("{}, but the vault is locked", refusal.text), ..refusal }
}

pub(super) fn no_passphrase(why: &str) -> Refusal {
    Refusal::new(
        Code::Passphrase,
        format!("the passphrase cannot be used: {why}"),
        "choose another one",
    )
}

/// The next step for a file that has no value.
const SET_AGAIN: &str = "restore a copy of the file, or set the secret again";
const UNLOCK: &str = "unlock it with: fluvio-secret unlock";

pub(super) fn members(error: &MemberStoreError) -> Refusal {
    let code = match error {
        MemberStoreError::Read { .. }
        | MemberStoreError::Write { .. }
        | MemberStoreError::Signing(SigningKeyError::Write { .. }) => Code::Storage,
        MemberStoreError::Signing(_) => Code::Damaged,
        MemberStoreError::Unknown { .. } => Code::Locked,
        _ => Code::Members,
    };
    let advice = next(error);
    let advice = match advice.is_empty() {
        true => "try again after you fix that".to_owned(),
        false => advice,
    };
    Refusal::new(code, error.to_string(), advice)
}

/// Refuses a machine that cannot join.
pub(super) fn join(error: &JoinError) -> Refusal {
    let code = match error {
        JoinError::Registry(error) => return registry(error),
        JoinError::Vault(error) => return with_names(error, &[]),
        JoinError::Announcement(_) | JoinError::OtherAdmin { .. } => Code::Members,
        JoinError::OtherPin { .. } | JoinError::Used { .. } => Code::Vault,
    };
    Refusal::new(code, error.to_string(), next(error))
}

/// Refuses with the error of a vault that is not registered, or cannot be.
pub(super) fn registry(error: &RegistryError) -> Refusal {
    let code = match error {
        RegistryError::Bad { .. } | RegistryError::Newer { .. } => Code::Damaged,
        RegistryError::Read { .. } | RegistryError::Write { .. } => Code::Storage,
        RegistryError::Members(_) => Code::Members,
        _ => Code::Vault,
    };
    Refusal::new(code, error.to_string(), next(error))
}

/// Bytes that are not a request.
pub(crate) fn frame(error: FrameError) -> Refusal {
    let code = match error {
        FrameError::Large => Code::Large,
        FrameError::Malformed { .. } | FrameError::Parts => Code::Malformed,
        FrameError::Version(_) => {
            return Refusal::new(
                Code::Version,
                format!("the daemon has protocol version {PROTOCOL_VERSION}"),
                "restart it with: fluvio-secret daemon restart",
            );
        }
    };
    Refusal::new(
        code,
        error.to_string(),
        "install all three programs of one version of fluvio-secret",
    )
}

pub(crate) fn stopping() -> Refusal {
    Refusal::new(Code::Stopping, "the daemon is stopping, and did nothing", "try again")
}

/// The daemon stops before a request, because its vault is not at its path any more. The next daemon
/// opens the directory that is there, or reports why it cannot.
pub(super) fn moved(error: &VaultError) -> Refusal {
    let text = format!("{error}, so the daemon is stopping, and did nothing");
    Refusal::new(Code::Stopping, text, "try again")
}

/// The same, during a request.
fn moved_during(error: &VaultError) -> Refusal {
    let text = format!("{error} during the request, so it may not be done");
    Refusal::new(Code::Storage, text, "check the vault with: fluvio-secret list")
}

/// A bug of the daemon.
pub(crate) fn internal() -> Refusal {
    Refusal::new(
        Code::Internal,
        "bug in fluvio-secretd, see daemon.log in the state directory",
        "check the vault with: fluvio-secret list",
    )
}
