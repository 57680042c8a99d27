//! How ids, names and states stand in a database: as text, which they are read from and written as anyway. For SeaORM's rows.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, StringLen, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value};

use crate::{
    Actor, ApiKeyId, Choices, CopyState, Desired, DesktopId, DesktopName, FailReason, HoldId, JobKind,
    LayerId, RequestId, SavedTemplateState, ScreenSize, SessionId, SetupState, ShareId, Size, SnapshotId,
    SnapshotKind, SnapshotState, SshKeyId, Subject, TemplateVersion, UserId, WorkspaceId,
};

macro_rules! text_columns {
    ($($name:ident),* $(,)?) => {$(
        impl From<$name> for Value {
            fn from(value: $name) -> Self {
                value.to_string().into()
            }
        }

        impl TryGetable for $name {
            fn try_get_by<I: ColIdx>(row: &QueryResult, at: I) -> Result<Self, TryGetError> {
                let text = String::try_get_by(row, at)?;
                text.parse().map_err(|_| {
                    TryGetError::DbErr(DbErr::Type(format!("{text:?} is no {}", stringify!($name))))
                })
            }
        }

        impl ValueType for $name {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                <String as ValueType>::try_from(value)?.parse().map_err(|_| ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn array_type() -> ArrayType {
                ArrayType::String
            }

            fn column_type() -> ColumnType {
                ColumnType::String(StringLen::None)
            }
        }

        impl Nullable for $name {
            fn null() -> Value {
                Value::String(None)
            }
        }

        impl sea_orm::sea_query::postgres_array::NotU8 for $name {}

        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )*};
}

text_columns!(
    Actor,
    ApiKeyId,
    Choices,
    CopyState,
    Desired,
    DesktopId,
    DesktopName,
    FailReason,
    HoldId,
    JobKind,
    LayerId,
    RequestId,
    SavedTemplateState,
    ScreenSize,
    SessionId,
    SetupState,
    ShareId,
    Size,
    SnapshotId,
    SnapshotKind,
    SnapshotState,
    SshKeyId,
    Subject,
    TemplateVersion,
    UserId,
    WorkspaceId,
);
