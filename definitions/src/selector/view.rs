//! The events of one view: those that pass its `where` and have its key, with their inputs.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, UInt32Array};
use arrow::compute::{filter, filter_record_batch, is_not_null, prep_null_mask_filter, take};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use thalweg_core::{FieldType, Selection, encode_keys};
use thalweg_log::{DeadLetter, Field};

use super::TimedBatch;
use super::table::{TableKeys, marks};
use crate::{Entity, Expression, ExpressionError, FeatureView, Source, SourceKind, Sql};

/// Picks the events of one view out of the batches of its source.
#[derive(Clone, Debug)]
pub struct Selector {
    view: String,
    kind: SourceKind,
    join_keys: Vec<(String, FieldType)>,
    key_names: String,
    filter: Option<Expression>,
    keys: Vec<Expression>,
    /// The conditions of inputs, each once.
    conditions: Vec<Expression>,
    inputs: Vec<Input>,
}

#[derive(Clone, Debug)]
struct Input {
    expression: Expression,
    /// Position in [`Selector::conditions`].
    condition: Option<usize>,
}

/// The events of one view in a batch, and what was dead for it.
#[derive(Clone, Debug)]
pub struct Selected {
    /// Events that pass the view's `where` and have its key; of a table all that have its key, with one more input
    /// that says which of them are shown while they stand.
    pub selection: Selection,
    /// When the log learned of each of them, microseconds since the epoch, null where it is not said of one; none
    /// where the source does not say.
    pub append_times: Option<Int64Array>,
    /// Records that pass the view's `where` and lack its key, by offset. Each names the view.
    ///
    /// Over a stream the `where` comes first: a record it does not keep is none of the view's events, and need not
    /// have its key. Over a table every record must, for it replaces the one before.
    pub dead: Vec<DeadLetter>,
    /// How often an expression failed on a row and gave null: conditions, keys and inputs.
    pub failed_expressions: u64,
}

impl Selector {
    /// Compiles the expressions of `view`, which stands over `source` and is about `entity`.
    ///
    /// # Errors
    /// If an expression does not compile over the source's fields to the type the view says: then the view
    /// was not checked against this source and entity.
    pub fn new(source: &Source, entity: &Entity, view: &FeatureView) -> Result<Self, ExpressionError> {
        let usable = source.usable();
        let fields = usable.as_slice();
        let filter = view.filter.as_ref().map(|sql| condition(sql, fields)).transpose()?;
        let mut keys = Vec::new();
        for (name, field_type) in &entity.join_keys {
            let key = view.join_keys.iter().find(|key| key.name == *name);
            let key =
                key.ok_or_else(|| ExpressionError::new(format!("there is no join key `{name}`"), None))?;
            if field_type.is_float() {
                let message = format!("the join key `{name}` is a float, which cannot be compared as bytes");
                return Err(ExpressionError::new(message, None));
            }
            keys.push(Expression::compile_as(&key.expression.text, fields, *field_type)?);
        }
        let mut conditions: Vec<Expression> = Vec::new();
        let mut inputs = Vec::new();
        for input in &view.inputs {
            let expression = Expression::compile_as(&input.expression.text, fields, input.field_type)?;
            let compiled = input.filter.as_ref().map(|sql| condition(sql, fields)).transpose()?;
            let condition = compiled.map(|compiled| {
                let known = conditions.iter().position(|known| known.canonical() == compiled.canonical());
                known.unwrap_or_else(|| {
                    conditions.push(compiled);
                    conditions.len() - 1
                })
            });
            inputs.push(Input { expression, condition });
        }
        let names: Vec<_> = entity.join_keys.iter().map(|(name, _)| format!("`{name}`")).collect();
        Ok(Self {
            view: view.name.clone(),
            kind: source.kind,
            join_keys: entity.join_keys.clone(),
            key_names: names.join(", "),
            filter,
            keys,
            conditions,
            inputs,
        })
    }

    /// Picks the view's events.
    ///
    /// # Panics
    /// If the records were not decoded by a [`Source::decoder_spec`] that this view was among.
    pub fn select(&self, events: &TimedBatch<'_>) -> Selected {
        let mut failed = 0;
        let mut rows = Rows { columns: events.columns.clone(), positions: None };
        if let (SourceKind::Stream, Some(condition)) = (self.kind, &self.filter) {
            let mask = true_rows(condition, &rows.columns, None, &mut failed);
            rows = rows.kept(&mask);
        }
        let keys = match self.kind {
            SourceKind::Stream => {
                let parts = self.keys.iter().map(|key| values(key, &rows.columns, &mut failed)).collect();
                TableKeys { parts, unreadable: BTreeMap::new() }
            }
            SourceKind::Table => TableKeys::of(events, &self.keys, &self.join_keys, &mut failed),
        };
        let TableKeys { parts, unreadable } = keys;
        let mut dead = Vec::new();
        let mut keys =
            encode_keys(&parts).expect("the types of keys were checked when the view was compiled");
        if keys.null_count() > 0 {
            for row in (0..keys.len()).filter(|row| keys.is_null(*row)) {
                let position = rows.position(row);
                let reason = self.missing_key(events, position, unreadable.get(&position));
                let row = events.row(position);
                dead.push(events.decoded.dead_letter(row, Some(&self.view), reason));
            }
            let has_key = is_not_null(&keys).expect("any column can be asked for nulls");
            rows = rows.kept(&has_key);
            let kept = filter(&keys, &has_key).expect("a mask as long as the keys");
            keys = kept.as_binary::<i32>().clone();
        }
        let shown = (self.kind == SourceKind::Table).then(|| self.shown(events, &rows, &mut failed));
        let conditions: Vec<BooleanArray> = self
            .conditions
            .iter()
            .map(|condition| true_rows(condition, &rows.columns, shown.as_ref(), &mut failed))
            .collect();
        let inputs = self.inputs.iter().map(|input| {
            let condition = input.condition.map(|condition| &conditions[condition]).or(shown.as_ref());
            values_where(&input.expression, &rows.columns, condition, &mut failed)
        });
        let mut inputs: Vec<_> = inputs.collect();
        inputs.extend(shown.as_ref().map(marks));
        let selection = Selection {
            partition: events.decoded.partition,
            offsets: rows.taken(&events.offsets).values().clone(),
            times: rows.taken(&events.times).values().clone(),
            order_by: events.order_by.as_ref().map(|order_by| rows.taken(order_by)),
            keys,
            inputs,
        };
        let append_times = events.append_times.as_ref().map(|append_times| rows.taken(append_times));
        Selected { selection, append_times, dead, failed_expressions: failed }
    }

