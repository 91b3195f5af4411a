//! References to columns of views of either kind, in services and in requests.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use thalweg_core::FieldType;

use crate::mistakes::{Mistakes, Place, suggestion};
use crate::naming::why_not_a_name;
use crate::needs::Needs;
use crate::taken::Taken;
use crate::{FeatureRef, Repository};

/// What a service or a request asks of one view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FeatureSelection {
    /// `view:column`, or `view:*` for all of its columns.
    Reference(String),
    /// A view under another name, or with its join keys from other columns.
    View {
        /// Name of the view.
        view: String,
        /// The name to take it under; its own if none.
        #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
        alias: Option<String>,
        /// Names of the columns to take; all if none are given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        columns: Option<Vec<String>>,
        /// Join key → column of the request that holds it, where that is called otherwise.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        join_key_map: BTreeMap<String, String>,
    },
}

impl From<&str> for FeatureSelection {
    fn from(reference: &str) -> Self {
        Self::Reference(reference.to_owned())
    }
}

/// A column that a request must have: what a join key of its features is read from, or a request input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// Name of the column.
    pub name: String,
    /// Type of its values.
    pub field_type: FieldType,
}

/// Why features cannot be taken as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Not `view:column`.
    #[error("`{reference}` is no feature: write view:column, or view:* for all columns of a view")]
    Malformed {
        /// As it was written.
        reference: String,
    },
    /// No view of this name.
    #[error("there is no feature view `{view}`{}", aside(.help))]
    UnknownView {
        /// As it was written.
        view: String,
        /// What was probably meant.
        help: Option<String>,
    },
    /// No column of this name.
    #[error("the view `{view}` has no column `{column}`{}", aside(.help))]
    UnknownColumn {
        /// Name of the view.
        view: String,
        /// As it was written.
        column: String,
        /// What was probably meant.
        help: Option<String>,
    },
    /// No join key of this name.
    #[error("the entity of the view `{view}` has no join key `{join_key}`{}", aside(.help))]
    UnknownJoinKey {
        /// Name of the view.
        view: String,
        /// As it was written.
        join_key: String,
        /// What was probably meant.
        help: Option<String>,
    },
    /// Other join keys for what has none of its own.
    #[error(
        "`{view}` is computed on demand from views under their own names and takes no `join_key_map`: leave it out"
    )]
    KeysOfOnDemand {
        /// Name of the view.
        view: String,
    },
    /// A name for a view that cannot be one.
    #[error("`{alias}` cannot be a name: {reason}")]
    BadAlias {
        /// As it was written.
        alias: String,
        /// Why not.
        reason: String,
    },
    /// Nothing is asked for.
    #[error("no features are asked for")]
    Nothing,
    /// Two columns of results would have one name.
    #[error("`{view}:{column}` is asked for twice: take one of them under another name, with `as`")]
    Twice {
        /// The name the view goes by.
        view: String,
        /// Name of the column.
        column: String,
    },
    /// Two features need one column of the request in two types.
    #[error(
        "`{first_view}` needs the key column `{column}` to be {first}, `{second_view}` needs it to be {second}: \
         take one of them from another column, with `join_key_map`"
    )]
    KeyOfTwoTypes {
        /// Name of the column.
        column: String,
        /// The name the first view goes by.
        first_view: String,
        /// The type it needs.
        first: FieldType,
        /// The name the second view goes by.
        second_view: String,
        /// The type it needs.
        second: FieldType,
    },
    /// Two features need one column of the request in two types, of which one is a request input.
    #[error(
        "`{first_view}` needs the column `{column}` of a request to be {first}, `{second_view}` needs it to be {second}: \
         give the request input another name"
    )]
    InputOfTwoTypes {
        /// Name of the column.
        column: String,
        /// The name the first view goes by.
        first_view: String,
        /// The type it needs.
        first: FieldType,
        /// The name the second view goes by.
        second_view: String,
        /// The type it needs.
        second: FieldType,
    },
}

/// `help` after what it belongs to.
fn aside(help: &Option<String>) -> String {
    help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default()
}

impl ReferenceError {
    /// What is wrong, and apart from it what was probably meant.
    pub(crate) fn into_message_and_help(mut self) -> (String, Option<String>) {
        let help = match &mut self {
            Self::UnknownView { help, .. }
            | Self::UnknownColumn { help, .. }
            | Self::UnknownJoinKey { help, .. } => help.take(),
            _ => None,
        };
        (self.to_string(), help)
    }
}

/// `view:column` taken apart.
pub(crate) fn split(reference: &str) -> Result<(&str, &str), ReferenceError> {
    match reference.split_once(':') {
        Some((view, column)) if !view.is_empty() && !column.is_empty() && !column.contains(':') => {
            Ok((view, column))
        }
        _ => Err(ReferenceError::Malformed { reference: reference.to_owned() }),
    }
}

/// `column` of `view`, or all of its columns if that is `*`.
pub(crate) fn columns_of(
    view: Taken<'_>,
    alias: Option<&str>,
    column: &str,
    join_key_map: &BTreeMap<String, String>,
) -> Result<Vec<FeatureRef>, ReferenceError> {
    let take = |column: &str| FeatureRef {
        view: view.name().to_owned(),
        alias: alias.map(str::to_owned),
        column: column.to_owned(),
        join_key_map: join_key_map.clone(),
    };
    if column == "*" {
        return Ok(view.columns().into_iter().map(take).collect());
    }
    if !view.columns().contains(&column) {
        return Err(ReferenceError::UnknownColumn {
            view: view.name().to_owned(),
            column: column.to_owned(),
            help: suggestion(column, view.columns()),
        });
    }
    Ok(vec![take(column)])
}

