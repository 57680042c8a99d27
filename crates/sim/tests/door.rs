//! A simulated machine through the real door: what control and the API build on.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap in a fixture is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use rolltop_door::{
    Door, ExecLimits, Exit, HostKeyPolicy, InitError, Login, OpenError, SftpError, TunnelError, generate_key,
};
use rolltop_engine::{DiskLayer, Engine, EngineError, ForkRequest, LayerKey, OffReason, Power, StartRequest};
use rolltop_guest_protocol::{InitRequest, VNC_SOCKET};
use rolltop_model::{DesktopId, LayerId, Size};
use rolltop_sim::{DoorFault, SimConfig, SimEngine};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const LIMITS: ExecLimits = ExecLimits { max_output: 1 << 16, timeout: Duration::from_secs(30) };

struct Desk {
    engine: Arc<SimEngine>,
    desktop: DesktopId,
    key: SecretString,
    public_key: String,
}

fn layer() -> DiskLayer {
    DiskLayer { layer: LayerId::from_u128(7), key: LayerKey::new([3; 32]) }
}

impl Desk {
    async fn forked(engine: SimEngine) -> Self {
        let desktop = DesktopId::generate();
        let template = engine.templates().await.unwrap().remove(0).version;
        let request =
            ForkRequest { desktop, fence: 1, boot: 1, template, size: Size::S, disk: layer(), from: None };
        engine.fork(&request).await.unwrap();
        let (key, public_key) = generate_key().unwrap();
        Self { engine: Arc::new(engine), desktop, key, public_key }
    }

    async fn bootstrap(&self) -> Login {
        let template = self.engine.templates().await.unwrap().remove(0).version;
        let bootstrap = self.engine.bootstrap(&template).await.unwrap();
        Login::new(bootstrap.private_key, HostKeyPolicy::Pinned(bootstrap.host_key))
    }

    async fn enter(&self, login: &Login) -> Result<Door, OpenError> {
        Door::open(self.engine.connect(self.desktop).await.unwrap(), login).await
    }

    fn request(&self) -> InitRequest {
        InitRequest {
            desktop: self.desktop.to_string(),
            hostname: "blue".into(),
            unix_time_ns: 1_790_000_000_000_000_000,
            entropy: String::new(),
            door_public_key: self.public_key.clone(),
            authorized_keys: Vec::new(),
            timezone: None,
            resumed: false,
            host_key_shown: None,
        }
    }

    /// Personalises and gives back the login from then on.
    async fn personalised(&self) -> Login {
        let reply = self.enter(&self.bootstrap().await).await.unwrap().init(&self.request()).await.unwrap();
        assert!(reply.renewed);
        Login::new(self.key.clone(), HostKeyPolicy::Pinned(reply.host_public_key))
    }
}

fn instant() -> SimEngine {
    SimEngine::new(SimConfig::instant()).unwrap()
}

#[tokio::test]
async fn a_fork_opens_to_the_bootstrap_key_until_it_is_personalised() {
    let desk = Desk::forked(instant()).await;
    let bootstrap = desk.bootstrap().await;
    let own = desk.personalised().await;
    let any = |login: &Login| Login { host_key: HostKeyPolicy::AnyInQuarantine, ..login.clone() };
    assert!(matches!(desk.enter(&any(&bootstrap)).await, Err(OpenError::Refused)));
    assert!(matches!(desk.enter(&bootstrap).await, Err(OpenError::WrongHostKey { .. })));
    let door = desk.enter(&own).await.unwrap();
    let again = door.init(&desk.request()).await.unwrap();
    assert!(!again.renewed);
    assert_eq!(HostKeyPolicy::Pinned(again.host_public_key), own.host_key);
}

#[tokio::test]
async fn an_identity_stays_over_stop_and_start() {
    let desk = Desk::forked(instant()).await;
    let login = desk.personalised().await;
    let door = desk.enter(&login).await.unwrap();
    desk.engine.stop(desk.desktop, 1, Duration::from_secs(1)).await.unwrap();
    door.closed().await;
    assert_eq!(desk.engine.connect(desk.desktop).await.err(), Some(EngineError::NotRunning));
    let start = StartRequest { desktop: desk.desktop, fence: 1, boot: 2, disk: vec![layer()] };
    desk.engine.start(&start).await.unwrap();
    desk.enter(&login).await.unwrap();
}

