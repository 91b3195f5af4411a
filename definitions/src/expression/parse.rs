//! From an expression's text to a syntax tree that holds only what an expression may hold.

use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion_sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CeilFloorKind, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, Query, Spanned, Subscript, UnaryOperator, Value, VisitMut, VisitorMut,
};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use datafusion_sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::ExpressionError;
use super::functions;
use super::names::Names;
use crate::mistakes::suggestion;

/// Longest text of an expression, in bytes.
const TEXT_BYTES: usize = 65_536;
/// Most words and signs in an expression.
const TOKENS: usize = 4_096;
/// How deep expressions may stand in each other, where a chain of `and` or of `or` counts as one.
const NESTING: usize = 64;
/// How deep the parser may recurse. It is far beyond [`NESTING`], since where this limit is met the parser
/// may try to read what it has in another way, and say something strange.
const PARSER_RECURSION: usize = 16 * NESTING;

/// Parses `sql`, which must be one expression, and checks it: every name is one of `names` and stands in the
/// tree as one quoted identifier, the whole name of its column; every function is on the list; nothing else
/// but plain operators occurs.
pub(super) fn parse(sql: &str, names: &Names) -> Result<Expr, ExpressionError> {
    let dialect = GenericDialect {};
    let parser = Parser::new(&dialect).with_recursion_limit(PARSER_RECURSION);
    let mut parser = parser.with_tokens_with_locations(tokens(sql)?);
    let mut expr = parser.parse_expr().map_err(syntax_error)?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return Err(ExpressionError::at(
            next.span,
            format!("`{}` stands after the end of the expression: give one expression only", next.token),
        ));
    }
    let mut checker = Checker { names, ancestors: Vec::new(), depth: 0 };
    match VisitMut::visit(&mut expr, &mut checker) {
        ControlFlow::Continue(()) => Ok(expr),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Cuts the text into tokens, within the limits.
fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, ExpressionError> {
    if sql.len() > TEXT_BYTES {
        let message =
            format!("the expression has {} bytes, more than the {TEXT_BYTES} it may have", sql.len());
        return Err(ExpressionError::new(message, None));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize_with_location()
        .map_err(|error| ExpressionError::new(lowercase_first(&error.message), place(error.location)))?;
    let words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).count();
    match words {
        0 => Err(ExpressionError::new("the expression is empty", None)),
        1..=TOKENS => Ok(tokens),
        _ => {
            let message =
                format!("the expression has {words} words and signs, more than the {TOKENS} it may have");
            Err(ExpressionError::new(message, None))
        }
    }
}

/// A parser's error, with the place that it writes into its message taken out.
fn syntax_error(error: ParserError) -> ExpressionError {
    let message = match error {
        ParserError::RecursionLimitExceeded => return too_deep(),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    let Some((text, at)) = message.rsplit_once(" at Line: ") else {
        return ExpressionError::new(lowercase_first(&message), None);
    };
    let numbers = at.split_once(", Column: ");
    let at = numbers.and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
    ExpressionError::new(lowercase_first(text), at)
}

fn too_deep() -> ExpressionError {
    ExpressionError::new(format!("the expression is nested more than {NESTING} deep"), None)
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn place(location: Location) -> Option<(u64, u64)> {
    (location.line > 0).then_some((location.line, location.column))
}

impl ExpressionError {
    /// An error about what stands at `span`.
    fn at(span: Span, message: impl Into<String>) -> Self {
        Self::new(message, place(span.start))
    }
}

/// Walks the syntax tree from the root down.
struct Checker<'a> {
    names: &'a Names,
    /// The expressions the walk is inside of, the innermost last.
    ancestors: Vec<Ancestor>,
    depth: usize,
}

/// What matters of an expression to those inside of it.
struct Ancestor {
    /// `and` or `or`, if it is one.
    chain: Option<BinaryOperator>,
    /// Whether it is a level of nesting.
    counts: bool,
    /// Whether it is a minus sign.
    is_minus: bool,
    /// Whether it takes a list.
    takes_list: bool,
}

impl VisitorMut for Checker<'_> {
    type Break = ExpressionError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        refuse(query.span(), "a subquery is not an expression over one event")
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let chain = match expr {
            Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => Some(op.clone()),
            _ => None,
        };
        let above = self.ancestors.last();
        let negated = above.is_some_and(|above| above.is_minus);
        let counts = chain.is_none() || above.is_none_or(|above| above.chain != chain);
        if counts && let Some(op) = &chain {
            balance(expr, op);
        }
        let is_minus = matches!(expr, Expr::UnaryOp { op: UnaryOperator::Minus, .. });
        self.depth += usize::from(counts);
        let takes_list =
            matches!(expr, Expr::CompoundFieldAccess { .. } | Expr::IsNull(_) | Expr::IsNotNull(_));
        let list_is_taken = self.ancestors.last().is_some_and(|above| above.takes_list);
        self.ancestors.push(Ancestor { chain, counts, is_minus, takes_list });
        if self.depth > NESTING {
            return ControlFlow::Break(too_deep());
        }
        match self.check(expr, negated, list_is_taken) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<Self::Break> {
        if let Some(left) = self.ancestors.pop() {
            self.depth -= usize::from(left.counts);
        }
        ControlFlow::Continue(())
    }
}

fn refuse<T>(span: Span, message: impl Into<String>) -> ControlFlow<ExpressionError, T> {
    ControlFlow::Break(ExpressionError::at(span, message))
}

impl Checker<'_> {
    fn check(&self, expr: &mut Expr, negated: bool, list_is_taken: bool) -> Result<(), ExpressionError> {
        let span = expr.span();
        match expr {
            Expr::Identifier(identifier) => {
                let path = identifier.value.clone();
                *expr = self.named(&path, span, list_is_taken)?;
            }
            Expr::CompoundIdentifier(parts) => {
                let path = parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
                *expr = self.named(&path, span, list_is_taken)?;
            }
            Expr::Value(value) => check_literal(&value.value, negated, span)?,
            Expr::UnaryOp { op: UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not, .. } => {}
            Expr::BinaryOp { op, .. } => check_operator(op, span)?,
            Expr::Function(function) => check_function(function, span)?,
            Expr::Ceil { field, .. } | Expr::Floor { field, .. }
                if !matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime)) =>
            {
                return Err(ExpressionError::at(
                    span,
                    "ceil and floor take one number: use date_trunc or round",
                ));
            }
            Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.as_slice() {
                [AccessExpr::Subscript(Subscript::Index { .. })] => {}
                _ => {
                    let message = "an element of a list is taken by its number: `some_list[1]` is the first";
                    return Err(ExpressionError::at(span, message));
                }
            },
            Expr::Cast { array: true, .. } => return Err(ExpressionError::at(span, "there are no arrays")),
            Expr::Cast { .. }
            | Expr::TypedString(_)
            | Expr::Nested(_)
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InList { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::Case { .. }
            | Expr::Interval(_)
            | Expr::Extract { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. } => {}
            Expr::AtTimeZone { .. } => {
                return Err(ExpressionError::at(span, "`at time zone` is not supported: timestamps are UTC"));
            }
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                return Err(ExpressionError::at(span, "a subquery is not an expression over one event"));
            }
            other => {
                let shown: String = other.to_string().chars().take(80).collect();
                return Err(ExpressionError::at(
                    span,
                    format!("`{shown}` is not supported in an expression"),
                ));
            }
        }
        Ok(())
    }

    /// The column that `path` names, as one quoted identifier. Names are matched as they are declared, case
    /// included.
    fn named(&self, path: &str, span: Span, list_is_taken: bool) -> Result<Expr, ExpressionError> {
        let column = self.names.find(path).map_err(|why| ExpressionError::at(span, why))?;
        match column.data_type() {
            DataType::List(_) if !list_is_taken => {
                let message = format!("`{path}` is a list: take one of its elements, `{path}[1]` the first");
                Err(ExpressionError::at(span, message))
            }
            DataType::Map(..) => Err(ExpressionError::at(
                span,
                format!("`{path}` is a map, of which an expression takes nothing"),
            )),
            _ => Ok(Expr::Identifier(Ident::with_quote_and_span('"', span, column.name()))),
        }
    }
}

