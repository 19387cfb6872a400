//! Programs on PATH, and how to put a directory first there.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fluvio_secret_system::shell;

/// The programs of a name on a PATH; a shell runs the first one.
pub(crate) fn all(name: &str, path: Option<&OsStr>) -> Vec<PathBuf> {
    let folders = path.into_iter().flat_map(env::split_paths);
    folders.map(|folder| folder.join(name)).filter(|program| is_program(program)).collect()
}

/// The program that a shell would run by this name.
pub(crate) fn first(name: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    all(name.to_str()?, path).into_iter().next()
}

pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Writes a program for a test, in another process. A test beside this one that starts a program would give it the open
/// file. A file that is open for writing cannot be executed (ETXTBSY in execve(2)).
#[cfg(test)]
pub(crate) fn write_program(path: &Path, text: &str) {
    let script = "rm -f \"$1\" && printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"";
    let mut shell = std::process::Command::new("/bin/sh");
    let written = shell.args(["-c", script, "sh"]).arg(path).arg(text).status();
    assert!(written.expect("a shell").success(), "{}", path.display());
}

/// What you do after [`line`], so that it counts.
pub(crate) fn after_line(user_shell: Option<&OsStr>) -> &'static str {
    // Only a login shell reads `~/.profile`.
    if line(Path::new(""), user_shell).ends_with("/.profile") {
        "log in again"
    } else {
        "open a new shell"
    }
}

/// The line for your shell that puts a directory first on PATH, also in new shells.
pub(crate) fn line(folder: &Path, user_shell: Option<&OsStr>) -> String {
    let folder = folder.display().to_string();
    let export = format!("export PATH={}:\"$PATH\"", shell::word(&folder));
    let append = |file: &str| format!("echo {} >> {file}", shell::quoted(&export));
    match user_shell.and_then(|path| Path::new(path).file_name()).and_then(OsStr::to_str) {
        Some("fish") => format!("fish_add_path --prepend --move {}", fish_word(&folder)),
        Some("zsh") if env::var_os("ZDOTDIR").is_some() => append("\"$ZDOTDIR\"/.zshrc"),
        Some("zsh") => append("~/.zshrc"),
        Some("bash") => append("~/.bashrc"),
        _ => append("~/.profile"),
    }
}

/// A word as fish reads it back: in its single quotes, a backslash stands before `'` and itself.
fn fish_word(text: &str) -> String {
    if shell::word(text) == text {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::{after_line, line};

    #[test]
    fn the_line_is_in_the_words_of_the_shell() {
        let of = |shell: &str| line(Path::new("/home/ada/bin"), Some(OsStr::new(shell)));
        assert_eq!(of("/usr/bin/fish"), "fish_add_path --prepend --move /home/ada/bin");
        assert_eq!(of("/bin/zsh"), "echo 'export PATH=/home/ada/bin:\"$PATH\"' >> ~/.zshrc");
        assert!(of("/bin/bash").ends_with(".bashrc"));
        assert!(of("/bin/ksh").ends_with(".profile"));
        assert_eq!(after_line(Some(OsStr::new("/bin/ksh"))), "log in again");
        assert_eq!(after_line(Some(OsStr::new("/bin/bash"))), "open a new shell");
        let odd = |path: &str, shell: &str| line(Path::new(path), Some(OsStr::new(shell)));
        assert_eq!(odd(r"/it's\", "fish"), r"fish_add_path --prepend --move '/it\'s\\'");
        let export = r#"'export PATH='\''/a b'\'':"$PATH"'"#;
        assert_eq!(odd("/a b", "bash"), format!("echo {export} >> ~/.bashrc"));
    }
}