#[tokio::test]
async fn commands_files_and_pictures_work() {
    let desk = Desk::forked(instant()).await;
    let door = desk.enter(&desk.personalised().await).await.unwrap();
    let output = door.exec("echo hello there", "", LIMITS).await.unwrap();
    assert_eq!(output.stdout, b"hello there\n");
    assert_eq!(door.exec("hostname", "", LIMITS).await.unwrap().stdout, b"blue\n");
    assert_eq!(door.exec("cat", "in and out", LIMITS).await.unwrap().stdout, b"in and out");
    assert_eq!(door.exec("exit 3", "", LIMITS).await.unwrap().exit, Exit::Code(3));
    assert_eq!(door.exec("rm -rf /", "", LIMITS).await.unwrap().exit, Exit::Code(127));
    assert!(door.screenshot(480).await.unwrap().len() > 1000);
    let sftp = door.sftp().await.unwrap();
    let large = sftp.read_file("/home/desk/large.bin").await.unwrap();
    let (mut bytes, size) = (Vec::new(), large.info().size);
    large.reader().read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes.len() as u64, size);
    assert!(bytes.iter().enumerate().all(|(place, byte)| *byte == (place % 251) as u8));
    assert!(matches!(sftp.read_file("/nowhere").await, Err(SftpError::NotFound)));
    assert!(matches!(sftp.read_file("/home/desk").await, Err(SftpError::NotAFile)));
}

#[tokio::test]
async fn a_viewer_sees_its_keys_in_the_picture() {
    let desk = Desk::forked(instant()).await;
    let door = desk.enter(&desk.personalised().await).await.unwrap();
    let mut vnc = door.streamlocal(VNC_SOCKET).await.unwrap();
    let size = rfb::handshake(&mut vnc).await;
    assert_eq!(size, (1280, 800));
    rfb::ask(&mut vnc, false).await;
    let whole = rfb::update(&mut vnc).await;
    assert_eq!(whole.pixels, 1280 * 800);
    rfb::ask(&mut vnc, true).await;
    rfb::key(&mut vnc, 'x').await;
    let change = timeout(Duration::from_secs(10), rfb::update(&mut vnc)).await.unwrap();
    assert!(change.pixels > 0 && change.pixels < whole.pixels / 2, "{}", change.pixels);
    assert_eq!(desk.engine.typed_text(desk.desktop).as_deref(), Some("x"));
    vnc.write_all(&[2, 0, 0, 1, 0xff, 0xff, 0xfe, 0xcc]).await.unwrap(); // understands resizing
    vnc.write_all(&[251, 0, 4, 0, 3, 0, 0, 0]).await.unwrap();
    rfb::ask(&mut vnc, false).await;
    let resized = loop {
        let update = rfb::update(&mut vnc).await;
        rfb::ask(&mut vnc, true).await;
        if update.size == Some((1024, 768)) {
            break update;
        }
    };
    assert_eq!(resized.pixels, 1024 * 768);
}

#[tokio::test]
async fn faults_are_what_they_say() {
    let desk = Desk::forked(instant()).await;
    let faults = desk.engine.faults();
    faults.init_fails(Some("no room"));
    let door = desk.enter(&desk.bootstrap().await).await.unwrap();
    assert!(matches!(door.init(&desk.request()).await, Err(InitError::Guest(text)) if text == "no room"));
    faults.init_fails(None);

    faults.door(DoorFault::Unreachable);
    assert!(matches!(desk.engine.connect(desk.desktop).await, Err(EngineError::Timeout(_))));
    faults.door(DoorFault::NeverOpens);
    let mut silent = desk.engine.connect(desk.desktop).await.unwrap();
    assert!(timeout(Duration::from_millis(50), silent.read_u8()).await.is_err());
    faults.door(DoorFault::None);

    let login = desk.personalised().await;
    let door = desk.enter(&login).await.unwrap();
    desk.engine.cut_connections(desk.desktop);
    door.closed().await;
    desk.enter(&login).await.unwrap();

    desk.engine.power_off(desk.desktop, OffReason::Guest);
    let machine = desk.engine.observe_one(desk.desktop).await.unwrap().unwrap();
    assert_eq!(machine.power, Power::Off { why: OffReason::Guest });
}

