//! Which threads carry out requests: one changes vaults, one works on passphrases, one locks, and one checks files. All
//! other requests are carried out by the thread that has received them, as many at the same time as there are cores.
//!
//! So the vault has one writer, and a grant waits neither for another client's fsync nor for a
//! passphrase. A lock, the sockets and `status` wait for none of them, even if a disk hangs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use fluvio_secret_protocol::{Notice, Refusal, Request, VaultAddress, Worker};
use fluvio_secret_system::parallel::cores;
use fluvio_secret_system::peer::Peer;
use tokio::sync::oneshot;

use crate::answer_channel::{AnswerReceiver, answer_channel};
use crate::answers::Response;
use crate::client_stream::ClientStream;
use crate::in_flight::InFlight;
use crate::in_place::InPlaceQueue;
use crate::service::{Service, handle, key, opening, refusals, status};
use crate::work_queue::{Job, NextWork, Work, WorkQueue};

/// The longest wait until the vault's time to lock is checked again. The wait stands still while the
/// machine sleeps, and the time to lock does not.
const LOCK_CHECK_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Workers {
    pub(crate) service: Arc<Service>,
    checks: Arc<WorkQueue>,
    keys: Arc<WorkQueue>,
    locks: Arc<WorkQueue>,
    reads: Arc<InPlaceQueue>,
    writes: Arc<WorkQueue>,
    /// The bytes of values that are on their way.
    pub(crate) in_flight: InFlight,
}

impl Workers {
    pub(crate) fn new(service: Arc<Service>) -> io::Result<Self> {
        let lock_when_due = |service: &Service| {
            // Another thread may have unlocked the vault since.
            Some(key::lock_when_due(service).unwrap_or(LOCK_CHECK_INTERVAL))
        };
        let locks = start("locks", &service, |_| {}, lock_when_due)?;
        // A starter may allow few threads. One is enough, but requests then wait for each other.
        let or_locks = |started: io::Result<_>| {
            started.unwrap_or_else(|error| {
                tracing::warn!(
                    "requests have to wait for each other: cannot start a thread ({error})"
                );
                locks.clone()
            })
        };
        let checks = or_locks(start("checks", &service, |_| {}, |_| None));
        let keys = or_locks(start("keys", &service, |_| {}, |_| None));
        let reads = Arc::new(InPlaceQueue::new(cores()));
        let writes = or_locks(start("writes", &service, begin_writes, |_| None));
        Ok(Self { service, checks, keys, locks, reads, writes, in_flight: InFlight::default() })
    }

    /// The last known answer to a `status` or an `activity`, without a check of any file.
    pub(crate) fn last_known(&self, is_status: bool) -> Response {
        match is_status {
            true => Response::new(status::last_known(&self.service)),
            false => Response::new(status::last_known_activity(&self.service)),
        }
    }

    /// Checks a file whose disk may hang. The receiver fails if the thread is gone.
    pub(crate) fn check<T: Send + 'static>(
        &self,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (found, answer) = oneshot::channel();
        // The client may be gone.
        let check = move || drop(found.send(check()));
        self.checks.add(Work::Check(Box::new(check)));
        answer
    }

    /// The number of leases of all vaults.
    pub(crate) fn leases(&self) -> usize {
        self.service.shared.all().iter().map(|service| service.leases.count()).sum()
    }

    pub(crate) fn forget_gone(&self) {
        let service = self.service.clone();
        // This may wait for a check of a vault.
        self.reads.add(Box::new(move || {
            let all = service.shared.all();
            all.iter().for_each(|service| service.subscribers.forget_gone());
        }));
    }

    /// Passes a request to its thread. The channel ends before the last answer if the thread is gone. With the stream
    /// of the client, the thread may write the last answer to it.
    pub(crate) fn hand_over(
        &self,
        request: Request,
        vault: Option<VaultAddress>,
        peer: Peer,
        stream: Option<ClientStream>,
    ) -> AnswerReceiver {
        let (answers, receiver) = answer_channel(stream);
        let lock_requests = self.service.vault.keys().lock_requests();
        let vault = vault.filter(|_| handle::is_about_a_vault(&request));
        let worker = request.worker();
        let answers = if worker == Worker::Reads { answers.yielding() } else { answers };
        let job = Job { request, vault, peer, lock_requests, answers: Arc::new(answers) };
        let worker = match worker {
            Worker::Checks => &self.checks,
            Worker::Keys => &self.keys,
            Worker::Locks => &self.locks,
            Worker::Reads => {
                let service = self.service.clone();
                self.reads.add(Box::new(move || {
                    key::begin(&service);
                    carry_out(&service, vec![job], &|| {});
                }));
                return receiver;
            }
            Worker::Writes => &self.writes,
            Worker::Memory => {
                carry_out(&self.service, vec![job], &|| {});
                return receiver;
            }
        };
        worker.add(Work::Request(job));
        receiver
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let queues = [&self.checks, &self.keys, &self.locks, &self.writes];
        queues.into_iter().for_each(|queue| queue.close());
    }
}

/// Starts a thread. It begins with `first`, and before each wait it does what is `due`, which returns when more is.
fn start(
    name: &str,
    service: &Arc<Service>,
    first: fn(&Service),
    due: fn(&Service) -> Option<Duration>,
) -> io::Result<Arc<WorkQueue>> {
    let queue = Arc::new(WorkQueue::default());
    let (service, served) = (service.clone(), queue.serve());
    let run = move || {
        first(&service);
        loop {
            let left = due(&service).map(|left| left.min(LOCK_CHECK_INTERVAL));
            match served.next(left) {
                NextWork::Work(Work::Request(job)) => {
                    let change_others = || match served.changes() {
                        none if none.is_empty() => {}
                        changes => carry_out(&service, changes, &|| {}),
                    };
                    carry_out(&service, served.group(job), &change_others);
                }
                NextWork::Work(Work::Check(check)) => check(),
                NextWork::Timeout => {}
                NextWork::Closed => return,
            }
        }
    };
    thread::Builder::new().name(name.to_owned()).spawn(run)?;
    Ok(queue)
}

