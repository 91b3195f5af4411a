//! The bytes of RocksDB keys.
//!
//! The first byte of a key says what the row is. A byte once given to a kind of row is never given to
//! another, even after the kind is gone, so that an old directory is never read as something it is not.
//! Numbers are big-endian: rows of one slot, key group and key stand together, in that order.
//!
//! | first byte | row | rest of the key |
//! |---|---|---|
//! | 0x01 | version of this format | |
//! | 0x02 | slot of a view's version that serves | version (32 bytes), view name |
//! | 0x03 | the next slot to give | |
//! | 0x04 | progress of a slot in a partition | slot u32, partition u32 |
//! | 0x05 | watermark, horizon and key count of a slot | slot u32 |
//! | 0x06 | part of a key's fold state | slot u32, key group u8, key length u32, key, part u32 |
//! | 0x07 | slot of a view's version that is being built | version (32 bytes), view name |
//! | 0x08 | block of the history of what was applied | topic name, 0x00, its first instant u64 (less i64::MIN) |

use thalweg_core::{Instant, KeyGroup};

use crate::slots::{Place, Slot, Version};

const FORMAT: u8 = 0x01;
const SERVING_SLOT: u8 = 0x02;
const NEXT_SLOT: u8 = 0x03;
const PROGRESS: u8 = 0x04;
const CLOCK: u8 = 0x05;
const STATE: u8 = 0x06;
const BUILDING_SLOT: u8 = 0x07;
const HISTORY: u8 = 0x08;

/// Bytes of a state row's key before the entity key.
const STATE_HEAD: usize = 1 + 4 + 1 + 4;

/// Key of the row that holds the format's version.
pub(crate) const fn format() -> [u8; 1] {
    [FORMAT]
}

/// Key of the row that holds the number of the next slot to give.
pub(crate) const fn next_slot() -> [u8; 1] {
    [NEXT_SLOT]
}

/// Key of the row that holds the slot of `version` of `view` in `place`.
pub(crate) fn slot(place: Place, view: &str, version: &Version) -> Vec<u8> {
    [&[slot_prefix(place)], version.as_slice(), view.as_bytes()].concat()
}

/// First and last (exclusive) key of all slot rows of `place`.
pub(crate) const fn slots(place: Place) -> ([u8; 1], [u8; 1]) {
    let prefix = slot_prefix(place);
    ([prefix], [prefix + 1])
}

/// The view and version in the key of a slot row of `place`, if it is one.
pub(crate) fn parse_slot(place: Place, key: &[u8]) -> Option<(&str, Version)> {
    let (prefix, rest) = key.split_first()?;
    let (version, view) = rest.split_first_chunk::<32>()?;
    (*prefix == slot_prefix(place)).then_some((std::str::from_utf8(view).ok()?, *version))
}

const fn slot_prefix(place: Place) -> u8 {
    match place {
        Place::Serving => SERVING_SLOT,
        Place::Building => BUILDING_SLOT,
    }
}

/// Key of the row that holds how far `slot` has read `partition`.
pub(crate) fn progress(slot: Slot, partition: i32) -> Vec<u8> {
    [&[PROGRESS], slot.0.to_be_bytes().as_slice(), &partition.cast_unsigned().to_be_bytes()].concat()
}

/// First and last (exclusive) key of the progress rows of `slot`.
pub(crate) fn progress_of(slot: Slot) -> (Vec<u8>, Vec<u8>) {
    range_of(PROGRESS, slot)
}

/// The partition in a progress row's key, if it is one.
pub(crate) fn parse_progress(key: &[u8]) -> Option<i32> {
    let (partition, head) = (key.last_chunk::<4>()?, key.len() == 9 && key[0] == PROGRESS);
    head.then_some(u32::from_be_bytes(*partition).cast_signed())
}

/// Key of the row that holds the watermark, the horizon and the key count of `slot`.
pub(crate) fn clock(slot: Slot) -> Vec<u8> {
    [&[CLOCK], slot.0.to_be_bytes().as_slice()].concat()
}

/// Key of one part of an entity key's fold state, reused for its other parts.
pub(crate) struct StateKey(Vec<u8>);

impl StateKey {
    /// Key of part 0 of the state of `key`, which belongs to `group`.
    pub(crate) fn new(slot: Slot, group: KeyGroup, key: &[u8]) -> Self {
        // Entity keys come from record batches whose lengths fit in 31 bits.
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(STATE_HEAD + key.len() + 4);
        bytes.push(STATE);
        bytes.extend_from_slice(&slot.0.to_be_bytes());
        bytes.push(group);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(&0_u32.to_be_bytes());
        Self(bytes)
    }

