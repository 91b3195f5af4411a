//! What an expression may name: the columns it is evaluated on, under all their spellings.

use arrow::datatypes::Field as Column;
use thalweg_log::Field;

use crate::fields::how_to_declare;
use crate::mistakes::{one_of, suggestion};

/// The columns an expression may name, of field types, or lists of them.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// What people call one of them.
    kind: &'static str,
    columns: Vec<Column>,
    /// Other spellings, each with the position of its column. One that is there twice is ambiguous.
    spellings: Vec<(String, usize)>,
}

impl Names {
    /// The fields of a source.
    pub fn of_fields(fields: &[Field]) -> Self {
        let column = |field: &Field| Column::new(&field.name, field.field_type.to_arrow(), true);
        Self { kind: "field", columns: fields.iter().map(column).collect(), spellings: Vec::new() }
    }

    /// The inputs of an on-demand feature view: columns, each with another spelling if it has one.
    pub fn of_inputs(inputs: impl IntoIterator<Item = (Column, Option<String>)>) -> Self {
        let mut names = Self { kind: "input", columns: Vec::new(), spellings: Vec::new() };
        for (column, spelling) in inputs {
            names.spellings.extend(spelling.map(|spelling| (spelling, names.columns.len())));
            names.columns.push(column);
        }
        names
    }

    /// The columns.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter()
    }

    /// The column that `path` names, or why there is none.
    pub fn find(&self, path: &str) -> Result<&Column, String> {
        let spelt = self.spellings.iter().filter(|(spelling, _)| spelling == path);
        let spelt: Vec<_> = spelt.map(|(_, position)| &self.columns[*position]).collect();
        if let Some(column) = self.columns.iter().find(|column| column.name() == path) {
            return Ok(column);
        }
        match spelt.as_slice() {
            [column] => Ok(column),
            [] => {
                let help = how_to_declare(path, "string")
                    .or_else(|| suggestion(path, self.spellings().collect::<Vec<_>>()));
                let help = help.map(|help| format!(": {help}")).unwrap_or_default();
                Err(format!("there is no {} `{path}`{help}", self.kind))
            }
            several => Err(format!(
                "`{path}` may be any of several: write {}",
                one_of(several.iter().map(|column| column.name().as_str()))
            )),
        }
    }

    /// All names, the short spellings first.
    fn spellings(&self) -> impl Iterator<Item = &str> {
        let short = self.spellings.iter().map(|(spelling, _)| spelling.as_str());
        short.chain(self.columns.iter().map(|column| column.name().as_str()))
    }
}
