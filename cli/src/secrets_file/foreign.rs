//! Recognizes a file or a line of another format, so that the import is refused before anything is set.
//!
//! A file that is read by the wrong rules does harm in two ways. A value arrives changed or cut off. And
//! a piece of a value becomes the name of a secret, which the vault keeps in plain text.

use fluvio_secret_protocol::SecretName;

use super::bad_file::BadFile;

/// What a line or a value looks like, with the next step.
pub(super) type Looks = (&'static str, &'static str);

const AGE: Looks = (
    "it is encrypted by age",
    "decrypt it first: age --decrypt --identity KEY FILE | fluvio-secret import -",
);
const BASE64: Looks = (
    "it looks like base64 that belongs to the value of an earlier line",
    "set that value from its own file: fluvio-secret set NAME --file FILE",
);
const DOTENVX: Looks = (
    "its value is encrypted by dotenvx",
    "decrypt it first: dotenvx decrypt --stdout -f FILE | fluvio-secret import --format dotenv -",
);
const JSON: Looks = ("it looks like JSON", "read it as JSON with: --format json");
const PEM: Looks = (
    "it begins a key or certificate of several lines, but a value has only one line",
    "set it from its own file: fluvio-secret set NAME --file FILE",
);
const SECTION: Looks = (
    "it looks like a section of an INI or TOML file",
    "write one NAME=VALUE line for each secret, without sections",
);
const SEVERAL_LINES: Looks = (
    "its value continues on the next lines, but a value has only one line",
    "add --format dotenv for a .env file, or set it from its own file: fluvio-secret set NAME --file FILE",
);
const SOPS: Looks = (
    "it is encrypted by sops",
    "decrypt it first: sops decrypt FILE | fluvio-secret import --format dotenv -",
);
const UTF_16: Looks =
    ("it is UTF-16 text", "save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 FILE");
const YAML: Looks = ("it looks like YAML", "read it as YAML with: --format yaml");

/// Beginnings of files that are not text in UTF-8, or not plain text.
const BEGINNINGS: [(&[u8], Looks); 8] = [
    (b"\xff\xfe", UTF_16),
    (b"\xfe\xff", UTF_16),
    (
        b"\xef\xbb\xbf",
        (
            "it begins with a byte order mark (BOM), which connectors read as part of the first name",
            "save it as UTF-8 without BOM, or remove the mark: sed -i '1s/^\\xEF\\xBB\\xBF//' FILE",
        ),
    ),
    (b"\0GITCRYPT\0", ("it is encrypted by git-crypt", "decrypt it first: git-crypt unlock")),
    (b"age-encryption.org/", AGE),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", AGE),
    (
        b"-----BEGIN PGP MESSAGE-----",
        ("it is encrypted by PGP", "decrypt it first: gpg --decrypt FILE"),
    ),
    (
        b"$ANSIBLE_VAULT;",
        ("it is encrypted by ansible-vault", "decrypt it first: ansible-vault view FILE"),
    ),
];

/// The text of a file, unless its bytes say that it is something else.
pub(super) fn text_of(bytes: &[u8]) -> Result<&str, BadFile> {
    if let Some((_, looks)) = BEGINNINGS.iter().find(|(begin, _)| bytes.starts_with(begin)) {
        return Err(whole(*looks));
    }
    if bytes.contains(&0) {
        return Err(whole((
            "it has NUL bytes, as UTF-16 text and binary files have",
            "save it as text in UTF-8",
        )));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        BadFile::NotUtf8(before.iter().filter(|&&byte| byte == b'\n').count() + 1)
    })?;
    let mut lines = text.split('\n').enumerate();
    match lines.find(|(_, line)| line.trim().contains('\r')) {
        None => Ok(text),
        Some((index, _)) => Err(at(
            index + 1,
            (
                "it has a carriage return (CR) in the middle, as old Macs used for line ends",
                "convert the line ends: tr '\\r' '\\n' < FILE | fluvio-secret import -",
            ),
        )),
    }
}

