//! TCP connections to elsewhere, found and ended by the kernel (`sock_diag(7)`).
//!
//! Asked directly rather than through `ss`: starting a program costs an emulated machine half a second.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// Kinds of netlink messages, from `linux/netlink.h` and `linux/sock_diag.h`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
const BY_FAMILY: u16 = 20;
const DESTROY: u16 = 21;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const DUMP: u16 = 0x300;
const TCP: u8 = 6;
/// All states but closed (7) and listening (10), a bit for each.
const CONNECTED: u32 = 0x1fff & !(1 | 1 << 7 | 1 << 10);
/// Bytes of a message's header, and of what identifies a socket.
const HEADER: usize = 16;
const SOCKET: usize = 48;
/// Of what comes before that in an answer: family, state, timer, tries.
const BEFORE: usize = 4;
const NOT_THERE: i32 = 2;

/// The connection that this runs on, as sshd tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    peer: SocketAddr,
    here: SocketAddr,
}

impl Own {
    /// From what sshd puts into `SSH_CONNECTION`.
    pub fn read(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split(' ').collect();
        let [peer, peer_port, here, port] = fields.as_slice() else { return None };
        let address = |address: &str, port: &str| {
            Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, port.parse().ok()?))
        };
        Some(Self { peer: address(peer, peer_port)?, here: address(here, port)? })
    }

    /// Whether a connection is one to elsewhere: from the address that sshd's peer knows us by, to another than
    /// itself, and not sshd's own.
    fn is_to_elsewhere(&self, here: SocketAddr, peer: SocketAddr) -> bool {
        here.ip() == self.here.ip() && peer.ip() != here.ip() && (here, peer) != (self.here, self.peer)
    }
}

/// Ends those to elsewhere, all but `own`.
pub fn end_all_but(own: Own) -> io::Result<()> {
    let socket = kernel()?;
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        let family = u8::try_from(family.as_raw()).map_err(io::Error::other)?;
        for found in sockets(&socket, family)? {
            if found.ends().is_some_and(|(here, peer)| own.is_to_elsewhere(here, peer)) {
                end(&socket, &found)?;
            }
        }
    }
    Ok(())
}

/// Where the kernel is asked.
fn kernel() -> io::Result<OwnedFd> {
    let (family, flags) = (AddressFamily::NETLINK, SocketFlags::CLOEXEC);
    let socket = rustix::net::socket_with(family, SocketType::RAW, flags, Some(netlink::SOCK_DIAG))?;
    rustix::net::connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    Ok(socket)
}

/// One socket as the kernel tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    family: u8,
    /// Ports, addresses, interface and cookie, as the kernel wants them back.
    id: [u8; SOCKET],
}

impl Found {
    fn read(message: &[u8]) -> Option<Self> {
        let id = message.get(BEFORE..)?.first_chunk::<SOCKET>()?;
        Some(Self { family: *message.first()?, id: *id })
    }

    /// From where to where. An IPv4 address in an IPv6 socket is an IPv4 address.
    fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        let port = |at: usize| Some(u16::from_be_bytes(*self.id.get(at..)?.first_chunk()?));
        let address = |at: usize| {
            let bytes = self.id.get(at..)?;
            if i32::from(self.family) == i32::from(AddressFamily::INET.as_raw()) {
                return Some(IpAddr::from(*bytes.first_chunk::<4>()?));
            }
            Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?).to_canonical())
        };
        Some((SocketAddr::new(address(4)?, port(0)?), SocketAddr::new(address(20)?, port(2)?)))
    }
}

fn sockets(socket: &OwnedFd, family: u8) -> io::Result<Vec<Found>> {
    ask(socket, BY_FAMILY, DUMP, family, &[0; SOCKET])?;
    let mut found = Vec::new();
    loop {
        for message in Messages(&receive(socket)?) {
            match message {
                (DONE, _) => return Ok(found),
                (ERROR, body) => outcome(body)?,
                (_, body) => found.extend(Found::read(body)),
            }
        }
    }
}

