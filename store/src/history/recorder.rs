//! Noting what is applied when, as it happens.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rocksdb::WriteBatch;
use thalweg_core::{Instant, TimeDelta};

use crate::error::Result;
use crate::keys;
use crate::rows::TopicId;
use crate::store::{Store, damaged};

use super::{Block, Moment};

/// Bytes of a block after which another one is begun.
const BLOCK_BYTES: usize = 2_048;

/// Notes what lookups of one topic come to see.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// The newest block; none before the first moment.
    newest: Option<Block>,
    /// Whether it is not as it was last written.
    changed: bool,
    /// Blocks before it that are not written yet.
    sealed: Vec<Block>,
    /// Whether what was noted was of another topic of the same name.
    other_topic: bool,
    /// Whether this process goes on with what it has noted itself.
    going_on: bool,
    /// No moment lies before this: what was applied until then was told already.
    not_before: Instant,
    /// Where the clock shows again what it has shown: the least that it was seen to show since it was set back.
    back_at: Option<Instant>,
}

impl Recorder {
    /// Goes on with what the store has of `topic`.
    pub(crate) fn open(store: &Store, topic: &str) -> Result<Self> {
        let (begin, end) = keys::history_of(topic);
        let newest = store.last_before(&begin, &end)?;
        let block = |(_, bytes): (Box<[u8]>, Box<[u8]>)| {
            Block::decode(&bytes).ok_or_else(|| damaged(topic, "history"))
        };
        Ok(Self {
            newest: newest.map(block).transpose()?,
            changed: false,
            sealed: Vec::new(),
            other_topic: false,
            going_on: false,
            not_before: Instant::MIN,
            back_at: None,
        })
    }

    /// The same, to go on for the topic `id`: of another one of its name it begins anew.
    pub(crate) fn of_topic(mut self, id: Option<TopicId>) -> Self {
        self.going_on &= self.newest.as_ref().is_none_or(|block| Some(block.topic_id()) == id);
        self
    }

    /// Notes that from `now` on lookups see what is applied as `next` says, of the topic `id`, whose partitions end
    /// at `ends`. Whether there was anything to note.
    pub(crate) fn begin(
        &mut self,
        id: TopicId,
        now: Instant,
        next: &BTreeMap<i32, i64>,
        ends: &[i64],
    ) -> bool {
        if std::mem::replace(&mut self.going_on, true) {
            return false;
        }
        if self.newest.as_ref().is_some_and(|block| block.topic_id() != id) {
            self.newest = None;
            self.other_topic = true;
        }
        match &self.newest {
            Some(block) => {
                let noted = |partition: i32| block.next().get(&partition).copied().unwrap_or(0);
                // Where the log has no more than was noted, no more can have been applied since.
                let complete = (0..).zip(ends).all(|(partition, end)| noted(partition) == *end);
                let next = with_all_of(next, block.next());
                if complete && *block.next() == next {
                    return self.look(now);
                }
                self.note(id, now, !complete, next);
            }
            None => self.note(id, now, true, next.clone()),
        }
        true
    }

    /// Notes that from `now` on lookups see what is applied as `next` says. Whether there was anything to note.
    pub(crate) fn record(&mut self, now: Instant, next: &BTreeMap<i32, i64>) -> bool {
        match &self.newest {
            // Before it has begun nobody knows of which topic it is.
            Some(block) if self.going_on => {
                let (id, next) = (block.topic_id(), with_all_of(next, block.next()));
                if *block.next() == next {
                    return self.look(now);
                }
                self.note(id, now, false, next);
                true
            }
            _ => false,
        }
    }

    /// Notes that at `now` nothing has changed. Whether that is later than what was noted last.
    pub(crate) fn rest(&mut self, now: Instant) -> bool {
        match &self.newest {
            Some(block) if self.going_on && block.last() < now => {
                let (id, next) = (block.topic_id(), block.next().clone());
                self.note(id, now, false, next);
                true
            }
            _ => self.look(now),
        }
    }

    /// Notes where the clock, which says `now`, was set back. Whether there was anything to note.
    pub(crate) fn look(&mut self, now: Instant) -> bool {
        let before = self.back_at;
        let Some(block) = self.newest.as_ref().filter(|block| self.going_on && self.is_back(block, now))
        else {
            self.back_at = None;
            return false;
        };
        if before.is_some_and(|before| before <= now) {
            return false;
        }
        let (id, next) = (block.topic_id(), block.next().clone());
        self.note(id, now, false, next);
        true
    }

    /// Whether `now` was shown before: by what was noted in `newest`, or by what was told. Not where the clock has stood
    /// still: what is noted after that was told lies a microsecond after it.
    fn is_back(&self, newest: &Block, now: Instant) -> bool {
        now.saturating_add(TimeDelta::from_micros(1)) < newest.last().max(self.not_before)
    }

