//! What was applied of a topic when, so that what lookups could see at an instant can be told later.
//!
//! Every change of what lookups see is noted with the instant at which they came to see it, and written with the
//! commit that makes it durable. What a kill takes is noted nowhere; so when a state is opened again, it is noted that
//! nobody knows what was seen between the last note that was kept and now, unless the log shows that there was
//! nothing more to apply.
//!
//! A clock that is set back shows instants a second time. Notes stay in order, so what is noted until the clock has
//! caught up lies after what was noted before; and the first of these notes says how far the clock was set back, since
//! of the instants that it showed twice, or not when it should have, nobody knows what was seen.
//!
//! Notes are kept in blocks of a few hundred, a row each, in which every note takes a few bytes: see [`block`].

mod block;
mod recorder;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

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
    /// Where the clock was set back before this moment: to when. Of the instants after the last moment at or before
    /// that one, and before this, nobody knows what was applied, whatever the moments among them say.
    pub set_back_to: Option<Instant>,
    /// The next offset of every partition of which something is applied.
    pub next: BTreeMap<i32, i64>,
}

impl TopicState {
    /// Gives `visit` what was applied when, in order: from the last moment at or before `from` on, or perhaps some
    /// before it, up to now and perhaps some after it; fewer where `visit` breaks off. Gives the instant that is now, which
    /// `now` is asked for while nothing can be noted. What was applied up to then will never be told otherwise, but may
    /// become unknown where the clock is set back.
    ///
    /// A state that was being built has no history.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), [`Error::Damaged`](crate::Error::Damaged),
    /// [`Error::Broken`](crate::Error::Broken): then other states may have gone on with it.
    pub fn history(
        &self,
        from: Instant,
        now: impl FnOnce() -> Instant,
        mut visit: impl FnMut(&Moment) -> ControlFlow<()>,
    ) -> Result<Instant> {
        let (now, unwritten) = {
            let mut writer = self.writer()?;
            let (writer, now) = (&mut *writer, now());
            let Some(recorder) = &mut writer.history else { return Ok(now) };
            writer.uncommitted |= recorder.look(now);
            (now, recorder.unwritten_blocks(now))
        };
        let first_unwritten = unwritten.first().map(|block| keys::history(self.topic(), block.first()));
        let (begin, end) = keys::history_of(self.topic());
        let before = self.store().last_before(
            &begin,
            &keys::history(self.topic(), from.saturating_add(TimeDelta::from_micros(1))),
        )?;
        let start = before.map_or(begin, |(key, _)| key.into_vec());
        let damaged = || damaged(self.topic(), "history");
        let mut tell = |block: &Block| match block.moments() {
            Some(moments) => Ok(moments.iter().try_for_each(&mut visit)),
            None => Err(damaged()),
        };
        let mut told = ControlFlow::Continue(());
        self.store().each(&start, &first_unwritten.unwrap_or(end), |_, bytes| {
            told = tell(&Block::decode(bytes).ok_or_else(damaged)?)?;
            Ok(told)
        })?;
        for block in &unwritten {
            if told.is_break() {
                break;
            }
            told = tell(block)?;
        }
        Ok(now)
    }

    /// Notes where the clock was set back since something was noted last; `now` tells what it says. Whether there is
    /// anything new to commit.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`](crate::Error::Broken).
    pub fn look_at_clock(&self, now: impl FnOnce() -> Instant) -> Result<bool> {
        let mut writer = self.writer()?;
        let writer = &mut *writer;
        let is_new = writer.history.as_mut().is_some_and(|recorder| recorder.look(now()));
        writer.uncommitted |= is_new;
        Ok(is_new)
    }

    /// Notes that what lookups see now is what they saw before: at the end of a life of the process.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`](crate::Error::Broken).
    pub fn rest(&self, now: impl FnOnce() -> Instant) -> Result<()> {
        let mut writer = self.writer()?;
        let writer = &mut *writer;
        if let Some(recorder) = &mut writer.history {
            writer.uncommitted |= recorder.rest(now());
        }
        Ok(())
    }
}
