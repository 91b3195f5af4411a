//! Folds over ranges that slide.

use std::ops::Range;

use super::Ranges;

/// A fold over a window that slides: events enter at its end and leave at its beginning.
pub(crate) trait Sliding {
    /// Back to no events; there were those of `range`.
    fn clear(&mut self, range: Range<usize>);

    /// Takes in events that follow all there are.
    fn enter(&mut self, events: Range<usize>);

    /// Lets go of events that come before all that stay.
    fn leave(&mut self, events: Range<usize>);
}

/// Moves `fold` over all ranges; `emit` is told for each row what the fold is then, and whether it is another one
/// than at the row before.
pub(crate) fn slide<F: Sliding>(ranges: &Ranges, fold: &mut F, mut emit: impl FnMut(&mut F, bool)) {
    let mut within = 0..0;
    let mut is_changed = true;
    for (start, end) in ranges.iter() {
        if within != (start..end) {
            is_changed = true;
            let moved = start.saturating_sub(within.start) + end.saturating_sub(within.end);
            if start >= within.end || moved > end - start {
                fold.clear(within);
                fold.enter(start..end);
            } else {
                fold.leave(within.start..start);
                fold.enter(within.end..end);
            }
            within = start..end;
        }
        emit(fold, is_changed);
        is_changed = false;
    }
}
