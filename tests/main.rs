//! End-to-end tests: the real programs in a home of their own.
//!
//! A test whose name begins with a letter and a number shows that promise of docs/THREATS.md.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

mod activation;
mod audit;
mod bad_input;
mod check;
mod config_and_grant;
mod connector_process;
mod credential;
mod daemon_life;
mod deploy;
mod disclosure;
mod disk_faults;
mod doctor;
mod documents;
mod durability;
mod exchanged_documents;
mod extension;
mod external_identity;
mod first_session;
mod found_config;
mod git_merge;
mod hanging_disk;
mod hardening;
mod history;
mod hostile_clients;
mod import;
mod import_sources;
mod inherited;
mod installer;
mod kept_keys;
mod language;
mod layering;
mod leases;
mod links;
mod lock;
mod manual;
mod mask;
mod members;
mod merges;
mod moved_history;
mod next_steps;
mod no_daemon;
mod own_vault;
mod places;
mod power_cut;
mod recording;
mod rename;
mod restart;
mod restart_names;
mod results;
mod rotation;
mod settings;
mod sharing;
mod socket_fuzz;
mod stock_age;
mod swap;
mod system_calls;
mod terminal;
mod units;
mod upgrade;
mod used;
mod values;
mod vault_upgrade;
mod vaults;
mod watch_connector;
mod watch_files;
mod watch_leases;
mod watch_pace;
mod watch_secrets;
