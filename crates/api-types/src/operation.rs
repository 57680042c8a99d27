//! What the API can be asked. An operation is declared once, with [`operations!`], beside the types that it sends: its
//! route, who may ask it, its description and the typed client all come from there.

use std::fmt::Display;
use std::str::FromStr;

use http::Method;
use rolltop_model::{DesktopId, HoldId, SnapshotId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Code, Scope};

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing. This list of exemptions may only shrink.
    Open,
    /// Nothing, but counted by address: it is where credentials are tried.
    SignIn,
    /// Any valid credential.
    Credential,
    /// A credential with all of these scopes.
    Scopes(&'static [Scope]),
}

/// Seeing desktops and what is known of them.
pub const READ: Access = Access::Scopes(&[Scope::DesktopsRead]);
/// Making, changing and destroying desktops.
pub const WRITE: Access = Access::Scopes(&[Scope::DesktopsWrite]);
/// Starting and stopping desktops, and using them.
pub const CONTROL: Access = Access::Scopes(&[Scope::DesktopsControl]);

/// All that is said of an operation in words and numbers.
#[derive(Debug)]
pub struct Declaration {
    /// Its type's name; `operationId` is the same with a small letter first.
    pub name: &'static str,
    pub method: Method,
    /// As it is routed: `/v1/desktops/{id}`.
    pub path: &'static str,
    pub tag: &'static str,
    /// Its documentation by lines: a summary, an empty line, a description.
    pub documentation: &'static [&'static str],
    pub access: Access,
    /// Whether it has a body.
    pub has_body: bool,
    /// What happens once only, where `Idempotency-Key` is heeded.
    pub idempotent: Option<&'static str>,
    /// The status of what went well.
    pub status: u16,
    /// What that means.
    pub means: &'static str,
    /// What else it answers, besides what every operation does; with a note on when, or none.
    pub errors: &'static [(Code, &'static str)],
}

impl Declaration {
    /// The `operationId`.
    pub fn id(&self) -> String {
        let (first, rest) = self.name.split_at(1);
        first.to_ascii_lowercase() + rest
    }

    pub fn summary(&self) -> &'static str {
        self.documentation.first().map(|line| line.trim()).unwrap_or_default()
    }

    /// What follows the summary; empty where nothing does.
    pub fn description(&self) -> String {
        let lines: Vec<&str> = self.documentation.iter().skip(1).map(|line| line.trim()).collect();
        lines.join("\n").trim().to_owned()
    }
}

/// One operation, as a type without values.
pub trait Operation: Send + Sync + 'static {
    /// What its path names.
    type Path: PathParts;
    type Query: Serialize + DeserializeOwned + IntoParams + Send;
    type Body: Serialize + DeserializeOwned + ToSchema + Send + Sync;
    /// `NoContent` where there is none.
    type Reply: Serialize + DeserializeOwned + ToSchema + Send;

    const DECLARATION: Declaration;
}

/// For operations without a query.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
pub struct NoQuery {}

/// For operations that take or answer with no body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoContent {}

/// One thing that a path names.
pub trait PathPart: Display + FromStr + Send + Sync + 'static {
    /// For the API's description.
    const DESCRIPTION: &'static str;
    const EXAMPLE: &'static str;
    /// What is said where there is none, or not for who asks.
    const MISSING: &'static str;
}

impl PathPart for DesktopId {
    const DESCRIPTION: &'static str = "The desktop's id.";
    const EXAMPLE: &'static str = "dsk_01k9abc2def3ghj4kmn5pqrs6t";
    const MISSING: &'static str = "There is no such desktop.";
}

impl PathPart for SnapshotId {
    const DESCRIPTION: &'static str = "The snapshot's id.";
    const EXAMPLE: &'static str = "snp_01k9abc2def3ghj4kmn5pqrs6t";
    const MISSING: &'static str = "There is no such snapshot.";
}

impl PathPart for HoldId {
    const DESCRIPTION: &'static str = "The hold's id.";
    const EXAMPLE: &'static str = "hld_01k9abc2def3ghj4kmn5pqrs6t";
    const MISSING: &'static str = "There is no such hold.";
}

/// Description and example of a part of a path.
#[derive(Debug, Clone, Copy)]
pub struct PartDescription {
    pub description: &'static str,
    pub example: &'static str,
}

/// All that a path names, in its order.
pub trait PathParts: Sized + Send + Sync + 'static {
    fn described() -> Vec<PartDescription>;

    fn written(&self) -> Vec<String>;

    /// Reads what stands in the path; an error is the sentence for who named nothing that there is.
    fn read(parts: &[&str]) -> Result<Self, &'static str>;
}

impl PathParts for () {
    fn described() -> Vec<PartDescription> {
        Vec::new()
    }

    fn written(&self) -> Vec<String> {
        Vec::new()
    }

