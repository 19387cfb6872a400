//! What is given to others: a Debian package, and an archive with an installer for one user.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs::{SHIPPED, packaged, path_of, root, run, target};
use crate::{Outcome, man, say};

/// Where a shell looks for completions, below the directory of everything.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/fluvio-secret"),
    ("fish", "share/fish/vendor_completions.d/fluvio-secret.fish"),
    ("zsh", "share/zsh/site-functions/_fluvio-secret"),
];

/// zsh reads a file of this name at the first Tab, and takes it for what completes.
const ZSH_AT_ONCE: &str = "
if [ \"$funcstack[1]\" = _fluvio-secret ]; then _clap_dynamic_completer_fluvio_secret \"$@\"; fi
";

/// The release that is packaged: all packages of the workspace have the same.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// What was made.
pub(crate) struct Packages {
    pub(crate) debian: PathBuf,
    pub(crate) archive: PathBuf,
}

/// Makes both.
pub(crate) fn make() -> Outcome {
    let Packages { debian, archive } = packages();
    let directory = target().join("package");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    files(&directory.join("files"))?;
    run(Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["deb", "--no-build", "--no-strip", "--quiet", "--output"])
        .arg(&debian)
        .stdout(Stdio::null())
        .current_dir(root()))?;
    pack(&directory, &archive)?;
    let sums = directory.join("SHA256SUMS");
    let names = [&debian, &archive].map(|made| made.file_name().unwrap_or_default());
    let output = Command::new("sha256sum").args(names).current_dir(&directory).output()?;
    if !output.status.success() {
        return Err("sha256sum failed".into());
    }
    write(&sums, &output.stdout)?;
    for made in [debian, archive, sums] {
        say(&format!("{} ({} KiB)", made.display(), made.metadata()?.len() >> 10));
    }
    Ok(())
}

/// Where they are.
pub(crate) fn packages() -> Packages {
    let directory = target().join("package");
    let machine = std::env::consts::ARCH;
    let debian = match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Packages {
        debian: directory.join(format!("fluvio-secret_{RELEASE}_{debian}.deb")),
        archive: directory.join(format!("fluvio-secret-{RELEASE}-{machine}-linux.tar.gz")),
    }
}

/// Puts everything that is installed below a directory, as it is below /usr.
fn files(directory: &Path) -> Outcome {
    let built = packaged()?;
    for name in SHIPPED {
        copy(&path_of(&built, name)?, &directory.join("bin").join(name), 0o755)?;
    }
    let pages = directory.join("share/man");
    man::write(&pages)?;
    for page in fs::read_dir(&pages)?.collect::<Result<Vec<_>, _>>()? {
        let name = page.file_name();
        let section = name.to_string_lossy().rsplit('.').next().unwrap_or_default().to_owned();
        let directory = pages.join(format!("man{section}"));
        copy(&page.path(), &directory.join(name), 0o644)?;
        fs::remove_file(page.path())?;
    }
    for (shell, place) in COMPLETIONS {
        let mut program = Command::new(path_of(&built, "fluvio-secret")?);
        let output = program.args(["completions", shell]).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("no completions for {shell}: {}", output.status).into());
        }
        let again = if shell == "zsh" { ZSH_AT_ONCE } else { "" };
        write(&directory.join(place), &[&output.stdout, again.as_bytes()].concat())?;
    }
    for unit in fs::read_dir(root().join("packaging/systemd"))?.collect::<Result<Vec<_>, _>>()? {
        let place = directory.join("share/systemd/user").join(unit.file_name());
        copy(&unit.path(), &place, 0o644)?;
    }
    Ok(())
}

/// Packs the files, the installer and what is to be read first.
fn pack(directory: &Path, archive: &Path) -> Outcome {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let whole = directory.join(name.trim_end_matches(".tar.gz"));
    fs::create_dir(&whole)?;
    fs::rename(directory.join("files"), whole.join("files"))?;
    for script in ["install.sh", "uninstall.sh"] {
        copy(&root().join("packaging/archive").join(script), &whole.join(script), 0o755)?;
    }
    // README links to the others.
    for text in ["CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "docs", "guide"] {
        copy_texts(&root().join(text), &whole.join(text))?;
    }
    // The same files give the same archive for every user who packs them.
    run(Command::new("tar")
        .args(["--create", "--gzip", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mtime=@0", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(directory)
        .arg(whole.file_name().unwrap_or_default()))
}

/// Copies a text, or a directory of texts.
fn copy_texts(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return copy(from, to, 0o644);
    }
    for text in fs::read_dir(from)? {
        let text = text?;
        copy_texts(&text.path(), &to.join(text.file_name()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, mode: u32) -> std::io::Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::copy(from, to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::File::create(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::RELEASE;

    #[test]
    fn debians_changelog_is_of_this_release() {
        let changelog = include_str!("../../packaging/debian/changelog");
        assert!(changelog.starts_with(&format!("fluvio-secret ({RELEASE}) ")), "{changelog}");
    }
}
