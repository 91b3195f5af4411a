//! Opening what a crash, or worse, has left.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use super::durable_end;
use super::partition;
use super::recovery::{Recovered, recover};
use super::{EmbeddedLog, EmbeddedOptions, TopicIds};
use crate::batch::{BatchFault, BatchReader, Compression, NewRecord, encode_batches};
use crate::error::Error;
use crate::log::Log;
use crate::topic::{TopicId, TopicPartition};

const FIRST: &str = "00000000000000000000.log";
/// Records of each batch.
const RECORDS: i64 = 2;

/// A batch of two records at `base_offset`.
fn batch(base_offset: i64) -> Vec<u8> {
    let record = NewRecord { key: Some(b"k"), value: Some(b"value"), timestamp_ms: 5, headers: &[] };
    let mut bytes = Vec::new();
    encode_batches(base_offset, &[record; RECORDS as usize], Compression::None, &mut bytes)
        .expect("small records");
    bytes
}

/// A partition's folder, whose segment and note of what is durable are set before each opening.
struct Folder {
    _root: tempfile::TempDir,
    dir: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let dir = root.path().join("t-0");
        partition::create(&dir, TopicId::from_random([1; 16])).expect("a partition");
        Self { _root: root, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Sets the first segment's bytes and what is noted of it as durable: bytes, or nothing at all.
    fn set(&self, bytes: &[u8], durable: Option<usize>) {
        std::fs::write(self.path(FIRST), bytes).expect("written");
        self.note(0, durable);
    }

    fn note(&self, segment: i64, durable: Option<usize>) {
        match durable {
            Some(position) => durable_end::DurableEndFile::open(&self.dir)
                .and_then(|file| {
                    file.write(durable_end::DurableEnd { next_offset: 0, segment, position: position as u64 })
                })
                .expect("written"),
            None => {
                // There may be none already.
                let _ = std::fs::remove_file(durable_end::path_in(&self.dir));
            }
        }
    }

    fn open(&self) -> Result<Recovered, Error> {
        recover(&self.dir, &TopicPartition::new("t", 0))
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path(FIRST)).expect("the segment")
    }
}

#[track_caller]
fn damaged_at(result: Result<Recovered, Error>, path: &Path, due: usize) {
    match result.map(|found| found.next_offset) {
        Err(Error::Damaged { path: found, position, .. }) => {
            assert_eq!((&*found, position), (path, due as u64))
        }
        other => panic!("no damage found: {other:?}"),
    }
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_what_was_acknowledged_stays() {
    let folder = Folder::new();
    let acknowledged = [batch(0), batch(2)].concat();
    // A group of two batches that was not acknowledged.
    let (one, two) = (batch(4), batch(6));
    let whole = [&acknowledged[..], &one, &two].concat();
    for noted in [Some(acknowledged.len()), Some(one.len()), None] {
        for length in acknowledged.len()..=whole.len() {
            folder.set(&whole[..length], noted);
            let found = folder.open().expect("a torn tail");
            let batches = (length - acknowledged.len()) / one.len();
            let kept = acknowledged.len() + batches * one.len();
            assert_eq!(found.next_offset, 4 + batches as i64 * RECORDS, "{length} bytes, {noted:?} noted");
            assert_eq!(folder.bytes(), whole[..kept]);
            match found.cut {
                Some(cut) => {
                    assert_eq!((cut.position, cut.bytes), (kept as u64, (length - kept) as u64));
                    assert_eq!((cut.next_offset, cut.path), (found.next_offset, folder.path(FIRST)));
                }
                None => assert_eq!(length, kept),
            }
            drop(found.durable_end);
            // All that is there is now noted as durable.
            let noted = durable_end::DurableEnd::read(&folder.dir).expect("a note").expect("a note");
            assert_eq!((noted.position, noted.next_offset), (kept as u64, found.next_offset));
        }
    }
}

#[test]
fn acknowledged_bytes_that_are_missing_are_never_cut() {
    let folder = Folder::new();
    let whole = [batch(0), batch(2)].concat();
    for length in 0..whole.len() {
        folder.set(&whole[..length], Some(whole.len()));
        match folder.open().map(|found| found.next_offset) {
            Err(Error::Lost { path, acknowledged, found, marker }) => {
                assert_eq!(
                    (path, acknowledged, found),
                    (folder.path(FIRST), whole.len() as u64, length as u64)
                );
                assert_eq!(marker, durable_end::path_in(&folder.dir));
            }
            other => panic!("{length} bytes: {other:?}"),
        }
        assert_eq!(folder.bytes().len(), length);
    }
}

#[test]
fn a_changed_byte_in_what_was_acknowledged_is_never_cut() {
    let folder = Folder::new();
    let whole = [batch(0), batch(2), batch(4)].concat();
    let size = batch(0).len();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        folder.set(&bytes, Some(whole.len()));
        // The leader's epoch is outside the checksum, and nothing hangs on it.
        if (12..16).contains(&(at % size)) {
            assert_eq!(folder.open().expect("an epoch changed").next_offset, 6, "byte {at}");
        } else {
            damaged_at(folder.open(), &folder.path(FIRST), at / size * size);
        }
        assert_eq!(folder.bytes(), bytes, "nothing was cut");
    }
}

#[test]
fn a_changed_byte_before_a_whole_batch_is_damage_even_without_a_note() {
    let folder = Folder::new();
    let whole = [batch(0), batch(2), batch(4)].concat();
    let size = batch(0).len();
    for at in 0..2 * size {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        folder.set(&bytes, None);
        if !(12..16).contains(&(at % size)) {
            damaged_at(folder.open(), &folder.path(FIRST), at / size * size);
            assert_eq!(folder.bytes(), bytes);
        }
    }
}

