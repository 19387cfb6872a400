//! The socket: which connections are accepted, how many at once, and how the daemon stops.

use std::io::{self, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::{Refusal, frame, limits};
use fluvio_secret_system::file_id::Inode;
use fluvio_secret_system::help::{Help, Helpful};
use fluvio_secret_system::parallel::cores;
use fluvio_secret_system::peer::Peer;
use fluvio_secret_system::places::StateDirectory;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::connection::{self, StopSteps};
use crate::idle::IdleConnections;
use crate::lease_watch::LeaseHold;
use crate::service::{Service, follow, opening};
use crate::workers::Workers;
use crate::{reset_inherited, runtime};

/// How long the start waits for vaults of projects whose connectors run: `lease list` is to have them.
const OPEN_USED_TIMEOUT: Duration = Duration::from_secs(1);
/// How long requests may take to finish when the daemon stops.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(1500);
/// How often the daemon checks whether its socket is still its own.
const SOCKET_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How long to wait if connections cannot be accepted, for example without a free descriptor.
const RELIEF: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("cannot serve at {path}: {source}", path = .path.display())]
    Bind { path: PathBuf, source: io::Error },
    #[error("{path} is not a socket", path = .path.display())]
    NoSocket { path: PathBuf },
    #[error("cannot start serving: {0}")]
    System(#[from] io::Error),
}

impl Helpful for ServerError {
    fn help(&self) -> Option<Help> {
        matches!(self, Self::NoSocket { .. }).then(|| Help::advice("move it away"))
    }
}

pub(crate) struct Server {
    runtime: Runtime,
    listener: UnixListener,
    socket: Arc<OwnSocket>,
    workers: Arc<Workers>,
}

/// The socket's file, which another one of the same name may replace.
struct OwnSocket {
    path: PathBuf,
    inode: Inode,
    /// A socket that was handed over stays, for the next daemon.
    stays: bool,
}

impl Server {
    /// Serves at a socket that a service manager has bound at this path, or else binds one there. The caller
    /// holds the socket's lock, so another socket was left by a daemon that is gone.
    pub(crate) fn new(
        handed_over: Option<StdListener>,
        state: StateDirectory,
        service: Arc<Service>,
    ) -> Result<Self, ServerError> {
        let path = state.socket.clone();
        let failed = |source| ServerError::Bind { path: path.clone(), source };
        let stays = handed_over.is_some();
        let listener = match handed_over {
            Some(listener) => listener,
            None => {
                remove_stale(&path)?;
                // The directory is 0700 and the umask 077, so no other user can connect in between.
                StdListener::bind(&path).map_err(failed)?
            }
        };
        let runtime = runtime::start(cores())?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _inside = runtime.enter();
            UnixListener::from_std(listener)?
        };
        opening::serve_others(&service, state, runtime.handle().clone());
        let inode = inode_of(&path).map_err(failed)?;
        let workers = Arc::new(Workers::new(service)?);
        runtime::start_others(runtime.handle(), cores());
        let socket = Arc::new(OwnSocket { path, inode, stays });
        Ok(Self { runtime, listener, socket, workers })
    }

    /// Serves until a signal, a client or the loss of the socket stops it, and finishes all requests.
    pub(crate) fn run(self) -> Result<(), ServerError> {
        let Self { runtime, listener, socket, workers } = self;
        runtime::run(runtime, async move {
            let stop = StopSteps::default();
            watch_for_signals(&stop.asked)?;
            tokio::spawn(watch_socket(socket.clone(), workers.clone(), stop.asked.clone()));
            open_used(&workers.service);
            for id in follow::take_over(&workers.service) {
                // No connection holds it.
                drop(LeaseHold::new(workers.service.leases.clone(), id));
            }
            let mut connections = accept(&listener, &workers, &stop).await;
            // First the name, so that a new daemon can start; then clients that connected by it; then
            // requests. Clients that wait at a socket that stays are for the next daemon.
            stop.ending.send_replace(true);
            if !socket.stays {
                socket.remove();
                turn_away(&listener, &mut connections).await;
            }
            drop(listener);
            finish(connections, &workers.service.shared.late_work).await;
            Ok(())
        })
    }
}

