//! Why an expression was refused.

use std::fmt;

/// Why an expression was refused, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// What is wrong and what to do about it, one sentence or two, without the place.
    pub message: String,
    /// Line and column within the expression's text, both from 1, columns in characters; where it is known.
    pub place: Option<(u64, u64)>,
}

impl ExpressionError {
    pub(crate) fn new(message: impl Into<String>, place: Option<(u64, u64)>) -> Self {
        Self { message: message.into(), place }
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.place {
            Some((line, column)) => write!(f, " (line {line}, column {column} of the expression)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ExpressionError {}
