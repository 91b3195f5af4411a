//! The bytes of a few hundred moments.
//!
//! A block is a row of its own: the layout's number, the id of the topic, the instant of its first moment, and then
//! for each moment how many microseconds it comes after the one before, whether what was before it is unknown, how many
//! microseconds before it the clock was set back to, if it was, and how far each partition has moved since the one
//! before. The first moment of a block, and each that says that what was
//! before is unknown, counts from nothing. Numbers are of seven bits a byte, the least first; those that may be
//! negative come with the sign as their least bit.

use std::collections::BTreeMap;

use thalweg_core::Instant;

use crate::rows::TopicId;

use super::Moment;

const LAYOUT: u8 = 1;

/// Bytes before the first moment.
const HEAD: usize = 1 + 16 + 8;

/// What a moment is, in its first byte.
const UNKNOWN_BEFORE: u8 = 1;
const SET_BACK: u8 = 2;

/// Moments, the first of which says where every partition is.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    topic_id: TopicId,
    bytes: Vec<u8>,
    first: Instant,
    last: Instant,
    /// What is applied from the last moment on.
    next: BTreeMap<i32, i64>,
}

impl Block {
    /// A block that begins with `moment`.
    pub(crate) fn begin(topic_id: TopicId, moment: &Moment) -> Self {
        let at = moment.at;
        let mut bytes = vec![LAYOUT];
        bytes.extend_from_slice(&topic_id);
        bytes.extend_from_slice(&at.as_micros().to_be_bytes());
        let mut block = Self { topic_id, bytes, first: at, last: at, next: BTreeMap::new() };
        block.push(moment);
        block
    }

    /// Appends a moment, not before the last one.
    pub(crate) fn push(&mut self, moment: &Moment) {
        let Moment { at, unknown_before, set_back_to, next } = moment;
        if *unknown_before {
            self.next.clear();
        }
        put(&mut self.bytes, at.as_micros().abs_diff(self.last.as_micros()));
        let before = if *unknown_before { UNKNOWN_BEFORE } else { 0 };
        let back = if set_back_to.is_some() { SET_BACK } else { 0 };
        self.bytes.push(before | back);
        if let Some(to) = set_back_to {
            put(&mut self.bytes, at.as_micros().abs_diff(to.as_micros()));
        }
        let moved: Vec<_> = next
            .iter()
            .map(|(partition, next)| (*partition, *next, self.next.get(partition).copied()))
            .filter(|(_, next, before)| Some(*next) != *before)
            .collect();
        put(&mut self.bytes, moved.len() as u64);
        for (partition, next, before) in moved {
            put(&mut self.bytes, u64::from(partition.cast_unsigned()));
            put_signed(&mut self.bytes, next.wrapping_sub(before.unwrap_or(0)));
        }
        self.last = *at;
        self.next.clone_from(next);
    }

    /// The topic.
    pub(crate) const fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    /// When it begins.
    pub(crate) const fn first(&self) -> Instant {
        self.first
    }

    /// Its last moment.
    pub(crate) const fn last(&self) -> Instant {
        self.last
    }

    /// What is applied from its last moment on.
    pub(crate) const fn next(&self) -> &BTreeMap<i32, i64> {
        &self.next
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All moments; none if the bytes are not what was written.
    pub(crate) fn moments(&self) -> Option<Vec<Moment>> {
        read(&self.bytes)
    }

    /// Reads the bytes of a block.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let moments = read(bytes)?;
        let (first, last) = (moments.first()?, moments.last()?);
        Some(Self {
            topic_id: *bytes.get(1..17)?.first_chunk()?,
            bytes: bytes.to_vec(),
            first: first.at,
            last: last.at,
            next: last.next.clone(),
        })
    }
}

