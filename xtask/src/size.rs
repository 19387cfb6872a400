//! The size of the release shim: it is loaded at each start of a connector.

use crate::programs::{SHIPPED, cargo};
use crate::{Outcome, say};

const MOST_BYTES: u64 = 700 << 10;

pub(crate) fn check() -> Outcome {
    let built = cargo(&["build", "--release", "--package", "fluvio-secret", "--bins"])?;
    for name in SHIPPED {
        let program = built.iter().find(|program| program.name == name);
        let path = &program.ok_or(format!("{name} was not built"))?.path;
        let bytes = path.metadata()?.len();
        say(&format!("{name:20} {:6} KiB", bytes >> 10));
        if name == "fluvio-secret-shim" && bytes > MOST_BYTES {
            return Err(format!("the shim has {bytes} bytes, {MOST_BYTES} are the most").into());
        }
    }
    Ok(())
}
