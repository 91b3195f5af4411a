//! What stands behind a value.

/// Why a feature has the value it has, the same on every surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    /// There is a value.
    Present = 0,
    /// There are events within the view's ttl, and the fold over them gives null; or a feature is computed on
    /// demand, and the expression gives null.
    NullValue = 1,
    /// No event of the key was visible at the instant asked for, at any age but those that the view forgets.
    NotFound = 2,
    /// The key has visible events, all of them older than the view's ttl.
    OutsideMaxAge = 3,
}

impl Status {
    /// The status's name on the wire and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Present => "PRESENT",
            Self::NullValue => "NULL_VALUE",
            Self::NotFound => "NOT_FOUND",
            Self::OutsideMaxAge => "OUTSIDE_MAX_AGE",
        }
    }

    /// The status of a value computed on demand: it is there, or null.
    pub const fn of_computed(is_null: bool) -> Self {
        if is_null { Self::NullValue } else { Self::Present }
    }

    /// The status of a value of a view, given whether the value is null and what of the key is visible.
    pub const fn of(any_event: bool, any_within_ttl: bool, is_null: bool) -> Self {
        match (any_event, any_within_ttl, is_null) {
            (false, _, _) => Self::NotFound,
            (true, false, _) => Self::OutsideMaxAge,
            (true, true, true) => Self::NullValue,
            (true, true, false) => Self::Present,
        }
    }
}
