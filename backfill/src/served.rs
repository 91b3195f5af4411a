//! What an online store had applied at the instants of rows.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use arrow::array::Int64Array;
use thalweg_core::Instant;

use crate::gather::Events;
use crate::{Error, TopicPin};

/// What was applied of a topic from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedMoment {
    /// From when on.
    pub at: Instant,
    /// Whether nobody knows what was applied between the moment before and this one.
    pub unknown_before: bool,
    /// Where the clock was set back before this moment: to when. Of the instants after the last moment at or before
    /// that one, and before this, nobody knows what was applied, whatever the moments among them say.
    pub set_back_to: Option<Instant>,
    /// The next offset of every partition of which something is applied.
    pub next: BTreeMap<i32, i64>,
}

/// Tells what an online store had applied when.
pub trait AppliedHistory: fmt::Debug + Send + Sync {
    /// Gives `visit` what was applied of `topic`, in order: from the last moment at or before `from` on, or perhaps
    /// some before it, up to now. Gives the instant that is now; what was applied up to then stays as it is told.
    ///
    /// # Errors
    /// What keeps it from being told.
    fn read(
        &self,
        topic: &str,
        from: Instant,
        visit: &mut dyn FnMut(&AppliedMoment),
    ) -> Result<Instant, String>;
}

/// What was applied of one topic at the instants of a spine's rows.
#[derive(Debug)]
pub(crate) struct Served {
    /// Stretches in which no less is applied later than earlier: one, unless a state was made again.
    pub(crate) epochs: Vec<Epoch>,
    /// Hash of what was applied at each of the instants.
    pub(crate) digest: String,
}

/// A stretch of instants, some of which are those of rows.
#[derive(Debug)]
pub(crate) struct Epoch {
    /// First and last instant of a row in it, microseconds.
    pub(crate) instants: RangeInclusive<i64>,
    /// For each partition, ascending: a next offset, and the first instant of a row at which it was applied.
    steps: BTreeMap<i32, Vec<(i64, i64)>>,
}

impl Epoch {
    /// From which instant of a row on each event is seen; null where it never is in this stretch.
    pub(crate) fn enters(&self, events: &Events) -> Int64Array {
        let enters = |(partition, offset): (&i32, &i64)| {
            let steps = self.steps.get(partition)?;
            let place = steps.partition_point(|(next, _)| next <= offset);
            steps.get(place).map(|(_, instant)| *instant)
        };
        events.partitions.iter().zip(&events.offsets).map(enters).collect()
    }
}

impl Served {
    /// What `history` tells of `topic` at `instants`, as far as `pin` goes.
    ///
    /// # Errors
    /// [`Error::NotServed`] with the first instant of which it tells nothing; [`Error::History`].
    pub(crate) fn read(
        history: &dyn AppliedHistory,
        topic: &str,
        pin: &TopicPin,
        instants: &[i64],
    ) -> Result<Self, Error> {
        let mut asked = instants.to_vec();
        asked.sort_unstable();
        asked.dedup();
        let mut reader = Reader {
            asked,
            place: 0,
            ends: Vec::new(),
            pin,
            current: None,
            served: Vec::new(),
            unknown: None,
        };
        let Some(first) = reader.asked.first() else { return Ok(reader.finish()) };
        let now = history
            .read(topic, Instant::from_micros(*first), &mut |moment| reader.pass(moment))
            .map_err(|cause| Error::History { topic: topic.to_owned(), cause })?;
        reader.pass_now(now);
        match reader.unknown.take() {
            Some((at, why)) => Err(Error::NotServed { topic: topic.to_owned(), at: shown(at), why }),
            None => Ok(reader.finish()),
        }
    }
}

/// Goes over moments and instants of rows together.
struct Reader<'a> {
    /// The instants, ascending.
    asked: Vec<i64>,
    /// How many of them are done.
    place: usize,
    /// For each of those the first moment at it or after it.
    ends: Vec<i64>,
    pin: &'a TopicPin,
    current: Option<AppliedMoment>,
    /// Instants at which something else was applied than at the one before, with what that was.
    served: Vec<(i64, BTreeMap<i32, i64>)>,
    /// The first instant of which nothing is known, and why.
    unknown: Option<(i64, String)>,
}

