//! The vault's files are age's own, which people can open without us.

use std::process::Command;

use crate::harness::{Home, need};

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
    assert_eq!((head["name"].as_str(), head["format"].as_u64()), (Some("A"), Some(1)));
    assert!(head["set_at"].is_string(), "{head}");
    assert_eq!(value, b"\none\n\xff");
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