#[test]
fn what_a_loss_of_power_leaves_is_cut() {
    let folder = Folder::new();
    let good = batch(0);
    let mut unwritten = batch(2);
    unwritten[70..].fill(0);
    for tail in [vec![0; 10], vec![0; 100], vec![0; 200_000], unwritten] {
        for noted in [Some(good.len()), None] {
            folder.set(&[&good[..], &tail].concat(), noted);
            let found = folder.open().expect("a torn tail");
            assert_eq!((found.next_offset, found.cut.map(|cut| cut.bytes)), (2, Some(tail.len() as u64)));
            assert_eq!(folder.bytes(), good);
        }
    }
}

#[test]
fn a_whole_batch_behind_a_hole_is_not_cut() {
    let folder = Folder::new();
    let mut bytes = batch(0);
    bytes.extend([0; 300]);
    bytes.extend(batch(4));
    for noted in [Some(batch(0).len()), None] {
        folder.set(&bytes, noted);
        damaged_at(folder.open(), &folder.path(FIRST), batch(0).len());
        assert_eq!(folder.bytes(), bytes);
    }
}

#[test]
fn bytes_that_no_write_of_ours_leaves_are_not_cut_where_nothing_is_noted() {
    let folder = Folder::new();
    let noise: Vec<u8> = (0u32..5_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    folder.set(&noise, None);
    damaged_at(folder.open(), &folder.path(FIRST), 0);

    // A torn batch that is longer than its header says, and one of another offset.
    let mut longer = batch(2);
    *longer.last_mut().expect("bytes") ^= 1;
    longer.push(0);
    for tail in [longer, batch(3), batch(3)[..20].to_vec()] {
        let bytes = [&batch(0)[..], &tail].concat();
        folder.set(&bytes, None);
        damaged_at(folder.open(), &folder.path(FIRST), batch(0).len());
        assert_eq!(folder.bytes(), bytes);
    }
}

#[test]
fn a_header_that_claims_two_gigabytes_is_damage_or_a_torn_tail() {
    let folder = Folder::new();
    let good = batch(0);
    let mut claims = batch(2);
    claims[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
    let bytes = [&good[..], &claims].concat();
    folder.set(&bytes, Some(bytes.len()));
    damaged_at(folder.open(), &folder.path(FIRST), good.len());
    folder.set(&bytes, Some(good.len()));
    let cut = folder.open().expect("a torn tail").cut.expect("a cut");
    assert!(matches!(cut.fault, BatchFault::Short { .. }), "{}", cut.fault);
}

#[test]
fn only_the_last_segment_has_a_torn_tail() {
    let folder = Folder::new();
    let second = "00000000000000000002.log";
    let set = |first: &[u8], last: &[u8]| {
        folder.set(first, None);
        std::fs::write(folder.path(second), last).expect("written");
    };
    let good = batch(0);
    set(&good, &batch(2));
    assert_eq!(folder.open().expect("two segments").next_offset, 4);
    set(&good, &[]);
    assert_eq!(folder.open().expect("one segment and an empty one").next_offset, 2);

    for length in 1..good.len() {
        set(&good[..length], &batch(2));
        damaged_at(folder.open(), &folder.path(FIRST), 0);
    }
    set(&[], &batch(2));
    let error = folder.open().err().expect("a lost segment").to_string();
    assert!(error.contains(second) && error.contains("should begin at offset 0"), "{error}");

    // The note is of the first segment: nothing in the second was acknowledged.
    set(&good, &batch(2)[..30]);
    folder.note(0, Some(good.len()));
    let found = folder.open().expect("a torn tail");
    assert_eq!((found.next_offset, found.segments.len()), (2, 2));

    // The note is of a segment that is not there.
    folder.note(4, Some(10));
    let error = folder.open().err().expect("a lost segment").to_string();
    assert!(
        error.contains("acknowledged records are missing") && error.contains("00000000000000000004.log"),
        "{error}"
    );
}

#[test]
fn a_folder_without_segments_is_no_partition() {
    let folder = Folder::new();
    std::fs::remove_file(folder.path(FIRST)).expect("removed");
    folder.note(0, None);
    let error = folder.open().err().expect("nothing there").to_string();
    assert!(error.contains("holds no segment"), "{error}");
}

#[test]
fn a_log_goes_on_behind_a_cut_and_reports_it() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let options = EmbeddedOptions {
        segment_bytes: 1 << 20,
        compression: Compression::None,
        topic_ids: TopicIds::Seeded(1),
    };
    let record = NewRecord { key: None, value: Some(b"v"), timestamp_ms: 0, headers: &[] };
    {
        let log = EmbeddedLog::open(root.path(), options).expect("a log");
        log.create_topic("t", 2).expect("a topic");
        log.append("t", 1, &[record]).expect("appended");
    }
    let path = root.path().join("t-1").join(FIRST);
    let good = std::fs::metadata(&path).expect("the segment").len();
    let mut file = OpenOptions::new().append(true).open(&path).expect("the segment");
    std::io::Write::write_all(&mut file, &batch(1)[..70]).expect("written");

    let log = EmbeddedLog::open(root.path(), options).expect("a log with a torn tail");
    let [cut] = log.cut_tails() else { panic!("one cut, not {:?}", log.cut_tails()) };
    assert_eq!((cut.partition.to_string(), cut.position, cut.bytes), ("t-1".to_owned(), good, 70));
    assert_eq!(log.append("t", 1, &[record]).expect("appended"), 1);
    let bytes = std::fs::read(&path).expect("the segment");
    assert_eq!(BatchReader::new(&bytes).filter(Result::is_ok).count(), 2);
    drop(log);
    assert_eq!(EmbeddedLog::open(root.path(), options).expect("a whole log").cut_tails(), []);
}
