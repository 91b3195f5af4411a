//! Expressions over the fields of an event, and how SQL writes them.

use std::fmt;

use thalweg_core::Value;

/// An expression of the SQL that definitions are written in. [`fmt::Display`] writes it as SQL.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A field's value.
    Field(String),
    /// An int64, a float64, a string or a boolean.
    Literal(Value),
    /// Arithmetic on two int64, or on two floats.
    Arithmetic(Operation, Box<Expression>, Box<Expression>),
    /// A comparison of two values of one type, or of a float with an integer.
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// Both.
    And(Box<Expression>, Box<Expression>),
    /// Either.
    Or(Box<Expression>, Box<Expression>),
    /// Not.
    Not(Box<Expression>),
    /// Whether there is no value.
    IsNull(Box<Expression>),
    /// `case when 0 then 1 else 2 end`.
    Case(Box<Expression>, Box<Expression>, Box<Expression>),
    /// The first that is not null.
    Coalesce(Box<Expression>, Box<Expression>),
    /// The element of a list that is called this, by its number from 1 on.
    Element(String, Box<Expression>),
}

/// What arithmetic does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The sum.
    Add,
    /// The difference.
    Subtract,
    /// The product.
    Multiply,
    /// The quotient; of integers, towards zero.
    Divide,
}

/// What a comparison asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Same.
    Equal,
    /// Not the same.
    Different,
    /// Less.
    Less,
    /// Less or same.
    LessOrEqual,
    /// Greater.
    Greater,
}

impl Expression {
    /// The field called `name`.
    pub fn field(name: &str) -> Self {
        Self::Field(name.to_owned())
    }

    /// The integer `n`.
    pub fn integer(n: i64) -> Self {
        Self::Literal(Value::Int64(n))
    }

    /// `self comparison other`.
    #[must_use]
    pub fn compare(self, comparison: Comparison, other: Self) -> Self {
        Self::Compare(comparison, Box::new(self), Box::new(other))
    }

    /// `self operation other`.
    #[must_use]
    pub fn combine(self, operation: Operation, other: Self) -> Self {
        Self::Arithmetic(operation, Box::new(self), Box::new(other))
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Literal(Value::Bool(truth)) => write!(f, "{truth}"),
            Self::Literal(Value::Int64(n)) => write!(f, "{n}"),
            Self::Literal(Value::Float64(x)) => write!(f, "{x:?}"),
            Self::Literal(Value::String(text)) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Literal(Value::Null) => f.write_str("null"),
            Self::Literal(other) => panic!("{other:?} has no literal"),
            Self::Arithmetic(operation, a, b) => {
                let sign = match operation {
                    Operation::Add => "+",
                    Operation::Subtract => "-",
                    Operation::Multiply => "*",
                    Operation::Divide => "/",
                };
                write!(f, "({a} {sign} {b})")
            }
            Self::Compare(comparison, a, b) => {
                let sign = match comparison {
                    Comparison::Equal => "=",
                    Comparison::Different => "<>",
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Greater => ">",
                };
                write!(f, "({a} {sign} {b})")
            }
            Self::And(a, b) => write!(f, "({a} and {b})"),
            Self::Or(a, b) => write!(f, "({a} or {b})"),
            Self::Not(a) => write!(f, "(not {a})"),
            Self::IsNull(a) => write!(f, "({a} is null)"),
            Self::Case(condition, then, otherwise) => {
                write!(f, "(case when {condition} then {then} else {otherwise} end)")
            }
            Self::Coalesce(a, b) => write!(f, "coalesce({a}, {b})"),
            Self::Element(list, number) => write!(f, "{list}[{number}]"),
        }
    }
}
