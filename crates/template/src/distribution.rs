//! What differs between distributions: mirrors, archive keys, and the image's own sources.
//!
//! The mirror used for building is the host's own, and appears nowhere in the image.

use serde::Deserialize;

/// A family of suites with one archive layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distribution {
    Debian,
    Ubuntu,
}

/// Where packages come from: the archive and its security updates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirrors {
    pub(crate) main: String,
    pub(crate) security: String,
}

/// The format in which [`Distribution::host_mirrors`] reads `apt-get indextargets`.
pub(crate) const INDEX_TARGETS_FORMAT: &str = "$(ORIGIN)|$(LABEL)|$(CREATED_BY)|$(REPO_URI)";

impl Distribution {
    /// As in digests and messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Distribution::Debian => "debian",
            Distribution::Ubuntu => "ubuntu",
        }
    }

    /// The mirrors everybody can use; the ones the image names.
    pub(crate) fn public_mirrors(self) -> Mirrors {
        let (main, security) = match self {
            Distribution::Debian => ("http://deb.debian.org/debian", "http://deb.debian.org/debian-security"),
            Distribution::Ubuntu => ("http://archive.ubuntu.com/ubuntu", "http://security.ubuntu.com/ubuntu"),
        };
        Mirrors { main: main.to_owned(), security: security.to_owned() }
    }

    /// The keys its archive is signed with, and the package that brings them to a Debian host.
    pub(crate) const fn keyring(self) -> (&'static str, &'static str) {
        match self {
            Distribution::Debian => {
                ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring")
            }
            Distribution::Ubuntu => ("/usr/share/keyrings/ubuntu-archive-keyring.gpg", "ubuntu-keyring"),
        }
    }

    /// Picks this distribution's mirrors out of what the host's package manager uses.
    pub(crate) fn host_mirrors(self, index_targets: &str) -> Mirrors {
        let (origin, security_label) = match self {
            Distribution::Debian => ("Debian", "Debian-Security"),
            Distribution::Ubuntu => ("Ubuntu", "Ubuntu-Security"),
        };
        let find = |label: &str| {
            index_targets.lines().find_map(|line| {
                let mut fields = line.trim().splitn(4, '|');
                let same =
                    fields.next()? == origin && fields.next()? == label && fields.next()? == "Packages";
                let address = fields.next()?.trim_end_matches('/');
                (same && address.starts_with("http")).then(|| address.to_owned())
            })
        };
        let public = self.public_mirrors();
        Mirrors {
            main: find(origin).unwrap_or(public.main),
            security: find(security_label).unwrap_or(public.security),
        }
    }

    /// `sources.list` lines for building a suite with its updates.
    pub(crate) fn build_sources(self, mirrors: &Mirrors, suite: &str, components: &[String]) -> Vec<String> {
        let components = components.join(" ");
        vec![
            format!("deb {} {suite} {components}", mirrors.main),
            format!("deb {} {suite}-updates {components}", mirrors.main),
            format!("deb {} {suite}-security {components}", mirrors.security),
        ]
    }

    /// The image's own sources, in deb822 form: a file name and its text.
    pub(crate) fn image_sources(self, suite: &str, components: &[String]) -> (String, String) {
        let mirrors = self.public_mirrors();
        let (keyring, _) = self.keyring();
        let components = components.join(" ");
        let text = format!(
            "Types: deb\nURIs: {}\nSuites: {suite} {suite}-updates\nComponents: {components}\nSigned-By: {keyring}\n\n\
             Types: deb\nURIs: {}\nSuites: {suite}-security\nComponents: {components}\nSigned-By: {keyring}\n",
            mirrors.main, mirrors.security
        );
        (format!("{}.sources", self.name()), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "\
Debian Backports|Debian Backports|Packages|http://backports.example/debian/
Debian|Debian-Security|Packages|http://near.example/debian-security/
Debian|Debian|DEP-11|http://other.example/debian/
Debian|Debian|Packages|http://near.example/debian/
Someone|Someone|Packages|http://someone.example/
";

    #[test]
    fn the_hosts_own_mirror_is_used() {
        let mirrors = Distribution::Debian.host_mirrors(HOST);
        assert_eq!(mirrors.main, "http://near.example/debian");
        assert_eq!(mirrors.security, "http://near.example/debian-security");
    }

    #[test]
    fn another_distribution_or_an_empty_host_means_the_public_mirror() {
        assert_eq!(Distribution::Ubuntu.host_mirrors(HOST), Distribution::Ubuntu.public_mirrors());
        assert_eq!(Distribution::Debian.host_mirrors(""), Distribution::Debian.public_mirrors());
        let local = "Debian|Debian|Packages|file:/srv/mirror/\n";
        assert_eq!(Distribution::Debian.host_mirrors(local), Distribution::Debian.public_mirrors());
    }

    #[test]
    fn the_image_names_only_public_mirrors() {
        let (name, text) = Distribution::Debian.image_sources("trixie", &["main".into()]);
        assert_eq!(name, "debian.sources");
        assert!(
            text.contains("URIs: http://deb.debian.org/debian\nSuites: trixie trixie-updates\n"),
            "{text}"
        );
        assert!(text.contains("Suites: trixie-security\nComponents: main\n"), "{text}");
    }
}
