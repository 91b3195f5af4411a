//! Decoded states in memory.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use thalweg_core::{KEY_GROUPS, KeyGroup, KeyState, key_group};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes a state costs beside itself and its key: its place in the table and in the list.
const OVERHEAD_BYTES: usize = 96;

/// The states of one view that are in memory, by key group.
pub(crate) struct HotStates {
    groups: Box<[Group]>,
    bytes: usize,
    /// Group at which the next eviction goes on.
    hand: usize,
}

#[derive(Default)]
struct Group {
    /// Positions in `states`, found by the hash of their keys.
    index: HashTable<u32>,
    states: Vec<HotState>,
    /// Positions of the states that changed since the last commit.
    dirty: Vec<u32>,
}

/// The state of one key.
pub(crate) struct HotState {
    key: Box<[u8]>,
    hash: u64,
    pub(crate) state: KeyState,
    bytes: usize,
    dirty: bool,
    /// Whether it was changed since the eviction's hand last passed.
    used: bool,
}

impl HotState {
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    fn size(&self) -> usize {
        self.key.len() + self.state.bytes_in_memory() + OVERHEAD_BYTES
    }
}

impl HotStates {
    pub(crate) fn new() -> Self {
        Self { groups: (0..KEY_GROUPS).map(|_| Group::default()).collect(), bytes: 0, hand: 0 }
    }

