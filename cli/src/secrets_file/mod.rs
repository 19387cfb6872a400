//! The file that `import` reads: a secrets file of Fluvio's, a `.env`, JSON or YAML.
//!
//! A file is understood as a whole or refused: what looks like another format is named, and nothing
//! is set. No text of the file is repeated anywhere, because a name may be a piece of a value.
//!
//! * [`fluvio_lines`]: the rules of Fluvio's connectors
//! * [`dotenv`]: the rules of `.env` files
//! * [`json`], [`yaml`]: a map of names to strings, of which [`flat_map`] takes the entries
//! * [`foreign`]: what belongs to another format
//! * [`content`], [`bad_file`]: what a file has in it, or why it is refused

mod bad_file;
mod content;
mod dotenv;
mod flat_map;
mod fluvio_lines;
mod foreign;
mod json;
mod yaml;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use clap::ValueEnum;
use zeroize::Zeroizing;

pub(crate) use self::bad_file::BadFile;
pub(crate) use self::content::SecretsFile;
pub(crate) use self::foreign::is_plain;

/// More than anybody's secrets file has: 10,000 secrets of 6 KiB.
const MOST_FILE_BYTES: usize = 64 << 20;

/// The rules by which `import` reads a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FileFormat {
    /// As connectors read a secrets file: quotes are part of a value
    Secrets,
    /// As programs read a .env file: quotes and comments are removed
    Dotenv,
    /// One object of names and strings
    Json,
    /// One map of names and strings
    Yaml,
}

/// Reads a file; `-` is standard input. Without a format its name and its content decide.
pub(crate) fn read(path: &Path, format: Option<FileFormat>) -> Result<SecretsFile, BadFile> {
    let bytes = match path.as_os_str() == "-" {
        true if io::stdin().is_terminal() => Err(BadFile::Terminal),
        true => bytes_of(io::stdin().lock(), MOST_FILE_BYTES),
        false => {
            let file = File::open(path).map_err(BadFile::Io)?;
            let length = file.metadata().map_err(BadFile::Io)?.len();
            // Of the right size at once: a buffer that grows leaves copies behind.
            let room = usize::try_from(length)
                .map_or(MOST_FILE_BYTES, |length| length.min(MOST_FILE_BYTES));
            bytes_of(file, room)
        }
    }?;
    parse(&bytes, format.or_else(|| format_by_name(path)))
}

fn bytes_of(source: impl Read, room: usize) -> Result<Zeroizing<Vec<u8>>, BadFile> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + 1));
    source.take(MOST_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(BadFile::Io)?;
    if bytes.len() > MOST_FILE_BYTES { Err(BadFile::Large) } else { Ok(bytes) }
}

/// The format of a file whose name is known for it.
pub(crate) fn format_by_name(path: &Path) -> Option<FileFormat> {
    let name = path.file_name().and_then(OsStr::to_str)?;
    if matches!(name, "secrets.txt" | "secret.txt" | "secrets") {
        Some(FileFormat::Secrets)
    } else if name.starts_with(".env.") || name.ends_with(".env") {
        Some(FileFormat::Dotenv)
    } else if name.ends_with(".json") {
        Some(FileFormat::Json)
    } else if name.ends_with(".yaml") || name.ends_with(".yml") {
        Some(FileFormat::Yaml)
    } else {
        None
    }
}

/// Reads the bytes of a file. Without a format the content decides.
pub(crate) fn parse(bytes: &[u8], format: Option<FileFormat>) -> Result<SecretsFile, BadFile> {
    let text = foreign::text_of(bytes)?;
    match format {
        Some(FileFormat::Secrets) => fluvio_lines::parse(text),
        Some(FileFormat::Dotenv) => dotenv::parse(text),
        Some(FileFormat::Json) => json::parse(text),
        Some(FileFormat::Yaml) => yaml::parse(text),
        None => match (fluvio_lines::parse(text), dotenv::parse(text)) {
            (Ok(lines), Ok(dotenv)) if dotenv.has_no_change() => Ok(lines),
            (Ok(lines), Err(_)) if lines.quoted.is_empty() && lines.remarks.is_empty() => Ok(lines),
            (Ok(_), _) => Err(BadFile::Undecided),
            (Err(_), Ok(dotenv)) => Ok(dotenv),
            (Err(why), Err(_)) => Err(why),
        },
    }
}

