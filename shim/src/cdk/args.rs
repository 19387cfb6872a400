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
    /// The project with the vault, if an option names it. Ours, too.
    pub(crate) vault: Option<OsString>,
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
            if start.inject == Some(InjectMode::Env) {
                options.push("--no-lease".into());
            }
            if let Some(vault) = start.vault {
                options.push("--vault".into());
                options.push(vault);
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
    let mut vault = None;
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
            Word::Option(CdkOption::Vault, Some(value)) => {
                vault = Some(value);
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
        let args = kept;
        CdkPlan::Start(CdkStart { config, inject, vault, check, args, at, stays, log_level })
    })
}

#[cfg(test)]
mod tests;
