//! The command lines of `cdk`, as far as they concern us. Everything else is passed through.
//!
//! `cdk [deploy [OPTIONS] start | test] [OPTIONS]`, where an option is one word or two: `--config PATH`,
//! `--config=PATH`, `-c PATH`, `-cPATH`, `-c=PATH`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use fluvio_secret_protocol::InjectMode;

/// What is to be done with a command line.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Plan {
    /// Give it on as it is; with a reason that the user should hear.
    Pass(Option<String>),
    /// Give it on as it is: the connector gets this secrets file of the user's own.
    OwnSecrets(OsString),
    /// Start nothing: one of our own options has a value that it cannot have.
    Refuse(&'static str),
    /// Give the connector its secrets.
    Start(Start),
    /// Hand it over to who starts it again when something changes.
    Watch(Watch),
}

/// A command line that is to be carried out again and again.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Watch {
    /// The connector's configuration.
    pub(crate) config: PathBuf,
    /// What is meant for the supervisor.
    pub(crate) options: Vec<OsString>,
    /// The arguments for us, without those.
    pub(crate) args: Vec<OsString>,
}

/// A command line that starts a connector.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Start {
    /// The connector's configuration.
    pub(crate) config: PathBuf,
    /// Which way its secrets shall go, where that is said. It is ours, and not given on.
    pub(crate) inject: Option<InjectMode>,
    /// Whether what would keep the connector from starting is looked for. Ours, too.
    pub(crate) check: bool,
    /// The arguments for the real `cdk`.
    pub(crate) args: Vec<OsString>,
    /// Where among them `--secrets PATH` goes: right behind the word `start` or `test`.
    pub(crate) at: usize,
    /// Whether the connector stays when `cdk` has ended.
    pub(crate) stays: bool,
    /// The connector's log level, where an option sets it.
    pub(crate) log_level: Option<OsString>,
}

/// An option of `cdk`, or ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Option_ {
    Config,
    Inject,
    LogLevel,
    Secrets,
    /// It is known to take a value, and does not concern us.
    Other,
}

/// The names of the options before `start`.
const BEFORE: &[(&str, Option<u8>, Option_)] = &[
    ("package-name", Some(b'p'), Option_::Other),
    ("release", None, Option_::Other),
    ("target", None, Option_::Other),
];

/// Those behind `start`.
const OF_START: &[(&str, Option<u8>, Option_)] = &[
    ("config", Some(b'c'), Option_::Config),
    ("inject", None, Option_::Inject),
    ("ipkg", None, Option_::Other),
    ("log-level", None, Option_::LogLevel),
    ("secrets", Some(b's'), Option_::Secrets),
];

/// Those behind `test`.
const OF_TEST: &[(&str, Option<u8>, Option_)] = &[
    ("config", Some(b'c'), Option_::Config),
    ("inject", None, Option_::Inject),
    ("package-name", Some(b'p'), Option_::Other),
    ("release", None, Option_::Other),
    ("secrets", Some(b's'), Option_::Secrets),
    ("target", None, Option_::Other),
];

/// The configuration of `test` when none is named.
const SAMPLE: &str = "sample-config.yaml";

/// The options that go with `--watch`, and whether each has a value. They are ours.
const OF_WATCH: &[(&str, bool)] = &[
    ("--watch", false),
    ("--clear", false),
    ("--watch-path", true),
    ("--grace", true),
    ("--restart", true),
    ("--output", true),
    ("-O", true),
];

/// Reads the arguments, without the program's name.
pub(crate) fn plan(args: &[OsString]) -> Plan {
    match args.first().map(|word| word.as_bytes()) {
        Some(b"deploy") => match find_start(args) {
            Ok(Some(at)) => start(args, at, OF_START, None),
            Ok(None) => Plan::Pass(None),
            Err(unknown) => Plan::Pass(Some(unknown)),
        },
        Some(b"test") => match watched(args) {
            Some(plan) => plan,
            None => start(args, 1, OF_TEST, Some(SAMPLE)),
        },
        _ => Plan::Pass(None),
    }
}

