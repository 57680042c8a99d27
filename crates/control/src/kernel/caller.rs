//! Who asks, and what they may.
//!
//! A [`Caller`] is made only by [`Control::authenticate`](crate::Control::authenticate); a
//! [`DesktopAccess`] only by [`Control::authorise`](crate::Control::authorise). Whoever holds one
//! has passed the check.

use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use rolltop_api_types::Scope;
use rolltop_model::{Actor, ActorId, ApiKeyId, DesktopId, SessionId, ShareId, SshKeyId, UserId, WorkspaceId};

use crate::kernel::error::LacksScope;

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
    /// A link to one port, which was made by somebody who may enter.
    Share(ShareId),
}

/// Somebody whose credential was good.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(crate) who: Who,
    pub(crate) workspace: WorkspaceId,
    pub(crate) scopes: Vec<Scope>,
    /// A key can be tied to one desktop; it then sees no other.
    pub(crate) only: Option<DesktopId>,
    /// When a key ends, known beforehand.
    pub(crate) expires_at: Option<Timestamp>,
    /// A person's or key's name, for the access log.
    pub(crate) label: String,
}

impl Caller {
    /// The API key that whatever this caller makes ends with; none for a person.
    pub(crate) fn maker(&self) -> Option<ApiKeyId> {
        match self.who {
            Who::ApiKey(id) => Some(id),
            Who::Session { .. } | Who::SshKey(_) | Who::Share(_) => None,
        }
    }

    /// As who did something, for whoever reads that later.
    pub(crate) fn actor(&self) -> Actor {
        let id = match self.who {
            Who::Session { user, .. } => ActorId::Person(user),
            Who::ApiKey(id) => ActorId::ApiKey(id),
            Who::SshKey(id) => ActorId::SshKey(id),
            Who::Share(id) => ActorId::Share(id),
        };
        Actor::new(id, &self.label)
    }

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

    pub fn needs(&self, scope: Scope) -> Result<(), LacksScope> {
        if self.may(scope) { Ok(()) } else { Err(LacksScope(scope)) }
    }

    /// For what concerns the whole workspace: a credential that is tied to one desktop lacks the scope there.
    pub(crate) fn needs_everywhere(&self, scope: Scope) -> Result<(), LacksScope> {
        if self.only.is_none() { self.needs(scope) } else { Err(LacksScope(scope)) }
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
            Who::Share(share) => share.to_string(),
        }
    }
}

/// What an access is for; the types in [`purpose`].
pub trait Purpose: Send + Sync + 'static {
    const SCOPE: Scope;
}

/// A purpose that leads through a desktop's door.
pub trait Inside: Purpose {}

/// The purposes an access can be authorised for.
pub mod purpose {
    use super::{Inside, Purpose, Scope};

    /// See what is known of it from outside.
    #[derive(Debug, Clone, Copy)]
    pub enum Read {}
    /// Change or destroy it.
    #[derive(Debug, Clone, Copy)]
    pub enum Write {}
    /// Start and stop it, see and use it: screen, console, terminals, ports.
    #[derive(Debug, Clone, Copy)]
    pub enum Control {}
    /// See and read its files.
    #[derive(Debug, Clone, Copy)]
    pub enum ReadFiles {}
    /// Make, change and remove its files.
    #[derive(Debug, Clone, Copy)]
    pub enum WriteFiles {}
    /// Run commands in it.
    #[derive(Debug, Clone, Copy)]
    pub enum Exec {}

    impl Purpose for Read {
        const SCOPE: Scope = Scope::DesktopsRead;
    }
    impl Purpose for Write {
        const SCOPE: Scope = Scope::DesktopsWrite;
    }
    impl Purpose for Control {
        const SCOPE: Scope = Scope::DesktopsControl;
    }
    impl Purpose for ReadFiles {
        const SCOPE: Scope = Scope::FilesRead;
    }
    impl Purpose for WriteFiles {
        const SCOPE: Scope = Scope::FilesWrite;
    }
    impl Purpose for Exec {
        const SCOPE: Scope = Scope::Exec;
    }

    impl Inside for Control {}
    impl Inside for ReadFiles {}
    impl Inside for WriteFiles {}
    impl Inside for Exec {}
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
