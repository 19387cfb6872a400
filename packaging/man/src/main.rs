//! `manual DIR`: writes the manual pages into a directory.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [directory] = &arguments[..] else {
        return fail("usage: manual DIR", 2);
    };
    for page in fluvio_secret_manual::pages() {
        let path = Path::new(directory).join(page.file_name());
        if let Err(error) = std::fs::write(&path, &page.source) {
            return fail(&format!("cannot write {}: {error}", path.display()), 1);
        }
    }
    ExitCode::SUCCESS
}

fn fail(why: &str, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::from(status)
}