/// Takes out what goes with `--watch`, when that is there.
fn watched(args: &[OsString]) -> Option<Plan> {
    let (mut options, mut kept) = (Vec::new(), Vec::new());
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            kept.push(word.clone());
            break;
        }
        let name = match word.as_bytes() {
            // Its value may be glued to it.
            glued if glued.starts_with(b"-O") => &glued[..2],
            word => word.split(|&byte| byte == b'=').next().unwrap_or_default(),
        };
        let known = OF_WATCH.iter().find(|(known, _)| known.as_bytes() == name);
        match known {
            None => kept.push(word.clone()),
            Some((_, has_value)) => {
                options.push(word.clone());
                if *has_value && name.len() == word.len() {
                    options.extend(rest.next().cloned());
                }
            }
        }
    }
    kept.extend(rest.cloned());
    if !options.iter().any(|word| word == "--watch") {
        return None;
    }
    let config = match start(&kept, 1, OF_TEST, Some(SAMPLE)) {
        Plan::Start(start) => {
            if !start.check {
                options.push("--no-check".into());
            }
            start.config
        }
        refused @ Plan::Refuse(_) => return Some(refused),
        // It has secrets of its own, or something in it is for cdk to refuse.
        Plan::OwnSecrets(_) | Plan::Pass(_) | Plan::Watch(_) => {
            options.push("--no-vault".into());
            config_of(&kept)
        }
    };
    Some(Plan::Watch(Watch { config, options, args: kept }))
}

/// The configuration of `test`, whatever else is there.
fn config_of(args: &[OsString]) -> PathBuf {
    let mut config = PathBuf::from(SAMPLE);
    let mut rest = args.iter().skip(1);
    while let Some(word) = rest.next() {
        match read(word, OF_TEST) {
            Word::Option { option: Option_::Config, value } => {
                config
                    .clone_from(&value.or_else(|| rest.next().cloned()).unwrap_or_default().into());
            }
            Word::Option { value: None, .. } => drop(rest.next()),
            Word::End => break,
            _ => {}
        }
    }
    config
}

/// The place behind the word `start`, if that is the operation.
fn find_start(args: &[OsString]) -> Result<Option<usize>, String> {
    let mut at = 1;
    while let Some(word) = args.get(at) {
        match read(word, BEFORE) {
            Word::Plain => return Ok((word == "start").then_some(at + 1)),
            Word::Option { value: Some(_), .. } => at += 1,
            Word::Option { value: None, .. } => at += 2,
            Word::End | Word::Help => return Ok(None),
            Word::Unknown => return Err(unknown(word)),
        }
    }
    Ok(None)
}

/// Reads what follows the word.
fn start(
    args: &[OsString],
    from: usize,
    options: &[(&str, Option<u8>, Option_)],
    default: Option<&str>,
) -> Plan {
    let mut config = default.map(PathBuf::from);
    let (mut inject, mut log_level, mut check) = (None, None, true);
    let mut kept = args[..from].to_vec();
    let mut rest = args[from..].iter();
    while let Some(word) = rest.next() {
        if word == "--no-check" {
            check = false;
            continue;
        }
        let (option, value, second) = match read(word, options) {
            Word::Option { option, value: Some(value) } => (option, value, None),
            Word::Option { option, value: None } => match rest.next() {
                Some(value) => (option, value.clone(), Some(value)),
                // The real one says what is missing.
                None => return Plan::Pass(None),
            },
            Word::End => {
                kept.push(word.clone());
                kept.extend(rest.cloned());
                break;
            }
            Word::Help | Word::Plain => return Plan::Pass(None),
            Word::Unknown => return Plan::Pass(Some(unknown(word))),
        };
        match option {
            Option_::Inject => {
                let Some(way) = value.to_str().and_then(InjectMode::of) else {
                    // The real one does not know the option, and would only say that.
                    return Plan::Refuse("--inject is one of: auto, env, file");
                };
                inject = Some(way);
                continue;
            }
            Option_::Secrets => return Plan::OwnSecrets(value),
            Option_::Config => config = Some(PathBuf::from(value)),
            Option_::LogLevel => log_level = Some(value),
            Option_::Other => {}
        }
        kept.push(word.clone());
        kept.extend(second.cloned());
    }
    let stays = default.is_none();
    match config {
        Some(config) => {
            Plan::Start(Start { config, inject, check, args: kept, at: from, stays, log_level })
        }
        None => Plan::Pass(None),
    }
}

