//! Programs of two releases: the older daemon makes way, the newer one does not.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use fluvio_secret_protocol::{Status, Stopping, frame};

use crate::doctor;
use crate::harness::wire;
use crate::harness::{Home, make_folder};

/// Serves at a home's socket as a daemon of another version would: refuses all but `stop`, at which
/// it ends. Gives the requests that it got.
fn daemon_of_version(version: u32, socket: PathBuf) -> JoinHandle<Vec<String>> {
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        let mut requests = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut header = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut header).unwrap();
            let header = String::from_utf8(header).unwrap();
            let is_stop = header.contains(r#""message":"stop""#);
            requests.push(header);
            let answer = format!(r#"{{"version":{version},"parts":[],"message":{{"no":"idea"}}}}"#);
            stream.write_all(&wire::frame(&answer, b"")).unwrap();
            if is_stop {
                fs::remove_file(&socket).unwrap();
                return requests;
            }
        }
        requests
    })
}

#[test]
fn b12_an_older_daemon_is_asked_to_end_and_ours_takes_its_place() {
    let home = Home::new();
    make_folder(&home.path("state/run"), 0o700);
    let older = daemon_of_version(0, home.socket());
    assert!(home.cli(&["set", "A", "value"]).status.success());
    let requests = older.join().unwrap();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[1].contains("stop"), "{requests:?}");
    assert!(home.ok(&["list"]).contains('A'));
}

#[test]
fn b12_a_newer_daemon_is_left_alone_and_the_next_step_told() {
    let home = Home::new();
    make_folder(&home.path("state/run"), 0o700);
    let newer = daemon_of_version(2, home.socket());
    let said = home.cli(&["set", "A", "value"]);
    assert_eq!(said.code(), Some(69));
    assert!(said.err.contains("newer") && said.err.contains("daemon stop"), "{said:?}");
    let config = home.config(&["A"]);
    let run = crate::harness::said(&mut home.run(&config, &[], &["true"]));
    assert_eq!(run.code(), Some(125));
    assert!(run.err.contains("newer"), "{run:?}");
    // The printed next step does it.
    home.ok(&["daemon", "stop"]);
    let requests = newer.join().unwrap();
    assert_eq!(requests.len(), 4, "{requests:?}");
    assert!(requests[2].contains("leases") && requests[3].contains("stop"), "{requests:?}");
    assert!(home.cli(&["set", "A", "value"]).status.success());
}

/// Serves at a home's socket as the daemon of another release of the same protocol, until it is asked
/// to end.
fn daemon_of_release(release: &str, home: &Home) -> JoinHandle<()> {
    let (socket, status) = (
        home.socket(),
        Status {
            is_current: true,
            version: release.to_owned(),
            pid: std::process::id(),
            since: 0,
            vault: home.vault().display().to_string(),
            identity: home.path("config/identity.txt").display().to_string(),
            locked: false,
            unlocked_until: None,
            settings: String::new(),
            credential: None,
        },
    );
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 4];
            // The next connection comes when this one has ended.
            while stream.read_exact(&mut length).is_ok() {
                let mut header = vec![0; u32::from_be_bytes(length) as usize];
                stream.read_exact(&mut header).unwrap();
                let header = String::from_utf8(header).unwrap();
                let is_stop = header.contains(r#""message":"stop""#);
                let answer = match is_stop {
                    true => frame::encode(&Stopping),
                    false if header.contains(r#""message":"status""#) => frame::encode(&status),
                    // Of the rest nothing is known here.
                    false => break,
                };
                stream.write_all(&answer.unwrap()).unwrap();
                if is_stop {
                    fs::remove_file(&socket).unwrap();
                    return;
                }
            }
        }
    })
}

#[test]
fn a_daemon_of_another_release_is_told_by_doctor_and_what_it_tells_restarts_it() {
    let home = Home::new();
    home.ok(&["set", "A", "value"]);
    home.ok(&["daemon", "stop"]);
    let other = daemon_of_release("0.0.9", &home);
    let found = doctor::looks(&mut doctor::doctor(&home));
    let daemon = doctor::one(&found, "daemon");
    assert!(doctor::text(daemon).contains("version 0.0.9"), "{daemon}");
    assert_eq!(daemon["fix"], "fluvio-secret daemon restart");
    doctor::fix(&home, daemon);
    other.join().unwrap();
    assert!(doctor::is_ok(&doctor::looks(&mut doctor::doctor(&home)), "daemon"));
    assert!(home.ok(&["list"]).contains('A'));
}
