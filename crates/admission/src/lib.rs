//! How many connections a public port has at the same time, and who gets one when there are not enough.
//!
//! ```text
//!  arrives ──► waits ──► stranger ──► known
//!                 ▲   a place is free     it has proved who it is
//! ```
//!
//! Strangers have only so many places, and whoever finds none waits for one. A place that is free goes to the network
//! that has the fewest. Where none gets free, the network that has the most gives one up, once that connection has had
//! a grace that is enough for a program to log in. So whoever holds many connections from one network takes places from
//! themselves and not from others; with one from each of very many networks, one of them is taken at random.
//!
//! A network is what one subscriber has: an address of IPv4, or a /64 of IPv6. Deliberately absent: what a connection
//! speaks, and what is said to who is turned away.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rolltop_model::network_of;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// What a port has to give.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections in all, those that wait included.
    pub connections: usize,
    /// Those of one network.
    pub per_network: usize,
    /// Those that are attended to and have not proved who they are.
    pub strangers: usize,
    /// How long a stranger keeps a place that others wait for.
    pub grace: Duration,
    /// How long a connection waits for a place.
    pub wait: Duration,
}

/// Why a connection gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("too many connections from this network")]
    Network,
    #[error("too many connections")]
    Full,
}

/// The places of one port.
pub struct Admission {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    /// In the order in which they arrived.
    connections: BTreeMap<u64, Connection>,
    networks: HashMap<IpAddr, Counts>,
    /// When places are looked at again though nothing has happened.
    alarm: Option<Instant>,
}

struct Connection {
    network: IpAddr,
    stage: Stage,
    given_up: CancellationToken,
}

enum Stage {
    /// Told when it has a place.
    Waiting(oneshot::Sender<()>),
    Stranger {
        since: Instant,
    },
    Known,
}

#[derive(Default, Clone, Copy)]
struct Counts {
    all: usize,
    /// Those that have a place.
    strangers: usize,
    waiting: usize,
}

impl Counts {
    fn unknown(self) -> usize {
        self.strangers.saturating_add(self.waiting)
    }
}

/// One connection's place, free again when dropped.
pub struct Permit {
    admission: Arc<Admission>,
    id: u64,
    given_up: CancellationToken,
}

impl Admission {
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// A place for a connection from there, as soon as there is one.
    pub async fn admit(self: &Arc<Self>, from: IpAddr) -> Result<Permit, Refused> {
        let (place, turn) = self.arrive(network_of(from))?;
        tokio::select! {
            biased;
            Ok(()) = turn => Ok(place),
            () = place.given_up() => Err(Refused::Full),
            () = sleep(self.limits.wait) => Err(Refused::Full),
        }
    }

    fn arrive(self: &Arc<Self>, network: IpAddr) -> Result<(Permit, oneshot::Receiver<()>), Refused> {
        let mut state = self.state();
        if state.counts(network).all >= self.limits.per_network {
            return Err(Refused::Network);
        }
        if state.connections.len() >= self.limits.connections && !self.make_room(&mut state, network) {
            return Err(Refused::Full);
        }
        let (told, turn) = oneshot::channel();
        let given_up = CancellationToken::new();
        let place = Permit { admission: self.clone(), id: state.last, given_up: given_up.clone() };
        state.insert(Connection { network, stage: Stage::Waiting(told), given_up });
        self.settle(&mut state);
        Ok((place, turn))
    }

    /// Takes a connection from the network that has the most unknown ones, if [`may_take`] allows it.
    fn make_room(&self, state: &mut State, network: IpAddr) -> bool {
        let most = state.networks.values().map(|counts| counts.unknown()).max().unwrap_or_default();
        if !may_take(state.counts(network).unknown(), most) {
            return false;
        }
        let has_most = |one: &Connection| state.counts(one.network).unknown() == most;
        let waiting = |one: &Connection| matches!(one.stage, Stage::Waiting(_));
        let all = || state.connections.iter().rev().filter(|(_, one)| has_most(one));
        let newest = all().find(|(_, one)| waiting(one)).map(|(id, _)| *id);
        let now = Instant::now();
        let chosen = newest.or_else(|| {
            let old =
                all().filter(|(_, one)| one.end_of_grace(self.limits.grace).is_some_and(|end| end <= now));
            any(old.map(|(id, _)| *id).collect())
        });
        chosen.is_some_and(|id| state.give_up(id))
    }

    /// Gives what places there are to those that wait.
    fn settle(self: &Arc<Self>, state: &mut State) {
        while let Some((id, network)) = state.next_waiting() {
            if state.strangers() >= self.limits.strangers && !self.take_place(state, network) {
                return;
            }
            state.attend(id);
        }
    }

