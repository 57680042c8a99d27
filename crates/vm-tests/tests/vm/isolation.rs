//! What a guest can reach: tried from inside it, against listeners that are really there.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;

use rolltop_engine::Engine;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::host::{Host, in_guest, namespace, record};

/// A namespace beyond the host, as the internet is; not one of the engine's names.
const BEYOND: &str = "rttbeyond";
const PORT: u16 = 18_080;
/// There, what is sent comes back once all of it is there.
const MIRROR: u16 = 18_081;

/// Addresses in networks that the host is in, too: public, private but allowed, private, and link-local.
const ADDRESSES: [&str; 4] = ["203.0.113.2", "10.99.0.2", "10.98.0.2", "169.254.169.254"];
/// A public one further out.
const PUBLIC: &str = "198.51.100.2";

struct Beyond;

impl Beyond {
    /// Everything there listens on [`PORT`]; a resolver of sorts answers on port 53.
    fn open() -> Self {
        drop(Self);
        let beyond = Self;
        run(&format!("ip netns add {BEYOND}"));
        run(&format!("ip link add {BEYOND} type veth peer name eth0 netns {BEYOND}"));
        for network in ["203.0.113", "10.99.0", "10.98.0", "169.254.169"] {
            run(&format!("ip addr add {network}.1/24 dev {BEYOND}"));
        }
        run(&format!("ip link set {BEYOND} up"));
        for address in ADDRESSES {
            run(&format!("ip -n {BEYOND} addr add {address}/24 dev eth0"));
        }
        run(&format!("ip -n {BEYOND} addr add {PUBLIC}/32 dev eth0"));
        run(&format!("ip -n {BEYOND} link set eth0 up"));
        run(&format!("ip route add {PUBLIC}/32 via 203.0.113.2"));
        let (listener, mirror, resolver) = thread::spawn(|| {
            let file = File::open(format!("/run/netns/{BEYOND}")).unwrap();
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            let listen = |port| TcpListener::bind(("0.0.0.0", port)).unwrap();
            (listen(PORT), listen(MIRROR), UdpSocket::bind("0.0.0.0:53").unwrap())
        })
        .join()
        .unwrap();
        greet(listener);
        thread::spawn(move || {
            while let Ok((mut stream, _)) = mirror.accept() {
                let mut sent = Vec::new();
                let _ = stream.read_to_end(&mut sent).and_then(|_| stream.write_all(&sent));
            }
        });
        thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((_, from)) = resolver.recv_from(&mut question) {
                let _ = resolver.send_to(b"answer\n", from);
            }
        });
        beyond
    }
}

impl Drop for Beyond {
    fn drop(&mut self) {
        for command in [format!("ip link del {BEYOND}"), format!("ip netns del {BEYOND}")] {
            let words: Vec<&str> = command.split(' ').collect();
            let _ = Command::new(words[0]).args(&words[1..]).stderr(std::process::Stdio::null()).status();
        }
    }
}

/// Says hello, with the caller's address, to whoever connects.
fn greet(listener: TcpListener) {
    thread::spawn(move || {
        while let Ok((mut stream, from)) = listener.accept() {
            // In one piece: a caller who said something is reset as soon as this is dropped.
            let _ = stream.write_all(format!("hello {}\n", from.ip()).as_bytes());
        }
    });
}

fn run(command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    assert!(Command::new(words[0]).args(&words[1..]).status().unwrap().success(), "{command}");
}

/// What the guest hears when it connects; empty if it can't.
async fn heard(host: &Host, desktop: rolltop_model::DesktopId, address: &str) -> String {
    let script =
        format!("timeout 5 bash -c 'exec 3<>/dev/tcp/{address}/{PORT} && head -n1 <&3' 2>/dev/null || true");
    in_guest(&host.template, desktop, &script).await.unwrap()
}

/// Which of them answer the guest, each with what it says; all are asked at once, as those that don't answer take 5 s each.
async fn answering<A: AsRef<str>>(
    host: &Host,
    desktop: rolltop_model::DesktopId,
    addresses: impl IntoIterator<Item = A>,
) -> String {
    let addresses: Vec<A> = addresses.into_iter().collect();
    let addresses: Vec<&str> = addresses.iter().map(AsRef::as_ref).collect();
    let script = format!(
        "for to in {}; do timeout 5 bash -c \"exec 3<>/dev/tcp/$to/{PORT} && sed -n \\\"1s/^/$to: /p\\\" <&3\" 2>/dev/null & done; wait",
        addresses.join(" ")
    );
    in_guest(&host.template, desktop, &script).await.unwrap()
}