/// Makes a chain of one operator, which the parser nests to the left, as flat as can be. The order of its
/// operands stays, and so does its value: `and` and `or` are associative.
fn balance(expr: &mut Expr, op: &BinaryOperator) {
    let mut operands = Vec::new();
    let mut open = vec![std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()))];
    while let Some(next) = open.pop() {
        match next {
            Expr::BinaryOp { left, op: inner, right } if inner == *op => open.extend([*right, *left]),
            operand => operands.push(operand),
        }
    }
    while operands.len() > 1 {
        let mut pairs = operands.into_iter();
        operands = Vec::new();
        while let Some(left) = pairs.next() {
            operands.push(match pairs.next() {
                Some(right) => {
                    Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) }
                }
                None => left,
            });
        }
    }
    if let Some(balanced) = operands.pop() {
        *expr = balanced;
    }
}

fn check_literal(value: &Value, negated: bool, span: Span) -> Result<(), ExpressionError> {
    match value {
        Value::Number(digits, _) => check_number(&digits.replace('_', ""), negated, span),
        Value::SingleQuotedString(_)
        | Value::EscapedStringLiteral(_)
        | Value::HexStringLiteral(_)
        | Value::Boolean(_)
        | Value::Null => Ok(()),
        Value::Placeholder(name) => Err(ExpressionError::at(span, format!("nothing stands for `{name}`"))),
        other => Err(ExpressionError::at(span, format!("a literal such as `{other}` is not supported"))),
    }
}

