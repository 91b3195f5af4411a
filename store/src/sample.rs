//! Some keys of a view, drawn by lot.

use std::collections::BTreeSet;

use thalweg_core::{KEY_GROUPS, KeyGroup};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Error, Result};
use crate::keys::StateKey;
use crate::slots::Slot;
use crate::topic_state::TopicState;
use crate::view_state::ViewState;

/// Keys that are read from files at a time.
const KEYS_PER_STEP: usize = 4_096;

/// For each key that is drawn so many are gone through, if there are as many.
const LOOKED_AT: u128 = 16;

impl TopicState {
    /// Draws up to `count` of the entity keys that `view` has a state of, each as likely as any other: one
    /// [key group](thalweg_core::key_group) after the other is gone through, in an order that `seed` gives,
    /// as many as have about sixteen times the keys that are wanted; of these the ones are taken whose hashes
    /// under `seed` are least. The same keys and seed give the same again. They come in the order of their
    /// hashes.
    ///
    /// Batches and lookups go on meanwhile. What is drawn is of no one moment: a key may have come or gone.
    /// Stops early, with what it has, when `is_wanted` says no.
    ///
    /// # Errors
    ///
    /// [`Error::Retired`], [`Error::UnknownView`], [`Error::Io`].
    pub fn sample_keys(
        &self,
        view: &str,
        count: usize,
        seed: u64,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Vec<Box<[u8]>>> {
        let mut groups: Vec<KeyGroup> = (0..=KeyGroup::MAX).collect();
        groups.sort_by_key(|group| xxh3_64_with_seed(&[*group], seed));
        let all = self.of_view(view, |view| view.clock.keys)?;
        let enough = (count as u128 * LOOKED_AT * KEY_GROUPS as u128).div_ceil(u128::from(all.max(1)));
        groups.truncate(usize::try_from(enough).unwrap_or(KEY_GROUPS));
        let mut drawn = Drawn { count, seed, keys: BTreeSet::new() };
        for group in groups {
            if !is_wanted() {
                break;
            }
            // The lock is taken group by group, so that batches are applied between.
            let slot = self.of_view(view, |view| {
                view.hot.keys_of(group).for_each(|key| drawn.take(key));
                view.slot
            })?;
            self.draw_stored(slot, group, &mut drawn)?;
        }
        Ok(drawn.keys.into_iter().map(|(_, key)| key).collect())
    }

    fn draw_stored(&self, slot: Slot, group: KeyGroup, drawn: &mut Drawn) -> Result<()> {
        let mut after = Some(StateKey::new(slot, group, b"").part(0).to_vec());
        while let Some(row) = after {
            let (keys, rest) = self.store().keys_after(slot, Some(&row), KEYS_PER_STEP)?;
            let of_group = keys.iter().take_while(|(of, _)| *of == group);
            let taken = of_group.map(|(_, key)| drawn.take(key)).count();
            after = rest.filter(|_| taken == keys.len());
        }
        Ok(())
    }

    /// What `look` sees in the state of the view called `name`.
    fn of_view<T>(&self, name: &str, look: impl FnOnce(&ViewState) -> T) -> Result<T> {
        let shared = self.read_lock();
        if shared.retired {
            return Err(Error::Retired { topic: self.topic().to_owned() });
        }
        let view = shared.views.iter().find(|view| view.spec.name == name);
        let unknown = || Error::UnknownView { topic: self.topic().to_owned(), view: name.to_owned() };
        view.map(look).ok_or_else(unknown)
    }
}

/// The keys with the least hashes so far, each once.
struct Drawn {
    count: usize,
    seed: u64,
    keys: BTreeSet<(u64, Box<[u8]>)>,
}

impl Drawn {
    fn take(&mut self, key: &[u8]) {
        let hash = xxh3_64_with_seed(key, self.seed);
        let is_full = self.keys.len() >= self.count;
        if is_full && self.keys.last().is_none_or(|(largest, _)| hash > *largest) {
            return;
        }
        self.keys.insert((hash, key.into()));
        if self.keys.len() > self.count {
            self.keys.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(count: usize, seed: u64, keys: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut drawn = Drawn { count, seed, keys: BTreeSet::new() };
        keys.into_iter().for_each(|key| drawn.take(&key.to_be_bytes()));
        let number = |key: Box<[u8]>| u32::from_be_bytes(key.as_ref().try_into().expect("four bytes"));
        drawn.keys.into_iter().map(|(_, key)| number(key)).collect()
    }

    #[test]
    fn what_is_drawn_hangs_on_keys_and_seed_alone() {
        let drawn = draw(20, 7, 0..1_000);
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 20);
        assert_eq!(drawn, draw(20, 7, (0..1_000).rev().chain(0..1_000)));
        assert_ne!(drawn, draw(20, 8, 0..1_000));
        assert_eq!(draw(20, 7, 0..5).len(), 5);
        assert!(draw(0, 7, 0..5).is_empty());
    }

    #[test]
    fn every_key_is_as_likely_as_any_other() {
        let mut times = [0_u32; 100];
        for seed in 0..10_000 {
            draw(10, seed, 0..100).into_iter().for_each(|key| times[key as usize] += 1);
        }
        // Each is drawn a thousand times on the average; five standard deviations are 150.
        assert!(times.iter().all(|times| (850..1_150).contains(times)), "{times:?}");
    }
}
