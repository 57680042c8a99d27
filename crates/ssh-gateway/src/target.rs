//! Where a channel may lead: `NAME:22` or `dsk_…:22`, and nowhere else.

use rolltop_model::{DesktopId, DesktopName};

/// The one port there is: the desktop's sshd. Others are reached from inside, by a forward of the
/// session that ends there.
const PORT: u32 = 22;

/// A desktop's name or id, of the right form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTarget {
    /// The host is no desktop's name.
    Host,
    Port,
}

impl Target {
    pub fn parse(host: &str, port: u32) -> Result<Self, NoTarget> {
        // OpenSSH sends host names as they were typed.
        let host = host.to_ascii_lowercase();
        if host.parse::<DesktopId>().is_err() && host.parse::<DesktopName>().is_err() {
            return Err(NoTarget::Host);
        }
        if port != PORT {
            return Err(NoTarget::Port);
        }
        Ok(Self(host))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_desktop_and_its_sshd_are_a_target() {
        let id = DesktopId::from_u128(7).to_string();
        for host in ["research", "walnut-lamp-2", id.as_str()] {
            assert_eq!(Target::parse(host, 22), Ok(Target(host.to_owned())));
            for port in [0, 21, 80, 2222, 65_558, u32::MAX] {
                assert_eq!(Target::parse(host, port), Err(NoTarget::Port));
            }
        }
        assert_eq!(Target::parse("Research", 22), Ok(Target("research".to_owned())));
        for host in [
            "",
            "127.0.0.1",
            "::1",
            "example.org",
            "169.254.169.254",
            "a b",
            "a/b",
            "../x",
            "-a",
            "dsk_",
            "é",
        ] {
            assert_eq!(Target::parse(host, 22), Err(NoTarget::Host), "{host:?}");
        }
    }
}
