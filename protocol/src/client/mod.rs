//! A blocking client of the daemon.
//!
//! * [`frame_stream`]: frames, each within its timeouts
//! * [`one_call`]: a call of the daemon, and one of a daemon for this call alone
//! * [`subscription`]: a connection on which the daemon reports changes
//! * [`wait`]: reports what a slow request waits for
//! * [`error`]: why there is no answer
//! * [`denied`]: why a socket may not be opened

mod denied;
mod error;
mod frame_stream;
mod one_call;
mod subscription;
mod wait;

pub use self::denied::Denied;
pub use self::error::ClientError;
use self::frame_stream::FrameStream;
pub use self::one_call::{call_daemon, call_once};
pub use self::subscription::Subscription;
pub use self::wait::report_notes;
use crate::frame::{FrameError, Incoming, Message};
use crate::message::call::{Call, Paged};
use crate::message::member::Reencrypting;
use crate::message::reply::Reply;
use crate::message::status::Stop;
use crate::message::subscription::{Subscribe, Subscribed};
use crate::start;
use crate::timeouts::Timeouts;
use crate::vault_address::VaultAddress;
use crate::{Code, PROTOCOL_VERSION, Refusal};
use fluvio_secret_system::places::StateDirectory;
use zeroize::Zeroizing;

/// A blocking connection to the daemon.
///
/// It has one request at a time. No wait is longer than [`crate::limits::CLIENT_TIMEOUT`] without a
/// frame from the daemon.
#[derive(Debug)]
pub struct Client {
    stream: FrameStream,
    state: StateDirectory,
    /// The vault that its requests are about; `None` for the personal one.
    vault: Option<VaultAddress>,
    /// Whether the next daemon may take the place of this one.
    may_replace: bool,
    /// Whether a wait was reported.
    is_wait_reported: bool,
}

/// Connects to the daemon that serves, and starts none.
///
/// # Errors
///
/// [`ClientError::Unreachable`] if none serves, [`ClientError::Denied`] if the socket may not be
/// opened, [`ClientError::Foreign`] if another user's process serves.
pub fn connect(state: &StateDirectory) -> Result<Client, ClientError> {
    Ok(Client::of(FrameStream::open(&state.socket)?, state))
}

/// Connects to the daemon; if none serves, starts one.
///
/// # Errors
///
/// Those of [`connect`], and [`ClientError::Place`] and [`ClientError::Start`] if a daemon was needed
/// and could not be started.
pub fn connect_or_start(state: &StateDirectory) -> Result<Client, ClientError> {
    if let Some(client) = running(state)? {
        return Ok(client);
    }
    state.prepare().map_err(ClientError::Place)?;
    let _starter = start::lock(state).map_err(ClientError::Start)?;
    // The last holder of the lock may have started one.
    if let Some(client) = running(state)? {
        return Ok(client);
    }
    let started = start::start();
    match connect(state) {
        // A daemon that was started by hand in the meantime is as good as ours.
        Err(error) if error.is_absent() => Err(started.err().map_or(error, ClientError::Start)),
        connected => connected,
    }
}

