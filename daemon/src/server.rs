//! The socket: who may connect, how many at once, and the end.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fluvio_secret_system::file_id::Inode;
use fluvio_secret_system::peer::Peer;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::connection::{self, StopSteps};
use crate::idle::Waiting;
use crate::lanes::Lanes;
use crate::lease_watch;
use crate::reset_inherited;
use crate::service::Service;

/// How long requests that were begun may take to finish when the daemon ends.
const GRACE: Duration = Duration::from_millis(1500);
/// How often the daemon looks whether its socket is still its own.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait when connections cannot be accepted, for example for want of descriptors.
const RELIEF: Duration = Duration::from_millis(50);

/// Why the daemon cannot serve at its socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("cannot serve at {path}: {source}", path = .path.display())]
    Bind { path: PathBuf, source: io::Error },
    #[error("{path} is no socket; move it away", path = .path.display())]
    NoSocket { path: PathBuf },
    #[error("cannot begin to serve: {0}")]
    System(#[from] io::Error),
}

/// A socket that listens, and what serves it.
pub(crate) struct Server {
    runtime: Runtime,
    listener: UnixListener,
    socket: OwnSocket,
    lanes: Arc<Lanes>,
}

/// The socket's file, which another one of the same name may replace.
struct OwnSocket {
    path: PathBuf,
    inode: Inode,
    /// A socket that was handed over stays, for the next daemon.
    stays: bool,
}

impl Server {
    /// Binds the socket. The caller holds the socket's lock, so one that is there already is a dead
    /// daemon's.
    pub(crate) fn bind(path: PathBuf, service: Service) -> Result<Self, ServerError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        remove_stale(&path)?;
        let failed = |source| ServerError::Bind { path: path.clone(), source };
        let listener = {
            let _inside = runtime.enter();
            // The folder is 0700 and the umask 077, so nobody else can connect in between.
            UnixListener::bind(&path).map_err(failed)?
        };
        let inode = inode_of(&path).map_err(failed)?;
        let lanes = Arc::new(Lanes::new(service)?);
        Ok(Self { runtime, listener, socket: OwnSocket { path, inode, stays: false }, lanes })
    }

    /// Takes a socket that a service manager has bound at this path.
    pub(crate) fn inherit(
        listener: StdListener,
        path: PathBuf,
        service: Service,
    ) -> Result<Self, ServerError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _inside = runtime.enter();
            UnixListener::from_std(listener)?
        };
        let inode =
            inode_of(&path).map_err(|source| ServerError::Bind { path: path.clone(), source })?;
        let lanes = Arc::new(Lanes::new(service)?);
        Ok(Self { runtime, listener, socket: OwnSocket { path, inode, stays: true }, lanes })
    }

    /// Serves until a signal, a client or the loss of the socket ends it. Requests that were begun
    /// are finished.
    pub(crate) fn run(self) -> Result<(), ServerError> {
        let Self { runtime, listener, socket, lanes } = self;
        runtime.block_on(async {
            let stop =
                StopSteps { asked: watch::Sender::new(false), ending: watch::Sender::new(false) };
            watch_for_signals(&stop.asked)?;
            tokio::spawn(watch_socket(socket.clone_id(), lanes.clone(), stop.asked.clone()));
            for id in lanes.leases().adopt() {
                tokio::spawn(lease_watch::watch(lanes.leases(), id));
            }
            let mut connections = accept(&listener, &lanes, &stop).await;
            // First the name, so that a new daemon can be started; then who came by it; then the
            // requests that were begun. Who waits at a socket that stays is the next daemon's client.
            stop.ending.send_replace(true);
            if !socket.stays {
                socket.remove();
                turn_away(&listener, &mut connections).await;
            }
            drop(listener);
            finish(connections).await;
            Ok(())
        })
    }
}