    /// The same key for part `part`.
    pub(crate) fn part(&mut self, part: u32) -> &[u8] {
        let at = self.0.len() - 4;
        self.0[at..].copy_from_slice(&part.to_be_bytes());
        &self.0
    }
}

/// First and last (exclusive) key of all states of `slot`.
pub(crate) fn states_of(slot: Slot) -> (Vec<u8>, Vec<u8>) {
    range_of(STATE, slot)
}

/// Group, entity key and part in a state row's key, if it is one.
pub(crate) fn parse_state(key: &[u8]) -> Option<(KeyGroup, &[u8], u32)> {
    let (head, rest) = key.split_first_chunk::<STATE_HEAD>()?;
    let (entity, part) = rest.split_last_chunk::<4>()?;
    let length = u32::from_be_bytes([head[6], head[7], head[8], head[9]]);
    let whole = head[0] == STATE && usize::try_from(length) == Ok(entity.len());
    whole.then_some((head[5], entity, u32::from_be_bytes(*part)))
}

/// Key of the block of the history of `topic` that begins at `first`.
pub(crate) fn history(topic: &str, first: Instant) -> Vec<u8> {
    let from_beginning = first.as_micros().abs_diff(i64::MIN);
    [&[HISTORY], topic.as_bytes(), &[0], from_beginning.to_be_bytes().as_slice()].concat()
}

/// First and last (exclusive) key of the history of `topic`, whose name has no zero byte.
pub(crate) fn history_of(topic: &str) -> (Vec<u8>, Vec<u8>) {
    let of = |end: u8| [&[HISTORY], topic.as_bytes(), &[end]].concat();
    (of(0), of(1))
}

fn range_of(prefix: u8, slot: Slot) -> (Vec<u8>, Vec<u8>) {
    let from = [&[prefix], slot.0.to_be_bytes().as_slice()].concat();
    let until = match slot.0.checked_add(1) {
        Some(next) => [&[prefix], next.to_be_bytes().as_slice()].concat(),
        None => vec![prefix + 1],
    };
    (from, until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: impl AsRef<[u8]>) -> String {
        bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_bytes_of_every_key_stay_as_they_are() {
        let version = [0xab; 32];
        assert_eq!(hex(format()), "01");
        assert_eq!(hex(slot(Place::Serving, "v", &version)), format!("02{}76", "ab".repeat(32)));
        assert_eq!(hex(slot(Place::Building, "v", &version)), format!("07{}76", "ab".repeat(32)));
        assert_eq!(hex(next_slot()), "03");
        assert_eq!(hex(progress(Slot(7), 2)), "040000000700000002");
        assert_eq!(hex(clock(Slot(7))), "0500000007");
        assert_eq!(hex(history("ab", Instant::from_micros(-1))), "086162007fffffffffffffff");
        assert_eq!(hex(history("ab", Instant::MIN)), "086162000000000000000000");
        let (from, until) = history_of("ab");
        assert_eq!((hex(from), hex(until)), ("08616200".to_owned(), "08616201".to_owned()));
        let mut state = StateKey::new(Slot(7), 0xfe, b"UA");
        assert_eq!(hex(state.part(0)), "0600000007fe00000002554100000000");
        assert_eq!(hex(state.part(258)), "0600000007fe00000002554100000102");
        assert_eq!(hex(states_of(Slot(7)).1), "0600000008");
        assert_eq!(hex(states_of(Slot(u32::MAX)).1), "07");
    }

    #[test]
    fn keys_give_back_what_went_into_them() {
        let version = [3; 32];
        for place in [Place::Serving, Place::Building] {
            assert_eq!(parse_slot(place, &slot(place, "départs", &version)), Some(("départs", version)));
        }
        assert_eq!(parse_progress(&progress(Slot(1), 41)), Some(41));
        assert_eq!(parse_state(StateKey::new(Slot(1), 9, b"").part(3)), Some((9, &[][..], 3)));
        assert_eq!(parse_state(StateKey::new(Slot(1), 9, b"abc").part(3)), Some((9, &b"abc"[..], 3)));
    }

    #[test]
    fn foreign_bytes_are_no_keys() {
        for bytes in [&[][..], &[6], &[6; 13], &[6; 14], &[2; 20], &[4; 8], &[5; 9]] {
            assert_eq!(parse_state(bytes), None);
            assert_eq!(parse_slot(Place::Serving, bytes), None);
            assert_eq!(parse_progress(bytes), None);
        }
    }
}
