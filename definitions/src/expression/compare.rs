//! `between`, `nullif` and `coalesce` as functions that look at each argument once.
//!
//! The planner's own forms of them repeat an argument, as in `case when a is not null then a else b end`.
//! Nested some dozens deep in each other such forms have more parts than there is memory.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, BooleanArray, Datum};
use arrow::compute::kernels::cmp::{eq, gt_eq, lt_eq};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{and_kleene, is_not_null, not, nullif};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use datafusion_common::{Result, ScalarValue, internal_err, plan_err};
use datafusion_expr::type_coercion::binary::{comparison_coercion, type_union_resolution};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion_physical_expr::PhysicalExpr;

use super::floats::comparable;
use super::logic::cannot_fail;

/// Which of the functions one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Between,
    NullIf,
    Coalesce,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Compare {
    kind: Kind,
    aliases: Vec<String>,
    signature: Signature,
}

static BETWEEN: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Compare::function(Kind::Between, &[]));
static NULLIF: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Compare::function(Kind::NullIf, &[]));
static COALESCE: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Compare::function(Kind::Coalesce, &["nvl", "ifnull"]));

/// `between(x, low, high)`: whether x is neither below `low` nor above `high`.
pub(super) fn between() -> Arc<ScalarUDF> {
    Arc::clone(&BETWEEN)
}

/// `nullif(x, y)`: null where x = y, else x.
pub(super) fn null_if() -> Arc<ScalarUDF> {
    Arc::clone(&NULLIF)
}

/// `coalesce(x, …)`: the first value that is not null. It only stands for [`FirstOf`], which evaluates an
/// argument on the rows for which it is needed.
pub(super) fn coalesce() -> Arc<ScalarUDF> {
    Arc::clone(&COALESCE)
}

impl Compare {
    fn function(kind: Kind, aliases: &[&str]) -> Arc<ScalarUDF> {
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Self { kind, aliases, signature }))
    }
}

impl ScalarUDFImpl for Compare {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Between => "between",
            Kind::NullIf => "nullif",
            Kind::Coalesce => "coalesce",
        }
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let common = match (self.kind, arg_types) {
            (Kind::Between, [x, low, high]) => {
                comparison_coercion(x, low).and_then(|t| comparison_coercion(&t, high))
            }
            (Kind::NullIf, [x, y]) => comparison_coercion(x, y),
            (Kind::Coalesce, [_, ..]) => type_union_resolution(arg_types),
            (Kind::Coalesce, []) => return plan_err!("coalesce takes at least 1 argument"),
            (Kind::NullIf, _) => return plan_err!("nullif takes 2 arguments, not {}", arg_types.len()),
            (Kind::Between, _) => return plan_err!("between takes 3 arguments, not {}", arg_types.len()),
        };
        match common {
            Some(common) => Ok(vec![common; arg_types.len()]),
            None => plan_err!("{} was given values of types that do not go together: cast them", self.name()),
        }
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match (self.kind, arg_types.iter().find(|data_type| !data_type.is_null()).or(arg_types.first())) {
            (Kind::Between, _) => Ok(DataType::Boolean),
            (_, Some(data_type)) => Ok(data_type.clone()),
            (_, None) => plan_err!("{} takes arguments", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let result: ArrayRef = match (self.kind, args.args.as_slice()) {
            (Kind::Between, [x, low, high]) => {
                let (x, low, high) = (operand(x)?, operand(low)?, operand(high)?);
                let above = gt_eq(x.as_ref(), low.as_ref())?;
                let below = lt_eq(x.as_ref(), high.as_ref())?;
                Arc::new(and_kleene(&above, &below)?)
            }
            (Kind::NullIf, [x, y]) => {
                let rows = if all_scalar { 1 } else { args.number_rows };
                let equal: BooleanArray = eq(&comparable(x.to_array(rows)?), operand(y)?.as_ref())?;
                nullif(&x.to_array(rows)?, &equal)?
            }
            (_, args) => {
                return internal_err!("{} cannot be called with {} arguments", self.name(), args.len());
            }
        };
        if all_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// A value as comparisons see it.
fn operand(value: &ColumnarValue) -> Result<Box<dyn Datum>> {
    Ok(match value {
        ColumnarValue::Array(column) => Box::new(comparable(Arc::clone(column))),
        ColumnarValue::Scalar(scalar) => Box::new(arrow::array::Scalar::new(comparable(scalar.to_array()?))),
    })
}

/// What `coalesce` becomes: an operand is evaluated on the rows for which all before it are null.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FirstOf {
    operands: Vec<Arc<dyn PhysicalExpr>>,
    data_type: DataType,
}

impl FirstOf {
    /// The first value among `operands`, all of type `data_type`, that is not null.
    pub(super) fn new(operands: Vec<Arc<dyn PhysicalExpr>>, data_type: DataType) -> Self {
        Self { operands, data_type }
    }
}

impl fmt::Display for FirstOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operands: Vec<_> = self.operands.iter().map(ToString::to_string).collect();
        write!(f, "coalesce({})", operands.join(", "))
    }
}

impl PhysicalExpr for FirstOf {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn return_field(&self, _: &Schema) -> Result<FieldRef> {
        Ok(Arc::new(Field::new("coalesce", self.data_type.clone(), true)))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let mut values: Option<ArrayRef> = None;
        for operand in &self.operands {
            let Some(so_far) = values.take() else {
                values = Some(operand.evaluate(batch)?.into_array(rows)?);
                continue;
            };
            if so_far.null_count() == 0 {
                values = Some(so_far);
                break;
            }
            let settled = is_not_null(&so_far)?;
            let next = if cannot_fail(operand) {
                operand.evaluate(batch)?
            } else {
                operand.evaluate_selection(batch, &not(&settled)?)?
            };
            values = Some(zip(&settled, &so_far, &next.into_array(rows)?)?);
        }
        match values {
            Some(values) => Ok(ColumnarValue::Array(values)),
            None => internal_err!("coalesce has no operands"),
        }
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.operands.iter().collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self { operands: children, data_type: self.data_type.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
