//! The words of a command line of `cdk`: `--config PATH`, `--config=PATH`, `-c PATH`, `-cPATH`, `-c=PATH`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// An option of `cdk`, or ours. All of them have a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum CdkOption {
    Config,
    Inject,
    LogLevel,
    Secrets,
    Vault,
    /// Known, and no concern of ours.
    Other,
}

/// The names of an option: a long one, and a letter.
type OptionNames = (&'static str, Option<u8>, CdkOption);

/// The options before `start`.
pub(super) const BEFORE: &[OptionNames] = &[
    ("package-name", Some(b'p'), CdkOption::Other),
    ("release", None, CdkOption::Other),
    ("target", None, CdkOption::Other),
];

/// The options after `start`.
pub(super) const OF_START: &[OptionNames] = &[
    ("config", Some(b'c'), CdkOption::Config),
    ("inject", None, CdkOption::Inject),
    ("ipkg", None, CdkOption::Other),
    ("log-level", None, CdkOption::LogLevel),
    ("secrets", Some(b's'), CdkOption::Secrets),
    ("vault", None, CdkOption::Vault),
];

/// The options after `test`.
pub(super) const OF_TEST: &[OptionNames] = &[
    ("config", Some(b'c'), CdkOption::Config),
    ("inject", None, CdkOption::Inject),
    ("package-name", Some(b'p'), CdkOption::Other),
    ("release", None, CdkOption::Other),
    ("secrets", Some(b's'), CdkOption::Secrets),
    ("target", None, CdkOption::Other),
    ("vault", None, CdkOption::Vault),
];

/// What a word is.
pub(super) enum Word {
    /// An option with its value, which is missing at the end of the command line.
    Option(CdkOption, Option<OsString>),
    /// `--`: what follows is for another program.
    End,
    Help,
    /// No option.
    Plain,
    Unknown,
}

/// Reads words, each with the arguments that it is made of.
pub(super) struct Words<'a> {
    pub(super) rest: &'a [OsString],
    pub(super) options: &'static [OptionNames],
}

impl<'a> Iterator for Words<'a> {
    type Item = (Word, &'a [OsString]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut word = read(self.rest.first()?, self.options);
        let mut count = 1;
        if let Word::Option(_, value @ None) = &mut word {
            *value = self.rest.get(1).cloned();
            count += usize::from(value.is_some());
        }
        let (read, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some((word, read))
    }
}

fn read(word: &OsStr, options: &[OptionNames]) -> Word {
    let bytes = word.as_bytes();
    let value = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    match bytes {
        b"--" => Word::End,
        b"-h" | b"--help" => Word::Help,
        [b'-', b'-', long @ ..] => {
            let name = long.split(|&byte| byte == b'=').next().unwrap_or_default();
            let known = options.iter().find(|(known, _, _)| known.as_bytes() == name);
            let value = long.get(name.len() + 1..).map(value);
            known.map_or(Word::Unknown, |&(_, _, option)| Word::Option(option, value))
        }
        [b'-', short, rest @ ..] => {
            let known = options.iter().find(|(_, known, _)| known.as_ref() == Some(short));
            let glued = (!rest.is_empty()).then(|| rest.strip_prefix(b"=").unwrap_or(rest));
            known.map_or(Word::Unknown, |&(_, _, option)| Word::Option(option, glued.map(value)))
        }
        _ => Word::Plain,
    }
}

/// Names an unknown option, without what may be its value.
pub(super) fn unknown(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let name = text.split('=').next().unwrap_or_default();
    let shown = if name.starts_with("--") { name.chars().count() } else { 2 };
    let name: String = name.chars().take(shown).collect();
    format!("the option {name} is unknown")
}
