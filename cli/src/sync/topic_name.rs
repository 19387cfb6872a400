//! The topics that a vault has one after the other: `NAME`, `NAME-2`, `NAME-3`. Fluvio allows no point in a name.

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

/// The newest of these topics after this one.
pub(crate) fn newest_after(topic: &str, generation: u64, all: &[String]) -> Option<(String, u64)> {
    let base = first(topic, generation);
    let later = all.iter().filter_map(|name| {
        let digits = name.strip_prefix(base)?.strip_prefix('-')?;
        let number: u64 = digits.parse().ok()?;
        // `NAME-02` is another topic.
        (number > generation && number.to_string() == digits).then_some((name, number))
    });
    later.max_by_key(|(_, number)| *number).map(|(name, number)| (name.clone(), number))
}

#[cfg(test)]
mod tests {
    use super::{newest_after, nth};

    #[test]
    fn topics_are_numbered_after_the_first() {
        assert_eq!(nth("s", 1, 2), "s-2");
        assert_eq!(nth("s-2", 2, 3), "s-3");
        assert_eq!(nth("s-2", 1, 2), "s-2-2");
        assert_eq!(nth("s-2", 2, 1), "s");
    }

    #[test]
    fn the_newest_topic_of_the_same_name_is_found() {
        let all = ["s", "s-2", "s-10", "s-011", "s-x", "t-12", "s-9-13"].map(str::to_owned);
        assert_eq!(newest_after("s", 1, &all), Some(("s-10".to_owned(), 10)));
        assert_eq!(newest_after("s-2", 2, &all), Some(("s-10".to_owned(), 10)));
        assert_eq!(newest_after("s-10", 10, &all), None);
    }
}
