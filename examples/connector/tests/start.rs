//! The connector as a process. That this test is here also makes `cargo test` build the program,
//! which the end-to-end tests start.

use std::fs;
use std::process::Command;

const CONNECTOR: &str = env!("CARGO_BIN_EXE_connector");

#[test]
fn it_writes_the_values_that_it_was_given_and_ends_as_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let config = format!(
        "
apiVersion: 0.1.0
meta: {{name: witness, secrets: [{{name: A}}]}}
files:
  directory: {}
  values: [secret: {{name: B}}, \"${{{{ secrets.A }}}}\", plain]
  exit: 7
",
        directory.path().display()
    );
    fs::write(path("c.yaml"), config).expect("a configuration");
    fs::write(path("secrets.txt"), "A=one\nB=two\n").expect("secrets");
    let with_file = |command: &mut Command| {
        command.arg("--config").arg(path("c.yaml")).status().expect("it runs").code()
    };
    let status = with_file(Command::new(CONNECTOR).arg("--secrets").arg(path("secrets.txt")));
    assert_eq!(status, Some(7));
    for (file, value) in [("0", "two"), ("1", "one"), ("2", "plain")] {
        assert_eq!(fs::read_to_string(path(file)).expect("written"), value);
    }
    let status = with_file(Command::new(CONNECTOR).env("A", "1").env("B", "2"));
    assert_eq!(status, Some(7));
    assert_eq!(fs::read_to_string(path("0")).expect("written"), "2");
    let status = with_file(Command::new(CONNECTOR).env_remove("A").env_remove("B"));
    assert_eq!(status, Some(1), "without its secrets it does not start");
}
