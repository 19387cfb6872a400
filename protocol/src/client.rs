use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use zeroize::Zeroizing;

use crate::check::Checked;
use crate::delivery::Delivery;
use crate::frame::{self, FrameError, Message, PREFIX_BYTES};
use crate::patience::Patience;
use crate::peer::Peer;
use crate::places::{PlaceError, State};
use crate::start::{self, StartError};
use crate::{
    AcceptRecipients, Activity, AddRecipient, Check, Code, Damaged, Delete, EndLease, Examine,
    Grant, Granted, History, Import, Imported, Key, Leased, ListedLease, ListedSecret,
    PROTOCOL_VERSION, Passphrase, Recipients, Refusal, RemoveRecipient, Request, Resealed,
    Resealing, Response, Restore, Restored, Rotate, Secret, SecretName, Set, Status, Stored,
    Subscribe, Subscribed, Unlock, Unlocked, UseIdentity, Versions, limits,
};

/// A blocking connection to the daemon.
///
/// One request at a time; no wait is longer than [`limits::CLIENT_PATIENCE`] without a word from
/// the daemon.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    state: State,
    /// The process id of who made the socket, which is the daemon or systemd. For messages.
    pid: i32,
    /// Whether another daemon may still take the place of this one.
    may_replace: bool,
}

/// A connection on which the daemon tells what changes.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
}

/// What answers are decoded as: all of them, or those that are waited for.
trait Answer: Message + Into<Response> {}

impl Answer for Delivery {}

impl Answer for Response {}

/// Why a request got no answer, or not the one that was wanted.
#[derive(Debug)]
pub enum ClientError {
    /// The connection ended in the middle: whether the request was carried out is not known.
    Broken(io::Error),
    /// The connector would not start with the configuration.
    Faulty(Checked),
    /// The socket belongs to a process of another user. Nothing was sent to it.
    Foreign {
        /// The socket.
        socket: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// What was sent, or came back, is not of this protocol.
    Frame(FrameError),
    /// The daemon speaks a newer version of the protocol.
    Newer(u32),
    /// No place for the socket.
    Place(PlaceError),
    /// The daemon said no.
    Refused(Refusal),
    /// The daemon is there and says nothing.
    Silent {
        /// The socket.
        socket: PathBuf,
        /// Its process id, where it is known.
        pid: Option<i32>,
    },
    /// The daemon could not be started.
    Start(StartError),
    /// The daemon answered another question.
    Unexpected,
    /// Nobody listens at the socket.
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Connects to the daemon that serves, and starts none.
///
/// # Errors
///
/// [`ClientError::Unreachable`] when none serves, [`ClientError::Foreign`] when somebody else does.
pub fn connect(state: &State) -> Result<Client, ClientError> {
    let socket = state.socket();
    let stream = open(&socket).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => ClientError::Silent { socket: socket.clone(), pid: None },
        _ => ClientError::Unreachable { socket: socket.clone(), source },
    })?;
    let peer = Peer::of(&stream).map_err(ClientError::Broken)?;
    if !peer.is_ours() {
        return Err(ClientError::Foreign { socket, uid: peer.uid });
    }
    Ok(Client { stream, state: state.clone(), pid: peer.pid, may_replace: false })
}

/// A blocking connect that gives up: a daemon that is stopped fills its backlog, and then connect(2)
/// waits for as long as the socket's send time-out says.
fn open(socket: &Path) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(socket)?;
    let flags = SocketFlags::CLOEXEC;
    let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    set_socket_timeout(&stream, Timeout::Send, Some(limits::CLIENT_PATIENCE))?;
    loop {
        match rustix::net::connect(&stream, &address) {
            Ok(()) => return Ok(stream.into()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl ClientError {
    /// Whether only a change helps: of the configuration, of a secret, or of the vault's lock. Anything
    /// else may pass.
    #[must_use]
    pub fn needs_change(&self) -> bool {
        match self {
            Self::Faulty(_) => true,
            Self::Refused(refusal) => {
                matches!(refusal.code, Code::Config | Code::Locked | Code::Missing | Code::Unfit)
            }
            _ => false,
        }
    }

    /// Whether no daemon is there, so that one may be started. Other errors of connecting (too many
    /// open files, no permission) would only come again.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if matches!(
            source.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
        ))
    }
}

impl Client {
    pub(crate) fn may_replace(mut self) -> Self {
        self.may_replace = true;
        self
    }

