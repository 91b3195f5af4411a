//! The thread that applies and commits.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use thalweg_core::{Instant, TimeDelta};
use thalweg_log::{DeadLetter, Log};
use thalweg_store::Store;

use crate::bound::Bound;
use crate::error::{Error, Result};
use crate::pipeline::Shared;
use crate::reader::Chunk;
use crate::status::count;
use crate::{Clock, IngestOptions};

/// Nothing came for so long: there is nothing more to read now.
const IDLE: Duration = Duration::from_millis(20);
/// Letters, and their bytes, that wait for the next commit at most.
const MAX_LETTERS: usize = 10_000;
const MAX_LETTER_BYTES: usize = 16 << 20;

/// Applies what was read, and commits.
pub(crate) struct Applier {
    store: Arc<Store>,
    log: Arc<dyn Log>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    commit_events: u64,
    commit_interval: TimeDelta,
    flush_interval: TimeDelta,
    /// Letters of each source that are not written yet.
    letters: Vec<Vec<DeadLetter>>,
    letter_bytes: usize,
    events: u64,
    uncommitted: bool,
    committed_at: Instant,
    flushed_at: Instant,
    /// What was committed when files were last written (next offsets, by partition).
    flushing: Vec<(i32, i64)>,
    /// What others were told last.
    told: Vec<(i32, i64)>,
}

impl Applier {
    pub(crate) fn new(options: &IngestOptions, shared: Arc<Shared>) -> Self {
        let now = options.clock.now();
        Self {
            store: Arc::clone(&options.store),
            log: Arc::clone(&options.log),
            clock: Arc::clone(&options.clock),
            commit_events: options.commit_events,
            commit_interval: options.commit_interval,
            flush_interval: options.flush_interval,
            letters: vec![Vec::new(); shared.state.sources().len()],
            shared,
            letter_bytes: 0,
            events: 0,
            uncommitted: false,
            committed_at: now,
            flushed_at: now,
            flushing: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Applies until the reader has ended, or it cannot go on.
    pub(crate) fn run(mut self, chunks: &Receiver<Chunk>) {
        if let Err(error) = self.apply_all(chunks) {
            self.shared.set_stopped(&error);
        }
    }

    fn apply_all(&mut self, chunks: &Receiver<Chunk>) -> Result<()> {
        loop {
            match chunks.recv_timeout(IDLE) {
                Ok(chunk) => {
                    self.apply(chunk)?;
                    if self.commit_is_due() {
                        self.commit()?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.uncommitted |= self.shared.state.look_at_clock(|| self.clock.now())?;
                    self.commit()?;
                    self.flush_if_due()?;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.commit()?;
                    if self.uncommitted {
                        // Its letters are not written. It is read again at the next start.
                        return Ok(());
                    }
                    self.shared.state.rest(|| self.clock.now())?;
                    return Ok(self.shared.state.commit().map(drop)?);
                }
            }
        }
    }

    fn apply(&mut self, chunk: Chunk) -> Result<()> {
        let events = self.shared.state.apply(&chunk.batch, || self.clock.now())?;
        self.uncommitted = true;
        self.events += events;
        count(&self.shared.counters.events, events);
        for (source, letter) in chunk.letters {
            let bytes = [&letter.key, &letter.value].into_iter().flatten().map(Vec::len).sum::<usize>();
            self.letter_bytes += bytes + letter.reason.len();
            self.letters[source].push(letter);
        }
        self.shared.progress.announce();
        Ok(())
    }

    fn commit_is_due(&self) -> bool {
        self.events >= self.commit_events
            || self.letter_bytes >= MAX_LETTER_BYTES
            || self.letters.iter().map(Vec::len).sum::<usize>() >= MAX_LETTERS
            || self.shared.state.over_budget()
            || has_passed(self.committed_at, self.commit_interval, self.clock.now())
    }

    /// Makes the letters durable, then the state that passes their offsets.
    fn commit(&mut self) -> Result<()> {
        if !self.uncommitted {
            return Ok(());
        }
        for (source, letters) in self.shared.letters.iter().zip(&mut self.letters) {
            match source.write(letters) {
                Ok(written) => count(&self.shared.counters.dead_letters, written),
                Err(Error::Log(error)) if error.is_out_of_reach() => {
                    // The state waits for its letters; it is tried again.
                    tracing::warn!(topic = self.shared.topic(), %error, "dead letters cannot be written");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        let committed = self.shared.state.commit()?;
        tracing::debug!(
            topic = self.shared.topic(),
            states = committed.states,
            bytes = committed.bytes,
            "committed"
        );
        count(&self.shared.counters.commits, 1);
        for source in &self.shared.letters {
            source.passed(|partition| self.shared.state.resume_from(partition));
        }
        self.letter_bytes = 0;
        self.events = 0;
        self.uncommitted = false;
        self.committed_at = self.clock.now();
        self.flush_if_due()
    }

    fn flush_if_due(&mut self) -> Result<()> {
        let now = self.clock.now();
        if has_passed(self.flushed_at, self.flush_interval, now) {
            self.flushed_at = now;
            self.tell_progress();
            self.store.flush_soon()?;
        }
        Ok(())
    }
}

impl Applier {
    /// Tells those who watch the log what was committed when files were last written: that is durable by now.
    fn tell_progress(&mut self) {
        // What is built beside what serves tells nobody.
        let Bound::LogEnd { .. } = self.shared.bound else { return };
        let committed: Vec<_> = self.shared.state.read().applied().clone().into_iter().collect();
        let durable = std::mem::replace(&mut self.flushing, committed);
        if durable != self.told {
            self.log.note_applied(self.shared.topic(), &durable);
            self.told = durable;
        }
    }
}

/// Whether `interval` has passed since `since`, or the clock was set back.
pub(crate) fn has_passed(since: Instant, interval: TimeDelta, now: Instant) -> bool {
    now >= since.saturating_add(interval) || now < since
}