    fn note(&mut self, id: TopicId, now: Instant, unknown_before: bool, next: BTreeMap<i32, i64>) {
        self.changed = true;
        let mut at = now.max(self.not_before);
        let mut set_back_to = None;
        if let Some(block) = &self.newest {
            at = at.max(block.last());
            if !self.is_back(block, now) {
                self.back_at = None;
            } else if self.back_at.is_none_or(|before| now < before) {
                (self.back_at, set_back_to) = (Some(now), Some(now));
                // The last instant was shown twice, too.
                at = at.max(block.last().saturating_add(TimeDelta::from_micros(1)));
            }
        }
        let moment = Moment { at, unknown_before, set_back_to, next };
        match &mut self.newest {
            None => self.newest = Some(Block::begin(id, &moment)),
            // Blocks are told apart by when they begin.
            Some(block) if block.bytes().len() < BLOCK_BYTES || block.first() == at => block.push(&moment),
            Some(block) => self.sealed.push(std::mem::replace(block, Block::begin(id, &moment))),
        }
    }

    /// Puts what was noted since the last time into `batch`, and deletes what lies further back than `kept`.
    pub(crate) fn write(
        &mut self,
        store: &Store,
        topic: &str,
        kept: TimeDelta,
        batch: &mut WriteBatch,
    ) -> Result<()> {
        let (begin, end) = keys::history_of(topic);
        if std::mem::take(&mut self.other_topic) {
            store.each(&begin, &end, |key, _| {
                batch.delete(key);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        let Some(newest) = self.newest.as_ref().filter(|_| std::mem::take(&mut self.changed)) else {
            return Ok(());
        };
        if !self.sealed.is_empty() {
            // The block in which the oldest instant lies that is kept stays whole.
            let oldest = keys::history(topic, newest.last().saturating_sub(kept));
            let needed = store.last_before(&begin, &oldest)?.map_or(begin.clone(), |(key, _)| key.into_vec());
            store.each(&begin, &needed, |key, _| {
                batch.delete(key);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        for block in self.sealed.iter().chain([newest]) {
            batch.put(keys::history(topic, block.first()), block.bytes());
        }
        self.sealed.clear();
        Ok(())
    }

    /// The blocks that the store may not have as they are, after which it may; none of what is noted later will lie
    /// at `until` or before.
    pub(crate) fn unwritten_blocks(&mut self, until: Instant) -> Vec<Block> {
        self.not_before = self.not_before.max(until.saturating_add(TimeDelta::from_micros(1)));
        self.sealed.iter().chain(&self.newest).cloned().collect()
    }
}

/// `next`, and 0 for every other partition that `before` has: a state that is made again begins with nothing.
fn with_all_of(next: &BTreeMap<i32, i64>, before: &BTreeMap<i32, i64>) -> BTreeMap<i32, i64> {
    let nothing = before.keys().map(|partition| (*partition, 0));
    nothing.chain(next.iter().map(|(partition, next)| (*partition, *next))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TopicId = [3; 16];

    fn at(micros: i64) -> Instant {
        Instant::from_micros(micros)
    }

    fn next(offsets: &[i64]) -> BTreeMap<i32, i64> {
        (0..).zip(offsets.iter().copied()).collect()
    }

    fn new() -> Recorder {
        Recorder {
            newest: None,
            changed: false,
            sealed: Vec::new(),
            other_topic: false,
            going_on: false,
            not_before: Instant::MIN,
            back_at: None,
        }
    }

    fn moments(recorder: &mut Recorder) -> Vec<(i64, bool, Vec<i64>)> {
        let blocks = recorder.unwritten_blocks(Instant::MIN);
        let moments = blocks.iter().flat_map(|block| block.moments().expect("whole blocks"));
        moments.map(|m| (m.at.as_micros(), m.unknown_before, m.next.into_values().collect())).collect()
    }

    /// The same after the process has ended and begun again.
    fn again(recorder: Recorder) -> Recorder {
        Recorder { going_on: false, not_before: Instant::MIN, back_at: None, ..recorder }
    }

    #[test]
    fn what_changes_is_noted_and_what_a_kill_may_have_taken_is_unknown() {
        let mut recorder = new();
        assert!(!recorder.record(at(1), &next(&[1])), "it has not begun");
        assert!(recorder.begin(ID, at(2), &next(&[]), &[0]));
        assert!(!recorder.begin(ID, at(3), &next(&[]), &[9]), "it goes on");
        assert!(recorder.record(at(4), &next(&[5])));
        assert!(!recorder.record(at(5), &next(&[5])));
        assert!(recorder.rest(at(6)) && !recorder.rest(at(6)));
        // The log has more by now.
        let mut recorder = again(recorder);
        assert!(recorder.begin(ID, at(9), &next(&[5]), &[6]));
        // The log had no more than was noted.
        let mut recorder = again(recorder);
        assert!(!recorder.begin(ID, at(12), &next(&[5]), &[5]));
        // Nor had it here, and the state must be built again.
        let mut recorder = again(recorder);
        assert!(recorder.begin(ID, at(15), &next(&[]), &[5]));
        assert!(!recorder.record(at(16), &next(&[])) && recorder.record(at(17), &next(&[2])));
        let expected = [
            (2, true, vec![]),
            (4, false, vec![5]),
            (6, false, vec![5]),
            (9, true, vec![5]),
            (15, false, vec![0]),
            (17, false, vec![2]),
        ];
        assert_eq!(moments(&mut recorder), expected);
    }

    #[test]
    fn no_moment_lies_before_another_or_before_what_was_told() {
        let mut recorder = new();
        recorder.begin(ID, at(10), &next(&[]), &[0]);
        recorder.record(at(10), &next(&[1]));
        recorder.unwritten_blocks(at(20));
        recorder.record(at(20), &next(&[2]));
        let instants: Vec<_> = moments(&mut recorder).iter().map(|moment| moment.0).collect();
        assert_eq!(instants, [10, 10, 21]);
        assert!(set_back(&mut recorder).is_empty(), "the clock only goes on");
    }

    /// The moments that say that the clock was set back, with what it was set back to.
    fn set_back(recorder: &mut Recorder) -> Vec<(i64, i64)> {
        let blocks = recorder.unwritten_blocks(Instant::MIN);
        let moments = blocks.iter().flat_map(|block| block.moments().expect("whole blocks"));
        moments.filter_map(|m| Some((m.at.as_micros(), m.set_back_to?.as_micros()))).collect()
    }

    #[test]
    fn a_clock_that_is_set_back_is_noted_once_until_it_has_caught_up() {
        let mut recorder = new();
        recorder.begin(ID, at(10), &next(&[]), &[0]);
        recorder.record(at(1_000), &next(&[1]));
        assert!(!recorder.look(at(1_000)));
        assert!(recorder.record(at(50), &next(&[2])));
        assert!(!recorder.look(at(60)), "all up to 1,001 is unknown already");
        assert!(recorder.record(at(70), &next(&[3])));
        assert!(recorder.look(at(40)) && !recorder.look(at(45)), "it was set back further");
        assert!(recorder.record(at(1_010), &next(&[4])));
        assert!(!recorder.look(at(1_020)) && recorder.look(at(1_005)), "it was set back again");
        assert_eq!(set_back(&mut recorder), [(1_001, 50), (1_002, 40), (1_011, 1_005)]);
        let instants: Vec<_> = moments(&mut recorder).iter().map(|moment| moment.0).collect();
        assert_eq!(instants, [10, 1_000, 1_001, 1_001, 1_002, 1_010, 1_011]);
    }

    #[test]
    fn a_clock_that_was_set_back_meanwhile_is_noted_whatever_there_is_to_apply() {
        for (from, ends) in [(5, [5]), (5, [6]), (4, [5])] {
            let mut recorder = new();
            recorder.begin(ID, at(10), &next(&[]), &[0]);
            recorder.record(at(1_000), &next(&[5]));
            let mut recorder = again(recorder);
            assert!(recorder.begin(ID, at(50), &next(&[from]), &ends));
            assert_eq!(set_back(&mut recorder), [(1_001, 50)]);
        }
        let mut recorder = new();
        recorder.begin(ID, at(10), &next(&[]), &[0]);
        recorder.look(at(500));
        recorder.unwritten_blocks(at(500));
        assert!(recorder.rest(at(100)), "it was told what was applied up to 500");
        assert_eq!(set_back(&mut recorder), [(501, 100)]);
    }

    #[test]
    fn another_topic_of_the_same_name_has_another_history() {
        let mut recorder = new();
        recorder.begin(ID, at(10), &next(&[4]), &[4]);
        let mut recorder = again(recorder);
        assert!(recorder.begin([4; 16], at(12), &next(&[]), &[4]));
        assert_eq!(moments(&mut recorder), [(12, true, vec![])]);
        assert!(recorder.other_topic);
    }

    #[test]
    fn blocks_are_sealed_when_they_are_full_and_never_begin_together() {
        let mut recorder = new();
        recorder.begin(ID, at(0), &next(&[]), &[0]);
        for n in 1..3_000 {
            assert!(recorder.record(at(0), &next(&[n])));
        }
        assert!(recorder.sealed.is_empty());
        for n in 3_000..4_000 {
            assert!(recorder.record(at(n), &next(&[n])));
        }
        assert!(recorder.sealed.len() > 1);
        let blocks = recorder.unwritten_blocks(Instant::MIN);
        assert!(blocks.is_sorted_by(|a, b| a.first() < b.first() && a.last() <= b.first()));
        assert_eq!(moments(&mut recorder).len(), 4_000);
    }
}
