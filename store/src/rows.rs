//! The bytes of the rows that are no fold states.

use std::collections::BTreeMap;

use thalweg_core::Instant;

/// Identity of a topic, so that one deleted and created again is not taken for the old one.
pub type TopicId = [u8; 16];

/// Layout of the rows below. A row of any other layout is refused.
const LAYOUT: u8 = 1;

/// How far a view has read one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Topic the offsets belong to.
    pub(crate) topic_id: TopicId,
    /// The next offset to apply.
    pub(crate) next: i64,
    /// Latest event time among all events of the view's source applied so far.
    pub(crate) newest: Option<Instant>,
}

/// Progress by partition.
pub(crate) type ProgressMap = BTreeMap<i32, Progress>;

impl Progress {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT];
        bytes.extend_from_slice(&self.topic_id);
        bytes.extend_from_slice(&self.next.to_be_bytes());
        put_instant(&mut bytes, self.newest);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = layout_checked(bytes)?;
        let topic_id = take::<16>(&mut rest)?;
        let next = i64::from_be_bytes(take(&mut rest)?);
        let newest = take_instant(&mut rest)?;
        (rest.is_empty() && next >= 0).then_some(Self { topic_id, next, newest })
    }
}

/// How far event time has come for a view, and how many keys it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ViewClock {
    /// The highest watermark reached.
    pub(crate) watermark: Option<Instant>,
    /// The earliest instant that can still be answered; none while all can.
    pub(crate) horizon: Option<Instant>,
    /// Number of entity keys with a state.
    pub(crate) keys: u64,
}

impl ViewClock {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT];
        put_instant(&mut bytes, self.watermark);
        put_instant(&mut bytes, self.horizon);
        bytes.extend_from_slice(&self.keys.to_be_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = layout_checked(bytes)?;
        let watermark = take_instant(&mut rest)?;
        let horizon = take_instant(&mut rest)?;
        let keys = u64::from_be_bytes(take(&mut rest)?);
        rest.is_empty().then_some(Self { watermark, horizon, keys })
    }
}

/// The number in a row that holds nothing else.
pub(crate) fn decode_number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

fn layout_checked(bytes: &[u8]) -> Option<&[u8]> {
    let (layout, rest) = bytes.split_first()?;
    (*layout == LAYOUT).then_some(rest)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

fn put_instant(bytes: &mut Vec<u8>, instant: Option<Instant>) {
    bytes.push(instant.is_some().into());
    bytes.extend_from_slice(&instant.map_or(0, Instant::as_micros).to_be_bytes());
}

/// An instant or none; the outer option tells whether the bytes are whole.
fn take_instant(rest: &mut &[u8]) -> Option<Option<Instant>> {
    let [present] = take(rest)?;
    let instant = Instant::from_micros(i64::from_be_bytes(take(rest)?));
    match present {
        0 => Some(None),
        1 => Some(Some(instant)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_written() {
        let progress = Progress { topic_id: [9; 16], next: 77, newest: Some(Instant::from_micros(-5)) };
        assert_eq!(Progress::decode(&progress.encode()), Some(progress));
        let clock = ViewClock { watermark: Some(Instant::MIN), horizon: None, keys: u64::MAX };
        assert_eq!(ViewClock::decode(&clock.encode()), Some(clock));
    }

    #[test]
    fn the_bytes_of_rows_stay_as_they_are() {
        let progress = Progress { topic_id: [0xee; 16], next: 258, newest: Some(Instant::from_micros(-1)) };
        let expected = [&[1][..], &[0xee; 16], &[0, 0, 0, 0, 0, 0, 1, 2, 1], &[0xff; 8]].concat();
        assert_eq!(progress.encode(), expected);
        let clock = ViewClock { watermark: Some(Instant::from_micros(1)), horizon: None, keys: 3 };
        assert_eq!(
            clock.encode(),
            [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]
        );
    }

    #[test]
    fn rows_cut_short_or_of_another_layout_are_refused() {
        let whole = Progress { topic_id: [1; 16], next: 5, newest: None }.encode();
        for length in 0..whole.len() {
            assert_eq!(Progress::decode(&whole[..length]), None);
        }
        assert_eq!(Progress::decode(&[&[2], &whole[1..]].concat()), None);
        assert_eq!(Progress::decode(&[&whole[..], &[0]].concat()), None);
        assert_eq!(ViewClock::decode(&whole), None);
    }
}
