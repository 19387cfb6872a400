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
    assert_eq!(words(&watch.options), "--watch --no-check --no-lease");
    assert_eq!(words(&watch.args), "test --inject env --no-check");
    let watch = watched("test --watch --vault ../other -c c.yaml");
    assert_eq!(words(&watch.options), "--watch --vault ../other");
    assert_eq!(words(&watch.args), "test --vault ../other -c c.yaml");
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
fn the_vault_is_ours() {
    for line in ["deploy start --vault personal -c c.yaml", "test -c c.yaml --vault=personal"] {
        let start = started(line);
        assert_eq!(start.vault, Some("personal".into()), "{line}");
        assert!(!start.args.iter().any(|arg| arg.to_string_lossy().contains("personal")));
    }
    assert_eq!(started("test -- --vault x").vault, None);
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
