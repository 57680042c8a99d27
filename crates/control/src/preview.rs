//! Previews: web pages that a program in a desktop serves, shown at an address of their own.
//!
//! What a browser keeps for such an address is a *pass*. It opens one port of one desktop at one
//! address and nothing else; no other operation takes it. It is a sealed value: who holds it, for
//! what, until when, sealed with the vault's key and bound to the address. So nothing is stored for it, and
//! each use asks whether its holder is still there: the session it was made with, or the share.
//!
//! ```text
//!  session ──► ticket (a minute, once) ──┐
//!                                        ├─► pass ──► connections to the port
//!  share link (until it expires) ────────┘
//! ```

pub(crate) mod address;
pub(crate) mod share;
pub(crate) mod ticket;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as URL_SAFE;
use jiff::Timestamp;
use rolltop_api_types::Scope;
use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, SessionId, ShareId};
use rolltop_vault::Cell;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::account::guard::Looks;
use crate::inside::enter::Waking;
use crate::inside::ports::{PortConnection, PortError};
use crate::kernel::caller::{Caller, DesktopAccess, Who, purpose};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{AccessError, InternalError, explained};
use crate::preview::address::PreviewAddress;

/// Before the text of a pass, so that it can be told apart by eye.
const PREFIX: &str = "rp_";
/// Longest text that is looked at, bytes.
const LONGEST: usize = 512;

/// What a browser is given for one address.
#[derive(Debug)]
pub struct Pass {
    pub token: SecretString,
    pub desktop: DesktopId,
    pub expires_at: Timestamp,
}

/// Watches over a pass while a connection that it opened goes on.
pub struct PassGuard {
    control: Control,
    pass: SecretString,
    address: PreviewAddress,
    looks: Looks,
}

impl PassGuard {
    /// Resolves once the pass is not good any more. Trouble of ours does not end anybody's connection.
    pub async fn ended(mut self) {
        loop {
            self.looks.next().await;
            let judged = self.control.judge_pass(&self.pass, &self.address).await;
            if matches!(judged, Err(PassError::Invalid)) {
                return;
            }
        }
    }
}

explained! {
    pub enum PassError or Internal {
        /// Unknown, for another address, revoked or too old: nobody is told which.
        Invalid => PreviewClosed, "This does not open the preview.";
    }
}

/// What is sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    desktop: DesktopId,
    holder: Holder,
    /// Milliseconds since 1970.
    until: i64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Holder {
    Session(SessionId),
    Share(ShareId),
}

#[boxed]
impl Control {
    /// A connection to the port that this address means, for whoever holds a pass, and what tells when
    /// the pass ends. What a page does by itself neither wakes the desktop nor keeps it awake for ever.
    pub async fn connect_preview(
        &self,
        pass: SecretString,
        address: PreviewAddress,
        waking: Waking,
    ) -> Result<(PortConnection, PassGuard), PreviewError> {
        let looks = self.kernel.looks();
        let (access, until) = self.judge_pass(&pass, &address).await?;
        let connection = self.connect_port_for(&access, address.port(), waking).await?;
        let guard = PassGuard { control: self.clone(), pass, address, looks: looks.until(Some(until)) };
        Ok((connection, guard))
    }

    /// What a pass opens, and until when.
    async fn judge_pass(
        &self,
        pass: &SecretString,
        address: &PreviewAddress,
    ) -> Result<(DesktopAccess<purpose::Control>, Timestamp), PassError> {
        let claims = self.opened(pass, address).ok_or(PassError::Invalid)?;
        let until = Timestamp::from_millisecond(claims.until).map_err(|_| PassError::Invalid)?;
        if until <= clock::now() {
            return Err(PassError::Invalid);
        }
        let caller = match claims.holder {
            Holder::Session(session) => self.caller_of_session(session).await?,
            Holder::Share(share) => self.caller_of_share(share, claims.desktop, address).await?,
        };
        let caller = caller.ok_or(PassError::Invalid)?;
        let row = self.kernel.store.desktop(claims.desktop).await?.ok_or(PassError::Invalid)?;
        if !address.means(row.id, row.name.as_str()) {
            return Err(PassError::Invalid);
        }
        let access = self.authorise(&caller, row.id).await.map_err(|error| match error {
            AccessError::NotFound(_) | AccessError::Forbidden(_) | AccessError::OtherEngine(_) => {
                PassError::Invalid
            }
            AccessError::Internal(error) => error.into(),
        })?;
        Ok((access, until))
    }

    async fn caller_of_session(&self, session: SessionId) -> Result<Option<Caller>, PassError> {
        let Some(found) = self.kernel.store.session_by_id(session).await? else { return Ok(None) };
        if self.is_over(&found) {
            return Ok(None);
        }
        Ok(Some(Caller {
            who: Who::Session { session, user: found.user.id },
            workspace: found.user.workspace,
            scopes: vec![SCOPE],
            only: None,
            expires_at: None,
            label: found.user.name.unwrap_or_else(|| "operator".to_owned()),
        }))
    }

    async fn caller_of_share(
        &self,
        share: ShareId,
        desktop: DesktopId,
        address: &PreviewAddress,
    ) -> Result<Option<Caller>, PassError> {
        let share = self.kernel.store.share(share).await?.filter(|share| {
            *share.expires_at > clock::now() && share.desktop == desktop && share.label == address.label()
        });
        Ok(share.map(|share| Caller {
            who: Who::Share(share.id),
            workspace: share.workspace,
            scopes: vec![SCOPE],
            only: Some(share.desktop),
            expires_at: Some(*share.expires_at),
            label: "a share link".to_owned(),
        }))
    }

    fn pass(
        &self,
        desktop: DesktopId,
        holder: Holder,
        address: &PreviewAddress,
        expires_at: Timestamp,
    ) -> Result<Pass, InternalError> {
        let claims = Claims { desktop, holder, until: expires_at.as_millisecond() };
        let text =
            serde_json::to_vec(&claims).map_err(|_| InternalError::Other("a pass can't be written"))?;
        let label = address.label();
        let sealed = self.kernel.vault.seal(cell(&label), &text).map_err(rolltop_vault::VaultError::from)?;
        let token = SecretString::from(format!("{PREFIX}{}", URL_SAFE.encode(sealed)));
        Ok(Pass { token, desktop, expires_at })
    }

    fn opened(&self, pass: &SecretString, address: &PreviewAddress) -> Option<Claims> {
        let text = pass.expose_secret();
        let text = text.strip_prefix(PREFIX).filter(|text| text.len() <= LONGEST)?;
        let sealed = URL_SAFE.decode(text).ok()?;
        let opened = self.kernel.vault.open(cell(&address.label()), &sealed).ok()?;
        serde_json::from_slice(opened.expose_secret()).ok()
    }
}

/// Where a pass would be kept if it were: at its address.
fn cell(label: &str) -> Cell<'_> {
    Cell { table: "previews", row: label, column: "pass" }
}

/// What a pass is good for.
const SCOPE: Scope = <purpose::Control as crate::kernel::caller::Purpose>::SCOPE;

explained! {
    /// Why a preview shows nothing.
    pub enum PreviewError: Pass(PassError), Port(PortError) {}
}
