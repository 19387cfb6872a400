//! The values of the secrets that a configuration references: whether they are there, and whether
//! anything can carry them to the connector.

use fluvio_secret_protocol::carry::{self, Unfit};
use fluvio_secret_protocol::check::BY_ENVIRONMENT;
use fluvio_secret_protocol::{Secret, SecretName, limits};
use zeroize::Zeroizing;

use super::Check;
use super::document::Read;
use crate::path::Place;

/// The values of the secrets, as far as they may be looked at.
#[derive(Clone, Copy)]
pub enum Values<'a> {
    /// They are not asked for.
    NotAsked,
    /// What a vault has.
    Of(&'a dyn Fn(&SecretName) -> Known),
}

/// What is known of a secret's value.
#[derive(Debug)]
pub enum Known {
    /// It is there, and cannot be looked at now, for this reason.
    Closed(String),
    /// It is there, and its file is damaged, for this reason.
    Damaged(String),
    /// It is not there.
    Missing,
    /// It is this.
    Value(Secret),
}

/// A value that can be in a text.
pub(super) type TextValue = (SecretName, Zeroizing<String>);

/// How the values of a configuration can go, all of them the same way.
#[derive(Default)]
struct Ways {
    bytes: usize,
    /// One that a secrets file cannot carry.
    not_by_file: Option<SecretName>,
    not_by_environment: Vec<(SecretName, Place, Unfit)>,
}

impl Check {
    /// Looks at the vault; gives the values of the declared secrets, when all are known.
    pub(super) fn values(
        &mut self,
        document: &Read<'_>,
        values: Values<'_>,
    ) -> Option<Vec<TextValue>> {
        let Values::Of(known) = values else { return None };
        let mut texts = Vec::new();
        let mut are_all_known = true;
        let mut ways = Ways::default();
        for name in self.checked.names.clone() {
            // Each start of a connector comes by here, mostly without a finding.
            let place = || document.place_of(&name);
            match known(&name) {
                Known::Missing => {
                    let text = format!("the secret `{name}` is not in the vault");
                    let remedy = format!("set it with: fluvio secret set {name}");
                    self.error("missing-secret", place(), Some(&name), text, remedy);
                    are_all_known = false;
                }
                Known::Damaged(why) => {
                    let text = format!("the secret `{name}` is damaged: {why}");
                    let remedy = format!("set it again with: fluvio secret set {name}");
                    self.error("damaged-secret", place(), Some(&name), text, remedy);
                    are_all_known = false;
                }
                Known::Closed(why) => {
                    self.checked.unchecked.get_or_insert(why);
                    are_all_known = false;
                }
                Known::Value(value) => {
                    self.carried(&name, &value, place, &mut ways);
                    match std::str::from_utf8(value.expose()) {
                        // A grant that is too large is refused, and its values are not kept.
                        _ if ways.bytes > limits::GRANT_BYTES => are_all_known = false,
                        Ok(text) => texts.push((name, Zeroizing::new(text.to_owned()))),
                        Err(_) => are_all_known = false,
                    }
                }
            }
        }
        self.together(&ways);
        are_all_known.then_some(texts)
    }

    /// What neither a secrets file nor the environment carries reaches no connector.
    fn carried(
        &mut self,
        name: &SecretName,
        value: &Secret,
        place: impl Fn() -> Place,
        ways: &mut Ways,
    ) {
        ways.bytes += value.len();
        match (carry::by_file(value), carry::by_environment(name, value)) {
            (Ok(()), Ok(())) => {}
            (Ok(()), Err(why)) => ways.not_by_environment.push((name.clone(), place(), why)),
            (Err(by_file), Ok(())) => {
                ways.not_by_file.get_or_insert_with(|| name.clone());
                self.warning(
                    BY_ENVIRONMENT,
                    place(),
                    Some(name),
                    format!("a secrets file cannot carry `{name}` ({by_file}): `run` passes all secrets as environment variables"),
                    "for cdk, add: --inject env",
                );
            }
            (Err(by_file), Err(by_environment)) => self.error(
                "unfit",
                place(),
                Some(name),
                format!("`{name}` cannot reach a connector: in a secrets file {by_file}, and by the environment {by_environment}"),
                format!("set another value with: fluvio secret set {name}"),
            ),
        }
    }

    /// All secrets go the same way, and in one answer.
    fn together(&mut self, ways: &Ways) {
        if let Some(other) = &ways.not_by_file {
            for (name, place, why) in &ways.not_by_environment {
                let text = format!(
                    "`{name}` cannot reach a connector together with `{other}`, which a secrets file cannot carry: by the environment {why}"
                );
                let remedy = "set another value of one of the two";
                self.error("unfit", *place, Some(name), text, remedy);
            }
        }
        if ways.bytes > limits::GRANT_BYTES {
            // How many they have is not for a message: it tells of the values.
            let most = limits::GRANT_BYTES;
            let text = format!("the secrets have more than {most} bytes together");
            let remedy = "reference fewer secrets, or smaller ones";
            self.error("large", Place::START, None, text, remedy);
        }
    }
}
