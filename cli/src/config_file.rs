//! The file with a connector's configuration.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use fluvio_secret_config::is_configuration;
use fluvio_secret_protocol::limits;
use fluvio_secret_system::printable;
use fluvio_secret_system::regular::{self, Links};
use zeroize::Zeroizing;

use crate::error::{AnyCause, CliError};
use crate::format;

/// Reads a configuration. Its memory is wiped, because people also write values into the file.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let opened = regular::open(OpenOptions::new().read(true), path, Links::Follow);
    let (file, found) = opened.map_err(|error| unreadable(path, error))?;
    // A byte more than the file has, so that its end is read without growing. All of it is wiped, used or not.
    let size = usize::try_from(found.len()).unwrap_or(usize::MAX).min(limits::CONFIG_BYTES) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(size));
    let most = limits::CONFIG_BYTES as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|error| unreadable(path, error))?;
    if bytes.len() > limits::CONFIG_BYTES {
        let why = format!("it has more than {} bytes", limits::CONFIG_BYTES);
        return Err(unreadable(path, why));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, why: impl Into<AnyCause>) -> CliError {
    CliError::Config { path: path.to_owned(), why: why.into(), meant: meant(path) }
}

/// The error for a path at which there is no file, if another file of its directory is probably meant.
pub(crate) fn mistyped(path: &Path) -> Option<CliError> {
    let error = path.metadata().err()?;
    meant(path).map(|_| unreadable(path, error))
}

/// How alike the names of two files are if one is a typing error of the other: 1 is the same.
const MEANT_LIKENESS: f64 = 0.9;

/// The YAML file whose name is most like that of a file which does not exist, or the only configuration of a
/// directory.
fn meant(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return <[PathBuf; 1]>::try_from(configurations(path).ok()?).ok().map(|[one]| one);
    }
    let is_missing = path.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let typed = path.file_name()?.to_str().filter(|_| is_missing)?;
    let directory = path.parent()?;
    let all = yaml_files(directory).ok()?.into_iter();
    let likeness = |name: &OsStr| name.to_str().map(|name| strsim::jaro_winkler(typed, name));
    let all = all.filter_map(|path| Some((likeness(path.file_name()?)?, path)));
    let like = all.filter(|(likeness, _)| *likeness > MEANT_LIKENESS);
    let (_, path) = like.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    Some(path)
}

/// The only configuration of the current directory, for a command that you named none.
pub(crate) fn find() -> Result<PathBuf, CliError> {
    let here = Path::new("");
    let all = configurations(here).map_err(|error| unreadable(Path::new("."), error))?;
    let (why, help) = match &all[..] {
        [one] => return Ok(one.clone()),
        [] => (
            "no configuration was named, and the current directory has none".to_owned(),
            "name one",
        ),
        all => (
            format!(
                "the current directory has several configurations: {}",
                format::some(&shown(all))
            ),
            "name one of them",
        ),
    };
    Err(CliError::Usage(format!("error: {why}\nhelp: {help} with: --config FILE")))
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| printable::path(path)).collect()
}

/// The configurations of connectors in a directory, but not below it.
fn configurations(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let is_wanted = |path: &PathBuf| read(path).is_ok_and(|bytes| is_configuration(&bytes));
    Ok(yaml_files(directory)?.into_iter().filter(is_wanted).collect())
}

/// The paths of a directory that end as configurations do, in alphabetical order.
fn yaml_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let is_here = directory.as_os_str().is_empty();
    let entries = fs::read_dir(if is_here { Path::new(".") } else { directory })?;
    let names = entries.flatten().map(|entry| entry.file_name());
    // A name that begins with a dash would be an option of the connector.
    let is_dashed = |name: &OsStr| is_here && name.as_bytes().starts_with(b"-");
    let path = |name: OsString| match is_dashed(&name) {
        true => Path::new(".").join(name),
        false => directory.join(name),
    };
    let mut paths: Vec<_> = names.map(path).filter(|path| is_yaml(path)).collect();
    paths.sort_unstable();
    Ok(paths)
}

/// Whether the name of a file is that of YAML.
pub(crate) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use fluvio_secret_system::help::Helpful;

    use super::{configurations, meant, mistyped};

    #[test]
    fn configurations_are_found_among_other_files() {
        let made = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            fs::write(made.path().join(name), text).expect("a file");
        };
        let text = "meta: {name: c, type: t, topic: t, version: 0.1.0}\n";
        write("b.yml", text);
        write("a.yaml", text);
        write("docker-compose.yaml", "services: {}\n");
        write("Connector.toml", text);
        write("large.yaml", &text.repeat(2000));
        fs::create_dir(made.path().join("below.yaml")).expect("a directory");
        fs::create_dir(made.path().join("below")).expect("a directory");
        write("below/c.yaml", text);
        let found = configurations(made.path()).expect("a directory");
        assert_eq!(found, [made.path().join("a.yaml"), made.path().join("b.yml")]);
    }

    #[test]
    fn the_only_configuration_of_a_directory_is_suggested() {
        let made = tempfile::tempdir().expect("a directory");
        let text = "meta: {name: c, type: t, topic: t, version: 0.1.0}\n";
        let write = |name: &str| fs::write(made.path().join(name), text).expect("a file");
        assert_eq!(meant(made.path()), None);
        write("a.yaml");
        assert_eq!(meant(made.path()), Some(made.path().join("a.yaml")));
        write("b.yaml");
        assert_eq!(meant(made.path()), None);
    }

    #[test]
    fn a_file_that_is_probably_meant_is_suggested() {
        let made = tempfile::tempdir().expect("a directory");
        for name in ["cat-facts.yaml", "sample-config.yml", "cat-fact.log"] {
            fs::write(made.path().join(name), "").expect("a file");
        }
        let help = |name: &str| mistyped(&made.path().join(name))?.help();
        let at = |name: &str| Some(format!("did you mean: {}", made.path().join(name).display()));
        for (typed, meant) in [
            ("cat-fact.yaml", at("cat-facts.yaml")),
            ("sample-config.yaml", at("sample-config.yml")),
            ("other.yaml", None),
            ("cat-facts.yaml", None),
            ("none/cat-fact.yaml", None),
        ] {
            assert_eq!(help(typed).map(|help| help.to_string()), meant, "{typed}");
        }
    }
}
