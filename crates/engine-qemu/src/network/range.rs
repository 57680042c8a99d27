//! Which addresses the way out of desktops takes: ones that nothing else on the host uses.
//!
//! Chosen by looking when an engine's directory is new, and kept there, as the networks of running desktops have them.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::Cidr;
use crate::claim::Claim;
use crate::durable;
use crate::fault::Fault;

/// Where it is kept.
const FILE: &str = "network-range";
/// The first is RFC 6598's, which Tailscale takes all of; the others are rarely used by anybody. Guests reach none of them.
const CANDIDATES: [Cidr; 5] = [
    Cidr::new(Ipv4Addr::new(100, 64, 0, 0), 16),
    Cidr::new(Ipv4Addr::new(198, 18, 0, 0), 16),
    Cidr::new(Ipv4Addr::new(10, 213, 0, 0), 16),
    Cidr::new(Ipv4Addr::new(172, 29, 0, 0), 16),
    Cidr::new(Ipv4Addr::new(192, 168, 224, 0), 19),
];

/// A network that the host has a route to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    pub network: Cidr,
    pub interface: String,
}

/// The configured range, the one that was chosen before, or one chosen now and kept.
pub(super) fn of_host(
    configured: Option<Cidr>,
    directory: &Path,
    prefix: &str,
    claims: &[Claim],
) -> Result<Cidr, Fault> {
    let (range, other) = conflict_beside(configured, directory, prefix, claims);
    if let Some(Used { network, interface }) = other {
        tracing::warn!(%range, %network, interface, "the desktops' range is used on this host, too");
    }
    if configured.is_none() && kept(directory).is_none() {
        durable::write(&file(directory), format!("{range}\n").as_bytes(), 0o600)?;
        tracing::info!(%range, "the addresses between this host and its desktops");
    }
    Ok(range)
}

/// The range that an engine of this directory has or would have, and what on the host has addresses of it, too.
pub fn range_conflict(configured: Option<Cidr>, directory: &Path, prefix: &str) -> (Cidr, Option<Used>) {
    conflict_beside(configured, directory, prefix, &[])
}

fn conflict_beside(
    configured: Option<Cidr>,
    directory: &Path,
    prefix: &str,
    claims: &[Claim],
) -> (Cidr, Option<Used>) {
    let routes = routes();
    let mut others = others(&routes, prefix);
    let claimed = |claim: &Claim| Used { network: claim.range, interface: format!("{}v", claim.prefix) };
    others.extend(claims.iter().map(claimed));
    let range = configured.or_else(|| kept(directory)).unwrap_or_else(|| match has_ours(&routes, prefix) {
        // Before it was chosen by looking, it was always the first. Machines that run have addresses of it.
        true => CANDIDATES[0],
        false => choose(&others),
    });
    (range, conflict(range, &others))
}

fn file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

fn kept(directory: &Path) -> Option<Cidr> {
    std::fs::read_to_string(file(directory)).ok()?.trim().parse().ok()
}

fn choose(used: &[Used]) -> Cidr {
    let free = |range: &&Cidr| conflict(**range, used).is_none();
    // Where all are taken, the first is as good as any: what overlaps is said.
    *CANDIDATES.iter().find(free).unwrap_or(&CANDIDATES[0])
}

fn conflict(range: Cidr, used: &[Used]) -> Option<Used> {
    used.iter().find(|other| other.network.overlaps(range)).cloned()
}

/// The networks in the host's routes, whatever table they are in.
fn routes() -> Vec<Used> {
    let output = Command::new("ip").args(["-4", "-json", "route", "show", "table", "all"]).output();
    output.map(|output| read(&output.stdout)).unwrap_or_default()
}

fn read(json: &[u8]) -> Vec<Used> {
    #[derive(Deserialize)]
    struct Route {
        dst: String,
        #[serde(default)]
        dev: String,
    }
    let routes: Vec<Route> = serde_json::from_slice(json).unwrap_or_default();
    let used = |route: Route| Some(Used { network: route.dst.parse().ok()?, interface: route.dev });
    routes.into_iter().filter_map(used).collect()
}

/// Whether an interface is the host's end of a desktop's network.
pub(super) fn is_ours(interface: &str, prefix: &str) -> bool {
    interface.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('v'))
}

fn has_ours(routes: &[Used], prefix: &str) -> bool {
    routes.iter().any(|route| is_ours(&route.interface, prefix))
}

fn others(routes: &[Used], prefix: &str) -> Vec<Used> {
    routes.iter().filter(|route| !is_ours(&route.interface, prefix)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = r#"[{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":[]},
        {"dst":"100.64.0.0/10","dev":"tailscale0","table":"52","flags":[]},
        {"dst":"100.64.0.4/30","dev":"rtv1","scope":"link","flags":[]},
        {"dst":"198.18.4.1","type":"local","dev":"wg0","table":"local","flags":[]},
        {"type":"unreachable","dst":"203.0.113.0/24","dev":"lo","flags":[]}]"#;

    #[test]
    fn a_range_is_chosen_that_nothing_else_uses() {
        let routes = read(ROUTES.as_bytes());
        assert!(has_ours(&routes, "rt") && !has_ours(&routes, "rx"));
        let used = others(&routes, "rt");
        let names: Vec<String> = used.iter().map(|u| format!("{} {}", u.network, u.interface)).collect();
        assert_eq!(names, ["100.64.0.0/10 tailscale0", "198.18.4.1/32 wg0", "203.0.113.0/24 lo"]);
        assert_eq!(choose(&used).to_string(), "10.213.0.0/16");
        assert_eq!(choose(&[]).to_string(), "100.64.0.0/16");
        assert_eq!(choose(&read(b"nonsense")), CANDIDATES[0]);
        assert_eq!(conflict(CANDIDATES[0], &used).unwrap().interface, "tailscale0");
    }

    #[test]
    fn what_was_chosen_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let first = of_host(None, directory.path(), "rtz", &[]).unwrap();
        assert_eq!(kept(directory.path()), Some(first));
        let configured = "10.9.0.0/16".parse().unwrap();
        assert_eq!(of_host(Some(configured), directory.path(), "rtz", &[]).unwrap(), configured);
        assert_eq!(of_host(None, directory.path(), "rtz", &[]).unwrap(), first);
    }
}