impl Reader<'_> {
    /// Does the instants before `moment`.
    fn pass(&mut self, moment: &AppliedMoment) {
        while let Some(at) = self.next_before(moment.at.as_micros()) {
            let is_moment = self.current.as_ref().is_some_and(|last| last.at.as_micros() == at);
            self.ends.push(if is_moment { at } else { moment.at.as_micros() });
            match &self.current {
                None => {
                    self.lacks(at, format!("what is known of it begins at {}", shown(moment.at.as_micros())))
                }
                Some(last) if moment.unknown_before && last.at.as_micros() < at => {
                    let (from, to) = (shown(last.at.as_micros()), shown(moment.at.as_micros()));
                    self.lacks(
                        at,
                        format!(
                            "nothing served between {from} and {to}, or a kill has taken the record of it"
                        ),
                    );
                }
                Some(_) => self.sees(at),
            }
        }
        if let Some(to) = moment.set_back_to {
            self.revoke(to.as_micros(), moment.at.as_micros());
        }
        self.current = Some(moment.clone());
    }

    /// Takes back what was told of instants that a clock which was set back to `to` may have shown at another time;
    /// it goes by these again from `again` on.
    fn revoke(&mut self, to: i64, again: i64) {
        let mut done = self.asked.iter().zip(&self.ends);
        if let Some((&at, _)) = done.find(|(at, end)| **at >= to || **end > to) {
            let (to, again) = (shown(to), shown(again));
            let why =
                format!("the clock of the server was set back to {to}, and had caught up only at {again}");
            self.lacks(at, why);
        }
    }

    /// Does the instants up to `now`; what will be applied at later ones is not known.
    fn pass_now(&mut self, now: Instant) {
        while let Some(at) = self.next_before(i64::MAX) {
            match self.current {
                _ if at > now.as_micros() => self.lacks(at, "that is yet to come".to_owned()),
                None => self.lacks(at, "nothing has served it here".to_owned()),
                Some(_) => self.sees(at),
            }
        }
        // The very last instant there is lies in the future, too.
        if let Some(at) = self.asked.get(self.place).copied() {
            self.lacks(at, "that is yet to come".to_owned());
        }
    }

    fn next_before(&mut self, bound: i64) -> Option<i64> {
        let at = self.asked.get(self.place).copied().filter(|at| *at < bound)?;
        self.place += 1;
        Some(at)
    }

    fn lacks(&mut self, at: i64, why: String) {
        self.unknown.get_or_insert((at, why));
    }

    fn sees(&mut self, at: i64) {
        let next = self.current.iter().flat_map(|moment| &moment.next);
        let pinned = |partition: i32| self.pin.next_offsets.get(usize::try_from(partition).ok()?);
        let capped = |(partition, next): (&i32, &i64)| {
            let next = *next.min(pinned(*partition)?);
            (next > 0).then_some((*partition, next))
        };
        let next: BTreeMap<i32, i64> = next.filter_map(capped).collect();
        if self.served.last().is_none_or(|(_, before)| *before != next) {
            self.served.push((at, next));
        }
    }

    fn finish(self) -> Served {
        let mut hasher = blake3::Hasher::new();
        let mut epochs: Vec<Epoch> = Vec::new();
        let mut before: BTreeMap<i32, i64> = BTreeMap::new();
        for (at, next) in &self.served {
            hasher.update(&at.to_be_bytes());
            hasher.update(&(next.len() as u64).to_be_bytes());
            for (partition, next) in next {
                hasher.update(&partition.to_be_bytes());
                hasher.update(&next.to_be_bytes());
            }
            let falls = before.iter().any(|(partition, before)| next.get(partition) < Some(before));
            if falls || epochs.is_empty() {
                before.clear();
                epochs.push(Epoch { instants: *at..=*at, steps: BTreeMap::new() });
            }
            let epoch = epochs.last_mut().expect("one was just made");
            for (partition, next) in next {
                if before.get(partition) != Some(next) {
                    epoch.steps.entry(*partition).or_default().push((*next, *at));
                }
            }
            before.clone_from(next);
        }
        let starts: Vec<i64> = epochs.iter().map(|epoch| *epoch.instants.start()).collect();
        for (number, epoch) in epochs.iter_mut().enumerate() {
            let end = starts.get(number + 1).map_or(i64::MAX, |next| next - 1);
            epoch.instants = *epoch.instants.start()..=end;
        }
        Served { epochs, digest: hasher.finalize().to_hex().to_string() }
    }
}

