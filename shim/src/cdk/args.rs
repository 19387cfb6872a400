//! The command lines of `cdk`, as far as they concern us. Everything else is passed through.
//!
//! `cdk [deploy [OPTIONS] start | test] [OPTIONS]`

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use fluvio_secret_protocol::InjectMode;

use super::words::{BEFORE, CdkOption, OF_START, OF_TEST, Word, Words, unknown};
use crate::error::BadOption;

/// What to do with a command line.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum CdkPlan {
    /// Pass it on as it is, with a reason that the user should read.
    Pass(Option<String>),
    /// Pass it on as it is: the connector gets this secrets file of the user's own.
    OwnSecrets(OsString),
    /// Start nothing: one of our own options has an invalid value, or is not for this command.
    Refuse(BadOption),
    Start(CdkStart),
    /// Hand these arguments to the command line, which masks the output.
    Mask(Vec<OsString>),
    /// Hand it to the supervisor, which starts it again when something changes.
    Watch(CdkWatch),
}

/// A command line for the supervisor.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct CdkWatch {
    pub(crate) config: PathBuf,
    pub(crate) options: Vec<OsString>,
    /// The arguments for us, without those.
    pub(crate) args: Vec<OsString>,
}

/// A command line that starts a connector.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct CdkStart {
    pub(crate) config: PathBuf,
    /// How its secrets go, if an option says that. It is ours, and not passed on.
    pub(crate) inject: Option<InjectMode>,
    /// Whether the configuration is checked. Ours, too.
    pub(crate) check: bool,
    /// The arguments for the real `cdk`.
    pub(crate) args: Vec<OsString>,
    /// Where among them `--secrets PATH` goes: right after the word `start` or `test`.
    pub(crate) at: usize,
    /// Whether the connector keeps running when `cdk` has exited.
    pub(crate) stays: bool,
    /// The connector's log level, if an option sets it.
    pub(crate) log_level: Option<OsString>,
}

/// The configuration of `test` when no option names another.
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
pub(crate) fn plan(args: &[OsString]) -> CdkPlan {
    match args.first().map(|word| word.as_bytes()) {
        Some(b"deploy") => match find_start(args) {
            Ok(Some(at)) => start(args, at, None),
            Ok(None) => CdkPlan::Pass(None),
            Err(unknown) => CdkPlan::Pass(Some(unknown)),
        },
        Some(b"test") => {
            let plan = masked(args).or_else(|| watched(args));
            plan.unwrap_or_else(|| start(args, 1, Some(SAMPLE)))
        }
        _ => CdkPlan::Pass(None),
    }
}

/// Takes out `--mask`, if that is there.
fn masked(args: &[OsString]) -> Option<CdkPlan> {
    let at = args.iter().take_while(|word| *word != "--").position(|word| word == "--mask")?;
    let (before, after) = args.split_at(at);
    let kept = [before, &after[1..]].concat();
    Some(match watched(&kept) {
        Some(CdkPlan::Watch(_)) => CdkPlan::Refuse(BadOption::MASK_WITH_WATCH),
        Some(refused) => refused,
        None => CdkPlan::Mask(kept),
    })
}

/// Takes out what goes with `--watch`, if that is there.
fn watched(args: &[OsString]) -> Option<CdkPlan> {
    let mut options = Vec::new();
    let mut kept = Vec::new();
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
    let config = match start(&kept, 1, Some(SAMPLE)) {
        CdkPlan::Start(start) => {
            if !start.check {
                options.push("--no-check".into());
            }
            start.config
        }
        refused @ CdkPlan::Refuse(_) => return Some(refused),
        // It has secrets of its own, or something that cdk refuses.
        CdkPlan::OwnSecrets(_) | CdkPlan::Pass(_) | CdkPlan::Mask(_) | CdkPlan::Watch(_) => {
            options.push("--no-vault".into());
            config_of(&kept)
        }
    };
    Some(CdkPlan::Watch(CdkWatch { config, options, args: kept }))
}

/// The configuration of `test`, whatever else is there.
fn config_of(args: &[OsString]) -> PathBuf {
    let mut config = PathBuf::from(SAMPLE);
    for (word, _) in (Words { rest: &args[1..], options: OF_TEST }) {
        match word {
            Word::Option(CdkOption::Config, value) => config = value.unwrap_or_default().into(),
            Word::End => break,
            _ => {}
        }
    }
    config
}

/// The place after the word `start`, if that is the operation.
fn find_start(args: &[OsString]) -> Result<Option<usize>, String> {
    let mut words = Words { rest: &args[1..], options: BEFORE };
    while let Some((word, read)) = words.next() {
        match word {
            Word::Plain if read[0] == "start" => return Ok(Some(args.len() - words.rest.len())),
            Word::Option(..) => {}
            Word::Plain | Word::End | Word::Help => return Ok(None),
            Word::Unknown => return Err(unknown(&read[0])),
        }
    }
    Ok(None)
}

