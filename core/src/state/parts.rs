//! A state as numbered parts of bytes.
//!
//! Part 0 is the head: the base, the list of closed chunks (part number and number of events of each), and the
//! tail. Part n is the closed chunk of that number. So a key of few events is one part, and appending changes
//! only the head. Every part begins with the version of the format and ends with a checksum (XXH3, low 32
//! bits, little-endian); numbers are varints.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;

use crate::FoldPlan;
use crate::codec::{CodecError, Reader, put_unsigned};
use crate::layout::Layout;

use super::base::Base;
use super::chunk::Chunk;
use super::{Changes, Closed, KeyState, StateError};

/// First byte of every part. A new number whenever the bytes that follow change their meaning.
const VERSION: u8 = 1;

/// Number of the head.
pub(super) const HEAD: u32 = 0;

impl KeyState {
    /// What changed since the last call, or since it was decoded, as parts to write and parts to delete.
    ///
    /// Deleting a part that was never written must be no error.
    pub fn take_changes(&mut self) -> Changes {
        let mut put = Vec::new();
        if std::mem::take(&mut self.head_changed) {
            self.deleted.retain(|part| *part != HEAD);
            put.push((HEAD, sealed(|out| self.encode_head(out))));
        }
        for closed in &mut self.closed {
            if std::mem::take(&mut closed.changed) {
                put.push((closed.part, sealed(|out| closed.chunk.encode(out))));
            }
        }
        put.sort_unstable_by_key(|(part, _)| *part);
        let mut delete = std::mem::take(&mut self.deleted);
        delete.sort_unstable();
        Changes { put, delete }
    }

    /// Whether [`take_changes`](Self::take_changes) would give anything.
    pub fn has_changes(&self) -> bool {
        self.head_changed || !self.deleted.is_empty()
    }

    /// Reads a state from its parts, which `parts` gives by number; `None` if there is no part 0.
    ///
    /// The plan must be the one that the state was kept with.
    ///
    /// # Errors
    ///
    /// What `parts` fails with, or a [`StateError`] if a part is missing or is not what was written.
    pub fn decode<B: AsRef<[u8]>, E: From<StateError>>(
        plan: &FoldPlan,
        mut parts: impl FnMut(u32) -> Result<Option<B>, E>,
    ) -> Result<Option<Self>, E> {
        let Some(head) = parts(HEAD)? else { return Ok(None) };
        let layout = Layout::of(plan);
        let (mut state, directory) =
            unsealed(HEAD, head.as_ref(), |bytes| Self::decode_head(plan, &layout, bytes))?;
        for (part, events) in directory {
            let bytes = parts(part)?.ok_or(StateError::Missing { part })?;
            let chunk = unsealed(part, bytes.as_ref(), |bytes| {
                let chunk = Chunk::decode(plan, bytes)?;
                let follows = state.closed.last().is_none_or(|before| before.chunk.last() <= chunk.first());
                if chunk.len() as u64 != events || !follows {
                    return Err(CodecError::Invalid("the chunk is not the one that the head names"));
                }
                Ok(chunk)
            })?;
            state.closed.push(Closed::new(part, chunk, false));
        }
        let end = state.closed.last().and_then(|closed| closed.chunk.last());
        if end.is_some() && end > state.tail.first() {
            let cause = CodecError::Invalid("the tail does not follow the closed chunks");
            return Err(StateError::Damaged { part: HEAD, cause }.into());
        }
        Ok(Some(state))
    }

    fn encode_head(&self, out: &mut Vec<u8>) {
        self.base.encode(out);
        put_unsigned(out, self.parts_given.into());
        put_unsigned(out, self.closed.len() as u64);
        for closed in &self.closed {
            put_unsigned(out, closed.part.into());
            put_unsigned(out, closed.chunk.len() as u64);
        }
        self.tail.encode(out);
    }

    /// The state without its closed chunks, and the directory of these.
    fn decode_head(
        plan: &FoldPlan,
        layout: &Layout,
        bytes: &mut Reader<'_>,
    ) -> Result<(Self, Vec<(u32, u64)>), CodecError> {
        const BAD_PART: CodecError = CodecError::Invalid("the list of chunks has a part that cannot be");
        let base = Base::decode(layout, bytes)?;
        let parts_given = u32::try_from(bytes.unsigned()?).map_err(|_| BAD_PART)?;
        let mut directory = Vec::new();
        let mut seen = BTreeSet::new();
        for _ in 0..bytes.count()? {
            let part = u32::try_from(bytes.unsigned()?).map_err(|_| BAD_PART)?;
            let events = bytes.unsigned()?;
            if part == HEAD || part > parts_given || events == 0 || !seen.insert(part) {
                return Err(BAD_PART);
            }
            directory.push((part, events));
        }
        let tail = Chunk::decode(plan, bytes)?;
        Ok((Self { base, tail, parts_given, ..Self::default() }, directory))
    }
}

/// The version, what `write` writes, and the checksum of both.
fn sealed(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = vec![VERSION];
    write(&mut out);
    let checksum = checksum(&out);
    out.extend_from_slice(&checksum);
    out
}

