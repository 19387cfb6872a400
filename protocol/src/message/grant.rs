//! The values of the secrets that a configuration references.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::call::{Call, Worker};
use super::check::Checked;
use crate::frame::{FrameError, Message, PartLimits, Parts, one_part, secret_parts};
use crate::{InjectMode, Secret, SecretName, limits};

/// Deliver the values of the secrets that a configuration references.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The configuration's path, for the audit log. The daemon never opens it.
    pub label: String,
    /// The program that gets the values, for the audit log.
    pub program: String,
    /// Whether to answer by `checked` if the connector would not start.
    pub check: bool,
    /// The configuration's bytes, at most [`limits::CONFIG_BYTES`]: the frame's only part.
    #[serde(skip)]
    pub config: Zeroizing<Vec<u8>>,
}

/// The values of exactly the referenced secrets.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// The connector's name, as the configuration has it. `None` also if it has more than
    /// [`limits::LABEL_BYTES`], with which no connector starts.
    pub connector: Option<String>,
    /// The user's setting, for a client that was not passed another mode.
    pub inject: InjectMode,
    /// The names, in alphabetical order.
    pub names: Vec<SecretName>,
    /// The value of each name, in the same order: the frame's parts.
    #[serde(skip)]
    pub values: Vec<Secret>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the configuration: people write values into them.
        let Self { label, program, check, .. } = self;
        let mut printed = f.debug_struct("Grant");
        printed.field("label", label).field("program", program).field("check", check).finish()
    }
}

impl Parts for Grant {
    fn limits(&self) -> PartLimits {
        PartLimits::one(limits::CONFIG_BYTES)
    }

    fn parts(&self) -> Vec<&[u8]> {
        vec![&self.config]
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        if [&self.label, &self.program].iter().any(|label| label.len() > limits::LABEL_BYTES) {
            return Err(FrameError::Large);
        }
        self.config = one_part(parts)?;
        Ok(())
    }
}

impl Message for Grant {
    const NAME: &'static str = "grant";
}

impl Call for Grant {
    type Answer = Result<Granted, Checked>;
    const WORKER: Worker = Worker::Reads;
}

impl Parts for Granted {
    fn limits(&self) -> PartLimits {
        PartLimits::values(self.names.len())
    }

    fn parts(&self) -> Vec<&[u8]> {
        self.values.iter().map(Secret::expose).collect()
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        self.values = secret_parts(self.names.len(), parts)?;
        Ok(())
    }
}

impl Message for Granted {
    const NAME: &'static str = "granted";
}
