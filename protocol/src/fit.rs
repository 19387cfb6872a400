//! What a secrets file and the environment can carry to a connector unaltered.
//!
//! The rules are Fluvio's. Its file store splits a line at the first `=` and trims both sides by
//! Unicode's notion of white space. Its environment store reads a variable as UTF-8.

use zeroize::Zeroizing;

use crate::{Secret, SecretName};

/// The longest `NAME=value` string that Linux passes to a program, its final NUL not counted
/// (`MAX_ARG_STRLEN`, see execve(2)).
const ENV_STRING_BYTES: usize = 131_071;

/// Why an inject mode cannot carry a value unaltered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it is")]
pub enum Unfit {
    /// The file store trims white space (by Unicode) away.
    #[error("it begins or ends with whitespace")]
    BlankAtEdge,
    #[error("it has a NUL byte")]
    Nul,
    #[error("it has a line break")]
    Newline,
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("a variable with this name changes how programs start")]
    StartsPrograms,
    #[error("with its name it is longer than {ENV_STRING_BYTES} bytes")]
    TooLong,
}

/// Whether a secrets file carries this value unaltered.
///
/// # Errors
///
/// The first reason against it.
pub fn by_file(value: &Secret) -> Result<(), Unfit> {
    let text = std::str::from_utf8(value.expose()).map_err(|_| Unfit::NotUtf8)?;
    if text.contains('\n') {
        Err(Unfit::Newline)
    } else if text.trim() != text {
        Err(Unfit::BlankAtEdge)
    } else {
        Ok(())
    }
}

/// The text of a secrets file: `NAME=value` lines. That the values fit was checked before.
#[must_use]
pub fn secrets_file(secrets: &[(SecretName, Secret)]) -> Zeroizing<Vec<u8>> {
    let size = secrets.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum();
    // Of the right size at once: a buffer that grows leaves copies behind.
    let mut lines = Zeroizing::new(Vec::with_capacity(size));
    for (name, value) in secrets {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.push(b'=');
        lines.extend_from_slice(value.expose());
        lines.push(b'\n');
    }
    lines
}

/// The secrets in the text of a secrets file, as [`secrets_file`] writes it.
#[must_use]
pub fn secrets_of_file(file: &[u8]) -> Vec<(SecretName, Secret)> {
    let lines = file.split(|&byte| byte == b'\n');
    let secret = |line: &[u8]| {
        let at = line.iter().position(|&byte| byte == b'=')?;
        let name = std::str::from_utf8(&line[..at]).ok()?.parse().ok()?;
        Some((name, Secret::from(line[at + 1..].to_vec())))
    };
    lines.filter_map(secret).collect()
}

/// The text of a secrets file with another value of one of its secrets; `None` if it has that value already.
#[must_use]
pub fn with_value(file: &[u8], name: &SecretName, value: &Secret) -> Option<Zeroizing<Vec<u8>>> {
    let key = [name.as_str().as_bytes(), b"="].concat();
    let mut from = 0;
    for line in file.split_inclusive(|&byte| byte == b'\n') {
        let Some(old) = line.strip_prefix(&key[..]) else {
            from += line.len();
            continue;
        };
        let old = old.strip_suffix(b"\n").unwrap_or(old);
        let (before, after) = (&file[..from + key.len()], &file[from + key.len() + old.len()..]);
        let new = value.expose();
        // One allocation, as above.
        let text = || Zeroizing::new([before, new, after].concat());
        return (old != new).then(text);
    }
    None
}

/// Whether an environment variable of this name carries this value unaltered.
///
/// # Errors
///
/// The first reason against it.
pub fn by_environment(name: &SecretName, value: &Secret) -> Result<(), Unfit> {
    if std::str::from_utf8(value.expose()).is_err() {
        Err(Unfit::NotUtf8)
    } else if value.expose().contains(&0) {
        Err(Unfit::Nul)
    } else if name.as_str().len() + 1 + value.len() > ENV_STRING_BYTES {
        Err(Unfit::TooLong)
    } else if starts_programs(name.as_str()) {
        Err(Unfit::StartsPrograms)
    } else {
        Ok(())
    }
}

