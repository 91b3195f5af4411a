//! The thread that reads a topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use thalweg_core::TimeDelta;
use thalweg_log::{
    DeadLetter, Decoder, Error as LogError, Log, Record, RecordReader, RecordSink, TopicInfo, TopicPartition,
};
use thalweg_store::Batch;

use crate::applier::has_passed;
use crate::bound::Bound;
use crate::error::{Error, Result};
use crate::pipeline::Shared;
use crate::source_reader::SourceReader;
use crate::status::{Condition, count};
use crate::{Clock, IngestOptions};

/// How long the reader sleeps when there is nothing to read, before it looks at all partitions again.
const IDLE_WAIT: Duration = Duration::from_millis(5);
/// How often it looks whether a topic has come into being.
const TOPIC_WAIT: Duration = Duration::from_millis(50);
/// How often it looks whether a log that is out of reach is back.
const REACH_WAIT: Duration = Duration::from_millis(500);

/// How often it looks whether the topic is still as it was.
const LOOK_INTERVAL: TimeDelta = TimeDelta::from_micros(5_000_000);

/// A topic, and readers of its partitions.
type Found = (TopicInfo, Vec<Box<dyn RecordReader>>);

/// A run of records of one partition on its way to be applied.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) batch: Batch,
    /// Letters to be written before the batch is committed, by position of their source.
    pub(crate) letters: Vec<(usize, DeadLetter)>,
}

