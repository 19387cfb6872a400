//! Where in the text of a configuration something is.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, Span};

use crate::path::{Path, PathStep};

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

    /// The place of bytes of a text.
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

/// A map or list that is open at an event of the parser.
enum Open {
    Map { key: Option<String> },
    List { next: usize },
}

impl SourceMap {
    /// Finds the places of a text.
    pub(crate) fn of(text: &str) -> Self {
        let mut places = Self::default();
        let mut walk = Walk { places: &mut places, path: Path::default(), open: Vec::new() };
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else { break };
            walk.event(&event, Location::of(span));
        }
        places
    }

    /// Where a value is, or its nearest parent: what an alias brings has no place of its own.
    pub(crate) fn value(&self, path: &Path) -> Location {
        Self::nearest(&self.values, path)
    }

    /// Where the key of a value is.
    pub(crate) fn key(&self, path: &Path) -> Location {
        Self::nearest(&self.keys, path)
    }

    /// The column of the keys of a map.
    pub(crate) fn columns_below(&self, path: &Path) -> Option<usize> {
        let is_below = |key: &Path| key.0.len() == path.0.len() + 1 && key.0.starts_with(&path.0);
        let below = self.keys.iter().filter(|(key, _)| is_below(key));
        below.min_by_key(|(_, place)| place.line).map(|(_, place)| place.column)
    }

    fn nearest(places: &HashMap<Path, Location>, path: &Path) -> Location {
        let mut path = path.clone();
        loop {
            if let Some(place) = places.get(&path) {
                return *place;
            }
            if path.0.pop().is_none() {
                return Location::START;
            }
        }
    }
}

struct Walk<'a> {
    places: &'a mut SourceMap,
    path: Path,
    open: Vec<Open>,
}

impl Walk<'_> {
    fn event(&mut self, event: &Event<'_>, place: Location) {
        match event {
            Event::Scalar(text, ..) => match self.open.last_mut() {
                Some(Open::Map { key: key @ None }) => {
                    *key = Some(text.to_string());
                    let path = self.path.with(PathStep::Key(text.to_string()));
                    match self.places.keys.get(&path) {
                        Some(first) => {
                            let again = (text.to_string(), place, *first);
                            self.places.repeated.push(again);
                        }
                        None => drop(self.places.keys.insert(path, place)),
                    }
                }
                _ => self.leaf(place),
            },
            Event::Alias(_) => match self.open.last_mut() {
                // No finding is about what is below a key that is an alias.
                Some(Open::Map { key: key @ None }) => *key = Some(String::new()),
                _ => self.leaf(place),
            },
            Event::MappingStart(..) => self.enter(Open::Map { key: None }, place),
            Event::SequenceStart(..) => self.enter(Open::List { next: 0 }, place),
            Event::DocumentStart(_) => self.places.documents.push(place),
            Event::MappingEnd | Event::SequenceEnd => {
                self.open.pop();
                self.leave();
            }
            _ => {}
        }
    }

    /// The step from what is open to the next value.
    fn step(&mut self) -> Option<PathStep> {
        match self.open.last_mut()? {
            // No finding is about what is below a key that is a map.
            Open::Map { key } => Some(PathStep::Key(key.clone().unwrap_or_default())),
            Open::List { next } => {
                *next += 1;
                Some(PathStep::Index(*next - 1))
            }
        }
    }

    fn leaf(&mut self, place: Location) {
        let path = match self.step() {
            Some(step) => self.path.with(step),
            None => self.path.clone(),
        };
        self.places.values.insert(path, place);
        self.value_is_over();
    }

    fn enter(&mut self, open: Open, place: Location) {
        if let Some(step) = self.step() {
            self.path.0.push(step);
        }
        self.places.values.insert(self.path.clone(), place);
        self.open.push(open);
    }

    fn leave(&mut self) {
        self.path.0.pop();
        self.value_is_over();
    }

    fn value_is_over(&mut self) {
        if let Some(Open::Map { key }) = self.open.last_mut() {
            // After a map that was a key, its value comes next.
            *key = if key.is_none() { Some(String::new()) } else { None };
        }
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
