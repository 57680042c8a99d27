//! Each desktop's own network: a namespace, a TAP for the guest, a way out, and the rules.
//!
//! Invariants: the host reaches a guest only by a socket opened inside the guest's namespace;
//! there is no route to it from anywhere else. A guest reaches what [`NetworkPlan`]'s rules
//! say, and in quarantine nothing. Everything here may be repeated; what is already there is
//! made anew.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};

use crate::claim::Claim;
use crate::config::NetworkConfig;
use crate::fault::{Doing, Fault, blocking, told};

mod cidr;
mod forwarding;
mod host_networks;
mod namespace;
mod plan;
mod range;
mod resolver;
mod room;
mod tap;

pub use cidr::{Cidr, CidrError};
pub use forwarding::forwarding_dropped;
pub use plan::{GUEST, GUEST_MAC, NetworkPlan, Rates};
pub use range::{Used, range_conflict};

/// sshd's port in a guest.
const DOOR: u16 = 22;
/// A guest that is alive answers a connection at once, even emulated and busy.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long each of the first tries may take; the last one has the rest, for a guest that is slow.
const EARLY_TRIES: [Duration; 8] = [Duration::from_millis(500); 8];

/// Makes and removes desktops' networks.
#[derive(Debug, Clone)]
pub struct Network {
    plan: NetworkPlan,
    /// What the host's network was when it was last looked at.
    seen: Arc<Mutex<Seen>>,
    /// Whether desktops ask the host's resolver, none being configured.
    follows_resolver: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    resolver: Option<Ipv4Addr>,
    networks: Vec<Cidr>,
}

