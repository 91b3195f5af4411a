//! Slots: the short numbers under which the states of views are stored.

use std::sync::{MutexGuard, PoisonError};

use rocksdb::WriteBatch;

use crate::error::Result;
use crate::keys;
use crate::rows;
use crate::store::{Store, damaged};

/// Hash of the meaning of a view's definition.
pub type Version = [u8; 32];

/// Number of one state of one version of one view in a store. Given once, never to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(crate) u32);

/// What a state is kept for. A version of a view can have one of each: a rebuild need not change the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// To answer lookups.
    Serving,
    /// To answer them once it has caught up.
    Building,
}

impl Store {
    /// The slot of `version` of `view` in `place`: the one it was given before, or a new one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) and [`Error::Damaged`](crate::Error::Damaged).
    pub fn slot(&self, place: Place, view: &str, version: &Version) -> Result<Slot> {
        let _one_at_a_time = self.slots();
        if let Some(slot) = self.find_slot(place, view, version)? {
            return Ok(slot);
        }
        let next = match self.get(&keys::next_slot())? {
            Some(bytes) => rows::decode_number(&bytes).ok_or_else(|| damaged(view, "slot counter"))?,
            None => 0,
        };
        let mut batch = WriteBatch::default();
        batch.put(keys::slot(place, view, version), next.to_be_bytes());
        batch.put(keys::next_slot(), next.saturating_add(1).to_be_bytes());
        self.write(batch)?;
        Ok(Slot(next))
    }

    /// Drops every state but those in `keep`, and gives the names of their views.
    /// No [`TopicState`](crate::TopicState) that is still used may have them open.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) and [`Error::Damaged`](crate::Error::Damaged).
    pub fn retain(&self, keep: &[(Place, &str, Version)]) -> Result<Vec<String>> {
        let mut dropped = self.slots();
        let mut views = Vec::new();
        for place in [Place::Serving, Place::Building] {
            let (from, until) = keys::slots(place);
            for (key, value) in self.range(&from, &until)? {
                let (view, version) =
                    keys::parse_slot(place, &key).ok_or_else(|| damaged("?", "slot row"))?;
                if keep.contains(&(place, view, version)) {
                    continue;
                }
                let slot = rows::decode_number(&value).map(Slot).ok_or_else(|| damaged(view, "slot row"))?;
                let mut batch = WriteBatch::default();
                batch.delete(&key);
                delete_rows(slot, &mut batch);
                self.write(batch)?;
                dropped.push(slot);
                views.push(view.to_owned());
            }
        }
        Ok(views)
    }

    /// Drops the state of `version` of `view` in `place`, so that it is built anew from the log under a new
    /// slot. Whether there was any. No [`TopicState`](crate::TopicState) that is still used may have it open.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) and [`Error::Damaged`](crate::Error::Damaged).
    pub fn drop_state(&self, place: Place, view: &str, version: &Version) -> Result<bool> {
        let mut dropped = self.slots();
        let Some(slot) = self.find_slot(place, view, version)? else { return Ok(false) };
        let mut batch = WriteBatch::default();
        batch.delete(keys::slot(place, view, version));
        delete_rows(slot, &mut batch);
        self.write(batch)?;
        dropped.push(slot);
        Ok(true)
    }

    /// Puts the states that were built for these versions in the place of those that served, which are
    /// dropped, all in one step. A version that nothing was built for stays as it is. Whether anything was
    /// moved.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) and [`Error::Damaged`](crate::Error::Damaged).
    pub fn promote(&self, views: &[(&str, Version)]) -> Result<bool> {
        let mut dropped = self.slots();
        let mut batch = WriteBatch::default();
        let mut replaced = Vec::new();
        for (view, version) in views {
            let Some(built) = self.find_slot(Place::Building, view, version)? else { continue };
            if let Some(old) = self.find_slot(Place::Serving, view, version)? {
                delete_rows(old, &mut batch);
                replaced.push(old);
            }
            batch.put(keys::slot(Place::Serving, view, version), built.0.to_be_bytes());
            batch.delete(keys::slot(Place::Building, view, version));
        }
        if batch.is_empty() {
            return Ok(false);
        }
        self.write(batch)?;
        dropped.extend(replaced);
        Ok(true)
    }

    /// Gives the disk space of the states that were dropped back. It blocks for as long as files are
    /// rewritten; commits and lookups go on beside it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub fn reclaim(&self) -> Result<()> {
        let dropped = std::mem::take(&mut *self.slots());
        if !dropped.is_empty() {
            self.flush()?;
        }
        for slot in dropped {
            self.compact(slot);
        }
        Ok(())
    }

    pub(crate) fn find_slot(&self, place: Place, view: &str, version: &Version) -> Result<Option<Slot>> {
        let Some(bytes) = self.get(&keys::slot(place, view, version))? else { return Ok(None) };
        rows::decode_number(&bytes).map(|number| Some(Slot(number))).ok_or_else(|| damaged(view, "slot row"))
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn delete_rows(slot: Slot, batch: &mut WriteBatch) {
    batch.delete(keys::clock(slot));
    for (from, until) in [keys::progress_of(slot), keys::states_of(slot)] {
        batch.delete_range(from, until);
    }
}
