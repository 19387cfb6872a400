//! The socket, without our client in between.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::Home;

/// A raw connection to a home's daemon.
pub(crate) fn connect(home: &Home) -> UnixStream {
    let stream = UnixStream::connect(home.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// A frame with this header and these bytes behind it.
pub(crate) fn frame(header: &str, parts: &[u8]) -> Vec<u8> {
    let length = u32::try_from(header.len()).unwrap();
    [&length.to_be_bytes(), header.as_bytes(), parts].concat()
}

/// Everything until the daemon closes the connection.
pub(crate) fn rest(mut stream: UnixStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // What it did not read of ours makes the kernel end the connection this way.
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Sends bytes and gives everything that comes back.
pub(crate) fn exchange(home: &Home, bytes: &[u8]) -> String {
    let mut stream = connect(home);
    // The daemon may close before it has read all of it.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    rest(stream)
}

/// Stands at `front` for the daemon at `back`, for one connection, and keeps all bytes that cross.
pub(crate) fn tap(front: &Path, back: &Path) -> Arc<Mutex<Vec<u8>>> {
    let crossed = Arc::new(Mutex::new(Vec::new()));
    let listener = UnixListener::bind(front).unwrap();
    let back = UnixStream::connect(back).unwrap();
    let kept = crossed.clone();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let ways = [(client.try_clone().unwrap(), back.try_clone().unwrap()), (back, client)];
        for (from, to) in ways {
            let kept = kept.clone();
            thread::spawn(move || pass_on(from, to, &kept));
        }
    });
    crossed
}

fn pass_on(mut from: UnixStream, mut to: UnixStream, kept: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        kept.lock().unwrap().extend_from_slice(&bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}