fn read(bytes: &[u8]) -> Option<Vec<Moment>> {
    let (head, mut rest) = bytes.split_at_checked(HEAD)?;
    let (layout, first) = (head[0], *head.last_chunk::<8>()?);
    if layout != LAYOUT {
        return None;
    }
    let mut at = i64::from_be_bytes(first);
    let mut next: BTreeMap<i32, i64> = BTreeMap::new();
    let mut moments = Vec::new();
    while !rest.is_empty() {
        at = at.checked_add_unsigned(take(&mut rest)?)?;
        let (kind, after) = rest.split_first()?;
        rest = after;
        if *kind & !(UNKNOWN_BEFORE | SET_BACK) != 0 {
            return None;
        }
        let unknown_before = *kind & UNKNOWN_BEFORE != 0;
        let set_back_to = match *kind & SET_BACK != 0 {
            true => Some(Instant::from_micros(at.checked_sub_unsigned(take(&mut rest)?)?)),
            false => None,
        };
        if unknown_before {
            next.clear();
        }
        for _ in 0..take(&mut rest)? {
            let partition = u32::try_from(take(&mut rest)?).ok()?.cast_signed();
            let moved = take_signed(&mut rest)?;
            let next = next.entry(partition).or_insert(0);
            *next = next.wrapping_add(moved);
        }
        let at = Instant::from_micros(at);
        moments.push(Moment { at, unknown_before, set_back_to, next: next.clone() });
    }
    Some(moments)
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        let part = u64::from(byte & 0x7f);
        if (part << shift) >> shift != part {
            return None;
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take_signed(rest: &mut &[u8]) -> Option<i64> {
    let number = take(rest)?;
    Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment(at: i64, unknown_before: bool, next: &[(i32, i64)]) -> Moment {
        let next = next.iter().copied().collect();
        Moment { at: Instant::from_micros(at), unknown_before, set_back_to: None, next }
    }

    fn set_back(to: i64, moment: Moment) -> Moment {
        Moment { set_back_to: Some(Instant::from_micros(to)), ..moment }
    }

    fn block_of(moments: &[Moment]) -> Block {
        let first = &moments[0];
        let mut block = Block::begin([7; 16], first);
        moments[1..].iter().for_each(|moment| block.push(moment));
        block
    }

    #[test]
    fn the_bytes_of_a_block_stay_as_they_are() {
        let block = block_of(&[
            moment(-1, true, &[(0, 300)]),
            moment(4, false, &[(0, 301), (1, 1)]),
            moment(4, false, &[(0, 301), (1, 1)]),
            moment(200, true, &[(1, 0)]),
            set_back(70, moment(201, false, &[(1, 0)])),
        ]);
        let head = [&[1][..], &[7; 16], &[0xff; 8]].concat();
        let moments: &[u8] =
            &[0, 1, 1, 0, 0xd8, 4, 5, 0, 2, 0, 2, 1, 2, 0, 0, 0, 0xc4, 1, 1, 1, 1, 0, 1, 2, 0x83, 1, 0];
        assert_eq!(block.bytes(), [&head, moments].concat());
        assert_eq!(block.topic_id(), [7; 16]);
    }

    #[test]
    fn damaged_bytes_are_no_block() {
        let whole = block_of(&[moment(0, true, &[(0, 5)]), moment(9, false, &[(0, 6)])]).bytes().to_vec();
        assert!(Block::decode(&whole).is_some());
        assert!(Block::decode(&whole[..whole.len() - 1]).is_none());
        assert!(Block::decode(&whole[..HEAD]).is_none());
        assert!(Block::decode(&[&[2], &whole[1..]].concat()).is_none());
        assert!(Block::decode(&[&whole[..], &[0xff; 11]].concat()).is_none());
    }

    proptest! {
        #[test]
        fn moments_come_back_as_they_were_noted(
            moments in prop::collection::vec(
                (
                    0..1_000_000_u64,
                    any::<bool>(),
                    prop::option::of(0..1_000_000_i64),
                    prop::collection::btree_map(0..5_i32, 0..i64::MAX, 0..4),
                ),
                1..30,
            ),
            start in -1_000_000_000_i64..1_000_000_000,
        ) {
            let mut at = start;
            let mut before: BTreeMap<i32, i64> = BTreeMap::new();
            let moments: Vec<_> = moments.into_iter().map(|(after, unknown_before, back, next)| {
                at += after as i64;
                // Without a break no partition vanishes.
                let next = if unknown_before { next } else { before.iter().map(|(p, n)| (*p, *n)).chain(next).collect() };
                before.clone_from(&next);
                let set_back_to = back.map(|back| Instant::from_micros(at - back));
                Moment { at: Instant::from_micros(at), unknown_before, set_back_to, next }
            }).collect();
            let block = block_of(&moments);
            prop_assert_eq!(block.moments(), Some(moments.clone()));
            let decoded = Block::decode(block.bytes()).expect("its own bytes");
            prop_assert_eq!((decoded.first(), decoded.last()), (moments[0].at, Instant::from_micros(at)));
            prop_assert_eq!(decoded.next(), &before);
        }
    }
}
