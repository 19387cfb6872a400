//! `manual DIR` writes the manual pages into a directory, and `manual --commands FILE` the page of all commands of
//! the guide.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use fluvio_secret_manual::Page;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let written = match &arguments[..] {
        [option, file] if option == "--commands" => {
            write(Path::new(file), &fluvio_secret_manual::commands())
        }
        [directory] => fluvio_secret_manual::pages()
            .iter()
            .try_for_each(|page| write_page(Path::new(directory), page)),
        _ => return fail("usage: manual DIR, or manual --commands FILE", 2),
    };
    written.map_or_else(|why| fail(&why, 1), |()| ExitCode::SUCCESS)
}

/// Writes a page. Its other names are links to the same file.
fn write_page(directory: &Path, page: &Page) -> Result<(), String> {
    let file = directory.join(page.file_name());
    write(&file, &page.source)?;
    for alias in &page.aliases {
        let link = directory.join(page.file_of(alias));
        // It may be of an earlier run.
        let _ = fs::remove_file(&link);
        let linked = fs::hard_link(&file, &link);
        linked.map_err(|error| format!("cannot write {}: {error}", link.display()))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn fail(why: &str, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::from(status)
}
