//! What a new user types, and what it prints.

use crate::harness::{Home, canary, said, said_with_input};

#[test]
fn set_list_and_delete_print_what_the_cloud_prints() {
    let home = Home::new();
    let said = home.cli(&["set", "AUTH_HEADER", "Authorization: bearer 1234abcd"]);
    assert_eq!(said.out, "Secret \"AUTH_HEADER\" set successfully\n");
    assert!(said.err.contains("config/identity.txt"), "the new key is told: {}", said.err);
    let said = home.cli(&["set", "CAT_FACTS_CLIENT_ID", "x"]);
    assert_eq!((said.code(), said.err.as_str()), (Some(0), ""), "it is told once");
    let list = home.ok(&["list"]);
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines[0], "SecretNames          LastUpdate");
    assert!(lines[1].starts_with("AUTH_HEADER          "), "{list}");
    assert!(lines[2].starts_with("CAT_FACTS_CLIENT_ID  "), "{list}");
    assert_eq!(lines.len(), 3, "{list}");
    assert!(is_date(&lines[1]["AUTH_HEADER          ".len()..]), "{list}");
    assert_eq!(
        home.ok(&["delete", "AUTH_HEADER"]),
        "Secret \"AUTH_HEADER\" deleted successfully\n"
    );
    assert!(!home.ok(&["list"]).contains("AUTH_HEADER"));
}

/// `MM-DD-YYYY h:mmam`.
fn is_date(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    ["00-00-0000 0:00am", "00-00-0000 00:00am", "00-00-0000 0:00pm", "00-00-0000 00:00pm"]
        .contains(&shape.as_str())
}

#[test]
fn dates_are_in_local_time() {
    let home = Home::new();
    home.set("A", "x");
    let hour = |zone: &str| {
        let list = said(home.command("fluvio-secret").arg("list").env("TZ", zone)).out;
        list.lines().nth(1).unwrap().split(' ').next_back().unwrap().to_owned()
    };
    assert_ne!(hour("UTC0"), hour("XST-5:30"), "two zones, two times of day");
}

#[test]
fn a_value_comes_by_argument_by_standard_input_or_from_a_file() {
    let home = Home::new();
    let set = |args: &[&str], input: &[u8]| {
        let said = said_with_input(home.command("fluvio-secret").arg("set").args(args), input);
        assert_eq!(said.out, "Secret \"A\" set successfully\n", "{said:?}");
        delivered(&home, "A")
    };
    assert_eq!(set(&["A", "argument"], b""), "argument");
    assert_eq!(set(&["A", "-argument"], b""), "-argument");
    assert_eq!(set(&["A", "-"], b"input\n"), "input");
    assert_eq!(set(&["A"], b"input\r\n"), "input");
    assert_eq!(set(&["--connector", "A", "scoped"], b""), "scoped");
    home.write("value.txt", "from a file");
    assert_eq!(set(&["-c", "A", "--file", "value.txt"], b""), "from a file");
}

/// The value as a connector's environment has it.
fn delivered(home: &Home, name: &str) -> String {
    let config = home.config(&[name]);
    let script = format!("printf %s \"${name}\"");
    let said = said(&mut home.run(&config, &["--as-is"], &["sh", "-c", &script]));
    assert!(said.status.success(), "{said:?}");
    said.out
}

#[test]
fn d8_nothing_reads_a_value_back() {
    let home = Home::new();
    let canary = canary();
    home.set("A", &canary);
    for args in [&["list"][..], &["status"], &["set", "A", "x"], &["delete", "A"], &["metadata"]] {
        let said = home.cli(args);
        assert!(!said.out.contains(&canary) && !said.err.contains(&canary), "{args:?}: {said:?}");
    }
    assert_eq!(home.files_with(&canary), Vec::<std::path::PathBuf>::new(), "in plain text");
}

#[test]
fn status_tells_how_the_daemon_is_and_starts_none() {
    let home = Home::new();
    let said = home.cli(&["status"]);
    assert_eq!(said.code(), Some(69));
    assert!(said.err.contains("not running"), "{said:?}");
    assert!(!home.path("state").exists(), "nothing was made");
    home.ok(&["list"]);
    let status = home.ok(&["status"]);
    for told in ["running since", "pid ", "version 0", "data/vault", "identity.txt", "Locked    no"]
    {
        assert!(status.contains(told), "{told}: {status}");
    }
}

#[test]
fn it_is_an_extension_of_fluvio() {
    let home = Home::new();
    let metadata: serde_json::Value = serde_json::from_str(&home.ok(&["metadata"])).unwrap();
    for field in ["title", "description", "version"] {
        assert!(metadata[field].is_string(), "{metadata}");
    }
    assert!(metadata["package"].is_null(), "{metadata}");
    assert_eq!(metadata["version"].as_str().unwrap().split('.').count(), 3);
    assert!(!home.path("state").exists(), "no daemon is started to answer it");
}

#[test]
fn help_says_what_there_is() {
    let home = Home::new();
    let help = home.ok(&["--help"]);
    for command in ["set", "list", "delete", "run", "status", "daemon"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
    }
    assert!(!help.contains("\n  get "), "{help}");
    for program in ["fluvio-secretd", "fluvio-secret-shim"] {
        let said = said(home.command(program).arg("--help"));
        assert!(said.status.success() && said.out.contains("Usage"), "{said:?}");
        let version = crate::harness::said(home.command(program).arg("--version")).out;
        assert_eq!(version, format!("{program} {}\n", env!("CARGO_PKG_VERSION")));
    }
}