fn end(socket: &OwnedFd, found: &Found) -> io::Result<()> {
    ask(socket, DESTROY, ACKNOWLEDGE, found.family, &found.id)?;
    for message in Messages(&receive(socket)?) {
        if let (ERROR, body) = message {
            match outcome(body) {
                // It has ended by itself meanwhile.
                Err(error) if error.raw_os_error() == Some(NOT_THERE) => {}
                other => other?,
            }
        }
    }
    Ok(())
}

fn ask(socket: &OwnedFd, kind: u16, how: u16, family: u8, id: &[u8; SOCKET]) -> io::Result<()> {
    let mut request = Vec::with_capacity(HEADER + 8 + SOCKET);
    request.extend_from_slice(&u32::try_from(HEADER + 8 + SOCKET).map_err(io::Error::other)?.to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&(REQUEST | how).to_ne_bytes());
    // Sequence and port, which nobody looks at.
    request.extend_from_slice(&[0; 8]);
    request.extend_from_slice(&[family, TCP, 0, 0]);
    request.extend_from_slice(&CONNECTED.to_ne_bytes());
    request.extend_from_slice(id);
    rustix::net::send(socket, &request, SendFlags::empty())?;
    Ok(())
}

fn receive(socket: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 64 << 10];
    let (length, _) = rustix::net::recv(socket, buffer.as_mut_slice(), RecvFlags::empty())?;
    buffer.truncate(length);
    if buffer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(buffer) }
}

/// An error message's, which may be none.
fn outcome(body: &[u8]) -> io::Result<()> {
    match body.first_chunk().map(|code| i32::from_ne_bytes(*code)) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Kinds and bodies of the messages in a datagram.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::try_from(u32::from_ne_bytes(*self.0.first_chunk()?)).ok()?;
        let kind = u16::from_ne_bytes(*self.0.get(4..)?.first_chunk()?);
        let body = self.0.get(HEADER..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_own_connection_is_read_and_nonsense_is_none() {
        let own = Own::read("10.77.0.1 41234 10.77.0.2 22").unwrap();
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!((own.peer, own.here), (at("10.77.0.1:41234"), at("10.77.0.2:22")));
        for nonsense in ["", "a b c d", "10.77.0.1 41234 10.77.0.2", "10.77.0.1 x 10.77.0.2 22"] {
            assert_eq!(Own::read(nonsense), None, "{nonsense}");
        }
        assert!(own.is_to_elsewhere(at("10.77.0.2:50000"), at("203.0.113.7:443")));
        assert!(own.is_to_elsewhere(at("10.77.0.2:22"), at("10.77.0.1:41235")), "another of sshd's");
        assert!(!own.is_to_elsewhere(at("10.77.0.2:22"), at("10.77.0.1:41234")), "the own one");
        assert!(!own.is_to_elsewhere(at("10.77.0.2:50000"), at("10.77.0.2:8000")), "to itself");
        assert!(!own.is_to_elsewhere(at("127.0.0.1:50000"), at("127.0.0.1:8000")), "local");
    }

    #[test]
    fn the_kernel_tells_of_connections_over_both_families() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let both = TcpListener::bind("[::]:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mapped: SocketAddr = format!("127.0.0.1:{}", both.local_addr().unwrap().port()).parse().unwrap();
        let (one, two) = (TcpStream::connect(address).unwrap(), TcpStream::connect(mapped).unwrap());
        let (_kept, mut other) = (listener.accept().unwrap(), both.accept().unwrap().0);
        let asking = kernel().unwrap();
        let all = |family: AddressFamily| -> Vec<(SocketAddr, SocketAddr)> {
            let found = sockets(&asking, u8::try_from(family.as_raw()).unwrap()).unwrap();
            found.iter().filter_map(Found::ends).collect()
        };
        let here = one.local_addr().unwrap();
        assert!(all(AddressFamily::INET).contains(&(here, address)));
        assert!(all(AddressFamily::INET).contains(&(address, here)));
        // As an IPv6 socket has it that took an IPv4 connection.
        assert!(all(AddressFamily::INET6).contains(&(mapped, two.local_addr().unwrap())));
        drop(two);
        assert_eq!(other.read(&mut [0]).unwrap(), 0);
    }
}
