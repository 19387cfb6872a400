//! Documents of another machine, as the daemon takes them from a client.

use fluvio_secret_protocol::TakenOutcome;

use crate::harness::ask::Asker;
use crate::harness::exchange::{admit, document_of, exchange, join_of, take};
use crate::harness::watch::{CONNECTOR, Watched, config, starts};
use crate::harness::{Home, eventually, is_alive};

#[test]
fn a_machine_that_joins_opens_the_vault_with_its_new_id_and_waits_for_the_admin() {
    let (ada, bob) = (Home::new(), Home::new());
    ada.set("A", "one");
    bob.ok(&["list"]);
    let before = bob.daemon_pid().unwrap();
    let join = join_of(&ada);
    let joined = Asker::connect(&bob).unwrap().call(&join).unwrap().unwrap();
    eventually("the daemon stops", || !is_alive(before));
    let refused = bob.set("B", "x");
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    let next = format!("fluvio-secret member admit {}", joined.fingerprint);
    assert!(refused.err.contains(&next), "{refused:?}");
    let id = std::fs::read_to_string(bob.vault().join(".vault-id")).unwrap();
    assert_eq!(id.trim_end(), joined.id);
    // That of the id before is gone.
    assert!(bob.history().file_name().unwrap().to_str().unwrap().starts_with(&joined.id));
    assert!(bob.ok(&["member", "list", "-O", "json"]).contains(&joined.fingerprint));
    // The same again continues with the daemon that is there.
    let daemon = bob.daemon_pid();
    assert_eq!(Asker::connect(&bob).unwrap().call(&join).unwrap().unwrap().id, joined.id);
    bob.ok(&["list"]);
    assert_eq!(bob.daemon_pid(), daemon);
}

#[test]
fn a_watched_connector_restarts_with_a_value_of_another_machine_and_not_for_the_same() {
    let (ada, bob) = (Home::new(), Home::new());
    ada.set("A", "one");
    admit(&ada, &bob);
    let path = bob.write("config.yaml", config(1, &["A"]));
    let mut watched = Watched::run(&bob, &path, &[], &CONNECTOR);
    watched.expect("started");
    watched.until_started_with(&bob, "1 A=one");
    // The same value again, by a machine that knows nothing of the connector.
    ada.set("A", "one");
    exchange(&ada, &bob);
    ada.ok(&["key", "rotate"]);
    exchange(&ada, &bob);
    ada.set("A", "two");
    let two = document_of(&ada, "A");
    assert!(matches!(take(&bob, &two).unwrap().unwrap(), TakenOutcome::Secret { .. }));
    let event = watched.expect("restarted");
    assert_eq!(event["secrets"], serde_json::json!(["A"]), "{event}");
    watched.until_started_with(&bob, "1 A=two");
    assert_eq!(take(&bob, &two).unwrap().unwrap(), TakenOutcome::Known);
    assert_eq!(starts(&bob).len(), 2);
    assert!(watched.end().is_empty());
}
