//! The engine by hand, on this host, as root:
//!
//! ```text
//! engine DIRECTORY bake VERSION SIZE     boot once, keep the memory
//! engine DIRECTORY fork VERSION SIZE N   N desktops at once, with times; keys are kept in DIRECTORY/keys
//! engine DIRECTORY list                  what there is
//! engine DIRECTORY release|stop|start|destroy ID
//! engine DIRECTORY leftovers             nothing known: everything there is
//! ```
//!
//! `RUST_LOG=debug` tells more. Namespaces and interfaces begin with `rtx`, so that a Rolltop beside it is left alone.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rolltop_engine::{DiskLayer, Engine, ForkRequest, Known, LayerKey, Machine, Power, StartRequest};
use rolltop_engine_qemu::{NetworkConfig, QemuConfig, QemuEngine};
use rolltop_model::{DesktopId, LayerId};
use tokio::io::AsyncReadExt;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a program for people")]
async fn main() -> Outcome {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [directory, command, rest @ ..] = words.as_slice() else {
        return Err("usage: engine DIRECTORY COMMAND …".into());
    };
    let network = NetworkConfig {
        prefix: "rtx".into(),
        range: Some("100.66.0.0/16".parse()?),
        ..NetworkConfig::default()
    };
    let config = QemuConfig {
        directory: PathBuf::from(directory),
        network,
        first_uid: Some(320_000),
        ..Default::default()
    };
    let since = Instant::now();
    let engine = QemuEngine::open(config).await?;
    println!("opened after {:.3} s", since.elapsed().as_secs_f64());
    let keys = Path::new(directory).join("keys");
    std::fs::create_dir_all(&keys)?;
    match (*command, rest) {
        ("bake", [version, size]) => {
            let report = move |what: &str| println!("{:7.1} s  {what}", since.elapsed().as_secs_f64());
            engine.bake(&version.parse()?, size.parse()?, report).await?;
        }
        ("fork", [version, size, count]) => fork(&engine, &keys, version, size, count.parse()?).await?,
        ("list", []) => engine.observe().await?.iter().for_each(|machine| println!("{}", described(machine))),
        ("release", [id]) => engine.release(id.parse()?, 1).await?,
        ("stop", [id]) => engine.stop(id.parse()?, 1, Duration::from_secs(60)).await?,
        ("start", [id]) => {
            let desktop: DesktopId = id.parse()?;
            let machine = engine.observe_one(desktop).await?.ok_or("there is no such machine")?;
            let boot = machine.boot + 1;
            let key = LayerKey::new(std::fs::read(keys.join(id))?.as_slice().try_into()?);
            let since = Instant::now();
            let disk = vec![DiskLayer { layer: machine.layer, key }];
            engine.start(&StartRequest { desktop, fence: 1, boot, disk }).await?;
            println!("started after {:.3} s", since.elapsed().as_secs_f64());
            banner(&engine, desktop).await?;
            println!("banner after {:.3} s", since.elapsed().as_secs_f64());
        }
        ("destroy", [id]) => println!("{:?}", engine.destroy(id.parse()?, 1).await?),
        ("host", []) => println!("{:#?}", engine.host().await?),
        ("leftovers", []) => println!("{:#?}", engine.leftovers(&Known::default()).await?),
        _ => return Err("unknown command; see the top of this file".into()),
    }
    println!("done after {:.3} s", since.elapsed().as_secs_f64());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program for people")]
async fn fork(
    engine: &std::sync::Arc<QemuEngine>,
    keys: &Path,
    version: &str,
    size: &str,
    count: u32,
) -> Outcome {
    let mut requests = Vec::new();
    for _ in 0..count {
        let request = ForkRequest {
            desktop: DesktopId::generate(),
            fence: 1,
            boot: 1,
            template: version.parse()?,
            size: size.parse()?,
            disk: DiskLayer { layer: LayerId::generate(), key: LayerKey::new(rand::random()) },
            from: None,
        };
        std::fs::write(keys.join(request.desktop.to_string()), request.disk.key.bytes())?;
        requests.push(request);
    }
    let since = Instant::now();
    let mut tasks = Vec::new();
    for request in requests {
        let engine = std::sync::Arc::clone(engine);
        tasks.push(tokio::spawn(async move {
            engine.fork(&request).await?;
            let running = since.elapsed();
            banner(&engine, request.desktop).await?;
            Outcome::Ok((request.desktop, running, since.elapsed()))
        }));
    }
    for task in tasks {
        let (desktop, running, banner) = task.await??;
        println!("{desktop}: running {:.3} s, banner {:.3} s", running.as_secs_f64(), banner.as_secs_f64());
    }
    Ok(())
}

/// Waits until the desktop's sshd has greeted.
async fn banner(engine: &QemuEngine, desktop: DesktopId) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(300);
    while Instant::now() < deadline {
        if let Ok(mut stream) = engine.connect(desktop).await {
            let mut greeting = [0; 4];
            let reading = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut greeting));
            if matches!(reading.await, Ok(Ok(_))) && &greeting == b"SSH-" {
                return Ok(());
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("no SSH banner".into())
}

fn described(machine: &Machine) -> String {
    let power = match machine.power {
        Power::On { quarantined: true } => "on, in quarantine".to_owned(),
        Power::On { quarantined: false } => "on".to_owned(),
        Power::Off { why } => format!("off: {why:?}"),
    };
    let (memory, disk) = (machine.memory_bytes >> 20, machine.disk_bytes >> 20);
    format!("{} boot {} {power}, {memory} MiB of memory, {disk} MiB of disk", machine.desktop, machine.boot)
}
