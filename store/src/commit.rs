//! Writing what changed, and the offsets it stands for, as one.

use rocksdb::WriteBatch;

use crate::error::Result;
use crate::keys;
use crate::shared::Writer;
use crate::topic_state::TopicState;
use crate::view_state::ViewState;

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Fold states written.
    pub states: usize,
    /// Bytes written, keys included.
    pub bytes: usize,
}

impl TopicState {
    /// Writes everything that changed since the last commit, and the offsets it stands for, in one atomic
    /// batch; then drops states from memory until the store is within its budget.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), [`Error::Damaged`](crate::Error::Damaged),
    /// [`Error::Broken`](crate::Error::Broken). After a failed write nothing more is taken.
    pub fn commit(&self) -> Result<Committed> {
        let mut writer = self.writer()?;
        if !writer.uncommitted {
            return Ok(Committed::default());
        }
        let written = self.write_changes(&mut writer);
        match &written {
            // Taken changes are lost with the batch: what is in memory can no longer be written as it is.
            Err(error) => writer.broken = Some(error.to_string()),
            Ok(_) => {
                writer.uncommitted = false;
                writer.moved.clear();
                for view in &mut self.write_lock().views {
                    self.track_memory(view, ViewState::drop_emptied);
                }
                self.evict();
            }
        }
        written
    }

    fn write_changes(&self, writer: &mut Writer) -> Result<Committed> {
        let mut batch = WriteBatch::default();
        let mut states = 0;
        let dirty: Vec<_> = self.read_lock().views.iter().map(|view| view.hot.dirty_groups()).collect();
        for (position, groups) in dirty.into_iter().enumerate() {
            for group in groups {
                // The lock is taken group by group, so that lookups go on between.
                self.track_memory(&mut self.write_lock().views[position], |view| {
                    states += view.take_dirty(group, &mut batch);
                });
            }
        }
        self.forget_in_idle_keys(writer, &mut batch)?;
        let shared = self.read_lock();
        for view in &shared.views {
            batch.put(keys::clock(view.slot), view.clock.encode());
        }
        writer.moved.sort_unstable();
        writer.moved.dedup();
        for (position, partition) in &writer.moved {
            let view = &shared.views[*position];
            if let Some(seen) = view.progress.get(partition) {
                batch.put(keys::progress(view.slot, *partition), seen.encode());
            }
        }
        drop(shared);
        if let Some(history) = &mut writer.history {
            history.write(self.store(), self.topic(), self.store().options().history_kept, &mut batch)?;
        }
        let bytes = batch.size_in_bytes();
        self.store().write(batch)?;
        Ok(Committed { states, bytes })
    }

    /// Goes a step further in the round over all keys, which lets those shrink that no event touches.
    fn forget_in_idle_keys(&self, writer: &mut Writer, batch: &mut WriteBatch) -> Result<()> {
        let mut left = self.store().options().forget_keys_per_commit;
        let views = self.read_lock().views.len();
        for _ in 0..views {
            let (position, after) = std::mem::take(&mut writer.forget_from);
            let shared = self.read_lock();
            let view = &shared.views[position % views];
            let mut rest = None;
            let mut idle = Vec::new();
            if view.forget_before().is_some() {
                let (keys, next) = self.store().keys_after(view.slot, after.as_deref(), left)?;
                rest = next;
                left -= keys.len();
                for (group, key) in keys {
                    let stored = match view.hot.get(&key) {
                        Some(_) => None,
                        None => view.load(self.store(), group, &key)?,
                    };
                    idle.push((group, key, stored));
                }
            }
            drop(shared);
            if !idle.is_empty() {
                self.track_memory(&mut self.write_lock().views[position % views], |view| {
                    for (group, key, stored) in idle {
                        view.forget_idle(group, &key, stored, batch);
                    }
                });
            }
            writer.forget_from = match rest {
                Some(row) => (position % views, Some(row)),
                None => ((position + 1) % views, None),
            };
            if left == 0 {
                break;
            }
        }
        Ok(())
    }

    fn evict(&self) {
        let budget = self.store().options().hot_budget_bytes();
        let excess = self.store().resident_bytes().saturating_sub(budget);
        if excess == 0 {
            return;
        }
        let mut shared = self.write_lock();
        let held: usize = shared.views.iter().map(|view| view.hot.bytes()).sum();
        for view in &mut shared.views {
            // Every view gives in proportion to what it holds.
            let share = excess as u128 * view.hot.bytes() as u128 / held.max(1) as u128;
            let freed = view.evict(usize::try_from(share).unwrap_or(usize::MAX));
            self.store().count_resident(0, freed);
        }
    }
}
