//! On-demand feature views: features computed from others, and from what a request says, when they are asked
//! for.

mod column;
mod layout;
mod read;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema};
use thalweg_core::FieldType;

pub use column::{InputColumnError, input_column};
pub use layout::{FoldColumn, OnDemand};
pub(crate) use read::{KEYS, read};

use crate::naming::result_column;
use crate::{Evaluated, Expression, FeatureRef, RequestKey, Sql, Version};

/// Features computed row by row from features of the same row and from request inputs.
#[derive(Clone, Debug)]
pub struct OnDemandView {
    /// Name of the view; no feature view has it, too.
    pub name: String,
    /// The features it computes from, in the order of the definition: columns of feature views, each under
    /// the view's own name and with its own join keys, however a service takes that view.
    pub inputs: Vec<InputFeature>,
    /// What a request says, in the order of the definition.
    pub request: Vec<RequestKey>,
    /// Its features, in the order of the definition.
    pub features: Vec<OnDemandFeature>,
    /// Words for people; they mean nothing to the values.
    pub tags: BTreeMap<String, String>,
    /// Hash of what the values mean, those of the inputs included.
    pub version: Version,
}

/// A column of a feature view that an on-demand feature view computes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFeature {
    /// Name of the view.
    pub view: String,
    /// Name of its column.
    pub column: String,
    /// Type of the values.
    pub data_type: DataType,
}

/// One column of an on-demand feature view.
#[derive(Clone, Debug)]
pub struct OnDemandFeature {
    /// Its name.
    pub name: String,
    /// Its value, over the inputs of the view.
    pub expression: Sql,
    /// Type of the values.
    pub field_type: FieldType,
    compiled: Expression,
}

impl InputFeature {
    /// The name that an expression may always call it by: `view__column`.
    pub fn full_name(&self) -> String {
        result_column(&self.view, &self.column)
    }

    /// The reference to it: the view under its own name, with its own join keys.
    pub(crate) fn reference(&self) -> FeatureRef {
        let (view, column) = (self.view.clone(), self.column.clone());
        FeatureRef { view, alias: None, column, join_key_map: BTreeMap::new() }
    }
}

impl OnDemandView {
    /// The feature called `name`.
    pub fn feature(&self, name: &str) -> Option<&OnDemandFeature> {
        self.features.iter().find(|feature| feature.name == name)
    }

    /// The inputs of `rows` rows as the batch that features are evaluated on: one column for each of
    /// [`Self::inputs`], then one for each of [`Self::request`].
    ///
    /// # Panics
    /// If a column has another length or type than the input it stands for.
    pub fn input_batch(&self, columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
        let features =
            self.inputs.iter().map(|input| Field::new(input.full_name(), input.data_type.clone(), true));
        let request =
            self.request.iter().map(|input| Field::new(&input.name, input.field_type.to_arrow(), true));
        let schema = Schema::new(features.chain(request).collect::<Vec<_>>());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
            .expect("a column of the right type and length for each input")
    }
}

impl OnDemandFeature {
    /// Its values on the rows of an [`OnDemandView::input_batch`] of its view. A row on which the expression
    /// fails is null, and counted.
    pub fn evaluate(&self, inputs: &RecordBatch) -> Evaluated {
        self.compiled.evaluate(inputs)
    }
}