/// Integers are int64 and floats float64: a number that is neither is refused, not rounded or cut.
fn check_number(digits: &str, negated: bool, span: Span) -> Result<(), ExpressionError> {
    let sign = if negated { "-" } else { "" };
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let message =
            || format!("`{sign}{digits}` is beyond int64: write `{sign}{digits}.0` if a float is meant");
        return match format!("{sign}{digits}").parse::<i64>() {
            Ok(_) => Ok(()),
            Err(_) => Err(ExpressionError::at(span, message())),
        };
    }
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(()),
        Ok(_) => Err(ExpressionError::at(span, format!("`{sign}{digits}` is beyond float64"))),
        Err(_) => Err(ExpressionError::at(span, format!("`{digits}` is not a number"))),
    }
}

fn check_operator(op: &BinaryOperator, span: Span) -> Result<(), ExpressionError> {
    match op {
        BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo
        | BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::Lt
        | BinaryOperator::LtEq
        | BinaryOperator::Gt
        | BinaryOperator::GtEq
        | BinaryOperator::And
        | BinaryOperator::Or
        | BinaryOperator::StringConcat
        | BinaryOperator::BitwiseAnd
        | BinaryOperator::BitwiseOr
        | BinaryOperator::BitwiseXor => Ok(()),
        other => Err(ExpressionError::at(span, format!("the operator `{other}` is not supported"))),
    }
}

fn check_function(function: &Function, span: Span) -> Result<(), ExpressionError> {
    let name = function.name.to_string().to_lowercase();
    if !functions::is_known(&name) {
        let help = match functions::why_not(&name) {
            Some(reason) => format!(": {reason}"),
            None => suggestion(&name, functions::names()).map(|help| format!(": {help}")).unwrap_or_default(),
        };
        return Err(ExpressionError::at(span, format!("there is no function `{name}`{help}")));
    }
    let plain = function.over.is_none()
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && matches!(function.parameters, FunctionArguments::None)
        && match &function.args {
            FunctionArguments::List(list) => {
                list.duplicate_treatment.is_none()
                    && list.clauses.is_empty()
                    && list
                        .args
                        .iter()
                        .all(|arg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(_))))
            }
            FunctionArguments::None | FunctionArguments::Subquery(_) => false,
        };
    if plain {
        Ok(())
    } else {
        let message = format!("`{name}` takes plain arguments in parentheses and nothing else");
        Err(ExpressionError::at(span, message))
    }
}
