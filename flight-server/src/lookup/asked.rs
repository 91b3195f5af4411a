//! What a lookup is asked with: the columns of join keys and of request inputs.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, BinaryArray};
use thalweg_core::{FieldType, encode_keys};
use thalweg_definitions::{Fold, Layout, RequestKey, input_column, key_column};

use super::LookupRequest;
use crate::{Error, Kind};

/// The columns of a request, all of one length.
pub(super) struct Asked<'a> {
    entities: &'a BTreeMap<String, ArrayRef>,
    request_inputs: &'a BTreeMap<String, ArrayRef>,
    /// Rows asked for.
    pub(super) rows: usize,
}

impl<'a> Asked<'a> {
    /// The columns of `request`, of at most `row_limit` rows.
    pub(super) fn new(request: &'a LookupRequest, row_limit: usize) -> Result<Self, Error> {
        let LookupRequest { entities, request_inputs, .. } = request;
        Ok(Self { entities, request_inputs, rows: row_count(entities, request_inputs, row_limit)? })
    }

    /// The entity keys of a fold.
    pub(super) fn keys_of(&self, fold: &Fold<'_>) -> Result<BinaryArray, Error> {
        let part = |(name, field_type): &(String, FieldType)| {
            let given = self.entities.get(name).ok_or_else(|| {
                Error::invalid(format!(
                    "field `entities` lacks join key `{name}` ({field_type}), which view `{}` needs; given: {}",
                    fold.view.name,
                    self.entities.keys().cloned().collect::<Vec<_>>().join(", ")
                ))
            })?;
            let nulls = given.logical_nulls();
            if let Some(row) = nulls.and_then(|nulls| (0..given.len()).find(|&row| nulls.is_null(row))) {
                return Err(Error::invalid(format!(
                    "field `entities`: join key `{name}` is null in row {row}"
                )));
            }
            key_column(given, *field_type).map_err(|cause| {
                Error::invalid(format!("field `entities`: column `{name}` cannot be the join key: {cause}"))
            })
        };
        let parts = fold.key_columns.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        encode_keys(&parts).map_err(|cause| Error::invalid(format!("field `entities`: {cause}")))
    }

    /// The request inputs that `layout` needs, each in the type it is declared in.
    pub(super) fn inputs(&self, layout: &Layout<'_>) -> Result<BTreeMap<String, ArrayRef>, Error> {
        let one = |RequestKey { name, field_type }: &RequestKey| {
            let (field, given) = match (self.request_inputs.get(name), self.entities.get(name)) {
                (Some(given), _) => ("request_inputs", given),
                (None, Some(given)) => ("entities", given),
                (None, None) => {
                    let view = layout.on_demand.iter().map(|on_demand| on_demand.view);
                    let mut view = view.filter(|view| view.request.iter().any(|input| input.name == *name));
                    return Err(Error::invalid(format!(
                        "field `request_inputs` lacks `{name}` ({field_type}), which on-demand feature view `{}` needs",
                        view.next().map_or("", |view| view.name.as_str())
                    )));
                }
            };
            let column = input_column(given, *field_type).map_err(|cause| {
                Error::invalid(format!(
                    "field `{field}`: column `{name}` cannot be the request input: {cause}"
                ))
            })?;
            Ok((name.clone(), column))
        };
        layout.request_inputs().into_iter().map(one).collect()
    }

    /// A column nobody reads is a mistake: most often a misspelt join key of a view taken under another name.
    pub(super) fn refuse_unused(&self, layout: &Layout<'_>) -> Result<(), Error> {
        let keys = layout.folds.iter().flat_map(|fold| fold.key_columns.iter().map(|(key, _)| key.as_str()));
        let keys: BTreeSet<_> = keys.collect();
        let inputs: BTreeSet<_> =
            layout.request_inputs().into_iter().map(|input| input.name.as_str()).collect();
        let listed = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
        for name in self.entities.keys().map(String::as_str) {
            if !keys.contains(name) && !inputs.contains(name) {
                return Err(Error::invalid(format!(
                    "field `entities`: `{name}` is no join key of these features; they take: {}",
                    listed(&keys)
                )));
            }
            if !keys.contains(name) && self.request_inputs.contains_key(name) {
                return Err(Error::invalid(format!(
                    "the request input `{name}` is given twice, in `entities` and in `request_inputs`"
                )));
            }
        }
        match self.request_inputs.keys().find(|name| !inputs.contains(name.as_str())) {
            None => Ok(()),
            Some(name) if inputs.is_empty() => Err(Error::invalid(format!(
                "field `request_inputs`: no feature asked for takes an input `{name}`"
            ))),
            Some(name) => Err(Error::invalid(format!(
                "field `request_inputs`: no feature asked for takes an input `{name}`; they take: {}",
                listed(&inputs)
            ))),
        }
    }
}

fn row_count(
    entities: &BTreeMap<String, ArrayRef>,
    request_inputs: &BTreeMap<String, ArrayRef>,
    limit: usize,
) -> Result<usize, Error> {
    let of = |field: &'static str, columns: &BTreeMap<String, ArrayRef>| {
        columns.iter().map(move |(name, values)| (values.len(), field, name.clone())).collect::<Vec<_>>()
    };
    let mut lengths = of("entities", entities).into_iter().chain(of("request_inputs", request_inputs));
    let Some((rows, _, first)) = lengths.next() else {
        return Err(Error::invalid("field `entities` is empty: a lookup needs a column for each join key"));
    };
    if let Some((other, field, name)) = lengths.find(|(length, _, _)| *length != rows) {
        return Err(Error::invalid(format!(
            "field `{field}`: column `{first}` has {rows} rows and column `{name}` has {other}; they must be equal"
        )));
    }
    if rows > limit {
        return Err(Error::new(
            Kind::ResourceExhausted,
            format!(
                "the lookup asks for {rows} entities; the limit `limits.lookup_rows` is {limit}. Split it, or raise the limit"
            ),
        ));
    }
    Ok(rows)
}