/// What a word of the command line is.
enum Word {
    /// An option, with its value when that is in the same word.
    Option {
        option: Option_,
        value: Option<OsString>,
    },
    /// `--`: what follows is for somebody else.
    End,
    Help,
    /// No option.
    Plain,
    Unknown,
}

fn read(word: &OsStr, options: &[(&str, Option<u8>, Option_)]) -> Word {
    let bytes = word.as_bytes();
    let value = |bytes: &[u8]| Some(OsString::from_vec(bytes.to_vec()));
    match bytes {
        b"--" => Word::End,
        b"-h" | b"--help" => Word::Help,
        [b'-', b'-', long @ ..] => {
            let name = long.split(|&byte| byte == b'=').next().unwrap_or_default();
            let known = options.iter().find(|(known, _, _)| known.as_bytes() == name);
            known.map_or(Word::Unknown, |&(_, _, option)| Word::Option {
                option,
                value: long.get(name.len() + 1..).and_then(value),
            })
        }
        [b'-', short, rest @ ..] => {
            let known = options.iter().find(|(_, known, _)| known.as_ref() == Some(short));
            let rest = rest.strip_prefix(b"=").unwrap_or(rest);
            let has_value = bytes.len() > 2;
            known.map_or(Word::Unknown, |&(_, _, option)| Word::Option {
                option,
                value: if has_value { value(rest) } else { None },
            })
        }
        _ => Word::Plain,
    }
}

