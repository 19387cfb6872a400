//! How long a client waits for the daemon.

use std::io;
use std::time::{Duration, Instant};

use crate::limits;

/// The longest that is waited at once, and so the most that one stop of the machine can cost.
const TURN: Duration = Duration::from_millis(1500);

/// What is left of [`limits::CLIENT_TIMEOUT`].
///
/// It is waited in turns, and only turns count. While the machine or this program was stopped, the daemon
/// may have had no time to answer. By a clock alone, it would seem to hang.
#[derive(Debug)]
pub(crate) struct Timeouts {
    left: Duration,
}

impl Timeouts {
    pub(crate) fn new() -> Self {
        Self { left: limits::CLIENT_TIMEOUT }
    }

    /// Repeats what waits, each time for the passed duration, until it is done.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when nothing is left, and what `something` fails with.
    pub(crate) fn wait<T>(
        &mut self,
        mut something: impl FnMut(Duration) -> io::Result<T>,
    ) -> io::Result<T> {
        while !self.left.is_zero() {
            let (turn, begun) = (TURN.min(self.left), Instant::now());
            let done = something(turn);
            self.left -= begun.elapsed().min(turn);
            match done.as_ref().map_err(io::Error::kind) {
                // A socket's time-out. It may come a moment too early.
                Err(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(io::ErrorKind::Interrupted) => {}
                _ => return done,
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};
    use std::os::unix::net::UnixStream;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use super::{TURN, Timeouts};
    use crate::limits::CLIENT_TIMEOUT;

    #[test]
    fn silence_is_waited_for_so_long_and_no_longer() {
        let (mut stream, _silent) = UnixStream::pair().expect("a pair");
        let (mut timeouts, begun) = (Timeouts { left: TURN * 3 / 2 }, Instant::now());
        let waited = timeouts.wait(|turn| {
            stream.set_read_timeout(Some(turn))?;
            stream.read(&mut [0])
        });
        assert_eq!(waited.expect_err("silence").kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= TURN, "{:?}", begun.elapsed());
        assert!(timeouts.wait(|_| -> io::Result<()> { panic!("nothing is left") }).is_err());
    }

    #[test]
    fn a_stop_of_the_machine_is_one_turn_however_long_it_was() {
        let mut timeouts = Timeouts::new();
        let mut turns = 0;
        let done = timeouts.wait(|turn| {
            turns += 1;
            // As after a stop: far more time has gone by than was waited for.
            sleep(turn + Duration::from_millis(100));
            if turns == 2 { Ok(turns) } else { Err(io::ErrorKind::WouldBlock.into()) }
        });
        assert_eq!(done.expect("the second answer"), 2);
        assert_eq!(timeouts.left, CLIENT_TIMEOUT - 2 * TURN);
    }
}
