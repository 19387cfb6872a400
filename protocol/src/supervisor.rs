//! What a program that is watched over learns from who watches: `run --watch` starts the shim as a
//! child, and the shim becomes the connector.

/// The variable that has the supervisor's process id. A launcher that has it exits with that process.
/// It begins like all of our variables, so no connector inherits it.
pub const VARIABLE: &str = "FLUVIO_SECRET_SUPERVISOR";

/// The status of who did not start a connector because of a fault that may pass, to that process alone
/// (`EX_TEMPFAIL` in sysexits.h). It tries again; of 125 it knows that only a change helps.
pub const MAY_PASS: u8 = 75;
