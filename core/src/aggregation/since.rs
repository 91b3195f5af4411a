//! `time_since_first` and `time_since_last`: how far before T the first or the last event lies.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::error::ArrowError;

use crate::codec::{CodecError, Reader, put_signed};
use crate::lane::Lanes;
use crate::pass::Pass;
use crate::{Aggregation, Instant, Order, Value};

use super::{Filled, Kind, Partial, Types};

/// The families of times since an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sinces {
    /// How the time of an event that is nearer to the end compares to others.
    nearer: Ordering,
}

impl Sinces {
    /// Since the first event.
    pub(crate) const FIRST: Self = Self { nearer: Ordering::Less };
    /// Since the last event.
    pub(crate) const LAST: Self = Self { nearer: Ordering::Greater };
}

/// When the first or the last event happened.
#[derive(Clone, Debug)]
pub(crate) struct Since {
    nearer: Ordering,
    time: Option<Instant>,
}

impl Since {
    fn offer(&mut self, time: Option<Instant>) {
        let Some(offered) = time else { return };
        if self.time.is_none_or(|time| offered.cmp(&time) == self.nearer) {
            self.time = time;
        }
    }
}

impl Kind for Sinces {
    type Partial = Since;

    fn identity(self, _: Types) -> Since {
        Since { nearer: self.nearer, time: None }
    }

    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
        let times = pass.times();
        let since = |((start, end), at): ((usize, usize), &i64)| {
            let event = if self.nearer == Ordering::Less { start } else { end.wrapping_sub(1) };
            let time = (start < end).then(|| Instant::from_micros(times[event]))?;
            Some(Instant::from_micros(*at).micros_since(time))
        };
        let column: ArrayRef = Arc::new(pass.ranges.iter().zip(pass.at).map(since).collect::<Int64Array>());
        Ok(aggregations.iter().map(|_| Arc::clone(&column).into()).collect())
    }
}

impl Partial for Since {
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, order_of: &dyn Fn(usize) -> Order) {
        let mut rows = lanes.rows(rows);
        let nearest = if self.nearer == Ordering::Less { rows.next() } else { rows.next_back() };
        self.offer(nearest.map(|row| order_of(row).time));
    }

    fn merge(&mut self, other: &Self) {
        self.offer(other.time);
    }

    fn finish(&self, _: &Aggregation, at: Instant) -> Value {
        self.time.map_or(Value::Null, |time| Value::Int64(at.micros_since(time)))
    }

    fn heap_bytes(&self) -> usize {
        0
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.time.is_some()));
        self.time.iter().for_each(|time| put_signed(out, time.as_micros()));
    }

    fn decode(&mut self, _: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        if bytes.flag()? {
            self.time = Some(Instant::from_micros(bytes.signed()?));
        }
        Ok(())
    }
}
