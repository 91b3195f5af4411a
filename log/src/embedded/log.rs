//! The log as its users see it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use super::directory;
use super::disk::{refused, sync_dir};
use super::lock::DirectoryLock;
use super::options::EmbeddedOptions;
use super::partition::Partition;
use super::recovery::CutTail;
use crate::batch::{NewRecord, encode};
use crate::error::Error;
use crate::topic::{TopicId, TopicPartition, check_topic_name};

/// The limit `partitions_per_topic`.
const PARTITIONS_PER_TOPIC: i32 = 1024;

const UNPOISONED: &str = "nothing panics while it holds the lock";

/// What is known of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: String,
    /// Its id, which a topic of the same name created later would not have.
    pub id: TopicId,
    /// The number of its partitions.
    pub partitions: i32,
}

/// A log in a directory of this machine, laid out as a Kafka broker's.
///
/// One process has it open at a time; within it any number of threads append and read at once. Dropping it
/// closes it.
#[derive(Debug)]
pub struct EmbeddedLog {
    dir: PathBuf,
    options: EmbeddedOptions,
    topics: RwLock<BTreeMap<String, Arc<Topic>>>,
    /// Held while a topic is created.
    creating: Mutex<()>,
    cut_tails: Vec<CutTail>,
    _lock: DirectoryLock,
}

#[derive(Debug)]
struct Topic {
    info: TopicInfo,
    partitions: Vec<Partition>,
}

impl EmbeddedLog {
    /// Opens the log in the folder `dir`, which is created if it is not there.
    ///
    /// What a crash left half written at the end of a partition is cut off; see [`EmbeddedLog::cut_tails`].
    ///
    /// # Errors
    ///
    /// If another process has the log open, if acknowledged records are damaged or missing (with the segment
    /// and the position), or the system refuses.
    pub fn open(dir: impl AsRef<Path>, options: EmbeddedOptions) -> Result<Self, Error> {
        let dir = dir.as_ref().to_owned();
        if !dir.is_dir() {
            std::fs::create_dir_all(&dir).map_err(refused("create", &dir))?;
            if let Some(parent) = dir.canonicalize().ok().as_deref().and_then(Path::parent) {
                sync_dir(parent)?;
            }
        }
        let lock = DirectoryLock::acquire(&dir)?;
        let mut log = Self {
            topics: RwLock::default(),
            creating: Mutex::default(),
            cut_tails: Vec::new(),
            _lock: lock,
            options,
            dir,
        };
        let mut topics = BTreeMap::new();
        for (name, folders) in directory::list(&log.dir)? {
            let (topic, cuts) = log.open_topic(&name, folders)?;
            log.cut_tails.extend(cuts);
            topics.insert(name, Arc::new(topic));
        }
        log.topics = RwLock::new(topics);
        Ok(log)
    }

    fn open_topic(&self, name: &str, found: directory::TopicFolders) -> Result<(Topic, Vec<CutTail>), Error> {
        let (mut partitions, mut cuts) = (Vec::new(), Vec::new());
        for (number, folder) in (0..).zip(found.folders) {
            let (partition, cut) = Partition::open(folder, TopicPartition::new(name, number), &self.options)?;
            partitions.push(partition);
            cuts.extend(cut);
        }
        let info = TopicInfo { name: name.to_owned(), id: found.id, partitions: partitions.len() as i32 };
        Ok((Topic { info, partitions }, cuts))
    }

    /// The folder the log is in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What was cut off when the log was opened: batches that were never acknowledged.
    pub fn cut_tails(&self) -> &[CutTail] {
        &self.cut_tails
    }