    /// Keeps a value under a name, durably.
    ///
    /// # Errors
    ///
    /// Any of [`ClientError`]; the same holds for the other requests.
    pub fn set(&mut self, name: SecretName, value: Secret) -> Result<Stored, ClientError> {
        match self.ask(&Request::Set(Set { name, value }))? {
            Response::Stored(stored) => Ok(stored),
            other => Err(unexpected(other)),
        }
    }

    /// What would keep a connector from starting with a configuration.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn check(&mut self, config: Zeroizing<Vec<u8>>) -> Result<Checked, ClientError> {
        match self.ask(&Request::Check(Check { config }))? {
            Response::Checked(checked) => Ok(checked),
            other => Err(unexpected(other)),
        }
    }

    /// Removes a secret, durably; with `purge` its history, too.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn delete(&mut self, name: SecretName, purge: bool) -> Result<(), ClientError> {
        match self.ask(&Request::Delete(Delete { name, purge }))? {
            Response::Deleted => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Keeps many values, or tells what the names have.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn import(&mut self, import: Import) -> Result<Imported, ClientError> {
        let asked = import.names.len();
        match self.ask(&Request::Import(import))? {
            Response::Imported(imported) if imported.found.len() == asked => Ok(imported),
            other => Err(unexpected(other)),
        }
    }

    /// Which of these secrets cannot be opened.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn examine(&mut self, names: &[SecretName]) -> Result<Vec<Damaged>, ClientError> {
        let mut damaged = Vec::new();
        for names in names.chunks(limits::EXAMINED_NAMES) {
            let asked = Examine { names: names.to_vec() };
            match self.ask(&Request::Examine(asked))? {
                Response::Examined(examined) => damaged.extend(examined.damaged),
                other => return Err(unexpected(other)),
            }
        }
        Ok(damaged)
    }

    /// The versions of a secret.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn history(&mut self, name: SecretName) -> Result<Versions, ClientError> {
        match self.ask(&Request::History(History { name }))? {
            Response::Versions(versions) => Ok(versions),
            other => Err(unexpected(other)),
        }
    }

    /// Makes an earlier version of a secret the present one, durably.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn restore(&mut self, restore: Restore) -> Result<Restored, ClientError> {
        match self.ask(&Request::Restore(restore))? {
            Response::Restored(restored) => Ok(restored),
            other => Err(unexpected(other)),
        }
    }

    /// How many secrets there are, and what was granted last.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn activity(&mut self) -> Result<Activity, ClientError> {
        match self.ask(&Request::Activity)? {
            Response::Activity(activity) => Ok(activity),
            other => Err(unexpected(other)),
        }
    }

    /// All secrets in alphabetical order.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn list(&mut self) -> Result<Vec<ListedSecret>, ClientError> {
        let mut secrets = Vec::new();
        let mut answer = self.ask(&Request::List)?;
        loop {
            match answer {
                Response::Listed(page) => {
                    secrets.extend(page.secrets);
                    if !page.more {
                        return Ok(secrets);
                    }
                    answer = self.next_answer()?;
                }
                other => return Err(unexpected(other)),
            }
        }
    }

    /// The values of exactly the secrets that a configuration references.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn grant(&mut self, grant: Grant) -> Result<Granted, ClientError> {
        match self.ask_for::<Delivery>(&Request::Grant(grant))? {
            Response::Granted(granted) => Ok(granted),
            Response::Checked(checked) => Err(ClientError::Faulty(checked)),
            other => Err(unexpected(other)),
        }
    }

    /// A file with the values of exactly the secrets that a configuration references. It is there
    /// for as long as this connection is, or somebody holds it.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn lease(&mut self, grant: Grant) -> Result<Leased, ClientError> {
        match self.ask_for::<Delivery>(&Request::Lease(grant))? {
            Response::Leased(leased) => Ok(leased),
            Response::Checked(checked) => Err(ClientError::Faulty(checked)),
            other => Err(unexpected(other)),
        }
    }

    /// All leases, the oldest first.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn leases(&mut self) -> Result<Vec<ListedLease>, ClientError> {
        let mut leases = Vec::new();
        let mut answer = self.ask(&Request::Leases)?;
        loop {
            match answer {
                Response::Leases(page) => {
                    leases.extend(page.lease);
                    if !page.more {
                        return Ok(leases);
                    }
                    answer = self.next_answer()?;
                }
                other => return Err(unexpected(other)),
            }
        }
    }

    /// Removes a lease, whoever holds it.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn end_lease(&mut self, id: String) -> Result<(), ClientError> {
        match self.ask(&Request::EndLease(EndLease { id }))? {
            Response::LeaseEnded => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// What is known of the identity.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn key(&mut self) -> Result<Key, ClientError> {
        self.ask_for_key(&Request::Key)
    }

    /// Puts a passphrase on the identity, changes it, or takes it off.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn passphrase(&mut self, change: Passphrase) -> Result<Key, ClientError> {
        self.ask_for_key(&Request::Passphrase(change))
    }

    fn ask_for_key(&mut self, request: &Request) -> Result<Key, ClientError> {
        match self.ask(request)? {
            Response::Key(key) => Ok(key),
            other => Err(unexpected(other)),
        }
    }

    /// Has the daemon forget the key that opens the vault.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn lock(&mut self) -> Result<(), ClientError> {
        match self.ask(&Request::Lock)? {
            Response::Locked => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Has the daemon open the identity, and keep the key for a while.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn unlock(&mut self, unlock: Unlock) -> Result<Unlocked, ClientError> {
        match self.ask(&Request::Unlock(unlock))? {
            Response::Unlocked(unlocked) => Ok(unlocked),
            other => Err(unexpected(other)),
        }
    }

    /// To whom secrets are sealed.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn recipients(&mut self) -> Result<Recipients, ClientError> {
        match self.ask(&Request::Recipients)? {
            Response::Recipients(recipients) => Ok(recipients),
            other => Err(unexpected(other)),
        }
    }

    /// Seals all secrets to one recipient more, and says how far it is.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn add_recipient(
        &mut self,
        add: AddRecipient,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        self.reseal(&Request::AddRecipient(add), progress)
    }

    /// Seals all secrets to one recipient less, and says how far it is.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn remove_recipient(
        &mut self,
        recipient: String,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        self.reseal(&Request::RemoveRecipient(RemoveRecipient { recipient }), progress)
    }

    /// Takes the vault's recipients, which are these, for those of this machine.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn accept_recipients(
        &mut self,
        recipients: Vec<String>,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        self.reseal(&Request::AcceptRecipients(AcceptRecipients { recipients }), progress)
    }

    /// Makes a new identity in place of the present one, and says how far it is.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn rotate(
        &mut self,
        rotate: Rotate,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        self.reseal(&Request::Rotate(rotate), progress)
    }

    /// Takes an identity in place of the present one, and says how far it is.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn use_identity(
        &mut self,
        used: UseIdentity,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        self.reseal(&Request::UseIdentity(used), progress)
    }

    fn reseal(
        &mut self,
        request: &Request,
        progress: &mut dyn FnMut(Resealing),
    ) -> Result<Resealed, ClientError> {
        let mut answer = self.ask(request)?;
        loop {
            match answer {
                Response::Resealed(resealed) => return Ok(resealed),
                Response::Resealing(resealing) => progress(resealing),
                other => return Err(unexpected(other)),
            }
            answer = self.next_answer()?;
        }
    }

    /// How the daemon is.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn status(&mut self) -> Result<Status, ClientError> {
        match self.ask(&Request::Status)? {
            Response::Status(status) => Ok(status),
            other => Err(unexpected(other)),
        }
    }

    /// The secrets that a configuration references, and a connection that tells which of them change.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn subscribe(
        mut self,
        config: Zeroizing<Vec<u8>>,
    ) -> Result<(Subscribed, Subscription), ClientError> {
        match self.ask(&Request::Subscribe(Subscribe { config }))? {
            Response::Subscribed(subscribed) => Ok((subscribed, Subscription { client: self })),
            other => Err(unexpected(other)),
        }
    }

    /// Asks the daemon to finish and end, and waits until it has ended. Understood by daemons of
    /// every version.
    ///
    /// # Errors
    ///
    /// As for [`Client::set`].
    pub fn stop(mut self) -> Result<(), ClientError> {
        let mut patience = Patience::new();
        self.send(&Request::Stop, &mut patience)?;
        self.wait_for_end(patience)
    }

    /// Waits until the daemon closes the connection: one that ends does so when it has ended.
    fn wait_for_end(&mut self, mut patience: Patience) -> Result<(), ClientError> {
        // An answer may be of another version; the end of the stream is what counts.
        let mut rest = [0; 512];
        loop {
            match self.read(&mut rest, &mut patience) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(ClientError::Broken(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a request and gives its first answer. When another daemon is to take the place of this
    /// one, the request goes there: this one is of an older version, or just ending.
    fn ask(&mut self, request: &Request) -> Result<Response, ClientError> {
        self.ask_for::<Response>(request)
    }

    /// The same, where only the answers that `A` has are understood.
    fn ask_for<A: Answer>(&mut self, request: &Request) -> Result<Response, ClientError> {
        match self.ask_this::<A>(request) {
            Err(ClientError::Frame(FrameError::Version(theirs))) if theirs > PROTOCOL_VERSION => {
                Err(ClientError::Newer(theirs))
            }
            Err(ClientError::Frame(FrameError::Version(_))) if self.may_replace => {
                connect(&self.state)?.stop()?;
                self.ask_the_next::<A>(request)
            }
            Err(error) if self.may_replace && did_nothing(request, &error) => {
                self.ask_the_next::<A>(request)
            }
            answer => answer,
        }
    }

    fn ask_the_next<A: Answer>(&mut self, request: &Request) -> Result<Response, ClientError> {
        // Until its end this one's socket is there, and we would be turned away a second time.
        self.wait_for_end(Patience::new())?;
        // Once: the next one may not take its place again.
        *self = Self { may_replace: false, ..start::connect_or_start(&self.state)? };
        self.ask_this::<A>(request)
    }

    /// Sends a request and gives its first answer, both with one patience.
    fn ask_this<A: Answer>(&mut self, request: &Request) -> Result<Response, ClientError> {
        let mut patience = Patience::new();
        self.send(request, &mut patience)?;
        match self.receive::<A>(&mut patience)? {
            Response::Working => self.next_answer_of::<A>(),
            answer => not_refused(answer),
        }
    }

    /// The next frame that says more than that the daemon is at work.
    fn next_answer(&mut self) -> Result<Response, ClientError> {
        self.next_answer_of::<Response>()
    }

    fn next_answer_of<A: Answer>(&mut self) -> Result<Response, ClientError> {
        loop {
            match self.receive::<A>(&mut Patience::new())? {
                Response::Working => {}
                answer => return not_refused(answer),
            }
        }
    }

    fn send(&mut self, request: &Request, patience: &mut Patience) -> Result<(), ClientError> {
        let bytes = frame::encode(request).map_err(ClientError::Frame)?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let wrote = patience.wait(|turn| {
                self.stream.set_write_timeout(Some(turn))?;
                self.stream.write(rest)
            });
            match wrote {
                Ok(count) => rest = &rest[count..],
                // The daemon refused the frame before its end and closed: its answer says why.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(self.broken(error)),
            }
        }
        Ok(())
    }

    fn receive<A: Answer>(&mut self, patience: &mut Patience) -> Result<Response, ClientError> {
        let mut prefix = [0; PREFIX_BYTES];
        self.read_exact(&mut prefix, patience)?;
        self.receive_after::<A>(prefix, patience)
    }

    fn receive_after<A: Answer>(
        &mut self,
        prefix: [u8; PREFIX_BYTES],
        patience: &mut Patience,
    ) -> Result<Response, ClientError> {
        let length = frame::decode_prefix(prefix).map_err(ClientError::Frame)?;
        let mut header = vec![0; length];
        self.read_exact(&mut header, patience)?;
        let header = frame::decode_header::<A>(&header).map_err(ClientError::Frame)?;
        let mut parts = Vec::with_capacity(header.lengths().len());
        for &length in header.lengths() {
            let mut part = Zeroizing::new(vec![0; length]);
            self.read_exact(&mut part, patience)?;
            parts.push(part);
        }
        header.with_parts(parts).map(Into::into).map_err(ClientError::Frame)
    }

    fn read_exact(
        &mut self,
        mut bytes: &mut [u8],
        patience: &mut Patience,
    ) -> Result<(), ClientError> {
        while !bytes.is_empty() {
            match self.read(bytes, patience)? {
                0 => return Err(ClientError::Broken(io::ErrorKind::UnexpectedEof.into())),
                count => bytes = &mut bytes[count..],
            }
        }
        Ok(())
    }

    /// Reads once, with what is left of the frame's one patience: a byte now and then must not prolong
    /// it.
    fn read(&mut self, bytes: &mut [u8], patience: &mut Patience) -> Result<usize, ClientError> {
        let read = patience.wait(|turn| {
            self.stream.set_read_timeout(Some(turn))?;
            self.stream.read(bytes)
        });
        read.map_err(|error| self.broken(error))
    }

    fn silent(&self) -> ClientError {
        ClientError::Silent {
            socket: self.state.socket(),
            pid: Some(self.pid).filter(|pid| is_daemon(*pid)),
        }
    }

    fn broken(&self, error: io::Error) -> ClientError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.silent(),
            _ => ClientError::Broken(error),
        }
    }
}

