use std::fmt;

use fluvio_secret_system::help::{Help, Helpful};
use serde::{Deserialize, Serialize};

use crate::SecretName;

/// Why the daemon refused a request, for programs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The audit log could not be written, so nothing was done.
    Audit,
    /// The configuration cannot be read as a connector would read it.
    Config,
    /// A file of the vault, or the identity, is damaged or not what its name says.
    Damaged,
    /// A name of an import has another value, which was not to be replaced, or a new name is taken.
    Exists,
    /// The daemon met a fault of its own; it keeps serving.
    Internal,
    /// Not an identity or a recipient, or not one that can be used here.
    Key,
    /// A value, a grant or a configuration is over its limit.
    Large,
    /// The vault's identity is behind a passphrase.
    Locked,
    /// The request is no message of this protocol.
    Malformed,
    /// Referenced or named secrets are not in the vault.
    Missing,
    /// A passphrase is not the identity's, or cannot be one, or the identity has none.
    Passphrase,
    /// The members are not those that this machine has accepted, cannot be read, or do not let it do that.
    Members,
    /// The vault's directory could not be read or written.
    Storage,
    /// The daemon is stopping, and did not carry out the request.
    Stopping,
    /// Values that a secrets file cannot carry.
    Unfit,
    /// The vault is not registered, or cannot be opened.
    Vault,
    /// The client speaks another version of the protocol.
    Version,
}

/// A request that the daemon understood and did not carry out.
///
/// Printed as ``TEXT `NAME`, `NAME` ``.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// For programs.
    pub code: Code,
    /// For people: the cause. Lower case, no final period, never a value, no names.
    pub text: String,
    /// The secrets that it is about, all of them.
    pub names: Vec<SecretName>,
    /// For people: what to do next; may be empty.
    pub next: String,
}

impl Refusal {
    /// A refusal that is about no secret in particular.
    #[must_use]
    pub fn new(code: Code, text: impl Into<String>, next: impl Into<String>) -> Self {
        Self { code, text: text.into(), names: Vec::new(), next: next.into() }
    }

    /// The same, about these secrets.
    #[must_use]
    pub fn about(mut self, names: Vec<SecretName>) -> Self {
        self.names = names;
        self
    }
}

messages! { Refusal = "refused"; }

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for (i, name) in self.names.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma} `{name}`")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

impl Helpful for Refusal {
    fn help(&self) -> Option<Help> {
        (!self.next.is_empty()).then(|| Help::read(&self.next))
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_system::help::Helpful;

    use super::{Code, Refusal};

    #[test]
    fn a_refusal_names_the_thing_and_the_next_step() {
        let names = vec!["A".parse().expect("a name"), "B".parse().expect("a name")];
        let refusal = Refusal::new(Code::Missing, "no secret", "set it").about(names);
        assert_eq!(refusal.report(), "no secret `A`, `B`\nhelp: set it");
        assert_eq!(Refusal::new(Code::Locked, "locked", "").report(), "locked");
    }
}
