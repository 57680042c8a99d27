//! One place, two names: what a browser knows as `https://3000--first.HOST` is `http://localhost:3000` to the programs
//! in the desktop. Whatever names such a place in a request is told as they know it, and whatever they name in an answer
//! as the browser does, so that Host, Origin, Referer and redirects agree on both sides. Addresses of elsewhere stay.

use std::net::IpAddr;

use super::address::Place;

/// Host and port of a port of the desktop, as its programs are asked: a browser leaves 80 out.
pub(super) fn inside(port: u16) -> String {
    if port == 80 { "localhost".to_owned() } else { format!("localhost:{port}") }
}

/// An origin or an address of this desktop's previews, as its programs know it.
pub(super) fn inward(address: &str, place: &Place) -> Option<String> {
    let (port, rest) = place.parts_of(address.strip_prefix("https://")?)?;
    Some(format!("http://{}{rest}", inside(port)))
}

/// An address that means a port of this desktop, in any of its spellings, as the browser knows it.
pub(super) fn outward(address: &str, place: &Place) -> Option<String> {
    let (port, rest) = meant(address, place)?;
    Some(match rest {
        "" if port == place.port => "/".to_owned(),
        "" => format!("{}/", place.sibling(port)),
        rest => format!("{}{rest}", place.sibling(port)),
    })
}

/// The same for an origin, which has no path.
pub(super) fn origin_outward(origin: &str, place: &Place) -> Option<String> {
    let (port, rest) = meant(origin, place)?;
    rest.is_empty().then(|| place.sibling(port))
}

/// The `Refresh` header: seconds, then an address.
pub(super) fn refresh_outward(value: &str, place: &Place) -> Option<String> {
    let at = value.to_ascii_lowercase().find("url=")? + "url=".len();
    let (before, address) = value.split_at_checked(at)?;
    let bare = address.trim().trim_matches(['"', '\'']);
    outward(bare, place).map(|address| format!("{before}{address}"))
}

/// The port that an absolute address means, and what follows its host.
fn meant<'a>(address: &'a str, place: &Place) -> Option<(u16, &'a str)> {
    let (scheme, rest) = address.split_once("//")?;
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "" | "http:" => 80,
        "https:" => 443,
        _ => return None,
    };
    if let Some(own) = place.parts_of(rest) {
        return Some(own);
    }
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let port = match port {
        None | Some("") => default_port,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            port.parse().ok().filter(|port| *port != 0)?
        }
        Some(_) => return None,
    };
    is_itself(host, place).then_some((port, rest))
}

/// Whether the desktop means itself by this.
fn is_itself(host: &str, place: &Place) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || address.is_unspecified(),
        Err(_) => host.eq_ignore_ascii_case("localhost") || host.eq_ignore_ascii_case(place.desktop()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::place;
    use super::*;

    fn here() -> Place {
        place("3000--first.desk.example:8443", None).unwrap().unwrap()
    }

    /// Each spelling of a port means that port's preview, whatever follows.
    #[test]
    fn every_spelling_of_the_desktops_own_address_stays_in_its_previews() {
        for port in [3000, 8000, 8443] {
            for host in
                ["localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "[::1]", "0.0.0.0", "[::]", "first"]
            {
                for scheme in ["http:", "https:", "HTTP:", ""] {
                    for rest in ["/", "/x?y=//z#w", "?q", "#f"] {
                        let address = format!("{scheme}//{host}:{port}{rest}");
                        let preview = format!("https://{port}--first.desk.example:8443{rest}");
                        assert_eq!(outward(&address, &here()), Some(preview), "{address}");
                    }
                }
            }
        }
        let to = |address: &str| outward(address, &here());
        assert_eq!(to("http://localhost:3000").unwrap(), "/");
        assert_eq!(to("http://localhost:8000").unwrap(), "https://8000--first.desk.example:8443/");
        assert_eq!(to("http://localhost/a").unwrap(), "https://80--first.desk.example:8443/a");
        assert_eq!(to("https://[::1]/a").unwrap(), "https://443--first.desk.example:8443/a");
        assert_eq!(
            to("http://3000--first.desk.example:8443/a").unwrap(),
            "https://3000--first.desk.example:8443/a",
            "a preview is always TLS"
        );
    }

    #[test]
    fn what_is_elsewhere_stays_as_it_is() {
        for other in [
            "/x",
            "x",
            "",
            "?q",
            "//",
            "https://example.org/",
            "http://localhost:3000.evil/",
            "http://localhost.evil:3000/",
            "http://localhost@evil.example/",
            "http://user@localhost:3000/",
            "http://localhost:0/",
            "http://localhost:65536/",
            "http://localhost:+80/x y",
            "http://10.0.0.1:3000/",
            "ws://localhost:3000/",
            "javascript://localhost:3000/%0aalert(1)",
            "https://3000--second.desk.example:8443/",
        ] {
            assert_eq!(outward(other, &here()), None, "{other}");
        }
    }

    #[test]
    fn there_and_back_is_where_one_was() {
        for port in [80, 443, 3000] {
            let inside = format!("http://{}", inside(port));
            let outside = origin_outward(&inside, &here()).unwrap();
            assert_eq!(inward(&outside, &here()).unwrap(), inside);
            assert_eq!(inward(&format!("{outside}/a?b"), &here()).unwrap(), format!("{inside}/a?b"));
        }
        assert_eq!(inward("https://3000--second.desk.example:8443/", &here()), None);
        assert_eq!(origin_outward("*", &here()), None);
        let refreshed = refresh_outward("0; URL='http://localhost:3000/a'", &here()).unwrap();
        assert_eq!(refreshed, "0; URL=https://3000--first.desk.example:8443/a");
        assert_eq!(refresh_outward("5", &here()), None);
    }
}
