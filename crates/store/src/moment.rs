//! Times as the database keeps them: milliseconds since 1970 in a 64-bit integer.

use jiff::Timestamp;

use crate::error::{StoreError, unreadable};

pub(crate) fn to_ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(crate) fn from_ms(ms: i64, table: &'static str) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(unreadable(table))
}

pub(crate) fn some_from_ms(ms: Option<i64>, table: &'static str) -> Result<Option<Timestamp>, StoreError> {
    ms.map(|ms| from_ms(ms, table)).transpose()
}
