//! The topics that a vault has one after the other: `NAME`, `NAME-2`, `NAME-3`. Fluvio allows no point in a name.

use super::sync_config::ReplicatedVault;

/// The vault on the topic after this one.
pub(crate) fn next(vault: &ReplicatedVault) -> ReplicatedVault {
    let ReplicatedVault { topic, generation, .. } = vault;
    let next = generation.saturating_add(1);
    ReplicatedVault { topic: nth(topic, *generation, next), generation: next, ..vault.clone() }
}

/// The name of the topic with this generation, from the name of another one.
pub(crate) fn nth(topic: &str, generation: u64, wanted: u64) -> String {
    let base = first(topic, generation);
    if wanted <= 1 { base.to_owned() } else { format!("{base}-{wanted}") }
}

/// The name of the first topic.
fn first(topic: &str, generation: u64) -> &str {
    match generation {
        0 | 1 => topic,
        _ => topic.strip_suffix(&format!("-{generation}")).unwrap_or(topic),
    }
}

#[cfg(test)]
mod tests {
    use super::nth;

    #[test]
    fn topics_are_numbered_after_the_first() {
        assert_eq!(nth("s", 1, 2), "s-2");
        assert_eq!(nth("s-2", 2, 3), "s-3");
        assert_eq!(nth("s-2", 1, 2), "s-2-2");
        assert_eq!(nth("s-2", 2, 1), "s");
    }
}
