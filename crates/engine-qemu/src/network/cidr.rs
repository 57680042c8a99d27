//! An IPv4 network, written `10.0.0.0/8`.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IPv4 network; bits beyond the prefix are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    base: Ipv4Addr,
    length: u8,
}

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a network of the form 10.0.0.0/8")]
pub struct CidrError;

impl Cidr {
    /// The network that `address` lies in. A length over 32 is taken as 32.
    pub const fn new(address: Ipv4Addr, length: u8) -> Self {
        let length = if length > 32 { 32 } else { length };
        let mask = match u32::MAX.checked_shl(32 - length as u32) {
            Some(mask) => mask,
            None => 0,
        };
        Self { base: Ipv4Addr::from_bits(address.to_bits() & mask), length }
    }

    /// The `offset`th address, `None` beyond the end.
    pub fn address(self, offset: u32) -> Option<Ipv4Addr> {
        (u64::from(offset) < self.addresses()).then(|| Ipv4Addr::from_bits(self.base.to_bits() + offset))
    }

    /// Whether they have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        let length = self.length.min(other.length);
        Self::new(self.base, length) == Self::new(other.base, length)
    }

    /// How many addresses there are.
    pub fn addresses(self) -> u64 {
        1 << (32 - self.length)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.length)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let address = address.parse::<Ipv4Addr>().map_err(|_| CidrError)?;
        let length = length.parse::<u8>().ok().filter(|length| *length <= 32).ok_or(CidrError)?;
        Ok(Self::new(address, length))
    }
}

impl TryFrom<String> for Cidr {
    type Error = CidrError;

    fn try_from(text: String) -> Result<Self, CidrError> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> String {
        cidr.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_and_written_without_host_bits() {
        let cidr: Cidr = "10.1.2.3/8".parse().unwrap();
        assert_eq!(cidr.to_string(), "10.0.0.0/8");
        assert_eq!("192.0.2.7".parse::<Cidr>().unwrap().to_string(), "192.0.2.7/32");
        assert_eq!("0.0.0.0/0".parse::<Cidr>().unwrap().addresses(), 1 << 32);
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/0", "10.0.0.0/-1", "10.0.0.0/8; drop"] {
            assert_eq!(bad.parse::<Cidr>(), Err(CidrError), "{bad}");
        }
    }

    #[test]
    fn addresses_end_where_the_network_ends() {
        let cidr: Cidr = "100.64.0.0/30".parse().unwrap();
        assert_eq!(cidr.address(3), Some(Ipv4Addr::new(100, 64, 0, 3)));
        assert_eq!(cidr.address(4), None);
    }
}
