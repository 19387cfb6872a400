//! Paths into a document by keys and indexes.

use std::fmt;

use serde_yaml::Value;

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum PathStep {
    Key(String),
    Index(usize),
}

/// The steps from the top of a document: `http.headers[0].secret.name`.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Path(pub(crate) Vec<PathStep>);

impl Path {
    pub(crate) fn keys(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| PathStep::Key((*key).to_owned())).collect())
    }

    pub(crate) fn with(&self, step: PathStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    pub(crate) fn parent(&self) -> Self {
        Self(self.0.split_last().map(|(_, parents)| parents.to_vec()).unwrap_or_default())
    }

    /// The first step, as its key is written.
    pub(crate) fn first_key(&self) -> String {
        self.0.first().map(written).unwrap_or_default()
    }

    /// The last step, as its key is written.
    pub(crate) fn last_key(&self) -> String {
        self.0.last().map(written).unwrap_or_default()
    }

    pub(crate) fn of<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(document, |at, step| match step {
            PathStep::Key(key) => at.get(key),
            PathStep::Index(index) => at.get(*index),
        })
    }

    pub(crate) fn of_mut<'a>(&self, document: &'a mut Value) -> Option<&'a mut Value> {
        self.0.iter().try_fold(document, |at, step| match step {
            PathStep::Key(key) => at.get_mut(key),
            PathStep::Index(index) => at.get_mut(*index),
        })
    }
}

fn written(step: &PathStep) -> String {
    match step {
        PathStep::Key(key) => key.escape_debug().to_string(),
        PathStep::Index(index) => index.to_string(),
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Key(key) if at == 0 => write!(f, "{}", key.escape_debug())?,
                PathStep::Key(key) => write!(f, ".{}", key.escape_debug())?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

pub(crate) enum Node<'a> {
    Key(&'a Value),
    Value(&'a Value),
}

/// Visits all keys and values of a document. The path of a key is that of its value.
pub(crate) fn walk<'a>(document: &'a Value, visit: &mut dyn FnMut(Node<'a>, &Path)) {
    below(document, &mut Path::default(), visit);
}

fn below<'a>(value: &'a Value, path: &mut Path, visit: &mut dyn FnMut(Node<'a>, &Path)) {
    visit(Node::Value(value), path);
    match value {
        Value::Mapping(map) => {
            for (key, value) in map {
                path.0.push(PathStep::Key(key.as_str().unwrap_or("?").to_owned()));
                visit(Node::Key(key), path);
                below(value, path, visit);
                path.0.pop();
            }
        }
        Value::Sequence(values) => {
            for (at, value) in values.iter().enumerate() {
                path.0.push(PathStep::Index(at));
                below(value, path, visit);
                path.0.pop();
            }
        }
        Value::Tagged(tagged) => below(&tagged.value, path, visit),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
