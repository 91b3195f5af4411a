//! SQL in definition files.

use thalweg_core::FieldType;
use thalweg_log::Field;

use crate::expression::Names;
use crate::mistakes::Mistakes;
use crate::yaml::Node;
use crate::{Expression, ExpressionError, Limits, Sql};

/// An expression that could be compiled.
#[derive(Clone)]
pub(crate) struct Compiled {
    /// The expression.
    pub sql: Sql,
    /// Type of its values.
    pub field_type: FieldType,
    /// Paths of the fields it reads.
    pub fields: Vec<String>,
}

/// What expressions are compiled against.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The fields there are.
    pub fields: &'a [Field],
    /// How long expressions may be.
    pub limits: &'a Limits,
}

impl Scope<'_> {
    /// Compiles the expression in `node`, whatever type it gives.
    pub fn compile(&self, node: &Node, mistakes: &mut Mistakes) -> Option<Compiled> {
        compile_by(node, self.limits, mistakes, |text| Expression::compile(text, self.fields)).map(compiled)
    }

    /// Compiles the expression in `node` to values of type `wanted`.
    pub fn compile_as(&self, node: &Node, wanted: FieldType, mistakes: &mut Mistakes) -> Option<Compiled> {
        let compile = |text: &str| Expression::compile_as(text, self.fields, wanted);
        compile_by(node, self.limits, mistakes, compile).map(compiled)
    }

    /// Compiles the condition in `node`.
    pub fn compile_condition(&self, node: &Node, mistakes: &mut Mistakes) -> Option<Compiled> {
        let compiled = self.compile(node, mistakes)?;
        if compiled.field_type != FieldType::Bool {
            mistakes.add_with_help(
                &node.place,
                format!("`where` must be true or false; `{}` is {}", compiled.sql.text, compiled.field_type),
                "write a comparison".to_owned(),
            );
            return None;
        }
        Some(compiled)
    }

    /// The expression that is true of every event.
    pub fn always_true(&self) -> Compiled {
        let expression =
            Expression::compile("true", self.fields).expect("`true` is an expression over any fields");
        Compiled::of("true", &expression)
    }
}

/// Compiles the expression in `node` over columns that may be lists; gives its text, too.
pub(crate) fn compile_over(
    node: &Node,
    names: &Names,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<(String, Expression)> {
    compile_by(node, limits, mistakes, |text| Expression::compile_over(text, names))
}

fn compiled((text, expression): (String, Expression)) -> Compiled {
    Compiled::of(&text, &expression)
}

fn compile_by(
    node: &Node,
    limits: &Limits,
    mistakes: &mut Mistakes,
    compile: impl FnOnce(&str) -> Result<Expression, ExpressionError>,
) -> Option<(String, Expression)> {
    let text = node.text("an SQL expression", mistakes)?;
    let (limit, length) = (limits.expression_bytes, text.len());
    if !Limits::keeps("expression_bytes", limit, length, "bytes of an expression", &node.place, mistakes) {
        return None;
    }
    match compile(text) {
        Ok(expression) => Some((text.to_owned(), expression)),
        Err(ExpressionError { message, place }) => {
            let within = place.and_then(|(line, column)| {
                Some(node.place_within(usize::try_from(line).ok()?, usize::try_from(column).ok()?))
            });
            mistakes.add(&within.unwrap_or_else(|| node.place.clone()), message);
            None
        }
    }
}

impl Compiled {
    /// The compiled `expression` that was written as `text`.
    pub fn of(text: &str, expression: &Expression) -> Self {
        Self {
            sql: Sql { text: text.to_owned(), meaning: expression.canonical().to_owned() },
            field_type: expression.result_type(),
            fields: expression.fields().to_vec(),
        }
    }
}