fn whole((why, help): Looks) -> BadFile {
    BadFile::Foreign { line: None, why, help }
}

pub(super) fn at(line: usize, (why, help): Looks) -> BadFile {
    BadFile::Foreign { line: Some(line), why, help }
}

/// What a line looks like that belongs to no value before it and is no comment.
pub(super) fn line(line: &str, is_first: bool) -> Option<Looks> {
    let line = line.trim();
    let name = line.split('=').next().unwrap_or_default();
    let is_key = |text: &str| {
        let key = text.trim_start_matches("- ").trim_matches(['"', '\'']);
        !key.is_empty()
            && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    let is_yaml =
        name.strip_suffix(':').or(name.split_once(": ").map(|(key, _)| key)).is_some_and(is_key);
    match () {
        () if line.starts_with("-----BEGIN") => Some(PEM),
        () if is_first && line.starts_with('{') => Some(JSON),
        () if is_first && line == "[" => Some(JSON),
        () if is_first && line.starts_with('<') => {
            Some(("it looks like XML or HTML", "write one NAME=VALUE line for each secret"))
        }
        () if line.starts_with('[') && line.ends_with(']') && !line.contains('=') => Some(SECTION),
        () if line == "---" || is_yaml => Some(YAML),
        () => None,
    }
}

/// The tool that encrypted a value, or that says in this line how the file was encrypted.
pub(super) fn encrypted(name: &str, value: &str) -> Option<Looks> {
    let value = value.trim_matches(['"', '\'']);
    let is_dotenvx = value.strip_prefix("encrypted:").is_some_and(|text| {
        text.len() >= 32 && text.bytes().all(|byte| is_base64(byte) || byte == b'=')
    });
    match () {
        () if name.starts_with("sops_") || value.starts_with("ENC[AES256_GCM,") => Some(SOPS),
        () if is_dotenvx => Some(DOTENVX),
        () if name.starts_with("DOTENV_VAULT_") => Some((
            "it is encrypted by dotenv-vault",
            "import the original .env file: fluvio-secret import .env",
        )),
        () => None,
    }
}

/// How far a value is followed that may continue on other lines: far beyond a chain of certificates.
const MOST_LINES: usize = 1000;

/// Whether a value that stands on one line is the beginning of one that has several; `rest` are the
/// lines below it.
pub(super) fn unfinished<'a>(value: &str, rest: impl Iterator<Item = &'a str>) -> Option<Looks> {
    if value.contains("-----BEGIN") && !value.contains("-----END") {
        return Some(PEM);
    }
    let mut rest = rest.take(MOST_LINES).map(str::trim);
    let count = |text: &str, c| text.chars().filter(|&found| found == c).count();
    let is_closed_below = match value.chars().next()? {
        quote @ ('"' | '\'') if value.len() == 1 || !value.ends_with(quote) => {
            rest.any(|line| line.ends_with(quote) && count(line, quote) % 2 == 1)
        }
        '{' if count(value, '{') > count(value, '}') => rest.any(|line| line.starts_with('}')),
        '[' if count(value, '[') > count(value, ']') => rest.any(|line| line.starts_with(']')),
        // A here-document, as shells have it.
        '<' if value.starts_with("<<") => {
            let word = value.trim_start_matches(['<', '-']).trim().trim_matches(['"', '\'']);
            !word.is_empty() && rest.any(|line| line == word)
        }
        _ => false,
    };
    is_closed_below.then_some(SEVERAL_LINES)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Whether a text is base64 with letters of both cases, as long ones have.
fn is_mixed_base64(text: &str) -> bool {
    text.bytes().all(is_base64)
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
        && text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Recognizes a line that continues the base64 of the line before it. Its last piece ends in `=`, so it
/// would be read as a name.
pub(super) fn continues_base64(line: &str, before: &str) -> Option<Looks> {
    let (line, before) = (line.trim(), before.trim());
    let body = line.trim_end_matches('=');
    let padding = line.len() - body.len();
    // The widths at which openssl and base64 break lines.
    let is_full = |text: &str| matches!(text.len(), 64 | 76) && is_mixed_base64(text);
    let value_before = before.split_once('=').map_or(before, |(_, value)| value.trim());
    let is_tail = !body.is_empty() && body.bytes().all(is_base64) && line.len() % 4 == 0;
    // With the piece before it, it is whole. A name of several capitals may be a name.
    let completes = || {
        value_before.len() >= 16
            && is_mixed_base64(value_before)
            && is_mixed_base64(body)
            && (value_before.len() + line.len()) % 4 == 0
    };
    let is_piece = match padding {
        0 => body.len() >= 32 && is_mixed_base64(body) && body.bytes().any(|b| b.is_ascii_digit()),
        1 if is_tail && is_full(value_before) => true,
        1 if is_tail && body.len() >= 15 && is_mixed_base64(body) => true,
        1 => completes(),
        // As a name and a value, this would be a secret with the value `=`.
        2 => !body.is_empty() && body.bytes().all(is_base64),
        _ => false,
    };
    is_piece.then_some(BASE64)
}

/// Whether the beginning of a file has a line `NAME=VALUE`, and no tool has encrypted it.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let lines = || text.lines().filter_map(|line| line.split_once('='));
    let is_name = |name: &str| without_export(name.trim()).parse::<SecretName>().is_ok();
    lines().any(|(name, value)| !value.trim().is_empty() && is_name(name))
        && !lines().any(|(name, value)| encrypted(name.trim(), value.trim()).is_some())
}

/// A name without the `export` that a shell needs.
pub(super) fn without_export(name: &str) -> &str {
    match name.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => name,
    }
}