#[tokio::test]
async fn what_is_on_disk_survives_the_process_and_running_machines_die_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let config = SimConfig { directory: Some(directory.path().to_owned()), ..SimConfig::instant() };
    let desk = Desk::forked(SimEngine::new(config.clone()).unwrap()).await;
    let login = desk.personalised().await;
    let (desktop, key, public_key) = (desk.desktop, desk.key.clone(), desk.public_key.clone());
    drop(desk);

    let engine = Arc::new(SimEngine::new(config).unwrap());
    let machine = engine.observe_one(desktop).await.unwrap().unwrap();
    assert_eq!((machine.power, machine.boot), (Power::Off { why: OffReason::Died }, 1));
    let start = StartRequest { desktop, fence: 1, boot: 2, disk: vec![layer()] };
    engine.start(&start).await.unwrap();
    Desk { engine, desktop, key, public_key }.enter(&login).await.unwrap();
}

/// The least of a VNC viewer.
mod rfb {
    use rolltop_door::DoorChannel;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    pub struct Update {
        pub pixels: usize,
        pub size: Option<(u16, u16)>,
    }

    pub async fn handshake(vnc: &mut DoorChannel) -> (u16, u16) {
        let mut version = [0; 12];
        vnc.read_exact(&mut version).await.unwrap();
        assert_eq!(&version, b"RFB 003.008\n");
        vnc.write_all(&version).await.unwrap();
        assert_eq!([vnc.read_u8().await.unwrap(), vnc.read_u8().await.unwrap()], [1, 1]);
        vnc.write_all(&[1]).await.unwrap();
        assert_eq!(vnc.read_u32().await.unwrap(), 0);
        vnc.write_all(&[1]).await.unwrap();
        let size = (vnc.read_u16().await.unwrap(), vnc.read_u16().await.unwrap());
        vnc.read_exact(&mut [0; 16]).await.unwrap();
        let mut name = vec![0; vnc.read_u32().await.unwrap() as usize];
        vnc.read_exact(&mut name).await.unwrap();
        assert_eq!(name, b"blue");
        size
    }

    pub async fn ask(vnc: &mut DoorChannel, incremental: bool) {
        vnc.write_all(&[3, u8::from(incremental), 0, 0, 0, 0, 255, 255, 255, 255]).await.unwrap();
    }

    pub async fn key(vnc: &mut DoorChannel, letter: char) {
        vnc.write_all(&[4, 1, 0, 0, 0, 0, 0, letter as u8]).await.unwrap();
    }

    pub async fn update(vnc: &mut DoorChannel) -> Update {
        assert_eq!(vnc.read_u16().await.unwrap(), 0);
        let mut update = Update { pixels: 0, size: None };
        for _ in 0..vnc.read_u16().await.unwrap() {
            let _place = vnc.read_u32().await.unwrap();
            let (width, height) = (vnc.read_u16().await.unwrap(), vnc.read_u16().await.unwrap());
            match vnc.read_i32().await.unwrap() {
                0 => {
                    let mut pixels = vec![0; usize::from(width) * usize::from(height) * 4];
                    vnc.read_exact(&mut pixels).await.unwrap();
                    update.pixels += pixels.len() / 4;
                }
                -308 => {
                    vnc.read_exact(&mut [0; 20]).await.unwrap();
                    update.size = Some((width, height));
                }
                other => panic!("encoding {other}"),
            }
        }
        update
    }
}

#[tokio::test]
async fn a_port_echoes_while_more_is_sent() {
    let desk = Desk::forked(instant()).await;
    let door = desk.enter(&desk.personalised().await).await.unwrap();
    let (mut read, mut write) = tokio::io::split(door.tcp(7).await.unwrap());
    let said: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
    let mut heard = Vec::new();
    let both = async {
        let saying = async {
            write.write_all(&said).await.unwrap();
            write.shutdown().await.unwrap();
        };
        tokio::join!(saying, read.read_to_end(&mut heard)).1.unwrap();
    };
    timeout(Duration::from_secs(30), both).await.unwrap();
    assert!(heard == said);
    assert!(matches!(door.tcp(8).await, Err(TunnelError::PortClosed)));
}
