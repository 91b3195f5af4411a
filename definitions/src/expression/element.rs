//! `x[n]`: an element of a list, the first by 1; null where the list or the number is null, or there is none.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int64Type};
use datafusion_common::{DFSchema, Result, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion_expr::{
    ColumnarValue, Expr, GetFieldAccess, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// What has the planner understand `x[n]`.
#[derive(Debug)]
pub(super) struct ElementPlanner;

impl ExprPlanner for ElementPlanner {
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        _: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        match access.field_access {
            GetFieldAccess::ListIndex { key } => {
                let call = ScalarFunction::new_udf(Arc::clone(&ELEMENT), vec![access.expr, *key]);
                Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
            }
            _ => plan_err!("only a list has elements, and they are taken by number"),
        }
    }
}

static ELEMENT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Element { signature }))
});

/// The function that `x[n]` is planned as. It cannot be called by its name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Element {
    signature: Signature,
}

impl ScalarUDFImpl for Element {
    fn name(&self) -> &str {
        "element"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types {
            [list @ DataType::List(_), number] if number.is_integer() => {
                Ok(vec![list.clone(), DataType::Int64])
            }
            [DataType::List(_), other] => {
                plan_err!("the number of an element must be an integer, and is {other}")
            }
            _ => plan_err!("only a list has elements to be taken by number"),
        }
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            [DataType::List(item), _] => Ok(item.data_type().clone()),
            _ => plan_err!("only a list has elements to be taken by number"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let [lists, numbers] = columns.as_slice() else {
            return plan_err!("an element is taken of a list, by its number");
        };
        Ok(ColumnarValue::Array(elements(lists, numbers)?))
    }
}

/// Of each list the element of the number beside it.
fn elements(lists: &ArrayRef, numbers: &ArrayRef) -> Result<ArrayRef> {
    let (lists, numbers) = (lists.as_list::<i32>(), numbers.as_primitive::<Int64Type>());
    let offsets = lists.value_offsets();
    let place = |row: usize| {
        if lists.is_null(row) || numbers.is_null(row) {
            return None;
        }
        let (start, end) = (i64::from(offsets[row]), i64::from(offsets[row + 1]));
        let place = numbers.value(row).checked_sub(1)?.checked_add(start)?;
        u32::try_from(place).ok().filter(|place| (start..end).contains(&i64::from(*place)))
    };
    let places: UInt32Array = (0..lists.len()).map(place).collect();
    Ok(take(lists.values(), &places, None)?)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, ListArray};

    use super::*;

    #[test]
    fn elements_are_numbered_from_one_and_there_are_no_others() {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(10), None, Some(30)]),
            None,
            Some(vec![]),
            Some(vec![Some(40)]),
        ]);
        for (number, expected) in [
            (Some(1), [Some(10), None, None, Some(40)]),
            (Some(2), [None; 4]),
            (Some(3), [Some(30), None, None, None]),
            (Some(0), [None; 4]),
            (Some(-1), [None; 4]),
            (Some(i64::MIN), [None; 4]),
            (Some(i64::MAX), [None; 4]),
            (None, [None; 4]),
        ] {
            let numbers: ArrayRef = Arc::new(Int64Array::from(vec![number; 4]));
            // A slice has offsets that do not begin at 0.
            for from in 0..4 {
                let lists: ArrayRef = Arc::new(lists.slice(from, 4 - from));
                let found = elements(&lists, &numbers.slice(from, 4 - from)).expect("a list of integers");
                assert_eq!(found.as_ref(), &Int64Array::from(expected[from..].to_vec()) as &dyn Array);
            }
        }
    }
}
