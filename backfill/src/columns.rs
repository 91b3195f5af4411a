//! Which columns an answer has, and what each is computed from.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use thalweg_core::{FieldType, FoldPlan};
use thalweg_definitions::{FeatureRef, FeatureView, Repository};

use crate::Error;

/// One feature view folded for one reading of its entity key.
#[derive(Debug)]
pub(crate) struct Fold<'a> {
    pub(crate) view: &'a FeatureView,
    /// The view's plan with only the features asked for.
    pub(crate) plan: FoldPlan,
    /// The spine columns the key is read from, with the types of the join keys.
    pub(crate) key_columns: Vec<(String, FieldType)>,
}

/// One feature column of an answer.
#[derive(Debug)]
pub(crate) struct AnswerColumn {
    pub(crate) name: String,
    /// `view:column`, as the definitions name it.
    pub(crate) feature: String,
    pub(crate) data_type: DataType,
    /// Position of its fold in [`Answer::folds`], and of the feature in that fold's plan.
    pub(crate) fold: usize,
    pub(crate) feature_index: usize,
}

/// The layout of an answer.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) folds: Vec<Fold<'a>>,
    pub(crate) columns: Vec<AnswerColumn>,
}

impl<'a> Answer<'a> {
    /// Lays out the columns of `features`, in their order.
    ///
    /// # Errors
    /// Where a reference leads nowhere or two columns would have one name.
    pub(crate) fn lay_out(
        repository: &'a Repository,
        features: &[FeatureRef],
        full_feature_names: bool,
    ) -> Result<Self, Error> {
        let mut answer = Self { folds: Vec::new(), columns: Vec::new() };
        for reference in features {
            let column = answer.place(repository, reference, full_feature_names)?;
            answer.columns.push(column);
        }
        Ok(answer)
    }

    fn place(
        &mut self,
        repository: &'a Repository,
        reference: &FeatureRef,
        full_feature_names: bool,
    ) -> Result<AnswerColumn, Error> {
        let unknown = || Error::UnknownFeature(format!("there is no feature `{}:{}`", reference.view, reference.column));
        let view = repository.view(&reference.view).ok_or_else(unknown)?;
        let entity = repository.entity(&view.entity).ok_or_else(unknown)?;
        let feature = view.plan.features.iter().find(|f| f.name == reference.column).ok_or_else(unknown)?;
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
        let input = feature.input.map(|input| view.plan.inputs[input]);
        let data_type = feature
            .aggregation
            .output(input)
            .map_err(|cause| Error::UnknownFeature(format!("{}:{}: {cause}", view.name, feature.name)))?;
        let prefix = reference.alias.as_deref().unwrap_or(&view.name);
        let name = match full_feature_names {
            true => format!("{prefix}__{}", feature.name),
            false => feature.name.clone(),
        };
        Ok(AnswerColumn { name, feature: format!("{}:{}", view.name, feature.name), data_type, fold, feature_index })
    }

    /// The schema of the answer: the spine's columns as given, the features, their statuses if asked for.
    ///
    /// # Errors
    /// [`Error::NameClash`] where two columns would have one name.
    pub(crate) fn schema(&self, spine: &Schema, statuses: bool) -> Result<SchemaRef, Error> {
        let mut fields: Vec<Arc<Field>> = spine.fields().iter().cloned().collect();
        fields.extend(self.columns.iter().map(|c| Arc::new(Field::new(&c.name, c.data_type.clone(), true))));
        if statuses {
            let status = |c: &AnswerColumn| Field::new(format!("{}__status", c.name), DataType::Utf8, false);
            fields.extend(self.columns.iter().map(|c| Arc::new(status(c))));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = fields.iter().find(|field| !names.insert(field.name().clone())) {
            return Err(Error::NameClash { column: twice.name().clone() });
        }
        Ok(Arc::new(Schema::new_with_metadata(fields, spine.metadata().clone())))
    }
}
