//! The SQL that the oracle's [`Expression`] can say, read from its text.
//!
//! It is a part of what definitions may be written in: fields, literals, `+ - * /`, comparisons, `between`,
//! `in`, `is [not] null`, `and`, `or`, `not`, `case`, `coalesce`, `nullif` and elements of lists, over types
//! that need no conversion but that of an integer literal among floats.

#[cfg(test)]
mod tests;
mod typed;
mod words;

use std::collections::BTreeMap;

use thalweg_core::{FieldType, Value};

use crate::definition::{Comparison, Expression, Operation, list_of};
use crate::harness::Outcome;
use typed::{Typed, alike, combine, compare, negated_if, number, truth};
use words::{Word, words};

/// Words that are no fields.
const KEYWORDS: [&str; 17] = [
    "and", "or", "not", "is", "null", "true", "false", "case", "when", "then", "else", "end", "between",
    "in", "coalesce", "nullif", "cast",
];

/// The expression that `sql` writes over `fields`, and its type; what is in a list stands under [`list_of`]
/// its name.
///
/// # Errors
/// If it is more than [`Expression`] can say.
pub fn expression(sql: &str, fields: &BTreeMap<String, FieldType>) -> Outcome<(Expression, FieldType)> {
    let mut reader = Reader { words: words(sql)?, next: 0, fields };
    let (expression, of_type) = reader.either()?;
    match (reader.words.get(reader.next), of_type) {
        (None, Some(of_type)) => Ok((expression, of_type)),
        (None, None) => Err(format!("the type of `{sql}`")),
        (Some(rest), _) => Err(format!("{rest:?} in `{sql}`")),
    }
}

struct Reader<'a> {
    words: Vec<Word>,
    next: usize,
    fields: &'a BTreeMap<String, FieldType>,
}

