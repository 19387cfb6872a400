//! How the values reach the connector.

use std::fmt;

use fluvio_secret_protocol::fit::{self, Unfit};
use fluvio_secret_protocol::{Granted, InjectMode, SecretName};

/// How the values are delivered.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    /// One variable for each secret.
    Environment {
        /// Why not a file, if a file was preferred.
        because: Option<Unfitting>,
    },
    File,
    Nothing,
}

/// A secret that does not arrive unaltered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Unfitting {
    pub(crate) name: SecretName,
    pub(crate) by: By,
}

/// How a secret cannot be delivered, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum By {
    Environment(Unfit),
    File(Unfit),
    /// Neither as a file nor as environment variables.
    Neither(Unfit, Unfit),
}

/// Chooses how to deliver every value unaltered, or returns all secrets that the inject mode cannot carry.
pub(crate) fn choose(inject: InjectMode, granted: &Granted) -> Result<Delivery, Vec<Unfitting>> {
    if granted.secrets.is_empty() {
        return Ok(Delivery::Nothing);
    }
    match inject {
        InjectMode::File => {
            refuse_unfitting(granted, |_, file| file.map(By::File)).map(|()| Delivery::File)
        }
        InjectMode::Env => {
            refuse_unfitting(granted, |environment, _| environment.map(By::Environment))
                .map(|()| Delivery::Environment { because: None })
        }
        InjectMode::Auto => {
            let Err(not_by_file) = choose(InjectMode::File, granted) else {
                return Ok(Delivery::File);
            };
            // All go as environment variables, even those that only a file would carry.
            refuse_unfitting(granted, |environment, file| match (environment, file) {
                (Some(environment), Some(file)) => Some(By::Neither(file, environment)),
                (Some(environment), None) => Some(By::Environment(environment)),
                (None, _) => None,
            })?;
            Ok(Delivery::Environment { because: not_by_file.into_iter().next() })
        }
    }
}

/// The delivery where the system allows no secrets file, unless the inject mode or a value needs one.
pub(crate) fn without_file(inject: InjectMode, granted: &Granted) -> Option<Delivery> {
    if inject == InjectMode::File { None } else { choose(InjectMode::Env, granted).ok() }
}

/// Collects the secrets that `judge` refuses. It gets why the environment and a file cannot carry one.
fn refuse_unfitting(
    granted: &Granted,
    judge: impl Fn(Option<Unfit>, Option<Unfit>) -> Option<By>,
) -> Result<(), Vec<Unfitting>> {
    let unfitting: Vec<_> = granted
        .secrets
        .iter()
        .filter_map(|(name, value)| {
            let environment = fit::by_environment(name, value).err();
            let by = judge(environment, fit::by_file(value).err())?;
            Some(Unfitting { name: name.clone(), by })
        })
        .collect();
    if unfitting.is_empty() { Ok(()) } else { Err(unfitting) }
}

impl fmt::Display for Unfitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.by {
            By::Environment(why) => {
                write!(f, "`{name}` cannot be an environment variable: {why}")
            }
            By::File(why) => write!(f, "`{name}` cannot be in a secrets file: {why}"),
            By::Neither(Unfit::NotUtf8, _) => {
                write!(f, "`{name}` cannot be passed to a connector: {}", Unfit::NotUtf8)
            }
            By::Neither(file, environment) => write!(
                f,
                "`{name}` cannot be in a secrets file ({file}) or an environment variable ({environment})"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::fit::Unfit;
    use fluvio_secret_protocol::{Granted, InjectMode, Secret};

    use super::{By, Delivery, choose};

    fn granted(secrets: &[(&str, &[u8])]) -> Granted {
        Granted {
            connector: None,
            inject: InjectMode::Auto,
            note: None,
            secrets: secrets
                .iter()
                .map(|(name, value)| (name.parse().expect("a name"), Secret::from(value.to_vec())))
                .collect(),
        }
    }

    fn against(way: InjectMode, secrets: &[(&str, &[u8])]) -> Vec<(String, By)> {
        let unfitting = choose(way, &granted(secrets)).expect_err("refused");
        unfitting.into_iter().map(|one| (one.name.to_string(), one.by)).collect()
    }

    #[test]
    fn auto_is_a_file_where_all_values_fit() {
        let fits: &[(&str, &[u8])] = &[("A", b"x"), ("B", b""), ("PATH", b"a\0b")];
        for way in [InjectMode::Auto, InjectMode::File] {
            assert_eq!(choose(way, &granted(fits)), Ok(Delivery::File));
        }
        assert_eq!(choose(InjectMode::Auto, &granted(&[])), Ok(Delivery::Nothing));
    }

    #[test]
    fn auto_is_the_environment_when_one_does_not_fit_and_says_which() {
        let one: &[(&str, &[u8])] = &[("A", b"x"), ("PEM", b"a\nb"), ("C", b" ")];
        let Ok(Delivery::Environment { because: Some(because) }) =
            choose(InjectMode::Auto, &granted(one))
        else {
            panic!("the environment")
        };
        assert_eq!(because.to_string(), "`PEM` cannot be in a secrets file: it has a line break");
        assert_eq!(
            choose(InjectMode::Env, &granted(one)),
            Ok(Delivery::Environment { because: None })
        );
    }

    #[test]
    fn all_that_stand_against_a_way_are_told() {
        let secrets: &[(&str, &[u8])] =
            &[("NUL", b"a\0b"), ("PEM", b"a\nb"), ("RAW", b"\xff"), ("PATH", b"x")];
        let told = |name: &str, by| (name.to_owned(), by);
        assert_eq!(
            against(InjectMode::File, secrets),
            [told("PEM", By::File(Unfit::Newline)), told("RAW", By::File(Unfit::NotUtf8))]
        );
        let environment = [
            told("NUL", By::Environment(Unfit::Nul)),
            told("RAW", By::Environment(Unfit::NotUtf8)),
            told("PATH", By::Environment(Unfit::StartsPrograms)),
        ];
        assert_eq!(against(InjectMode::Env, secrets), environment);
        let auto = against(InjectMode::Auto, secrets);
        assert_eq!(auto[1], told("RAW", By::Neither(Unfit::NotUtf8, Unfit::NotUtf8)));
        assert_eq!((&auto[0], &auto[2]), (&environment[0], &environment[2]));
    }
}
