//! What the project is for, in ten seconds, with the real programs.

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::programs::cargo;
use crate::{Outcome, say};

/// How long the connector may take to send its first request.
pub(crate) const RECEIVE_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn run() -> Outcome {
    step("Building the programs");
    let home = Home::new()?;
    let (secret, header) = random_header()?;
    let server = Server::start()?;

    step(
        "A secret is set once; its value is typed, piped or read from a file, and never shown again",
    );
    home.show(&["set", "AUTH_HEADER"], &header)?;

    step("A connector's configuration names the secret, as it does in the cloud");
    let config = home.directory.path().join("cat-facts.yaml");
    let text = configuration(server.port);
    fs::write(&config, &text)?;
    text.lines().for_each(|line| say(&format!("    {line}")));

    step("The connector is started with exactly the secrets that its configuration names");
    let connector = home.connector(&config)?;
    let received = server.requests.recv_timeout(RECEIVE_TIMEOUT);
    let ended = end(connector);
    let received = received.map_err(|_| format!("the connector sent no request: {ended}"))?;
    match received.as_deref() {
        Some(value) if value == format!("bearer {secret}") => {
            say(&format!("    the server received   Authorization: bearer {}…", &secret[..8]));
            say("    which is the secret   ✓");
        }
        Some(_) => {
            return Err("the server received another header than the one that was set".into());
        }
        None => return Err("the server received a request without the header".into()),
    }

    step("Names and dates can be listed; there is no command that reads a value back");
    home.show(&["list"], "")?;

    step("On the disk the value is encrypted, and every delivery has its line in the audit log");
    if holds(home.directory.path(), secret.as_bytes())? {
        return Err("the value is on the disk in plain text".into());
    }
    say("    looked through every file of the vault for the value: not there   ✓");
    let log = fs::read_to_string(home.directory.path().join("state/audit.log"))?;
    log.lines().for_each(|line| say(&format!("    {line}")));

    step("Everything of this demonstration is removed; your own secrets were not touched");
    Ok(())
}

fn step(text: &str) {
    say(&format!("\n── {text}"));
}

/// The configuration of the cloud's documentation, with a server of this machine.
pub(crate) fn configuration(port: u16) -> String {
    format!(
        "\
meta:
  version: 0.1.1
  name: cat-facts
  type: http-source
  topic: cat-facts-secret
  create-topic: true
http:
  endpoint: \"http://127.0.0.1:{port}/fact\"
  interval: 10s
  headers:
    - secret:
        name: AUTH_HEADER
"
    )
}

/// A random token, and the header with it.
pub(crate) fn random_header() -> Result<(String, String), Box<dyn Error>> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let header = format!("Authorization: bearer {token}");
    Ok((token, header))
}

/// A vault of its own in a temporary directory, and the built programs.
struct Home {
    directory: tempfile::TempDir,
    programs: PathBuf,
}

impl Home {
    fn new() -> Result<Self, Box<dyn Error>> {
        let built = cargo(&["build", "--bins"])?;
        let program = built.iter().find(|program| program.name == "fluvio-secret");
        let program = &program.ok_or("fluvio-secret was not built")?.path;
        let programs = program.parent().ok_or("a program has a directory")?.to_owned();
        Ok(Self {
            directory: tempfile::Builder::new().prefix("fluvio-secret-demo-").tempdir()?,
            programs,
        })
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.env("FLUVIO_SECRET_HOME", self.directory.path());
        command
    }

    /// Runs a command as a user would, showing both.
    fn show(&self, args: &[&str], input: &str) -> Outcome {
        say(&format!("    $ fluvio-secret {}", args.join(" ")));
        let mut child = self
            .command("fluvio-secret")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        for stream in [&output.stdout, &output.stderr] {
            String::from_utf8_lossy(stream).lines().for_each(|line| say(&format!("    {line}")));
        }
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("it failed: {}", output.status).into())
        }
    }

    fn connector(&self, config: &Path) -> Result<Child, Box<dyn Error>> {
        say("    $ fluvio-secret run --config cat-facts.yaml -- connector");
        let mut run = self.command("fluvio-secret");
        run.arg("run").arg("--config").arg(config).arg("--").arg(self.programs.join("connector"));
        Ok(run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let stopped = self.command("fluvio-secret").args(["daemon", "stop"]).output();
        if !stopped.is_ok_and(|output| output.status.success()) {
            say("the demonstration's daemon could not be stopped; see: ps -C fluvio-secretd");
        }
    }
}

/// Ends the connector as a user would, and gives what it had to say.
fn end(mut connector: Child) -> String {
    // A connector that is gone already cannot be ended.
    let _ = Command::new("kill").arg(connector.id().to_string()).status();
    let _ = connector.wait();
    let mut said = String::new();
    if let Some(mut stderr) = connector.stderr.take() {
        let _ = stderr.read_to_string(&mut said);
    }
    said.trim_end().to_owned()
}

/// A server that reports which `Authorization` header each request had.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) requests: Receiver<Option<String>>,
}

impl Server {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let server = tiny_http::Server::http("127.0.0.1:0").map_err(|error| error.to_string())?;
        let port = server.server_addr().to_ip().ok_or("no port")?.port();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for request in server.incoming_requests() {
                let header = request.headers().iter().find(|h| h.field.equiv("Authorization"));
                let value = header.map(|header| header.value.as_str().to_owned());
                let answer = tiny_http::Response::from_string("cats sleep for 13 hours a day");
                let _ = request.respond(answer);
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        Ok(Self { port, requests })
    }
}

/// Whether any file below a directory has these bytes in it.
fn holds(directory: &Path, bytes: &[u8]) -> std::io::Result<bool> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let found = if kind.is_dir() {
            holds(&entry.path(), bytes)?
        } else {
            kind.is_file() && fs::read(entry.path())?.windows(bytes.len()).any(|part| part == bytes)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
