//! Which partials a plan needs, and which of them answers which feature.

use smallvec::SmallVec;

use crate::aggregation::{Accumulator, Family, Types};
use crate::plan::Reads;
use crate::window::Grain;
use crate::{FoldPlan, Window};

/// A partial that some feature of the plan is computed from, over events of any time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// What it reads of each event.
    pub(crate) reads: Reads,
    /// Types of that.
    pub(crate) types: Types,
    /// Which partial.
    pub(crate) family: Family,
}

impl Slot {
    /// The fold of no events.
    pub(crate) fn identity(&self) -> Accumulator {
        self.family.identity(self.types)
    }
}

/// A slot over a window: what features that read alike share, of one window and family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fold {
    /// Which events.
    pub(crate) window: Window,
    /// Position in [`Layout::slots`].
    pub(crate) slot: usize,
    /// Position in [`Layout::grains`]; none if the window may tell any two events apart.
    pub(crate) grain: Option<usize>,
}

/// Events of the past that no window tells apart are kept as the partials of these slots.
#[derive(Clone, Debug)]
pub(crate) struct GrainOf {
    /// Which events are kept together.
    pub(crate) grain: Grain,
    /// Positions in [`Layout::slots`], ascending.
    pub(crate) slots: SmallVec<[usize; 8]>,
}

/// The distinct slots and folds of a plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// Slots, in the order in which features first name them.
    pub(crate) slots: SmallVec<[Slot; 8]>,
    /// Folds, likewise.
    pub(crate) folds: SmallVec<[Fold; 16]>,
    /// For each feature, its position in `folds`.
    pub(crate) feature_folds: SmallVec<[u32; 32]>,
    /// The distinct grains of the folds, likewise.
    pub(crate) grains: SmallVec<[GrainOf; 1]>,
}

impl Layout {
    /// The layout of `plan`.
    pub(crate) fn of(plan: &FoldPlan) -> Self {
        let mut layout = Self::default();
        for feature in &plan.features {
            let slot = layout.slot(plan, feature.reads(), feature.aggregation.family());
            let known = layout.folds.iter().position(|f| f.slot == slot && f.window == feature.window);
            let fold = known.unwrap_or_else(|| {
                let grain = feature.window.grain(plan.max_age()).map(|grain| layout.grain(grain, slot));
                layout.folds.push(Fold { window: feature.window, slot, grain });
                layout.folds.len() - 1
            });
            layout.feature_folds.push(fold as u32);
        }
        layout
    }

    fn slot(&mut self, plan: &FoldPlan, reads: Reads, family: Family) -> usize {
        for (position, slot) in self.slots.iter_mut().enumerate() {
            if slot.reads == reads
                && let Some(family) = slot.family.union(family)
            {
                slot.family = family;
                return position;
            }
        }
        self.slots.push(Slot { reads, types: reads.types(plan), family });
        self.slots.len() - 1
    }

    fn grain(&mut self, grain: Grain, slot: usize) -> usize {
        let known = self.grains.iter().position(|known| known.grain == grain);
        let position = known.unwrap_or_else(|| {
            self.grains.push(GrainOf { grain, slots: SmallVec::new() });
            self.grains.len() - 1
        });
        let slots = &mut self.grains[position].slots;
        if let Err(place) = slots.binary_search(&slot) {
            slots.insert(place, slot);
        }
        position
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Aggregation, FeatureColumn, FieldType, Lookback, TimeDelta};

    #[test]
    fn features_of_one_input_window_and_family_share_a_fold() {
        let hour = Window::Sliding { width: TimeDelta::from_micros(3_600_000_000), offset: TimeDelta::ZERO };
        let feature = |aggregation, window| FeatureColumn {
            name: String::new(),
            aggregation,
            input: Some(0),
            by: None,
            window,
        };
        let plan = FoldPlan {
            inputs: vec![FieldType::Float64],
            features: vec![
                feature(Aggregation::Sum, hour),
                feature(Aggregation::Stddev, Window::Lifetime),
                feature(Aggregation::Avg, hour),
                feature(Aggregation::Max, hour),
            ],
            ttl: None,
            shown: None,
            forget: None,
            lookback: Lookback::Unbounded,
        };
        let layout = Layout::of(&plan);
        assert_eq!(layout.feature_folds[..], [0, 1, 0, 2]);
        assert_eq!(layout.slots[0].family, Aggregation::Stddev.family());
        assert_eq!(layout.grains.len(), 1);
        assert_eq!((layout.grains[0].grain, &layout.grains[0].slots[..]), (Grain::Whole, [0].as_slice()));
    }
}
