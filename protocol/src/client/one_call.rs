//! A call of the daemon, and one of a daemon for this call alone.

use std::os::unix::net::UnixStream;

use super::frame_stream::FrameStream;
use super::{Client, ClientError, connect, connect_or_start};
use crate::message::call::Call;
use crate::start;
use fluvio_secret_system::places::StateDirectory;

/// Sends a request to the daemon; if none serves, starts one.
///
/// # Errors
///
/// Those of [`connect_or_start`] and [`Client::call`].
pub fn call_daemon<C: Call>(state: &StateDirectory, request: C) -> Result<C::Answer, ClientError> {
    connect_or_start(state)?.call(request)
}

/// Sends a request to the daemon. If none serves, starts one for this request alone, and waits until that has
/// exited: after an exec, it would be an unknown child.
///
/// # Errors
///
/// Those of [`call_daemon`].
pub fn call_once<C: Call>(state: &StateDirectory, request: C) -> Result<C::Answer, ClientError> {
    if let Some(answer) = call_serving(state, &request)? {
        return Ok(answer);
    }
    state.prepare().map_err(ClientError::Place)?;
    let _starter = start::lock(state).map_err(ClientError::Start)?;
    if let Some(answer) = call_serving(state, &request)? {
        return Ok(answer);
    }
    let (ours, theirs) = UnixStream::pair().map_err(ClientError::Broken)?;
    let mut daemon = start::for_connection(theirs).map_err(ClientError::Start)?;
    let stream = FrameStream::of(ours, &state.socket);
    let answer = stream.and_then(|stream| Client::of(stream, state).call(request));
    if matches!(answer, Err(ClientError::Silent { .. })) {
        // A disk may hang, and then its end may not come either. No connector starts.
        let _ = daemon.kill();
        return answer;
    }
    // The connection has ended. If our own starter ignores SIGCHLD, the kernel keeps no status.
    let _ = daemon.wait();
    answer
}

/// The answer of the daemon that serves, if one does and is not just stopping. It is not replaced, because the next
/// one would stay.
fn call_serving<C: Call>(
    state: &StateDirectory,
    request: &C,
) -> Result<Option<C::Answer>, ClientError> {
    match connect(state) {
        Ok(mut client) => client.call_unless_stopping(request),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}
