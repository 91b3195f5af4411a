//! Which columns an answer has, and what each is computed from: the same for a lookup and for a training
//! set.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use thalweg_core::{FieldType, FoldPlan};

use crate::naming::result_column;
use crate::{FeatureRef, FeatureView, Repository};

/// Why features cannot be laid out as columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A reference leads nowhere.
    #[error("there is no feature `{0}`")]
    UnknownFeature(String),
    /// Two columns would have one name.
    #[error(
        "the answer would have two columns named `{0}`; take one of the views under another name (`as`), or ask for full feature names"
    )]
    NameClash(String),
}

/// The layout of an answer: its feature columns, and the folds they are read from.
#[derive(Clone, Debug)]
pub struct Layout<'a> {
    /// What has to be folded, each once however many columns it serves.
    pub folds: Vec<Fold<'a>>,
    /// The feature columns in the order of the answer.
    pub columns: Vec<AnswerColumn>,
}

/// One feature view read for one choice of key columns.
#[derive(Clone, Debug)]
pub struct Fold<'a> {
    /// The view.
    pub view: &'a FeatureView,
    /// The view's plan with only the features asked for.
    pub plan: FoldPlan,
    /// The columns the entity key is read from, with the types of the join keys, in the entity's order.
    pub key_columns: Vec<(String, FieldType)>,
}

/// One feature column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerColumn {
    /// Name in the answer.
    pub name: String,
    /// `view:column`, as the definitions name it.
    pub feature: String,
    /// Arrow type of the values.
    pub data_type: DataType,
    /// Position of its fold in [`Layout::folds`].
    pub fold: usize,
    /// Position of the feature in the fold's plan.
    pub feature_index: usize,
}

impl<'a> Layout<'a> {
    /// Lays out `features` in their order, named `view__column`. Without full names a column is called `column`
    /// where no other one is.
    ///
    /// # Errors
    /// Where a reference leads nowhere or two columns would have one name.
    pub fn new(
        repository: &'a Repository,
        features: &[FeatureRef],
        full_feature_names: bool,
    ) -> Result<Self, LayoutError> {
        let mut layout = Self { folds: Vec::new(), columns: Vec::new() };
        let mut names = BTreeSet::new();
        let taken_by = |column: &str| features.iter().filter(|other| other.column == column).count();
        for reference in features {
            let full_name = full_feature_names || taken_by(&reference.column) > 1;
            let column = layout.place(repository, reference, full_name)?;
            if !names.insert(column.name.clone()) {
                return Err(LayoutError::NameClash(column.name));
            }
            layout.columns.push(column);
        }
        Ok(layout)
    }

    fn place(
        &mut self,
        repository: &'a Repository,
        reference: &FeatureRef,
        full_name: bool,
    ) -> Result<AnswerColumn, LayoutError> {
        let name = || format!("{}:{}", reference.view, reference.column);
        let unknown = || LayoutError::UnknownFeature(name());
        let view = repository.view(&reference.view).ok_or_else(unknown)?;
        let entity = repository.entity(&view.entity).ok_or_else(unknown)?;
        let feature = view.column(&reference.column).ok_or_else(unknown)?;
        let key_columns: Vec<_> = entity
            .join_keys
            .iter()
            .map(|(key, field_type)| (reference.join_key_map.get(key).unwrap_or(key).clone(), *field_type))
            .collect();
        let same = |fold: &Fold<'_>| fold.view.name == view.name && fold.key_columns == key_columns;
        let fold = self.folds.iter().position(same).unwrap_or_else(|| {
            let plan = FoldPlan { features: Vec::new(), ..view.plan.clone() };
            self.folds.push(Fold { view, plan, key_columns });
            self.folds.len() - 1
        });
        let asked = &mut self.folds[fold].plan.features;
        let feature_index = asked.iter().position(|f| f.name == feature.name).unwrap_or_else(|| {
            asked.push(feature.clone());
            asked.len() - 1
        });
        let prefix = reference.alias.as_deref().unwrap_or(&view.name);
        Ok(AnswerColumn {
            name: if full_name { result_column(prefix, &feature.name) } else { feature.name.clone() },
            feature: name(),
            data_type: view.column_type(feature),
            fold,
            feature_index,
        })
    }
}