    /// Creates a topic with so many partitions (1 to 1024) and returns its id, once it is durable. After a
    /// crash it is there as a whole or not at all.
    ///
    /// # Errors
    ///
    /// If there is a topic of this name, the name or the number is not allowed, or the system refuses.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<TopicId, Error> {
        check_topic_name(name)?;
        if !(1..=PARTITIONS_PER_TOPIC).contains(&partitions) {
            return Err(Error::PartitionCount {
                topic: name.to_owned(),
                partitions,
                limit: PARTITIONS_PER_TOPIC,
            });
        }
        let _creating = self.creating.lock().expect(UNPOISONED);
        if self.topic(name).is_some() {
            return Err(Error::TopicExists { topic: name.to_owned() });
        }
        let id = self.options.topic_ids.next(name)?;
        let folders = directory::create(&self.dir, name, partitions, id)?;
        let (topic, _) = self.open_topic(name, folders)?;
        self.topics.write().expect(UNPOISONED).insert(name.to_owned(), Arc::new(topic));
        Ok(id)
    }

    /// All topics, by name.
    pub fn topics(&self) -> Vec<TopicInfo> {
        self.topics.read().expect(UNPOISONED).values().map(|topic| topic.info.clone()).collect()
    }

    /// The topic of this name, if there is one.
    pub fn topic(&self, name: &str) -> Option<TopicInfo> {
        self.topics.read().expect(UNPOISONED).get(name).map(|topic| topic.info.clone())
    }

    /// Appends the records and returns the first one's offset, once all are durable. With no records: the
    /// next offset.
    ///
    /// Appends of several threads to one partition share flushes to the disk.
    ///
    /// # Errors
    ///
    /// If there is no such partition, a record is too large, or writing failed, now or before. The records
    /// may be in the log nevertheless when the machine fails at the wrong moment; they are never
    /// acknowledged.
    pub fn append(&self, topic: &str, partition: i32, records: &[NewRecord<'_>]) -> Result<i64, Error> {
        let topic = self.find(topic)?;
        let partition = topic.partition(partition)?;
        let batches = encode(records, self.options.compression)?;
        if batches.is_empty() {
            return Ok(partition.next_offset());
        }
        partition.append(batches)
    }

    /// Appends records to several partitions of a topic, each partition's with one flush to the disk, and
    /// returns the first offset of each, in the given order, once all are durable.
    ///
    /// # Errors
    ///
    /// As [`EmbeddedLog::append`]. An unknown partition or a record that is too large is found before
    /// anything is written; when writing fails, partitions named before the failed one have their records.
    pub fn append_all(
        &self,
        topic: &str,
        records: Vec<(i32, Vec<NewRecord<'_>>)>,
    ) -> Result<Vec<i64>, Error> {
        let topic = self.find(topic)?;
        let mut encoded = Vec::with_capacity(records.len());
        for (partition, records) in records {
            encoded.push((topic.partition(partition)?, encode(&records, self.options.compression)?));
        }
        encoded
            .into_iter()
            .map(|(partition, batches)| match batches.is_empty() {
                true => Ok(partition.next_offset()),
                false => partition.append(batches),
            })
            .collect()
    }

    /// The first offset of a partition.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn start_offset(&self, partition: &TopicPartition) -> Result<i64, Error> {
        Ok(self.find(&partition.topic)?.partition(partition.partition)?.start_offset())
    }

    /// The offset behind the last durable record of a partition.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn next_offset(&self, partition: &TopicPartition) -> Result<i64, Error> {
        Ok(self.find(&partition.topic)?.partition(partition.partition)?.next_offset())
    }

    /// Replaces `out` by durable, whole batches from the one on that holds offset `from`, and returns the
    /// offset after them, from which to read on.
    ///
    /// The first batch may begin before `from`: skip its records up to there. There is at least one batch,
    /// even if it alone has more than `max_bytes`, unless `from` is the partition's next offset: then there
    /// is none and `from` is returned. A read ends at the end of a segment. Checksums were checked:
    /// [`crate::BatchReader::of_checked`] need not do it again.
    ///
    /// # Errors
    ///
    /// If there is no such partition or offset, or a batch is damaged (with segment and position).
    pub fn read(
        &self,
        partition: &TopicPartition,
        from: i64,
        max_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<i64, Error> {
        self.find(&partition.topic)?.partition(partition.partition)?.read(from, max_bytes, out)
    }

    /// Waits, at most for `timeout`, until the partition's next offset is greater than `beyond`: until the
    /// record at offset `beyond` can be read. Says whether it can. There is no waiting for a partition that
    /// does not exist.
    pub fn wait(&self, partition: &TopicPartition, beyond: i64, timeout: Duration) -> bool {
        let Ok(topic) = self.find(&partition.topic) else { return false };
        topic.partition(partition.partition).is_ok_and(|partition| partition.wait(beyond, timeout))
    }

    fn find(&self, topic: &str) -> Result<Arc<Topic>, Error> {
        let topics = self.topics.read().expect(UNPOISONED);
        let unknown = || Error::UnknownTopic { topic: topic.to_owned(), dir: self.dir.clone() };
        topics.get(topic).cloned().ok_or_else(unknown)
    }

    /// Makes every further write to the partition fail, as a broken disk would.
    #[cfg(test)]
    pub(super) fn break_partition(&self, partition: &TopicPartition) {
        let topic = self.find(&partition.topic).expect("a topic");
        topic.partition(partition.partition).expect("a partition").break_writer();
    }
}

impl Topic {
    fn partition(&self, number: i32) -> Result<&Partition, Error> {
        usize::try_from(number).ok().and_then(|number| self.partitions.get(number)).ok_or_else(|| {
            Error::UnknownPartition {
                topic: self.info.name.clone(),
                partition: number,
                partitions: self.info.partitions,
            }
        })
    }
}