/// Why `import --remove` would not delete a file, and what to do about it.
pub(crate) fn why_kept(path: &Path) -> Option<(String, Option<&'static str>)> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Some(("it is not a regular file".to_owned(), None));
    }
    match read(path, None) {
        Ok(file) => file.left_out().map(|why| (why, None)),
        Err(why) => Some((why.to_string(), why.help())),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::bad_file::lines;
    use super::{BadFile, FileFormat, SecretsFile, format_by_name};

    fn parse(bytes: &[u8]) -> Result<SecretsFile, BadFile> {
        super::parse(bytes, Some(FileFormat::Secrets))
    }

    fn secrets(text: &str) -> Vec<(String, String)> {
        let file = parse(text.as_bytes()).expect("a file");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        file.secrets.iter().map(|(n, v)| (n.to_string(), text(v.expose()))).collect()
    }

    #[test]
    fn a_line_is_read_as_connectors_read_it() {
        for (line, value) in [
            ("A=b", "b"),
            ("A=b\r\n", "b"),
            (" A = b c \n", "b c"),
            ("A=\"b\"", "\"b\""),
            ("A=b=c=", "b=c="),
            ("A=", ""),
            ("A=#b", "#b"),
            ("A=\u{a0}b\u{2003}", "b"),
        ] {
            assert_eq!(secrets(line), [("A".into(), value.into())], "{line:?}");
        }
    }

    #[test]
    fn the_first_of_two_counts_and_what_is_skipped_is_told() {
        let file = parse(b"# A=x\nA=1\n\nword\nA=2\n  #B=3\nB='4'\n").expect("a file");
        assert_eq!(file.secrets.len(), 2);
        assert_eq!(file.secrets[0].1.expose(), b"1");
        assert_eq!((&file.comments[..], &file.repeated[..]), (&[1, 6][..], &[5][..]));
        assert_eq!((&file.meaningless[..], &file.quoted[..]), (&[4][..], &[7][..]));
        assert_eq!(file.left_out().expect("lines"), "the text in lines 1, 4, 5, 6 would be lost");
        let left_out = |text: &str| parse(text.as_bytes()).expect("a file").left_out();
        assert_eq!(left_out("# who\n\nA=1\n"), None);
        assert_eq!(left_out("# who\n").expect("nothing"), "it has no secret");
        let commented_out = "A='1'\n# B='2'\n# a = b c\n## b=c\n# 1 + 1 = 2\n#C=\n";
        for format in [FileFormat::Secrets, FileFormat::Dotenv] {
            let file = super::parse(commented_out.as_bytes(), Some(format)).expect("a file");
            assert_eq!(file.left_out().expect("lines"), "the text in lines 2, 3, 4 would be lost");
        }
    }

    #[test]
    fn names_that_no_connector_can_reference_refuse_the_file() {
        let refused = parse(b"A=1\n=3\n9C=4\nC-D=5\n");
        assert!(matches!(refused, Err(BadFile::Names(lines)) if lines == [2, 3, 4]));
        let refused = parse(b"A=1\nexport B=2\n").expect_err("a .env");
        assert!(refused.to_string().starts_with("line 2: it begins with `export`"));
        assert!(refused.help().is_some_and(|help| help.contains("--format dotenv")));
    }

    #[test]
    fn bytes_that_are_not_utf_8_refuse_the_file_with_their_line() {
        assert!(matches!(parse(b"A=1\nB=\xff\n"), Err(BadFile::NotUtf8(2))));
        let large = [b"A=", &vec![b'x'; (1 << 20) + 1][..]].concat();
        assert!(matches!(parse(&large), Err(BadFile::Value(1))));
    }

    #[test]
    fn a_message_names_some_lines() {
        assert_eq!(lines(&[3]), "line 3");
        assert_eq!(lines(&[3, 9]), "lines 3, 9");
        let many: Vec<_> = (1..=25).collect();
        assert!(lines(&many).ends_with("19, 20 and 5 more"), "{}", lines(&many));
    }

    #[test]
    fn e15_no_part_of_a_value_becomes_a_name() {
        let tail = "QW5vdGhlclRhaWw3Nzc=";
        let full = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        for (text, line) in [
            (format!("A=\"-----BEGIN PRIVATE KEY-----\n{tail}\n-----END PRIVATE KEY-----\"\n"), 1),
            (format!("T=1\nA=-----BEGIN PRIVATE KEY-----\n{tail}\n-----END PRIVATE KEY-----\n"), 2),
            (format!("T=1\nA='-----BEGIN RSA\n{tail}\n-----END RSA-----'\n"), 2),
            (format!("-----BEGIN CERTIFICATE-----\n{tail}\n-----END CERTIFICATE-----\n"), 1),
            (format!("A={full}\n{tail}\n"), 2),
            (format!("A={full}\nYWI=\n"), 2),
            (format!("A={full}\nYQ==\n"), 2),
            (format!("A=1\n{full}\n{tail}\n"), 2),
            (format!("A='one\nB={tail}'\n"), 1),
            (format!("A={{\n  \"k\": \"v=\"\n}}\nB={tail}\n"), 1),
        ] {
            let refused = parse(text.as_bytes()).expect_err(&text).to_string();
            assert!(refused.starts_with(&format!("line {line}: ")), "{text:?}: {refused}");
            assert!(!refused.contains(tail), "{refused}");
        }
    }

    #[test]
    fn e15_what_looks_like_a_comment_after_a_value_is_told() {
        let file = parse(b"A=abc # note\nB= # later\nC=p#ss\nD=x\t#y\n").expect("a file");
        assert_eq!(file.remarks, [1, 2, 4]);
        assert!(file.notes().any(|note| note.starts_with("lines 1, 2, 4: the text after #")));
    }

    #[test]
    fn e16_the_format_is_chosen_by_the_name_and_then_by_the_content() {
        for (path, format) in [
            ("secrets.txt", Some(FileFormat::Secrets)),
            ("a/secrets", Some(FileFormat::Secrets)),
            (".env", Some(FileFormat::Dotenv)),
            ("a/.env.local", Some(FileFormat::Dotenv)),
            ("prod.env", Some(FileFormat::Dotenv)),
            ("a/secrets.json", Some(FileFormat::Json)),
            ("secrets.yaml", Some(FileFormat::Yaml)),
            ("x.yml", Some(FileFormat::Yaml)),
            ("more.txt", None),
            ("-", None),
            ("env", None),
        ] {
            assert_eq!(format_by_name(Path::new(path)), format, "{path}");
        }
        let values = |text: &str| {
            let file = super::parse(text.as_bytes(), None).map_err(|why| why.to_string())?;
            Ok::<_, String>(file.secrets.into_iter().map(|(_, v)| v.expose().to_vec()).collect())
        };
        assert_eq!(values("A=1\nB=2 3\n"), Ok(vec![b"1".to_vec(), b"2 3".to_vec()]));
        assert_eq!(values("export A='1'\n"), Ok(vec![b"1".to_vec()]));
        assert_eq!(values("A='1\n2'\n"), Ok(vec![b"1\n2".to_vec()]));
        assert_eq!(values("A=a$b\n"), Ok(vec![b"a$b".to_vec()]));
        for text in ["A='1'\n", "A=1 # note\n", "A=\"${B}\"\n"] {
            assert!(values(text).is_err_and(|why| why.contains("quotes or comments")), "{text}");
        }
        assert!(values("A: 1\n").is_err_and(|why| why.contains("YAML")));
    }

    #[test]
    fn e16_a_change_is_described_and_the_value_is_not() {
        let text = b"A='abc1'\nB=plain\nC=\"\"\nD=\"-\\n\" # note\n";
        let file = super::parse(text, Some(FileFormat::Dotenv)).expect("a file");
        assert_eq!(
            file.described_changes(),
            [
                "quotes removed (letter to digit)",
                "",
                "quotes removed (empty)",
                "quotes removed, comment removed, escapes replaced, several lines (symbol to line break)",
            ]
        );
    }
}