fn running(state: &StateDirectory) -> Result<Option<Client>, ClientError> {
    match connect(state) {
        Ok(client) => Ok(Some(Client { may_replace: true, ..client })),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Has this machine use the vault at the vault's path, even if it is another one than before.
///
/// # Errors
///
/// [`ClientError::Start`] with the daemon's message.
pub fn accept_vault() -> Result<(), ClientError> {
    start::accept_vault().map_err(ClientError::Start)
}

impl Client {
    fn of(stream: FrameStream, state: &StateDirectory) -> Self {
        let (state, vault) = (state.clone(), None);
        Self { stream, state, vault, may_replace: false, is_wait_reported: false }
    }

    /// The same connection, for requests about this vault; `None` for the personal one.
    #[must_use]
    pub fn about(mut self, vault: Option<VaultAddress>) -> Self {
        self.vault = vault;
        self
    }

    /// Sends a request, and waits for its answer.
    ///
    /// # Errors
    ///
    /// Any of [`ClientError`].
    pub fn call<C: Call>(&mut self, request: C) -> Result<C::Answer, ClientError> {
        self.call_with_progress(request, |_| {})
    }

    /// The same, with the frames that report how far the daemon is.
    ///
    /// # Errors
    ///
    /// Any of [`ClientError`].
    #[expect(clippy::needless_pass_by_value, reason = "a request is made where it is sent")]
    pub fn call_with_progress<C: Call>(
        &mut self,
        request: C,
        report: impl FnMut(Reencrypting),
    ) -> Result<C::Answer, ClientError> {
        self.answer_to(&request, report)
    }

    /// Sends a request, and waits for its answer. `None` if another daemon has to be asked: this one was just
    /// stopping, and has stopped now.
    fn call_unless_stopping<C: Call>(
        &mut self,
        request: &C,
    ) -> Result<Option<C::Answer>, ClientError> {
        match self.answer_to(request, |_| {}) {
            // The daemon did nothing, or another one would do the same again.
            Err(ClientError::Refused(Refusal { code: Code::Stopping, .. })) => {}
            Err(ClientError::Broken(_)) if request.is_repeatable() => {}
            answer => return answer.map(Some),
        }
        // Until then, another daemon cannot have the vault.
        self.stream.wait_for_end(Timeouts::new())?;
        Ok(None)
    }

    fn answer_to<C: Call>(
        &mut self,
        request: &C,
        mut report: impl FnMut(Reencrypting),
    ) -> Result<C::Answer, ClientError> {
        let mut reply = self.ask(request)?;
        loop {
            match reply {
                Reply::Answer(answer) if request.is_answered_by(&answer) => return Ok(answer),
                Reply::Answer(_) => return Err(ClientError::Unexpected),
                Reply::Reencrypting(progress) => report(progress),
                Reply::Refused(refusal) => return Err(ClientError::Refused(refusal)),
                Reply::Notice(_) | Reply::Working(_) => {}
            }
            reply = self.receive(Timeouts::new())?;
        }
    }

    /// The items of all answers to a request.
    ///
    /// # Errors
    ///
    /// Any of [`ClientError`].
    pub fn collect<C>(&mut self, request: C) -> Result<Vec<<C::Answer as Paged>::Item>, ClientError>
    where
        C: Call<Answer: Paged>,
    {
        let mut items = Vec::new();
        let mut page = self.call(request)?;
        loop {
            let is_last = page.is_last();
            items.extend(page.into_items());
            if is_last {
                return Ok(items);
            }
            page = match self.receive(Timeouts::new())? {
                Reply::Answer(page) => page,
                Reply::Refused(refusal) => return Err(ClientError::Refused(refusal)),
                _ => return Err(ClientError::Unexpected),
            };
        }
    }

    /// Subscribes to the secrets that a configuration references.
    ///
    /// # Errors
    ///
    /// Any of [`ClientError`].
    pub fn subscribe(
        self,
        config: Zeroizing<Vec<u8>>,
    ) -> Result<(Subscribed, Subscription), ClientError> {
        self.follow(Subscribe { config })
    }

    /// Sends a request whose answers have no end, such as [`FollowVault`](crate::FollowVault). Returns the first one,
    /// and the connection for the others.
    ///
    /// # Errors
    ///
    /// Any of [`ClientError`].
    pub fn follow<C: Call>(
        mut self,
        request: C,
    ) -> Result<(C::Answer, Subscription<C::Answer>), ClientError> {
        let first = self.call(request)?;
        Ok((first, Subscription::on(self.stream)))
    }

    /// Asks the daemon to stop, and waits until it has. Daemons of every version understand it.
    ///
    /// # Errors
    ///
    /// Any of [`ClientError`].
    pub fn stop(mut self) -> Result<(), ClientError> {
        let mut timeouts = Timeouts::new();
        self.stream.send(None, &Stop, &mut timeouts)?;
        self.stream.wait_for_end(timeouts)
    }

    /// Sends a request, and receives the first frame. Another daemon may take the place of this one if it
    /// is of an older version, or just stopping.
    fn ask<C: Call>(&mut self, request: &C) -> Result<Reply<C::Answer>, ClientError> {
        match self.ask_this(request) {
            Err(ClientError::Frame(FrameError::Version(theirs))) if theirs > PROTOCOL_VERSION => {
                return Err(ClientError::Newer(theirs));
            }
            Err(ClientError::Frame(FrameError::Version(_))) if self.may_replace => {
                connect(&self.state)?.stop()?;
            }
            // The daemon did nothing, or would do the same again.
            Ok(Reply::Refused(Refusal { code: Code::Stopping, .. })) if self.may_replace => {}
            Err(ClientError::Broken(_)) if self.may_replace && request.is_repeatable() => {}
            reply => return reply,
        }
        // Until this daemon has stopped, the new connection would be turned away as well.
        self.stream.wait_for_end(Timeouts::new())?;
        let vault = self.vault.take();
        *self = Self { may_replace: false, ..connect_or_start(&self.state)?.about(vault) };
        self.ask_this(request)
    }

    fn ask_this<C: Call>(&mut self, request: &C) -> Result<Reply<C::Answer>, ClientError> {
        // Sending and the first frame have one timeout.
        let mut timeouts = Timeouts::new();
        self.stream.send(self.vault.as_ref(), request, &mut timeouts)?;
        self.receive(timeouts)
    }

    /// The next frame that says more than that the daemon is at work. A notice is reported.
    fn receive<A: Incoming>(&mut self, mut timeouts: Timeouts) -> Result<Reply<A>, ClientError> {
        let mut working = 0;
        loop {
            match self.stream.receive(&mut timeouts)? {
                Reply::Working(_) => working += 1,
                Reply::Notice(notice) => wait::report_note(&notice.text),
                reply => return Ok(reply),
            }
            if working == wait::FRAMES && !self.is_wait_reported {
                self.is_wait_reported = true;
                wait::report(&self.state.socket);
            }
            timeouts = Timeouts::new();
        }
    }
}
