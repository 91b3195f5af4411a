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
use super::reader::EmbeddedReader;
use super::recovery::CutTail;
use crate::batch::{NewRecord, encode};
use crate::error::Error;
use crate::log::{Log, RecordReader};
use crate::topic::{TopicId, TopicInfo, TopicPartition, check_topic_name};

/// The limit `partitions_per_topic`.
const PARTITIONS_PER_TOPIC: i32 = 1024;

const UNPOISONED: &str = "nothing panics while it holds the lock";

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
pub(super) struct Topic {
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
        let unknown = || Error::UnknownTopic {
            topic: topic.to_owned(),
            log: format!("the log in {}", self.dir.display()),
        };
        topics.get(topic).cloned().ok_or_else(unknown)
    }

    /// Makes every further write to the partition fail, as a broken disk would.
    #[cfg(test)]
    pub(super) fn break_partition(&self, partition: &TopicPartition) {
        let topic = self.find(&partition.topic).expect("a topic");
        topic.partition(partition.partition).expect("a partition").break_writer();
    }
}

impl Log for EmbeddedLog {
    fn create_topic(&self, name: &str, partitions: i32) -> Result<TopicId, Error> {
        check_topic_name(name)?;
        if !(1..=PARTITIONS_PER_TOPIC).contains(&partitions) {
            return Err(Error::PartitionCount {
                topic: name.to_owned(),
                partitions,
                limit: PARTITIONS_PER_TOPIC,
            });
        }
        let _creating = self.creating.lock().expect(UNPOISONED);
        if self.topics.read().expect(UNPOISONED).contains_key(name) {
            return Err(Error::TopicExists { topic: name.to_owned() });
        }
        let id = self.options.topic_ids.next(name)?;
        let folders = directory::create(&self.dir, name, partitions, id)?;
        let (topic, _) = self.open_topic(name, folders)?;
        self.topics.write().expect(UNPOISONED).insert(name.to_owned(), Arc::new(topic));
        Ok(id)
    }

    fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        Ok(self.topics.read().expect(UNPOISONED).values().map(|topic| topic.info.clone()).collect())
    }

    fn topic(&self, name: &str) -> Result<Option<TopicInfo>, Error> {
        Ok(self.topics.read().expect(UNPOISONED).get(name).map(|topic| topic.info.clone()))
    }

    fn append(&self, topic: &str, partition: i32, records: &[NewRecord<'_>]) -> Result<i64, Error> {
        let topic = self.find(topic)?;
        let partition = topic.partition(partition)?;
        let batches = encode(records, self.options.compression)?;
        if batches.is_empty() {
            return Ok(partition.next_offset());
        }
        partition.append(batches)
    }

    fn append_all(&self, topic: &str, records: Vec<(i32, Vec<NewRecord<'_>>)>) -> Result<Vec<i64>, Error> {
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

    fn start_offset(&self, partition: &TopicPartition) -> Result<i64, Error> {
        Ok(self.find(&partition.topic)?.partition(partition.partition)?.start_offset())
    }

    fn next_offset(&self, partition: &TopicPartition) -> Result<i64, Error> {
        Ok(self.find(&partition.topic)?.partition(partition.partition)?.next_offset())
    }

    fn readers(&self, topic: &str, from: &[(i32, i64)]) -> Result<Vec<Box<dyn RecordReader>>, Error> {
        let topic = self.find(topic)?;
        let reader = |&(partition, from): &(i32, i64)| -> Result<Box<dyn RecordReader>, Error> {
            Ok(Box::new(EmbeddedReader::new(Arc::clone(&topic), partition, from)?))
        };
        from.iter().map(reader).collect()
    }
}

impl Topic {
    pub(super) fn partition(&self, number: i32) -> Result<&Partition, Error> {
        usize::try_from(number).ok().and_then(|number| self.partitions.get(number)).ok_or_else(|| {
            Error::UnknownPartition {
                topic: self.info.name.clone(),
                partition: number,
                partitions: self.info.partitions,
            }
        })
    }
}