    /// Takes a place from the network that has the most, if [`may_take`] allows it.
    fn take_place(self: &Arc<Self>, state: &mut State, network: IpAddr) -> bool {
        let most = state.networks.values().map(|counts| counts.strangers).max().unwrap_or_default();
        if !may_take(state.counts(network).strangers, most) {
            return false;
        }
        let ends: Vec<(u64, Instant)> = state
            .connections
            .iter()
            .filter(|(_, one)| state.counts(one.network).strangers == most)
            .filter_map(|(id, one)| Some((*id, one.end_of_grace(self.limits.grace)?)))
            .collect();
        let now = Instant::now();
        let old = ends.iter().filter(|(_, end)| *end <= now).map(|(id, _)| *id).collect();
        if let Some(id) = any(old) {
            return state.give_up(id);
        }
        if let Some(first) = ends.iter().map(|(_, end)| *end).min() {
            self.look_again(state, first);
        }
        false
    }

    fn look_again(self: &Arc<Self>, state: &mut State, at: Instant) {
        if state.alarm.is_some_and(|alarm| alarm <= at) {
            return;
        }
        state.alarm = Some(at);
        let admission = self.clone();
        tokio::spawn(async move {
            sleep_until(at).await;
            let mut state = admission.state();
            if state.alarm == Some(at) {
                state.alarm = None;
            }
            admission.settle(&mut state);
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The numbers change together, without a panic between.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// `None` for who is no stranger with a place.
    fn end_of_grace(&self, grace: Duration) -> Option<Instant> {
        match self.stage {
            Stage::Stranger { since } => Some(since + grace),
            Stage::Waiting(_) | Stage::Known => None,
        }
    }
}

impl State {
    fn counts(&self, network: IpAddr) -> Counts {
        self.networks.get(&network).copied().unwrap_or_default()
    }

    fn strangers(&self) -> usize {
        self.networks.values().map(|counts| counts.strangers).sum()
    }

    fn insert(&mut self, connection: Connection) {
        let counts = self.networks.entry(connection.network).or_default();
        counts.all += 1;
        counts.waiting += 1;
        self.connections.insert(self.last, connection);
        self.last += 1;
    }

    /// Of the network that has the fewest places, the one that waits longest.
    fn next_waiting(&self) -> Option<(u64, IpAddr)> {
        let waiting = self.connections.iter().filter(|(_, one)| matches!(one.stage, Stage::Waiting(_)));
        waiting
            .min_by_key(|(id, one)| (self.counts(one.network).strangers, **id))
            .map(|(id, one)| (*id, one.network))
    }

    fn attend(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let stranger = Stage::Stranger { since: Instant::now() };
        let before = std::mem::replace(&mut connection.stage, stranger);
        let counts = self.networks.entry(connection.network).or_default();
        if let Stage::Waiting(told) = before {
            counts.waiting = counts.waiting.saturating_sub(1);
            counts.strangers += 1;
            // Whoever does not wait any more gives the place back in a moment.
            let _ = told.send(());
        }
    }

    fn know(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if let Stage::Stranger { .. } = connection.stage {
            connection.stage = Stage::Known;
            let counts = self.networks.entry(connection.network).or_default();
            counts.strangers = counts.strangers.saturating_sub(1);
        }
    }

    fn give_up(&mut self, id: u64) -> bool {
        self.remove(id).is_some_and(|gone| {
            gone.given_up.cancel();
            true
        })
    }

    fn remove(&mut self, id: u64) -> Option<Connection> {
        let gone = self.connections.remove(&id)?;
        let counts = self.networks.entry(gone.network).or_default();
        counts.all = counts.all.saturating_sub(1);
        match gone.stage {
            Stage::Waiting(_) => counts.waiting = counts.waiting.saturating_sub(1),
            Stage::Stranger { .. } => counts.strangers = counts.strangers.saturating_sub(1),
            Stage::Known => {}
        }
        if counts.all == 0 {
            self.networks.remove(&gone.network);
        }
        Some(gone)
    }
}

/// Whether a network that has so many takes one from another that has so many: where that makes them more alike, and where it
/// has none at all.
fn may_take(own: usize, theirs: usize) -> bool {
    theirs > own.saturating_add(1) || (own == 0 && theirs > 0)
}

fn any(mut ids: Vec<u64>) -> Option<u64> {
    (!ids.is_empty()).then(|| ids.swap_remove(rand::random_range(0..ids.len())))
}

impl Permit {
    /// Whoever has it has proved who they are; it is not taken from them any more.
    pub fn known(&self) {
        let mut state = self.admission.state();
        state.know(self.id);
        self.admission.settle(&mut state);
    }

    /// Completes when the place is given to another.
    pub async fn given_up(&self) {
        self.given_up.cancelled().await;
    }

    /// The same, to be kept.
    pub fn giving_up(&self) -> CancellationToken {
        self.given_up.clone()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        if state.remove(self.id).is_some() {
            self.admission.settle(&mut state);
        }
    }
}

#[cfg(test)]
mod tests;
