//! One client: frames in, frames out, each within its deadline.

use std::io::{ErrorKind, IoSlice};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use fluvio_secret_protocol::frame::{self, Frame, FrameError, PREFIX_BYTES};
use fluvio_secret_protocol::{Code, Leased, Refusal, Request, Stopping, Working, limits};
use fluvio_secret_system::peer::Peer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use crate::idle::IdleConnections;
use crate::in_flight::{InFlight, Room, Stalled};
use crate::lease_watch;
use crate::response::Response;
use crate::service::refuse;
use crate::workers::Lanes;

/// How long `status` and `activity` may take to check the vault; then they are of what is known.
const LOOK: Duration = Duration::from_millis(900);

/// Why a connection ends.
enum End {
    /// The client closed it, or it broke.
    Gone,
    /// The client sent what is no request; it is told, and what follows cannot be read.
    Frame(FrameError),
    /// The client was silent for longest, and its place is needed.
    SentAway,
    /// The client did not send a whole frame, or take one, in time.
    Slow,
    /// The daemon is ending, and has not read the request that the client may be sending.
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

/// A request with the room that its values take, or the one word that every version understands.
enum ReadFrame {
    Request(Request, Room),
    Stop,
}

/// The two steps of the daemon's end. Between them the socket loses its name: who is told that the
/// daemon is ending asks the next one, and must not find this one again.
#[derive(Clone, Debug)]
pub(crate) struct StopSteps {
    /// Becomes true when the daemon is asked to end.
    pub(crate) asked: watch::Sender<bool>,
    /// Becomes true when it does.
    pub(crate) ending: watch::Sender<bool>,
}

/// Serves a client until it or the daemon ends.
pub(crate) async fn serve(
    mut stream: UnixStream,
    peer: Peer,
    lanes: Arc<Lanes>,
    idle: Arc<IdleConnections>,
    stop: StopSteps,
) {
    let mut leases = Vec::new();
    let end = converse(&mut stream, peer, &lanes, &idle, &stop, &mut leases).await;
    // Until here the connection held them.
    for id in leases {
        tokio::spawn(lease_watch::watch(lanes.leases(), id));
    }
    let refusal = match end {
        Err(End::Frame(error)) => {
            tracing::debug!("pid {} sent no request: {error}", peer.pid);
            refuse::frame(error)
        }
        Err(End::Stopping) => return turn_away(stream).await,
        Err(End::Gone | End::SentAway | End::Slow) | Ok(()) => return,
    };
    let _ = send(&mut stream, Response::Refused(refusal), lanes.in_flight()).await;
}

/// Tells a client that came too late that it did.
pub(crate) async fn turn_away(mut stream: UnixStream) {
    // What it has to say may be to stop: then it waits for our end.
    keep_until_exit(&stream);
    let refusal = Response::Refused(refuse::stopping());
    let _ = send(&mut stream, refusal, &InFlight::default()).await;
}

/// Refuses a client's first request.
pub(crate) async fn refuse(mut stream: UnixStream, refusal: Refusal) {
    let in_flight = InFlight::default();
    // A client that is cut off while it sends would not read the answer.
    let _ = timeout(limits::CONNECTION_TIMEOUT, receive(&mut stream, &in_flight)).await;
    let _ = send(&mut stream, Response::Refused(refusal), &in_flight).await;
}

async fn converse(
    stream: &mut UnixStream,
    peer: Peer,
    lanes: &Lanes,
    idle: &Arc<IdleConnections>,
    stop: &StopSteps,
    leases: &mut Vec<String>,
) -> Result<(), End> {
    let mut ending = stop.ending.subscribe();
    let mut look = LOOK;
    loop {
        let mut idle = idle.add();
        let incoming = tokio::select! {
            biased;
            _ = ending.wait_for(|ending| *ending) => return Err(End::Stopping),
            _ = &mut idle.closed => return Err(End::SentAway),
            incoming = timeout(limits::CONNECTION_TIMEOUT, receive(stream, lanes.in_flight())) => {
                incoming.map_err(|_| End::Slow)??
            }
        };
        drop(idle);
        match incoming {
            ReadFrame::Request(Request::Stop(_), _) | ReadFrame::Stop => {
                tracing::info!("pid {} asks to end", peer.pid);
                keep_until_exit(stream);
                // Also when nobody waits for the answer any more.
                stop.asked.send_replace(true);
                return send(stream, Response::Stopping(Stopping), lanes.in_flight()).await;
            }
            ReadFrame::Request(request @ Request::Subscribe(_), _) => {
                let ended = subscription(stream, request, peer, lanes, stop).await;
                lanes.forget_gone();
                return ended;
            }
            ReadFrame::Request(request, room) => {
                let answered = answer(stream, request, peer, lanes, stop, leases, &mut look).await;
                drop(room);
                answered?;
            }
        }
    }
}

/// Hands a request over and passes the answers on. Says that it is at work while none comes.
async fn answer(
    stream: &mut UnixStream,
    request: Request,
    peer: Peer,
    lanes: &Lanes,
    stop: &StopSteps,
    leases: &mut Vec<String>,
    look: &mut Duration,
) -> Result<(), End> {
    let in_flight = lanes.in_flight();
    let is_status = matches!(request, Request::GetStatus(_));
    let has_last_known = is_status || matches!(request, Request::GetActivity(_));
    let mut room = match request {
        Request::Grant(_) => room_for_grant(stream, in_flight).await?,
        _ => Room::default(),
    };
    let mut answers = lanes.hand_over(request, peer);
    let last_known = sleep(*look);
    tokio::pin!(last_known);
    let mut sent = Ok(());
    loop {
        let answer = tokio::select! {
            biased;
            answer = answers.recv() => {
                answer.unwrap_or_else(|| Response::Refused(refuse::internal()))
            }
            () = &mut last_known, if has_last_known => {
                // What else is asked on this connection need not find out again.
                *look = Duration::ZERO;
                lanes.last_known(is_status)
            }
            () = sleep(limits::PROGRESS), if sent.is_ok() => Response::Working(Working),
        };
        // Also when the client does not take it: who would notice that nobody holds it?
        if let Response::Leased(Leased { lease: Some(lease), .. }) = &answer {
            leases.push(lease.id.clone());
        }
        stop_if_told(stream, &answer, stop);
        let is_last = answer.is_last();
        let frame = frame_of(answer)?;
        if is_last {
            room.shrink_to(frame.part_bytes());
        }
        // Until the request is done the connection counts as one, although nobody listens: or a
        // client that comes and goes could queue any number of them.
        if sent.is_ok() {
            sent = send_frame(stream, &frame, in_flight).await;
        }
        if is_last {
            return sent;
        }
    }
}

/// Waits for room for the largest grant: only its answer tells how large it is.
async fn room_for_grant(stream: &mut UnixStream, in_flight: &InFlight) -> Result<Room, End> {
    let room = in_flight.room_for(limits::GRANT_BYTES);
    tokio::pin!(room);
    loop {
        tokio::select! {
            biased;
            room = &mut room => return Ok(room),
            () = sleep(limits::PROGRESS) => send(stream, Response::Working(Working), in_flight).await?,
        }
    }
}

/// Passes on what changes, until the client goes away or the daemon ends. Nothing else is read from
/// the client.
async fn subscription(
    stream: &mut UnixStream,
    request: Request,
    peer: Peer,
    lanes: &Lanes,
    stop: &StopSteps,
) -> Result<(), End> {
    let mut ending = stop.ending.subscribe();
    let mut answers = lanes.hand_over(request, peer);
    let mut has_begun = false;
    let mut sent = Ok(());
    loop {
        let answer = tokio::select! {
            biased;
            _ = ending.wait_for(|ending| *ending) => return Err(End::Stopping),
            answer = answers.recv() => {
                answer.unwrap_or_else(|| Response::Refused(refuse::internal()))
            }
            () = ended(stream), if has_begun => return Ok(()),
            () = sleep(limits::PROGRESS), if !has_begun && sent.is_ok() => Response::Working(Working),
        };
        has_begun |= matches!(answer, Response::Subscribed(_));
        stop_if_told(stream, &answer, stop);
        // Until it has begun it counts, as any request does whose client is gone.
        let is_last = answer.is_last();
        if sent.is_ok() {
            sent = send(stream, answer, lanes.in_flight()).await;
        }
        if is_last || has_begun && sent.is_err() {
            return sent;
        }
    }
}

/// Stops the daemon when it cannot serve its vault any more, which the service says by this refusal. The
/// client waits for the end, and asks the next daemon.
fn stop_if_told(stream: &UnixStream, answer: &Response, stop: &StopSteps) {
    if let Response::Refused(refusal) = answer
        && refusal.code == Code::Stopping
    {
        tracing::warn!("{}", refusal.text);
        keep_until_exit(stream);
        stop.asked.send_replace(true);
    }
}

/// Completes when the client closes the connection, or says what it has no business to say.
async fn ended(stream: &UnixStream) {
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut [0; 1]) {
            // It only seemed to be readable.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}

/// A client learns that the daemon has ended by the end of the stream, so the stream must live as
/// long as the process: its descriptor is left to the kernel to close.
fn keep_until_exit(stream: &UnixStream) {
    if let Ok(descriptor) = rustix::io::dup(stream) {
        mem::forget(descriptor);
    }
}

/// Reads one frame. Lengths are checked before anything is allocated.
async fn receive(stream: &mut UnixStream, in_flight: &InFlight) -> Result<ReadFrame, End> {
    let mut prefix = [0; PREFIX_BYTES];
    stream.read_exact(&mut prefix).await?;
    let mut header = vec![0; frame::decode_prefix(prefix).map_err(End::Frame)?];
    stream.read_exact(&mut header).await?;
    if frame::is_stop(&header) {
        return Ok(ReadFrame::Stop);
    }
    let header = frame::decode_header::<Request>(&header).map_err(End::Frame)?;
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
    let request = header.with_parts(parts).map_err(End::Frame)?;
    Ok(ReadFrame::Request(request, room))
}

async fn send(stream: &mut UnixStream, answer: Response, in_flight: &InFlight) -> Result<(), End> {
    send_frame(stream, &frame_of(answer)?, in_flight).await
}

/// Sends an answer. Its values are sent from where they are.
async fn send_frame(
    stream: &mut UnixStream,
    frame: &Frame,
    in_flight: &InFlight,
) -> Result<(), End> {
    let mut slices = frame.slices();
    let write = async {
        let mut rest = &mut slices[..];
        // Empty parts need not be sent.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let count = in_flight.step(stream.write_vectored(rest)).await??;
            IoSlice::advance_slices(&mut rest, count);
        }
        Ok(())
    };
    timeout(limits::CONNECTION_TIMEOUT, write).await.map_err(|_| End::Slow)?
}

/// The frame of an answer. One that does not fit should not exist.
fn frame_of(answer: Response) -> Result<Frame, End> {
    answer.into_frame().or_else(|error| {
        tracing::error!("an answer does not fit into a frame: {error}");
        let refusal = Refusal::new(Code::Large, "the answer is too long to send", "");
        Frame::new(refusal).map_err(End::Frame)
    })
}