/// Names an option that is not known, without what may be its value.
fn unknown(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let name = text.split('=').next().unwrap_or_default();
    let shown = if name.starts_with("--") { name.chars().count() } else { 2 };
    let name: String = name.chars().take(shown).collect();
    format!("the option {name} is not known here")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use fluvio_secret_protocol::InjectMode;

    use super::{Plan, Start, plan};

    fn planned(line: &str) -> Plan {
        plan(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    fn started(line: &str) -> Start {
        match planned(line) {
            Plan::Start(start) => start,
            pass => panic!("{line}: {pass:?}"),
        }
    }

    #[test]
    fn a_start_is_found_in_all_its_forms() {
        for (line, at) in [
            ("deploy start --config c.yaml", 2),
            ("deploy start --config=c.yaml", 2),
            ("deploy start -c c.yaml", 2),
            ("deploy start -cc.yaml", 2),
            ("deploy start -c=c.yaml", 2),
            ("deploy -p=start start -c c.yaml", 3),
            ("deploy -p start start -c c.yaml", 4),
            ("deploy -pstart start -c c.yaml", 3),
            ("deploy --release start start -c c.yaml", 4),
            ("deploy --release=dev --target x --package-name y start --ipkg z -c c.yaml", 7),
            ("deploy start -c c.yaml --log-level info -- --config x", 2),
        ] {
            let start = started(line);
            assert_eq!(start.config.to_str(), Some("c.yaml"), "{line}");
            assert_eq!((start.at, start.args.join(" ".as_ref())), (at, line.into()), "{line}");
            assert!(start.stays && start.inject.is_none(), "{line}");
            assert_eq!(start.args[at - 1], "start", "{line}");
        }
    }

    #[test]
    fn test_has_a_configuration_by_default_and_does_not_stay() {
        let start = started("test");
        assert_eq!((start.config.to_str(), start.at), (Some("sample-config.yaml"), 1));
        assert!(!start.stays);
        let start = started("test --release dev -p x -c other.yaml -- --offline");
        assert_eq!(start.config.to_str(), Some("other.yaml"));
    }

    #[test]
    fn what_goes_with_watch_is_for_the_supervisor() {
        let watched = |line: &str| match planned(line) {
            Plan::Watch(watch) => watch,
            other => panic!("{line}: {other:?}"),
        };
        let words = |words: &[OsString]| words.join(" ".as_ref()).into_string().expect("text");
        let watch =
            watched("test --watch -c c.yaml --grace 2s --watch-path=src -O json -p x -- --clear");
        assert_eq!(watch.config.to_str(), Some("c.yaml"));
        assert_eq!(words(&watch.options), "--watch --grace 2s --watch-path=src -O json");
        assert_eq!(words(&watch.args), "test -c c.yaml -p x -- --clear");
        let watch = watched("test --watch -Ojson -c c.yaml");
        assert_eq!(words(&watch.options), "--watch -Ojson");
        let watch = watched("test --watch --inject env --no-check");
        assert_eq!(watch.config.to_str(), Some("sample-config.yaml"));
        assert_eq!(words(&watch.options), "--watch --no-check");
        assert_eq!(words(&watch.args), "test --inject env --no-check");
        let watch = watched("test --watch -p x --secrets s --config=d.yaml");
        assert_eq!(
            (watch.config.to_str(), &*words(&watch.options)),
            (Some("d.yaml"), "--watch --no-vault")
        );
        assert_eq!(started("test -- --watch").args, ["test", "--", "--watch"]);
        assert!(matches!(planned("test --clear"), Plan::Pass(Some(_))));
        for line in [
            "deploy start --inject bogus -c c.yaml",
            "deploy start -c c.yaml --inject=ENV",
            "test --inject bogus",
            "test --watch --inject bogus",
        ] {
            assert!(matches!(planned(line), Plan::Refuse(_)), "{line}");
        }
        assert!(matches!(planned("deploy start --watch -c c.yaml"), Plan::Pass(Some(_))));
    }

    #[test]
    fn our_own_option_is_taken_out() {
        for line in [
            "deploy start --inject env -c c.yaml --log-level=trace",
            "deploy start -c c.yaml --inject=env --log-level TRACE",
        ] {
            let start = started(line);
            assert_eq!(start.inject, Some(InjectMode::Env));
            let level = start.log_level.as_ref().expect("a level");
            assert!(level.eq_ignore_ascii_case("trace"));
            let is_ours = |arg: &OsString| arg == "env" || arg.to_string_lossy().contains("inject");
            assert!(!start.args.iter().any(is_ours), "{start:?}");
        }
    }

    #[test]
    fn what_does_not_concern_us_is_passed_on() {
        for line in [
            "deploy start",
            "deploy start --help -c c.yaml",
            "deploy start -c",
            "deploy start -c c.yaml word",
            "deploy list",
            "deploy shutdown --name start",
            "deploy log -n start",
            "deploy -h start",
            "deploy -- start -c c.yaml",
            "deploy",
            "build -p deploy",
            "version",
            "--help",
        ] {
            assert_eq!(planned(line), Plan::Pass(None), "{line}");
        }
        assert_eq!(plan(&[]), Plan::Pass(None));
    }

    #[test]
    fn a_secrets_file_of_the_users_own_is_passed_on_and_named() {
        for line in [
            "deploy start -c c.yaml -s secrets.txt",
            "deploy start --secrets=secrets.txt -c c.yaml",
            "deploy -p x start -ssecrets.txt -c c.yaml",
            "test --secrets secrets.txt",
            "test -c c.yaml -s=secrets.txt -- --offline",
        ] {
            assert_eq!(planned(line), Plan::OwnSecrets("secrets.txt".into()), "{line}");
        }
        // What is for Cargo, and a value that is missing, are not.
        assert!(matches!(planned("test -- --secrets s"), Plan::Start(_)));
        assert_eq!(planned("test --secrets"), Plan::Pass(None));
    }

    #[test]
    fn an_option_that_is_not_known_is_told_without_its_value() {
        for line in
            ["deploy start -c c.yaml --new=cnry", "deploy --new cnry start -c c.yaml", "test --new"]
        {
            let told = Plan::Pass(Some("the option --new is not known here".into()));
            assert_eq!(planned(line), told, "{line}");
        }
        for option in ["-x", "-\u{e9}"] {
            let told = Plan::Pass(Some(format!("the option {option} is not known here")));
            assert_eq!(planned(&format!("deploy start {option}cnry")), told);
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_kept() {
        let path = OsString::from_vec(b"c\xff.yaml".to_vec());
        let args = vec!["test".into(), "-c".into(), path.clone()];
        let Plan::Start(start) = plan(&args) else { panic!("a start") };
        assert_eq!((start.config.as_os_str(), start.args), (path.as_os_str(), args));
    }
}
