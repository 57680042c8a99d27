//! The first label of a preview's host name: `3000--first`, or `3000--d--01k9…` by the desktop's id.

use std::fmt;
use std::str::FromStr;

use rolltop_model::{DesktopId, DesktopName};

/// Which port of which desktop an address means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewAddress {
    port: u16,
    desktop: Named,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// Unique in a workspace only.
    Name(DesktopName),
    Id(DesktopId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A preview's address begins with PORT--NAME.")]
pub struct NotAnAddress;

impl PreviewAddress {
    pub(crate) fn by_id(port: u16, desktop: DesktopId) -> Self {
        Self { port, desktop: Named::Id(desktop) }
    }

    pub(crate) fn by_name(port: u16, name: DesktopName) -> Self {
        Self { port, desktop: Named::Name(name) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn desktop(&self) -> &Named {
        &self.desktop
    }

    /// As it is written in a host name.
    pub fn label(&self) -> String {
        self.to_string()
    }

    /// Whether it means the desktop with this id, which now has this name.
    pub(crate) fn means(&self, id: DesktopId, name: &str) -> bool {
        match &self.desktop {
            Named::Name(own) => own.as_str() == name,
            Named::Id(own) => *own == id,
        }
    }
}

impl fmt::Display for PreviewAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.desktop {
            Named::Name(name) => write!(f, "{}--{}", self.port, name.as_str()),
            Named::Id(id) => write!(f, "{}--d--{}", self.port, id.to_string().trim_start_matches("dsk_")),
        }
    }
}

impl FromStr for PreviewAddress {
    type Err = NotAnAddress;

    fn from_str(label: &str) -> Result<Self, NotAnAddress> {
        let (port, desktop) = label.split_once("--").ok_or(NotAnAddress)?;
        // One way to write each: two would be two origins.
        if port.starts_with('0') || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnAddress);
        }
        let port = port.parse().map_err(|_| NotAnAddress)?;
        // No name has two hyphens in a row.
        let desktop = match desktop.strip_prefix("d--") {
            Some(id) => Named::Id(format!("dsk_{id}").parse().map_err(|_| NotAnAddress)?),
            None => Named::Name(desktop.parse().map_err(|_| NotAnAddress)?),
        };
        Ok(Self { port, desktop })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_in_one_way() {
        let id = DesktopId::from_u128(7).to_string().replace("dsk_", "d--");
        for label in ["3000--first", "1--a-b-c", "65535--9", &format!("80--{id}")] {
            assert_eq!(label.parse::<PreviewAddress>().unwrap().label(), label);
        }
        for bad in [
            "",
            "first",
            "3000-first",
            "3000--",
            "--first",
            "0--first",
            "03000--first",
            "65536--first",
            "+1--first",
            "3000--First",
            "3000--a--b",
            "3000--d--",
            "3000--d--zz",
            "3000--first.x",
            "3000--fir st",
        ] {
            assert!(bad.parse::<PreviewAddress>().is_err(), "{bad}");
        }
    }
}
