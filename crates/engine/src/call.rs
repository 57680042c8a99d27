//! What an engine is asked, as types: a [`Call`] is one question with its reply and the time that it may take.
//!
//! [`calls!`] declares them, and nothing else has to be said of one: the method of the trait, what crosses the socket
//! between api and host, and both of its ends come from the declaration. What only passes questions on implements
//! [`Carry`] and is an [`Engine`] by that, with every capability.

use std::any::Any;
use std::future::Future;
use std::time::Duration;

use rolltop_model::DesktopId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::calls::AnyCall;
use crate::{Capability, DoorStream, Engine, EngineError, Lacks};

/// One question to an engine.
pub trait Call: Any + Clone + Into<AnyCall> + Send + Sync {
    type Reply: Reply;

    /// How long the whole of it may take, as who asks from afar waits.
    fn time_limit(&self) -> Duration;

    /// The desktop that it is about, for the log.
    fn desktop(&self) -> Option<DesktopId>;

    fn ask(self, engine: &dyn Engine) -> impl Future<Output = Result<Self::Reply, EngineError>> + Send;
}

/// What a call is answered with: a value, or a stream whose socket is passed beside an empty one.
pub trait Reply: Any + Send + Sized {
    type Value: Serialize + DeserializeOwned + Send;

    fn split(self) -> (Self::Value, Option<DoorStream>);

    /// `None` where the stream is missing.
    fn join(value: Self::Value, stream: Option<DoorStream>) -> Option<Self>;
}

impl<T: Any + Serialize + DeserializeOwned + Send> Reply for T {
    type Value = T;

    fn split(self) -> (T, Option<DoorStream>) {
        (self, None)
    }

    fn join(value: T, _: Option<DoorStream>) -> Option<Self> {
        Some(value)
    }
}

impl Reply for DoorStream {
    type Value = ();

    fn split(self) -> ((), Option<DoorStream>) {
        ((), Some(self))
    }

    fn join((): (), stream: Option<DoorStream>) -> Option<Self> {
        stream
    }
}

/// Passes calls on to an engine that is elsewhere.
pub trait Carry: Send + Sync + 'static {
    /// Whether that engine has it, as far as is known. What it lacks after all it refuses by itself.
    fn has(&self, capability: Capability) -> bool;

    fn carry<C: Call>(&self, call: C) -> impl Future<Output = Result<C::Reply, EngineError>> + Send;
}

/// What is done with a call once its type is known; see [`AnyCall::dispatch`].
pub trait Dispatch: Send {
    type Answer;

    fn on<C: Call>(self, call: C) -> impl Future<Output = Self::Answer> + Send;
}

/// Which capabilities an engine has. Asked of whatever [`Carry`] carries to, before it is known.
#[derive(Clone, Serialize, Deserialize)]
pub struct Capabilities {}

impl Call for Capabilities {
    type Reply = Vec<Capability>;

    fn time_limit(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn desktop(&self) -> Option<DesktopId> {
        None
    }

    async fn ask(self, engine: &dyn Engine) -> Result<Vec<Capability>, EngineError> {
        let lacking = engine.lacking();
        Ok(Capability::ALL.into_iter().filter(|capability| !lacking.contains(&Lacks(*capability))).collect())
    }
}

impl From<Capabilities> for AnyCall {
    fn from(call: Capabilities) -> Self {
        AnyCall::Capabilities(call)
    }
}

/// Declares calls: `NAME: fn METHOD(ARGUMENTS) -> REPLY, within LIMIT [+ ARGUMENT][, about ARGUMENT];`. An argument with
/// `&` is lent to the method, the others are given to it; `about` names what says the desktop. `trait NAME (METHOD)`
/// is a capability, which [`Capable::METHOD`](crate::Capable) gives.
macro_rules! calls {
    ($(
        $(#[$about:meta])*
        trait $Trait:ident $part:tt {
            $(
                $(#[$doc:meta])*
                $Call:ident:
                    fn $method:ident($(&$lent:ident: $Lent:ident)? $($given:ident: $Given:ty),*) -> $Reply:ty,
                    within $limit:ident $(+ $more:ident)? $(, about $($desktop:ident).+)?;
            )*
        }
    )*) => {
        $(
            $(#[$about])*
            #[async_trait]
            pub trait $Trait: Capable {
                $(
                    $(#[$doc])*
                    async fn $method(&self, $($lent: &$Lent)? $($given: $Given),*) -> Result<$Reply, EngineError>;
                )*
            }

            #[async_trait]
            impl<T: Carry> $Trait for T {
                $(
                    async fn $method(&self, $($lent: &$Lent)? $($given: $Given),*) -> Result<$Reply, EngineError> {
                        self.carry($Call { $($lent: $lent.clone())? $($given),* }).await
                    }
                )*
            }

            $(
                #[doc = concat!("[`", stringify!($Trait), "::", stringify!($method), "`]")]
                #[derive(Clone, Serialize, Deserialize)]
                pub struct $Call {
                    $(pub $lent: $Lent,)?
                    $(pub $given: $Given,)*
                }

                impl Call for $Call {
                    type Reply = $Reply;

                    fn time_limit(&self) -> Duration {
                        $limit$(.saturating_add(self.$more))?
                    }

                    fn desktop(&self) -> Option<DesktopId> {
                        calls!(@desktop $(self.$($desktop).+)?)
                    }

                    async fn ask(self, engine: &dyn Engine) -> Result<$Reply, EngineError> {
                        calls!(@of engine $part).$method($(&self.$lent)? $(self.$given),*).await
                    }
                }

                impl From<$Call> for AnyCall {
                    fn from(call: $Call) -> Self {
                        AnyCall::$Call(call)
                    }
                }
            )*
        )*

        /// Any of the calls, as it crosses a socket.
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(tag = "op", content = "args", rename_all = "snake_case")]
        pub enum AnyCall {
            Capabilities(Capabilities),
            $($($Call($Call),)*)*
        }

        impl AnyCall {
            pub async fn dispatch<D: Dispatch>(self, to: D) -> D::Answer {
                match self {
                    AnyCall::Capabilities(call) => to.on(call).await,
                    $($(AnyCall::$Call(call) => to.on(call).await,)*)*
                }
            }
        }
    };
    (@of $engine:ident ()) => { $engine };
    (@of $engine:ident ($part:ident)) => { $engine.$part()? };
    (@desktop) => { None };
    (@desktop $desktop:expr) => { Some($desktop) };
}
pub(crate) use calls;
