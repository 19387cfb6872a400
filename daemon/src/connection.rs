//! One client: frames in, frames out, each within its deadline.

use std::io::{ErrorKind, IoSlice};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use fluvio_secret_protocol::frame::{self, Frame, FrameError, PREFIX_BYTES};
use fluvio_secret_protocol::{
    Answer, Code, Refusal, Request, Stop, Stopping, VaultAddress, Working, limits,
};
use fluvio_secret_system::peer::Peer;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use crate::answer_channel::Outgoing;
use crate::answers::Response;
use crate::client_stream::ClientStream;
use crate::idle::IdleConnections;
use crate::in_flight::{InFlight, Room, Stalled};
use crate::lease_watch::LeaseHold;
use crate::service::refusals;
use crate::workers::Workers;

/// How long `status` and `activity` may check files. After that, the last known state is the answer.
const CHECK_TIMEOUT: Duration = Duration::from_millis(900);

enum End {
    /// The client closed it, or it broke.
    Gone,
    /// The client did not send a request. What follows cannot be read.
    Frame(FrameError),
    /// The client was idle for the longest time, and another one needs its place.
    SentAway,
    /// The client did not send a whole frame, or take one, in time.
    Slow,
    /// The daemon stops, and has not read the request that the client may be sending.
    Stopping,
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}

impl From<Stalled> for End {
    fn from(_: Stalled) -> Self {
        Self::SentAway
    }
}

/// The two steps of stopping. Between them the socket loses its name, so a client that is refused does not
/// find this daemon again.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopSteps {
    /// Becomes true when the daemon is to stop.
    pub(crate) asked: watch::Sender<bool>,
    /// Becomes true when it does.
    pub(crate) ending: watch::Sender<bool>,
}

struct Received {
    request: Request,
    /// The vault that the request is about.
    vault: Option<VaultAddress>,
    /// The room that its values take.
    room: Room,
}

struct ClientConnection {
    stream: ClientStream,
    peer: Peer,
    workers: Arc<Workers>,
    stop: StopSteps,
    leases: Vec<LeaseHold>,
    check_timeout: Duration,
}

/// Serves a client until it leaves, or the daemon stops.
pub(crate) async fn serve(
    stream: UnixStream,
    peer: Peer,
    workers: Arc<Workers>,
    idle: Arc<IdleConnections>,
    stop: StopSteps,
) {
    let (stream, leases) = (ClientStream::new(stream), Vec::new());
    let check_timeout = CHECK_TIMEOUT;
    let mut connection = ClientConnection { stream, peer, workers, stop, leases, check_timeout };
    let end = connection.converse(&idle).await;
    let ClientConnection { stream, workers, leases, .. } = connection;
    drop(leases);
    match end {
        Err(End::Frame(error)) => {
            tracing::debug!("pid {} sent no request: {error}", peer.pid);
            let _ = send(&stream, refusals::frame(error), &workers.in_flight).await;
        }
        Err(End::Stopping) => turn_away_from(&stream).await,
        Err(End::Gone | End::SentAway | End::Slow) | Ok(()) => {}
    }
}

/// Refuses a client that came too late.
pub(crate) async fn turn_away(stream: UnixStream) {
    turn_away_from(&ClientStream::new(stream)).await;
}

async fn turn_away_from(stream: &ClientStream) {
    // Its request may be to stop: then it waits until the daemon has stopped.
    keep_until_exit(stream);
    let _ = send(stream, refusals::stopping(), &InFlight::default()).await;
}

pub(crate) async fn refuse(stream: UnixStream, refusal: Refusal) {
    let stream = ClientStream::new(stream);
    let in_flight = InFlight::default();
    // A client that is cut off while it sends would not read the answer.
    let _ = timeout(limits::CONNECTION_TIMEOUT, receive(&stream, &in_flight)).await;
    let _ = send(&stream, refusal, &in_flight).await;
}