/// Accepts connections until the daemon is to end.
async fn accept(listener: &UnixListener, lanes: &Arc<Lanes>, stop: &StopSteps) -> JoinSet<()> {
    let mut asked = stop.asked.subscribe();
    let waiting = Arc::new(Waiting::default());
    let mut connections = JoinSet::new();
    loop {
        // Finished ones are forgotten as we go, or the set would grow for ever.
        while connections.try_join_next().is_some() {}
        let accepted = async {
            if connections.len() > reset_inherited::connections(lanes.leases().count()) {
                make_room(&mut connections, &waiting).await;
            }
            listener.accept().await
        };
        let accepted = tokio::select! {
            biased;
            _ = asked.wait_for(|asked| *asked) => return connections,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Some(peer) = admitted(&stream) {
                    let (lanes, waiting) = (lanes.clone(), waiting.clone());
                    let served = connection::serve(stream, peer, lanes, waiting, stop.clone());
                    connections.spawn(served);
                }
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                // Something else may have too many files open: leases, or another program (ENFILE).
                // Who connects waits until somebody makes room for it, and only a moment for others.
                let _ = timeout(RELIEF, make_room(&mut connections, &waiting)).await;
                waiting.let_all_stay();
            }
        }
    }
}

/// Makes room for one connection more: in the place of the one that has been silent for longest, or if all
/// are being answered, of the one that is done first.
async fn make_room(connections: &mut JoinSet<()>, waiting: &Arc<Waiting>) {
    waiting.send_longest_away();
    // Where there are none, others have to make room.
    if connections.join_next().await.is_none() {
        sleep(RELIEF).await;
    }
    waiting.let_all_stay();
}

/// Who is at the other end, when it is our own user. Nobody else is read from or written to.
fn admitted(stream: &UnixStream) -> Option<Peer> {
    match Peer::of(stream) {
        Ok(peer) if peer.is_ours() => Some(peer),
        Ok(peer) => {
            tracing::warn!("uid {} (pid {}) was turned away", peer.uid, peer.pid);
            None
        }
        Err(error) => {
            tracing::warn!("a connection of unknown origin was turned away: {error}");
            None
        }
    }
}

/// Tells those who wait to be accepted that they came too late.
async fn turn_away(listener: &UnixListener, connections: &mut JoinSet<()>) {
    while let Ok(Ok((stream, _))) = timeout(Duration::ZERO, listener.accept()).await {
        if admitted(&stream).is_some() {
            connections.spawn(connection::turn_away(stream));
        }
    }
}

/// Waits for the requests that were begun.
async fn finish(mut connections: JoinSet<()>) {
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, all).await.is_err() {
        tracing::warn!("ends with requests unfinished; their clients are told nothing");
    }
}

fn watch_for_signals(stop: &watch::Sender<bool>) -> io::Result<()> {
    // Those whose default would end us without a word. SIGPIPE is ignored by the standard library.
    let kinds = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
        SignalKind::quit(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::from_raw(reset_inherited::CPU_TIME_IS_OVER),
    ];
    for kind in kinds {
        let mut signals = signal(kind)?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            tracing::info!("ends by signal {}", kind.as_raw_value());
            stop.send_replace(true);
        });
    }
    Ok(())
}

/// Ends the daemon when its socket is gone or another's: nobody would find it any more.
async fn watch_socket(socket: OwnSocket, lanes: Arc<Lanes>, stop: watch::Sender<bool>) {
    let socket = Arc::new(socket);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let checked = socket.clone();
        // Not here: the disk may hang, and clients are not to wait for it.
        match lanes.check(move || checked.is_there()).await {
            Ok(true) => looks.tick().await,
            Ok(false) | Err(_) => break,
        };
    }
    tracing::warn!("{} is gone or another's", socket.path.display());
    stop.send_replace(true);
}

impl OwnSocket {
    fn clone_id(&self) -> Self {
        Self { path: self.path.clone(), ..*self }
    }

    fn is_there(&self) -> bool {
        inode_of(&self.path).is_ok_and(|inode| inode == self.inode)
    }

    fn remove(&self) {
        if self.is_there()
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

fn inode_of(path: &Path) -> io::Result<Inode> {
    Ok(Inode::from(&std::fs::symlink_metadata(path)?))
}

fn remove_stale(path: &Path) -> Result<(), ServerError> {
    let failed = |source| ServerError::Bind { path: path.to_owned(), source };
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path).map_err(failed),
        Ok(_) => Err(ServerError::NoSocket { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
    }
}