    /// Bytes of all states, as of their last commit or load.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The state of `key`, if it is in memory.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&KeyState> {
        let group = &self.groups[usize::from(key_group(key))];
        group.find(xxh3_64(key), key).map(|at| &group.states[at].state)
    }

    /// The state of `key`, if it is in memory, marked as changed.
    pub(crate) fn change(&mut self, key: &[u8]) -> Option<&mut KeyState> {
        let group = &mut self.groups[usize::from(key_group(key))];
        let at = group.find(xxh3_64(key), key)?;
        let hot = &mut group.states[at];
        if !hot.dirty {
            hot.dirty = true;
            group.dirty.push(at as u32);
        }
        hot.used = true;
        Some(&mut hot.state)
    }

    /// The state of `key`, if it is in memory, not marked.
    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut KeyState> {
        let group = &mut self.groups[usize::from(key_group(key))];
        let at = group.find(xxh3_64(key), key)?;
        Some(&mut group.states[at].state)
    }

    /// Takes in the state of a key; false, and nothing is done, if there is one in memory.
    pub(crate) fn insert(&mut self, key: &[u8], state: KeyState) -> bool {
        let hash = xxh3_64(key);
        let mut hot = HotState { key: key.into(), hash, state, bytes: 0, dirty: false, used: true };
        hot.bytes = hot.size();
        let group = &mut self.groups[usize::from(key_group(key))];
        let states = &group.states;
        let found =
            group.index.entry(hash, |at| *states[*at as usize].key == *key, |at| states[*at as usize].hash);
        let Entry::Vacant(place) = found else { return false };
        place.insert(states.len() as u32);
        self.bytes += hot.bytes;
        group.states.push(hot);
        true
    }

    /// The keys of `group` of which there is something in memory.
    pub(crate) fn keys_of(&self, group: KeyGroup) -> impl Iterator<Item = &[u8]> {
        let states = self.groups[usize::from(group)].states.iter();
        states.filter(|hot| !hot.state.is_empty()).map(HotState::key)
    }

    /// Groups with changed states.
    pub(crate) fn dirty_groups(&self) -> Vec<KeyGroup> {
        let groups = (0..=KeyGroup::MAX).zip(self.groups.iter());
        groups.filter(|(_, group)| !group.dirty.is_empty()).map(|(number, _)| number).collect()
    }

    /// Gives every changed state of `group` to `take`, in the order of their keys, and marks them as
    /// unchanged.
    pub(crate) fn take_dirty(&mut self, group: KeyGroup, mut take: impl FnMut(&mut HotState)) {
        let group = &mut self.groups[usize::from(group)];
        let mut dirty = std::mem::take(&mut group.dirty);
        dirty.sort_unstable_by(|a, b| group.states[*a as usize].key.cmp(&group.states[*b as usize].key));
        for at in dirty {
            let hot = &mut group.states[at as usize];
            take(hot);
            hot.dirty = false;
            let size = hot.size();
            self.bytes = self.bytes - hot.bytes + size;
            hot.bytes = size;
        }
    }

    /// Drops the states of `group` that have no events. None may be changed and not committed.
    pub(crate) fn drop_empty(&mut self, group: KeyGroup) {
        let group = &mut self.groups[usize::from(group)];
        let mut at = 0;
        while at < group.states.len() && group.dirty.is_empty() {
            if group.states[at].state.is_empty() {
                self.bytes -= group.remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Drops states until about `target` bytes fewer are in memory, and gives the bytes dropped. States
    /// that were not changed since the last time go first. All must have been committed: a changed state
    /// stays.
    pub(crate) fn evict(&mut self, target: usize) -> usize {
        let mut freed = 0;
        // In the first round what was in use is spared and marked, in the second it goes.
        for _ in 0..2 * KEY_GROUPS {
            if freed >= target {
                break;
            }
            freed += self.groups[self.hand].evict(target - freed);
            self.hand = (self.hand + 1) % KEY_GROUPS;
        }
        self.bytes -= freed;
        freed
    }
}

impl Group {
    fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        self.index.find(hash, |at| *self.states[*at as usize].key == *key).map(|at| *at as usize)
    }

    fn evict(&mut self, target: usize) -> usize {
        let mut freed = 0;
        let mut at = 0;
        // Positions of changed states are noted in `dirty`, so nothing may move while there are any.
        while freed < target && at < self.states.len() && self.dirty.is_empty() {
            if std::mem::take(&mut self.states[at].used) {
                at += 1;
            } else {
                freed += self.remove(at);
            }
        }
        if self.states.is_empty() {
            *self = Self::default();
        }
        freed
    }

    /// Removes the state at `at`; the last one takes its place.
    fn remove(&mut self, at: usize) -> usize {
        let last = self.states.len() - 1;
        if let Ok(place) = self.index.find_entry(self.states[at].hash, |found| *found as usize == at) {
            place.remove();
        }
        if let Some(moved) = self.index.find_mut(self.states[last].hash, |found| *found as usize == last) {
            *moved = at as u32;
        }
        self.states.swap_remove(at).bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: u32) -> Vec<Vec<u8>> {
        (0..count).map(|number| number.to_be_bytes().to_vec()).collect()
    }

    #[test]
    fn what_is_evicted_is_gone_and_the_rest_is_found() {
        let mut hot = HotStates::new();
        for key in keys(2000) {
            hot.insert(&key, KeyState::new());
        }
        let all = hot.bytes();
        let freed = hot.evict(all / 2);
        assert!(freed >= all / 2 && freed < all, "{freed} of {all}");
        assert_eq!(hot.bytes(), all - freed);
        let left = keys(2000).iter().filter(|key| hot.get(key).is_some()).count();
        let entries: usize = hot.groups.iter().map(|group| group.states.len()).sum();
        assert_eq!(left, entries);
        assert_eq!(hot.evict(usize::MAX), all - freed);
        assert_eq!(hot.bytes(), 0);
        assert!(keys(2000).iter().all(|key| hot.get(key).is_none()));
    }

    #[test]
    fn changed_states_are_never_evicted() {
        let mut hot = HotStates::new();
        for key in keys(500) {
            hot.insert(&key, KeyState::new());
        }
        let changed = keys(40);
        for key in &changed {
            hot.change(key).expect("a key just inserted");
        }
        hot.evict(usize::MAX);
        assert!(changed.iter().all(|key| hot.get(key).is_some()));
        let mut taken = 0;
        for group in hot.dirty_groups() {
            hot.take_dirty(group, |_| taken += 1);
        }
        assert_eq!(taken, changed.len());
        assert!(hot.dirty_groups().is_empty());
        hot.evict(usize::MAX);
        assert_eq!(hot.bytes(), 0);
    }

    #[test]
    fn a_second_insert_of_a_key_changes_nothing() {
        let mut hot = HotStates::new();
        assert!(hot.insert(b"a", KeyState::new()));
        let bytes = hot.bytes();
        assert!(!hot.insert(b"a", KeyState::new()));
        assert_eq!(hot.bytes(), bytes);
    }
}