/// Whether a variable decides which program, library or script is loaded: read by a loader, a
/// shell, or the runtime of a language before the program's own first line, or by us.
fn starts_programs(name: &str) -> bool {
    const PREFIXES: [&str; 6] = ["BASH_FUNC_", "DYLD_", "FLUVIO_SECRET_", "LD_", "PERL5", "PYTHON"];
    const NAMES: [&str; 20] = [
        "BASHOPTS",
        "BASH_ENV",
        "CDPATH",
        "CLASSPATH",
        "ENV",
        "GCONV_PATH",
        "GLIBC_TUNABLES",
        "HOME",
        "IFS",
        "JAVA_TOOL_OPTIONS",
        "LOCPATH",
        "NLSPATH",
        "NODE_OPTIONS",
        "NODE_PATH",
        "PATH",
        "PS4",
        "RUBYLIB",
        "RUBYOPT",
        "SHELLOPTS",
        "TMPDIR",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::{Unfit, by_environment, by_file, secrets_file, secrets_of_file, with_value};
    use crate::{Secret, SecretName};

    fn file(value: &[u8]) -> Result<(), Unfit> {
        by_file(&Secret::from(value.to_vec()))
    }

    fn secret(name: &str, value: &str) -> (SecretName, Secret) {
        (name.parse().expect("a name"), Secret::from(value.as_bytes().to_vec()))
    }

    fn environment(name: &str, value: &[u8]) -> Result<(), Unfit> {
        by_environment(&name.parse().expect("a name"), &Secret::from(value.to_vec()))
    }

    #[test]
    fn a_file_carries_what_the_file_store_gives_back() {
        for fits in [&b""[..], b"x", b"=", b"\"q\"", b"a\0b", b"a\rb", "ü🦀".as_bytes(), b"#x"] {
            assert_eq!(file(fits), Ok(()), "{fits:?}");
        }
        for edge in [" x", "x\t", "x\r", "\u{a0}x", "x\u{2003}", "\u{85}x"] {
            assert_eq!(file(edge.as_bytes()), Err(Unfit::BlankAtEdge), "{edge:?}");
        }
        for lines in ["a\nb", "a\n", "\r\n", "a\r\nb"] {
            assert_eq!(file(lines.as_bytes()), Err(Unfit::Newline), "{lines:?}");
        }
        assert_eq!(file(b"\xff"), Err(Unfit::NotUtf8));
    }

    #[test]
    fn what_is_written_is_read() {
        for secrets in [vec![], vec![secret("A", ""), secret("B_c", "x=y")]] {
            let read = secrets_of_file(&secrets_file(&secrets));
            let plain = |(name, value): &(SecretName, Secret)| {
                (name.as_str().to_owned(), value.expose().to_vec())
            };
            let both = [read, secrets].map(|all| all.iter().map(plain).collect::<Vec<_>>());
            assert_eq!(both[0], both[1]);
        }
    }

    #[test]
    fn one_value_of_a_file_is_replaced_and_the_others_stay() {
        let file = secrets_file(&[secret("A", "one"), secret("AB", "A=x"), secret("B", "")]);
        let with = |name: &str, value: &str| {
            let (name, value) = secret(name, value);
            let text = with_value(&file, &name, &value);
            text.map(|text| String::from_utf8(text.to_vec()).expect("text"))
        };
        assert_eq!(with("A", "two").as_deref(), Some("A=two\nAB=A=x\nB=\n"));
        assert_eq!(with("AB", "").as_deref(), Some("A=one\nAB=\nB=\n"));
        assert_eq!(with("B", "b").as_deref(), Some("A=one\nAB=A=x\nB=b\n"));
        assert_eq!((with("A", "one"), with("B", ""), with("C", "x")), (None, None, None));
    }

    #[test]
    fn the_environment_carries_text_without_nul_up_to_the_systems_limit() {
        assert_eq!(environment("A", b" a\nb "), Ok(()));
        assert_eq!(environment("A", b"a\0b"), Err(Unfit::Nul));
        assert_eq!(environment("A", b"\xff"), Err(Unfit::NotUtf8));
        assert_eq!(environment("A", &[b'x'; 131_069]), Ok(()));
        assert_eq!(environment("A", &[b'x'; 131_070]), Err(Unfit::TooLong));
        assert_eq!(environment("AB", &[b'x'; 131_069]), Err(Unfit::TooLong));
    }

    #[test]
    fn names_that_change_how_programs_start_stay_out_of_the_environment() {
        for name in ["PATH", "LD_PRELOAD", "BASH_ENV", "PYTHONPATH", "FLUVIO_SECRET_HOME"] {
            assert_eq!(environment(name, b"x"), Err(Unfit::StartsPrograms), "{name}");
        }
        for name in ["PATHS", "OLD_TOKEN", "HOME_URL", "API_PATH"] {
            assert_eq!(environment(name, b"x"), Ok(()), "{name}");
        }
    }
}