/// Serves the one client of this connection until it leaves, or a signal stops the daemon.
pub(crate) fn serve_one(
    connection: StdStream,
    service: Arc<Service>,
    state: StateDirectory,
) -> Result<(), ServerError> {
    let runtime = runtime::start(cores())?;
    opening::serve_others(&service, state, runtime.handle().clone());
    let workers = Arc::new(Workers::new(service)?);
    connection.set_nonblocking(true)?;
    runtime::run(runtime, async move {
        let stop = StopSteps::default();
        watch_for_signals(&stop.asked)?;
        let stream = UnixStream::from_std(connection)?;
        let Some(peer) = admitted(&stream) else { return Ok(()) };
        tracing::info!("serving pid {} alone", peer.pid);
        let mut connections = JoinSet::new();
        let serve = connection::serve(stream, peer, workers.clone(), Arc::default(), stop.clone());
        connections.spawn(serve);
        let mut asked = stop.asked.subscribe();
        tokio::select! {
            _ = connections.join_next() => {}
            _ = asked.wait_for(|asked| *asked) => {}
        }
        stop.ending.send_replace(true);
        finish(connections, &workers.service.shared.late_work).await;
        Ok(())
    })
}

/// Refuses the client of this connection. Without a runtime: the limit for open files may be too low for one.
pub(crate) fn refuse_one(mut connection: StdStream, refusal: &Refusal) -> io::Result<()> {
    if !Peer::of(&connection)?.is_ours() {
        return Ok(());
    }
    let deadline = Instant::now() + limits::CONNECTION_TIMEOUT;
    connection.set_read_timeout(Some(limits::CONNECTION_TIMEOUT))?;
    connection.set_write_timeout(Some(limits::CONNECTION_TIMEOUT))?;
    connection.write_all(&frame::encode(refusal).map_err(io::Error::other)?)?;
    // A client that is cut off while it sends would not read the answer.
    let mut request = [0; 4096];
    while Instant::now() < deadline && connection.read(&mut request)? > 0 {}
    Ok(())
}

/// Refuses the clients that wait at a service manager's socket.
pub(crate) fn refuse(listener: &StdListener, refusal: &Refusal) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true)?;
            let stream = UnixStream::from_std(stream)?;
            if admitted(&stream).is_some() {
                connections.spawn(connection::refuse(stream, refusal.clone()));
            }
        }
        finish(connections, &watch::Sender::default()).await;
        Ok(())
    })
}

/// Opens the vaults whose connectors run. A disk that hangs keeps no other vault waiting for longer than a second.
fn open_used(personal: &Arc<Service>) {
    let used = opening::used(personal);
    if used.is_empty() {
        return;
    }
    let (opened, wait) = mpsc::channel();
    let personal = personal.clone();
    let open = move || {
        opening::open_all(&personal, &used);
        let _ = opened.send(());
    };
    match thread::Builder::new().name("vaults".to_owned()).spawn(open) {
        Ok(_) => _ = wait.recv_timeout(OPEN_USED_TIMEOUT),
        // The next request about each of them opens it.
        Err(error) => tracing::warn!("cannot start a thread that opens vaults: {error}"),
    }
}