impl Reader<'_> {
    fn sign(&mut self, sign: &str) -> bool {
        let met = matches!(self.words.get(self.next), Some(Word::Sign(found)) if *found == sign);
        self.next += usize::from(met);
        met
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let is_it = |word: &Word| matches!(word, Word::Name(name) if name.eq_ignore_ascii_case(keyword));
        let met = self.words.get(self.next).is_some_and(is_it);
        self.next += usize::from(met);
        met
    }

    fn expect(&mut self, met: bool, what: &str) -> Outcome {
        if met { Ok(()) } else { Err(format!("{:?} where `{what}` is expected", self.words.get(self.next))) }
    }

    fn either(&mut self) -> Outcome<Typed> {
        let mut left = self.both()?;
        while self.keyword("or") {
            let right = self.both()?;
            left = (Expression::Or(truth(left)?, truth(right)?), Some(FieldType::Bool));
        }
        Ok(left)
    }

    fn both(&mut self) -> Outcome<Typed> {
        let mut left = self.negation()?;
        while self.keyword("and") {
            let right = self.negation()?;
            left = (Expression::And(truth(left)?, truth(right)?), Some(FieldType::Bool));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Outcome<Typed> {
        if !self.keyword("not") {
            return self.predicate();
        }
        let inner = self.negation()?;
        Ok((Expression::Not(truth(inner)?), Some(FieldType::Bool)))
    }

    fn predicate(&mut self) -> Outcome<Typed> {
        let left = self.sum()?;
        let comparisons = [
            ("=", Comparison::Equal),
            ("<>", Comparison::Different),
            ("!=", Comparison::Different),
            ("<=", Comparison::LessOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        for (sign, comparison) in comparisons {
            if self.sign(sign) {
                return compare(left, comparison, self.sum()?);
            }
        }
        if self.sign(">=") {
            return compare(self.sum()?, Comparison::LessOrEqual, left);
        }
        if self.keyword("is") {
            let negated = self.keyword("not");
            let null = self.keyword("null");
            self.expect(null, "null")?;
            return Ok(negated_if(negated, Expression::IsNull(Box::new(left.0))));
        }
        let negated = self.keyword("not");
        if self.keyword("between") {
            let low = compare(self.sum()?, Comparison::LessOrEqual, left.clone())?;
            let and = self.keyword("and");
            self.expect(and, "and")?;
            let high = compare(left, Comparison::LessOrEqual, self.sum()?)?;
            return Ok(negated_if(negated, Expression::And(truth(low)?, truth(high)?)));
        }
        if self.keyword("in") {
            let listed = self.arguments()?.into_iter();
            let equal = listed.map(|item| compare(left.clone(), Comparison::Equal, item));
            let equal = equal.collect::<Outcome<Vec<_>>>()?.into_iter().map(|(equal, _)| equal);
            let any = equal.reduce(|any, next| Expression::Or(Box::new(any), Box::new(next)));
            return Ok(negated_if(negated, any.ok_or("an empty list")?));
        }
        self.expect(!negated, "between, or in")?;
        Ok(left)
    }

    fn sum(&mut self) -> Outcome<Typed> {
        let mut left = self.product()?;
        loop {
            left = if self.sign("+") {
                combine(left, Operation::Add, self.product()?)?
            } else if self.sign("-") {
                combine(left, Operation::Subtract, self.product()?)?
            } else {
                return Ok(left);
            };
        }
    }

    fn product(&mut self) -> Outcome<Typed> {
        let mut left = self.signed()?;
        loop {
            left = if self.sign("*") {
                combine(left, Operation::Multiply, self.signed()?)?
            } else if self.sign("/") {
                combine(left, Operation::Divide, self.signed()?)?
            } else {
                return Ok(left);
            };
        }
    }

    fn signed(&mut self) -> Outcome<Typed> {
        if !self.sign("-") {
            return self.operand();
        }
        if let Some(Word::Number(digits)) = self.words.get(self.next) {
            let literal = number(&format!("-{digits}"));
            self.next += 1;
            return literal;
        }
        // A product with −1 changes the sign of a zero, too, and overflows where a negation does.
        let minus = |of_type| match of_type {
            Some(FieldType::Int64) => Ok(Expression::integer(-1)),
            Some(FieldType::Float64) => Ok(Expression::Literal(Value::Float64(-1.0))),
            other => Err(format!("minus a value of type {other:?}")),
        };
        let (operand, of_type) = self.signed()?;
        Ok((minus(of_type)?.combine(Operation::Multiply, operand), of_type))
    }

    fn operand(&mut self) -> Outcome<Typed> {
        if self.sign("(") {
            let inner = self.either()?;
            let closed = self.sign(")");
            self.expect(closed, ")")?;
            return Ok(inner);
        }
        if self.keyword("case") {
            return self.case();
        }
        if self.keyword("coalesce") {
            let mut arguments = self.arguments()?.into_iter().rev();
            let last = arguments.next().ok_or("coalesce of nothing")?;
            return arguments.try_fold(last, |rest, first| {
                let (first, rest, of_type) = alike(first, rest)?;
                Ok((Expression::Coalesce(Box::new(first), Box::new(rest)), of_type))
            });
        }
        if self.keyword("nullif") {
            let [value, hidden] = <[Typed; 2]>::try_from(self.arguments()?).map_err(|_| "such a nullif")?;
            let (same, _) = compare(value.clone(), Comparison::Equal, hidden)?;
            let null = Box::new(Expression::Literal(Value::Null));
            return Ok((Expression::Case(Box::new(same), null, Box::new(value.0)), value.1));
        }
        for (keyword, truth) in [("true", true), ("false", false)] {
            if self.keyword(keyword) {
                return Ok((Expression::Literal(Value::Bool(truth)), Some(FieldType::Bool)));
            }
        }
        if self.keyword("null") {
            return Ok((Expression::Literal(Value::Null), None));
        }
        let word = self.words.get(self.next).cloned();
        self.next += 1;
        match word {
            Some(Word::Number(digits)) => number(&digits),
            Some(Word::Text(text)) => {
                Ok((Expression::Literal(Value::String(text.into())), Some(FieldType::String)))
            }
            Some(Word::Field(name)) => self.field(name),
            Some(Word::Name(name)) if !KEYWORDS.contains(&name.to_lowercase().as_str()) => self.field(name),
            other => Err(format!("{other:?}")),
        }
    }

    /// The field whose path begins with `path`.
    fn field(&mut self, mut path: String) -> Outcome<Typed> {
        while self.sign(".") {
            match self.words.get(self.next) {
                Some(Word::Name(name) | Word::Field(name)) => path = format!("{path}.{name}"),
                other => return Err(format!("{other:?} after a dot")),
            }
            self.next += 1;
        }
        if self.sign("[") {
            let item = *self.fields.get(&list_of(&path)).ok_or_else(|| format!("`{path}` as a list"))?;
            let (number, of_type) = self.either()?;
            let closed = self.sign("]");
            self.expect(closed && of_type.is_some_and(FieldType::is_integer), "the number of an element]")?;
            return Ok((Expression::Element(path, Box::new(number)), Some(item)));
        }
        match self.fields.get(&path) {
            Some(of_type) => Ok((Expression::Field(path), Some(*of_type))),
            None => Err(format!("`{path}`")),
        }
    }

    fn arguments(&mut self) -> Outcome<Vec<Typed>> {
        let open = self.sign("(");
        self.expect(open, "(")?;
        let mut arguments = vec![self.either()?];
        while self.sign(",") {
            arguments.push(self.either()?);
        }
        let closed = self.sign(")");
        self.expect(closed, ")")?;
        Ok(arguments)
    }

    fn case(&mut self) -> Outcome<Typed> {
        let base = if self.keyword("when") { None } else { Some(self.either()?) };
        if base.is_some() {
            let when = self.keyword("when");
            self.expect(when, "when")?;
        }
        let mut branches = Vec::new();
        loop {
            let condition = self.either()?;
            let condition = match base.clone() {
                Some(base) => compare(base, Comparison::Equal, condition)?,
                None => condition,
            };
            let then = self.keyword("then");
            self.expect(then, "then")?;
            branches.push((truth(condition)?, self.either()?));
            if !self.keyword("when") {
                break;
            }
        }
        let otherwise =
            if self.keyword("else") { self.either()? } else { (Expression::Literal(Value::Null), None) };
        let end = self.keyword("end");
        self.expect(end, "end")?;
        branches.into_iter().rev().try_fold(otherwise, |otherwise, (condition, then)| {
            let (then, otherwise, of_type) = alike(then, otherwise)?;
            Ok((Expression::Case(condition, Box::new(then), Box::new(otherwise)), of_type))
        })
    }
}
