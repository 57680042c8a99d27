//! Share links: whoever holds one opens one port of one desktop, without an account, until it expires.

use std::time::Duration;

use jiff::Timestamp;
use rolltop_api_types as api;
use rolltop_boxed::boxed;
use rolltop_model::ShareId;
use rolltop_vault::{TokenKind, classify, hash_token, new_token};
use secrecy::SecretString;

use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{AccessError, explained};
use crate::preview::address::PreviewAddress;
use crate::preview::{Holder, Pass, PassError};

/// Share links a desktop may have at the same time.
const MOST_SHARES: u64 = 50;
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// One that was just made. The secret is told once.
#[derive(Debug)]
pub struct NewShare {
    pub share: api::Share,
    pub secret: SecretString,
    pub address: PreviewAddress,
}

explained! {
    pub enum ShareError: Access(AccessError) or Internal {
        NotFound => NotFound, "There is no such share link.";
        Lifetime => InvalidLifetime in "lasts_seconds", "A share link lasts from a minute to seven days.";
        TooMany => QuotaReached, "This desktop has {MOST_SHARES} share links already; revoke one first.";
    }
}

#[boxed]
impl Control {
    /// Makes a link that opens a port for this long.
    pub async fn share_port(
        &self,
        access: &DesktopAccess<purpose::Control>,
        port: u16,
        lifetime: Duration,
    ) -> Result<NewShare, ShareError> {
        if !(SHORTEST..=LONGEST).contains(&lifetime) {
            return Err(ShareError::Lifetime);
        }
        let address = self.preview_address(access, port).await?;
        let secret = new_token(TokenKind::Share);
        let now = clock::now();
        let ends = clock::later(now, lifetime);
        let new = rolltop_store::NewShare {
            workspace: access.caller.workspace,
            desktop: access.desktop,
            port,
            label: address.label(),
            token: hash_token(&secret),
            made_by: access.caller.actor(),
            // No longer than its maker.
            expires_at: access.caller.expires_at.map_or(ends, |end| end.min(ends)),
            maker: access.caller.maker(),
            limit: MOST_SHARES,
        };
        let share = self.kernel.store.insert_share(new, now).await?.ok_or(ShareError::TooMany)?;
        tracing::info!(desktop = %access.desktop, share = %share.id, port, "a share link was made");
        Ok(NewShare { share: shown(share), secret, address })
    }

    /// A desktop's share links that have not expired, oldest first.
    pub async fn shares(
        &self,
        access: &DesktopAccess<purpose::Control>,
    ) -> Result<Vec<api::Share>, ShareError> {
        let rows = self.kernel.store.shares(access.desktop, clock::now()).await?;
        Ok(rows.into_iter().map(shown).collect())
    }

    /// Takes a link back; who has it open is cut off within seconds.
    pub async fn revoke_share(
        &self,
        access: &DesktopAccess<purpose::Control>,
        id: ShareId,
    ) -> Result<(), ShareError> {
        if !self.kernel.store.delete_share(access.desktop, id).await? {
            return Err(ShareError::NotFound);
        }
        self.kernel.credentials_changed();
        tracing::info!(desktop = %access.desktop, share = %id, "a share link was revoked");
        Ok(())
    }

    /// What whoever holds a link is given in its place.
    pub async fn open_share(
        &self,
        secret: &SecretString,
        address: &PreviewAddress,
    ) -> Result<Pass, PassError> {
        if classify(secret) != Some(TokenKind::Share) {
            return Err(PassError::Invalid);
        }
        let now = clock::now();
        let share = self.kernel.store.share_with(hash_token(secret)).await?;
        let share = share.filter(|share| *share.expires_at > now && share.label == address.label());
        let share = share.ok_or(PassError::Invalid)?;
        let row = self.kernel.store.desktop(share.desktop).await?.ok_or(PassError::Invalid)?;
        if !address.means(row.id, row.name.as_str()) {
            return Err(PassError::Invalid);
        }
        self.kernel.store.touch_share(share.id, now).await?;
        Ok(self.pass(share.desktop, Holder::Share(share.id), address, *share.expires_at)?)
    }
}

fn shown(row: rolltop_store::Share) -> api::Share {
    api::Share {
        id: row.id,
        port: row.port(),
        made_by: row.made_by.name.into_owned(),
        created_at: *row.created_at,
        expires_at: *row.expires_at,
        used_at: row.used_at.map(Timestamp::from),
    }
}
