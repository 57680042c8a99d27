//! Names and addresses of one desktop's network, and the text of every command and rule.
//!
//! Pure: what is here can be read and tested without a kernel. Each desktop `n` has
//!
//! ```text
//!  guest 10.77.0.2 ── tap0 10.77.0.1 [ namespace rt<n> ] eth0 100.64.x.y+2 ── rtv<n> 100.64.x.y+1 [ host ] ──► out
//! ```
//!
//! The same inner addresses everywhere, so a fork of a running machine needs no new ones. The
//! rules in the namespace and those on the host both refuse what a guest may not reach, so
//! that a mistake in one does not open the way.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;

use super::Cidr;

/// The guest's address in its namespace.
pub const GUEST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// The namespace's own address on the guest's wire: gateway and resolver as the guest sees it.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The guest's hardware address.
pub const GUEST_MAC: &str = "52:54:00:77:00:02";
/// The gateway's. Fixed as well, because a baked guest knows the one it was baked with.
const GATEWAY_MAC: &str = "52:54:00:77:00:01";
/// The TAP interface, in every namespace.
pub const TAP: &str = "tap0";
/// The namespace's end of the way out.
const UPLINK: &str = "eth0";

/// Connections a desktop may begin at once.
pub(super) const CONNECTIONS_AT_ONCE: u32 = 1000;
/// Connections a desktop may have open at the same time. TCP's that were closed are not counted.
pub(super) const MAX_CONNECTIONS: u32 = 4096;

/// What no desktop may reach unless the operator allows it: private, link-local, loopback,
/// shared, multicast and reserved ranges (IANA's special-purpose registry) and the clouds'
/// metadata addresses outside of those.
pub const DENIED: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
];

/// What all desktops' networks of one engine have in common.
#[derive(Debug, Clone)]
pub struct NetworkPlan {
    pub prefix: String,
    pub range: Cidr,
    pub egress_allow: Vec<Cidr>,
    pub resolver: Option<Ipv4Addr>,
    /// The host's own networks, which are denied although their addresses may be public.
    pub host_networks: Vec<Cidr>,
    pub rates: Rates,
}

/// What one desktop may send in a second; bytes, what it may receive, too.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    pub bytes: NonZeroU32,
    pub packets: NonZeroU32,
    pub connections: NonZeroU32,
}

impl NetworkPlan {
    /// The namespace of desktop number `index`.
    pub fn namespace(&self, index: u32) -> String {
        format!("{}{index}", self.prefix)
    }

    /// The host's end of its way out.
    pub fn interface(&self, index: u32) -> String {
        format!("{}v{index}", self.prefix)
    }

    /// How many desktops the range has addresses for.
    pub fn capacity(&self) -> u32 {
        Self::capacity_of(self.range)
    }

    /// How many a range has addresses for.
    pub(crate) fn capacity_of(range: Cidr) -> u32 {
        u32::try_from(range.addresses() / 4).unwrap_or(u32::MAX)
    }

    /// The number in a namespace's name, if it is one of ours.
    pub fn index_of_namespace(&self, name: &str) -> Option<u32> {
        index_of(name.strip_prefix(&self.prefix)?)
    }

    /// The number in an interface's name, if it is one of ours.
    pub fn index_of_interface(&self, name: &str) -> Option<u32> {
        index_of(name.strip_prefix(&self.prefix)?.strip_prefix('v')?)
    }

