//! A small connector that starts as Fluvio's connectors do, to show and to test what reaches one.
//!
//! `connector --config PATH [--secrets PATH]`. Its configuration's own sections, both optional:
//!
//! ```yaml
//! http:                     # a source: asks a server again and again
//!   endpoint: "http://127.0.0.1:8080/fact"
//!   interval: 10s
//!   headers:
//!     - "Accept: text/plain"
//!     - secret:
//!         name: AUTH_HEADER
//! files:                    # a witness: writes what it was given, each value into directory/N
//!   directory: /tmp/witness
//!   values:
//!     - secret:
//!         name: API_TOKEN
//!   exit: 0                 # ends with this status then; without it the connector keeps running
//! ```

mod config;
mod store;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use config::{Files, Http};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use store::SecretStore;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            let _ = writeln!(io::stderr(), "connector: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<u8> {
    let (config, secrets) = options(std::env::args_os().skip(1))?;
    let signals = signals()?;
    let store = SecretStore::new(secrets);
    let config = config::load(&config, &store)?;
    writeln!(io::stdout(), "connector {} runs", config.meta.name)?;
    if let Some(files) = &config.files {
        write_files(files, &store)?;
        if let Some(status) = files.exit {
            return Ok(status);
        }
    }
    serve(config.http.as_ref(), &store, signals)?;
    Ok(0)
}

/// `--config PATH [--secrets PATH]`, each of two words; `--secrets=PATH` is not understood.
fn options(mut args: impl Iterator<Item = OsString>) -> Outcome<(PathBuf, Option<PathBuf>)> {
    let (mut config, mut secrets) = (None, None);
    while let Some(option) = args.next() {
        let value = args.next().map(PathBuf::from);
        match option.to_str() {
            Some("--config") => config = value,
            Some("--secrets") => secrets = value,
            _ => return Err("usage: connector --config PATH [--secrets PATH]".into()),
        }
    }
    Ok((config.ok_or("usage: --config PATH is missing")?, secrets))
}

/// A stream that has a byte to read when the connector is to stop.
fn signals() -> io::Result<UnixStream> {
    let (signals, waker) = UnixStream::pair()?;
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::low_level::pipe::register(signal, waker.try_clone()?)?;
    }
    Ok(signals)
}

/// Asks the server, if there is one, until a signal comes.
fn serve(http: Option<&Http>, store: &SecretStore, mut signals: UnixStream) -> Outcome<()> {
    signals.set_read_timeout(http.map(|http| http.interval))?;
    loop {
        if let Some(http) = http {
            // The server may come back.
            let said = ask(http, store).unwrap_or_else(|error| format!("no answer: {error}"));
            writeln!(io::stdout(), "{said}")?;
        }
        match signals.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}

fn ask(http: &Http, store: &SecretStore) -> Outcome<String> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).build(),
    );
    let mut request = agent.get(&http.endpoint);
    for header in &http.headers {
        let header = header.resolve(store)?;
        let (name, value) = header.split_once(':').ok_or("a header is not `NAME: VALUE`")?;
        request = request.header(name.trim(), value.trim());
    }
    Ok(request.call()?.body_mut().read_to_string()?)
}

fn write_files(files: &Files, store: &SecretStore) -> Outcome<()> {
    for (at, value) in files.values.iter().enumerate() {
        std::fs::write(files.directory.join(at.to_string()), value.resolve(store)?)?;
    }
    // Under another name first, so that a test that waits for the file finds it whole.
    let (ready, unready) = (files.directory.join("ready"), files.directory.join("unready"));
    std::fs::write(&unready, std::process::id().to_string())?;
    Ok(std::fs::rename(unready, ready)?)
}
