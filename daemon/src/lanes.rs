//! Two threads that do what waits for the disk: one for what changes the vault, one for the rest.
//!
//! So the vault has one writer, a grant does not wait for another client's fsync, and the sockets
//! wait for neither.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::{io, thread};

use fluvio_secret_protocol::peer::Peer;
use fluvio_secret_protocol::{Import, Request, Response};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::leases::Leases;
use crate::service::{Answers, Service, refuse};

/// A request on its way to a thread. There is one for each connection at the most, so the queues
/// need no bound of their own.
struct Job {
    request: Request,
    peer: Peer,
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
    reads: mpsc::Sender<Job>,
    writes: mpsc::Sender<Job>,
}

impl Lanes {
    pub(crate) fn new(service: Service) -> io::Result<Self> {
        let service = Arc::new(service);
        let reads = lane("reads", service.clone(), |_| {})?;
        let writes = lane("writes", service.clone(), Service::sweep)?;
        Ok(Self { service, reads, writes })
    }

    /// The leases, for who watches them.
    pub(crate) fn leases(&self) -> Arc<Leases> {
        self.service.held_leases()
    }

    /// Forgets subscribers that have gone away.
    pub(crate) fn forget_gone(&self) {
        self.service.forget_gone();
    }

    /// Hands a request over. The answers come as they are made; that none comes any more before the
    /// last one means that the thread is gone.
    pub(crate) fn hand_over(&self, request: Request, peer: Peer) -> UnboundedReceiver<Response> {
        let (answers, receiver) = unbounded_channel();
        let job = Job { request, peer, answers: Arc::new(answers) };
        let handed = match job.request {
            // Only looks.
            Request::Import(Import { dry_run: true, .. }) => self.reads.send(job),
            Request::Delete(_) | Request::Import(_) | Request::Restore(_) | Request::Set(_) => {
                self.writes.send(job)
            }
            Request::Activity
            | Request::Check(_)
            | Request::EndLease(_)
            | Request::Examine(_)
            | Request::Grant(_)
            | Request::History(_)
            | Request::Lease(_)
            | Request::Leases
            | Request::List
            | Request::Subscribe(_) => self.reads.send(job),
            // Nothing to wait for.
            Request::Status | Request::Stop => {
                carry_out(&self.service, job);
                Ok(())
            }
        };
        if handed.is_err() {
            tracing::error!("a thread of the daemon is gone");
        }
        receiver
    }
}

/// Starts a thread, which begins with `first`.
fn lane(name: &str, service: Arc<Service>, first: fn(&Service)) -> io::Result<mpsc::Sender<Job>> {
    let (sender, jobs) = mpsc::channel::<Job>();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        first(&service);
        for job in jobs {
            carry_out(&service, job);
        }
    })?;
    Ok(sender)
}

fn carry_out(service: &Service, job: Job) {
    let Job { request, peer, answers } = job;
    // The service keeps nothing half-done between requests that a panic could leave behind.
    let done = catch_unwind(AssertUnwindSafe(|| service.answer(request, peer, &answers)));
    if done.is_err() {
        answers.send(Response::Refused(refuse::internal()));
    }
}