    fn addresses(&self, index: u32) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let first = index.checked_mul(4)?;
        Some((self.range.address(first + 1)?, self.range.address(first + 2)?))
    }

    /// For `ip -batch` on the host; `None` where the range has no addresses left for `index`.
    pub fn host_commands(&self, index: u32) -> Option<String> {
        let (namespace, interface) = (self.namespace(index), self.interface(index));
        let (host, _) = self.addresses(index)?;
        Some(format!(
            "netns add {namespace}\n\
             link add {interface} type veth peer name {UPLINK} netns {namespace}\n\
             link set {interface} addrgenmode none\n\
             addr add {host}/30 dev {interface}\n\
             link set {interface} up\n"
        ))
    }

    /// For `ip -batch` in the namespace.
    pub fn namespace_commands(&self, index: u32) -> Option<String> {
        let (host, inner) = self.addresses(index)?;
        Some(format!(
            "tuntap add {TAP} mode tap vnet_hdr\n\
             link set {TAP} address {GATEWAY_MAC}\n\
             addr add {GATEWAY}/24 dev {TAP}\n\
             addr add {inner}/30 dev {UPLINK}\n\
             link set {TAP} up\n\
             link set {UPLINK} up\n\
             neigh add {GUEST} lladdr {GUEST_MAC} dev {TAP} nud permanent\n\
             route add default via {host}\n"
        ))
    }

    /// For `ip -force -batch` on the host; each line may fail where there is nothing.
    pub fn removal_commands(&self, index: u32) -> String {
        format!("link del {}\nnetns del {}\n", self.interface(index), self.namespace(index))
    }

    /// The rules on a guest's wire, before anything of the host's looks at what it sends: nothing but IPv4 and ARP, all
    /// of it from its own addresses. From others the host would learn neighbours, of which there is one table for all.
    pub fn wire_rules(&self) -> String {
        let Rates { bytes, packets, .. } = self.rates;
        format!(
            "table netdev rolltop\n\
             delete table netdev rolltop\n\
             table netdev rolltop {{\n\
             chain from_guest {{\n\
             type filter hook ingress device \"{TAP}\" priority -500; policy drop;\n\
             ether saddr != {GUEST_MAC} drop\n\
             limit rate over {packets}/second burst {packets_at_once} packets drop\n\
             limit rate over {bytes} bytes/second burst {bytes_at_once} bytes drop\n\
             ether type ip ip saddr {GUEST} accept\n\
             ether type arp arp htype 1 arp saddr ether {GUEST_MAC} arp saddr ip {GUEST} accept\n\
             }}\n\
             }}\n",
            packets_at_once = at_once(packets),
            bytes_at_once = at_once(bytes),
        )
    }

    /// The rules in a desktop's namespace. In quarantine nothing passes but the host's own
    /// connections to the door.
    pub fn namespace_rules(&self, quarantined: bool) -> String {
        let (dnat, egress) = if quarantined {
            (String::new(), String::new())
        } else {
            (self.resolver_translation(), self.egress_rules())
        };
        format!(
            "table inet rolltop\n\
             delete table inet rolltop\n\
             table inet rolltop {{\n\
             {sets}\
             chain from_guest {{\n\
             type filter hook prerouting priority -300; policy accept;\n\
             iifname \"{TAP}\" meta nfproto != ipv4 drop\n\
             iifname \"{TAP}\" ether saddr != {GUEST_MAC} drop\n\
             iifname \"{TAP}\" ip saddr != {GUEST} drop\n\
             }}\n\
             chain translate {{\n\
             type nat hook prerouting priority -100; policy accept;\n\
             {dnat}\
             }}\n\
             chain input {{\n\
             type filter hook input priority 0; policy drop;\n\
             iifname \"{TAP}\" ct state established,related accept\n\
             }}\n\
             chain output {{\n\
             type filter hook output priority 0; policy drop;\n\
             oifname \"{TAP}\" accept\n\
             }}\n\
             chain forward {{\n\
             type filter hook forward priority 0; policy drop;\n\
             {egress}\
             }}\n\
             chain outward {{\n\
             type nat hook postrouting priority 100; policy accept;\n\
             oifname \"{UPLINK}\" masquerade\n\
             }}\n\
             }}\n",
            sets = self.sets(),
        )
    }

    fn resolver_translation(&self) -> String {
        self.resolver.map_or_else(String::new, |resolver| {
            format!(
                "iifname \"{TAP}\" ip daddr {GATEWAY} udp dport 53 dnat ip to {resolver}\n\
                 iifname \"{TAP}\" ip daddr {GATEWAY} tcp dport 53 dnat ip to {resolver}\n"
            )
        })
    }

    fn egress_rules(&self) -> String {
        let Rates { bytes, connections, .. } = self.rates;
        format!(
            "ct state invalid drop\n\
             oifname \"{TAP}\" limit rate over {bytes} bytes/second burst {bytes_at_once} bytes drop\n\
             iifname \"{TAP}\" ct state new limit rate over {connections}/second burst {CONNECTIONS_AT_ONCE} packets drop\n\
             iifname \"{TAP}\" ct state new ct count over {MAX_CONNECTIONS} drop\n\
             iifname \"{UPLINK}\" oifname \"{TAP}\" ct state established,related accept\n\
             iifname \"{UPLINK}\" drop\n\
             oifname != \"{UPLINK}\" drop\n\
             ct status dnat accept\n\
             {decision}",
            decision = self.decision("reject with icmpx admin-prohibited"),
            bytes_at_once = at_once(bytes),
        )
    }

    /// Takes them away again, for `nft -f`; no error where they are not there.
    pub fn host_rules_removal(&self) -> String {
        let table = self.table();
        format!("table inet {table}\ndelete table inet {table}\n")
    }

    /// The rules on the host. They look only at our own interfaces.
    ///
    /// Connections are limited here as in the namespaces, by address: a namespace ends with its desktop, and what it
    /// counted with it, while the connections stay in the host's table until they time out.
    pub fn host_rules(&self) -> String {
        let table = self.table();
        let ours = format!("\"{}v*\"", self.prefix);
        let range = self.range;
        let resolver = self.resolver.map_or_else(String::new, |resolver| {
            format!("ip daddr {resolver} meta l4proto {{ tcp, udp }} th dport 53 accept\n")
        });
        let Rates { connections, .. } = self.rates;
        let desktops = self.capacity();
        format!(
            "table inet {table}\n\
             delete table inet {table}\n\
             table inet {table} {{\n\
             {sets}\
             set begun {{ type ipv4_addr; flags dynamic; size {desktops}; }}\n\
             set open {{ type ipv4_addr; flags dynamic; size {desktops}; }}\n\
             chain bounds {{\n\
             ip saddr != {range} drop\n\
             add @begun {{ ip saddr limit rate over {connections}/second burst {CONNECTIONS_AT_ONCE} packets }} drop\n\
             add @open {{ ip saddr ct count over {MAX_CONNECTIONS} }} drop\n\
             }}\n\
             chain input {{\n\
             type filter hook input priority -10; policy accept;\n\
             iifname != {ours} accept\n\
             ct state established,related accept\n\
             ct state new jump bounds\n\
             {resolver}\
             drop\n\
             }}\n\
             chain forward {{\n\
             type filter hook forward priority -10; policy accept;\n\
             iifname != {ours} oifname != {ours} accept\n\
             iifname {ours} oifname {ours} drop\n\
             iifname {ours} tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu\n\
             oifname {ours} ct state established,related accept\n\
             oifname {ours} drop\n\
             meta nfproto != ipv4 drop\n\
             ip saddr != {range} drop\n\
             ct state new jump bounds\n\
             {resolver}\
             {decision}\
             }}\n\
             chain outward {{\n\
             type nat hook postrouting priority 100; policy accept;\n\
             ip saddr {range} oifname != {ours} masquerade\n\
             }}\n\
             }}\n",
            sets = self.sets(),
            decision = self.decision("drop"),
        )
    }

    /// The host's table: one for each prefix, so that two engines don't take each other's away.
    pub fn table(&self) -> String {
        if self.prefix == "rt" { "rolltop".to_owned() } else { format!("rolltop_{}", self.prefix) }
    }

    fn sets(&self) -> String {
        let allowed: Vec<String> = self.egress_allow.iter().map(Cidr::to_string).collect();
        let elements = if allowed.is_empty() {
            String::new()
        } else {
            format!(" elements = {{ {} }};", allowed.join(", "))
        };
        let denied: Vec<String> = DENIED
            .iter()
            .map(|network| (*network).to_owned())
            .chain(self.host_networks.iter().map(Cidr::to_string))
            .collect();
        format!(
            "set allowed {{ type ipv4_addr; flags interval; auto-merge;{elements} }}\n\
             set denied {{ type ipv4_addr; flags interval; auto-merge; elements = {{ {} }}; }}\n",
            denied.join(", ")
        )
    }

    fn decision(&self, refusal: &str) -> String {
        format!("ip daddr @allowed accept\nip daddr @denied {refusal}\naccept\n")
    }
}