/// Reads what follows the word `start`, or the word `test`, which has a default configuration.
fn start(args: &[OsString], at: usize, default: Option<&str>) -> CdkPlan {
    let stays = default.is_none();
    let mut config = default.map(PathBuf::from);
    let mut inject = None;
    let mut log_level = None;
    let mut check = true;
    let mut kept = args[..at].to_vec();
    let mut words = Words { rest: &args[at..], options: if stays { OF_START } else { OF_TEST } };
    while let Some((word, read)) = words.next() {
        match word {
            Word::Option(CdkOption::Inject, Some(value)) => {
                inject = value.to_str().and_then(InjectMode::of);
                if inject.is_none() {
                    // The real one would only say that it does not know the option.
                    return CdkPlan::Refuse(BadOption::INJECT);
                }
                continue;
            }
            Word::Option(CdkOption::Secrets, Some(value)) => return CdkPlan::OwnSecrets(value),
            Word::Option(CdkOption::Config, Some(value)) => config = Some(value.into()),
            Word::Option(CdkOption::LogLevel, Some(value)) => log_level = Some(value),
            Word::Option(CdkOption::Other, Some(_)) => {}
            Word::End => {
                kept.extend_from_slice(read);
                kept.extend_from_slice(words.rest);
                break;
            }
            Word::Unknown if read[0] == "--no-check" => {
                check = false;
                continue;
            }
            Word::Unknown if stays && read[0] == "--mask" => {
                return CdkPlan::Refuse(BadOption::MASK);
            }
            Word::Unknown if stays && read[0] == "--watch" => {
                return CdkPlan::Refuse(BadOption::WATCH);
            }
            // The real one reports what is missing.
            Word::Option(_, None) | Word::Help | Word::Plain => return CdkPlan::Pass(None),
            Word::Unknown => return CdkPlan::Pass(Some(unknown(&read[0]))),
        }
        kept.extend_from_slice(read);
    }
    config.map_or(CdkPlan::Pass(None), |config| {
        CdkPlan::Start(CdkStart { config, inject, check, args: kept, at, stays, log_level })
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use fluvio_secret_protocol::InjectMode;

    use super::{CdkPlan, CdkStart, plan};
    use crate::error::BadOption;

    fn planned(line: &str) -> CdkPlan {
        plan(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    fn started(line: &str) -> CdkStart {
        match planned(line) {
            CdkPlan::Start(start) => start,
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
    fn what_is_masked_is_for_the_command_line() {
        let masked = |line: &str| match planned(line) {
            CdkPlan::Mask(args) => args.join(" ".as_ref()).into_string().expect("text"),
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(masked("test --mask"), "test");
        assert_eq!(masked("test -c a --mask -- --x"), "test -c a -- --x");
        assert_eq!(planned("test --mask --watch"), CdkPlan::Refuse(BadOption::MASK_WITH_WATCH));
        assert_eq!(started("test -- --mask").args, ["test", "--", "--mask"]);
    }

    #[test]
    fn what_goes_with_watch_is_for_the_supervisor() {
        let watched = |line: &str| match planned(line) {
            CdkPlan::Watch(watch) => watch,
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
        assert!(matches!(planned("test --clear"), CdkPlan::Pass(Some(_))));
        for line in [
            "deploy start --inject bogus -c c.yaml",
            "deploy start -c c.yaml --inject=ENV",
            "test --inject bogus",
            "test --watch --inject bogus",
        ] {
            assert_eq!(planned(line), CdkPlan::Refuse(BadOption::INJECT), "{line}");
        }
    }

    #[test]
    fn a_detached_connector_is_neither_masked_nor_watched() {
        let watch = planned("deploy -p x start --watch -c c.yaml");
        assert_eq!(watch, CdkPlan::Refuse(BadOption::WATCH));
        assert_eq!(planned("deploy start -c c.yaml --mask"), CdkPlan::Refuse(BadOption::MASK));
        assert!(matches!(planned("deploy start -c c.yaml -- --mask"), CdkPlan::Start(_)));
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
            assert_eq!(planned(line), CdkPlan::Pass(None), "{line}");
        }
        assert_eq!(plan(&[]), CdkPlan::Pass(None));
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
            assert_eq!(planned(line), CdkPlan::OwnSecrets("secrets.txt".into()), "{line}");
        }
        // What is for Cargo, and a value that is missing, are not.
        assert!(matches!(planned("test -- --secrets s"), CdkPlan::Start(_)));
        assert_eq!(planned("test --secrets"), CdkPlan::Pass(None));
    }

    #[test]
    fn an_option_that_is_not_known_is_told_without_its_value() {
        for line in
            ["deploy start -c c.yaml --new=cnry", "deploy --new cnry start -c c.yaml", "test --new"]
        {
            let told = CdkPlan::Pass(Some("the option --new is unknown".into()));
            assert_eq!(planned(line), told, "{line}");
        }
        for option in ["-x", "-\u{e9}"] {
            let told = CdkPlan::Pass(Some(format!("the option {option} is unknown")));
            assert_eq!(planned(&format!("deploy start {option}cnry")), told);
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_kept() {
        let path = OsString::from_vec(b"c\xff.yaml".to_vec());
        let args = vec!["test".into(), "-c".into(), path.clone()];
        let CdkPlan::Start(start) = plan(&args) else { panic!("a start") };
        assert_eq!((start.config.as_os_str(), start.args), (path.as_os_str(), args));
    }
}
