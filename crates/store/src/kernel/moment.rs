//! Times and amounts as columns keep them: 64-bit integers.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use jiff::Timestamp;
use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, DeriveValueType, QueryResult, TryFromU64, TryGetError, TryGetable, Value};

/// A time, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

/// A number that counts something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u32);

/// Bytes, GiB, milliseconds and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub u64);

/// Words, in a column with a space between each two.
#[derive(Clone, Debug, PartialEq, Eq, DeriveValueType)]
#[sea_orm(value_type = "String")]
pub struct Words(pub Vec<String>);

macro_rules! number_columns {
    ($($name:ident),*) => {$(
        impl From<$name> for Value {
            fn from(value: $name) -> Self {
                value.number().into()
            }
        }

        impl TryGetable for $name {
            fn try_get_by<I: ColIdx>(row: &QueryResult, at: I) -> Result<Self, TryGetError> {
                let number = i64::try_get_by(row, at)?;
                Self::from_number(number)
                    .ok_or_else(|| TryGetError::DbErr(DbErr::Type(format!("{number} is no {}", stringify!($name)))))
            }
        }

        impl ValueType for $name {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                Self::from_number(<i64 as ValueType>::try_from(value)?).ok_or(ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn array_type() -> ArrayType {
                ArrayType::BigInt
            }

            fn column_type() -> ColumnType {
                ColumnType::BigInteger
            }
        }

        impl Nullable for $name {
            fn null() -> Value {
                Value::BigInt(None)
            }
        }

        impl sea_orm::sea_query::postgres_array::NotU8 for $name {}

        impl TryFromU64 for $name {
            fn try_from_u64(number: u64) -> Result<Self, DbErr> {
                let number: Option<i64> = number.try_into().ok();
                let number = number.and_then(Self::from_number);
                number.ok_or(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )*};
}

number_columns!(Moment, Count, Amount);

impl Moment {
    fn number(self) -> i64 {
        self.0.as_millisecond()
    }

    fn from_number(number: i64) -> Option<Self> {
        Timestamp::from_millisecond(number).ok().map(Self)
    }
}

impl Count {
    fn number(self) -> i64 {
        self.0.into()
    }

    fn from_number(number: i64) -> Option<Self> {
        let number: Option<u32> = number.try_into().ok();
        number.map(Self)
    }
}

impl Amount {
    /// One that is too large for a column is the largest there.
    fn number(self) -> i64 {
        self.0.try_into().unwrap_or(i64::MAX)
    }

    fn from_number(number: i64) -> Option<Self> {
        let number: Option<u64> = number.try_into().ok();
        number.map(Self)
    }
}

impl Deref for Amount {
    type Target = u64;

    fn deref(&self) -> &u64 {
        &self.0
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl FromStr for Words {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.split_whitespace().map(str::to_owned).collect()))
    }
}

impl From<u64> for Amount {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

impl Deref for Count {
    type Target = u32;

    fn deref(&self) -> &u32 {
        &self.0
    }
}

impl Deref for Words {
    type Target = Vec<String>;

    fn deref(&self) -> &Vec<String> {
        &self.0
    }
}

impl Deref for Moment {
    type Target = Timestamp;

    fn deref(&self) -> &Timestamp {
        &self.0
    }
}
