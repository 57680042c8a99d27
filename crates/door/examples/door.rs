//! Opens a door by hand and says what took how long.
//!
//! `cargo run -p rolltop-door --example door -- ADDRESS KEY_FILE "HOST KEY LINE" [COMMAND…]`
//!
//! Without a command it personalises the machine as desktop `dsk_example`, which gives it a new
//! host key and takes the bootstrap key away; do that to a throw-away overlay only.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rolltop_door::{Door, ExecLimits, HostKeyPolicy, Login, generate_key};
use rolltop_guest_protocol::{InitRequest, VNC_SOCKET};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

type Failure = Box<dyn std::error::Error>;

const LIMITS: ExecLimits = ExecLimits { max_output: 256 << 20, timeout: Duration::from_secs(300) };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, key, host_key, command @ ..] = arguments.as_slice() else {
        return Err("ADDRESS KEY_FILE HOST_KEY [COMMAND…]".into());
    };
    let key = SecretString::from(std::fs::read_to_string(key)?);
    let login = Login::new(key, HostKeyPolicy::Pinned(host_key.clone()));
    let door = timed("open", open(address, &login)).await?;
    if !command.is_empty() {
        let output = timed("exec", door.exec(&command.join(" "), "", LIMITS)).await?;
        eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        return Ok(());
    }
    let (own_key, own_line) = generate_key()?;
    let request = InitRequest {
        desktop: "dsk_example".into(),
        hostname: "example".into(),
        unix_time_ns: i128::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?,
        entropy: "A".repeat(64),
        door_public_key: own_line,
        authorized_keys: Vec::new(),
        timezone: Some("Europe/Paris".into()),
        resumed: false,
        host_key_shown: None,
    };
    let reply = timed("init", door.init(&request)).await?;
    eprintln!("{reply:?}");
    let again = timed("init again", door.init(&request)).await?;
    eprintln!("{again:?}");
    measure(&door).await?;
    std::fs::write("door_key", own_key.expose_secret())?;
    std::fs::write("host_key", &reply.host_public_key)?;
    let login = Login::new(own_key, HostKeyPolicy::Pinned(reply.host_public_key));
    timed("open with the new keys", open(address, &login)).await?;
    Ok(())
}

async fn open(address: &str, login: &Login) -> Result<Door, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(Door::open(Box::new(stream), login).await?)
}

async fn measure(door: &Door) -> Result<(), Failure> {
    for _ in 0..3 {
        timed("exec true", door.exec("true", "", LIMITS)).await?;
    }
    for _ in 0..3 {
        let picture = timed("screenshot", door.screenshot(480)).await?;
        std::fs::write("screenshot.jpg", picture)?;
    }
    let first = async {
        let mut vnc = door.streamlocal(VNC_SOCKET).await?;
        let mut version = [0; 12];
        vnc.read_exact(&mut version).await?;
        Ok::<_, Failure>(())
    };
    timed("first bytes of VNC", first).await?;
    timed("20 MB through the door", door.exec("head -c 20000000 /dev/zero", "", LIMITS)).await?;
    let sftp = timed("sftp", door.sftp()).await?;
    let file = async {
        let file = sftp.read_file("/usr/lib/rolltop/rolltop-guest").await?;
        let mut bytes = Vec::new();
        file.reader().read_to_end(&mut bytes).await?;
        Ok::<_, Failure>(bytes.len())
    };
    let length = timed("a file", file).await?;
    eprintln!("{length} bytes");
    Ok(())
}

async fn timed<T, E: Into<Failure>>(
    what: &str,
    doing: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    let since = Instant::now();
    let result = doing.await.map_err(Into::into);
    eprintln!("{what}: {:.3} s", since.elapsed().as_secs_f64());
    result
}