impl ClientConnection {
    async fn converse(&mut self, idle: &Arc<IdleConnections>) -> Result<(), End> {
        let mut ending = self.stop.ending.subscribe();
        loop {
            let mut idle = idle.add();
            let received = receive(&self.stream, &self.workers.in_flight);
            let Received { request, vault, room } = tokio::select! {
                biased;
                _ = ending.wait_for(|ending| *ending) => return Err(End::Stopping),
                _ = &mut idle.closed => return Err(End::SentAway),
                received = timeout(limits::CONNECTION_TIMEOUT, received) => {
                    received.map_err(|_| End::Slow)??
                }
            };
            drop(idle);
            match request {
                Request::Stop(_) => {
                    tracing::info!("pid {} asks the daemon to stop", self.peer.pid);
                    keep_until_exit(&self.stream);
                    // Even if the client does not wait for the answer.
                    self.stop.asked.send_replace(true);
                    return send(&self.stream, Stopping, &self.workers.in_flight).await;
                }
                request if is_endless(&request) => {
                    let ended = self.answer(request, vault).await;
                    self.workers.forget_gone();
                    return ended;
                }
                request => self.answer(request, vault).await?,
            }
            drop(room);
        }
    }

    /// Passes a request to its thread, and the answers to the client. Reports that the daemon is at work in the
    /// meantime.
    ///
    /// A subscription continues until the client leaves, or the daemon stops.
    async fn answer(&mut self, request: Request, vault: Option<VaultAddress>) -> Result<(), End> {
        let workers = self.workers.clone();
        let is_status = matches!(request, Request::GetStatus(_));
        let has_last_known = is_status || matches!(request, Request::GetActivity(_));
        let is_subscription = is_endless(&request);
        let mut room = self.room_for_answer_to(&request).await?;
        let mut ending = self.stop.ending.subscribe();
        let stream = (!is_subscription).then(|| self.stream.clone());
        let mut answers = workers.hand_over(request, vault, self.peer, stream);
        let last_known = sleep(self.check_timeout);
        tokio::pin!(last_known);
        let mut has_begun = false;
        let mut sent = Ok(());
        loop {
            let outgoing = tokio::select! {
                biased;
                _ = ending.wait_for(|ending| *ending), if is_subscription => {
                    return Err(End::Stopping);
                }
                outgoing = answers.recv() => {
                    // The vault was closed. To its client, that is the end of a daemon.
                    if has_begun && outgoing.is_none() {
                        return Err(End::Gone);
                    }
                    has_begun = is_subscription;
                    outgoing.unwrap_or_else(|| Response::refused(refusals::internal()).into())
                }
                () = &mut last_known, if has_last_known && answers.may_begin() => {
                    if !answers.try_begin() {
                        continue;
                    }
                    // The next request on this connection need not find out again.
                    self.check_timeout = Duration::ZERO;
                    workers.last_known(is_status).into()
                }
                () = left(self.stream.socket()), if has_begun => return Ok(()),
                () = sleep(limits::PROGRESS), if sent.is_ok() && !has_begun => {
                    if !answers.try_begin() {
                        continue;
                    }
                    Response::new(Working).into()
                }
            };
            let Some((frame, from)) = self.take(outgoing)? else { return Ok(()) };
            if frame.is_last() {
                room.shrink_to(frame.part_bytes());
            }
            // Until the request is done the connection counts, even if its client is gone: a client that comes
            // and goes could otherwise queue any number of requests.
            if sent.is_ok() {
                sent = send_frame(&self.stream, &frame, from, &workers.in_flight).await;
            }
            if frame.is_last() || has_begun && sent.is_err() {
                return sent;
            }
            if sent.is_ok() {
                answers.end_frame();
            }
        }
    }

