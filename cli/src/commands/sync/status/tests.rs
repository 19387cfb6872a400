//! Tests of what `sync status` shows.

use fluvio_secret_protocol::{Code, ListedMember, Refusal, Role};

use super::{Replication, ShownReplication};
use crate::members::tests::first_list;
use crate::sync::process::SyncProcess;
use crate::sync::status_file::{
    AcknowledgedRecords, ReplicationState, ReplicationStatus, StatusFile,
};
use crate::sync::sync_config::ReplicatedVault;

fn member(fingerprint: &str, note: &str, own: bool) -> ListedMember {
    ListedMember {
        fingerprint: fingerprint.to_owned(),
        recipient: "age1".to_owned(),
        note: Some(note.to_owned()),
        role: Role::Admin,
        own,
        requested: false,
        signs: true,
    }
}

fn replication(state: ReplicationState, troubles: &[&str]) -> Replication {
    let (id, topic) = ("1".to_owned(), "t".to_owned());
    let vault = ReplicatedVault { id, path: None, topic, generation: 1 };
    let mut status = ReplicationStatus::of(&vault);
    status.state = state;
    status.changes = 9;
    status.troubles = troubles.iter().map(|&text| text.to_owned()).collect();
    let acknowledged = AcknowledgedRecords { records: 5, at: 0 };
    status.members.insert("0123456789".to_owned(), acknowledged);
    Replication {
        vault,
        process: SyncProcess::Running(Some(7)),
        file: Some(StatusFile { pid: 7, since: 0, status }),
        listed: Some(first_list(vec![
            member("0123456789", "a", true),
            member("9876543210", "b", false),
        ])),
        refusal: None,
    }
}

fn table(replication: &Replication) -> String {
    replication.table("start").text
}

#[test]
fn this_machine_is_as_far_as_its_process_says() {
    let mut one = replication(ReplicationState::Following, &[]);
    assert!(table(&one).contains("a (this machine): up to date\n"), "{}", table(&one));
    assert_eq!(one.shown_members()[0].behind, Some(0));
    one.file.as_mut().expect("a file").status.unpublished = 2;
    assert!(table(&one).contains("(this machine): has 2 documents to publish\n"));
    let waiting = replication(ReplicationState::Waiting, &["no"]);
    assert!(table(&waiting).contains("(this machine): waits"), "{}", table(&waiting));
    assert_eq!(waiting.shown_members()[0].behind, None);
    one.process = SyncProcess::Stopped;
    assert!(table(&one).contains("(this machine): its process is stopped\n"));
}

#[test]
fn what_is_left_is_known_while_a_process_has_read_the_topic() {
    let mut one = replication(ReplicationState::Following, &[]);
    one.file.as_mut().expect("a file").status.unpublished = 2;
    assert_eq!(ShownReplication::of(&one).to_publish, Some(2));
    one.process = SyncProcess::Stopped;
    assert_eq!(ShownReplication::of(&one).to_publish, None);
    assert!(table(&one).contains("To publish  not known\n"), "{}", table(&one));
    for state in [ReplicationState::Locked, ReplicationState::Waiting] {
        assert_eq!(ShownReplication::of(&replication(state, &[])).to_publish, None);
    }
    let mut locked = replication(ReplicationState::Locked, &[]);
    locked.file.as_mut().expect("a file").status.was_read = true;
    assert_eq!(ShownReplication::of(&locked).to_publish, Some(0));
}

#[test]
fn the_help_of_a_trouble_has_a_line_of_its_own() {
    let text = table(&replication(ReplicationState::Waiting, &["no\nhelp: try: it"]));
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| *line == "Trouble     no").expect("a trouble");
    assert_eq!(lines[at + 1], "help: try: it");
}

#[test]
fn a_machine_that_was_removed_learns_how_to_ask() {
    let mut one = replication(ReplicationState::Following, &[]);
    one.listed.as_mut().expect("members").members.remove(0);
    let text = table(&one);
    assert!(text.contains("not a member of the vault any more\n"), "{text}");
    assert!(
        text.contains("with: fluvio-secret sync join --admin FINGERPRINT --topic t\n"),
        "{text}"
    );
    assert_eq!(ShownReplication::of(&one).admitted, Some(false));
    // Without a daemon, it is not known.
    one.listed = None;
    assert!(!table(&one).contains("member of the vault"), "{}", table(&one));
    assert_eq!(ShownReplication::of(&one).admitted, None);
}

#[test]
fn a_vault_that_is_not_registered_is_not_started() {
    let mut one = replication(ReplicationState::Following, &[]);
    (one.process, one.listed) = (SyncProcess::Stopped, None);
    assert!(table(&one).contains("help: start it with: start\n"), "{}", table(&one));
    one.refusal = Some(Refusal::new(Code::Vault, "not registered", "register it"));
    let text = table(&one);
    assert!(text.contains("Trouble     not registered\n"), "{text}");
    assert!(text.contains("help: register it\n") && !text.contains("start it"), "{text}");
}

#[test]
fn a_key_on_paper_is_not_awaited() {
    let mut one = replication(ReplicationState::Following, &[]);
    one.listed.as_mut().expect("members").members[1].signs = false;
    let text = table(&one);
    assert!(text.contains("b: a key without a machine\n"), "{text}");
    assert!(!text.contains("acknowledged"), "{text}");
}

#[test]
fn members_with_the_same_note_are_told_apart() {
    let mut one = replication(ReplicationState::Following, &[]);
    assert!(table(&one).contains("b: has acknowledged nothing"), "{}", table(&one));
    let members = one.listed.iter_mut().flat_map(|listed| &mut listed.members);
    members.for_each(|member| member.note = Some("c".to_owned()));
    let text = table(&one);
    assert!(text.contains("c 01234567 (this machine): up"), "{text}");
    assert!(text.contains("c 98765432: has"), "{text}");
}
