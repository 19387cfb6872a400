//! The commands that messages about a replication name as the next step.

use fluvio_secret_system::help::Help;

/// The topic of a vault, unless you name another one.
pub(crate) const DEFAULT_TOPIC: &str = "fluvio-secrets";

/// Replicates a vault.
pub(crate) const SYNC_START: &str = "fluvio-secret sync start";

/// What an admin has to run. Elsewhere, a command for a project's vault is about the personal one.
pub(crate) fn for_admin(path: Option<&str>, command: impl Into<String>) -> Help {
    Help::command(&format!("have an admin run{}", place(path)), command)
}

/// Where a command has to be run that is about this vault.
pub(crate) fn place(path: Option<&str>) -> &'static str {
    if path.is_some() { " in the project" } else { "" }
}

/// The command that replicates a vault over this topic.
pub(crate) fn start_over(topic: &str) -> String {
    match topic {
        DEFAULT_TOPIC => SYNC_START.to_owned(),
        _ => format!("{SYNC_START} --topic {topic}"),
    }
}

/// How another machine joins a vault. Without the option, a project's vault would become its personal one.
pub(crate) fn to_join(path: Option<&str>, fingerprint: &str, topic: &str) -> Help {
    let topic = match topic {
        DEFAULT_TOPIC => String::new(),
        _ => format!(" --topic {topic}"),
    };
    let vault = if path.is_some() { " --vault ." } else { "" };
    let advice = format!("another machine joins{} with", place(path));
    Help::command(&advice, format!("fluvio-secret sync join --admin {fingerprint}{topic}{vault}"))
}

/// How a machine asks again that was removed. The user confirms an admin, because this machine does not learn what the
/// admins have changed since.
pub(crate) fn to_join_again(path: Option<&str>, topic: &str) -> Help {
    let Help { command, .. } = to_join(path, "FINGERPRINT", topic);
    let advice = format!("ask an admin{} to admit it again with", place(path));
    Help { advice, command }
}

#[cfg(test)]
mod tests {
    use super::{for_admin, start_over, to_join, to_join_again};

    #[test]
    fn an_admin_runs_a_command_for_a_project_there() {
        assert_eq!(for_admin(None, "a").to_string(), "have an admin run: a");
        assert_eq!(for_admin(Some("/p"), "a").to_string(), "have an admin run in the project: a");
    }

    #[test]
    fn a_topic_is_named_unless_it_is_the_usual_one() {
        assert_eq!(start_over("fluvio-secrets"), "fluvio-secret sync start");
        assert_eq!(start_over("t-2"), "fluvio-secret sync start --topic t-2");
    }

    #[test]
    fn another_machine_joins_with_the_same_vault_and_topic() {
        let join = "fluvio-secret sync join --admin 0f";
        let personal = to_join(None, "0f", "fluvio-secrets").to_string();
        assert_eq!(personal, format!("another machine joins with: {join}"));
        assert!(to_join(None, "0f", "t-2").to_string().ends_with("join --admin 0f --topic t-2"));
        let project = to_join(Some("/p"), "0f", "t").to_string();
        let expected = format!("another machine joins in the project with: {join}");
        assert_eq!(project, format!("{expected} --topic t --vault ."));
        let again = to_join_again(Some("/p"), "t").to_string();
        assert!(again.starts_with("ask an admin in the project to admit it again with: "));
        assert!(again.ends_with("--admin FINGERPRINT --topic t --vault ."), "{again}");
    }
}
