//! One partition: appends in groups, reads of what is durable.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::options::EmbeddedOptions;
use super::recovery::{CutTail, recover};
use super::segment::Segment;
use super::writer::{Writer, Written};
use crate::batch::EncodedBatch;
use crate::error::Error;
use crate::topic::TopicPartition;

/// A partition that is open.
#[derive(Debug)]
pub(super) struct Partition {
    name: TopicPartition,
    state: Mutex<State>,
    /// Signalled when a group is durable or has failed.
    changed: Condvar,
    /// Locked only by the thread that writes a group, so that readers never wait for the disk's writes.
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct State {
    /// Batches that have their offsets and wait for the next group.
    pending: Vec<EncodedBatch>,
    /// The offset the next record gets.
    assigned: i64,
    /// The offset behind the last durable record.
    durable: i64,
    /// Whether a thread is writing a group.
    writing: bool,
    /// Why nothing is written any more.
    failed: Option<String>,
    segments: Vec<Arc<Segment>>,
}

const UNPOISONED: &str = "nothing panics while it holds the lock";

impl Partition {
    /// Opens the partition in the folder `dir`, and says what had to be cut off.
    pub(super) fn open(
        dir: PathBuf,
        name: TopicPartition,
        options: &EmbeddedOptions,
    ) -> Result<(Self, Option<CutTail>), Error> {
        let found = recover(&dir, &name)?;
        let segments: Vec<Arc<Segment>> = found.segments.into_iter().map(Arc::new).collect();
        let last = segments.last().expect("a recovered partition has a segment");
        let writer = Writer::new(
            dir,
            options.segment_bytes,
            Arc::clone(last),
            found.file,
            found.next_offset,
            found.durable_end,
        );
        let state = State {
            pending: Vec::new(),
            assigned: found.next_offset,
            durable: found.next_offset,
            writing: false,
            failed: None,
            segments,
        };
        let partition =
            Self { name, state: Mutex::new(state), changed: Condvar::new(), writer: Mutex::new(writer) };
        Ok((partition, found.cut))
    }

    /// Appends the batches and returns the first one's offset, once all are durable.
    ///
    /// Threads that come while a group is being written leave their batches and wait; when it is done, one of
    /// them writes all that has come together, with a single flush to the disk.
    pub(super) fn append(&self, batches: Vec<EncodedBatch>) -> Result<i64, Error> {
        let mut state = self.lock();
        let first = state.assigned;
        for mut batch in batches {
            batch.set_base_offset(state.assigned);
            state.assigned += batch.records;
            state.pending.push(batch);
        }
        let end = state.assigned;
        while state.durable < end {
            if let Some(cause) = &state.failed {
                let error = Error::Poisoned { partition: self.name.clone(), cause: cause.clone() };
                // It never gets written, and would only hold memory.
                state.pending.clear();
                return Err(error);
            }
            state = if state.writing {
                self.changed.wait(state).expect(UNPOISONED)
            } else {
                self.write_group(state)
            };
        }
        Ok(first)
    }

    /// Writes all that is pending, without holding the state meanwhile.
    fn write_group<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.writing = true;
        let group = std::mem::take(&mut state.pending);
        let end = state.assigned;
        drop(state);

        let result = self.writer.lock().expect(UNPOISONED).write(&group);

        let mut state = self.lock();
        state.writing = false;
        match result {
            Ok(written) => {
                for (i, Written { segment, batches, bytes }) in written.into_iter().enumerate() {
                    segment.publish(batches, bytes);
                    if i > 0 {
                        state.segments.push(segment);
                    }
                }
                state.durable = end;
            }
            Err(error) => {
                tracing::error!(partition = %self.name, %error, "writing failed; the partition takes no more records");
                state.failed = Some(error.to_string());
            }
        }
        self.changed.notify_all();
        state
    }

    /// The first offset there is.
    pub(super) fn start_offset(&self) -> i64 {
        self.lock().segments.first().map_or(0, |segment| segment.base_offset)
    }

    /// The offset behind the last durable record.
    pub(super) fn next_offset(&self) -> i64 {
        self.lock().durable
    }

    /// Refuses an offset at which nothing is and nothing will be appended next.
    pub(super) fn check_offset(&self, offset: i64) -> Result<(), Error> {
        let state = self.lock();
        let start = state.segments.first().map_or(0, |segment| segment.base_offset);
        match (start..=state.durable).contains(&offset) {
            true => Ok(()),
            false => Err(self.out_of_range(offset, &state)),
        }
    }

    /// See [`super::EmbeddedLog::read`].
    pub(super) fn read(&self, from: i64, max_bytes: usize, out: &mut Vec<u8>) -> Result<i64, Error> {
        let segment = {
            let state = self.lock();
            let behind = state.segments.partition_point(|segment| segment.base_offset <= from);
            match behind.checked_sub(1) {
                Some(_) if from == state.durable => None,
                Some(at) if from < state.durable => Some(Arc::clone(&state.segments[at])),
                _ => return Err(self.out_of_range(from, &state)),
            }
        };
        match segment {
            Some(segment) => segment.read(from, max_bytes, out),
            None => {
                out.clear();
                Ok(from)
            }
        }
    }

    /// Waits until the record at offset `beyond` is durable, at most for `timeout`; whether it is.
    pub(super) fn wait(&self, beyond: i64, timeout: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| state.durable <= beyond)
            .expect(UNPOISONED);
        state.durable > beyond
    }

    fn out_of_range(&self, offset: i64, state: &State) -> Error {
        let start = state.segments.first().map_or(0, |segment| segment.base_offset);
        Error::OffsetOutOfRange { partition: self.name.clone(), offset, start, next: state.durable }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    /// Makes every further write fail, as a broken disk would.
    #[cfg(test)]
    pub(super) fn break_writer(&self) {
        self.writer.lock().expect(UNPOISONED).break_file();
    }
}

/// Makes the files of a new, empty partition in the new folder `dir` and makes them durable.
pub(super) fn create(dir: &Path, id: crate::topic::TopicId) -> Result<(), Error> {
    use super::disk::{refused, sync_dir, write_durably};
    std::fs::create_dir(dir).map_err(refused("create", dir))?;
    super::meta::write(dir, id)?;
    write_durably(&Segment::new(dir, 0).path, &[])?;
    let durable_end = super::durable_end::DurableEndFile::open(dir)?;
    durable_end.write(super::durable_end::DurableEnd { next_offset: 0, segment: 0, position: 0 })?;
    durable_end.sync()?;
    sync_dir(dir)
}
