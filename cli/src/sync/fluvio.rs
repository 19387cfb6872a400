//! The user's own program `fluvio`. It has the profile of the cluster, its TLS and the log-in.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use fluvio_secret_system::{child, printable};

use super::event::{ConsumeFrom, TopicFailure};
use super::line::{self, FETCH_BYTES, KEY_SEPARATOR, REQUEST_BYTES};
use super::sync_error::SyncError;
use super::sync_places::FLUVIO_VARIABLE;
use crate::on_path;

/// How long a call may take that does not follow a topic.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a call may take that creates a topic. While the cluster starts, Fluvio may never report that it has created one.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the records of a topic are kept, which Fluvio deletes by age. By default, it is a week.
const RETENTION: &str = "3650d";
/// The most bytes that are read of what it prints.
const PRINTED_BYTES: u64 = 4 << 20;
/// The most characters of a cause that is shown.
const CAUSE_CHARS: usize = 300;
const VARIABLE_PREFIX: &[u8] = b"FLUVIO_SECRET_";

/// The program.
#[derive(Clone, Debug)]
pub(crate) struct FluvioProgram {
    path: PathBuf,
    /// What comes before its path and arguments: the command that ends it with this process.
    before: Vec<OsString>,
}

impl FluvioProgram {
    /// The one that the variable names, or that a shell would run.
    pub(crate) fn find() -> Result<Self, SyncError> {
        let named = env::var_os(FLUVIO_VARIABLE).filter(|path| !path.is_empty());
        let path = match named.map(PathBuf::from) {
            Some(path) if path.components().count() > 1 => path,
            named => {
                let name = named.as_deref().unwrap_or(Path::new("fluvio"));
                on_path::first(name, env::var_os("PATH").as_deref()).ok_or(SyncError::NoProgram)?
            }
        };
        let failed = |source| SyncError::Program { path: path.clone(), source };
        match path.metadata() {
            Ok(_) if on_path::is_program(&path) => {}
            Ok(_) => return Err(failed(io::ErrorKind::PermissionDenied.into())),
            Err(error) => return Err(failed(error)),
        }
        // The process that follows the topic may have another directory.
        let path = std::path::absolute(&path).map_err(failed)?;
        let this = env::current_exe().map_err(failed)?;
        let pid = std::process::id().to_string();
        let before = vec![this.into(), "end-with-parent".into(), pid.into(), "--".into()];
        Ok(Self { path, before })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A call, which ends with this process. None of our variables is for it.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut words = self.before.iter().map(OsString::as_os_str).chain([self.path.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(args);
        for (name, _) in env::vars_os() {
            if name.as_bytes().starts_with(VARIABLE_PREFIX) {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A consumer whose lines begin with a mark.
    pub(crate) fn consumer(&self, topic: &str, mark: &str, from: ConsumeFrom) -> Command {
        let fetch = FETCH_BYTES.to_string();
        let format = line::format(mark);
        let options = ["-F", &format, "--disable-progressbar", "--maxbytes", &fetch];
        let mut command = self.command(["consume", topic]);
        command.args(options);
        match from {
            ConsumeFrom::Beginning => command.args(["-B", "-d"]),
            ConsumeFrom::Rest(offset) => command.args(["--start", &offset.to_string(), "-d"]),
            ConsumeFrom::Offset(offset) => command.args(["--start", &offset.to_string()]),
        };
        command
    }

    /// A producer, which reads lines from its standard input.
    pub(crate) fn producer(&self, topic: &str) -> Command {
        let size = REQUEST_BYTES.to_string();
        let mut command = self.command(["produce", topic, "--key-separator", KEY_SEPARATOR]);
        command.args(["--isolation", "read_committed", "--max-request-size", &size]);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command
    }

    /// The names of all topics.
    pub(crate) fn topics(&self) -> Result<Vec<String>, TopicFailure> {
        let printed = self.call(&["topic", "list", "-O", "json"])?;
        // Without a topic, it prints a sentence.
        let listed: Vec<serde_json::Value> = serde_json::from_str(&printed).unwrap_or_default();
        let name = |topic: &serde_json::Value| Some(topic.get("name")?.as_str()?.to_owned());
        Ok(listed.iter().filter_map(name).collect())
    }

    pub(crate) fn create_topic(&self, topic: &str) -> Result<(), TopicFailure> {
        self.create_topic_within(topic, CREATE_TIMEOUT)
    }

    fn create_topic_within(&self, topic: &str, timeout: Duration) -> Result<(), TopicFailure> {
        let mut create = self.command(["topic", "create", topic, "--retention-time", RETENTION]);
        match self.output_within(&mut create, Vec::new(), timeout)? {
            Some(_) => Ok(()),
            None if self.topics()?.iter().any(|one| one == topic) => Ok(()),
            None => Err(no_answer()),
        }
    }

    pub(crate) fn delete_topic(&self, topic: &str) -> Result<(), TopicFailure> {
        self.call(&["topic", "delete", topic]).map(drop)
    }

    /// Publishes one document, and waits until the topic has it.
    pub(crate) fn produce_once(
        &self,
        topic: &str,
        vault: &str,
        document: &[u8],
    ) -> Result<(), TopicFailure> {
        let line = line::to_publish(vault, document);
        self.output_of(&mut self.producer(topic), line).map(drop)
    }

    /// What a call prints. One that hangs is killed.
    fn call(&self, args: &[&str]) -> Result<String, TopicFailure> {
        self.output_of(&mut self.command(args), Vec::new())
    }

    fn output_of(&self, command: &mut Command, input: Vec<u8>) -> Result<String, TopicFailure> {
        self.output_within(command, input, CALL_TIMEOUT)?.ok_or_else(no_answer)
    }

    /// The same. `None` if it has not exited within this time.
    fn output_within(
        &self,
        command: &mut Command,
        input: Vec<u8>,
        timeout: Duration,
    ) -> Result<Option<String>, TopicFailure> {
        let cannot = |error: std::io::Error| TopicFailure {
            cause: format!("cannot run {}: {error}", printable::path(&self.path)),
        };
        let mut child = command.spawn().map_err(cannot)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        if let Some(mut stdin) = child.stdin.take() {
            // If it exits before it has read this, it says why.
            thread::spawn(move || stdin.write_all(&input));
        }
        let printed = thread::spawn(move || stdout.map(read_all).unwrap_or_default());
        let reported = thread::spawn(move || stderr.map(read_all).unwrap_or_default());
        let Some(status) = child::wait_within(&mut child, timeout).map_err(cannot)? else {
            child::kill(&mut child).map_err(cannot)?;
            return Ok(None);
        };
        match status.success() {
            true => Ok(Some(printed.join().unwrap_or_default())),
            false => Err(failure(Some(status), &reported.join().unwrap_or_default())),
        }
    }
}

/// A call or a consumer that hangs.
pub(crate) fn no_answer() -> TopicFailure {
    TopicFailure { cause: "fluvio does not answer".to_owned() }
}

/// What a program prints until it closes this.
pub(crate) fn read_all(from: impl Read) -> String {
    let mut bytes = Vec::new();
    // What was read before an error is still what it printed.
    let _ = from.take(PRINTED_BYTES).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Why a call failed, from what it printed to standard error.
pub(crate) fn failure(status: Option<ExitStatus>, printed: &str) -> TopicFailure {
    let text = without_colors(printed);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let line = line.map(|line| line.trim_start_matches("Error: ").trim_start_matches("error: "));
    let cause = match (line, status) {
        (Some(line), _) => printable::line(line).chars().take(CAUSE_CHARS).collect(),
        (None, Some(status)) => format!("fluvio stopped ({status})"),
        (None, None) => "fluvio stopped".to_owned(),
    };
    TopicFailure { cause }
}

/// A text without sequences that color it.
fn without_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = |part: &str| {
        let end = part.find(|c: char| ('@'..='~').contains(&c)).map_or(part.len(), |at| at + 1);
        part[end..].to_owned()
    };
    first + &parts.map(rest).collect::<String>()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{FluvioProgram, failure, without_colors};
    use crate::on_path::write_program;
    use crate::sync::event::ConsumeFrom;

    /// A program that is a script.
    pub(crate) fn script(directory: &Path, text: &str) -> FluvioProgram {
        let path = directory.join("fluvio");
        write_program(&path, &format!("#!/bin/sh\n{text}\n"));
        // Without what ends it with its parent: this program is the test.
        FluvioProgram { path, before: Vec::new() }
    }

    #[test]
    fn topics_are_listed_created_and_deleted() {
        let made = tempfile::tempdir().expect("a directory");
        let list = r#"[{"name":"a","spec":{}},{"name":"b"},{}]"#;
        let fluvio = script(made.path(), &format!("echo '{list}'"));
        assert_eq!(fluvio.topics().expect("topics"), ["a", "b"]);
        let none = script(made.path(), "echo 'No topics found'");
        assert_eq!(none.topics().expect("topics"), [""; 0]);
        let fluvio = script(made.path(), "echo \"$@\" >> \"$0.log\"");
        fluvio.create_topic("t").expect("a topic");
        fluvio.delete_topic("t").expect("no topic");
        let called = std::fs::read_to_string(made.path().join("fluvio.log")).expect("a log");
        assert_eq!(called, "topic create t --retention-time 3650d\ntopic delete t\n");
    }

    #[test]
    fn a_topic_that_is_listed_is_created_although_the_call_hangs() {
        let made = tempfile::tempdir().expect("a directory");
        let hangs = r#"[ "$2" = list ] || exec sleep 1000; echo '[{"name":"t"}]'"#;
        let fluvio = script(made.path(), hangs);
        let create = |topic| fluvio.create_topic_within(topic, Duration::from_millis(20));
        create("t").expect("a topic");
        assert_eq!(create("other").expect_err("a failure").cause, "fluvio does not answer");
    }

    #[test]
    fn a_failure_is_one_short_line() {
        let made = tempfile::tempdir().expect("a directory");
        let fluvio =
            script(made.path(), "printf '\\n\\033[31mError: no\\033[0m\\nmore\\n' >&2; exit 1");
        let found = fluvio.create_topic("t").expect_err("a failure");
        assert_eq!(found.cause, "no");
        let fluvio = script(made.path(), "echo 'Topic not found: t' >&2; exit 1");
        assert!(fluvio.delete_topic("t").is_err());
        let silent = script(made.path(), "exit 3");
        assert!(silent.topics().expect_err("a failure").cause.contains("exit status: 3"));
        assert_eq!(failure(None, &"x".repeat(1000)).cause.len(), 300);
        let gone = FluvioProgram { path: made.path().join("none"), before: Vec::new() };
        assert!(gone.topics().expect_err("a failure").cause.starts_with("cannot run "));
    }

    #[test]
    fn colors_are_left_out() {
        assert_eq!(without_colors("a\u{1b}[1;31mb\u{1b}[0mc\u{1b}["), "abc");
    }

    #[test]
    fn children_get_long_records_and_none_of_our_variables() {
        let made = tempfile::tempdir().expect("a directory");
        let fluvio = script(made.path(), "env");
        let consumer = fluvio.consumer("t", "m", ConsumeFrom::Offset(7));
        let args: Vec<_> = consumer.get_args().map(|arg| arg.to_str().expect("text")).collect();
        let expected = [
            "consume",
            "t",
            "-F",
            "m {{offset}} {{key}} {{value}}",
            "--disable-progressbar",
            "--maxbytes",
            "32000000",
            "--start",
            "7",
        ];
        assert_eq!(args, expected);
        // Tests run with some of them, or a variable that is not there was not removed.
        let ours = std::env::vars().filter(|(name, _)| name.starts_with("FLUVIO_SECRET_"));
        for (name, _) in ours {
            let removed = consumer.get_envs().any(|(of, value)| of == &*name && value.is_none());
            assert!(removed, "{name}");
        }
    }
}