/// Whether `join_key` is one of the join keys of the view's entity.
pub(crate) fn check_join_key(view: Taken<'_>, join_key: &str) -> Result<(), ReferenceError> {
    let view = match view {
        Taken::Folded(view) => view,
        Taken::OnDemand(view) => return Err(ReferenceError::KeysOfOnDemand { view: view.name.clone() }),
    };
    let names = || view.join_keys.iter().map(|key| key.name.as_str());
    if names().any(|name| name == join_key) {
        return Ok(());
    }
    Err(ReferenceError::UnknownJoinKey {
        view: view.name.clone(),
        join_key: join_key.to_owned(),
        help: suggestion(join_key, names().collect::<Vec<_>>()),
    })
}

/// Whether `alias` can be a view's name.
pub(crate) fn check_alias(alias: &str) -> Result<(), ReferenceError> {
    match why_not_a_name(alias) {
        Some(reason) => Err(ReferenceError::BadAlias { alias: alias.to_owned(), reason }),
        None => Ok(()),
    }
}

/// The first of `features` whose column of results an earlier one has already.
pub(crate) fn first_twice(features: &[FeatureRef]) -> Option<usize> {
    let mut seen = HashSet::new();
    features.iter().position(|feature| !seen.insert((feature.view_name(), feature.column.as_str())))
}

/// What a reference leads to; where it leads nowhere, that is a mistake at `place`.
pub(crate) fn note<T>(
    resolved: Result<T, ReferenceError>,
    place: &Place,
    mistakes: &mut Mistakes,
) -> Option<T> {
    resolved
        .map_err(|error| {
            let (message, help) = error.into_message_and_help();
            mistakes.add_with_help(place, message, help);
        })
        .ok()
}

impl Repository {
    /// The columns that `references` (`view:column` or `view:*`) stand for, in their order.
    ///
    /// # Errors
    /// If there are none, one is not of this repository, or one is there twice.
    pub fn resolve(&self, references: &[String]) -> Result<Vec<FeatureRef>, ReferenceError> {
        self.select(&references.iter().map(|reference| reference.as_str().into()).collect::<Vec<_>>())
    }

    /// The columns that `selections` stand for, in their order.
    ///
    /// # Errors
    /// If there are none, one is not of this repository, one is there twice, or two need one key column in
    /// two types.
    pub fn select(&self, selections: &[FeatureSelection]) -> Result<Vec<FeatureRef>, ReferenceError> {
        let mut features = Vec::new();
        for selection in selections {
            match selection {
                FeatureSelection::Reference(reference) => {
                    let (view, column) = split(reference)?;
                    let view = self.known_view(view)?;
                    features.extend(columns_of(view, None, column, &BTreeMap::new())?);
                }
                FeatureSelection::View { view, alias, columns, join_key_map } => {
                    let view = self.known_view(view)?;
                    alias.as_deref().map_or(Ok(()), check_alias)?;
                    join_key_map.keys().try_for_each(|join_key| check_join_key(view, join_key))?;
                    for column in columns.as_deref().unwrap_or(&["*".to_owned()]) {
                        features.extend(columns_of(view, alias.as_deref(), column, join_key_map)?);
                    }
                }
            }
        }
        if features.is_empty() {
            return Err(ReferenceError::Nothing);
        }
        if let Some(twice) = first_twice(&features) {
            let FeatureRef { column, .. } = &features[twice];
            let view = features[twice].view_name().to_owned();
            return Err(ReferenceError::Twice { view, column: column.clone() });
        }
        self.request_keys(&features)?;
        Ok(features)
    }

    /// The key columns that a request for `features` must have, each once, in order of need; those of the
    /// inputs of on-demand features among them.
    ///
    /// # Errors
    /// If a view is not of this repository, or two features need one column in two types.
    pub fn request_keys(&self, features: &[FeatureRef]) -> Result<Vec<RequestKey>, ReferenceError> {
        Ok(Needs::of(features, |name| self.taken(name))?.into_keys())
    }

    /// The request inputs that a request for `features` must have, each once, in order of need. A column may
    /// be a key column, too.
    ///
    /// # Errors
    /// As [`Repository::request_keys`].
    pub fn request_inputs(&self, features: &[FeatureRef]) -> Result<Vec<RequestKey>, ReferenceError> {
        Ok(Needs::of(features, |name| self.taken(name))?.into_inputs())
    }

    /// The feature views that `features` are read or computed from, by name.
    pub fn views_of_features<'a>(&'a self, features: &'a [FeatureRef]) -> BTreeSet<&'a str> {
        let of_one = |feature: &'a FeatureRef| match self.on_demand_view(&feature.view) {
            Some(view) => view.inputs.iter().map(|input| input.view.as_str()).collect(),
            None => vec![feature.view.as_str()],
        };
        features.iter().flat_map(of_one).collect()
    }

    /// The view of either kind called `name`.
    pub(crate) fn taken(&self, name: &str) -> Option<Taken<'_>> {
        let folded = self.view(name).map(Taken::Folded);
        folded.or_else(|| self.on_demand_view(name).map(Taken::OnDemand))
    }

    fn known_view(&self, name: &str) -> Result<Taken<'_>, ReferenceError> {
        self.taken(name).ok_or_else(|| {
            let folded = self.views.iter().map(|view| view.name.as_str());
            let on_demand = self.on_demand_views.iter().map(|view| view.name.as_str());
            let help = suggestion(name, folded.chain(on_demand).collect::<Vec<_>>());
            ReferenceError::UnknownView { view: name.to_owned(), help }
        })
    }
}
