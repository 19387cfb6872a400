//! The threads that do what takes long: one for what changes the vault, one for passphrases, one for
//! locking, one for checks, one for the rest.
//!
//! So the vault has one writer. A grant does not wait for another client's fsync, nor for the work that
//! makes a passphrase costly to guess. A lock waits for none of them, and neither do the sockets and
//! `status`: a disk may hang.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{io, thread};

use fluvio_secret_protocol::{Request, Worker};
use fluvio_secret_system::peer::Peer;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::in_flight::InFlight;
use crate::leases::LeaseTable;
use crate::response::Response;
use crate::service::{Answers, Service, refuse};

/// How long at the most until it is looked again whether the vault is to be locked. What the thread
/// waits by stands still while the machine sleeps; the time that is over then does not.
const LOOK: Duration = Duration::from_secs(1);

/// What a thread is to do.
enum Work {
    /// To check something that is on a disk.
    Check(Box<dyn FnOnce() + Send>),
    /// To forget the subscribers that have gone away: it may have to wait for who looks at files.
    ForgetGone,
    Request(Job),
}

/// A request on its way to a thread. There is one for each connection at the most, so the queues
/// need no bound of their own.
struct Job {
    request: Request,
    peer: Peer,
    /// How many locks were requested when it arrived.
    lock_requests: u64,
    answers: Arc<dyn Answers>,
}

impl Answers for UnboundedSender<Response> {
    fn send(&self, answer: Response) {
        // What a client that has gone away asked for is done all the same.
        let _ = UnboundedSender::send(self, answer);
    }

    fn is_gone(&self) -> bool {
        self.is_closed()
    }
}

/// The threads.
pub(crate) struct Lanes {
    service: Arc<Service>,
    keys: mpsc::Sender<Work>,
    locks: mpsc::Sender<Work>,
    looks: mpsc::Sender<Work>,
    in_flight: InFlight,
    reads: mpsc::Sender<Work>,
    writes: mpsc::Sender<Work>,
}

impl Lanes {
    pub(crate) fn new(service: Service) -> io::Result<Self> {
        let service = Arc::new(service);
        let lock_when_due = |service: &Service| {
            // Another thread may have unlocked the vault since.
            Some(service.lock_when_due().unwrap_or(LOOK))
        };
        let locks = lane("locks", service.clone(), |_| {}, lock_when_due)?;
        // The starter may allow few threads. One is enough, but requests then wait for each other.
        let or_locks = |started: io::Result<_>| {
            started.unwrap_or_else(|error| {
                tracing::warn!("requests wait for each other: no thread was started ({error})");
                locks.clone()
            })
        };
        let reads = or_locks(lane("reads", service.clone(), |_| {}, |_| None));
        let writes = or_locks(lane("writes", service.clone(), Service::sweep, |_| None));
        let keys = or_locks(lane("keys", service.clone(), |_| {}, |_| None));
        let looks = or_locks(lane("looks", service.clone(), |_| {}, |_| None));
        let in_flight = InFlight::default();
        Ok(Self { service, keys, locks, looks, in_flight, reads, writes })
    }

    /// The leases, for who watches them.
    pub(crate) fn leases(&self) -> Arc<LeaseTable> {
        self.service.held_leases()
    }

    /// How many bytes of values are on their way.
    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// How the daemon is, or what it did, as far as that is known without a check of any file.
    pub(crate) fn last_known(&self, is_status: bool) -> Response {
        match is_status {
            true => self.service.last_known_status(),
            false => self.service.last_known_activity(),
        }
    }

    /// Checks something that is on a disk, which may hang.
    pub(crate) fn check<T: Send + 'static>(
        &self,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (found, answer) = oneshot::channel();
        // The client may be gone.
        let check = move || drop(found.send(check()));
        // Without the thread, the answer's end says so.
        let _ = self.looks.send(Work::Check(Box::new(check)));
        answer
    }

    /// Forgets subscribers that have gone away.
    pub(crate) fn forget_gone(&self) {
        // That the thread is gone is told to who asks for something.
        let _ = self.reads.send(Work::ForgetGone);
    }

    /// Hands a request over. The answers come as they are made; that none comes any more before the
    /// last one means that the thread is gone.
    pub(crate) fn hand_over(&self, request: Request, peer: Peer) -> UnboundedReceiver<Response> {
        let (answers, receiver) = unbounded_channel();
        let lock_requests = self.service.lock_requests();
        let job = Job { request, peer, lock_requests, answers: Arc::new(answers) };
        let lane = match job.request.worker() {
            Worker::Checks => &self.looks,
            Worker::Keys => &self.keys,
            Worker::Locks => &self.locks,
            Worker::Reads => &self.reads,
            Worker::Writes => &self.writes,
            Worker::Memory => {
                carry_out(&self.service, job);
                return receiver;
            }
        };
        if lane.send(Work::Request(job)).is_err() {
            tracing::error!("a thread of the daemon is gone");
        }
        receiver
    }
}

