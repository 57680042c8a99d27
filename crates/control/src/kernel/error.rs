//! What operations refuse with, and what the caller is told: an error's code and sentence are declared beside it, once.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use rolltop_api_types::operation::PathPart as _;
use rolltop_api_types::{BadQuery, ChoiceError, Code, Scope};
use rolltop_engine::{EngineError, Lacks};
use rolltop_model::{DesktopId, NameError, Refusal, SetupError, UnknownSize};

/// An error that the caller is told.
pub trait Explain: Error {
    fn explain(&self) -> Explanation;
}

/// What the caller is told of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub code: Code,
    /// What happened and what helps, in one sentence.
    pub detail: String,
    /// The field of the request that is at fault.
    pub field: Option<Cow<'static, str>>,
    /// Seconds after which trying again may help.
    pub retry_after: Option<u64>,
}

impl Explanation {
    pub(crate) fn new(code: Code, detail: impl ToString) -> Self {
        Self { code, detail: detail.to_string(), field: None, retry_after: None }
    }

    pub(crate) fn in_field(mut self, field: &'static str) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Its field is a part of this one.
    pub(crate) fn inside(mut self, outer: &str) -> Self {
        self.field = self.field.map(|field| format!("{outer}.{field}").into());
        self
    }

    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// Declares errors with what the caller is told of each:
///
/// ```text
/// pub enum RenameError: Name(NameError) or Internal {
///     NameTaken(String) => NameTaken in "name", "There is already a desktop called {0}.";
/// }
/// ```
///
/// After the colon is what passes on another error, its explanation included; `or Internal` adds what is ours to mend.
/// Then each variant with its code, the field at fault (`in`), the seconds after which to try again (`after`) and
/// its sentence, in place of which `#[error(fmt = …)]` may stand above.
macro_rules! explained {
    ($(
        $(#[$about:meta])*
        $vis:vis enum $error:ident
        $(: $($passed:ident($from:ty) $(in $outer:literal)?),+)? $(or $internal:ident)? {
            $(
                $(#[$meta:meta])*
                $name:ident $(($($inner:tt)*))? $({$($fields:tt)*})? =>
                $code:ident $(in $field:literal)? $(after $seconds:literal)? $(, $sentence:literal)?;
            )*
        }
    )+) => {$(
        $(#[$about])*
        #[derive(Debug, thiserror::Error)]
        $vis enum $error {
            $($(#[$meta])* $(#[error($sentence)])? $name $(($($inner)*))? $({$($fields)*})?,)*
            $($(#[error(transparent)] $passed(#[from] $from),)+)?
            $(#[error(transparent)] $internal(#[from] $crate::kernel::error::InternalError),)?
        }

        impl $crate::kernel::error::Explain for $error {
            fn explain(&self) -> $crate::kernel::error::Explanation {
                match self {
                    $(Self::$name { .. } => {
                        $crate::kernel::error::Explanation::new(rolltop_api_types::Code::$code, self)
                            $(.in_field($field))? $(.after($seconds))?
                    })*
                    $($(Self::$passed(error) => error.explain()$(.inside($outer))?,)+)?
                    $(Self::$internal(error) => error.explain(),)?
                }
            }
        }

        $($crate::kernel::error::internal_from!($error, $internal);)?
    )+};
    ($(type $error:ty => $code:ident $(in $field:literal)?;)+) => {$(
        impl $crate::kernel::error::Explain for $error {
            fn explain(&self) -> $crate::kernel::error::Explanation {
                $crate::kernel::error::Explanation::new(rolltop_api_types::Code::$code, self) $(.in_field($field))?
            }
        }
    )+};
}
pub(crate) use explained;

macro_rules! internal_from {
    ($error:ident, $internal:ident) => {
        impl From<rolltop_store::StoreError> for $error {
            fn from(error: rolltop_store::StoreError) -> Self {
                Self::$internal(error.into())
            }
        }
        impl From<rolltop_vault::VaultError> for $error {
            fn from(error: rolltop_vault::VaultError) -> Self {
                Self::$internal(error.into())
            }
        }
    };
}
pub(crate) use internal_from;

/// Something of ours went wrong. Its text is for the log, never for the caller.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    #[error("the database failed")]
    Store(#[from] rolltop_store::StoreError),
    #[error("the vault failed")]
    Vault(#[from] rolltop_vault::VaultError),
    #[error("the engine failed")]
    Engine(#[from] EngineError),
    #[error("{0}")]
    Other(&'static str),
}

impl Explain for InternalError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Engine(_) => {
                Explanation::new(Code::Unavailable, "The host does not answer; try again shortly.").after(2)
            }
            Self::Store(_) | Self::Vault(_) | Self::Other(_) => Explanation::new(
                Code::Internal,
                "Something went wrong on our side; the request's id helps to find it in the log.",
            ),
        }
    }
}

/// Not there, or not the caller's: nobody is told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", DesktopId::MISSING)]
pub struct NoSuchDesktop;

/// The credential is good, and not for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("This credential lacks the scope {0}.")]
pub struct LacksScope(pub Scope);

/// The time to wait before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Too many attempts; wait {} s.", .0.as_secs().max(1))]
pub struct TooManyAttempts(pub Duration);

impl Explain for TooManyAttempts {
    fn explain(&self) -> Explanation {
        Explanation::new(Code::RateLimited, self).after(self.0.as_secs().max(1))
    }
}

impl Explain for SetupError {
    fn explain(&self) -> Explanation {
        Explanation::new(Code::InvalidSetup, self).in_field(self.field())
    }
}

impl Explain for BadQuery {
    fn explain(&self) -> Explanation {
        Explanation::new(Code::InvalidQuery, self).in_field(self.field)
    }
}

impl Explain for ChoiceError {
    fn explain(&self) -> Explanation {
        Explanation::new(self.code(), self).in_field(self.field())
    }
}

/// The wait between two questions that a device has to keep from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("This device asks too often; wait {} s between two questions.", .0.as_secs())]
pub struct TooSoon(pub Duration);

impl Explain for TooSoon {
    fn explain(&self) -> Explanation {
        Explanation::new(Code::SlowDown, self).after(self.0.as_secs())
    }
}

explained! {
    type NoSuchDesktop => NotFound;
    type LacksScope => MissingScope;
    type NameError => InvalidName in "name";
    type UnknownSize => UnknownSize in "size";
    type Refusal => WrongState;
    type Lacks => NotSupportedByEngine;
}

explained! {
    /// Why no access to a desktop was given.
    pub enum AccessError: NotFound(NoSuchDesktop), Forbidden(LacksScope) or Internal {
        OtherEngine(String) => NotSupportedByEngine, "This desktop is on the engine {0}, and Rolltop runs with another one now; start it with that.";
    }

    /// Why something about the caller's own account, workspace or host was not answered.
    pub enum QueryError: Forbidden(LacksScope) or Internal {
        /// The host process does not answer at the moment.
        HostUnreachable => Unavailable after 2, "The host does not answer; try again shortly.";
    }
}
