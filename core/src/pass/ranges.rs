//! Ranges of events.

/// A half-open range of event positions for each row.
///
/// Neither end ever moves backwards from one row to the next, across keys too: that is what lets every
/// aggregation walk over the events once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    pub(crate) starts: Vec<u32>,
    pub(crate) ends: Vec<u32>,
}

impl Ranges {
    /// No ranges, with room for `rows`.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { starts: Vec::with_capacity(rows), ends: Vec::with_capacity(rows) }
    }

    /// Appends the range of a row.
    pub(crate) fn push(&mut self, start: usize, end: usize) {
        self.starts.push(start as u32);
        self.ends.push(end as u32);
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The ranges of all rows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.starts.iter().zip(&self.ends).map(|(start, end)| (*start as usize, *end as usize))
    }
}