fn shown(micros: i64) -> String {
    match chrono::DateTime::from_timestamp_micros(micros) {
        Some(time) => time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        None => format!("{micros} us"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Told(Vec<AppliedMoment>, i64);

    impl AppliedHistory for Told {
        fn read(
            &self,
            _: &str,
            _: Instant,
            visit: &mut dyn FnMut(&AppliedMoment),
        ) -> Result<Instant, String> {
            self.0.iter().for_each(visit);
            Ok(Instant::from_micros(self.1))
        }
    }

    fn moment(at: i64, unknown_before: bool, next: &[i64]) -> AppliedMoment {
        let next = (0..).zip(next.iter().copied()).collect();
        AppliedMoment { at: Instant::from_micros(at), unknown_before, set_back_to: None, next }
    }

    fn read(moments: &[AppliedMoment], pin: &[i64], instants: &[i64]) -> Result<Served, Error> {
        let pin = TopicPin { topic_id: None, next_offsets: pin.to_vec() };
        Served::read(&Told(moments.to_vec(), 100), "t", &pin, instants)
    }

    /// Instants, and of partition 0 what was applied at which of them.
    type Step = (RangeInclusive<i64>, Vec<(i64, i64)>);

    fn steps(served: &Served) -> Vec<Step> {
        let of = |epoch: &Epoch| (epoch.instants.clone(), epoch.steps.get(&0).cloned().unwrap_or_default());
        served.epochs.iter().map(of).collect()
    }

    #[test]
    fn rows_see_what_was_applied_at_their_instants_and_is_pinned() {
        let moments = [moment(10, true, &[]), moment(20, false, &[5]), moment(30, false, &[7, 2])];
        let served = read(&moments, &[6, 9], &[30, 15, 20, 25, 99, 20]).expect("all is known");
        assert_eq!(steps(&served), [(15..=i64::MAX, vec![(5, 20), (6, 30)])]);
        assert_eq!(served.epochs[0].steps[&1], [(2, 30)]);
        let again = read(&moments, &[6, 9], &[15, 20, 25, 30, 99]).expect("all is known");
        assert_eq!(served.digest, again.digest);
        let longer = read(&moments, &[7, 9], &[15, 20, 25, 30, 99]).expect("all is known");
        assert_ne!(served.digest, longer.digest);
    }

    #[test]
    fn a_state_that_is_made_again_begins_another_stretch() {
        let moments = [moment(10, true, &[5]), moment(20, false, &[0]), moment(30, false, &[5])];
        let served = read(&moments, &[9], &[12, 22, 32]).expect("all is known");
        assert_eq!(steps(&served), [(12..=21, vec![(5, 12)]), (22..=i64::MAX, vec![(5, 32)])]);
    }

    #[test]
    fn what_is_not_known_is_refused_in_words() {
        let moments = [moment(10, true, &[]), moment(20, false, &[5]), moment(40, true, &[6])];
        let why = |instants: &[i64]| match read(&moments, &[9], instants) {
            Err(Error::NotServed { why, .. }) => why,
            other => panic!("{other:?}"),
        };
        assert!(why(&[9, 50]).starts_with("what is known of it begins at"));
        assert!(why(&[21, 50]).starts_with("nothing served between"));
        assert_eq!(why(&[101]), "that is yet to come");
        assert_eq!(why(&[i64::MAX]), "that is yet to come");
        assert!(read(&moments, &[9], &[20, 40, 100]).is_ok());
    }

    #[test]
    fn what_a_clock_showed_that_was_set_back_is_unknown() {
        // It ran ahead somewhere after 20, showed up to 70, and was set back to 30.
        let back = AppliedMoment { set_back_to: Some(Instant::from_micros(30)), ..moment(71, false, &[7]) };
        let moments = [moment(10, true, &[]), moment(20, false, &[5]), moment(60, false, &[6]), back];
        let why = |at: i64| match read(&moments, &[9], &[at]) {
            Err(Error::NotServed { why, .. }) => why,
            other => panic!("{other:?}"),
        };
        for at in [21, 29, 30, 59, 60, 65, 70] {
            assert!(why(at).starts_with("the clock of the server was set back to"), "{at}");
        }
        let known = read(&moments, &[9], &[15, 20, 71, 80]).expect("all is known");
        assert_eq!(steps(&known), [(15..=i64::MAX, vec![(5, 20), (7, 71)])]);
    }

    #[test]
    fn no_instants_ask_nothing() {
        let moments = [moment(10, true, &[])];
        assert!(read(&moments, &[9], &[]).is_ok_and(|served| served.epochs.is_empty()));
    }
}
