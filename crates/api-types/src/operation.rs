//! What the API can be asked. An operation is declared once, with [`operations!`], beside the types that it sends: its
//! route, who may ask it, its description and the typed client all come from there.

use std::fmt::Display;
use std::str::FromStr;

use http::Method;
use rolltop_model::{ApiKeyId, DesktopId, HoldId, ShareId, SnapshotId, SshKeyId};
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
/// Running commands in desktops.
pub const EXEC: Access = Access::Scopes(&[Scope::Exec]);
/// Reading files inside desktops.
pub const READ_FILES: Access = Access::Scopes(&[Scope::FilesRead]);
/// Making, changing and removing files inside desktops.
pub const WRITE_FILES: Access = Access::Scopes(&[Scope::FilesWrite]);
/// Seeing which keys there are.
pub const READ_KEYS: Access = Access::Scopes(&[Scope::KeysRead]);
/// Making and revoking keys.
pub const WRITE_KEYS: Access = Access::Scopes(&[Scope::KeysWrite]);

/// All that is said of an operation in words and numbers.
#[derive(Debug, Clone)]
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
    /// Headers that it reads, besides those that every operation does.
    pub headers: &'static [Header],
    /// What happens once only, where `Idempotency-Key` is heeded.
    pub idempotent: Option<&'static str>,
    pub body: Content,
    /// The subprotocol, where it opens a WebSocket.
    pub websocket: Option<&'static str>,
    /// What it answers when all went well, the usual one first.
    pub replies: &'static [Reply],
    /// What else it answers, besides what every operation does; with a note on when, or none.
    pub errors: &'static [(Code, &'static str)],
}

/// What a request or an answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Nothing,
    /// The operation's `Body` or `Reply`.
    Json,
    /// Something of this media type.
    Other(&'static str),
}

/// An answer to what went well.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    pub status: u16,
    /// What that means.
    pub means: &'static str,
    pub content: Content,
    /// What it may look like, where it is text.
    pub example: Option<&'static str>,
}

/// A header that a request may have.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    pub name: &'static str,
    pub description: &'static str,
    /// As JSON: it is a number where its example is one.
    pub example: Option<&'static str>,
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
    /// `()` where there is none that is JSON.
    type Reply: Serialize + DeserializeOwned + ToSchema + Send;

    const DECLARATION: Declaration;
}

/// For operations without a query.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
pub struct NoQuery {}

/// One thing that a path names.
pub trait PathPart: Display + FromStr + Send + Sync + 'static {
    /// For the API's description.
    const DESCRIPTION: &'static str;
    const EXAMPLE: &'static str;
    /// What is said where there is none, or not for who asks.
    const MISSING: &'static str;
    /// Which problem that is.
    const PROBLEM: Code = Code::NotFound;
    /// Which field that is about, where it is about one.
    const FIELD: Option<&'static str> = None;
    /// The smallest, where it is a number.
    const LEAST: Option<u32> = None;
}

/// Gives ids and their like description, example and the sentence for what is not there.
macro_rules! path_parts {
    ($($part:ty: $description:literal, $example:literal, $missing:literal;)*) => {$(
        impl $crate::operation::PathPart for $part {
            const DESCRIPTION: &'static str = $description;
            const EXAMPLE: &'static str = $example;
            const MISSING: &'static str = $missing;
        }
    )*};
}
pub(crate) use path_parts;

path_parts! {
    DesktopId: "The desktop's id.", "dsk_01k9abc2def3ghj4kmn5pqrs6t", "There is no such desktop.";
    SnapshotId: "The snapshot's id.", "snp_01k9abc2def3ghj4kmn5pqrs6t", "There is no such snapshot.";
    HoldId: "The hold's id.", "hld_01k9abc2def3ghj4kmn5pqrs6t", "There is no such hold.";
    ShareId: "The link's id.", "shr_01k9abc2def3ghj4kmn5pqrs6t", "There is no such share link.";
    ApiKeyId: "The key's id.", "key_01k9abc2def3ghj4kmn5pqrs6t", "There is no such key.";
    SshKeyId: "The key's id.", "sshk_01k9abc2def3ghj4kmn5pqrs6t", "There is no such key.";
}

/// Description and example of a part of a path.
#[derive(Debug, Clone, Copy)]
pub struct PartDescription {
    pub description: &'static str,
    pub example: &'static str,
    /// The smallest, where it is a number.
    pub least: Option<u32>,
}

/// What is wrong with a path that names something that can't be there.
#[derive(Debug, Clone, Copy)]
pub struct Missing {
    pub problem: Code,
    pub sentence: &'static str,
    pub field: Option<&'static str>,
}

/// All that a path names, in its order.
pub trait PathParts: Sized + Send + Sync + 'static {
    fn described() -> Vec<PartDescription>;

    fn written(&self) -> Vec<String>;

    /// Reads what stands in the path.
    fn read(parts: &[&str]) -> Result<Self, Missing>;
}

impl PathParts for () {
    fn described() -> Vec<PartDescription> {
        Vec::new()
    }

    fn written(&self) -> Vec<String> {
        Vec::new()
    }

    fn read(_: &[&str]) -> Result<Self, Missing> {
        Ok(())
    }
}

impl<A: PathPart> PathParts for A {
    fn described() -> Vec<PartDescription> {
        vec![PartDescription { description: A::DESCRIPTION, example: A::EXAMPLE, least: A::LEAST }]
    }

    fn written(&self) -> Vec<String> {
        vec![self.to_string()]
    }