/// Whether a comment has a secret behind its `#`.
pub(super) fn comments_out(line: &str) -> bool {
    is_plain(line.trim_start_matches(|c: char| c == '#' || c.is_whitespace()).as_bytes())
}

#[cfg(test)]
mod tests {

    use super::{BadFile, continues_base64, encrypted, line, text_of, unfinished};

    fn why(bytes: &[u8]) -> String {
        text_of(bytes).err().map(|bad: BadFile| bad.to_string()).unwrap_or_default()
    }

    #[test]
    fn e15_what_is_not_text_in_utf_8_is_named() {
        for (bytes, named) in [
            (&b"\xef\xbb\xbfA=1\n"[..], "byte order mark"),
            (b"\xff\xfeA\0=\x001\0", "UTF-16"),
            (b"\xfe\xff\0A\0=\x001", "UTF-16"),
            (b"A\0=\x001\0\n\0", "NUL"),
            (b"A=1\nB=a\0b\n", "NUL"),
            (b"A=1\rB=2\r", "line 1: it has a carriage return"),
            (b"A=1\nB=2\rC=3\nD=4\r\n", "line 2: it has a carriage return"),
            (b"\0GITCRYPT\0\x01", "git-crypt"),
            (b"age-encryption.org/v1\n-> X25519 x\n", "age"),
            (b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n", "age"),
            (b"$ANSIBLE_VAULT;1.1;AES256\n6134\n", "ansible-vault"),
        ] {
            assert!(why(bytes).contains(named), "{named}: {}", why(bytes));
        }
        for bytes in [&b""[..], b"A=1", b"A=1\r\nB=2\r\n", b"A=1\nB=2\r\n", b"\r\n"] {
            assert_eq!(why(bytes), "", "{bytes:?}");
        }
    }

    #[test]
    fn e15_a_line_of_another_format_is_named() {
        for (text, named) in [
            ("{", "JSON"),
            ("{\"A\": \"b=c\"}", "JSON"),
            ("[", "JSON"),
            ("<html lang=\"en\">", "XML"),
            ("[database]", "INI or TOML"),
            ("[[servers]]", "INI or TOML"),
            ("---", "YAML"),
            ("A: b", "YAML"),
            ("  url: postgres://h/?a=b", "YAML"),
            ("data:", "YAML"),
            ("- name: A", "YAML"),
            ("\"A\": b", "YAML"),
            ("-----BEGIN CERTIFICATE-----", "certificate"),
        ] {
            assert!(line(text, true).is_some_and(|(why, _)| why.contains(named)), "{text}");
        }
        for text in ["A=b", "A = {\"a\": 1}", "A=[x]", "A=b: c", "nothing here", "https://a/b=c"] {
            assert_eq!(line(text, true), None, "{text}");
        }
    }

    #[test]
    fn e15_what_sops_or_dotenvx_encrypted_is_named() {
        let cipher = format!("encrypted:{}==", "Ab1+".repeat(10));
        for (name, value, tool) in [
            ("A", "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]", "sops"),
            ("A", "\"ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\"", "sops"),
            ("sops_mac", "ENC[x]", "sops"),
            ("sops_version", "3.9.0", "sops"),
            ("A", &cipher, "dotenvx"),
            ("A", &format!("\"{cipher}\""), "dotenvx"),
            ("DOTENV_VAULT_CI", "x", "dotenv-vault"),
        ] {
            assert!(encrypted(name, value).is_some_and(|(why, _)| why.contains(tool)), "{value}");
        }
        for value in ["encrypted:yes", "ENCODED", "", "x encrypted:y"] {
            assert_eq!(encrypted("A", value), None, "{value}");
        }
    }

    #[test]
    fn e15_a_value_that_continues_below_is_told_from_one_that_ends() {
        for (value, rest) in [
            ("-----BEGIN KEY-----", &[][..]),
            ("\"-----BEGIN KEY-----", &["-----END KEY-----\""]),
            ("\"first", &["B=second\""]),
            ("'", &["x", "'"]),
            ("{", &["\"a\": 1", "}"]),
            ("<<EOF", &["line=1", "EOF"]),
            ("<<-'END'", &["x", "  END"]),
            ("[1,", &["2", "]"]),
        ] {
            assert!(unfinished(value, rest.iter().copied()).is_some(), "{value}");
        }
        for (value, rest) in [
            ("-----BEGIN KEY-----\\nMII=\\n-----END KEY-----", &["B=1"][..]),
            ("\"one\"", &["B=\"two\""]),
            ("\"odd", &["B=\"two\"", "C='x'"]),
            ("'90s", &["B=2"]),
            ("{\"a\": 1}", &["}"]),
            ("{", &["B=1"]),
            ("<<EOF", &["B=1"]),
            ("<<", &["B=1", ""]),
            ("a=b=", &[]),
        ] {
            assert_eq!(unfinished(value, rest.iter().copied()), None, "{value}");
        }
    }

    #[test]
    fn e15_a_piece_of_base64_is_told_from_a_name() {
        let full = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        for (line, before) in [
            ("QW5vdGhlclRhaWw3Nzc=", "A=b"),
            ("QW5vdGhlclRhaWw3Nw==", "A=b"),
            ("YQ==", "A=b"),
            ("YWI=", &format!("A={full}")),
            ("QUJDREVGR0g==", "A=b"),
            ("Zm9vYmFyYmE=", "KEY=AbCdEfGh1234567890AbCdEfGh123456"),
            (full, "A=b"),
        ] {
            assert!(continues_base64(line, before).is_some(), "{line}");
        }
        for (line, before) in [
            ("EMPTY=", "A=b"),
            ("ABC=", "A=b"),
            ("LATER=", "TOKEN=AbCdEfGh1234567890AbCdEfGh1234567"),
            ("later=", "TOKEN=AbCdEfGh1234567890AbCdEfGh12345678"),
            ("MY_LONG_NAME_OF_A_SECRET=", &format!("A={full}")),
            ("nothing here", "A=b"),
            ("A=b=", ""),
            ("lettersanddigitsbutnotatallbase64", "A=b"),
        ] {
            assert_eq!(continues_base64(line, before), None, "{line}");
        }
    }
}
