use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream as StdStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use fluvio_secret_protocol::frame::{Message, decode_header, decode_prefix, encode};
use fluvio_secret_protocol::{
    CreateLease, GetStatus, Grant, Granted, Leased, Reply, Secret, Set, Status, Stored,
};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use super::*;
use crate::audit::Audit;
use crate::grants::Grants;
use crate::leases::LeaseTable;
use crate::runtime;
use crate::service::Service;
use crate::settings::Settings;
use fluvio_secret_vault::Vault;

/// After this a test has failed.
const DEADLINE: Duration = Duration::from_secs(30);

struct Daemon {
    runtime: Runtime,
    workers: Arc<Workers>,
    _directory: tempfile::TempDir,
}

impl Daemon {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        let vault =
            Vault::open(&at("vault"), &at("identity.txt"), &at("history"), 10, Instant::now());
        let vault = vault.expect("a vault");
        let leases = LeaseTable::new(vault.path(), None);
        let (audit, grants) = (Audit::new(at("audit.log")), Grants::default());
        let service = Service::new(vault, audit, grants, leases, Settings::default());
        let workers = Arc::new(Workers::new(service).expect("threads"));
        let runtime = runtime::start(1).expect("a runtime");
        Self { runtime, workers, _directory: directory }
    }

    /// A connection, and its client.
    fn connect(&self) -> (ClientConnection, TestClient) {
        let (ours, client) = StdStream::pair().expect("sockets");
        ours.set_nonblocking(true).expect("nonblocking");
        client.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        let _inside = self.runtime.enter();
        let stream = ClientStream::new(UnixStream::from_std(ours).expect("a stream"));
        let connection = ClientConnection {
            stream,
            peer: Peer { uid: 0, pid: 42 },
            workers: self.workers.clone(),
            stop: StopSteps::default(),
            leases: Vec::new(),
            check_timeout: CHECK_TIMEOUT,
        };
        (connection, TestClient(client))
    }

    /// Serves this client until it leaves.
    fn serve(&self, client: impl FnOnce(&mut TestClient) + Send) {
        thread::scope(|scope| {
            let (mut connection, mut ours) = self.connect();
            let client = scope.spawn(move || client(&mut ours));
            let ended = self.runtime.block_on(connection.converse(&Arc::default()));
            assert!(matches!(ended, Err(End::Gone)));
            let _inside = self.runtime.enter();
            drop(connection);
            client.join().expect("no panic");
        });
    }
}

struct TestClient(StdStream);

impl TestClient {
    fn send(&mut self, request: &impl Message) {
        self.0.write_all(&encode(request).expect("it fits")).expect("sent");
    }

    fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        // In small pieces, so that the daemon has to wait.
        bytes.chunks_mut(4096).for_each(|piece| self.0.read_exact(piece).expect("bytes"));
        bytes
    }

    fn receive<A: Answer>(&mut self) -> Reply<A> {
        let prefix = self.read(PREFIX_BYTES).try_into().expect("a prefix");
        let header = self.read(decode_prefix(prefix).expect("a length"));
        let header = decode_header(&header).expect("an answer to this request");
        let lengths = header.lengths().to_vec();
        let parts = lengths.into_iter().map(|length| self.read(length).into()).collect();
        header.with_parts(parts).expect("all parts")
    }

    /// The last answer.
    fn call<A: Answer>(&mut self, request: &impl Message) -> A {
        self.send(request);
        loop {
            match self.receive() {
                Reply::Answer(answer) => return answer,
                Reply::Working(_) => {}
                _ => panic!("another reply"),
            }
        }
    }
}

fn grant_of(names: &[String]) -> Grant {
    let secrets: Vec<_> =
        names.iter().map(|name| format!("{{secret: {{name: {name}}}}}")).collect();
    let config = format!("x: [{}]", secrets.join(", "));
    let config = Zeroizing::new(config.into_bytes());
    Grant { label: "c.yaml".into(), program: "prog".into(), check: false, identity: None, config }
}

fn value(n: u8) -> Vec<u8> {
    let text = (0..limits::VALUE_BYTES).map(|place| (place % 251) as u8 ^ n);
    text.collect()
}

#[test]
fn the_first_answer_of_a_connection_does_not_wait_for_its_task() {
    let daemon = Daemon::new();
    let (mut connection, mut client) = daemon.connect();
    let (go, going) = mpsc::channel::<()>();
    // The worker of `status` waits until the task waits.
    drop(daemon.workers.check(move || going.recv()));
    client.send(&GetStatus);
    daemon.runtime.block_on(async {
        let received = receive(&connection.stream, &connection.workers.in_flight).await;
        let Ok(Received { request, vault, .. }) = received else { panic!("a request") };
        let answered = connection.answer(request, vault);
        tokio::pin!(answered);
        tokio::select! {
            biased;
            _ = &mut answered => panic!("the worker waits"),
            () = std::future::ready(()) => {}
        }
        drop(go);
        // The task cannot continue while this thread waits.
        assert!(matches!(client.receive(), Reply::Answer(Status { is_current: true, .. })));
        assert!(answered.await.is_ok());
    });
}

#[test]
fn a_slow_client_gets_all_values_whole() {
    let daemon = Daemon::new();
    daemon.serve(|client| {
        let names: Vec<_> = (0..6).map(|n| format!("A{n}")).collect();
        for (n, name) in (0..).zip(&names) {
            let (name, value) = (name.parse().expect("a name"), Secret::from(value(n)));
            let _: Stored = client.call(&Set { name, value });
        }
        // The second request shows that nothing follows the first answer.
        for _ in 0..2 {
            let granted: Granted = client.call(&grant_of(&names));
            assert_eq!(granted.secrets.len(), names.len());
            for (n, (_, secret)) in (0..).zip(&granted.secrets) {
                assert!(secret.expose() == value(n), "A{n}");
            }
        }
    });
}

#[test]
fn a_client_that_leaves_with_its_lease_leaves_none_behind() {
    let daemon = Daemon::new();
    let leases = || daemon.workers.leases();
    daemon.serve(|client| {
        let name = "A".parse().expect("a name");
        let _: Stored = client.call(&Set { name, value: Secret::from(b"v".to_vec()) });
        let leased: Leased = client.call(&CreateLease(grant_of(&["A".to_owned()])));
        let lease = leased.lease.expect("a lease");
        // The connection holds it. The next answer comes after the task has taken over the lease.
        let _: Status = client.call(&GetStatus);
        assert!(fs::metadata(lease.secrets).is_ok());
        let again: Leased = client.call(&CreateLease(grant_of(&["A".to_owned()])));
        assert!(again.lease.is_some());
    });
    let deadline = Instant::now() + DEADLINE;
    daemon.runtime.block_on(async {
        while leases() > 0 {
            assert!(Instant::now() < deadline, "a lease that no process holds");
            tokio::task::yield_now().await;
        }
    });
}
