//! Who writes dead letters: one box for each source, shared by all that read it, so that each letter is
//! written once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thalweg_log::{DeadLetter, Log};

use crate::dead_letters;
use crate::error::Result;

/// The boxes of all sources.
pub(crate) struct LetterBoxes {
    log: Arc<dyn Log>,
    boxes: Mutex<BTreeMap<String, Arc<LetterBox>>>,
}

/// The letters of one source.
///
/// A letter is made durable before the commit that passes its offset, so a kill in between leaves letters
/// whose records come again; and while a view is built beside the one that serves, both meet the same
/// records. One letter for a record and view is enough. So the box remembers the letters that are in the
/// topic, from the least offset on that one of its readers may still come to.
struct LetterBox {
    log: Arc<dyn Log>,
    source: String,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Offsets of records that have a letter, by topic, partition and the view they are dead for.
    offsets: BTreeMap<(String, i32, Option<String>), BTreeSet<i64>>,
    /// The offset from which on `offsets` has every letter, by topic and partition; none where it was not
    /// read yet.
    complete_from: BTreeMap<(String, i32), i64>,
    /// Topic of each reader, and the next offset it has not committed, by partition.
    readers: BTreeMap<u64, (String, Vec<i64>)>,
    next_reader: u64,
    /// Whether letters may have come into the topic of which nobody knows: it was not heard what became of them.
    unsure: bool,
}

/// One reader's access to the box of its source.
pub(crate) struct Letters {
    letter_box: Arc<LetterBox>,
    reader: u64,
}

impl LetterBoxes {
    pub(crate) fn new(log: Arc<dyn Log>) -> Self {
        Self { log, boxes: Mutex::default() }
    }

    /// Access to the box of `source` for one more reader.
    pub(crate) fn reader_of(&self, source: &str) -> Letters {
        let mut boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        let new =
            || LetterBox { log: Arc::clone(&self.log), source: source.to_owned(), known: Mutex::default() };
        let letter_box = Arc::clone(boxes.entry(source.to_owned()).or_insert_with(|| Arc::new(new())));
        drop(boxes);
        let mut known = letter_box.known();
        let reader = known.next_reader;
        known.next_reader += 1;
        drop(known);
        Letters { letter_box, reader }
    }
}

impl Letters {
    /// The reader begins to read `topic` at these offsets, by partition. To be called before anything else,
    /// and again where it begins anew.
    pub(crate) fn begin(&self, topic: &str, from: &[i64]) -> Result<()> {
        let LetterBox { log, source, .. } = &*self.letter_box;
        let mut known = self.letter_box.known();
        known.readers.insert(self.reader, (topic.to_owned(), from.to_vec()));
        if known.has_all(topic, from) {
            return Ok(());
        }
        drop(known);
        // Most of it is read while others may go on to write; what they write meanwhile is read at the end.
        let is_needed = |letter: &DeadLetter| {
            let from = usize::try_from(letter.partition).ok().and_then(|at| from.get(at));
            letter.topic == topic && from.is_some_and(|from| letter.offset >= *from)
        };
        let mut found = Vec::new();
        let mut take = |letter: DeadLetter| {
            if is_needed(&letter) {
                found.push((letter.partition, letter.offset, letter.view));
            }
        };
        let reached = dead_letters::read(&**log, source, &[], &mut take)?;
        let mut known = self.letter_box.known();
        dead_letters::read(&**log, source, &reached, &mut take)?;
        for (partition, offset, view) in found {
            known.offsets.entry((topic.to_owned(), partition, view)).or_default().insert(offset);
        }
        for (partition, from) in (0..).zip(from) {
            let complete = known.complete_from.entry((topic.to_owned(), partition)).or_insert(*from);
            *complete = (*complete).min(*from);
        }
        Ok(())
    }

    /// Whether the letter is in the topic.
    pub(crate) fn knows(&self, letter: &DeadLetter) -> bool {
        self.letter_box.known().has(letter)
    }

    /// Writes those of `letters` that are not in the topic, durably, and empties the list. How many they
    /// were.
    pub(crate) fn write(&self, letters: &mut Vec<DeadLetter>) -> Result<u64> {
        if letters.is_empty() {
            return Ok(0);
        }
        let LetterBox { log, source, .. } = &*self.letter_box;
        let mut known = self.letter_box.known();
        if known.unsure {
            dead_letters::read(&**log, source, &[], |letter| known.note(letter))?;
            known.unsure = false;
        }
        letters.retain(|letter| !known.has(letter));
        dead_letters::append(&**log, source, letters).inspect_err(|_| known.unsure = true)?;
        let written = letters.len() as u64;
        letters.drain(..).for_each(|letter| known.note(letter));
        Ok(written)
    }

    /// The reader has committed everything below these offsets, by partition, and will not come to it again.
    pub(crate) fn passed(&self, next: impl Fn(i32) -> i64) {
        self.letter_box.known().move_on(self.reader, next);
    }
}

impl Drop for Letters {
    fn drop(&mut self) {
        self.letter_box.known().readers.remove(&self.reader);
    }
}

