//! What a request must have for its features: the columns of join keys, and those of request inputs.

use thalweg_core::FieldType;

use crate::reference::ReferenceError;
use crate::taken::Taken;
use crate::{FeatureRef, FeatureView, OnDemandView, RequestKey};

/// The columns that a request must have, each once, in order of need, with the name of the view that needs it
/// first.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    keys: Vec<(RequestKey, String)>,
    inputs: Vec<(RequestKey, String)>,
}

impl Needs {
    /// What a request for `features` must have; `taken` finds views by their names.
    pub fn of<'a>(
        features: &[FeatureRef],
        taken: impl Fn(&str) -> Option<Taken<'a>>,
    ) -> Result<Self, ReferenceError> {
        let mut needs = Self::default();
        for feature in features {
            match taken(&feature.view) {
                None => {
                    return Err(ReferenceError::UnknownView { view: feature.view.clone(), help: None });
                }
                Some(Taken::Folded(view)) => needs.add_keys(feature, view)?,
                Some(Taken::OnDemand(view)) => needs.add_on_demand(view, |name| match taken(name) {
                    Some(Taken::Folded(view)) => Some(view),
                    _ => None,
                })?,
            }
        }
        Ok(needs)
    }

    /// Adds what the features of `view` need: the join keys of its inputs, under their own names, and what it
    /// takes from a request.
    pub fn add_on_demand<'a>(
        &mut self,
        view: &OnDemandView,
        folded: impl Fn(&str) -> Option<&'a FeatureView>,
    ) -> Result<(), ReferenceError> {
        for input in &view.inputs {
            let Some(folded) = folded(&input.view) else {
                return Err(ReferenceError::UnknownView { view: input.view.clone(), help: None });
            };
            self.add_keys(&input.reference(), folded)?;
        }
        for RequestKey { name, field_type } in &view.request {
            self.agree(name, *field_type, &view.name, true)?;
            if !self.inputs.iter().any(|(known, _)| known.name == *name) {
                let input = RequestKey { name: name.clone(), field_type: *field_type };
                self.inputs.push((input, view.name.clone()));
            }
        }
        Ok(())
    }

    fn add_keys(&mut self, feature: &FeatureRef, view: &FeatureView) -> Result<(), ReferenceError> {
        for join_key in &view.join_keys {
            let column = feature.key_column(&join_key.name);
            self.agree(column, join_key.field_type, feature.view_name(), false)?;
            if !self.keys.iter().any(|(known, _)| known.name == column) {
                let key = RequestKey { name: column.to_owned(), field_type: join_key.field_type };
                self.keys.push((key, feature.view_name().to_owned()));
            }
        }
        Ok(())
    }

    /// Checks that nothing needs `column` in another type than `view` does.
    fn agree(
        &self,
        column: &str,
        second: FieldType,
        view: &str,
        is_input: bool,
    ) -> Result<(), ReferenceError> {
        let of = |known: &(RequestKey, String)| (known.0.field_type, known.1.clone());
        let other = |needs: &[(RequestKey, String)]| {
            needs.iter().find(|(known, _)| known.name == column && known.field_type != second).map(of)
        };
        let (column, second_view) = (column.to_owned(), view.to_owned());
        if let Some((first, first_view)) = other(&self.inputs) {
            return Err(ReferenceError::InputOfTwoTypes { column, first_view, first, second_view, second });
        }
        match other(&self.keys) {
            None => Ok(()),
            Some((first, first_view)) if is_input => {
                Err(ReferenceError::InputOfTwoTypes { column, first_view, first, second_view, second })
            }
            Some((first, first_view)) => {
                Err(ReferenceError::KeyOfTwoTypes { column, first_view, first, second_view, second })
            }
        }
    }

    /// The key columns.
    pub fn into_keys(self) -> Vec<RequestKey> {
        self.keys.into_iter().map(|(key, _)| key).collect()
    }

    /// The columns of request inputs.
    pub fn into_inputs(self) -> Vec<RequestKey> {
        self.inputs.into_iter().map(|(input, _)| input).collect()
    }
}
