//! The documents that only a topic has.

use super::{Files, Table, reason, signed_again};
use crate::members::signed_text::SignedKind;
use crate::members::test_machines::{first_list, machines, other_vault, time, vault};
use crate::sync::acknowledgement::Acknowledgement;
use crate::sync::announcement::Announcement;
use crate::sync::topic_name::TopicName;

fn announcements() -> Vec<(&'static str, Vec<u8>)> {
    let [ada, _, cleo, _] = machines();
    let topic = || TopicName::parse("fluvio-secrets").expect("a name");
    let sign = |id| {
        let recipient = ada.recipient.clone();
        Announcement::sign(id, (topic(), 1), 1, recipient, &ada.key).bytes().to_vec()
    };
    let good = sign(vault());
    let change = |change, key| signed_again(SignedKind::Announcement, &good, change, key);
    let text = String::from_utf8(good.clone()).expect("text");
    vec![
        ("announcement", good.clone()),
        ("announcement-other-topic", text.replacen("fluvio-", "other-", 1).into_bytes()),
        ("announcement-newer", change(["\"format\":1", "\"format\":2"], &ada.key)),
        ("announcement-no-generation", change(["\"generation\":1", "\"generation\":0"], &ada.key)),
        ("announcement-option", change(["\"fluvio-", "\"-fluvio-"], &ada.key)),
        ("announcement-signed-by-cleo", change(["", ""], &cleo.key)),
        ("announcement-space", change(["\"format\":1", "\"format\": 1"], &ada.key)),
        ("announcement-of-another-vault", sign(other_vault())),
    ]
}

fn acknowledgements() -> Vec<(&'static str, Vec<u8>)> {
    let [_, bob, cleo, dan] = machines();
    let topic = TopicName::parse("fluvio-secrets").expect("a name");
    let sent_at = time("2026-11-23T22:50:00Z");
    let good = Acknowledgement::sign(&first_list(), topic, 8123, sent_at, &cleo.key);
    let change = |change, key| signed_again(SignedKind::Acknowledgement, &good, change, key);
    let [of_cleo, of_dan] = [&cleo, &dan].map(|machine| machine.key.fingerprint().to_string());
    let [here, there] = [vault(), other_vault()].map(|id| id.to_string());
    vec![
        ("acknowledgement", good.clone()),
        ("acknowledgement-empty", change(["\"records\":8123", "\"records\":0"], &cleo.key)),
        ("acknowledgement-by-stranger", change([&of_cleo, &of_dan], &dan.key)),
        ("acknowledgement-signed-by-bob", change(["", ""], &bob.key)),
        ("acknowledgement-newer-list", change(["\"members\":1", "\"members\":2"], &cleo.key)),
        ("acknowledgement-part-second", change([":00Z", ":00.5Z"], &cleo.key)),
        ("acknowledgement-of-another-vault", change([&here, &there], &cleo.key)),
    ]
}

pub(super) fn topics(files: &mut Files) {
    let columns = ["file", "result"];
    let mut table =
        Table::new("Documents of a topic, for a machine that has accepted lists/1.", &columns);
    let mut row = |file: &str, bytes: Vec<u8>, result: Result<(), String>| {
        files.insert(format!("topics/{file}"), bytes);
        table.row(&[file, &result.err().unwrap_or_else(|| "accepted".to_owned())]);
    };
    for (file, bytes) in announcements() {
        let result = match Announcement::parse(bytes.clone()) {
            Ok(one) if one.vault() != vault() => Err("OtherVault".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(reason(&error)),
        };
        row(file, bytes, result);
    }
    for (file, bytes) in acknowledgements() {
        let result = match Acknowledgement::parse(&bytes) {
            Ok(one) => one.verify(&first_list()).map_err(|error| reason(&error)),
            Err(error) => Err(reason(&error)),
        };
        row(file, bytes, result);
    }
    table.save("topics.txt", files);
}
