//! The protocol's own messages, without a command in between: quicker, and a refusal differs from a
//! connection that ended.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use fluvio_secret_protocol::frame::{self, PREFIX_BYTES};
use fluvio_secret_protocol::{
    Call, Delete, Grant, List, Lock, Refusal, RenameSecret, Reply, Secret, Set, Subscribe,
};

use super::Home;

/// A connection to a home's daemon.
pub(crate) struct Asker {
    stream: UnixStream,
}

/// An answer. The outer error is the connection's: whether the request was carried out is not known.
pub(crate) type Answer<T> = io::Result<Result<T, Refusal>>;

impl Asker {
    pub(crate) fn connect(home: &Home) -> io::Result<Self> {
        let stream = UnixStream::connect(home.socket())?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream })
    }

    pub(crate) fn set(&mut self, name: &str, value: &[u8]) -> Answer<()> {
        let set = Set { name: name.parse().unwrap(), value: Secret::from(value.to_vec()) };
        Ok(self.call(&set)?.map(|_| ()))
    }

    pub(crate) fn delete(&mut self, name: &str) -> Answer<()> {
        let delete = Delete { name: name.parse().unwrap(), purge: false };
        Ok(self.call(&delete)?.map(|_| ()))
    }

    pub(crate) fn purge(&mut self, name: &str) -> Answer<()> {
        let purge = Delete { name: name.parse().unwrap(), purge: true };
        Ok(self.call(&purge)?.map(|_| ()))
    }

    pub(crate) fn rename(&mut self, old: &str, new: &str) -> Answer<()> {
        let rename = RenameSecret { name: old.parse().unwrap(), new_name: new.parse().unwrap() };
        Ok(self.call(&rename)?.map(|_| ()))
    }

    /// The names that are there.
    pub(crate) fn list(&mut self) -> Answer<Vec<String>> {
        Ok(self.call(&List)?.map(|listed| {
            assert!(!listed.more, "these tests have few secrets");
            listed.secrets.iter().map(|secret| secret.name.to_string()).collect()
        }))
    }

    /// Asks for a grant of one secret, and does not take it.
    pub(crate) fn ask_and_turn_away(&mut self, name: &str) -> io::Result<()> {
        self.stream.write_all(&frame::encode(&grant(name)).unwrap())
    }

    /// Subscribes to a secret, and goes away before that is answered.
    pub(crate) fn subscribe_and_go(mut self, name: &str) -> io::Result<()> {
        self.stream.write_all(&frame::encode(&subscribe(name)).unwrap())
    }

    /// Subscribes to a secret.
    pub(crate) fn subscribe(&mut self, name: &str) -> Answer<()> {
        Ok(self.call(&subscribe(name))?.map(|_| ()))
    }

    /// The value of one secret, as a grant delivers it.
    pub(crate) fn value(&mut self, name: &str) -> Answer<Vec<u8>> {
        Ok(self.call(&grant(name))?.map(|granted| {
            let granted = granted.expect("values, which were not checked");
            assert_eq!(granted.secrets.len(), 1);
            granted.secrets[0].1.expose().to_vec()
        }))
    }

    /// Locks the vault.
    pub(crate) fn lock(&mut self) -> Answer<()> {
        Ok(self.call(&Lock)?.map(|_| ()))
    }

    /// Sends a request, and waits for its answer.
    pub(crate) fn call<C: Call>(&mut self, request: &C) -> Answer<C::Answer> {
        self.stream.write_all(&frame::encode(request).unwrap())?;
        loop {
            match self.reply()? {
                Reply::Working(_) | Reply::Reencrypting(_) | Reply::Notice(_) => {}
                Reply::Answer(answer) => return Ok(Ok(answer)),
                Reply::Refused(refusal) => return Ok(Err(refusal)),
            }
        }
    }

    fn reply<A: frame::Incoming>(&mut self) -> io::Result<Reply<A>> {
        let mut prefix = [0; PREFIX_BYTES];
        self.stream.read_exact(&mut prefix)?;
        let mut header = vec![0; frame::decode_prefix(prefix).unwrap()];
        self.stream.read_exact(&mut header)?;
        let header = frame::decode_header::<Reply<A>>(&header).unwrap();
        let mut parts = Vec::new();
        for &length in header.lengths() {
            let mut part = vec![0; length];
            self.stream.read_exact(&mut part)?;
            parts.push(part.into());
        }
        Ok(header.with_parts(parts).unwrap())
    }
}

fn grant(name: &str) -> Grant {
    let (label, program) = ("config.yaml".to_owned(), "witness".to_owned());
    Grant { label, program, check: false, identity: None, config: config(name).into() }
}

fn subscribe(name: &str) -> Subscribe {
    Subscribe { config: config(name).into() }
}

/// A configuration that references one secret.
fn config(name: &str) -> Vec<u8> {
    format!("meta: {{name: test}}\nvalue: {{secret: {{name: {name}}}}}\n").into_bytes()
}
