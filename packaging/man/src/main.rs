//! `manual DIR` writes the manual pages into a directory, and `manual --commands FILE` the page of all commands of
//! the guide.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let written = match &arguments[..] {
        [option, file] if option == "--commands" => {
            write(Path::new(file), &fluvio_secret_manual::commands())
        }
        [directory] => fluvio_secret_manual::pages()
            .iter()
            .try_for_each(|page| write(&Path::new(directory).join(page.file_name()), &page.source)),
        _ => return fail("usage: manual DIR, or manual --commands FILE", 2),
    };
    written.map_or_else(|why| fail(&why, 1), |()| ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn fail(why: &str, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::from(status)
}