    /// Which of a table's events are shown while they are the newest of their key: those that have a value, and for
    /// which the view's `where` is true.
    fn shown(&self, events: &TimedBatch<'_>, rows: &Rows, failed: &mut u64) -> BooleanArray {
        let count = rows.columns.num_rows();
        let has_value = |row| !events.deletes(rows.position(row));
        let has_value = BooleanArray::from_iter((0..count).map(|row| Some(has_value(row))));
        match &self.filter {
            None => has_value,
            Some(condition) => true_rows(condition, &rows.columns, Some(&has_value), failed),
        }
    }

    /// Why the event at `position` is dead for this view. A tombstone's key may be one that is `unreadable`.
    fn missing_key(&self, events: &TimedBatch<'_>, position: usize, unreadable: Option<&String>) -> String {
        if events.tombstones.as_ref().is_some_and(|tombstones| tombstones.value(position)) {
            let why = match unreadable {
                Some(why) => format!("it deletes, and its join key cannot be read: {why}"),
                None => "it deletes, and the record's key lacks a join key".to_owned(),
            };
            return format!("{why} (join keys of the view: {})", self.key_names);
        }
        let one = events.columns.slice(position, 1);
        let missing: Vec<_> = self.keys.iter().filter(|key| key.evaluate(&one).column.is_null(0)).collect();
        let failed = missing.iter().any(|key| key.evaluate(&one).failed > 0);
        let why = if failed { "an expression for its join key fails" } else { "its join key is missing" };
        format!("{why} (join keys of the view: {})", self.key_names)
    }
}

/// Some of the events of a batch.
struct Rows {
    columns: RecordBatch,
    /// Which events of the batch these are, or nothing if all.
    positions: Option<UInt32Array>,
}

impl Rows {
    /// Of these, the ones that `mask` is true for.
    fn kept(self, mask: &BooleanArray) -> Self {
        if !mask.has_false() {
            return self;
        }
        let positions = match &self.positions {
            None => UInt32Array::from_iter_values(mask.values().set_indices_u32()),
            Some(positions) => {
                let kept = filter(positions, mask).expect("a mask as long as the rows");
                kept.as_primitive().clone()
            }
        };
        let columns = filter_record_batch(&self.columns, mask).expect("a mask as long as the rows");
        Self { columns, positions: Some(positions) }
    }

    /// Which event of the batch the one in `row` is.
    fn position(&self, row: usize) -> usize {
        self.positions.as_ref().map_or(row, |positions| positions.value(row) as usize)
    }

    /// The values of these events among those of all the batch's events.
    fn taken(&self, of_all: &Int64Array) -> Int64Array {
        match &self.positions {
            None => of_all.clone(),
            Some(positions) => {
                let taken = take(of_all, positions, None).expect("positions of events in the batch");
                taken.as_primitive::<Int64Type>().clone()
            }
        }
    }
}

/// The condition in `sql`.
fn condition(sql: &Sql, fields: &[Field]) -> Result<Expression, ExpressionError> {
    Expression::compile_as(&sql.text, fields, FieldType::Bool)
}

/// The values of `expression` on all rows.
pub(super) fn values(expression: &Expression, columns: &RecordBatch, failed: &mut u64) -> ArrayRef {
    let evaluated = expression.evaluate(columns);
    *failed += evaluated.failed;
    evaluated.column
}

/// The rows, of those that `among` is true for, on which a condition is true: neither false nor null. The mask has no
/// nulls.
fn true_rows(
    condition: &Expression,
    columns: &RecordBatch,
    among: Option<&BooleanArray>,
    failed: &mut u64,
) -> BooleanArray {
    let column = values_where(condition, columns, among, failed);
    let column = column.as_boolean();
    if column.null_count() == 0 { column.clone() } else { prep_null_mask_filter(column) }
}

/// An input's values on the rows that its condition is true for, and null on the others, on which its
/// expression is not evaluated: `of: 1 / x` never fails where `where: x <> 0` does not hold.
fn values_where(
    expression: &Expression,
    columns: &RecordBatch,
    condition: Option<&BooleanArray>,
    failed: &mut u64,
) -> ArrayRef {
    let Some(condition) = condition.filter(|condition| condition.has_false()) else {
        return values(expression, columns, failed);
    };
    let kept = filter_record_batch(columns, condition).expect("a mask as long as the rows");
    let values = values(expression, &kept, failed);
    // The row of `values` for each row that is kept, and null for the others.
    let mut next = 0..;
    let rows: UInt32Array =
        condition.values().iter().map(|kept| if kept { next.next() } else { None }).collect();
    take(&values, &rows, None).expect("a row of the values for each row that is kept")
}
