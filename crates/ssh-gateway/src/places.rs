//! How many connections there may be: in all, from one address, and of those who have not logged in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Limits;

pub(crate) struct Places {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    strangers: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place, free again when dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    address: IpAddr,
    stranger: bool,
}

impl Places {
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    /// A place for a stranger from there, if there is room.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = who(address);
        let mut taken = self.taken();
        let here = taken.by_address.get(&address).copied().unwrap_or_default();
        if taken.all >= self.limits.connections
            || taken.strangers >= self.limits.strangers
            || here >= self.limits.per_address
        {
            return None;
        }
        taken.all += 1;
        taken.strangers += 1;
        taken.by_address.insert(address, here + 1);
        Some(Place { places: self.clone(), address, stranger: true })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // The numbers change together, without a panic between.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whoever has it has logged in.
    pub fn logged_in(&mut self) {
        if std::mem::replace(&mut self.stranger, false) {
            let mut taken = self.places.taken();
            taken.strangers = taken.strangers.saturating_sub(1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.logged_in();
        let mut taken = self.places.taken();
        taken.all = taken.all.saturating_sub(1);
        if let Some(count) = taken.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// What counts as one address: whoever has one of IPv6 has a /64 of them.
fn who(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Arc<Places> {
        Places::new(Limits { connections: 4, strangers: 3, per_address: 2, ..Limits::default() })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_only_so_many_and_gets_them_back() {
        let places = places();
        let first = places.take(ip("192.0.2.1")).unwrap();
        let _second = places.take(ip("::ffff:192.0.2.1")).unwrap();
        assert!(places.take(ip("192.0.2.1")).is_none());
        assert!(places.take(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(places.take(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let places = places();
        let _held = [places.take(ip("2001:db8::1")).unwrap(), places.take(ip("2001:db8::2:3")).unwrap()];
        assert!(places.take(ip("2001:db8::4")).is_none());
        assert!(places.take(ip("2001:db8:0:1::4")).is_some());
    }

    #[test]
    fn strangers_leave_room_for_each_other_by_logging_in() {
        let places = places();
        let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
        let mut held: Vec<Place> = addresses.iter().map(|text| places.take(ip(text)).unwrap()).collect();
        assert!(places.take(ip("192.0.2.4")).is_none(), "no more strangers");
        held[0].logged_in();
        held[0].logged_in();
        let fourth = places.take(ip("192.0.2.4")).unwrap();
        held[1].logged_in();
        assert!(places.take(ip("192.0.2.5")).is_none(), "no more at all");
        drop((held, fourth));
        let taken = places.taken();
        assert_eq!((taken.all, taken.strangers, taken.by_address.len()), (0, 0, 0));
    }
}
