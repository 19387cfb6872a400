//! What is masked, and whether it is at a place.

use std::collections::BTreeSet;

use crate::{SHORTEST_VALUE, forms};

/// The values in all their forms.
pub struct Mask {
    /// In order, so that those with the same beginning are neighbors.
    patterns: Vec<Vec<u8>>,
    filter: PrefixFilter,
}

/// What begins at a place.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum MatchState {
    Nothing,
    /// A value in one of its forms, of this length.
    Value(usize),
    /// The beginning of one, which the next bytes decide.
    Begun,
}

impl Mask {
    /// A mask of these values. Those with fewer than [`SHORTEST_VALUE`] bytes are not masked.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let long = values.into_iter().filter(|value| value.len() >= SHORTEST_VALUE);
        let patterns: BTreeSet<_> = long.flat_map(forms::of).collect();
        let patterns: Vec<_> = patterns.into_iter().collect();
        Self { filter: PrefixFilter::of(&patterns), patterns }
    }

    /// What begins at the beginning of a text, which is not empty. The longest form counts.
    pub(crate) fn at(&self, text: &[u8], is_end: bool) -> MatchState {
        let prefix = &text[..text.len().min(SHORTEST_VALUE)];
        let first = self.patterns.partition_point(|pattern| &**pattern < prefix);
        let alike = self.patterns[first..].iter().take_while(|one| one.starts_with(prefix));
        let mut longest = None;
        for pattern in alike {
            if text.starts_with(pattern) {
                longest = longest.max(Some(pattern.len()));
            } else if !is_end && pattern.starts_with(text) {
                return MatchState::Begun;
            }
        }
        longest.map_or(MatchState::Nothing, MatchState::Value)
    }

    /// The next place, from this one on, where something may begin.
    pub(crate) fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        if self.patterns.is_empty() {
            return None;
        }
        let rest = text.get(from..)?;
        let whole = rest.windows(SHORTEST_VALUE).position(|window| self.filter.may_have(window));
        // At the end, every byte may begin a value.
        let tail = rest.len().saturating_sub(SHORTEST_VALUE - 1);
        whole.or_else(|| (tail < rest.len()).then_some(tail)).map(|at| from + at)
    }
}

/// Whether a pattern may begin with some bytes: a bit for each hash of them.
struct PrefixFilter(Box<[u64; FILTER_WORDS]>);

const FILTER_BITS: u32 = 16;
const FILTER_WORDS: usize = 1 << (FILTER_BITS - 6);

impl PrefixFilter {
    fn of(patterns: &[Vec<u8>]) -> Self {
        let mut filter = Self(Box::new([0; FILTER_WORDS]));
        for pattern in patterns {
            let (word, bit) = Self::place(&pattern[..SHORTEST_VALUE]);
            filter.0[word] |= bit;
        }
        filter
    }

    fn may_have(&self, prefix: &[u8]) -> bool {
        let (word, bit) = Self::place(prefix);
        self.0[word] & bit != 0
    }

    fn place(prefix: &[u8]) -> (usize, u64) {
        let prefix = prefix.first_chunk().copied().unwrap_or_default();
        // The high bits of a product depend on all bits (Fibonacci hashing).
        let hash = u32::from_le_bytes(prefix).wrapping_mul(0x9e37_79b9) >> (32 - FILTER_BITS);
        ((hash >> 6) as usize % FILTER_WORDS, 1 << (hash & 63))
    }
}
