//! From a host name to the port and desktop it means.

/// A host name of a preview's form that leads to another installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elsewhere;

/// A preview's origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PreviewOrigin {
    /// The first label of its host name, such as `3000--first`.
    pub label: String,
    pub port: u16,
    /// The desktop's part of the label.
    desktop: String,
    /// Host and port of our own pages.
    base: String,
    /// Our own pages' origin.
    pub main: String,
}

impl PreviewOrigin {
    pub(crate) fn origin(&self) -> String {
        format!("https://{}.{}", self.label, self.base)
    }

    /// The desktop's name as far as its address tells.
    pub(crate) fn desktop(&self) -> &str {
        &self.desktop
    }

    /// Whether an origin, or an address under it, is a preview of the same desktop.
    pub(super) fn is_of_same_desktop(&self, address: &str) -> bool {
        address.strip_prefix("https://").is_some_and(|rest| self.parts_of(rest).is_some())
    }

    /// The port of a preview of the same desktop, and what follows its host, of an address without its scheme.
    pub(super) fn parts_of<'a>(&self, address: &'a str) -> Option<(u16, &'a str)> {
        let end = address.find(['/', '?', '#']).unwrap_or(address.len());
        let (host, rest) = address.split_at_checked(end)?;
        let host = host.to_ascii_lowercase();
        let (label, base) = host.split_once('.')?;
        let base = base.strip_suffix(":443").unwrap_or(base);
        let (port, desktop) = parts(label)?;
        (base == self.base && desktop == self.desktop).then_some((port, rest))
    }

    /// The origin of another port of the same desktop.
    pub(super) fn sibling(&self, port: u16) -> String {
        format!("https://{port}--{}.{}", self.desktop, self.base)
    }
}

/// `3000--first` as port and desktop; the API has the last word on both.
fn parts(label: &str) -> Option<(u16, &str)> {
    let (port, desktop) = label.split_once("--")?;
    let digits = !port.starts_with('0') && port.bytes().all(|byte| byte.is_ascii_digit());
    let name = desktop.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let fits = digits && name && !desktop.is_empty() && label.len() <= 63;
    fits.then_some(()).and(port.parse().ok()).map(|port| (port, desktop))
}

/// What a host means; `None` for our own pages' host, and whatever else is no preview's.
pub(crate) fn place(host: &str, public_origin: Option<&str>) -> Result<Option<PreviewOrigin>, Elsewhere> {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    let Some((label, base)) = host.split_once('.') else { return Ok(None) };
    let Some((port, desktop)) = parts(label) else { return Ok(None) };
    let main = public_origin.map_or_else(|| format!("https://{base}"), str::to_owned);
    if main.strip_prefix("https://") != Some(base) || base.is_empty() {
        return Err(Elsewhere);
    }
    Ok(Some(PreviewOrigin {
        label: label.to_owned(),
        port,
        desktop: desktop.to_owned(),
        base: base.to_owned(),
        main,
    }))
}

/// Whether a name, without a port, has the form of a preview's.
pub(crate) fn is_preview_host(name: &str) -> bool {
    name.split_once('.').is_some_and(|(label, base)| parts(label).is_some() && !base.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_ours_a_previews_or_elsewhere() {
        let found = place("3000--First.Desk.example:8443", None).unwrap().unwrap();
        assert_eq!((found.port, found.label.as_str(), found.desktop()), (3000, "3000--first", "first"));
        assert_eq!(found.main, "https://desk.example:8443");
        assert_eq!(found.origin(), "https://3000--first.desk.example:8443");
        assert_eq!(place("80--a.localhost:443", None).unwrap().unwrap().main, "https://localhost");
        for ours in [
            "desk.example",
            "localhost:8443",
            "a--b.desk.example",
            "0--a.x",
            "70000--a.x",
            "3000--.x",
            "[::1]:1",
        ] {
            assert_eq!(place(ours, None), Ok(None), "{ours}");
        }
        let public = Some("https://desk.example");
        assert!(place("3000--first.desk.example", public).unwrap().is_some());
        assert_eq!(place("3000--first.evil.example", public), Err(Elsewhere));
        assert_eq!(place("3000--first.", None), Err(Elsewhere));
    }

    #[test]
    fn a_neighbours_origin_is_not_the_same_desktops() {
        let here = place("3000--first.desk.example", None).unwrap().unwrap();
        assert!(here.is_of_same_desktop("https://8000--first.desk.example"));
        assert!(here.is_of_same_desktop("https://3000--first.desk.example:443/a?b"));
        for bad in [
            "https://desk.example",
            "https://3000--second.desk.example",
            "http://3000--first.desk.example",
            "https://3000--first.desk.example.evil",
            "https://3000--first.evil/.desk.example",
            "null",
            "",
        ] {
            assert!(!here.is_of_same_desktop(bad), "{bad}");
        }
    }
}
