//! SQL expressions over the fields of one event, or the inputs of one row, compiled once and evaluated a
//! batch at a time.
//!
//! The language is DataFusion's SQL, without what is not a function of the event: no subqueries, aggregates,
//! windows, clocks or random numbers. What this module adds to DataFusion's evaluation:
//!
//! - **Failing rows.** Arithmetic and casts are checked. Where a batch fails it is split until the failing
//!   rows stand alone: they are null and counted, their neighbours keep their values.
//! - **The same row, the same bits**, whatever batch it comes in. `case` evaluates a branch on the rows that
//!   take it, and `and`, `or` and `coalesce` evaluate an operand on the rows that those before it leave open;
//!   so `case when x <> 0 then 1 / x end` never fails.
//! - **One order of floats.** In comparisons −0.0 = 0.0, NaN = NaN, and NaN is above all. A NaN in a result
//!   is the canonical one.
//! - **Names as they are declared.** A field is named by its path, `a.b` or `"a.b"`, case included; nothing
//!   is folded. Names of functions and key words may be written in either case.
//! - **Few types.** Values are of field types: int64 and float64 literals, instants in microseconds UTC.
//!   Texts are compared with other types only as literals, which are then read as that type. Of a list its
//!   elements are taken, `x[1]` the first, and nothing else.

mod canonical;
mod case;
mod compare;
mod compile;
mod date_trunc;
mod element;
mod error;
mod evaluate;
mod floats;
mod functions;
mod logic;
mod math;
mod names;
mod parse;
mod physical;
mod plan;
mod simple;
mod types;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use thalweg_core::FieldType;
use thalweg_log::Field;

pub use error::ExpressionError;
pub use evaluate::Evaluated;
pub(crate) use names::Names;

/// A checked expression over the fields of a source or the inputs of a row. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Expression {
    program: Arc<evaluate::Program>,
    canonical: Arc<str>,
}

impl Expression {
    /// Compiles `sql`, whatever type it gives.
    ///
    /// # Errors
    /// If the text is not exactly one expression of the language over `fields`, gives no field type, or is
    /// too long or too deep.
    pub fn compile(sql: &str, fields: &[Field]) -> Result<Self, ExpressionError> {
        compile::compile(sql, &Names::of_fields(fields), None)
    }

    /// Compiles `sql` over columns that may be lists, whatever field type it gives.
    ///
    /// # Errors
    /// As [`Expression::compile`].
    pub(crate) fn compile_over(sql: &str, names: &Names) -> Result<Self, ExpressionError> {
        compile::compile(sql, names, None)
    }

    /// Compiles `sql` and has it give `wanted`.
    ///
    /// An int32 becomes an int64 or a float64, a float32 a float64, a date a timestamp; an int64 becomes an
    /// int32, and fails on the rows where it is none. Anything else must be cast in the expression.
    ///
    /// # Errors
    /// As [`Expression::compile`], and if the expression gives another type.
    pub fn compile_as(sql: &str, fields: &[Field], wanted: FieldType) -> Result<Self, ExpressionError> {
        compile::compile(sql, &Names::of_fields(fields), Some(wanted))
    }

    /// The type of its values.
    pub fn result_type(&self) -> FieldType {
        self.program.result_type()
    }

    /// Paths of the fields it reads, each once, in sorted order.
    pub fn fields(&self) -> &[String] {
        self.program.fields()
    }

    /// The expression's meaning as text, made for hashing: equal texts give equal values on equal events.
    ///
    /// It holds the operations after planning, with all casts, and the types of fields and literals; blanks,
    /// parentheses, the case of key words and other names of one function are gone.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Evaluates it on every row of `batch`.
    ///
    /// # Panics
    /// If the batch lacks a column named as one of [`Expression::fields`], or has one of another type: it
    /// must come from a decoder of the fields that the expression was compiled over.
    pub fn evaluate(&self, batch: &RecordBatch) -> Evaluated {
        self.program.evaluate(batch)
    }
}
