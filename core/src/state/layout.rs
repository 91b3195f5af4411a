//! Which partials a plan needs, and which of them answers which feature.

use smallvec::SmallVec;

use crate::aggregation::{Accumulator, Family};
use crate::{FieldType, FoldPlan, Window};

/// A partial that some feature of the plan is computed from, over events of any time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Position in [`FoldPlan::inputs`].
    pub(super) input: Option<usize>,
    /// Type of that input.
    pub(super) field_type: Option<FieldType>,
    /// Which partial.
    pub(super) family: Family,
    /// Whether some window needs it of events of any age.
    pub(super) lifetime: bool,
}

impl Slot {
    /// The fold of no events.
    pub(super) fn identity(&self) -> Accumulator {
        self.family.identity(self.field_type)
    }
}

/// A slot over a window: what features of one input, window and family share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fold {
    /// Which events.
    pub(super) window: Window,
    /// Position in [`Layout::slots`].
    pub(super) slot: usize,
}

/// The distinct slots and folds of a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    /// Slots, in the order in which features first name them.
    pub(super) slots: SmallVec<[Slot; 8]>,
    /// Folds, likewise.
    pub(super) folds: SmallVec<[Fold; 16]>,
    /// For each feature, its position in `folds`.
    pub(super) feature_folds: SmallVec<[u32; 32]>,
}

impl Layout {
    /// The layout of `plan`.
    pub(super) fn of(plan: &FoldPlan) -> Self {
        let mut layout = Self::default();
        for feature in &plan.features {
            let lifetime = feature.window.reach(plan.ttl).is_none();
            let slot = layout.slot(plan, feature.input, feature.aggregation.family(), lifetime);
            let known = layout.folds.iter().position(|f| f.slot == slot && f.window == feature.window);
            let fold = known.unwrap_or_else(|| {
                layout.folds.push(Fold { window: feature.window, slot });
                layout.folds.len() - 1
            });
            layout.feature_folds.push(fold as u32);
        }
        layout
    }

    /// The slots whose partials are kept of events that are no longer kept.
    pub(super) fn lifetime_slots(&self) -> impl Iterator<Item = (usize, &Slot)> {
        self.slots.iter().enumerate().filter(|(_, slot)| slot.lifetime)
    }

    fn slot(&mut self, plan: &FoldPlan, input: Option<usize>, family: Family, lifetime: bool) -> usize {
        let slots = &mut self.slots;
        for (position, slot) in slots.iter_mut().enumerate() {
            if slot.input == input
                && let Some(family) = slot.family.union(family)
            {
                slot.family = family;
                slot.lifetime |= lifetime;
                return position;
            }
        }
        let field_type = input.map(|input| plan.inputs[input]);
        slots.push(Slot { input, field_type, family, lifetime });
        slots.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Aggregation, FeatureColumn, Lookback, TimeDelta};

    #[test]
    fn features_of_one_input_window_and_family_share_a_fold() {
        let hour = Window::Sliding { width: TimeDelta::from_micros(3_600_000_000), offset: TimeDelta::ZERO };
        let feature =
            |aggregation, window| FeatureColumn { name: String::new(), aggregation, input: Some(0), window };
        let plan = FoldPlan {
            inputs: vec![FieldType::Float64],
            features: vec![
                feature(Aggregation::Sum, hour),
                feature(Aggregation::Stddev, Window::Lifetime),
                feature(Aggregation::Avg, hour),
                feature(Aggregation::Max, hour),
            ],
            ttl: None,
            lookback: Lookback::Unbounded,
        };
        let layout = Layout::of(&plan);
        assert_eq!(layout.feature_folds[..], [0, 1, 0, 2]);
        assert_eq!(layout.slots[0].family, Family::Moments { squares: true });
        assert_eq!(layout.lifetime_slots().map(|(position, _)| position).collect::<Vec<_>>(), [0]);
    }
}
