//! One place, two names: what a browser knows as `https://3000--first.HOST` is `http://localhost:3000` to the programs
//! in the desktop. Whatever names such a place in a request is told as they know it, and whatever they name in an answer
//! as the browser does, so that Host, Origin, Referer and redirects agree on both sides. Addresses of elsewhere stay.

use url::{Host, Position, Url};

use super::address::PreviewOrigin;

/// Host and port of a port of the desktop, as its programs are asked: a browser leaves 80 out.
pub(super) fn inside(port: u16) -> String {
    if port == 80 { "localhost".to_owned() } else { format!("localhost:{port}") }
}

/// An origin or an address of this desktop's previews, as its programs know it.
pub(super) fn inward(address: &str, place: &PreviewOrigin) -> Option<String> {
    let (port, rest) = place.parts_of(address.strip_prefix("https://")?)?;
    Some(format!("http://{}{rest}", inside(port)))
}

/// An address that means a port of this desktop, in any of its spellings, as the browser knows it.
pub(super) fn outward(address: &str, place: &PreviewOrigin) -> Option<String> {
    let (port, rest) = meant(address, place)?;
    Some(format!("{}{rest}", place.sibling(port)))
}

/// The same for an origin, which has no path.
pub(super) fn origin_outward(origin: &str, place: &PreviewOrigin) -> Option<String> {
    let (port, rest) = meant(origin, place)?;
    (rest == "/" && !origin.ends_with('/')).then(|| place.sibling(port))
}

/// The `Refresh` header: seconds, then an address, as loosely written as browsers read it.
pub(super) fn refresh_outward(value: &str, place: &PreviewOrigin) -> Option<String> {
    let end = value.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let (seconds, rest) = value.split_at_checked(end)?;
    if seconds.is_empty() || !rest.starts_with([';', ',', ' ', '\t']) {
        return None;
    }
    let rest = rest.trim_start();
    let rest = rest.strip_prefix([';', ',']).unwrap_or(rest).trim_start();
    let named = rest.split_at_checked(3).filter(|(name, _)| name.eq_ignore_ascii_case("url"));
    let named = named.and_then(|(_, rest)| rest.trim_start().strip_prefix('='));
    let rest = named.unwrap_or(rest).trim_start();
    let quote = rest.chars().next().filter(|first| matches!(first, '\'' | '"'));
    let address = match quote {
        Some(quote) => rest.split(quote).nth(1)?,
        None => rest,
    };
    outward(address, place).map(|address| format!("{seconds}; url={address}"))
}

/// The `Link` header: each address stands in angle brackets.
pub(super) fn links_outward(value: &str, place: &PreviewOrigin) -> Option<String> {
    let mut pieces = value.split('<');
    let mut said = pieces.next()?.to_owned();
    for piece in pieces {
        // Without an end it is part of a title.
        let (address, rest) = piece.split_at(piece.find('>').unwrap_or(0));
        let address = outward(address, place).unwrap_or_else(|| address.to_owned());
        said.extend(["<", &address, rest]);
    }
    Some(said)
}

/// The port of this desktop that an address means which names a host, and what follows its host; read as browsers read
/// it, or a spelling that is new to us would lead out of the preview.
fn meant(address: &str, place: &PreviewOrigin) -> Option<(u16, String)> {
    let url = read(address)?;
    if let Some((port, rest)) = place.parts_of(&url[Position::BeforeHost..]) {
        return Some((port, rest.to_owned()));
    }
    let port = url.port_or_known_default().filter(|port| *port != 0)?;
    is_itself(&url.host()?, place).then(|| (port, url[Position::BeforePath..].to_owned()))
}

fn read(address: &str) -> Option<Url> {
    let mut ascii = String::with_capacity(address.len());
    for character in address.chars() {
        match u8::try_from(character) {
            // Each is one byte of a header.
            Ok(byte @ 0x80..) => ascii.extend(['%', digit(byte >> 4), digit(byte & 15)]),
            Ok(_) | Err(_) => ascii.push(character),
        }
    }
    // Without a scheme it has that of the page: plain HTTP, as its program was asked.
    let page = || Url::parse("http://elsewhere.invalid/").ok()?.join(&ascii).ok();
    Url::parse(&ascii).ok().or_else(page).filter(|url| matches!(url.scheme(), "http" | "https"))
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

/// Whether the desktop means itself by this.
fn is_itself(host: &Host<&str>, place: &PreviewOrigin) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name == place.desktop()
        }
        Host::Ipv4(address) => address.is_loopback() || address.is_unspecified(),
        Host::Ipv6(address) => {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::place;
    use super::*;

    fn here() -> PreviewOrigin {
        place("3000--first.desk.example:8443", None).unwrap().unwrap()
    }

    /// All combinations are asked through a whole Rolltop in the API's tests, `previews`.
    #[test]
    fn every_spelling_of_the_desktops_own_address_stays_in_its_previews() {
        let to = |address: &str| outward(address, &here());
        for host in ["localhost", "LocalHost.", "127.1.2.3", "2130706433", "[::1]", "[::]", "first"] {
            for start in ["http://", "HTTPS://", "//", "http://user:word@"] {
                let preview = "https://8000--first.desk.example:8443/x?y=//z#w";
                let address = format!("{start}{host}:8000/x?y=//z#w");
                assert_eq!(to(&address).as_deref(), Some(preview), "{address}");
            }
        }
        assert_eq!(to("http://localhost:3000").unwrap(), "https://3000--first.desk.example:8443/");
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
        assert_eq!(refreshed, "0; url=https://3000--first.desk.example:8443/a");
        assert_eq!(refresh_outward("5", &here()), None);
    }
}
