//! All that would keep a connector from starting, or make it start with something else than intended.

mod declarations;
mod logged;
mod lookups;
mod misfits;
mod rendered;
mod rendering;
mod unresolved;
mod values;

use fluvio_secret_protocol::check::Checked;

use self::values::Carried;
pub use self::values::{KnownSecret, KnownSecrets, Setter, Values};
use crate::parsed::Parsed;

/// Checks a configuration, in the order in which a connector meets its parts. The findings are in no
/// order, and not limited.
pub(crate) fn check(document: &Parsed<'_>, values: Values<'_>) -> Checked {
    let mut findings = misfits::find(document);
    findings.extend(lookups::find(document));
    findings.extend(declarations::find(document));
    findings.extend(unresolved::find(document));
    findings.extend(logged::find(document));
    let Carried { unchecked, texts, findings: carried } = values::find(document, values);
    findings.extend(carried);
    let names = document.references.names.clone();
    let mut checked = Checked { findings, names, unchecked };
    if let Some(texts) = texts
        && !checked.has_errors()
        && document.is_rendered_alike()
    {
        checked.findings.extend(rendered::find(document, &texts));
    }
    checked
}

#[cfg(test)]
mod tests;
