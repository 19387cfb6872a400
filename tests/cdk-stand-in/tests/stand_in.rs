//! The stand-in itself; also, because of this test Cargo builds it for the others.

use std::fs;
use std::process::Command;

#[test]
fn a_connector_is_started_listed_and_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let cdk = |args: &[&str]| {
        let mut cdk = Command::new(env!("CARGO_BIN_EXE_cdk-stand-in"));
        cdk.args(args).current_dir(folder.path()).env("TMPDIR", folder.path());
        String::from_utf8(cdk.output().expect("it runs").stdout).expect("UTF-8")
    };
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect(name);
    write("c.yaml", "meta: {name: cat-facts}\n");
    write("connector", "#!/bin/sh\necho \"$@\"\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path().join("connector"), mode).expect("a mode");
    assert_eq!(cdk(&["deploy", "list"]), "No connectors found\n");
    let start = ["deploy", "start", "--config", "c.yaml"];
    assert!(cdk(&start).contains("Started connector `cat-facts`"));
    assert!(cdk(&start).contains("already exists"));
    assert!(cdk(&["deploy", "list"]).contains("cat-facts"));
    cdk(&["deploy", "shutdown", "--name", "cat-facts"]);
    assert_eq!(cdk(&["deploy", "list"]), "No connectors found\n");
}
