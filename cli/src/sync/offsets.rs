//! Which records of a topic were read. A consumer can omit records, and prints no word about it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What an offset says about the reading.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OffsetNews {
    /// The next record, or one that was missing.
    Next,
    /// Records before it are missing. They have to be read again.
    Gap,
    /// The record was read before.
    Again,
    /// Another record is at this offset now, so this is another topic of the same name.
    Remade,
}

/// The offsets of one reading of a topic, from its beginning on.
#[derive(Debug, Default)]
pub(crate) struct TopicOffsets {
    /// The offset after the highest one.
    next: u64,
    /// The hash of the record with the highest offset.
    last: Option<u128>,
    /// Each missing range, by its begin.
    missing: BTreeMap<u64, u64>,
    /// Ranges that are missing even if the reading begins with them.
    unreadable: BTreeSet<(u64, u64)>,
}

impl TopicOffsets {
    /// The topic is read from its beginning.
    pub(crate) fn begin(&mut self) {
        self.next = 0;
        self.last = None;
        self.missing.clear();
    }

    /// Takes note of a record that was read. `is_known` is whether this content was read before.
    pub(crate) fn read(&mut self, offset: u64, hash: u128, is_known: bool) -> OffsetNews {
        if offset >= self.next {
            let gap = self.next..offset;
            self.next = offset.saturating_add(1);
            self.last = Some(hash);
            if gap.is_empty() {
                return OffsetNews::Next;
            }
            self.missing.insert(gap.start, gap.end);
            return match self.unreadable.contains(&(gap.start, gap.end)) {
                true => OffsetNews::Next,
                false => OffsetNews::Gap,
            };
        }
        if self.fill(offset) {
            return OffsetNews::Next;
        }
        if is_known { OffsetNews::Again } else { OffsetNews::Remade }
    }

    /// Removes an offset from the missing ones. Returns whether it was one of them.
    fn fill(&mut self, offset: u64) -> bool {
        let found = self.missing.range(..=offset).next_back().map(|(begin, end)| *begin..*end);
        let Some(Range { start, end }) = found.filter(|range| range.contains(&offset)) else {
            return false;
        };
        self.missing.remove(&start);
        if start < offset {
            self.missing.insert(start, offset);
        }
        if offset + 1 < end {
            self.missing.insert(offset + 1, end);
        }
        true
    }

    /// The first record that is missing. A reading that begins with it may bring it: a consumer omits only what is
    /// at the end of the bytes that it gets at once.
    pub(crate) fn gap(&self) -> Option<u64> {
        let is_readable = |range: &(&u64, &u64)| !self.unreadable.contains(&(*range.0, *range.1));
        self.missing.iter().find(is_readable).map(|(begin, _)| *begin)
    }

    /// A reading that began with this record has ended. Returns the range that is unreadable, if the record is still
    /// missing.
    pub(crate) fn give_up(&mut self, offset: u64) -> Option<Range<u64>> {
        let (begin, end) = self.missing.range(..=offset).next_back().map(|(b, e)| (*b, *e))?;
        let is_new = (begin..end).contains(&offset) && self.unreadable.insert((begin, end));
        is_new.then_some(begin..end)
    }

    /// The number of records up to the highest one.
    pub(crate) fn records(&self) -> u64 {
        self.next
    }

    /// The number of records that cannot be read.
    pub(crate) fn unreadable(&self) -> u64 {
        let lost =
            self.missing.iter().filter(|(begin, end)| self.unreadable.contains(&(**begin, **end)));
        lost.map(|(begin, end)| end - begin).sum()
    }

    /// The record with the highest offset, and its hash. Following begins with it: if it is another one then, the
    /// topic is another one.
    pub(crate) fn last(&self) -> Option<(u64, u128)> {
        Some((self.next.checked_sub(1)?, self.last?))
    }
}

#[cfg(test)]
mod tests {
    use super::{OffsetNews, TopicOffsets};

    fn read(offsets: &mut TopicOffsets, all: &[u64]) -> Vec<OffsetNews> {
        all.iter().map(|offset| offsets.read(*offset, u128::from(*offset), false)).collect()
    }

    #[test]
    fn a_gap_is_noticed_and_may_be_filled_late() {
        let mut offsets = TopicOffsets::default();
        offsets.begin();
        let news = read(&mut offsets, &[0, 1, 5, 3, 2, 4, 6]);
        use OffsetNews::{Gap, Next};
        assert_eq!(news, [Next, Next, Gap, Next, Next, Next, Next]);
        assert!(offsets.gap().is_none() && offsets.give_up(2).is_none());
        assert_eq!((offsets.records(), offsets.last()), (7, Some((6, 6))));
    }

    #[test]
    fn what_is_missing_although_the_reading_begins_with_it_is_unreadable() {
        let mut offsets = TopicOffsets::default();
        offsets.begin();
        read(&mut offsets, &[2, 3, 5, 7]);
        assert_eq!(offsets.gap(), Some(0));
        // A reading from there.
        read(&mut offsets, &[2, 3, 4, 5, 7]);
        assert_eq!(offsets.give_up(0), Some(0..2));
        assert_eq!((offsets.give_up(0), offsets.give_up(4), offsets.gap()), (None, None, Some(6)));
        assert_eq!(
            (offsets.give_up(6), offsets.gap(), offsets.unreadable()),
            (Some(6..7), None, 3)
        );
        // The next time, they are not tried again.
        offsets.begin();
        assert_eq!(read(&mut offsets, &[2, 3, 4, 5, 7]), [OffsetNews::Next; 5]);
        assert_eq!(offsets.gap(), None);
        // They are there after all.
        offsets.begin();
        read(&mut offsets, &[0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((offsets.unreadable(), offsets.gap()), (0, None));
    }

    #[test]
    fn another_record_at_an_offset_is_another_topic() {
        let mut offsets = TopicOffsets::default();
        offsets.begin();
        read(&mut offsets, &[0, 1]);
        assert_eq!(offsets.read(1, 1, true), OffsetNews::Again);
        assert_eq!(offsets.read(0, 7, false), OffsetNews::Remade);
        let empty = TopicOffsets::default();
        assert_eq!(empty.last(), None);
    }
}
