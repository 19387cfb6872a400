//! How a request gets to its handler.

use std::sync::{Arc, RwLockReadGuard};

use fluvio_secret_protocol::{Answer, Call, Code, Refusal, Request, Worker};
use fluvio_secret_system::peer::Peer;
use fluvio_secret_vault::VaultError;
use tokio::sync::watch;

use super::{Service, changes, refusals};
use crate::answers::{Answers, Response};
use crate::audit::Actor;
use crate::lease_watch::LeaseHold;

/// The client of a request, and what belongs to its answer.
pub(super) struct Caller<'a> {
    pub(super) peer: Peer,
    /// The number of lock requests when this request arrived.
    pub(super) lock_requests: u64,
    pub(super) answers: &'a Arc<dyn Answers>,
    /// Makes changes of secrets that other clients wait for. Only a request that takes long calls this, at points
    /// where any secret may change.
    pub(super) change_others: &'a dyn Fn(),
    /// Values on their way, until the answer is sent.
    pub(super) delivery: Option<RwLockReadGuard<'a, ()>>,
    /// A new lease, which the connection holds.
    pub(super) lease: Option<LeaseHold>,
    /// What is done after the answer has been sent.
    later: Vec<Box<dyn FnOnce() + 'a>>,
}

impl<'a> Caller<'a> {
    /// Does this after the answer has been sent. It may be lost if the daemon is killed, so it must be nothing that the
    /// client or a promise relies on.
    pub(super) fn after_answer(&mut self, work: impl FnOnce() + 'a) {
        self.later.push(Box::new(work));
    }

    /// Sends an answer before the last one.
    pub(super) fn send(&self, answer: impl Answer) {
        self.answers.send(Response::new(answer));
    }

    pub(super) fn actor(&self) -> Actor<'static> {
        actor(self.peer)
    }
}

pub(crate) fn actor(peer: Peer) -> Actor<'static> {
    Actor { pid: peer.pid, ..Actor::default() }
}

/// A request that the daemon carries out.
pub(super) trait Handle: Call {
    /// Carries it out, and returns its last answer.
    fn handle<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Self::Answer, Refusal>;
}

/// The same for any request. `None` if all answers are sent already.
pub(super) trait Serve: Call {
    fn serve<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Option<Response>, Refusal>;
}

impl<H: Handle> Serve for H {
    fn serve<'a>(
        self,
        service: &'a Service,
        caller: &mut Caller<'a>,
    ) -> Result<Option<Response>, Refusal> {
        let answer = self.handle(service, caller)?;
        Ok(Some(Response { lease: caller.lease.take(), ..Response::new(answer) }))
    }
}

macro_rules! dispatch {
    ($($noun:ident: $($request:ident)*;)*) => {
        fn dispatch<'a>(
            service: &'a Service,
            request: Request,
            caller: &mut Caller<'a>,
        ) -> Result<Option<Response>, Refusal> {
            match request {
                $($(Request::$request(request) => serve(service, request, caller),)*)*
            }
        }
    };
}

fluvio_secret_protocol::requests!(dispatch);

/// Carries out a request. `lock_requests` is the number of lock requests when it arrived. `change_others` makes
/// changes that are queued.
pub(crate) fn answer(
    service: &Service,
    request: Request,
    peer: Peer,
    lock_requests: u64,
    answers: &Arc<dyn Answers>,
    change_others: &dyn Fn(),
) {
    let (delivery, lease, later) = (None, None, Vec::new());
    let mut caller = Caller { peer, lock_requests, answers, change_others, delivery, lease, later };
    let answer = dispatch(service, request, &mut caller);
    let Caller { delivery, later, .. } = caller;
    let counted = (!later.is_empty()).then(|| LateWork::begin(&service.shared.late_work));
    match answer {
        Ok(None) => {}
        Ok(Some(response)) => answers.send(response),
        Err(refusal) => answers.send(Response::refused(service.explained(refusal))),
    }
    drop(delivery);
    later.into_iter().for_each(|work| work());
    drop(counted);
}

/// Work after an answer. A daemon that stops waits for it.
struct LateWork<'a>(&'a watch::Sender<usize>);

impl<'a> LateWork<'a> {
    fn begin(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for LateWork<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Whether a request is about the vault that its header names. All others are about the identity, the daemon, or
/// which vaults there are.
pub(crate) fn is_about_a_vault(request: &Request) -> bool {
    match request {
        Request::Rotate(_)
        | Request::UseIdentity(_)
        | Request::Retire(_)
        | Request::GetKey(_)
        | Request::GetStatus(_)
        | Request::ForgetVault(_)
        | Request::InitVault(_)
        | Request::InspectVault(_)
        | Request::JoinTopic(_)
        | Request::ListVaults(_)
        | Request::TrustVault(_) => false,
        request => matches!(request.worker(), Worker::Checks | Worker::Reads | Worker::Writes),
    }
}

/// Refuses a request, because the vault is not at its path any more. For the personal vault, the daemon stops: the
/// next one opens the directory that is there then, or reports why it cannot.
fn moved(service: &Service, error: &VaultError) -> Refusal {
    match &service.registered {
        None => refusals::moved(error),
        Some(_) => Refusal::new(Code::Vault, format!("{error}, so nothing was done"), "try again"),
    }
}

/// Carries out changes of different secrets together, and returns their answers.
pub(crate) fn change_all(service: &Service, requests: Vec<(Request, Peer)>) -> Vec<Response> {
    if let Err(error) = service.vault.refuse_if_moved() {
        return requests.iter().map(|_| Response::refused(moved(service, &error))).collect();
    }
    let of_actor = |(request, peer): (_, Peer)| (request, actor(peer));
    let made = changes::make_all(service, requests.into_iter().map(of_actor).collect());
    let checked = made.into_iter().map(|made| {
        service.vault.refuse_if_moved().map_err(refusals::vault)?;
        made
    });
    checked.map(|checked| checked.unwrap_or_else(Response::refused)).collect()
}

fn serve<'a, C: Serve>(
    service: &'a Service,
    request: C,
    caller: &mut Caller<'a>,
) -> Result<Option<Response>, Refusal> {
    if !C::NEEDS_VAULT {
        return request.serve(service, caller);
    }
    service.vault.refuse_if_moved().map_err(|error| moved(service, &error))?;
    of_the_vault(service, request.serve(service, caller))
}

/// Refuses an answer from another directory at the vault's path, which does not even show that a secret does
/// not exist.
pub(super) fn of_the_vault(
    service: &Service,
    served: Result<Option<Response>, Refusal>,
) -> Result<Option<Response>, Refusal> {
    // The values of a lease were read before the check of its delivery, and it exists by now.
    if !matches!(&served, Ok(None | Some(Response { lease: Some(_), .. }))) {
        service.vault.refuse_if_moved().map_err(refusals::vault)?;
    }
    served
}
