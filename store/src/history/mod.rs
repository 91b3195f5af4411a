//! What was applied of a topic when, so that what lookups could see at an instant can be told later.
//!
//! Every change of what lookups see is noted with the instant at which they came to see it, and written with the
//! commit that makes it durable. What a kill takes is noted nowhere; so when a state is opened again, it is noted that
//! nobody knows what was seen between the last note that was kept and now, unless the log shows that there was
//! nothing more to apply.
//!
//! Notes are kept in blocks of a few hundred, a row each, in which every note takes a few bytes: see [`block`].

mod block;
mod recorder;

use std::collections::BTreeMap;

use thalweg_core::{Instant, TimeDelta};

use crate::error::Result;
use crate::keys;
use crate::store::damaged;
use crate::topic_state::TopicState;

pub(crate) use block::Block;
pub(crate) use recorder::Recorder;

/// What was applied of a topic from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// From when on.
    pub at: Instant,
    /// Whether nobody knows what was applied between the moment before and this one.
    pub unknown_before: bool,
    /// The next offset of every partition of which something is applied.
    pub next: BTreeMap<i32, i64>,
}

impl TopicState {
    /// Gives `visit` what was applied when, in order: from the last moment at or before `from` on, or perhaps some
    /// before it, up to `until`, and perhaps some after it. What was applied up to `until` will never be told otherwise.
    ///
    /// A state that was being built has no history.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), [`Error::Damaged`](crate::Error::Damaged),
    /// [`Error::Broken`](crate::Error::Broken): then other states may have gone on with it.
    pub fn history(&self, from: Instant, until: Instant, mut visit: impl FnMut(&Moment)) -> Result<()> {
        let unwritten = match &mut self.writer()?.history {
            Some(recorder) => recorder.unwritten_blocks(until),
            None => return Ok(()),
        };
        let first_unwritten = unwritten.first().map(|block| keys::history(self.topic(), block.first()));
        let (begin, end) = keys::history_of(self.topic());
        let before = self.store().last_before(
            &begin,
            &keys::history(self.topic(), from.saturating_add(TimeDelta::from_micros(1))),
        )?;
        let start = before.map_or(begin, |(key, _)| key.into_vec());
        let mut tell = |block: &Block| block.moments().map(|moments| moments.iter().for_each(&mut visit));
        let damaged = || damaged(self.topic(), "history");
        self.store().each(&start, &first_unwritten.unwrap_or(end), |_, bytes| {
            tell(&Block::decode(bytes).ok_or_else(damaged)?).ok_or_else(damaged)
        })?;
        unwritten.iter().try_for_each(|block| tell(block).ok_or_else(damaged))
    }

    /// Notes that what lookups see at `now` is what they saw before: at the end of a life of the process.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`](crate::Error::Broken).
    pub fn rest(&self, now: Instant) -> Result<()> {
        let mut writer = self.writer()?;
        let writer = &mut *writer;
        if let Some(recorder) = &mut writer.history {
            writer.uncommitted |= recorder.rest(now);
        }
        Ok(())
    }
}
