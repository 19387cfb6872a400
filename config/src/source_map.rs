//! Where in the text of a configuration something is.

use std::collections::HashMap;
use std::iter;

use saphyr_parser::{Event, Parser, Span};

use crate::path::{Path, PathStep};

/// The deepest nesting that is read. Connectors read half of it.
const MOST_LEVELS: usize = 256;

/// A place in the text: lines and columns begin with 1 and count characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Location {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) length: usize,
}

impl Location {
    /// The beginning, for a finding about the whole file.
    pub(crate) const START: Self = Self { line: 1, column: 1, length: 0 };

    pub(crate) fn of_bytes(text: &str, from: usize, to: usize) -> Self {
        let before = &text[..from];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before[start..].chars().count() + 1;
        let end = text[from..to].find('\n').map_or(to, |at| from + at);
        Self { line, column, length: text[from..end].chars().count() }
    }

    fn of(span: Span) -> Self {
        let (start, end) = (span.start, span.end);
        let length = if start.line() == end.line() { end.col() - start.col() } else { 0 };
        Self { line: start.line(), column: start.col() + 1, length }
    }
}

/// Where the values and the keys of a document are. What only the parser of connectors reads has no
/// place.
#[derive(Debug, Default)]
pub(crate) struct SourceMap {
    values: HashMap<Path, Location>,
    keys: HashMap<Path, Location>,
    /// Keys that a map has twice: the second and the first place.
    pub(crate) repeated: Vec<(String, Location, Location)>,
    /// Where each document of the text begins.
    pub(crate) documents: Vec<Location>,
}

impl SourceMap {
    /// Finds the places of a text, as far as it can be parsed.
    pub(crate) fn of(text: &str) -> Self {
        let events = Parser::new_from_str(text).map_while(Result::ok).fuse();
        let mut walk =
            Walk { events: Box::new(events), places: Self::default(), path: Path::default() };
        while let Some((event, place)) = walk.next() {
            match event {
                Event::DocumentStart(_) => walk.places.documents.push(place),
                event => _ = walk.node(&event, place),
            }
        }
        walk.places
    }

    /// Where a value is, or its nearest parent: what an alias brings has no place of its own.
    pub(crate) fn value(&self, path: &Path) -> Location {
        Self::nearest(&self.values, path)
    }

    pub(crate) fn key(&self, path: &Path) -> Location {
        Self::nearest(&self.keys, path)
    }

    pub(crate) fn columns_below(&self, path: &Path) -> Option<usize> {
        let is_below = |key: &Path| key.0.len() == path.0.len() + 1 && key.0.starts_with(&path.0);
        let below = self.keys.iter().filter(|(key, _)| is_below(key));
        below.min_by_key(|(_, place)| place.line).map(|(_, place)| place.column)
    }

    fn nearest(places: &HashMap<Path, Location>, path: &Path) -> Location {
        let upwards = (0..=path.0.len()).rev().map(|steps| Path(path.0[..steps].to_vec()));
        let mut found = upwards.filter_map(|path| places.get(&path).copied());
        found.next().unwrap_or(Location::START)
    }
}

struct Walk<'a> {
    events: Box<dyn Iterator<Item = (Event<'a>, Span)> + 'a>,
    places: SourceMap,
    path: Path,
}

/// What is read is `None` at the end of a map, a list or the text.
impl<'a> Walk<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Location)> {
        if self.path.0.len() > MOST_LEVELS {
            self.events = Box::new(iter::empty());
        }
        let (event, span) = self.events.next()?;
        Some((event, Location::of(span)))
    }

    fn node(&mut self, event: &Event<'_>, place: Location) -> Option<()> {
        match event {
            Event::MappingEnd | Event::SequenceEnd | Event::DocumentEnd => return None,
            Event::Nothing | Event::StreamStart | Event::StreamEnd => return None,
            _ => drop(self.places.values.insert(self.path.clone(), place)),
        }
        match event {
            Event::MappingStart(..) => {
                while let Some(key) = self.key() {
                    self.below(key, Self::value);
                }
            }
            Event::SequenceStart(..) => {
                let mut index = 0;
                while self.below(PathStep::Index(index), Self::value).is_some() {
                    index += 1;
                }
            }
            _ => {}
        }
        Some(())
    }

    fn value(&mut self) -> Option<()> {
        let (event, place) = self.next()?;
        self.node(&event, place)
    }

    fn key(&mut self) -> Option<PathStep> {
        let (event, place) = self.next()?;
        let Event::Scalar(text, ..) = event else {
            // No finding is about what is below such a key.
            let key = PathStep::Key(String::new());
            return self.below(key.clone(), |walk| walk.node(&event, place)).map(|()| key);
        };
        let key = PathStep::Key(text.to_string());
        let path = self.path.with(key.clone());
        match self.places.keys.get(&path) {
            Some(first) => self.places.repeated.push((text.to_string(), place, *first)),
            None => drop(self.places.keys.insert(path, place)),
        }
        Some(key)
    }

    fn below<T>(&mut self, step: PathStep, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.0.push(step);
        let done = work(self);
        self.path.0.pop();
        done
    }
}

#[cfg(test)]
mod tests {
    use super::{Location, SourceMap};
    use crate::path::{Path, PathStep};

    #[test]
    fn values_and_keys_are_found_by_their_way() {
        let text = "a: 1\nb:\n  - x\n  - c: \"yz\"\n    d: {e: f}\n? {k: v}\n: w\ng: h\n";
        let places = SourceMap::of(text);
        let b1 = Path::keys(&["b"]).with(PathStep::Index(1));
        let place = |line, column, length| Location { line, column, length };
        assert_eq!(places.value(&Path::keys(&["a"])), place(1, 4, 1));
        assert_eq!(places.value(&b1.with(PathStep::Key("c".into()))), place(4, 8, 4));
        assert_eq!(places.key(&b1.with(PathStep::Key("c".into()))), place(4, 5, 1));
        let f = b1.with(PathStep::Key("d".into())).with(PathStep::Key("e".into()));
        assert_eq!(places.value(&f), place(5, 12, 1));
        assert_eq!(places.value(&Path::keys(&["g"])), place(8, 4, 1), "after a key that is a map");
        assert_eq!(f.to_string(), "b[1].d.e");
    }

    #[test]
    fn what_has_no_place_is_at_the_nearest_that_has_one() {
        let places = SourceMap::of("a:\n  b: *x\n");
        assert_eq!(places.value(&Path::keys(&["a", "b", "c"])).line, 2);
        assert_eq!(places.value(&Path::keys(&["z"])).line, 1);
        assert_eq!(SourceMap::of("a: [").value(&Path::keys(&["a"])).line, 1);
    }

    #[test]
    fn bytes_have_a_line_and_a_column_of_characters() {
        let text = "\u{fc}\nx\u{fc}yz\n";
        let at = text.find("yz").expect("it is there");
        let place = Location::of_bytes(text, at, at + 3);
        assert_eq!((place.line, place.column, place.length), (2, 3, 2));
    }
}
