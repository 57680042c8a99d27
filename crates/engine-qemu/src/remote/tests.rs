//! The socket between the roles, with a small engine behind it.

use std::any::Any;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rolltop_engine::{
    AnyCall, Call, Capability, Capable, Carry, DestroyReceipt, DiskAllowance, DiskLayer, DoorStream, Engine,
    EngineError, Flattening, ForkRequest, Known, Lacks, LayerKey, LayerUse, Layers, Leftover, Machine,
    Memory, OffReason, Origin, Power, ResizeRequest, RevertRequest, SnapshotInfo, SnapshotRequest,
    StartRequest, SuspendRequest, Work, Writing, calls,
};
use rolltop_model::{DesktopId, LayerId, Size, SnapshotId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::wire::MAX_REQUEST;
use super::{HostClient, serve};

const ALLOWANCE: DiskAllowance =
    DiskAllowance { desktop: DesktopId::from_u128(1), slow_from: 1 << 40, stop_from: (1 << 40) + 1 };

/// Where `connect` leads.
enum Door {
    Tcp(std::net::SocketAddr),
    Memory,
}

struct Fake {
    door: Door,
    forks: AtomicU32,
}

impl Carry for Fake {
    fn has(&self, capability: Capability) -> bool {
        capability != Capability::Images
    }

    async fn carry<C: Call>(&self, call: C) -> Result<C::Reply, EngineError> {
        Ok(*self.answer(call.into()).await?.downcast().expect("what this call is answered with"))
    }
}

impl Fake {
    async fn answer(&self, call: AnyCall) -> Result<Box<dyn Any + Send>, EngineError> {
        Ok(match call {
            AnyCall::Fork(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                self.forks.fetch_add(1, Ordering::SeqCst);
                Box::new(())
            }
            AnyCall::Suspend(calls::Suspend { request }) => {
                assert_eq!((request.fence, request.key.bytes()), (6, &[7; 32]));
                Box::new(())
            }
            AnyCall::Resume(_) => return Err(EngineError::MemoryUnusable("it is damaged".into())),
            AnyCall::Snapshot(calls::Snapshot { request }) => Box::new(SnapshotInfo {
                snapshot: request.snapshot,
                taken_at: jiff::Timestamp::UNIX_EPOCH,
                size: Size::S,
                disk_gib: 20,
                layers: vec![request.next.layer],
                has_memory: true,
                memory_bytes: 7,
                disk_bytes: 8,
                pause_ms: 9,
            }),
            AnyCall::Revert(_) => return Err(EngineError::UnknownSnapshot),
            AnyCall::LayerUses(_) => Box::new(vec![LayerUse { layer: LayerId::from_u128(3), bytes: 11 }]),
            AnyCall::AllowDisk(calls::AllowDisk { allowances }) => {
                assert_eq!(allowances, [ALLOWANCE; 10_000]);
                Box::new(())
            }
            AnyCall::Snapshots(_) => Box::new(Vec::<SnapshotInfo>::new()),
            AnyCall::RemoveSnapshot(_) => Box::new(10_u64),
            AnyCall::Flatten(calls::Flatten { fence: 6, .. }) => Box::new(Flattening::Copying),
            AnyCall::Flatten(_) => return Err(EngineError::NotRunning),
            AnyCall::Resize(calls::Resize { request }) => {
                assert_eq!((request.size, request.disk_gib), (Size::L, 90));
                return Err(EngineError::DiskFull);
            }
            AnyCall::Release(_) => return Err(EngineError::Fenced),
            AnyCall::Stop(calls::Stop { grace, .. }) => {
                return Err(EngineError::Timeout(format!("{}", grace.as_millis())));
            }
            AnyCall::Destroy(_) => Box::new(DestroyReceipt {
                removed_at: jiff::Timestamp::UNIX_EPOCH,
                bytes: 9,
                removed: vec!["disk layer".into()],
            }),
            AnyCall::Observe(_) => Box::new(vec![
                Machine {
                    desktop: DesktopId::from_u128(1),
                    power: Power::Off { why: OffReason::Guest },
                    boot: 2,
                    layer: LayerId::from_u128(3),
                    size: Size::S,
                    disk_gib: 20,
                    memory_bytes: 0,
                    disk_bytes: 5,
                    writing: Writing::Freely,
                    work: Work::default(),
                };
                20_000
            ]),
            AnyCall::ObserveOne(_) => Box::new(None::<Machine>),
            AnyCall::Connect(_) => Box::new(self.door().await),
            AnyCall::ConsoleTail(calls::ConsoleTail { max_bytes, .. }) => Box::new("é\n".repeat(max_bytes)),
            AnyCall::Leftovers(calls::Leftovers { known }) => {
                let leftover =
                    |d: &DesktopId| Leftover { kind: "process".into(), name: d.to_string(), stays: None };
                Box::new(known.desktops.iter().map(leftover).collect::<Vec<_>>())
            }
            _ => return Err(EngineError::Host("not asked in these tests".into())),
        })
    }

    async fn door(&self) -> DoorStream {
        match &self.door {
            Door::Tcp(address) => Box::new(TcpStream::connect(address).await.unwrap()),
            Door::Memory => {
                let (mut ours, theirs) = tokio::io::duplex(64);
                tokio::spawn(async move { ours.write_all(b"SSH-2.0-memory\r\n").await });
                Box::new(theirs)
            }
        }
    }
}

struct Served {
    client: HostClient,
    fake: Arc<Fake>,
    socket: std::path::PathBuf,
    server: tokio::task::JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn served(door: Door, allowed: Vec<u32>) -> Served {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("host.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let fake = Arc::new(Fake { door, forks: AtomicU32::new(0) });
    let server = tokio::spawn(serve(Arc::clone(&fake) as Arc<dyn Engine>, listener, allowed));
    Served { client: HostClient::new(&socket), fake, socket, server, _directory: directory }
}

fn me() -> Vec<u32> {
    vec![rustix::process::getuid().as_raw()]
}

fn fork_request() -> ForkRequest {
    ForkRequest {
        desktop: DesktopId::from_u128(1),
        fence: 4,
        boot: 1,
        template: "desk@0123456789ab".parse().unwrap(),
        size: Size::S,
        disk: DiskLayer { layer: LayerId::from_u128(3), key: LayerKey::new([7; 32]) },
        from: None,
    }
}

#[tokio::test]
async fn answers_and_errors_arrive_as_they_were_given() {
    let served = served(Door::Memory, me());
    let (client, desktop) = (&served.client, DesktopId::from_u128(1));
    assert_eq!(client.flatten(desktop, 6).await, Ok(Flattening::Copying));
    let larger = ResizeRequest { desktop, fence: 6, size: Size::L, disk_gib: 90 };
    assert_eq!(client.resize(&larger).await, Err(EngineError::DiskFull));
    assert_eq!(client.flatten(desktop, 7).await, Err(EngineError::NotRunning));
    assert_eq!(client.release(desktop, 1).await, Err(EngineError::Fenced));
    let grace = Duration::from_millis(1500);
    assert_eq!(client.stop(desktop, 1, grace).await, Err(EngineError::Timeout("1500".into())));
    assert_eq!(client.destroy(desktop, 1).await.unwrap().bytes, 9);
    assert_eq!(client.observe_one(desktop).await, Ok(None));
    let key = LayerKey::new([7; 32]);
    assert_eq!(client.suspend(&SuspendRequest { desktop, fence: 6, key: key.clone() }).await, Ok(()));
    let disk = vec![DiskLayer { layer: LayerId::from_u128(3), key }];
    let resumed = client.resume(&StartRequest { desktop, fence: 6, boot: 2, disk }).await;
    assert_eq!(resumed, Err(EngineError::MemoryUnusable("it is damaged".into())));
    let layer = |key| DiskLayer { layer: LayerId::from_u128(3), key: LayerKey::new([key; 32]) };
    let (snapshot, next) = (SnapshotId::from_u128(5), layer(8));
    let taken =
        SnapshotRequest { desktop, fence: 6, snapshot, key: LayerKey::new([7; 32]), next: next.clone() };
    assert_eq!(client.snapshot(&taken).await.unwrap().layers, [next.layer]);
    let from = Origin { snapshot, disk: vec![layer(7)] };
    let reverted = client.revert(&RevertRequest { desktop, fence: 6, from, next }).await;
    assert_eq!(reverted, Err(EngineError::UnknownSnapshot));
    assert_eq!(client.snapshots().await, Ok(Vec::new()));
    assert_eq!(client.layer_uses().await, Ok(vec![LayerUse { layer: LayerId::from_u128(3), bytes: 11 }]));
    assert_eq!(client.allow_disk(vec![ALLOWANCE; 10_000]).await, Ok(()));
    assert_eq!(client.remove_snapshot(snapshot).await, Ok(10));
    let known = Known { desktops: vec![desktop], ..Known::default() };
    assert_eq!(client.leftovers(&known).await.unwrap()[0].name, desktop.to_string());
}

/// Until the host has said what its engine lacks it is taken for one that can everything, and refuses the rest by itself.
#[tokio::test]
async fn what_the_hosts_engine_lacks_is_known_from_it() {
    let served = served(Door::Memory, me());
    let (client, lacks) = (&served.client, Lacks(Capability::Images));
    let version = "desk@0123456789ab".parse().unwrap();
    let images = client.images().expect("nothing is known yet");
    assert_eq!(images.remove_template(&version).await, Err(EngineError::Lacks(lacks)));
    client.meet().await;
    assert_eq!(client.images().err(), Some(lacks));
    assert!(client.clone().memory().is_ok() && client.layers().is_ok());
    assert_eq!(client.lacking(), [lacks]);
}

/// Whatever it was may be done yet: who asked must not take it for refused.
#[tokio::test(start_paused = true)]
async fn of_a_host_that_takes_too_long_nobody_knows_what_became_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("host.sock");
    let _silent = tokio::net::UnixListener::bind(&socket).unwrap();
    let answer = HostClient::new(&socket).fork(&fork_request()).await;
    assert_eq!(answer, Err(EngineError::Unreachable("no answer in 120 s".into())));
}

#[tokio::test]
async fn a_long_answer_arrives_whole() {
    let served = served(Door::Memory, me());
    assert_eq!(served.client.observe().await.unwrap().len(), 20_000);
    assert_eq!(served.client.console_tail(DesktopId::from_u128(1), 300_000).await.unwrap().len(), 900_000);
}

#[tokio::test]
async fn a_tcp_door_is_passed_as_the_socket_itself() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let served = served(Door::Tcp(listener.local_addr().unwrap()), me());
    let connect = served.client.connect(DesktopId::from_u128(1));
    let (stream, accepted) = tokio::join!(connect, listener.accept());
    let (mut stream, (mut sshd, peer)) = (stream.unwrap(), accepted.unwrap());
    let any: &dyn std::any::Any = &*stream;
    let socket = any.downcast_ref::<TcpStream>().expect("a TCP stream");
    assert_eq!(socket.local_addr().unwrap(), peer, "the very socket, with nobody between");
    assert!(rustix::io::fcntl_getfd(socket.as_fd()).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    sshd.write_all(b"SSH-2.0-x").await.unwrap();
    let mut banner = [0; 9];
    stream.read_exact(&mut banner).await.unwrap();
    assert_eq!(&banner, b"SSH-2.0-x");
}

#[tokio::test]
async fn a_door_without_a_socket_is_copied() {
    let served = served(Door::Memory, me());
    let mut stream = served.client.connect(DesktopId::from_u128(1)).await.unwrap();
    let mut banner = String::new();
    stream.read_to_string(&mut banner).await.unwrap();
    assert_eq!(banner, "SSH-2.0-memory\r\n");
}

#[tokio::test]
async fn other_users_are_cut_off_without_an_answer() {
    let served = served(Door::Memory, vec![u32::MAX - 1]);
    assert!(matches!(served.client.observe().await, Err(EngineError::Unreachable(_))));
}

#[tokio::test]
async fn an_absent_host_is_unreachable() {
    let client = HostClient::new("/nonexistent/host.sock");
    assert!(matches!(client.observe().await, Err(EngineError::Unreachable(_))));
}

#[tokio::test]
async fn a_fork_is_carried_through_when_its_client_goes_away() {
    let served = served(Door::Memory, me());
    let request = fork_request();
    let impatient = served.client.fork(&request);
    assert!(tokio::time::timeout(Duration::from_millis(20), impatient).await.is_err());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while served.fake.forks.load(Ordering::SeqCst) == 0 {
        assert!(tokio::time::Instant::now() < deadline, "the fork was dropped");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_no_request_is_answered_with_an_error_and_too_long_ones_are_cut_off() {
    let served = served(Door::Memory, me());
    let mut stream = UnixStream::connect(&served.socket).await.unwrap();
    stream.write_all(b"{\"op\":\"format_disk\"}\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("{\"error\":{\"code\":\"host\",\"detail\":\"not a request:"), "{answer}");

    let mut stream = UnixStream::connect(&served.socket).await.unwrap();
    let sent = stream.write_all(&vec![b'x'; MAX_REQUEST + 4096]).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() && (sent.is_err() || read.is_err() || read.is_ok_and(|n| n == 0)));
}
