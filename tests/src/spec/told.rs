//! What was applied when, as a file says it.

use std::collections::{BTreeMap, BTreeSet};

use thalweg_backfill::{AppliedHistory, AppliedMoment};
use thalweg_core::Instant;

use super::arrival::{Arrival, with_offsets};

/// The instant up to which a file says what was applied: all but the last, which nobody lives to see.
const NOW: i64 = i64::MAX - 1;

/// For each topic the moments at which something was applied.
#[derive(Debug)]
pub struct Told(BTreeMap<String, Vec<AppliedMoment>>);

impl Told {
    /// What is told of records that were appended in this order; none if one of them was applied before
    /// another that stands before it in its partition, which no store does.
    pub fn new(arrivals: &[Arrival]) -> Option<Self> {
        let mut all: BTreeMap<String, Vec<AppliedMoment>> = BTreeMap::new();
        let placed = with_offsets(arrivals);
        for topic in placed.iter().map(|(arrival, _)| arrival.topic.as_str()).collect::<BTreeSet<_>>() {
            let of_topic: Vec<_> = placed.iter().filter(|(arrival, _)| arrival.topic == topic).collect();
            let instants: BTreeSet<i64> =
                of_topic.iter().map(|(arrival, _)| arrival.applied).chain([i64::MIN]).collect();
            for at in instants {
                let mut next: BTreeMap<i32, i64> = BTreeMap::new();
                for (arrival, offset) in of_topic.iter().filter(|(arrival, _)| arrival.applied <= at) {
                    let next = next.entry(arrival.partition).or_default();
                    if *next != *offset {
                        return None;
                    }
                    *next += 1;
                }
                let at = Instant::from_micros(at);
                all.entry(topic.to_owned()).or_default().push(AppliedMoment {
                    at,
                    unknown_before: false,
                    set_back_to: None,
                    next,
                });
            }
        }
        Some(Self(all))
    }
}

impl AppliedHistory for Told {
    fn read(
        &self,
        topic: &str,
        _: Instant,
        visit: &mut dyn FnMut(&AppliedMoment),
    ) -> Result<Instant, String> {
        let nothing = [AppliedMoment {
            at: Instant::MIN,
            unknown_before: false,
            set_back_to: None,
            next: BTreeMap::new(),
        }];
        self.0.get(topic).map_or(&nothing[..], Vec::as_slice).iter().for_each(visit);
        Ok(Instant::from_micros(NOW))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(partition: i32, applied: i64) -> Arrival {
        let topic = "t".to_owned();
        Arrival {
            topic,
            event: 1,
            partition,
            timestamp_ms: 0,
            applied,
            key: None,
            headers: Vec::new(),
            value: None,
        }
    }

    #[test]
    fn moments_have_what_was_applied_by_them_in_the_order_of_the_log() {
        let told = Told::new(&[arrival(0, i64::MIN), arrival(1, 20), arrival(0, 10)]).expect("in order");
        let mut seen = Vec::new();
        let now = told.read("t", Instant::from_micros(5), &mut |moment| {
            seen.push((moment.at.as_micros(), moment.next.clone()));
        });
        assert_eq!(now, Ok(Instant::from_micros(NOW)));
        let next = |next: &[(i32, i64)]| next.iter().copied().collect::<BTreeMap<_, _>>();
        assert_eq!(seen, [(i64::MIN, next(&[(0, 1)])), (10, next(&[(0, 2)])), (20, next(&[(0, 2), (1, 1)]))]);
        assert!(Told::new(&[arrival(0, 10), arrival(0, 5)]).is_none());
    }
}
