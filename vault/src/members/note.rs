//! The note that says whose a member is.

use std::fs;

use fluvio_secret_protocol::limits;
use fluvio_secret_system::printable;

/// A note as it is written, shown and sent: one short line that is safe to print.
pub(crate) fn shown_note(note: &str) -> String {
    let note = printable::line(note.trim());
    let ends = (0..=limits::NOTE_BYTES.min(note.len())).rev();
    let end = ends.into_iter().find(|&at| note.is_char_boundary(at)).unwrap_or(0);
    note[..end].trim_end().to_owned()
}

/// The note of this machine, unless you choose another: user and host.
pub(crate) fn note_of_machine() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    if user.is_empty() { host.to_owned() } else { format!("{user}@{host}") }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::limits;

    use super::shown_note;

    #[test]
    fn a_note_is_one_line_that_drives_no_terminal() {
        assert_eq!(shown_note("  ada's laptop "), "ada's laptop");
        assert_eq!(shown_note("\u{1b}[2J\u{9b}x"), "\u{fffd}[2J\u{fffd}x");
        let long = shown_note(&"\u{fc}".repeat(200));
        assert!(long.len() <= limits::NOTE_BYTES && long.len() > limits::NOTE_BYTES - 2, "{long}");
    }
}
