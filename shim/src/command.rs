//! The connector's command line and environment.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use fluvio_secret_protocol::{Granted, InjectMode, limits};

use crate::args::Launch;
use crate::error::ShimError;
use crate::memfd::SecretsMemfd;

/// Our own variables, which the connector does not get.
const OUR_VARIABLES: &[u8] = b"FLUVIO_SECRET_";

/// Refuses a command that would not get the connector's options.
pub(crate) fn check(launch: &Launch) -> Result<(), ShimError> {
    if launch.as_is && launch.inject == Some(InjectMode::File) {
        return Err(ShimError::Usage(
            "--as-is passes no secrets file, so use --inject env with it",
        ));
    }
    let is_cargo = Path::new(&launch.program).file_name() == Some(OsStr::new("cargo"));
    // The first word that is neither a toolchain (`+nightly`) nor an option (`-q`).
    let is_word =
        |arg: &&OsString| !arg.as_bytes().starts_with(b"+") && !arg.as_bytes().starts_with(b"-");
    let runs = launch.args.iter().find(is_word).is_some_and(|word| word == "run" || word == "r");
    if !launch.as_is && is_cargo && runs && !launch.args.iter().any(|arg| arg == "--") {
        return Err(ShimError::Cargo);
    }
    Ok(())
}

/// Whether the command names a secrets file of its own, which the connector would read instead.
pub(crate) fn brings_its_own_secrets(launch: &Launch) -> bool {
    !launch.as_is && has_option(launch, "--secrets")
}

fn has_option(launch: &Launch, option: &str) -> bool {
    let with_value = |arg: &OsString| {
        arg.as_bytes().strip_prefix(option.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
    };
    launch.args.iter().any(|arg| arg == option || with_value(arg))
}

/// The command to become.
pub(crate) fn build(
    launch: &Launch,
    secrets: Option<&SecretsMemfd>,
    environment: Option<&Granted>,
) -> Command {
    let mut command = Command::new(&launch.program);
    command.args(&launch.args);
    if !launch.as_is {
        if !has_option(launch, "--config") {
            command.arg("--config").arg(&launch.config);
        }
        if let Some(file) = secrets {
            command.arg("--secrets").arg(file.path());
        }
    }
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(OUR_VARIABLES) {
            command.env_remove(name);
        }
    }
    if let Some(granted) = environment {
        set_environment(&mut command, granted);
    }
    command
}

/// Gives a command one variable for each secret.
pub(crate) fn set_environment(command: &mut Command, granted: &Granted) {
    for (name, value) in &granted.secrets {
        command.env(name.as_str(), OsStr::from_bytes(value.expose()));
    }
}

/// A configuration's path for the audit log, whose reader does not know our directory.
pub(crate) fn config_label(config: &Path) -> String {
    let path = std::path::absolute(config).unwrap_or_else(|_| config.to_owned());
    label(path.as_os_str())
}

/// A path or program as a string for the audit log, cut to its limit.
pub(crate) fn label(text: &OsStr) -> String {
    let mut label = text.to_string_lossy().into_owned();
    let mut end = label.len().min(limits::LABEL_BYTES);
    while !label.is_char_boundary(end) {
        end -= 1;
    }
    label.truncate(end);
    label
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use fluvio_secret_protocol::call_daemon;

    use super::{brings_its_own_secrets, build, check, label};
    use crate::args::Launch;

    fn launch(words: &[&str], as_is: bool) -> Launch {
        let (program, args) = words.split_first().expect("a command");
        Launch {
            config: "c.yaml".into(),
            inject: None,
            as_is,
            check: false,
            program: program.into(),
            args: args.iter().map(Into::into).collect(),
            vault: None,
            call: call_daemon,
        }
    }

    fn built(words: &[&str], as_is: bool) -> Vec<String> {
        let launch = launch(words, as_is);
        let command = build(&launch, None, None);
        command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_configuration_is_added_unless_it_is_there() {
        assert_eq!(built(&["conn", "-x"], false), ["-x", "--config", "c.yaml"]);
        assert_eq!(built(&["conn", "--config", "other"], false), ["--config", "other"]);
        assert_eq!(built(&["conn", "--config=other"], false), ["--config=other"]);
        assert_eq!(built(&["conn", "--configure"], false), ["--configure", "--config", "c.yaml"]);
        assert_eq!(built(&["conn"], true), [""; 0]);
    }

    #[test]
    fn cargo_would_take_the_options_for_its_own() {
        let refused = |words: &[&str], as_is| check(&launch(words, as_is)).is_err();
        assert!(refused(&["cargo", "run"], false));
        assert!(refused(&["/usr/bin/cargo", "+nightly", "run", "-p", "x"], false));
        assert!(refused(&["cargo", "-q", "run"], false));
        assert!(!refused(&["cargo", "run", "--"], false));
        assert!(!refused(&["cargo", "run"], true));
        assert!(!refused(&["cargo-run", "run"], false));
        assert!(!refused(&["cargo", "test"], false));
    }

    #[test]
    fn a_secrets_file_of_the_commands_own_is_seen() {
        assert!(brings_its_own_secrets(&launch(&["c", "--secrets", "s.txt"], false)));
        assert!(!brings_its_own_secrets(&launch(&["c", "--secrets", "s.txt"], true)));
        assert!(!brings_its_own_secrets(&launch(&["c", "--secretss"], false)));
    }

    #[test]
    fn a_label_is_text_of_at_most_4_kib() {
        assert_eq!(label(OsStr::from_bytes(b"a\xffb")), "a\u{fffd}b");
        assert_eq!(label(OsStr::new(&"ü".repeat(3000))).len(), 4096);
        assert_eq!(label(OsStr::new(&format!("x{}", "ü".repeat(3000)))).len(), 4095);
    }
}
