//! Dense numbers for the entity keys of a spine.

use arrow::array::{Array, BinaryArray};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The distinct keys of a spine, numbered by first appearance.
#[derive(Debug)]
pub(crate) struct KeyIndex {
    ids: HashTable<(u64, u32)>,
    /// The row of `keys` at which each number first appears.
    first_rows: Vec<u32>,
    keys: BinaryArray,
}

impl KeyIndex {
    /// Numbers `keys` (none of them null); also gives the number of each row's key.
    pub(crate) fn build(keys: BinaryArray) -> (Self, Vec<u32>) {
        let mut ids: HashTable<(u64, u32)> = HashTable::new();
        let mut first_rows: Vec<u32> = Vec::new();
        let mut row_ids = Vec::with_capacity(keys.len());
        for row in 0..keys.len() {
            let key = keys.value(row);
            let hash = hash(key);
            let same = |&(other, id): &(u64, u32)| {
                other == hash && keys.value(first_rows[id as usize] as usize) == key
            };
            let id = match ids.entry(hash, same, |&(hash, _)| hash) {
                Entry::Occupied(found) => found.get().1,
                Entry::Vacant(free) => {
                    let id = first_rows.len() as u32;
                    free.insert((hash, id));
                    first_rows.push(row as u32);
                    id
                }
            };
            row_ids.push(id);
        }
        (Self { ids, first_rows, keys }, row_ids)
    }

    /// How many distinct keys there are.
    pub(crate) fn len(&self) -> usize {
        self.first_rows.len()
    }

    /// The number of `key`, if the spine has it.
    pub(crate) fn get(&self, key: &[u8]) -> Option<u32> {
        let hash = hash(key);
        self.ids
            .find(hash, |&(other, id)| {
                other == hash && self.keys.value(self.first_rows[id as usize] as usize) == key
            })
            .map(|&(_, id)| id)
    }
}

fn hash(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_numbered_by_first_appearance() {
        let keys = BinaryArray::from_vec(vec![b"b", b"a", b"", b"b", b"a"]);
        let (index, rows) = KeyIndex::build(keys);
        assert_eq!(rows, [0, 1, 2, 0, 1]);
        assert_eq!(index.len(), 3);
        assert_eq!(index.get(b""), Some(2));
        assert_eq!(index.get(b"c"), None);
    }
}
