//! The networks that the host itself is in. Desktops are kept out of them, whatever addresses they have.

use std::process::Command;

use serde::Deserialize;

use super::Cidr;
use super::range::is_ours;
use crate::process::PROGRAM_PATH;

#[derive(Deserialize)]
struct Interface {
    ifname: String,
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    local: std::net::Ipv4Addr,
    prefixlen: u8,
}

/// Those of every interface but the engine's own; `None` where the host can't be asked.
pub(super) fn of_host(prefix: &str) -> Option<Vec<Cidr>> {
    let asked = Command::new("ip").args(["-4", "-json", "addr", "show"]).env("PATH", PROGRAM_PATH).output();
    let output = asked.ok().filter(|output| output.status.success())?;
    read(&output.stdout, prefix)
}

fn read(json: &[u8], prefix: &str) -> Option<Vec<Cidr>> {
    let interfaces: Vec<Interface> = serde_json::from_slice(json).ok()?;
    let mut networks: Vec<Cidr> = interfaces
        .into_iter()
        .filter(|interface| interface.ifname != "lo" && !is_ours(&interface.ifname, prefix))
        .flat_map(|interface| interface.addr_info)
        .map(|address| Cidr::new(address.local, address.prefixlen))
        .collect();
    networks.sort_unstable_by_key(Cidr::to_string);
    networks.dedup();
    Some(networks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_of_the_host_is_named_once_and_ours_are_not() {
        let json = br#"[{"ifname":"lo","addr_info":[{"local":"127.0.0.1","prefixlen":8}]},
            {"ifname":"eth0","addr_info":[{"local":"203.0.113.7","prefixlen":24},{"local":"203.0.113.8","prefixlen":24}]},
            {"ifname":"wg0","addr_info":[{"local":"198.51.100.1","prefixlen":32}]},{"ifname":"eth1"},
            {"ifname":"rtv3","addr_info":[{"local":"100.64.0.13","prefixlen":30}]},
            {"ifname":"rtx","addr_info":[{"local":"192.0.2.1","prefixlen":25}]}]"#;
        let found: Vec<String> = read(json, "rt").unwrap().iter().map(Cidr::to_string).collect();
        assert_eq!(found, ["192.0.2.0/25", "198.51.100.1/32", "203.0.113.0/24"]);
        assert_eq!(read(b"nonsense", "rt"), None);
    }
}
