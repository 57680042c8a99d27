//! Tickets: from a session at Rolltop's own address to a pass at a preview's, by way of a redirect.
//!
//! A ticket is in an address, so it lives a minute, works once, and only for the address it was
//! made for. In memory: a restart makes browsers ask for another.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, SessionId};
use rolltop_vault::{TokenKind, hash_token, new_token};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::kernel::caller::{Caller, DesktopAccess, Who, purpose};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{AccessError, NoSuchDesktop, explained};
use crate::kernel::state::default_state;
use crate::preview::address::{Named, PreviewAddress};
use crate::preview::{Holder, Pass, PassError};

const TICKET_LIFE: Duration = Duration::from_secs(60);
/// Tickets under way at most; beyond that the oldest go.
const MOST_TICKETS: usize = 10_000;
/// How long a pass that was made with a session is good. Then the browser is sent for another, unseen.
const PASS_LIFE: Duration = Duration::from_secs(12 * 3600);

#[derive(Debug)]
pub struct Ticket {
    pub secret: SecretString,
    /// The address it is for, which may not be the one that was asked for: it names the desktop by its
    /// id where the name means another desktop too.
    pub address: PreviewAddress,
}

explained! {
    pub enum TicketError: Access(AccessError) or Internal {
        NotAPerson => NotAPerson, "Only a person who is signed in can open a preview.";
    }
}

/// Those that nobody has used yet, by the hash of their secret.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<HashMap<[u8; 32], Unused>>);
default_state!(Tickets);

struct Unused {
    made: Instant,
    address: PreviewAddress,
    desktop: DesktopId,
    session: SessionId,
}

impl Tickets {
    fn put(&self, secret: &SecretString, kept: Unused) {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.retain(|_, ticket| ticket.made.elapsed() < TICKET_LIFE);
        if tickets.len() >= MOST_TICKETS {
            let oldest = tickets.iter().min_by_key(|(_, ticket)| ticket.made).map(|(hash, _)| *hash);
            oldest.and_then(|oldest| tickets.remove(&oldest));
        }
        tickets.insert(hash_token(secret).0, kept);
    }

    /// Gone whether or not it was for this address.
    fn take(&self, secret: &SecretString, address: &PreviewAddress) -> Option<Unused> {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = tickets.remove(&hash_token(secret).0)?;
        (kept.made.elapsed() < TICKET_LIFE && kept.address == *address).then_some(kept)
    }
}

#[boxed]
impl Control {
    /// A ticket to a desktop's port, for a person who is signed in.
    pub async fn preview_ticket(
        &self,
        caller: &Caller,
        wanted: &PreviewAddress,
    ) -> Result<Ticket, TicketError> {
        let Who::Session { session, .. } = caller.who else { return Err(TicketError::NotAPerson) };
        let desktop = match wanted.desktop() {
            Named::Id(id) => *id,
            Named::Name(name) => {
                let named = self.kernel.store.desktop_named(caller.workspace, name.as_str()).await?;
                named.ok_or(AccessError::NotFound(NoSuchDesktop))?.id
            }
        };
        let access: DesktopAccess<purpose::Control> = self.authorise(caller, desktop).await?;
        let address = self.preview_address(&access, wanted.port()).await?;
        let secret = new_token(TokenKind::PreviewTicket);
        let kept = Unused { made: Instant::now(), address: address.clone(), desktop, session };
        self.kernel.state::<Tickets>().put(&secret, kept);
        Ok(Ticket { secret, address })
    }

    /// Uses a ticket up.
    pub fn redeem_ticket(&self, secret: &SecretString, address: &PreviewAddress) -> Result<Pass, PassError> {
        let kept = self.kernel.state::<Tickets>().take(secret, address).ok_or(PassError::Invalid)?;
        let until = clock::later(clock::now(), PASS_LIFE);
        Ok(self.pass(kept.desktop, Holder::Session(kept.session), address, until)?)
    }

    /// The one address of a desktop's port: by its name, unless that means another workspace's desktop
    /// too, whose pages would then have the same origin.
    pub(crate) async fn preview_address(
        &self,
        access: &DesktopAccess<purpose::Control>,
        port: u16,
    ) -> Result<PreviewAddress, AccessError> {
        let row = self.kernel.store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
        if self.kernel.store.desktops_called(row.name.as_str()).await? > 1 {
            return Ok(PreviewAddress::by_id(port, row.id));
        }
        Ok(PreviewAddress::by_name(port, row.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(address: &str) -> Unused {
        Unused {
            made: Instant::now(),
            address: address.parse().unwrap(),
            desktop: DesktopId::from_u128(1),
            session: SessionId::from_u128(2),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_works_once_at_its_address_and_within_a_minute() {
        let tickets = Tickets::default();
        let here: PreviewAddress = "3000--first".parse().unwrap();
        let secret = || new_token(TokenKind::PreviewTicket);
        let (once, elsewhere, late) = (secret(), secret(), secret());
        for ticket in [&once, &elsewhere, &late] {
            tickets.put(ticket, kept("3000--first"));
        }
        assert!(tickets.take(&once, &here).is_some());
        assert!(tickets.take(&once, &here).is_none());
        assert!(tickets.take(&elsewhere, &"3001--first".parse().unwrap()).is_none());
        assert!(tickets.take(&elsewhere, &here).is_none(), "a try elsewhere uses it up");
        tokio::time::advance(TICKET_LIFE).await;
        assert!(tickets.take(&late, &here).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn tickets_don_t_pile_up() {
        let tickets = Tickets::default();
        for _ in 0..MOST_TICKETS + 5 {
            tickets.put(&new_token(TokenKind::PreviewTicket), kept("1--a"));
        }
        assert_eq!(tickets.0.lock().unwrap().len(), MOST_TICKETS);
    }
}
