//! Types: those a cast may name, and how what an expression gives becomes a field's type.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::{CastOptions, cast_with_options, try_unary, unary};
use arrow::datatypes::{
    ArrowTimestampType, DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;
use datafusion_common::{Result, ScalarValue, internal_err, plan_err};
use datafusion_expr::planner::TypePlanner;
use datafusion_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion_sql::sqlparser::ast::{DataType as SqlType, TimezoneInfo};
use thalweg_core::FieldType;

/// The types that `cast`, `::` and typed literals may name.
#[derive(Debug)]
pub(super) struct CastTypes;

impl TypePlanner for CastTypes {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let field_type = match sql_type {
            SqlType::Bool | SqlType::Boolean => FieldType::Bool,
            SqlType::Int(None) | SqlType::Integer(None) | SqlType::Int4(None) | SqlType::Int32 => {
                FieldType::Int32
            }
            SqlType::BigInt(None) | SqlType::Int64 => FieldType::Int64,
            SqlType::Real | SqlType::Float4 | SqlType::Float32 => FieldType::Float32,
            SqlType::Double(_) | SqlType::DoublePrecision | SqlType::Float8 | SqlType::Float64 => {
                FieldType::Float64
            }
            SqlType::Text | SqlType::String(None) | SqlType::Varchar(None) => FieldType::String,
            SqlType::Bytea | SqlType::Binary(None) | SqlType::Varbinary(None) | SqlType::Blob(None) => {
                FieldType::Binary
            }
            SqlType::Date => FieldType::Date,
            SqlType::Timestamp(
                None | Some(6),
                TimezoneInfo::None | TimezoneInfo::Tz | TimezoneInfo::WithTimeZone,
            ) => FieldType::Timestamp,
            other => {
                return plan_err!(
                    "the type `{other}` cannot be cast to: use bool, int32 (int), int64 (bigint), float32 (real), \
                     float64 (double), string (varchar), binary (bytea), date or timestamp"
                );
            }
        };
        Ok(Some(Arc::new(Field::new("", field_type.to_arrow(), true))))
    }
}

/// The field type that an expression of Arrow type `data_type` gives, or why there is none.
pub(super) fn result_type(data_type: &DataType) -> std::result::Result<FieldType, String> {
    let help = match data_type {
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => return Ok(FieldType::Int32),
        DataType::UInt32 | DataType::UInt64 => return Ok(FieldType::Int64),
        DataType::Utf8View | DataType::LargeUtf8 => return Ok(FieldType::String),
        DataType::BinaryView | DataType::LargeBinary => return Ok(FieldType::Binary),
        DataType::Float16 => return Ok(FieldType::Float32),
        DataType::Timestamp(..) => return Ok(FieldType::Timestamp),
        DataType::Date64 => return Ok(FieldType::Date),
        DataType::Null => "the expression is always null: give it a type with cast(null as …)",
        DataType::Duration(_) | DataType::Interval(_) => {
            "the expression gives a span of time, which is no field type: for the microseconds between two \
             timestamps cast each of them to bigint and subtract"
        }
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => {
            "the expression gives a decimal, which is no field type: cast it to double or bigint"
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            "the expression gives a time of day, which is no field type: use date_part"
        }
        other => {
            return FieldType::from_arrow(other)
                .ok_or_else(|| format!("the expression gives `{other}`, which is no field type"));
        }
    };
    Err(help.to_owned())
}

/// The name of a type, as a definition has it where it can.
pub(super) fn name_of(data_type: &DataType) -> String {
    FieldType::from_arrow(data_type)
        .map_or_else(|| data_type.to_string(), |field_type| field_type.to_string())
}

/// A column of exactly `field_type`'s Arrow type; fails where a value has no place in it.
pub(super) fn to_field_type(
    column: &ArrayRef,
    field_type: FieldType,
) -> std::result::Result<ArrayRef, ArrowError> {
    let wanted = field_type.to_arrow();
    if *column.data_type() == wanted {
        return Ok(Arc::clone(column));
    }
    if field_type == FieldType::Timestamp {
        return to_micros(column);
    }
    cast_with_options(column, &wanted, &CastOptions { safe: false, ..Default::default() })
}

/// A column of instants in microseconds, UTC. Finer ones are floored.
fn to_micros(column: &ArrayRef) -> std::result::Result<ArrayRef, ArrowError> {
    let micros: PrimitiveArray<TimestampMicrosecondType> = match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => widened::<TimestampSecondType>(column, 1_000_000)?,
        DataType::Timestamp(TimeUnit::Millisecond, _) => widened::<TimestampMillisecondType>(column, 1_000)?,
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            column.as_primitive::<TimestampMicrosecondType>().clone()
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            unary(column.as_primitive::<TimestampNanosecondType>(), |nanos| nanos.div_euclid(1_000))
        }
        other => return Err(ArrowError::CastError(format!("{other} is no instant"))),
    };
    Ok(Arc::new(micros.with_timezone("UTC")))
}

fn widened<T: ArrowTimestampType>(
    column: &ArrayRef,
    micros: i64,
) -> std::result::Result<PrimitiveArray<TimestampMicrosecondType>, ArrowError> {
    try_unary(column.as_primitive::<T>(), |instant: i64| {
        instant
            .checked_mul(micros)
            .ok_or_else(|| ArrowError::ComputeError(format!("{instant} is beyond the instants there are")))
    })
}

/// A function of SQL that gives any instant in microseconds, UTC.
///
/// It is put around functions that give instants otherwise, so that all instants in an expression are alike:
/// comparing with nanoseconds would fail for years after 2262.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Micros {
    signature: Signature,
}

static MICROS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::new(TypeSignature::Any(1), Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Micros { signature }))
});

/// The function that gives instants in microseconds.
pub(super) fn micros() -> Arc<ScalarUDF> {
    Arc::clone(&MICROS)
}

impl ScalarUDFImpl for Micros {
    fn name(&self) -> &str {
        "micros"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(FieldType::Timestamp.to_arrow())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Array(column)] => Ok(ColumnarValue::Array(to_micros(column)?)),
            [ColumnarValue::Scalar(scalar)] => {
                let micros = to_micros(&scalar.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&micros, 0)?))
            }
            other => internal_err!("micros was given {} arguments", other.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, TimestampNanosecondArray, TimestampSecondArray, UInt64Array};

    use super::*;

    #[test]
    fn finer_instants_are_floored_and_far_ones_fail() {
        let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![Some(-1), None, Some(1_999)]));
        let micros = to_field_type(&nanos, FieldType::Timestamp).expect("in range");
        assert_eq!(micros.data_type(), &FieldType::Timestamp.to_arrow());
        let values = micros.as_primitive::<TimestampMicrosecondType>();
        assert_eq!(values.iter().collect::<Vec<_>>(), [Some(-1), None, Some(1)]);
        let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
        assert!(to_field_type(&seconds, FieldType::Timestamp).is_err());
    }

    #[test]
    fn an_unsigned_integer_beyond_int64_fails() {
        let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![5]));
        let column = to_field_type(&unsigned, FieldType::Int64).expect("in range");
        assert_eq!(column.as_ref(), &Int64Array::from(vec![5]) as &dyn Array);
        let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
        assert!(to_field_type(&unsigned, FieldType::Int64).is_err());
    }
}
