//! Where links in the documentation lead: written for a repository browser, rewritten for `/docs`.

/// The index's file, without `.md`.
pub(super) const INDEX: &str = "README";
/// The API's description as a page of `docs/` names it; here it is shown as a reference.
pub(super) const REFERENCE: &str = "../openapi/v1.json";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A page of `docs/`, or a heading of the same one.
    Page,
    /// A picture in `docs/images/`.
    Picture(&'a str),
    Reference,
    /// Another site.
    Outside,
    /// What means nothing at `/docs`, or does something.
    Refused,
}

pub(super) fn kind(target: &str) -> Kind<'_> {
    let path = target.split('#').next().unwrap_or_default();
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if path.is_empty() && target.len() > 1 || path.strip_suffix(".md").is_some_and(is_name) {
        Kind::Page
    } else if let Some(name) = path.strip_prefix("images/")
        && name.strip_suffix(".png").is_some_and(is_name)
    {
        Kind::Picture(name)
    } else if path == REFERENCE {
        Kind::Reference
    } else if target.starts_with("https://") {
        Kind::Outside
    } else {
        Kind::Refused
    }
}

/// The address at `/docs` of what a page links to.
pub(super) fn address(target: &str) -> String {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
    match kind(target) {
        Kind::Page if path.is_empty() => anchor,
        Kind::Page => match path.strip_suffix(".md").unwrap_or(path) {
            INDEX => format!("/docs{anchor}"),
            name => format!("/docs/{name}{anchor}"),
        },
        Kind::Picture(name) => format!("/docs/images/{name}"),
        Kind::Reference => "/docs/api".to_owned(),
        Kind::Outside => target.to_owned(),
        Kind::Refused => "#".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_between_files_become_links_between_pages() {
        for (written, shown) in [
            ("ssh.md", "/docs/ssh"),
            ("ssh.md#keys", "/docs/ssh#keys"),
            ("README.md", "/docs"),
            ("README.md#doors", "/docs#doors"),
            ("#keys", "#keys"),
            ("images/desktop.png", "/docs/images/desktop.png"),
            ("../openapi/v1.json", "/docs/api"),
            ("https://example.org/x#y", "https://example.org/x#y"),
        ] {
            assert_eq!(address(written), shown);
        }
    }

    #[test]
    fn what_does_something_or_leads_nowhere_is_refused() {
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil.example",
            "http://example.org",
            "../README.md",
            "images/../x.png",
            "a/b.md",
            "ssh",
            "",
            "#",
            "images/x.svg",
        ] {
            assert_eq!(kind(bad), Kind::Refused, "{bad:?}");
            assert_eq!(address(bad), "#", "{bad:?}");
        }
    }
}