#[tokio::test]
async fn a_guest_reaches_what_it_may_and_nothing_else() {
    let host = Host::open_desk().await;
    let _beyond = Beyond::open();
    // The host listens on all of its addresses, and so does anything in a desktop's namespace.
    greet(TcpListener::bind(("0.0.0.0", PORT)).unwrap());
    let (desktop, neighbour) = (host.fork().await.desktop, host.fork().await.desktop);
    host.engine().release(neighbour, 1).await.unwrap();
    // In a network that the host is in, with public addresses or not, is whatever the operator has there.
    host.engine().mend_network().await.unwrap();
    let gateway_of = |desktop| {
        let index = record(desktop)["index"].as_u64().unwrap();
        let first = 4 * index;
        (
            format!("100.67.{}.{}", first >> 8, (first & 255) + 1),
            format!("100.67.{}.{}", first >> 8, (first & 255) + 2),
        )
    };
    let (host_side, own_side) = gateway_of(desktop);
    let (other_host_side, other_side) = gateway_of(neighbour);
    let host_address = "203.0.113.1".to_owned();

    let all = ADDRESSES.iter().copied().chain([PUBLIC, &host_side]);
    assert_eq!(answering(&host, desktop, all).await, "", "nothing in quarantine");
    let ask = "timeout 5 bash -c 'exec 3<>/dev/udp/10.77.0.1/53; echo question >&3; head -n1 <&3' || true";
    assert_eq!(in_guest(&host.template, desktop, ask).await.unwrap(), "", "not even names in quarantine");

    host.engine().release(desktop, 1).await.unwrap();
    assert_eq!(heard(&host, desktop, PUBLIC).await, "hello 203.0.113.1\n", "the way out, translated");
    assert_eq!(heard(&host, desktop, "10.99.0.2").await, "hello 10.99.0.1\n", "private, but allowed");
    assert_eq!(in_guest(&host.template, desktop, ask).await.unwrap(), "answer\n", "the host's resolver");
    // What answers is among them, so that silence is no fault of the question.
    let forbidden = ["203.0.113.2", "10.98.0.2", "169.254.169.254", "10.77.0.1", "127.0.0.1", PUBLIC];
    let hello = format!("{PUBLIC}: hello 203.0.113.1\n");
    assert_eq!(answering(&host, desktop, forbidden).await, hello, "after release");
    let of_others = [&host_side, &own_side, &other_host_side, &other_side, &host_address];
    assert_eq!(answering(&host, desktop, of_others).await, "", "the host's or a neighbour's");
    assert_eq!(heard(&host, neighbour, PUBLIC).await, "hello 203.0.113.1\n", "the neighbour's way out");

    // Whoever reloads the host's firewall takes our rules away.
    let table = format!("rolltop_{}", crate::host::PREFIX);
    let gone = Command::new("nft").args(["delete", "table", "inet", &table]).status().unwrap();
    assert!(gone.success());
    assert_eq!(heard(&host, neighbour, PUBLIC).await, "", "not translated any more");
    host.engine().mend_network().await.unwrap();
    assert_eq!(heard(&host, neighbour, PUBLIC).await, "hello 203.0.113.1\n", "mended");

    // A network beyond the host that takes less than an Ethernet does, and drops what is larger.
    let there_and_back = format!(
        "python3 -c 'import socket as s; c = s.create_connection((\"{PUBLIC}\", {MIRROR}), 20); \
         c.sendall(bytes(300000)); c.shutdown(1); print(sum(map(len, iter(lambda: c.recv(65536), b\"\"))))'"
    );
    run(&format!("ip link set {BEYOND} mtu 1280"));
    // Each segment by itself: what is to be cut later passes at any size.
    run(&format!("ip -n {BEYOND} link set eth0 gso_max_segs 1"));
    assert_eq!(in_guest(&host.template, neighbour, &there_and_back).await.unwrap(), "300000\n");
    run(&format!("ip link set {BEYOND} mtu 1500"));

    // A guest that takes another address or hardware address for itself loses even its own way.
    let as_source = |source: &str| {
        format!("curl -s --http0.9 --interface {source} --max-time 5 http://{PUBLIC}:{PORT}/ || true")
    };
    let own = in_guest(&host.template, desktop, &as_source("10.77.0.2")).await.unwrap();
    assert!(own.starts_with("hello 203.0.113.1"), "as itself: {own}");
    let spoof = format!("sudo -n ip addr add 10.77.0.9/24 dev eth0; {}", as_source("10.77.0.9"));
    assert_eq!(in_guest(&host.template, desktop, &spoof).await.unwrap(), "", "as somebody else");
    let inward = format!("timeout 3 bash -c '</dev/tcp/{}/22'", gateway_of(desktop).1);
    assert!(
        !Command::new("bash")
            .args(["-c", &inward])
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    host.finish().await;
}

#[tokio::test]
async fn a_guest_fills_no_table_of_the_hosts() {
    let host = Host::open_desk().await;
    let _beyond = Beyond::open();
    let desktop = host.fork().await.desktop;
    host.engine().mend_network().await.unwrap();
    host.engine().release(desktop, 1).await.unwrap();
    let namespace = namespace(desktop);
    let inside = |command: &str| {
        let words = ["netns", "exec", &namespace, "sh", "-c", command];
        let output = Command::new("ip").args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };

    // Questions that come from 240 neighbours: to answer one, the host would learn where it is.
    let spoof = "sudo -n python3 - <<'END'
import socket, struct
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(('eth0', 0))
mine = bytes.fromhex('525400770002')
for last in range(10, 250):
    question = struct.pack('!HHBBH', 1, 0x800, 6, 4, 1) + mine + bytes([10, 77, 0, last]) + bytes(6) + bytes([10, 77, 0, 1])
    wire.send(b'\\xff' * 6 + mine + b'\\x08\\x06' + question)
END";
    in_guest(&host.template, desktop, spoof).await.unwrap();
    let known = inside("ip neigh show dev tap0");
    assert_eq!(known.lines().count(), 1, "{known}");

    // More connections than a burst, each a new one.
    let flood = async |first: u32| {
        let script = format!(
            "python3 - <<'END'
import socket
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range({first}, {first} + 6000):
    sender.sendto(b'x', ('{PUBLIC}', port))
END"
        );
        in_guest(&host.template, desktop, &script).await.unwrap();
    };
    flood(20_000).await;
    let open: u32 = inside("cat /proc/sys/net/netfilter/nf_conntrack_count").parse().unwrap();
    assert!((500..2500).contains(&open), "{open} connections");
    assert!(heard(&host, desktop, PUBLIC).await.starts_with("hello"), "and it is not cut off");

    // A namespace that counts nothing, as it is new after each start of its desktop: the host's own rules count.
    inside("nft flush chain inet rolltop forward && nft add rule inet rolltop forward accept");
    let index = record(desktop)["index"].as_u64().unwrap() as u32;
    let source = format!("src=100.67.{}.{} ", (4 * index) >> 8, ((4 * index) & 255) + 2);
    let on_host = || {
        let table = std::fs::read_to_string("/proc/net/nf_conntrack").unwrap();
        table.lines().filter(|line| line.contains(&source)).count()
    };
    flood(30_000).await;
    let begun = on_host();
    assert!((500..4000).contains(&begun), "{begun} connections in the host's table");
    // Without the limit of what is begun in a second, the one of what is open is left.
    let table = format!("rolltop_{}", crate::host::PREFIX);
    let without = format!(
        "rule=$(nft -a list chain inet {table} bounds | sed -n '/@begun/s/.*handle //p') && \
         nft delete rule inet {table} bounds handle $rule"
    );
    assert!(Command::new("sh").args(["-c", &without]).status().unwrap().success());
    flood(40_000).await;
    let open = on_host();
    assert!((begun + 500..4500).contains(&open), "{open} connections in the host's table");
    TcpStream::connect((PUBLIC, PORT)).expect("the host has room for its own");
    host.finish().await;
}

#[tokio::test]
async fn the_hosts_table_of_connections_has_room_for_every_desktop() {
    const SETTING: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
    let most = || std::fs::read_to_string(SETTING).unwrap().trim().parse::<u64>().unwrap();
    let host = Host::open().await;
    let before = most();
    std::fs::write(SETTING, "20000").unwrap();
    host.fork().await;
    let after = most();
    std::fs::write(SETTING, before.max(after).to_string()).unwrap();
    assert_eq!(after, 131_072, "what one desktop can have, and a reserve");
    host.finish().await;
}
