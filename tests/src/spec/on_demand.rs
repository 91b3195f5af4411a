//! On-demand feature views as the oracle has them.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use thalweg_core::FieldType;

use super::definitions::{Defined, entries, known, text, type_of, typed_sql};
use super::yaml::Node;
use crate::definition::{OnDemandFeature, OnDemandView, list_of};
use crate::harness::Outcome;

/// The on-demand view that `node` writes over the views that are `defined`.
///
/// # Errors
/// What the oracle cannot say.
pub fn view(defined: &Defined, node: &Node) -> Outcome<OnDemandView> {
    known(node, &["name", "inputs", "features", "tags"])?;
    let inputs = node.get("inputs").ok_or_else(|| format!("line {}: no `inputs`", node.line))?;
    known(inputs, &["features", "request"])?;
    let references = inputs.get("features").map_or(Ok(&[][..]), |list| list.items("a list of features"))?;
    let request = inputs.get("request").map_or(Ok(&[][..]), |map| map.entries("a map of request inputs"))?;
    let typed = |(name, of_type): &(String, Node)| {
        let found =
            type_of(of_type.text("a type")?).ok_or_else(|| of_type.wrong("a type of a request input"))?;
        Ok((name.clone(), found))
    };
    let mut view = OnDemandView {
        name: text(node, "name")?.to_owned(),
        inputs: Vec::new(),
        request: request.iter().map(typed).collect::<Outcome<_>>()?,
        features: Vec::new(),
    };
    for reference in references {
        view.inputs.extend(columns(defined, reference)?);
    }
    let names = types(defined, &view)?;
    let feature = |(name, sql): &(String, Node)| {
        let (expression, of_type) = typed_sql(sql, &names)?;
        Ok(OnDemandFeature { name: name.clone(), expression, of_type })
    };
    view.features = entries(node, "features")?.iter().map(feature).collect::<Outcome<_>>()?;
    Ok(view)
}

/// The views and columns that an input stands for, the columns as they are written.
fn columns(defined: &Defined, reference: &Node) -> Outcome<Vec<(String, String)>> {
    let written = reference.text("view:column")?;
    let (view, column) = written.split_once(':').ok_or_else(|| reference.wrong("view:column"))?;
    if column != "*" {
        return Ok(vec![(view.to_owned(), column.to_owned())]);
    }
    let prefix = format!("{view}__");
    let columns = defined.columns.keys().filter_map(|name| name.strip_prefix(&prefix));
    Ok(columns.map(|column| (view.to_owned(), column.to_owned())).collect())
}

/// The types of what expressions may name. Maps are left out: nothing can be said of them.
fn types(defined: &Defined, view: &OnDemandView) -> Outcome<BTreeMap<String, FieldType>> {
    let mut types: BTreeMap<_, _> = view.request.iter().cloned().collect();
    for (place, (of_view, column)) in view.inputs.iter().enumerate() {
        let found = defined.column(&format!("{of_view}__{column}"));
        let (_, _, data_type) =
            found.ok_or_else(|| format!("the oracle has no input `{of_view}:{column}`"))?;
        let (is_list, value) = match &data_type {
            DataType::List(item) => (true, item.data_type()),
            other => (false, other),
        };
        let Some(field_type) = FieldType::from_arrow(value) else { continue };
        let names = view.names(place).into_iter();
        types.extend(names.map(|name| (if is_list { list_of(&name) } else { name }, field_type)));
    }
    Ok(types)
}
