//! What goes by an order that only partitions and offsets tell.

use thalweg_core::Aggregation;
use thalweg_tests::generator::Case;
use thalweg_tests::oracle;

/// The columns whose values may go by partitions and offsets, all of a table among them, because two events
/// of a view are of one key, one instant and one `order_by`.
pub fn columns_that_go_by_ties(case: &Case) -> Vec<String> {
    let mut columns = Vec::new();
    for view in &case.definitions.views {
        let events = case.events(view.source);
        let placed = oracle::placed_events(&case.definitions, view, &events);
        let tied = |n: usize| {
            let one = &placed[n];
            placed[n + 1..].iter().any(|o| (o.time, o.order_by, &o.key) == (one.time, one.order_by, &one.key))
        };
        if !(0..placed.len()).any(tied) {
            continue;
        }
        let is_table = case.definitions.sources[view.source].is_table;
        let by_order = |aggregation: &Aggregation| {
            use Aggregation::{First, FirstN, Last, LastN, MaxBy, MinBy};
            let by_ends = matches!(aggregation, First { .. } | Last { .. } | FirstN { .. } | LastN { .. });
            is_table || by_ends || matches!(aggregation, MinBy | MaxBy)
        };
        let of_view = view.columns();
        let by_order = of_view.iter().filter(|column| by_order(&column.aggregation));
        columns.extend(by_order.map(|column| format!("{}__{}", view.name, column.name)));
    }
    for view in &case.definitions.on_demand {
        let full_name = |(of_view, column): &(String, String)| format!("{of_view}__{column}");
        if view.inputs.iter().any(|input| columns.contains(&full_name(input))) {
            columns.extend(view.features.iter().map(|feature| format!("{}__{}", view.name, feature.name)));
        }
    }
    columns
}
