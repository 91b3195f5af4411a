//! Which columns an answer has, and what each is computed from: the same for a lookup and for a training
//! set.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use thalweg_core::{FieldType, FoldPlan};

use crate::naming::result_column;
use crate::on_demand::{FoldColumn, InputFeature, OnDemand, OnDemandFeature, OnDemandView};
use crate::{FeatureRef, FeatureView, Repository, RequestKey, Version};

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
    /// What has to be computed from columns of the folds, each once.
    pub on_demand: Vec<OnDemand<'a>>,
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
    /// Where the values come from.
    pub origin: Origin,
}

/// Where the values of a column come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From a fold.
    Fold(FoldColumn),
    /// From an expression.
    OnDemand {
        /// Position of the view in [`Layout::on_demand`].
        view: usize,
        /// Position of the feature among those of the view.
        feature: usize,
    },
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
        let mut layout = Self { folds: Vec::new(), on_demand: Vec::new(), columns: Vec::new() };
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

    /// The request inputs that the columns need, each once.
    pub fn request_inputs(&self) -> Vec<&'a RequestKey> {
        let mut inputs: Vec<&RequestKey> = Vec::new();
        for input in self.on_demand.iter().flat_map(|on_demand| &on_demand.view.request) {
            if !inputs.iter().any(|known| known.name == input.name) {
                inputs.push(input);
            }
        }
        inputs
    }

    /// The folds that a column is read or computed from.
    pub fn folds_of(&self, origin: Origin) -> Vec<&Fold<'a>> {
        let mut folds: Vec<usize> = match origin {
            Origin::Fold(column) => vec![column.fold],
            Origin::OnDemand { view, .. } => {
                self.on_demand[view].inputs.iter().map(|column| column.fold).collect()
            }
        };
        let mut seen = BTreeSet::new();
        folds.retain(|fold| seen.insert(*fold));
        folds.into_iter().map(|fold| &self.folds[fold]).collect()
    }

    /// The version of the view of either kind that a column belongs to.
    pub fn version_of(&self, origin: Origin) -> Version {
        match origin {
            Origin::Fold(column) => self.folds[column.fold].view.version,
            Origin::OnDemand { view, .. } => self.on_demand[view].view.version,
        }
    }

    fn place(
        &mut self,
        repository: &'a Repository,
        reference: &FeatureRef,
        full_name: bool,
    ) -> Result<AnswerColumn, LayoutError> {
        let name = || format!("{}:{}", reference.view, reference.column);
        let (origin, data_type) = match repository.on_demand_view(&reference.view) {
            Some(view) => {
                let of_name = |feature: &OnDemandFeature| feature.name == reference.column;
                let feature = view.features.iter().position(of_name);
                let feature = feature.ok_or_else(|| LayoutError::UnknownFeature(name()))?;
                let origin = Origin::OnDemand { view: self.place_on_demand(repository, view)?, feature };
                (origin, view.features[feature].field_type.to_arrow())
            }
            None => {
                let (column, data_type) = self.place_in_fold(repository, reference)?;
                (Origin::Fold(column), data_type)
            }
        };
        let column = &reference.column;
        Ok(AnswerColumn {
            name: if full_name { result_column(reference.view_name(), column) } else { column.clone() },
            feature: name(),
            data_type,
            origin,
        })
    }

    /// The position of `view` among the on-demand views, its inputs among the columns of folds.
    fn place_on_demand(
        &mut self,
        repository: &'a Repository,
        view: &'a OnDemandView,
    ) -> Result<usize, LayoutError> {
        if let Some(known) = self.on_demand.iter().position(|known| known.view.name == view.name) {
            return Ok(known);
        }
        let place = |input: &InputFeature| Ok(self.place_in_fold(repository, &input.reference())?.0);
        let inputs = view.inputs.iter().map(place).collect::<Result<_, LayoutError>>()?;
        self.on_demand.push(OnDemand { view, inputs });
        Ok(self.on_demand.len() - 1)
    }

    fn place_in_fold(
        &mut self,
        repository: &'a Repository,
        reference: &FeatureRef,
    ) -> Result<(FoldColumn, DataType), LayoutError> {
        let unknown = || LayoutError::UnknownFeature(format!("{}:{}", reference.view, reference.column));
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
        Ok((FoldColumn { fold, feature_index }, view.column_type(feature)))
    }
}
