//! What the daemon does before and after it serves.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use fluvio_secret_protocol::{connect, limits};
use fluvio_secret_system::harden::{Hardened, harden};
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::lock::FileLock;
use fluvio_secret_system::places::{PlaceError, Places, StateDirectory, runtime_directory};
use tracing::level_filters::LevelFilter;

use crate::activation::{self, ActivationError};
use crate::args::ServeMode;
use crate::audit::Audit;
use crate::grants::Grants;
use crate::leases::LeaseTable;
use crate::reset_inherited::FewFiles;
use crate::server::{self, Server, ServerError};
use crate::service::{Service, refusals};
use crate::settings::{Settings, SettingsError};
use crate::{launch, log, reset_inherited};
use fluvio_secret_vault::{self, IdentityPlace, OpenError, Vault};

#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error(transparent)]
    Activation(#[from] ActivationError),
    #[error(transparent)]
    FewFiles(#[from] FewFiles),
    #[error("cannot lock {path}: {source}", path = .path.display())]
    Lock { path: PathBuf, source: io::Error },
    #[error("another daemon already serves {path}", path = .path.display())]
    Owned { path: PathBuf },
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    System(#[from] io::Error),
    #[error(transparent)]
    Vault(#[from] OpenError),
}

impl Helpful for ServeError {
    fn help(&self) -> Option<Help> {
        match self {
            Self::FewFiles(_) => Some(Help::command("raise the limit with", "ulimit -n 1024")),
            Self::Owned { .. } => Some(Help::command(
                "all commands use that daemon, but you can stop it with",
                "fluvio-secret daemon stop",
            )),
            Self::Activation(error) => error.help(),
            Self::Place(error) => error.help(),
            Self::Server(error) => error.help(),
            Self::Settings(error) => error.help(),
            Self::Vault(error) => error.help(),
            Self::Lock { .. } | Self::System(_) => None,
        }
    }
}

/// Serves until it is to stop.
pub(crate) fn run(mode: ServeMode) -> Result<(), ServeError> {
    let served = serve(mode);
    if let Err(error) = &served {
        tracing::error!("{error}");
        if let Some(help) = error.help() {
            tracing::error!("help: {help}");
        }
    }
    log::flush();
    served
}

/// The settings with which a daemon would start, as they are written in the file.
pub(crate) fn settings() -> Result<String, ServeError> {
    let places = Places::from_environment()?;
    Ok(Settings::read(&places.settings)?.to_string())
}

/// Uses the directory at the vault's path as this machine's vault from now on.
pub(crate) fn accept_vault() -> Result<(), ServeError> {
    let _hardened = harden()?;
    let places = Places::from_environment()?;
    places.prepare()?;
    Ok(fluvio_secret_vault::accept(&places.vault, &places.identity)?)
}

/// What serves, until this is dropped.
struct Opened {
    service: Arc<Service>,
    state: StateDirectory,
    /// Never restored before: the daemon starts no other program.
    _hardened: Hardened,
    _socket_lock: FileLock,
}

fn serve(mode: ServeMode) -> Result<(), ServeError> {
    if mode == ServeMode::Connection {
        return serve_connection();
    }
    // First, because another open file might be mistaken for the socket.
    let handed_over = activation::socket()?;
    let listener = handed_over.as_ref().map(UnixListener::try_clone).transpose()?;
    let served = serve_at(mode, listener);
    if let (Some(listener), Err(error)) = (handed_over, &served) {
        // If the clients cannot be answered, they see that the daemon is gone.
        let _ = server::refuse(&listener, &refusals::not_serving(error));
    }
    served
}

/// Serves the connection on standard input until it ends. No other client finds this daemon.
fn serve_connection() -> Result<(), ServeError> {
    let connection = activation::connection()?;
    let opened = open(ServeMode::Connection, None);
    match &opened {
        Ok(opened) => server::serve_one(connection, opened.service.clone(), opened.state.clone())?,
        // If the client cannot be answered, it sees that the daemon is gone.
        Err(error) => _ = server::refuse_one(connection, &refusals::not_serving(error)),
    }
    opened.map(|_| ())
}

fn serve_at(mode: ServeMode, handed_over: Option<UnixListener>) -> Result<(), ServeError> {
    let opened = open(mode, handed_over.as_ref())?;
    let server = Server::new(handed_over, opened.state.clone(), opened.service.clone())?;
    let vault = &opened.service.vault;
    tracing::info!("serving the vault {} with the ID {}", vault.path().display(), vault.id());
    if mode == ServeMode::Detached {
        log::flush();
        tell_ready()?;
    }
    server.run()?;
    tracing::info!("stopped");
    Ok(())
}

/// Takes the locks, and opens the vault.
fn open(mode: ServeMode, handed_over: Option<&UnixListener>) -> Result<Opened, ServeError> {
    let hardened = harden()?;
    if mode == ServeMode::Detached {
        // A session of our own gets no hang-up or Ctrl-C of a terminal.
        rustix::process::setsid().map_err(io::Error::from)?;
    }
    let places = Places::from_environment()?;
    places.prepare()?;
    // An error in the settings is logged, so logging begins first.
    let settings = Settings::read(&places.settings);
    let level = settings.as_ref().map_or(LevelFilter::INFO, |settings| settings.log);
    log::begin(mode, &places, level)?;
    // Before anything is written.
    reset_inherited::reset_inherited()?;
    reset_inherited::check_files()?;
    let settings = settings?;
    // One deadline for both locks, because the starter waits for one only.
    let now = Instant::now();
    let (socket_lock, deadline) = match handed_over {
        None => (own_socket(&places, now + limits::HANDOVER)?, now + limits::HANDOVER),
        Some(listener) => {
            activation::check_place(listener, &places.state.socket)?;
            (follow(&places, now + limits::TAKEOVER)?, now + limits::TAKEOVER)
        }
    };
    let Places { vault: path, identity, histories, state, .. } = &places;
    let identity = IdentityPlace { own: identity, external: state.external_identity.as_deref() };
    let vault = Vault::open(path, identity, histories, settings.history, deadline)?;
    let leases = LeaseTable::new(vault.path(), runtime_directory());
    let (audit, grants) = (Audit::new(state.audit_log.clone()), Grants::of(state.grants.clone()));
    let service = Service::new(vault, audit, grants, leases, settings);
    let state = state.clone();
    Ok(Opened { service, state, _hardened: hardened, _socket_lock: socket_lock })
}

/// Takes the socket's lock. Its holder may be about to stop. But if the socket is answered, a daemon serves or
/// a service manager starts one.
fn own_socket(places: &Places, deadline: Instant) -> Result<FileLock, ServeError> {
    if connect(&places.state).is_ok() {
        return Err(ServeError::Owned { path: places.state.socket.clone() });
    }
    follow(places, deadline)
}

/// Takes the socket's lock from a daemon that stops, or will when it notices that its socket was replaced.
fn follow(places: &Places, deadline: Instant) -> Result<FileLock, ServeError> {
    let path = &places.state.socket_lock;
    let failed = |source| ServeError::Lock { path: path.clone(), source };
    let owned = || ServeError::Owned { path: places.state.socket.clone() };
    FileLock::take(path, deadline).map_err(failed)?.ok_or_else(owned)
}

/// Reports to the starter that the daemon serves, and closes the pipe.
fn tell_ready() -> io::Result<()> {
    let mut stdout = io::stdout();
    // The starter may be gone. The daemon serves all the same.
    let _ = stdout.write_all(launch::READY.as_bytes()).and_then(|()| stdout.flush());
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(null.as_fd())?;
    Ok(())
}