    fn read(parts: &[&str]) -> Result<Self, Missing> {
        parts.first().and_then(|part| part.parse().ok()).ok_or(Missing {
            problem: A::PROBLEM,
            sentence: A::MISSING,
            field: A::FIELD,
        })
    }
}

impl<A: PathPart, B: PathPart> PathParts for (A, B) {
    fn described() -> Vec<PartDescription> {
        [A::described(), B::described()].concat()
    }

    fn written(&self) -> Vec<String> {
        [self.0.written(), self.1.written()].concat()
    }

    fn read(parts: &[&str]) -> Result<Self, Missing> {
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

/// Declares operations: for each a type, and where it has a name after `as`, a method of [`Client`](crate::Client). With
/// `-> [Item]`, that gives the `items` of the reply.
///
/// The order within braces is fixed; what an operation does not have is left out. Types are those of the module around.
macro_rules! operations {
    ($(
        $(#[doc = $line:literal])*
        $name:ident $(as $call:ident $(-> [$item:ty])?)?: $method:ident $path:literal {
            tag: $tag:literal,
            access: $access:expr,
            $(path: $parts:ty,)?
            $(query: $query:ty,)?
            $(headers: [$($header:literal: $about:literal $(= $sample:literal)?),* $(,)?],)?
            $(idempotent: $idempotent:literal,)?
            $(body: $body:ty,)?
            $(upload: $upload:literal,)?
            $(websocket: $websocket:expr,)?
            reply: $status:literal $means:literal $($reply:ty)? $(as $media:literal $(= $example:literal)?)?,
            $(or: $other:literal $otherwise:literal $($same:ty)? $(as $kind:literal)?,)*
            errors: [$($error:ident $($when:literal)?),* $(,)?],
        }
    )*) => {$(
        $(#[doc = $line])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        impl $crate::operation::Operation for $name {
            type Path = $crate::operation::operations!(@or (()) $($parts)?);
            type Query = $crate::operation::operations!(@or ($crate::operation::NoQuery) $($query)?);
            type Body = $crate::operation::operations!(@or (()) $($body)?);
            type Reply = $crate::operation::operations!(@or (()) $($reply)?);

            const DECLARATION: $crate::operation::Declaration = $crate::operation::Declaration {
                name: stringify!($name),
                method: http::Method::$method,
                path: $path,
                tag: $tag,
                documentation: &[$($line),*],
                access: $access,
                headers: &[$($($crate::operation::Header {
                    name: $header,
                    description: $about,
                    example: $crate::operation::operations!(@some $(stringify!($sample))?),
                }),*)?],
                idempotent: $crate::operation::operations!(@some $($idempotent)?),
                body: $crate::operation::operations!(@content ($($body)?) $($upload)?),
                websocket: $crate::operation::operations!(@some $($websocket)?),
                replies: &[
                    $crate::operation::Reply {
                        status: $status,
                        means: $means,
                        content: $crate::operation::operations!(@content ($($reply)?) $($media)?),
                        example: $crate::operation::operations!(@some $($($example)?)?),
                    },
                    $($crate::operation::Reply {
                        status: $other,
                        means: $otherwise,
                        content: $crate::operation::operations!(@content ($($same)?) $($kind)?),
                        example: None,
                    }),*
                ],
                errors: &[$(($crate::Code::$error, $crate::operation::operations!(@or ("") $($when)?))),*],
            };
        }

        $crate::operation::operations!(@method $name ($($call $($item)?)?) ($($parts)?) ($($query)?) ($($body)?) ($($reply)?)
            concat!("`", stringify!($method), " ", $path, "`"));
    )*};
    (@or ($($default:tt)*)) => { $($default)* };
    (@or ($($default:tt)*) $given:literal) => { $given };
    (@or ($($default:tt)*) $given:ty) => { $given };
    (@some) => { None };
    (@some $given:expr) => { Some($given) };
    (@content ()) => { $crate::operation::Content::Nothing };
    (@content ($json:ty)) => { $crate::operation::Content::Json };
    (@content () $media:literal) => { $crate::operation::Content::Other($media) };
    (@method $name:ident () $($rest:tt)*) => {};
    (@method $name:ident $call:tt $parts:tt $query:tt $body:tt () $doc:expr) => {
        $crate::operation::operations!(@method $name $call $parts $query $body (()) $doc);
    };
    (@method $name:ident ($call:ident $($item:ty)?) ($($parts:ty)?) ($($query:ty)?) ($($body:ty)?) ($reply:ty) $doc:expr) => {
        #[cfg(feature = "client")]
        impl $crate::Client {
            #[doc = $doc]
            pub async fn $call(
                &self
                $(, path: $parts)?
                $(, query: &$query)?
                $(, body: &$body)?
            ) -> Result<$crate::operation::operations!(@or ($reply) $(Vec<$item>)?), $crate::ClientError> {
                let asked = self.ask::<$name>(
                    $crate::operation::operations!(@either (()) $((path) $parts)?),
                    $crate::operation::operations!(@either (&$crate::operation::NoQuery {}) $((query) $query)?),
                    $crate::operation::operations!(@either (&()) $((body) $body)?),
                );
                $crate::operation::operations!(@either (asked.await) $((asked.await.map(|list| list.items)) $item)?)
            }
        }
    };
    (@either ($default:expr)) => { $default };
    (@either ($default:expr) ($given:expr) $of:ty) => { $given };
}
pub(crate) use operations;