    /// Keeps what belongs to an answer, even if the client does not receive it. Returns its frame and the number of
    /// bytes of it that are sent, unless all are.
    fn take(&mut self, outgoing: Outgoing) -> Result<Option<(Frame, usize)>, End> {
        let (response, sent) = match outgoing {
            Outgoing::Unsent { response, sent } => (response, sent),
            Outgoing::Sent(lease) => {
                self.leases.extend(lease);
                return Ok(None);
            }
        };
        self.leases.extend(response.lease);
        if let Some(why) = response.stop {
            // The client waits until the daemon has stopped, and asks the next one.
            tracing::warn!("{why}");
            keep_until_exit(&self.stream);
            self.stop.asked.send_replace(true);
        }
        let frame = response.frame.or_else(|error| {
            tracing::error!("a response does not fit into a frame: {error}");
            let refusal = Refusal::new(Code::Large, "the response is too long to send", "");
            Frame::new(refusal).map_err(End::Frame)
        })?;
        Ok(Some((frame, sent)))
    }

    /// Waits for room for the largest answer: its size is not known before it is made.
    async fn room_for_answer_to(&mut self, request: &Request) -> Result<Room, End> {
        let largest = match request {
            Request::Grant(_) => limits::GRANT_BYTES,
            Request::GetSyncDocument(_) => limits::RECORD_BYTES,
            _ => return Ok(Room::default()),
        };
        let in_flight = &self.workers.in_flight;
        let room = in_flight.room_for(largest);
        tokio::pin!(room);
        loop {
            tokio::select! {
                biased;
                room = &mut room => return Ok(room),
                () = sleep(limits::PROGRESS) => send(&self.stream, Working, in_flight).await?,
            }
        }
    }
}

/// Whether the answers to a request have no end.
fn is_endless(request: &Request) -> bool {
    matches!(request, Request::FollowVault(_) | Request::Subscribe(_))
}

/// Completes when the client closes the connection, or sends anything.
async fn left(stream: &UnixStream) {
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut [0; 1]) {
            // It only seemed to be readable.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}

/// Leaves the descriptor to the kernel to close: to the client, the end of the stream is the end of the
/// daemon's process.
fn keep_until_exit(stream: &ClientStream) {
    if let Ok(descriptor) = rustix::io::dup(stream.socket()) {
        mem::forget(descriptor);
    }
}

/// Reads a request, and the room that its values take. Lengths are checked before anything is allocated.
async fn receive(stream: &ClientStream, in_flight: &InFlight) -> Result<Received, End> {
    let mut prefix = [0; PREFIX_BYTES];
    stream.read_exact(&mut prefix).await?;
    let mut header = vec![0; frame::decode_prefix(prefix).map_err(End::Frame)?];
    stream.read_exact(&mut header).await?;
    if frame::is_stop(&header) {
        return Ok(Received { request: Stop.into(), vault: None, room: Room::default() });
    }
    let (header, vault) = frame::decode_request::<Request>(&header).map_err(End::Frame)?;
    let room = in_flight.room_for(header.lengths().iter().sum()).await;
    let mut parts = Vec::with_capacity(header.lengths().len());
    for &length in header.lengths() {
        let mut part = Zeroizing::new(vec![0; length]);
        let mut rest = &mut part[..];
        while !rest.is_empty() {
            match in_flight.step(stream.read(rest)).await?? {
                0 => return Err(End::Gone),
                count => rest = &mut rest[count..],
            }
        }
        parts.push(part);
    }
    Ok(Received { request: header.with_parts(parts).map_err(End::Frame)?, vault, room })
}

async fn send(stream: &ClientStream, answer: impl Answer, in_flight: &InFlight) -> Result<(), End> {
    send_frame(stream, &answer.into_frame().map_err(End::Frame)?, 0, in_flight).await
}

/// Sends an answer from this byte on. Its values are sent from where they are.
async fn send_frame(
    stream: &ClientStream,
    frame: &Frame,
    from: usize,
    in_flight: &InFlight,
) -> Result<(), End> {
    let mut slices = frame.slices();
    let write = async {
        let mut rest = &mut slices[..];
        // Empty parts need not be sent.
        IoSlice::advance_slices(&mut rest, from);
        while !rest.is_empty() {
            let count = in_flight.step(stream.write(rest)).await??;
            IoSlice::advance_slices(&mut rest, count);
        }
        Ok(())
    };
    timeout(limits::CONNECTION_TIMEOUT, write).await.map_err(|_| End::Slow)?
}

#[cfg(test)]
mod tests;