/// What `read` makes of the bytes that were [`sealed`] as `part`: all of them.
fn unsealed<T>(
    part: u32,
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, CodecError>,
) -> Result<T, StateError> {
    let damaged = |cause| StateError::Damaged { part, cause };
    let (sealed, expected) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged(CodecError::Truncated))?;
    let (version, content) = sealed.split_first().ok_or_else(|| damaged(CodecError::Truncated))?;
    if checksum(sealed) != *expected {
        return Err(damaged(CodecError::Invalid("its checksum does not match")));
    }
    if *version != VERSION {
        return Err(StateError::Version { part, found: *version, expected: VERSION });
    }
    let mut reader = Reader(content);
    let value = read(&mut reader).map_err(damaged)?;
    reader.end().map_err(damaged)?;
    Ok(value)
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    (xxh3_64(bytes) as u32).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{World, worlds};
    use crate::{
        Aggregation, FeatureColumn, FieldType, Instant, Lane, Lookback, Nulls, Order, TimeDelta, Window,
    };

    type Parts = BTreeMap<u32, Vec<u8>>;

    /// The state of all the world's events as if they were of one key.
    fn parts_of(world: &World) -> Parts {
        let inputs = world.inputs();
        let lanes: Vec<_> = inputs.iter().map(|i| Lane::of(i).expect("the type of a field")).collect();
        let mut state = KeyState::new();
        for event in world.arrivals() {
            state.add(&world.plan, world.events[event].order, &lanes, event);
            if event == world.events.len() / 2 {
                state.forget(&world.plan, Instant::from_micros(-10));
            }
        }
        let changes = state.take_changes();
        changes.put.into_iter().filter(|(part, _)| !changes.delete.contains(part)).collect()
    }

    fn read(world: &World, parts: &Parts) -> Result<Option<KeyState>, StateError> {
        KeyState::decode(&world.plan, |part| Ok(parts.get(&part)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn what_is_read_is_written_as_the_same_bytes(world in worlds(60)) {
            let parts = parts_of(&world);
            if let Some(mut state) = read(&world, &parts).expect("what was written can be read") {
                prop_assert!(!state.has_changes());
                state.head_changed = true;
                state.closed.iter_mut().for_each(|closed| closed.changed = true);
                let changes = state.take_changes();
                prop_assert_eq!(Parts::from_iter(changes.put), parts);
                prop_assert!(!state.has_changes());
            }
        }

        /// Damage under a wrong checksum is always seen. Damage under a right one may read as another state,
        /// but nothing panics, then or when that state is asked.
        #[test]
        fn damaged_bytes_are_refused(
            world in worlds(40),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            let parts = parts_of(&world);
            for (part, bytes) in &parts {
                let with = |damaged: Vec<u8>| {
                    let mut parts = parts.clone();
                    parts.insert(*part, damaged);
                    read(&world, &parts)
                };
                let at = at.index(bytes.len());
                let mut flipped = bytes.clone();
                flipped[at] ^= flip;
                prop_assert!(with(flipped.clone()).is_err());
                prop_assert!(with(bytes[..at].to_vec()).is_err());

                let content = bytes.len() - 4;
                for mut damaged in [flipped[..content].to_vec(), bytes[..at.min(content)].to_vec()] {
                    let checksum = checksum(&damaged);
                    damaged.extend_from_slice(&checksum);
                    if let Ok(Some(mut state)) = with(damaged) {
                        state.values(&world.plan, Instant::from_micros(0));
                        state.forget(&world.plan, Instant::MAX);
                        state.values(&world.plan, Instant::MAX);
                    }
                }
                if *part != HEAD {
                    let mut parts = parts.clone();
                    parts.remove(part);
                    prop_assert_eq!(
                        read(&world, &parts).expect_err("a part is missing"),
                        StateError::Missing { part: *part }
                    );
                }
            }
        }

        #[test]
        fn random_bytes_are_refused(world in worlds(1), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let parts = Parts::from([(HEAD, bytes)]);
            prop_assert!(read(&world, &parts).is_err());
        }
    }

    /// Bytes once written are read forever: this state must never change its bytes under this version.
    #[test]
    fn the_format_is_what_it_was() {
        let feature = |aggregation, input| FeatureColumn {
            name: String::new(),
            aggregation,
            input: Some(input),
            by: None,
            window: Window::Lifetime,
        };
        let plan = FoldPlan {
            inputs: vec![FieldType::Int64, FieldType::Float64, FieldType::String],
            features: vec![
                feature(Aggregation::Stddev, 0),
                feature(Aggregation::Sum, 1),
                feature(Aggregation::Max, 2),
                feature(Aggregation::First { nulls: Nulls::Skip }, 2),
                feature(Aggregation::Count, 1),
            ],
            forget: None,
            ttl: None,
            shown: None,
            lookback: Lookback::Within(TimeDelta::ZERO),
        };
        let columns: [ArrayRef; 3] = [
            Arc::new(Int64Array::from(vec![3, -1_000_000, 0, 4])),
            Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN), None, Some(-0.0)])),
            Arc::new(StringArray::from(vec![Some("é"), Some(""), None, Some("b")])),
        ];
        let lanes: Vec<_> = columns.iter().map(|c| Lane::of(c).expect("the type of a field")).collect();
        let mut state = KeyState::new();
        for (row, order_by) in [None, Some(7), None, Some(-1)].into_iter().enumerate() {
            let time = Instant::from_micros(row as i64 * 300 - 300);
            state.add(&plan, Order { time, order_by, partition: 1, offset: 90 - row as i64 }, &lanes, row);
        }
        state.forget(&plan, Instant::from_micros(0));
        let changes = state.take_changes();
        let hex: String = changes.put[0].1.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            concat!(
                "01010001d7040002c3bdf0ffffffffffffffffffffffffff060000000910a5d4e800020280ffff80",
                "000100000000000000000000000000000000000000000000000102c3a901d7040002b40102c3a902",
                "000002d804ac020200b001010100010102000008040102000000000000008005010201621a527ae3",
            )
        );
        assert_eq!((changes.put.len(), changes.delete.len()), (1, 0));
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = vec![VERSION + 1];
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        let refused = unsealed(HEAD, &bytes, |_| Ok(()));
        assert_eq!(refused, Err(StateError::Version { part: 0, found: 2, expected: 1 }));
    }
}
