//! Functions of a mathematical library, computed the same way on every machine.
//!
//! The platform's library may choose other instructions on another processor, and other versions of it round
//! differently; a value would then depend on where it was computed. These come from the `libm` crate, a port
//! of musl's library in plain arithmetic.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::{try_binary, unary};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use datafusion_common::{Result, ScalarValue, internal_err};
use datafusion_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

type OfOne = fn(f64) -> f64;
type OfTwo = fn(f64, f64) -> std::result::Result<f64, ArrowError>;

/// Functions of one number, by name.
const OF_ONE: [(&str, OfOne); 19] = [
    ("acos", libm::acos),
    ("acosh", libm::acosh),
    ("asin", libm::asin),
    ("asinh", libm::asinh),
    ("atan", libm::atan),
    ("atanh", libm::atanh),
    ("cbrt", libm::cbrt),
    ("cos", libm::cos),
    ("cosh", libm::cosh),
    ("cot", cot),
    ("exp", libm::exp),
    ("ln", libm::log),
    ("log10", libm::log10),
    ("log2", libm::log2),
    ("sin", libm::sin),
    ("sinh", libm::sinh),
    ("sqrt", libm::sqrt),
    ("tan", libm::tan),
    ("tanh", libm::tanh),
];

fn cot(x: f64) -> f64 {
    1.0 / libm::tan(x)
}

/// `power(base, exponent)`; as in PostgreSQL, zero has no negative powers.
fn power(base: f64, exponent: f64) -> std::result::Result<f64, ArrowError> {
    if base == 0.0 && exponent < 0.0 {
        return Err(ArrowError::ComputeError("zero raised to a negative power is undefined".to_owned()));
    }
    Ok(libm::pow(base, exponent))
}

fn atan2(y: f64, x: f64) -> std::result::Result<f64, ArrowError> {
    Ok(libm::atan2(y, x))
}

/// `log(base, x)`.
fn log(base: f64, x: f64) -> std::result::Result<f64, ArrowError> {
    Ok(libm::log(x) / libm::log(base))
}

/// All of them, as functions of SQL. They take and give float64.
pub(super) fn math_functions() -> Vec<Arc<ScalarUDF>> {
    let of_one = OF_ONE.iter().map(|(name, f)| MathFunction::new(name, &[], Some(*f), None));
    let of_two = [
        MathFunction::new("atan2", &[], None, Some(atan2)),
        MathFunction::new("power", &["pow"], None, Some(power)),
        MathFunction::new("log", &[], Some(libm::log10), Some(log)),
    ];
    of_one.chain(of_two).map(|function| Arc::new(ScalarUDF::new_from_impl(function))).collect()
}

/// A function of one or two numbers.
#[derive(Debug)]
struct MathFunction {
    name: &'static str,
    aliases: Vec<String>,
    signature: Signature,
    of_one: Option<OfOne>,
    of_two: Option<OfTwo>,
}

impl MathFunction {
    fn new(name: &'static str, aliases: &[&str], of_one: Option<OfOne>, of_two: Option<OfTwo>) -> Self {
        let arities = [(1, of_one.is_some()), (2, of_two.is_some())];
        let taken = arities.iter().filter(|(_, taken)| *taken);
        let signatures = taken.map(|(arity, _)| TypeSignature::Exact(vec![DataType::Float64; *arity]));
        Self {
            name,
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            signature: Signature::one_of(signatures.collect(), Volatility::Immutable),
            of_one,
            of_two,
        }
    }
}

impl PartialEq for MathFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for MathFunction {}

impl Hash for MathFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for MathFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if all_scalar { 1 } else { args.number_rows };
        let columns = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let result: Float64Array = match (columns.as_slice(), self.of_one, self.of_two) {
            ([x], Some(f), _) => unary(x.as_primitive::<Float64Type>(), f),
            ([x, y], _, Some(f)) => {
                try_binary(x.as_primitive::<Float64Type>(), y.as_primitive::<Float64Type>(), f)?
            }
            _ => return internal_err!("{} was given {} arguments", self.name, columns.len()),
        };
        if all_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(result) as ArrayRef))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_values_come_out() {
        let f = |name: &str| OF_ONE.iter().find(|(n, _)| *n == name).expect("a function of one number").1;
        assert_eq!(f("exp")(0.0), 1.0);
        assert_eq!(f("ln")(1.0), 0.0);
        assert!(f("ln")(-1.0).is_nan());
        assert_eq!(f("sqrt")(2.25), 1.5);
        assert_eq!(power(2.0, 10.0).expect("defined"), 1024.0);
        assert!(power(0.0, -1.0).is_err());
        assert_eq!(log(2.0, 8.0).expect("defined"), 3.0);
    }
}
