//! Counts of the values that are not finite.

use super::rounding::CANONICAL_NAN;

/// What a value that is not finite is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nan,
    Positive,
    Negative,
}

impl Kind {
    /// What `value` is, unless it is finite.
    pub(super) fn of(value: f64) -> Option<Self> {
        if value.is_finite() {
            None
        } else if value.is_nan() {
            Some(Self::Nan)
        } else if value > 0.0 {
            Some(Self::Positive)
        } else {
            Some(Self::Negative)
        }
    }

    /// The kind of the value with its sign turned.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Nan => Self::Nan,
            Self::Positive => Self::Negative,
            Self::Negative => Self::Positive,
        }
    }
}

/// How often each kind was added, less how often it was subtracted. On the heap, and there only while some
/// count is not zero, since most sums never see one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NonFinite(Option<Box<Counts>>);

/// Added less subtracted: NaN, +∞, −∞. Negative while a value was subtracted before it was added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) nan: i64,
    pub(super) positive: i64,
    pub(super) negative: i64,
}

impl NonFinite {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    pub(super) fn from_counts(counts: Counts) -> Self {
        Self((counts != Counts::default()).then(|| Box::new(counts)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The counts, unless all are zero.
    pub(super) fn counts(&self) -> Option<&Counts> {
        self.0.as_deref()
    }

    /// Adds `by` to the count of `kind`.
    pub(super) fn count(&mut self, kind: Kind, by: i64) {
        let mut counts = Counts::default();
        match kind {
            Kind::Nan => counts.nan = by,
            Kind::Positive => counts.positive = by,
            Kind::Negative => counts.negative = by,
        }
        self.add(&counts);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if let Some(counts) = other.counts() {
            self.add(counts);
        }
    }

    /// What a sum with these values among its own is, as IEEE 754 has it for additions in any order; `None`
    /// if all its values are finite.
    pub(super) fn value(&self) -> Option<f64> {
        self.counts().map(|counts| match counts {
            Counts { nan: 0, negative: 0, .. } => f64::INFINITY,
            Counts { nan: 0, positive: 0, .. } => f64::NEG_INFINITY,
            _ => CANONICAL_NAN,
        })
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.counts().map_or(0, size_of_val)
    }

    fn add(&mut self, more: &Counts) {
        let counts = self.0.get_or_insert_default();
        // Wrapping, so that damaged counts read from outside cannot end the process.
        counts.nan = counts.nan.wrapping_add(more.nan);
        counts.positive = counts.positive.wrapping_add(more.positive);
        counts.negative = counts.negative.wrapping_add(more.negative);
        if **counts == Counts::default() {
            self.0 = None;
        }
    }
}
