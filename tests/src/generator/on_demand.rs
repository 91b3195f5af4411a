//! On-demand views over columns of views, and what they take from questions.

use arrow::datatypes::DataType;
use rand::Rng;
use rand::seq::IndexedRandom;
use thalweg_core::{FieldType, Value};

use super::Chance;
use super::values::pick;
use crate::definition::{
    Comparison, Expression, OnDemandFeature, OnDemandView, Operation, View, is_approximate,
};
use crate::harness::type_of;

/// What questions say, with the types.
pub const REQUEST_INPUTS: [(&str, FieldType); 5] = [
    ("asked_flag", FieldType::Bool),
    ("asked_int", FieldType::Int64),
    ("asked_real", FieldType::Float64),
    ("asked_text", FieldType::String),
    ("asked_real32", FieldType::Float32),
];

/// At most two on-demand views over columns of `views`.
pub fn on_demand_views(chance: &mut Chance, views: &[View]) -> Vec<OnDemandView> {
    let how_many = pick(chance, &[0, 1, 1, 2]);
    (0..how_many).filter_map(|number| on_demand_view(chance, views, number)).collect()
}

fn on_demand_view(chance: &mut Chance, views: &[View], number: usize) -> Option<OnDemandView> {
    let mut columns = Vec::new();
    for view in views {
        for column in view.columns() {
            // What is computed from something approximate can only be compared with itself: a few will do.
            if !is_approximate(&column.aggregation) || chance.random_bool(0.2) {
                columns.push((view.name.clone(), column.name.clone(), type_of(&column)));
            }
        }
    }
    let how_many = chance.random_range(0..5);
    let chosen: Vec<_> = columns.choose_multiple(chance, how_many).cloned().collect();
    let how_many = chance.random_range(usize::from(chosen.is_empty())..=REQUEST_INPUTS.len());
    let request = REQUEST_INPUTS.choose_multiple(chance, how_many);
    let mut view = OnDemandView {
        name: format!("on_demand{number}"),
        inputs: chosen.iter().map(|(view, column, _)| (view.clone(), column.clone())).collect(),
        request: request.map(|(name, field_type)| ((*name).to_owned(), *field_type)).collect(),
        features: Vec::new(),
    };
    let mut values: Vec<(Expression, FieldType)> = Vec::new();
    for (place, (_, _, data_type)) in chosen.iter().enumerate() {
        let names = view.names(place);
        let name = names.choose(chance).expect("every input has a name").clone();
        match data_type {
            DataType::List(item) => {
                let number = Box::new(Expression::integer(pick(chance, &[1, 1, 1, 2, 3, 0, -1])));
                let item = FieldType::from_arrow(item.data_type());
                values.extend(item.map(|item| (Expression::Element(name, number), item)));
            }
            other => {
                let field_type = FieldType::from_arrow(other);
                values.extend(field_type.map(|field_type| (Expression::Field(name), field_type)));
            }
        }
    }
    values.extend(view.request.iter().map(|(name, of_type)| (Expression::field(name), *of_type)));
    view.features = (0..chance.random_range(1..4))
        .filter_map(|n| {
            let (expression, of_type) = computed(chance, &values)?;
            Some(OnDemandFeature { name: format!("computed{n}"), expression, of_type })
        })
        .collect();
    (!view.features.is_empty()).then_some(view)
}

/// Something over `values`, and its type; nothing if there are none.
fn computed(chance: &mut Chance, values: &[(Expression, FieldType)]) -> Option<(Expression, FieldType)> {
    let (value, of_type) = values.choose(chance)?.clone();
    let of = |wanted: FieldType, chance: &mut Chance| {
        let alike: Vec<_> = values.iter().filter(|(_, of_type)| *of_type == wanted).collect();
        alike.choose(chance).map(|(expression, _)| expression.clone())
    };
    let operation =
        pick(chance, &[Operation::Add, Operation::Subtract, Operation::Multiply, Operation::Divide]);
    let comparison =
        pick(chance, &[Comparison::Equal, Comparison::Different, Comparison::Less, Comparison::Greater]);
    Some(match (chance.random_range(0..6), of_type) {
        (0 | 1, FieldType::Int64) => {
            let literal = pick(chance, &[0, 1, -1, 3]);
            let other = of(FieldType::Int64, chance).filter(|_| chance.random_bool(0.8));
            (value.combine(operation, other.unwrap_or(Expression::integer(literal))), of_type)
        }
        (0 | 1, FieldType::Float64) => {
            let literal = Expression::Literal(Value::Float64(pick(chance, &[0.0, 0.1, 1e300])));
            let other = of(FieldType::Float64, chance).filter(|_| chance.random_bool(0.8));
            (value.combine(operation, other.unwrap_or(literal)), of_type)
        }
        (0 | 1, FieldType::Int32 | FieldType::Float32) => {
            let literal = Expression::Literal(Value::Float64(pick(chance, &[0.0, 0.5, 3.0])));
            (value.combine(operation, literal), FieldType::Float64)
        }
        (2, FieldType::Int64 | FieldType::Float64) => {
            (value.compare(comparison, Expression::integer(pick(chance, &[0, 2]))), FieldType::Bool)
        }
        (3, _) => (Expression::IsNull(Box::new(value)), FieldType::Bool),
        (4, FieldType::String) => {
            let literal = Expression::Literal(Value::String("none".into()));
            (Expression::Coalesce(Box::new(value), Box::new(literal)), of_type)
        }
        (4, _) => {
            let other = of(of_type, chance).unwrap_or_else(|| value.clone());
            (Expression::Coalesce(Box::new(value), Box::new(other)), of_type)
        }
        (5, _) if let Some(flag) = of(FieldType::Bool, chance) => {
            let other = of(of_type, chance).unwrap_or_else(|| value.clone());
            (Expression::Case(Box::new(flag), Box::new(value), Box::new(other)), of_type)
        }
        _ => (value, of_type),
    })
}
