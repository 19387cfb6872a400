//! `list`: names and dates, to the letter as the cloud prints them.

use fluvio_secret_protocol::ListedSecret;

use super::client;
use crate::error::CliError;
use crate::{date, output};

pub(crate) fn list() -> Result<(), CliError> {
    let secrets = client()?.list()?;
    output::print(&table(&secrets, date::local))
}

fn table(secrets: &[ListedSecret], date: impl Fn(i64) -> String) -> String {
    const HEAD: &str = "SecretNames";
    let names = secrets.iter().map(|secret| secret.name.as_str().len());
    let width = names.chain([HEAD.len()]).max().unwrap_or_default();
    let mut text = format!("{HEAD:width$}  LastUpdate\n");
    for secret in secrets {
        text += &format!("{:width$}  {}\n", secret.name.as_str(), date(secret.set_at));
    }
    text
}

#[cfg(test)]
mod tests {
    use fluvio_secret_protocol::ListedSecret;

    use super::table;

    fn secret(name: &str, set_at: i64) -> ListedSecret {
        ListedSecret { name: name.parse().expect("a name"), set_at }
    }

    #[test]
    fn the_table_is_the_clouds() {
        let secrets = [secret("CAT_FACTS_CLIENT_ID", 1), secret("CAT_FACTS_SECRET", 2)];
        let dates = |at| ["12-10-2022 1:07pm", "01-02-2023 12:01am"][usize::from(at == 2)].into();
        assert_eq!(
            table(&secrets, dates),
            "\
SecretNames          LastUpdate
CAT_FACTS_CLIENT_ID  12-10-2022 1:07pm
CAT_FACTS_SECRET     01-02-2023 12:01am
"
        );
    }

    #[test]
    fn short_names_stand_below_the_head() {
        assert_eq!(table(&[], |_| String::new()), "SecretNames  LastUpdate\n");
        let text = table(&[secret("A", 1)], |_| "x".into());
        assert_eq!(text, "SecretNames  LastUpdate\nA            x\n");
    }
}