impl LetterBox {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn note(&mut self, letter: DeadLetter) {
        let key = (letter.topic, letter.partition, letter.view);
        self.offsets.entry(key).or_default().insert(letter.offset);
    }

    fn has(&self, letter: &DeadLetter) -> bool {
        let offsets = self.offsets.get(&(letter.topic.clone(), letter.partition, letter.view.clone()));
        offsets.is_some_and(|offsets| offsets.contains(&letter.offset))
    }

    /// Whether every letter about records from these offsets on is known.
    fn has_all(&self, topic: &str, from: &[i64]) -> bool {
        (0..).zip(from).all(|(partition, from)| {
            let complete = self.complete_from.get(&(topic.to_owned(), partition));
            complete.is_some_and(|complete| complete <= from)
        })
    }

    /// Notes how far a reader is, and forgets what no reader of its topic will come to.
    fn move_on(&mut self, reader: u64, next: impl Fn(i32) -> i64) {
        let Some((topic, at)) = self.readers.get_mut(&reader) else { return };
        for (partition, at) in (0..).zip(at.iter_mut()) {
            *at = next(partition).max(*at);
        }
        let topic = topic.clone();
        let of_topic = self.readers.values().filter(|(of, _)| *of == topic);
        let least = of_topic.map(|(_, at)| at.clone()).reduce(|mut least, at| {
            least.iter_mut().zip(at).for_each(|(least, at)| *least = at.min(*least));
            least
        });
        for (partition, least) in (0..).zip(least.unwrap_or_default()) {
            if let Some(complete) = self.complete_from.get_mut(&(topic.clone(), partition)) {
                *complete = least.max(*complete);
            }
            let of_partition = (topic.clone(), partition, None)..(topic.clone(), partition + 1, None);
            for offsets in self.offsets.range_mut(of_partition).map(|(_, offsets)| offsets) {
                if offsets.first().is_some_and(|first| *first < least) {
                    *offsets = offsets.split_off(&least);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use thalweg_log::{
        Compression, EmbeddedLog, EmbeddedOptions, TopicIds, TopicPartition, dead_letter_topic,
    };

    use super::*;

    fn letter(offset: i64, view: Option<&str>) -> DeadLetter {
        DeadLetter {
            topic: "t".to_owned(),
            partition: 0,
            offset,
            timestamp_ms: 0,
            view: view.map(str::to_owned),
            reason: "because".to_owned(),
            key: None,
            value: None,
        }
    }

    fn open(dir: &std::path::Path) -> Arc<dyn Log> {
        let options = EmbeddedOptions {
            compression: Compression::None,
            topic_ids: TopicIds::Seeded(1),
            ..EmbeddedOptions::default()
        };
        Arc::new(EmbeddedLog::open(dir, options).expect("a new log"))
    }

    fn written(log: &dyn Log) -> i64 {
        log.next_offset(&TopicPartition::new(dead_letter_topic("s"), 0)).expect("the letters' topic")
    }

    #[test]
    fn two_readers_of_a_record_write_one_letter() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let boxes = LetterBoxes::new(open(dir.path()));
        let (old, new) = (boxes.reader_of("s"), boxes.reader_of("s"));
        old.begin("t", &[0]).expect("no letters yet");
        assert_eq!(old.write(&mut vec![letter(1, None), letter(2, Some("v"))]).expect("a writable log"), 2);
        new.begin("t", &[0]).expect("the letters");
        assert!(new.knows(&letter(2, Some("v"))) && !new.knows(&letter(2, None)));
        let mut again = vec![letter(1, None), letter(2, Some("v")), letter(2, None)];
        assert_eq!(new.write(&mut again).expect("a writable log"), 1);
        assert!(again.is_empty() && old.knows(&letter(2, None)));
        assert_eq!(written(&*boxes.log), 3);
    }

    #[test]
    fn what_no_reader_comes_to_is_forgotten_and_read_again_for_one_that_does() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let boxes = LetterBoxes::new(open(dir.path()));
        let (ahead, behind) = (boxes.reader_of("s"), boxes.reader_of("s"));
        ahead.begin("t", &[0]).expect("no letters yet");
        behind.begin("t", &[0]).expect("no letters yet");
        ahead.write(&mut (0..10).map(|offset| letter(offset, None)).collect()).expect("a writable log");
        ahead.passed(|_| 10);
        behind.passed(|_| 4);
        assert!(!behind.knows(&letter(3, None)) && behind.knows(&letter(4, None)));
        drop(behind);
        ahead.passed(|_| 10);
        assert!(!ahead.knows(&letter(9, None)));

        let late = boxes.reader_of("s");
        late.begin("t", &[2]).expect("the letters");
        assert!(!late.knows(&letter(1, None)) && (2..10).all(|offset| late.knows(&letter(offset, None))));
        assert_eq!(late.write(&mut vec![letter(5, None)]).expect("a writable log"), 0);
        assert_eq!(written(&*boxes.log), 10);
    }
}