/// Reads the partitions of a topic in turn and sends what they hold.
pub(crate) struct Reader {
    log: Arc<dyn Log>,
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
                Error::Log(LogError::OffsetOutOfRange { partition, offset, start, next }) => {
                    match offset < start {
                        true => Error::Expired { partition, needed: offset, start },
                        false => Error::BeyondEnd { partition, needed: offset, end: next },
                    }
                }
                error => error,
            };
            self.shared.set_stopped(&error);
        }
    }

    fn read_topic(&self) -> Result<()> {
        let mut sources = (0..self.shared.state.sources().len())
            .map(|position| SourceReader::new(&self.shared, position))
            .collect::<Result<Vec<_>>>()?;
        while let Some((info, mut partitions)) = self.reach_topic(&mut sources)? {
            self.shared.set_running();
            let Some(sent) = self.read_partitions(&mut sources, &info, &mut partitions)? else { break };
            self.wait_applied(&sent);
        }
        Ok(())
    }

    /// Reads until it is told to stop, or until the topic is not as `info` says any more: then it is to be found
    /// again, and the next offsets of the partitions of which something was sent are returned.
    fn read_partitions(
        &self,
        sources: &mut [SourceReader],
        info: &TopicInfo,
        partitions: &mut [Box<dyn RecordReader>],
    ) -> Result<Option<BTreeMap<i32, i64>>> {
        let mut sent = BTreeMap::new();
        let mut looked_at = self.clock.now();
        let mut idle_at = 0;
        while !self.shared.stopping() {
            let mut idle = true;
            for partition in 0..partitions.len() {
                if self.shared.stopping() {
                    return Ok(None);
                }
                let chunk = match self.read_chunk(sources, partitions, partition) {
                    Ok(Some(chunk)) => chunk,
                    Ok(None) => continue,
                    Err(Error::Log(error)) if error.is_out_of_reach() => {
                        // The reader stands where it stood.
                        std::thread::sleep(REACH_WAIT);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                idle = false;
                sent.insert(chunk.batch.partition, chunk.batch.next);
                if self.sender.send(chunk).is_err() {
                    // The applying thread has stopped, and said why.
                    return Ok(None);
                }
            }
            let now = self.clock.now();
            if has_passed(looked_at, LOOK_INTERVAL, now) {
                looked_at = now;
                if self.has_changed(info)? {
                    return Ok(Some(sent));
                }
            }
            match self.shared.bound {
                _ if !idle => {}
                Bound::LogEnd { .. } => {
                    partitions[idle_at].wait(IDLE_WAIT)?;
                    idle_at = (idle_at + 1) % partitions.len();
                }
                Bound::Applied(_) => std::thread::sleep(IDLE_WAIT),
            }
        }
        Ok(None)
    }

    /// Whether the topic has got more partitions, or is another one of the same name.
    fn has_changed(&self, known: &TopicInfo) -> Result<bool> {
        match self.log.topic(&known.name) {
            Ok(Some(found)) => Ok(found != *known),
            Ok(None) => Err(Error::TopicGone { topic: known.name.clone() }),
            Err(error) if error.is_out_of_reach() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until what was sent (next offsets, by partition) is applied: where reading goes on, the state says.
    fn wait_applied(&self, sent: &BTreeMap<i32, i64>) {
        let is_applied = |(partition, next): (&i32, &i64)| self.shared.state.resume_from(*partition) >= *next;
        while !self.shared.stopping() && !sent.iter().all(is_applied) {
            if matches!(self.shared.condition(), Condition::Stopped(_)) {
                return;
            }
            std::thread::sleep(IDLE_WAIT);
        }
    }

    /// Waits until the log can be reached, and finds the topic in it. None if told to stop before.
    fn reach_topic(&self, sources: &mut [SourceReader]) -> Result<Option<Found>> {
        let mut told = false;
        loop {
            match self.find_topic(sources) {
                Err(Error::Log(error)) if error.is_out_of_reach() && !self.shared.stopping() => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(topic = self.shared.topic(), %error, "waiting for the log");
                    }
                    std::thread::sleep(REACH_WAIT);
                }
                Err(Error::Log(error)) if error.is_out_of_reach() => return Ok(None),
                found => return found,
            }
        }
    }

    /// Waits until the topic exists, makes `sources` ready for it, and gives readers of its partitions. None if
    /// told to stop before.
    fn find_topic(&self, sources: &mut [SourceReader]) -> Result<Option<Found>> {
        let topic = self.shared.topic();
        let info = loop {
            if self.shared.stopping() {
                return Ok(None);
            }
            match self.log.topic(topic)? {
                Some(info) => break info,
                None if self.shared.state.read().topic_id().is_some() => {
                    return Err(Error::TopicGone { topic: topic.to_owned() });
                }
                None => std::thread::sleep(TOPIC_WAIT),
            }
        };
        let partitions = || (0..info.partitions).map(|partition| TopicPartition::new(topic, partition));
        let ends = partitions().map(|at| self.log.next_offset(&at)).collect::<Result<Vec<_>, _>>()?;
        self.shared.state.bind(*info.id.as_bytes(), &ends, self.clock.now())?;
        let mut from = Vec::with_capacity(ends.len());
        for partition in partitions() {
            let start = self.log.start_offset(&partition)?;
            from.push(match self.shared.state.resume_from(partition.partition) {
                0 => start,
                needed if needed < start => return Err(Error::Expired { partition, needed, start }),
                needed => needed,
            });
        }
        sources.iter_mut().try_for_each(|source| source.begin(&from))?;
        let from: Vec<_> = (0..).zip(from).collect();
        let readers = self.log.readers(topic, &from)?;
        Ok(Some((info, readers)))
    }

    /// Reads on in a partition as far as it may be read now, for all sources at once. None if there is nothing.
    fn read_chunk(
        &self,
        sources: &mut [SourceReader],
        partitions: &mut [Box<dyn RecordReader>],
        partition: usize,
    ) -> Result<Option<Chunk>> {
        let (number, reader) = (partition as i32, &mut partitions[partition]);
        let (from, until) = (reader.next_offset(), self.shared.bound.of(number, reader.end()?));
        if from >= until || sources.is_empty() {
            return Ok(None);
        }
        let mut decoders =
            Decoders(sources.iter_mut().map(|source| source.decoder(partition)).collect::<Vec<_>>());
        let further = reader.read(until, self.chunk_records, &mut decoders)?;
        if decoders.0.iter().any(|decoder| decoder.stuck().is_some()) {
            // A decoder waits for what it must ask for until the reader is told to stop.
            return Ok(None);
        }
        self.shared.set_running_again();
        if !further {
            return Ok(None);
        }
        let next = reader.next_offset();
        let batch =
            Batch { partition: number, from, next, newest: vec![None; sources.len()], ..Batch::default() };
        let mut chunk = Chunk { batch, letters: Vec::new() };
        for source in sources {
            let read = source.finish(&self.shared.state, partition, next);
            let position = source.position();
            chunk.batch.newest[position] = read.newest;
            chunk.batch.selections.extend(read.selections);
            chunk.letters.extend(read.letters.into_iter().map(|letter| (position, letter)));
            count(&self.shared.counters.records, read.records);
            count(&self.shared.counters.failed_expressions, read.failed_expressions);
        }
        chunk.batch.ends = partitions.iter().map(|reader| reader.end()).collect::<Result<_, _>>()?;
        Ok(Some(chunk))
    }
}

/// The decoders of all sources over a partition, each of which takes every record.
struct Decoders<'a>(Vec<&'a mut Decoder>);

impl RecordSink for Decoders<'_> {
    fn push(&mut self, record: &Record<'_>) {
        self.0.iter_mut().for_each(|decoder| RecordSink::push(*decoder, record));
    }

    fn is_full(&self) -> bool {
        self.0.iter().any(|decoder| decoder.is_full())
    }
}
