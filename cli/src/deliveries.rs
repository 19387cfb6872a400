//! To which programs secrets were delivered, as far back as the audit log goes.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use fluvio_secret_protocol::audit::Line;
use fluvio_secret_protocol::{SecretName, VaultAddress};
use jiff::Timestamp;
use serde::Serialize;

use crate::audit_log::AuditLog;
use crate::connection::state;
use crate::error::CliError;
use crate::{date, format};

/// The deliveries of each secret. Those to one program with one configuration are counted together.
#[derive(Debug, Default)]
pub(crate) struct Deliveries(BTreeMap<SecretName, BTreeMap<ForWhom, DeliveryTimes>>);

/// A program and the configuration that it was started with, as the log names them.
type ForWhom = (String, String);

#[derive(Clone, Copy, Debug)]
struct DeliveryTimes {
    count: usize,
    last: Timestamp,
}

/// For programs.
#[derive(Debug, Serialize)]
pub(crate) struct ShownDelivery<'a> {
    program: &'a str,
    config: &'a str,
    count: usize,
    last: Option<String>,
}

impl Deliveries {
    /// The deliveries of this vault's secrets; `None` is the personal one.
    pub(crate) fn read(vault: Option<&VaultAddress>) -> Result<Self, CliError> {
        let path = state()?.audit_log;
        let mut all = Self::default();
        let vault = vault.map_or("", |vault| &vault.path);
        let read = AuditLog::at(path.clone()).read(|entry| {
            if entry.line.vault == vault {
                all.add(&entry.line, entry.time);
            }
            ControlFlow::Continue(())
        });
        read.map_err(|source| CliError::Log { path, source })?;
        Ok(all)
    }

    fn add(&mut self, line: &Line, time: Timestamp) {
        if !matches!(&*line.event, "grant" | "lease") {
            return;
        }
        for name in &line.names {
            let of_name = self.0.entry(name.clone()).or_default();
            let whom = (line.program.clone(), line.config.clone());
            let times = of_name.entry(whom).or_insert(DeliveryTimes { count: 0, last: time });
            times.count += 1;
            times.last = times.last.max(time);
        }
    }

    /// The deliveries of a secret, the last one first.
    pub(crate) fn of(&self, name: &SecretName) -> Vec<ShownDelivery<'_>> {
        let mut all: Vec<_> = self.0.get(name).into_iter().flatten().collect();
        all.sort_by_key(|(_, times)| Reverse(times.last));
        all.into_iter()
            .map(|((program, config), times)| ShownDelivery {
                program,
                config,
                count: times.count,
                last: date::rfc3339(times.last.as_second()),
            })
            .collect()
    }

    /// The last delivery of a secret, for a table.
    pub(crate) fn last(&self, name: &SecretName) -> String {
        let all = self.0.get(name).into_iter().flatten();
        let last = all.max_by_key(|(_, times)| times.last);
        last.map_or("-".to_owned(), |((program, config), times)| {
            let time = date::local(times.last.as_second());
            format::shorten(format!("{time} {program} {config}").trim_end())
        })
    }
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::audit::Line;

    use super::Deliveries;

    #[test]
    fn deliveries_to_one_program_are_counted_together() {
        let mut all = Deliveries::default();
        for (second, event, program, names) in [
            (1, "set", "", &["A", "B"][..]),
            (2, "grant", "old", &["A"]),
            (3, "lease", "cdk", &["A", "B"]),
            (4, "grant", "old", &["A"]),
        ] {
            let names = names.iter().map(|name| name.parse().expect("a name"));
            let line = Line {
                time: String::new(),
                event: event.to_owned(),
                pid: 1,
                program: program.to_owned(),
                config: "c.yaml".to_owned(),
                asked_by: Vec::new(),
                recipients: Vec::new(),
                vault: String::new(),
                names: names.collect(),
            };
            all.add(&line, jiff::Timestamp::from_second(second).expect("a time"));
        }
        let of = |name: &str| {
            let of_name = all.of(&name.parse().expect("a name"));
            of_name.iter().map(|one| (one.program.to_owned(), one.count)).collect::<Vec<_>>()
        };
        assert_eq!(of("A"), [("old".to_owned(), 2), ("cdk".to_owned(), 1)]);
        assert_eq!(of("B"), [("cdk".to_owned(), 1)]);
        assert!(of("C").is_empty());
        let last = |name: &str| all.last(&name.parse().expect("a name"));
        assert!(last("A").ends_with(" old c.yaml"), "{}", last("A"));
        assert_eq!(last("C"), "-");
    }
}
