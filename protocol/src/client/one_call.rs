//! A call of the daemon, and one of a daemon for this call alone.

use std::os::unix::net::UnixStream;
use std::process::Child;
use std::time::Duration;

use super::frame_stream::FrameStream;
use super::{Client, ClientError, connect, connect_or_start};
use crate::message::call::Call;
use crate::vault_address::VaultAddress;
use crate::{limits, start};
use fluvio_secret_system::child;
use fluvio_secret_system::places::StateDirectory;

/// Sends a request to the daemon; if none serves, starts one.
///
/// # Errors
///
/// Those of [`connect_or_start`] and [`Client::call`].
pub fn call_daemon<C: Call>(
    state: &StateDirectory,
    vault: Option<VaultAddress>,
    request: C,
) -> Result<C::Answer, ClientError> {
    connect_or_start(state)?.about(vault).call(request)
}

/// Sends a request to the daemon. If none serves, starts one for this request alone, and waits until that has
/// exited: after an exec, it would be an unknown child.
///
/// # Errors
///
/// Those of [`call_daemon`].
pub fn call_once<C: Call>(
    state: &StateDirectory,
    vault: Option<VaultAddress>,
    request: C,
) -> Result<C::Answer, ClientError> {
    if let Some(answer) = call_serving(state, vault.as_ref(), &request)? {
        return Ok(answer);
    }
    state.prepare().map_err(ClientError::Place)?;
    let _starter = start::lock(state).map_err(ClientError::Start)?;
    if let Some(answer) = call_serving(state, vault.as_ref(), &request)? {
        return Ok(answer);
    }
    let unreachable = |source| ClientError::Unreachable { socket: state.socket.clone(), source };
    let (ours, theirs) = UnixStream::pair().map_err(unreachable)?;
    let mut daemon = start::for_connection(theirs).map_err(ClientError::Start)?;
    let stream = FrameStream::of(ours, &state.socket);
    let answer = stream.and_then(|stream| Client::of(stream, state).about(vault).call(request));
    let is_silent = matches!(answer, Err(ClientError::Silent { .. }));
    match has_ended(&mut daemon, is_silent) {
        true => answer,
        // No connector starts beside a daemon that has its secrets and cannot be stopped.
        false => answer.and(Err(ClientError::Silent {
            socket: state.socket.clone(),
            pid: i32::try_from(daemon.id()).ok(),
            is_asked: false,
        })),
    }
}

/// Waits until a daemon has exited, because the connection has ended. One that hangs is killed. A disk may hang, and
/// then even that may not end it.
fn has_ended(daemon: &mut Child, is_silent: bool) -> bool {
    let timeout = if is_silent { Duration::ZERO } else { limits::CLIENT_TIMEOUT };
    match child::wait_within(daemon, timeout) {
        Ok(Some(_)) => true,
        Ok(None) => child::kill(daemon).unwrap_or(true),
        // If our own starter ignores SIGCHLD, the kernel keeps no status.
        Err(_) => true,
    }
}

/// The answer of the daemon that serves, if one does and is not just stopping. It is not replaced, because the next
/// one would stay.
fn call_serving<C: Call>(
    state: &StateDirectory,
    vault: Option<&VaultAddress>,
    request: &C,
) -> Result<Option<C::Answer>, ClientError> {
    match connect(state) {
        Ok(client) => client.about(vault.cloned()).call_unless_stopping(request),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}
