//! The functions an expression may call.
//!
//! Only functions whose value is decided by their arguments are here, on every machine and in every batch.
//! Those of the platform's mathematical library are computed by our own code (see [`super::math`]), since
//! libraries differ in the last bit. Functions that could make a small event into a huge value are here with
//! their size as a literal, so that it can be checked once.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use datafusion_expr::ScalarUDF;
use datafusion_functions::{core, datetime, math, string, unicode};

use super::compare::{coalesce, null_if};
use super::date_trunc::date_trunc;
use super::math::math_functions;

/// Functions that DataFusion knows and expressions do without, and what to do instead.
const REFUSED: [(&[&str], &str); 8] = [
    (
        &["now", "current_timestamp", "current_date", "current_time", "today", "random", "uuid", "rand"],
        "an expression gives the same value whenever it is evaluated",
    ),
    (
        &["count", "sum", "avg", "mean", "min", "max", "stddev", "variance", "var", "median", "array_agg"],
        "an expression is evaluated on one event; aggregate with `aggregate:` (and see greatest, least)",
    ),
    (&["first_value", "last_value", "lag", "lead", "row_number", "rank"], "there are no window functions"),
    (&["if", "iif", "decode"], "use case when … then … else … end"),
    (&["len"], "use length"),
    (&["repeat"], "it could make a text of any size"),
    (&["to_char", "date_format"], "take the parts with date_part"),
    (
        &["regexp_like", "regexp_match", "regexp_replace", "regexp_count"],
        "use like, strpos, split_part or translate",
    ),
];

/// Every function by each of its names, in lower case.
static FUNCTIONS: LazyLock<BTreeMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
    let listed = [
        coalesce(),
        core::greatest(),
        core::least(),
        core::nvl2(),
        null_if(),
        math::abs(),
        math::ceil(),
        math::degrees(),
        math::factorial(),
        math::floor(),
        math::gcd(),
        math::isnan(),
        math::iszero(),
        math::lcm(),
        math::nanvl(),
        math::pi(),
        math::radians(),
        math::round(),
        math::signum(),
        math::trunc(),
        string::ascii(),
        string::bit_length(),
        string::btrim(),
        string::chr(),
        string::concat(),
        string::concat_ws(),
        string::contains(),
        string::ends_with(),
        string::levenshtein(),
        string::lower(),
        string::ltrim(),
        string::octet_length(),
        string::replace(),
        string::rtrim(),
        string::split_part(),
        string::starts_with(),
        string::to_hex(),
        string::upper(),
        unicode::character_length(),
        unicode::find_in_set(),
        unicode::initcap(),
        unicode::left(),
        unicode::lpad(),
        unicode::reverse(),
        unicode::right(),
        unicode::rpad(),
        unicode::strpos(),
        unicode::substr(),
        unicode::substr_index(),
        unicode::translate(),
        datetime::date_bin(),
        datetime::date_part(),
        date_trunc(),
        datetime::from_unixtime(),
        datetime::make_date(),
        datetime::to_date(),
        datetime::to_timestamp(&Default::default()),
        datetime::to_timestamp_micros(&Default::default()),
        datetime::to_timestamp_millis(&Default::default()),
        datetime::to_timestamp_seconds(&Default::default()),
        datetime::to_unixtime(),
    ];
    let mut functions = BTreeMap::new();
    for function in listed.into_iter().chain(math_functions()) {
        for alias in function.aliases() {
            functions.insert(alias.to_lowercase(), Arc::clone(&function));
        }
        functions.insert(function.name().to_lowercase(), function);
    }
    functions
});

/// The function called `name`, in lower case.
pub(super) fn function(name: &str) -> Option<Arc<ScalarUDF>> {
    FUNCTIONS.get(name).cloned()
}

/// Whether there is a function called `name`, in lower case.
pub(super) fn is_known(name: &str) -> bool {
    FUNCTIONS.contains_key(name)
}

/// Names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    FUNCTIONS.keys().map(String::as_str)
}

/// Why a function that others have is not here, if there is something to say.
pub(super) fn why_not(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(names, _)| names.contains(&name)).map(|(_, reason)| *reason)
}

/// For a function that makes text as long as an argument says: the position of that argument.
pub(super) fn size_argument(name: &str) -> Option<usize> {
    matches!(name, "lpad" | "rpad").then_some(1)
}
