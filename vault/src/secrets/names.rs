//! The names of all secrets in little memory: a vault may have a hundred thousand.

use std::vec::IntoIter;

use fluvio_secret_protocol::SecretName;

/// Names in order, each once. They are in one string, because many small ones take several times the
/// memory, which the system does not get back.
#[derive(Default)]
pub struct Names {
    /// Each with a line break after it, in the order in which they were found.
    text: String,
    /// Where each begins, in the order of the names.
    begins: Vec<usize>,
}

/// How alike two names are if one is a typing error of the other: 1 is the same.
const LIKE: f64 = 0.9;

impl Names {
    /// Each of them, without a loan.
    pub(crate) fn into_names(self) -> NamesIntoIter {
        NamesIntoIter { text: self.text, begins: self.begins.into_iter() }
    }

    pub(crate) fn len(&self) -> usize {
        self.begins.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.begins.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = SecretName> {
        self.begins.iter().filter_map(|&begin| name_at(&self.text, begin).parse().ok())
    }

    /// The other name that is most like this one, if one is so like it that it may be meant.
    pub fn most_like(&self, name: &SecretName) -> Option<SecretName> {
        let likeness = |begin: usize| {
            let other = name_at(&self.text, begin).to_ascii_uppercase();
            strsim::jaro_winkler(&name.as_str().to_ascii_uppercase(), &other)
        };
        let others =
            self.begins.iter().filter(|&&begin| name_at(&self.text, begin) != name.as_str());
        let all = others.map(|&begin| (likeness(begin), begin));
        let like = all.filter(|(likeness, _)| *likeness > LIKE);
        let (_, begin) = like.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
        name_at(&self.text, begin).parse().ok()
    }
}

/// Names that are handed out one after the other.
pub(crate) struct NamesIntoIter {
    text: String,
    begins: IntoIter<usize>,
}

impl Iterator for NamesIntoIter {
    type Item = SecretName;

    fn next(&mut self) -> Option<SecretName> {
        name_at(&self.text, self.begins.next()?).parse().ok()
    }
}

impl FromIterator<SecretName> for Names {
    fn from_iter<I: IntoIterator<Item = SecretName>>(names: I) -> Self {
        let mut all = Self::default();
        for name in names {
            all.begins.push(all.text.len());
            all.text.push_str(name.as_str());
            all.text.push('\n');
        }
        let Self { text, begins } = &mut all;
        begins.sort_unstable_by(|&one, &other| name_at(text, one).cmp(name_at(text, other)));
        begins.dedup_by(|one, other| name_at(text, *one) == name_at(text, *other));
        all
    }
}

fn name_at(text: &str, begin: usize) -> &str {
    text[begin..].split_once('\n').map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_come_in_order_and_once() {
        let found = ["B", "AA", "A_LONG_ONE", "A", "B"];
        let names: Names = found.iter().map(|name| name.parse().expect("a name")).collect();
        let sorted: Vec<_> = names.iter().map(|name| name.to_string()).collect();
        assert_eq!(sorted, ["A", "AA", "A_LONG_ONE", "B"]);
        assert_eq!(names.len(), 4);
        let owned: Vec<_> = names.into_names().map(|name| name.to_string()).collect();
        assert_eq!(owned, sorted);
        assert_eq!(Names::default().iter().count(), 0);
    }

    #[test]
    fn a_name_that_is_mistyped_is_like_the_one_that_is_meant() {
        let names =
            ["API_TOKEN", "AUTH_HEADER", "DB_PASSWORD"].map(|name| name.parse().expect("a name"));
        let names: Names = names.into_iter().collect();
        let most_like = |name: &str| {
            let found = names.most_like(&name.parse().expect("a name"));
            found.map(|name| name.to_string())
        };
        for (typed, meant) in [
            ("AUTH_HEADR", Some("AUTH_HEADER")),
            ("auth_header", Some("AUTH_HEADER")),
            ("AUTHHEADER", Some("AUTH_HEADER")),
            ("API_TOKNE", Some("API_TOKEN")),
            ("DB_PASWORD", Some("DB_PASSWORD")),
            ("DB_USER", None),
            ("X", None),
        ] {
            assert_eq!(most_like(typed).as_deref(), meant, "{typed}");
        }
    }
}