async fn accept(listener: &UnixListener, workers: &Arc<Workers>, stop: &StopSteps) -> JoinSet<()> {
    let mut asked = stop.asked.subscribe();
    let idle = Arc::new(IdleConnections::default());
    let mut connections = JoinSet::new();
    loop {
        // Otherwise the set would grow forever.
        while connections.try_join_next().is_some() {}
        let accepted = async {
            if connections.len() > reset_inherited::connections(workers.leases()) {
                make_room(&mut connections, &idle).await;
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
                    let (workers, idle) = (workers.clone(), idle.clone());
                    let served = connection::serve(stream, peer, workers, idle, stop.clone());
                    connections.spawn(served);
                }
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                // Leases or another program (ENFILE) may have too many files open. A client waits until a
                // connection ends, but only a moment for other causes.
                let _ = timeout(RELIEF, make_room(&mut connections, &idle)).await;
                idle.keep_all();
            }
        }
    }
}

/// Makes room for one more connection: closes the one that has been idle for the longest time, or if all
/// are being answered, the one that is done first.
async fn make_room(connections: &mut JoinSet<()>, idle: &Arc<IdleConnections>) {
    idle.close_longest();
    // Without connections, something else has to make room.
    if connections.join_next().await.is_none() {
        sleep(RELIEF).await;
    }
    idle.keep_all();
}

/// The client, if it is of our own user. Other users are neither read from nor written to.
fn admitted(stream: &UnixStream) -> Option<Peer> {
    match Peer::of(stream) {
        Ok(peer) if peer.is_ours() => Some(peer),
        Ok(peer) => {
            tracing::warn!("refused a connection of uid {} (pid {})", peer.uid, peer.pid);
            None
        }
        Err(error) => {
            tracing::warn!("refused a connection of unknown origin: {error}");
            None
        }
    }
}

async fn turn_away(listener: &UnixListener, connections: &mut JoinSet<()>) {
    while let Ok(Ok((stream, _))) = timeout(Duration::ZERO, listener.accept()).await {
        if admitted(&stream).is_some() {
            connections.spawn(connection::turn_away(stream));
        }
    }
}

/// Waits for the connections, and for the work of requests that are answered, of which there is this number.
async fn finish(mut connections: JoinSet<()>, late_work: &watch::Sender<usize>) {
    let all = async {
        while connections.join_next().await.is_some() {}
        let _ = late_work.subscribe().wait_for(|count| *count == 0).await;
    };
    if timeout(SHUTDOWN_GRACE, all).await.is_err() {
        tracing::warn!("stopping with unfinished requests");
    }
}

fn watch_for_signals(stop: &watch::Sender<bool>) -> io::Result<()> {
    // Their default would kill the daemon without a line in the log. The standard library ignores SIGPIPE.
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
            tracing::info!("stopping after signal {}", kind.as_raw_value());
            stop.send_replace(true);
        });
    }
    Ok(())
}

/// Stops the daemon when its socket is gone or replaced: no client would find it.
async fn watch_socket(socket: Arc<OwnSocket>, workers: Arc<Workers>, stop: watch::Sender<bool>) {
    let mut checks = interval(SOCKET_POLL_INTERVAL);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let checked = socket.clone();
        // Not on this thread: the disk may hang, and clients must not wait for it.
        match workers.check(move || checked.is_there()).await {
            Ok(true) => checks.tick().await,
            Ok(false) | Err(_) => break,
        };
    }
    tracing::warn!("{} was removed or replaced", socket.path.display());
    stop.send_replace(true);
}

impl OwnSocket {
    /// False if the socket is gone or another's. If its directory cannot be read, neither is known.
    fn is_there(&self) -> bool {
        match inode_of(&self.path) {
            Ok(inode) => inode == self.inode,
            Err(error) => {
                let gone = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
                !gone.contains(&error.kind())
            }
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::runtime::Builder;
    use tokio::sync::watch;
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::finish;

    #[test]
    fn a_daemon_that_stops_waits_for_work_after_an_answer() {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let late_work = watch::Sender::new(1);
            let finished = finish(JoinSet::new(), &late_work);
            tokio::pin!(finished);
            assert!(timeout(Duration::ZERO, &mut finished).await.is_err());
            late_work.send_replace(0);
            assert!(timeout(Duration::ZERO, &mut finished).await.is_ok());
        });
    }
}