impl Network {
    /// Reads the host's resolver and chooses a range that no other engine has, which is kept in `directory`; changes nothing else yet.
    pub(crate) fn new(config: &NetworkConfig, directory: &Path, others: &[Claim]) -> Result<Self, Fault> {
        let prefix = &config.prefix;
        if !(1..=4).contains(&prefix.len()) || !prefix.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err(Fault::Other("the network's prefix has to be one to four of a-z".into()));
        }
        let plan = NetworkPlan {
            prefix: prefix.clone(),
            range: range::of_host(config.range, directory, prefix, others)?,
            egress_allow: config.egress_allow.clone(),
            resolver: config.resolver,
            host_networks: Vec::new(),
            rates: Rates {
                bytes: config.bytes_per_second,
                packets: config.packets_per_second,
                connections: config.connections_per_second,
            },
        };
        let networks = host_networks::of_host(prefix).unwrap_or_default();
        let seen = Seen { resolver: resolver::of_host(), networks };
        let follows_resolver = config.resolver.is_none();
        Ok(Self { plan, seen: Arc::new(Mutex::new(seen)), follows_resolver })
    }

    /// With the host's network as it is now.
    fn plan_now(&self) -> NetworkPlan {
        let Seen { resolver, networks } = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let resolver = if self.follows_resolver { resolver } else { self.plan.resolver };
        NetworkPlan { resolver, host_networks: networks, ..self.plan.clone() }
    }

    /// Looks at the host's network again. True where it is another: rules that are loaded name the old one. Blocks for
    /// some milliseconds.
    pub fn look_at_host(&self) -> bool {
        let now = Seen {
            resolver: resolver::of_host(),
            networks: host_networks::of_host(&self.plan.prefix).unwrap_or_default(),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.clone();
        // A file that is being replaced may name none for a moment, and an interface that is being changed.
        if now.resolver.is_some() && self.follows_resolver {
            seen.resolver = now.resolver;
        }
        if !now.networks.is_empty() {
            seen.networks = now.networks;
        }
        let changed = *seen != before;
        if changed {
            tracing::info!(?before, now = ?*seen, "the host's network is another, and what desktops may reach");
        }
        changed
    }

    /// Whether the host's rules are loaded. Who reloads a firewall may have taken them away.
    pub async fn is_prepared(&self) -> bool {
        let table = self.plan.table();
        blocking(move || Ok(namespace::feed("nft", &["list", "table", "inet", &table], "").is_ok()))
            .await
            .unwrap_or(true)
    }

    pub fn plan(&self) -> &NetworkPlan {
        &self.plan
    }

    /// Loads the host's rules and lets it forward. Repeatable.
    pub async fn prepare_host(&self) -> Result<(), Fault> {
        let rules = self.plan_now().host_rules();
        blocking(move || {
            namespace::feed("nft", &["-f", "-"], &rules)?;
            namespace::set(&[("ipv4/ip_forward", "1")])
        })
        .await
    }

    /// Takes the host's rules away again. Forwarding stays as it is: others may need it by now.
    pub async fn withdraw_host(&self) -> Result<(), Fault> {
        let rules = self.plan.host_rules_removal();
        blocking(move || namespace::feed("nft", &["-f", "-"], &rules)).await
    }

    /// Makes the network of desktop number `index`, in place of any that was there, with rules
    /// that let nothing pass, and returns the guest's end of the wire.
    pub async fn create(&self, index: u32) -> Result<OwnedFd, Fault> {
        let network = self.clone();
        blocking(move || network.create_now(index)).await
    }

    fn create_now(&self, index: u32) -> Result<OwnedFd, Fault> {
        let name = self.plan.namespace(index);
        let none_left = || Fault::Other("the network range has no addresses left".into());
        let host_commands = self.plan.host_commands(index).ok_or_else(none_left)?;
        let inner_commands = self.plan.namespace_commands(index).ok_or_else(none_left)?;
        if self.exists(index) {
            self.remove_now(index)?;
        }
        self.make_room();
        namespace::feed("ip", &["-batch", "-"], &host_commands)?;
        let (rules, wire) = (self.plan_now().namespace_rules(true), self.plan.wire_rules());
        namespace::inside(&name, move || {
            namespace::set(&[
                ("ipv6/conf/all/disable_ipv6", "1"),
                ("ipv6/conf/default/disable_ipv6", "1"),
                ("ipv4/conf/all/send_redirects", "0"),
                ("ipv4/conf/default/send_redirects", "0"),
            ])?;
            namespace::feed("nft", &["-f", "-"], &rules)?;
            namespace::feed("ip", &["-batch", "-"], &inner_commands)?;
            namespace::feed("nft", &["-f", "-"], &wire)?;
            // Last: with forwarding off nothing could have passed before the rules were there.
            namespace::set(&[("ipv4/ip_forward", "1")])?;
            tap::open(plan::TAP).doing("opening the TAP interface")
        })
    }

    /// Makes room for one more in the host's table of connections.
    fn make_room(&self) {
        let desktops = u64::try_from(self.existing().len()).unwrap_or(u64::MAX).saturating_add(1);
        if let Err(fault) = room::make(&room::settings(), desktops, self.plan.rates) {
            // In a container the table is not ours to make larger, and desktops run without.
            tracing::warn!(
                error = told(&fault),
                "hostile desktops could fill the host's table of connections"
            );
        }
    }

    /// Ends quarantine: what the egress policy allows may pass from now on.
    pub async fn release(&self, index: u32) -> Result<(), Fault> {
        let rules = self.plan_now().namespace_rules(false) + &self.plan.wire_rules();
        let name = self.plan.namespace(index);
        blocking(move || namespace::inside(&name, || namespace::feed("nft", &["-f", "-"], &rules))).await
    }

    /// Removes what there is of it; `true` if there was something.
    pub async fn remove(&self, index: u32) -> Result<bool, Fault> {
        let network = self.clone();
        blocking(move || {
            let existed = network.exists(index);
            if existed {
                network.remove_now(index)?;
            }
            Ok(existed)
        })
        .await
    }

    fn remove_now(&self, index: u32) -> Result<(), Fault> {
        // One of the two may be gone already, so only what remains afterwards is an error.
        let result = namespace::feed("ip", &["-force", "-batch", "-"], &self.plan.removal_commands(index));
        if self.exists(index) { result } else { Ok(()) }
    }

    fn exists(&self, index: u32) -> bool {
        namespace::path(&self.plan.namespace(index)).exists()
            || std::path::Path::new("/sys/class/net").join(self.plan.interface(index)).exists()
    }

    /// Opens a connection to the guest's sshd.
    pub async fn connect(&self, index: u32) -> Result<TcpStream, Fault> {
        let give_up = Instant::now() + CONNECT_LIMIT;
        // A guest that boots hears nothing at first, and the kernel asks again after longer and longer pauses.
        for limit in EARLY_TRIES.into_iter().chain([CONNECT_LIMIT]) {
            let until = give_up.min(Instant::now() + limit);
            if let Ok(connected) = timeout_at(until, self.try_to_connect(index)).await {
                return connected;
            }
        }
        Err(Fault::Slow("connecting to the desktop's door".into()))
    }

    async fn try_to_connect(&self, index: u32) -> Result<TcpStream, Fault> {
        let name = self.plan.namespace(index);
        let socket = blocking(move || {
            namespace::inside(&name, || {
                let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
                rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
                    .doing("making a socket in a network namespace")
            })
        })
        .await?;
        let socket = TcpSocket::from_std_stream(socket.into());
        socket.set_nodelay(true).doing("setting up a socket")?;
        let door = SocketAddr::V4(SocketAddrV4::new(GUEST, DOOR));
        socket.connect(door).await.doing("connecting to the desktop's door")
    }

    /// A desktop's namespace, for a program that talks with its guest.
    pub(crate) fn namespace(&self, index: u32) -> Result<OwnedFd, Fault> {
        Ok(namespace::open(&self.plan.namespace(index))?.into())
    }

    /// Bytes that went to a desktop from other networks, and from it; not those of its door. Nothing where
    /// it has no way out.
    pub fn transferred(&self, index: u32) -> (u64, u64) {
        let table = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
        transferred(&table, &self.plan.interface(index)).unwrap_or((0, 0))
    }

    /// Numbers of all networks of ours that exist, whole or in part.
    pub fn existing(&self) -> BTreeSet<u32> {
        let names = |directory: &str| {
            let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>()
        };
        let namespaces = names(namespace::DIRECTORY);
        let interfaces = names("/sys/class/net");
        namespaces
            .iter()
            .filter_map(|name| self.plan.index_of_namespace(name))
            .chain(interfaces.iter().filter_map(|name| self.plan.index_of_interface(name)))
            .collect()
    }
}
/// What went into the host's end of a desktop's way out, and what came out of it.
fn transferred(table: &str, interface: &str) -> Option<(u64, u64)> {
    let mut rows = table.lines().filter_map(|line| line.split_once(':'));
    let (_, numbers) = rows.find(|(name, _)| name.trim() == interface)?;
    let numbers: Vec<&str> = numbers.split_whitespace().collect();
    Some((numbers.get(8)?.parse().ok()?, numbers.first()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::transferred;

    #[test]
    fn the_hosts_end_receives_what_a_desktop_sends() {
        let table = "Inter-|   Receive                                                |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
             lo:    1004       6    0    0    0     0          0         0     1004       6    0    0    0     0       0          0\n \
             rtv7:     500       5    0    0    0     0          0         0     9000      12    0    0    0     0       0          0\n";
        assert_eq!(transferred(table, "rtv7"), Some((9000, 500)));
        assert_eq!(transferred(table, "rtv"), None);
        assert_eq!(transferred("", "rtv7"), None);
    }
}