impl Subscription {
    /// Waits for the next change, for as long as there is none.
    ///
    /// # Errors
    ///
    /// [`ClientError::Broken`] when the daemon has ended, or its handle was shut down.
    pub fn wait(&mut self) -> Result<Subscribed, ClientError> {
        let Client { stream, .. } = &mut self.client;
        stream.set_read_timeout(None).map_err(ClientError::Broken)?;
        let mut prefix = [0; PREFIX_BYTES];
        // Silence means that nothing changes; a frame that has begun has a deadline like any other.
        stream.read_exact(&mut prefix[..1]).map_err(ClientError::Broken)?;
        let mut patience = Patience::new();
        self.client.read_exact(&mut prefix[1..], &mut patience)?;
        match not_refused(self.client.receive_after::<Response>(prefix, &mut patience)?)? {
            Response::Subscribed(subscribed) => Ok(subscribed),
            other => Err(unexpected(other)),
        }
    }

    /// Another handle of the connection, by whose shutdown [`Subscription::wait`] can be ended.
    ///
    /// # Errors
    ///
    /// Those of dup(2).
    pub fn handle(&self) -> io::Result<UnixStream> {
        self.client.stream.try_clone()
    }
}

/// Whether a process has the daemon's name. Who made the socket may be the service manager of the user's
/// whole session, and nobody should be told to end that.
fn is_daemon(pid: i32) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
    name.is_ok_and(|name| name.trim_end() == start::DAEMON)
}

