use std::io::Read;
use std::os::unix::net::UnixStream as StdStream;
use std::thread;

use fluvio_secret_protocol::{Granted, InjectMode, LeaseEnded, Notice, Secret, Working};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

use super::{AnswerReceiver, AnswerSender, Outgoing, answer_channel};
use crate::answers::{Answers, Response};
use crate::client_stream::ClientStream;

/// Larger than what a socket takes at once.
const LARGE: usize = 4 << 20;

struct Request {
    runtime: Runtime,
    stream: ClientStream,
    client: StdStream,
    sender: AnswerSender,
    receiver: AnswerReceiver,
}

impl Request {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (ours, client) = StdStream::pair().expect("sockets");
        ours.set_nonblocking(true).expect("nonblocking");
        let stream = runtime.block_on(async {
            let stream = UnixStream::from_std(ours).expect("a stream");
            stream.writable().await.expect("an open socket");
            ClientStream::new(stream)
        });
        let (sender, receiver) = answer_channel(Some(stream.clone()));
        client.set_nonblocking(true).expect("nonblocking");
        Self { runtime, stream, client, sender, receiver }
    }

    /// The bytes that the client has got since the last call.
    fn received(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // It ends with `WouldBlock`, because the connection is open.
        assert!(self.client.read_to_end(&mut bytes).is_err());
        bytes
    }

    /// What the task gets: the number of bytes that were sent, or `None` for the whole last answer.
    fn next(&mut self) -> Option<usize> {
        match self.receiver.blocking_recv().expect("an answer") {
            Outgoing::Unsent { sent, .. } => Some(sent),
            Outgoing::Sent(_) => None,
        }
    }
}

fn last() -> Response {
    Response::new(LeaseEnded)
}

fn bytes_of(response: &Response) -> Vec<u8> {
    let frame = response.frame.as_ref().expect("it fits");
    frame.slices().iter().flat_map(|slice| slice.to_vec()).collect()
}

#[test]
fn the_last_answer_reaches_the_client_without_the_task() {
    let mut request = Request::new();
    thread::scope(|scope| _ = scope.spawn(|| request.sender.send(last())));
    assert_eq!(request.received(), bytes_of(&last()));
    assert_eq!(request.next(), None);
    // A second last answer, such as after a panic, is never written by the thread.
    request.sender.send(last());
    assert_eq!((request.received(), request.next()), (vec![], Some(0)));
}

#[test]
fn no_answer_comes_before_or_into_an_earlier_frame() {
    // While the task sends that it is at work.
    let mut request = Request::new();
    assert!(request.receiver.try_begin());
    request.sender.send(last());
    assert_eq!((request.received(), request.next()), (vec![], Some(0)));

    // While an earlier answer waits for the task.
    let mut request = Request::new();
    request.sender.send(Response::new(Working));
    request.sender.send(last());
    assert_eq!((request.received(), request.next()), (vec![], Some(0)));
    request.receiver.end_frame();
    assert_eq!((request.received(), request.next()), (vec![], Some(0)));

    // After the task has sent both.
    let mut request = Request::new();
    request.sender.send(Response::new(Notice { text: "a notice".into() }));
    assert!(!request.receiver.may_begin() && !request.receiver.try_begin());
    assert_eq!(request.next(), Some(0));
    request.receiver.end_frame();
    assert!(request.receiver.try_begin());
    request.receiver.end_frame();
    request.sender.send(last());
    assert_eq!((request.received(), request.next()), (bytes_of(&last()), None));
    // The task writes nothing after the last answer.
    assert!(!request.receiver.may_begin() && !request.receiver.try_begin());
}

#[test]
fn what_the_socket_does_not_take_is_left_to_the_task() {
    let mut request = Request::new();
    let value = Secret::from(vec![b'v'; LARGE / 4]);
    let secrets = (0..4).map(|n| (format!("A{n}").parse().expect("a name"), value.clone()));
    let inject = InjectMode::Auto;
    let granted = Granted { connector: None, inject, secrets: secrets.collect(), note: None };
    let granted = Response::new(granted);
    let whole = bytes_of(&granted);
    request.sender.send(granted);
    let received = request.received();
    let outgoing = request.receiver.blocking_recv().expect("an answer");
    let Outgoing::Unsent { response, sent } = outgoing else { panic!("{outgoing:?}") };
    assert!(sent > 0 && sent < whole.len(), "{sent}");
    assert_eq!((sent, &received[..]), (received.len(), &whole[..sent]));
    assert!(bytes_of(&response) == whole, "the task has all of it");
}

#[test]
fn the_end_of_the_daemon_is_announced_by_the_task() {
    let mut request = Request::new();
    request.sender.send(Response { stop: Some("the vault was moved".into()), ..last() });
    assert_eq!((request.received(), request.next()), (vec![], Some(0)));
}

#[test]
fn no_thread_keeps_a_connection_open() {
    // Neither one that has answered nor one that hangs.
    for has_answered in [true, false] {
        let mut request = Request::new();
        if has_answered {
            request.sender.send(last());
            assert_eq!(request.received(), bytes_of(&last()));
        }
        let Request { runtime, stream, mut client, sender, mut receiver } = request;
        let _inside = runtime.enter();
        if has_answered {
            assert!(matches!(receiver.blocking_recv(), Some(Outgoing::Sent(None))));
        } else {
            drop(receiver);
        }
        drop(stream);
        assert_eq!(client.read(&mut [0; 1]).expect("the end"), 0, "{has_answered}");
        drop(sender);
    }
}

#[test]
fn a_client_that_is_gone_is_left_to_the_task() {
    let Request { sender, mut receiver, client, .. } = Request::new();
    drop(client);
    sender.send(last());
    assert!(matches!(receiver.blocking_recv(), Some(Outgoing::Unsent { sent: 0, .. })));
    drop(receiver);
    assert!(sender.is_gone());
    sender.send(last());
}
