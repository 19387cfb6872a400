//! A shell at a terminal, as documentation shows it: in the home of a user, with the programs installed.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::pty::Pty;
use super::{Home, program, said};

/// What a command prints that takes long: on a busy machine more of them do.
const WAITS: &str =
    "note: waiting for the daemon, which is busy\nhelp: press Ctrl-C to stop waiting\n";

/// The home that pages show.
const SHOWN_HOME: &str = "/home/ada";
/// Where pages have the programs.
const PROGRAMS: &str = ".cargo/bin";

/// What `cdk` starts in the project of a page.
const CONNECTOR: &str = "#!/bin/sh\nexec ./http-source 600\n";

/// A shell in a home of its own, with the programs and Fluvio's `cdk` on PATH.
pub(crate) struct Shell {
    home: Home,
    terminal: Pty,
    commands: fs::File,
}

impl Shell {
    /// A shell in a terminal of this width. Programs print no colors there unless `NO_COLOR` is unset.
    pub(crate) fn start(columns: u16) -> Self {
        let home = Home::new();
        let programs = home.path(PROGRAMS);
        for directory in [&programs, &home.path("fluvio/bin"), &home.path("project")] {
            fs::create_dir_all(directory).unwrap();
        }
        for name in ["fluvio-secret", "fluvio-secretd", "fluvio-secret-shim"] {
            symlink(program(name), programs.join(name)).unwrap();
        }
        let connector = home.write("project/connector", CONNECTOR);
        fs::set_permissions(connector, Permissions::from_mode(0o755)).unwrap();
        // In a list of processes it has this name.
        symlink("/usr/bin/sleep", home.path("project/http-source")).unwrap();
        symlink(program("cdk-stand-in"), home.path("fluvio/bin/cdk")).unwrap();
        let fifo = home.path("tmp/commands");
        assert!(said(home.foreign("mkfifo").arg(&fifo)).status.success());
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{}:{path}", programs.display(), home.path("fluvio/bin").display());
        let mut bash = home.foreign("bash");
        bash.args(["--noprofile", "--norc", "-m"])
            .arg(&fifo)
            .current_dir(home.path("project"))
            .env_remove("FLUVIO_SECRET_HOME")
            .env_remove("FLUVIO_SECRET_LOG")
            .env("PATH", path)
            .env("USER", "ada")
            .env("SHELL", "/bin/bash")
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm-256color")
            .env("NO_COLOR", "1");
        let terminal = Pty::start_with_width(&bash, columns);
        let commands = fs::OpenOptions::new().write(true).open(fifo).unwrap();
        Self { home, terminal, commands }
    }

    /// Its working directory.
    pub(crate) fn project(&self) -> PathBuf {
        self.home.path("project")
    }

    /// Types a command, and answers its prompts. Returns what is on the terminal, and the exit status.
    pub(crate) fn run(&mut self, command: &str, types: &mut Vec<String>) -> (String, i32) {
        const MARKER: &str = "\u{1}status ";
        let line = format!(
            "{command}\n__status=$?; printf '\\1status %s\\n' $__status; (exit $__status)\n"
        );
        self.commands.write_all(line.as_bytes()).unwrap();
        let mut output = String::new();
        loop {
            let (shown, is_marker) = self.terminal.expect_or_prompt(MARKER, !types.is_empty());
            output.push_str(&shown);
            if is_marker {
                let status = self.terminal.expect("\n").trim().parse().unwrap();
                return (self.as_shown(&output), status);
            }
            self.terminal.type_keys(&format!("{}\n", types.remove(0)));
        }
    }

    /// An output with the home and the programs of the pages.
    fn as_shown(&self, output: &str) -> String {
        let built = program("fluvio-secret").parent().unwrap().canonicalize().unwrap();
        let output = output
            .replace('\r', "")
            .replace(WAITS, "")
            .replace(built.to_str().unwrap(), &format!("{SHOWN_HOME}/{PROGRAMS}"));
        output.replace(self.home.path("").to_str().unwrap().trim_end_matches('/'), SHOWN_HOME)
    }

    pub(crate) fn end(mut self) {
        self.run("fluvio-secret daemon stop --end-leases", &mut Vec::new());
        drop(self.commands);
        self.home.kill_processes();
        assert!(self.terminal.child.wait().is_ok());
    }
}