/// Starts a thread, which begins with `first`. Before it waits it does what is due, which says when
/// more is.
fn lane(
    name: &str,
    service: Arc<Service>,
    first: fn(&Service),
    due: fn(&Service) -> Option<Duration>,
) -> io::Result<mpsc::Sender<Work>> {
    let (sender, work) = mpsc::channel::<Work>();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        first(&service);
        loop {
            let next = match due(&service) {
                None => work.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(left) => work.recv_timeout(left.min(LOOK)),
            };
            match next {
                Ok(Work::Request(job)) => carry_out(&service, job),
                Ok(Work::Check(check)) => check(),
                Ok(Work::ForgetGone) => service.forget_gone(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    })?;
    Ok(sender)
}

fn carry_out(service: &Service, job: Job) {
    // Clients do not wait for a check of a disk that hangs, and ask again.
    if job.request.worker() == Worker::Checks && job.answers.is_gone() {
        return;
    }
    let Job { request, peer, lock_requests, answers } = job;
    // The service keeps nothing half-done between requests that a panic could leave behind.
    let done = catch_unwind(AssertUnwindSafe(|| {
        service.answer(request, peer, lock_requests, &answers);
    }));
    if done.is_err() {
        answers.send(Response::Refused(refuse::internal()));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use fluvio_secret_protocol::{Code, GetStatus, Lock, Secret, Unlock, Unlocked};

    use super::*;
    use crate::audit::Audit;
    use crate::settings::Settings;
    use fluvio_secret_vault::{Keyring, Vault};

    const PEER: Peer = Peer { uid: 0, pid: 42 };
    /// Work that takes far longer than a lock.
    const WORK: u8 = 14;

    /// A vault whose identity has the passphrase `p`.
    fn lanes(folder: &std::path::Path) -> Lanes {
        let at = |name: &str| folder.join(name);
        let vault =
            Vault::open(&at("vault"), &at("identity.txt"), &at("history"), 10, Instant::now());
        let vault = vault.expect("a vault");
        let text = Keyring::generate().to_text();
        let mut recipient = age::scrypt::Recipient::new("p".to_owned().into());
        recipient.set_work_factor(WORK);
        let encrypted = age::encrypt(&recipient, text.as_bytes()).expect("encrypted");
        fs::write(at("identity.txt"), encrypted).expect("written");
        fs::set_permissions(at("identity.txt"), fs::Permissions::from_mode(0o600)).expect("ours");
        let leases = LeaseTable::new(vault.path(), None);
        Lanes::new(Service::new(vault, Audit::new(at("audit.log")), leases, Settings::default()))
            .expect("threads")
    }

    fn unlock(lanes: &Lanes, passphrase: &str) -> UnboundedReceiver<Response> {
        let passphrase = Secret::from(passphrase.as_bytes().to_vec());
        lanes.hand_over(Request::Unlock(Unlock { passphrase, seconds: None }), PEER)
    }

    #[test]
    fn d16_a_lock_waits_for_no_passphrase_and_what_is_queued_unlocks_nothing() {
        let folder = tempfile::tempdir().expect("a directory");
        let lanes = lanes(folder.path());
        let unlocked = unlock(&lanes, "p").blocking_recv();
        assert!(matches!(unlocked, Some(Response::Unlocked(Unlocked { .. }))), "{unlocked:?}");
        for passphrase in ["wrong", "p"] {
            let mut queued: Vec<_> = (0..8).map(|_| unlock(&lanes, passphrase)).collect();
            let locked = lanes.hand_over(Lock.into(), PEER).blocking_recv();
            assert!(matches!(locked, Some(Response::Locked(_))), "{locked:?}");
            let mut last = None;
            for answer in queued.iter_mut().map(UnboundedReceiver::blocking_recv) {
                let Some(Response::Refused(refusal)) = &answer else { panic!("{answer:?}") };
                assert!(matches!(refusal.code, Code::Locked | Code::Passphrase), "{refusal:?}");
                last = Some(refusal.code);
            }
            // Had the lock waited for them, each passphrase would have been checked.
            assert_eq!(last, Some(Code::Locked), "{passphrase}");
            let status = lanes.hand_over(GetStatus.into(), PEER).blocking_recv();
            assert!(matches!(status, Some(Response::Status(status)) if status.locked));
        }
        let again = unlock(&lanes, "p").blocking_recv();
        assert!(matches!(again, Some(Response::Unlocked(_))), "{again:?}");
    }
}