/// Waits for an unlock at the start, and removes what killed writers left behind, before the first change.
fn begin_writes(service: &Service) {
    key::begin(service);
    // The files are harmless, and the next start tries again.
    if let Err(error) = service.vault.secrets().sweep() {
        let path = service.vault.path().display();
        tracing::warn!("cannot remove files of interrupted writes in {path}: {error}");
    }
}

/// Carries out one job, or changes of different secrets of a vault.
fn carry_out(personal: &Arc<Service>, jobs: Vec<Job>, change_others: &dyn Fn()) {
    let clients: Vec<_> = jobs.iter().map(|job| job.answers.clone()).collect();
    let refuse = |refusal: &Refusal| {
        clients.iter().for_each(|client| client.send(Response::refused(refusal.clone())));
    };
    // The service keeps nothing between requests that a panic could leave half-done.
    let done = catch_unwind(AssertUnwindSafe(|| {
        let address = jobs.first().and_then(|job| job.vault.as_ref());
        let actor = jobs.first().map(|job| handle::actor(job.peer)).unwrap_or_default();
        let notify = |notice: Notice| {
            clients.iter().for_each(|client| client.send(Response::new(notice.clone())));
        };
        let service = match opening::service_of(personal, address, actor, &notify) {
            Ok(service) => service,
            Err(refusal) => return refuse(&refusal),
        };
        match <[Job; 1]>::try_from(jobs) {
            Ok([job]) => carry_out_alone(&service, job, change_others),
            Err(jobs) => {
                let requests = jobs.into_iter().map(|job| (job.request, job.peer)).collect();
                let answers = handle::change_all(&service, requests).into_iter().zip(&clients);
                answers.for_each(|(answer, client)| client.send(answer));
            }
        }
    }));
    if done.is_err() {
        refuse(&refusals::internal());
    }
}

fn carry_out_alone(service: &Service, job: Job, change_others: &dyn Fn()) {
    let Job { request, peer, lock_requests, answers, .. } = job;
    // Clients do not wait for a check of a disk that hangs, and ask again.
    if request.worker() != Worker::Checks || !answers.is_gone() {
        handle::answer(service, request, peer, lock_requests, &answers, change_others);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use fluvio_secret_protocol::{
        Answer, Code, GetStatus, Lock, Locked, Reply, Secret, Status, Unlock, Unlocked,
    };

    use super::*;
    use crate::answer_channel::Outgoing;
    use crate::audit::Audit;
    use crate::grants::Grants;
    use crate::leases::LeaseTable;
    use crate::settings::Settings;
    use fluvio_secret_vault::{Keyring, Vault};

    const PEER: Peer = Peer { uid: 0, pid: 42 };
    /// Work that takes far longer than a lock.
    const WORK: u8 = 14;

    /// A vault whose identity has the passphrase `p`.
    fn workers(directory: &std::path::Path) -> Workers {
        let at = |name: &str| directory.join(name);
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
        Workers::new(Service::new(
            vault,
            Audit::new(at("audit.log")),
            Grants::default(),
            leases,
            Settings::default(),
        ))
        .expect("threads")
    }

    fn unlock(workers: &Workers, passphrase: &str) -> AnswerReceiver {
        let passphrase = Secret::from(passphrase.as_bytes().to_vec());
        workers.hand_over(Request::Unlock(Unlock { passphrase, seconds: None }), None, PEER, None)
    }

    fn reply<A: Answer>(mut answers: AnswerReceiver) -> Reply<A> {
        match answers.blocking_recv() {
            Some(Outgoing::Unsent { response, sent: 0 }) => response.decoded(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn d16_a_lock_waits_for_no_passphrase_and_what_is_queued_unlocks_nothing() {
        let folder = tempfile::tempdir().expect("a directory");
        let workers = workers(folder.path());
        let unlocked = reply::<Unlocked>(unlock(&workers, "p"));
        assert!(matches!(unlocked, Reply::Answer(_)), "{unlocked:?}");
        for passphrase in ["wrong", "p"] {
            let queued: Vec<_> = (0..8).map(|_| unlock(&workers, passphrase)).collect();
            let locked = reply::<Locked>(workers.hand_over(Lock.into(), None, PEER, None));
            assert!(matches!(locked, Reply::Answer(_)), "{locked:?}");
            let mut last = None;
            for answer in queued.into_iter().map(reply::<Unlocked>) {
                let Reply::Refused(refusal) = &answer else { panic!("{answer:?}") };
                assert!(matches!(refusal.code, Code::Locked | Code::Passphrase), "{refusal:?}");
                last = Some(refusal.code);
            }
            // Had the lock waited for them, each passphrase would have been checked.
            assert_eq!(last, Some(Code::Locked), "{passphrase}");
            let status = reply::<Status>(workers.hand_over(GetStatus.into(), None, PEER, None));
            assert!(matches!(status, Reply::Answer(status) if status.locked));
        }
        let again = reply::<Unlocked>(unlock(&workers, "p"));
        assert!(matches!(again, Reply::Answer(_)), "{again:?}");
    }
}