/// What a tenth of a second's may come at once, so that no steady sender loses any.
fn at_once(per_second: NonZeroU32) -> u32 {
    (per_second.get() / 10).max(1)
}

fn index_of(digits: &str) -> Option<u32> {
    let index: u32 = digits.parse().ok()?;
    (index.to_string() == digits).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> NetworkPlan {
        NetworkPlan {
            prefix: "rt".into(),
            range: "100.64.0.0/16".parse().unwrap(),
            egress_allow: vec!["10.20.0.0/16".parse().unwrap()],
            resolver: Some(Ipv4Addr::new(10, 0, 0, 53)),
            host_networks: vec!["192.0.2.0/24".parse().unwrap()],
            rates: Rates {
                bytes: NonZeroU32::new(125_000_000).unwrap(),
                packets: NonZeroU32::new(100_000).unwrap(),
                connections: NonZeroU32::new(100).unwrap(),
            },
        }
    }

    #[test]
    fn the_rules_are_as_reviewed() {
        insta::assert_snapshot!("host_rules", plan().host_rules());
        insta::assert_snapshot!("quarantine_rules", plan().namespace_rules(true));
        insta::assert_snapshot!("released_rules", plan().namespace_rules(false));
        insta::assert_snapshot!("wire_rules", plan().wire_rules());
    }

    #[test]
    fn the_commands_are_as_reviewed() {
        insta::assert_snapshot!("host_commands", plan().host_commands(7).unwrap());
        insta::assert_snapshot!("namespace_commands", plan().namespace_commands(7).unwrap());
    }

    #[test]
    fn names_are_ours_only_when_they_are_exactly_ours() {
        let plan = plan();
        assert_eq!(plan.index_of_namespace("rt12"), Some(12));
        assert_eq!(plan.index_of_interface("rtv12"), Some(12));
        for other in ["rt", "rt-1", "rt012", "rt+1", "rtq1", "x1", "rt1 (id: 3)"] {
            assert_eq!(plan.index_of_namespace(other), None, "{other}");
        }
    }

    #[test]
    fn there_are_no_addresses_beyond_the_range() {
        let plan = plan();
        assert_eq!(plan.capacity(), 16384);
        assert!(plan.host_commands(16383).is_some());
        assert!(plan.host_commands(16384).is_none());
        assert!(plan.host_commands(u32::MAX).is_none());
    }
}
