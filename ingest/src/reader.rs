//! The thread that reads a topic.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use thalweg_log::{DeadLetter, EmbeddedLog, Error as LogError, TopicPartition};
use thalweg_store::Batch;

use crate::bound::Bound;
use crate::error::{Error, Result};
use crate::pipeline::Shared;
use crate::source_reader::SourceReader;
use crate::status::count;
use crate::{Clock, IngestOptions};

/// How long the reader sleeps when there is nothing to read, before it looks at all partitions again.
const IDLE_WAIT: Duration = Duration::from_millis(5);
/// How often it looks whether a topic has come into being.
const TOPIC_WAIT: Duration = Duration::from_millis(50);

/// A run of records of one partition on its way to be applied.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) batch: Batch,
    /// Letters to be written before the batch is committed, by position of their source.
    pub(crate) letters: Vec<(usize, DeadLetter)>,
}

/// Reads the partitions of a topic in turn and sends what they hold.
pub(crate) struct Reader {
    log: Arc<EmbeddedLog>,
    shared: Arc<Shared>,
    chunk_records: usize,
    sender: SyncSender<Chunk>,
    clock: Arc<dyn Clock>,
}

impl Reader {
    pub(crate) fn new(options: &IngestOptions, shared: Arc<Shared>, sender: SyncSender<Chunk>) -> Self {
        let (log, clock) = (Arc::clone(&options.log), Arc::clone(&options.clock));
        Self { log, clock, shared, chunk_records: options.chunk_records.max(1), sender }
    }

    /// Reads until it is told to stop or cannot go on.
    pub(crate) fn run(self) {
        if let Err(error) = self.read_topic() {
            let error = match error {
                Error::Log(LogError::UnknownTopic { topic, .. }) => Error::TopicGone { topic },
                error => error,
            };
            self.shared.set_stopped(&error);
        }
    }

    fn read_topic(&self) -> Result<()> {
        let mut sources = (0..self.shared.state.sources().len())
            .map(|position| SourceReader::new(&self.shared, position))
            .collect::<Result<Vec<_>>>()?;
        let Some(partitions) = self.find_topic(&mut sources)? else { return Ok(()) };
        self.shared.set_running();
        let mut idle_at = 0;
        while !self.shared.stopping() {
            let mut idle = true;
            for partition in 0..partitions.len() {
                let ends = self.ends(&partitions)?;
                if self.shared.stopping() {
                    return Ok(());
                }
                let until = self.shared.bound.of(partition as i32, ends[partition]);
                if sources.first().is_none_or(|source| source.next_offset(partition) >= until) {
                    continue;
                }
                idle = false;
                let chunk = self.read_chunk(&mut sources, partition, until, ends)?;
                if self.sender.send(chunk).is_err() {
                    // The applying thread has stopped, and said why.
                    return Ok(());
                }
            }
            match self.shared.bound {
                _ if !idle => {}
                Bound::LogEnd { .. } => {
                    let (partition, next) = (&partitions[idle_at], sources[0].next_offset(idle_at));
                    self.log.wait(partition, next, IDLE_WAIT);
                    idle_at = (idle_at + 1) % partitions.len();
                }
                Bound::Applied(_) => std::thread::sleep(IDLE_WAIT),
            }
        }
        Ok(())
    }

    /// Waits until the topic exists, and makes `sources` ready to read it. None if told to stop before.
    fn find_topic(&self, sources: &mut [SourceReader]) -> Result<Option<Vec<TopicPartition>>> {
        let topic = self.shared.topic();
        let info = loop {
            if self.shared.stopping() {
                return Ok(None);
            }
            match self.log.topic(topic) {
                Some(info) => break info,
                None if self.shared.state.read().topic_id().is_some() => {
                    return Err(Error::TopicGone { topic: topic.to_owned() });
                }
                None => std::thread::sleep(TOPIC_WAIT),
            }
        };
        let partitions: Vec<_> =
            (0..info.partitions).map(|partition| TopicPartition::new(topic, partition)).collect();
        self.shared.state.bind(*info.id.as_bytes(), &self.ends(&partitions)?, self.clock.now())?;
        let mut from = Vec::with_capacity(partitions.len());
        for partition in &partitions {
            from.push(match self.shared.state.resume_from(partition.partition) {
                0 => self.log.start_offset(partition)?,
                next => next,
            });
        }
        sources.iter_mut().try_for_each(|source| source.seek(&self.log, &from))?;
        Ok(Some(partitions))
    }

    /// Reads on in `partition` up to the offset `until`, the same records for every source.
    fn read_chunk(
        &self,
        sources: &mut [SourceReader],
        partition: usize,
        until: i64,
        ends: Vec<i64>,
    ) -> Result<Chunk> {
        let state = &self.shared.state;
        let mut chunk = Chunk { batch: Batch::default(), letters: Vec::new() };
        let batch = &mut chunk.batch;
        batch.partition = partition as i32;
        batch.from = sources[0].next_offset(partition);
        batch.newest = vec![None; sources.len()];
        for at in 0..sources.len() {
            let read = match at {
                0 => sources[0].read(state, partition, until, self.chunk_records)?,
                _ => {
                    let reached = sources[0].next_offset(partition);
                    sources[at].read_to(state, partition, reached)?
                }
            };
            let position = sources[at].position();
            batch.newest[position] = read.newest;
            batch.selections.extend(read.selections);
            chunk.letters.extend(read.letters.into_iter().map(|letter| (position, letter)));
            count(&self.shared.counters.records, read.records);
            count(&self.shared.counters.failed_expressions, read.failed_expressions);
        }
        batch.next = sources[0].next_offset(partition);
        batch.ends = ends;
        Ok(chunk)
    }

    fn ends(&self, partitions: &[TopicPartition]) -> Result<Vec<i64>> {
        Ok(partitions.iter().map(|partition| self.log.next_offset(partition)).collect::<Result<_, _>>()?)
    }
}
