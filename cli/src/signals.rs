//! Signals that are caught. The one file that knows signal-hook.

use std::io::{self, IsTerminal};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use fluvio_secret_system::inherited::is_ignored;
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{
    SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU,
    SIGXFSZ,
};
pub(crate) use signal_hook::consts::{SIGCHLD as CHILD, SIGTSTP as STOP};
use signal_hook::{flag, iterator, low_level};

/// What ends or stops a program at a terminal.
const AT_TERMINAL: [i32; 5] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, STOP];

/// Other signals that stop a program. Without a handler the terminal would stay without echo.
const ELSEWHERE: [i32; 7] = [SIGALRM, SIGPROF, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ];

/// What prompts have caught. What is caught once is caught for the life of the program.
static CAUGHT: OnceLock<Signals> = OnceLock::new();

/// Those of them that count. Another program may start this one with a signal ignored, such as nohup(1) or
/// a shell that starts a background job. It means this program and its children. If the signal were caught,
/// it would be ignored in neither.
fn not_ignored(signals: &[i32]) -> Vec<i32> {
    signals.iter().copied().filter(|signal| !is_ignored(*signal)).collect()
}

/// Hands each of these signals, and [`CHILD`], over from now on, on a thread of its own.
///
/// If the terminal of standard error goes away, that counts as [`SIGHUP`]. A program between this one and the
/// session, such as su(1), may not pass that signal on.
pub(crate) fn hand_over(to: impl Fn(i32) + Clone + Send + 'static) -> io::Result<()> {
    // Even if SIGCHLD was ignored: without it the supervisor would wait forever.
    let counted = not_ignored(&AT_TERMINAL);
    let mut signals = iterator::Signals::new(counted.iter().copied().chain([CHILD]))?;
    if let Some(caught) = CAUGHT.get() {
        // After a prompt they stop this program. From now on they are handed over.
        caught.over.store(false, Ordering::SeqCst);
    }
    let on_thread = |name: &str| thread::Builder::new().name(name.to_owned());
    if counted.contains(&SIGHUP) && io::stderr().is_terminal() {
        let to = to.clone();
        let run = move || {
            if until_gone().is_ok() {
                to(SIGHUP);
            }
        };
        on_thread("terminal").spawn(run)?;
    }
    on_thread("signals").spawn(move || signals.forever().for_each(to))?;
    Ok(())
}

/// Waits until the terminal of standard error is gone.
fn until_gone() -> rustix::io::Result<()> {
    let stderr = io::stderr();
    // Without requested events, poll only reports a hang-up.
    let mut terminal = [PollFd::new(&stderr, PollFlags::empty())];
    rustix::io::retry_on_intr(|| poll(&mut terminal, None)).map(|_| ())
}

/// Does what the signal does by default. Returns after SIGCONT.
pub(crate) fn take_default(signal: i32) -> io::Result<()> {
    low_level::emulate_default_handler(signal)
}

/// The signals that end or stop a program, caught while its terminal is silent.
pub(crate) struct Signals {
    /// Which of them came and were not looked at, those that stop us last: it ends before it stops.
    arrived: Vec<(i32, Arc<AtomicBool>)>,
    /// Whether those at a terminal do again what they do by themselves, and whether the others do.
    over: Arc<AtomicBool>,
    over_elsewhere: Arc<AtomicBool>,
    wake: UnixStream,
}

impl Signals {
    /// Catches them from now on. Once for all prompts of a program: what an earlier one had left behind
    /// would end us before the terminal has its echo back.
    pub(crate) fn begin() -> io::Result<&'static Self> {
        let signals = match CAUGHT.get() {
            Some(signals) => signals,
            None => {
                let caught = Self::catch()?;
                CAUGHT.get_or_init(|| caught)
            }
        };
        signals.arrived.iter().for_each(|(_, arrived)| arrived.store(false, Ordering::SeqCst));
        signals.set_over(false);
        Ok(signals)
    }

    fn catch() -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let mut arrived = Vec::new();
        let mut catch = |signals: &[i32]| {
            let over = Arc::new(AtomicBool::new(false));
            for signal in not_ignored(signals) {
                let has_arrived = Arc::new(AtomicBool::new(false));
                flag::register(signal, has_arrived.clone())?;
                arrived.push((signal, has_arrived));
                // After the prompt they do again what they did before it.
                flag::register_conditional_default(signal, over.clone())?;
                low_level::pipe::register(signal, waker.try_clone()?)?;
            }
            io::Result::Ok(over)
        };
        let (over, over_elsewhere) = (catch(&AT_TERMINAL)?, catch(&ELSEWHERE)?);
        arrived.sort_by_key(|(signal, _)| *signal == STOP);
        Ok(Self { arrived, over, over_elsewhere, wake })
    }

    /// Can be read from when a signal came.
    pub(crate) fn wake(&self) -> &UnixStream {
        &self.wake
    }

    /// A signal that came and was not given yet.
    pub(crate) fn arrived(&self) -> io::Result<Option<i32>> {
        let mut bytes = [0; 16];
        match rustix::io::read(&self.wake, &mut bytes) {
            Ok(_) | Err(rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        let mut arrived = self.arrived.iter();
        let next = arrived.find(|(_, arrived)| arrived.swap(false, Ordering::SeqCst));
        Ok(next.map(|(signal, _)| *signal))
    }

    /// From now on they do what they do by themselves; so do those that came and were not given.
    pub(crate) fn end(&self) -> io::Result<()> {
        self.set_over(true);
        while let Some(signal) = self.arrived()? {
            take_default(signal)?;
        }
        Ok(())
    }

    fn set_over(&self, is_over: bool) {
        self.over.store(is_over, Ordering::SeqCst);
        self.over_elsewhere.store(is_over, Ordering::SeqCst);
    }
}
