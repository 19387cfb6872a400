//! A terminal, with a program at it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;
use rustix::io::ioctl_fionread;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::{behind, eventually};

/// A terminal, seen from the side of its user.
pub(crate) struct Pty {
    user: File,
    program: File,
    screen: Screen,
    seen: Vec<u8>,
    pub(crate) child: Child,
}

impl Pty {
    /// Starts a program in a session of its own with this terminal.
    pub(crate) fn start(command: &Command) -> Self {
        Self::start_with_width(command, 80)
    }

    /// The same with a terminal of this number of columns.
    pub(crate) fn start_with_width(command: &Command, columns: u16) -> Self {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&user).unwrap();
        unlockpt(&user).unwrap();
        let name = ptsname(&user, Vec::new()).unwrap();
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(i32::try_from(OFlags::NOCTTY.bits()).unwrap())
            .open(std::ffi::OsStr::from_bytes(name.to_bytes()))
            .unwrap();
        let size = Winsize { ws_col: columns, ws_row: 24, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&user, size).unwrap();
        // setsid(1) makes the terminal the session's own, and becomes the program.
        let mut session = behind(&["setsid", "--ctty", "env", "--default-signal"], command);
        let child = session
            .stdin(terminal.try_clone().unwrap())
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal.try_clone().unwrap())
            .spawn()
            .unwrap();
        let user = File::from(user);
        let screen = Screen::of(user.try_clone().unwrap());
        Self { user, program: terminal, screen, seen: Vec::new(), child }
    }

    /// Types.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.user.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until a text is on the screen, and forgets everything up to its end.
    pub(crate) fn expect(&mut self, text: &str) -> String {
        let mut before = String::new();
        eventually(&format!("{text:?} on the terminal"), || {
            self.seen.extend(self.screen.shown.try_iter().flatten());
            let end = self.seen.windows(text.len()).position(|part| part == text.as_bytes());
            if let Some(at) = end {
                let rest = self.seen.split_off(at + text.len());
                before = String::from_utf8_lossy(&std::mem::replace(&mut self.seen, rest)).into();
            }
            end.is_some()
        });
        before
    }

    /// Waits until a text is on the screen, or a prompt if one may come. Forgets everything up to the end of that,
    /// and returns it without the text, and whether that is there.
    pub(crate) fn expect_or_prompt(&mut self, text: &str, may_prompt: bool) -> (String, bool) {
        let mut found = None;
        eventually(&format!("{text:?} or a prompt on the terminal"), || {
            self.seen.extend(self.screen.shown.try_iter().flatten());
            let seen = String::from_utf8_lossy(&self.seen).into_owned();
            let is_prompt = [": ", "? ", "] "].into_iter().any(|end| seen.ends_with(end));
            found = match seen.split_once(text) {
                Some((before, rest)) => Some((before.to_owned(), true, rest.as_bytes().to_vec())),
                None if may_prompt && is_prompt => Some((seen, false, Vec::new())),
                None => None,
            };
            found.is_some()
        });
        let (before, is_there, rest) = found.unwrap();
        self.seen = rest;
        (before, is_there)
    }

    /// Whether what is typed is shown.
    pub(crate) fn has_echo(&self) -> bool {
        let modes = tcgetattr(&self.user).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }

    /// How many bytes were typed and not read.
    pub(crate) fn unread(&self) -> u64 {
        ioctl_fionread(&self.program).unwrap()
    }

    /// Takes the terminal away.
    pub(crate) fn hang_up(self) -> Child {
        let Self { user, screen, child, .. } = self;
        let Screen { shown: _, reader, end } = screen;
        // The reader has a descriptor of this side, too.
        drop((user, end));
        reader.join().unwrap();
        child
    }
}

/// What is shown. It has to be read, or the program would wait.
struct Screen {
    shown: Receiver<Vec<u8>>,
    reader: JoinHandle<()>,
    /// The reader ends when this is dropped.
    end: UnixStream,
}

impl Screen {
    fn of(mut user: File) -> Self {
        let (sender, shown) = channel();
        let (end, ended) = UnixStream::pair().unwrap();
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let mut awaited =
                    [PollFd::new(&user, PollFlags::IN), PollFd::new(&ended, PollFlags::IN)];
                poll(&mut awaited, None).unwrap();
                let [shown, end] = awaited.map(|one| !one.revents().is_empty());
                if shown {
                    let Ok(count @ 1..) = user.read(&mut bytes) else { return };
                    let _ = sender.send(bytes[..count].to_vec());
                }
                if end {
                    return;
                }
            }
        });
        Self { shown, reader, end }
    }
}