    fn read(_: &[&str]) -> Result<Self, &'static str> {
        Ok(())
    }
}

impl<A: PathPart> PathParts for A {
    fn described() -> Vec<PartDescription> {
        vec![PartDescription { description: A::DESCRIPTION, example: A::EXAMPLE }]
    }

    fn written(&self) -> Vec<String> {
        vec![self.to_string()]
    }

    fn read(parts: &[&str]) -> Result<Self, &'static str> {
        parts.first().and_then(|part| part.parse().ok()).ok_or(A::MISSING)
    }
}

impl<A: PathPart, B: PathPart> PathParts for (A, B) {
    fn described() -> Vec<PartDescription> {
        [A::described(), B::described()].concat()
    }

    fn written(&self) -> Vec<String> {
        [self.0.written(), self.1.written()].concat()
    }

    fn read(parts: &[&str]) -> Result<Self, &'static str> {
        Ok((A::read(parts)?, B::read(parts.get(1..).unwrap_or_default())?))
    }
}

/// Paths that name a desktop.
pub trait NamesDesktop: PathParts {
    fn desktop(&self) -> DesktopId;
}

impl NamesDesktop for DesktopId {
    fn desktop(&self) -> DesktopId {
        *self
    }
}

impl<B: PathPart> NamesDesktop for (DesktopId, B) {
    fn desktop(&self) -> DesktopId {
        self.0
    }
}

/// Declares operations: for each a type, and where it has a name after `as`, a method of [`Client`](crate::Client).
///
/// The order within braces is fixed; what an operation does not have is left out. Types are those of the module around.
macro_rules! operations {
    ($(
        $(#[doc = $line:literal])*
        $name:ident $(as $call:ident)?: $method:ident $path:literal {
            tag: $tag:literal,
            access: $access:expr,
            $(path: $parts:ty,)?
            $(query: $query:ty,)?
            $(idempotent: $idempotent:literal,)?
            $(body: $body:ty,)?
            reply: $status:literal $means:literal $($reply:ty)?,
            errors: [$($error:ident $($when:literal)?),* $(,)?],
        }
    )*) => {$(
        $(#[doc = $line])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        impl $crate::operation::Operation for $name {
            type Path = $crate::operation::operations!(@or (()) $($parts)?);
            type Query = $crate::operation::operations!(@or ($crate::operation::NoQuery) $($query)?);
            type Body = $crate::operation::operations!(@or ($crate::operation::NoContent) $($body)?);
            type Reply = $crate::operation::operations!(@or ($crate::operation::NoContent) $($reply)?);

            const DECLARATION: $crate::operation::Declaration = $crate::operation::Declaration {
                name: stringify!($name),
                method: http::Method::$method,
                path: $path,
                tag: $tag,
                documentation: &[$($line),*],
                access: $access,
                has_body: $crate::operation::operations!(@any $($body)?),
                idempotent: $crate::operation::operations!(@some $($idempotent)?),
                status: $status,
                means: $means,
                errors: &[$(($crate::Code::$error, $crate::operation::operations!(@or ("") $($when)?))),*],
            };
        }

        $crate::operation::operations!(@method $name ($($call)?) ($($parts)?) ($($query)?) ($($body)?) ($($reply)?)
            concat!("`", stringify!($method), " ", $path, "`"));
    )*};
    (@or ($($default:tt)*)) => { $($default)* };
    (@or ($($default:tt)*) $given:literal) => { $given };
    (@or ($($default:tt)*) $given:ty) => { $given };
    (@any) => { false };
    (@any $given:ty) => { true };
    (@some) => { None };
    (@some $given:literal) => { Some($given) };
    (@method $name:ident () $($rest:tt)*) => {};
    (@method $name:ident $call:tt $parts:tt $query:tt $body:tt () $doc:expr) => {
        $crate::operation::operations!(@method $name $call $parts $query $body ($crate::operation::NoContent) $doc);
    };
    (@method $name:ident ($call:ident) ($($parts:ty)?) ($($query:ty)?) ($($body:ty)?) ($reply:ty) $doc:expr) => {
        impl $crate::Client {
            #[doc = $doc]
            pub async fn $call(
                &self
                $(, path: $parts)?
                $(, query: &$query)?
                $(, body: &$body)?
            ) -> Result<$reply, $crate::ClientError> {
                self.ask::<$name>(
                    $crate::operation::operations!(@either (()) $((path) $parts)?),
                    $crate::operation::operations!(@either (&$crate::operation::NoQuery {}) $((query) $query)?),
                    $crate::operation::operations!(@either (&$crate::operation::NoContent {}) $((body) $body)?),
                ).await
            }
        }
    };
    (@either ($default:expr)) => { $default };
    (@either ($default:expr) ($given:expr) $of:ty) => { $given };
}
pub(crate) use operations;
