//! The vault's files are age's own, which people can open without us.

use std::process::Command;

use crate::harness::pty::Pty;
use crate::harness::{Home, eventually, need, passphrase};

#[test]
fn a12_stock_age_opens_a_secret() {
    if !need::tool("age") {
        return;
    }
    let home = Home::new();
    home.set("A", b"one\n\xff");
    let output = Command::new("age")
        .args(["--decrypt", "--identity"])
        .arg(home.path("config/identity.txt"))
        .arg(home.secret_file("A"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let (head, value) =
        output.stdout.split_at(output.stdout.iter().position(|&b| b == b'\n').unwrap());
    let head: serde_json::Value = serde_json::from_slice(head).unwrap();
    assert_eq!((head["name"].as_str(), head["format"].as_u64()), (Some("A"), Some(2)));
    assert!(head["set_at"].is_string(), "{head}");
    // Below the line of the signature.
    let value = value[1..].splitn(2, |&byte| byte == b'\n').nth(1).unwrap();
    assert_eq!(value, b"one\n\xff");
}

#[test]
fn a12_a_file_that_stock_age_sealed_for_us_is_no_secret_of_ours() {
    if !need::tool("age") {
        return;
    }
    let home = Home::new();
    home.set("A", "one");
    let identity = std::fs::read_to_string(home.path("config/identity.txt")).unwrap();
    let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let plain = home.write("plain", "cnry");
    let sealed = Command::new("age")
        .args(["--recipient", recipient, "--output"])
        .arg(home.secret_file("B"))
        .arg(plain)
        .status()
        .unwrap();
    assert!(sealed.success());
    let config = home.config(&["B"]);
    let said = crate::harness::said(&mut home.run(&config, &[], &["true"]));
    assert_eq!(said.code(), Some(125));
    assert!(said.err.contains("damaged") && said.err.contains("`B`"), "{said:?}");
    assert!(!said.err.contains("cnry"), "{said:?}");
}

#[test]
fn a12_stock_age_opens_the_identity_with_its_passphrase() {
    if !need::tool("age") {
        return;
    }
    let home = Home::new();
    home.set("A", "one");
    let file = home.write("passphrase", "correct horse\n");
    home.ok(&["key", "passphrase", "--new-passphrase-file", file.to_str().unwrap()]);
    // It asks on the terminal.
    let mut age = home.foreign("age");
    age.args(["--decrypt", "--output", "opened", "--identity"]);
    age.arg(home.path("config/identity.txt")).arg(home.secret_file("A"));
    let mut pty = Pty::start(&age);
    pty.expect("passphrase");
    eventually("silence", || !pty.has_echo());
    pty.type_keys("correct horse\r");
    assert!(pty.child.wait().unwrap().success());
    assert!(std::fs::read_to_string(home.path("opened")).unwrap().ends_with("\none"));
}

#[test]
fn a12_an_identity_that_stock_age_put_a_passphrase_on_is_unlocked() {
    if !need::tool("age") {
        return;
    }
    for armor in [&[][..], &["--armor"]] {
        let home = Home::new();
        home.set("A", "one");
        let identity = home.path("config/identity.txt");
        let sealed = home.path("sealed");
        let mut age = home.foreign("age");
        age.arg("--passphrase").args(armor).arg("--output").arg(&sealed).arg(&identity);
        let mut pty = Pty::start(&age);
        for prompt in ["Enter passphrase", "Confirm passphrase"] {
            pty.expect(prompt);
            eventually("silence", || !pty.has_echo());
            pty.type_keys("correct horse\r");
        }
        assert!(pty.child.wait().unwrap().success());
        std::fs::write(&identity, std::fs::read(sealed).unwrap()).unwrap();
        assert!(home.ok(&["key", "show"]).contains("Passphrase  yes"), "{armor:?}");
        let unlocked = passphrase::unlock(&home, &[], "correct horse");
        assert!(unlocked.status.success(), "{armor:?}: {unlocked:?}");
        let config = home.config(&["A"]);
        let mut run = home.run(&config, &["--as-is"], &["printenv", "A"]);
        assert_eq!(crate::harness::said(&mut run).out, "one\n");
    }
}