fn not_refused(answer: Response) -> Result<Response, ClientError> {
    match answer {
        Response::Refused(refusal) => Err(ClientError::Refused(refusal)),
        answer => Ok(answer),
    }
}

/// Whether asking again does nothing twice: the daemon said so, or it went away from a question
/// that changes nothing.
fn did_nothing(request: &Request, error: &ClientError) -> bool {
    match error {
        ClientError::Refused(refusal) => refusal.code == Code::Stopping,
        ClientError::Broken(_) => {
            matches!(
                request,
                Request::Activity
                    | Request::Check(_)
                    | Request::Examine(_)
                    | Request::Grant(_)
                    | Request::History(_)
                    | Request::Import(Import { dry_run: true, .. })
                    | Request::Key
                    | Request::Lease(_)
                    | Request::Leases
                    | Request::List
                    | Request::Recipients
                    | Request::Status
                    | Request::Subscribe(_)
            )
        }
        _ => false,
    }
}

fn unexpected(answer: Response) -> ClientError {
    // Dropped by name: it may hold values, which are wiped here.
    drop(answer);
    ClientError::Unexpected
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(source) => write!(
                f,
                "the daemon went away before it answered ({source}), so it is not known whether it did what was asked; look with: fluvio-secret list"
            ),
            Self::Faulty(_) => f.write_str("the connector would not start with this configuration"),
            Self::Foreign { socket, uid } => write!(
                f,
                "{} is served by uid {uid}, not by us, and was told nothing; if HOME is not that user's, remove it",
                socket.display()
            ),
            Self::Frame(error) => write!(f, "the daemon does not speak our protocol: {error}; restart it with: fluvio-secret daemon restart"),
            Self::Newer(version) => write!(
                f,
                "the daemon is newer (version {version} of the protocol) than this program (version {PROTOCOL_VERSION}); install the newer fluvio-secret here too, or end the daemon with: fluvio-secret daemon stop"
            ),
            Self::Place(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Silent { socket, pid } => {
                write!(
                    f,
                    "the daemon at {} has not answered for {:.1} s; it may hang: look at its process",
                    socket.display(),
                    limits::CLIENT_PATIENCE.as_secs_f32()
                )?;
                pid.map_or(Ok(()), |pid| write!(f, " ({pid})"))?;
                f.write_str(", or end it")
            }
            Self::Start(error) => error.fmt(f),
            Self::Unexpected => f.write_str(
                "the daemon answered another question; restart it with: fluvio-secret daemon restart",
            ),
            Self::Unreachable { socket, source } => write!(
                f,
                "no daemon at {} ({source}); start it with: fluvio-secret daemon start",
                socket.display()
            ),
        }
    }
}

impl std::error::Error for ClientError {}
