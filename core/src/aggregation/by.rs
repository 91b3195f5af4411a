//! `min_by` and `max_by`: the value of the event that is least or greatest by another value.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::error::ArrowError;

use crate::codec::{CodecError, Reader, put_order, put_value};
use crate::lane::Lanes;
use crate::pass::{Pass, best, pick};
use crate::{Aggregation, FieldType, Instant, Order, Value};

use super::extremes::compare;
use super::{Filled, Kind, Partial, Types};

/// The families of `min_by` and `max_by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bys {
    better: Ordering,
}

impl Bys {
    /// By the least.
    pub(crate) const LEAST: Self = Self { better: Ordering::Less };
    /// By the greatest.
    pub(crate) const GREATEST: Self = Self { better: Ordering::Greater };
}

/// The best event there is.
#[derive(Clone, Debug)]
pub(crate) struct By {
    better: Ordering,
    best: Option<Box<Best>>,
}

#[derive(Clone, Debug)]
struct Best {
    by: Value,
    order: Order,
    value: Value,
}

impl By {
    /// Whether an event goes before the best one: it is better, or as good and later.
    fn is_beaten_by(&self, by: &Value, order: Order) -> bool {
        self.best.as_ref().is_none_or(|best| match compare(by, &best.by) {
            Ordering::Equal => order > best.order,
            ordering => ordering == self.better,
        })
    }
}

impl Kind for Bys {
    type Partial = By;

    fn identity(self, _: Types) -> By {
        By { better: self.better, best: None }
    }

    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
        let picked = best(pass.by(), pass.ranges, self.better);
        let column = pick(pass.values(), picked)?;
        Ok(aggregations.iter().map(|_| column.clone().into()).collect())
    }
}

impl Partial for By {
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, order_of: &dyn Fn(usize) -> Order) {
        let (Some(values), Some(bys)) = (&lanes.values, &lanes.by) else { return };
        for row in lanes.rows(rows) {
            let (by, order) = (bys.value(row), order_of(row));
            if self.is_beaten_by(&by, order) {
                self.best = Some(Box::new(Best { by, order, value: values.value(row) }));
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        if let Some(best) = &other.best
            && self.is_beaten_by(&best.by, best.order)
        {
            self.best = Some(best.clone());
        }
    }

    fn finish(&self, _: &Aggregation, _: Instant) -> Value {
        self.best.as_ref().map_or(Value::Null, |best| best.value.clone())
    }

    fn heap_bytes(&self) -> usize {
        let held = |best: &Best| size_of::<Best>() + best.by.heap_bytes() + best.value.heap_bytes();
        self.best.as_deref().map_or(0, held)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.best.is_some()));
        if let Some(best) = &self.best {
            put_order(out, best.order);
            put_value(out, &best.by);
            put_value(out, &best.value);
        }
    }

    fn decode(&mut self, types: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        let known = |field_type: Option<FieldType>| {
            field_type.ok_or(CodecError::Invalid("there is a best event of no inputs"))
        };
        if bytes.flag()? {
            let order = bytes.order()?;
            let by = bytes.value(known(types.by)?)?;
            let value = bytes.value(known(types.values)?)?;
            self.best = Some(Box::new(Best { by, order, value }));
        }
        Ok(())
    }
}
