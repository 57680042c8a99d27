//! Who asks, and what they may.
//!
//! A [`Caller`] is made only by [`Control::authenticate`](crate::Control::authenticate); a
//! [`DesktopAccess`] only by [`Control::authorise`](crate::Control::authorise). Whoever holds one
//! has passed the check.

use std::fmt;
use std::marker::PhantomData;

use rolltop_model::{ApiKeyId, DesktopId, SessionId, SshKeyId, UserId, WorkspaceId};

/// What a credential is good for. Explicit: nothing implies anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// See desktops, their states, steps and events.
    DesktopsRead,
    /// Make, rename, start, stop and destroy desktops.
    DesktopsWrite,
    /// Look at the screen and the console, read files.
    DesktopsEnter,
    /// See the host's health.
    HostRead,
    /// Change one's own name and password.
    Account,
}

impl Scope {
    pub const ALL: [Scope; 5] =
        [Scope::DesktopsRead, Scope::DesktopsWrite, Scope::DesktopsEnter, Scope::HostRead, Scope::Account];

    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::DesktopsRead => "desktops:read",
            Scope::DesktopsWrite => "desktops:write",
            Scope::DesktopsEnter => "desktops:enter",
            Scope::HostRead => "host:read",
            Scope::Account => "account",
        }
    }

    /// The scope of that name.
    pub fn named(name: &str) -> Option<Self> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The credential that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Session {
        session: SessionId,
        user: UserId,
    },
    ApiKey(ApiKeyId),
    /// A person's key, shown to the jump host.
    SshKey(SshKeyId),
}

/// Somebody whose credential was good.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(crate) who: Who,
    pub(crate) workspace: WorkspaceId,
    pub(crate) scopes: Vec<Scope>,
    /// A key can be tied to one desktop; it then sees no other.
    pub(crate) only: Option<DesktopId>,
    /// A person's or key's name, for the access log.
    pub(crate) label: String,
}

impl Caller {
    pub fn who(&self) -> Who {
        self.who
    }

    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// The one desktop this credential is tied to.
    pub fn only_desktop(&self) -> Option<DesktopId> {
        self.only
    }

    /// The person's or key's name.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// A text that is the same for all requests of one credential and tells nothing: for rate limits.
    pub fn rate_key(&self) -> String {
        match self.who {
            Who::Session { user, .. } => user.to_string(),
            Who::ApiKey(key) => key.to_string(),
            Who::SshKey(key) => key.to_string(),
        }
    }
}

/// What an access is for; the types in [`purpose`].
pub trait Purpose: Send + Sync + 'static {
    const SCOPE: Scope;
}

/// The purposes an access can be authorised for.
pub mod purpose {
    use super::{Purpose, Scope};

    /// See what is known of it from outside.
    #[derive(Debug)]
    pub enum Read {}
    /// Change or destroy it.
    #[derive(Debug)]
    pub enum Write {}
    /// Look or go inside.
    #[derive(Debug)]
    pub enum Enter {}

    impl Purpose for Read {
        const SCOPE: Scope = Scope::DesktopsRead;
    }
    impl Purpose for Write {
        const SCOPE: Scope = Scope::DesktopsWrite;
    }
    impl Purpose for Enter {
        const SCOPE: Scope = Scope::DesktopsEnter;
    }
}

/// The ticket to one desktop for one purpose. It carries the desktop.
pub struct DesktopAccess<P: Purpose> {
    pub(crate) desktop: DesktopId,
    pub(crate) caller: Caller,
    purpose: PhantomData<fn() -> P>,
}

impl<P: Purpose> DesktopAccess<P> {
    pub(crate) fn new(desktop: DesktopId, caller: Caller) -> Self {
        Self { desktop, caller, purpose: PhantomData }
    }

    pub fn desktop(&self) -> DesktopId {
        self.desktop
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl<P: Purpose> fmt::Debug for DesktopAccess<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DesktopAccess").field(&self.desktop).field(&P::SCOPE).finish()
    }
}
