//! Which resolver the host asks, so that desktops may ask it too.

use std::net::Ipv4Addr;

/// The files it may be named in. The second is where systemd-resolved lists the real ones
/// when the first has only its own loopback address, which means nothing in a namespace.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// The host's first IPv4 resolver that is not a loopback address.
pub(super) fn of_host() -> Option<Ipv4Addr> {
    FILES.iter().filter_map(|file| std::fs::read_to_string(file).ok()).find_map(|text| first(&text))
}

fn first(text: &str) -> Option<Ipv4Addr> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|rest| rest.trim().parse::<Ipv4Addr>().ok())
        .find(|address| !address.is_loopback() && !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_ipv6_resolvers_are_passed_over() {
        let text = "# made by hand\nnameserver 127.0.0.53\nnameserver fd00::1\nnameserver\t10.1.2.3\nnameserver 9.9.9.9\n";
        assert_eq!(first(text), Some(Ipv4Addr::new(10, 1, 2, 3)));
        assert_eq!(first("search example.org\n"), None);
    }
}
